"""Tells a match from kick-off to the end and keeps score, periods and keys straight."""

from datetime import datetime

import msgspec

from app.providers.replay.recording import Header, Moment, Recording, Rules
from app.sports.ids import slug_of
from app.sports.incidents import Incident, PeriodEnded, PeriodStarted, Side
from app.sports.match import MatchStatus, Period, Score, Sport
from app.sports.observation import ObservedLeague, ObservedParticipant


class SourceContradiction(Exception):
    """The source files say two things that cannot both be true, or something unreadable."""


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """Who plays whom, where and when: all of a header but what the telling finds out."""

    id: str
    sport: Sport
    league: ObservedLeague
    home: ObservedParticipant
    away: ObservedParticipant
    start_time: datetime
    source: str
    licence: str
    simulated: tuple[str, ...]
    rules: Rules


class Teller:
    """Takes what happened in order of time; every call is one line of the recording."""

    def __init__(self) -> None:
        self.home = 0
        self.away = 0
        self.moments: list[Moment] = []
        self._status = MatchStatus.SCHEDULED
        self._periods: list[Period] = []
        self._keys: dict[str, int] = {}

    @property
    def at(self) -> float:
        """Returns the time of the latest line."""
        return self.moments[-1].at if self.moments else 0.0

    @property
    def period(self) -> str | None:
        """Returns the name of the period that runs or ran last."""
        return self._periods[-1].name if self._periods else None

    def key(self, kind: str) -> str:
        """Returns the next key of a kind: goal-1, goal-2 ..."""
        self._keys[kind] = self._keys.get(kind, 0) + 1
        return f"{kind}-{self._keys[kind]}"

    def begin(self, at: float, name: str) -> None:
        """Begins a period."""
        self._status = MatchStatus.LIVE
        self._periods.append(Period(name=name, home=0, away=0))
        self.tell(at, PeriodStarted(key=f"start-{slug_of(name)}", period=name))

    def end(self, at: float, status: MatchStatus = MatchStatus.PAUSED) -> None:
        """Ends the period that runs: for a break, or for good."""
        self._status = status
        name = self.period or ""
        key = f"end-{slug_of(name)}"
        self.tell(at, PeriodEnded(key=key, period=name, home=self.home, away=self.away))

    def conclude(self, at: float, status: MatchStatus, *incidents: Incident) -> None:
        """Ends the match for good without a period that ends."""
        self._status = status
        self.tell(at, *incidents)

    def count(self, side: Side, points: int = 1) -> None:
        """Adds points to the match; told with the next line."""
        self.home += points if side == "home" else 0
        self.away += points if side == "away" else 0

    def count_in_period(self, side: Side, points: int = 1) -> Period:
        """Adds points to the period that runs, and returns it; told with the next line."""
        old = self._periods[-1]
        home = old.home + (points if side == "home" else 0)
        away = old.away + (points if side == "away" else 0)
        self._periods[-1] = Period(name=old.name, home=home, away=away)
        return self._periods[-1]

    def note(self, at: float, *incidents: Incident) -> None:
        """Tells what does not touch the score."""
        self.moments.append(Moment(at=round(at, 2), incidents=incidents))

    def tell(self, at: float, *incidents: Incident) -> None:
        """Tells what happened together with the whole score after it."""
        score = Score(
            status=self._status,
            home=self.home,
            away=self.away,
            period=self.period,
            periods=tuple(self._periods),
        )
        self.moments.append(Moment(at=round(at, 2), score=score, incidents=incidents))

    def recording(self, card: Card) -> Recording:
        """Returns the whole as a recording that ends with its last line."""
        header = Header(duration_s=self.at, **msgspec.structs.asdict(card))
        return Recording(header=header, moments=tuple(self.moments))
