"""What each task covers now, and what is to come: the world as the plan sees it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from app.database.engine import Connection, Row
from app.polling.budget import Outlook
from app.polling.schedule import Cell, Level, Phase, Task
from app.polling.wanted import BY_DEFAULT, OF_SPORT, STANDING
from app.providers.provider import Scope

# A match of any of our sports takes about so many hours, breaks included.
MATCH_SPANS = 3
# Matches are known for about a day ahead.
SPANS_AHEAD = 24
SPAN_S = 3_600.0
# States in which a provider need not be stood in for; one that begins is given the chance.
_UP = (None, "up")

# Three kinds of rows: matches that are alike, task by task of a provider; matches whose prices are
# watched, with the providers that know them; sports whose lists of prices are read.
_CELLS = f"""
WITH {STANDING}, parts AS (
    SELECT DISTINCT t.provider, t.part, l.league_id
    FROM poll_tasks t JOIN provider_refs l
      ON l.provider = t.provider AND l.kind = 'league' AND l.external_id = t.part
    WHERE t.enabled AND t.part <> ''
)
SELECT 'cell' AS kind, r.provider, o.sport_id, coalesce(p.part, '') AS part, NULL AS known_to,
       NULL::bigint AS league_id, o.phase, o.scores_level, o.markets_level, o.override_ms,
       o.set_for, count(*) AS matches, sum(o.scores) AS scores, sum(o.markets) AS markets
FROM standing o
JOIN provider_refs r ON r.match_id = o.id AND r.kind = 'match'
LEFT JOIN parts p ON p.provider = r.provider AND p.league_id = o.league_id
WHERE o.phase <> '{Phase.OVER}'
GROUP BY 2, 3, 4, 7, 8, 9, 10, 11
UNION ALL
SELECT 'watched', '', w.sport_id, '', w.known_to, w.league_id, '', 0, 2, NULL, '', count(*), 0, 0
FROM (SELECT o.sport_id, o.league_id, ARRAY(
          SELECT DISTINCT r.provider FROM provider_refs r
          WHERE r.match_id = o.id AND r.kind = 'match' ORDER BY 1
      ) AS known_to FROM standing o WHERE o.markets > 0 AND o.phase <> '{Phase.OVER}') w
GROUP BY w.sport_id, w.known_to, w.league_id
UNION ALL
SELECT 'listed', '', w.sport_id, '', NULL, w.league_id, '', 0, 1, NULL, '', 0, 0, 0
FROM wanted_lists w WHERE w.markets
UNION ALL
SELECT 'part', p.provider, '', p.part, NULL, p.league_id, '', 0, 0, NULL, '', 0, 0, 0 FROM parts p
"""
_LISTED_SPORTS = """
SELECT DISTINCT coalesce(d.sport_id, s.id) AS sport_id
FROM demand d JOIN demand_holders h ON h.holder = d.holder AND h.until > now()
JOIN sports s ON s.id = coalesce(d.sport_id, s.id)
WHERE d.match_id IS NULL AND d.league_slug IS NULL AND d.markets_until > now()
"""
_TASKS = """
SELECT t.id, t.provider, t.scope, t.sport_id, t.part, t.rule_interval_ms, t.cost, t.matches_max,
       h.standby, h.state AS health, h.quarantined_before, h.last_success_at,
       h.circuit = 'open' AND h.circuit_until > now() AS is_open, h.circuit_until,
       b.until AS blocked_until, b.reason AS blocked_because
FROM poll_tasks t
LEFT JOIN provider_health h ON h.provider = t.provider AND h.sport_id = t.sport_id
LEFT JOIN provider_blocks b ON b.provider = t.provider AND b.until > now()
WHERE t.enabled ORDER BY t.id
"""
_OVERRIDES = "SELECT subject, interval_ms FROM poll_overrides"
_STARTS = """
SELECT r.provider, m.sport_id, coalesce(p.part, '') AS part,
       floor(extract(epoch FROM m.start_time - now()) / $1)::int AS span, count(*) AS matches
