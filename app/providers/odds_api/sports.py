"""Which of The Odds API's sport keys are ours, and what is asked for in each sport."""

import re

import msgspec

from app.sports.market import SelectionKey
from app.sports.match import Sport

# It goes into an address.
_KEY = re.compile(r"[a-z0-9_]{1,100}\Z")
_TWO = frozenset({SelectionKey.HOME, SelectionKey.AWAY})


class SportRules(msgspec.Struct, frozen=True, kw_only=True):
    """How a sport is asked about: its markets there, and the answers to who wins.

    A bookmaker whose answers are others asks another question: a draw in hockey means regular time
    only, football without one returns the stake. Such a market is left out.
    """

    sport: Sport
    markets: tuple[str, ...]
    winner: frozenset[SelectionKey]


# By the beginning of the sport key. Lines in tennis are games there, sets with us.
RULES: dict[str, SportRules] = {
    "soccer_": SportRules(
        sport=Sport.FOOTBALL,
        markets=("h2h", "spreads", "totals"),
        winner=_TWO | {SelectionKey.DRAW},
    ),
    "basketball_": SportRules(
        sport=Sport.BASKETBALL, markets=("h2h", "spreads", "totals"), winner=_TWO
    ),
    "icehockey_": SportRules(sport=Sport.HOCKEY, markets=("h2h", "spreads", "totals"), winner=_TWO),
    "tennis_": SportRules(sport=Sport.TENNIS, markets=("h2h",), winner=_TWO),
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
