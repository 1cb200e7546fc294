"""What the figures were measured on."""

import os
import platform
from pathlib import Path


def describe() -> str:
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    processor = names[0].partition(": ")[2] if names else platform.machine()
    cores = len(os.sched_getaffinity(0))
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    software = f"{platform.system()}, Python {platform.python_version()}"
    return f"{processor}, {cores} cores, {gigabytes:.0f} GB, {software}, load {os.getloadavg()[0]:.1f}"
