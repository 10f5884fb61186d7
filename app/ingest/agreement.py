"""What to believe of a match while all providers say the same; nearly always. Pure."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from msgspec.structs import replace

from app.ingest.believed import BelievedScore, undoubted
from app.ingest.confidence import (
    AGE_STEP,
    TOLD_FRESH,
    ToldScore,
    confidence_of,
    counting,
    standing,
)
from app.sports.match import Period, Score

_WHOLE = Decimal(1)
# Less than the worth of anybody's word.
_NOBODYS_WORTH = (-1.0, 0, "")


def agreed(told: Sequence[ToldScore], held: BelievedScore) -> BelievedScore | None:
    """Returns what to believe while nobody says anything else, as nearly always; None: somebody
    does, or nobody says anything.

    `merge.decided` comes to the same; a property test holds it to that.
    """
    if not told or not all_say(held.score, told):
        return None
    return told_alike(told, held)


def told_alike(told: Sequence[ToldScore], held: BelievedScore) -> BelievedScore:
    """Returns what to believe when all say the points and the status that are held."""
    score = held.score
    newest = max([t.observed_at for t in told])
    oldest, just_now = newest - TOLD_FRESH, newest - AGE_STEP
    timed, most_told, best = score, -1, _NOBODYS_WORTH
    full: tuple[Period, ...] = ()
    best_full = _NOBODYS_WORTH
    for t in told:
        at, said = t.observed_at, t.score
        if at < oldest:
            continue
        worth = (t.reliability, -t.rank, t.provider) if at > just_now else standing(t, newest)
        # A clock is better than a period alone, and that than nothing.
        tells = 2 if said.clock is not None else 1 if said.period is not None else 0
        if tells > most_told or (tells == most_told and worth > best):
            timed, most_told, best = said, tells, worth
        if said.periods and worth > best_full:
            full, best_full = said.periods, worth
    told_now = (timed.period, timed.clock, full)
    confidence = _WHOLE if best[0] else confidence_of(score, counting(told))
    if told_now != (score.period, score.clock, score.periods):
        period, clock, periods = told_now
        score = replace(score, period=period, clock=clock, periods=periods)
    elif confidence == held.confidence and undoubted(held) is held:
        return held
    return BelievedScore(
        score=score, confidence=confidence, points_at=held.points_at, status_at=held.status_at
    )


def all_say(score: Score, told: Iterable[ToldScore]) -> bool:
    """Says whether nobody tells another status or other points."""
    status, home, away = score.status, score.home, score.away
    for t in told:
        said = t.score
        if said.status is not status or said.home != home or said.away != away:
            return False
    return True
