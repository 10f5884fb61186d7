"""Tickets: good once and for half a minute, so that no token stands in a socket's address."""

import asyncio
import secrets

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.access.errors import TicketInvalid
from app.access.principal import Principal
from app.errors import DependencyDown

TTL_S = 30
# Redis answers within a millisecond or is in trouble.
REDIS_TIMEOUT_S = 0.25
PREFIX = "tk_"
TICKET_LENGTH_MAX = 64

_decoder = msgspec.json.Decoder(Principal)


class Tickets:
    """Issues and takes tickets, kept in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def issue(self, principal: Principal) -> str:
        """Returns a ticket that stands for the principal; raises DependencyDown."""
        ticket = PREFIX + secrets.token_urlsafe(24)
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                await self._redis.set(_key(ticket), msgspec.json.encode(principal), ex=TTL_S)
        except (RedisError, OSError, TimeoutError) as error:
            raise DependencyDown("Tickets cannot be issued just now.") from error
        return ticket

    async def take(self, ticket: str) -> Principal:
        """Returns whom a ticket stands for and uses it up; raises TicketInvalid, DependencyDown."""
        if len(ticket) > TICKET_LENGTH_MAX:
            raise TicketInvalid
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                kept = await self._redis.getdel(_key(ticket))
        except (RedisError, OSError, TimeoutError) as error:
            raise DependencyDown("Tickets cannot be checked just now.") from error
        if kept is None:
            raise TicketInvalid
        return _decoder.decode(kept)


def is_ticket(text: str) -> bool:
    """Says whether this looks like a ticket rather than a token."""
    return text.startswith(PREFIX)


def _key(ticket: str) -> str:
    return f"ticket:{ticket}"
