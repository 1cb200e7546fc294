"""PostgreSQL behind a line that is slow and sends a few bytes at a time, breaks off, or falls silent.

On a line that is silent the other machine goes on acknowledging, as a pooler or a server that hangs does, so that no
timeout of TCP ends it: it is the lease that does.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import cases, proxy
from tests.faults.invariants import assert_invariants
from tests.faults.restarts import is_stopped
from tests.faults.test_zombies import SHORT, everything, lease_is_over
from tests.faults.world import Running, World
from tests.rag.commands.conftest import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

RESETS = {  # where the run stands still, and how many bytes pass then
    "in the middle of its rows": ("returned-not-saved:2", 900),
    "at the end of its transaction": ("saving:1", 0),
    "in the middle of the flip": ("flipping:1", 300),
}
SILENT_AT = ("between-batches:1", "saving:1")  # outside of a transaction, and inside


@pytest.fixture
def line(world: World) -> Iterator[proxy.Proxy]:
    yield world.database
    world.database.reset()
    world.database.weather = proxy.Weather()


def stopped(case: cases.Case, point: str, **settings: str) -> Running:
    running = case.world.start(*case.command, through_proxy=True, FAULT=f"{point}:STOP", **settings)
    wait_until(lambda: is_stopped(running))
    return running


def test_a_slow_line_that_passes_a_few_bytes_at_a_time_is_enough(world: World, line: proxy.Proxy) -> None:
    case, before = cases.make(world, indexed=True), line.connections
    line.weather.latency, line.weather.slice_bytes = 0.0005, 32
    done = world.run(*case.command, through_proxy=True)

    assert done.code == 0, done.out + done.err
    assert line.connections > before
    assert_invariants(case, finished=True)


@pytest.mark.parametrize("when", RESETS)
def test_a_line_that_is_reset_fails_the_run_and_the_next_goes_on(world: World, line: proxy.Proxy, when: str) -> None:
    case, (point, left) = cases.make(world, indexed=True), RESETS[when]
    running = stopped(case, point)
    line.weather.left = left
    running.send(signal.SIGCONT)
    case.kills += 1
    done = running.wait()

    assert line.weather.left is None, "it was not reset"
    assert (case.rag.processing_status, case.rag.error_code) in (("failed", "database"), ("ready", "")), done
    assert_invariants(case)
    assert case.run().code == 0
    assert_invariants(case, finished=True)


@pytest.mark.parametrize("point", SILENT_AT)
def test_a_line_that_falls_silent_costs_the_lease_and_what_comes_of_it_later_is_nothing(
    world: World, line: proxy.Proxy, point: str
) -> None:
    case = cases.make(world, indexed=True)
    zombie = stopped(case, point, **SHORT)
    line.weather.is_silent = True
    zombie.send(signal.SIGCONT)
    case.kills += 1
    wait_until(lambda: lease_is_over(case))

    heir = world.run(*case.command, **SHORT)
    assert (heir.code, case.rag.processing_status) == (0, "ready"), heir.out + heir.err
    assert zombie.code is None, "it waits"
    before = everything()
    line.weather.is_silent = False
    woken = zombie.wait()

    assert everything() == before
    assert "taken it over" in woken.out or "The connection to the database broke" in woken.out, woken.out + woken.err
    assert_invariants(case, finished=True)


def test_a_command_that_waits_on_a_silent_line_can_be_ended(world: World, line: proxy.Proxy) -> None:
    case = cases.make(world, indexed=True)
    running = stopped(case, "between-batches:1", **SHORT)
    line.weather.is_silent = True
    running.send(signal.SIGCONT)
    case.kills += 1
    wait_until(lambda: lease_is_over(case))
    running.send(signal.SIGTERM)  # asks, and it would stop at the next step
    wait_until(lambda: not catches(running.pid, signal.SIGTERM))
    running.send(signal.SIGTERM)

    assert running.wait().code == -signal.SIGTERM
    assert_invariants(case)


def catches(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (number - 1) & 1)
