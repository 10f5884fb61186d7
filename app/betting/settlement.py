"""Settles the bets of a match from its log, and settles them anew when a result is put right.

A match is read at one place of its log; every leg's result is worked out, and every bet whose
results differ is settled: a settlement before is reversed to the cent, the new one posted, both in
one transaction with the bet, its legs and the user's log. When all bets of the match are done the
place is written down. A crash anywhere leaves the place where it was: what was settled is found
settled, the rest is done again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from app import metrics
from app.betting.bet import SETTLED, Bet, BetStatus, Leg, LegResult
from app.betting.exposure import Hanging, hang, hanging_of, together
from app.betting.outcomes import Question, outcome_of
from app.betting.read import bets_of_ids
from app.betting.results import PUT_OFF, MatchEnd
from app.betting.rules import product
from app.betting.settled import Noted, moves_before, write_settlements
from app.betting.settling import (
    Verdict,
    flipped,
    moves_of,
    reversal_of,
    verdict_of,
    with_debts,
)
from app.betting.told import bet_body
from app.database import engine
from app.database.engine import Connection, Pool, Row
from app.sports.ids import MatchId
from app.sports.match import MatchStatus, Period, Score, Sport
from app.stream import user_log
from app.stream.user_log import Entry
from app.wallet.ledger import lock_balances, post, retrying
from app.wallet.moves import Move
from app.wallet.read import balance_body, balances_of_all

# Bets settled in one transaction: enough to share its costs, few enough to be soon over.
BETS_PER_TRANSACTION = 100
# What one look at the log may find; the next begins at once while there are more.
MATCHES_PER_ROUND_MAX = 200
# How long after its start a match's bets are settled anew when its result is put right; later it is
# for an operator to do.
CORRECTED_FOR = timedelta(days=30)

_PERIODS = msgspec.json.Decoder(tuple[Period, ...])

# Matches with bets whose log went on since they were settled, or that are over while a bet on them
# is still open: a bet may be struck in the moment its match ends.
_DUE = """
WITH known AS (
    SELECT DISTINCT e.match_id FROM market_exposures e
    JOIN matches m ON m.id = e.match_id WHERE m.start_time > $1
)
SELECT k.match_id FROM known k
JOIN matches m ON m.id = k.match_id
JOIN match_heads h ON h.match_id = coalesce(m.merged_into, m.id)
LEFT JOIN settlement_places p ON p.match_id = k.match_id
WHERE h.seq > coalesce(p.seq, -1)
ORDER BY k.match_id LIMIT $2
"""
_LEFT_OPEN = """
SELECT DISTINCT l.match_id FROM bets b
JOIN bet_legs l ON l.bet_id = b.id
JOIN matches m ON m.id = l.match_id
JOIN unnest($1::text[], $2::interval[]) AS put_off (sport_id, most)
    ON put_off.sport_id = m.sport_id
LEFT JOIN live_scores s ON s.match_id = coalesce(m.merged_into, m.id)
WHERE b.status = 'accepted' AND l.result IS NULL AND NOT l.by_hand
  AND (s.status IN ('finished', 'cancelled', 'abandoned', 'awarded')
       OR coalesce(s.status, 'scheduled') IN ('postponed', 'scheduled')
          AND (l.starts_at < $3::timestamptz - put_off.most
               OR m.start_time > l.starts_at + put_off.most))
LIMIT $4
"""
_MATCH = """
SELECT m.sport_id, k.start_time, h.seq, coalesce(s.status, 'scheduled') AS status, s.home_score,
       s.away_score, s.period, s.clock, coalesce(s.periods, '[]')::text AS periods, s.confidence,
       coalesce(s.status_at, s.updated_at) AS status_at,
       m.id <> k.id AND coalesce(a.merged_into, a.id) = coalesce(b.merged_into, b.id) AS is_flipped
FROM matches m
JOIN matches k ON k.id = coalesce(m.merged_into, m.id)
JOIN match_heads h ON h.match_id = k.id
JOIN participants a ON a.id = m.home_id
JOIN participants b ON b.id = k.away_id
LEFT JOIN live_scores s ON s.match_id = k.id
WHERE m.id = $1
"""
_BETS = """
SELECT b.id FROM bet_legs l JOIN bets b ON b.id = l.bet_id
WHERE l.match_id = $1 AND l.bet_id > $2
  AND b.status IN ('accepted', 'won', 'lost', 'void', 'half_won', 'half_lost')
ORDER BY l.bet_id LIMIT $3
"""
_LOCK = """
SELECT id FROM bets WHERE id = ANY ($1::bigint[])
  AND status IN ('accepted', 'won', 'lost', 'void', 'half_won', 'half_lost')
