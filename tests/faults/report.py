"""Runs one of the long trials and prints its table; with --write also into REPORT.md."""

import argparse
import importlib
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from benchmarks import machine
from config import local_postgres
from tests import conftest  # noqa: F401 — the settings of the tests
from tests.faults import world

TRIALS = ("soak", "races", "flips", "restarts", "shortages", "disks", "workers")
REPORT = Path(__file__).with_name("REPORT.md")


@dataclass
class Row:
    """One kind of fault: how often it was tried, how often something that must hold did not, and what was seen."""

    what: str
    runs: int = 0
    violations: int = 0
    seen: str = ""

    @contextmanager
    def tried(self) -> Iterator[None]:
        """One run. An AssertionError in it is a violation, and is said at once."""
        self.runs += 1
        try:
            yield
        except AssertionError as error:
            self.violations += 1
            say(f"VIOLATION in {self.what}: {error}\n{traceback.format_exc()}")


@dataclass
class Trial:
    """What a trial's module gives back: a table under a title."""

    title: str
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def row(self, what: str) -> Row:
        """The row for `what`, made when it is first asked for."""
        found = next((row for row in self.rows if row.what == what), None)
        if found is None:
            self.rows.append(found := Row(what))
        return found

    def markdown(self, command: str, seconds: float) -> str:
        lines = [f"## {self.title}", "", f"`{command}`, {seconds / 60:.0f} minutes, at {_commit()}", ""]
        lines += ["| fault | runs | violations | |", "|---|---|---|---|"]
        lines += [f"| {row.what} | {row.runs} | {row.violations} | {row.seen} |" for row in self.rows]
        total = Row("**all**", sum(row.runs for row in self.rows), sum(row.violations for row in self.rows))
        lines += [f"| {total.what} | {total.runs} | {total.violations} | |", ""]
        return "\n".join([*lines, *self.notes, f"Measured on {machine.describe()}.", ""])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("trial", choices=TRIALS)
    parser.add_argument("--count", type=int, default=0, help="how many; each trial has a default of its own")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="put the table into REPORT.md")
    chosen = parser.parse_args()
    trial = importlib.import_module(f"tests.faults.{chosen.trial}")
    prepared = getattr(trial, "prepared", nullcontext)
    started = time.monotonic()
    with prepared(), standing() as made:
        result: Trial = trial.run(made, chosen.count or trial.COUNT, chosen.seed)
    command = f"python -m tests.faults {chosen.trial} --count {chosen.count or trial.COUNT} --seed {chosen.seed}"
    text = result.markdown(command, time.monotonic() - started)
    say(text)
    if chosen.write:
        write(result.title, text)
    return 1 if any(row.violations for row in result.rows) else 0


@contextmanager
def standing() -> Iterator[world.World]:
    """A world on a new PostgreSQL of its own, which is gone afterwards."""
    place = settings.LOCAL_POSTGRES_DIR
    assert place is not None, "The trials bring their own database: unset DATABASE_URL."
    place.chmod(0o711)
    with local_postgres.running(place), tempfile.TemporaryDirectory(prefix="faults-") as folder:
        call_command("migrate", verbosity=0)
        with world.world(Path(folder), is_preloaded=True) as made:
            yield made


def write(title: str, text: str) -> None:
    """Put the section in the place of the one with that title, or at the end."""
    before = REPORT.read_text()
    section = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    after, found = section.subn(lambda _: text + "\n", before)
    REPORT.write_text((after if found else f"{before}\n{text}").rstrip("\n") + "\n")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _commit() -> str:
    described = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    return subprocess.run(described, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True).stdout.strip()
