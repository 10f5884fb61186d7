"""The only code that writes transfers. Callers give the transaction; nothing here commits."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import asyncpg

from app import metrics
from app.database.engine import Connection
from app.sports.ids import UserId
from app.wallet.errors import InsufficientFunds, TransferKeyReused
from app.wallet.moves import Funds, Move, Posted
from app.wallet.read import Balance, balance_from

# Transactions that Postgres ended because of others are done again this often at most; with ten
# writers on one account three tries were enough, so more means something is wrong.
TRIES_MAX = 8
# Those that died of each other must not meet again in step: before the n-th try each waits for
# up to 2^n of these.
PAUSE = timedelta(milliseconds=5)
R = TypeVar("R")
KEY_LENGTH_MAX = 120

_POST = """
SELECT post_transfers(
    $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[],
    $8::text[], $9::text[]
)
"""
_LOCK_BALANCES = """
SELECT a.user_id, a.currency, a.kind, a.balance
FROM unnest($1::bigint[], $2::text[]) AS k (user_id, currency)
JOIN accounts AS a USING (user_id, currency)
WHERE a.kind IN ('available', 'owed')
ORDER BY a.id FOR NO KEY UPDATE OF a
"""


_LOCK_ACCOUNTS = """
SELECT a.user_id, a.currency, a.kind, a.balance
FROM unnest($1::bigint[], $2::text[]) AS k (user_id, currency)
JOIN accounts AS a USING (user_id, currency)
ORDER BY a.id FOR NO KEY UPDATE OF a
"""


class Overtaken(Exception):
    """Another transaction did the same meanwhile: done again, this one finds it done."""

    sqlstate = "40001"


async def lock_accounts(
    connection: Connection, owners: Sequence[tuple[UserId, str]]
) -> dict[tuple[UserId, str], Balance]:
    """Returns what users have in all their accounts, by user and currency, theirs alone until the
    transaction ends.
    """
    wanted = sorted(set(owners))
    rows = await connection.fetch(
        _LOCK_ACCOUNTS, [user_id for user_id, _ in wanted], [currency for _, currency in wanted]
    )
    held: dict[tuple[UserId, str], dict[str, int]] = {owner: {} for owner in wanted}
    for row in rows:
        held[UserId(row["user_id"]), row["currency"]][row["kind"]] = row["balance"]
    return {owner: balance_from(owner[1], kinds) for owner, kinds in held.items()}


async def lock_balances(
    connection: Connection, owners: Sequence[tuple[UserId, str]]
) -> dict[tuple[UserId, str], Funds]:
    """Returns what users have, by user and currency, theirs alone until the transaction ends."""
    wanted = sorted(set(owners))
    rows = await connection.fetch(
        _LOCK_BALANCES, [user_id for user_id, _ in wanted], [currency for _, currency in wanted]
    )
    held: dict[tuple[UserId, str], dict[str, int]] = {owner: {} for owner in wanted}
    for row in rows:
        held[UserId(row["user_id"]), row["currency"]][row["kind"]] = row["balance"]
    return {
        owner: Funds(available=kinds.get("available", 0), owed=-kinds.get("owed", 0))
        for owner, kinds in held.items()
    }


async def post(connection: Connection, moves: Sequence[Move]) -> list[Posted]:
    """Posts transfers in the order given, all or none; returns what became of each.

    Safe to call twice with the same moves. Raises InsufficientFunds when a balance would go where
    it must not, and TransferKeyReused for a key that was posted with other words; after either the
    transaction is good for a rollback only (or open a savepoint around the call).
    """
    for move in moves:
        assert move.amount.amount_minor > 0, move
        assert 0 < len(move.key) <= KEY_LENGTH_MAX, move
    if not moves:
        return []
    try:
        ids: list[int] = await connection.fetchval(
            _POST,
            [move.key for move in moves],
            [move.kind for move in moves],
            [move.user_id for move in moves],
            [move.source.value for move in moves],
            [move.target.value for move in moves],
            [move.amount.amount_minor for move in moves],
            [move.amount.currency for move in moves],
            [move.reference for move in moves],
            [move.note for move in moves],
        )
    except asyncpg.CheckViolationError as error:
        if said_of(error, "constraint_name") != "accounts_balance_check":
            raise
        raise InsufficientFunds from error
    except asyncpg.PostgresError as error:
        if said_of(error, "sqlstate") != "TL002":
            raise
        raise TransferKeyReused from error
    posted = [Posted(abs(one), is_new=one > 0) for one in ids]
    for move, done in zip(moves, posted, strict=True):
        if done.is_new:
            metrics.transfers.labels(move.kind).inc()
    return posted


async def retrying(deed: Callable[[], Awaitable[R]]) -> R:
    """Does a whole transaction, again when Postgres ended it because of another one's: a deadlock
    (40P01) or a serialization failure (40001), or when it was Overtaken. Raises the last one after
    TRIES_MAX.
    """
    for tried in range(1, TRIES_MAX + 1):
        try:
            return await deed()
        except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, Overtaken) as error:
            metrics.transactions_retried.labels(said_of(error, "sqlstate")).inc()
            if tried == TRIES_MAX:
                raise
        most = PAUSE * 2**tried
        await asyncio.sleep(random.random() * most.total_seconds())  # noqa: S311 - no secret.
    raise AssertionError("unreachable")


def said_of(error: asyncpg.PostgresError | Overtaken, name: str) -> str:
    """Returns a field of what Postgres said (`sqlstate`, `constraint_name`), which asyncpg sets
    without declaring it; empty when there is none.
    """
    return str(getattr(error, name, None) or "")
