"""The messages a client may send, and what a session answers, as types; the Pusher protocol's too.

Like `frame_shapes` they are what /schema/asyncapi.json is made from and tests hold servers to.
"""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.sockets.frame_shapes import Channel, MatchId, Moment, Odds, Told
from app.sports.market import AnswerKey, MarketStatus, MarketType
from app.sports.match import MatchStatus, Sport

Pattern = Annotated[
    str,
    Meta(
        description="A channel, `sports.{sport}.leagues.{league}.matches.{match}`, or a pattern of"
        " channels: `*` stands for one whole segment."
    ),
]
Token = Annotated[str, Meta(description="An access token, a ticket, or an API key.")]
# Pusher's events carry JSON within a string.
Json = Annotated[str, Meta(extra_json_schema={"contentMediaType": "application/json"})]


class Ping(Told, frozen=True, kw_only=True, tag_field="type", tag="ping"):
    """Asks for a `pong`."""


class Auth(Told, frozen=True, kw_only=True, tag_field="type", tag="auth"):
    """Says who asks: first of all, or anew before the token in use ends."""

    token: Token


class Subscribe(Told, frozen=True, kw_only=True, tag_field="type", tag="subscribe"):
    """Asks for a channel. `since` has the last `resume` of each match you come back to; for the
    channel of one match, it alone will do.
    """

    channel: Pattern
    since: dict[str, str] | str | UnsetType | None = UNSET
    kinds: list[Literal["score", "odds", "prediction"]] | UnsetType = UNSET


class Unsubscribe(Told, frozen=True, kw_only=True, tag_field="type", tag="unsubscribe"):
    """Asks for a channel no more."""

    channel: str


class FollowEvents(Told, frozen=True, kw_only=True, tag_field="type", tag="events"):
    """Asks for the list of matches, now and whenever it changes."""


class FollowMarket(Told, frozen=True, kw_only=True, tag_field="type", tag="market"):
    """Asks for the markets of a match, now and whenever they change."""

    event_id: str = msgspec.field(name="event_id")


class FollowBets(Told, frozen=True, kw_only=True, tag_field="type", tag="bets"):
    """Asks for your own bets and balance, now and whenever they change. `since`: the last `resume`
    of them you had.
    """

    since: str | UnsetType | None = UNSET


class LiveQuery(Told, frozen=True, kw_only=True):
    """What may stand in the query of /live/{matchId}, and of its twin for Server-Sent Events."""

    token: Token | UnsetType = UNSET
    since: Annotated[str, Meta(description="The last `resume` you had.")] | UnsetType = UNSET
    kinds: (
        Annotated[str, Meta(description="A comma list of score, odds, prediction; all without.")]
        | UnsetType
    ) = UNSET
    conflate_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=120_000,
            description="In so long at most one frame of a market or a score; 0: each change.",
        ),
    ] = 0
    heartbeat_ms: Annotated[
        int, Meta(ge=1_000, le=120_000, description="A heartbeat after so much silence.")
    ] = 15_000


MESSAGES: tuple[type[msgspec.Struct], ...] = (
    Ping,
    Auth,
    Subscribe,
    Unsubscribe,
    FollowEvents,
    FollowMarket,
    FollowBets,
)


class Pong(Told, frozen=True, kw_only=True, tag_field="type", tag="pong"):
    """The answer to a `ping`."""


class Error(Told, frozen=True, kw_only=True, tag_field="type", tag="error"):
    """What was wrong: with a message, then the socket stays open; or why the close that follows
    comes. `code` is stable and one of the catalogue of errors. `channel`: what is not followed, or
    no longer.
    """

    code: str
    message: str
    channel: str | UnsetType = UNSET


class Subscribed(Told, frozen=True, kw_only=True, tag_field="type", tag="subscribed"):
    """A following has begun; its first state comes next."""

    channel: Pattern


class Unsubscribed(Told, frozen=True, kw_only=True, tag_field="type", tag="unsubscribed"):
    """A following has ended at your wish."""

    channel: str


class Authenticated(Told, frozen=True, kw_only=True, tag_field="type", tag="authenticated"):
    """A token was taken; null: it does not end."""

    expires_in: int | None


class Expiring(Told, frozen=True, kw_only=True, tag_field="type", tag="expiring"):
    """Your token ends in so many seconds: send `auth` with a new one, or be closed with 4401."""

    expires_in: int


class GoingAway(Told, frozen=True, kw_only=True, tag_field="type", tag="going_away"):
    """The server stops and closes with 1001: reconnect after so long, drawn for each socket."""

    reconnect_in_ms: int


