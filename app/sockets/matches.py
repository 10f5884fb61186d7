"""MatchFollowing: a session's membership in a match's crowd."""

import msgspec

from app.database.places import Place
from app.sockets.session import Session


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """How a match is to be told. Members with equal wishes share every frame.

    `channel` is handed to the dialect; `kinds` are the frames' types wanted, None: all;
    `conflate_s`: at most one frame a match and market in so long, 0: every change as it comes;
    `snapshot`: False for readers that want no first state but the place they begin at.
    """

    channel: str = ""
    kinds: frozenset[str] | None = None
    conflate_s: float = 0.0
    snapshot: bool = True


class MatchFollowing:
    """Follows one match: a member of its crowd (a Following). A following of many matches (a
    pattern) holds one of these a match and hands `on_full`, `on_drained`, `stop` down to them.
    """

    __slots__ = ("key", "match_id", "session", "wish")

    def __init__(
        self, session: Session, match_id: int, *, key: str, wish: Wish, since: Place | None = None
    ) -> None:
        self.session = session
        self.match_id = match_id
        self.key = key
        self.wish = wish

    def start(self) -> None:
        """Joins the crowd: first state (or what was missed `since`), then every change."""
        raise NotImplementedError

    def stop(self) -> None:
        """Leaves the crowd."""
        raise NotImplementedError

    def on_full(self) -> None:
        """Leaves the flow; what is next is kept once for the whole crowd, not here."""
        raise NotImplementedError

    def on_drained(self) -> None:
        """Comes back into the flow with what was owed, conflated when it was much."""
        raise NotImplementedError

    def beat(self) -> bool:
        """Sends a heartbeat that names the place."""
        raise NotImplementedError

    def told_at(self) -> float:
        """Returns when its crowd was told last."""
        raise NotImplementedError
