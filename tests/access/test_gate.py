"""Who is asking, from headers, a query token or a ticket."""

import time

import pytest
from redis.asyncio import Redis

from app.access.addresses import networks
from app.access.errors import TicketInvalid, TokenExpired
from app.access.gate import Gate, Headers
from app.access.principal import Principal
from app.access.tickets import Tickets
from app.access.tiers import allowances
from app.access.tokens import AccessTokens
from app.errors import DependencyDown, NotAuthenticated
from app.sports.ids import UserId

TOKENS = AccessTokens("a secret of the tests, long enough to sign", ttl_s=900)
ALLOWANCES = allowances(anonymous_per_minute=100, user_per_minute=300)


def gate_over(redis: Redis, *, anonymous_access: bool = True) -> Gate:
    return Gate(
        TOKENS,
        Tickets(redis),
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
    assert await gate.principal_of(headers, peer="10.0.0.1") == Principal(key="ip:203.0.113.9")
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
