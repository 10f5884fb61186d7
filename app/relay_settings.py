"""The settings of the stream of changes: straight from Postgres, or by way of a relay."""

from typing import Annotated, Literal

import msgspec

from app.variables import env


class RelaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where an API process hears of changes, and where a relay says them."""

    source: Annotated[
        Literal["postgres", "relay"],
        env(
            "STREAM_SOURCE",
            "Where API processes hear of changes: postgres, each over a LISTEN of its own, or "
            "relay, from `app relay` over RELAY_URLS.",
        ),
    ] = "postgres"
    urls: Annotated[
        str,
        env(
            "RELAY_URLS",
            "Nodes of a Redis or Valkey cluster (or one server that is none), by comma; one that "
            "answers is enough, it names the others. User, password and TLS are the first one's "
            "and go for all. Empty: REDIS_URL.",
            secret=True,
        ),
    ] = ""
    # Channels are named by it: processes that disagree hear nothing of each other.
    shards: Annotated[
        int,
        env(
            "RELAY_SHARDS",
            "Channels that matches are spread over; the same for the relay and every API process.",
            ge=1,
            le=1024,
        ),
    ] = 32
    metrics_port: Annotated[
        int,
        env(
            "RELAY_METRICS_PORT",
            "Port of the relay's own /metrics; 0 switches it off.",
            ge=0,
            le=65535,
        ),
    ] = 0


def nodes_of(urls: str, *, otherwise: str = "") -> list[str]:
    """Returns the addresses of a list by comma; one that is empty is `otherwise`.

    Raises ValueError, which tells an address by its number: it may hold a password.
    """
    found = [url.strip() for url in urls.split(",") if url.strip()]
    for number, url in enumerate(found, 1):
        if not url.startswith(("redis://", "rediss://")):
            raise ValueError(f"RELAY_URLS: address {number} begins neither redis:// nor rediss://")
    return found or [otherwise]
