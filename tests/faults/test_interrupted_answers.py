"""Something breaks while Groq's SDK brings an answer to a visitor of a real server: what was written is kept.

And nothing that an answer holds, a place, a part of the budget, a question that others wait for, outlives it.
"""

import signal
from collections.abc import Iterator

import pytest

from tests import providers
from tests.faults import cases, proxy, site
from tests.faults.test_lost_connections import cut
from tests.faults.world import World
from tests.providers import dialects

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def groq() -> Iterator[providers.Provider]:
    with site.answering(dialects.GROQ) as provider:
        yield provider


def test_without_its_connections_to_the_database_the_answer_is_completed(
    world: World, groq: providers.Provider
) -> None:
    case = cases.make(world, indexed=True)
    with site.serving(world, **site.by(groq)) as server, site.asked(case, server) as asked:
        assert cut(world) > 0
        asked.read_on()

    assert (asked.message.status, asked.message.provider) == ("complete", "groq")
    site.assert_settled(asked)


def test_a_provider_that_is_cut_off_leaves_an_answer_that_can_be_asked_again(
    world: World, groq: providers.Provider
) -> None:
    case = cases.make(world, indexed=True)
    with proxy.between(int(groq.url.rpartition(":")[2])) as line:
        through = site.by(groq) | {"GROQ_BASE_URL": f"http://127.0.0.1:{line.port}"}
        with site.serving(world, **through) as server, site.asked(case, server) as asked:
            assert line.reset() > 0
            asked.read_on()
            assert asked.message.status == "interrupted"
            site.assert_settled(asked)
            asked.ask_again()


def test_a_server_that_is_told_to_stop_keeps_what_was_written(world: World, groq: providers.Provider) -> None:
    case = cases.make(world, indexed=True)
    groq.forget()
    groq.plan(providers.Chat(site.WORDS[:3], hang=30))  # it notices who hangs up while it is silent
    with site.serving(world, **site.by(groq)) as server, site.asked(case, server) as asked:
        server.process.send_signal(signal.SIGTERM)
        asked.read_on()

    assert (asked.message.status, asked.message.error_code) == ("interrupted", "stopped")
    assert "interrupted before it was complete" in asked.seen
    assert groq.left.wait(10), "the provider goes on writing"
    site.assert_settled(asked)
