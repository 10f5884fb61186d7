"""MarketBoards: the markets, as they are now, of the matches that somebody follows by `market`."""

from collections.abc import Sequence
from typing import Protocol

from app.catalog.event_markets import EventMarkets, event_markets
from app.database import engine
from app.database.engine import Pool
from app.database.places import Place
from app.errors import AppError, MatchMerged, NotFound
from app.sockets.outgoing import Outgoing
from app.stream import log as ordered_log
from app.stream.rounds import Rounds

# Looks at the places of all boards this often, nudged or not: what a lost notification may cost.
SWEEP_S = 1.0
# Matches read in one statement: some 10 markets each.
MATCHES_PER_READ_MAX = 200
# The frame's type, for counting; it has none of its own.
KIND = "market"


class BoardReader(Protocol):
    """Who follows the markets of a match."""

    def priced(self, market_ids: Sequence[int]) -> None:
        """Hears that these markets of its board are new or changed."""
        ...

    def ended(self, error: AppError) -> None:
        """Hears that there is no such match, or no more; its board is left already."""
        ...


class Board:
    """The markets of one match. `markets` are whole frames by id; empty until `is_read`."""

    __slots__ = ("is_read", "markets", "place", "readers")

    def __init__(self) -> None:
        self.markets: dict[int, Outgoing] = {}
        self.is_read = False
        self.place: Place | None = None
        self.readers: set[BoardReader] = set()


class MarketBoards:
    """One board a match that somebody follows, read anew whenever its log moved.

    What is told is always the newest state of a market, so a reader that is slow misses nothing by
    being told less often, and a first state has no race: it is the board, then what differs.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._boards: dict[int, Board] = {}
        self._rounds = Rounds("market_boards", self._read, sweep_s=SWEEP_S)

    def nudge(self, ids: frozenset[int] | None) -> None:
        """Takes a notification of the log: these matches, or with None any, changed."""
        if self._boards:
            self._rounds.nudge(None if ids is None else ids & self._boards.keys())

    def follow(self, match_id: int, reader: BoardReader) -> Board:
        """Returns a match's board; what there is on it, the reader takes before the next await."""
        board = self._boards.get(match_id)
        if board is None:
            board = self._boards[match_id] = Board()
        if not board.is_read:
            self._rounds.nudge({match_id})
        board.readers.add(reader)
        return board

    def unfollow(self, match_id: int, reader: BoardReader) -> None:
        """Lets a reader go; a board nobody reads is forgotten. Safe to call twice."""
        board = self._boards.get(match_id)
        if board is None:
            return
        board.readers.discard(reader)
        if not board.readers:
            del self._boards[match_id]

    def is_followed(self, match_id: int) -> bool:
        """Says whether anybody here follows a match's markets."""
        return match_id in self._boards

    async def run(self) -> None:
        """Reads until cancelled; without readers it asks nothing."""
        await self._rounds.run()

    async def _read(self, nudged: set[int], everything: bool) -> None:  # noqa: FBT001 - a Read.
        if not self._boards:
            return
        async with engine.connection(self._pool) as connection:
            if everything:
                places = {match_id: board.place for match_id, board in self._boards.items()}
                heads = await ordered_log.heads(connection, list(places))
                nudged |= {
                    m for m, place in places.items() if place is None or heads.get(m) != place
                }
            waiting = [match_id for match_id in nudged if match_id in self._boards]
            for first in range(0, len(waiting), MATCHES_PER_READ_MAX):
                batch = waiting[first : first + MATCHES_PER_READ_MAX]
                found = await event_markets(connection, batch)
                for match_id in batch:
                    self._take(match_id, found.get(match_id))

    def _take(self, match_id: int, found: EventMarkets | None) -> None:
        board = self._boards.get(match_id)
        if board is None:
            return
        if found is None:
            self._end(match_id, NotFound(f"There is no match {match_id}."))
        elif found.merged_into is not None:
            kept = found.merged_into
            self._end(match_id, MatchMerged(f"Match {match_id} is match {kept} now."))
        else:
            before, board.markets = board.markets, {}
            board.place, board.is_read = found.place, True
            changed: list[int] = []
            for market_id, text in found.markets.items():
                frame = before.get(market_id)
                if frame is None or frame.text != text:
                    frame = Outgoing(text, KIND)
                    changed.append(market_id)
                board.markets[market_id] = frame
            for reader in list(board.readers) if changed else ():
                reader.priced(changed)

    def _end(self, match_id: int, error: AppError) -> None:
        for reader in self._boards.pop(match_id).readers:
            reader.ended(error)
