"""GET /api/events, one match, one score, and a match's changes after a place."""

from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get
from litestar.datastructures import State
from litestar.params import FromPath
from msgspec import Meta

from app.api.answers import JSON, Asked, page_body, ready_answer
from app.api.documents import ChangesShape, Items, MatchShape, MatchSummary, described
from app.api.kept import OfMatch, of_match
from app.api.requests import (
    PAGE_ITEMS_DEFAULT,
    PAGE_ITEMS_MAX,
    PageQuery,
    Query,
    Time,
    WireId,
    number_in,
    read_query,
    unseal,
)
from app.cache.lifetimes import Made
from app.cache.reads import Cache
from app.cache.tags import sport_tag
from app.catalog import matches as catalog
from app.catalog.reads import Reads
from app.catalog.shapes import ScoreShape
from app.database import engine
from app.database.engine import Connection
from app.database.places import microseconds, moment, parse_token
from app.errors import NotFound
from app.polling.demand import Demand
from app.sports.match import MatchStatus
from app.stream import log


class EventsQuery(PageQuery, frozen=True, kw_only=True):
    """Which matches; `from` is included, `to` is not."""

    sport: WireId | None = None
    league: WireId | None = None
    status: tuple[MatchStatus, ...] = ()
    since: Time | None = msgspec.field(default=None, name="from")
    until: Time | None = msgspec.field(default=None, name="to")
    order: Annotated[
        Literal["asc", "desc"], Meta(description="By start time: earliest or latest first.")
    ] = "asc"


class ChangesQuery(Query, frozen=True, kw_only=True):
    """After which place; without one, from the first change."""

    since: Annotated[str, Meta(description="The last `resume` you have.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_ITEMS_MAX)] = PAGE_ITEMS_DEFAULT


@get(
    "/api/events",
    tags=["matches"],
    **described(Items[MatchSummary], query=EventsQuery, problems=(304, 400)),
)
async def list_events(request: Asked, state: State) -> Response[Any]:
    """Lists matches by start time."""
    query = read_query(request.scope, EventsQuery)
    wanted = catalog.Wanted(
        sport=query.sport,
        league=query.league,
        statuses=tuple(sorted({status.value for status in query.status})),
        start_from=query.since,
        start_to=query.until,
        order=query.order,
    )
    about = f"events {msgspec.json.encode(wanted).decode()}"
    key = unseal(about, query.cursor, tuple[int, int])
    last = None if key is None else (moment(key[0]), key[1])

    cache: Cache = state.cache
    reads: Reads = state.reads
    tags = (sport_tag(query.sport),)

    async def make(connection: Connection) -> Made:
        page = await catalog.matches_after(connection, wanted, last, limit=query.limit)
        if query.sport is not None:
            cache.learn(page.match_ids, query.sport)
        return Made(body=page_body(page, about, lambda at, number: (microseconds(at), number)))

    name = f"{about} {query.limit} {query.cursor}"
    entry = await cache.read("events", name, tags, partial(reads.made, tags, make))
    assert entry is not None, "a page there always is"
    demand: Demand = state.demand
    touching = partial(demand.touch_list, query.sport, query.league, markets=False)
    return ready_answer(request, entry, touching)


@get(
    "/api/scores/{match_id:str}",
    tags=["matches"],
    **described(ScoreShape, problems=(304, 400, 404)),
)
async def get_score(request: Asked, match_id: FromPath[str]) -> Response[Any]:
    """Returns a match's score, who says so, and the place in its log it is true at."""
    return await _of_match(request, "score", match_id, catalog.score_of)


@get(
    "/api/v1/matches/{match_id:str}",
    tags=["matches"],
    **described(MatchShape, problems=(304, 400, 404)),
)
async def get_match(request: Asked, match_id: FromPath[str]) -> Response[Any]:
    """Returns one match with its participants, score, incidents, markets and statistics."""
    return await _of_match(request, "match", match_id, catalog.match_of)


@get(
    "/api/matches/{match_id:str}/changes",
    tags=["matches"],
    **described(ChangesShape, query=ChangesQuery, problems=(400, 404, 410)),
)
async def list_changes(request: Asked, state: State, match_id: FromPath[str]) -> Response[Any]:
    """Returns the frames after a place, in order; 410 when the log no longer has that place."""
    number = number_in(match_id, "match")
    query = read_query(request.scope, ChangesQuery)
    since = None if query.since is None else parse_token(query.since)
    async with (
        engine.connection(state.pool) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        head = (await log.heads(connection, [number])).get(number)
        if head is None:
            raise NotFound(f"There is no match {match_id}.")
        place = since or await log.beginning(connection, number) or head
        changes = await log.changes_since(connection, number, place, query.limit)
    after = changes[-1].place if changes else place
    frames = ",".join(change.frame for change in changes)
    more = "true" if after.seq < head.seq else "false"
    body = f'{{"items":[{frames}],"resume":"{after.token()}","more":{more}}}'
    return Response(content=body.encode(), media_type=JSON, headers={"cache-control": "no-store"})


async def _of_match(request: Asked, kind: str, match_id: str, read: OfMatch) -> Response[Any]:
    """Answers what `read` says of a match, and notes that it is wanted; raises NotFound."""
    state = request.app.state
    number = number_in(match_id, "match")
    entry = await of_match(state, kind, number, read)
    if entry is None:
        raise NotFound(f"There is no match {match_id}.")
    demand: Demand = state.demand
    return ready_answer(request, entry, partial(demand.touch, number, markets=kind == "match"))


match_routes: list[Any] = [list_events, get_score, get_match, list_changes]
