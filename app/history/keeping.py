"""Results in Postgres: written once however often they are told, read for the models."""

from collections.abc import Iterable, Sequence
from datetime import date

import msgspec

from app.database.engine import Connection
from app.history.result import Result
from app.sports.match import Sport

# Rows of one statement: 2,000 results are about 1 MB.
BATCH = 2_000
_decoder = msgspec.json.Decoder(Result)

# Who told of a match first is believed and may correct it; another one only adds what was not
# told. So the same files, in whatever order they come again, change nothing.
_WRITE = """
INSERT INTO past_results AS kept
    (sport_id, played_on, home, away, league, season, home_score, away_score, told, source)
SELECT told ->> 'sport', (told ->> 'played_on')::date, told ->> 'home', told ->> 'away',
       told ->> 'league', told ->> 'season',
       (told ->> 'home_score')::bigint, (told ->> 'away_score')::bigint, told, $2
  FROM (SELECT line::jsonb AS told FROM unnest($1::text[]) AS line) AS given
ON CONFLICT (sport_id, played_on, home, away) DO UPDATE
   SET told = CASE WHEN kept.source = excluded.source THEN kept.told || excluded.told
                   ELSE excluded.told || kept.told END,
       league = CASE WHEN kept.source = excluded.source THEN excluded.league
                     ELSE kept.league END,
       season = CASE WHEN kept.source = excluded.source THEN excluded.season
                     ELSE kept.season END,
       home_score = CASE WHEN kept.source = excluded.source THEN excluded.home_score
                         ELSE kept.home_score END,
       away_score = CASE WHEN kept.source = excluded.source THEN excluded.away_score
                         ELSE kept.away_score END,
       imported_at = now()
 WHERE kept.told IS DISTINCT FROM
       CASE WHEN kept.source = excluded.source THEN kept.told || excluded.told
            ELSE excluded.told || kept.told END
RETURNING (xmax = 0) AS is_new
"""
_READ = """
SELECT told::text FROM past_results
 WHERE sport_id = $1 AND ($2::text IS NULL OR league = $2) AND played_on < $3 AND played_on >= $4
 ORDER BY played_on, home, away
"""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What writing came to: results that are new, those that say more, and those known already."""

    new: int = 0
    changed: int = 0
    known: int = 0

    def plus(self, other: "Kept") -> "Kept":
        """Returns both together."""
        return Kept(
            new=self.new + other.new,
            changed=self.changed + other.changed,
            known=self.known + other.known,
        )


def distinct(results: Iterable[Result]) -> list[Result]:
    """Returns results with a match told twice only once, as it was told last."""
    return list({(r.sport, r.played_on, r.home, r.away): r for r in results}.values())


async def keep(connection: Connection, results: Sequence[Result], source: str) -> Kept:
    """Writes results that `distinct` let through; those known already change nothing."""
    found = Kept()
    for start in range(0, len(results), BATCH):
        batch = [msgspec.json.encode(result).decode() for result in results[start : start + BATCH]]
        rows = await connection.fetch(_WRITE, batch, source)
        new = sum(1 for row in rows if row["is_new"])
        found = found.plus(Kept(new=new, changed=len(rows) - new, known=len(batch) - len(rows)))
    return found


async def results_before(
    connection: Connection,
    sport: Sport,
    day: date,
    *,
    league: str | None = None,
    since: date = date(1872, 1, 1),
) -> list[Result]:
    """Returns what was played from `since` until the day before, in order; of one league or all."""
    rows = await connection.fetch(_READ, sport.value, league, day, since)
    return [_decoder.decode(row["told"]) for row in rows]


async def leagues_known(connection: Connection) -> list[tuple[Sport, str, int, date, date]]:
    """Returns (sport, league, results, first day, last day) of everything that is kept."""
    rows = await connection.fetch(
        "SELECT sport_id, league, count(*) AS results, min(played_on) AS first,"
        " max(played_on) AS last FROM past_results GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return [
        (Sport(row["sport_id"]), row["league"], row["results"], row["first"], row["last"])
        for row in rows
    ]
