"""Matches of ours that a provider's match may be, from Postgres, and which are worth a look."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from app.database.engine import Connection, Row
from app.ingest.matching import INDIVIDUAL, POSTPONED, WINDOWS, Candidate, Described, Side
from app.ingest.naming import key_of, keys_in
from app.sports.match import OVER, MatchStatus, Sport

# Windows further apart than this are asked for apart; nearer ones are one.
NEAR = timedelta(hours=6)
# Candidates of which both sides may be alike that are looked at, the nearest in time; a day of real
# names has a handful.
PARTLY_ALIKE_MAX = 30
_OVER = frozenset(status.value for status in OVER)

# One index range a window; the postponed ones are few and found by their status.
_CANDIDATES = """
WITH wanted AS (
    SELECT m.id FROM unnest($3::timestamptz[], $4::timestamptz[]) AS w (low, high)
    JOIN matches m ON m.sport_id = $1 AND m.start_time BETWEEN w.low AND w.high
    UNION
    SELECT m.id FROM live_scores s JOIN matches m ON m.id = s.match_id
    WHERE s.status = 'postponed' AND m.sport_id = $1 AND m.start_time BETWEEN $5 AND $6
)
SELECT m.id, m.league_id, l.name AS league, l.country, m.home_id, m.away_id, m.start_time, s.status,
       EXISTS (
           SELECT FROM provider_refs r WHERE r.match_id = m.id AND r.provider = $2
       ) AS taken
FROM wanted w JOIN matches m ON m.id = w.id JOIN leagues l ON l.id = m.league_id
LEFT JOIN live_scores s ON s.match_id = m.id
WHERE m.merged_into IS NULL AND m.simulated = $7
ORDER BY m.id
"""
_SIDES = """
SELECT p.id, p.name, n.names, r.theirs
FROM unnest($1::bigint[]) AS k (id) JOIN participants p ON p.id = k.id
CROSS JOIN LATERAL (
    SELECT array_agg(n.name ORDER BY n.created_at, n.name) AS names
    FROM participant_names n WHERE n.participant_id = p.id
) AS n
CROSS JOIN LATERAL (
    SELECT array_agg(r.external_id) AS theirs
    FROM provider_refs r WHERE r.participant_id = p.id AND r.provider = $2
) AS r
"""


async def load_candidates(
    connection: Connection,
    provider: str,
    sport: Sport,
    starts: Sequence[datetime],
    *,
    simulated: bool,
) -> list[Candidate]:
    """Returns the matches that may be one that starts then, by id."""
    windows = windows_of(sport, starts)
    rows = await connection.fetch(
        _CANDIDATES,
        sport,
        provider,
        [low for low, _ in windows],
        [high for _, high in windows],
        min(starts) - POSTPONED,
        max(starts) + POSTPONED,
        simulated,
    )
    sides = await load_sides(
        connection, provider, {i for r in rows for i in (r["home_id"], r["away_id"])}
    )
    return [_candidate(row, sides) for row in rows]


async def load_sides(
    connection: Connection, provider: str, participant_ids: Iterable[int]
) -> dict[int, Side]:
    """Returns participants under all their names, with what the provider calls them."""
    rows = await connection.fetch(_SIDES, sorted(participant_ids), provider)
    return {
        row["id"]: Side(
            id=row["id"],
            names=tuple(dict.fromkeys((row["name"], *(row["names"] or ())))),
            theirs=frozenset(row["theirs"] or ()),
        )
        for row in rows
    }


def windows_of(sport: Sport, starts: Sequence[datetime]) -> list[tuple[datetime, datetime]]:
    """Returns the spans of time that matches starting then may be told under, without overlap."""
    reach = WINDOWS[sport].plausible
    windows: list[tuple[datetime, datetime]] = []
    for start in sorted(starts):
        if windows and start - reach <= windows[-1][1] + NEAR:
            windows[-1] = (windows[-1][0], start + reach)
        else:
            windows.append((start - reach, start + reach))
    return windows


def _candidate(row: Row, sides: Mapping[int, Side]) -> Candidate:
    return Candidate(
        match_id=row["id"],
        league=row["league"],
        country=row["country"],
        league_id=row["league_id"],
        home=sides[row["home_id"]],
        away=sides[row["away_id"]],
        start_time=row["start_time"],
        taken=row["taken"],
        over=row["status"] in _OVER,
        postponed=row["status"] == MatchStatus.POSTPONED,
    )


class Shortlist:
    """Finds the few candidates that have anything in common with a description."""

    def __init__(self, sport: Sport, candidates: Iterable[Candidate]) -> None:
        self._individual = sport in INDIVIDUAL
        self._by_match: dict[int, Candidate] = {}
        self._by_key: dict[str, set[int]] = {}
        for candidate in candidates:
            self.put(candidate)

    def put(self, candidate: Candidate) -> None:
        """Adds a candidate, or puts it in place of what was known of it."""
        self._by_match[candidate.match_id] = candidate
        for side in (candidate.home, candidate.away):
            for key in self._keys(side, asked=False):
                self._by_key.setdefault(key, set()).add(candidate.match_id)

    def get(self, match_id: int) -> Candidate:
        """Returns a candidate as last put."""
        return self._by_match[match_id]

    def of(self, described: Described) -> list[Candidate]:
        """Returns the candidates of which both sides, or one side wholly, may be alike."""
        home, away = self._wholly(described.home), self._wholly(described.away)
        wholly, partly = home | away, set[int]()
        # Nothing half alike outdoes a match of exactly these two, but one of another day does.
        if not any(self._may_do(described, match_id) for match_id in home & away):
            partly = (self._alike(described.home) & self._alike(described.away)) - wholly
        near = sorted(
            (abs(found.start_time - described.start_time), match_id)
            for match_id in partly
            if not (found := self._by_match[match_id]).taken
        )
        shown = sorted({*wholly, *(match_id for _, match_id in near[:PARTLY_ALIKE_MAX])})
        return [self._by_match[match_id] for match_id in shown]

    def _may_do(self, described: Described, match_id: int) -> bool:
        found = self._by_match[match_id]
        gap = abs(found.start_time - described.start_time)
        return not found.taken and gap <= described.times.same

    def _alike(self, side: Side) -> set[int]:
        found: set[int] = set()
        for key in self._keys(side, asked=True):
            found |= self._by_key.get(key, set())
        return found

    def _wholly(self, side: Side) -> set[int]:
        found = set(self._by_key.get(f"id {side.id}", ()))
        for name in side.names:
            key = f"={key_of(name, individual=self._individual)}"
            found |= self._by_key.get(key, set())
        return found

    def _keys(self, side: Side, *, asked: bool) -> set[str]:
        keys: set[str] = set() if side.id is None else {f"id {side.id}"}
        for name in side.names:
            keys |= keys_in(name, individual=self._individual, asked=asked)
            keys.add(f"={key_of(name, individual=self._individual)}")
        return keys
