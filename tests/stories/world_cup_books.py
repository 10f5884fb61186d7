"""What everybody must have after a World Cup of bets: from bets and results, and nothing of ours.

A bet is told apart into parts of its stake on whole and half lines; each wins, comes back or is
lost. Amounts are fractions until they are paid, in whole cents, rounded down.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

QUARTER = Fraction(1, 4)


@dataclass(frozen=True)
class Result:
    """Goals of 90 minutes; of a match that was never played, none."""

    home: int = 0
    away: int = 0
    played: bool = True


def result_of(recording: Path) -> Result:
    """Reads a recording's last word: the first two periods are the 90 minutes."""
    last = [json.loads(line) for line in recording.read_text().splitlines()[1:]]
    periods = next(one["score"]["periods"] for one in reversed(last) if "score" in one)
    halves = periods[:2]
    assert [half["name"] for half in halves] == ["1st Half", "2nd Half"]
    return Result(sum(half["home"] for half in halves), sum(half["away"] for half in halves))


def share(leg: Mapping[str, Any], result: Result) -> Fraction:
    """Returns what one leg multiplies a stake by."""
    if not result.played or leg["by_hand"]:
        return Fraction(1)
    odds, line = Fraction(leg["odds"]), leg["line"]
    if line is None:
        return answered(leg["market_type"], leg["selection_key"], result, odds)
    whole = Fraction(line)
    halves = (whole,) if (2 * whole).denominator == 1 else (whole - QUARTER, whole + QUARTER)
    ahead = {
        "total": lambda one: result.home + result.away - one,
        "home_total": lambda one: result.home - one,
        "handicap": lambda one: result.home - result.away + one,
    }[leg["market_type"]]
    sign = 1 if leg["selection_key"] in ("over", "home") else -1
    parts = [odds if d > 0 else Fraction(d == 0) for d in (sign * ahead(one) for one in halves)]
    return sum(parts, Fraction(0)) / len(parts)


def answered(kind: str, key: str, result: Result, odds: Fraction) -> Fraction:
    """Returns what a question without a line multiplies a stake by."""
    outcome = (
        "draw" if result.home == result.away else "home" if result.home > result.away else "away"
    )
    if kind == "draw_no_bet" and outcome == "draw":
        return Fraction(1)
    both = "yes" if result.home and result.away else "no"
    right = both == key if kind == "both_to_score" else outcome in key.split("_")
    return odds if right else Fraction(0)


def cashed(
    bet: Mapping[str, Any], shares: Iterable[Fraction], chances: Mapping[int, Fraction]
) -> tuple[int, int]:
    """Returns how much of a stake was cashed out before its matches began, and what was paid for
    it, in cents; `chances` are those of selections, a twentieth is kept.
    """
    gone = paid = 0
    for part in shares:
        left = bet["stake"] - gone
        worth = Fraction(19 * left, 20)
        for leg in bet["legs"]:
            worth *= Fraction(leg["odds"]) * chances[leg["selection_id"]]
        gone += int(left * part)
        paid += int(int(worth) * part)
    return gone, paid


def returned(
    bet: Mapping[str, Any], results: Mapping[int, Result], cash: tuple[int, int] = (0, 0)
) -> int:
    """Returns what a bet pays back, in cents."""
    if bet["status"] == "refused":
        return bet["stake"]
    gone, paid = cash
    amount = Fraction(bet["stake"] - gone)
    for leg in bet["legs"]:
        amount *= share(leg, results[leg["match_id"]])
    return paid + int(amount)


def balances(
    paid_in: Mapping[int, int],
    bets: Iterable[Mapping[str, Any]],
    results: Mapping[int, Result],
    cashes: Mapping[int, tuple[int, int]],
) -> dict[int, int]:
    """Returns what every user has in the end, in cents; `cashes`: stake gone and paid, by bet."""
    has = dict(paid_in)
    for bet in bets:
        back = returned(bet, results, cashes.get(bet["id"], (0, 0)))
        has[bet["user_id"]] += back - bet["stake"]
    return has
