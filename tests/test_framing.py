"""Frames of ours are what RFC 6455 and RFC 7692 say: held against the client half of websockets."""

from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import CLIENT, Protocol

from app import framing

SIZES = (0, 1, 125, 126, 127, 65_535, 65_536, 70_000)


def a_client(*, deflates: bool = False) -> Protocol:
    """The client half of an open line."""
    client = Protocol(CLIENT, max_size=None)
    if deflates:
        client.extensions = [PerMessageDeflate(True, True, framing.WINDOW_BITS, 15)]
    return client


def received(client: Protocol, data: bytes) -> list[Frame]:
    """The frames a client takes from these bytes; it must not fail."""
    client.receive_data(data)
    frames = [event for event in client.events_received() if isinstance(event, Frame)]
    assert client.parser_exc is None, client.parser_exc
    return frames


def test_a_frame_of_every_length_is_read_as_it_was_written():
    for size in SIZES:
        payload = b"x" * size
        assert received(a_client(), framing.frame(payload)) == [Frame(Opcode.TEXT, payload)]


def test_a_deflated_frame_of_every_length_is_read_as_it_was_written():
    for size in SIZES:
        payload = b"odds" * (size // 4)
        (got,) = received(a_client(deflates=True), framing.deflated_frame(payload))
        assert bytes(got.data) == payload


def test_what_deflating_makes_smaller_is_deflated_and_the_rest_is_not():
    long, short = framing.deflated_frame(b"score" * 100), framing.deflated_frame(b"pong")
    assert long[0] & framing.DEFLATED
    assert len(long) < 100
    assert short == framing.frame(b"pong")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=400), min_size=1, max_size=8))
def test_deflated_frames_need_nothing_of_those_before_them(texts: list[str]):
    """One reader gets them all, each of the others only the last."""
    frames = [framing.deflated_frame(text.encode()) for text in texts]
    everything = received(a_client(deflates=True), b"".join(frames))
    assert [bytes(one.data).decode() for one in everything] == texts
    (last,) = received(a_client(deflates=True), frames[-1])
    assert bytes(last.data).decode() == texts[-1]


def test_a_close_frame_says_code_and_reason_and_stays_within_a_control_frame():
    (short,) = received(a_client(), framing.close_frame(4429, "too_many"))
    assert Close.parse(bytes(short.data)) == Close(4429, "too_many")
    (long,) = received(a_client(), framing.close_frame(1001, "ü" * 200))
    assert Close.parse(bytes(long.data)) == Close(1001, "ü" * 61)
