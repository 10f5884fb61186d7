"""What is played when: the truth that every provider tells in its own words."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.providers.replay.chance import shuffled
from app.providers.replay.player import (
    EPOCH,
    LANES_MAX,
    SPEED_MAX,
    SPEED_MIN,
    Lane,
    Play,
    milliseconds,
)
from app.providers.replay.recording import Recording
from app.providers.replay.track import Track
from app.sports.incidents import Incident
from app.sports.match import Score, Sport

# So many plays of a lane are announced, and so many that are over can still be asked for.
ANNOUNCED = 3
REMEMBERED = 12
# The rows of plays kept ready: a reader that lags moves over two or three of them.
_KEPT_MAX = 4_096


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What is so of one match at one moment; `at` is its seconds since kick-off."""

    play: str
    sport: Sport
    home: str
    away: str
    start_time: datetime
    at: float
    score: Score
    incidents: tuple[Incident, ...]


class Programme:
    """Lanes of plays of every sport. A pure function of the clock.

    The first play of the first lanes begins `since_ms` after the epoch. Raises ValueError for a
    speed or a number of lanes that nobody can follow.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        *,
        speed: float,
        lanes: int,
        seed: int,
        since_ms: int = 0,
    ) -> None:
        if not SPEED_MIN <= speed <= SPEED_MAX:
            raise ValueError(f"a speed is between {SPEED_MIN} and {SPEED_MAX:g}, not {speed}")
        if not 1 <= lanes <= LANES_MAX:
            raise ValueError(f"there are 1 to {LANES_MAX} lanes, not {lanes}")
        self.speed = speed
        self.seed = seed
        self.tracks = [Track(recording) for recording in recordings]
        self._lanes: list[Lane] = []
        for sport in Sport:
            of_sport = [track for track in self.tracks if track.header.sport is sport]
            for number, hand in enumerate(deal(of_sport, lanes, sport, seed)):
                lane = Lane(number, hand, speed=speed, stagger=number / lanes, since_ms=since_ms)
                self._lanes.append(lane)
        self._rows: dict[tuple[int, int], tuple[Play, ...]] = {}

    def around(self, now_ms: int) -> list[Play]:
        """Returns the plays a provider knows of: over not long ago, on, and to come."""
        return [play for number in range(len(self._lanes)) for play in self._row(number, now_ms)]

    def truth_at(self, moment: datetime) -> tuple[Truth, ...]:
        """Returns what is so of every match known at a moment."""
        now_ms = milliseconds(moment)
        return tuple(_truth(play, play.at(now_ms)) for play in self.around(now_ms))

    def wall_ms(self, match_s: float) -> int:
        """Returns how long seconds of a match take on the clock, in milliseconds."""
        return round(match_s * 1000 / self.speed)

    def _row(self, number: int, now_ms: int) -> tuple[Play, ...]:
        lane = self._lanes[number]
        place = lane.place(now_ms)
        row = self._rows.get((number, place))
        if row is None:
            if len(self._rows) >= _KEPT_MAX:
                self._rows.clear()
            row = tuple(lane.play(place + turn) for turn in range(-REMEMBERED, ANNOUNCED + 1))
            self._rows[number, place] = row
        return row


def deal(tracks: Sequence[Track], lanes: int, *words: object) -> list[list[Track]]:
    """Returns what each lane plays, in its order; there are no more lanes than pairs.

    Two sides who met more than once stay in one lane: nobody plays the same opponent in two places
    at once, and providers who tell kick-offs a little wrong would be of no help to tell which.
    """
    pairs: dict[frozenset[str], list[Track]] = {}
    for track in shuffled(tracks, _name, "order", *words):
        header = track.header
        sides = frozenset({header.home.external_id, header.away.external_id})
        pairs.setdefault(sides, []).append(track)
    hands: list[list[Track]] = [[] for _ in range(min(lanes, len(pairs)))]
    for number, pair in enumerate(pairs.values()):
        hands[number % len(hands)] += pair
    return [shuffled(hand, _name, "hand", *words) for hand in hands]


def _name(track: Track) -> str:
    return track.recording.id


def moment_of(now_ms: int) -> datetime:
    """Returns the moment that many milliseconds after the programme's epoch."""
    return EPOCH + now_ms * (EPOCH.resolution * 1000)


def _truth(play: Play, at: float) -> Truth:
    header, track = play.track.header, play.track
    return Truth(
        play=play.external_id,
        sport=header.sport,
        home=header.home.name,
        away=header.away.name,
        start_time=play.start_time,
        at=at,
        score=track.score_at(at),
        incidents=track.incidents_at(at),
    )
