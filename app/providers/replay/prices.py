"""The made-up bookmakers: quotes that follow the score, the same wherever they are worked out.

`markets_at` is a pure function of the recording, the seed and the position in the match. Each
bookmaker has its margin and its own beat: between two beats its prices stand still, unless the
score makes it price anew. For some seconds after a goal or a set all markets are
suspended; when the match is over they are closed, and one that can no longer change is closed at
once. Football's markets are of 90 minutes: when these are over they are closed, whatever comes in
extra time. Those of the other sports have overtime and shoot-out included.
"""

from collections.abc import Sequence
from decimal import Decimal
from math import floor

import msgspec

from app.providers.replay.chance import between
from app.providers.replay.chances import (
    Chances,
    Question,
    Situation,
    chances_of,
    is_decided,
    questions_of,
)
from app.providers.replay.track import Track
from app.sports.market import (
    ODDS_MIN,
    MarketStatus,
    MarketType,
    SelectionKey,
    answers_of,
)
from app.sports.match import IN_PLAY, OVER, MatchStatus, Score, Sport
from app.sports.observation import ObservedMarket, ObservedQuote

# How long real bookmakers look at a goal before they offer prices again.
SUSPENDED_S = 40.0
ODDS_HIGHEST = 501.0
_NOISE = 0.012


class Bookmaker(msgspec.Struct, frozen=True, kw_only=True):
    """Who quotes: its share of every stake, and seconds of the match between two of its prices."""

    name: str
    margin: float
    beat_s: float


BOOKMAKERS = (
    Bookmaker(name="sim-north", margin=0.045, beat_s=90.0),
    Bookmaker(name="sim-east", margin=0.055, beat_s=120.0),
    Bookmaker(name="sim-west", margin=0.07, beat_s=180.0),
)
_SECOND_HALF = "2nd Half"
# Football's, with their breaks.
_AFTER_REGULATION = ("Extra Time", "Penalties")

# What a bookmaker thinks of every question when it last looked.
_Opinion = dict[Question, dict[SelectionKey, Decimal]]


def markets_at(
    track: Track,
    at: float,
    seed: int,
    *,
    suspended_s: float = SUSPENDED_S,
    bookmakers: Sequence[Bookmaker] = BOOKMAKERS,
) -> tuple[ObservedMarket, ...]:
    """Returns all markets with every bookmaker's quotes `at` seconds after kick-off."""
    if track.has_markets:
        return track.markets_at(at)
    score = track.score_at(at)
    halted = _halted(track, score, at, suspended_s)
    closed = {q: _closed_because(track, score, q) for q in questions_of(track.header, score)}
    opinions: dict[str, _Opinion] = {}
    if not halted and not all(closed.values()):
        opinions = {b.name: _opinion(track, score, b, (at, seed)) for b in bookmakers}
    markets: list[ObservedMarket] = []
    for question, over in closed.items():
        if over or halted:
            status = MarketStatus.CLOSED if over else MarketStatus.SUSPENDED
            keys = answers_of(question[0], track.header.sport)
            quotes = [ObservedQuote(b.name, key, None) for b in bookmakers for key in keys]
        else:
            status = MarketStatus.OPEN
            quotes = [
                ObservedQuote(name, key, odds)
                for name, opinion in opinions.items()
                for key, odds in opinion[question].items()
            ]
        market = ObservedMarket(
            type=question[0],
            line=question[1],
            status=status,
            reason=over or halted,
            quotes=tuple(quotes),
        )
        markets.append(market)
    return tuple(markets)


def _closed_because(track: Track, score: Score, question: Question) -> str | None:
    """Says why a market is over for good; None while it is not."""
    if score.status in OVER or score.status is MatchStatus.POSTPONED:
        return "match_over"
    decided = _regular_time_over(track.header.sport, score)
    return "decided" if decided or is_decided(track.header, question, score) else None


def _regular_time_over(sport: Sport, score: Score) -> bool:
    """Says whether football's 90 minutes are over, and the match is not."""
    if sport is not Sport.FOOTBALL or score.period is None or score.status not in IN_PLAY:
        return False
    if score.period == _SECOND_HALF:
        return score.status is MatchStatus.PAUSED
    return score.period.startswith(_AFTER_REGULATION)


def _halted(track: Track, score: Score, at: float, suspended_s: float) -> str | None:
    """Says why nobody takes bets just now; None when they do."""
    if score.status is MatchStatus.INTERRUPTED:
        return "interrupted"
    if score.period in {"Penalties", "Shootout"}:
        return "shootout"
    shock = track.shock_before(at)
    if shock is None or at - shock >= suspended_s:
        return None
    return "set_won" if track.header.sport is Sport.TENNIS else "goal"


def _opinion(
    track: Track, score: Score, bookmaker: Bookmaker, asked: tuple[float, int]
) -> _Opinion:
    """Returns a bookmaker's odds of every question as it saw them at its last look."""
    at, seed = asked
    beat, looked_at = _beat(track, bookmaker, at, seed)
    played_s, overtime_s = track.played_s(looked_at)
    seen = Situation(score=score, played_s=played_s, overtime_s=overtime_s)
    opinion: _Opinion = {}
    for question, chances in chances_of(track.header, seen).items():
        kind, line = question
        words = (track.recording.id, seed, bookmaker.name, kind, beat)
        if kind is MarketType.PERIOD_WINNER:
            words = (*words, line)
        opinion[question] = offered(_nudged(chances, *words), bookmaker.margin)
    return opinion


def _beat(track: Track, bookmaker: Bookmaker, at: float, seed: int) -> tuple[int, float]:
    """Returns the number of the bookmaker's latest look at the match, and when that was."""
    offset = between(0, bookmaker.beat_s, "beat", track.recording.id, seed, bookmaker.name)
    beat = floor((at - offset) / bookmaker.beat_s)
    looked_at = beat * bookmaker.beat_s + offset
    return beat, max(looked_at, track.told_at(at))


def _nudged(chances: Chances, *words: object) -> Chances:
    """Moves each chance by a little opinion, and holds their sum at what it was."""
    moved = {
        key: chance * (1 + between(-_NOISE, _NOISE, *words, key)) for key, chance in chances.items()
    }
    scale = sum(chances.values()) / sum(moved.values())
    return {key: min(chance * scale, 1.0) for key, chance in moved.items()}


def offered(chances: Chances, margin: float) -> dict[SelectionKey, Decimal]:
    """Returns decimal odds with the margin in them, in steps, never in the punter's favour."""
    return {key: _stepped(chance * (1 + margin)) for key, chance in chances.items()}


def _stepped(chance: float) -> Decimal:
    """Returns the next lower odds a board would show for a chance that has the margin in it."""
    odds = min(1 / max(chance, 1e-9), ODDS_HIGHEST)
    step = next(step for below, step in _STEPS if odds < below)
    return max((Decimal(floor(odds / float(step))) * step).quantize(ODDS_MIN), ODDS_MIN)


# Below these odds the steps beside them; finer near 1, where a step is worth more.
_STEPS = (
    (1.1, Decimal("0.001")),
    (3.0, Decimal("0.01")),
    (6.0, Decimal("0.05")),
    (15.0, Decimal("0.1")),
    (50.0, Decimal("0.5")),
    (float("inf"), Decimal(1)),
)
