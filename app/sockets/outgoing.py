"""Outgoing: one frame, made ready once in each form that somebody takes it in."""

from collections.abc import Sequence

from app import framing
from app.sockets.line import Ready, WireForm


class Outgoing:
    """One frame of one dialect and channel, shared by all sockets that get it.

    `kind` is the frame's type, for counting. Each form is made when it is first asked for.
    """

    __slots__ = ("_deflated", "_framed", "_utf8", "kind", "text")

    def __init__(self, text: str, kind: str) -> None:
        self.text = text
        self.kind = kind
        self._utf8: bytes | None = None
        self._framed: bytes | None = None
        self._deflated: bytes | None = None

    @property
    def utf8(self) -> bytes:
        """The text's bytes."""
        if self._utf8 is None:
            self._utf8 = self.text.encode()
        return self._utf8

    @property
    def framed(self) -> bytes:
        """The WebSocket frame."""
        if self._framed is None:
            self._framed = framing.frame(self.utf8)
        return self._framed

    @property
    def deflated(self) -> bytes:
        """The WebSocket frame for sockets with permessage-deflate."""
        if self._deflated is None:
            self._deflated = framing.deflated_frame(self.utf8)
        return self._deflated


def pack(frames: Sequence[Outgoing], form: WireForm) -> Ready:
    """Returns frames as a line of this form writes them, in one go."""
    if form is WireForm.TEXT:
        return [frame.text for frame in frames]
    if form is WireForm.UTF8:
        return b"".join([frame.utf8 for frame in frames])
    if form is WireForm.FRAMED:
        return b"".join([frame.framed for frame in frames])
    return b"".join([frame.deflated for frame in frames])
