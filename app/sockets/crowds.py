"""Crowds: every crowd of the process."""

from app.database.places import Place
from app.sockets.crowd import Crowd
from app.sockets.member import Member
from app.sockets.snapshots import FirstStates
from app.stream.hub import Hub


class Crowds:
    """Every crowd of the process, made for its first member and gone with its last."""

    def __init__(self, hub: Hub, states: FirstStates, *, bytes_max: int) -> None:
        self._hub = hub
        self._states = states
        self._bytes_max = bytes_max
        self._crowds: dict[int, Crowd] = {}

    def join(self, member: Member, since: Place | None) -> Crowd:
        """Takes a member into the crowd of its match; returns the crowd."""
        crowd = self._crowds.get(member.match_id)
        if crowd is None:
            crowd = Crowd(member.match_id, self._hub, self._states, bytes_max=self._bytes_max)
            self._crowds[member.match_id] = crowd
        crowd.join(member, since)
        return crowd

    def leave(self, crowd: Crowd, member: Member) -> None:
        """Lets a member go. Safe to call twice."""
        if crowd.leave(member) and self._crowds.get(crowd.match_id) is crowd:
            del self._crowds[crowd.match_id]
            self._hub.unfollow(crowd.match_id)
