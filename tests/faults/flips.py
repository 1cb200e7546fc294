"""An index is made anew time and again while visitors read: what they get is one commit's as a whole, each time."""

from tests.faults import cases, readers, world
from tests.faults.invariants import assert_invariants
from tests.faults.report import Trial, say

COUNT = 60
READS = 20_000  # at least
READERS = 2


def run(made: world.World, count: int, seed: int) -> Trial:
    trial = Trial("Re-indexing while visitors read")
    case = cases.make(made, indexed=True)
    flips, reads = trial.row("re-indexing by the command"), trial.row("reads meanwhile")
    version = 2
    with readers.reading(case, threads=READERS) as seen:
        while flips.runs < count or seen.reads.total() < READS:
            with flips.tried():
                done = made.run(*case.command)
                assert done.code == 0, done.out + done.err
                assert_invariants(case, finished=True)
            version += 1
            case.change(version)
            if flips.runs % 10 == 0:
                say(f"{flips.runs} re-indexings, {seen.reads.total()} reads, {len(seen.wrong)} wrong")
    reads.runs, reads.violations = seen.reads.total(), len(seen.wrong)
    reads.seen = f"{seen.reads['searches']:,} searches, {seen.reads['pages']:,} pages"
    trial.notes = [f"- {wrong}" for wrong in seen.wrong[:5]]
    return trial
