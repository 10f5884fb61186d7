"""/bets: strike a bet, look it up, cash it out."""

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED
from msgspec import Meta

from app import metrics
from app.access.scopes import Scope
from app.api.answers import Asked, page_body
from app.api.bet_shapes import BetShape
from app.api.documents import Items, described
from app.api.guards import require_scope, user_of
from app.api.money_shapes import Amount, Currency, MoneyShape, idempotency_key, money_of, rules_of
from app.api.problems import MEDIA_TYPE
from app.api.requests import PageQuery, WireId, number_in, read_query, unseal
from app.betting.bet import BetStatus, OddsChange
from app.betting.cash_out import CashOut, cash_out, cash_out_offer
from app.betting.desk import Desk
from app.betting.errors import BetRefused, refusal_of
from app.betting.placement import House, Placed
from app.betting.read import bet_of, bet_of_request, bets_before
from app.betting.record import Request
from app.betting.slip import LEGS_MAX, Slip, SlipLeg
from app.betting.told import bet_body
from app.catalog.pages import Page
from app.database import engine
from app.errors import Invalid, NotFound
from app.sports.ids import SelectionId, number_of

_FRESH = {"cache-control": "no-store"}
_JSON = "application/json"
_USER = [require_scope(Scope.BET)]
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class BetDoor(msgspec.Struct, frozen=True, kw_only=True):
    """What bets go by, as `main` read it."""

    house: House
    desk: Desk
    cash_out_margin: Decimal


