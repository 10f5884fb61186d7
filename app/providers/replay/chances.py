"""How likely each answer is, from the score and the time left; pure, and ignorant of the future.

Football and hockey: goals of both sides come as independent Poisson processes (Maher 1982).
Basketball: the difference and the sum of points walk as Brownian motions with drift (Stern 1994).
Tennis: every set has the same chance, moved by the games of the set that runs.
Strengths are drawn by a hash of the teams' names, so that somebody is the favourite; they are
nobody's opinion.

Football's questions are of 90 minutes, all others of the whole match, as bets are settled. A
handicap's chance is the one whose odds are fair with the stakes that come back left out.
"""

from collections.abc import Iterable
from decimal import Decimal
from math import erf, exp, floor, sqrt

import msgspec

from app.providers.replay.chance import between
from app.providers.replay.recording import Header
from app.sports.market import MarketType, SelectionKey
from app.sports.match import Score, Sport

Chances = dict[SelectionKey, float]
Question = tuple[MarketType, Decimal | None]

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


def questions_of(header: Header, score: Score) -> tuple[Question, ...]:
    """Returns what is asked of a match, the winner first; lines stay what they are. A tennis match
    has a question more with every set that begins after the second.
    """
    winner: Question = (MarketType.WINNER, None)
    total: Question = (MarketType.TOTAL, Decimal(str(total_line(header))))
    handicap: Question = (MarketType.HANDICAP, handicap_line(header))
    match header.sport:
        case Sport.FOOTBALL:
            others = (MarketType.DOUBLE_CHANCE, MarketType.DRAW_NO_BET, MarketType.BOTH_TO_SCORE)
            return winner, total, handicap, *((kind, None) for kind in others)
        case Sport.HOCKEY | Sport.BASKETBALL:
            return winner, total, handicap
        case Sport.TENNIS:
            sets = range(1, max(2, len(score.periods)) + 1)
            periods = ((MarketType.PERIOD_WINNER, Decimal(number)) for number in sets)
            return winner, (MarketType.SET_HANDICAP, handicap_line(header)), *periods


def total_line(header: Header) -> float:
    """Returns the line of the total."""
    match header.sport:
        case Sport.HOCKEY:
            return 5.5
        case Sport.BASKETBALL:
            return int(_points_expected(header)) + 0.5
        case _:
            return 2.5


def handicap_line(header: Header) -> Decimal:
    """Returns what is added to the home side to make the match even: quarters of a goal in
    football, a goal and a half in hockey, half points in basketball, a set and a half in tennis.
    """
    edge = _edge(header)
    match header.sport:
        case Sport.FOOTBALL:
            home, away = _rates(Sport.FOOTBALL, edge, 1.0)
            return Decimal(round((away - home) * 4)) / 4
        case Sport.BASKETBALL:
            return Decimal(str(-floor(_lead_expected(edge)) - 0.5))
        case _:
            return Decimal("-1.5") if edge >= 0 else Decimal("1.5")


def is_decided(header: Header, question: Question, score: Score) -> bool:
    """Says whether no more play can change an answer."""
    kind, line = question
    home, away = score.home or 0, score.away or 0
    if kind is MarketType.TOTAL:
        return home + away > float(line or 0)
    if kind is MarketType.BOTH_TO_SCORE:
        return min(home, away) > 0
    if kind is MarketType.PERIOD_WINNER:
        return home + away >= int(line or 0)
    if kind is MarketType.SET_HANDICAP:
        ends = _sets_to_come(header, score)
        return len({home - away + float(line or 0) > 0 for home, away in ends}) == 1
    return False


def chances_of(header: Header, seen: Situation) -> dict[Question, Chances]:
    """Returns the chance of every answer to every question; they add up to 1, those of a double
    chance to 2.
    """
    match header.sport:
        case Sport.FOOTBALL:
            return _football(header, seen)
        case Sport.HOCKEY:
            return _hockey(header, seen)
        case Sport.BASKETBALL:
            return _points(header, seen)
        case Sport.TENNIS:
            return _sets(header, seen)


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


def _rates(sport: Sport, edge: float, left: float) -> tuple[float, float]:
    """Returns the goals both sides may expect in what is left of the match."""
    rate = _GOALS[sport] * left / 2
    tilt = _EDGES[sport] * edge + 0.08
    return rate * exp(tilt), rate * exp(-tilt)


def _grid(header: Header, seen: Situation) -> list[tuple[int, int, float]]:
    """Returns every score that regulation may end with, and its chance."""
    home_rate, away_rate = _rates(header.sport, _edge(header), _share_left(header.sport, seen))
    home, away = poisson(home_rate, _GOALS_MAX), poisson(away_rate, _GOALS_MAX)
    had_home, had_away = seen.score.home or 0, seen.score.away or 0
    return [
        (had_home + h, had_away + a, p * q) for h, p in enumerate(home) for a, q in enumerate(away)
    ]


