"""/api/bets, /api/exposure: what operators see of bets, and what they do with them by hand."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta

from app.api.answers import Asked, page_body
from app.api.bet_shapes import BetShape
from app.api.bets import refusal_response
from app.api.documents import Items, described
from app.api.guards import require_operator, user_of
from app.api.money_shapes import MoneyShape
from app.api.requests import PageQuery, WireId, number_in, number_or_none, read_query, unseal
from app.betting import by_hand, overview
from app.betting.bet import Bet, BetStatus, LegResult
from app.betting.errors import BetRefused
from app.betting.told import bet_body
from app.catalog.pages import Page
from app.database import engine
from app.wallet.check import check_ledger

_FRESH = {"cache-control": "no-store"}
_JSON = "application/json"
_OPERATOR = [require_operator]
NOTE_LENGTH_MAX = 200

Note = Annotated[str, Meta(min_length=1, max_length=NOTE_LENGTH_MAX)]


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why; it is kept with the settlement."""

    note: Note


class LegWord(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a leg, by its number from 1."""

    leg: Annotated[int, Meta(ge=1)]
    result: LegResult


class SettleWish(msgspec.Struct, frozen=True, kw_only=True):
    """What became of some legs, whatever their matches say."""

    note: Note
    results: Annotated[list[LegWord], Meta(min_length=1, max_length=20)]


class FoundQuery(PageQuery, frozen=True, kw_only=True):
    """Which bets."""

    user_id: WireId | None = None
    match_id: WireId | None = None
    status: tuple[BetStatus, ...] = ()


class OwnedBet(BetShape, frozen=True, kw_only=True):
    """A bet and whose it is."""

    user_id: str


class SettlementShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One settlement of a bet."""

    id: str
    number: int
    status: BetStatus
    returned: str
    cause: str
    note: str
    decided_by: str | None
    settled_at: str


class ExposureShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What hangs on a market in one currency. `worst`: the most it could cost; below zero it gains.

    `payouts`: what each answer would pay back, by selection.
    """

    market_id: str
    match_id: str
    event: str
    market: str
    line: Decimal | None
    staked: MoneyShape
    worst: MoneyShape
    payouts: dict[str, str]


class MatchExposureShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What hangs on a match in one currency. `worst`: the worst cases of its markets together,
    which is more than can come true at once.
    """

    match_id: str
    event: str
    markets: int
    staked: MoneyShape
    worst: MoneyShape


class UserExposureShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What hangs on a user's open bets in one currency. `worst`: what all of them would cost."""

    user_id: str
    bets: int
    staked: MoneyShape
    worst: MoneyShape


class LiabilitiesShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Open bets of one currency, and what the house has of it."""

    currency: str
    open_bets: int
    pending_bets: int
    staked: str
    potential_return: str
    users_available: str
    users_owed: str
    house: str


class FaultShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing in the ledger that is not as it must be."""

    account_id: str | None
    what: str


class ProofShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a check of the ledger found; no faults: it is right. `accounts` moved since the last."""

    accounts: int
    faults: list[FaultShape]


@get(
    "/api/bets",
    tags=["operations"],
    guards=_OPERATOR,
    **described(Items[OwnedBet], query=FoundQuery, problems=(400, 401, 403)),
)
async def find_bets(request: Asked, state: State) -> Response[Any]:
    """Lists everybody's bets, the newest first: of a user, on a match, in some states."""
    query = read_query(request.scope, FoundQuery)
    about = f"all bets {query.user_id} {query.match_id} {query.status}"
    last = unseal(about, query.cursor, tuple[int])
    async with engine.connection(state.pool) as connection:
        found = await overview.bets_found(
            connection,
            None if last is None else last[0],
            user_id=number_or_none(query.user_id),
            match_id=number_or_none(query.match_id),
            statuses=query.status,
            limit=query.limit + 1,
        )
    shown = found[: query.limit]
    more = (shown[-1].id,) if len(found) > query.limit else None
    page = Page([_owned(bet) for bet in shown], more)
    return Response(page_body(page, about), media_type=_JSON, headers=_FRESH)


@get(
    "/api/bets/{bet_id:str}/settlements",
    tags=["operations"],
    guards=_OPERATOR,
    **described(Items[SettlementShape], problems=(400, 401, 403, 404)),
)
async def settlements(bet_id: FromPath[str], state: State) -> Response[Any]:
    """Lists what became of a bet, settlement by settlement, the first first."""
    number = number_in(bet_id, "bet")
    async with engine.connection(state.pool) as connection:
        items = await overview.settlements_of(connection, number)
    return Response(page_body(Page(items, None), "settlements"), media_type=_JSON, headers=_FRESH)


@get(
    "/api/exposure",
    tags=["operations"],
    guards=_OPERATOR,
    **described(Items[ExposureShape], query=PageQuery, problems=(400, 401, 403)),
)
async def exposure(request: Asked, state: State) -> Response[Any]:
    """Lists the markets that could cost most, the dearest first; at most a page."""
    return await _dearest(request, state, overview.dearest_markets)


@get(
    "/api/exposure/matches",
    tags=["operations"],
    guards=_OPERATOR,
    **described(Items[MatchExposureShape], query=PageQuery, problems=(400, 401, 403)),
)
async def exposure_of_matches(request: Asked, state: State) -> Response[Any]:
    """Lists the matches that could cost most, the dearest first; at most a page."""
    return await _dearest(request, state, overview.dearest_matches)


@get(
    "/api/exposure/users",
    tags=["operations"],
    guards=_OPERATOR,
    **described(Items[UserExposureShape], query=PageQuery, problems=(400, 401, 403)),
)
async def exposure_of_users(request: Asked, state: State) -> Response[Any]:
    """Lists the users whose open bets could cost most, the dearest first; at most a page."""
    return await _dearest(request, state, overview.dearest_users)


@get(
    "/api/liabilities",
    tags=["operations"],
    guards=_OPERATOR,
    **described(Items[LiabilitiesShape], problems=(401, 403)),
)
async def liabilities(state: State) -> Response[Any]:
    """Says, by currency, what open bets could cost and what there is."""
    async with engine.connection(state.pool) as connection:
        items = await overview.liabilities(connection)
    return Response(page_body(Page(items, None), "liabilities"), media_type=_JSON, headers=_FRESH)


@get(
    "/api/ledger",
    tags=["operations"],
    guards=_OPERATOR,
    **described(ProofShape, problems=(401, 403)),
)
async def ledger(state: State) -> Response[ProofShape]:
    """Proves the accounts that moved since they were last proved, now."""
    async with engine.connection(state.pool) as connection:
        proof = await check_ledger(connection)
    faults = [
        FaultShape(
            account_id=None if one.account_id is None else str(one.account_id), what=one.what
        )
        for one in proof.faults
    ]
    return Response(ProofShape(accounts=proof.accounts, faults=faults), headers=_FRESH)


def _described() -> dict[str, Any]:
    return described(OwnedBet, problems=(400, 401, 403, 404, 409, 422))


@post(
    "/api/bets/{bet_id:str}/void",
    status_code=HTTP_200_OK,
    tags=["operations"],
    guards=_OPERATOR,
    **_described(),
)
async def void(
    request: Asked, bet_id: FromPath[str], data: JSONBody[Reason], state: State
) -> Response[Any]:
    """Gives the stake back, whatever the matches say from now on."""
    return await _answer(request, state, by_hand.void_bet, bet_id=bet_id, note=data.note)


@post(
    "/api/bets/{bet_id:str}/settle",
    status_code=HTTP_200_OK,
    tags=["operations"],
    guards=_OPERATOR,
    **_described(),
)
async def settle(
    request: Asked, bet_id: FromPath[str], data: JSONBody[SettleWish], state: State
) -> Response[Any]:
    """Says what became of legs, whatever their matches say."""
    results = {word.leg: word.result for word in data.results}
    said = partial(by_hand.settle_by_hand, results=results)
    return await _answer(request, state, said, bet_id=bet_id, note=data.note)


@post(
    "/api/bets/{bet_id:str}/rollback",
    status_code=HTTP_200_OK,
    tags=["operations"],
    guards=_OPERATOR,
    **_described(),
)
async def rollback(
    request: Asked, bet_id: FromPath[str], data: JSONBody[Reason], state: State
) -> Response[Any]:
    """Undoes the settlement of a bet, which then waits for an operator's word."""
    return await _answer(request, state, by_hand.roll_back, bet_id=bet_id, note=data.note)


@post(
    "/api/bets/{bet_id:str}/release",
    status_code=HTTP_200_OK,
    tags=["operations"],
    guards=_OPERATOR,
    **_described(),
)
async def release(
    request: Asked, bet_id: FromPath[str], data: JSONBody[Reason], state: State
) -> Response[Any]:
    """Gives a bet back to its matches, which settle it as they stand."""
    return await _answer(request, state, by_hand.release, bet_id=bet_id, note=data.note)


def _owned(bet: Bet) -> str:
    return f'{{"userId":"{bet.user_id}",{bet_body(bet).decode()[1:]}'


async def _dearest(
    request: Asked, state: State, read: Callable[..., Awaitable[list[str]]]
) -> Response[Any]:
    """Returns the first page of what could cost most."""
    query = read_query(request.scope, PageQuery)
    async with engine.connection(state.pool) as connection:
        items = await read(connection, limit=query.limit)
    return Response(page_body(Page(items, None), "exposure"), media_type=_JSON, headers=_FRESH)


async def _answer(
    request: Asked, state: State, deed: Callable[..., Awaitable[Bet]], *, bet_id: str, note: str
) -> Response[Any]:
    """Returns what an operator's word made of a bet."""
    number, by = number_in(bet_id, "bet"), user_of(request)
    try:
        bet = await deed(state.pool, number, by=by, note=note, now=datetime.now(UTC))
    except BetRefused as refused:
        return refusal_response(request, refused)
    return Response(_owned(bet).encode(), media_type=_JSON, headers=_FRESH)


bookmaking_routes: list[Any] = [
    *(find_bets, settlements, exposure, exposure_of_matches, exposure_of_users, liabilities),
    *(ledger, void, settle, rollback, release),
]
