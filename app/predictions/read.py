"""Reading forecasts, as the doors tell them. Loads no numpy."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.database.engine import Connection

# Points of one path told at once: a match has one a minute, and some for each goal.
POINTS_MAX = 1_000
# A forecast is old, and asked for anew, when its predictor should have made another one long ago.
OLD_MS_IN_PLAY = 120_000
OLD_MS_BEFORE = 1_200_000

_CHANCES = """
'home_win_prob', trim_scale(f.home), 'draw_prob', trim_scale(f.draw),
'away_win_prob', trim_scale(f.away)
"""
_PARTS = f"""
{_CHANCES}, 'confidence', trim_scale(f.confidence),
'expected_goals', json_build_object(
    'home', trim_scale(f.expected_home), 'away', trim_scale(f.expected_away)
)
"""
_MODEL = """
json_build_object(
    'name', f.model, 'version', f.version, 'market_share', trim_scale(f.market_share),
    'phase', f.phase
)
"""
_AGE_MS = """
greatest(0, floor(extract(epoch FROM clock_timestamp() - f.generated_at) * 1000))::bigint
"""
_ONE = f"""
SELECT f.match_id, f.phase, f.generated_at, {_AGE_MS} AS age_ms, json_build_object(
    'match_id', f.match_id::text, 'status', 'success', 'prediction', json_build_object({_PARTS}),
    'model', {_MODEL}, 'minute', trim_scale(f.minute),
    'generated_at', wire_time(f.generated_at), 'age_ms', {_AGE_MS}
)::text AS body
FROM forecasts AS f WHERE f.match_id = $1
"""
# As `prediction_update` tells it: the first state and later frames are of one shape.
_TOLD = """
SELECT json_build_object(
    'homeWinProb', trim_scale(f.home), 'drawProb', trim_scale(f.draw),
    'awayWinProb', trim_scale(f.away), 'confidence', trim_scale(f.confidence),
    'expectedGoals', json_build_object(
        'home', trim_scale(f.expected_home), 'away', trim_scale(f.expected_away)
    ),
    'model', json_build_object(
        'name', f.model, 'version', f.version, 'marketShare', trim_scale(f.market_share),
        'phase', f.phase
    ),
    'minute', trim_scale(f.minute), 'generatedAt', wire_time(f.generated_at)
)::text
FROM forecasts AS f WHERE f.match_id = $1
"""
_SOME = f"""
SELECT f.match_id, json_build_object(
    {_PARTS}, 'model', {_MODEL}, 'generated_at', wire_time(f.generated_at)
)::text AS body
FROM forecasts AS f WHERE f.match_id = ANY ($1::bigint[])
"""
_PATH = f"""
SELECT coalesce(json_agg(
           json_build_object(
               'at', wire_time(f.at), 'phase', f.phase, 'minute', trim_scale(f.minute), {_CHANCES},
               'home_score', f.home_score, 'away_score', f.away_score
           ) ORDER BY f.at
       ) FILTER (WHERE f.place <= $2), '[]')::text AS points, count(*) > $2 AS truncated
FROM (
    SELECT *, row_number() OVER (ORDER BY at DESC) AS place FROM forecast_points
    WHERE match_id = $1 ORDER BY at DESC LIMIT $2 + 1
) AS f
"""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A forecast as JSON, when it was made, and whether a younger one should be asked for."""

    body: bytes
    generated_at: datetime
    is_old: bool


async def prediction_of(connection: Connection, match_id: int) -> Told | None:
    """Returns the newest forecast of a match, in snake_case (`PredictionShape`); None without."""
    row = await connection.fetchrow(_ONE, match_id)
    if row is None:
        return None
    old_ms = {"before": OLD_MS_BEFORE, "in_play": OLD_MS_IN_PLAY}.get(row["phase"])
    return Told(
        body=row["body"].encode(),
        generated_at=row["generated_at"],
        is_old=old_ms is not None and row["age_ms"] > old_ms,
    )


async def forecast_told(connection: Connection, match_id: int) -> bytes:
    """Returns what `prediction_update` last told of a match, `null` without a forecast."""
    told: str | None = await connection.fetchval(_TOLD, match_id)
    return b"null" if told is None else told.encode()


async def predictions_of(connection: Connection, match_ids: Sequence[int]) -> dict[int, bytes]:
    """Returns the forecasts of some matches as JSON: `prediction` of /api/v1/predictions with its
    `model` and `generated_at`, by match; those without one are left out.
    """
    rows = await connection.fetch(_SOME, list(match_ids))
    return {row["match_id"]: row["body"].encode() for row in rows}


async def path_of(connection: Connection, match_id: int) -> bytes:
    """Returns the path a match's chances took (`PredictionPath`); empty without a forecast."""
    row = await connection.fetchrow(_PATH, match_id, POINTS_MAX)
    assert row is not None, "an aggregate always has a row"
    cut = "true" if row["truncated"] else "false"
    return f'{{"match_id":"{match_id}","points":{row["points"]},"truncated":{cut}}}'.encode()
