"""What one worker on one core bears.

    python -m benchmarks.load [--minutes 2 streams=10] [--only streams pages] [--write]

The server is gunicorn as production starts it (config/gunicorn.py, DEBUG off), alone on core 0. This program, which is
the visitors, and PostgreSQL, which is another machine in production, are on core 1. The model stands in: one word
every 50 ms, and question vectors at once. --minutes is for each scenario, and for single ones by their names.
"""

import argparse
import asyncio
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine
from benchmarks.load import figures, scenarios, site

RESULTS = Path(__file__).resolve().parent.parent / "LOAD.md"
BEGIN, END = "<!-- results -->\n", "<!-- end of results -->\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", nargs="+", default=["2"], help="of each scenario: 2, or 2 soak=120")
    parser.add_argument("--only", nargs="+", default=list(scenarios.ALL), choices=scenarios.ALL)
    parser.add_argument("--write", action="store_true", help="put the table into LOAD.md")
    options = parser.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        parser.error("Two cores are needed: one for the server, one for its visitors.")
    about = f"{machine.describe()}, {datetime.now(UTC):%Y-%m-%d}"
    with tempfile.TemporaryDirectory(prefix="docent-load-") as folder, site.running(Path(folder)) as running:
        found = asyncio.run(_measured(running, options.only, options.minutes))
    about += f", at the end {os.getloadavg()[0]:.1f}; `--minutes {' '.join(options.minutes)}`."
    text = "\n".join([f"{about}\n", *figures.table(found)]) + "\n"
    print(f"\n{text}")
    if options.write:
        _write(text)
    if any(figure.is_kept is False for figure in found):
        raise SystemExit(1)


async def _measured(running: site.Site, only: list[str], minutes: list[str]) -> list[figures.Figure]:
    named = dict(entry.split("=") for entry in minutes if "=" in entry)
    general = next((entry for entry in minutes if "=" not in entry), "2")
    found = []
    for name in only:
        print(f"{name}: load {os.getloadavg()[0]:.1f}", flush=True)
        told = await scenarios.ALL[name](running, float(named.get(name, general)))
        print("\n".join(figures.table(told)), flush=True)
        found += told
    sheet, errors = figures.Sheet(scenario="in all"), running.errors()
    print("\n".join(errors[:5]))
    sheet.exactly("errors in the log", len(errors), 0)
    return found + sheet.figures


def _write(text: str) -> None:
    before, rest = RESULTS.read_text().split(BEGIN)
    RESULTS.write_text(before + BEGIN + text + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
