"""Kills at random: in a random place of the program, or at a random time, up to four in a row, while visitors read."""

import random
import signal
import time

from config import faults
from tests.faults import cases, readers, world
from tests.faults.invariants import assert_invariants
from tests.faults.report import Trial, say

COUNT = 300  # kills: none that fails means that fewer than one in a hundred do, at 95 %
KILLS_IN_A_ROW = 4  # more than the three after which it is failed
VERSIONS = 6  # of a repository
LONGEST = 4.0  # seconds until a kill at a random time


def run(made: world.World, count: int, seed: int) -> Trial:
    chance = random.Random(seed)
    trial = Trial("Random kills")
    case = cases.make(made, indexed=False)
    version, seconds, reads = 1, LONGEST, 0
    while (done := kills(trial)) < count:
        say(f"{done} kills, {sum(row.violations for row in trial.rows)} violations")
        with readers.reading(case, pause=0.1) as seen:
            _kill(case, chance, trial, seconds)
            seconds = _finish(case, trial)
        reads += seen.reads.total()
        with trial.row("visitors meanwhile").tried():
            assert not seen.wrong, seen.wrong[:3]
        if version == VERSIONS:
            case.project.delete()
            case, version = cases.make(made, indexed=False), 1
        else:
            version += 1
            case.change(version)
    trial.notes = [f"{kills(trial)} kills; meanwhile visitors read {reads:,} times.", ""]
    trial.rows.sort(key=lambda row: row.what)
    return trial


def kills(trial: Trial) -> int:
    return sum(row.runs for row in trial.rows if row.what.startswith("killed"))


def _kill(case: cases.Case, chance: random.Random, trial: Trial, seconds: float) -> None:
    """One to four kills, and what must hold after each."""
    for _ in range(chance.randint(1, KILLS_IN_A_ROW)):
        point = chance.choice([*faults.POINTS, *[""] * len(faults.POINTS)])
        case.kills += 1
        if point:
            done = case.world.run(*case.command, FAULT=f"{point}:{chance.randint(1, 3)}:KILL")
        else:
            done = _killed_after(case, chance.uniform(0, seconds))
        if done.code != -signal.SIGKILL:  # it was through before
            case.kills -= 1
            return
        with trial.row(f"killed at `{point}`" if point else "killed at a random time").tried():
            assert_invariants(case)


def _killed_after(case: cases.Case, seconds: float) -> world.Done:
    running = case.world.start(*case.command)
    end = time.monotonic() + seconds
    while running.code is None and time.monotonic() < end:
        time.sleep(0.01)
    if running.code is None:
        running.send(signal.SIGKILL)
    return running.wait()


def _finish(case: cases.Case, trial: Trial) -> float:
    """The run that gets through; how many seconds it took."""
    started = time.monotonic()
    done = case.world.run(*case.command)
    with trial.row("the run after them").tried():
        assert done.code == 0, done.out + done.err
        assert_invariants(case, finished=True)
    return time.monotonic() - started
