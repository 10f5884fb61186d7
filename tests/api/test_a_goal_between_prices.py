"""A goal is told between the prices of three providers: those from before it do not count."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from app.ingest.confidence import CONFIRMATIONS
from app.ingest.known import Known
from app.ingest.prices import expire_prices
from app.predictions.following import standings_of
from app.sports.ids import MatchId
from app.sports.market import MarketType, SelectionKey
from app.sports.match import Score
from app.sports.observation import ObservedMarket, ObservedQuote
from tests.api.caller import Caller, a_caller
from tests.api.conftest import Api
from tests.ingest.conftest import take_in
from tests.observed import a_score, an_observation

PROVIDERS = ("replay", "south", "west")
# What everybody offers of home, draw and away at 0-0 and at 1-0.
Offered = tuple[Decimal, Decimal, Decimal]
LEVEL: Offered = (Decimal("2.1"), Decimal("3.4"), Decimal("3.6"))
AHEAD: Offered = (Decimal("1.4"), Decimal("4.5"), Decimal("8.0"))


class GoalDay:
    """A match in play that three providers price, and a user who bets on it."""

    def __init__(self, user: Caller, began: datetime) -> None:
        self.user = user
        self.connection: Any = user.api.connection
        self._known = Known()
        self._began = began
        self._bets = 0

    async def told(
        self,
        provider: str,
        after_s: float,
        *markets: ObservedMarket,
        score: Score | None = None,
    ) -> None:
        """What a provider says so many seconds after the test's first moment."""
        said = an_observation(
            provider=provider,
            score=score,
            incidents=None,
            markets=markets,
            observed_at=self._began + timedelta(seconds=after_s),
        )
        await take_in(self.connection, said, known=self._known)

    async def prices(self, provider: str, after_s: float, odds: Offered) -> None:
        """What a provider's one bookmaker offers from then on."""
        keys = (SelectionKey.HOME, SelectionKey.DRAW, SelectionKey.AWAY)
        quotes = (ObservedQuote(provider, *quote) for quote in zip(keys, odds, strict=True))
        market = ObservedMarket(type=MarketType.WINNER, quotes=tuple(quotes))
        await self.told(provider, after_s, market)

    async def takes(self) -> tuple[str, bool]:
        """What a bet comes to, and whether forecasts take the prices."""
        home = await self.connection.fetchval("SELECT id FROM selections WHERE key = 'home'")
        self._bets += 1
        leg = {"selectionId": str(home), "odds": 1.01}
        slip = {"legs": [leg], "stake": "1", "oddsChange": "any"}
        struck = (await self.user.send("/bets", slip, key=f"bet-{self._bets}")).json()
        match_id = MatchId(await self.connection.fetchval("SELECT id FROM matches"))
        [standing] = await standings_of(self.connection, [match_id])
        return struck.get("code", struck["status"]), standing.market is not None


@pytest.fixture
async def day(api: Api) -> GoalDay:
    """Since 25 s it is 0-0, and all three have prices."""
    user = await a_caller(api)
    await user.send("/wallet/deposits", {"amount": "100"})
    day = GoalDay(user, datetime.now(UTC) - timedelta(seconds=25))
    await day.told("replay", 0, score=a_score())
    match_id = await day.connection.fetchval("SELECT id FROM matches")
    await _introduce(day.connection, match_id)
    for provider in PROVIDERS:
        await day.prices(provider, 1, LEVEL)
    return day


async def _introduce(connection: asyncpg.Connection, match_id: int) -> None:
    for provider in PROVIDERS[1:]:
        await connection.execute(
            "INSERT INTO provider_refs (provider, kind, external_id, match_id)"
            " VALUES ($1, 'match', 'm1', $2)",
            provider,
            match_id,
        )


REFUSED, TAKEN = ("source_stale", False), ("pending", True)


async def test_prices_count_when_all_of_them_are_from_after_the_goal(day: GoalDay):
    assert await day.takes() == TAKEN
    await day.told("replay", 10, score=a_score(1, 0))
    assert await day.takes() == REFUSED
    await day.prices("replay", 12, AHEAD)
    assert await day.takes() == REFUSED
    await day.prices("west", 14, AHEAD)
    assert await day.takes() == REFUSED
    await day.prices("south", 16, AHEAD)
    assert await day.takes() == TAKEN


async def test_so_they_do_when_the_last_one_stays_away_until_his_are_too_old(day: GoalDay):
    await day.told("replay", 10, score=a_score(1, 0))
    for provider in ("replay", "south"):
        await day.prices(provider, 20, AHEAD)
    assert await day.takes() == REFUSED
    # 40 s later: his are older than a minute, theirs are not.
    await day.connection.execute("UPDATE quotes SET observed_at = observed_at - interval '40 s'")
    await day.connection.execute("UPDATE live_scores SET points_at = points_at - interval '40 s'")
    await day.connection.execute("UPDATE markets SET fresh_until = fresh_until - interval '40 s'")
    async with day.connection.transaction():
        assert await expire_prices(day.connection) == 1
    # Bets ask for prices of the last 30 s.
    assert await day.takes() == ("source_stale", True)


async def test_a_goal_taken_back_is_one(day: GoalDay):
    await day.told("replay", 5, score=a_score(1, 0))
    for provider in PROVIDERS:
        await day.prices(provider, 8, AHEAD)
    assert await day.takes() == TAKEN
    for word in range(CONFIRMATIONS):
        await day.told("replay", 12 + word, score=a_score(0, 0))
    assert await day.takes() == REFUSED
    for provider in PROVIDERS:
        await day.prices(provider, 16, LEVEL)
    assert await day.takes() == TAKEN
