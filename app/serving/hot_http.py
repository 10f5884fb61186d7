"""HTTP with a lane for reads whose answer is ready: it is written when the head of the request is
there, before a task, a scope or a cycle exists.

Only a plain request is answered so: GET by HTTP/1.1, no body, kept alive, no header that is not
known to change nothing, nothing unanswered before it, a client that takes what is written. All
else, and whatever `HotReads` does not know, falls through to the application.

Clients say the same again and again. Bytes that were one whole request, and nothing but that, are
the same request when they come again: they are not even parsed.
"""

import asyncio
import time
from typing import Any, cast

from app.serving.bounded_http import HEAD_BYTES_MAX, BoundedHttp
from app.serving.hot_reads import ASKED, Asked, HotReads
from app.serving.plain_requests import read_headers


class _Answered:
    """Stands where uvicorn keeps what is being answered: nothing is."""

    response_complete = True
    keep_alive = True
    disconnected = False
    message_event = asyncio.Event()


_ANSWERED: Any = _Answered()


class HotHttp(BoundedHttp):
    """As its parent's, and quick at what is ready."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        state = getattr(self.config.loaded_app, "state", None)
        self._hot = cast("HotReads | None", getattr(state, "hot_reads", None))
        if self.limit_concurrency is not None:
            self._hot = None
        if self._hot is not None:
            self.app = cast("Any", self._hot.learning)
        self._peer = ""
        # Requests that began, and the last of this read of the line that was answered at once.
        self._begun = 0
        self._asked: Asked | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._hot_at = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Meets the client."""
        super().connection_made(transport)
        self._peer = self.client[0] if self.client else ""

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the client."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Answers what was asked before in these words; else reads them."""
        hot = self._hot
        if hot is None or self._in_head or self._in_body or self._arrives or self._wrong:
            super().data_received(data)
            return
        asked = hot.requests.get(data)
        # After an answer at once nothing waits, and a line that closes is not read.
        if (
            asked is not None
            and ((self.cycle is _ANSWERED and not self.flow.write_paused) or self._is_free())
            and self._is_written(hot, asked)
        ):
            return
        begun, self._asked = self._begun, None
        super().data_received(data)
        is_one = self._begun == begun + 1 and not (self._in_head or self._in_body)
        if is_one and self._asked is not None:
            hot.remember(data, self._asked)

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._begun += 1

    def on_headers_complete(self) -> None:
        """Answers at once, or lets the application answer."""
        hot = self._hot
        asked = None if hot is None else self._plain(hot)
        if hot is None or asked is None or not self._is_written(hot, asked):
            if asked is not None:
                scope: Any = self.scope
                scope["state"][ASKED] = asked
            super().on_headers_complete()
            return
        self.relax()
        self._in_head, self._in_body = False, True
        self._asked = asked

    def _plain(self, hot: HotReads) -> Asked | None:
        """Returns what is asked, if the request is what it looks like and may be ready."""
        address = hot.addresses.get(self.url)
        parser: Any = self.parser
        if (
            address is None
            or self._began_bytes + self._head_bytes > HEAD_BYTES_MAX
            or parser.get_method() != b"GET"
            or parser.get_http_version() != "1.1"
            or not self._is_free()
        ):
            return None
        said = read_headers(self.headers)
        return None if said is None else Asked(address, said)

    def _is_free(self) -> bool:
        """Says whether nobody's answer is on its way, and the client takes what is written."""
        cycle: Any = self.cycle
        return (
            (cycle is None or cycle.response_complete)
            and not self.pipeline
            and not self.flow.write_paused
            and not self.transport.is_closing()
        )

    def _is_written(self, hot: HotReads, asked: Asked) -> bool:
        """Writes the answer, if it is ready."""
        state = self.server_state
        now = time.monotonic()
        answer = hot.answer(asked, self._peer, state.default_headers, now)
        if answer is None:
            return False
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        self.cycle = _ANSWERED
        state.total_requests += 1
        self._hot_at = now
        if self._idle is None:
            self._idle = self.loop.call_later(self.timeout_keep_alive, self._look_idle)
        self.transport.write(answer)
        return True

    def _look_idle(self) -> None:
        """Closes the line when nothing came for long; one timer for many answers."""
        self._idle = None
        is_busy = self._in_head or self._in_body or not self.cycle.response_complete
        if is_busy or self.timeout_keep_alive_task is not None or self.transport.is_closing():
            return  # The parent's timers watch it.
        left = self._hot_at + self.timeout_keep_alive - time.monotonic()
        if left > 0:
            self._idle = self.loop.call_later(left, self._look_idle)
        else:
            self.timeout_keep_alive_handler()
