"""GET /api/markets/{sport}, /api/odds/{matchId} and its history."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.datastructures import State
from litestar.params import FromPath
from msgspec import Meta

from app.api.answers import Asked, answer, page_body, ready_answer
from app.api.documents import Items, described
from app.api.kept import of_match
from app.api.price_shapes import OddsShape, PricePath
from app.api.requests import (
    PageQuery,
    Query,
    Time,
    WireId,
    number_in,
    number_or_none,
    read_query,
    unseal,
)
from app.cache.lifetimes import Made, made_of_match
from app.cache.reads import Cache
from app.cache.tags import match_tag, sport_tag
from app.catalog import markets as catalog
from app.catalog import matches, prices
from app.catalog.reads import Reads
from app.catalog.shapes import MarketShape
from app.database.engine import Connection
from app.database.places import microseconds
from app.errors import MalformedId, NotFound
from app.polling.demand import Demand
from app.sports.ids import is_wire_id
from app.sports.market import MarketStatus
from app.sports.match import Sport

# A chart of a whole match at a point a second is longer; it asks for the newest, or in parts.
POINTS_DEFAULT = 500
POINTS_MAX = 2_000
# From a second, which no eye sees on a chart, to a day.
BUCKET_MS_MIN = 1_000
BUCKET_MS_MAX = 86_400_000
_SPORTS = frozenset(sport.value for sport in Sport)
_FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MOMENT = datetime(9000, 1, 1, tzinfo=UTC)


class MarketsQuery(PageQuery, frozen=True, kw_only=True):
    """Which markets of the sport."""

    league: WireId | None = None
    match_id: WireId | None = None
    status: tuple[MarketStatus, ...] = ()


class HistoryQuery(Query, frozen=True, kw_only=True):
    """Which part of the path; `from` is included, `to` is not."""

    market_id: WireId | None = None
    selection_id: WireId | None = None
    since: Time | None = msgspec.field(default=None, name="from")
    until: Time | None = msgspec.field(default=None, name="to")
    limit: Annotated[
        int, Meta(ge=1, le=POINTS_MAX, description="Points at most; the newest are kept.")
    ] = POINTS_DEFAULT
    bucket_ms: (
        Annotated[
            int,
            Meta(
                ge=BUCKET_MS_MIN,
                le=BUCKET_MS_MAX,
                description="Points within so many milliseconds are told as one, for charts.",
            ),
        ]
        | None
    ) = None


@get(
    "/api/markets/{sport:str}",
    tags=["markets"],
    **described(Items[MarketShape], query=MarketsQuery, problems=(304, 400, 404)),
)
async def list_markets(request: Asked, state: State, sport: FromPath[str]) -> Response[Any]:
    """Lists a sport's markets, the newest first, with their selections and best prices."""
    if not is_wire_id(sport):
        raise MalformedId
    if sport not in _SPORTS:
        raise NotFound(f"There is no sport {sport}.")
    query = read_query(request.scope, MarketsQuery)
    wanted = catalog.Wanted(
        sport=sport,
        league=query.league,
        match_id=number_or_none(query.match_id),
        statuses=tuple(sorted({status.value for status in query.status})),
    )
    about = f"markets {msgspec.json.encode(wanted).decode()}"
    last = unseal(about, query.cursor, tuple[int])

    cache: Cache = state.cache
    reads: Reads = state.reads
    tags = (sport_tag(sport) if wanted.match_id is None else match_tag(wanted.match_id),)

    async def make(connection: Connection) -> Made:
        page = await catalog.markets_after(connection, wanted, last, limit=query.limit)
        cache.learn(page.match_ids, sport)
        return Made(body=page_body(page, about))

    name = f"{about} {query.limit} {query.cursor}"
    entry = await cache.read("markets", name, tags, partial(reads.made, tags, make))
    assert entry is not None, "a page there always is"
    return ready_answer(request, entry, _touching(state.demand, wanted, query.league))


def _touching(demand: Demand, wanted: catalog.Wanted, league: str | None) -> Callable[[], None]:
    """Returns what notes that a list of markets was read."""
    if wanted.match_id is None:
        return partial(demand.touch_list, wanted.sport, league, scores=False)
    if wanted.match_id:
        return partial(demand.touch, wanted.match_id, scores=False)
    return _touching_nothing


def _touching_nothing() -> None:
    """Notes nothing: there is no such match."""


@get("/api/odds/{match_id:str}", tags=["markets"], **described(OddsShape, problems=(304, 400, 404)))
async def get_odds(request: Asked, state: State, match_id: FromPath[str]) -> Response[Any]:
    """Returns every bookmaker's price with its age, the best price, fair chance and overround,
    and where fresh prices make an arbitrage or a value bet.

    Its tag is weak: the same prices are the same answer, though their age is another by then.
    """
    number = number_in(match_id, "match")
    entry = await of_match(state, "odds", number, _odds_of)
    if entry is None:
        raise NotFound(f"There is no match {match_id}.")
    demand: Demand = state.demand
    return ready_answer(request, entry, partial(demand.touch, number, scores=False))


async def _odds_of(connection: Connection, number: int) -> Made | None:
    odds = await prices.odds_of(connection, number)
    if odds is None:
        return None
    heard = "none" if odds.observed_at is None else microseconds(odds.observed_at)
    return made_of_match(odds.body, tag=f'W/"{number}-{odds.seq}-{heard}"')


@get(
    "/api/odds/{match_id:str}/history",
    tags=["markets"],
    **described(PricePath, query=HistoryQuery, problems=(304, 400, 404)),
)
async def get_history(request: Asked, state: State, match_id: FromPath[str]) -> Response[Any]:
    """Returns the path of a match's prices, newest last."""
    number = number_in(match_id, "match")
    query = read_query(request.scope, HistoryQuery)
    span = prices.Span(
        market_id=number_or_none(query.market_id),
        selection_id=number_or_none(query.selection_id),
        since=query.since or _FIRST_MOMENT,
        until=query.until or _LAST_MOMENT,
        bucket=None if query.bucket_ms is None else timedelta(milliseconds=query.bucket_ms),
    )

    async def read(connection: Connection) -> tuple[str, bool] | None:
        if await matches.sport_of(connection, number) is None:
            return None
        return await prices.path_of(connection, number, span, limit=query.limit)

    reads: Reads = state.reads
    found = await reads.of((match_tag(number),), read)
    if found is None:
        raise NotFound(f"There is no match {match_id}.")
    items, truncated = found
    cut = "true" if truncated else "false"
    body = f'{{"matchId":"{number}","items":{items},"truncated":{cut}}}'
    return answer(request, body.encode())


market_routes: list[Any] = [list_markets, get_odds, get_history]
