"""Observations for tests: plain functions with defaults."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from app.sports.incidents import Goal, Incident
from app.sports.market import MarketStatus, MarketType, SelectionKey
from app.sports.match import MatchStatus, Period, Score, Sport
from app.sports.observation import (
    Observation,
    ObservedLeague,
    ObservedMarket,
    ObservedMatch,
    ObservedParticipant,
    ObservedQuote,
)

KICK_OFF = datetime(2026, 11, 21, 15, tzinfo=UTC)
BOOKMAKERS = ("sim-north", "sim-east", "sim-west")


def a_score(home: int = 0, away: int = 0, *, status: str = "live", clock: str = "1'") -> Score:
    """A score in play."""
    return Score(
        status=MatchStatus(status),
        home=home,
        away=away,
        period="1st Half",
        clock=clock,
        periods=(Period(name="1st Half", home=home, away=away),),
    )


def goals(home: int, away: int = 0) -> tuple[Incident, ...]:
    """So many goals, the home side's first."""
    return tuple(
        Goal(
            key=f"goal-{n}",
            side="home" if n <= home else "away",
            home=min(n, home),
            away=max(0, n - home),
            player=f"Player {n}",
        )
        for n in range(1, home + away + 1)
    )


def a_winner(
    home: str = "2.1", draw: str = "3.4", away: str = "3.6", *, status: str = "open"
) -> ObservedMarket:
    """A winner market; every bookmaker offers a hundredth more than the one before."""
    odds = {SelectionKey.HOME: home, SelectionKey.DRAW: draw, SelectionKey.AWAY: away}
    return ObservedMarket(
        type=MarketType.WINNER,
        status=MarketStatus(status),
        reason=None if status == "open" else "possible_goal",
        quotes=tuple(
            ObservedQuote(bookmaker, key, Decimal(price) + n * Decimal("0.01"))
            for n, bookmaker in enumerate(BOOKMAKERS)
            for key, price in odds.items()
        ),
    )


def a_total(
    line: str = "2.5", over: str = "1.9", under: str = "1.9", *, bookmaker: str = "sim-north"
) -> ObservedMarket:
    """A market of totals, quoted by one bookmaker."""
    return ObservedMarket(
        type=MarketType.TOTAL,
        line=Decimal(line),
        quotes=(
            ObservedQuote(bookmaker, SelectionKey.OVER, Decimal(over)),
            ObservedQuote(bookmaker, SelectionKey.UNDER, Decimal(under)),
        ),
    )


def an_observation(
    name: str = "m1",
    *,
    score: Score | None = None,
    incidents: Sequence[Incident] | None = (),
    markets: Sequence[ObservedMarket] = (),
    provider: str = "replay",
    sport: Sport = Sport.FOOTBALL,
    observed_at: datetime | None = None,
    start_time: datetime = KICK_OFF,
) -> Observation:
    """What a provider says of a match named `name`."""
    at = observed_at or datetime.now(UTC)
    return Observation(
        provider=provider,
        external_id=name,
        sport=sport,
        match=ObservedMatch(
            league=ObservedLeague(
                external_id="wc", name="World Cup", country="World", season="2026"
            ),
            home=ObservedParticipant(external_id=f"{name}-home", name=f"Home {name}"),
            away=ObservedParticipant(external_id=f"{name}-away", name=f"Away {name}"),
            start_time=start_time,
        ),
        observed_at=at,
        received_at=at,
        score=score,
        incidents=None if incidents is None else tuple(incidents),
        markets=tuple(markets),
        simulated=True,
    )
