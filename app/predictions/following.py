"""Which matches are to be forecast anew, where they stand, and writing down what was made of them.

A match's log is followed from a durable place: the place and the forecast are written in one
transaction, which also holds the head of the log. What the forecast itself adds to the log
(`prediction_update`, by the trigger) is within the place, so it is not followed again. A crash
anywhere leaves both as they were.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from app.catalog.freshness import SEEN_SINCE
from app.database.engine import Connection, Row
from app.predictions.records import record
from app.predictions.standing import Base, Chances, Made, Standing
from app.predictions.told import told_chances
from app.sports.ids import MatchId
from app.sports.incidents import Incident
from app.sports.market import SelectionKey
from app.sports.match import SPORTS, MatchStatus, Period, Score, Sport

# What one look may find; the next begins at once while there are more.
MATCHES_PER_ROUND_MAX = 200
# Of what is ahead: a portion that takes a fraction of a second, between two looks at what is on.
AROUND_PER_ROUND_MAX = 25
# From when on a match is forecast without being asked for, and until when after its start a result
# that is put right is looked at again.
AHEAD = timedelta(hours=48)
CORRECTED_FOR = timedelta(hours=48)
# Scores and incidents are followed at once, prices at most so often: of each of 10,000 that move in
# a second nobody wants to be told.
PRICES_EVERY_IN_PLAY = timedelta(seconds=10)
PRICES_EVERY = timedelta(seconds=30)
# In play time itself changes chances; before, a forecast is at most so old.
AGAIN_IN_PLAY = timedelta(seconds=60)
AGAIN = timedelta(minutes=10)

_PERIODS = msgspec.json.Decoder(tuple[Period, ...])
_CARDS = msgspec.json.Decoder(tuple[Incident, ...])
_MARKET = msgspec.json.Decoder(dict[str, float])
_BASE = msgspec.json.Decoder(Base)
_WAYS = (SelectionKey.HOME.value, SelectionKey.DRAW.value, SelectionKey.AWAY.value)

# In play now, in play when they were last forecast, or asked for.
_NOW = """
SELECT match_id FROM live_scores WHERE status IN ('live', 'paused', 'interrupted')
UNION SELECT match_id FROM forecasts WHERE phase = 'in_play'
UNION SELECT match_id FROM forecast_places WHERE asked_at IS NOT NULL
"""
# Soon to begin, or lately begun.
_AROUND = """
SELECT id AS match_id FROM matches
WHERE start_time > statement_timestamp() - $6::interval
  AND start_time < statement_timestamp() + $5::interval
"""
_DUE = """
SELECT m.id
FROM ({wanted}) AS w
JOIN matches AS m ON m.id = w.match_id AND m.merged_into IS NULL
JOIN match_heads AS h ON h.match_id = m.id
LEFT JOIN live_scores AS s ON s.match_id = m.id
LEFT JOIN forecast_places AS p ON p.match_id = m.id
LEFT JOIN forecasts AS f ON f.match_id = m.id
CROSS JOIN LATERAL (
    SELECT coalesce(s.status IN ('live', 'paused', 'interrupted'), false) AS plays,
           coalesce(s.status, 'scheduled') IN ('scheduled', 'postponed') AS is_ahead,
           statement_timestamp() - p.looked_at AS since
) AS x
WHERE p.seq IS NULL OR p.seq < 0 OR p.asked_at IS NOT NULL
   OR h.seq > p.seq AND (
       x.since > CASE WHEN x.plays THEN $1::interval ELSE $2::interval END
       OR EXISTS (
           SELECT FROM changes AS c WHERE c.match_id = m.id AND c.seq > p.seq AND c.at >= p.at
           AND c.kind IN ('score_update', 'score_correction', 'incident', 'match_merged',
                          'match_split')
       )
   )
   OR x.plays AND x.since > $3::interval
   OR x.is_ahead AND x.since > $4::interval
   OR (x.is_ahead OR f.match_id IS NULL) AND p.looked_at < $7
