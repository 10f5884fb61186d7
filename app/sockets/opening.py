"""Opening: from a connection that was accepted to a session that runs."""

from collections.abc import Iterable
from typing import Any

import msgspec
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from app.access.principal import Principal
from app.errors import AppError, Internal, NotAuthenticated
from app.logs import logger
from app.sockets import close_codes
from app.sockets.asgi_line import GIVE_UP, LOST, WRITE_TEXTS, AsgiLine
from app.sockets.close_codes import close_code_of
from app.sockets.errors import OriginNotAllowed
from app.sockets.line import LINE, Line
from app.sockets.process import Shared
from app.sockets.session import Ask, Session

# The subprotocol that stands for all of ours. A browser, which cannot set headers, may bring its
# token as a second one: `new WebSocket(url, ["touchline", "bearer.<token>"])`.
SUBPROTOCOL = "touchline"
BEARER = "bearer."

log = logger(__name__)
Socket = WebSocket[Any, Any, Any]
Headers = Iterable[tuple[bytes, bytes]]


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a connection shows of who is behind it."""

    headers: Headers
    peer: str
    token: str | None = None
    origin: str | None = None

    @property
    def has_credentials(self) -> bool:
        """Says whether it shows any."""
        return bool(self.token) or any(
            name in (b"authorization", b"x-api-key") for name, _ in self.headers
        )


class Sockets:
    """Opens the sockets of a process. `main` makes one and keeps it in the app's state."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.pulse = shared.pulse

    async def serve(self, socket: Socket, ask: Ask) -> None:
        """Carries a connection as a session, from the accept to its end or, where the line goes
        on by itself, until it does.
        """
        offered = socket.scope.get("subprotocols") or ()
        await socket.accept(subprotocols=SUBPROTOCOL if SUBPROTOCOL in offered else None)
        bearers = (one.removeprefix(BEARER) for one in offered if one.startswith(BEARER))
        shown = Shown(
            headers=socket.scope["headers"],
            peer=socket.client.host if socket.client else "",
            token=socket.query_params.get("token") or next(bearers, None),
            origin=socket.headers.get("origin"),
        )
        line = _line_of(socket)
        session = Session(self.shared, line, ask)
        try:
            await self._open(session, shown, strangers=ask.strangers)
            await line.carry(session)
        except BaseException:
            session.on_gone(LOST)
            raise

    async def must_know(self, shown: Shown) -> Principal:
        """Returns who is asking, where there is no first message to say it; raises as `who_asks`,
        and NotAuthenticated.
        """
        principal = await self.who_asks(shown)
        if principal is None:
            raise NotAuthenticated("This needs credentials: a ticket or token as ?token=.")
        return principal

    async def _open(self, session: Session, shown: Shown, *, strangers: bool) -> None:
        """Finds out who is asking and lets the session begin, or closes it and says why."""
        if self.pulse.going_away:
            session.go_away(self.pulse.reconnect_in_ms())
            return
        try:
            principal = await self.who_asks(shown)
            if principal is None and strangers:
                principal = self.shared.gate.stranger(shown.headers, peer=shown.peer)
            await session.open(principal)
        except AppError as error:
            session.close(close_code_of(error), error)
        except Exception:
            log.exception("opening_failed")
            session.close(close_codes.OUR_FAULT, Internal())

    async def who_asks(self, shown: Shown) -> Principal | None:
        """Returns who is asking; None when the first message is to say it.

        Raises OriginNotAllowed, NotAuthenticated and what else the gate raises of bad credentials.
        """
        origins = self.shared.bounds.origins
        if origins and shown.origin is not None and shown.origin not in origins:
            raise OriginNotAllowed
        try:
            return await self.shared.gate.principal_of(
                shown.headers, peer=shown.peer, query_token=shown.token
            )
        except NotAuthenticated:
            if shown.has_credentials:
                raise
            return None


def _line_of(socket: Socket) -> Line:
    """Returns the line a protocol class of ours offers, or one over ASGI."""
    extensions: dict[str, Any] = dict(socket.scope.get("extensions") or {})
    offered: Line | None = extensions.get(LINE)
    if offered is not None:
        return offered
    give_up = extensions.get(GIVE_UP)
    # Litestar says it with an exception of its own when the client is gone.
    return AsgiLine(
        _as_gone(socket),
        socket.send,
        give_up=give_up,
        steps=give_up is not None,
        write_texts=extensions.get(WRITE_TEXTS),
    )


def _as_gone(socket: Socket) -> Any:
    async def receive() -> Any:
        try:
            return await socket.receive()
        except WebSocketDisconnect as error:
            return {"type": "websocket.disconnect", "code": error.code}

    return receive
