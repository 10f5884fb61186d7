"""Whether a match a provider describes is one of ours: decided, or left to an operator. Pure.

A side plays one match at a time. So two descriptions with both sides alike, of one sport, in one
window of time, are one match unless something speaks against it; one side alike proves nothing.
What is neither certain nor impossible is `Undecided`: it is never guessed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from app.ingest.league_names import Agreement, agreement, league_name
from app.ingest.naming import EXACT, likeness, qualifiers_of
from app.sports.match import Sport

# Both sides at least this: the same, when the leagues agree or the kick-off does.
STRONG = 0.8
# Both at least this, the leagues agreeing: the same. Names of 0.6 to 0.8 have words missing.
PARTIAL = 0.6
PARTIAL_MEAN = 0.68
# One side certain lets the other be PARTIAL without a word from the leagues.
CERTAIN = 0.95
# Something, not nothing, in common: with the other side strong, worth an operator's look.
TRACE = 0.3
# Of two that would both do, the better one must be better by this.
MARGIN = 0.1
# Kick-offs this close are the same moment told twice.
SAME_MOMENT = timedelta(minutes=15)
# Of one pair twice in the window (a doubleheader), the kick-offs must tell them apart by this.
NEARER_BY = timedelta(minutes=30)
# A postponed match is played within this, as a rule in the same half of the season.
POSTPONED = timedelta(days=120)
RENUMBERED = timedelta(minutes=1)
CANDIDATES_SHOWN_MAX = 5


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """How far kick-offs may be apart. `same`: still one match; `tight`: the time itself speaks for
    it; `plausible`: worth an operator's look; `inverted`: still one match with the sides swapped.
    """

    same: timedelta
    tight: timedelta
    plausible: timedelta
    inverted: timedelta


def _window(same: int, tight: int, plausible: int, inverted: int) -> Window:
    hours = (timedelta(hours=n) for n in (same, tight, plausible, inverted))
    names = ("same", "tight", "plausible", "inverted")
    return Window(**dict(zip(names, hours, strict=True)))


# Football: nobody plays the same side twice within 30 hours, and providers without a time of day
# say midnight. Tennis: order and day of play are vague, sides are in any order. Basketball and
# hockey: the same two meet on successive days, at times twice a day.
WINDOWS: Mapping[Sport, Window] = {
    Sport.FOOTBALL: _window(30, 3, 30, 6),
    Sport.BASKETBALL: _window(3, 3, 16, 3),
    Sport.TENNIS: _window(36, 24, 36, 36),
    Sport.HOCKEY: _window(3, 3, 16, 3),
}
# In a stadium the same two meet again an hour and a half after they began, and its providers tell
# kick-offs a few minutes wrong: minutes of its own world, which may run faster than ours.
SIMULATED = timedelta(minutes=30)
# Times are told in whole seconds, however fast a world runs.
SIMULATED_MIN = timedelta(seconds=2)
# Sports of players: names have initials, and which one is named first means nothing.
INDIVIDUAL = frozenset({Sport.TENNIS})


def window_of(sport: Sport, *, simulated: bool, speed: float) -> Window:
    """Returns how far kick-offs may be apart; `speed` is that of a simulated world beside ours."""
    if not simulated:
        return WINDOWS[sport]
    near = max(SIMULATED / speed, SIMULATED_MIN)
    return Window(same=near, tight=near, plausible=near, inverted=near)


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One side: every name it is known by; `id` is our participant when the provider's own id for
    it is known, or on a candidate always; `theirs` what this provider calls a candidate's side.
    """

    names: tuple[str, ...]
    id: int | None = None
    theirs: frozenset[str] = frozenset()
    external_id: str | None = None


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A match as a provider describes it. `not_begun` when it says so; `window` is the sport's
    unless given.
    """

    sport: Sport
    league: str
    country: str | None = None
    league_id: int | None = None
    home: Side
    away: Side
    start_time: datetime
    not_begun: bool = False
    window: Window | None = None

    @property
    def times(self) -> Window:
        """How far from its kick-off that of a match of ours may be."""
        return self.window or WINDOWS[self.sport]


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A match of ours. `taken`: this provider already has another id for it."""

    match_id: int
    league: str
    country: str | None = None
    league_id: int | None = None
    home: Side
    away: Side
    start_time: datetime
    taken: bool = False
    over: bool = False
    postponed: bool = False


