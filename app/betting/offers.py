"""What the books say of selections now, locked so that no price moves while a bet is struck."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec

from app.betting.rules import Offer, Rules
from app.catalog.freshness import QUARANTINED, SEEN_SINCE
from app.database.engine import Connection, Row
from app.errors import NotFound
from app.sports.ids import MarketId, MatchId, SelectionId
from app.sports.match import MatchStatus

# FOR SHARE of the market: whoever suspends or settles it waits for us, or we for him.
_LOCK = f"""
SELECT x.id AS selection_id, x.key, k.id AS market_id, k.match_id, m.sport_id, l.slug AS league,
       k.type, k.line, k.version, k.status AS market_status, x.status AS selection_status, x.odds,
       x.fair_probability, coalesce(s.status, 'scheduled') AS match_status, s.home_score,
       s.away_score, s.points_at, s.status_at, m.start_time, {SEEN_SINCE} AS seen_since,
       (SELECT max(q.observed_at) FROM quotes q
        LEFT JOIN provider_health h ON h.provider = q.provider AND h.sport_id = m.sport_id
        WHERE q.selection_id = x.id AND q.odds IS NOT NULL
          AND NOT {QUARANTINED.format(at="q.observed_at")}) AS confirmed_at,
       (SELECT json_agg(r)::text FROM bet_rules r
        WHERE r.scope IN ('default', 'sport.' || m.sport_id, 'league.' || l.slug)) AS rules
FROM selections x
JOIN markets k ON k.id = x.market_id
JOIN matches m ON m.id = k.match_id
JOIN leagues l ON l.id = m.league_id
LEFT JOIN live_scores s ON s.match_id = m.id
WHERE x.id = ANY ($1::bigint[])
ORDER BY k.id
FOR SHARE OF k
"""


class RuleSet(msgspec.Struct, frozen=True, kw_only=True):
    """Rules of one scope; None: as the wider scope says."""

    scope: str
    delay_ms: int | None = None
    stake_min: Decimal | None = None
    stake_max: Decimal | None = None
    return_max: Decimal | None = None
    liability_max: Decimal | None = None
    user_day_max: Decimal | None = None


class Offered(msgspec.Struct, frozen=True):
    """A selection as the books say now, and the rules bets on it go by."""

    offer: Offer
    rules: Rules


_RULE_SETS = msgspec.json.Decoder(list[RuleSet], strict=False)
_AMOUNTS = ("stake_min", "stake_max", "return_max", "liability_max", "user_day_max")


async def lock_offers(
    connection: Connection, selection_ids: Sequence[SelectionId], house: Rules
) -> dict[SelectionId, Offered]:
    """Returns the selections by id, their markets locked until the transaction ends.

    `house` are the rules where no scope says otherwise. Raises NotFound, naming the unknown ones.
    """
    found = await find_offers(connection, selection_ids, house)
    missing = [str(selection_id) for selection_id in selection_ids if selection_id not in found]
    if missing:
        raise NotFound(f"There is no selection {', '.join(missing)}.")
    return found


async def find_offers(
    connection: Connection, selection_ids: Sequence[SelectionId], house: Rules
) -> dict[SelectionId, Offered]:
    """Returns those that there are, as `lock_offers` does."""
    rows = await connection.fetch(_LOCK, list(selection_ids))
    return {SelectionId(row["selection_id"]): _offered(row, house) for row in rows}


def rules_under(house: Rules, sets: Sequence[RuleSet]) -> Rules:
    """Returns the rules that hold: a league's before its sport's before everybody's."""
    # "league" < "sport" by their letters, "default" last.
    nearest = sorted(sets, key=lambda one: (one.scope == "default", one.scope))
    said: dict[str, Any] = {}
    for rule_set in reversed(nearest):
        values = {name: getattr(rule_set, name) for name in _AMOUNTS}
        if rule_set.delay_ms is not None:
            values["delay"] = timedelta(milliseconds=rule_set.delay_ms)
        said |= {name: value for name, value in values.items() if value is not None}
    return msgspec.structs.replace(house, **said)


def _offered(row: Row, house: Rules) -> Offered:
    sets = _RULE_SETS.decode(row["rules"]) if row["rules"] else []
    offer = Offer(
        selection_id=SelectionId(row["selection_id"]),
        selection_key=row["key"],
        market_id=MarketId(row["market_id"]),
        match_id=MatchId(row["match_id"]),
        sport_id=row["sport_id"],
        league=row["league"],
        market_type=row["type"],
        line=row["line"],
        market_version=row["version"],
        market_status=row["market_status"],
        selection_status=row["selection_status"],
        odds=row["odds"],
        fair_probability=row["fair_probability"],
        match_status=MatchStatus(row["match_status"]),
        home_score=row["home_score"],
        away_score=row["away_score"],
        starts_at=row["start_time"],
        confirmed_at=row["confirmed_at"],
        seen_since=row["seen_since"],
        points_at=row["points_at"],
        status_at=row["status_at"],
    )
    return Offered(offer, rules_under(house, sets) if sets else house)
