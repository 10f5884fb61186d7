"""POST /api/v1/matches/batch: many matches at once, in the order asked."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar import Response, post
from litestar.datastructures import State
from litestar.params import JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta

from app.api.answers import JSON, Asked
from app.api.documents import MatchShape, described
from app.api.guards import charge
from app.api.kept import number_of_match, of_match
from app.api.weights import batch_weight
from app.cache.memory import Entry
from app.cache.tags import match_tag
from app.catalog import matches
from app.catalog.reads import Reads
from app.errors import FieldError, MalformedId
from app.polling.demand import Demand
from app.predictions.read import predictions_of
from app.predictions.shapes import MatchPrediction
from app.sports.ids import WIRE_ID_LENGTH_MAX, is_wire_id, number_of

MATCHES_MAX = 100
# Of what is not kept, so many are read at once: half of a process's connections.
READ_AT_ONCE_MAX = 4

Id = Annotated[str, Meta(max_length=WIRE_ID_LENGTH_MAX)]


class BatchQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which matches; one that is named twice is answered twice."""

    match_ids: Annotated[
        list[Id], Meta(min_length=1, max_length=MATCHES_MAX, description="Ids of matches.")
    ]


class BatchResult(msgspec.Struct, frozen=True, kw_only=True):
    """One match of them: `status` is `success`, or `not_found`, and then there is no match."""

    match_id: str
    status: str
    match: MatchShape | None
    prediction: MatchPrediction | None


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The matches, in the order asked."""

    results: list[BatchResult]


@post(
    "/api/v1/matches/batch",
    status_code=HTTP_200_OK,
    tags=["matches"],
    **described(BatchAnswer, problems=(400, 413, 415, 422)),
)
async def get_matches(request: Asked, data: JSONBody[BatchQuestion], state: State) -> Response[Any]:
    """Returns up to 100 matches, each as /api/v1/matches/{match_id} has it.

    It counts against limits as one request for each ten of them.
    """
    wrong = [n for n, text in enumerate(data.match_ids) if not is_wire_id(text)]
    if wrong:
        raise MalformedId(
            errors=tuple(FieldError(field=f"match_ids[{n}]", message="is not an id") for n in wrong)
        )
    await charge(request, batch_weight(len(data.match_ids)) - 1)
    numbers = {text: number_of(text) or 0 for text in data.match_ids}
    entries = await _read(state, {number for number in numbers.values() if number})
    predictions = await _predicted(state, {number_of_match(one) for one in entries.values()})
    results = [_result(text, entries.get(numbers[text]), predictions) for text in data.match_ids]
    body = b'{"results":[' + b",".join(results) + b"]}"
    return Response(body, media_type=JSON, headers={"cache-control": "no-store"})


async def _read(state: State, numbers: set[int]) -> dict[int, Entry]:
    """Returns those of the matches that there are, and notes that they are wanted."""
    at_once = asyncio.Semaphore(READ_AT_ONCE_MAX)
    demand: Demand = state.demand

    async def one(number: int) -> tuple[int, Entry | None]:
        async with at_once:
            entry = await of_match(state, "match", number, matches.match_of)
        if entry is not None:
            demand.touch(number)
        return number, entry

    found = await asyncio.gather(*map(one, numbers))
    return {number: entry for number, entry in found if entry is not None}


async def _predicted(state: State, numbers: set[int]) -> dict[int, bytes]:
    if not numbers:
        return {}
    reads: Reads = state.reads
    return await reads.of(
        tuple(map(match_tag, numbers)),
        lambda connection: predictions_of(connection, list(numbers)),
    )


def _result(match_id: str, entry: Entry | None, predictions: Mapping[int, bytes]) -> bytes:
    told, status, body, prediction = msgspec.json.encode(match_id), b"not_found", b"null", b"null"
    if entry is not None:
        status, body = b"success", entry.body
        prediction = predictions.get(number_of_match(entry), prediction)
    return b'{"match_id":%b,"status":"%b","match":%b,"prediction":%b}' % (
        told, status, body, prediction,
    )  # fmt: skip


batch_routes: list[Any] = [get_matches]
