"""Progress for whoever watches a run: a bar on a terminal, plain lines everywhere else."""

import logging
import sys
import time
from typing import NoReturn, Protocol, TextIO

from django.conf import settings
from tqdm import tqdm

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 5.0
BAR_WITH_SPEED = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}"


class Out(Protocol):
    """Where lines go."""

    def write(self, line: str, /) -> object: ...

    def flush(self) -> object: ...


class Lines:
    """Plain lines for logs: each stage, and how far it is every few seconds."""

    def __init__(self, out: Out) -> None:
        self._out = out
        self._stage = ""
        self._said = 0.0

    def stage(self, name: str) -> None:
        self._stage = name
        self._say(f"  {name}")

    def progress(self, done: int, total: int, speed: str = "") -> None:
        now = time.monotonic()
        if now - self._said >= SECONDS_BETWEEN_LINES:
            self._say(f"  {self._stage} {done:,} of {total:,}" + (f", {speed}" if speed else ""))

    def note(self, sentence: str) -> None:
        self._say(f"  {sentence}")

    def finish(self) -> None:
        self._stage = ""

    def _say(self, line: str) -> None:
        self._said = time.monotonic()
        self._out.write(line + "\n")
        self._out.flush()


class Bar:
    """One bar a stage."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._bar: tqdm[NoReturn] | None = None
        self._stage = ""

    def stage(self, name: str) -> None:
        self.finish()
        self._stage = name

    def progress(self, done: int, total: int, speed: str = "") -> None:
        bar: tqdm[NoReturn] = self._bar or tqdm(total=total, desc=f"  {self._stage}", file=self._out, leave=False)
        self._bar = bar
        bar.total = total
        if speed:  # says more than the bar's own
            bar.bar_format = BAR_WITH_SPEED
            bar.set_postfix_str(speed, refresh=False)
        bar.update(done - bar.n)

    def note(self, sentence: str) -> None:
        tqdm.write(f"  {sentence}", file=self._out)

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class Logged:
    """The same as Lines, as records of the log, which say of which run they are."""

    def __init__(self) -> None:
        self._lines = Lines(self)

    def stage(self, name: str) -> None:
        self._lines.stage(name)

    def progress(self, done: int, total: int, speed: str = "") -> None:
        self._lines.progress(done, total, speed)

    def note(self, sentence: str) -> None:
        self._lines.note(sentence)

    def finish(self) -> None:
        self._lines.finish()

    def write(self, line: str) -> None:
        logger.info("%s", line.strip())

    def flush(self) -> None:
        """Records are not held back."""


def to(out: TextIO = sys.stderr) -> Lines | Bar | Logged:
    if out.isatty():
        return Bar(out)
    return Logged() if settings.LOG_FORMAT == "json" else Lines(out)
