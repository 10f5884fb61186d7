"""WS /app/{key}: the Pusher protocol, version 7, for pusher-js, Laravel Echo and their like.

https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol. Every frame is
`{"event","channel","data"}`, where `data` is JSON in a string. Our frames are events named by their
type, with the whole frame as data; a channel's first is its `snapshot`. The protocol has no word
for coming back to a place, so after a cut a fresh snapshot follows the new subscription.
"""

from functools import cache, partial
from typing import Any

import msgspec
from litestar import WebSocket, websocket
from litestar.params import FromPath

from app.access.channel_grants import PRIVATE, BetsOf, ChannelGrants, subject_of
from app.access.errors import TokenExpired
from app.access.principal import Principal
from app.database.engine import Pool
from app.database.places import Place
from app.errors import (
    AppError,
    MalformedRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    catalogue,
)
from app.sockets import close_codes, frames
from app.sockets.bets_following import Bets
from app.sockets.close_codes import CloseCode
from app.sockets.dialect import (
    Authenticate,
    Command,
    Follow,
    Ping,
    Pong,
    Snapshot,
    SnapshotReason,
    Subscribe,
    Unsubscribe,
)
from app.sockets.directory import Directory
from app.sockets.following import Following
from app.sockets.granted import GrantedBets, GrantedPattern, Grantees
from app.sockets.session import Ask, Session
from app.stream.change import Change
from app.stream.log_state import LogState

PROTOCOLS = ("5", "6", "7")
# After so long without a word from us a client asks whether we are there. Clients take the smaller
# of this and their own, 120 s with pusher-js.
ACTIVITY_TIMEOUT_S = 30
# What clients do by the numbers: 4000-4099 stay away, 4100-4199 come back after a second, 4200-4299
# come back at once, 4300-4399 stay away.
UNKNOWN_APP, UNSUPPORTED_PROTOCOL, UNAUTHORISED = 4001, 4007, 4009
OVER_CAPACITY, PONG_NOT_RECEIVED, OTHER = 4100, 4201, 4300
_CLIENT_EVENT = "client-"
_REFUSED_STATUS = frozenset({401, 403})


class UnknownApp(AppError):
    """No application has this key."""

    code = "unknown_app"
    status = 404


class UnsupportedProtocol(AppError):
    """The Pusher protocol is spoken here in version 7, and read in 5 and 6."""

    code = "unsupported_protocol"
    status = 400


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    event: str
    data: Any = None


class _Channel(msgspec.Struct, frozen=True, kw_only=True):
    channel: str
    auth: str | None = None
    channel_data: str | None = None


class _SignIn(msgspec.Struct, frozen=True, kw_only=True):
    user_data: str


class _UserData(msgspec.Struct, frozen=True, kw_only=True):
    ticket: str


class _Nothing(msgspec.Struct, frozen=True):
    pass


_SAID = msgspec.json.Decoder(_Said)
_ENCODER = msgspec.json.Encoder()

# A server that goes away answers until it is gone: who came back at once would be told so again and
# again, hence the second. So it is for whoever is too slow, too many, or met a mistake of ours.
_NUMBERS = {
    close_codes.GOING_AWAY.code: OVER_CAPACITY,
    close_codes.TOO_SLOW.code: OVER_CAPACITY,
    close_codes.TOO_MANY.code: OVER_CAPACITY,
    close_codes.OUR_FAULT.code: OVER_CAPACITY,
    close_codes.NO_PONG.code: PONG_NOT_RECEIVED,
    close_codes.NOT_AUTHENTICATED.code: UNAUTHORISED,
    close_codes.NOT_ALLOWED.code: UNAUTHORISED,
    close_codes.BAD_REQUEST.code: OTHER,
    close_codes.NO_SUCH_MATCH.code: UNKNOWN_APP,
}
_BY_STATUS = {400: OTHER, 401: UNAUTHORISED, 403: UNAUTHORISED, 404: OTHER, 429: OVER_CAPACITY}
_BY_ERROR = {
    UnknownApp.code: UNKNOWN_APP,
    UnsupportedProtocol.code: UNSUPPORTED_PROTOCOL,
    # Clients that signed in come back, and do so again.
    TokenExpired.code: OVER_CAPACITY,
}


