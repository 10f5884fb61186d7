"""EventsFollowing: the list of what is on, and the list again whenever it says something else."""

from app.polling.demand import Demand
from app.sockets.directory import Directory
from app.sockets.outgoing import Outgoing
from app.sockets.session import Session
from app.sockets.telling import tell

EVENTS = "events"


class EventsFollowing:
    """Follows the list (a Following). It owes at most the newest list, so it owes no queue."""

    __slots__ = ("_demand", "_directory", "_said", "_session", "_stopped", "key")

    def __init__(self, session: Session, directory: Directory, demand: Demand) -> None:
        self.key = EVENTS
        self._session = session
        self._directory = directory
        self._demand = demand
        # The list that was written last.
        self._said: Outgoing | None = None
        self._stopped = True

    def start(self) -> None:
        """Sends the list, at once where somebody else follows it already."""
        self._stopped = False
        self._demand.watch_list(None, None, scores=True, markets=False)
        self._directory.follow(self)
        self._say()

    def stop(self) -> None:
        """Lets go of the list and of what it wanted."""
        if self._stopped:
            return
        self._stopped = True
        self._demand.unwatch_list(None, None, scores=True, markets=False)
        self._directory.unfollow(self)

    def listed(self, moved: frozenset[int]) -> None:
        """Hears that matches came, went or stand otherwise."""
        del moved
        self._say()

    def on_full(self) -> None:
        """Owes the newest list from now on."""

    def on_drained(self) -> None:
        """Says the newest list, if it is another than the last."""
        self._say()

    def beat(self) -> bool:
        """Has no heartbeat of its own."""
        return False

    def told_at(self) -> float:
        """Writes for itself only."""
        return 0.0

    def _say(self) -> None:
        if self._stopped or self._session.is_full or not self._directory.is_read:
            return
        events = self._directory.events
        if self._said is None or self._said.text != events.text:
            self._said = events
            tell(self._session, events)
