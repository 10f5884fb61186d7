"""LogNews: which members of a crowd have heard that the log is out of reach."""

from collections.abc import Iterable

from app.database.places import Place
from app.sockets.dialect import Dialect
from app.sockets.member import Member
from app.sockets.outgoing import Outgoing
from app.stream.hub import Hub

# The frame's type; who does not want how feeds are does not want this either.
KIND = "feed_status"

# A frame each dialect, channel and place, for all who are told at once.
_Made = dict[tuple[Dialect, str, Place], Outgoing | None]


class LogNews:
    """What a crowd's members know of the hub's `log_state`. No number of the log is spent on it:
    a frame of it names the place its reader is at, as a heartbeat does.

    A member that cannot be told (its line is full, it has no place yet) is told when it steps in.
    """

    __slots__ = ("_aware", "_hub", "_match_id")

    def __init__(self, match_id: int, hub: Hub) -> None:
        self._match_id = match_id
        self._hub = hub
        # Those who were told that it is behind, and not that it is current again.
        self._aware: set[Member] = set()

    @property
    def is_bad(self) -> bool:
        """Whether the log is behind."""
        return self._hub.log_state.is_behind

    def tell(self, members: Iterable[tuple[Member, Place | None]]) -> None:
        """Tells members, at their places, what they do not know yet. Safe to call at any time."""
        made: _Made = {}
        for member, place in members:
            self._tell(member, place, made)

    def forget(self, member: Member) -> None:
        """Lets a member go. Safe to call twice."""
        self._aware.discard(member)

    def _tell(self, member: Member, place: Place | None, made: _Made) -> None:
        if self.is_bad == (member in self._aware):
            return
        if place is None or member.reason is not None or member.session.is_full:
            return
        if self.is_bad:
            self._aware.add(member)
        else:
            self._aware.discard(member)
        if not member.wish.wants(KIND):
            return
        key = (member.session.dialect, member.wish.channel, place)
        if key not in made:
            made[key] = self._frame(*key)
        frame = made[key]
        if frame is not None:
            member.write([frame])

    def _frame(self, dialect: Dialect, channel: str, place: Place) -> Outgoing | None:
        text = dialect.log_state(self._match_id, place, self._hub.log_state, channel)
        return None if text is None else Outgoing(text, KIND)
