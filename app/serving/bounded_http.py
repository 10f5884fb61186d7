"""uvicorn's HTTP protocol, with the bounds it lacks: how large a head is, how long a client takes.

A head or a body that comes byte by byte, and an answer nobody reads, hold a connection and its
memory for as long as the client likes. Here each has its time. What came whole in one piece, which
is nearly every request, costs no timer.
"""

import asyncio
import secrets
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from app import metrics
from app.api.problems import MEDIA_TYPE, problem_bytes
from app.errors import AppError, MalformedRequest
from app.ops.traffic import ALWAYS, UNMATCHED
from app.serving.places import Place
from app.serving.sockets import GIVE_UP

# What nginx takes (4 x 8 KiB); browsers stay far below. One that is not complete is refused at
# most one read of the server (256 KiB) later.
HEAD_BYTES_MAX = 32_768
HEADERS_MAX = 100
# Queries end at 8 KiB (`app/api/requests.py`), paths well before.
ADDRESS_BYTES_MAX = 16_384
# A head is a packet or two. Counted from the connection, or from the first byte of the next one.
HEAD_WITHIN_S = 10.0
# 8 MiB, the largest body there is, at 1.1 Mbit a second.
BODY_WITHIN_S = 60.0
# An answer of which the client takes nothing for so long is given up.
READS_WITHIN_S = 30.0
# After a refusal the line is read and forgotten for so long: closed at once, with what the client
# still sends unread, TCP would take the answer back.
LINGERS_S = 2.0


class HeadTooLarge(AppError):
    """The request has more headers, or longer ones, than are taken here."""

    code = "head_too_large"
    status = 431


class AddressTooLong(AppError):
    """The address is longer than is taken here."""

    code = "address_too_long"
    status = 414


class RequestTooSlow(AppError):
    """The request took too long to arrive."""

    code = "request_too_slow"
    status = 408


class _Refused(Exception):
    """Stops the parser; what is wrong is kept in the protocol."""


