"""GET /api/conflicts: where providers disagree, for operators."""

from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.datastructures import State
from msgspec import Meta

from app.api.answers import Asked, page_body
from app.api.documents import Items, described
from app.api.guards import require_operator
from app.api.requests import PageQuery, WireId, number_or_none, read_query, unseal
from app.catalog import conflicts as catalog
from app.database import engine


class ConflictsQuery(PageQuery, frozen=True, kw_only=True):
    """Which conflicts."""

    match_id: WireId | None = None
    open: Annotated[bool, Meta(description="Only those that are, or are not, open.")] | None = None


class SaidShape(msgspec.Struct, frozen=True, kw_only=True):
    """What one provider says: points as "2-1", or a status."""

    provider: str
    said: str


class ConflictShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Providers that tell different points, or statuses, of one match.

    `believed` is what we held when it was last looked at, `endedAs` what we held at its end.
    `outcome`: agreed (the others came round), moved (we did), silent (they count no longer).
    """

    id: str
    match_id: str
    sport: str
    event: str
    field: str
    believed: str
    told: list[SaidShape]
    opened_at: str
    closed_at: str | None
    outcome: str | None
    ended_as: str | None


@get(
    "/api/conflicts",
    tags=["operations"],
    guards=[require_operator],
    **described(Items[ConflictShape], query=ConflictsQuery, problems=(400, 401, 403)),
)
async def list_conflicts(request: Asked, state: State) -> Response[Any]:
    """Lists where providers disagree, or did, the newest first."""
    query = read_query(request.scope, ConflictsQuery)
    wanted = catalog.Wanted(match_id=number_or_none(query.match_id), open=query.open)
    about = f"conflicts {msgspec.json.encode(wanted).decode()}"
    last = unseal(about, query.cursor, tuple[int])
    async with engine.connection(state.pool) as connection:
        page = await catalog.conflicts_after(connection, wanted, last, limit=query.limit)
    return Response(
        content=page_body(page, about),
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )


conflict_routes: list[Any] = [list_conflicts]
