from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.faults import world as worlds


@pytest.fixture(scope="module")
def world(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[worlds.World]:
    """One for all tests of a module, which have to be `django_db(transaction=True)`; each makes a case of its own."""
    with django_db_blocker.unblock(), worlds.world(tmp_path_factory.mktemp("faults"), is_preloaded=True) as made:
        yield made
