"""How many places for answers are free."""

from rag import admission


def free(places: int) -> bool:
    """Whether exactly so many places are free."""
    taken = 0
    while admission.places().acquire(blocking=False):
        taken += 1
    for _ in range(taken):
        admission.places().release()
    return taken == places
