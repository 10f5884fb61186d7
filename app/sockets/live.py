"""WS /live/{matchId}: one match, first state and then every change."""

import asyncio
import contextlib
from typing import Annotated, Any

import msgspec
from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.params import FromPath
from msgspec import Meta

from app import metrics
from app.access.gate import Gate
from app.access.principal import Principal
from app.database.engine import Pool
from app.database.places import Place, parse_token
from app.errors import AppError, Internal, MalformedId, MalformedRequest, NotFound
from app.logs import logger
from app.polling.demand import Demand
from app.sockets import close_codes, frames
from app.sockets.close_codes import CloseCode
from app.sockets.writing import Close, Pulse, Session, Shared
from app.sports.ids import is_wire_id, number_of
from app.stream.hub import Hub

PROTOCOL = "live"
# The extension of the scope by which app/serving lets a stuck socket be closed.
GIVE_UP = "touchline.give_up"
# Messages in a row that cannot be read; a client that sends more is not one of ours.
BAD_MESSAGES_MAX = 10

# What sending raises when the client went first: Litestar's, uvicorn's (an OSError), and what both
# say of a frame after the close.
GONE = (WebSocketDisconnect, OSError, RuntimeError)

log = logger(__name__)
Socket = WebSocket[Any, Any, Any]


class Wishes(msgspec.Struct, frozen=True, rename="camel"):
    """What a client may ask for in the query of /live."""

    since: str | None = None
    kinds: str | None = None
    # Below a second a heartbeat is traffic; above two minutes proxies have cut the line.
    heartbeat_ms: Annotated[int, Meta(ge=1_000, le=120_000)] = 15_000
    token: str | None = None

    def place(self) -> Place | None:
        """Returns the place to go on from, None for a fresh start; raises MalformedResume."""
        return parse_token(self.since) if self.since else None

    def wants(self, kind: str) -> bool:
        """Says whether frames of this kind are wanted."""
        return self.kinds is None or kind in self.kinds.split(",")

    def frames(self) -> frozenset[str] | None:
        """Returns the kinds of frames wanted, None for all; raises MalformedRequest."""
        if self.kinds is None:
            return None
        wanted: set[str] = set()
        for kind in self.kinds.split(","):
            if kind not in frames.KINDS:
                raise MalformedRequest(f"kinds takes {', '.join(frames.KINDS)}")
            wanted |= frames.KINDS[kind]
        return frozenset(wanted)


class Live:
    """What the sockets of a process share. `main` makes one and keeps it in the app's state."""

    def __init__(
        self, hub: Hub, pool: Pool, gate: Gate, demand: Demand, *, send_timeout_s: float
    ) -> None:
        self.shared = Shared(hub, pool)
        self.gate = gate
        self.demand = demand
        self.pulse = Pulse(send_timeout_s=send_timeout_s)


def read_wishes(query: dict[str, list[Any]]) -> Wishes:
    """Returns what a query asks for; raises MalformedRequest. Of a name said twice the last counts,
    what is not known is left alone.
    """
    try:
        return msgspec.convert({k: v[-1] for k, v in query.items()}, Wishes, strict=False)
    except msgspec.ValidationError as error:
        raise MalformedRequest(str(error)) from error


def match_number(text: str) -> int:
    """Returns the number behind a match's id; raises MalformedId and NotFound."""
    if not is_wire_id(text):
        raise MalformedId
    number = number_of(text)
    if number is None:
        raise NotFound(f"There is no match {text}.")
    return number


def close_code_of(error: AppError) -> CloseCode:
    """Returns how a socket closes for an error."""
    by_status = {
        400: close_codes.BAD_REQUEST,
        401: close_codes.NOT_AUTHENTICATED,
        403: close_codes.NOT_ALLOWED,
        404: close_codes.NO_SUCH_MATCH,
        429: close_codes.TOO_MANY,
    }
    return by_status.get(error.status, close_codes.OUR_FAULT)


@websocket("/live/{match_id:str}")
async def live(socket: Socket, match_id: FromPath[str]) -> None:
    """Follows one match until either side goes."""
    door: Live = socket.app.state.live
    await socket.accept()
    metrics.sockets_open.labels(PROTOCOL).inc()
    closed_with = close_codes.DONE.code

    async def close(code: CloseCode) -> None:
        nonlocal closed_with
        closed_with = code.code
        with contextlib.suppress(*GONE):
            await socket.close(code.code, code.name)

    try:
        if door.pulse.going_away:
            await close(close_codes.GOING_AWAY)
            return
        number = match_number(match_id)
        wishes = read_wishes(socket.query_params.dict())
        asking = await door.gate.principal_of(
            socket.scope["headers"],
            peer=socket.client.host if socket.client else "",
            query_token=wishes.token,
        )
        await _follow(door, socket, number, wishes=wishes, asking=asking, close=close)
    except AppError as error:
        with contextlib.suppress(*GONE):
            await socket.send_data(frames.error(error.code, error.detail))
        await close(close_code_of(error))
    finally:
        metrics.sockets_open.labels(PROTOCOL).dec()
        metrics.sockets_closed.labels(PROTOCOL, str(closed_with)).inc()


async def _follow(
    door: Live,
    socket: Socket,
    match_id: int,
    *,
    wishes: Wishes,
    asking: Principal,
    close: Close,
) -> None:
    since, kinds = wishes.place(), wishes.frames()
    extensions: dict[str, Any] = dict(socket.scope.get("extensions") or {})
    past_flow_control = extensions.get(GIVE_UP)

    def give_up(code: CloseCode) -> None:
        if past_flow_control is not None:
            past_flow_control(code.code, code.name)

    subscription = door.shared.hub.subscribe(match_id)
    session = Session(
        door.shared,
        subscription=subscription,
        send=socket.send_data,
        close=close,
        give_up=give_up,
        heartbeat_s=wishes.heartbeat_ms / 1000,
        kinds=kinds,
        expires_at=asking.expires_at,
    )
    door.pulse.add(session)
    scores, markets = wishes.wants("score"), wishes.wants("odds")
    door.demand.watch(match_id, scores=scores, markets=markets)
    writer = asyncio.create_task(_write(session, since))
    try:
        await _listen(socket, session)
    finally:
        door.pulse.discard(session)
        door.demand.unwatch(match_id, scores=scores, markets=markets)
        door.shared.hub.unsubscribe(subscription)
        writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writer


async def _write(session: Session, since: Place | None) -> None:
    """Runs the session; whatever ends it closes the socket, which ends the listening side."""
    try:
        await session.run(since)
    except GONE:
        return
    except asyncio.CancelledError:
        if session.closed_with is not None:
            await session.hang_up()
            return
        raise
    except Exception:
        log.exception("socket_failed")
        await session.end(close_codes.OUR_FAULT, Internal())


async def _listen(socket: Socket, session: Session) -> None:
    """Reads what the client says until it goes; raises AppError to close with its code."""
    bad = 0
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        try:
            frames.MESSAGE.decode(message.get("text") or message.get("bytes") or b"")
        except msgspec.DecodeError as error:
            bad += 1
            if bad >= BAD_MESSAGES_MAX:
                raise MalformedRequest(f"{bad} messages in a row could not be read.") from error
            await session.reply(frames.error("malformed_message", str(error)), "error")
        else:
            bad = 0
            await session.reply(frames.PONG, "pong")


live_routes = [live]
