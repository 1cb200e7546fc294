"""Figures: what was promised of a scenario, and what came out."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Figure:
    """`is_kept`: None where nothing was promised."""

    scenario: str
    what: str
    promised: str
    measured: str
    is_kept: bool | None

    @property
    def verdict(self) -> str:
        return {True: "kept", False: "**missed**", None: ""}[self.is_kept]


@dataclass(kw_only=True)
class Sheet:
    """The figures of one scenario, in order."""

    scenario: str
    figures: list[Figure] = field(default_factory=list)

    def add(self, what: str, measured: str, *, promised: str = "", is_kept: bool | None = None) -> None:
        figure = Figure(scenario=self.scenario, what=what, promised=promised, measured=measured, is_kept=is_kept)
        self.figures.append(figure)

    def time(self, what: str, seconds: float, most: float | None = None) -> None:
        measured = f"{seconds * 1000:.0f} ms"
        if most is None:
            self.add(what, measured)
        else:
            self.add(what, measured, promised=f"≤ {most * 1000:.0f} ms", is_kept=seconds <= most)

    def most(self, what: str, number: int, most: int) -> None:
        self.add(what, str(number), promised=f"≤ {most}", is_kept=number <= most)

    def exactly(self, what: str, number: int, expected: int) -> None:
        self.add(what, str(number), promised=str(expected), is_kept=number == expected)


def below(part: float, seconds: Iterable[float]) -> float:
    """The time that `part` of them stayed below; inf for none at all."""
    ordered = sorted(seconds) or [float("inf")]
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def table(figures: Iterable[Figure]) -> list[str]:
    lines, before = ["| scenario | figure | promised | measured | |", "|---|---|---|---|---|"], ""
    for figure in figures:
        shown = figure.scenario if figure.scenario != before else ""
        lines.append(f"| {shown} | {figure.what} | {figure.promised} | {figure.measured} | {figure.verdict} |")
        before = figure.scenario
    return lines
