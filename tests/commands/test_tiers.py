"""`app tiers`: limits shown and changed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str) -> Run:
    """Runs a command on the test's own database."""

    def call(*words: str) -> Result:
        environment = {"DATABASE_URL": database_url, "REDIS_URL": "redis://127.0.0.1:1/0"}
        return CliRunner(env=environment).invoke(main, ["tiers", *words])

    return call


def tier(run: Run, name: str) -> dict[str, Any]:
    return {one.pop("tier"): one for one in json.loads(run("list", "--json").output)}[name]


def test_tiers_begin_as_they_are_told_of_and_change_one_limit_at_a_time(run: Run):
    assert tier(run, "pro") == {
        "requests_per_minute": 3_000,
        "burst": 0,
        "sockets": 100,
        "subscriptions_per_socket": 1_000,
        "messages_per_second": 10,
        "units_per_day": 0,
        "units_per_month": 0,
    }
    done = run("set", "pro", "--requests-per-minute", "6000", "--units-per-day", "100000")
    assert done.output == "changed pro\n"
    changed = tier(run, "pro")
    assert (changed["requests_per_minute"], changed["units_per_day"]) == (6_000, 100_000)
    assert changed["sockets"] == 100
    run("set", "pro", "--units-per-day", "0")
    assert tier(run, "pro")["units_per_day"] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("pro",), "at least one limit"),
        (("gold", "--sockets", "1"), "'gold'"),
        (("pro", "--sockets", "0"), "sockets is out of range"),
        (("pro", "--requests-per-minute", "-1"), "-1"),
        (("anonymous", "--units-per-day", "5"), "anonymous has no quota"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(run: Run, words: tuple[str, ...], told: str):
    refused = run("set", *words)
    assert refused.exit_code != 0
    assert told in refused.output
