"""Sports and their facts, a match's status and score, and the legal moves between statuses."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta


class Sport(StrEnum):
    """The sports we follow; the value is the sport's id on the wire."""

    FOOTBALL = "football"
    BASKETBALL = "basketball"
    TENNIS = "tennis"
    HOCKEY = "hockey"


class SportFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What tells one sport from another, wherever a score is judged.

    `step` is how much the points of both sides together grow between two looks at a match at most,
    when every point is seen; a provider in good standing is taken at its word for that. `leap` is
    what only a mistake exceeds, even when a look was missed or a recording is played fast; what a
    match's only provider says is taken up to there. `longest` is how long after its start a match
    is still on at the latest, overtime, breaks and delays included. `clock_stands` is how long the
    clock of a match in play may show the same; None where there is none or it stops with the play.
    `point_moves_prices`: points are so rare that a price from before one is none after it.
    """

    name: str
    has_draw: bool
    step: int
    leap: int
    longest: timedelta
    clock_stands: timedelta | None = None
    point_moves_prices: bool = True


# Adding a sport begins here; its id also goes into the enum above.
SPORTS: dict[Sport, SportFacts] = {
    # Two goals between two polls of a minute happen; five never did. 90 minutes, stoppage and the
    # break make two hours, overtime and penalties another; the clock counts minutes.
    Sport.FOOTBALL: SportFacts(
        name="Football",
        has_draw=True,
        step=2,
        leap=4,
        longest=timedelta(hours=3, minutes=30),
        clock_stands=timedelta(minutes=10),
    ),
    # A three and a foul's free throw make four; a minute has about ten points of both sides. The
    # clock stands in time-outs, reviews and breaks between quarters.
    Sport.BASKETBALL: SportFacts(
        name="Basketball",
        has_draw=False,
        step=10,
        leap=60,
        longest=timedelta(hours=4),
        point_moves_prices=False,
    ),
    # Points are sets. The longest match took eleven hours over three days; seven is one day's.
    Sport.TENNIS: SportFacts(
        name="Tennis", has_draw=False, step=1, leap=2, longest=timedelta(hours=7)
    ),
    Sport.HOCKEY: SportFacts(
        name="Ice hockey",
        has_draw=False,
        step=2,
        leap=4,
        longest=timedelta(hours=4),
        # Two intermissions of 18 minutes are breaks, not play; the clock stops with every whistle.
        clock_stands=timedelta(minutes=20),
    ),
}


class MatchStatus(StrEnum):
    """Where a match is in its life; the value is what the wire says."""

    SCHEDULED = "scheduled"
    LIVE = "live"
    PAUSED = "paused"  # Half-time and other breaks: the clock stands, the match goes on.
    INTERRUPTED = "interrupted"  # Stopped by something outside the game; may go on.
    POSTPONED = "postponed"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"  # Begun, and will not be finished.
    AWARDED = "awarded"  # Decided at a table, walkovers and retirements included.


OVER = frozenset(
    {MatchStatus.FINISHED, MatchStatus.CANCELLED, MatchStatus.ABANDONED, MatchStatus.AWARDED}
)
IN_PLAY = frozenset({MatchStatus.LIVE, MatchStatus.PAUSED, MatchStatus.INTERRUPTED})

_S = MatchStatus
LEGAL_MOVES: dict[MatchStatus, frozenset[MatchStatus]] = {
    _S.SCHEDULED: frozenset(_S) - {_S.SCHEDULED},
    _S.POSTPONED: frozenset({_S.SCHEDULED, _S.LIVE, _S.CANCELLED, _S.AWARDED}),
    # Postponed: play was called off, or had been all along and one provider took it for begun.
    _S.LIVE: frozenset(
        {_S.PAUSED, _S.INTERRUPTED, _S.FINISHED, _S.ABANDONED, _S.AWARDED, _S.POSTPONED}
    ),
    _S.PAUSED: frozenset(
        {_S.LIVE, _S.INTERRUPTED, _S.FINISHED, _S.ABANDONED, _S.AWARDED, _S.POSTPONED}
    ),
    _S.INTERRUPTED: frozenset(
        {_S.LIVE, _S.PAUSED, _S.FINISHED, _S.ABANDONED, _S.AWARDED, _S.POSTPONED}
    ),
    # An ended match may still be decided otherwise at a table, never played on.
    _S.FINISHED: frozenset({_S.AWARDED}),
    _S.ABANDONED: frozenset({_S.AWARDED, _S.POSTPONED}),
    _S.CANCELLED: frozenset({_S.POSTPONED, _S.AWARDED}),
    _S.AWARDED: frozenset(),
}


def may_move(old: MatchStatus, new: MatchStatus) -> bool:
    """Says whether a match may go from one status to the other; staying is always legal."""
    return old == new or new in LEGAL_MOVES[old]


# Basketball reaches about 200; the limit only keeps out nonsense.
Points = Annotated[int, Meta(ge=0, le=999)]


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """What one period, quarter or set brought: its own points, not the running total."""

    name: str
    home: Points
    away: Points


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """The state of play: goals in football and hockey, points in basketball, sets in tennis.

    `period` is what people call it ("1st Half", "3rd Period", "Q2", "Set 3"), `clock` is in the
    sport's own manner ("45+2'", "12:31"); both are null when there is none.
    """

    status: MatchStatus
    home: Points | None = None
    away: Points | None = None
    period: str | None = None
    clock: str | None = None
    periods: tuple[Period, ...] = ()
