"""Writes the table of sports from the one in the program."""

from app.database.engine import Connection
from app.sports.match import SPORTS

_KEEP = """
INSERT INTO sports AS s (id, name) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (id) DO UPDATE SET name = excluded.name WHERE s.name <> excluded.name
"""


async def keep_sports(connection: Connection) -> None:
    """Makes the sports this program knows known to Postgres. Safe to call from every worker."""
    names = [facts.name for facts in SPORTS.values()]
    await connection.execute(_KEEP, [sport.value for sport in SPORTS], names)
