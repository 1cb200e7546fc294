"""Admission: as many answers at once as there are places, and who is turned away is told first.

A refusal takes less than a millisecond of the processor, an answer's search some twenty. When a crowd comes, the few
who got a place would keep all the others waiting; so they let the others pass, for a moment at most.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from django.conf import settings
from django.http import HttpResponse
from django.utils.log import log_response

from rag import limits

logger = logging.getLogger(__name__)

Response = TypeVar("Response", bound=HttpResponse)
RETRY_AFTER = 5  # seconds
SHARE = 4  # of so many places one visitor has one at most: nobody else would get any
GAP = 0.03  # seconds without a refusal: the crowd has passed
PATIENCE = 0.3  # seconds that a crowd is let pass at most, however long it is
TURN = 1.0  # seconds to wait for one's turn at most


class Busy(Exception):
    """All places are taken at the moment. Please ask again in a few seconds."""

    def __init__(self, retry_after: int = RETRY_AFTER) -> None:
        """`retry_after`: seconds. `str` is a sentence for the visitor."""
        super().__init__(self.__class__.__doc__)
        self.retry_after = retry_after


class Greedy(Busy):
    """You have several answers under way. Please ask again when one of them is complete."""


@contextmanager
def admitted(visitor: str = "") -> Iterator[None]:
    """One of the places for answers, of this process and of all together, for as long as the block takes.

    Raises Busy at once when there is none, or when `visitor` has a SHARE of them already.
    """
    taken = places()
    if not taken.acquire(blocking=False):
        crowd.refused()
        raise Busy
    try:
        with _share(visitor), limits.place():
            yield
    except limits.NoPlace as error:
        crowd.refused()
        raise Busy from error
    finally:
        taken.release()


@contextmanager
def _share(visitor: str) -> Iterator[None]:
    """Raises Greedy. Whoever watches an answer that somebody writes has a place, too."""
    with _counting:
        if visitor and _held[visitor] >= max(2, settings.RAG_MAX_STREAMS // SHARE):
            raise Greedy
        _held[visitor] += 1
    try:
        yield
    finally:
        with _counting:
            _held[visitor] -= 1
            if not _held[visitor]:
                del _held[visitor]


@cache
def places() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(settings.RAG_MAX_STREAMS)


@contextmanager
def beginning() -> Iterator[None]:
    """For the first look at the database, one at a time: twenty at once would keep those from a turn who refuse.

    A look takes milliseconds; where it does not, as with a database that hangs, nobody waits for the others'.
    """
    is_first = _beginning.acquire(timeout=TURN)
    try:
        crowd.let_pass()
        yield
    finally:
        if is_first:
            _beginning.release()


class Crowd:
    """Those who are turned away at the same time."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._since = self._last = float("-inf")
        self.size = 0

    def refused(self) -> None:
        """One more."""
        now = self._clock()
        if now > self._last + GAP:
            self._since, self.size = now, 0
        self._last = now
        self.size += 1

    def let_pass(self) -> None:
        """Wait until nobody came for GAP, or the crowd has had its PATIENCE; not at all when there is none."""
        latest = self._clock() + PATIENCE  # also when it is a new one each time that we look
        while (left := min(self._last + GAP, self._since + PATIENCE, latest) - self._clock()) > 0:
            self._sleep(left)


crowd = Crowd()
_counting = threading.Lock()
_held: Counter[str] = Counter()  # places by visitor
_beginning = threading.Lock()


def expected(response: Response) -> Response:
    """A refusal that is part of the plan, logged as what it is: left alone, every 503 is logged as an error.

    Of a crowd the first one is told, as a hundred lines would say no more.
    """
    level = "info" if crowd.size == 1 else "debug"
    log_response("All %s places are taken.", settings.RAG_MAX_STREAMS, response=response, logger=logger, level=level)
    return response
