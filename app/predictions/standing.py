"""Where a match to be forecast stands, and what was forecast of it before. Values, no numpy."""

from datetime import datetime
from typing import Literal

import msgspec

from app.predictions.forecast import Forecast
from app.sports.ids import MatchId
from app.sports.incidents import Incident
from app.sports.match import IN_PLAY, OVER, MatchStatus, Score, Sport

Phase = Literal["before", "in_play", "over"]
Chances = tuple[float, ...]


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """What was forecast of a match before it began; it stays as it is from kick-off on.

    `own` are the model's chances, `market` the market's, None without fresh prices; `share` is how
    far `forecast` follows the market, 0 when it has no part. `in_time`: before the match began.
    `home` and `away` are the sides' keys among past results, `league` those results' league, None
    when they do not know both sides.
    """

    forecast: Forecast
    home: str
    away: str
    league: str | None
    neutral: bool
    own: Chances
    market: Chances | None
    share: float
    in_time: bool
    made_at: datetime


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A match at one place (`seq`, `at`) of its log, read at `read_at` by Postgres' clock.

    `market` are chances without margin of a winner market that is open and fresh; in play all of
    its quotes are younger than the last goal and the last red card (of basketball, the market is
    younger than the last basket). `base` is of the forecast it has, None without one, and
    `minute` how far the match was then, None before it began.
    """

    match_id: MatchId
    sport: Sport
    league_slug: str
    league: str
    home: str
    away: str
    start_time: datetime
    simulated: bool
    score: Score
    scored_at: datetime | None
    cards: tuple[Incident, ...]
    market: Chances | None
    seq: int
    at: datetime
    read_at: datetime
    base: Base | None = None
    minute: float | None = None

    @property
    def phase(self) -> Phase | None:
        """Returns where it is in its life; None when it ended without a result of its own."""
        status = self.score.status
        if status is MatchStatus.FINISHED:
            return "over"
        if status in OVER:
            return None
        return "in_play" if status in IN_PLAY else "before"


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A forecast to be told: chances now, what they were made of, and where the match stood.

    `goals` are what `outcome` is decided by when it is over (of football the 90 minutes').
    """

    phase: Phase
    forecast: Forecast
    base: Base
    share: float
    minute: float | None
    minutes: float | None
    goals: tuple[int, int] | None
