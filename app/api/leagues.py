"""GET /api/sports and /api/leagues."""

from typing import Any

import msgspec
from litestar import Response, get
from litestar.datastructures import State

from app.api.answers import SLOW, Asked, answer, page_body
from app.api.documents import Items, LeagueShape, SportShape, described
from app.api.requests import PageQuery, WireId, read_query, unseal
from app.catalog import leagues as catalog
from app.catalog.pages import Page


class LeaguesQuery(PageQuery, frozen=True, kw_only=True):
    """Which leagues."""

    sport: WireId | None = None


def _page(shapes: list[msgspec.Struct], keys: list[str], limit: int) -> Page:
    items = [msgspec.json.encode(shape).decode() for shape in shapes[:limit]]
    return Page(items, (keys[limit - 1],) if len(shapes) > limit else None)


@get(
    "/api/sports",
    tags=["leagues"],
    **described(Items[SportShape], query=PageQuery, problems=(304, 400)),
)
async def list_sports(request: Asked, state: State) -> Response[Any]:
    """Lists the sports, by id."""
    query = read_query(request.scope, PageQuery)
    (last,) = unseal("sports", query.cursor, tuple[str]) or ("",)
    async with state.sessions() as session:
        rows = await catalog.sports_after(session, last, query.limit + 1)
    shapes: list[msgspec.Struct] = [SportShape(id=row.id, name=row.name) for row in rows]
    page = _page(shapes, [row.id for row in rows], query.limit)
    return answer(request, page_body(page, "sports"), kept=SLOW)


@get(
    "/api/leagues",
    tags=["leagues"],
    **described(Items[LeagueShape], query=LeaguesQuery, problems=(304, 400)),
)
async def list_leagues(request: Asked, state: State) -> Response[Any]:
    """Lists the leagues, by slug."""
    query = read_query(request.scope, LeaguesQuery)
    about = f"leagues {query.sport}"
    (last,) = unseal(about, query.cursor, tuple[str]) or ("",)
    async with state.sessions() as session:
        rows = await catalog.leagues_after(session, last, query.limit + 1, sport=query.sport)
    shapes: list[msgspec.Struct] = [
        LeagueShape(
            slug=row.slug,
            name=row.name,
            sport=row.sport_id,
            country=row.country,
            season=row.season,
        )
        for row in rows
    ]
    page = _page(shapes, [row.slug for row in rows], query.limit)
    return answer(request, page_body(page, about), kept=SLOW)


league_routes: list[Any] = [list_sports, list_leagues]
