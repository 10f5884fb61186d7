"""Who is asking, from headers, a query token or a ticket."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from app.access.addresses import networks
from app.access.errors import ApiKeyInvalid, TicketInvalid, TokenExpired, TokenRevoked
from app.access.gate import Gate, Headers
from app.access.known_keys import KnownKeys
from app.access.principal import Principal, anonymous
from app.access.revocations import Kind, Revocation, Revocations
from app.access.tickets import Tickets
from app.access.tiers import Tiers
from app.errors import DependencyDown, NotAuthenticated
from app.sports.ids import UserId
from tests.access.conftest import TOKENS

ALLOWANCES = Tiers()


def gate_over(redis: Redis, *, anonymous_access: bool = True, pool: Any = None) -> Gate:
    revocations = Revocations()
    return Gate(
        TOKENS,
        Tickets(redis),
        revocations=revocations,
        keys=KnownKeys(pool, revocations),
        allowances=ALLOWANCES,
        anonymous_access=anonymous_access,
        proxies=networks("10.0.0.0/8"),
    )


def token(age_s: float = 0) -> str:
    return TOKENS.issue(UserId(7), role="user", tier="pro", now=time.time() - age_s)


def bearing(text: str) -> Headers:
    return [(b"host", b"x"), (b"authorization", text.encode())]


async def test_without_credentials_one_is_an_address(redis: Redis):
    headers = [(b"x-forwarded-for", b"203.0.113.9")]
    gate = gate_over(redis)
    assert await gate.principal_of(headers, peer="10.0.0.1") == anonymous("203.0.113.9")
    assert gate.allowance_of(Principal(key="x")).requests_per_minute == 100


async def test_a_token_counts_from_the_header_and_from_the_query(redis: Redis):
    gate = gate_over(redis, anonymous_access=False)
    by_header = await gate.principal_of(bearing(f"bearer {token()}"), peer="")
    by_query = await gate.principal_of([], peer="", query_token=token())
    assert by_header.key == by_query.key == "user:7"
    assert gate.allowance_of(by_header).sockets == 100


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x", "x"])
async def test_bad_credentials_are_not_taken_for_none(redis: Redis, shown: str):
    with pytest.raises(NotAuthenticated):
        await gate_over(redis).principal_of(bearing(shown), peer="127.0.0.1")


async def test_a_token_whose_time_is_over_says_so(redis: Redis):
    with pytest.raises(TokenExpired):
        await gate_over(redis).principal_of(bearing(f"Bearer {token(2000)}"), peer="127.0.0.1")


async def test_strangers_stay_out_when_anonymous_access_is_off(redis: Redis):
    with pytest.raises(NotAuthenticated):
        await gate_over(redis, anonymous_access=False).principal_of([], peer="127.0.0.1")


async def test_a_ticket_stands_for_its_principal_once(redis: Redis):
    gate = gate_over(redis)
    principal = TOKENS.read(token())
    ticket = await gate.tickets.issue(principal)
    assert await gate.principal_of([], peer="", query_token=ticket) == principal
    with pytest.raises(TicketInvalid):
        await gate.principal_of([], peer="", query_token=ticket)


async def test_a_ticket_lasts_half_a_minute(redis: Redis):
    ticket = await Tickets(redis).issue(Principal(key="ip:x"))
    assert 0 < await redis.ttl(f"ticket:{ticket}") <= 30


@pytest.mark.parametrize("ticket", ["tk_", "tk_unknown", "tk_" + "x" * 1000])
async def test_a_ticket_nobody_issued_is_invalid(redis: Redis, ticket: str):
    with pytest.raises(TicketInvalid):
        await gate_over(redis).principal_of([], peer="", query_token=ticket)


async def test_without_redis_there_are_no_tickets():
    async with Redis(port=1) as nowhere:
        tickets = Tickets(nowhere)
        with pytest.raises(DependencyDown):
            await tickets.issue(Principal(key="ip:x"))
        with pytest.raises(DependencyDown):
            await tickets.take("tk_x")


def over() -> Revocation:
    until = datetime.now(UTC) + timedelta(hours=1)
    return Revocation(kind=Kind.USER, subject="7", generation=1, expires_at=until)


async def test_what_was_revoked_is_no_credential_in_whatever_way_it_is_shown(redis: Redis):
    gate = gate_over(redis)
    ticket = await gate.tickets.issue(TOKENS.read(token()))
    gate.revocations.learn([over()])
    with pytest.raises(TokenRevoked):
        await gate.principal_of(bearing(f"Bearer {token()}"), peer="")
    for shown in (token(), ticket):
        with pytest.raises(TokenRevoked):
            await gate.principal_of([], peer="", query_token=shown)


async def test_two_credentials_at_once_are_none(redis: Redis):
    headers = [*bearing(f"Bearer {token()}"), (b"x-api-key", b"tl_x")]
    with pytest.raises(NotAuthenticated):
        await gate_over(redis).principal_of(headers, peer="")


@pytest.mark.parametrize("shown", [b"", b" ", b"x", b"tl_", b"\xff" * 40, b"tl_" + b"a" * 70_000])
async def test_what_is_no_api_key_is_refused_without_asking_anybody(redis: Redis, shown: bytes):
    with pytest.raises(ApiKeyInvalid):
        await gate_over(redis).principal_of([(b"x-api-key", shown)], peer="")
