"""The first state of a match: everything at one place of its log, read once for all who wait."""

import asyncio

import msgspec

from app.catalog import incidents, markets, matches
from app.database import engine
from app.database.engine import Pool
from app.database.places import Place
from app.errors import MatchMerged, NotFound
from app.stream import log


class Snapshot(msgspec.Struct, frozen=True):
    """A match's state as a frame's `data`, and the place it is true at."""

    place: Place
    data: str


async def read_snapshot(pool: Pool, match_id: int) -> Snapshot:
    """Reads place and state in one transaction, so that they are of one moment.

    Raises NotFound, MatchMerged, and DependencyDown when Postgres is out of reach.
    """
    async with (
        engine.connection(pool) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        place = (await log.heads(connection, [match_id])).get(match_id)
        score = await matches.score_of(connection, match_id)
        kept = None if score is not None else await matches.merged_into(connection, match_id)
        if kept is not None:
            raise MatchMerged(f"Match {match_id} is match {kept} now.")
        if place is None or score is None:
            raise NotFound(f"There is no match {match_id}.")
        priced = await markets.markets_of(connection, match_id)
        occurred = await incidents.incidents_of(connection, match_id)
    data = (
        f'{{"score":{score.decode()},"markets":{priced.decode()},"incidents":{occurred.decode()}}}'
    )
    return Snapshot(place, data)


class Snapshots:
    """Reads snapshots; whoever asks for a match that is being read waits for the same answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._reading: dict[int, asyncio.Task[Snapshot]] = {}

    async def of(self, match_id: int) -> Snapshot:
        """Returns a snapshot that may have been begun before the call; the hub judges its place."""
        task = self._reading.get(match_id)
        if task is None:
            task = asyncio.create_task(read_snapshot(self._pool, match_id))
            self._reading[match_id] = task
            task.add_done_callback(lambda _: self._reading.pop(match_id, None))
        return await asyncio.shield(task)
