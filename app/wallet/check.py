"""Proves the books: every account's entries, numbered without a hole, make up its balance."""

from collections.abc import Sequence

import msgspec

from app.database.engine import Connection, Row

# Accounts proved in one statement.
ACCOUNTS_PER_ROUND = 500
# Transfers that are named when they are not balanced; one would be enough for an alarm.
UNBALANCED_MAX = 100

# Accounts that moved since they were last proved; `$2`: all of them, from their first entry.
_MOVED = """
SELECT a.id, a.kind, a.user_id, a.currency, a.balance, a.seq,
       CASE WHEN $2 THEN 0 ELSE coalesce(m.seq, 0) END AS mark_seq,
       CASE WHEN $2 THEN 0 ELSE coalesce(m.balance, 0) END AS mark_balance
FROM accounts AS a
LEFT JOIN ledger_marks AS m ON m.account_id = a.id
WHERE a.id > $1
  AND ($2 OR m.account_id IS NULL OR m.seq <> a.seq OR m.balance <> a.balance)
ORDER BY a.id
LIMIT $3
"""
_ENTRIES = """
SELECT e.account_id, count(*) AS n, sum(e.amount)::bigint AS total, max(e.seq) AS last,
       count(*) FILTER (WHERE e.is_broken) AS broken
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS k (account_id, mark_seq, mark_balance)
CROSS JOIN LATERAL (
    SELECT account_id, seq, amount,
           balance_after - amount
               <> lag(balance_after, 1, k.mark_balance) OVER (ORDER BY seq) AS is_broken
    FROM entries WHERE account_id = k.account_id AND seq > k.mark_seq
) AS e
GROUP BY e.account_id
"""
_SUMS = "SELECT currency, sum(balance)::bigint AS total FROM accounts GROUP BY currency"
_UNBALANCED = """
SELECT t.id FROM transfers AS t
LEFT JOIN entries AS e ON e.transfer_id = t.id
GROUP BY t.id HAVING count(e.amount) <> 2 OR sum(e.amount) <> 0 OR max(e.amount) <> t.amount
ORDER BY t.id LIMIT $1
"""
_MARK = """
INSERT INTO ledger_marks (account_id, seq, balance)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
ON CONFLICT (account_id) DO UPDATE
SET seq = excluded.seq, balance = excluded.balance, at = now()
"""


class Fault(msgspec.Struct, frozen=True):
    """One thing that is not as it must be; `what` is for people."""

    account_id: int | None
    what: str


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found; no faults: the books are right."""

    accounts: int
    faults: tuple[Fault, ...]


async def check_ledger(connection: Connection, *, everything: bool = False) -> Proof:
    """Proves the accounts that moved since they were last proved, or all from their beginning.

    Reads in one transaction, so that what is posted meanwhile does not look like a fault; what was
    proved is marked after it.
    """
    faults: list[Fault] = []
    proved: list[Row] = []
    accounts = after = 0
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        sums = {row["currency"]: row["total"] for row in await connection.fetch(_SUMS)}
        faults += [Fault(None, f"{name} sums to {total}") for name, total in sums.items() if total]
        if everything:
            unbalanced = await connection.fetch(_UNBALANCED, UNBALANCED_MAX)
            faults += [Fault(None, f"transfer {row['id']} is not balanced") for row in unbalanced]
        while rows := await connection.fetch(_MOVED, after, everything, ACCOUNTS_PER_ROUND):
            after = rows[-1]["id"]
            accounts += len(rows)
            wrong = await _wrong_among(connection, rows)
            faults += [Fault(account_id, what) for account_id, what in wrong.items()]
            proved += [row for row in rows if row["id"] not in wrong]
    if proved:
        columns = ([row[name] for row in proved] for name in ("id", "seq", "balance"))
        await connection.execute(_MARK, *columns)
    return Proof(accounts=accounts, faults=tuple(faults))


async def _wrong_among(connection: Connection, rows: Sequence[Row]) -> dict[int, str]:
    """Returns what is wrong with accounts, by id; those that are right are left out."""
    asked = ([row[name] for row in rows] for name in ("id", "mark_seq", "mark_balance"))
    entries = {row["account_id"]: row for row in await connection.fetch(_ENTRIES, *asked)}
    found = {row["id"]: _wrong_with(row, entries.get(row["id"])) for row in rows}
    return {account_id: what for account_id, what in found.items() if what}


def _wrong_with(account: Row, entries: Row | None) -> str:
    """Returns what is wrong with an account, nothing when it is as its entries say."""
    name = f"account {account['id']} ({account['kind']}, {account['currency']})"
    moved = account["balance"] - account["mark_balance"]
    count, total = (entries["n"], entries["total"]) if entries else (0, 0)
    if count != account["seq"] - account["mark_seq"]:
        return f"{name}: {account['seq'] - account['mark_seq']} entries expected, {count} there"
    if entries and entries["last"] != account["seq"]:
        return f"{name}: its entries end at {entries['last']}, not {account['seq']}"
    if total != moved:
        return f"{name}: its entries make {total}, its balance moved by {moved}"
    if entries and entries["broken"]:
        return f"{name}: {entries['broken']} entries do not continue the balance before them"
    return ""
