"""Asking for a forecast: a row that a predictor finds. Loads no numpy."""

from app.database.engine import Connection

_ASK = """
INSERT INTO forecast_places AS p (match_id, seq, at, asked_at)
SELECT id, -1, created_at, clock_timestamp() FROM matches
WHERE id = $1 AND merged_into IS NULL
ON CONFLICT (match_id) DO UPDATE SET asked_at = excluded.asked_at WHERE p.asked_at IS NULL
"""


async def ask(connection: Connection, match_id: int) -> None:
    """Notes that somebody wants a forecast, or a younger one. Safe to call again and again."""
    await connection.execute(_ASK, match_id)
