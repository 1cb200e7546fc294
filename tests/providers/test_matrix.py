"""Providers × behaviours, through the real SDKs: every provider's dialect, and everything that can go wrong with it."""

import resource
from collections.abc import Callable, Iterable

import pytest

from rag import providers
from tests.providers import Provider, dialects, matrix
from tests.providers.scene import Scene, Seen, scene

EMBEDDING = [dialect for dialect in dialects.ALL if dialect.embeds]
Servers = dict[str, Provider]


def cases(columns: Iterable[dialects.Dialect], rows: Iterable[matrix.Row]) -> list[object]:
    rows = list(rows)
    return [pytest.param(dialect, row, id=f"{dialect.name}: {row.name}") for dialect in columns for row in rows]


def tried(provider: Provider, row: matrix.Row, act: Callable[[Scene], Seen]) -> Seen:
    with scene(provider, **row.settings(provider.dialect)) as set_up:
        provider.plan(*row.planned(provider.dialect))
        return act(set_up)


def check(seen: Seen, dialect: dialects.Dialect, row: matrix.Row) -> None:
    assert (seen.code, seen.seconds < row.seconds) == (row.expected(dialect), True), seen
    assert row.requests is None or seen.requests == row.requests
    assert seen.retry_after == (None if row.retry_after is None else pytest.approx(row.retry_after, abs=5))
    assert dialects.KEY not in seen.sentence
    assert "please" not in seen.sentence.lower()  # the servers' own words
    assert seen.named <= own_settings(dialect)


def own_settings(dialect: dialects.Dialect) -> set[str]:
    row = providers.BY_NAME[dialect.name]
    reaches = [reach for reach in (row.chat, row.embedding) if reach]
    return {name for reach in reaches for name in (reach.key, reach.address, reach.model, reach.really)}


@pytest.mark.parametrize(("dialect", "row"), cases(dialects.ALL, matrix.CHAT))
def test_an_answer(servers: Servers, dialect: dialects.Dialect, row: matrix.Row) -> None:
    seen = tried(servers[dialect.name], row, Scene.chat)

    check(seen, dialect, row)
    assert row.text is None or seen.text == row.text


@pytest.mark.parametrize(("dialect", "row"), cases(EMBEDDING, matrix.EMBEDDING))
def test_embeddings(servers: Servers, dialect: dialects.Dialect, row: matrix.Row) -> None:
    check(tried(servers[dialect.name], row, Scene.embed), dialect, row)


def test_a_hundred_megabytes_cost_no_memory(servers: Servers) -> None:
    row = next(row for row in matrix.CHAT if row.name == "100 MB on a line")
    for provider in servers.values():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        tried(provider, row, Scene.chat)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KB
