"""What holds after every fault, and what besides when a run has got through."""

from itertools import pairwise
from typing import Any

from django.db import connection
from django.db.models import Count, F

from portfolio.claims import MAX_ATTEMPTS
from rag import models, revisions, search_index
from tests.faults import cases, world
from tests.rag.commands.conftest import wait_until

PAGES = ("project", "panel", "chat")
PATIENCE = 10.0  # seconds until the connections of a killed process are gone


def assert_invariants(case: cases.Case, *, finished: bool = False) -> None:
    """At any time; with `finished` after a run that got through. Raises AssertionError."""
    _the_state_makes_sense(case)
    _the_live_index_is_whole_and_answers_as_ever(case)
    _progress_never_went_back(case)
    _nothing_was_paid_for_twice(case)
    _no_secret_was_told(case)
    _pages_answer(case)
    if finished:
        _it_is_what_an_undisturbed_run_makes(case)
        _nothing_is_left(case)


def _the_state_makes_sense(case: cases.Case) -> None:
    rag = case.rag
    has_lease = rag.lease_token is not None and rag.lease_expires_at is not None
    assert (rag.processing_status == "processing") == has_lease, "processing and a lease are the same"
    assert (rag.processing_status == "ready") == (rag.progress_percentage == 100), "ready and 100 % are the same"
    assert rag.attempts <= MAX_ATTEMPTS, f"{rag.attempts} attempts"
    if rag.processing_status == "failed":
        assert rag.processing_error.strip(), "failed without a sentence"
        assert rag.error_code, "failed without a code"


def _the_live_index_is_whole_and_answers_as_ever(case: cases.Case) -> None:
    live = case.rag.live_revision
    if live is None:
        return
    expected = case.expected[live.commit_sha]
    broken = live.files.annotate(stored=Count("chunks")).exclude(stored=F("chunk_count"))
    assert not broken.exists(), f"live files without all their chunks: {list(broken)}"
    assert live.finished_at is not None
    assert search_index.size(live.rag_id) == live.chunk_count, "what can be found is not what is stored"
    assert revisions.digest(live) == expected.digest, "the live index is not that of its commit"
    assert cases.answers(live) == expected.answers, "the live index answers differently"


def _progress_never_went_back(case: cases.Case) -> None:
    """By every state that was ever committed."""
    states = _history(case.rag.pk)
    for before, after in pairwise(states):
        token, percentage, live = before
        assert after[0] != token or token is None or after[1] >= percentage, f"{percentage} % became {after[1]} %"
        assert after[2] == live or after[1] == 100, "an index went live without being ready"


def _nothing_was_paid_for_twice(case: cases.Case) -> None:
    calls = case.calls
    assert len(calls) <= case.most_calls, f"{len(calls)} calls, {case.most_calls} would do"
    sent = sum(map(len, calls))
    unique = len({text for texts in calls for text in texts})
    assert sent - unique <= case.kills * world.BATCH, f"{sent - unique} texts were paid for twice"


def _no_secret_was_told(case: cases.Case) -> None:
    secrets = (world.KEY, connection.settings_dict["PASSWORD"])
    told = [done.out + done.err for done in case.world.logs] + [case.rag.processing_error]
    assert not [text for text in told for secret in secrets if secret and secret in text], "a secret was told"


def _pages_answer(case: cases.Case) -> None:
    may_ask = case.rag.live_revision_id is not None
    expected = {"project": 200, "panel": 200, "chat": 200 if may_ask else 303}
    assert {name: case.page(name) for name in PAGES} == expected


def _it_is_what_an_undisturbed_run_makes(case: cases.Case) -> None:
    rag = case.rag
    assert (rag.processing_status, rag.processing_error) == ("ready", ""), rag.processing_error
    assert rag.attempts == 0
    assert rag.live_revision is not None
    assert rag.live_revision.commit_sha == case.commit
    assert models.Revision.objects.filter(rag=rag).count() == 1, "an old or unfinished revision is left"
    orphans = models.SourceFile.objects.filter(rag=rag, revisions=None)
    assert not orphans.exists(), "files of no revision are left"


def _nothing_is_left(case: cases.Case) -> None:
    assert not list(case.world.temporary.iterdir()), "a temporary folder is left"
    wait_until(lambda: case.world.connections() == 0, PATIENCE)
    held = models.Hold.objects.filter(project_id=case.project.pk).count()  # each until it expires
    assert held <= case.kills + case.kills_before, f"{held} calls are still held"


def _history(rag_id: int) -> list[tuple[Any, ...]]:
    """(token, percentage, live revision)"""
    with connection.cursor() as cursor:
        cursor.execute("SELECT token, percentage, live FROM faults_history WHERE rag_id = %s ORDER BY id", [rag_id])
        return list(cursor.fetchall())
