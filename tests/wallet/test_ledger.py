"""The ledger: what is posted, what is refused, and what Postgres holds whoever writes."""

import asyncio

import asyncpg
import pytest

from app.database import engine
from app.database.engine import Connection, Pool
from app.sports.ids import UserId
from app.wallet.check import check_ledger
from app.wallet.errors import InsufficientFunds, TransferKeyReused
from app.wallet.ledger import post, retrying
from app.wallet.money import Money
from app.wallet.moves import Holder, Move
from app.wallet.read import balance_of, balances_of, statement_of

EUR = "EUR"


def a_move(
    key: str, user_id: UserId | None, words: str, minor: int, *, currency: str = EUR
) -> Move:
    """A move said like "available>held"."""
    source, target = words.split(">")
    return Move(
        key=key,
        kind="stake" if target == "held" else "other",
        user_id=user_id,
        source=Holder(source),
        target=Holder(target),
        amount=Money(minor, currency),
        reference="bet:1",
    )


async def funds(connection: Connection, user_id: UserId) -> tuple[int, int]:
    """What a user has available and held, in cents."""
    balance = await balance_of(connection, user_id, EUR)
    return balance.available.amount_minor, balance.held.amount_minor


# before: deposits. Then moves, and what is left available and held, or who refuses.
CASES = [
    #   paid in   moves                                                  left
    (1000, ["available>held 400"], (600, 400)),
    (1000, ["available>held 1000"], (0, 1000)),
    (1000, ["available>held 1001"], None),
    (1000, ["available>held 400", "held>available 400"], (1000, 0)),
    (1000, ["available>held 400", "held>house 400"], (600, 0)),
    (1000, ["available>held 400", "held>available 400", "house>available 700"], (1700, 0)),
    (1000, ["available>held 400", "held>house 401"], None),
    (0, ["house>bonus 50", "bonus>available 50"], (50, 0)),
    (0, ["bonus>available 1"], None),
    (0, ["owed>available 30", "available>owed 30"], (0, 0)),
    (10, ["available>owed 1"], None),
    # Below zero on the way, though not in the end.
    (1000, ["available>held 1400", "held>available 1400"], None),
]


@pytest.mark.parametrize(("paid_in", "moves", "left"), CASES)
async def test_moves_leave_what_they_say_or_nothing_happens(
    connection: Connection,
    users: list[UserId],
    paid_in: int,
    moves: list[str],
    left: tuple[int, int] | None,
):
    user = users[0]
    if paid_in:
        await post(connection, [a_move("in", user, "deposits>available", paid_in)])
    wanted = [
        a_move(f"m{n}", user, move.split()[0], int(move.split()[1])) for n, move in enumerate(moves)
    ]
    if left is None:
        with pytest.raises(InsufficientFunds):
            await post(connection, wanted)
        left = (paid_in, 0)
    else:
        await post(connection, wanted)
    assert await funds(connection, user) == left
    assert (await check_ledger(connection, everything=True)).faults == ()


async def test_the_same_transfer_again_changes_nothing(connection: Connection, users: list[UserId]):
    move = a_move("in", users[0], "deposits>available", 500)
    first, again = await post(connection, [move]), await post(connection, [move])
    assert (first[0].is_new, again[0].is_new) == (True, False)
    assert first[0].transfer_id == again[0].transfer_id
    assert await funds(connection, users[0]) == (500, 0)


async def test_of_transfers_posted_together_only_those_that_are_new_move_anything(
    connection: Connection, users: list[UserId]
):
    first, second = (
        a_move("a", users[0], "deposits>available", 500),
        a_move("b", users[0], "available>held", 200),
    )
    [before] = await post(connection, [first])
    posted = await post(connection, [first, second, second])
    assert [one.is_new for one in posted] == [False, True, False]
    assert posted[0].transfer_id == before.transfer_id
    assert posted[1].transfer_id == posted[2].transfer_id
    assert await funds(connection, users[0]) == (300, 200)


@pytest.mark.parametrize(
    "other",
    [
        a_move("in", UserId(1), "deposits>available", 501),
        a_move("in", UserId(1), "deposits>bonus", 500),
        a_move("in", UserId(2), "deposits>available", 500),
        a_move("in", UserId(1), "deposits>available", 500, currency="USD"),
    ],
)
async def test_a_key_stands_for_one_transfer_for_ever(
    connection: Connection, users: list[UserId], other: Move
):
    assert users[0] == UserId(1)
    await post(connection, [a_move("in", users[0], "deposits>available", 500)])
    with pytest.raises(TransferKeyReused):
        await post(connection, [other])


async def test_currencies_are_kept_apart(connection: Connection, users: list[UserId]):
    user = users[0]
    await post(connection, [a_move("e", user, "deposits>available", 500)])
    await post(connection, [a_move("d", user, "deposits>available", 7, currency="USD")])
    with pytest.raises(InsufficientFunds):
        await post(connection, [a_move("x", user, "available>held", 8, currency="USD")])
    found = await balances_of(connection, user)
    assert {currency: str(b.available) for currency, b in found.items()} == {
        "EUR": "5.00",
        "USD": "0.07",
    }


async def test_of_many_at_once_as_many_go_through_as_there_is_money_for(
    pool: Pool, connection: Connection, users: list[UserId]
):
    await post(connection, [a_move("in", users[0], "deposits>available", 2000)])

    async def stake(n: int) -> bool:
        async with engine.connection(pool) as other:
            try:
                await post(other, [a_move(f"s{n}", users[0], "available>held", 100)])
            except InsufficientFunds:
                return False
            return True

    struck = await asyncio.gather(*(stake(n) for n in range(60)))
    assert sum(struck) == 20
    assert await funds(connection, users[0]) == (0, 2000)
    assert (await check_ledger(connection)).faults == ()