class PusherDialect:
    """The shapes of the Pusher protocol (a Dialect)."""

    name = "pusher"

    def read(self, message: str | bytes) -> Command:
        """Returns what a message asks for; raises MalformedRequest, for client events too."""
        try:
            said = _SAID.decode(message)
            match said.event:
                case "pusher:subscribe":
                    asked = _converted(said.data)
                    return Subscribe(
                        channel=asked.channel, auth=asked.auth, channel_data=asked.channel_data
                    )
                case "pusher:unsubscribe":
                    return Unsubscribe(key=_converted(said.data).channel)
                case "pusher:signin":
                    return Authenticate(token=_ticket_in(said.data))
                case "pusher:ping":
                    return Ping()
                case "pusher:pong":
                    return Pong()
                case event if event.startswith(_CLIENT_EVENT):
                    raise MalformedRequest("Client events are not taken: only we tell here.")
                case _:
                    raise MalformedRequest("There is no such event for a client to send.")
        # RecursionError: a message of brackets only.
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedRequest(str(error)) from error

    def greeting(self, socket_id: str) -> str:
        """Returns the socket's name, which private channels are signed for."""
        return _event(
            "pusher:connection_established",
            {"socket_id": socket_id, "activity_timeout": ACTIVITY_TIMEOUT_S},
        )

    def change(self, change: Change, channel: str) -> str:
        """Returns a change as an event of its type."""
        return self.told(change.frame, change.kind, channel)

    def snapshot(self, snapshot: Snapshot, reason: SnapshotReason, channel: str) -> str:
        """Returns a match's whole state as the event `snapshot`."""
        frame = frames.snapshot(snapshot.match_id, snapshot.place, snapshot.data, reason)
        return self.told(frame, "snapshot", channel)

    def told(self, frame: str, kind: str, channel: str) -> str:
        """Returns a ready frame of ours as an event of its type."""
        # Kinds and channels were checked; neither has a character that JSON escapes.
        return f'{{"event":"{kind}","channel":"{channel}","data":{_quoted(frame)}}}'

    def heartbeat(self, match_id: int, place: Place, channel: str) -> None:
        """Returns nothing: here it is the clients that ask whether we are there."""

    def log_state(self, match_id: int, place: Place, state: LogState, channel: str) -> str:
        """Returns whether the log can be read as the event `feed_status`."""
        return self.told(frames.log_state(match_id, place, state), "feed_status", channel)

    def silence(self) -> None:
        """Returns nothing, as `heartbeat`."""

    def pong(self, ping: Ping) -> str:  # noqa: ARG002 - Nothing of it comes back here.
        """Returns the answer to `pusher:ping`."""
        return _event("pusher:pong", _Nothing())

    def error(self, code: str, message: str) -> str:
        """Returns `pusher:error`. A client that is not connected yet acts on its number, so there
        always is one; once connected it acts on the close code only.
        """
        fault = {"code": _number_of(code), "message": message, "reason": code}
        return _ENCODER.encode({"event": "pusher:error", "data": fault}).decode()

    def refused(self, key: str, error: AppError) -> str:
        """Returns `pusher:subscription_error`, as clients know it from refused signatures."""
        kind = "AuthError" if error.status in _REFUSED_STATUS else "SubscriptionError"
        why = {"type": kind, "error": error.detail, "status": error.status, "reason": error.code}
        return _event("pusher:subscription_error", why, channel=key)

    def closing(self, code: CloseCode, error: AppError | None) -> CloseCode:
        """Returns the close code by its number of Pusher's; 1000 stays."""
        number = _BY_ERROR.get(error.code) if error is not None else None
        number = number or _NUMBERS.get(code.code, code.code)
        return msgspec.structs.replace(code, code=number)

    def subscribed(self, key: str) -> str:
        """Returns that a channel is followed; its snapshot comes next."""
        return _event("pusher_internal:subscription_succeeded", _Nothing(), channel=key)

    def unsubscribed(self, key: str) -> None:
        """Returns nothing: clients wait for no answer."""

    def authenticated(self, principal: Principal, expires_in_s: int | None) -> str:  # noqa: ARG002
        """Returns that somebody is signed in."""
        user_data = _ENCODER.encode({"id": str(principal.user_id)}).decode()
        return _event("pusher:signin_success", {"user_data": user_data})

    def expiring(self, expires_in_s: int) -> None:
        """Returns nothing: the close that comes has clients come back and sign in anew."""

    def going_away(self, reconnect_in_ms: int) -> None:
        """Returns nothing: when clients come back follows from the close code."""


