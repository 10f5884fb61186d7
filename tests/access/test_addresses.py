"""Whose address counts."""

import pytest

from app.access.addresses import client_address, counted_as, networks

PROXIES = networks("10.0.0.0/8, 192.0.2.1, fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        # Nobody believes a client's own header.
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        # What stands further left than the first stranger is hearsay.
        ("10.0.0.1", "127.0.0.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 192.0.2.1, 10.9.9.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("fd00::1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"),
        ("10.0.0.1", ",,,", "10.0.0.1"),
        ("", "203.0.113.9", ""),
    ],
)
def test_the_nearest_address_that_is_no_proxy_of_ours_counts(peer: str, forwarded: str, found: str):
    assert client_address(peer, forwarded, PROXIES) == found


def test_without_proxies_the_header_says_nothing():
    assert client_address("127.0.0.1", "203.0.113.9", networks("")) == "127.0.0.1"


def test_a_star_believes_everybody():
    assert client_address("198.51.100.7", "203.0.113.9", networks("*")) == "203.0.113.9"


def test_a_network_that_does_not_parse_is_an_error():
    with pytest.raises(ValueError, match="nonsense"):
        networks("10.0.0.0/8,nonsense")


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", "unknown"),
    ],
)
def test_an_ipv6_customer_is_one_network(address: str, counted: str):
    assert counted_as(address) == counted
