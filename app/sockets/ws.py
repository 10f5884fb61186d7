"""WS /ws: lists, markets, channels and one's own bets over one socket."""

from typing import Literal

import msgspec
from litestar import websocket

from app.database.engine import Pool
from app.database.listener import Nudge
from app.database.places import Place, parse_token
from app.errors import AppError, MalformedRequest, NotFound
from app.sockets import frames
from app.sockets.bets_following import Bets, BetsFollowing, ReadBets
from app.sockets.dialect import (
    Authenticate,
    Command,
    Follow,
    FollowBets,
    FollowEvents,
    FollowMarket,
    Ping,
    Snapshot,
    SnapshotReason,
    Subscribe,
    Unsubscribe,
)
from app.sockets.directory import Directory
from app.sockets.events_following import EventsFollowing
from app.sockets.following import Following
from app.sockets.live_dialect import LiveDialect
from app.sockets.market_boards import MarketBoards
from app.sockets.market_following import MarketFollowing
from app.sockets.opening import Socket, Sockets
from app.sockets.pattern_following import MATCHES_PER_PATTERN_MAX, PatternFollowing
from app.sockets.session import Ask, Session
from app.sockets.wishes import match_number
from app.sports.channels import Pattern, pattern_of
from app.sports.match import Sport
from app.stream.change import Change
from app.stream.log_state import LogState
from app.stream.user_hub import UserHub

Kind = Literal["score", "odds", "prediction"]
# Every kind at most once, and a little patience.
KINDS_MAX = 8


class _Ping(msgspec.Struct, frozen=True, tag_field="type", tag="ping"):
    pass


class _Auth(msgspec.Struct, frozen=True, tag_field="type", tag="auth"):
    token: str


class _Subscribe(msgspec.Struct, frozen=True, tag_field="type", tag="subscribe"):
    channel: str
    # By match; a channel that names its match takes the token alone.
    since: dict[str, str] | str | None = None
    kinds: list[Kind] = []


class _Unsubscribe(msgspec.Struct, frozen=True, tag_field="type", tag="unsubscribe"):
    channel: str


class _Events(msgspec.Struct, frozen=True, tag_field="type", tag="events"):
    pass


class _Market(msgspec.Struct, frozen=True, tag_field="type", tag="market"):
    event_id: str | int


class _Bets(msgspec.Struct, frozen=True, tag_field="type", tag="bets"):
    since: str | None = None


_Message = _Ping | _Auth | _Subscribe | _Unsubscribe | _Events | _Market | _Bets
_MESSAGE: msgspec.json.Decoder[_Message] = msgspec.json.Decoder(_Message)


class WsDialect(LiveDialect):
    """The shapes of /ws. Frames of a match are those of /live with the `channel` they were asked
    for by; `events` and `market` are answered by nothing but what they ask for, as clients of old
    expect it.
    """

    name = "ws"

    def read(self, message: str | bytes) -> Command:
        """Returns what a message asks for; raises MalformedRequest."""
        try:
            said = _MESSAGE.decode(message)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedRequest(str(error)) from error
        command: Command
        match said:
            case _Ping():
                command = Ping()
            case _Auth():
                command = Authenticate(token=said.token)
            case _Subscribe():
                command = _subscribe(said)
            case _Unsubscribe():
                command = Unsubscribe(key=said.channel)
            case _Events():
                command = FollowEvents()
            case _Market():
                command = FollowMarket(event_id=str(said.event_id))
            case _Bets():
                command = FollowBets(since=said.since)
        return command

    def change(self, change: Change, channel: str) -> str:
        """Returns a change as on /live, with its channel."""
        return _with_channel(change.frame, channel)

    def snapshot(self, snapshot: Snapshot, reason: SnapshotReason, channel: str) -> str:
        """Returns a match's whole state as on /live, with its channel."""
        return _with_channel(super().snapshot(snapshot, reason, channel), channel)

    def heartbeat(self, match_id: int, place: Place, channel: str) -> str:
        """Returns what fills the silence of a match, with its channel."""
        return _with_channel(frames.heartbeat(match_id, place), channel)

    def log_state(self, match_id: int, place: Place, state: LogState, channel: str) -> str:
        """Returns whether the log can be read, with the match's channel."""
        return _with_channel(frames.log_state(match_id, place, state), channel)

    def refused(self, key: str, error: AppError) -> str:
        """Returns that something is not followed, or no longer, and why."""
        return frames.of("error", code=error.code, message=error.detail, channel=key)

    def subscribed(self, key: str) -> str | None:
        """Returns that a channel is followed; lists, markets and bets are their own answer."""
        return frames.of("subscribed", channel=key) if "sports." in key else None

    def unsubscribed(self, key: str) -> str:
        """Returns that something is followed no more."""
        return frames.of("unsubscribed", channel=key)


