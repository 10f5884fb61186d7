"""Which of API-Football's bets asks which question of ours, and how it is answered. Pure.

A bet is known by its id, and the name must agree: ids of /odds/live and of /odds are two lists, and
neither is published as stable.
"""

import re
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from app.sports.market import WHOLE_LINED, MarketType, SelectionKey, is_score

Bet = tuple[int, str]  # Their id, and the name in lower case.


class Asked(msgspec.Struct, frozen=True):
    """A question of ours. `line`: of a bet whose name says which half it is about."""

    type: MarketType
    line: Decimal | None = None

    @property
    def is_rounded_sometimes(self) -> bool:
        """Says whether its lines may be rounded where they are told live: those in quarters."""
        return self.type not in WHOLE_LINED


_FIRST_HALF = Asked(MarketType.PERIOD_WINNER, Decimal(1))
_SECOND_HALF = Asked(MarketType.PERIOD_WINNER, Decimal(2))
PREMATCH: Mapping[Bet, Asked] = {
    (1, "match winner"): Asked(MarketType.WINNER),
    (2, "home/away"): Asked(MarketType.DRAW_NO_BET),
    (3, "second half winner"): _SECOND_HALF,
    (4, "asian handicap"): Asked(MarketType.HANDICAP),
    (5, "goals over/under"): Asked(MarketType.TOTAL),
    (8, "both teams score"): Asked(MarketType.BOTH_TO_SCORE),
    (9, "handicap result"): Asked(MarketType.HANDICAP_3WAY),
    (10, "exact score"): Asked(MarketType.CORRECT_SCORE),
    (12, "double chance"): Asked(MarketType.DOUBLE_CHANCE),
    (13, "first half winner"): _FIRST_HALF,
    (16, "total - home"): Asked(MarketType.HOME_TOTAL),
    (17, "total - away"): Asked(MarketType.AWAY_TOTAL),
}
# Of two bets on one question the one named first counts; the other adds the lines it lacks.
LIVE: Mapping[Bet, Asked] = {
    (59, "fulltime result"): Asked(MarketType.WINNER),
    (72, "double chance"): Asked(MarketType.DOUBLE_CHANCE),
    (48, "draw no bet"): Asked(MarketType.DRAW_NO_BET),
    (33, "asian handicap"): Asked(MarketType.HANDICAP),
    (36, "over/under line"): Asked(MarketType.TOTAL),
    (25, "match goals"): Asked(MarketType.TOTAL),
    (69, "both teams to score"): Asked(MarketType.BOTH_TO_SCORE),
    (21, "3-way handicap"): Asked(MarketType.HANDICAP_3WAY),
    (58, "home team goals"): Asked(MarketType.HOME_TOTAL),
    (39, "away team goals"): Asked(MarketType.AWAY_TOTAL),
    (35, "to win 2nd half"): _SECOND_HALF,
    (23, "final score"): Asked(MarketType.CORRECT_SCORE),
}
ORDER: Mapping[Bet, int] = {bet: place for place, bet in enumerate(LIVE)}

_K = SelectionKey
_TWO_WAYS = {"home": _K.HOME, "away": _K.AWAY}
_THREE_WAYS = {**_TWO_WAYS, "draw": _K.DRAW}
_OVER_UNDER = {"over": _K.OVER, "under": _K.UNDER}
_WORDS: Mapping[MarketType, Mapping[str, SelectionKey]] = {
    MarketType.WINNER: _THREE_WAYS,
    MarketType.PERIOD_WINNER: _THREE_WAYS,
    MarketType.HANDICAP_3WAY: _THREE_WAYS,
    MarketType.DRAW_NO_BET: _TWO_WAYS,
    MarketType.HANDICAP: _TWO_WAYS,
    MarketType.TOTAL: _OVER_UNDER,
    MarketType.HOME_TOTAL: _OVER_UNDER,
    MarketType.AWAY_TOTAL: _OVER_UNDER,
    MarketType.BOTH_TO_SCORE: {"yes": _K.YES, "no": _K.NO},
}
_PAIRS = {
    frozenset({"home", "draw"}): _K.HOME_DRAW,
    frozenset({"home", "away"}): _K.HOME_AWAY,
    frozenset({"draw", "away"}): _K.DRAW_AWAY,
}
# "Home/Draw" before a match, "Home or Draw" in it.
_OR = re.compile(r"/| or ")


def answer_of(kind: MarketType, told: str) -> tuple[str, str] | None:
    """Returns the answer that a value is and what stands behind it, a line; None for another."""
    text = told.strip().lower()
    if kind is MarketType.CORRECT_SCORE:
        # "1:0" before a match, "1-0" in it.
        score = text.replace(":", "-")
        return (score, "") if is_score(score) else None
    if kind is MarketType.DOUBLE_CHANCE:
        pair = _PAIRS.get(frozenset(_OR.split(text)))
        return None if pair is None else (pair, "")
    word, _, rest = text.partition(" ")
    key = _WORDS[kind].get(word)
    return None if key is None else (key, rest)
