"""The servers, one a dialect for all tests of a run."""

from collections.abc import Iterator

import pytest

from tests.providers import Provider, dialects, serving


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, Provider]]:
    running = {dialect.name: serving(dialect) for dialect in dialects.ALL}
    yield {name: server.__enter__() for name, server in running.items()}
    for server in running.values():
        server.__exit__(None, None, None)
