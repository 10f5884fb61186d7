"""WS /live/{matchId}: one match, first state and then every change."""

from litestar import websocket
from litestar.params import FromPath

from app.sockets.live_dialect import LIVE
from app.sockets.matches import MatchFollowing
from app.sockets.opening import Socket, Sockets
from app.sockets.session import Ask, Session
from app.sockets.wishes import Wishes, match_number, read_wishes


def follow_match(session: Session, match_id: int, wishes: Wishes) -> None:
    """Lets a session follow one match; raises AppError when the wishes cannot be read."""
    since, wish = wishes.place(), wishes.wish()
    session.heartbeat_s = wishes.heartbeat_ms / 1000
    session.follow(MatchFollowing(session, match_id, key=str(match_id), wish=wish, since=since))


@websocket("/live/{match_id:str}")
async def live(socket: Socket, match_id: FromPath[str]) -> None:
    """Follows one match until either side goes."""
    sockets: Sockets = socket.app.state.sockets
    query = socket.query_params.dict()

    def begin(session: Session) -> None:
        follow_match(session, match_number(match_id), read_wishes(query))

    await sockets.serve(socket, Ask(dialect=LIVE, begin=begin, state_first=True))


live_routes = [live]
