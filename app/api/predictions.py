"""GET /api/v1/predictions of a match, the path they took, and how good they were."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath
from msgspec import Meta

from app.api.answers import JSON, Asked, answer, ready_answer
from app.api.documents import NO_EXAMPLES, described
from app.api.kept import of_match
from app.api.requests import Query, Time, WireId, number_in, read_query
from app.cache.lifetimes import Made
from app.cache.reads import Cache
from app.cache.tags import match_tag
from app.catalog import matches
from app.catalog.reads import Reads
from app.database import engine
from app.database.engine import Connection
from app.database.places import microseconds
from app.errors import NotFound
from app.polling.demand import Demand
from app.predictions.accuracy import Question, accuracy_of
from app.predictions.asking import ask
from app.predictions.read import path_of, prediction_of
from app.predictions.shapes import Accuracy, PendingShape, PredictionPath, PredictionShape

# How long ago matches began whose forecasts are judged, unless it is said.
SINCE = timedelta(days=365)
# The end of the span moves in steps, so that many ask the same.
STEP = timedelta(minutes=1)
_PENDING_RETRY_S = "1"


class AccuracyQuery(Query, frozen=True, kw_only=True):
    """Which matches; `from` is included, `to` is not. Without them, those of the last year."""

    sport: WireId | None = None
    since: Time | None = msgspec.field(default=None, name="from")
    until: Time | None = msgspec.field(default=None, name="to")
    simulated: Annotated[
        bool, Meta(description="Matches of the demonstration instead of real ones.")
    ] = False


def _prediction_described() -> dict[str, Any]:
    declared = described(PredictionShape, problems=(304, 400, 404))
    declared["responses"][202] = ResponseSpec(
        PendingShape,
        description="The first one is being made.",
        generate_examples=NO_EXAMPLES,
    )
    return declared


@get("/api/v1/predictions/{match_id:str}", tags=["predictions"], **_prediction_described())
async def get_prediction(request: Asked, state: State, match_id: FromPath[str]) -> Response[Any]:
    """Returns the chances of a match, before and during it, and what made them.

    An old one is answered at once with its age while a new one is made; 202 is only for the first.
    Its tag is weak: the same forecast is the same answer, though its age is another by then.
    """
    number = number_in(match_id, "match")
    entry = await of_match(state, "prediction", number, _read)
    demand: Demand = state.demand
    if entry is not None:
        return ready_answer(request, entry, partial(demand.touch, number, markets=False))
    known = await of_match(state, "score", number, matches.score_of)
    if known is None:
        raise NotFound(f"There is no match {match_id}.")
    kept = msgspec.json.decode(known.body, type=_Named)
    async with engine.connection(state.pool) as connection:
        await ask(connection, int(kept.match_id))
    demand.touch(number, markets=False)
    return Response(
        content=msgspec.json.encode(PendingShape(match_id=kept.match_id, status="pending")),
        status_code=202,
        media_type=JSON,
        headers={"cache-control": "no-store", "retry-after": _PENDING_RETRY_S},
    )


class _Named(msgspec.Struct, frozen=True, rename="camel"):
    match_id: str


async def _read(connection: Connection, number: int) -> Made | None:
    told = await prediction_of(connection, number)
    if told is None:
        return None
    if told.is_old:
        await ask(connection, number)
    return Made(body=told.body, tag=f'W/"{number}-{microseconds(told.generated_at)}"')


@get(
    "/api/v1/predictions/{match_id:str}/history",
    tags=["predictions"],
    **described(PredictionPath, problems=(304, 400, 404)),
)
async def get_prediction_path(
    request: Asked, state: State, match_id: FromPath[str]
) -> Response[Any]:
    """Returns the path a match's chances took, newest last."""
    number = number_in(match_id, "match")

    async def read(connection: Connection) -> bytes | None:
        if await matches.sport_of(connection, number) is None:
            return None
        return await path_of(connection, number)

    reads: Reads = state.reads
    body = await reads.of((match_tag(number),), read)
    if body is None:
        raise NotFound(f"There is no match {match_id}.")
    return answer(request, body)


@get(
    "/api/predictions/accuracy",
    tags=["predictions"],
    **described(Accuracy, query=AccuracyQuery, problems=(304, 400)),
)
async def get_accuracy(request: Asked, state: State) -> Response[Any]:
    """Returns how good forecasts were that were served, beside the market: proper scores,
    calibration, week by week, by sport and by version.
    """
    query = read_query(request.scope, AccuracyQuery)
    until = query.until or _stepped(datetime.now(UTC)) + STEP
    question = Question(
        simulated=query.simulated,
        since=query.since or until - SINCE,
        until=until,
        sport=query.sport,
    )

    async def make(connection: Connection) -> Made:
        return Made(body=msgspec.json.encode(await accuracy_of(connection, question)))

    cache: Cache = state.cache
    reads: Reads = state.reads
    name = msgspec.json.encode(question).decode()
    entry = await cache.read("accuracy", name, (), partial(reads.made, (), make))
    assert entry is not None, "an answer there always is"
    return answer(request, entry.body, tag=entry.tag)


def _stepped(moment: datetime) -> datetime:
    return moment - (moment - datetime.min.replace(tzinfo=UTC)) % STEP


prediction_routes: list[Any] = [get_prediction, get_prediction_path, get_accuracy]
