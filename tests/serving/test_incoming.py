"""The incoming half of a line: what a client may send is read, in whatever pieces it comes."""

import zlib
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from app.framing import BINARY, CLOSE, DEFLATED, EMPTY_BLOCK, PING, PONG, TEXT
from app.serving.incoming import (
    INVALID_DATA,
    MESSAGE_TOO_BIG,
    PROTOCOL_ERROR,
    Broken,
    Incoming,
    Received,
)

BYTES_MAX = 1_000


def sent(opcode: int, payload: bytes = b"", *, fin: bool = True, deflated: bool = False) -> bytes:
    """A frame as a client sends it."""
    frame = bytearray(Frame(Opcode(opcode), payload, fin).serialize(mask=True))
    frame[0] |= DEFLATED * deflated
    return bytes(frame)


def deflated(payload: bytes) -> bytes:
    """What a client sends in place of a payload it deflates."""
    deflater = zlib.compressobj(wbits=-15)
    return (deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH))[: -len(EMPTY_BLOCK)]


def read(data: bytes, cuts: Sequence[int] = (), *, inflates: bool = True) -> list[Received]:
    """What is read of these bytes when they come cut at these places."""
    incoming = Incoming(bytes_max=BYTES_MAX, inflates=inflates)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges)]
    return [received for piece in pieces for received in incoming.read(piece)]


MESSAGES = st.one_of(
    st.tuples(st.just(TEXT), st.text(max_size=200)),
    st.tuples(st.just(BINARY), st.binary(max_size=300)),
    st.tuples(st.sampled_from([PING, PONG]), st.binary(max_size=125)),
)


@st.composite
def a_conversation(draw: st.DrawFn) -> tuple[list[Received], bytes]:
    """Messages, whole, in fragments or deflated, control frames between the fragments."""
    told: list[Received] = []
    wire = bytearray()
    for opcode, content in draw(st.lists(MESSAGES, max_size=6)):
        payload = content.encode() if isinstance(content, str) else content
        if opcode in {PING, PONG}:
            told.append((opcode, payload))
            wire += sent(opcode, payload)
            continue
        deflates = draw(st.booleans())
        body = deflated(payload) if deflates else payload
        cut = draw(st.integers(0, len(body)))
        if draw(st.booleans()):
            wire += sent(opcode, body, deflated=deflates)
        else:
            wire += sent(opcode, body[:cut], fin=False, deflated=deflates)
            if draw(st.booleans()):
                told.append((PING, b"between"))
                wire += sent(PING, b"between")
            wire += sent(0, body[cut:])
        told.append((opcode, content))
    return told, bytes(wire)


@settings(max_examples=200, deadline=None)
@given(a_conversation(), st.lists(st.integers(0, 5_000), max_size=12))
def test_a_conversation_is_read_alike_however_it_is_cut(
    conversation: tuple[list[Received], bytes], cuts: list[int]
):
    told, wire = conversation
    assert read(wire, cuts) == told


def test_byte_by_byte_is_read_too():
    wire = sent(TEXT, b"a" * 300) + sent(CLOSE, b"\x03\xe8")
    assert read(wire, range(len(wire))) == [(TEXT, "a" * 300), (CLOSE, b"\x03\xe8")]


BROKEN = {
    "a reserved bit": (b"\xa1\x80\x00\x00\x00\x00", PROTOCOL_ERROR),
    "an unknown opcode": (b"\x83\x80\x00\x00\x00\x00", PROTOCOL_ERROR),
    "no mask": (b"\x81\x01a", PROTOCOL_ERROR),
    "a long control frame": (b"\x89\xfe\x00\x7e" + bytes(130), PROTOCOL_ERROR),
    "a ping in fragments": (b"\x09\x80\x00\x00\x00\x00", PROTOCOL_ERROR),
    "nothing to continue": (sent(0, b"x"), PROTOCOL_ERROR),
    "a message within a message": (sent(TEXT, b"x", fin=False) + sent(TEXT), PROTOCOL_ERROR),
    "a deflated continuation": (
        sent(TEXT, b"x", fin=False) + sent(0, b"x", deflated=True),
        PROTOCOL_ERROR,
    ),
    "a deflated ping": (sent(PING, b"x", deflated=True), PROTOCOL_ERROR),
    "text that is none": (sent(TEXT, b"\xff\xfe"), INVALID_DATA),
    "text cut within a letter": (sent(TEXT, "ü".encode()[:1]), INVALID_DATA),
    "not deflated as agreed": (sent(TEXT, b"\xff\xff\xff\xff", deflated=True), PROTOCOL_ERROR),
    "too big": (sent(TEXT, b"x" * (BYTES_MAX + 1)), MESSAGE_TOO_BIG),
    "too big, and never sent": (b"\x81\xff" + (2**62).to_bytes(8) + bytes(4), MESSAGE_TOO_BIG),
    "too big in all its fragments": (
        sent(BINARY, b"x" * BYTES_MAX, fin=False) + sent(0, b"x"),
        MESSAGE_TOO_BIG,
    ),
    "a bomb": (sent(TEXT, deflated(bytes(100_000)), deflated=True), MESSAGE_TOO_BIG),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_the_protocol_is_named_behind_what_came_before(name: str):
    wire, code = BROKEN[name]
    incoming = Incoming(bytes_max=BYTES_MAX, inflates=True)
    reading = incoming.read(sent(TEXT, b"before") + wire)
    assert next(reading) == (TEXT, "before")
    with pytest.raises(Broken) as broken:
        list(reading)
    assert broken.value.code == code


def test_deflated_messages_are_refused_where_none_were_agreed_on():
    with pytest.raises(Broken):
        read(sent(TEXT, deflated(b"hello"), deflated=True), inflates=False)


def test_a_message_of_exactly_the_bound_is_read_deflated_or_not():
    most = "x" * BYTES_MAX
    assert read(sent(TEXT, most.encode())) == [(TEXT, most)]
    assert read(sent(TEXT, deflated(most.encode()), deflated=True)) == [(TEXT, most)]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
def test_no_bytes_whatever_do_anything_but_be_read_or_be_called_broken(
    wire: bytes, cuts: list[int]
):
    try:
        read(wire, cuts)
    except Broken as broken:
        assert broken.code in {PROTOCOL_ERROR, INVALID_DATA, MESSAGE_TOO_BIG}  # noqa: PT017
