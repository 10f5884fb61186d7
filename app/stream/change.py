"""Change: one entry of a match's log, with the frame it becomes."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from app.database.places import Place, microseconds
from app.errors import AppError

_CONFLATED = '"conflated":true,'


class ResumeExpired(AppError):
    """The log no longer has this place, or never had; start from a snapshot."""

    code = "resume_expired"
    status = 410


def wire_time(at: datetime) -> str:
    """Returns a moment as the wire says it: RFC 3339, UTC, milliseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


class Change(msgspec.Struct, frozen=True, gc=False):
    """One entry. `frame` is the whole frame as it goes to every socket, put together once.

    `conflated`: it stands for several entries; see `conflation`.
    """

    match_id: int
    place: Place
    kind: str
    frame: str
    # Where in the frame the body begins; it ends one brace before the frame does.
    body_at: int
    conflated: bool = False

    @property
    def seq(self) -> int:
        """Its number in its match."""
        return self.place.seq

    @property
    def body(self) -> str:
        """The frame's `data`, JSON as the trigger built it."""
        return self.frame[self.body_at : -1]


def change_at(
    match_id: int, place: Place, kind: str, *, at: datetime, body: str, conflated: bool = False
) -> Change:
    """Returns a change with its frame; `place` is where a reader is that has it."""
    head = (
        f'{{"type":"{kind}","matchId":"{match_id}","seq":{place.seq},"resume":"{place.token()}",'
        f'"timestamp":"{wire_time(at)}",{_CONFLATED if conflated else ""}"data":'
    )
    return Change(match_id, place, kind, f"{head}{body}}}", len(head), conflated)


def change_of(row: Any) -> Change:
    """Returns the change behind a row of match_id, seq, at, kind, body (text, as stored)."""
    at: datetime = row["at"]
    place = Place(row["seq"], microseconds(at))
    return change_at(row["match_id"], place, row["kind"], at=at, body=row["body"])
