"""Attacks on Docent, each tried through every door that it could come in by.

Each test counts what it tried and what came of it in `TALLY` before it judges; `python -m tests.attacks` runs them all
and prints the sums.
"""

from collections import defaultdict


class Tally:
    """Sums by kind of attack: attacks tried, elements that could run, fetches that nobody clicked for, leaks, finds."""

    COLUMNS = ("tried", "active", "fetches", "leaks", "found")

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(self.COLUMNS, 0))

    def add(self, kind: str, *, tried: int = 1, **counts: int) -> None:
        row = self.rows[kind]
        row["tried"] += tried
        for column, count in counts.items():
            row[column] += count


TALLY = Tally()
