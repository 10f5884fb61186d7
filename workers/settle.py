"""Settles bets when their matches are over, and anew when a result is put right."""

import asyncio
from datetime import UTC, datetime

import asyncpg

from app import metrics
from app.betting.settlement import Waits, due_matches, left_open, settle_match
from app.database.engine import Pool
from app.errors import DependencyDown
from app.logs import logger
from app.sports.ids import MatchId

# Between two looks at what changed; money may wait as long.
LOOK_EVERY_S = 0.5
# Looks between two that also find what no change will tell of again.
SWEEP_EVERY = 20
RETRY_S = 1.0

log = logger(__name__)


class Settling:
    """Follows the logs of matches with bets from their durable places. `pool` commits durably."""

    def __init__(self, pool: Pool, waits: Waits) -> None:
        self._pool = pool
        self._waits = waits

    async def run(self) -> None:
        """Settles until cancelled."""
        looks = 0
        while True:
            try:
                await self.look(sweep=looks % SWEEP_EVERY == 0)
            except (DependencyDown, asyncpg.PostgresError) as error:
                log.warning("settlement_waits", error=str(error))
                await asyncio.sleep(RETRY_S)
                continue
            looks += 1
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self, *, sweep: bool) -> int:
        """Settles what is due; returns how many bets it settled or put right."""
        now = datetime.now(UTC)
        due: dict[MatchId, None] = dict.fromkeys(await due_matches(self._pool, now))
        if sweep:
            due |= dict.fromkeys(await left_open(self._pool, now))
        settled = 0
        for match_id in due:
            with metrics.settlement_seconds.time():
                done = await settle_match(self._pool, match_id, waits=self._waits, now=now)
            if done:
                log.info("bets_settled", match_id=match_id, bets=done)
            settled += done
        return settled
