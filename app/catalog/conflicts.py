"""Where providers disagree: a page of conflicts, the newest first."""

import msgspec

from app.catalog.pages import Page, page_of
from app.database.engine import Connection

_PAGE = """
SELECT c.id, c.match_id, (
    SELECT row_to_json(r)::text FROM (
        SELECT c.id::text AS id, c.match_id::text AS "matchId", m.sport_id AS sport,
               a.name || ' v ' || b.name AS event, c.field, c.believed, (
                   SELECT json_agg(json_build_object('provider', t.key, 'said', t.value)
                                   ORDER BY t.key)
                   FROM jsonb_each_text(c.told) AS t
               ) AS told, wire_time(c.opened_at) AS "openedAt",
               wire_time(c.closed_at) AS "closedAt", c.outcome, c.ended_as AS "endedAs"
    ) AS r
) AS body
FROM conflicts AS c
JOIN matches AS m ON m.id = c.match_id
JOIN participants AS a ON a.id = m.home_id
JOIN participants AS b ON b.id = m.away_id
WHERE ($2::bigint IS NULL OR c.match_id = $2)
  AND ($3::boolean IS NULL OR (c.closed_at IS NULL) = $3)
  AND ($4::bigint IS NULL OR c.id < $4)
ORDER BY c.id DESC LIMIT $1
"""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which conflicts; None means any. `open` is whether they still are."""

    match_id: int | None = None
    open: bool | None = None


async def conflicts_after(
    connection: Connection, wanted: Wanted, last: tuple[int] | None, *, limit: int
) -> Page:
    """Returns a page of conflicts, the newest first, from behind the key `last`."""
    after = None if last is None else last[0]
    rows = await connection.fetch(_PAGE, limit + 1, wanted.match_id, wanted.open, after)
    return page_of(rows, limit, "id")
