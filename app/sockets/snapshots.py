"""The first state of a match: everything at one place of its log, or what comes after a place."""

import asyncio
from collections.abc import Sequence

from app.catalog import incidents, markets, matches
from app.database import engine
from app.database.engine import Pool
from app.database.places import Place
from app.errors import MatchMerged, NotFound
from app.predictions.read import forecast_told
from app.sockets.dialect import Snapshot
from app.stream import log
from app.stream.change import Change, ResumeExpired

# First states read at once, of all matches together: the rest of the pool is for everybody else.
READS_AT_ONCE = 4


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
        forecast = await forecast_told(connection, match_id)
    data = (
        f'{{"score":{score.decode()},"markets":{priced.decode()},"incidents":{occurred.decode()},'
        f'"prediction":{forecast.decode()}}}'
    )
    return Snapshot(match_id, place, data)


class FirstStates:
    """Reads for crowds, some at a time: a storm of joiners waits here, not for connections."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._turns = asyncio.Semaphore(READS_AT_ONCE)

    async def snapshot(self, match_id: int) -> Snapshot:
        """Returns a match's state; raises as `read_snapshot` does."""
        async with self._turns:
            return await read_snapshot(self._pool, match_id)

    async def missed(self, match_id: int, place: Place) -> Sequence[Change]:
        """Returns what comes after a place; raises ResumeExpired when that is too much to be sent
        one by one, or the place is not of this log, and DependencyDown.
        """
        most = log.RESUME_CHANGES_MAX
        async with (
            self._turns,
            engine.connection(self._pool) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            changes = await log.changes_since(connection, match_id, place, most + 1)
        if len(changes) > most:
            raise ResumeExpired
        return changes
