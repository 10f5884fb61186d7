"""GET /api/providers/health: how each provider is, for operators."""

from typing import Any

from litestar import Response, get
from litestar.datastructures import State

from app.api.documents import Items, described
from app.api.guards import require_operator
from app.api.operator_shapes import ProviderHealthShape
from app.database import engine
from app.health.read import providers_of


@get(
    "/api/providers/health",
    tags=["operations"],
    guards=[require_operator],
    **described(Items[ProviderHealthShape], problems=(401, 403)),
)
async def list_provider_health(state: State) -> Response[Any]:
    """Says of each provider and sport how it is, the most believed first."""
    async with engine.connection(state.pool) as connection:
        items = await providers_of(connection)
    body = f'{{"items":[{",".join(items)}],"nextCursor":null}}'
    return Response(
        content=body.encode(),
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )


provider_routes: list[Any] = [list_provider_health]
