"""Following: one thing that a session follows, from its first state to every change."""

from typing import Protocol


class Following(Protocol):
    """What a session follows. Made by a door's `Follows`, kept in `session.followings` by `key`.

    The rules, for every kind of following:

    - It writes with `session.send(...)` (its own frames), or is a member of a crowd, which writes
      to the line itself. It never writes while `session.is_full`: it notes what it owes, bounded,
      newest kept, and says it after `on_drained`.
    - State first: what it sends first is true at a place, and what follows goes on from there.
    - What must be awaited (a read) runs in `session.run(coroutine)`: a task that exists only so
      long, is cancelled with the session, and turns an AppError into an error frame.
    - Between frames it costs no task, no queue and no timer.
    """

    # Unique in its session: the channel as the client named it, "events", "market.7", "bets".
    key: str

    def start(self) -> None:
        """Begins; the session has taken it in. Called once. Raises AppError to be refused."""
        ...

    def stop(self) -> None:
        """Ends, and lets go of all it holds (crowds, demand). Safe to call twice; writes nothing,
        because the line may be gone.
        """
        ...

    def on_full(self) -> None:
        """Is told that the line takes no more: from now on, owe."""
        ...

    def on_drained(self) -> None:
        """Is told that the line takes frames again: say what is owed, while `not is_full`."""
        ...

    def beat(self) -> bool:
        """Sends this following's heartbeat, when its kind has one; says whether it did."""
        ...

    def told_at(self) -> float:
        """Returns when something was last written for it past the session, monotonic; 0.0 when
        it writes with `session.send` only.
        """
        ...
