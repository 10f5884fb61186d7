"""Reading what was used: a user's own, day by day, and totals for operators."""

from datetime import date
from enum import StrEnum

import msgspec

from app.database.engine import Connection

_OWN = """
SELECT day, endpoint, sum(requests)::bigint AS requests, sum(units)::bigint AS units,
    sum(refused)::bigint AS refused
FROM usage WHERE user_id = $1 AND day BETWEEN $2 AND $3
GROUP BY day, endpoint ORDER BY day, endpoint LIMIT $4
"""
_TOTALS = """
SELECT {what} AS what, {name} AS name, sum(requests)::bigint AS requests,
    sum(units)::bigint AS units, sum(refused)::bigint AS refused
FROM usage u {joined}
WHERE day BETWEEN $1 AND $2 {only}
GROUP BY 1, 2 ORDER BY units DESC, requests DESC, what LIMIT $3
"""


class By(StrEnum):
    """What totals are of."""

    USER = "user"
    KEY = "key"
    ENDPOINT = "endpoint"
    DAY = "day"


_BY: dict[By, str] = {
    By.USER: _TOTALS.format(
        what="u.user_id::text",
        name="coalesce(o.email, CASE u.user_id WHEN 0 THEN 'anonymous' END)",
        joined="LEFT JOIN users o ON o.id = u.user_id",
        only="",
    ),
    By.KEY: _TOTALS.format(
        what="u.api_key_id::text",
        name="k.prefix",
        joined="LEFT JOIN api_keys k ON k.id = u.api_key_id",
        only="AND u.api_key_id <> 0",
    ),
    By.ENDPOINT: _TOTALS.format(what="u.endpoint", name="NULL::text", joined="", only=""),
    By.DAY: _TOTALS.format(what="u.day::text", name="NULL::text", joined="", only=""),
}


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What was used of one endpoint on one day."""

    day: date
    endpoint: str
    requests: int
    units: int
    refused: int


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """What one user, key, endpoint or day comes to; `name` is an address or a key's prefix."""

    what: str
    name: str | None
    requests: int
    units: int
    refused: int


async def own_usage(
    connection: Connection, user_id: int, *, since: date, until: date, rows_max: int
) -> list[Counted]:
    """Returns what a user used from one day to another, both included, by day and endpoint."""
    rows = await connection.fetch(_OWN, user_id, since, until, rows_max)
    return [Counted(**dict(row)) for row in rows]


async def totals(
    connection: Connection, by: By, *, since: date, until: date, rows_max: int
) -> list[Total]:
    """Returns those who used most from one day to another, both included, the most first."""
    rows = await connection.fetch(_BY[by], since, until, rows_max)
    return [Total(**dict(row)) for row in rows]
