"""Many changes of a match as few: the newest of each thing, and still the whole truth. Pure.

A reader that fell behind is not sent everything it missed, but per market, score and incident what
is newest. Bodies are deltas, so "newest" means merged: of each field, and of each selection, the
last word. Numbers are never read: values stay the text they were.

The frames of one burst belong together. All are flagged, and all but the last name the place
*before* the burst: a reader that is cut off in between comes back from there and is told again
what it may have heard already, instead of never hearing the rest.
"""

from collections.abc import Sequence

import msgspec

from app.database.places import Place, moment
from app.stream.change import Change, change_at

# A market is new in the first version only; its first frame must come before its prices.
_VERSION_OF_NEW = 1

_Fields = dict[str, msgspec.Raw]


class _Named(msgspec.Struct, frozen=True, rename="camel"):
    """What of a body says what it is about."""

    id: str | None = None
    market_id: str | None = None
    version: int | None = None


_NAMES = msgspec.json.Decoder(_Named)
_FIELDS = msgspec.json.Decoder(_Fields)
_SELECTIONS = msgspec.json.Decoder(list[_Fields])
_ID = msgspec.json.Decoder(str)
_JSON = msgspec.json.Encoder()

# What a change is about: those with the same subject become one.
_Subject = tuple[str, str]


def conflate(changes: Sequence[Change], start: Place) -> list[Change]:
    """Returns changes that follow one another from `start` as one burst, in order of the newest of
    each. Where none could be merged with another, they are returned as they were.
    """
    merged: dict[_Subject, list[Change]] = {}
    corrections = 0
    for change in changes:
        corrections += change.kind == "score_correction"
        subject = _subject_of(change, corrections)
        told = merged.pop(subject, [])
        told.append(change)
        merged[subject] = told
    if len(merged) == len(changes):
        return list(changes)
    bursts = list(merged.values())
    return [
        change_at(
            changes[-1].match_id,
            changes[-1].place if told is bursts[-1] else start,
            told[-1].kind,
            at=moment(told[-1].place.at_us),
            body=_body_of(told),
            conflated=True,
        )
        for told in bursts
    ]


def _subject_of(change: Change, corrections: int) -> _Subject:
    """Returns what a change is about. A correction stands for itself, and the scores before and
    after it are two subjects: it is never overwritten silently.
    """
    kind = change.kind
    if kind == "score_update":
        return kind, str(corrections)
    if kind in ("feed_status", "prediction_update"):
        return kind, ""
    if kind in ("market_status", "odds_update", "incident"):
        named = _NAMES.decode(change.body)
        if kind == "market_status" and named.version == _VERSION_OF_NEW:
            return "market_added", str(named.market_id)
        about = named.id if kind == "incident" else named.market_id
        if about is not None:
            return kind, about
    return kind, f"#{change.seq}"


def _body_of(changes: Sequence[Change]) -> str:
    """Returns the newest of every field; of prices, the newest of every selection."""
    if len(changes) == 1 or changes[-1].kind == "incident":
        # An incident is told whole each time; a field that is gone is gone.
        return changes[-1].body
    bodies = [_FIELDS.decode(change.body) for change in changes]
    newest: _Fields = {}
    for body in bodies:
        newest |= body
    if changes[-1].kind == "odds_update":
        newest["selections"] = _selections_of(bodies)
    return _JSON.encode(newest).decode()


def _selections_of(bodies: Sequence[_Fields]) -> msgspec.Raw:
    """Returns every selection that changed, as it is now; one that did not change last says when
    it did, because the frame's `updatedAt` is too late for it.
    """
    newest: dict[str, _Fields] = {}
    for body in bodies:
        for selection in _SELECTIONS.decode(body["selections"]):
            of = _ID.decode(selection["id"])
            newest[of] = newest.get(of, {}) | selection | {"updatedAt": body["updatedAt"]}
    last = bytes(bodies[-1]["updatedAt"])
    for selection in newest.values():
        if bytes(selection["updatedAt"]) == last:
            del selection["updatedAt"]
    return msgspec.Raw(_JSON.encode(list(newest.values())))
