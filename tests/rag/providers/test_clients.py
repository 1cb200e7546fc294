"""What the clients send, and how much they take."""

import httpx2
import openai
import pytest
from pytest_django import Settings

from rag import providers
from rag.providers import clients
from tests.providers import Flood, Provider, Raw, dialects, serving

KIT = clients.Kit(sdk=openai, http=httpx2)
LIMITS = clients.Limits(silence=2, connections=2, kept=2, line=100_000)


def test_no_other_provider_learns_of_an_organization_at_openai(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-canary")
    seen = {dialect.name: "org-canary" in str(headers(dialect, settings)) for dialect in dialects.ALL if dialect.embeds}

    assert seen == {"openai": True, "azure": False, "together": False, "lmstudio": False, "compatible": False}


def headers(dialect: dialects.Dialect, settings: Settings) -> dict[str, str]:
    with serving(dialect) as server:
        client(server, settings).embeddings.create(model=dialect.models[1], input="x", encoding_format="float")
    return server.requests[0].headers


def client(server: Provider, settings: Settings) -> openai.OpenAI:
    server.lead(settings)
    made: openai.OpenAI = KIT.client(providers.embedding(server.dialect.name), LIMITS)
    return made


def test_answers_are_asked_for_unpacked(settings: Settings) -> None:
    assert headers(dialects.OPENAI, settings)["accept-encoding"] == "identity"


def test_a_line_without_an_end_ends_the_answer(settings: Settings) -> None:
    with serving(dialects.OPENAI) as server:
        server.plan(Flood(100, "application/json"))
        with pytest.raises(clients.Endless):
            client(server, settings).embeddings.create(model="m", input="x", encoding_format="float")


@pytest.mark.parametrize("sizes", [[999, 999], [1_000]])
def test_lines_within_the_limit_pass_however_they_are_cut(sizes: list[int]) -> None:
    pieces = [b"x" * (size // 2) for size in sizes for _ in range(2)]
    pieces.insert(2, b"\n")

    assert list(clients._lines(pieces, 1_000)) == pieces


def test_a_line_may_begin_in_the_piece_that_ends_another() -> None:
    with pytest.raises(clients.Endless):
        list(clients._lines([b"\n" + b"x" * 600, b"x" * 600], 1_000))


def test_a_redirect_is_not_followed(settings: Settings) -> None:
    with serving(dialects.OPENAI) as elsewhere, serving(dialects.OPENAI) as server:
        server.plan(Raw(b"", "text/plain", 307, {"Location": f"{elsewhere.url}/v1/embeddings"}))
        with pytest.raises(openai.APIStatusError):
            client(server, settings).embeddings.create(model="m", input="x", encoding_format="float")

    assert elsewhere.requests == []
