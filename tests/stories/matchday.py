"""A match day: the stadium in a process of its own, its truth and its faults."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec

from app.devstack import ports
from app.providers.replay.recording import SHIPPED, load_folder
from app.stadium.naming import MATCH_NUMBERS, number_of
from tests.conftest import NO_TLS
from tests.stories.house import PROJECT

OPENS_WITHIN_S = 60.0
ENDS_WITHIN_S = 15.0
LOOK_AGAIN_S = 0.05
# Totals of the exchange are a market a line; nobody offers more than fifteen and a half.
_KINDS = (
    *("MATCH_ODDS", "MONEY_LINE", "DOUBLE_CHANCE", "DRAW_NO_BET", "BOTH_TEAMS_TO_SCORE"),
    *(f"OVER_UNDER_{goals}5" for goals in range(16)),
)


class MatchDay:
    """Every provider over one programme. `settings` are what a worker finds them by.

    The lanes of the programme began `at_s` seconds ago: so what is on is the same in every run.
    """

    def __init__(
        self,
        folder: Path,
        programme: tuple[Sequence[str], Mapping[str, str]],
        *,
        speed: int,
        lanes: int,
        scenario: str,
        at_s: float = 0.0,
    ) -> None:
        """Opens it; `programme` names recordings, and others by the sides that play them again."""
        self.speed = speed
        folder.mkdir()
        played, story = folder / "recordings", folder / "scenario.toml"
        played.mkdir()
        names, again = programme
        for name in names:
            (played / f"{name}.jsonl").symlink_to(_shipped(name))
        for sides, name in again.items():
            (played / f"{_again(sides)}.jsonl").write_text(_renamed(_shipped(name), sides))
        loaded = load_folder(played)
        assert not loaded.refused, loaded.refused
        self._recordings = {recording.id: recording for recording in loaded.recordings}
        story.write_text(scenario)
        port, stream_port = ports.pick(), ports.pick()
        self.url = f"http://127.0.0.1:{port}"
        self._told = folder / "stadium.env"
        options = {
            "port": port,
            "stream-port": stream_port,
            "speed": speed,
            "lanes": lanes,
            "since": f"{datetime.now(UTC) - timedelta(seconds=at_s):%Y-%m-%dT%H:%M:%SZ}",
            "scenario": story,
            "folder": folder,
            "recordings": played,
        }
        told = [f"--{name}={value}" for name, value in options.items()]
        with (folder.parent / "stadium.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app", "stadium", *told],
                cwd=PROJECT,
                stdout=log,
                stderr=log,
            )

    def settings(self) -> Mapping[str, str]:
        """Waits until it is open; returns what finds it."""
        until = time.monotonic() + OPENS_WITHIN_S
        while not self._told.exists():
            assert self._process.poll() is None
            assert time.monotonic() < until, "the stadium does not open"
            time.sleep(LOOK_AGAIN_S)
        lines = self._told.read_text().splitlines()
        return {
            **dict(line.split("=", 1) for line in lines),
            "PROVIDERS_FASTEST_MS": "1000",
            "POLL_SPEED": f"{self.speed}",
        }

    def truth(self) -> list[dict[str, Any]]:
        """What is so of every match, now."""
        return self._get("/truth")

    def asked(self) -> dict[str, Any]:
        """What the providers were asked so far."""
        return self._get("/asked")

    def left_s(self, truth: Mapping[str, Any]) -> float:
        """How long a match goes on, by our clock."""
        header = self._recordings[truth["play"].partition("@")[0]].header
        return (header.duration_s - truth["at"]) / self.speed

    def place_of(self, play: str, score: tuple[str, int | None, int | None]) -> int:
        """How far a match is that has this status, home and away for the last time; -1: nowhere."""
        had = [
            (one.score.status.value, one.score.home, one.score.away)
            for one in self._recordings[play.partition("@")[0]].moments
            if one.score is not None
        ]
        return max((n for n, one in enumerate(had) if one == score), default=-1)

    def scores_of(self, play: str) -> set[tuple[int | None, int | None]]:
        """Every home and away that a match has, from its beginning to its end."""
        moments = self._recordings[play.partition("@")[0]].moments
        return {(one.score.home, one.score.away) for one in moments if one.score is not None}

    def plays(self) -> dict[tuple[str, str], str]:
        """Which match is meant by each provider's ids, those of the exchange's markets too."""
        found: dict[tuple[str, str], str] = {}
        for provider in ("api-football", "thesportsdb", "odds-api", "betfair"):
            for said in self._get(f"/said/{provider}"):
                play = said["play"]
                names = [str(said["number"]), said["hash"]]
                if provider == "betfair":
                    names += [
                        f"1.{number_of(MATCH_NUMBERS, 'betfair', 'market', play, kind)}"
                        for kind in _KINDS
                    ]
                found |= {(provider, name): play for name in names}
        return found

    def sport_keys(self, *, but: str) -> str:
        """The sport keys of The Odds API but for one sport's."""
        listed = self._get("/odds-api/v4/sports?apiKey=stadium")
        return ",".join(one["key"] for one in listed if not one["key"].startswith(but))

    def fault(self, provider: str, kind: str, **more: Any) -> None:
        """Lets a provider go wrong from now on."""
        body = msgspec.json.encode({"provider": provider, "kind": kind, **more})
        answer = httpx.post(f"{self.url}/faults", content=body, verify=NO_TLS)
        assert answer.status_code == 200, answer.text

    def mend(self, provider: str) -> None:
        """Ends whatever is wrong with a provider."""
        answer = httpx.delete(f"{self.url}/faults", params={"provider": provider})
        assert answer.status_code == 200, answer.text

    def end(self) -> None:
        """Closes it."""
        self._process.terminate()
        assert self._process.wait(ENDS_WITHIN_S) == 0

    def _get(self, path: str) -> Any:
        answer = httpx.get(self.url + path, timeout=30, verify=NO_TLS)
        assert answer.status_code == 200, answer.text
        return answer.json()


def _shipped(name: str) -> Path:
    return next(SHIPPED.rglob(f"{name}.jsonl"))


def _again(sides: str) -> str:
    return "again." + sides.lower().replace(" ", "-")


def _renamed(file: Path, sides: str) -> str:
    """Returns a recording as others played it."""
    header, _, rest = file.read_text().partition("\n")
    told = msgspec.json.decode(header)
    told["id"] = _again(sides)
    for side, name in zip(("home", "away"), sides.split("-"), strict=True):
        told[side] |= {"name": name, "external_id": name.lower().replace(" ", "-")}
    return f"{msgspec.json.encode(told).decode()}\n{rest}"
