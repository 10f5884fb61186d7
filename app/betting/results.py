"""How a match ended, as far as bets are concerned. Pure.

| What happened | What bets on it come to |
|---|---|
| finished | football: 90 minutes count; basketball, ice hockey, tennis: all of it |
| cancelled | void |
| postponed | they stand while it begins within `PUT_OFF` of its first start, else void |
| abandoned, awarded (walkover, table, retirement) | what can no longer change stands, else void |

What can no longer change: an over that is reached, both sides having scored, a period or set that
was played to its end. Sources: Betfair's rules for football (abandoned and postponed matches);
Pinnacle's betting rules (general rules 2 and 6: matches not played to their end, periods that were;
shoot-outs, overtime); Sportradar's void reasons 5, 7, 9, 10 and 11 (UOF). Of a tennis player who
retires after a set was played, Pinnacle settles the winner, as others do not: here it is void,
because providers do not say who retired; an operator may say it.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from enum import Enum, auto

import msgspec

from app.sports.match import SPORTS, MatchStatus, Period, Score, Sport

# How long after the start it was struck for a bet on a match that has not begun stands.
PUT_OFF: Mapping[Sport, timedelta] = {
    # Betfair, abandoned and postponed matches: three days.
    Sport.FOOTBALL: timedelta(hours=72),
    # Pinnacle, general rule 3: not begun within twelve hours.
    Sport.BASKETBALL: timedelta(hours=12),
    Sport.HOCKEY: timedelta(hours=12),
    # Rain moves tennis to another day: within 48 hours, at houses that name a time for it.
    Sport.TENNIS: timedelta(hours=48),
}
_REGULAR_PERIODS = {Sport.FOOTBALL: 2, Sport.BASKETBALL: 4, Sport.HOCKEY: 3}
_BEYOND = ("extra time", "overtime", "ot", "penalties", "shootout", "shoot-out")
# A set is complete at six games with two ahead, at seven, or by the tiebreak of a decider.
_SET_GAMES = 6


class Regard(Enum):
    """Which of a match's scores is meant."""

    REGULAR = auto()
    WHOLE = auto()
    SETS = auto()
    GAMES = auto()


class Points(msgspec.Struct, frozen=True):
    """Points of both sides."""

    home: int
    away: int

    @property
    def leader(self) -> str:
        """Returns "home", "away" or "draw"."""
        if self.home == self.away:
            return "draw"
        return "home" if self.home > self.away else "away"


class MatchEnd(msgspec.Struct, frozen=True, kw_only=True):
    """A match that is over, or has been put off for good. `gave_up`: postponed for too long."""

    sport: Sport
    score: Score
    gave_up: bool = False

    @property
    def is_final(self) -> bool:
        """Says whether it was played to its end, by the rules that bets go by."""
        return self.score.status is MatchStatus.FINISHED

    @property
    def is_void(self) -> bool:
        """Says whether it was not played at all."""
        never = self.score.status is MatchStatus.CANCELLED
        return never or (self.score.status is MatchStatus.POSTPONED and self.gave_up)

    @property
    def is_stopped(self) -> bool:
        """Says whether it will never be played to its end."""
        return self.score.status in (MatchStatus.ABANDONED, MatchStatus.AWARDED)

    def has_draw(self, sport: Sport) -> bool:
        """Says whether a match of the sport may end without a winner."""
        return SPORTS[sport].has_draw

    def points(self, regard: Regard) -> Points | None:
        """Returns a score; None when it cannot be told from what we know."""
        score = self.score
        if regard is Regard.GAMES:
            return _sum(score.periods) if score.periods else None
        if score.home is None or score.away is None:
            return None
        whole = Points(score.home, score.away)
        if regard is not Regard.REGULAR or self.sport is Sport.TENNIS:
            return whole
        went_on = [one for one in score.periods if _is_beyond(one)]
        named_beyond = score.period is not None and _says_beyond(score.period)
        if not went_on and not named_beyond:
            return whole
        regular = [one for one in score.periods if not _is_beyond(one)]
        if len(regular) != _REGULAR_PERIODS[self.sport]:
            return None
        return _sum(tuple(regular))

    def period(self, number: Decimal | None) -> Points | None:
        """Returns what the n-th period, quarter or set brought, once it is over."""
        if number is None or not self.period_is_over(number):
            return None
        one = self.score.periods[int(number) - 1]
        return Points(one.home, one.away)

    def period_is_over(self, number: Decimal | None) -> bool:
        """Says whether the n-th period was played to its end."""
        if number is None or number != int(number):
            return False
        regular = [one for one in self.score.periods if not _is_beyond(one)]
        n = int(number)
        if not 1 <= n <= len(regular):
            return False
        if self.score.status is MatchStatus.FINISHED or n < len(regular):
            return True
        return self.sport is Sport.TENNIS and is_complete_set(regular[n - 1])


def is_complete_set(games: Period) -> bool:
    """Says whether a set was played to its end."""
    more, less = max(games.home, games.away), min(games.home, games.away)
    return more >= _SET_GAMES and (more - less >= 2 or more == _SET_GAMES + 1)


def _sum(periods: tuple[Period, ...]) -> Points:
    return Points(sum(one.home for one in periods), sum(one.away for one in periods))


def _is_beyond(period: Period) -> bool:
    return _says_beyond(period.name)


def _says_beyond(name: str) -> bool:
    return name.lower().startswith(_BEYOND)
