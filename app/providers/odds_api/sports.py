"""Which of The Odds API's sport keys are ours, and what is asked for in each sport."""

import re

import msgspec

from app.sports.market import SelectionKey
from app.sports.match import SPORTS, Sport

# It goes into an address.
_KEY = re.compile(r"[a-z0-9_]{1,100}\Z")


class SportRules(msgspec.Struct, frozen=True, kw_only=True):
    """How a sport is asked about: by which of their markets, each of which costs credits. Others
    that come all the same are read, too; those of one match alone are told only match by match.
    """

    sport: Sport
    markets: tuple[str, ...]

    @property
    def winner(self) -> frozenset[SelectionKey]:
        """The answers to who wins.

        A bookmaker with other answers asks another question: a draw in hockey means regular time
        only, football without one returns the stake. Such a market is left out.
        """
        return _THREE if SPORTS[self.sport].has_draw else _TWO


_TWO = frozenset({SelectionKey.HOME, SelectionKey.AWAY})
_THREE = _TWO | {SelectionKey.DRAW}


# By the beginning of the sport key.
RULES: dict[str, SportRules] = {
    "soccer_": SportRules(sport=Sport.FOOTBALL, markets=("h2h", "spreads", "totals")),
    "basketball_": SportRules(sport=Sport.BASKETBALL, markets=("h2h", "spreads", "totals")),
    "icehockey_": SportRules(sport=Sport.HOCKEY, markets=("h2h", "spreads", "totals")),
    "tennis_": SportRules(sport=Sport.TENNIS, markets=("h2h",)),
}


class UnknownSportKey(ValueError):
    """A sport key is none of theirs, or of a sport we do not follow; the message names it."""


def rules_of(sport_key: str) -> SportRules:
    """Returns how the sport of a key is asked about; raises UnknownSportKey."""
    rules = next((RULES[start] for start in RULES if sport_key.startswith(start)), None)
    if rules is None or not _KEY.match(sport_key):
        raise UnknownSportKey(
            f"{sport_key[:100]!r}: no sport of ours; keys begin {', '.join(RULES)}"
        )
    return rules
