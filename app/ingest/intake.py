"""The one way in: an answer of one provider, polled, streamed or pushed, taken in whole."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial

import asyncpg
import msgspec

from app.database import engine
from app.database.engine import Connection, Pool
from app.ingest.dead_letters import Letter, Origin, bury
from app.ingest.known import Known
from app.ingest.pipeline import OBSERVATIONS_MAX, Ingested, ingest, ingest_remembered
from app.logs import logger
from app.providers.provider import Answer
from app.sports.observation import Observation

# A deadlock with a writer that is not ours is tried again; twice is bad luck, thrice a bug.
WRITE_TRIES_MAX = 3
# Those who tell each thing once: what they say of an unknown match is kept message by message.
_TOLD_ONCE = frozenset({"push", "publish"})
# What Postgres says of values it cannot store, the driver of those it cannot send, and our own
# code of those it cannot count with. One hostile value must not stop a thousand good ones.
_REFUSALS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.CardinalityViolationError,
    asyncpg.ProgramLimitExceededError,
    ValueError,
    ArithmeticError,
    msgspec.MsgspecError,
)

log = logger(__name__)

# Asked first in the transaction; False: what was heard is no longer ours to write.
Fence = Callable[[Connection], Awaitable[bool]]


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """An observation that could be read and not be taken in; `code` says why.

    `unknown_match`: nobody knows, or has decided, which match it is of. `not_stored`: Postgres
    refuses a value of it.
    """

    observation: Observation
    code: str
    message: str


class TakenIn(Ingested, frozen=True, kw_only=True):
    """What an answer was, and which of its observations are not in; they are in the letters."""

    lost: tuple[Lost, ...] = ()


class _Refused(Exception):
    """Postgres refuses a value; the transaction is void."""


async def take_in(
    pool: Pool, origin: Origin, answer: Answer, known: Known, *, fence: Fence | None = None
) -> TakenIn | None:
    """Takes an answer in; None when the fence did not hold.

    What needs no transaction goes ahead; it counts only where nobody else wrote since. The rest is
    one transaction, which begins with the fence. What of it could not be read, identified or stored
    is kept as dead letters in the same transaction, and the rest counts: an answer that Postgres
    refuses is taken in again in halves, until the culprits are alone. Raises DependencyDown when
    Postgres is away; nothing is lost or written twice when the whole answer is told again then.
    """
    store = _at_once
    tries_left = WRITE_TRIES_MAX
    ahead = Ingested()
    while True:
        tries_left -= 1
        try:
            async with engine.connection(pool) as connection:
                done, answer = await _go_ahead(connection, answer, known)
                ahead += done
                write = partial(_write, origin=origin, store=partial(store, known=known))
                rest = await _fenced(connection, answer, fence, write)
            known.keep()
        except _Refused as error:
            log.warning("answer_refused", provider=origin.provider, error=str(error))
            assert store is _at_once, "halving leaves nothing that is refused"
            store = _in_halves
        except asyncpg.DeadlockDetectedError:
            if not tries_left:
                raise
        else:
            return None if rest is None else _taken(ahead + rest, rest.lost)
        finally:
            known.drop()


async def _go_ahead(
    connection: Connection, answer: Answer, known: Known
) -> tuple[Ingested, Answer]:
    """Takes in what needs no transaction; returns what came of it, and what else is said."""
    try:
        done, left = await ingest_remembered(connection, answer.observations, known)
    except _REFUSALS:
        # Taken in whole, in halves if need be, it is found out what is refused, and kept.
        known.drop()
        return Ingested(), answer
    known.keep()
    return done, Answer(observations=tuple(left), rejected=answer.rejected)


def _is_undecided(lost: Lost) -> bool:
    return lost.code == "unknown_match" and lost.observation.match is not None


_Store = Callable[[Connection, Sequence[Observation]], Awaitable[TakenIn]]


async def _fenced(
    connection: Connection,
    answer: Answer,
    fence: Fence | None,
    write: Callable[[Connection, Answer], Awaitable[TakenIn]],
) -> TakenIn | None:
    """Writes what is left of an answer behind a fence; None when it did not hold."""
    if not answer.observations and not answer.rejected:
        return TakenIn() if fence is None or await fence(connection) else None
    async with connection.transaction():
        if fence is not None and not await fence(connection):
            return None
        return await write(connection, answer)


async def _write(
    connection: Connection, answer: Answer, *, origin: Origin, store: _Store
) -> TakenIn:
    whole = Ingested()
    lost: list[Lost] = []
    for batch in batches(answer.observations):
        stored = await store(connection, batch)
        whole += stored
        lost += stored.lost
    letters = [Letter(code=one.code, message=one.message, raw=one.raw) for one in answer.rejected]
    # What waits for a decision is kept by the review queue, once, and told again when decided.
    letters += [_letter(origin, one) for one in lost if not _is_undecided(one)]
    await bury(connection, origin, letters)
    return _taken(whole, lost)


def batches(observations: Sequence[Observation]) -> Iterator[list[Observation]]:
    """Yields observations in order, so many that one statement holds them, each match once.

    Of several observations of one match only the newest would count within one batch; a push may
    tell the score in one item and prices in the next.
    """
    batch: list[Observation] = []
    seen: set[tuple[str, str]] = set()
    for observation in observations:
        key = (observation.provider, observation.external_id)
        if key in seen or len(batch) == OBSERVATIONS_MAX:
            yield batch
            batch, seen = [], set()
        batch.append(observation)
        seen.add(key)
    if batch:
        yield batch


async def _at_once(
    connection: Connection, observations: Sequence[Observation], known: Known
) -> TakenIn:
    try:
        ingested = await ingest(connection, observations, known)
    except _REFUSALS as error:
        raise _Refused(f"{type(error).__name__}: {error}") from error
    except ExceptionGroup as group:
        # Some of it is written beside the rest.
        _, others = group.split(_REFUSALS)
        if others is not None:
            raise
        first = group.exceptions[0]
        raise _Refused(f"{type(first).__name__}: {first}") from group
    unknown = [
        Lost(observation=one, code="unknown_match", message="nobody knows which match it is of")
        for one in observations
        if one.match_id is None and known.matches.get((one.provider, one.external_id)) is None
    ]
    return _taken(ingested, unknown)


async def _in_halves(
    connection: Connection, observations: Sequence[Observation], known: Known
) -> TakenIn:
    try:
        async with connection.transaction():
            return await _at_once(connection, observations, known)
    except _Refused as error:
        # Ids learnt since the savepoint are of rows that are not there.
        known.drop()
        if len(observations) == 1:
            alone = Lost(observation=observations[0], code="not_stored", message=str(error))
            return TakenIn(lost=(alone,))
    middle = len(observations) // 2
    first = await _in_halves(connection, observations[:middle], known)
    second = await _in_halves(connection, observations[middle:], known)
    return _taken(first + second, [*first.lost, *second.lost])


def _taken(ingested: Ingested, lost: Sequence[Lost]) -> TakenIn:
    return TakenIn(
        matches=ingested.matches,
        scores_changed=ingested.scores_changed,
        quotes=ingested.quotes,
        lost=tuple(lost),
    )


def _letter(origin: Origin, lost: Lost) -> Letter:
    return Letter(
        code=lost.code,
        message=lost.message,
        raw=_encoded(lost.observation),
        external_id=lost.observation.external_id,
        form="observation",
        newest_only=origin.scope not in _TOLD_ONCE,
    )


def _encoded(observation: Observation) -> bytes:
    try:
        return msgspec.json.encode(observation)
    except UnicodeEncodeError:
        # Half a character is in it, so no JSON can be made of it; this is for people.
        return repr(observation).encode(errors="backslashreplace")
