"""GET /api/leaderboards/{league}: the table of a league."""

from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any

import msgspec
from litestar import Response, get
from litestar.datastructures import State
from litestar.params import FromPath

from app.api.answers import Asked, ready_answer
from app.api.documents import described
from app.api.requests import PageQuery, read_query, seal, unseal
from app.cache.lifetimes import Made
from app.cache.reads import Cache
from app.cache.tags import sport_tag
from app.catalog import league_tables
from app.catalog.league_tables import League, Named, Table
from app.catalog.reads import Reads
from app.database.engine import Connection
from app.errors import MalformedId, NotFound
from app.polling.demand import Demand
from app.sports.ids import is_wire_id
from app.stream.change import wire_time

# No season of ours lasts longer, and the one before ended longer ago.
SEASON = timedelta(days=300)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """How one side stands. `form` is its last five results, the latest at the end: W, D, L."""

    rank: int
    participant: Named
    points: int
    played: int
    won: int
    drawn: int
    lost: int
    scored: int
    conceded: int
    difference: int
    form: str


class LeaderboardShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of a league's table; `updatedAt` is when its last result came in or was corrected."""

    league: League
    items: list[Place]
    next_cursor: str | None
    updated_at: str | None


@get(
    "/api/leaderboards/{league:str}",
    tags=["leagues"],
    **described(LeaderboardShape, query=PageQuery, problems=(304, 400, 404)),
)
async def get_leaderboard(request: Asked, state: State, league: FromPath[str]) -> Response[Any]:
    """Returns the table of a league, by what its matches came to in the last 300 days."""
    if not is_wire_id(league):
        raise MalformedId
    query = read_query(request.scope, PageQuery)
    about = f"table {league}"
    after = unseal(about, query.cursor, tuple[str, int]) or ("", 0)
    reads: Reads = state.reads
    sport = await reads.of((), lambda connection: league_tables.sport_of_league(connection, league))
    if sport is None:
        raise NotFound(f"There is no league {league}.")

    tags = (sport_tag(sport),)

    async def make(connection: Connection) -> Made | None:
        since = datetime.combine(datetime.now(UTC).date(), time(), UTC) - SEASON
        table = await league_tables.table_of(
            connection, state.redis, league, since, after=after, limit=query.limit
        )
        return None if table is None else Made(body=_body(table, about))

    cache: Cache = state.cache
    # Of the question alone: who asks it tomorrow is answered by the same entry, made anew.
    name = f"{about} {query.limit} {query.cursor}"
    entry = await cache.read("table", name, tags, partial(reads.made, tags, make))
    if entry is None:
        raise NotFound(f"There is no league {league}.")
    demand: Demand = state.demand
    return ready_answer(request, entry, lambda: demand.touch_list(sport, league, markets=False))


def _body(table: Table, about: str) -> bytes:
    shape = LeaderboardShape(
        league=table.league,
        items=[
            Place(rank=rank, **msgspec.structs.asdict(row))
            for rank, row in enumerate(table.rows, start=table.after + 1)
        ],
        next_cursor=(
            seal(about, (table.mark, table.after + len(table.rows))) if table.more else None
        ),
        updated_at=None if table.updated_at is None else wire_time(table.updated_at),
    )
    return msgspec.json.encode(shape)


leaderboard_routes: list[Any] = [get_leaderboard]
