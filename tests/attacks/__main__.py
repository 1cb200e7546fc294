"""Tries every attack and prints what was tried and what came of it.

python -m tests.attacks            all but the browser's
python -m tests.attacks browser    those, too, in a real Chromium
"""

import sys
import time
from contextlib import redirect_stdout
from io import StringIO

import pytest

from tests.attacks import TALLY

WHERE = ["tests/attacks", "tests/rag/test_injection.py", "tests/portfolio/test_logins.py"]
HEADS = {"tried": "tried", "active": "active", "fetches": "unclicked fetches", "leaks": "leaks", "found": "found"}


def main() -> int:
    started, output = time.monotonic(), StringIO()
    where = [*WHERE, *(["tests/browser/test_attacks.py"] if "browser" in sys.argv else [])]
    with redirect_stdout(output):
        code = pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--show-capture=no", *where])
    lines = [f"| | {' | '.join(HEADS.values())} |", "|---" * (len(HEADS) + 1) + "|"]
    lines += [row(kind, counts) for kind, counts in sorted(TALLY.rows.items())]
    lines += [row("**all**", {name: sum(each[name] for each in TALLY.rows.values()) for name in HEADS})]
    summary = output.getvalue().rstrip().splitlines()[-1:] if code == 0 else [output.getvalue()]
    sys.stdout.write("\n".join([*lines, "", *summary, f"{time.monotonic() - started:.0f} s\n"]))
    return int(code)


def row(kind: str, counts: dict[str, int]) -> str:
    cells = [f"{counts[name]:,}" if name != "found" or counts[name] else "" for name in HEADS]
    return f"| {kind} | {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
