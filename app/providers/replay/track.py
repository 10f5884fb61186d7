"""What a recording says at any moment of the match: score with its clock, incidents, markets."""

from bisect import bisect_right
from itertools import accumulate

import msgspec

from app.providers.replay.clocks import REGULATION, clock_of, length_of
from app.providers.replay.recording import Moment, Recording
from app.sports.incidents import Goal, Incident, SetWon, ShootoutAttempt
from app.sports.market import MarketType
from app.sports.match import MatchStatus, Score
from app.sports.observation import ObservedMarket

_UNTOLD = Score(status=MatchStatus.SCHEDULED)


class _Spell(msgspec.Struct, frozen=True):
    """From `at` on, until the next one: a score, and how long its period had run before."""

    at: float
    score: Score
    ran_s: float


class Track:
    """A recording made ready to be asked for any moment; answers in logarithmic time."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.header = recording.header
        moments = recording.moments
        self.begins_at = min(0.0, moments[0].at)
        self.ends_at = self.header.duration_s
        self.incidents: tuple[Incident, ...] = tuple(i for m in moments for i in m.incidents)
        # Bookmakers stop taking bets at these and price anew.
        self.shocks = [
            m.at
            for m in moments
            if any(isinstance(i, Goal | SetWon | ShootoutAttempt) for i in m.incidents)
        ]
        told = [m for m in moments if m.markets]
        self.has_markets = bool(told)
        self._market_ats = [m.at for m in told]
        self._markets = _market_states(told)
        self._ats = [m.at for m in moments]
        self._counts = list(accumulate(len(m.incidents) for m in moments))
        self._spells = _spells(recording)
        self._spell_ats = [spell.at for spell in self._spells]

    def score_at(self, at: float) -> Score:
        """Returns the whole state, with the clock as the board would show it."""
        spell = self._spell_at(at)
        if spell is None:
            return _UNTOLD
        rules = self.header.rules
        if rules.clock == "recorded" or spell.score.status not in _CLOCK_SHOWN:
            return spell.score
        running_s = self._running_s(spell, at)
        clock = clock_of(rules, self.header.sport, spell.score.period, running_s)
        return msgspec.structs.replace(spell.score, clock=clock)

    def incidents_at(self, at: float) -> tuple[Incident, ...]:
        """Returns every incident so far, in order."""
        place = bisect_right(self._ats, at)
        return self.incidents[: self._counts[place - 1]] if place else ()

    def markets_at(self, at: float) -> tuple[ObservedMarket, ...]:
        """Returns the recorded markets as they last were; none when none were recorded."""
        place = bisect_right(self._market_ats, at)
        return self._markets[place - 1] if place else ()

    def played_s(self, at: float) -> tuple[float, float]:
        """Returns the match's own clock in seconds: of regulation, and of the overtime that runs.

        Stoppage time does not count: a half is over when its length is reached.
        """
        spell = self._spell_at(at)
        if spell is None:
            return 0.0, 0.0
        rules, sport, score = self.header.rules, self.header.sport, spell.score
        names = REGULATION[sport]
        over = len(names) * rules.period_s
        length_s = length_of(rules, sport, score.period)
        running_s = self._running_s(spell, at)
        if score.period in names and length_s is not None:
            before = names.index(score.period) * length_s
            return before + min(running_s, length_s), 0.0
        return float(over), running_s

    def told_at(self, at: float) -> float:
        """Returns when the score that stands was told; minus infinity before the first."""
        spell = self._spell_at(at)
        return float("-inf") if spell is None else spell.at

    def shock_before(self, at: float) -> float | None:
        """Returns when the last goal or set was, None before the first."""
        place = bisect_right(self.shocks, at)
        return self.shocks[place - 1] if place else None

    def _spell_at(self, at: float) -> _Spell | None:
        place = bisect_right(self._spell_ats, at)
        return self._spells[place - 1] if place else None

    def _running_s(self, spell: _Spell, at: float) -> float:
        live = spell.score.status is MatchStatus.LIVE
        since = max(at - spell.at, 0.0) if live else 0.0
        return spell.ran_s + since / self.header.rules.stretch


_CLOCK_SHOWN = frozenset({MatchStatus.LIVE, MatchStatus.PAUSED, MatchStatus.INTERRUPTED})


def _spells(recording: Recording) -> list[_Spell]:
    """Adds up how long each period had run, by the match's clock, when a score was told."""
    stretch = recording.header.rules.stretch
    ran: dict[str | None, float] = {}
    spells: list[_Spell] = []
    for moment in recording.moments:
        if moment.score is None:
            continue
        if spells and spells[-1].score.status is MatchStatus.LIVE:
            period = spells[-1].score.period
            ran[period] = ran.get(period, 0.0) + (moment.at - spells[-1].at) / stretch
        ran_s = ran.get(moment.score.period, 0.0)
        spells.append(_Spell(moment.at, moment.score, ran_s))
    return spells


def _market_states(told: list[Moment]) -> list[tuple[ObservedMarket, ...]]:
    """Returns, for each moment that spoke of markets, all of them as they then were."""
    latest: dict[tuple[MarketType, str], ObservedMarket] = {}
    states: list[tuple[ObservedMarket, ...]] = []
    for moment in told:
        latest.update({(market.type, str(market.line)): market for market in moment.markets})
        states.append(tuple(latest.values()))
    return states
