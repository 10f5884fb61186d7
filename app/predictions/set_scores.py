"""Final scores of tennis in sets, before and during a match. Pure.

Sets are independent, each won by home with the same chance `p` (a node of the posterior; sets
played so far weigh the nodes). Within the set that runs, games are independent, too: `g` is the
chance of a game, serving or not, that makes a fresh set worth `p`; from the games so far the rest
follows by counting. A tie-break is worth a little more than a game to the better side. Who serves
is not known to a score and left out: at 4-4 it is worth less than 0.03.
"""

from functools import lru_cache

import numpy as np

from app.predictions.errors import ImpossibleState
from app.predictions.forecast import SetProcess
from app.predictions.scores import Scores, certain
from app.predictions.states import State

# A set without tie-break once went to 70-68; games beyond 6-6 are worth what 6-6 is.
GAMES_MAX = 99
# How much more than a game the better side wins a tie-break.
_TIE_BREAK = 1.2
_HALVINGS = 40


def set_scores(process: SetProcess, state: State | None = None) -> Scores:
    """Returns the distribution of final scores in sets; raises ImpossibleState."""
    now = state if state is not None else State()
    need = process.best_of // 2 + 1
    check_sets(now, need)
    if now.over or max(now.home, now.away) >= need:
        return certain(now.home, now.away)
    ends = [(need, lost) for lost in range(now.away, need)]
    ends += [(lost, need) for lost in range(now.home, need)]
    weights, rows = [], []
    for weight, chance, _ in process.nodes:
        weights.append(weight * chance**now.home * (1.0 - chance) ** now.away)
        first = running_set(chance, now.games)
        found = _ends((now.home, now.away), need, first, chance)
        rows.append([found.get(end, 0.0) for end in ends])
    home, away = np.array(ends).T
    return Scores(home, away, np.array(rows), np.maximum(np.array(weights), 1e-300))


def check_sets(now: State, need: int) -> None:
    """Raises ImpossibleState for more sets than win a match, or games that no set has."""
    if max(now.home, now.away) > need or (now.home == need and now.away == need):
        raise ImpossibleState(f"{now.home}-{now.away} in sets, where {need} win")
    if min(now.games) < 0 or max(now.games) > GAMES_MAX:
        raise ImpossibleState(f"{now.games[0]}-{now.games[1]} in games")


def _ends(
    sets: tuple[int, int], need: int, first: float, later: float
) -> dict[tuple[int, int], float]:
    """Returns the chance of every final score; the set that runs is won with chance `first`."""
    open_: dict[tuple[int, int], float] = {sets: 1.0}
    ends: dict[tuple[int, int], float] = {}
    chance = first
    while open_:
        following: dict[tuple[int, int], float] = {}
        for (home, away), there in open_.items():
            for end, share in (((home + 1, away), chance), ((home, away + 1), 1.0 - chance)):
                into = ends if max(end) == need else following
                into[end] = into.get(end, 0.0) + there * share
        open_, chance = following, later
    return ends


def running_set(chance: float, games: tuple[int, int]) -> float:
    """Returns home's chance of a set at some games, when a fresh one is worth `chance`."""
    if games == (0, 0):
        return chance
    return _set_from(games[0], games[1], round(_game_of(round(chance, 4)), 5))


@lru_cache(4096)
def _game_of(chance: float) -> float:
    """Returns the chance of a game that makes a fresh set worth `chance`."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _set_from(0, 0, middle) < chance else (low, middle)
    return (low + high) / 2


def _set_from(home: int, away: int, game: float) -> float:
    """Returns the chance of a set from some games on, by counting backwards from its ends."""
    if max(home, away) > 6:
        home, away = (6, 6) if abs(home - away) < 2 else (home, away)
    if (home >= 6 and home - away >= 2) or home == 7:
        return 1.0
    if (away >= 6 and away - home >= 2) or away == 7:
        return 0.0
    tie_break = min(max(0.5 + (game - 0.5) * _TIE_BREAK, 0.0), 1.0)
    table = {(6, 6): tie_break}
    for h in range(6, home - 1, -1):
        for a in range(6, away - 1, -1):
            if (h, a) != (6, 6):
                won = _known(table, h + 1, a)
                lost = _known(table, h, a + 1)
                table[h, a] = game * won + (1.0 - game) * lost
    return table[home, away]


def _known(table: dict[tuple[int, int], float], home: int, away: int) -> float:
    if (home == 6 and away <= 4) or home == 7:
        return 1.0
    if (away == 6 and home <= 4) or away == 7:
        return 0.0
    return table[home, away]