ORDER BY id FOR NO KEY UPDATE
"""
_PLACE = """
INSERT INTO settlement_places AS p (match_id, seq) VALUES ($1, $2)
ON CONFLICT (match_id) DO UPDATE SET seq = excluded.seq, at = now()
WHERE p.seq < excluded.seq
"""


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """When a result is good enough: so long after it was told, and believed so far (0 to 1)."""

    after: timedelta
    confidence: Decimal


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A match at one place of its log. `flipped`: it was merged into one told the other way."""

    seq: int
    start_time: datetime
    score: Score
    sport: Sport
    flipped: bool
    is_ripe: bool


async def due_matches(pool: Pool, now: datetime) -> list[MatchId]:
    """Returns matches whose bets may have to be settled."""
    async with engine.connection(pool) as connection:
        rows = await connection.fetch(_DUE, now - CORRECTED_FOR, MATCHES_PER_ROUND_MAX)
    return [MatchId(row["match_id"]) for row in rows]


async def left_open(pool: Pool, now: datetime) -> list[MatchId]:
    """Returns matches that are over, or were put off for too long, with a leg still open."""
    async with engine.connection(pool) as connection:
        sports, most = zip(*PUT_OFF.items(), strict=True)
        rows = await connection.fetch(_LEFT_OPEN, sports, most, now, MATCHES_PER_ROUND_MAX)
    return [MatchId(row["match_id"]) for row in rows]


async def settle_match(pool: Pool, match_id: MatchId, *, waits: Waits, now: datetime) -> int:
    """Settles the bets on a match as it now stands; returns how many it settled or put right.

    Safe to call at any time, and again: a bet that is as it should be is left alone.
    """
    async with engine.connection(pool) as connection:
        standing = await _standing(connection, match_id, waits=waits, now=now)
    if standing is None or not standing.is_ripe:
        return 0
    settled, last = 0, 0
    while True:
        async with engine.connection(pool) as connection:
            rows = await connection.fetch(_BETS, match_id, last, BETS_PER_TRANSACTION)
        if not rows:
            break
        ids = [row["id"] for row in rows]
        last = ids[-1]
        done = await _settle_some(pool, ids, match_id, waits=waits, now=now)
        if done is None:  # It is not over any more: what comes next in its log says so.
            return settled
        settled += len(done)
        if done:
            await user_log.nudge(pool, done)
    async with engine.connection(pool) as connection:
        await connection.execute(_PLACE, match_id, standing.seq)
    return settled


async def _standing(
    connection: Connection, match_id: MatchId, *, waits: Waits, now: datetime
) -> Standing | None:
    row = await connection.fetchrow(_MATCH, match_id)
    if row is None:
        return None
    score = Score(
        status=MatchStatus(row["status"]),
        home=row["home_score"],
        away=row["away_score"],
        period=row["period"],
        clock=row["clock"],
        periods=_PERIODS.decode(row["periods"]),
    )
    return Standing(
        seq=row["seq"],
        start_time=row["start_time"],
        score=score,
        sport=Sport(row["sport_id"]),
        flipped=row["is_flipped"],
        is_ripe=_is_ripe(row, waits=waits, now=now),
    )


def _is_ripe(row: Row, *, waits: Waits, now: datetime) -> bool:
    """Says whether a result has stood for long enough, and is believed enough."""
    if row["status"] != "finished":
        return True
    stands = now - row["status_at"] >= waits.after
    return stands and row["confidence"] >= waits.confidence


async def _settle_some(
    pool: Pool, ids: Sequence[int], match_id: MatchId, *, waits: Waits, now: datetime
) -> list[int] | None:
    """Settles some bets in one transaction; returns the users of those that changed, None when the
    match is not as good as over any more.

    How the match stands is read once the bets are locked: of several workers the one that has them
    last knows what the others knew, so that nobody settles by what was put right meanwhile.
    """

    async def deed() -> list[int] | None:
        async with engine.connection(pool) as connection, connection.transaction():
            rows = await connection.fetch(_LOCK, list(ids))
            standing = await _standing(connection, match_id, waits=waits, now=now)
            if standing is None or not standing.is_ripe:
                return None
            bets = await bets_of_ids(connection, [row["id"] for row in rows])
            wanted = {bet.id: results_of(bet, match_id, standing, now=now) for bet in bets}
            changed = [bet for bet in bets if wanted[bet.id] != _results_now(bet)]
            notes = {bet.id: Noted(cause="result") for bet in changed}
            await settle_bets(connection, changed, wanted, notes=notes, now=now)
            return [bet.user_id for bet in changed]

    return await retrying(deed)


def results_of(
    bet: Bet, match_id: MatchId, standing: Standing, *, now: datetime
) -> dict[int, LegResult | None]:
    """Returns the results of a bet's legs, by number, with what the match makes of its own."""
    results = _results_now(bet)
    for number, leg in enumerate(bet.legs, 1):
        if leg.match_id == match_id and not leg.by_hand:
            results[number] = _result_of(leg, standing, now=now)
    return results


