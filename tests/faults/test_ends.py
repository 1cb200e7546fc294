"""Every attempt comes to an end: what kills its worker is given up, what is done again changes nothing, what is deleted
is gone."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse

from portfolio.claims import MAX_ATTEMPTS
from portfolio.models import Project, ProjectRAG
from rag import revisions
from tests import dumps
from tests.faults import cases
from tests.faults.invariants import assert_invariants
from tests.faults.world import COMMAND, Done, World
from tests.rag.commands.conftest import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def poison(world: World, case: cases.Case) -> Iterator[None]:
    """Inside, whoever has a text of `case` embedded is killed before the answer, as if its memory had run out."""

    def killing(body: dict[str, Any]) -> dict[str, str]:
        if case.name in " ".join(body["input"]):
            assert world.latest is not None
            os.kill(world.latest.pid, signal.SIGKILL)
        return {}

    harmless, world.provider.headers = world.provider.headers, killing
    try:
        yield
    finally:
        world.provider.headers = harmless


def killed(world: World) -> Done:
    """The command as cron runs it, for all projects; poisoned, it dies."""
    done = world.run(*COMMAND)
    assert done.code == -signal.SIGKILL, done.out + done.err
    return done


def test_what_kills_its_worker_three_times_is_given_up_and_left_alone(world: World) -> None:
    case = cases.make(world, indexed=False)
    with poison(world, case):
        for _ in range(MAX_ATTEMPTS):
            killed(world)
            case.kills += 1
            assert_invariants(case)
        fourth, fifth = world.run(*COMMAND), world.run(*COMMAND)

    assert (case.rag.processing_status, case.rag.error_code) == ("failed", "crashed")
    assert (fourth.code, fifth.code) == (0, 0)
    assert len(case.calls) == MAX_ATTEMPTS
    assert_invariants(case)


@pytest.mark.parametrize("how", ["request", "project-id"])
def test_what_was_given_up_can_be_tried_again(world: World, how: str) -> None:
    case = cases.make(world, indexed=False)
    with poison(world, case):
        for _ in range(MAX_ATTEMPTS):
            killed(world)
            case.kills += 1
    ProjectRAG.objects.sweep()
    assert case.rag.processing_status == "failed"

    if how == "request":
        ProjectRAG.objects.request(case.rag.pk)
    world.run(*(COMMAND if how == "request" else case.command))

    assert_invariants(case, finished=True)


def test_what_kills_its_worker_costs_no_other_project_its_turn(world: World) -> None:
    poisoned, other = (cases.make(world, indexed=False) for _ in range(2))
    other.repository.commit({f"{other.name}/long.md": "More words than the other one has.\n" * 50})
    with poison(world, poisoned):
        killed(world)  # the smaller one comes first
        killed(world)

    assert other.rag.processing_status == "ready"
    assert poisoned.rag.processing_status == "processing"


def test_a_kill_between_the_attempts_of_a_watching_worker_is_an_attempt(world: World) -> None:
    case = cases.make(world, indexed=False)
    with poison(world, case):
        for _ in range(MAX_ATTEMPTS):
            assert world.run(*COMMAND, "--watch").code == -signal.SIGKILL
            case.kills += 1
        watching = world.start(*COMMAND, "--watch")
        wait_until(lambda: case.rag.processing_status == "failed")
        watching.send(signal.SIGTERM)

    assert watching.wait().code == 0
    assert (case.rag.error_code, len(case.calls)) == ("crashed", MAX_ATTEMPTS)


def test_three_runs_make_the_same_and_pay_once(world: World) -> None:
    case = cases.make(world, indexed=False)
    digests, paid = [], []
    for arguments in ((), (), ("--force",)):
        assert world.run(*case.command, *arguments).code == 0
        live = case.rag.live_revision
        digests.append(live and revisions.digest(live))
        paid.append(len(case.calls))

    assert digests == [case.expected[case.commit].digest] * 3
    assert paid[0] > 0
    assert set(paid) == {paid[0]}
    assert_invariants(case, finished=True)


def test_what_is_deleted_is_nowhere(world: World) -> None:
    canary = "zanzibarium"
    case = cases.make(world, indexed=False)
    case.repository.commit({f"{case.name}/{canary}.py": f"def {canary}():\n    return '{canary}'\n"})
    case.run("between-batches:2:KILL")  # with an unfinished revision beside what comes
    case.run()
    question = {"question": f"What does {canary} return?"}
    case.client.post(reverse("chat", args=[case.project.slug]), question, headers={"HX-Request": "false"})
    assert dumps.is_in(canary, dumps.dump())

    Project.objects.get(pk=case.project.pk).delete()
    call_command("clearsessions")

    left = dumps.dump()
    assert not dumps.is_in(canary, left), dumps.tables_with(canary, left)