class BoundedHttp(HttpToolsProtocol):
    """As uvicorn's; a client that breaks a bound is told so, where it can be, and closed."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.place: Place | None = None
        # What of the current request is yet to come; both are false between two requests.
        self._in_head = False
        self._in_body = False
        # Bytes of this read, of the one the current head began in, and of those after it.
        self._read_bytes = 0
        self._began_bytes = 0
        self._head_bytes = 0
        self._wrong: AppError | None = None
        self._arrives: asyncio.TimerHandle | None = None
        self._is_read: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Gives the client its time for the first head."""
        super().connection_made(transport)
        self._expect(HEAD_WITHIN_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the client."""
        self.relax()
        self._forget_reading()
        if self.place is not None:
            self.place.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on, and watches what is unfinished."""
        if self._wrong is not None:
            return
        self._read_bytes = len(data)
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(HeadTooLarge())
        elif not (self._in_head or self._in_body):
            self.relax()
        elif self._arrives is None and self._wrong is None:
            self._expect(HEAD_WITHIN_S if self._in_head else BODY_WITHIN_S)

    def on_message_begin(self) -> None:
        """A head begins, and its time."""
        super().on_message_begin()
        self.scope["extensions"] = {GIVE_UP: self.give_up}  # type: ignore[typeddict-item]
        self.relax()
        self._in_head = True
        self._began_bytes, self._head_bytes = self._read_bytes, 0

    def on_headers_complete(self) -> None:
        """A head is there; what is too much of it ends here, and the time of the body begins."""
        if len(self.url) > ADDRESS_BYTES_MAX:
            self._wrong = AddressTooLong()
        elif len(self.headers) > HEADERS_MAX or self._is_large():
            self._wrong = HeadTooLarge()
        if self._wrong is not None:
            raise _Refused
        super().on_headers_complete()
        parser = self.parser
        if parser is not None and not parser.should_upgrade():
            # What comes behind a chunked body as headers is nobody's, and would be without end.
            self.headers = _NOWHERE
        self.relax()
        self._in_head, self._in_body = False, True

    def on_message_complete(self) -> None:
        """A request is there, whole."""
        super().on_message_complete()
        self._in_body = False

    def on_response_complete(self) -> None:
        """Watches that the rest of the last answer leaves, where no other follows."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._watch_reading()

    def handle_websocket_upgrade(self) -> None:
        """Hands the line over to the sockets, which have bounds of their own."""
        self._in_head = self._in_body = False
        self.relax()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn hands its own words.
        """Answers what the parser refused, by its own rules or by ours."""
        self._refuse(self._wrong or MalformedRequest("This is no HTTP request."))

    def pause_writing(self) -> None:
        """The client reads too slowly, or not at all."""
        super().pause_writing()
        self._watch_reading()

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._forget_reading()

    def timeout_keep_alive_handler(self) -> None:
        """Closes an idle connection, also one whose client took no whole answer."""
        super().timeout_keep_alive_handler()
        self._watch_reading()

    def give_up(self, code: int, reason: str) -> None:  # noqa: ARG002 - an answer has no last word.
        """Ends an answer that does not end by itself and that nobody reads: a stream of events."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None:
            # The application's part is over without an answer's end, and that is no mistake.
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.abort()

    def relax(self) -> None:
        """Expects nothing more of a request, because it is there. Safe to call at any time."""
        if self._arrives is not None:
            self._arrives.cancel()
            self._arrives = None

    def _is_large(self) -> bool:
        """Says whether the head is; it is measured only when it came with so much."""
        if self._began_bytes + self._head_bytes <= HEAD_BYTES_MAX:
            return False
        said = sum(len(name) + len(value) for name, value in self.headers)
        return len(self.url) + said > HEAD_BYTES_MAX

    def _expect(self, within_s: float) -> None:
        self._arrives = self.loop.call_later(within_s, self._too_slow)

    def _too_slow(self) -> None:
        self._arrives = None
        if self._in_head or self._in_body:
            self._refuse(RequestTooSlow())
        else:
            self.transport.close()  # It connected and said nothing.

    def _refuse(self, error: AppError) -> None:
        """Says what is wrong, unless another answer is on its way, and closes behind it."""
        self._wrong = error
        self.relax()
        metrics.http_requests.labels("OTHER", UNMATCHED, str(error.status)).inc()
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request.
        if cycle is None or cycle.response_complete:
            # Behind an answer to a body that never ended comes no second one.
            self._end(None if self._in_body else error)
        elif not self._in_body:
            cycle.keep_alive = False  # It is the newest that waits: all before are answered.
        elif self.pipeline:
            self.pipeline.popleft()  # Its own; the one before is being answered.
        elif cycle.response_started:
            self.transport.abort()
        else:
            cycle.disconnected = True
            cycle.message_event.set()
            self._end(error)

    def _end(self, error: AppError | None) -> None:
        if self.transport.is_closing():
            return
        if error is not None:
            self.transport.write(told(error))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._arrives = self.loop.call_later(LINGERS_S, self.transport.abort)

    def _watch_reading(self) -> None:
        if self._is_read is None:
            unread = self.transport.get_write_buffer_size()
            self._is_read = self.loop.call_later(READS_WITHIN_S, self._check_reading, unread)

    def _check_reading(self, unread_before: int) -> None:
        """Cuts a client that took nothing; one that is slow has its time anew."""
        self._is_read = None
        unread = self.transport.get_write_buffer_size()
        if unread >= unread_before:
            self.transport.abort()
        elif unread:
            self._watch_reading()

    def _forget_reading(self) -> None:
        if self._is_read is not None:
            self._is_read.cancel()
            self._is_read = None


class _Nowhere(list[tuple[bytes, bytes]]):
    """Takes what nobody will read."""

    def append(self, _: tuple[bytes, bytes], /) -> None:
        """Takes a header, and forgets it."""


_NOWHERE = _Nowhere()


def told(error: AppError) -> bytes:
    """Returns an error as a whole HTTP answer, the last on its line."""
    request_id = secrets.token_hex(8)
    body = problem_bytes(error, request_id)
    headers = (
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
        (b"x-request-id", request_id.encode()),
        *([] if error.retry_s is None else [(b"retry-after", b"%d" % error.retry_s)]),
        *ALWAYS,
    )
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    return STATUS_LINE[error.status] + lines + b"\r\n" + body