def _results_now(bet: Bet) -> dict[int, LegResult | None]:
    return {number: leg.result for number, leg in enumerate(bet.legs, 1)}


def _result_of(leg: Leg, standing: Standing, *, now: datetime) -> LegResult | None:
    told = flipped(leg) if standing.flipped else leg
    not_begun = standing.score.status in (MatchStatus.POSTPONED, MatchStatus.SCHEDULED)
    until = leg.starts_at + PUT_OFF[standing.sport]
    put_off = not_begun and (now > until or standing.start_time > until)
    score = standing.score
    if put_off:
        score = Score(status=MatchStatus.POSTPONED)
    end = MatchEnd(sport=standing.sport, score=score, gave_up=put_off)
    question = Question(
        sport=standing.sport,
        market_type=told.market_type,
        line=told.line,
        key=told.selection_key,
    )
    outcome = outcome_of(question, end)
    return None if outcome is None else outcome.result


async def settle_bets(
    connection: Connection,
    bets: Sequence[Bet],
    results: Mapping[int, Mapping[int, LegResult | None]],
    *,
    notes: Mapping[int, Noted],
    now: datetime,
) -> None:
    """Writes what became of bets that the caller has locked: legs, settlements, money, exposure,
    and what their users are told.
    """
    if not bets:
        return
    verdicts = {bet.id: verdict_of(bet, results[bet.id]) for bet in bets}
    # A bet with a leg decided and others open is as it was: only its leg is written.
    moved = [bet for bet in bets if _differs(bet, verdicts[bet.id])]
    # Read first: what is written next is the newest settlement from then on.
    before = await moves_before(connection, [bet for bet in moved if bet.status in SETTLED])
    made = await write_settlements(
        connection, bets, results, verdicts=verdicts, moved=moved, notes=notes, now=now
    )
    # Exposure before money, as placement takes them: in one order nobody dies of a deadlock.
    await _change_exposure(connection, moved, verdicts)
    await _move_money(connection, moved, verdicts, made, before=before)
    await _tell(connection, [bet.id for bet in bets])
    for bet in moved:
        verdict = verdicts[bet.id]
        status = BetStatus.ACCEPTED if verdict is None else verdict.status
        metrics.bets.labels(status.value).inc()


def _differs(bet: Bet, verdict: Verdict | None) -> bool:
    if verdict is None:
        return bet.status in SETTLED
    pays = bet.returned - bet.cashed_out_paid
    return bet.status is not verdict.status or pays != verdict.returned


async def _move_money(
    connection: Connection,
    bets: Sequence[Bet],
    verdicts: Mapping[int, Verdict | None],
    made: Mapping[int, str],
    *,
    before: Mapping[int, Sequence[Move]],
) -> None:
    """Reverses what was settled before and posts what is settled now."""
    owners = [(bet.user_id, bet.stake.currency) for bet in bets]
    balances = await lock_balances(connection, owners)
    moves: list[Move] = []
    for bet in bets:
        owner, name = (bet.user_id, bet.stake.currency), made[bet.id]
        steps = reversal_of(before.get(bet.id, ()), settlement=name)
        verdict = verdicts[bet.id]
        if verdict is not None:
            steps += moves_of(bet, verdict, settlement=name)
        steps, balances[owner] = with_debts(bet, steps, balances[owner], settlement=name)
        moves += steps
    await post(connection, moves)


async def _change_exposure(
    connection: Connection, bets: Sequence[Bet], verdicts: Mapping[int, Verdict | None]
) -> None:
    """Takes settled bets off their markets, and puts those back that are open again."""
    changes: dict[str, list[Hanging]] = {}
    for bet in bets:
        opens, was_open = verdicts[bet.id] is None, bet.status is BetStatus.ACCEPTED
        if opens == was_open:
            continue
        left = bet.stake - bet.stake_cashed_out
        legs = [(leg.market_id, leg.match_id, leg.selection_id) for leg in bet.legs]
        potential = left.times(product([leg.odds for leg in bet.legs]))
        hanging = hanging_of(legs, left, potential)
        signed = hanging if opens else [one.negated() for one in hanging]
        changes.setdefault(bet.stake.currency, []).extend(signed)
    for currency, hanging in changes.items():
        await hang(connection, together(hanging), currency)


async def _tell(connection: Connection, ids: Sequence[int]) -> None:
    """Appends the bets as they now are, and each user's balance once, to the users' logs."""
    bets = await bets_of_ids(connection, ids)
    entries = [Entry(user_id=b.user_id, kind="bet_update", body=bet_body(b)) for b in bets]
    balances = await balances_of_all(connection, sorted({bet.user_id for bet in bets}))
    for owner in {(bet.user_id, bet.stake.currency): None for bet in bets}:
        body = balance_body(balances[owner])
        entries.append(Entry(user_id=owner[0], kind="balance_update", body=body))
    await user_log.append_all(connection, entries)
