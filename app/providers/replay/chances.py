"""How likely each answer is, from the score and the time left; pure, and ignorant of the future.

Football and hockey: goals of both sides come as independent Poisson processes (Maher 1982).
Basketball: the difference and the sum of points walk as Brownian motions with drift (Stern 1994).
Tennis: every set has the same chance, moved by the games of the set that runs.
Strengths are drawn by a hash of the teams' names, so that somebody is the favourite; they are
nobody's opinion.
"""

from math import erf, exp, sqrt

import msgspec

from app.providers.replay.chance import between
from app.providers.replay.recording import Header
from app.sports.market import MarketType, SelectionKey
from app.sports.match import Score, Sport

Chances = dict[SelectionKey, float]

# Goals of an average match in a whole regulation time, both sides together.
_GOALS = {Sport.FOOTBALL: 2.6, Sport.HOCKEY: 4.9}
# How far the strongest and the weakest are apart; hockey is closer.
_EDGES = {Sport.FOOTBALL: 0.55, Sport.HOCKEY: 0.22}
_REGULATION_S = {Sport.FOOTBALL: 5400, Sport.HOCKEY: 3600}
_OVERTIME_S = {Sport.FOOTBALL: 1800}
# A side that scores more often than this from now on is left out; the rest is far below 1e-6.
_GOALS_MAX = 16
# Points a minute of both sides, and the spread at the end of an NBA match of 48 minutes.
_POINTS_A_MINUTE = {600: 4.0, 720: 4.65}
_DIFFERENCE_SPREAD = 12.5
_SUM_SPREAD = 17.0
_LEAST_LEFT = 1e-4


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What a bookmaker sees: the score, and how much of the match's clock has gone by."""

    score: Score
    played_s: float
    overtime_s: float


def line_of(header: Header) -> float:
    """Returns the line of the total, the same for the whole match."""
    match header.sport:
        case Sport.FOOTBALL:
            return 2.5
        case Sport.HOCKEY:
            return 5.5
        case Sport.BASKETBALL:
            return int(_points_expected(header)) + 0.5
        case Sport.TENNIS:
            return _best_of(header) / 2 + 1.0


def least_total(header: Header, score: Score) -> int:
    """Returns the total that is sure by now: a tennis match goes on until somebody has won."""
    home, away = score.home or 0, score.away or 0
    if header.sport is not Sport.TENNIS:
        return home + away
    return home + away + _best_of(header) // 2 + 1 - max(home, away)


def chances_of(header: Header, market: MarketType, seen: Situation) -> Chances:
    """Returns the chance of every selection of a market; they add up to 1."""
    match header.sport:
        case Sport.FOOTBALL | Sport.HOCKEY:
            return _goals(header, market, seen)
        case Sport.BASKETBALL:
            return _points(header, market, seen)
        case Sport.TENNIS:
            return _sets(header, market, seen)


def poisson(rate: float, most: int) -> list[float]:
    """Returns the chances of 0 to `most` goals, scaled to add up to 1."""
    chances = [exp(-rate)]
    for goals in range(1, most + 1):
        chances.append(chances[-1] * rate / goals)
    whole = sum(chances)
    return [chance / whole for chance in chances]


def _edge(header: Header) -> float:
    """Returns how much stronger home is, about -1 to 1, from the names alone."""
    home, away = (
        between(-0.5, 0.5, "strength", side.external_id) for side in (header.home, header.away)
    )
    return home - away


def _goals(header: Header, market: MarketType, seen: Situation) -> Chances:
    sport = header.sport
    left = _share_left(sport, seen)
    rate = _GOALS[sport] * left / 2
    edge = _edge(header)
    tilt = _EDGES[sport] * edge + 0.08
    home = poisson(rate * exp(tilt), _GOALS_MAX)
    away = poisson(rate * exp(-tilt), _GOALS_MAX)
    lead = (seen.score.home or 0) - (seen.score.away or 0)
    grid = [(h, a, p * q) for h, p in enumerate(home) for a, q in enumerate(away)]
    level = sum(p for h, a, p in grid if lead + h == a)
    if market is MarketType.TOTAL:
        have = (seen.score.home or 0) + (seen.score.away or 0)
        need = line_of(header) - have
        # A level hockey match is decided by exactly one more goal.
        extra = [int(sport is Sport.HOCKEY and lead + h == a) for h, a, _ in grid]
        over = sum(p for (h, a, p), e in zip(grid, extra, strict=True) if h + a + e > need)
        return _two(SelectionKey.OVER, SelectionKey.UNDER, over)
    ahead = sum(p for h, a, p in grid if lead + h > a)
    if sport is Sport.HOCKEY:
        return _two(SelectionKey.HOME, SelectionKey.AWAY, ahead + level * (0.5 + 0.1 * edge))
    return {
        SelectionKey.HOME: ahead,
        SelectionKey.DRAW: level,
        SelectionKey.AWAY: max(1.0 - ahead - level, 0.0),
    }


