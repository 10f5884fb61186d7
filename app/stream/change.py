"""Change: one entry of a match's log, with the frame it becomes."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from app.database.places import Place, microseconds
from app.errors import AppError


class ResumeExpired(AppError):
    """The log no longer has this place, or never had; start from a snapshot."""

    code = "resume_expired"
    status = 410


def wire_time(at: datetime) -> str:
    """Returns a moment as the wire says it: RFC 3339, UTC, milliseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


class Change(msgspec.Struct, frozen=True, gc=False):
    """One entry. `frame` is the whole frame as it goes to every socket, put together once."""

    match_id: int
    place: Place
    kind: str
    frame: str

    @property
    def seq(self) -> int:
        """Its number in its match."""
        return self.place.seq


def change_of(row: Any) -> Change:
    """Returns the change behind a row of match_id, seq, at, kind, body (text, as stored)."""
    at: datetime = row["at"]
    place = Place(row["seq"], microseconds(at))
    kind: str = row["kind"]
    match_id: int = row["match_id"]
    frame = (
        f'{{"type":"{kind}","matchId":"{match_id}","seq":{place.seq},"resume":"{place.token()}",'
        f'"timestamp":"{wire_time(at)}","data":{row["body"]}}}'
    )
    return Change(match_id, place, kind, frame)
