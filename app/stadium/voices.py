"""What a provider says at a moment: the truth in its words, late, priced by its bookmakers.

A pure function of the programme, the manner, the faults and the clock.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from app.providers.replay.chance import share_of
from app.providers.replay.player import Play, milliseconds
from app.providers.replay.prices import SUSPENDED_S, Bookmaker, markets_at
from app.providers.replay.track import Track
from app.sports.incidents import Incident
from app.sports.market import turned, turned_key
from app.sports.match import Period, Score, Sport
from app.sports.observation import ObservedMarket, ObservedParticipant, ObservedQuote
from app.stadium.faults import FaultKind, Faults
from app.stadium.naming import (
    Called,
    CalledLeague,
    Degree,
    ProviderKey,
    call_league,
    call_side,
    match_hash,
    match_number,
)
from app.stadium.programme import Programme, moment_of

# As the replay does: at high speeds a suspension lasts so long that somebody sees it.
_SUSPENDED_WALL_S = 1.5
_SUSPENDED_S_MAX = 120.0
_OTHER = {"home": "away", "away": "home"}


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How one provider differs from the truth.

    `lag_s` is how many seconds of the match it is behind with scores and prices; kick-offs are told
    up to `kick_off_off_s` seconds of the match too early or too late.
    """

    provider: ProviderKey
    sports: tuple[Sport, ...]
    lag_s: float = 0.0
    kick_off_off_s: float = 0.0
    bookmakers: tuple[Bookmaker, ...] = ()


