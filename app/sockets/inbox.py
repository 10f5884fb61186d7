"""Inbox: what a client says: bounded, counted, and obeyed in order."""

import time
from collections import deque
from collections.abc import Coroutine
from typing import Any, Protocol

from app.access.principal import Principal
from app.access.tiers import Allowance
from app.errors import AppError, Internal, MalformedRequest
from app.logs import logger
from app.sockets import close_codes
from app.sockets.close_codes import CloseCode
from app.sockets.errors import MalformedMessage, TooManyMessages

# Messages in a row that cannot be read; a client that sends more is not one of ours.
BAD_MESSAGES_MAX = 10
# Messages that may wait while one before them is worked on.
MESSAGES_HELD_MAX = 256
# Seconds of messages that may come at once, beyond two for everything that may be followed.
BURST_S = 5

log = logger(__name__)


class Talking(Protocol):
    """What an inbox sees of its session."""

    @property
    def principal(self) -> Principal | None:
        """Who is asking."""
        ...

    @property
    def closed_with(self) -> CloseCode | None:
        """How it is closing."""
        ...

    def allowance(self) -> Allowance:
        """Returns what its caller may."""
        ...

    def obey(self, message: str | bytes) -> None:
        """Reads a message and does what it asks; raises AppError."""
        ...

    def refuse(self, error: AppError) -> None:
        """Says an error and goes on."""
        ...

    def close(self, code: CloseCode, error: AppError | None = None) -> None:
        """Says why, and closes."""
        ...


class Inbox:
    """The messages of one session; made for its first."""

    __slots__ = ("_at", "_bad", "_held", "_level", "_session")

    def __init__(self, session: Talking) -> None:
        self._session = session
        self._bad = 0
        # A bucket that leaks: messages in it, and when it was looked at, monotonic.
        self._level = 0.0
        self._at = 0.0
        # What came while a message before it is worked on.
        self._held: deque[str | bytes] | None = None

    def take(self, message: str | bytes) -> None:
        """Obeys a message, or keeps it until those before it were obeyed."""
        if self._held is None:
            self._take(message)
        elif len(self._held) < MESSAGES_HELD_MAX:
            self._held.append(message)
        else:
            self._session.close(
                close_codes.TOO_MANY,
                TooManyMessages(f"{MESSAGES_HELD_MAX} messages may wait for one before them."),
            )

    def hold(self, work: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None]:
        """Keeps what comes from now on, in order, until the work that is returned was done."""
        held = self._held = deque[str | bytes]()
        return self._then_read_on(work, held)

    async def _then_read_on(
        self, work: Coroutine[Any, Any, None], held: deque[str | bytes]
    ) -> None:
        try:
            await work
        finally:
            self._held = None
            while held and self._held is None and self._session.closed_with is None:
                self._take(held.popleft())
            if self._held is not None:
                self._held.extend(held)

    def _take(self, message: str | bytes) -> None:
        session = self._session
        try:
            self._check(message)
            session.obey(message)
        except TooManyMessages as error:
            session.close(close_codes.TOO_MANY, error)
        except AppError as error:
            self._bad = self._bad + 1 if error.status == MalformedMessage.status else 0
            if self._bad < BAD_MESSAGES_MAX:
                session.refuse(error)
                return
            many = MalformedRequest(f"{self._bad} messages in a row could not be read.")
            session.close(close_codes.BAD_REQUEST, many)
        except Exception:
            log.exception("message_failed")
            session.close(close_codes.OUR_FAULT, Internal())
        else:
            self._bad = 0

    def _check(self, message: str | bytes) -> None:
        """Raises TooManyMessages, which says the limit; of those who authenticate first, later."""
        if self._session.principal is None:
            return
        allowed = self._session.allowance()
        if len(message) > allowed.message_bytes:
            raise TooManyMessages(f"A message may have {allowed.message_bytes} bytes.")
        now, each_s = time.monotonic(), allowed.messages_per_second
        self._level = max(0.0, self._level - (now - self._at) * each_s) + 1
        self._at = now
        if self._level > 2 * allowed.subscriptions_per_socket + BURST_S * each_s:
            raise TooManyMessages(f"{each_s} messages a second are what this tier allows.")
