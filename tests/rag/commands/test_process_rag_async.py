"""The command as a process: batches, delays, limits, signals, deaths and races."""

import signal
import time
from collections import Counter
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from portfolio.models import Project, ProjectRAG
from rag import models, revisions
from tests.providers import Provider, Refusal
from tests.rag.commands.conftest import Start, chunk_count, texts, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

COMMAND = "process_rag_async"


def rag(project: Project) -> ProjectRAG:
    return ProjectRAG.objects.select_related("live_revision").get(project=project)


def digest(project: Project) -> str:
    live = rag(project).live_revision
    assert live is not None
    return revisions.digest(live)


def test_batches_keep_to_their_size_and_calls_to_their_delay(many: Project, start: Start, provider: Provider) -> None:
    done = start(COMMAND, "--batch-size=15", "--delay=0.4")
    out, err = done.communicate(timeout=60)

    assert done.returncode == 0, err
    assert [len(request.body["input"]) for request in provider.requests] == [15, 15, 10]
    waits = [after.at - before.at for before, after in zip(provider.requests, provider.requests[1:], strict=False)]
    assert min(waits) >= 0.4
    assert "Many: Ready at" in out


def test_the_guides_variables_are_the_defaults(many: Project, start: Start, provider: Provider) -> None:
    done = start(COMMAND, RAG_BATCH_SIZE="30", RAG_DELAY="0.3", RAG_TIMEOUT="20")
    done.communicate(timeout=60)

    assert [len(request.body["input"]) for request in provider.requests] == [30, 10]
    assert provider.requests[1].at - provider.requests[0].at >= 0.3


def test_a_rate_limit_is_waited_out(many: Project, start: Start, provider: Provider) -> None:
    provider.plan(Refusal(429, "slow down", "rate_limit_exceeded", {"Retry-After": "1"}))
    done = start(COMMAND, "--batch-size=40", "--delay=0")
    done.communicate(timeout=60)

    assert rag(many).processing_status == "ready"
    assert provider.requests[-1].at - provider.requests[0].at >= 1


def test_a_refused_key_fails_at_once_with_the_remedy_and_without_the_key(
    many: Project, start: Start, provider: Provider
) -> None:
    provider.plan(*[Refusal(401, "Incorrect API key provided: sk-test-canary")] * 3)
    done = start(COMMAND, "--delay=0")
    out, err = done.communicate(timeout=60)

    assert done.returncode == 1
    assert len(provider.requests) == 1
    assert "OPENAI_API_KEY" in rag(many).processing_error
    assert "sk-test-canary" not in out + err + rag(many).processing_error


def test_kill_9_in_the_middle_costs_at_most_one_batch_twice(many: Project, start: Start, provider: Provider) -> None:
    killed = start(COMMAND, "--batch-size=5", "--delay=0.1")
    wait_until(lambda: chunk_count() >= 15)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    finished = start(COMMAND, "--batch-size=5", "--delay=0")
    out, err = finished.communicate(timeout=60)

    assert rag(many).processing_status == "ready", out + err
    twice = [text for text, times in Counter(texts(provider)).items() if times > 1]
    assert len(twice) <= 5
    after_death = digest(many)
    revisions.clear(rag(many))
    start(COMMAND, "--delay=0").communicate(timeout=60)
    assert digest(many) == after_death


def test_sigterm_ends_within_ten_seconds_and_leaves_the_project_claimable(
    many: Project, start: Start, provider: Provider
) -> None:
    stopped = start(COMMAND, "--batch-size=5", "--delay=30")
    wait_until(lambda: chunk_count() >= 5)
    stopped.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    out, _err = stopped.communicate(timeout=10)

    assert time.monotonic() - asked < 10
    assert (stopped.returncode, rag(many).processing_status, rag(many).attempts) == (0, "pending", 0)
    assert rag(many).is_queued
    assert "goes on" in out


def test_of_two_commands_at_once_one_works_and_one_says_so(many: Project, start: Start, provider: Provider) -> None:
    first = start(COMMAND, f"--project-id={many.pk}", "--batch-size=5", "--delay=0.5")
    wait_until(lambda: rag(many).processing_status == "processing")
    second = start(COMMAND, f"--project-id={many.pk}")
    out, _err = second.communicate(timeout=30)
    first.communicate(timeout=60)

    assert (first.returncode, second.returncode) == (0, 0)
    assert "Another process is working on it" in out
    assert len(texts(provider)) == len(set(texts(provider))) == 40


def test_a_dry_run_says_what_it_would_cost_and_pays_nothing(many: Project, start: Start, provider: Provider) -> None:
    done = start(COMMAND, "--dry-run")
    out, err = done.communicate(timeout=60)

    assert done.returncode == 0, err
    assert "40 texts to embed with text-embedding-3-small" in out
    assert provider.requests == []
    assert rag(many).processing_status == "pending"


def test_max_minutes_stops_and_the_next_run_goes_on(many: Project, start: Start, provider: Provider) -> None:
    start(COMMAND, "--batch-size=5", "--delay=0.2", "--max-minutes=0.02").communicate(timeout=60)

    assert rag(many).is_queued
    start(COMMAND, "--delay=0").communicate(timeout=60)
    assert rag(many).processing_status == "ready"
    assert len(texts(provider)) <= 45


def test_a_watching_worker_takes_up_what_is_requested_later(many: Project, start: Start, provider: Provider) -> None:
    watching = start(COMMAND, "--watch", "--delay=0")
    wait_until(lambda: rag(many).processing_status == "ready")
    ProjectRAG.objects.request(many.rag.pk)
    wait_until(lambda: not rag(many).is_queued)
    watching.send_signal(signal.SIGTERM)
    watching.communicate(timeout=10)

    assert watching.returncode == 0


@pytest.mark.parametrize("wrong", [["--batch-size=0"], ["--delay=-1"], ["--project-id=999999"], ["--project-id=x"]])
def test_wrong_use_is_told_from_failure(start: Start, wrong: list[str]) -> None:
    done = start(COMMAND, *wrong)
    _out, err = done.communicate(timeout=30)

    assert done.returncode == 2
    assert err


def test_a_failed_project_makes_the_command_fail() -> None:
    Project.objects.create(title="Broken", repository_url="https://example.org/a/b")

    with pytest.raises(CommandError) as caught:
        call_command(COMMAND)
    assert caught.value.returncode == 1


def test_nothing_to_do_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    call_command(COMMAND)

    assert "Nothing was processed" in capsys.readouterr().out


def test_suggested_questions_are_answered_ahead_where_it_is_asked_for(many: Project, settings: Settings) -> None:
    settings.RAG_ALLOW_LOCAL_REPOSITORIES = True
    call_command(COMMAND)
    assert not models.Message.objects.exists()
    settings.RAG_ANSWER_AHEAD = True
    out = StringIO()
    call_command(COMMAND, "--force", stdout=out)

    assert "answered ahead." in out.getvalue()
    assert models.RememberedAnswer.objects.filter(message__conversation__ahead=True).exists()


def test_answering_ahead_never_fails_a_run(many: Project, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RAG_ALLOW_LOCAL_REPOSITORIES, settings.RAG_ANSWER_AHEAD = True, True
    monkeypatch.setattr("rag.suggestions.for_project", lambda project: 1 / 0)
    call_command(COMMAND)

    assert rag(many).processing_status == "ready"
