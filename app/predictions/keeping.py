"""What models learnt, in Postgres: each version as text, to the byte, as long as it is used."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec

from app.database.engine import Connection, Row
from app.predictions.errors import UnknownVersion
from app.predictions.parameters import Parameters

# A version nobody was told a forecast of is kept so long, to compare with.
UNUSED_KEPT = timedelta(days=90)
# The path a match's chances took is of use while somebody looks at the match.
PATHS_KEPT = timedelta(days=30)
# Matches whose path one round deletes; a round a night keeps up with a busy day.
PATHS_DELETED_MAX = 20_000
NEVER = datetime(2000, 1, 1, tzinfo=UTC)

_PARAMETERS = msgspec.json.Decoder(Parameters)

_KEEP = """
INSERT INTO model_parameters AS p
    (version, model, sport_id, league, as_of, results, learnt_from, market_share, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::json)
ON CONFLICT (version) DO UPDATE SET learnt_from = excluded.learnt_from,
    market_share = excluded.market_share, fitted_at = clock_timestamp()
"""
_CURRENT = """
SELECT DISTINCT ON (model, league) version, model, sport_id, league, as_of, results, learnt_from,
       market_share, fitted_at{body}
FROM model_parameters ORDER BY model, league, fitted_at DESC, version
"""
_FORGET = """
DELETE FROM model_parameters AS p
WHERE p.fitted_at < clock_timestamp() - $1::interval
  AND EXISTS (SELECT FROM model_parameters AS n
              WHERE n.model = p.model AND n.league = p.league AND n.fitted_at > p.fitted_at)
  AND NOT EXISTS (SELECT FROM forecasts AS f WHERE f.version = p.version)
  AND NOT EXISTS (SELECT FROM forecast_records AS r WHERE r.version = p.version)
"""

_FORGET_PATHS = """
DELETE FROM forecast_points WHERE match_id IN (
    SELECT m.id FROM matches AS m
    WHERE m.start_time < clock_timestamp() - $1::interval
      AND EXISTS (SELECT FROM forecast_points AS p WHERE p.match_id = m.id)
    ORDER BY m.start_time LIMIT $2
)
"""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version without its numbers."""

    version: str
    model: str
    sport: str
    league: str
    as_of: date
    results: int
    learnt_from: int
    market_share: Decimal
    fitted_at: datetime


class Current(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters in use: the newest of each model and league, and each one's market share.

    `fitted_at` is when the newest of them was made.
    """

    parameters: tuple[Parameters, ...]
    shares: dict[str, float]
    fitted_at: datetime


async def keep_parameters(
    connection: Connection, parameters: Parameters, *, learnt_from: int, share: float
) -> None:
    """Makes parameters those in use of their model and league."""
    await connection.execute(
        _KEEP,
        *(parameters.version, parameters.model, parameters.sport.value, parameters.league),
        *(parameters.as_of, parameters.results, learnt_from, Decimal(f"{share:.3f}")),
        msgspec.json.encode(parameters).decode(),
    )


async def current_versions(connection: Connection) -> list[Version]:
    """Returns what is in use, by model and league, without the numbers."""
    rows = await connection.fetch(_CURRENT.format(body=""))
    return [_version(row) for row in rows]


async def newest_fit(connection: Connection) -> datetime:
    """Returns when something was last fitted, `NEVER` if nothing was."""
    return await connection.fetchval("SELECT max(fitted_at) FROM model_parameters") or NEVER


async def current_parameters(connection: Connection) -> Current:
    """Returns the parameters in use."""
    rows = await connection.fetch(_CURRENT.format(body=", body::text AS body"))
    return Current(
        parameters=tuple(_PARAMETERS.decode(row["body"]) for row in rows),
        shares={row["version"]: float(row["market_share"]) for row in rows},
        fitted_at=max((row["fitted_at"] for row in rows), default=NEVER),
    )


async def parameters_of(connection: Connection, version: str) -> Parameters:
    """Returns the parameters of a version, old or in use; raises UnknownVersion."""
    body: str | None = await connection.fetchval(
        "SELECT body::text FROM model_parameters WHERE version = $1", version
    )
    if body is None:
        raise UnknownVersion(f"There is no version {version} of any model.")
    return _PARAMETERS.decode(body)


async def versions(connection: Connection, *, limit: int) -> Sequence[Version]:
    """Returns every version there is, the newest first."""
    rows = await connection.fetch(
        "SELECT version, model, sport_id, league, as_of, results, learnt_from, market_share,"
        " fitted_at FROM model_parameters ORDER BY fitted_at DESC, version LIMIT $1",
        limit,
    )
    return [_version(row) for row in rows]


def _version(row: Row) -> Version:
    return Version(
        version=row["version"],
        model=row["model"],
        sport=row["sport_id"],
        league=row["league"],
        as_of=row["as_of"],
        results=row["results"],
        learnt_from=row["learnt_from"],
        market_share=row["market_share"],
        fitted_at=row["fitted_at"],
    )


async def forget_unused(connection: Connection) -> None:
    """Deletes old versions that nobody was told a forecast of, and old matches' paths."""
    await connection.execute(_FORGET, UNUSED_KEPT)
    await connection.execute(_FORGET_PATHS, PATHS_KEPT, PATHS_DELETED_MAX)
