"""Who holds a claim, told so exactly that a dead holder on this very machine is known to be dead at once.

Elsewhere nobody can know; there the lease has to run out.
"""

import os
import socket
from contextlib import suppress
from pathlib import Path


def current() -> str:
    """This process: machine, process namespace, number, and start, so that a number used again is another holder."""
    return f"{_place()} {os.getpid()} {_start(os.getpid())}"


def is_dead(holder: str) -> bool:
    """Whether that process was on this machine and is there no more; False when that cannot be told."""
    place, _, process = holder.partition(" ")
    number, _, start = process.partition(" ")
    if place != _place() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    now = _start(int(number))
    return bool(start and now) and start != now


def _place() -> str:
    """The machine since it was booted, and the namespace that process numbers belong to."""
    boot = namespace = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = str(Path("/proc/self/ns/pid").stat().st_ino)
    return f"{socket.gethostname()}/{boot}/{namespace}"


def _start(number: int) -> str:
    """When the process started, in clock ticks since boot; "" where that cannot be read. A zombie has none."""
    with suppress(OSError):
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        return "zombie" if fields[0] == "Z" else fields[19]
    return ""