FROM matches m
JOIN provider_refs r ON r.match_id = m.id AND r.kind = 'match' AND r.provider = ANY ($4::text[])
LEFT JOIN LATERAL (
    SELECT t.part FROM poll_tasks t JOIN provider_refs l
      ON l.provider = t.provider AND l.kind = 'league' AND l.external_id = t.part
    WHERE t.provider = r.provider AND t.part <> '' AND l.league_id = m.league_id LIMIT 1
) p ON true
WHERE m.start_time >= now() - $2::interval AND m.start_time < now() + $3::interval
GROUP BY 1, 2, 3, 4
"""

# Provider, sport, part.
Key = tuple[str, str, str]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """One task with what is known of its provider. `stands_by_for` names the one that is up."""

    task_id: int
    key: Key
    task: Task
    watchers: int
    stands_by_for: str
    open_until: datetime | None
    blocked_until: datetime | None
    blocked_because: str


async def known_tasks(connection: Connection) -> list[Known]:
    """Returns every task that is switched on, with the matches it covers."""
    rows = await connection.fetch(_TASKS)
    world = _World(await connection.fetch(_CELLS))
    world.listed |= {row["sport_id"] for row in await connection.fetch(_LISTED_SPORTS)}
    overrides = {r["subject"]: r["interval_ms"] for r in await connection.fetch(_OVERRIDES)}
    mains = _mains_up(rows)
    return [_known(row, world, overrides, mains) for row in rows]


async def outlooks(
    connection: Connection, providers: Sequence[str], *, speed: float
) -> Mapping[Key, Outlook]:
    """Returns how many matches are expected to be in play, for these providers' tasks."""
    span_s = SPAN_S / speed
    spans = timedelta(seconds=span_s)
    rows = await connection.fetch(
        _STARTS, span_s, spans * MATCH_SPANS, spans * SPANS_AHEAD, list(providers)
    )
    starts: dict[Key, dict[int, int]] = {}
    for row in rows:
        provider, sport = row["provider"], row["sport_id"]
        for key in {(provider, sport, row["part"]), (provider, sport, "")}:
            of_key = starts.setdefault(key, {})
            of_key[row["span"]] = of_key.get(row["span"], 0) + row["matches"]
    return {
        key: Outlook(
            span_s=span_s,
            on=tuple(
                sum(begun.get(span - ago, 0) for ago in range(MATCH_SPANS))
                for span in range(SPANS_AHEAD)
            ),
        )
        for key, begun in starts.items()
    }


class _World:
    """The rows of `_CELLS`, sorted."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.cells: dict[tuple[str, str], list[Row]] = {}
        self.watched: dict[str, list[Row]] = {}
        self.listed: set[str] = set()
        self.leagues: dict[tuple[str, str], set[int]] = {}
        for row in rows:
            match row["kind"]:
                case "cell":
                    self.cells.setdefault((row["provider"], row["sport_id"]), []).append(row)
                case "watched":
                    self.watched.setdefault(row["sport_id"], []).append(row)
                case "listed":
                    self.listed.add(row["sport_id"])
                case _:
                    of_part = self.leagues.setdefault((row["provider"], row["part"]), set())
                    of_part.add(row["league_id"])

    def cells_of(self, key: Key) -> list[Row]:
        """Returns the rows of the matches a task covers."""
        provider, sport, part = key
        return [row for row in self.cells.get((provider, sport), ()) if part in ("", row["part"])]

    def is_unknown(self, key: Key, covered: Sequence[Row]) -> bool:
        """Says whether prices are wanted that this task may have, of matches not known there."""
        provider, sport, part = key
        leagues = self.leagues.get((provider, part))
        if sport in self.listed and not any(row["markets_level"] for row in covered):
            return True
        return any(
            provider not in row["known_to"]
            and (not part or leagues is None or row["league_id"] in leagues)
            for row in self.watched.get(sport, ())
        )


def _known(
    row: Row, world: _World, overrides: Mapping[str, int], mains: Mapping[tuple[str, str], str]
) -> Known:
    scope = Scope(row["scope"])
    key = (row["provider"], row["sport_id"], row["part"])
    covered = [] if scope is Scope.FIXTURES else world.cells_of(key)
    cells = [_cell(one, scope) for one in covered]
    of_sport = f"{OF_SPORT}{row['sport_id']}"
    general = of_sport if of_sport in overrides else BY_DEFAULT
    task = Task(
        scope=scope,
        rule_ms=row["rule_interval_ms"],
        cost=row["cost"],
        matches_max=row["matches_max"],
        cells=tuple(cells),
        override_ms=overrides.get(task_name(row)),
        general_ms=overrides.get(general),
        general_for=general,
        unknown=scope is Scope.MARKETS and world.is_unknown(key, covered),
    )
    standby = row["standby"] and mains.get((row["scope"], row["sport_id"]), "")
    return Known(
        task_id=row["id"],
        key=key,
        task=task,
        watchers=sum(cell.watchers for cell in cells),
        stands_by_for=standby or "",
        open_until=row["circuit_until"] if row["is_open"] else None,
        blocked_until=row["blocked_until"],
        blocked_because=row["blocked_because"] or "",
    )


def task_name(row: Row) -> str:
    """Returns a task's id on the wire: `provider.scope.sport`, and its part behind."""
    name = f"{row['provider']}.{row['scope']}.{row['sport_id']}"
    return f"{name}.{row['part']}" if row["part"] else name


def _cell(row: Row, scope: Scope) -> Cell:
    prices = scope is Scope.MARKETS
    return Cell(
        phase=Phase(row["phase"]),
        level=Level(row["markets_level"] if prices else row["scores_level"]),
        matches=row["matches"],
        watchers=row["markets"] if prices else row["scores"],
        override_ms=row["override_ms"],
        set_for=row["set_for"],
    )


def _mains_up(rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    """Returns a main provider that is up for each scope and sport that has one."""
    return {
        (row["scope"], row["sport_id"]): row["provider"]
        for row in rows
        if not row["standby"]
        and (
            row["health"] in _UP
            or (row["health"] == "recovering" and row["quarantined_before"] is None)
        )
        and not row["is_open"]
        and row["blocked_until"] is None
    }
