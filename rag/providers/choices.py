"""Who is asked for answers when the settings name several: by the kind of question, by shares, one after another."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

from rag import providers

CONDITIONAL = "conditional"  # as LLM_PROVIDER
NOBODY = "none"  # as LLM_FALLBACKS
LAST_RESORT = "extractive"  # needs nobody, so that what comes after it is never asked


@dataclass(frozen=True, kw_only=True)
class Share:
    """So many per cent of the conversations go to that provider."""

    name: str
    percent: float


@dataclass(frozen=True, kw_only=True)
class Use:
    """A provider that may be asked, and the setting that says so. `role`: in a word, "" for the only one."""

    name: str
    setting: str
    role: str = ""


def chosen() -> list[Use]:
    """The one that is asked first, or the two that share the questions: simple, complex."""
    name = providers.chosen_chat()
    if name != CONDITIONAL:
        return [Use(name=name, setting="LLM_PROVIDER")]
    simple, hard = settings.LLM_PROVIDER_SIMPLE.lower(), settings.LLM_PROVIDER_COMPLEX.lower()
    return [
        Use(name=simple, setting="LLM_PROVIDER_SIMPLE", role="simple"),
        Use(name=hard, setting="LLM_PROVIDER_COMPLEX", role="complex"),
    ]


def fallbacks() -> list[str]:
    """Who answers, in this order, when those that were chosen cannot."""
    names = [name.lower() for name in settings.LLM_FALLBACKS]
    return [] if names == [NOBODY] else names


def shares() -> list[Share]:
    """Raises ValueError when LLM_ROLLOUT cannot be understood: entries as azure=10, of 100 in all."""
    found = [_share(entry) for entry in settings.LLM_ROLLOUT]
    if round(sum(share.percent for share in found), 6) > 100:  # 64.4 + 20.2 + 15.4 is a little more in floats
        raise ValueError("LLM_ROLLOUT gives away more than all conversations.")
    return found


def in_use() -> Iterator[Use]:
    """Everybody who may be asked, each once. Raises ValueError as `shares` does."""
    rollout = [Use(name=each.name, setting="LLM_ROLLOUT", role=f"{each.percent:g} %") for each in shares()]
    after = [Use(name=name, setting="LLM_FALLBACKS", role="fallback") for name in fallbacks()]
    seen: set[str] = set()
    for use in [*chosen(), *rollout, *after]:
        if use.name not in seen:
            yield use
        seen.add(use.name)


def _share(entry: str) -> Share:
    name, _, percent = entry.partition("=")
    try:
        share = Share(name=name.strip().lower(), percent=float(percent))
    except ValueError as error:
        raise ValueError(f"LLM_ROLLOUT: {entry!r} is not a name and a number, as in azure=10.") from error
    if not 0 <= share.percent <= 100:
        raise ValueError(f"LLM_ROLLOUT: {entry!r} is not from 0 to 100.")
    return share