ORDER BY p.asked_at, x.plays DESC, m.start_time LIMIT $8
"""
# One statement: the score, the cards and the prices are those of exactly this place of the log.
_STANDING = f"""
SELECT m.id, m.sport_id, l.slug, l.name AS league, a.name AS home, b.name AS away, m.start_time,
       m.simulated, h.seq, h.at, statement_timestamp() AS read_at,
       coalesce(s.status, 'scheduled') AS status, s.home_score, s.away_score, s.period, s.clock,
       coalesce(s.periods, '[]')::text AS periods, s.updated_at AS scored_at,
       s.points_at, i.sent_off_at, i.cards, k.market, k.priced_at, k.seen_since,
       f.base::text AS base,
       CASE f.phase WHEN 'in_play' THEN f.minute END AS minute
FROM matches AS m
JOIN match_heads AS h ON h.match_id = m.id
JOIN leagues AS l ON l.id = m.league_id
JOIN participants AS a ON a.id = m.home_id
JOIN participants AS b ON b.id = m.away_id
LEFT JOIN live_scores AS s ON s.match_id = m.id
LEFT JOIN forecasts AS f ON f.match_id = m.id
CROSS JOIN LATERAL (
    SELECT coalesce(json_agg(i.body ORDER BY i.ordinal), '[]')::text AS cards,
           max(i.created_at) AS sent_off_at
    FROM incidents AS i
    WHERE i.match_id = m.id AND NOT i.withdrawn AND i.body ->> 'type' = 'card'
      AND i.body ->> 'colour' IN ('red', 'second_yellow')
) AS i
LEFT JOIN LATERAL (
    SELECT json_object_agg(x.key, x.fair_probability)::text AS market,
           max(k.updated_at) AS priced_at,
           max(least(k.updated_at, {SEEN_SINCE})) AS seen_since
    FROM markets AS k JOIN selections AS x ON x.market_id = k.id
    WHERE k.match_id = m.id AND k.type = 'winner' AND k.status = 'open'
      AND coalesce(k.fresh_until > statement_timestamp(), true)
    GROUP BY k.id HAVING bool_and(x.status = 'open' AND x.fair_probability IS NOT NULL)
) AS k ON true
WHERE m.id = ANY ($1::bigint[])
"""
_HOLD = "SELECT seq, at FROM match_heads WHERE match_id = $1 FOR NO KEY UPDATE"
_PLACE_OF = "SELECT seq FROM forecast_places WHERE match_id = $1"
_HEAD = "SELECT seq, at FROM match_heads WHERE match_id = $1"
_KEEP = """
INSERT INTO forecasts AS f (
    match_id, version, model, phase, minute, home, draw, away, confidence, expected_home,
    expected_away, market_share, home_score, away_score, base, generated_at
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::json, clock_timestamp())
ON CONFLICT (match_id) DO UPDATE
SET version = excluded.version, model = excluded.model, phase = excluded.phase,
    minute = excluded.minute, home = excluded.home, draw = excluded.draw, away = excluded.away,
    confidence = excluded.confidence, expected_home = excluded.expected_home,
    expected_away = excluded.expected_away, market_share = excluded.market_share,
    home_score = excluded.home_score, away_score = excluded.away_score, base = excluded.base,
    generated_at = excluded.generated_at
