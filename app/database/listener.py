"""The one connection that LISTENs.

It has its own connection, and its own address when DATABASE_URL is a pooler's (poolers break
LISTEN). LISTEN is in force first, then everyone is told to look at everything (`None`): what was
said while nobody listened is found in the log, so nothing depends on a notification having arrived.
A server that vanished without a word is noticed by asking it something every few seconds; asyncpg
would wait for TCP to give up.
"""

import asyncio
import random
from collections.abc import Callable, Mapping

import asyncpg

from app import metrics
from app.database.engine import CONNECT_TIMEOUT_S, GONE
from app.logs import logger

CHANNEL = "touchline_changes"
HEARTBEAT_S = 5.0
HEARTBEAT_TIMEOUT_S = 5.0
# First and longest wait before another try; in between it doubles, with jitter.
RETRY_FIRST_S = 0.05
RETRY_MAX_S = 2.0

log = logger(__name__)
Nudge = frozenset[int] | None


def parse_nudge(payload: str) -> Nudge:
    """Returns the ids in a notification; None, anything, for '*' and for what cannot be read."""
    try:
        return frozenset(map(int, payload.split(",")))
    except ValueError:
        return None


class Listener:
    """Hands every notification on as the ids it names; None means "look at everything".

    `on_nudge` is called on the event loop and must not block. `up` is True while LISTEN is in
    force; `on_lost` is called when it no longer is. `also` are further channels, each with who is
    nudged by it; their ids are of other things than matches.
    """

    def __init__(
        self,
        url: str,
        *,
        on_nudge: Callable[[Nudge], None],
        on_lost: Callable[[], None],
        also: Mapping[str, Callable[[Nudge], None]] | None = None,
    ) -> None:
        self._url = url
        self._nudged = {CHANNEL: on_nudge, **(also or {})}
        self._on_lost = on_lost
        self.up = False

    async def run(self) -> None:
        """Listens until cancelled; reconnects for ever."""
        wait_s = RETRY_FIRST_S
        while True:
            try:
                await self._listen()
            except (*GONE, asyncpg.PostgresError) as error:
                log.warning("listener_lost", error=str(error) or type(error).__name__)
            if self.up:
                self.up = False
                wait_s = RETRY_FIRST_S
                metrics.listener_up.set(0)
                self._on_lost()
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311
            wait_s = min(wait_s * 2, RETRY_MAX_S)

    async def _listen(self) -> None:
        """One connection's life: LISTEN, tell to catch up, watch that the server is there."""
        connection = await asyncpg.connect(
            self._url,
            timeout=CONNECT_TIMEOUT_S,
            server_settings={"application_name": "touchline-listener"},
        )
        gone = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: gone.set())
            for channel in self._nudged:
                await connection.add_listener(
                    channel,
                    lambda _c, _pid, said, payload: self._nudged[said](parse_nudge(payload)),
                )
            self.up = True
            metrics.listener_up.set(1)
            metrics.listener_reconnects.inc()
            log.info("listener_up")
            for nudged in self._nudged.values():
                nudged(None)
            while not gone.is_set():
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        await gone.wait()
                except TimeoutError:
                    await connection.execute("SELECT 1", timeout=HEARTBEAT_TIMEOUT_S)
        finally:
            connection.terminate()
