"""What works at every provider, each in its own way."""

import pytest

from rag import llm
from tests.providers import Chat, Provider, dialects
from tests.providers.scene import Scene, scene

Servers = dict[str, Provider]
EVERY = pytest.mark.parametrize("name", [dialect.name for dialect in dialects.ALL])
COUNTED = llm.Usage(tokens_in=11, tokens_out=7)


@EVERY
def test_an_answer_comes_with_its_usage(servers: Servers, name: str) -> None:
    with scene(servers[name]) as site:
        seen = site.chat()

    assert (seen.text, seen.usage, seen.requests) == ("Hello [1]", COUNTED, 1)


@EVERY
def test_reasoning_is_not_shown(servers: Servers, name: str) -> None:
    with scene(servers[name]) as site:
        site.provider.plan(Chat(["<think>So", " it is</think>", "An answer"], reasoning="Let me think"))
        seen = site.chat()

    assert (seen.text, seen.code) == ("An answer", "")


@EVERY
def test_the_message_knows_who_wrote_it(servers: Servers, name: str) -> None:
    with scene(servers[name]):
        model = llm.configured()

    assert (model.provider, model.model) == (name, "gpt-4o" if name == "azure" else servers[name].dialect.models[0])


@pytest.mark.parametrize(
    ("version", "usage"), [("2024-02-15-preview", None), ("2024-09-01-preview", COUNTED), ("2024-10-21", COUNTED)]
)
def test_an_old_version_of_azures_is_asked_for_what_it_knows(
    servers: Servers, version: str, usage: llm.Usage | None
) -> None:
    with scene(servers["azure"], AZURE_OPENAI_API_VERSION=version) as site:
        seen = site.chat()

    assert (seen.code, seen.usage) == ("", usage)
    assert site.provider.requests[0].path.endswith(
        f"/openai/deployments/my-chat/chat/completions?api-version={version}"
    )


def test_a_model_at_groq_that_thinks_is_asked_in_groqs_words(servers: Servers) -> None:
    with scene(servers["groq"], GROQ_MODEL="openai/gpt-oss-120b") as site:
        site.provider.plan(Chat(["Answer"], reasoning="Let me think"))
        assert site.chat().text == "Answer"

    assert site.provider.requests[0].body["include_reasoning"] is False


@pytest.mark.parametrize(
    ("act", "sentence"),
    [(Scene.chat, "Check COMPATIBLE, and what it may do"), (Scene.embed, "Check COMPATIBLE, and that it may use")],
)
def test_the_settings_of_one_server_for_answers_and_one_for_vectors_are_told_apart(
    servers: Servers, act: object, sentence: str
) -> None:
    wrong = {"LLM_API_KEY": "x", "EMBEDDING_API_KEY": "x"}
    with scene(servers["compatible"], **wrong) as site:
        seen = act(site)  # type: ignore[operator]

    key = "LLM_API_KEY" if act is Scene.chat else "EMBEDDING_API_KEY"
    assert sentence.replace("COMPATIBLE", key) in seen.sentence