PUSHER = PusherDialect()


class PusherFollows:
    """What clients of /app/{key} may follow (a Follows). `main` makes one a process.

    Matches are for whoever may read; under `private-` they, and a user's bets, are for whoever
    shows a grant. So `private-` is the way in where there is no anonymous access.
    """

    def __init__(
        self,
        grants: ChannelGrants,
        grantees: Grantees,
        *,
        pool: Pool,
        directory: Directory,
        bets: Bets,
        anonymous_access: bool,
    ) -> None:
        self.grants = grants
        self._grantees = grantees
        self._pool = pool
        self._directory = directory
        self._bets = bets
        self._anonymous_access = anonymous_access

    def following_of(self, session: Session, command: Follow) -> Following:
        """Returns what a channel stands for; raises NotFound, NotAuthenticated, NotAllowed."""
        assert isinstance(command, Subscribe), "there is no other way to follow in this dialect"
        channel = command.channel
        subject = subject_of(channel)
        if subject is None:
            raise NotFound(
                "There is no such channel: sports.{sport}.leagues.{league}.matches.{match}, where"
                " * stands for any one, or private-users.{id}.bets."
            )
        grantee = None
        if channel.startswith(PRIVATE):
            said = command.channel_data
            grantee = self.grants.check(command.auth, session.socket_id, channel, said)
            self._grantees.check(grantee)
        else:
            self._check_reader(session)
        if isinstance(subject, BetsOf):
            return GrantedBets(
                self._grantees,
                grantee,
                session=session,
                bets=self._bets,
                key=channel,
                granted_for=subject.user_id,
            )
        return GrantedPattern(
            self._grantees,
            grantee,
            session=session,
            pattern=subject,
            pool=self._pool,
            directory=self._directory,
            key=channel,
        )

    def _check_reader(self, session: Session) -> None:
        principal = session.principal
        if principal is None or (principal.user_id is None and not self._anonymous_access):
            raise NotAuthenticated("Show who you are: subscribe to private- and this channel.")
        if not principal.may_read:
            raise NotAllowed("These credentials are not made for reading.")


@websocket("/app/{key:str}")
async def app(socket: WebSocket[Any, Any, Any], key: FromPath[str]) -> None:
    """Follows channels until either side goes."""
    state = socket.app.state
    follows: PusherFollows = state.pusher_follows
    protocol = str(socket.query_params.get("protocol", PROTOCOLS[-1]))
    begin = partial(check_app, key=key, protocol=protocol, grants=follows.grants)
    ask = Ask(dialect=PUSHER, follows=follows, begin=begin, strangers=True)
    await state.sockets.serve(socket, ask)


def check_app(session: Session, *, key: str, protocol: str, grants: ChannelGrants) -> None:
    """Raises UnknownApp, UnsupportedProtocol."""
    del session
    if key != grants.key:
        raise UnknownApp
    if protocol not in PROTOCOLS:
        raise UnsupportedProtocol


pusher_routes = [app]


def _converted(data: Any) -> _Channel:
    """Returns the channel a message is about; some clients put JSON in a string here as well."""
    if isinstance(data, str):
        return msgspec.json.decode(data, type=_Channel)
    return msgspec.convert(data, _Channel)


def _ticket_in(data: Any) -> str:
    """Returns the ticket that POST /broadcasting/user-auth put into what a client signs in with.

    It is good once and only for whom it was given, so the signature beside it tells nothing more.
    """
    signing_in = msgspec.convert(data, _SignIn)
    return msgspec.json.decode(signing_in.user_data, type=_UserData).ticket


def _event(event: str, data: object, *, channel: str | None = None) -> str:
    """Returns a frame that is no frame of a match."""
    told = {"event": event} | ({} if channel is None else {"channel": channel})
    return _ENCODER.encode(told | {"data": _ENCODER.encode(data).decode()}).decode()


def _quoted(text: str) -> str:
    """Returns a text as a JSON string."""
    return _ENCODER.encode(text).decode()


def _number_of(error_code: str) -> int:
    """Returns Pusher's number for an error of ours, as `closing` would close for it."""
    by_error = _BY_ERROR.get(error_code)
    return by_error or _BY_STATUS.get(_statuses().get(error_code, 500), OVER_CAPACITY)


@cache
def _statuses() -> dict[str, int]:
    """Returns the status of every error, by its code."""
    return {error.code: error.status for error in catalogue()}
