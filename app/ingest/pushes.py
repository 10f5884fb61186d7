"""What feeds that call us bring: read against what we hold, taken in, answered item by item."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from app.database import engine
from app.database.engine import Connection, Pool
from app.errors import AppError
from app.ingest.dead_letters import Letter, Origin, bury
from app.ingest.held import Memory
from app.ingest.intake import TakenIn, take_in
from app.ingest.known import Known
from app.providers.provider import Answer, ProviderUnreadable
from app.providers.push import feed
from app.providers.push.feed import Opened
from app.providers.push.uof import Held
from app.sports.market import MarketType
from app.sports.match import Sport
from app.sports.observation import Observation

T = TypeVar("T")

# Of one feed in one process, written at once: each has connections and a memory of its own.
WRITERS_MAX = 4
# Of one feed in one process, written or waiting; a body has up to 8 MiB.
WAITING_MAX = 32
# A body above this is read in a thread: some 5 ms of a loop that others wait for.
READ_HERE_BYTES_MAX = 65_536

_HELD = """
SELECT m.sport_id, k.type, k.line FROM provider_refs r
JOIN matches m ON m.id = r.match_id
LEFT JOIN markets k ON k.match_id = m.id AND EXISTS (
    SELECT 1 FROM selections s JOIN quotes q ON q.selection_id = s.id
    WHERE s.market_id = k.id AND q.provider = r.provider
)
WHERE r.provider = $1 AND r.kind = 'match' AND r.external_id = $2
"""


class FeedBusy(AppError):
    """This feed pushes faster than it can be taken in; push again shortly."""

    code = "feed_busy"
    status = 503
    retry_after_s = 1


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One item of a body that was not taken in; `index` is its place."""

    index: int
    code: str
    message: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a body; `observations` are those that are in."""

    observations: tuple[Observation, ...]
    rejected: tuple[Refusal, ...]


class _Line:
    """What one feed has here: memories to lend, and how many wait."""

    def __init__(self, memory: Memory) -> None:
        self.waiting = 0
        self._free = [Known(memory) for _ in range(WRITERS_MAX)]
        self._turn = asyncio.Semaphore(WRITERS_MAX)

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[Known]:
        """Lends a memory that nobody else has meanwhile."""
        async with self._turn:
            known = self._free.pop()
            try:
                yield known
            finally:
                self._free.append(known)


class Pushes:
    """Takes in what feeds push, some bodies of each at once."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lines: dict[str, _Line] = {}
        self._memory = Memory()

    async def take(self, provider: str, body: bytes, media_type: str) -> Receipt:
        """Takes a body in and returns, after the commit, what became of its items.

        Raises ProviderUnreadable for what is no body at all, which is kept as a letter; FeedBusy;
        DependencyDown when Postgres is away.
        """
        line = self._lines.setdefault(provider, _Line(self._memory))
        if line.waiting >= WAITING_MAX:
            raise FeedBusy
        line.waiting += 1
        try:
            async with line.turn() as known:
                return await self._take(
                    Origin(provider=provider, scope="push"), body, media_type, known
                )
        finally:
            line.waiting -= 1

    async def _take(self, origin: Origin, body: bytes, media_type: str, known: Known) -> Receipt:
        try:
            opened = await _off_loop(body, lambda: feed.open_body(body, media_type))
            answer = await self.read(origin.provider, opened)
        except ProviderUnreadable as error:
            letter = Letter(code=error.kind, message=str(error), raw=body)
            async with engine.connection(self._pool) as connection:
                await bury(connection, origin, [letter])
            raise
        taken = await take_in(self._pool, origin, answer, known)
        assert taken is not None, "there is no fence"
        return receipt_of(answer, taken)

    async def read(self, provider: str, opened: Opened) -> Answer:
        """Returns what a body says, against what we hold; raises ProviderUnreadable."""
        held: Mapping[str, Held] = {}
        if opened.needs is not None:
            async with engine.connection(self._pool) as connection:
                held = await held_of(connection, provider, opened.needs)
        received_at = datetime.now(UTC)
        return await _off_loop(opened.body, lambda: feed.read(opened, provider, held, received_at))


async def held_of(connection: Connection, provider: str, external_id: str) -> Mapping[str, Held]:
    """Returns what we hold of a feed's match: its sport, and the markets the feed has quoted."""
    if "\0" in external_id:
        return {}
    rows = await connection.fetch(_HELD, provider, external_id)
    if not rows:
        return {}
    questions = [(MarketType(r["type"]), r["line"]) for r in rows if r["type"] is not None]
    return {external_id: Held(sport=Sport(rows[0]["sport_id"]), questions=tuple(questions))}


def receipt_of(answer: Answer, taken: TakenIn) -> Receipt:
    """Returns which items are in and which are not, by their places in the body."""
    unread = {one.index for one in answer.rejected}
    whole = len(answer.observations) + len(answer.rejected)
    places = [place for place in range(whole) if place not in unread]
    place_of = {id(said): place for said, place in zip(answer.observations, places, strict=True)}
    refused = [
        Refusal(index=one.index, code=one.code, message=one.message) for one in answer.rejected
    ]
    refused += [
        Refusal(index=place_of[id(one.observation)], code=one.code, message=one.message)
        for one in taken.lost
    ]
    lost = {id(one.observation) for one in taken.lost}
    return Receipt(
        observations=tuple(said for said in answer.observations if id(said) not in lost),
        rejected=tuple(sorted(refused, key=lambda one: one.index)),
    )


async def _off_loop(body: bytes, work: Callable[[], T]) -> T:
    """Runs what reads a body, in a thread when it is large."""
    if len(body) <= READ_HERE_BYTES_MAX:
        return work()
    return await asyncio.to_thread(work)