class Same(msgspec.Struct, frozen=True, kw_only=True):
    """It is this match of ours; `inverted` when the provider has the sides the other way round."""

    match_id: int
    inverted: bool = False
    score: float = 1.0
    gap: timedelta = timedelta(0)


class New(msgspec.Struct, frozen=True):
    """It is none of ours."""


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that may be it, and what keeps it from being certain."""

    match_id: int
    inverted: bool
    score: float
    reasons: tuple[str, ...]


class Undecided(msgspec.Struct, frozen=True, kw_only=True):
    """It may be one of these; best first."""

    candidates: tuple[Doubt, ...]


Decision = Same | New | Undecided


class _View(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate looked at in one orientation."""

    low: float
    high: float
    gap: timedelta
    league: Agreement

    @property
    def mean(self) -> float:
        return (self.low + self.high) / 2


def decide(observed: Described, candidates: Sequence[Candidate]) -> Decision:
    """Decides which of our matches a provider describes, if any."""
    same: list[Same] = []
    doubts: list[Doubt] = []
    for candidate in candidates:
        for inverted in (False, True):
            verdict = _judge(observed, candidate, inverted=inverted)
            if isinstance(verdict, Same):
                same.append(verdict)
            elif verdict is not None:
                doubts.append(verdict)
    if not same:
        return _undecided(doubts) if doubts else New()
    same.sort(key=lambda found: (-round(found.score, 2), found.gap, found.match_id))
    best, rivals = same[0], [found for found in same[1:] if found.match_id != same[0].match_id]
    better = [d for d in doubts if d.match_id != best.match_id and d.score > best.score + MARGIN]
    if not better and all(_beats(best, rival) for rival in rivals):
        return best
    unclear = [
        Doubt(match_id=s.match_id, inverted=s.inverted, score=s.score, reasons=("rivals",))
        for s in (best, *rivals)
    ]
    return _undecided([*unclear, *better])


def _undecided(doubts: Sequence[Doubt]) -> Undecided:
    ordered = sorted(doubts, key=lambda doubt: (-doubt.score, doubt.match_id))
    by_match = {doubt.match_id: doubt for doubt in reversed(ordered)}
    best = sorted(by_match.values(), key=lambda doubt: (-doubt.score, doubt.match_id))
    return Undecided(candidates=tuple(best[:CANDIDATES_SHOWN_MAX]))


def _beats(best: Same, rival: Same) -> bool:
    if best.score >= CERTAIN > rival.score:
        return True
    return best.score >= rival.score + MARGIN or rival.gap >= best.gap + NEARER_BY


def _judge(observed: Described, candidate: Candidate, *, inverted: bool) -> Same | Doubt | None:
    """Returns what a candidate is in one orientation; None: it is not it."""
    home, away = (candidate.away, candidate.home) if inverted else (candidate.home, candidate.away)
    if _ruled_out(observed, candidate, inverted=inverted):
        return None
    individual = observed.sport in INDIVIDUAL
    likes = [
        _side_likeness(observed.home, home, individual=individual),
        _side_likeness(observed.away, away, individual=individual),
    ]
    likes.sort()
    # Most end here: nothing below makes a match of these.
    if likes[1] < STRONG and likes[0] < PARTIAL:
        return None
    if not _same_kind(observed, candidate, home, away):
        return None
    league = _agreement(observed, candidate, home)
    gap = abs(observed.start_time - candidate.start_time)
    view = _View(low=likes[0], high=likes[1], gap=gap, league=league)
    reasons = _doubts(view, candidate, observed.times)
    if reasons is None:
        return None
    if reasons:
        return Doubt(
            match_id=candidate.match_id, inverted=inverted, score=view.mean, reasons=reasons
        )
    return Same(match_id=candidate.match_id, inverted=inverted, score=view.mean, gap=gap)


