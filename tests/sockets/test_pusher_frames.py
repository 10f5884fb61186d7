"""The Pusher protocol's shapes: what is read, what is said, and by which number it ends."""

import contextlib
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.errors import TokenExpired, TooManySockets
from app.access.principal import Principal
from app.database.places import Place
from app.errors import DependencyDown, Internal, MalformedRequest, NotAuthenticated, NotFound
from app.sockets import close_codes
from app.sockets.close_codes import CLOSE_CODES, CloseCode
from app.sockets.dialect import Authenticate, Ping, Pong, Snapshot, Subscribe, Unsubscribe
from app.sockets.pusher import PUSHER, UnknownApp, UnsupportedProtocol
from app.sports.ids import UserId
from app.stream.change import change_of
from tests.sockets.described import Described

CHANNEL = "sports.football.leagues.world-cup.matches.7"
# What pusher-js does by the number (src/core/connection/protocol/protocol.ts).
STAYS_AWAY, A_SECOND, AT_ONCE = range(4000, 4100), range(4100, 4200), range(4200, 4300)


def unwrapped(text: str | None) -> dict[str, Any]:
    """A frame with its data decoded, which must have been a string."""
    assert text is not None
    frame = msgspec.json.decode(text)
    assert isinstance(frame["data"], str)
    return frame | {"data": msgspec.json.decode(frame["data"])}


def a_message(event: str, data: object = None) -> str:
    return msgspec.json.encode({"event": event, "data": data}).decode()


def test_the_greeting_names_the_socket_and_says_when_to_ask_for_us():
    assert unwrapped(PUSHER.greeting("12.34")) == {
        "event": "pusher:connection_established",
        "data": {"socket_id": "12.34", "activity_timeout": 30},
    }


def test_messages_become_commands():
    channel = {"channel": CHANNEL, "auth": "key:abc", "channel_data": "{}", "more": [1]}
    asked = PUSHER.read(a_message("pusher:subscribe", channel))
    assert asked == Subscribe(channel=CHANNEL, auth="key:abc", channel_data="{}")
    in_a_string = msgspec.json.encode({"channel": CHANNEL}).decode()
    assert PUSHER.read(a_message("pusher:subscribe", in_a_string)) == Subscribe(channel=CHANNEL)
    assert PUSHER.read(a_message("pusher:unsubscribe", channel)) == Unsubscribe(key=CHANNEL)
    signing_in = {"auth": "key:abc", "user_data": '{"id":"7","ticket":"tk_1"}'}
    assert PUSHER.read(a_message("pusher:signin", signing_in)) == Authenticate(token="tk_1")
    assert PUSHER.read(a_message("pusher:ping", {})) == Ping()
    assert PUSHER.read(b'{"event":"pusher:pong"}') == Pong()


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[" * 60_000,
        '{"event":"pusher:subscribe","data":' + "[" * 60_000,
        b"\xff",
        "{}",
        '{"event":7}',
        a_message("pusher:subscribe"),
        a_message("pusher:subscribe", "{"),
        a_message("pusher:subscribe", {"channel": 7}),
        a_message("pusher:signin", {}),
        a_message("pusher:signin", {"auth": "", "user_data": '{"id":"7"}'}),
        a_message("score_update", {}),
        a_message("pusher_internal:subscription_succeeded", {}),
    ],
)
def test_what_cannot_be_read_is_told(message: str | bytes):
    with pytest.raises(MalformedRequest):
        PUSHER.read(message)


def test_client_events_are_refused():
    with pytest.raises(MalformedRequest, match="Client events"):
        PUSHER.read(a_message("client-typing", {"who": "me"}))


@given(st.one_of(st.text(), st.binary()))
def test_no_message_does_anything_but_be_read_or_refused(message: str | bytes):
    with contextlib.suppress(MalformedRequest):
        assert PUSHER.read(message)


