"""The command line lists everything, prints the catalogues, and fails with one clear line."""

import importlib
import json
import os
import subprocess
import sys

import pytest

from app import cli
from app.settings import every_setting
from app.sockets.close_codes import CLOSE_CODES

GROUPS = (cli.COMMANDS, cli.LISTS, cli.USERS)
HEAVY = ("litestar", "uvicorn", "sqlalchemy", "alembic", "arq")


def app(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line as a process."""
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("place", [place for group in GROUPS for place, _ in group.values()])
def test_every_command_that_is_listed_exists(place: str):
    module, attribute = place.split(":")
    assert callable(getattr(importlib.import_module(module), attribute))


@pytest.mark.parametrize("arguments", [["--help"], ["up", "--help"], ["list", "--help"]])
def test_neither_help_nor_the_supervisor_loads_anything_heavy(arguments: list[str]):
    code = f"""
import sys
from app.cli import main
main({arguments!r}, standalone_mode=False)
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_settings_are_listed_as_a_table_and_as_json():
    names = [found.name for found in every_setting()]
    assert [row["name"] for row in json.loads(app("list", "settings", "--json").stdout)] == names
    lines = app("list", "settings").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == names


def test_the_other_catalogues_are_listed():
    codes = json.loads(app("list", "close-codes", "--json").stdout)
    assert [row["code"] for row in codes] == [found.code for found in CLOSE_CODES]
    metrics = json.loads(app("list", "metrics", "--json").stdout)
    assert all(row["name"].startswith("touchline_") and row["help"] for row in metrics)
    errors = json.loads(app("list", "errors", "--json").stdout)
    assert {"not_found", "email_taken", "internal"} <= {row["code"] for row in errors}


def test_a_wrong_setting_is_one_line_and_exit_code_2():
    done = app("up", PORT="eighty")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: PORT: ")
    assert len(done.stderr.splitlines()) == 1


def test_users_are_created_once_with_their_role(database_url: str):
    def create(email: str, password: str) -> subprocess.CompletedProcess[str]:
        words = ("users", "create", "--email", email, "--role", "operator")
        return app(*words, DATABASE_URL=database_url, NEW_USER_PASSWORD=password)

    assert create("a@b.example", "long enough").stdout == "created operator a@b.example\n"
    again = create("a@b.example", "long enough")
    assert (again.returncode, again.stderr) == (
        1,
        "Error: Somebody is registered with this e-mail address.\n",
    )
    bad = create("nobody", "short")
    assert bad.returncode == 1
    assert "email is not an e-mail address; password takes 8 to" in bad.stderr


def test_migrations_go_down_and_up_by_command(database_url: str):
    for words in (["downgrade", "base"], ["migrate"]):
        done = app(*words, DATABASE_URL=database_url)
        assert done.returncode == 0, done.stderr
