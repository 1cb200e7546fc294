"""A provider to talk to."""

from collections.abc import Iterator

import pytest

from tests import providers


@pytest.fixture
def provider() -> Iterator[providers.Provider]:
    with providers.serving() as running:
        yield running
