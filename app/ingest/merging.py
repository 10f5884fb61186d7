"""Two of ours that are one are merged, one that is two is split: by an operator, nothing is lost.

What was merged keeps its row, with `merged_into`: its id still leads to the one that was kept.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from app.database.engine import Connection
from app.errors import AppError, NotFound
from app.ingest.heads import lock_heads
from app.ingest.matching import INDIVIDUAL, STRONG
from app.ingest.moving import move_told
from app.ingest.naming import likeness
from app.ingest.occurrences import reshow_incidents
from app.ingest.prices import reprice
from app.ingest.scores import rebelieve
from app.sports.match import Sport
from app.sports.observation import ObservedMatch

_MATCHES = """
SELECT m.id, m.sport_id, m.league_id, m.home_id, m.away_id, m.merged_into, m.start_time,
       m.simulated, h.name AS home, a.name AS away
FROM matches m JOIN participants h ON h.id = m.home_id JOIN participants a ON a.id = m.away_id
WHERE m.id = ANY ($1::bigint[])
"""
# Everything that names a match and is neither moved by `move_told` nor part of the log.
_MOVE_REST = (
    "UPDATE identity_reviews SET match_id = $2 WHERE match_id = $1",
    # Open ones are found anew where both are believed as one.
    "DELETE FROM conflicts WHERE match_id = $1 AND closed_at IS NULL AND $2::bigint IS NOT NULL",
    "UPDATE conflicts SET match_id = $2 WHERE match_id = $1",
    "UPDATE matches SET merged_into = $2 WHERE id = $1 OR merged_into = $1",
)
_MOVE_REFS = """
UPDATE provider_refs SET match_id = $2, inverted = inverted <> $3 WHERE match_id = $1
"""
_REFS_MOVED = "UPDATE match_heads SET refs_moved = true WHERE match_id = $1"
_SAY = "SELECT append_changes($1::bigint[], $2::text[], $3::text[])"
_LEARN_NAMES = """
INSERT INTO participant_names (participant_id, name, provider)
SELECT $2, p.name, 'operator' FROM participants p WHERE p.id = $1 AND p.id <> $2
ON CONFLICT DO NOTHING
"""
_REF = """
SELECT match_id, inverted, start_time, described::text AS described FROM provider_refs
WHERE provider = $1 AND kind = 'match' AND external_id = $2 FOR UPDATE
"""
_OTHERS = "SELECT count(*) FROM provider_refs WHERE match_id = $1"
_ADD_MATCH = """
INSERT INTO matches (sport_id, league_id, home_id, away_id, start_time, simulated)
VALUES ($1, $2, $3, $4, $5, $6) RETURNING id
"""
_MERGE_ROWS: Mapping[str, tuple[str, ...]] = {
    "leagues": (
        "UPDATE provider_refs SET league_id = $2 WHERE league_id = $1",
        "UPDATE matches SET league_id = $2 WHERE league_id = $1",
    ),
    "participants": (
        "UPDATE provider_refs SET participant_id = $2 WHERE participant_id = $1",
        "UPDATE matches SET home_id = $2 WHERE home_id = $1",
        "UPDATE matches SET away_id = $2 WHERE away_id = $1",
        (
            "INSERT INTO participant_names (participant_id, name, provider)"
            " SELECT $2::bigint, name, provider FROM participant_names WHERE participant_id = $1"
            " UNION SELECT $2::bigint, name, 'operator' FROM participants WHERE id = $1"
            " ON CONFLICT DO NOTHING"
        ),
        "DELETE FROM participant_names WHERE participant_id = $1 AND $2 <> $1",
    ),
}


class NotMergeable(AppError):
    """These cannot be merged or split like this."""

    code = "not_mergeable"
    status = 409


async def merge_matches(
    connection: Connection, keep: int, drop: int, *, inverted: bool | None = None
) -> None:
    """Makes two matches one, in the caller's transaction.

    What was told of the dropped one counts for the kept one. Both logs get an entry `match_merged`.
    `inverted` says that home of the one is away of the other; None: their names tell. Raises
    NotFound and NotMergeable.
    """
    await lock_heads(connection, (keep, drop))
    kept, dropped = await _two(connection, keep, drop)
    if inverted is None:
        inverted = _is_inverted(kept, dropped)
    await move_told(connection, drop, keep, inverted=inverted)
    for statement in _MOVE_REST:
        await connection.execute(statement, drop, keep)
    await connection.execute(_MOVE_REFS, drop, keep, inverted)
    await connection.execute(_REFS_MOVED, drop)
    sides = ("away_id", "home_id") if inverted else ("home_id", "away_id")
    await connection.execute(_LEARN_NAMES, dropped["home_id"], kept[sides[0]])
    await connection.execute(_LEARN_NAMES, dropped["away_id"], kept[sides[1]])
    await _believe_anew(connection, keep)
    bodies = (f'{{"merged":"{drop}"}}', f'{{"mergedInto":"{keep}"}}')
    await connection.execute(_SAY, [keep, drop], ["match_merged"] * 2, list(bodies))


async def split_match(connection: Connection, provider: str, external_id: str) -> int:
    """Takes a provider's match away from the one of ours it was taken for; returns its own.

    What the provider told goes with it, turned back where it had been turned round. A side that is
    not the one it was taken for becomes a participant of its own. Raises NotFound and NotMergeable.
    """
    ref = await connection.fetchrow(_REF, provider, external_id)
    if ref is None:
        raise NotFound(f"{provider} has no match {external_id} here.")
    source: int = ref["match_id"]
    await lock_heads(connection, [source])
    if await connection.fetchval(_OTHERS, source) < 2:
        raise NotMergeable("Nobody else tells of this match: there is nothing to split it from.")
    ours = (await connection.fetch(_MATCHES, [source]))[0]
    sides = await _own_sides(connection, provider, ours, ref)
    target: int = await connection.fetchval(
        _ADD_MATCH,
        ours["sport_id"],
        ours["league_id"],
        *sides,
        ref["start_time"] or ours["start_time"],
        ours["simulated"],
    )
    await lock_heads(connection, [target])
    await connection.execute(
        "UPDATE provider_refs SET match_id = $3, inverted = false"
        " WHERE provider = $1 AND kind = 'match' AND external_id = $2",
        provider,
        external_id,
        target,
    )
    await move_told(connection, source, target, inverted=ref["inverted"], provider=provider)
    await connection.execute(_REFS_MOVED, source)
    await _believe_anew(connection, source, target)
    await connection.execute(
        _SAY, [source], ["match_split"], [f'{{"provider":"{provider}","splitOff":"{target}"}}']
    )
    return target


async def merge_rows(
    connection: Connection, table: Literal["leagues", "participants"], keep: int, drop: int
) -> None:
    """Makes two leagues or two participants one; raises NotFound and NotMergeable."""
    rows = await connection.fetch(
        f"SELECT id, sport_id, merged_into FROM {table} WHERE id = ANY ($1::bigint[])"
        " ORDER BY id FOR UPDATE",
        [keep, drop],
    )
    _check_two(rows, keep, drop)
    if table == "participants":
        meets = "SELECT 1 FROM matches WHERE home_id IN ($1, $2) AND away_id IN ($1, $2)"
        if await connection.fetchval(meets, keep, drop):
            raise NotMergeable("They have played each other.")
    for statement in _MERGE_ROWS[table]:
        await connection.execute(statement, drop, keep)
    await connection.execute(
        f"UPDATE {table} SET merged_into = $2 WHERE id = $1 OR merged_into = $1", drop, keep
    )


async def _two(connection: Connection, keep: int, drop: int) -> tuple[Any, Any]:
    rows = await connection.fetch(_MATCHES, [keep, drop])
    _check_two(rows, keep, drop)
    by_id = {row["id"]: row for row in rows}
    return by_id[keep], by_id[drop]


def _check_two(rows: list[Any], keep: int, drop: int) -> None:
    if keep == drop:
        raise NotMergeable("These are one already.")
    missing = {keep, drop} - {row["id"] for row in rows}
    if missing:
        raise NotFound(f"There is no {', '.join(map(str, sorted(missing)))}.")
    if len({row["sport_id"] for row in rows}) > 1:
        raise NotMergeable("They are of two sports.")
    if any(row["merged_into"] is not None for row in rows):
        raise NotMergeable("One of them was merged before.")


def _is_inverted(kept: Any, dropped: Any) -> bool:
    if kept["home_id"] == dropped["home_id"] or kept["away_id"] == dropped["away_id"]:
        return False
    if kept["home_id"] == dropped["away_id"] or kept["away_id"] == dropped["home_id"]:
        return True
    individual = Sport(kept["sport_id"]) in INDIVIDUAL

    def alike(one: str, other: str) -> float:
        return likeness(kept[one], dropped[other], individual=individual)

    straight = alike("home", "home") + alike("away", "away")
    return alike("home", "away") + alike("away", "home") > straight


async def _own_sides(connection: Connection, provider: str, ours: Any, ref: Any) -> tuple[int, int]:
    """Returns the participants of a split match, home first as its provider has it."""
    there = [(ours["home_id"], ours["home"]), (ours["away_id"], ours["away"])]
    if ref["inverted"]:
        there.reverse()
    if ref["described"] is None:
        return there[0][0], there[1][0]
    match = msgspec.json.decode(ref["described"], type=ObservedMatch)
    sport = Sport(ours["sport_id"])
    found: list[int] = []
    for side, (number, name) in zip((match.home, match.away), there, strict=True):
        if likeness(side.name, name, individual=sport in INDIVIDUAL) >= STRONG:
            found.append(number)
            continue
        own: int = await connection.fetchval(
            "INSERT INTO participants (sport_id, name) VALUES ($1, $2) RETURNING id",
            sport,
            side.name,
        )
        await connection.execute(
            "UPDATE provider_refs SET participant_id = $3 WHERE provider = $1"
            " AND kind = 'participant' AND external_id = $2",
            provider,
            f"{sport}:{side.external_id}",
            own,
        )
        await connection.execute(
            "DELETE FROM participant_names WHERE participant_id = $1 AND name = $2",
            number,
            side.name,
        )
        found.append(own)
    return found[0], found[1]


async def _believe_anew(connection: Connection, *match_ids: int) -> None:
    await rebelieve(connection, match_ids)
    await reshow_incidents(connection, match_ids)
    await reprice(connection, match_ids)
