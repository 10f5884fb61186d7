"""How good forecasts were that were served, of matches that are over. Loads no numpy.

Scores are those of `scoring` (log-loss, Brier, RPS, ECE in ten bins), added up by Postgres.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec

from app.database.engine import Connection, Row
from app.predictions.shapes import (
    Accuracy,
    CurvePoint,
    Outcome,
    ReliabilityBin,
    SportAccuracy,
    Verdict,
    VersionVerdict,
)
from app.sports.match import Sport
from app.stream.change import wire_time

# Versions told of a sport, the newest first; nights make one a league each.
VERSIONS_MAX = 50
BINS = 10
# How long a sixth of a match is, where a clock counts minutes up.
_SIXTH_MINUTES = {Sport.FOOTBALL.value: 15, Sport.HOCKEY.value: 10}

# The chance of what came true is told with four decimals, and 0 only of what could not come true.
_SAID = """
WITH said AS MATERIALIZED (
    SELECT r.match_id, r.sport_id, r.model, r.version, r.outcome, r.start_time, c.moment, c.teller,
           c.home, c.draw, c.away,
           -ln(greatest(CASE r.outcome WHEN 0 THEN c.home WHEN 1 THEN c.draw ELSE c.away END,
                        0.0001)::float8) AS log_loss,
           (c.home - x.h) ^ 2 + coalesce((c.draw - x.d) ^ 2, 0) + (c.away - x.a) ^ 2 AS brier,
           CASE WHEN c.draw IS NULL THEN (c.home - x.h) ^ 2
                ELSE ((c.home - x.h) ^ 2 + (c.home + c.draw - x.h - x.d) ^ 2) / 2 END AS rps
    FROM forecast_records AS r
    JOIN judged_chances AS c ON c.match_id = r.match_id AND c.version = r.version
    CROSS JOIN LATERAL (SELECT (r.outcome = 0)::int AS h, (r.outcome = 1)::int AS d,
                               (r.outcome = 2)::int AS a) AS x
    WHERE r.simulated = $1 AND r.start_time >= $2 AND r.start_time < $3
      AND ($4::text IS NULL OR r.sport_id = $4)
)
"""
_MEANS = """
count(*) AS matches, avg(s.log_loss)::float8 AS log_loss, avg(s.brier)::float8 AS brier,
avg(s.rps)::float8 AS rps
"""
_VERDICTS = f"""
{_SAID}
SELECT s.sport_id, s.teller, 'all' AS sample, s.moment, {_MEANS}
FROM said AS s GROUP BY 1, 2, 4
UNION ALL
SELECT s.sport_id, s.teller, 'with_market', 0, {_MEANS}
FROM said AS s JOIN said AS k ON k.match_id = s.match_id AND k.version = s.version
    AND k.teller = 'market'
WHERE s.moment = 0 GROUP BY 1, 2
ORDER BY 1, 4, 3, 2
"""
_VERSIONS = f"""
{_SAID}
SELECT s.sport_id, s.model, s.version, max(s.start_time) AS newest, {_MEANS}
FROM said AS s WHERE s.moment = 0 AND s.teller = 'served'
GROUP BY 1, 2, 3 ORDER BY 1, newest DESC, 3
"""
_BINS = f"""
{_SAID}
SELECT s.sport_id, s.version, w.way, least(floor(w.chance * {BINS}), {BINS - 1})::int AS bin,
       count(*) AS matches, avg(w.chance)::float8 AS expected, avg(w.came)::float8 AS observed
FROM said AS s
CROSS JOIN LATERAL (VALUES ('home', s.home, (s.outcome = 0)::int),
                           ('draw', s.draw, (s.outcome = 1)::int),
                           ('away', s.away, (s.outcome = 2)::int)) AS w (way, chance, came)
WHERE s.moment = 0 AND s.teller = 'served' AND w.chance IS NOT NULL
GROUP BY GROUPING SETS ((1, 3, 4), (1, 2, 3, 4))
ORDER BY 1, 2 NULLS FIRST, 3, 4
"""
_CURVE = f"""
{_SAID}
SELECT s.sport_id, date_trunc('week', s.start_time AT TIME ZONE 'UTC')::date AS week,
       count(*) FILTER (WHERE s.teller = 'served') AS matches,
       avg(s.log_loss) FILTER (WHERE s.teller = 'served')::float8 AS log_loss,
       avg(s.log_loss) FILTER (WHERE s.teller = 'market')::float8 AS market_log_loss
