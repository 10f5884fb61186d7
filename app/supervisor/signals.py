"""How the supervisor waits and is told to stop."""

import os
import select
import signal
from types import FrameType, TracebackType
from typing import Self

TOLD_TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """We were told to stop."""


class Signals:
    """A context in which SIGINT, SIGTERM and SIGHUP end the next, or the current, `pause`.

    With `renewing` SIGHUP is no stop but a wish, as for other servers: see `take_renewal`.
    """

    def __init__(self, *, renewing: bool = False) -> None:
        self._stop = False
        self._renewing = renewing
        self._renew = False
        self._heard, self._write = os.pipe()
        os.set_blocking(self._heard, False)
        os.set_blocking(self._write, False)

    def __enter__(self) -> Self:
        signal.set_wakeup_fd(self._write)
        for number in TOLD_TO_STOP:
            signal.signal(number, self._hear)
        # A handler is needed for a child's end to be written to the pipe.
        signal.signal(signal.SIGCHLD, _nothing)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self._heard)
        os.close(self._write)

    def pause(self, seconds: float) -> None:
        """Waits, less when a signal comes; raises Stopped when we are to stop."""
        if not self._stop:
            select.select([self._heard], [], [], seconds)
            self._forget()
        if self._stop:
            raise Stopped

    def _forget(self) -> None:
        try:
            while os.read(self._heard, 4096):
                pass
        except BlockingIOError:
            return

    def take_renewal(self) -> bool:
        """Says whether SIGHUP came since the last call."""
        asked, self._renew = self._renew, False
        return asked

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if self._renewing and number == signal.SIGHUP:
            self._renew = True
        else:
            self._stop = True


def _nothing(_number: int, _frame: FrameType | None) -> None:
    return
