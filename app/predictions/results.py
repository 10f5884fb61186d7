"""What a model may see: results before a day, each once, none impossible. Pure, without numpy."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import msgspec

from app.history.result import ImpossibleResult, Result, check_result
from app.predictions.errors import MixedResults, TooFewResults
from app.sports.match import Sport

# Two files may disagree about midnight: the same score of the same sides a day apart is one match.
_SAME = timedelta(days=1)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Results in order of day and sides, what was left out, and for which reason how often."""

    results: tuple[Result, ...]
    left_out: dict[str, int]


def seen_before(results: Iterable[Result], as_of: date, *, least: int = 1) -> Seen:
    """Returns what was played before `as_of`; later results, doubles and impossible ones left out.

    The order of what is given does not matter. Raises MixedResults, and TooFewResults below
    `least`.
    """
    ordered = sorted(
        results,
        key=lambda r: (r.played_on, r.home, r.away, r.home_score, r.away_score, r.shots or ()),
    )
    left_out: dict[str, int] = {}
    kept: list[Result] = []
    last: dict[tuple[str, str], Result] = {}
    for result in ordered:
        reason = _why_not(result, as_of, last)
        if reason:
            left_out[reason] = left_out.get(reason, 0) + 1
            continue
        last[result.home, result.away] = result
        kept.append(result)
    if len({result.sport for result in kept}) > 1:
        raise MixedResults
    if len(kept) < least:
        raise TooFewResults(f"{len(kept)} results before {as_of}; {least} are needed")
    return Seen(results=tuple(kept), left_out=left_out)


def _why_not(result: Result, as_of: date, last: dict[tuple[str, str], Result]) -> str | None:
    if result.played_on >= as_of:
        return "not before the day"
    try:
        check_result(result, today=as_of)
    except ImpossibleResult as error:
        return error.code
    before = last.get((result.home, result.away))
    if before is None or result.played_on - before.played_on > _SAME:
        return None
    same = (result.home_score, result.away_score) == (before.home_score, before.away_score)
    if result.played_on == before.played_on or (same and result.sport is Sport.FOOTBALL):
        return "told twice"
    return None


def sides_of(results: Sequence[Result]) -> list[str]:
    """Returns every side, sorted."""
    return sorted({side for result in results for side in (result.home, result.away)})
