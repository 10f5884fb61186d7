"""Results in Postgres, by the command: once however often they are told."""

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner
from click.testing import Result as Ran

from app.cli import main
from app.history.keeping import distinct, results_before
from app.history.result import Result
from app.sports.match import Sport
from tests.history.test_readers import GOOD, HEADER, football_data


@pytest.fixture
def run(database_url: str) -> Callable[..., Ran]:
    """Runs the command on the test's own database."""

    def call(*words: str) -> Ran:
        environment = {"DATABASE_URL": database_url, "REDIS_URL": "redis://127.0.0.1:1/0"}
        return CliRunner(env=environment).invoke(main, ["history", *words])

    return call


def kept(database_url: str, day: date = date(2030, 1, 1)) -> list[Result]:
    """Returns all football that is kept."""

    async def ask() -> list[Result]:
        connection = await asyncpg.connect(database_url)
        try:
            return await results_before(connection, Sport.FOOTBALL, day)
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_files_are_taken_in_once_and_what_is_left_out_is_said(
    run: Callable[..., Ran], tmp_path: Path, database_url: str
):
    bad = GOOD.replace("Arsenal,0,2", "Arsenal,0,220")
    other = GOOD.replace("Arsenal", "Leeds")
    (tmp_path / "E0.csv").write_text(f"{HEADER}\n{GOOD}\n{GOOD}\n{bad}\n{other}\n")
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    first = run("import", str(tmp_path))
    assert first.exit_code == 0, first.output
    assert "2 results: 2 new, 0 told more of, 0 known" in first.stdout
    assert "1 left out: told_twice" in first.stdout
    assert "E0.csv, line 4: impossible_result: a score of 0-220" in first.stdout
    assert "odd.csv: unreadable_history" in first.stdout
    again = run("import", str(tmp_path))
    assert "2 results: 0 new, 0 told more of, 2 known" in again.stdout
    assert kept(database_url) == distinct(football_data(GOOD, other)[0])
    assert kept(database_url, date(2022, 8, 5)) == []
    listed = run("list")
    assert "premier-league" in listed.stdout


def test_another_file_adds_what_was_not_told_and_changes_nothing_else(
    run: Callable[..., Ran], tmp_path: Path, database_url: str
):
    bare = "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG"
    (tmp_path / "bare.csv").write_text(f"{bare}\nE0,05/08/22,Crystal Palace FC,Arsenal FC,1,2\n")
    (tmp_path / "rich.csv").write_text(f"{HEADER}\n{GOOD}\n")
    run("import", str(tmp_path / "bare.csv"))
    assert "1 told more of" in run("import", str(tmp_path / "rich.csv")).stdout
    [result] = kept(database_url)
    assert (result.home_name, result.home_score) == ("Crystal Palace FC", 1)
    assert result.shots == (10, 10)
    for name in ("rich.csv", "bare.csv"):
        assert "1 known" in run("import", str(tmp_path / name)).stdout


def test_a_corrected_file_corrects_what_it_told(
    run: Callable[..., Ran], tmp_path: Path, database_url: str
):
    file = tmp_path / "E0.csv"
    file.write_text(f"{HEADER}\n{GOOD}\n")
    run("import", str(file))
    file.write_text(f"{HEADER}\n{GOOD.replace('Arsenal,0,2', 'Arsenal,0,3')}\n")
    assert "1 told more of" in run("import", str(file)).stdout
    assert kept(database_url)[0].away_score == 3


def test_a_dry_run_writes_nothing_and_nothing_readable_is_a_failure(
    run: Callable[..., Ran], tmp_path: Path
):
    file = tmp_path / "E0.csv"
    file.write_text(f"{HEADER}\n{GOOD}\n")
    done = run("import", "--dry-run", str(file))
    assert "1 results read, none written" in done.stdout
    assert "1 new" in run("import", str(file)).stdout
    (tmp_path / "empty.csv").write_text(HEADER)
    assert run("import", str(tmp_path / "empty.csv")).exit_code == 1


def test_the_command_proves_a_season_of_a_file(tmp_path: Path):
    teams = [f"Club {letter}" for letter in "ABCDEF"]
    lines = [HEADER]
    day = 0
    for season in (2020, 2021):
        for home in teams:
            for away in teams:
                if home == away:
                    continue
                day += 1
                at = date(season, 8, 1).toordinal() + day % 200
                score = f"{(len(home) + day) % 3},{day % 2}"
                lines.append(
                    f"E0,{date.fromordinal(at):%d/%m/%Y},{home},{away},{score},,,9,8,3,2,"
                    "2.1,3.3,3.6,2.0,3.4,3.8"
                )
    file = tmp_path / "E0.csv"
    file.write_text("\n".join(lines))
    done = CliRunner().invoke(main, ["evaluate", str(file), "--seasons", "2021-22"])
    assert done.exit_code == 0, done.output
    for forecaster in ("model (results only)", "closing average", "blend with pre-match"):
        assert f"| {forecaster} |" in done.stdout
    wrong = CliRunner().invoke(main, ["evaluate", str(file), "--seasons", "1888-89"])
    assert wrong.exit_code == 1
