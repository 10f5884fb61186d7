"""MatchFollowing: a session's membership in a match's crowd."""

from app.database.places import Place
from app.errors import AppError
from app.sockets.crowd import Crowd
from app.sockets.member import Member, Wish
from app.sockets.session import Session

__all__ = ["MatchFollowing", "Wish"]


class MatchFollowing(Member):
    """Follows one match (a Following). A following of many matches (a pattern) holds one of these
    a match, hands `on_full`, `on_drained` and `stop` down to them, and overrides `failed`.

    While it lasts the match is wanted: of its scores, its markets, or both, by the wish's kinds.
    """

    __slots__ = ("_crowd", "_since", "_watching")

    # The same as the member's, by a type that knows more.
    session: Session

    def __init__(
        self, session: Session, match_id: int, *, key: str, wish: Wish, since: Place | None = None
    ) -> None:
        super().__init__(session, match_id, key=key, wish=wish)
        self._since = since
        self._crowd: Crowd | None = None
        self._watching = False

    def start(self) -> None:
        """Joins the crowd: first state (or what was missed `since`), then every change."""
        shared = self.session.shared
        self._watch(True)
        since, self._since = self._since, None
        self._crowd = shared.crowds.join(self, since)

    def stop(self) -> None:
        """Leaves the crowd."""
        crowd, self._crowd = self._crowd, None
        if crowd is not None:
            self.session.shared.crowds.leave(crowd, self)
        self._watch(False)

    def on_full(self) -> None:
        """Leaves the flow; what is next is kept once for the whole crowd, not here."""
        if self._crowd is not None:
            self._crowd.full(self)

    def on_drained(self) -> None:
        """Comes back into the flow with what was owed, conflated when it was much."""
        if self._crowd is not None:
            self._crowd.drained(self)

    def beat(self) -> bool:
        """Sends a heartbeat that names the place; False before the first state."""
        return self._crowd is not None and self._crowd.beat(self)

    def told_at(self) -> float:
        """Returns when its group was told last; 0.0 while it is in none."""
        return 0.0 if self.group is None else self.group.told_at

    @property
    def at(self) -> Place | None:
        """What it has; None before the first state."""
        return None if self._crowd is None else self._crowd.place_of(self)

    def failed(self, error: AppError) -> None:
        """Ends: there is nothing to follow, or no longer."""
        self.session.lost(self, error)

    def _watch(self, on: bool) -> None:  # noqa: FBT001 - the one thing it is about.
        if on is self._watching:
            return
        self._watching = on
        demand = self.session.shared.demand
        scores, markets = self.wish.wants("score_update"), self.wish.wants("odds_update")
        (demand.watch if on else demand.unwatch)(self.match_id, scores=scores, markets=markets)
