"""Which address a caller has, behind proxies or not."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

# Longer lists than any honest chain of proxies makes are not looked through.
FORWARDED_HOPS_MAX = 16
# One customer holds a whole /64, so that is what is counted.
IPV6_PREFIX = 64


def networks(text: str) -> tuple[Network, ...]:
    """Parses addresses and CIDR networks, by comma; `*` is everybody. Raises ValueError."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if "*" in words:
        return ip_network("0.0.0.0/0"), ip_network("::/0")
    return tuple(ip_network(word, strict=False) for word in words)


def client_address(peer: str, forwarded_for: str, believed: tuple[Network, ...]) -> str:
    """Returns the caller's address: the nearest one that is not a proxy we believe.

    Read from the right: what a client writes into the header itself stands further left.
    """
    found = peer
    hops = forwarded_for.split(",")[-FORWARDED_HOPS_MAX:]
    while hops and _is_in(found, believed):
        hop = _without_port(hops.pop().strip())
        if not _is_address(hop):
            break
        found = hop
    return found


def counted_as(address: str) -> str:
    """Returns what an address counts as for limits: itself, or its IPv6 network."""
    if not _is_address(address):
        return "unknown"
    parsed = ip_address(address)
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed.packed, IPV6_PREFIX), strict=False))


def _is_in(address: str, believed: tuple[Network, ...]) -> bool:
    if not believed or not _is_address(address):
        return False
    parsed = ip_address(address)
    return any(parsed in network for network in believed)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
