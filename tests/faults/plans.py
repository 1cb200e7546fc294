"""Which fault, where: every point of the program, at a passing that is in the middle of things."""

from config import faults

# The point is passed more than once, and the first passing is the less interesting one.
LATER = {"mid-chunking": 2, "embedding-in-flight": 2, "returned-not-saved": 2, "saving": 2, "saved-before-progress": 2}
# The look for the commit is the first conversation with the host; a project that is ready is looked at once before.
FETCH = {False: 2, True: 3}


def fault(point: str, how: str, *, indexed: bool) -> str:
    """FAULT for `point` in the run of a project that is new or `indexed`."""
    nth = FETCH[indexed] if point == "mid-clone" else LATER.get(point, 1)
    return f"{point}:{nth}:{how}"


POINTS = faults.POINTS