SESSION_FRAMES: tuple[type[msgspec.Struct], ...] = (
    Pong,
    Error,
    Subscribed,
    Unsubscribed,
    Authenticated,
    Expiring,
    GoingAway,
)


class EventListed(msgspec.Struct, frozen=True, kw_only=True):
    """One match of the list; keys are snake_case, as they always were. `time` is its start."""

    id: MatchId
    name: str
    time: Moment
    sport: Sport
    league: str
    status: MatchStatus


class EventsList(msgspec.Struct, frozen=True, kw_only=True):
    """The matches that are on or to come, whole each time: those in play first."""

    events: list[EventListed]


class PriceOffered(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of a market and its price."""

    id: str
    key: AnswerKey
    name: str
    odds: Odds | None
    best_odds: Odds | None
    best_provider: str | None
    fair_probability: Decimal | None
    status: str


class MarketOdds(msgspec.Struct, frozen=True, kw_only=True):
    """One market of a match, whole each time; `version` grows with each change of it."""

    market_id: str
    event_id: MatchId
    market_type: MarketType
    line: Decimal | None
    status: MarketStatus
    reason: str | None
    version: int
    odds: list[PriceOffered]


LIST_FRAMES: tuple[type[msgspec.Struct], ...] = (EventsList, MarketOdds)


class PusherMessage(Told, frozen=True, kw_only=True, tag_field="event"):
    """A message of the Pusher protocol, version 7."""


class PusherChannel(msgspec.Struct, frozen=True, kw_only=True):
    """Which channel; private ones bring what `POST /broadcasting/auth` answered."""

    channel: str
    auth: str | UnsetType = UNSET
    channel_data: str | UnsetType = UNSET


class PusherSubscribe(PusherMessage, frozen=True, kw_only=True, tag="pusher:subscribe"):
    """Asks for a channel."""

    data: PusherChannel


class PusherUnsubscribe(PusherMessage, frozen=True, kw_only=True, tag="pusher:unsubscribe"):
    """Asks for a channel no more."""

    data: PusherChannel


class PusherSignature(msgspec.Struct, frozen=True, kw_only=True):
    """What `POST /broadcasting/user-auth` answered."""

    auth: str
    user_data: Json


class PusherSignin(PusherMessage, frozen=True, kw_only=True, tag="pusher:signin"):
    """Says whose the socket is."""

    data: PusherSignature


class PusherSignedIn(PusherMessage, frozen=True, kw_only=True, tag="pusher:signin_success"):
    """The socket is a user's; within `data` stands `user_data`, JSON in a string with the `id`."""

    data: Json


class PusherPing(PusherMessage, frozen=True, kw_only=True, tag="pusher:ping"):
    """Asks whether the other side is there; either side may."""

    data: Json | dict[str, str] | UnsetType = UNSET


class PusherPong(PusherMessage, frozen=True, kw_only=True, tag="pusher:pong"):
    """Says that it is."""

    data: Json | dict[str, str] | UnsetType = UNSET


class PusherEstablished(
    PusherMessage, frozen=True, kw_only=True, tag="pusher:connection_established"
):
    """The first frame; within `data` stand `socket_id` and `activity_timeout` in seconds."""

    data: Json


class PusherSubscribed(
    PusherMessage, frozen=True, kw_only=True, tag="pusher_internal:subscription_succeeded"
):
    """A subscription holds; what follows is of it."""

    channel: Channel
    data: Json


class PusherFault(msgspec.Struct, frozen=True, kw_only=True):
    """What was wrong: `code` is one of Pusher's numbers, `reason` a code of our catalogue."""

    message: str
    code: int
    reason: str


class PusherError(PusherMessage, frozen=True, kw_only=True, tag="pusher:error"):
    """A message could not be followed, or the close that follows has this reason."""

    data: PusherFault


class PusherRefused(PusherMessage, frozen=True, kw_only=True, tag="pusher:subscription_error"):
    """A channel is not followed, or no longer; within `data` stand `type`, `error`, `status` and
    `reason`, a code of our catalogue.
    """

    channel: str
    data: Json


class PusherEvent(Told, frozen=True, kw_only=True):
    """A frame of a match: `event` is its type; within `data` stands the frame as on /ws."""

    event: str
    channel: Channel
    data: Json


PUSHER_MESSAGES: tuple[type[msgspec.Struct], ...] = (
    PusherSubscribe,
    PusherUnsubscribe,
    PusherSignin,
    PusherPing,
    PusherPong,
)
PUSHER_FRAMES: tuple[type[msgspec.Struct], ...] = (
    PusherEstablished,
    PusherSubscribed,
    PusherRefused,
    PusherSignedIn,
    PusherError,
    PusherPong,
    PusherEvent,
)
