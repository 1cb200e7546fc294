"""Visitors meanwhile: threads that search and look at pages all the time, and hold what they get against the whole."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection
from django.test import Client
from django.urls import reverse

from rag import retrieval
from tests.faults import cases

PAGES = ("project", "panel", "chat")


@dataclass
class Seen:
    """`wrong`: what was read that belongs to no commit as a whole."""

    reads: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@contextmanager
def reading(case: cases.Case, threads: int = 1, pause: float = 0.0) -> Iterator[Seen]:
    """Inside, visitors read, each with a `pause` in seconds. Of a case without an index pages are read only."""
    seen, over = Seen(), threading.Event()
    about = case, seen, over, pause
    visitors = [threading.Thread(target=_read, args=(*about, n), daemon=True) for n in range(threads)]
    for visitor in visitors:
        visitor.start()
    try:
        yield seen
    finally:
        over.set()
        for visitor in visitors:
            visitor.join(60)


def _read(case: cases.Case, seen: Seen, over: threading.Event, pause: float, turn: int) -> None:
    client = Client()
    while not over.wait(pause):
        turn += 1
        try:
            if turn % 20 == 0:
                _look(case, client, PAGES[turn // 20 % len(PAGES)], seen)
            else:
                _search(case, turn % len(cases.QUESTIONS), seen)
        except Exception as error:  # noqa: BLE001 — whatever a visitor would have seen
            seen.wrong.append(f"{type(error).__name__}: {error}")
    connection.close()


def _look(case: cases.Case, client: Client, name: str, seen: Seen) -> None:
    status = client.get(reverse(name, args=[case.project.slug])).status_code
    seen.reads["pages"] += 1
    if status not in (200, 303):
        seen.wrong.append(f"{name}: {status}")


def _search(case: cases.Case, number: int, seen: Seen) -> None:
    """As an answer does it: the live revision is read, and then searched."""
    live = case.rag.live_revision
    if live is None:
        return
    found = retrieval.search(live, cases.QUESTIONS[number])
    seen.reads["searches"] += 1
    expected = case.expected[found.revision.commit_sha].answers[number]
    if cases.shown(found.passages) != expected:
        seen.wrong.append(f"{cases.QUESTIONS[number]} of {found.revision.commit_sha[:10]}: another answer")
