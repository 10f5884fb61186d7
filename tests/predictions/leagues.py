"""Leagues that never were, drawn from strengths we know."""

from datetime import date, timedelta

import numpy as np

from app.history.result import Result
from app.sports.match import Sport

START = date(2020, 8, 1)
SIDES = tuple(f"side {letter}" for letter in "abcdefghij")


def played(
    home: str,
    away: str,
    score: tuple[int, int] = (1, 0),
    *,
    on: date = START,
    sport: Sport = Sport.FOOTBALL,
    **more: object,
) -> Result:
    """Returns a result."""
    return Result(
        sport=sport,
        league="league",
        played_on=on,
        home=home,
        away=away,
        home_name=home,
        away_name=away,
        home_score=score[0],
        away_score=score[1],
        **more,  # pyright: ignore[reportArgumentType]
    )


def football(rounds: int = 4, seed: int = 1) -> list[Result]:
    """Returns rounds of everybody against everybody, the first sides the strongest, with shots."""
    random = np.random.default_rng(seed)
    found: list[Result] = []
    day = START
    for _ in range(rounds):
        for i, home in enumerate(SIDES):
            for j, away in enumerate(SIDES):
                if i == j:
                    continue
                edge = 0.1 * (j - i) + 0.15
                rates = (1.3 * np.exp(edge), 1.3 * np.exp(-edge))
                goals = (int(random.poisson(rates[0])), int(random.poisson(rates[1])))
                shots = (int(random.poisson(9 * rates[0])), int(random.poisson(9 * rates[1])))
                on_target = (shots[0] // 3, shots[1] // 3)
                found.append(played(home, away, goals, on=day, shots=shots, on_target=on_target))
                day += timedelta(days=len(found) % 2)
    return found


def points(sport: Sport, rounds: int = 3, seed: int = 2) -> list[Result]:
    """Returns basketball or hockey: the first sides the strongest, never a draw."""
    random = np.random.default_rng(seed)
    mean, edge, spread = (80.0, 2.0, 10.0) if sport is Sport.BASKETBALL else (3.0, 0.15, 1.6)
    found: list[Result] = []
    day = START
    for _ in range(rounds):
        for i, home in enumerate(SIDES):
            for j, away in enumerate(SIDES):
                if i == j:
                    continue
                lead = edge * (j - i)
                ours = max(int(random.normal(mean + lead + edge, spread)), 0)
                theirs = max(int(random.normal(mean - lead, spread)), 0)
                found.append(
                    played(home, away, (ours + (ours == theirs), theirs), on=day, sport=sport)
                )
                day += timedelta(days=len(found) % 2)
    return found


def tennis(rounds: int = 3, seed: int = 3) -> list[Result]:
    """Returns best of three, the first sides the strongest."""
    random = np.random.default_rng(seed)
    found: list[Result] = []
    day = START
    for _ in range(rounds):
        for i, home in enumerate(SIDES):
            for j, away in enumerate(SIDES):
                if i == j:
                    continue
                chance = 1 / (1 + np.exp(-0.25 * (j - i)))
                sets = [0, 0]
                while max(sets) < 2:
                    sets[int(random.random() > chance)] += 1
                found.append(
                    played(
                        home, away, (sets[0], sets[1]), on=day, sport=Sport.TENNIS,
                        surface="clay" if len(found) % 3 else "hard", best_of=3,
                    )
                )  # fmt: skip
                day += timedelta(days=1)
    return found


LEAGUES = {
    "football-club-1": football,
    "football-nation-1": football,
    "hockey-1": lambda: points(Sport.HOCKEY),
    "basketball-1": lambda: points(Sport.BASKETBALL),
    "tennis-1": tennis,
}
