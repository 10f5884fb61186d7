"""GET /live/{matchId}/events: the same frames as Server-Sent Events."""

from typing import Any

from litestar import Request, get
from litestar.params import FromPath
from litestar.types import ASGIApp, Receive, Scope, Send

from app.database import engine
from app.errors import DependencyDown, NotFound
from app.sockets.asgi_line import GIVE_UP, LOST, EventsLine
from app.sockets.caller import Caller
from app.sockets.live import follow_match
from app.sockets.live_dialect import EVENTS
from app.sockets.opening import Shown, Sockets
from app.sockets.session import Ask, Session
from app.sockets.wishes import Wishes, match_number, read_wishes
from app.stream import log

Asked = Request[Any, Any, Any]

# Nothing may be kept, changed or collected on the way: no cache, no compression by proxies, no
# buffer of nginx's.
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
]
LAST_EVENT_ID = "last-event-id"


@get("/live/{match_id:str}/events", include_in_schema=False)
async def live_events(request: Asked, match_id: FromPath[str]) -> ASGIApp:
    """Streams one match until either side goes.

    What is wrong with the request is a problem document, as everywhere; a browser does not come
    back after one. What goes wrong later is an `error` event, and the end of the stream.
    """
    sockets: Sockets = request.app.state.sockets
    number = match_number(match_id)
    wishes = _wishes_of(request)
    client = request.client
    shown = Shown(
        headers=request.scope["headers"],
        peer=client.host if client else "",
        token=wishes.token,
        origin=request.headers.get("origin"),
    )
    principal = await sockets.must_know(shown)
    await _check_match(request, number)
    caller = Caller()
    await caller.take_lease(principal, sockets.shared)

    def begin(session: Session) -> None:
        follow_match(session, number, wishes)

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        extensions: dict[str, Any] = dict(scope.get("extensions") or {})
        line = EventsLine(receive, send, give_up=extensions.get(GIVE_UP), steps=True)
        session = Session(sockets.shared, line, Ask(dialect=EVENTS, begin=begin), caller)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await session.admit(principal)
            await line.carry(session)
        finally:
            session.on_gone(LOST)

    return stream


def _wishes_of(request: Asked) -> Wishes:
    """Returns what is asked for; where a browser comes back, from the last event it had."""
    query = request.query_params.dict()
    last = request.headers.get(LAST_EVENT_ID)
    if last:
        query["since"] = [last]
    wishes = read_wishes(query)
    wishes.place()
    wishes.wish()
    return wishes


async def _check_match(request: Asked, match_id: int) -> None:
    """Raises NotFound. While Postgres is away nobody is turned away: the stream waits for it."""
    try:
        async with engine.connection(request.app.state.pool) as connection:
            heads = await log.heads(connection, [match_id])
    except DependencyDown:
        return
    if match_id not in heads:
        raise NotFound(f"There is no match {match_id}.")


event_routes = [live_events]
