"""When what we believe of one value moves: at once, on confirmation, or not yet. Pure.

A *word* is one provider's newest value. It is *news* when its provider began to say it after what
we believe last moved; what a provider said all along, while another had moved on, is only late. A
word that has had time enough to hear of the move and still says otherwise counts as news does.

- At once: one provider in good standing says something new and easily true, and nobody in good
  standing has said otherwise since. The only provider of a match needs neither.
- On confirmation: two providers say so, or one in `CONFIRMATIONS` observations, and together they
  outweigh those who say otherwise. At equal weight a change of mind beats one that has none; what
  cannot be undone then waits until it has been said for `LATE`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import msgspec

from app.ingest.confidence import CONFIRMATIONS, ToldScore, standing, weight_of_all

# Nobody is later than this. The slowest feeds of live scores are renewed every two minutes.
LATE = timedelta(minutes=3)

V = TypeVar("V")


class Word(msgspec.Struct, Generic[V], frozen=True, kw_only=True):
    """What one provider says of one value; `since` and `repeats` are of that value.

    `easy`: nobody wonders at it; `wild`: everybody does. `back`: it takes points back. `final`: it
    cannot be undone.
    """

    told: ToldScore
    value: V
    since: datetime | None
    repeats: int
    easy: bool = False
    wild: bool = False
    back: bool = False
    final: bool = False


class Question(msgspec.Struct, Generic[V], frozen=True, kw_only=True):
    """What is held of the value and since which observation.

    `alone`: there is one provider only. `back`: whether to take points back is asked. `verifying`:
    the match looks frozen, so that an end needs no majority.
    """

    held: V | None
    moved_at: datetime | None
    alone: bool
    back: bool = False
    verifying: bool = False


def is_news(since: datetime | None, told: ToldScore, moved_at: datetime | None) -> bool:
    """Says whether a provider began to say something after what we believe moved.

    Its first word is news when nothing moved lately: it may have been late before we heard of it.
    """
    if moved_at is None:
        return True
    return told.observed_at >= moved_at + LATE if since is None else since > moved_at


def decide(words: Sequence[Word[V]], asked: Question[V]) -> tuple[V, datetime] | None:
    """Returns the value to believe from now on, and since which moment; None to stay."""
    newest = max((w.told.observed_at for w in words), default=None)
    if newest is None:
        return None
    found: list[tuple[tuple[object, ...], V, datetime]] = []
    for value in dict.fromkeys(w.value for w in words if w.back == asked.back):
        if value == asked.held:
            continue
        agreeing = [w for w in words if w.value == value]
        against = [w for w in words if w.value != value and not (asked.back and w.back)]
        at = _at_once(agreeing, against, asked) or _confirmed(agreeing, against, asked, newest)
        if at is not None:
            best = max(standing(w.told, newest) for w in agreeing)
            weight = weight_of_all((w.told for w in agreeing), newest)
            found.append(((weight, at, best), value, at))
    if not found:
        return None
    _, value, at = max(found, key=lambda one: one[0])
    return value, at


def _at_once(
    agreeing: Sequence[Word[V]], against: Sequence[Word[V]], asked: Question[V]
) -> datetime | None:
    for word in agreeing:
        if not word.easy:
            continue
        if asked.alone:
            return word.told.observed_at
        since = word.since or word.told.observed_at
        contradicted = any(
            w.told.observed_at > word.told.observed_at and w.told.stands_well and not w.back
            for w in against
        )
        if word.told.stands_well and not contradicted and _is_news(word, asked):
            return since
    return None


def _confirmed(
    agreeing: Sequence[Word[V]], against: Sequence[Word[V]], asked: Question[V], newest: datetime
) -> datetime | None:
    witnesses = [w for w in agreeing if _is_news(w, asked) or _is_settled(w, asked)]
    if len(witnesses) < 2 and not any(w.repeats >= CONFIRMATIONS for w in witnesses):
        return None
    at = max(w.told.observed_at for w in witnesses)
    if asked.verifying and any(w.final for w in witnesses):
        return at
    ours = weight_of_all((w.told for w in witnesses), newest)
    if not any(w.wild for w in witnesses):
        theirs = weight_of_all((w.told for w in against), newest)
    else:
        # They may be asked less often than one that raves: their age does not count against them.
        theirs = round(sum(w.told.reliability for w in against), 4)
    if ours > theirs or (ours == theirs and any(_breaks_tie(w, asked) for w in witnesses)):
        return at
    return None


def _is_news(word: Word[V], asked: Question[V]) -> bool:
    if word.back and word.since is None:
        return False  # It never took anything back; it is late.
    return is_news(word.since, word.told, asked.moved_at)


def _is_settled(word: Word[V], asked: Question[V]) -> bool:
    """Says whether a word had time enough to hear of the move, and still is what it was."""
    return asked.moved_at is None or word.told.observed_at >= asked.moved_at + LATE


def _breaks_tie(word: Word[V], asked: Question[V]) -> bool:
    if word.final:
        return word.told.observed_at - (word.since or word.told.observed_at) >= LATE
    # What is hard to believe has to weigh more than what is said against it.
    return not word.wild and _is_news(word, asked)
