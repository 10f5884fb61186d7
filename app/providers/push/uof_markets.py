"""Sportradar's market ids as our market types: the one table of them.

An id stands for one question in every sport that has it; which of them is our `winner`, `total` or
`handicap` depends on the sport, because ours count overtime where the sport has no draw and, in
tennis, what the score counts: sets. Ids and outcomes are Sportradar's (their market descriptions);
what is not in the table is left out: periods, halves, three ways in hockey, players, corners.
"""

from decimal import Decimal, InvalidOperation

import msgspec

from app.sports.market import MarketStatus, MarketType, SelectionKey
from app.sports.match import Sport

_K = SelectionKey


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What a market of theirs is for us: `specifier` names the one that holds the line."""

    type: MarketType
    outcomes: dict[str, SelectionKey]
    specifier: str = ""


_TWO_WAYS = {"4": _K.HOME, "5": _K.AWAY}
_OVER_UNDER = {"12": _K.OVER, "13": _K.UNDER}
# The specifier `hcp` is added to the first competitor's score, as our line is to the home side's.
_HANDICAPS = {"1714": _K.HOME, "1715": _K.AWAY}

_WINNER = Meaning(type=MarketType.WINNER, outcomes=_TWO_WAYS)
_TOTAL = Meaning(type=MarketType.TOTAL, outcomes=_OVER_UNDER, specifier="total")
_HANDICAP = Meaning(type=MarketType.HANDICAP, outcomes=_HANDICAPS, specifier="hcp")

MARKETS: dict[tuple[Sport, int], Meaning] = {
    # 1x2, of regular play.
    (Sport.FOOTBALL, 1): Meaning(
        type=MarketType.WINNER, outcomes={"1": _K.HOME, "2": _K.DRAW, "3": _K.AWAY}
    ),
    (Sport.FOOTBALL, 16): _HANDICAP,  # Handicap
    (Sport.FOOTBALL, 18): _TOTAL,  # Total
    (Sport.FOOTBALL, 29): Meaning(  # Both teams to score
        type=MarketType.BOTH_TO_SCORE, outcomes={"74": _K.YES, "76": _K.NO}
    ),
    (Sport.BASKETBALL, 219): _WINNER,  # Winner (incl. overtime)
    (Sport.BASKETBALL, 223): _HANDICAP,  # Handicap (incl. overtime)
    (Sport.BASKETBALL, 225): _TOTAL,  # Total (incl. overtime)
    (Sport.HOCKEY, 406): _WINNER,  # Winner (incl. overtime and penalties)
    (Sport.HOCKEY, 410): _HANDICAP,  # Handicap (incl. overtime and penalties)
    (Sport.HOCKEY, 412): _TOTAL,  # Total (incl. overtime and penalties)
    (Sport.TENNIS, 186): _WINNER,  # Winner
    (Sport.TENNIS, 188): _HANDICAP,  # Set handicap
    (Sport.TENNIS, 314): _TOTAL,  # Total sets
}

# Groups of markets that ours are in; a stop of any other group does not concern us.
GROUPS = frozenset({"all", "score", "regular_play", "incl_ot"})

# Their status of a market: 1 active, 0 deactivated, -1 suspended, -3 settled, -4 cancelled. Not
# here is -2, handed over: another producer of theirs speaks for it from now on.
STATUSES: dict[int, tuple[MarketStatus, str | None]] = {
    1: (MarketStatus.OPEN, None),
    0: (MarketStatus.SUSPENDED, "inactive"),
    -1: (MarketStatus.SUSPENDED, "suspended"),
    -3: (MarketStatus.CLOSED, "settled"),
    -4: (MarketStatus.CLOSED, "cancelled"),
}

# Of their some 80 reasons those people ask about; others keep their number.
_REASONS = {
    1: "possible_goal",
    2: "possible_red_card",
    3: "scout_lost",
    8: "possible_penalty",
    12: "match_over",
    22: "goal_under_review",
    24: "disconnection",
    37: "video_review",
    49: "maintenance",
    51: "match_delayed",
    52: "match_postponed",
}


def meaning_of(sport: Sport, number: int) -> Meaning | None:
    """Returns what a market is for us; None for one that is left out."""
    return MARKETS.get((sport, number))


def line_of(meaning: Meaning, specifiers: str) -> Decimal | None:
    """Returns the line in `total=2.5`, None for a market without one.

    Raises LookupError when the specifiers make it another question: `total=2.5|from=1|to=15`.
    """
    parts = (part.partition("=") for part in specifiers.split("|") if part)
    given = {name: value for name, _, value in parts}
    if given.keys() != ({meaning.specifier} if meaning.specifier else set[str]()):
        raise LookupError(specifiers)
    if not meaning.specifier:
        return None
    try:
        return Decimal(given[meaning.specifier])
    except InvalidOperation:
        # European handicaps are given as 0:1.
        raise LookupError(specifiers) from None


def reason_of(number: int) -> str | None:
    """Returns why betting stopped, in a word; None for 0, which says nothing."""
    if not number:
        return None
    return _REASONS.get(number, f"bet_stop_{number}" if number > 0 else None)
