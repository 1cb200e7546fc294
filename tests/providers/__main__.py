"""Prints the matrix: every behaviour × every provider, as it is seen through the real SDKs.

python -m tests.providers
"""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from tests import conftest  # noqa: F401 — the settings of the tests
from tests.providers import Provider, dialects, matrix, serving
from tests.providers.scene import Scene, Seen, scene

Act = Callable[[Scene], Seen]


def main() -> int:
    started = time.monotonic()
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(dialect)) for dialect in dialects.ALL]
        unexpected = table("Answers", matrix.CHAT, servers, Scene.chat)
        unexpected += table("Embeddings", matrix.EMBEDDING, [s for s in servers if s.dialect.embeds], Scene.embed)
    say(f"\n{unexpected} unexpected, {time.monotonic() - started:.0f} s")
    return 1 if unexpected else 0


def table(title: str, rows: Sequence[matrix.Row], columns: Sequence[Provider], act: Act) -> int:
    """Print it as Markdown; the number of cells that are not as expected."""
    say(f"\n| {title} | {' | '.join(each.dialect.name for each in columns)} |")
    say("|---" * (len(columns) + 1) + "|")
    unexpected = 0
    for row in rows:
        cells = []
        for provider in columns:
            seen = tried(row, provider, act)
            is_so = seen.code == row.expected(provider.dialect)
            unexpected += not is_so
            cells.append(cell(seen) + ("" if is_so else " (!)"))
        say(f"| {row.name} | {' | '.join(cells)} |")
    return unexpected


def tried(row: matrix.Row, provider: Provider, act: Act) -> Seen:
    with scene(provider, **row.settings(provider.dialect)) as set_up:
        provider.plan(*row.planned(provider.dialect))
        return act(set_up)


def cell(seen: Seen) -> str:
    told = seen.code.removeprefix("embedding_") or "well"
    told += f", {seen.retry_after:.0f} s" if seen.retry_after else ""
    return told + (", 2 tries" if seen.requests == 2 else "")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
