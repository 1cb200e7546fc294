"""The suite itself: the network is off."""

import socket

import httpx
import pytest


def test_a_connection_beyond_this_computer_is_refused() -> None:
    with socket.socket() as client, pytest.raises(RuntimeError, match="reached for the network"):
        client.connect(("192.0.2.1", 80))


def test_it_is_refused_without_an_exception_too() -> None:
    with socket.socket(socket.AF_INET6) as client, pytest.raises(RuntimeError, match="reached for the network"):
        client.connect_ex(("2001:db8::1", 80))


def test_a_client_cannot_take_it_for_a_failure_that_it_handles() -> None:
    with pytest.raises(RuntimeError, match=r"address of .*example\.com"):
        httpx.get("http://example.com/")


def test_this_computer_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
