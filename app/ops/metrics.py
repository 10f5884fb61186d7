"""GET /metrics, for the networks that may."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State
from prometheus_client import CONTENT_TYPE_LATEST

from app import metrics
from app.access.addresses import Network, client_address
from app.errors import NotAllowed


def is_among(host: str, networks: Sequence[Network]) -> bool:
    """Says whether an address is in one of the networks; a text that is no address is in none."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if address.version == 6 else None
    return any((mapped or address) in network for network in networks)


@get("/metrics", tags=["operations"], include_in_schema=False)
async def get_metrics(request: Request[Any, Any, Any], state: State) -> Response[bytes]:
    """Returns every metric in Prometheus' text format, of all processes on this port."""
    peer = request.client.host if request.client is not None else ""
    forwarded_for = request.headers.get("x-forwarded-for", "")
    if not is_among(client_address(peer, forwarded_for, state.proxies), state.metrics_networks):
        raise NotAllowed("Metrics are not for this network.")
    return Response(
        # Of several processes it reads files.
        content=await asyncio.to_thread(metrics.told),
        media_type=CONTENT_TYPE_LATEST,
        headers={"cache-control": "no-store"},
    )


metrics_routes: list[Any] = [get_metrics]
