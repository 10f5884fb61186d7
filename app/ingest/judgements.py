"""Which of a provider's words turned out right. Pure.

Others judge: a provider is right when another comes to say the same, wrong when it was left alone
with what it said. Nothing is learnt of a match that only one provider tells of.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from app.ingest.believed import BelievedScore, Dispute, points_of
from app.ingest.confidence import LATE_WORD, RIGHT, WRONG, Judged, ToldScore
from app.sports.match import OVER, MatchStatus

# Who comes so much after the first is right, but late: half a point each way.
IN_TIME = timedelta(seconds=30)


def of_agreement(
    now: ToldScore, heard: Sequence[ToldScore], believed: BelievedScore
) -> dict[str, Judged]:
    """Returns what a provider's new points, told now, say of it and of who told them first.

    Empty when it did not just begin to tell them, or when nobody else does.
    """
    began = now.points_since
    if began is None or began != now.observed_at or now.points_repeats > 1:
        return {}
    if now.points is None or now.points != points_of(believed.score):
        return {}
    others = [t for t in heard if t.provider != now.provider and t.points == now.points]
    if not others:
        return {}
    in_time = believed.points_at is None or began - believed.points_at <= IN_TIME
    judged = {now.provider: RIGHT if in_time else LATE_WORD}
    if len(others) == 1:
        judged[others[0].provider] = RIGHT
    return judged


def outcome_of(before: Dispute, now: Mapping[str, str], ended_as: str) -> str:
    """Returns how a conflict ended, given who says what now: agreed, moved or silent."""
    others = {p: said for p, said in before.told.items() if said != before.believed}
    if ended_as != before.believed and ended_as in others.values():
        return "moved"
    return "agreed" if any(p in now for p in others) else "silent"


def of_conflict(before: Dispute, ended_as: str, outcome: str) -> dict[str, Judged]:
    """Returns what the end of a conflict says of those who were in it.

    Whoever only held on to what was so a moment ago was late; whoever told what never came to be
    was wrong.
    """
    if len(before.told) < 2 or outcome == "silent":
        return {}
    truth = ended_as if ended_as in before.told.values() else before.believed
    judged: dict[str, Judged] = {}
    for provider, said in before.told.items():
        late = said == before.believed or _is_behind(before.field, said, truth)
        judged[provider] = RIGHT if said == truth else LATE_WORD if late else WRONG
    return judged


def _is_behind(field: str, said: str, truth: str) -> bool:
    """Says whether a word is one that the truth may have passed through."""
    if field == "status":
        return MatchStatus(said) not in OVER
    ours, theirs = truth.split("-"), said.split("-")
    return all(int(t) <= int(o) for t, o in zip(theirs, ours, strict=True))
