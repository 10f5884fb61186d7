"""Telling one session what many are told: the frame's bytes are made once, for all of them."""

from app.sockets.counting import count_sent
from app.sockets.outgoing import Outgoing, pack
from app.sockets.session import Session


def tell(session: Session, *frames: Outgoing) -> None:
    """Writes shared frames to a session's line, and counts them."""
    ready = pack(frames, session.line.form)
    count_sent(session.dialect.name, frames, ready)
    session.said()
    session.line.write(ready)
