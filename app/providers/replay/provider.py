"""The provider `replay`: recorded matches, played again and again at any speed.

Everything it says is marked as simulated: the facts are real, that they happen now is not, and
the prices are made up. Safe to ask from any number of processes: what is said at a moment is
always the same.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from app.providers.provider import Answer, Ask, PollRule, Scope
from app.providers.replay.player import Lane, Play, lanes_of, milliseconds
from app.providers.replay.prices import SUSPENDED_S, markets_at
from app.providers.replay.recording import Recording
from app.providers.replay.track import Track
from app.sports.match import MatchStatus, Score, Sport
from app.sports.observation import Observation, ObservedMatch

# How many plays of a lane are announced.
ANNOUNCED = 3
# A worker that was down still hears how a match ended, when it is back within this time.
LINGER_MS = 180_000
# So many ended plays of a lane are told of at least, and with the time above at most.
LINGER_PLAYS_MIN = 2
LINGER_PLAYS_MAX = 4
# At speeds that finish many matches between two polls each of them is told of for so long,
# up to a number that only walkovers at the highest speed reach.
BRIEF_MS = 3_000
BRIEF_PLAYS_MAX = 100
# At high speeds a suspension would be over before anybody sees it: it lasts 1.5 s of ours, or two
# minutes of the match, whichever is less.
_SUSPENDED_WALL_S = 1.5
_SUSPENDED_S_MAX = 120.0
_INTERVALS_MS = {Scope.FIXTURES: 10_000, Scope.SCORES: 1_000, Scope.MARKETS: 1_000}
# Short, because a task whose worker was killed waits for its lease.
_TIMEOUT_MS = 3_000
_SCHEDULED = Score(status=MatchStatus.SCHEDULED)


def utc_now() -> datetime:
    """Returns the time it is."""
    return datetime.now(UTC)


class ReplayProvider:
    """Plays recordings as a Provider; a pure function of the clock."""

    name = "replay"

    def __init__(
        self,
        recordings: Sequence[Recording],
        *,
        speed: float,
        lanes: int,
        now: Callable[[], datetime] = utc_now,
        seed: int = 0,
    ) -> None:
        self._now = now
        self._seed = seed
        self._suspended_s = max(SUSPENDED_S, min(_SUSPENDED_WALL_S * speed, _SUSPENDED_S_MAX))
        tracks = [Track(recording) for recording in recordings]
        self._lanes: dict[Sport, list[Lane]] = {}
        for sport in Sport:
            of_sport = [track for track in tracks if track.header.sport is sport]
            self._lanes[sport] = lanes_of(sport, of_sport, speed=speed, lanes=lanes, seed=seed)

    def rules(self) -> Sequence[PollRule]:
        """Returns a rule for each scope of each sport that has recordings."""
        return [
            PollRule(scope=scope, sport=sport, interval_ms=interval_ms, timeout_ms=_TIMEOUT_MS)
            for sport, lanes in self._lanes.items()
            if lanes
            for scope, interval_ms in _INTERVALS_MS.items()
        ]

    async def fixtures(self, ask: Ask) -> Answer:
        """Returns the matches announced; never fails and waits for nothing."""
        return self._answer(Scope.FIXTURES, ask)

    async def scores(self, ask: Ask) -> Answer:
        """Returns the scores of this moment; never fails and waits for nothing."""
        return self._answer(Scope.SCORES, ask)

    async def markets(self, ask: Ask) -> Answer:
        """Returns the prices of this moment; never fails and waits for nothing."""
        return self._answer(Scope.MARKETS, ask)

    async def close(self) -> None:
        """Does nothing: there is no connection."""

    def _answer(self, scope: Scope, ask: Ask) -> Answer:
        now = self._now()
        now_ms = milliseconds(now)
        plays = [play for lane in self._lanes[ask.sport] for play in _plays(lane, scope, now_ms)]
        observations = [self._said(scope, play, play.at(now_ms), now) for play in plays]
        return Answer(observations=tuple(observations))

    def _said(self, scope: Scope, play: Play, at: float, now: datetime) -> Observation:
        bare, track = _observation(play, now), play.track
        match scope:
            case Scope.FIXTURES:
                return replace(bare, score=_SCHEDULED)
            case Scope.SCORES:
                return replace(bare, score=track.score_at(at), incidents=track.incidents_at(at))
            case Scope.MARKETS:
                markets = markets_at(track, at, self._seed, suspended_s=self._suspended_s)
                return replace(bare, markets=markets)


def _plays(lane: Lane, scope: Scope, now_ms: int) -> Iterator[Play]:
    """Gives the plays of a lane that a scope is about, in order of time."""
    place = lane.place(now_ms)
    if scope is Scope.FIXTURES:
        yield from (lane.play(place + ahead) for ahead in range(1, ANNOUNCED + 1))
        return
    yield from reversed(list(_ended(lane, place, now_ms)))
    current = lane.play(place)
    if current.ends_ms > now_ms:
        yield current
    if scope is Scope.MARKETS:
        yield lane.play(place + 1)


def _ended(lane: Lane, place: int, now_ms: int) -> Iterator[Play]:
    """Gives the plays that ended a short while ago, the latest first."""
    latest = place if lane.play(place).ends_ms <= now_ms else place - 1
    for back in range(BRIEF_PLAYS_MAX):
        play = lane.play(latest - back)
        linger_ms = LINGER_MS if back < LINGER_PLAYS_MAX else BRIEF_MS
        if back >= LINGER_PLAYS_MIN and play.ends_ms < now_ms - linger_ms:
            return
        yield play


def _observation(play: Play, now: datetime) -> Observation:
    header = play.track.header
    return Observation(
        provider=ReplayProvider.name,
        external_id=play.external_id,
        sport=header.sport,
        match=ObservedMatch(
            league=header.league,
            home=header.home,
            away=header.away,
            start_time=play.start_time,
        ),
        observed_at=now,
        received_at=now,
        simulated=True,
        speed=play.speed,
    )
