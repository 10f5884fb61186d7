"""Sportradar's market ids as our market types: the one table of them.

An id stands for one question in every sport that has it; which of them is our `winner`, `total` or
`handicap` depends on the sport, because ours count overtime where the sport has no draw and, in
tennis, games. Three-way questions are of regular play everywhere. Ids and outcomes are Sportradar's
(their market descriptions); what is not in the table is left out: totals of regular play in hockey,
totals of halves, players, corners, the "other" of correct scores.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

import msgspec

from app.sports.market import MarketStatus, MarketType, SelectionKey
from app.sports.match import Sport

_K = SelectionKey


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What a market of theirs is for us: `specifier` names the one that holds the line, `line` is
    that of a market whose id says it.
    """

    type: MarketType
    outcomes: Mapping[str, str]
    specifier: str = ""
    line: Decimal | None = None


_TWO_WAYS = {"4": _K.HOME, "5": _K.AWAY}
_OVER_UNDER = {"12": _K.OVER, "13": _K.UNDER}
# The specifier `hcp` is added to the first competitor's score, as our line is to the home side's.
_HANDICAPS = {"1714": _K.HOME, "1715": _K.AWAY}
_THREE_WAYS = {"1": _K.HOME, "2": _K.DRAW, "3": _K.AWAY}
# Even numbers from 0:0 to 4:4, the home side's goals running first.
_SCORES = {
    str(274 + 2 * (5 * away + home)): f"{home}-{away}" for away in range(5) for home in range(5)
}

_WINNER = Meaning(type=MarketType.WINNER, outcomes=_TWO_WAYS)
_TOTAL = Meaning(type=MarketType.TOTAL, outcomes=_OVER_UNDER, specifier="total")
_HANDICAP = Meaning(type=MarketType.HANDICAP, outcomes=_HANDICAPS, specifier="hcp")
_HOME_TOTAL = Meaning(type=MarketType.HOME_TOTAL, outcomes=_OVER_UNDER, specifier="total")
_AWAY_TOTAL = Meaning(type=MarketType.AWAY_TOTAL, outcomes=_OVER_UNDER, specifier="total")
_DOUBLE_CHANCE = Meaning(
    type=MarketType.DOUBLE_CHANCE,
    outcomes={"9": _K.HOME_DRAW, "10": _K.HOME_AWAY, "11": _K.DRAW_AWAY},
)
_DRAW_NO_BET = Meaning(type=MarketType.DRAW_NO_BET, outcomes=_TWO_WAYS)
# `hcp` is the score they begin with, 0:1, not a number.
_HANDICAP_3WAY = Meaning(
    type=MarketType.HANDICAP_3WAY,
    outcomes={"1711": _K.HOME, "1712": _K.DRAW, "1713": _K.AWAY},
    specifier="hcp",
)


def _of_period(outcomes: Mapping[str, str], specifier: str = "", number: int = 0) -> Meaning:
    line = Decimal(number) if number else None
    return Meaning(type=MarketType.PERIOD_WINNER, outcomes=outcomes, specifier=specifier, line=line)


def _three_way(sport: Sport) -> dict[tuple[Sport, int], Meaning]:
    """Returns the questions of regular play, in a sport that goes on after it."""
    winner = Meaning(type=MarketType.WINNER_3WAY, outcomes=_THREE_WAYS)
    return {
        (sport, 1): winner,
        (sport, 10): _DOUBLE_CHANCE,
        (sport, 11): _DRAW_NO_BET,
        (sport, 14): _HANDICAP_3WAY,
    }


