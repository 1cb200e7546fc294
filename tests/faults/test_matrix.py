"""Every point × first index and re-index × killed, asked to stop, and failed: nothing lost, nothing paid for twice."""

import signal

import pytest

from config import faults
from tests.faults import cases, plans
from tests.faults.invariants import assert_invariants
from tests.faults.world import World

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = pytest.mark.parametrize("indexed", [False, True], ids=["first", "again"])
WRITING = ("adding-files", "saving", "saved-before-progress", "flipping", "mid-cleanup", "after-flip")
EACH = pytest.mark.parametrize("point", plans.POINTS)


@EACH
@KINDS
def test_a_killed_run_is_gone_on_with(world: World, point: str, indexed: bool) -> None:
    case = cases.make(world, indexed=indexed)

    killed = case.run(plans.fault(point, "KILL", indexed=indexed))
    assert killed.code == -signal.SIGKILL, killed.err
    assert_invariants(case)
    finished = case.run()

    assert finished.code == 0, finished.out + finished.err
    assert_invariants(case, finished=True)


@EACH
@KINDS
def test_a_run_that_is_asked_to_stop_gives_its_project_back(world: World, point: str, indexed: bool) -> None:
    case = cases.make(world, indexed=indexed)

    stopped = case.run(plans.fault(point, "TERM", indexed=indexed))
    assert (stopped.code, case.rag.processing_status in ("pending", "ready")) == (0, True), stopped.err
    assert "Fault" in stopped.err
    assert case.rag.attempts == 0
    assert_invariants(case)
    world.process(case.project)

    assert_invariants(case, finished=True)


@pytest.mark.parametrize(
    ("point", "indexed"), [*((point, True) for point in plans.POINTS), *((point, False) for point in WRITING)]
)
def test_an_error_that_nobody_expects_fails_with_a_sentence_and_can_be_tried_again(
    world: World, point: str, indexed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = cases.make(world, indexed=indexed)

    with monkeypatch.context() as patch:
        patch.setattr(faults, "_armed", faults.parsed(plans.fault(point, "RAISE", indexed=indexed)))
        outcome = world.process(case.project)
    case.kills += 1
    assert outcome.sentence.startswith("Something went wrong") or case.rag.processing_status == "ready"
    assert_invariants(case)
    world.process(case.project)

    assert_invariants(case, finished=True)
