"""Models are fitted anew each night, in a process of its own."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest

from app import metrics
from app.database import engine
from app.database.engine import Pool
from app.predictions.fitting import NATIONS_LEAGUE, model_of
from app.predictions.keeping import NEVER, current_versions
from app.sports.match import Sport
from workers.refit import Refitting, is_time


@pytest.fixture
async def pool(database_url: str) -> AsyncGenerator[Pool]:
    """A pool of the test's own database."""
    opened = await engine.open_pool(
        database_url, connections_max=4, statement_timeout_s=30, name="test"
    )
    yield opened
    opened.terminate()


def fits(sport: Sport, league: str) -> float:
    """How often a league's model was fitted, by the metrics of this process."""
    labels = {"model": model_of(sport, league)}
    return metrics.REGISTRY.get_sample_value("touchline_model_fits_total", labels) or 0.0


async def test_without_any_model_all_are_fitted_by_one_of_two_workers(
    pool: Pool, database_url: str
):
    before = fits(Sport.FOOTBALL, NATIONS_LEAGUE)
    now = datetime.now(UTC)
    workers = (Refitting(pool, database_url), Refitting(pool, database_url))
    assert sorted(await asyncio.gather(*(one.look(now) for one in workers))) == [False, True]
    assert fits(Sport.FOOTBALL, NATIONS_LEAGUE) == before + 1
    async with engine.connection(pool) as connection:
        versions = await current_versions(connection)
    assert {version.sport for version in versions} == set(Sport)
    assert not any([await one.look(now) for one in workers])


async def test_what_fails_is_tried_again_and_leaves_the_lock(
    pool: Pool,
):
    away = Refitting(pool, "postgresql://nobody@127.0.0.1:1/none")
    now = datetime.now(UTC)
    for _ in range(2):
        assert not await away.look(now)
    async with engine.connection(pool) as connection:
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        assert await connection.fetchval(locks) == 0


def test_it_is_time_to_fit_at_the_first_start_and_once_a_night():
    fitted = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert is_time(fitted, NEVER, None)
    assert not is_time(fitted, fitted, None)
    night = datetime(2026, 5, 2, 4, 1, tzinfo=UTC)
    assert is_time(night, fitted, None)
    assert not is_time(night, fitted, night.date())
    assert not is_time(night + timedelta(hours=1), fitted, None)