def _share_left(sport: Sport, seen: Situation) -> float:
    """Returns what is left of regulation, or of the overtime that runs, as a share of regulation.

    The last minute is never quite over before the whistle.
    """
    whole = _REGULATION_S[sport]
    left_s = whole - seen.played_s
    if seen.overtime_s > 0:
        left_s = _OVERTIME_S.get(sport, 0) - seen.overtime_s
    return max(left_s, 60.0) / whole


def _points_expected(header: Header) -> float:
    minutes = header.rules.period_s * 4 / 60
    pace = _POINTS_A_MINUTE.get(header.rules.period_s, 4.2)
    teams = (header.home.external_id, header.away.external_id)
    return minutes * pace * between(0.95, 1.05, "pace", *teams)


def _points(header: Header, market: MarketType, seen: Situation) -> Chances:
    whole = max(header.rules.period_s * 4.0, 1.0)
    left = (whole - seen.played_s) / whole
    if seen.overtime_s > 0:
        left = (header.rules.overtime_s - seen.overtime_s) / whole
    left = max(left, _LEAST_LEFT)
    size = sqrt(whole / 2880)
    home, away = seen.score.home or 0, seen.score.away or 0
    if market is MarketType.TOTAL:
        expected = home + away + _points_expected(header) * left
        spread = _SUM_SPREAD * size * sqrt(left)
        over = _normal((expected - line_of(header)) / spread)
        return _two(SelectionKey.OVER, SelectionKey.UNDER, over)
    expected = home - away + (7.0 * _edge(header) + 2.0) * left
    chance = _normal(expected / (_DIFFERENCE_SPREAD * size * sqrt(left)))
    return _two(SelectionKey.HOME, SelectionKey.AWAY, chance)


def _sets(header: Header, market: MarketType, seen: Situation) -> Chances:
    """Walks the tree of sets; only the first branch knows of games."""
    best_of = _best_of(header)
    need = best_of // 2 + 1
    score = seen.score
    won = (score.home or 0, score.away or 0)
    fair = _squeezed(0.5 + 0.28 * _edge(header))
    games = score.periods[-1] if len(score.periods) > sum(won) else None
    lead = games.home - games.away if games else 0
    late = 1 + max(games.home, games.away) / 6 if games else 1
    first = _squeezed(fair + 0.11 * lead * late)
    home = total = 0.0
    for chance, ends in _ends(won, need, (first, fair)):
        home += chance if ends[0] == need else 0.0
        total += chance if sum(ends) > line_of(header) else 0.0
    if market is MarketType.TOTAL:
        return _two(SelectionKey.OVER, SelectionKey.UNDER, total)
    return _two(SelectionKey.HOME, SelectionKey.AWAY, home)


def _ends(
    won: tuple[int, int], need: int, chances: tuple[float, float]
) -> list[tuple[float, tuple[int, int]]]:
    """Returns every final score in sets that may come, with its chance."""
    if max(won) >= need:
        return [(1.0, won)]
    first, fair = chances
    later = (fair, fair)
    home = _ends((won[0] + 1, won[1]), need, later)
    away = _ends((won[0], won[1] + 1), need, later)
    return [(first * p, end) for p, end in home] + [((1 - first) * p, end) for p, end in away]


def _best_of(header: Header) -> int:
    return header.rules.best_of or 3


def _two(one: SelectionKey, other: SelectionKey, chance: float) -> Chances:
    held = min(max(chance, 0.0), 1.0)
    return {one: held, other: 1.0 - held}


def _squeezed(chance: float) -> float:
    return min(max(chance, 0.03), 0.97)


def _normal(x: float) -> float:
    """Returns the share of a normal distribution below x."""
    return (1 + erf(x / sqrt(2))) / 2