MARKETS: dict[tuple[Sport, int], Meaning] = {
    # 1x2, of regular play.
    (Sport.FOOTBALL, 1): Meaning(type=MarketType.WINNER, outcomes=_THREE_WAYS),
    (Sport.FOOTBALL, 10): _DOUBLE_CHANCE,
    (Sport.FOOTBALL, 11): _DRAW_NO_BET,
    (Sport.FOOTBALL, 14): _HANDICAP_3WAY,
    (Sport.FOOTBALL, 16): _HANDICAP,  # Handicap
    (Sport.FOOTBALL, 18): _TOTAL,  # Total
    (Sport.FOOTBALL, 29): Meaning(  # Both teams to score
        type=MarketType.BOTH_TO_SCORE, outcomes={"74": _K.YES, "76": _K.NO}
    ),
    (Sport.FOOTBALL, 19): _HOME_TOTAL,  # Competitor 1 total
    (Sport.FOOTBALL, 20): _AWAY_TOTAL,  # Competitor 2 total
    (Sport.FOOTBALL, 45): Meaning(type=MarketType.CORRECT_SCORE, outcomes=_SCORES),
    (Sport.FOOTBALL, 60): _of_period(_THREE_WAYS, number=1),  # 1st half - 1x2
    (Sport.FOOTBALL, 83): _of_period(_THREE_WAYS, number=2),  # 2nd half - 1x2
    **_three_way(Sport.BASKETBALL),
    (Sport.BASKETBALL, 219): _WINNER,  # Winner (incl. overtime)
    (Sport.BASKETBALL, 223): _HANDICAP,  # Handicap (incl. overtime)
    (Sport.BASKETBALL, 225): _TOTAL,  # Total (incl. overtime)
    (Sport.BASKETBALL, 227): _HOME_TOTAL,  # Competitor 1 total (incl. overtime)
    (Sport.BASKETBALL, 228): _AWAY_TOTAL,  # Competitor 2 total (incl. overtime)
    (Sport.BASKETBALL, 235): _of_period(_THREE_WAYS, "quarternr"),  # Quarter - 1x2
    **_three_way(Sport.HOCKEY),
    (Sport.HOCKEY, 406): _WINNER,  # Winner (incl. overtime and penalties)
    (Sport.HOCKEY, 410): _HANDICAP,  # Handicap (incl. overtime and penalties)
    (Sport.HOCKEY, 412): _TOTAL,  # Total (incl. overtime and penalties)
    (Sport.HOCKEY, 443): _of_period(_THREE_WAYS, "periodnr"),  # Period - 1x2
    (Sport.TENNIS, 186): _WINNER,  # Winner
    (Sport.TENNIS, 187): _HANDICAP,  # Game handicap
    (Sport.TENNIS, 188): Meaning(  # Set handicap
        type=MarketType.SET_HANDICAP, outcomes=_HANDICAPS, specifier="hcp"
    ),
    (Sport.TENNIS, 189): _TOTAL,  # Total games
    (Sport.TENNIS, 202): _of_period(_TWO_WAYS, "setnr"),  # Set - winner
}

# Groups of markets that ours are in; a stop of any other group does not concern us. A stop of some
# period's group concerns what we have of periods: it does not say which number.
GROUPS = frozenset({"all", "score", "regular_play", "incl_ot"})
GROUPS_OF_PERIODS = frozenset({"1st_half", "2nd_half", "quarter", "period", "set"})

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
    """Returns the line in `total=2.5`, `hcp=0:1`, `setnr=2`; None for a market without one.

    Raises LookupError when the specifiers make it another question: `total=2.5|from=1|to=15`.
    """
    parts = (part.partition("=") for part in specifiers.split("|") if part)
    given = {name: value for name, _, value in parts}
    if given.keys() != ({meaning.specifier} if meaning.specifier else set[str]()):
        raise LookupError(specifiers)
    if not meaning.specifier:
        return meaning.line
    text = given[meaning.specifier]
    try:
        if meaning.type is MarketType.HANDICAP_3WAY:
            home, _, away = text.partition(":")
            return Decimal(int(home) - int(away))
        return Decimal(text)
    except (InvalidOperation, ValueError):
        # Three-way handicaps are given as 0:1, those of two ways as numbers.
        raise LookupError(specifiers) from None


def reason_of(number: int) -> str | None:
    """Returns why betting stopped, in a word; None for 0, which says nothing."""
    if not number:
        return None
    return _REASONS.get(number, f"bet_stop_{number}" if number > 0 else None)


# What an outcome came to, by its `result` and `void_factor`; a dead heat is told beside them.
_RESULTS = {
    ("1", "0"): "won",
    ("0", "0.5"): "half_lost",
    ("1", "0.5"): "half_won",
    ("0", "1"): "void",
    ("1", "1"): "void",
}
# Longer is no word any more: a market of many winners keeps only that it was settled.
_SETTLED_LENGTH_MAX = 60


def settled_as(results: Iterable[tuple[str, str, str]]) -> str:
    """Returns in a word what a provider settled a market as, from each outcome's answer, `result`
    and `void_factor`: `settled_home_won`, `settled_over_half_won_under_half_lost`, `settled_void`.
    What is not named has lost.

    It is the provider's word and nothing else: we settle by the score.
    """
    came_to = {
        answer: _RESULTS.get((result, _plain(void_factor)))
        for answer, result, void_factor in results
    }
    if came_to and all(result == "void" for result in came_to.values()):
        return "settled_void"
    told = [f"{answer}_{result}" for answer, result in came_to.items() if result is not None]
    word = "_".join(["settled", *told]).replace("-", "_")
    return word if len(word) <= _SETTLED_LENGTH_MAX else "settled"


def _plain(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number
