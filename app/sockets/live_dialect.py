"""The shapes of /live/{matchId}, and of its twin for Server-Sent Events."""

import msgspec

from app.access.principal import Principal
from app.database.places import Place
from app.errors import AppError, MalformedRequest
from app.sockets import frames
from app.sockets.close_codes import CloseCode
from app.sockets.dialect import Authenticate, Command, Ping, Snapshot, SnapshotReason
from app.stream.change import Change
from app.stream.log_state import LogState

# What a browser waits before it comes back to a stream of events, unless told otherwise.
RETRY_MS = 2_000


class _Ping(msgspec.Struct, frozen=True, tag_field="type", tag="ping"):
    """`{"type":"ping"}`, answered by `{"type":"pong"}`."""


class _Auth(msgspec.Struct, frozen=True, tag_field="type", tag="auth"):
    """`{"type":"auth","token":"..."}`: who is asking, first or anew."""

    token: str


_MESSAGES = msgspec.json.Decoder(_Ping | _Auth)


class LiveDialect:
    """Frames as they are in the log, and two messages."""

    name = "live"

    def read(self, message: str | bytes) -> Command:
        """Returns what a message asks for; raises MalformedRequest."""
        try:
            said = _MESSAGES.decode(message)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise MalformedRequest(str(error)) from error
        return Ping() if isinstance(said, _Ping) else Authenticate(token=said.token)

    def greeting(self, socket_id: str) -> str | None:  # noqa: ARG002 - shapes use what they need.
        """Returns nothing: the first frame is the first state."""
        return None

    def change(self, change: Change, channel: str) -> str:  # noqa: ARG002 - there is only one.
        """Returns the frame as the log has it."""
        return change.frame

    def snapshot(self, snapshot: Snapshot, reason: SnapshotReason, channel: str) -> str:  # noqa: ARG002
        """Returns the whole state."""
        return frames.snapshot(snapshot.match_id, snapshot.place, snapshot.data, reason)

    def heartbeat(self, match_id: int, place: Place, channel: str) -> str | None:  # noqa: ARG002
        """Returns that we are still here, still at this place."""
        return frames.heartbeat(match_id, place)

    def log_state(
        self,
        match_id: int,
        place: Place,
        state: LogState,
        channel: str,  # noqa: ARG002
    ) -> str | None:
        """Returns whether the log can be read, still at this place."""
        return frames.log_state(match_id, place, state)

    def silence(self) -> str | None:
        """Returns nothing: before its first state a match has no place to name."""
        return None

    def pong(self, ping: Ping) -> str:  # noqa: ARG002 - it carries nothing.
        """Returns the answer to a ping."""
        return frames.PONG

    def error(self, code: str, message: str) -> str:
        """Returns an error."""
        return frames.error(code, message)

    def refused(self, key: str, error: AppError) -> str:  # noqa: ARG002 - there is only one.
        """Returns an error."""
        return frames.error(error.code, error.detail)

    def told(self, frame: str, kind: str, channel: str) -> str:  # noqa: ARG002
        """Returns the frame as it is."""
        return frame

    def closing(self, code: CloseCode, error: AppError | None) -> CloseCode:  # noqa: ARG002
        """Returns the code as it is."""
        return code

    def subscribed(self, key: str) -> str | None:  # noqa: ARG002
        """Returns nothing: nobody asked."""
        return None

    def unsubscribed(self, key: str) -> str | None:  # noqa: ARG002
        """Returns nothing: nobody asked."""
        return None

    def authenticated(self, principal: Principal, expires_in_s: int | None) -> str | None:  # noqa: ARG002
        """Returns that a token was taken."""
        return frames.of("authenticated", expiresIn=expires_in_s)

    def expiring(self, expires_in_s: int) -> str | None:
        """Returns that the token ends soon."""
        return frames.of("expiring", expiresIn=expires_in_s)

    def going_away(self, reconnect_in_ms: int) -> str | None:
        """Returns when to come back."""
        return frames.of("going_away", reconnectInMs=reconnect_in_ms)


class EventsDialect(LiveDialect):
    """The same frames as Server-Sent Events (the HTML standard, 9.2): `id` is `resume`."""

    name = "events"

    def greeting(self, socket_id: str) -> str | None:  # noqa: ARG002
        """Returns how long a browser is to wait before it comes back."""
        return f"retry: {RETRY_MS}\n\n"

    def change(self, change: Change, channel: str) -> str:
        """Returns a change as an event."""
        return event(super().change(change, channel), change.place)

    def snapshot(self, snapshot: Snapshot, reason: SnapshotReason, channel: str) -> str:
        """Returns the whole state as an event."""
        return event(super().snapshot(snapshot, reason, channel), snapshot.place)

    def heartbeat(self, match_id: int, place: Place, channel: str) -> str | None:  # noqa: ARG002
        """Returns a heartbeat as an event."""
        return event(frames.heartbeat(match_id, place), place)

    def log_state(
        self,
        match_id: int,
        place: Place,
        state: LogState,
        channel: str,  # noqa: ARG002
    ) -> str | None:
        """Returns whether the log can be read as an event."""
        return event(frames.log_state(match_id, place, state), place)

    def silence(self) -> str | None:
        """Returns a comment, which keeps proxies from closing the line."""
        return ":\n\n"

    def error(self, code: str, message: str) -> str:
        """Returns an error as an event."""
        return event(frames.error(code, message))

    def expiring(self, expires_in_s: int) -> str | None:
        """Returns that the token ends soon: come back with another."""
        return event(frames.of("expiring", expiresIn=expires_in_s))

    def going_away(self, reconnect_in_ms: int) -> str | None:
        """Returns when to come back; browsers do it by themselves."""
        told = frames.of("going_away", reconnectInMs=reconnect_in_ms)
        return f"retry: {reconnect_in_ms}\n{event(told)}"


def event(frame: str, place: Place | None = None) -> str:
    """Returns a frame as one event. Postgres breaks lines between members of arrays, never within
    strings; in an event a line break would begin another field.
    """
    data = frame.replace("\n", " ")
    return f"data: {data}\n\n" if place is None else f"id: {place.token()}\ndata: {data}\n\n"


LIVE = LiveDialect()
EVENTS = EventsDialect()