WS = WsDialect()


class WsFollows:
    """What clients of /ws may follow (a Follows). `main` makes one a process, nudges it, and runs
    what is in `runs` for ever.
    """

    def __init__(self, pool: Pool, read_bets: ReadBets) -> None:
        self._pool = pool
        self.directory = Directory(pool)
        self.boards = MarketBoards(pool)
        self.users = UserHub(pool)
        self.bets = Bets(pool, self.users, read_bets)
        self.runs = (self.directory.run, self.boards.run, self.users.run)

    def nudge(self, ids: Nudge) -> None:
        """Takes a notification of the log: these matches, or with None any, changed."""
        self.directory.nudge(ids)
        self.boards.nudge(ids)

    def following_of(self, session: Session, command: Follow) -> Following:
        """Returns what a command asks for; raises AppError."""
        match command:
            case FollowEvents():
                return EventsFollowing(session, self.directory, session.shared.demand)
            case FollowMarket():
                match_id = match_number(command.event_id)
                return MarketFollowing(
                    session, match_id, boards=self.boards, demand=session.shared.demand
                )
            case FollowBets():
                return BetsFollowing(session, self.bets, since=command.since)
            case Subscribe():
                return PatternFollowing(
                    session,
                    read_pattern(command.channel),
                    pool=self._pool,
                    directory=self.directory,
                    kinds=command.kinds,
                    since=_places(command.since),
                )


def read_pattern(channel: str) -> Pattern:
    """Returns the pattern of a channel; raises MalformedRequest, and NotFound for no sport of ours.

    A league may come later, a sport does not.
    """
    pattern = pattern_of(channel)
    if pattern is None:
        raise MalformedRequest(
            "A channel is sports.{sport}.leagues.{league}.matches.{match}; * stands for any one."
        )
    if pattern.sport is not None and pattern.sport not in set(Sport):
        raise NotFound(f"There is no sport {pattern.sport}; there are {', '.join(Sport)}.")
    return pattern


def _subscribe(said: _Subscribe) -> Subscribe:
    """Returns the command; one token alone is the token of the match that the channel names."""
    since = said.since or {}
    if isinstance(since, str):
        pattern = pattern_of(said.channel)
        if pattern is None or pattern.match_id is None:
            raise MalformedRequest("since takes one token for a channel of one match, else a map.")
        since = {str(pattern.match_id): since}
    if len(since) > MATCHES_PER_PATTERN_MAX or len(said.kinds) > KINDS_MAX:
        raise MalformedRequest(f"since takes {MATCHES_PER_PATTERN_MAX} matches at most.")
    return Subscribe(channel=said.channel, since=since, kinds=tuple(said.kinds))


def _places(since: dict[str, str]) -> dict[int, Place]:
    """Returns the places behind resume tokens, by match; raises MalformedId and MalformedResume."""
    return {match_number(match): parse_token(token) for match, token in since.items()}


def _with_channel(frame: str, channel: str) -> str:
    return f'{frame[:-1]},"channel":"{channel}"}}'


@websocket("/ws")
async def ws(socket: Socket) -> None:
    """Follows whatever is asked for until either side goes."""
    sockets: Sockets = socket.app.state.sockets
    await sockets.serve(socket, Ask(dialect=WS, follows=socket.app.state.ws_follows))


ws_routes = [ws]
