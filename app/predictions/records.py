"""What a match that is over came to, beside what was said of it: the proof in production.

One record a match and version of its model; what is put right later changes it, and never makes a
second one. What was told before kick-off is taken from the forecast's base, what was told in play
from the path: at each sixth of the match the first word after it, if it came in time.
"""

from decimal import Decimal
from math import log
from typing import Final

from app import metrics
from app.database.engine import Connection
from app.history.keeping import keep
from app.history.openfootball import league_of
from app.history.result import (
    FIRST_DAY,
    NAME_LENGTH_MAX,
    ImpossibleResult,
    Result,
    check_result,
    side_of,
)
from app.predictions.occasions import best_of, surface_of
from app.predictions.standing import Chances, Made, Standing
from app.predictions.told import told_chances
from app.sports.match import Sport

# Sixths of a match: minutes 15, 30, 45, 60 and 75 of football.
MOMENTS: Final = 6
# A word on the 15th minute that comes more than so much of a match later is none on it.
LATE_MAX = 1.0 / 36.0
# Whose results these are, among those of the past.
SOURCE = "touchline"

_RECORD = """
INSERT INTO forecast_records AS r (
    match_id, version, model, sport_id, league, simulated, home_score, away_score, outcome,
    start_time
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (match_id, version) DO UPDATE
SET home_score = excluded.home_score, away_score = excluded.away_score, outcome = excluded.outcome
WHERE (r.home_score, r.away_score, r.outcome)
      IS DISTINCT FROM (excluded.home_score, excluded.away_score, excluded.outcome)
RETURNING xmax = 0
"""
_SAY = """
INSERT INTO judged_chances (match_id, version, moment, teller, home, draw, away)
VALUES ($1, $2, 0, $3, $4, $5, $6) ON CONFLICT DO NOTHING
"""
_SAY_IN_PLAY = """
INSERT INTO judged_chances (match_id, version, moment, teller, home, draw, away)
SELECT $1, $2, n, 'served', p.home, p.draw, p.away
FROM generate_series(1, $4::int - 1) AS n
CROSS JOIN LATERAL (
    SELECT * FROM forecast_points AS p
    WHERE p.match_id = $1 AND p.phase = 'in_play' AND p.minute >= n * $3::numeric / $4
    ORDER BY p.at LIMIT 1
) AS p
WHERE p.minute <= n * $3::numeric / $4 + $3::numeric * $5
ON CONFLICT DO NOTHING
"""


async def record(connection: Connection, standing: Standing, made: Made) -> None:
    """Writes down what a match came to, within the caller's transaction. Safe to call again."""
    assert made.goals is not None, "only what is over is recorded"
    base, version = made.base, made.forecast.version
    chances = made.forecast.chances
    way = chances.index(max(chances))
    outcome = 2 if way == len(chances) - 1 else way
    is_new = await connection.fetchval(
        _RECORD,
        *(standing.match_id, version, made.forecast.model, standing.sport.value),
        *(standing.league_slug, standing.simulated, *made.goals, outcome, standing.start_time),
    )
    if base.in_time:
        said: dict[str, Chances] = {"served": base.forecast.chances, "model": base.own}
        if base.market is not None:
            said["market"] = base.market
        for teller, told in said.items():
            row = _row(told_chances(told))
            await connection.execute(_SAY, standing.match_id, version, teller, *row)
        if is_new:
            _count(standing.sport, told_chances(base.forecast.chances)[way])
    if made.minutes is not None:
        length = Decimal(str(made.minutes))
        late = Decimal(str(LATE_MAX))
        await connection.execute(_SAY_IN_PLAY, standing.match_id, version, length, MOMENTS, late)
    if not standing.simulated:
        await _learn(connection, standing, made)


def _count(sport: Sport, came: Decimal) -> None:
    metrics.forecasts_judged.labels(sport.value).inc()
    metrics.forecast_log_loss.labels(sport.value).inc(-log(float(came)))


def _row(chances: tuple[Decimal, ...]) -> tuple[Decimal, Decimal | None, Decimal]:
    return chances[0], chances[1] if len(chances) == 3 else None, chances[-1]


async def _learn(connection: Connection, standing: Standing, made: Made) -> None:
    """Keeps the result for the next fit; one that cannot be learnt from is left out."""
    assert made.goals is not None, "only what is over is recorded"
    sport, base, day = standing.sport, made.base, standing.start_time.date()
    if side_of(standing.home, sport) == side_of(standing.away, sport):
        # Nobody could tell later whose result it is.
        return
    is_tennis = sport is Sport.TENNIS
    own = league_of(standing.league) if sport is Sport.FOOTBALL else standing.league_slug
    try:
        result = Result(
            sport=sport,
            league=base.league or own,
            played_on=max(day, FIRST_DAY),
            home=base.home,
            away=base.away,
            home_name=standing.home[:NAME_LENGTH_MAX],
            away_name=standing.away[:NAME_LENGTH_MAX],
            home_score=made.goals[0],
            away_score=made.goals[1],
            competition=standing.league[:NAME_LENGTH_MAX],
            neutral=base.neutral,
            surface=surface_of(standing.league) if is_tennis else None,
            best_of=best_of(standing.league) if is_tennis else None,
        )
        check_result(result, today=day)
    except ImpossibleResult:
        return
    await keep(connection, [result], SOURCE)
