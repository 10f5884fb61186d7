"""The made-up bookmakers: quotes that follow the score, the same wherever they are worked out.

`markets_at` is a pure function of the recording, the seed and the position in the match. Each
bookmaker has its margin and its own beat: between two beats its prices stand still, unless the
score makes it price anew. For some seconds after a goal or a set all markets are
suspended; when the match is over they are closed, and a total that can no longer change is
closed at once. A football winner is who leads at the end, extra time included and a shoot-out
not; a hockey winner has overtime and shoot-out included.
"""

from collections.abc import Sequence
from decimal import Decimal
from math import floor

import msgspec

from app.providers.replay.chance import between
from app.providers.replay.chances import (
    Chances,
    Situation,
    chances_of,
    least_total,
    line_of,
)
from app.providers.replay.track import Track
from app.sports.market import ODDS_MIN, MarketStatus, MarketType, SelectionKey
from app.sports.match import OVER, MatchStatus, Score, Sport
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
_WINNER = {
    Sport.FOOTBALL: (SelectionKey.HOME, SelectionKey.DRAW, SelectionKey.AWAY),
    Sport.HOCKEY: (SelectionKey.HOME, SelectionKey.AWAY),
    Sport.BASKETBALL: (SelectionKey.HOME, SelectionKey.AWAY),
    Sport.TENNIS: (SelectionKey.HOME, SelectionKey.AWAY),
}
_TOTAL = (SelectionKey.OVER, SelectionKey.UNDER)


def markets_at(
    track: Track,
    at: float,
    seed: int,
    *,
    suspended_s: float = SUSPENDED_S,
    bookmakers: Sequence[Bookmaker] = BOOKMAKERS,
) -> tuple[ObservedMarket, ...]:
    """Returns both markets with every bookmaker's quotes `at` seconds after kick-off."""
    if track.has_markets:
        return track.markets_at(at)
    score = track.score_at(at)
    halted = _halted(track, score, at, suspended_s)
    markets: list[ObservedMarket] = []
    for type_ in (MarketType.WINNER, MarketType.TOTAL):
        closed = _closed_because(track, score, type_)
        total = type_ is MarketType.TOTAL
        if closed or halted:
            keys = _TOTAL if total else _WINNER[track.header.sport]
            status = MarketStatus.CLOSED if closed else MarketStatus.SUSPENDED
            quotes = tuple(ObservedQuote(b.name, key, None) for b in bookmakers for key in keys)
        else:
            status, quotes = MarketStatus.OPEN, _quotes(track, type_, score, (at, seed, bookmakers))
        market = ObservedMarket(
            type=type_,
            line=Decimal(str(line_of(track.header))) if total else None,
            status=status,
            reason=closed or halted,
            quotes=quotes,
        )
        markets.append(market)
    return tuple(markets)


def _closed_because(track: Track, score: Score, type_: MarketType) -> str | None:
    """Says why a market is over for good; None while it is not."""
    if score.status in OVER or score.status is MatchStatus.POSTPONED:
        return "match_over"
    decided = type_ is MarketType.TOTAL and least_total(track.header, score) > line_of(track.header)
    return "decided" if decided else None


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


def _quotes(
    track: Track,
    type_: MarketType,
    score: Score,
    asked: tuple[float, int, Sequence[Bookmaker]],
) -> tuple[ObservedQuote, ...]:
    at, seed, bookmakers = asked
    quotes: list[ObservedQuote] = []
    for bookmaker in bookmakers:
        beat, looked_at = _beat(track, bookmaker, at, seed)
        played_s, overtime_s = track.played_s(looked_at)
        seen = Situation(score=score, played_s=played_s, overtime_s=overtime_s)
        chances = chances_of(track.header, type_, seen)
        words = (track.recording.id, seed, bookmaker.name, type_, beat)
        odds = offered(_nudged(chances, *words), bookmaker.margin)
        quotes += [ObservedQuote(bookmaker.name, key, price) for key, price in odds.items()]
    return tuple(quotes)


def _beat(track: Track, bookmaker: Bookmaker, at: float, seed: int) -> tuple[int, float]:
    """Returns the number of the bookmaker's latest look at the match, and when that was."""
    offset = between(0, bookmaker.beat_s, "beat", track.recording.id, seed, bookmaker.name)
    beat = floor((at - offset) / bookmaker.beat_s)
    looked_at = beat * bookmaker.beat_s + offset
    return beat, max(looked_at, track.told_at(at))


def _nudged(chances: Chances, *words: object) -> Chances:
    """Moves each chance by a little opinion, and holds their sum at 1."""
    moved = {
        key: chance * (1 + between(-_NOISE, _NOISE, *words, key)) for key, chance in chances.items()
    }
    whole = sum(moved.values())
    return {key: chance / whole for key, chance in moved.items()}


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