"""
_PLACE = """
INSERT INTO forecast_places AS p (match_id, seq, at, looked_at)
VALUES ($1, $2, $3, clock_timestamp())
ON CONFLICT (match_id) DO UPDATE
SET seq = excluded.seq, at = excluded.at, looked_at = excluded.looked_at, asked_at = NULL
"""


async def due_matches(
    connection: Connection, *, around: bool, refitted_at: datetime
) -> list[MatchId]:
    """Returns matches to be forecast anew: those in play and asked for, and all `around` now.

    What is ahead, or has no forecast, and was looked at before `refitted_at` is forecast by newer
    parameters.
    """
    rows = await connection.fetch(
        _DUE_AROUND if around else _DUE_NOW,
        *(PRICES_EVERY_IN_PLAY, PRICES_EVERY, AGAIN_IN_PLAY, AGAIN),
        *(AHEAD, CORRECTED_FOR, refitted_at),
        AROUND_PER_ROUND_MAX if around else MATCHES_PER_ROUND_MAX,
    )
    return [MatchId(row["id"]) for row in rows]


# Both take the same parameters, so that each has to name those it has no use for.
_UNUSED = " AND $5::interval IS NOT NULL AND $6::interval IS NOT NULL"
_DUE_NOW = _DUE.format(wanted=f"SELECT match_id FROM ({_NOW}) AS n WHERE true{_UNUSED}")
_DUE_AROUND = _DUE.format(wanted=f"{_NOW} UNION {_AROUND}")


async def standings_of(connection: Connection, ids: Sequence[MatchId]) -> list[Standing]:
    """Returns where matches stand, in the order asked."""
    rows = await connection.fetch(_STANDING, list(ids))
    found = {row["id"]: _standing(row) for row in rows}
    return [found[number] for number in ids if number in found]


def _standing(row: Row) -> Standing:
    sport = Sport(row["sport_id"])
    score = Score(
        status=MatchStatus(row["status"]),
        home=row["home_score"],
        away=row["away_score"],
        period=row["period"],
        clock=row["clock"],
        periods=_PERIODS.decode(row["periods"]),
    )
    moved = [at for at in (row["points_at"], row["sent_off_at"]) if at is not None]
    priced_at = row["seen_since" if SPORTS[sport].point_moves_prices else "priced_at"]
    is_young = not moved or (priced_at is not None and priced_at > max(moved))
    return Standing(
        match_id=MatchId(row["id"]),
        sport=sport,
        league_slug=row["slug"],
        league=row["league"],
        home=row["home"],
        away=row["away"],
        start_time=row["start_time"],
        simulated=row["simulated"],
        score=score,
        scored_at=row["scored_at"],
        cards=_CARDS.decode(row["cards"]),
        market=_market(sport, row["market"]) if is_young else None,
        seq=row["seq"],
        at=row["at"],
        read_at=row["read_at"],
        base=None if row["base"] is None else _BASE.decode(row["base"]),
        minute=None if row["minute"] is None else float(row["minute"]),
    )


def _market(sport: Sport, told: str | None) -> Chances | None:
    """Returns the market's chances in the order of a forecast's; None for another question."""
    if told is None:
        return None
    chances = _MARKET.decode(told)
    ways = [way for way in _WAYS if way != "draw" or SPORTS[sport].has_draw]
    if set(chances) != set(ways) or not all(0.0 < chance < 1.0 for chance in chances.values()):
        return None
    return tuple(chances[way] for way in ways)


async def save(connection: Connection, standing: Standing, made: Made | None) -> bool:
    """Writes a forecast with the place it was made at, in one transaction; returns whether.

    Without one (`made` None), only the place. Nothing is written when another predictor was here
    with a later place. A match that is over gets its record.
    """
    async with connection.transaction():
        head = await connection.fetchrow(_HOLD, standing.match_id)
        if head is None:
            return False
        before: int | None = await connection.fetchval(_PLACE_OF, standing.match_id)
        if before is not None and before > standing.seq:
            return False
        if made is not None:
            await connection.execute(_KEEP, standing.match_id, *_row(standing, made))
            if made.goals is not None:
                await record(connection, standing, made)
        seq, at = standing.seq, standing.at
        if head["seq"] == standing.seq:
            # Nobody else wrote meanwhile: what was added is our own word.
            now = await connection.fetchrow(_HEAD, standing.match_id)
            assert now is not None, "the head is held"
            seq, at = now["seq"], now["at"]
        await connection.execute(_PLACE, standing.match_id, seq, at)
    return True


def _row(standing: Standing, made: Made) -> Sequence[object]:
    forecast = made.forecast
    chances = told_chances(forecast.chances, is_over=made.phase == "over")
    return (
        forecast.version,
        forecast.model,
        made.phase,
        None if made.minute is None else _rounded(made.minute, "0.1"),
        chances[0],
        chances[1] if len(chances) == 3 else None,
        chances[-1],
        _rounded(forecast.confidence, "0.001"),
        _rounded(forecast.expected_home, "0.01"),
        _rounded(forecast.expected_away, "0.01"),
        _rounded(made.share, "0.001"),
        standing.score.home,
        standing.score.away,
        msgspec.json.encode(made.base).decode(),
    )


def _rounded(value: float, to: str) -> Decimal:
    return Decimal(value).quantize(Decimal(to))
