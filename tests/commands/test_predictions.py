"""Models by command: fitted, listed, and asked by any version."""

import asyncio

import asyncpg
import msgspec
from click.testing import CliRunner

from app.cli import main
from app.predictions.models import Terms, forecast
from tests.predictions.fitted import nations, use


def app(database_url: str, *words: str) -> str:
    """What a command prints."""
    environment = {"DATABASE_URL": database_url, "ENVIRONMENT": "test"}
    done = CliRunner().invoke(main, ["predictions", *words], env=environment)
    assert done.exit_code == 0, done.output
    return done.stdout


async def _nations_known(database_url: str) -> None:
    connection: asyncpg.Connection = await asyncpg.connect(database_url)
    await use(connection, nations())  # pyright: ignore[reportArgumentType]
    await connection.close()


async def test_a_version_says_again_what_it_said(database_url: str):
    await _nations_known(database_url)
    version = nations().version
    asked = ("--version", version, "--home", "France", "--away", "Croatia", "--neutral")
    told = msgspec.json.decode(await asyncio.to_thread(app, database_url, "show", *asked))
    said = forecast(nations(), Terms(home="france", away="croatia", neutral=True))
    assert (told["home"], told["draw"], told["away"]) == said.chances
    learnt = await asyncio.to_thread(app, database_url, "show", "--version", version)
    assert msgspec.json.decode(learnt)["as_of"] == "2023-12-31"
    assert version in await asyncio.to_thread(app, database_url, "versions")


async def test_a_version_nobody_knows_is_one_line(database_url: str):
    environment = {"DATABASE_URL": database_url, "ENVIRONMENT": "test"}
    words = ["predictions", "show", "--version", "none.20200101.0"]
    done = await asyncio.to_thread(CliRunner().invoke, main, words, env=environment)
    assert done.exit_code == 1
    assert done.stderr == "Error: There is no version none.20200101.0 of any model.\n"


async def test_a_refit_says_what_came_of_each_league(database_url: str):
    told = await asyncio.to_thread(app, database_url, "refit", "--sport", "hockey", "--json")
    rows = msgspec.json.decode(told)
    assert [(row["league"], row["because"]) for row in rows] == [
        ("nhl", "fitted"),
        ("pwhl", "fitted"),
    ]
    assert rows[0]["version"].startswith("hockey-1.")