ALL_SPORTS = tuple(Sport)
# The bookmakers are made up, and each provider has others; an exchange has no margin.
MANNERS: Mapping[ProviderKey, Manner] = {
    "api-football": Manner(
        provider="api-football",
        sports=(Sport.FOOTBALL,),
        bookmakers=(
            Bookmaker(name="sim-harbour", margin=0.05, beat_s=60.0),
            Bookmaker(name="sim-meadow", margin=0.06, beat_s=100.0),
        ),
    ),
    "thesportsdb": Manner(provider="thesportsdb", sports=ALL_SPORTS, lag_s=45.0),
    "odds-api": Manner(
        provider="odds-api",
        sports=ALL_SPORTS,
        lag_s=20.0,
        kick_off_off_s=300.0,
        bookmakers=(
            Bookmaker(name="sim-granite", margin=0.04, beat_s=90.0),
            Bookmaker(name="sim-lantern", margin=0.055, beat_s=120.0),
            Bookmaker(name="sim-orchard", margin=0.07, beat_s=150.0),
        ),
    ),
    "betfair": Manner(
        provider="betfair",
        sports=ALL_SPORTS,
        lag_s=5.0,
        kick_off_off_s=60.0,
        bookmakers=(Bookmaker(name="sim-exchange", margin=0.0, beat_s=45.0),),
    ),
}


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What one provider says of one match.

    `number` and `hash` are its ids for it, whichever form it uses. `said_at` is the clock it
    stamps on its words: it stands still while the provider is stale.
    """

    provider: ProviderKey
    play: str
    number: int
    hash: str
    sport: Sport
    league: CalledLeague
    home: Called
    away: Called
    start_time: datetime
    ends_at: datetime
    said_at: datetime
    score: Score
    incidents: tuple[Incident, ...]
    markets: tuple[ObservedMarket, ...] = ()
    swapped: bool = False


class Voice:
    """One provider's words about the programme."""

    def __init__(
        self, programme: Programme, manner: Manner, faults: Faults, *, degree: Degree = "varied"
    ) -> None:
        self.manner = manner
        self.programme = programme
        self._faults = faults
        self._degree: Degree = degree
        self._suspended_s = max(
            SUSPENDED_S, min(_SUSPENDED_WALL_S * programme.speed, _SUSPENDED_S_MAX)
        )

    def said_at(
        self,
        moment: datetime,
        *,
        prices: bool = False,
        sports: Sequence[Sport] = ALL_SPORTS,
        numbers: frozenset[int] | None = None,
        leagues: frozenset[str] | None = None,
    ) -> tuple[Said, ...]:
        """Returns what it says at a moment of all matches it knows, in order of kick-off.

        `prices` has to be asked for, because they take most of the time; `sports`, `numbers` and
        `leagues` (their keys) leave out the others.
        """
        now_ms = milliseconds(moment)
        clock_ms = self._clock_ms(now_ms)
        seen_ms = clock_ms - self.programme.wall_ms(self.manner.lag_s)
        said = [
            self._said(play, (now_ms, clock_ms, seen_ms), prices=prices)
            for play in self.programme.around(seen_ms)
            if play.track.header.sport in self.manner.sports
            and play.track.header.sport in sports
            and (numbers is None or self.number_of(play) in numbers)
            and (leagues is None or self.league_of(play.track).key in leagues)
        ]
        return tuple(sorted(said, key=lambda each: (each.start_time, each.number)))

    def league_of(self, track: Track) -> CalledLeague:
        """Returns the league of a recording in the provider's words."""
        header = track.header
        provider = self.manner.provider
        return call_league(provider, header.league, header.sport, degree=self._degree)

    def side_of(self, track: Track, side: ObservedParticipant) -> Called:
        """Returns a side of a recording in the provider's words."""
        header = track.header
        provider = self.manner.provider
        return call_side(provider, side, header.league, header.sport, degree=self._degree)

    def number_of(self, play: Play) -> int:
        """Returns the provider's number of a play."""
        return match_number(self.manner.provider, play.external_id)

    def _clock_ms(self, now_ms: int) -> int:
        stale = self._faults.on(self.manner.provider, FaultKind.STALE, now_ms)
        return now_ms if stale is None else min(now_ms, stale.begins_ms)

    def _said(self, play: Play, clocks: tuple[int, int, int], *, prices: bool) -> Said:
        now_ms, clock_ms, seen_ms = clocks
        provider, header, track = self.manner.provider, play.track.header, play.track
        at = play.at(seen_ms)
        said = Said(
            provider=provider,
            play=play.external_id,
            number=self.number_of(play),
            hash=match_hash(provider, play.external_id),
            sport=header.sport,
            league=self.league_of(track),
            home=self.side_of(track, header.home),
            away=self.side_of(track, header.away),
            start_time=play.start_time + self._kick_off_off(play),
            ends_at=moment_of(play.ends_ms),
            said_at=moment_of(clock_ms),
            score=track.score_at(at),
            incidents=track.incidents_at(at),
            markets=self._markets(play, at) if prices else (),
        )
        return self._mistaken(said, now_ms)

    def _markets(self, play: Play, at: float) -> tuple[ObservedMarket, ...]:
        if not self.manner.bookmakers:
            return ()
        # Every provider sees the same chances with opinions of its own.
        seed = int(share_of(self.programme.seed, self.manner.provider) * 2**31)
        return markets_at(
            play.track,
            at,
            seed,
            suspended_s=self._suspended_s,
            bookmakers=self.manner.bookmakers,
        )

    def _kick_off_off(self, play: Play) -> timedelta:
        """Returns by how much the kick-off is told wrongly, in steps of a minute of the match."""
        off_s = self.manner.kick_off_off_s
        share = share_of("kick-off", self.manner.provider, play.track.recording.id)
        minutes = round((2 * share - 1) * off_s / 60)
        return timedelta(milliseconds=self.programme.wall_ms(minutes * 60.0))

    def _mistaken(self, said: Said, now_ms: int) -> Said:
        provider = self.manner.provider
        wrong = self._faults.of_match(provider, FaultKind.WRONG_SCORE, now_ms, said.play)
        if wrong is not None and said.score.home is not None:
            score = replace(said.score, home=min(said.score.home + wrong.fault.goals, 999))
            said = replace(said, score=score)
        if self._faults.of_match(provider, FaultKind.SWAPPED, now_ms, said.play) is not None:
            said = swapped(said)
        return said


def swapped(said: Said) -> Said:
    """Returns the same match with home for away: sides, score, incidents and prices."""
    score = said.score
    return replace(
        said,
        home=said.away,
        away=said.home,
        score=replace(
            score,
            home=score.away,
            away=score.home,
            periods=tuple(Period(name=p.name, home=p.away, away=p.home) for p in score.periods),
        ),
        incidents=tuple(_turned(incident) for incident in said.incidents),
        markets=tuple(_turned_market(market) for market in said.markets),
        swapped=True,
    )


def _turned(incident: Incident) -> Incident:
    changed: dict[str, object] = {}
    if (side := getattr(incident, "side", None)) is not None:
        changed["side"] = _OTHER[side]
    for one, other in (("home", "away"), ("home_games", "away_games")):
        if hasattr(incident, one):
            changed[one], changed[other] = getattr(incident, other), getattr(incident, one)
    return replace(incident, **changed)


def _turned_market(market: ObservedMarket) -> ObservedMarket:
    kind, line = turned(market.type, market.line)
    quotes = tuple(
        ObservedQuote(q.bookmaker, turned_key(q.selection), q.odds) for q in market.quotes
    )
    return replace(market, type=kind, line=line, quotes=quotes)
