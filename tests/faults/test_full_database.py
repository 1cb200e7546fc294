"""PostgreSQL has no room left: the run fails with that reason, the old index answers on, and with room all goes on.

A trigger raises what PostgreSQL raises then. Filling a disk for real takes rights that not every machine gives:
`python -m tests.faults disks`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from tests.faults import cases
from tests.faults.invariants import assert_invariants
from tests.faults.world import World

pytestmark = pytest.mark.django_db(transaction=True)

WRITES = {
    "adding the files": "INSERT ON rag_sourcefile",
    "storing a batch": "INSERT ON rag_chunk",
    "making it live": "INSERT ON rag_posting",
}
NOT_EVEN_FAILED = "UPDATE OF processing_error ON portfolio_projectrag"


@contextmanager
def no_room(for_what: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION faults_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE 'could not extend file \"base/1/2\": No space left on device' USING ERRCODE = 'disk_full'; END $$"
        )
        cursor.execute(f"CREATE TRIGGER faults_full BEFORE {for_what} FOR EACH ROW EXECUTE FUNCTION faults_full()")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION faults_full CASCADE")


@pytest.mark.parametrize("what", WRITES)
def test_a_run_without_room_fails_with_the_reason_and_the_next_goes_on(world: World, what: str) -> None:
    case = cases.make(world, indexed=True)
    with no_room(WRITES[what]):
        done = case.run()
        case.kills += 1
        assert (done.code, case.rag.processing_status, case.rag.error_code) == (1, "failed", "database_full"), done
        assert "no room left on its disk" in case.rag.processing_error
        assert_invariants(case)

    assert case.run().code == 0
    assert_invariants(case, finished=True)


def test_when_not_even_the_failure_can_be_stored_the_next_run_takes_it_up(world: World) -> None:
    case = cases.make(world, indexed=True)
    with no_room(NOT_EVEN_FAILED):
        done = case.run("claimed:1:RAISE")
        assert done.code == 1, done
        assert "no room left on its disk" in done.out
        assert_invariants(case)

    assert case.run().code == 0
    assert_invariants(case, finished=True)