def _ruled_out(observed: Described, candidate: Candidate, *, inverted: bool) -> bool:
    """Says whether time alone makes it another match."""
    window = observed.times
    gap = abs(observed.start_time - candidate.start_time)
    if inverted and gap > window.inverted:
        return True
    if candidate.over and observed.not_begun and gap > RENUMBERED:
        return True
    return gap > (POSTPONED if candidate.postponed else window.plausible)


def _doubts(view: _View, candidate: Candidate, window: Window) -> tuple[str, ...] | None:
    """Returns what keeps a candidate from being certain, () for nothing, None: it is not it."""
    strong = view.low >= STRONG
    if candidate.taken:
        again = view.low >= CERTAIN and view.gap <= RENUMBERED
        return ("provider_has_another_id_for_it",) if again else None
    if view.league is Agreement.CONTRADICTS:
        return ("league_differs",) if strong and view.gap <= SAME_MOMENT else None
    if view.gap > window.same:
        reason = "postponed" if candidate.postponed else "kick_off_differs"
        return (reason,) if strong else None
    if _is_certain(view, window):
        return ()
    if strong:
        return ("league_unknown", "kick_off_differs")
    return ("one_side_differs",) if _may_be(view, window) else None


def _may_be(view: _View, window: Window) -> bool:
    """Says whether one side alike is worth an operator's look: with a trace of the other, or all
    else agreeing to the minute.
    """
    trace = view.high >= STRONG and view.low >= TRACE and view.gap <= window.tight
    agrees = view.league is Agreement.AGREES and view.gap <= SAME_MOMENT
    return trace or (view.high >= CERTAIN and agrees)


def _is_certain(view: _View, window: Window) -> bool:
    agrees = view.league is Agreement.AGREES
    tight = view.gap <= window.tight
    if view.low >= STRONG:
        return agrees or tight
    if view.low >= PARTIAL and agrees:
        return view.mean >= PARTIAL_MEAN
    return view.low >= PARTIAL and view.high >= CERTAIN and tight


def _agreement(observed: Described, candidate: Candidate, home: Side) -> Agreement:
    if observed.league_id is not None and observed.league_id == candidate.league_id:
        return Agreement.AGREES
    mine = league_name(observed.league, observed.country)
    theirs = league_name(candidate.league, candidate.country)
    individual = observed.sport in INDIVIDUAL
    said = qualifiers_of(observed.home.names[0], individual=individual)
    held = qualifiers_of(home.names[0], individual=individual)
    if said | mine.qualifiers != held | theirs.qualifiers:
        return Agreement.CONTRADICTS
    return agreement(mine, theirs)


def _same_kind(observed: Described, candidate: Candidate, home: Side, away: Side) -> bool:
    """Says whether both are of women, youth, reserves ... or neither; a league may say it for all
    its teams.
    """
    individual = observed.sport in INDIVIDUAL
    mine = league_name(observed.league, observed.country).qualifiers
    theirs = league_name(candidate.league, candidate.country).qualifiers
    for one, other in ((observed.home, home), (observed.away, away)):
        said = qualifiers_of(one.names[0], individual=individual)
        held = qualifiers_of(other.names[0], individual=individual)
        if said != held and said | mine != held | theirs:
            return False
    return True


def _side_likeness(observed: Side, ours: Side, *, individual: bool) -> float:
    """Returns how alike two sides are; ids the provider already has for one of them decide."""
    if observed.id is not None and observed.id == ours.id:
        return 1.0
    alike = max(
        likeness(said, held, individual=individual)
        for said in observed.names
        for held in ours.names
    )
    # The provider tells two sides apart; only the very same name outweighs that.
    apart = bool(ours.theirs) and observed.external_id not in ours.theirs
    return 0.0 if apart and alike < EXACT else alike
