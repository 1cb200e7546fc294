"""A wrong key or name is found before a visitor finds it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from rag import providers
from tests import factories
from tests.providers import Chat, Provider, Refusal, Trickle, dialects, serving

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[dialect for dialect in dialects.ALL if dialect.embeds], ids=lambda dialect: dialect.name)
def provider(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Provider]:
    with serving(request.param) as running:
        running.lead(settings)
        settings.LLM_PROVIDER = settings.EMBEDDING_PROVIDER = request.param.name
        yield running


def found(capsys: pytest.CaptureFixture[str], code: int = 0) -> list[dict[str, Any]]:
    """What it printed as JSON, when it ended with `code`."""
    if code:
        with pytest.raises(CommandError) as caught:
            call_command("check_providers", json=True)
        assert caught.value.returncode == code
    else:
        call_command("check_providers", json=True)
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows


def test_all_is_well_with_one_small_call_each(provider: Provider, capsys: pytest.CaptureFixture[str]) -> None:
    answers, vectors = found(capsys)

    assert (answers["problem"], vectors["problem"]) == ("", "")
    assert (answers["provider"], vectors["provider"]) == (provider.dialect.name,) * 2
    assert vectors["dimensions"] == provider.dialect.dimensions
    assert answers["seconds"] > 0
    assert len(provider.requests) == 2


def test_a_model_that_goes_on_for_long_is_well_too(provider: Provider, capsys: pytest.CaptureFixture[str]) -> None:
    provider.plan(Chat(["word"] * 16, finish="length"))

    assert found(capsys)[0]["problem"] == ""


def test_a_wrong_key_is_found_and_not_shown(
    provider: Provider, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.plan(provider.dialect.wrong_key(), provider.dialect.wrong_key())

    answers, vectors = found(capsys, code=1)

    assert (answers["code"], vectors["code"]) == ("key_refused", "embedding_key")
    assert dialects.KEY[:6] not in str([answers, vectors])


def test_a_missing_model_is_found(provider: Provider, capsys: pytest.CaptureFixture[str]) -> None:
    provider.plan(provider.dialect.missing_model(), provider.dialect.missing_model())

    assert [row["code"] for row in found(capsys, code=1)] == ["model_missing", "embedding_model"]


def test_one_that_trickles_is_not_waited_for(
    provider: Provider, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.RAG_TIMEOUT = 0.5
    provider.plan(Trickle(0.05, in_headers=True), *[Trickle(0.05)] * 2)

    assert [row["code"] for row in found(capsys, code=1)] == ["timeout", "embedding_unavailable"]


def test_one_that_fails_does_not_hide_the_other(provider: Provider, capsys: pytest.CaptureFixture[str]) -> None:
    provider.plan(Refusal(402))

    answers, vectors = found(capsys, code=1)

    assert (answers["code"], vectors["problem"]) == ("quota", "")


def test_a_person_reads_a_line_a_model(provider: Provider, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_providers")

    answers, vectors = capsys.readouterr().out.splitlines()
    assert answers.startswith(f"answers: {provider.dialect.name} ")
    assert f"well, {provider.dialect.dimensions} dimensions, " in vectors


def test_what_is_not_set_is_told_with_the_rest(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.LLM_PROVIDER, settings.GROQ_API_KEY = "groq", ""
    settings.EMBEDDING_PROVIDER = "nobody"

    answers, vectors = found(capsys, code=1)

    assert "Set GROQ_API_KEY" in answers["problem"]
    assert "EMBEDDING_PROVIDER='nobody' is unknown" in vectors["problem"]


def test_an_unknown_name_for_answers_is_told(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.LLM_PROVIDER = "nobody"

    assert "'nobody' is none of" in found(capsys, code=1)[0]["problem"]


def test_everybody_who_may_be_asked_is(
    provider: Provider, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    name = provider.dialect.name
    settings.LLM_PROVIDER, settings.LLM_PROVIDER_SIMPLE, settings.LLM_PROVIDER_COMPLEX = "conditional", "fake", name
    settings.LLM_FALLBACKS = [name, "extractive"]

    assert [row["purpose"] for row in found(capsys)] == ["answers (simple)", "answers (complex)", "embeddings"]


def test_shares_that_make_no_sense_are_told_with_the_rest(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.LLM_ROLLOUT = ["azure"]

    assert "LLM_ROLLOUT" in found(capsys, code=1)[0]["problem"]


def test_the_maker_of_a_live_index_is_asked_too(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    revision = factories.make_live_revision(factories.make_project(), {"a.py": "def a():\n    return 1\n"})
    type(revision).objects.update(embedding_model="a/model", embedding_provider="together", dimensions=768)
    with serving(dialects.TOGETHER) as server:
        for name, value in (server.settings | {"TOGETHER_API_KEY": "another"}).items():
            setattr(settings, name, value)
        rows = found(capsys, code=1)

    assert [row["purpose"] for row in rows] == ["answers", "embeddings", "questions to a live index"]
    assert (rows[2]["provider"], rows[2]["code"]) == ("together", "embedding_key")


def test_the_maker_of_all_indexes_is_asked_once(
    provider: Provider, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    revision = factories.make_live_revision(factories.make_project(), {"a.py": "def a():\n    return 1\n"})
    access = providers.embedding()
    type(revision).objects.update(
        embedding_model=access.identity, embedding_provider=access.provider.name, dimensions=provider.dialect.dimensions
    )
    provider.plan(Chat(), Refusal(402))

    assert len(found(capsys, code=1)) == 2


def test_without_a_network_there_is_nothing_to_fail(capsys: pytest.CaptureFixture[str]) -> None:
    assert [row["price_in"] for row in found(capsys)] == ["0", "0"]
