"""Columns as text come out of Postgres as they went in."""

from decimal import Decimal

import asyncpg
import pytest

from app.ingest.columns import Repeated, decimals, numbers

TAKE_APART = """
SELECT n.id, n.odds, ($4::text[])[n.name] AS name
FROM unnest(string_to_array($1, ',')::bigint[], string_to_array($2, ',', '')::numeric[],
            string_to_array($3, ',')::int[]) AS n (id, odds, name)
"""


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(1, None, "a")],
        [(1, Decimal("1.5"), None)],
        [(2**62, Decimal(1000), "a,b"), (-3, None, 'a "b"'), (4, Decimal("1.001"), "a,b")],
        [(1, Decimal("1E+2"), ""), (2, Decimal("0.10"), "NULL")],
    ],
)
async def test_rows_are_the_same_afterwards(
    connection: asyncpg.Connection, rows: list[tuple[int, Decimal | None, str | None]]
):
    names: Repeated[str | None] = Repeated()
    for _, _, name in rows:
        names.add(name)
    found = await connection.fetch(
        TAKE_APART,
        numbers(number for number, _, _ in rows),
        decimals(odds for _, odds, _ in rows),
        names.places(),
        names.values,
    )
    assert [tuple(row.values()) for row in found] == rows


def test_what_repeats_is_sent_once():
    names: Repeated[str] = Repeated()
    for name in ("a", "b", "a", "a"):
        names.add(name)
    assert (names.values, names.places()) == (["a", "b"], "1,2,1,1")
