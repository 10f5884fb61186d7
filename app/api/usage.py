"""What was used, how much is left, and totals for operators."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.datastructures import State
from msgspec import Meta

from app.access.gate import Gate
from app.access.quotas import Period, left_of, used_by
from app.access.tiers import Allowance
from app.access.usage import Usage
from app.access.usage_read import By, own_usage, totals
from app.api.auth import NOT_KEPT, Asked
from app.api.documents import described
from app.api.guards import principal_of, require_operator, require_user, user_of
from app.api.requests import Query, read_query
from app.database import engine
from app.errors import FieldError, MalformedRequest

DAYS_DEFAULT = 30
# As long as it is kept, nearly.
DAYS_MAX = 366
# There are some eighty endpoints, so this is a year of all of them in use.
ROWS_MAX = 30_000
TOTALS_DEFAULT = 20
TOTALS_MAX = 200

Day = Annotated[date, Meta(description="A day of UTC: 2026-01-31.")]


class SpanQuery(Query, frozen=True, kw_only=True):
    """From one day to another, both included; the last 30 days if neither is given."""

    since: Day | None = msgspec.field(default=None, name="from")
    until: Day | None = msgspec.field(default=None, name="to")


class TotalsQuery(SpanQuery, frozen=True, kw_only=True):
    """Which totals, and of how many."""

    by: By = By.USER
    limit: Annotated[
        int, Meta(ge=1, le=TOTALS_MAX, description="How many, those with most units first.")
    ] = TOTALS_DEFAULT


class LimitsShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the caller's tier may; null: no quota."""

    requests_per_minute: int
    burst: int
    sockets: int
    subscriptions_per_socket: int
    messages_per_second: int
    units_per_day: int | None
    units_per_month: int | None


class RemainingShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Units that are left now, and of the quotas; null: no quota."""

    now: int
    day: int | None
    month: int | None


class UsedShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What was used of one endpoint on one day. `units` weigh requests; `refused` were over a
    limit. A socket counts when it is opened.
    """

    day: str
    endpoint: str
    requests: int
    units: int
    refused: int


class OwnUsageShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What one used, and how much is left. Days without use are not listed."""

    since: str = msgspec.field(name="from")
    until: str = msgspec.field(name="to")
    tier: str
    limits: LimitsShape
    remaining: RemainingShape
    items: Sequence[UsedShape]
    next_cursor: str | None = None


class TotalShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What one user, key, endpoint or day comes to. User 0 is everybody without credentials."""

    id: str
    name: str | None
    requests: int
    units: int
    refused: int


class TotalsShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Those with most units; there is no second page, as they change while one reads."""

    since: str = msgspec.field(name="from")
    until: str = msgspec.field(name="to")
    by: By
    items: Sequence[TotalShape]
    next_cursor: str | None = None


@get(
    "/api/me/usage",
    guards=[require_user],
    tags=["me"],
    **described(OwnUsageShape, query=SpanQuery, problems=(400, 401)),
)
async def my_usage(request: Asked, state: State) -> Response[OwnUsageShape]:
    """Tells what one used, a day and endpoint, and how much is left."""
    since, until = _span(read_query(request.scope, SpanQuery))
    user_id, gate = user_of(request), state.gate
    usage: Usage = state.usage
    await usage.flush()
    async with engine.connection(state.pool) as connection:
        items = await own_usage(connection, user_id, since=since, until=until, rows_max=ROWS_MAX)
        used = await used_by(connection, user_id, _today())
    principal = principal_of(request)
    allowance = _allowance(gate, request)
    left = left_of(used, allowance, _today())
    shape = OwnUsageShape(
        since=since.isoformat(),
        until=until.isoformat(),
        tier=principal.tier.value,
        limits=_limits_of(allowance),
        remaining=RemainingShape(
            now=request.scope["state"]["taken"].remaining,
            day=left.get(Period.DAY),
            month=left.get(Period.MONTH),
        ),
        items=[
            UsedShape(
                day=one.day.isoformat(),
                endpoint=one.endpoint,
                requests=one.requests,
                units=one.units,
                refused=one.refused,
            )
            for one in items
        ],
    )
    return Response(shape, headers=NOT_KEPT)


@get(
    "/api/usage",
    guards=[require_operator],
    tags=["operations"],
    **described(TotalsShape, query=TotalsQuery, problems=(400, 401, 403)),
)
async def all_usage(request: Asked, state: State) -> Response[TotalsShape]:
    """Tells who, which keys, endpoints or days come to most."""
    query = read_query(request.scope, TotalsQuery)
    since, until = _span(query)
    usage: Usage = state.usage
    await usage.flush()
    async with engine.connection(state.pool) as connection:
        found = await totals(connection, query.by, since=since, until=until, rows_max=query.limit)
    shape = TotalsShape(
        since=since.isoformat(),
        until=until.isoformat(),
        by=query.by,
        items=[
            TotalShape(
                id=one.what,
                name=one.name,
                requests=one.requests,
                units=one.units,
                refused=one.refused,
            )
            for one in found
        ],
    )
    return Response(shape, headers=NOT_KEPT)


def _today() -> date:
    return datetime.now(UTC).date()


def _span(query: SpanQuery) -> tuple[date, date]:
    """Returns the days asked for; raises MalformedRequest for none, or too many."""
    until = query.until or max(_today(), query.since or date.min)
    since = query.since or date.fromordinal(max(1, until.toordinal() - DAYS_DEFAULT + 1))
    if not 0 <= (until - since).days < DAYS_MAX:
        message = f"is to be no day before `from`, and at most {DAYS_MAX} days are told"
        raise MalformedRequest(f"to: {message}", errors=(FieldError(field="to", message=message),))
    return since, until


def _allowance(gate: Gate, request: Asked) -> Allowance:
    return gate.allowance_of(principal_of(request))


def _limits_of(allowance: Allowance) -> LimitsShape:
    return LimitsShape(
        requests_per_minute=allowance.requests_per_minute,
        burst=allowance.burst or allowance.requests_per_minute,
        sockets=allowance.sockets,
        subscriptions_per_socket=allowance.subscriptions_per_socket,
        messages_per_second=allowance.messages_per_second,
        units_per_day=allowance.units_per_day or None,
        units_per_month=allowance.units_per_month or None,
    )


usage_routes = [my_usage, all_usage]
