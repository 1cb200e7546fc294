"""A provider whose certificate nobody vouches for is sent nothing, and the sentence names its address."""

import ssl
from collections.abc import Callable, Iterator
from http.client import HTTPSConnection

import pytest

from tests.git_fixtures import HttpsHost, https_host
from tests.providers import Provider, dialects, matrix
from tests.providers.scene import Scene, Seen, scene


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsHost]:
    """Has a certificate that it made itself, and notes what it is sent."""
    with https_host(tmp_path_factory.mktemp("nothing"), tmp_path_factory.mktemp("certificate")) as host:
        yield host


def refused(provider: Provider, stranger: HttpsHost, act: Callable[[Scene], Seen]) -> Seen:
    changes = matrix.wrong("ADDRESS", f"https://{stranger.host}")(provider.dialect)
    with scene(provider, **changes) as set_up:
        seen = act(set_up)
    assert set(changes) & seen.named and stranger.requests == []
    return seen


@pytest.mark.parametrize("dialect", dialects.ALL, ids=lambda dialect: dialect.name)
def test_a_model_with_a_certificate_of_its_own_making_is_asked_nothing(
    servers: dict[str, Provider], dialect: dialects.Dialect, stranger: HttpsHost
) -> None:
    seen = refused(servers[dialect.name], stranger, Scene.chat)

    assert (seen.code, len(seen.waits)) == ("unreachable", 1)


@pytest.mark.parametrize("dialect", [each for each in dialects.ALL if each.embeds], ids=lambda dialect: dialect.name)
def test_nor_is_it_sent_any_text_to_embed(
    servers: dict[str, Provider], dialect: dialects.Dialect, stranger: HttpsHost
) -> None:
    assert refused(servers[dialect.name], stranger, Scene.embed).code == "embedding_unavailable"


def test_it_is_the_certificate_alone_that_is_refused(stranger: HttpsHost) -> None:
    connection = HTTPSConnection(stranger.host, context=ssl.create_default_context(cafile=stranger.certificate))
    connection.request("GET", "/")
    connection.getresponse().read()
    connection.close()

    assert [request.path for request in stranger.requests] == ["/"]
    stranger.requests.clear()
