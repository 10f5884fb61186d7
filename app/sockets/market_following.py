"""MarketFollowing: the markets of one event, each whole, and again whenever it changes."""

from collections.abc import Sequence

from app.errors import AppError
from app.polling.demand import Demand
from app.sockets.market_boards import Board, MarketBoards
from app.sockets.session import Session
from app.sockets.telling import tell


def market_key(event_id: str) -> str:
    """Returns the key under which an event's markets are followed: `market.7`."""
    return f"market.{event_id}"


class MarketFollowing:
    """Follows a board (a Following). It owes the newest state of each market that changed."""

    __slots__ = ("_board", "_boards", "_demand", "_match_id", "_owed", "_session", "key")

    def __init__(
        self, session: Session, match_id: int, *, boards: MarketBoards, demand: Demand
    ) -> None:
        self.key = market_key(str(match_id))
        self._session = session
        self._match_id = match_id
        self._boards = boards
        self._demand = demand
        self._board: Board | None = None
        # In the order they changed; a market that changes again keeps its turn.
        self._owed: dict[int, None] = {}

    def start(self) -> None:
        """Sends every market, at once where somebody else follows them already."""
        self._demand.watch(self._match_id, scores=False, markets=True)
        self._board = self._boards.follow(self._match_id, self)
        self.priced(tuple(self._board.markets))

    def stop(self) -> None:
        """Lets go of the board and of what it wanted."""
        if self._board is None:
            return
        self._board = None
        self._demand.unwatch(self._match_id, scores=False, markets=True)
        self._boards.unfollow(self._match_id, self)

    def priced(self, market_ids: Sequence[int]) -> None:
        """Hears which markets are new or changed."""
        self._owed.update(dict.fromkeys(market_ids))
        self.on_drained()

    def ended(self, error: AppError) -> None:
        """Hears that there is no such match, or no more."""
        self._session.lost(self, error)

    def on_full(self) -> None:
        """Owes from now on."""

    def on_drained(self) -> None:
        """Says what is owed, as it is now."""
        while self._board is not None and self._owed and not self._session.is_full:
            market_id = next(iter(self._owed))
            del self._owed[market_id]
            # A market may have gone to another match meanwhile.
            if market_id in self._board.markets:
                tell(self._session, self._board.markets[market_id])

    def beat(self) -> bool:
        """Has no heartbeat of its own."""
        return False

    def told_at(self) -> float:
        """Writes for itself only."""
        return 0.0
