"""How many threads can really run at once here: a container often sees more processors than it may use."""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def count() -> int:
    """Processors by affinity, by the control group's limit and by what Render says; part of one counts as one."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([own, *map(math.ceil, _shares())]))


def _shares() -> Iterator[float]:
    """Every limit that is set, in processors; where none is set, the file is missing or says "max" or −1."""
    with suppress(OSError, ValueError):
        quota, period = (CGROUPS / "cpu.max").read_text().split()
        yield float(quota) / float(period)
    with suppress(OSError, ValueError):
        quota, period = ((CGROUPS / "cpu" / f"cpu.cfs_{part}_us").read_text() for part in ("quota", "period"))
        if float(quota) > 0:
            yield float(quota) / float(period)
    with suppress(ValueError):
        yield float(os.environ.get("RENDER_CPU_COUNT", ""))
