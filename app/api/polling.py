"""GET /api/polling/status, /api/polling/overrides, POST /api/polling/update: for operators."""

from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.datastructures import State
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta

from app.api.answers import Asked, page_body
from app.api.documents import Items, described
from app.api.guards import require_operator
from app.api.operator_shapes import PollTaskShape
from app.api.requests import PageQuery, WireId, read_query, unseal
from app.catalog.pages import Page
from app.database import engine
from app.polling import overrides
from app.polling.overrides import SUBJECT_LENGTH_MAX, Override

_FRESH = {"cache-control": "no-store"}
_JSON = "application/json"


class TasksQuery(PageQuery, frozen=True, kw_only=True):
    """Which tasks."""

    provider: WireId | None = None
    sport: WireId | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An interval to be set."""

    task_id: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=SUBJECT_LENGTH_MAX,
            description="A task's id, or `match.{id}`, `league.{slug}`, `sport.{sport}`, `default`",
        ),
    ]
    interval: Annotated[
        int, Meta(description="Milliseconds from 50 to 86,400,000; 0: back to the rule.")
    ]


@get(
    "/api/polling/status",
    tags=["operations"],
    guards=[require_operator],
    **described(Items[PollTaskShape], query=TasksQuery, problems=(400, 401, 403)),
)
async def list_tasks(request: Asked, state: State) -> Response[Any]:
    """Says of every task how often it is asked, and why."""
    query = read_query(request.scope, TasksQuery)
    about = f"polling {query.provider} {query.sport}"
    last = unseal(about, query.cursor, tuple[int])
    async with engine.connection(state.pool) as connection:
        items, key = await overrides.tasks_after(
            connection,
            None if last is None else last[0],
            limit=query.limit,
            provider=query.provider,
            sport=query.sport,
        )
    return Response(page_body(Page(items, key), about), media_type=_JSON, headers=_FRESH)


@get(
    "/api/polling/overrides",
    tags=["operations"],
    guards=[require_operator],
    **described(Items[Override], query=PageQuery, problems=(400, 401, 403)),
)
async def list_overrides(request: Asked, state: State) -> Response[Any]:
    """Lists the intervals that are set by hand."""
    query = read_query(request.scope, PageQuery)
    last = unseal("overrides", query.cursor, tuple[str])
    async with engine.connection(state.pool) as connection:
        found, after = await overrides.intervals_set(
            connection, None if last is None else last[0], limit=query.limit
        )
    items = [msgspec.json.encode(one).decode() for one in found]
    page = Page(items, None if after is None else (after,))
    return Response(page_body(page, "overrides"), media_type=_JSON, headers=_FRESH)


@post(
    "/api/polling/update",
    status_code=HTTP_200_OK,
    tags=["operations"],
    guards=[require_operator],
    **described(Override, problems=(400, 401, 403, 404, 422)),
)
async def update_interval(data: JSONBody[Change], state: State) -> Response[Override]:
    """Sets how often a task or a level is asked for; every worker follows within a second."""
    async with engine.connection(state.pool) as connection:
        done = await overrides.set_interval(connection, data.task_id, data.interval)
    return Response(done, headers=_FRESH)


polling_routes: list[Any] = [list_tasks, list_overrides, update_interval]
