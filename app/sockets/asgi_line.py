"""AsgiLine: a line over ASGI's receive and send, on any server.

ASGI's `send` is awaited, a line's `write` is not. While the server takes what it is sent at once,
as uvicorn does, `write` steps through `send` by hand, to its end, and there is no task. Where it
waits (the reader does not read), a task takes that `send` over from where it waits, then what was
written meanwhile, and ends.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator, MutableMapping, Sequence
from typing import Any, cast

from app.sockets.close_codes import CloseCode
from app.sockets.counting import size_of
from app.sockets.line import Carried, Ready, WireForm

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
# Closes past flow control, with a code and a reason; servers of others have no such thing.
GiveUp = Callable[[int, str], None]
# Writes texts at once; False, and nothing written, where something stands in the way.
WriteTexts = Callable[[Sequence[str]], bool]

# The extensions of the scope by which our protocol classes offer them.
GIVE_UP = "touchline.give_up"
WRITE_TEXTS = "touchline.write_texts"
# What a line ends with that died without a word.
LOST = 1006
# What sending raises when the client went first.
GONE = (OSError, RuntimeError)

# Says that it was we who ended the listening.
_ABORTED = "aborted"


class _Rest:
    """What is left of a coroutine that was stepped until it had to wait."""

    def __init__(self, coroutine: Generator[Any, None, None], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, None, None]:
        coroutine, waits_for = self._coroutine, self._waits_for
        while True:
            raised: BaseException | None = None
            try:
                yield waits_for
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the coroutine's.
                raised = error
            try:
                waits_for = coroutine.send(None) if raised is None else coroutine.throw(raised)
            except StopIteration:
                return


class AsgiLine:
    """A WebSocket. `steps` is for servers known to bear being stepped: see the module.

    `write_texts`, where the server has it, writes several texts in one call of the kernel.
    """

    form = WireForm.TEXT

    __slots__ = (
        "_carrier", "_closing", "_give_up", "_gone", "_receive", "_rest", "_send", "_session",
        "_steps", "_waiting", "_waiting_bytes", "_write_texts", "_writer",
    )  # fmt: skip

    def __init__(
        self,
        receive: Receive,
        send: Send,
        *,
        give_up: GiveUp | None,
        steps: bool,
        write_texts: WriteTexts | None = None,
    ) -> None:
        self._receive = receive
        self._send = send
        self._give_up = give_up
        self._steps = steps
        self._write_texts = write_texts
        self._session: Carried | None = None
        # The task that listens; ended by hand where nothing else can end it.
        self._carrier: asyncio.Task[Any] | None = None
        self._closing = False
        self._gone = False
        self._waiting: deque[tuple[Message, int]] = deque()
        self._waiting_bytes = 0
        # The first of what waits, where it was stepped into.
        self._rest: _Rest | None = None
        self._writer: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Bytes that were written and that the server has not taken."""
        return self._waiting_bytes

    def write(self, ready: Ready) -> None:
        """Sends each text; what the server does not take at once waits."""
        if self._closing:
            return
        at_once = self._write_texts if self._writer is None else None
        # Only a WebSocket has it, and takes texts.
        if at_once is not None and at_once(cast("list[str]", ready)):
            return
        for message, size in self._messages(ready):
            self._put(message, size)

    def close(self, code: CloseCode) -> None:
        """Closes behind what was written."""
        if not self._closing:
            self._put(self._goodbye(code), 0)
            self._closing = True

    def abort(self, code: CloseCode) -> None:
        """Closes past flow control where the server can; else what waits is dropped."""
        self._closing = True
        self._drop()
        if self._give_up is not None and not self._gone:
            self._give_up(code.code, code.name)
        elif self._carrier is not None and not self._gone:
            self._carrier.cancel(_ABORTED)
        self._end(code.code)

    async def carry(self, session: Carried) -> None:
        """Reads what the client says until it is gone."""
        self._session = session
        if self._writer is not None:
            session.on_full()
        code, self._carrier = LOST, asyncio.current_task()
        try:
            code = await self._listen(session)
        except GONE:
            pass
        except asyncio.CancelledError as cancelled:
            if cancelled.args != (_ABORTED,) or self._carrier is None:
                raise
            self._carrier.uncancel()
        finally:
            self._carrier = None
            self._closing = True
            self._drop()
            self._end(code)

    # What a WebSocket says; events say it otherwise.

    def _messages(self, ready: Ready) -> list[tuple[Message, int]]:
        texts = cast("list[str]", ready)
        return [({"type": "websocket.send", "text": text}, len(text)) for text in texts]

    def _goodbye(self, code: CloseCode) -> Message:
        return {"type": "websocket.close", "code": code.code, "reason": code.name}

    async def _listen(self, session: Carried) -> int:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return message.get("code") or LOST
            text = message.get("text")
            session.on_message(text if text is not None else message.get("bytes") or b"")

    # Writing.

    def _put(self, message: Message, size: int) -> None:
        if self._writer is None and self._steps and self._step(message):
            return
        self._waiting.append((message, size))
        self._waiting_bytes += size
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_on())
            self._writer.add_done_callback(_note_error)
            if self._session is not None:
                self._session.on_full()

    def _step(self, message: Message) -> bool:
        """Sends at once; False when the server waits, which `_rest` goes on with."""
        coroutine = cast("Generator[Any, None, None]", self._send(message))
        try:
            waits_for = coroutine.send(None)
        except StopIteration:
            return True
        except GONE:
            self._closing = True
            return True
        self._rest = _Rest(coroutine, waits_for)
        return False

    async def _write_on(self) -> None:
        """Sends what waits until nothing does."""
        while self._waiting:
            message, size = self._waiting[0]
            rest, self._rest = self._rest, None
            try:
                await (self._send(message) if rest is None else rest)
            except GONE:
                self._closing = True
                self._drop_waiting()
                break
            if self._waiting:
                self._waiting.popleft()
                self._waiting_bytes -= size
        self._writer = None
        if self._session is not None and not self._closing:
            self._session.on_drained()

    def _drop_waiting(self) -> None:
        self._waiting.clear()
        self._waiting_bytes = 0

    def _drop(self) -> None:
        self._drop_waiting()
        if self._writer is not None:
            self._writer.cancel()
            self._writer = None

    def _end(self, code: int) -> None:
        if not self._gone:
            self._gone = True
            session, self._session = self._session, None
            if session is not None:
                session.on_gone(code)


class EventsLine(AsgiLine):
    """A stream of Server-Sent Events: the body of an answer that does not end by itself."""

    form = WireForm.UTF8

    __slots__ = ()

    def _messages(self, ready: Ready) -> list[tuple[Message, int]]:
        assert isinstance(ready, bytes)
        size = size_of(ready)
        return [({"type": "http.response.body", "body": ready, "more_body": True}, size)]

    def _goodbye(self, code: CloseCode) -> Message:  # noqa: ARG002 - an answer ends without one.
        return {"type": "http.response.body", "body": b"", "more_body": False}

    async def _listen(self, session: Carried) -> int:  # noqa: ARG002 - it cannot say anything.
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return LOST


def _note_error(task: "asyncio.Task[None]") -> None:
    """Takes the error of a writer, which `GONE` did not foresee, where it is not lost."""
    if not task.cancelled() and task.exception() is not None:
        raise cast("BaseException", task.exception())
