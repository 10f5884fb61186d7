"""Forecasts matches as their logs go on."""

import asyncio
import time
from datetime import UTC, datetime

import asyncpg

from app import metrics
from app.database import engine
from app.database.engine import Connection, Pool
from app.errors import AppError, DependencyDown
from app.logs import logger
from app.predictions.blend import MARKET_SHARE
from app.predictions.choice import Choice, choose
from app.predictions.following import (
    AROUND_PER_ROUND_MAX,
    MATCHES_PER_ROUND_MAX,
    due_matches,
    save,
    standings_of,
)
from app.predictions.keeping import NEVER, Current, current_parameters, newest_fit
from app.predictions.making import base_of, made_of
from app.predictions.standing import Base, Made, Standing
from app.sports.ids import MatchId

# Between two looks at what is in play or asked for; a goal's chances are told that much later.
LOOK_EVERY_S = 0.2
# Looks between two that also find what is ahead, and what was put right afterwards.
SWEEP_EVERY = 10
RETRY_S = 1.0
# Read at once: a standing is some kilobytes.
READ_AT_ONCE = 25
# Matches whose parameters and sides are remembered; finding a side by likeness takes up to 40 ms.
CHOICES_MAX = 5_000
# Of several workers one forecasts at a time.
_PREDICTING = 7146830
_TRY = "SELECT pg_try_advisory_lock($1)"
_LEAVE = "SELECT pg_advisory_unlock($1)"

log = logger(__name__)


class Predicting:
    """Follows the logs of matches that somebody may want from their durable places."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._current = Current(parameters=(), shares={}, fitted_at=NEVER)
        self._choices: dict[MatchId, Choice] = {}

    async def run(self) -> None:
        """Forecasts until cancelled. What is ahead is forecast in portions: goals do not wait."""
        looks, left = 0, False
        while True:
            try:
                made = await self.look(around=False)
                if left or looks % SWEEP_EVERY == 0:
                    left = await self.look(around=True) >= AROUND_PER_ROUND_MAX
            except (DependencyDown, asyncpg.PostgresError) as error:
                log.warning("forecasts_wait", error=str(error))
                await asyncio.sleep(RETRY_S)
                continue
            looks += 1
            if not left and made < MATCHES_PER_ROUND_MAX:
                await asyncio.sleep(LOOK_EVERY_S)

    async def look(self, *, around: bool) -> int:
        """Forecasts what is due; returns how many matches were looked at, 0 when another is at it.

        `around` looks at all that is ahead or lately over, too.
        """
        async with engine.connection(self._pool) as connection:
            if not await connection.fetchval(_TRY, _PREDICTING):
                return 0
            try:
                return await self._look(connection, around=around)
            finally:
                await connection.execute(_LEAVE, _PREDICTING)

    async def _look(self, connection: Connection, *, around: bool) -> int:
        await self._refresh(connection)
        if not self._current.parameters:
            return 0
        due = await due_matches(connection, around=around, refitted_at=self._current.fitted_at)
        for start in range(0, len(due), READ_AT_ONCE):
            for standing in await standings_of(connection, due[start : start + READ_AT_ONCE]):
                await self._forecast(connection, standing)
        return len(due)

    async def _refresh(self, connection: Connection) -> None:
        """Takes newer parameters, when there are some."""
        if await newest_fit(connection) == self._current.fitted_at:
            return
        self._current = await current_parameters(connection)
        self._choices = {}

    async def _forecast(self, connection: Connection, standing: Standing) -> None:
        made: Made | None = None
        try:
            made = await self._made(standing)
        except AppError as error:
            # As it stands it cannot be; what is told next may be better.
            metrics.forecasts_failed.labels(error.code).inc()
            log.info("not_forecast", match_id=standing.match_id, code=error.code, why=error.detail)
        if await save(connection, standing, made) and made is not None:
            metrics.forecasts.labels(standing.sport.value, made.phase).inc()
            if made.phase == "in_play":
                delay = (datetime.now(UTC) - standing.at).total_seconds()
                metrics.forecast_delay_seconds.observe(max(delay, 0.0))

    async def _made(self, standing: Standing) -> Made | None:
        phase, base = standing.phase, standing.base
        if phase is None and base is not None:
            # It will have no result of its own: what was said last stays.
            return None
        if base is None or phase == "before":
            base = await self._base(standing)
            if base is None:
                return None
        share = self._current.shares.get(base.forecast.version, MARKET_SHARE)
        began = time.perf_counter()
        made = made_of(standing, base, share)
        metrics.forecast_seconds.observe(time.perf_counter() - began)
        return made

    async def _base(self, standing: Standing) -> Base | None:
        choice = self._choices.get(standing.match_id)
        if choice is None:
            choice = await asyncio.to_thread(_choice, self._current, standing)
            if choice is None:
                return None
            if len(self._choices) >= CHOICES_MAX:
                self._choices.clear()
            self._choices[standing.match_id] = choice
        return base_of(choice, standing, self._current.shares[choice.parameters.version])


def _choice(current: Current, standing: Standing) -> Choice | None:
    names = (standing.home, standing.away)
    return choose(current.parameters, standing.sport, names, league=standing.league_slug)
