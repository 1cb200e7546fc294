"""Two workers take up ten projects at once: each is read by one of them."""

from tests.faults import cases, world
from tests.faults.invariants import assert_invariants
from tests.faults.report import Row, Trial

COUNT = 5
PROJECTS = 10


def run(made: world.World, count: int, seed: int) -> Trial:
    trial = Trial("Two workers")
    row = trial.row(f"{PROJECTS} projects, two workers")
    for _ in range(count):
        with row.tried():
            two_workers(made, row)
    return trial


def two_workers(made: world.World, row: Row) -> None:
    """Each project is read by one of them, once."""
    ten = [cases.make(made, indexed=False) for _ in range(PROJECTS)]
    both = [made.start(*world.COMMAND) for _ in range(2)]
    ended = [running.wait() for running in both]
    assert [done.code for done in ended] == [0, 0], ended
    assert sum(done.out.count("Ready at") for done in ended) == PROJECTS, [done.out for done in ended]
    row.seen = f"shared as {' and '.join(str(done.out.count('Ready at')) for done in ended)} in the last run"
    for case in ten:
        assert_invariants(case, finished=True)
        case.project.delete()