@given(body=st.dictionaries(st.text(), st.text()), number=st.integers(1, 2**53))
def test_a_change_is_an_event_of_its_type_with_the_whole_frame_as_data(
    body: dict[str, str], number: int
):
    text = msgspec.json.encode(body).decode()
    row = {"match_id": 7, "seq": number, "at": datetime.now(UTC), "kind": "incident", "body": text}
    change = change_of(row)
    told = unwrapped(PUSHER.change(change, CHANNEL))
    assert (told["event"], told["channel"]) == ("incident", CHANNEL)
    assert told["data"] == msgspec.json.decode(change.frame)
    assert (told["data"]["seq"], told["data"]["data"]) == (number, body)


def test_a_channel_begins_with_a_subscription_and_a_snapshot():
    assert unwrapped(PUSHER.subscribed(CHANNEL)) == {
        "event": "pusher_internal:subscription_succeeded",
        "channel": CHANNEL,
        "data": {},
    }
    state = Snapshot(match_id=7, place=Place(3, 1), data='{"score":{"homeScore":1}}')
    told = unwrapped(PUSHER.snapshot(state, "slow_consumer", CHANNEL))
    assert (told["event"], told["data"]["reason"]) == ("snapshot", "slow_consumer")
    assert told["data"]["data"] == {"score": {"homeScore": 1}}


def test_a_refused_channel_is_told_whatever_it_is_called():
    told = unwrapped(PUSHER.refused('no"\n', NotFound("There is no such channel.")))
    assert (told["event"], told["channel"]) == ("pusher:subscription_error", 'no"\n')
    assert told["data"]["type"] == "SubscriptionError"
    assert told["data"]["error"] == "There is no such channel."
    told = unwrapped(PUSHER.refused(CHANNEL, NotAuthenticated()))
    assert (told["data"]["type"], told["data"]["status"]) == ("AuthError", 401)


def test_frames_are_as_asyncapi_describes_them():
    described = Described()
    state = Snapshot(match_id=7, place=Place(3, 1), data="{}")
    told = [
        PUSHER.greeting("1.2"),
        PUSHER.subscribed(CHANNEL),
        PUSHER.pong(Ping()),
        PUSHER.authenticated(Principal(key="user:7", user_id=UserId(7)), None),
        PUSHER.error("internal", "Something went wrong."),
        PUSHER.refused("private-", NotAuthenticated()),
    ]
    described.check(msgspec.json.decode(text) for text in told)
    snapshot = msgspec.json.decode(PUSHER.snapshot(state, "start", CHANNEL))
    assert described.faults_of(snapshot, shape="PusherEvent") == []


@pytest.mark.parametrize("code", CLOSE_CODES)
def test_clients_come_back_after_exactly_the_codes_they_may_come_back_after(code: CloseCode):
    number = PUSHER.closing(code, None).code
    if code in (close_codes.NOT_AUTHENTICATED, close_codes.DONE):
        # With the same credentials it would end the same way; 1000 is the client's own.
        assert number in (4009, 1000)
    elif code.reconnect:
        assert number in (*A_SECOND, *AT_ONCE)
    else:
        assert number in (*STAYS_AWAY, *range(4300, 4400))


def test_a_refusal_has_one_number_in_the_error_and_in_the_close():
    for error, code, number in (
        (UnknownApp(), close_codes.NO_SUCH_MATCH, 4001),
        (UnsupportedProtocol(), close_codes.BAD_REQUEST, 4007),
        (NotAuthenticated(), close_codes.NOT_AUTHENTICATED, 4009),
        (TokenExpired(), close_codes.NOT_AUTHENTICATED, 4100),
        (TooManySockets(), close_codes.TOO_MANY, 4100),
        (DependencyDown(), close_codes.OUR_FAULT, 4100),
        (Internal(), close_codes.OUR_FAULT, 4100),
    ):
        said = msgspec.json.decode(PUSHER.error(error.code, error.detail))
        assert said["event"] == "pusher:error"
        assert said["data"]["code"] == PUSHER.closing(code, error).code == number
