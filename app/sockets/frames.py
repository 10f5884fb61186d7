"""The frames that are not entries of the log."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from app.database.places import Place
from app.sockets.dialect import SnapshotReason
from app.stream.change import wire_time
from app.stream.log_state import LogState

# What every reader of a match has to hear, whatever else it asked for.
_ALWAYS = frozenset({"match_merged", "match_split"})
# What `kinds=` may name, and the frames each stands for.
KINDS = {
    "score": frozenset({"score_update", "score_correction", "incident", "feed_status"}) | _ALWAYS,
    "odds": frozenset({"odds_update", "market_status", "feed_status"}) | _ALWAYS,
    "prediction": frozenset({"prediction_update"}) | _ALWAYS,
}

PONG = '{"type":"pong"}'
_TEXT = msgspec.json.Encoder()


def envelope(kind: str, match_id: int, place: Place, *, data: str, more: str = "") -> str:
    """Returns a frame as text: the fields every frame has, `more` of them, and the data."""
    return (
        f'{{"type":"{kind}","matchId":"{match_id}","seq":{place.seq},"resume":"{place.token()}",'
        f'"timestamp":"{wire_time(datetime.now(UTC))}"{more},"data":{data}}}'
    )


def snapshot(match_id: int, place: Place, data: str, reason: SnapshotReason) -> str:
    """Returns a snapshot: everything, true at `place`, and why it is sent."""
    return envelope("snapshot", match_id, place, data=data, more=f',"reason":"{reason}"')


def heartbeat(match_id: int, place: Place) -> str:
    """Returns what is sent when there is nothing to say: still here, still at this place."""
    return envelope("heartbeat", match_id, place, data="{}")


def log_state(match_id: int, place: Place, state: LogState) -> str:
    """Returns that the log is out of reach, or within it again; still at this place."""
    data = f'{{"state":"{state.state}","since":"{wire_time(state.since)}"}}'
    return envelope("feed_status", match_id, place, data=data)


def error(code: str, message: str) -> str:
    """Returns what is said before a close, or of a message that cannot be read."""
    return _TEXT.encode({"type": "error", "code": code, "message": message}).decode()


def of(kind: str, **fields: Any) -> str:
    """Returns a frame that is about the session, not about a match."""
    return _TEXT.encode({"type": kind, **fields}).decode()
