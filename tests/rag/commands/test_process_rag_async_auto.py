"""The command with `--delay=auto` as a process: deaths, signals, and what it tells."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from django.core.management import call_command

from portfolio.models import Project, ProjectRAG
from rag import reporting
from tests.providers import FAST, Hang, Provider
from tests.rag.commands.conftest import Start, chunk_count, texts, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

AUTO = ("process_rag_async", "--delay=auto", "--batch-size=2")
CONCURRENCY = 3


def auto(start: Start, *arguments: str) -> "subprocess.Popen[str]":
    return start(*AUTO, *arguments, RAG_EMBED_CONCURRENCY=str(CONCURRENCY))


@pytest.fixture(autouse=True)
def slow(provider: Provider) -> None:
    provider.pause, provider.headers = 0.2, lambda body: FAST


def test_kill_9_costs_at_most_what_was_in_flight_twice(many: Project, start: Start, provider: Provider) -> None:
    killed = auto(start)
    wait_until(lambda: chunk_count() >= 14)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    finished = auto(start)
    out, err = finished.communicate(timeout=60)

    assert ProjectRAG.objects.get(project=many).processing_status == "ready", out + err
    twice = [text for text, times in Counter(texts(provider)).items() if times > 1]
    assert len(twice) <= 2 * CONCURRENCY
    assert provider.most_at_once <= 2 * CONCURRENCY  # what the dead one had asked may still be answered


def test_sigterm_ends_what_hangs_within_seconds(many: Project, start: Start, provider: Provider) -> None:
    provider.plan(Hang(0.01), *[Hang(60)] * 40)
    stopped = auto(start)
    wait_until(lambda: len(provider.requests) >= 2)
    stopped.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    out, _err = stopped.communicate(timeout=10)

    assert time.monotonic() - asked < 5
    assert (stopped.returncode, "goes on" in out) == (0, True)
    assert ProjectRAG.objects.get(project=many).is_queued


def test_how_fast_it_goes_is_told_while_it_goes(many: Project, start: Start, provider: Provider) -> None:
    provider.pause = 0.6
    running = auto(start)
    rag = ProjectRAG.objects.filter(project=many)
    wait_until(lambda: "tokens/min" in rag.get().processing_speed)
    running.communicate(timeout=60)

    assert rag.get().processing_speed == ""  # it goes no more


def test_rag_status_says_how_fast_it_goes(many: Project, capsys: pytest.CaptureFixture[str]) -> None:
    lease = ProjectRAG.objects.claim(many.rag.pk)
    assert lease is not None
    ProjectRAG.objects.advance(lease, stage="embedding", percentage=40, processing_speed="60 chunks/min, 5 min left")
    call_command("rag_status")
    line = capsys.readouterr().out
    call_command("rag_status", "--json")

    assert "Many: processing (40 %), embedding, 60 chunks/min, 5 min left" in line
    assert json.loads(capsys.readouterr().out)[0]["speed"] == "60 chunks/min, 5 min left"


@pytest.mark.parametrize("wrong", ["soon", "-1", "nan", "AUTO"])
def test_another_word_for_the_delay_is_wrong_use(start: Start, wrong: str) -> None:
    done = start("process_rag_async", f"--delay={wrong}")
    done.communicate(timeout=30)

    assert done.returncode == 2


def test_a_line_of_a_log_says_how_fast_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    lines = reporting.Lines(sys.stderr)
    lines.stage("embedding")
    lines._said = 0.0
    lines.progress(1_000, 2_000, "60 chunks/min, 5 min left")

    assert "embedding 1,000 of 2,000, 60 chunks/min, 5 min left" in capsys.readouterr().err


def test_so_does_the_bar_of_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    bar = reporting.Bar(sys.stderr)
    bar.stage("embedding")
    bar.progress(1_000, 2_000, "60 chunks/min, 5 min left")
    time.sleep(0.15)  # it draws itself ten times a second at most
    bar.progress(1_500, 2_000, "60 chunks/min, 4 min left")
    bar.finish()

    assert "60 chunks/min" in capsys.readouterr().err