async def test_transactions_that_cross_are_done_again(
    pool: Pool, connection: Connection, users: list[UserId]
):
    a, b, _ = users
    for user in (a, b):
        await post(connection, [a_move(f"in{user}", user, "deposits>available", 10_000)])

    async def both(n: int, first: UserId, second: UserId) -> None:
        async def deed() -> None:
            async with engine.connection(pool) as other, other.transaction():
                await post(other, [a_move(f"1-{n}", first, "available>held", 1)])
                await post(other, [a_move(f"2-{n}", second, "available>held", 1)])

        await retrying(deed)

    pairs = [(a, b) if n % 2 else (b, a) for n in range(8)]
    await asyncio.gather(*(both(n, *pair) for n, pair in enumerate(pairs)))
    assert [await funds(connection, user) for user in (a, b)] == [(9_992, 8)] * 2


TWO_SIDES = """
WITH made AS (
    INSERT INTO transfers (key, kind, source, target, amount, currency, reference)
    VALUES ('x', 'x', 'house', 'deposits', 5, 'EUR', '') RETURNING id
)
INSERT INTO entries (account_id, seq, transfer_id, amount, balance_after)
SELECT (SELECT min(id) FROM accounts), 100 + side, made.id, side, 0
FROM made, (VALUES {sides}) AS sides (side)
"""


@pytest.mark.parametrize(
    ("statement", "sqlstate"),
    [
        ("UPDATE transfers SET amount = 1", "TL004"),
        ("DELETE FROM transfers", "TL004"),
        ("UPDATE entries SET amount = 1", "TL004"),
        ("DELETE FROM entries", "TL004"),
        ("TRUNCATE entries", "TL004"),
        ("UPDATE accounts SET balance = -1 WHERE kind = 'available'", "23514"),
        ("UPDATE accounts SET balance = 1, kind = 'owed' WHERE kind = 'available'", "23514"),
        # A transfer without entries, with one, with two that are not its amount's, and a third
        # entry for one that had two.
        (
            (
                "INSERT INTO transfers (key, kind, source, target, amount, currency, reference)"
                " VALUES ('x', 'x', 'house', 'deposits', 5, 'EUR', '')"
            ),
            "TL003",
        ),
        (TWO_SIDES.format(sides="(5)"), "TL003"),
        (TWO_SIDES.format(sides="(5), (-4)"), "TL003"),
        (TWO_SIDES.format(sides="(6), (-6)"), "TL003"),
        (
            (
                "INSERT INTO entries (account_id, seq, transfer_id, amount, balance_after)"
                " SELECT account_id, 99, transfer_id, 5, 5 FROM entries LIMIT 1"
            ),
            "23505",
        ),
    ],
)
async def test_postgres_holds_the_books_whoever_writes(
    database_url: str, connection: Connection, users: list[UserId], statement: str, sqlstate: str
):
    await post(connection, [a_move("in", users[0], "deposits>available", 500)])
    raw = await asyncpg.connect(database_url)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await raw.execute(statement)
    assert getattr(refused.value, "sqlstate", "") == sqlstate
    await raw.close()


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("UPDATE accounts SET balance = balance + 1 WHERE kind = 'available'", "sums to 1"),
        ("UPDATE accounts SET balance = balance + 1 WHERE kind = 'available'", "moved by 1001"),
        ("UPDATE accounts SET seq = seq + 1 WHERE kind = 'available'", "2 entries expected"),
        (
            (
                "SET LOCAL session_replication_role = replica;"
                "UPDATE entries SET balance_after = balance_after - 1 WHERE seq = 1 AND amount > 0"
            ),
            "do not continue",
        ),
        (
            "SET LOCAL session_replication_role = replica; DELETE FROM entries WHERE amount > 0",
            "1 entries expected, 0 there",
        ),
    ],
)
async def test_a_planted_fault_is_found(
    database_url: str, connection: Connection, users: list[UserId], planted: str, found: str
):
    await post(connection, [a_move("in", users[0], "deposits>available", 1000)])
    raw = await asyncpg.connect(database_url)
    async with raw.transaction():
        await raw.execute(planted)
    await raw.close()
    proof = await check_ledger(connection)
    assert any(found in fault.what for fault in proof.faults), proof


async def test_what_was_proved_is_not_read_again_and_a_later_fault_is_found(
    connection: Connection, users: list[UserId]
):
    await post(connection, [a_move("in", users[0], "deposits>available", 1000)])
    assert (await check_ledger(connection)).accounts == 2
    assert (await check_ledger(connection)).accounts == 0
    await connection.execute("UPDATE accounts SET balance = 999 WHERE user_id IS NOT NULL")
    assert len((await check_ledger(connection)).faults) == 2


async def test_a_statement_runs_from_the_newest_line_to_the_first(
    connection: Connection, users: list[UserId]
):
    user = users[0]
    await post(connection, [a_move("in", user, "deposits>available", 1000)])
    for n in range(5):
        await post(connection, [a_move(f"s{n}", user, "available>held", 100)])
    page = await statement_of(connection, user, EUR, limit=4)
    rest = await statement_of(connection, user, EUR, limit=4, before_seq=page[-1].seq)
    lines = [*page, *rest]
    assert [str(line.balance_after) for line in lines] == [
        *("5.00", "6.00", "7.00", "8.00", "9.00", "10.00")
    ]
    assert [str(line.amount) for line in lines] == ["-1.00"] * 5 + ["10.00"]
