"""Ports are free when they are picked, and remembered."""

import socket
from pathlib import Path

import pytest

from app.devstack import ports


def test_a_port_is_kept_while_it_is_free(tmp_path: Path):
    file = tmp_path / "port"
    first = ports.keep(file)
    assert ports.keep(file) == first


def test_a_port_somebody_else_took_is_given_up(tmp_path: Path):
    file = tmp_path / "port"
    taken = ports.keep(file)
    with socket.create_server(("127.0.0.1", taken)):
        assert not ports.is_free(taken)
        assert ports.keep(file) != taken


@pytest.mark.parametrize("nonsense", ["", "x", "0", "99999", "-5", "54321.5"])
def test_nonsense_in_the_file_is_no_hindrance(tmp_path: Path, nonsense: str):
    file = tmp_path / "port"
    file.write_text(nonsense)
    assert ports.FIRST <= ports.keep(file) < ports.LAST


def test_no_port_is_picked_twice():
    """Of 500 out of 12,000 two would be the same nearly always."""
    assert len({ports.pick() for _ in range(500)}) == 500