class LegWish(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A selection and the odds that were seen; with `marketVersion`, on that version only."""

    selection_id: WireId
    odds: Annotated[Decimal, Meta(description="Decimal odds, 1.001 to 1000.")]
    market_version: Annotated[int, Meta(ge=1)] | None = None


class BetWish(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A slip: `legs`, or for a single `selectionId` and `odds` (`marketId` may be said too)."""

    stake: Amount
    currency: Currency | None = None
    odds_change: OddsChange = OddsChange.NONE
    legs: Annotated[list[LegWish], Meta(max_length=LEGS_MAX)] | None = None
    market_id: WireId | None = None
    selection_id: WireId | None = None
    odds: Decimal | None = None
    market_version: Annotated[int, Meta(ge=1)] | None = None


class BetsQuery(PageQuery, frozen=True, kw_only=True):
    """Which bets: of these states, or the one that a request made."""

    status: tuple[BetStatus, ...] = ()
    request_id: WireId | None = None


class CashOutWish(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """At least how much is taken for which share of what is left of the stake."""

    amount: Amount
    share: Annotated[Decimal, Meta(description="Above 0, at most 1.")] = Decimal(1)


class OfferShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the rest of a bet would be paid now."""

    bet_id: str
    offer: MoneyShape


@post(
    "/bets",
    status_code=HTTP_201_CREATED,
    tags=["bets"],
    guards=_USER,
    **described(BetShape, problems=(400, 401, 403, 404, 409, 422), status=HTTP_201_CREATED),
)
async def strike(request: Asked, data: JSONBody[BetWish], state: State) -> Response[Any]:
    """Strikes a bet: 201 accepted, 202 pending while its match is in play, else a refusal.

    The header Idempotency-Key names the request: the same key and body get the same answer for
    ever, refusals too. When no answer came, `GET /bets?requestId=` says what became of it.
    """
    wish = Request(
        user_id=user_of(request), request_id=idempotency_key(request), slip=slip_of(data, state)
    )
    door: BetDoor = state.bets
    begun = time.perf_counter()
    placed = await door.desk.place(wish, datetime.now(UTC))
    outcome = "refused" if placed.answer is None else "struck"
    metrics.bet_seconds.labels(outcome).observe(time.perf_counter() - begun)
    return struck_or_not(request, placed)


@get(
    "/bets",
    tags=["bets"],
    guards=_USER,
    **described(Items[BetShape], query=BetsQuery, problems=(400, 401, 403)),
)
async def own_bets(request: Asked, state: State) -> Response[Any]:
    """Lists the caller's bets, the newest first; with `requestId`, what that request made."""
    query = read_query(request.scope, BetsQuery)
    user_id = user_of(request)
    about = f"bets {query.status} {query.request_id}"
    last = unseal(about, query.cursor, tuple[int])
    async with engine.connection(state.pool) as connection:
        if query.request_id is not None:
            kept = await bet_of_request(connection, user_id, query.request_id)
            found = [] if kept is None else [kept.bet]
        else:
            found = await bets_before(
                connection,
                user_id,
                None if last is None else last[0],
                statuses=query.status or None,
                limit=query.limit + 1,
            )
    shown = found[: query.limit]
    more = (shown[-1].id,) if len(found) > query.limit else None
    page = Page([bet_body(bet).decode() for bet in shown], more)
    return Response(page_body(page, about), media_type=_JSON, headers=_FRESH)


@get(
    "/bets/{bet_id:str}",
    tags=["bets"],
    guards=_USER,
    **described(BetShape, problems=(400, 401, 403, 404)),
)
async def own_bet(request: Asked, bet_id: FromPath[str], state: State) -> Response[Any]:
    """Says what became of a bet."""
    number = number_in(bet_id, "bet")
    async with engine.connection(state.pool) as connection:
        bet = await bet_of(connection, number)
    if bet is None or bet.user_id != user_of(request):
        raise NotFound(f"There is no bet {bet_id} of yours.")
    return Response(bet_body(bet), media_type=_JSON, headers=_FRESH)


@get(
    "/bets/{bet_id:str}/cash-out",
    tags=["bets"],
    guards=_USER,
    **described(OfferShape, problems=(400, 401, 403, 404, 409)),
)
async def offered(request: Asked, bet_id: FromPath[str], state: State) -> Response[Any]:
    """Says what the rest of a bet would be paid now."""
    door: BetDoor = state.bets
    number = number_in(bet_id, "bet")
    try:
        worth = await cash_out_offer(
            state.pool,
            number,
            user_of(request),
            door.house,
            margin=door.cash_out_margin,
            now=datetime.now(UTC),
        )
    except BetRefused as refused:
        return refusal_response(request, refused)
    shape = MoneyShape(amount=str(worth), currency=worth.currency)
    return Response(OfferShape(bet_id=bet_id, offer=shape), headers=_FRESH)


@post(
    "/bets/{bet_id:str}/cash-out",
    status_code=HTTP_200_OK,
    tags=["bets"],
    guards=_USER,
    **described(BetShape, problems=(400, 401, 403, 404, 409, 422)),
)
async def take_offer(
    request: Asked, bet_id: FromPath[str], data: JSONBody[CashOutWish], state: State
) -> Response[Any]:
    """Pays a bet out at its present worth, wholly or in part, for at least the amount named.

    The header Idempotency-Key names the request: the same again pays nothing more.
    """
    door: BetDoor = state.bets
    user_id, number = user_of(request), number_in(bet_id, "bet")
    key = idempotency_key(request)
    async with engine.connection(state.pool) as connection:
        bet = await bet_of(connection, number)
    if bet is None or bet.user_id != user_id:
        raise NotFound(f"There is no bet {bet_id} of yours.")
    wish = CashOut(
        bet_id=number,
        user_id=user_id,
        request_id=key,
        share=data.share,
        offer=money_of(rules_of(state), data.amount, bet.stake.currency),
    )
    try:
        paid = await cash_out(
            state.pool, wish, door.house, margin=door.cash_out_margin, now=datetime.now(UTC)
        )
    except BetRefused as refused:
        return refusal_response(request, refused)
    return Response(bet_body(paid), media_type=_JSON, headers=_FRESH)


def slip_of(wish: BetWish, state: State) -> Slip:
    """Returns the slip a body means; raises Invalid, MalformedMoney, UnknownCurrency."""
    short = wish.selection_id is not None or wish.odds is not None
    if (wish.legs is not None) == short:
        raise Invalid("A bet has legs, or selectionId and odds.")
    legs = wish.legs
    if legs is None:
        if wish.selection_id is None or wish.odds is None:
            raise Invalid("A single takes selectionId and odds.")
        legs = [
            LegWish(
                selection_id=wish.selection_id, odds=wish.odds, market_version=wish.market_version
            )
        ]
    return Slip(
        legs=tuple(
            SlipLeg(
                # 0 is nobody's: an id that is none of ours is not found.
                selection_id=SelectionId(number_of(leg.selection_id) or 0),
                odds=leg.odds,
                market_version=leg.market_version,
            )
            for leg in legs
        ),
        stake=money_of(rules_of(state), wish.stake, wish.currency),
        odds_change=wish.odds_change,
    )


def struck_or_not(request: Asked, placed: Placed) -> Response[Any]:
    """Returns what a request was answered with when it was made, whatever became of its bet."""
    if placed.answer is None:
        assert placed.bet.refusal is not None, placed
        return problem(request, placed.bet.refusal)
    waited = placed.bet.decide_at is not None
    status = HTTP_202_ACCEPTED if waited else HTTP_201_CREATED
    return Response(placed.answer, status_code=status, media_type=_JSON, headers=_FRESH)


def refusal_response(request: Asked, refused: BetRefused) -> Response[Any]:
    """Returns a refusal that is not kept: an offer is asked for again and again."""
    return problem(request, refusal_of(refused))


def problem(request: Asked, members: dict[str, Any]) -> Response[Any]:
    """Returns a refusal as a problem document (RFC 9457), with what is offered instead."""
    said = {
        "type": f"urn:touchline:problem:{members['code']}",
        **members,
        "requestId": request.scope["state"].get("request_id"),
        "errors": [],
    }
    return Response(
        _ENCODER.encode(said),
        status_code=int(members["status"]),
        media_type=MEDIA_TYPE,
        headers=_FRESH,
    )


bet_routes: list[Any] = [strike, own_bets, own_bet, offered, take_offer]
