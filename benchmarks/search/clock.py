"""Times of one search after another: as they were, and without the waiting for a processor.

Other work on the machine makes a search wait for its turn. Linux counts that for each thread, so it can be taken off:
what is left is what the search would take on a machine of its own. Needs the standard library only.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

WARM_UP = 10
Asked = TypeVar("Asked")


def measure(
    search: Callable[[Asked], object], asked: Sequence[Asked], backends: Callable[[], Iterable[int]]
) -> dict[str, list[float]]:
    """Milliseconds of each search by the wall's clock, and its own. `backends`: the server's processes that serve."""
    for each in asked[:WARM_UP]:
        search(each)
    pids = list(backends())
    times: dict[str, list[float]] = {"wall": [], "own": []}
    for each in asked:
        waited, started = _waited(pids), time.perf_counter()
        search(each)
        wall = (time.perf_counter() - started) * 1_000
        times["wall"].append(wall)
        times["own"].append(wall - (_waited(pids) - waited))
    return times


def percentile(times: Iterable[float], share: float) -> float:
    ordered = sorted(times)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _waited(pids: Iterable[int]) -> float:
    """Milliseconds that this process's threads and those processes have stood in line."""
    tasks = [path for pid in ("self", *pids) for path in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[1]) for task in tasks) / 1e6
