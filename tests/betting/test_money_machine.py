"""Any interleaving of what can be done with money comes to what a plain model says it does."""

import asyncio
import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from app.database import engine
from app.database.engine import Pool
from tests.betting.money_machine import Books

# Half a second each; more of them are tried with MONEY_EXAMPLES=200 and --timeout=600.
EXAMPLES = int(os.environ.get("MONEY_EXAMPLES", "12"))


@pytest.fixture
def runner() -> Generator[asyncio.Runner]:
    """A loop that a whole test runs in, step by step."""
    with asyncio.Runner() as opened:
        yield opened


@pytest.fixture
def pool(runner: asyncio.Runner, database_url: str) -> Generator[Pool]:
    """Connections of that loop."""
    opened = engine.open_pool(
        database_url, connections_max=2, statement_timeout_s=30, name="touchline-tests"
    )
    pool = runner.run(opened)
    yield pool
    runner.run(pool.close())


def test_any_interleaving_comes_to_what_the_plain_books_say(runner: asyncio.Runner, pool: Pool):
    run_state_machine_as_test(
        lambda: Books(runner, pool),  # pyright: ignore[reportArgumentType]
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )


@pytest.mark.parametrize("comes_in", ["cash_out", "refused", "rejected"])
def test_whatever_comes_in_pays_what_is_owed(runner: asyncio.Runner, pool: Pool, comes_in: str):
    books = Books(runner, pool)
    books.begin([10, 10, 10], [12, 7, 2])  # Each user on three away sides.
    books.tell(1, "live", (0, 0))
    books.place(0, 1_000, [7], "none")
    books.pay_by_mistake(0, (0, 1), (0, 0), 0)
    assert books.funds(0)["owed"] < 0
    if comes_in == "cash_out":
        books.cash_out(0, "1")
    elif comes_in == "refused":
        books.tell(1, "live", (1, 0))
        books.decide()
    else:
        books.decide_payment(0, approve=False)
    books.everything_is_as_the_model_says()