def _football(header: Header, seen: Situation) -> dict[Question, Chances]:
    grid = _grid(header, seen)
    ahead = sum(p for h, a, p in grid if h > a)
    level = sum(p for h, a, p in grid if h == a)
    behind = max(1.0 - ahead - level, 0.0)
    line = total_line(header)
    handicap = handicap_line(header)
    both = sum(p for h, a, p in grid if h and a)
    return {
        (MarketType.WINNER, None): {
            SelectionKey.HOME: ahead,
            SelectionKey.DRAW: level,
            SelectionKey.AWAY: behind,
        },
        (MarketType.TOTAL, Decimal(str(line))): _two(
            SelectionKey.OVER, SelectionKey.UNDER, sum(p for h, a, p in grid if h + a > line)
        ),
        (MarketType.HANDICAP, handicap): _covered(((h - a, p) for h, a, p in grid), handicap),
        (MarketType.DOUBLE_CHANCE, None): {
            SelectionKey.HOME_DRAW: 1.0 - behind,
            SelectionKey.HOME_AWAY: 1.0 - level,
            SelectionKey.DRAW_AWAY: 1.0 - ahead,
        },
        (MarketType.DRAW_NO_BET, None): _two(
            SelectionKey.HOME, SelectionKey.AWAY, _share(ahead, behind)
        ),
        (MarketType.BOTH_TO_SCORE, None): _two(SelectionKey.YES, SelectionKey.NO, both),
    }


def _hockey(header: Header, seen: Situation) -> dict[Question, Chances]:
    grid = _grid(header, seen)
    # A level match is decided by exactly one more goal.
    to_home = 0.5 + 0.1 * _edge(header)
    level = sum(p for h, a, p in grid if h == a)
    line = total_line(header)
    handicap = handicap_line(header)
    margins = [(h - a, p) for h, a, p in grid if h != a]
    margins += [(1, level * to_home), (-1, level * (1.0 - to_home))]
    home = sum(p for margin, p in margins if margin > 0)
    over = sum(p for h, a, p in grid if h + a + int(h == a) > line)
    return {
        (MarketType.WINNER, None): _two(SelectionKey.HOME, SelectionKey.AWAY, home),
        (MarketType.TOTAL, Decimal(str(line))): _two(SelectionKey.OVER, SelectionKey.UNDER, over),
        (MarketType.HANDICAP, handicap): _covered(margins, handicap),
    }


def _covered(margins: Iterable[tuple[int, float]], line: Decimal) -> Chances:
    """Returns the chances of a handicap: a quarter of a goal wins or loses half, none nothing."""
    won = lost = 0.0
    added = float(line)
    for margin, chance in margins:
        share = min(max((margin + added) * 2, -1.0), 1.0)
        if share > 0:
            won += share * chance
        else:
            lost -= share * chance
    return _two(SelectionKey.HOME, SelectionKey.AWAY, _share(won, lost))


def _share(one: float, other: float) -> float:
    whole = one + other
    return one / whole if whole > 0 else 0.5


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


def _lead_expected(edge: float) -> float:
    return 7.0 * edge + 2.0


def _points(header: Header, seen: Situation) -> dict[Question, Chances]:
    whole = max(header.rules.period_s * 4.0, 1.0)
    left = (whole - seen.played_s) / whole
    if seen.overtime_s > 0:
        left = (header.rules.overtime_s - seen.overtime_s) / whole
    left = max(left, _LEAST_LEFT)
    size = sqrt(whole / 2880)
    home, away = seen.score.home or 0, seen.score.away or 0
    line = total_line(header)
    handicap = handicap_line(header)
    points = home + away + _points_expected(header) * left
    over = _normal((points - line) / (_SUM_SPREAD * size * sqrt(left)))
    lead = home - away + _lead_expected(_edge(header)) * left
    spread = _DIFFERENCE_SPREAD * size * sqrt(left)
    return {
        (MarketType.WINNER, None): _two(
            SelectionKey.HOME, SelectionKey.AWAY, _normal(lead / spread)
        ),
        (MarketType.TOTAL, Decimal(str(line))): _two(SelectionKey.OVER, SelectionKey.UNDER, over),
        (MarketType.HANDICAP, handicap): _two(
            SelectionKey.HOME, SelectionKey.AWAY, _normal((lead + float(handicap)) / spread)
        ),
    }


def _sets(header: Header, seen: Situation) -> dict[Question, Chances]:
    """Walks the tree of sets; only the first branch knows of games."""
    score = seen.score
    won = (score.home or 0, score.away or 0)
    fair = _squeezed(0.5 + 0.28 * _edge(header))
    games = score.periods[-1] if len(score.periods) > sum(won) else None
    lead = games.home - games.away if games else 0
    late = 1 + max(games.home, games.away) / 6 if games else 1
    first = _squeezed(fair + 0.11 * lead * late)
    need = _need(header)
    handicap = handicap_line(header)
    home = covered = 0.0
    for chance, ends in _ends(won, need, (first, fair)):
        home += chance if ends[0] == need else 0.0
        covered += chance if ends[0] - ends[1] + float(handicap) > 0 else 0.0
    chances: dict[Question, Chances] = {}
    for question in questions_of(header, score):
        kind, line = question
        chance = home
        if kind is MarketType.SET_HANDICAP:
            chance = covered
        elif kind is MarketType.PERIOD_WINNER:
            chance = first if line == sum(won) + 1 else fair
        chances[question] = _two(SelectionKey.HOME, SelectionKey.AWAY, chance)
    return chances


def _sets_to_come(header: Header, score: Score) -> set[tuple[int, int]]:
    won = (score.home or 0, score.away or 0)
    return {ends for _, ends in _ends(won, _need(header), (0.5, 0.5))}


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


def _need(header: Header) -> int:
    return (header.rules.best_of or 3) // 2 + 1


def _two(one: SelectionKey, other: SelectionKey, chance: float) -> Chances:
    held = min(max(chance, 0.0), 1.0)
    return {one: held, other: 1.0 - held}


def _squeezed(chance: float) -> float:
    return min(max(chance, 0.03), 0.97)


def _normal(x: float) -> float:
    """Returns the share of a normal distribution below x."""
    return (1 + erf(x / sqrt(2))) / 2
