"""Which recording is on when: endless lanes of plays, laid out on the wall clock.

A lane plays its recordings in a seeded order, with a gap between two, round and round since a
fixed epoch. So where it is follows from the clock alone: no state, nothing to hand over, and
any number of workers agree. Every play is a match of its own.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from math import ceil

import msgspec

from app.providers.replay.chance import shuffled
from app.providers.replay.track import Track
from app.sports.match import Sport

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
# Below, a match would take weeks; above, it would be over within a few milliseconds.
SPEED_MIN = 0.01
SPEED_MAX = 100_000.0
LANES_MAX = 200
# Between two plays of a lane: a quarter of an hour of the match, but nobody waits longer than this.
GAP_S_MAX = 15.0
_GAP_MATCH_S = 900.0


class Play(msgspec.Struct, frozen=True, kw_only=True):
    """One showing of a recording. Times are milliseconds since the epoch."""

    track: Track
    external_id: str
    speed: float
    begins_ms: int
    kick_off_ms: int
    ends_ms: int

    @property
    def start_time(self) -> datetime:
        """Returns the wall-clock time of kick-off."""
        return EPOCH + self.kick_off_ms * _MS

    def at(self, now_ms: int) -> float:
        """Returns how many seconds of the match are between kick-off and now.

        At the play's end this is the recording's end, whatever the rounding.
        """
        if now_ms >= self.ends_ms:
            return self.track.ends_at
        return min((now_ms - self.kick_off_ms) * self.speed / 1000, self.track.ends_at)


class Lane:
    """An endless row of plays of some recordings of one sport."""

    def __init__(
        self,
        number: int,
        tracks: Sequence[Track],
        *,
        speed: float,
        stagger: float,
        since_ms: int = 0,
    ) -> None:
        assert tracks, "a lane without recordings has nothing to play"
        self._number = number
        self._tracks = tracks
        self._speed = speed
        gap_ms = max(1, int(min(GAP_S_MAX, _GAP_MATCH_S / speed) * 1000))
        lengths = [ceil((t.ends_at - t.begins_at) * 1000 / speed) for t in tracks]
        self._lengths = [max(1, length) for length in lengths]
        self._starts = [0, *accumulate(length + gap_ms for length in self._lengths)]
        self._cycle_ms = self._starts.pop()
        # The lanes of a sport are spread over one play, so that they do not all pause at once.
        self._offset_ms = since_ms + int(stagger * self._cycle_ms / len(tracks))

    def place(self, now_ms: int) -> int:
        """Returns the number of the play that is on, or was on last, counted from the epoch."""
        cycle, within = divmod(now_ms - self._offset_ms, self._cycle_ms)
        return cycle * len(self._tracks) + bisect_right(self._starts, within) - 1

    def play(self, place: int) -> Play:
        """Returns a play by its number; negative ones were before the epoch."""
        cycle, turn = divmod(place, len(self._tracks))
        track = self._tracks[turn]
        begins_ms = self._offset_ms + cycle * self._cycle_ms + self._starts[turn]
        kick_off_ms = begins_ms + ceil(-track.begins_at * 1000 / self._speed)
        # Lane, start and speed together: no two plays share a name, a restart keeps it.
        name = f"{track.recording.id}@{self._number}.{begins_ms}.{self._speed:g}x"
        return Play(
            track=track,
            external_id=name,
            speed=self._speed,
            begins_ms=begins_ms,
            kick_off_ms=kick_off_ms,
            ends_ms=begins_ms + self._lengths[turn],
        )


def lanes_of(
    sport: Sport, tracks: Sequence[Track], *, speed: float, lanes: int, seed: int
) -> list[Lane]:
    """Deals a sport's recordings out to its lanes; with too few, lanes share them."""
    if not SPEED_MIN <= speed <= SPEED_MAX:
        raise ValueError(f"a speed is between {SPEED_MIN} and {SPEED_MAX:g}, not {speed}")
    if not 1 <= lanes <= LANES_MAX:
        raise ValueError(f"there are 1 to {LANES_MAX} lanes, not {lanes}")
    order = shuffled(tracks, lambda track: track.recording.id, "order", seed, sport)
    if not order:
        return []
    hands = [order[number::lanes] or [order[number % len(order)]] for number in range(lanes)]
    return [
        Lane(number, hand, speed=speed, stagger=number / lanes) for number, hand in enumerate(hands)
    ]


def milliseconds(now: datetime) -> int:
    """Returns a wall-clock time as whole milliseconds since the epoch."""
    return (now - EPOCH) // _MS
