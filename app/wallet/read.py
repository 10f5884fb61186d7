"""Balances and statements."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from app.database.engine import Connection
from app.sports.ids import UserId
from app.wallet.money import Money, nothing
from app.wallet.moves import Holder

_BALANCES = """
SELECT user_id, currency, kind, balance FROM accounts WHERE user_id = ANY ($1::bigint[])
ORDER BY currency, kind
"""
# One line an entry of the available account: what it did to it, and what it left. The newest first.
_STATEMENT = """
SELECT e.seq, t.id, t.kind, t.source, t.target, e.amount, e.balance_after, t.currency, t.reference,
       t.note, t.created_at
FROM accounts AS a
JOIN entries AS e ON e.account_id = a.id
JOIN transfers AS t ON t.id = e.transfer_id
WHERE a.user_id = $1 AND a.kind = $2 AND a.currency = $3 AND e.seq < $4
  AND ($6::timestamptz IS NULL OR t.created_at >= $6)
  AND ($7::timestamptz IS NULL OR t.created_at < $7)
ORDER BY e.seq DESC
LIMIT $5
"""
_SEQ_BEYOND = 2**62


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What a user has of one currency."""

    available: Money
    held: Money
    withdrawing: Money
    bonus: Money
    owed: Money

    def holding(self, stake: Money) -> "Balance":
        """Returns it with a stake set aside."""
        available, held = self.available - stake, self.held + stake
        return msgspec.structs.replace(self, available=available, held=held)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a statement: `amount` is signed, `balance_after` what the account then held."""

    seq: int
    transfer_id: int
    kind: str
    source: str
    target: str
    amount: Money
    balance_after: Money
    reference: str
    note: str
    created_at: datetime


def balance_body(balance: Balance) -> bytes:
    """Returns a balance as the wire has it, and as the `data` of a user's `balance_update`."""
    said = {
        "currency": balance.available.currency,
        "available": str(balance.available),
        "held": str(balance.held),
        "withdrawing": str(balance.withdrawing),
        "bonus": str(balance.bonus),
        "owed": str(balance.owed),
    }
    return msgspec.json.encode(said)


async def balances_of(connection: Connection, user_id: UserId) -> dict[str, Balance]:
    """Returns what a user has, by currency; empty for one who never had any."""
    found = await balances_of_all(connection, [user_id])
    return {currency: balance for (_, currency), balance in found.items()}


async def balances_of_all(
    connection: Connection, user_ids: Sequence[UserId]
) -> dict[tuple[UserId, str], Balance]:
    """Returns what users have, by user and currency; nothing of those who never had any."""
    found: dict[tuple[UserId, str], dict[str, int]] = {}
    for row in await connection.fetch(_BALANCES, user_ids):
        found.setdefault((row["user_id"], row["currency"]), {})[row["kind"]] = row["balance"]
    return {owner: balance_from(owner[1], kinds) for owner, kinds in found.items()}


async def balance_of(connection: Connection, user_id: UserId, currency: str) -> Balance:
    """Returns what a user has of one currency; nothing is as good an answer as another."""
    return (await balances_of(connection, user_id)).get(currency) or balance_from(currency, {})


async def statement_of(
    connection: Connection,
    user_id: UserId,
    currency: str,
    *,
    holder: Holder = Holder.AVAILABLE,
    before_seq: int | None = None,
    limit: int = 50,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Sequence[Line]:
    """Returns lines of an account, the newest first, below `before_seq` when a page goes on."""
    rows = await connection.fetch(
        _STATEMENT,
        user_id,
        holder.value,
        currency,
        _SEQ_BEYOND if before_seq is None else before_seq,
        limit,
        since,
        until,
    )
    return [
        Line(
            seq=row["seq"],
            transfer_id=row["id"],
            kind=row["kind"],
            source=row["source"],
            target=row["target"],
            amount=Money(row["amount"], row["currency"]),
            balance_after=Money(row["balance_after"], row["currency"]),
            reference=row["reference"],
            note=row["note"],
            created_at=row["created_at"],
        )
        for row in rows
    ]


def balance_from(currency: str, kinds: Mapping[str, int]) -> Balance:
    """Returns a balance from its accounts, by kind, in minor units."""
    amounts = {kind: Money(minor, currency) for kind, minor in kinds.items()}
    none = nothing(currency)
    return Balance(
        available=amounts.get("available", none),
        held=amounts.get("held", none),
        withdrawing=amounts.get("withdrawing", none),
        bonus=amounts.get("bonus", none),
        owed=amounts.get("owed", none),
    )
