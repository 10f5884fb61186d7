"""Prices are polled from the first subscriber on, of its match alone, until the last has left."""

import asyncio
import logging
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.stories.conftest import MakeHouse
from tests.stories.follower import Follower
from tests.stories.matchday import MatchDay
from tests.stories.programme import PLAYED

# Shown with --log-cli-level=info.
LOG = logging.getLogger(__name__)
PATIENCE_S = 90
HOCKEY = tuple(name for name in PLAYED if name.startswith("hockey."))
# So many polls of scores are time enough for one of prices, at the same interval.
POLLS = 5
# Promised is a second; a machine that does much else is given more.
BEGINS_WITHIN = timedelta(seconds=20)
_LIVE = """
SELECT m.id, array_agg(r.provider || ' ' || r.external_id) AS refs
FROM matches m JOIN live_scores s ON s.match_id = m.id AND s.status IN ('live', 'paused')
JOIN provider_refs r ON r.match_id = m.id AND r.kind = 'match'
GROUP BY m.id HAVING count(DISTINCT r.provider) = 2 ORDER BY m.id
"""
_POLLED = "SELECT count(*) FROM poll_tasks WHERE scope = 'markets' AND state = 'polled'"


@pytest.fixture
def match_day(tmp_path: Path) -> Generator[MatchDay]:
    """A stadium with three matches of hockey at once."""
    day = MatchDay(tmp_path / "day", (HOCKEY, {}), speed=60, lanes=3, scenario="")
    yield day
    day.end()


async def other_polls(day: MatchDay) -> None:
    """Waits until scores were asked for some times more: prices could have been, too."""
    door = "/api/v2/json/livescore/ice_hockey"
    before = day.asked()["thesportsdb"]["doors"].get(door, 0)
    while day.asked()["thesportsdb"]["doors"].get(door, 0) < before + POLLS:
        await asyncio.sleep(0.05)


def questions(day: MatchDay) -> list[tuple[str, str, tuple[str, ...]]]:
    """Every question for prices so far: of whom, when, which matches it named."""
    return [
        (provider, question["at"], tuple(question["names"]))
        for provider, told in day.asked().items()
        for question in told["prices"]
    ]


@pytest.mark.story
@pytest.mark.timeout(150)
async def test_prices_are_polled_while_somebody_watches_and_only_then(
    make_house: MakeHouse, match_day: MatchDay
):
    settings = {**match_day.settings(), "THESPORTSDB_PER_MINUTE": "1000"}
    house = make_house(PROVIDERS="thesportsdb,betfair", **settings)
    connection = await asyncpg.connect(house.stack.database_url)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (live := await connection.fetch(_LIVE)):
                await asyncio.sleep(0.05)
            await other_polls(match_day)
            assert questions(match_day) == []
            follower, began = Follower(house.url, str(live[0]["id"])), datetime.now(UTC)
            await follower.follow(has_prices)
            asked = questions(match_day)
            await follower.close()
            while await connection.fetchval(_POLLED):
                await asyncio.sleep(0.05)
            # What was under way when the last one left is answered.
            await other_polls(match_day)
            ended = questions(match_day)
            await other_polls(match_day)
            assert questions(match_day) == ended
    finally:
        await connection.close()
    first = min(datetime.fromisoformat(at) for _, at, _ in asked)
    LOG.info("first asked for prices after %.2f s", (first - began).total_seconds())
    assert began <= first < began + BEGINS_WITHIN
    plays = match_day.plays()
    ours = {plays[name, match] for name, match in (ref.split(" ") for ref in live[0]["refs"])}
    assert {plays[of, name] for of, _, names in ended for name in names} == ours
    assert all(names for _, _, names in ended)


def has_prices(follower: Follower) -> bool:
    """Somebody offers something."""
    return any(market["status"] == "open" for market in follower.markets.values())