FROM said AS s WHERE s.moment = 0 GROUP BY 1, 2 ORDER BY 1, 2
"""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Which matches: real or simulated ones that began in a span, of a sport or of all."""

    simulated: bool
    since: datetime
    until: datetime
    sport: str | None = None


async def accuracy_of(connection: Connection, question: Question) -> Accuracy:
    """Returns how good forecasts were, sport by sport."""
    asked = (question.simulated, question.since, question.until, question.sport)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        verdicts = await connection.fetch(_VERDICTS, *asked)
        versions = await connection.fetch(_VERSIONS, *asked)
        bins = await connection.fetch(_BINS, *asked)
        curve = await connection.fetch(_CURVE, *asked)
    sports = [
        _sport(
            sport,
            verdicts=_of(verdicts, sport),
            versions=_of(versions, sport),
            bins=_of(bins, sport),
            curve=_of(curve, sport),
        )
        for sport in sorted({row["sport_id"] for row in verdicts})
    ]
    return Accuracy(
        simulated=question.simulated,
        since=wire_time(question.since),
        until=wire_time(question.until),
        matches=sum(sport.matches for sport in sports),
        sports=sports,
    )


def _of(rows: Iterable[Row], sport: str) -> list[Row]:
    return [row for row in rows if row["sport_id"] == sport]


def _sport(
    sport: str,
    *,
    verdicts: Sequence[Row],
    versions: Sequence[Row],
    bins: Sequence[Row],
    curve: Sequence[Row],
) -> SportAccuracy:
    together = [row for row in bins if row["version"] is None]
    return SportAccuracy(
        sport=sport,
        matches=sum(row["matches"] for row in versions),
        verdicts=[_verdict(row) for row in verdicts],
        versions=[
            VersionVerdict(
                model=row["model"],
                version=row["version"],
                ece=ece_of([b for b in bins if b["version"] == row["version"]]),
                **_scores(row),
            )
            for row in versions[:VERSIONS_MAX]
        ],
        ece=ece_of(together),
        reliability=[_bin(row) for row in together],
        curve=_curve(curve),
    )


def _scores(row: Row) -> dict[str, Any]:
    found = {name: round(row[name], 6) for name in ("log_loss", "brier", "rps")}
    return {"matches": row["matches"], **found}


def _verdict(row: Row) -> Verdict:
    sixth = _SIXTH_MINUTES.get(row["sport_id"])
    return Verdict(
        teller=row["teller"],
        sample=row["sample"],
        moment=row["moment"],
        minute=row["moment"] * sixth if sixth and row["moment"] else None,
        **_scores(row),
    )


def ece_of(bins: Sequence[Row]) -> dict[Outcome, float]:
    """Returns by outcome the distance of bins' mean chances from frequencies, weighted."""
    found: dict[Outcome, float] = {}
    for way in sorted({row["way"] for row in bins}):
        mine = [row for row in bins if row["way"] == way]
        apart = sum(row["matches"] * abs(row["expected"] - row["observed"]) for row in mine)
        found[cast("Outcome", way)] = round(apart / sum(row["matches"] for row in mine), 6)
    return found


def _bin(row: Row) -> ReliabilityBin:
    return ReliabilityBin(
        outcome=row["way"],
        low=row["bin"] / BINS,
        high=(row["bin"] + 1) / BINS,
        matches=row["matches"],
        expected=round(row["expected"], 6),
        observed=round(row["observed"], 6),
    )


def _curve(rows: Sequence[Row]) -> list[CurvePoint]:
    found: list[CurvePoint] = []
    total, count = 0.0, 0
    for row in rows:
        if not row["matches"]:
            continue
        total += row["log_loss"] * row["matches"]
        count += row["matches"]
        market = row["market_log_loss"]
        found.append(
            CurvePoint(
                week=row["week"].isoformat(),
                matches=row["matches"],
                log_loss=round(row["log_loss"], 6),
                running=round(total / count, 6),
                market_log_loss=None if market is None else round(market, 6),
            )
        )
    return found
