"""The shapes of answers, and what OpenAPI says of an endpoint.

Postgres builds the JSON; these structs describe it, and tests decode every answer with them.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Operation, Parameter, Schema

from app.api.problems import MEDIA_TYPE, Problem
from app.api.requests import Query
from app.catalog.shapes import PeriodShape

T = TypeVar("T")
NO_EXAMPLES = False
_SCHEMA_PLACE = "#/components/schemas/{name}"


class _Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Keys are camelCase."""


class Items(_Shape, Generic[T], frozen=True, kw_only=True):
    """A page; `nextCursor` is null on the last one."""

    items: list[T]
    next_cursor: str | None


class SportShape(_Shape, frozen=True, kw_only=True):
    """A sport."""

    id: str
    name: str


class LeagueShape(_Shape, frozen=True, kw_only=True):
    """A league."""

    slug: str
    name: str
    sport: str
    country: str | None
    season: str | None


class LeagueName(_Shape, frozen=True, kw_only=True):
    """A league, as things of it name it."""

    slug: str
    name: str


class Side(_Shape, frozen=True, kw_only=True):
    """A team, or a player."""

    id: str
    name: str


class ChancesOfSides(_Shape, frozen=True, kw_only=True):
    """Chances that add up to 1; `draw` is null where the sport has none."""

    home: Decimal
    draw: Decimal | None
    away: Decimal


class MatchSummary(_Shape, frozen=True, kw_only=True):
    """One match of a list. `chances` are those of its newest prediction, null without one."""

    id: str
    sport: str
    league: LeagueName
    name: str
    home: Side
    away: Side
    start_time: str
    status: str
    period: str | None
    clock: str | None
    home_score: int | None
    away_score: int | None
    chances: ChancesOfSides | None
    simulated: bool
    seq: int
    updated_at: str


class ChangesShape(_Shape, frozen=True, kw_only=True):
    """Frames as on the socket, and the `resume` to ask on with; `more`: ask on at once."""

    items: list[dict[str, Any]]
    resume: str
    more: bool


class _Snake(msgspec.Struct, frozen=True, kw_only=True):
    """Keys are snake_case."""


class FullLeague(_Snake, frozen=True, kw_only=True):
    """The league of a match."""

    slug: str
    name: str
    country: str | None
    season: str | None


class ParticipantShape(_Snake, frozen=True, kw_only=True):
    """A side of a match."""

    id: str
    name: str
    side: str


class MatchScore(_Snake, frozen=True, kw_only=True):
    """The state of play."""

    home: int | None
    away: int | None
    period: str | None
    clock: str | None
    periods: list[PeriodShape]
    confidence: Decimal


class MarketSummary(_Snake, frozen=True, kw_only=True):
    """A market with the best odds of each selection."""

    market_id: str
    type: str
    line: Decimal | None
    status: str
    version: int
    best_odds: dict[str, Decimal | None]
    updated_at: str


class MatchShape(_Snake, frozen=True, kw_only=True):
    """One match with all that is told about it."""

    match_id: str
    sport: str
    league: FullLeague
    name: str
    start_time: str
    status: str
    simulated: bool
    participants: list[ParticipantShape]
    score: MatchScore
    seq: int
    updated_at: str
    observed_at: str | None
    incidents: list[dict[str, Any]]
    markets: list[MarketSummary]
    statistics: dict[str, dict[str, int]]


SAID = {
    304: "What you have is still right.",
    400: "Malformed.",
    401: "No or bad credentials.",
    403: "Not allowed.",
    404: "Unknown.",
    405: "Another method.",
    409: "In conflict with how things are.",
    410: "The place in the log is gone.",
    413: "Larger than this takes.",
    415: "Of a media type that is not understood here.",
    422: "Well-formed, but not valid.",
    429: "Over a limit.",
    503: "A dependency is down.",
}


def described(
    answer: Any,
    *,
    query: type[Query] | None = None,
    problems: tuple[int, ...] = (),
    status: int = 200,
) -> dict[str, Any]:
    """Returns what a route is declared with, so that OpenAPI knows its query and answers."""
    responses: dict[int, ResponseSpec] = {
        status: ResponseSpec(answer, description="The answer.", generate_examples=NO_EXAMPLES)
    }
    for problem in (*problems, 429, 503):
        responses[problem] = ResponseSpec(
            Problem,
            description=SAID[problem],
            media_type=MEDIA_TYPE,  # pyright: ignore[reportArgumentType]
            generate_examples=NO_EXAMPLES,
        )
    declared: dict[str, Any] = {"responses": responses}
    if query is not None:
        declared["operation_class"] = _with_query(query)
    return declared


def _with_query(query: type[Query]) -> type[Operation]:
    parameters = _parameters_of(query)

    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            self.parameters = [*(self.parameters or ()), *parameters]

    return Described


def _parameters_of(query: type[Query]) -> list[Parameter]:
    _, schemas = msgspec.json.schema_components((query,), ref_template=_SCHEMA_PLACE)
    own = schemas[query.__name__]
    return [
        Parameter(
            name=name,
            param_in="query",
            description=_described_in(schema),
            schema=_schema_of(schema, schemas),
            required=name in own.get("required", ()),
            explode=True,
        )
        for name, schema in own["properties"].items()
    ]


def _described_in(schema: dict[str, Any]) -> str | None:
    inner: list[dict[str, Any]] = [schema, *schema.get("anyOf", ())]
    return next((part["description"] for part in inner if "description" in part), None)


def _schema_of(schema: dict[str, Any], schemas: dict[str, Any]) -> Schema:
    """Returns msgspec's JSON schema of a query field as Litestar's; "not given" is no null."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    some = [part for part in schema.get("anyOf", ()) if part.get("type") != "null"]
    if some:
        return _schema_of(some[0], schemas)
    items = schema.get("items")
    return Schema(
        type=schema.get("type"),
        format=schema.get("format"),
        enum=schema.get("enum"),
        pattern=schema.get("pattern"),
        minimum=schema.get("minimum"),
        maximum=schema.get("maximum"),
        default=schema.get("default"),
        items=None if items is None else _schema_of(items, schemas),
    )
