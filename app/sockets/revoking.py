"""Sockets whose credentials were revoked: found when there is news, and closed with 4401."""

import asyncio

from app.access.errors import TokenRevoked
from app.logs import logger
from app.sockets import close_codes
from app.sockets.process import Shared
from app.sockets.session import Session

# Log-outs may come many a second; looking through 50,000 sockets takes some 20 ms.
LOOKS_APART_S = 0.25
# Looked at before others have a turn.
SLICE = 2_000

log = logger(__name__)


class Revoking:
    """Closes sockets of who may no longer be here; `main` makes one and runs it."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._news = asyncio.Event()
        shared.gate.revocations.subscribe(self._news.set)

    async def run(self) -> None:
        """Looks through the sockets after news, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            await self._look()
            await asyncio.sleep(LOOKS_APART_S)

    async def _look(self) -> None:
        is_revoked = self._shared.gate.revocations.is_revoked
        closed = 0
        for number, session in enumerate(list(self._shared.pulse.sessions), 1):
            principal = session.principal if isinstance(session, Session) else None
            if principal is not None and is_revoked(principal):
                assert isinstance(session, Session)
                session.close(close_codes.NOT_AUTHENTICATED, TokenRevoked())
                closed += 1
            if number % SLICE == 0:
                await asyncio.sleep(0)
        if closed:
            log.info("sockets_revoked", closed=closed)
