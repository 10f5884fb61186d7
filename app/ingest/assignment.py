"""Which of a provider's matches is which of ours, when many are told at once. Pure.

The most certain go first. A match of ours that found its counterpart is none for the others, and
what a provider calls a side is known from then on, so later ones may be certain that were not.
"""

from collections.abc import Mapping

import msgspec

from app.ingest.candidates import Shortlist
from app.ingest.matching import Decision, Described, New, Same, Side, decide

# Every pass teaches the next; the names of a league are known after two or three.
PASSES_MAX = 5


def assign(observed: Mapping[str, Described], shortlist: Shortlist) -> dict[str, Decision]:
    """Decides all that was observed, by the provider's ids; no match of ours is given twice."""
    pending = dict(observed)
    latest: dict[str, Decision] = {}
    ids: dict[str, int] = {}
    again = set(pending)
    for _ in range(PASSES_MAX):
        for key in sorted(again):
            latest[key] = decide(pending[key], shortlist.of(pending[key]))
        learnt = _take(pending, latest, shortlist)
        if not learnt:
            break
        ids.update(learnt)
        again = {key for key in pending if _may_change(pending[key], latest[key], learnt)}
        pending = {key: _with_ids(described, ids) for key, described in pending.items()}
    for key in pending:
        decision = latest[key]
        # Its match went to another in the last pass.
        if isinstance(decision, Same) and shortlist.get(decision.match_id).taken:
            latest[key] = decide(pending[key], shortlist.of(pending[key]))
    return latest


def _take(
    pending: dict[str, Described], latest: Mapping[str, Decision], shortlist: Shortlist
) -> dict[str, int]:
    """Takes what is certain out of `pending`; returns which of their sides are which of ours."""
    certain = [(latest[key], key) for key in pending]
    found = [(same, key) for same, key in certain if isinstance(same, Same)]
    learnt: dict[str, int] = {}
    for same, key in sorted(found, key=lambda one: (-one[0].score, one[0].gap, one[1])):
        candidate = shortlist.get(same.match_id)
        if candidate.taken:
            continue
        described = pending.pop(key)
        sides = (candidate.home, candidate.away)
        home, away = reversed(sides) if same.inverted else sides
        for theirs, ours in ((described.home, home), (described.away, away)):
            if theirs.external_id is not None and ours.id is not None:
                learnt[theirs.external_id] = ours.id
        shortlist.put(msgspec.structs.replace(candidate, taken=True))
    return learnt


def _may_change(described: Described, decision: Decision, learnt: Mapping[str, int]) -> bool:
    known = {described.home.external_id, described.away.external_id} & learnt.keys()
    return bool(known) or not isinstance(decision, New)


def _with_ids(described: Described, ids: Mapping[str, int]) -> Described:
    return msgspec.structs.replace(
        described, home=_known(described.home, ids), away=_known(described.away, ids)
    )


def _known(side: Side, ids: Mapping[str, int]) -> Side:
    learnt = ids.get(side.external_id or "")
    if side.id is not None or learnt is None:
        return side
    return msgspec.structs.replace(side, id=learnt)
