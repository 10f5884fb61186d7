"""`app stadium` as a process: it prints the settings to reach it, and ends when told."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from app.commands.stadium import SETTINGS_FILE, stadium


def test_it_prints_how_to_reach_it_answers_and_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app", "stadium", "--port=0", "--stream-port=0"]
    with subprocess.Popen(
        [*command, f"--folder={tmp_path}", "--scenario=thin"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        settings: dict[str, str] = {}
        while "PROVIDERS_CA_FILE" not in settings:
            name, _, value = process.stdout.readline().rstrip("\n").partition("=")
            settings[name] = value
        try:
            url = settings["API_FOOTBALL_URL"]
            headers = {"x-apisports-key": settings["API_FOOTBALL_KEY"]}
            answer = httpx.get(f"{url}/fixtures?live=all", headers=headers, trust_env=False)
            assert answer.headers["x-ratelimit-requests-limit"] == "100"
            assert Path(settings["PROVIDERS_CA_FILE"]).is_file()
            told = (tmp_path / SETTINGS_FILE).read_text().splitlines()
            assert told == [f"{name}={value}" for name, value in settings.items()]
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert not (tmp_path / SETTINGS_FILE).exists()


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("--scenario=nothing-like-it", "neither a file nor one of calm"),
        ("--speed=0", "--speed"),
        ("--lanes=0", "--lanes"),
        ("--port=99999", "--port"),
    ],
)
def test_a_wrong_option_is_answered_in_one_line(option: str, expected: str) -> None:
    result = CliRunner().invoke(stadium, [option])
    assert result.exit_code == 2
    assert expected in result.output
