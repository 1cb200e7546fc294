"""Typed reading of the environment: a wrong value stops the start with the variable's name and what it takes."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TypeVar

import environ
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One documented variable: its name and the default as a reader would write it."""

    name: str
    default: str


variables: dict[str, Variable] = {}


def load(file: Path) -> None:
    """Read `file` (KEY=value lines) into the environment; what is already set there wins."""
    environ.Env.read_env(str(file), overwrite=False)


def text(name: str, default: str = "") -> str:
    return _read(name, default, str, "a text")


def whole(name: str, default: int, *, minimum: int = 0) -> int:
    return _read(name, default, lambda raw: _at_least(int(raw), minimum), f"a whole number from {minimum} up")


def number(name: str, default: float, *, minimum: float = 0.0) -> float:
    return _read(name, default, lambda raw: _at_least(float(raw), minimum), f"a number from {minimum:g} up")


def money(name: str, default: str = "0") -> Decimal:
    """US dollars."""
    return _read(name, Decimal(default), _dollars, "an amount of US dollars such as 2.50")


def number_or(name: str, default: float, word: str) -> float | str:
    """A number from 0 up, or `word`."""
    start: float | str = default
    takes = f"a number from 0 up, or {word}"
    return _read(name, start, lambda raw: word if raw == word else _at_least(float(raw), 0.0), takes)


def one_of(name: str, default: str, known: tuple[str, ...]) -> str:
    return _read(name, default, lambda raw: known[known.index(raw)], " or ".join(known))


def flag(name: str, default: bool) -> bool:  # noqa: FBT001 — the default of a flag is a flag
    return _read(name, default, _flag, "true or false")


def words(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """A list, separated by commas."""
    return _read(name, list(default), _words, "words separated by commas")


def _read(name: str, default: T, convert: Callable[[str], T], takes: str) -> T:
    shown = ",".join(default) if isinstance(default, list) else str(default)
    variables[name] = Variable(name=name, default=shown)
    raw = environ.Env.ENVIRON.get(name, "").strip()
    if not raw:
        return default
    try:
        return convert(raw)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={raw!r} cannot be used: it takes {takes}.") from error


def _at_least(value: T, minimum: T) -> T:
    if not value >= minimum:  # type: ignore[operator]  # also refuses NaN
        raise ValueError(value)
    return value


def _dollars(raw: str) -> Decimal:
    try:
        amount = Decimal(raw)
    except InvalidOperation as error:
        raise ValueError(raw) from error
    if not (amount.is_finite() and 0 <= amount < 1_000_000):
        raise ValueError(raw)
    return amount


def _flag(raw: str) -> bool:
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if raw.lower() not in known:
        raise ValueError(raw)
    return known[raw.lower()]


def _words(raw: str) -> list[str]:
    return [word.strip() for word in raw.split(",") if word.strip()]
