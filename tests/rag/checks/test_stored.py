"""The settings against what is installed and stored."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import DatabaseError, transaction
from pytest_django import Settings

from rag import checks, models
from rag.checks import stored
from tests import factories


def live(model: str, provider: str, dimensions: int) -> None:
    """A live index that this model made."""
    project = factories.make_project()
    revision = factories.make_live_revision(project, {"a.py": "a = 1"})
    made = {"embedding_model": model, "embedding_provider": provider, "dimensions": dimensions}
    models.Revision.objects.filter(pk=revision.pk).update(**made)


def told() -> list[str]:
    return [f"{message.id} {message.msg} {message.hint}" for message in stored.live_models(None, databases=["default"])]


@pytest.mark.django_db
def test_an_index_whose_model_lost_its_key_is_found_once() -> None:
    live("text-embedding-3-small", "openai", 1_536)
    live("text-embedding-3-small", "openai", 1_536)

    (sentence,) = told()
    assert sentence.startswith(
        "rag.W022 No question fits the vectors of live indexes that text-embedding-3-small made."
    )
    assert "OPENAI_API_KEY" in sentence


@pytest.mark.django_db
def test_an_index_of_a_deployment_that_is_another_model_now_is_found(settings: Settings) -> None:
    live("compatible:bge-small", "compatible", 384)
    settings.EMBEDDING_BASE_URL, settings.EMBEDDING_MODEL = "https://models.example/v1", "bge-large"

    assert told() == []  # that server is asked for the old model by its name
    settings.EMBEDDING_BASE_URL = ""
    assert len(told()) == 1


@pytest.mark.django_db
def test_indexes_whose_models_can_be_asked_are_fine(settings: Settings) -> None:
    live("text-embedding-3-small", "openai", 1_536)
    live("fake", "fake", 8)
    settings.OPENAI_API_KEY = "key"

    assert told() == []


@pytest.mark.django_db
def test_a_fake_index_is_found_when_the_fake_is_off(settings: Settings) -> None:
    live("fake", "fake", 8)
    settings.EMBEDDING_PROVIDER = "local"

    assert "Process the project again" in told()[0]


def test_the_database_is_left_alone_unless_named() -> None:
    assert stored.live_models(None) == []


def test_a_database_without_tables_is_for_others_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def atomic(*_: Any) -> None:
        raise DatabaseError("relation does not exist")

    monkeypatch.setattr(transaction, "atomic", atomic)

    assert told() == []


@pytest.mark.parametrize(("provider", "expected"), [("local", True), ("auto", True), ("fake", False)])
def test_a_local_model_without_its_packages_is_found(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, provider: str, expected: bool
) -> None:
    settings.EMBEDDING_PROVIDER = provider
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else object())

    found = [message for message in run_checks() if message.id == "rag.W021"]
    assert bool(found) is expected
    assert all("onnxruntime." in message.msg for message in found)


def test_what_is_silenced_here_is_silenced_nowhere_else() -> None:
    settings_ids, stored_ids = (
        set(re.findall(r"rag\.[EW]\d+", Path(str(module.__file__)).read_text())) for module in (checks, stored)
    )

    assert not settings_ids & stored_ids
