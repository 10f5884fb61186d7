"""The port of `app up`: the one asked for, or the next free one."""

import socket

import click
import pytest

from app.commands.up import listen

HOST = "127.0.0.1"


def test_the_next_free_port_is_taken_when_none_was_asked_for():
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with listen(HOST, port, others=True) as found:
            assert port < found.getsockname()[1] <= port + 100


def test_a_port_that_was_asked_for_is_taken_or_refused():
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(click.ClickException, match=f"port {port} of {HOST}: Address already"):
            listen(HOST, port, others=False)
    with listen(HOST, port, others=False) as found:
        assert found.getsockname()[1] == port


def test_an_address_that_is_not_ours_is_refused():
    with pytest.raises(click.ClickException, match=r"192\.0\.2\.1"):
        listen("192.0.2.1", 8000, others=False)
