"""How many reads a second one API process answers, beside Bun with Fastify doing the same work.

64 connections of `wrk` (Debian has it), one thread, against one server at a time; the rounds go
over all servers, so that a ratio is of one and the same minute. The peer is asked with a token too,
and reads the same bytes from Redis; or it has them in memory and asks for no token. Ours is asked
with a token, limited, counted and logged as always.

Where nginx is installed, its `return` of the same score, without token, is what the machine can do.

"first tokens" shows another token each time; "details nobody read" is /api/v1/matches/{id} of a
match that nobody asked for before. What the lane for ready reads costs these, the rows with
HOT_READS=false beside them tell.
"""

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg
import httpx
import msgspec
import psutil
import uvloop

from app.access.tokens import AccessTokens
from app.access_settings import DEVELOPMENT_SECRET
from app.sports.ids import UserId
from bench import house, peer_servers
from bench.report import Row, median, report

CONNECTIONS = 64
SECONDS = 2
# Not counted, before each row but those of what nobody asked for before; the same for everybody.
WARM_UP_SECONDS = 1
ROUNDS = 5
# More than are read in all rounds, so that no detail is read twice.
MATCHES = 60_000
TOKENS = 20_000
MARKETS = 50
LOG_IN = {"email": "bench@example.org", "password": "correct horse battery"}

JWT_PEER, MEMORY_PEER = "Bun + Fastify, JWT and Redis", "Bun + Fastify, memory, no JWT"
NGINX = "nginx return, no JWT"
HOT, PLAIN = "ours", "ours, HOT_READS=false"

# Asks line by line of a file: a path, and perhaps a token.
_SCRIPT = """
local at, lines = %d, {}
for line in io.lines("%s") do lines[#lines + 1] = line end
request = function()
  at = at %% #lines + 1
  local path, token = string.match(lines[at], "(%%S+) ?(%%S*)")
  return wrk.format("GET", path, {["Authorization"] = "Bearer " .. token})
end
"""
_MARKETS = """
WITH made AS (
    INSERT INTO markets (match_id, type, line, status, overround)
    SELECT $1, 'total', n + 0.5, 'open', 0.05 FROM generate_series(1, $2) n RETURNING id
)
INSERT INTO selections (market_id, key, name, odds, best_odds, best_provider)
SELECT id, key, key, 1.909, 1.95, 'replay' FROM made, unnest(ARRAY['over', 'under']) key
"""


_OVER = """
WITH moved AS (
    UPDATE matches SET start_time = now() - interval '1 year' WHERE id = ANY ($1::bigint[])
)
UPDATE live_scores SET status = 'finished' WHERE match_id = ANY ($1::bigint[])
"""


_FORECAST = """
WITH model AS (
    INSERT INTO model_parameters (version, model, sport_id, league, as_of, results, learnt_from,
                                  market_share, body)
    VALUES ('bench', 'bench', 'football', 'bench', current_date, 1, 1, 0.5, '{}')
)
INSERT INTO forecasts (match_id, version, model, phase, home, draw, away, confidence, expected_home,
                       expected_away, market_share, base)
VALUES ($1, 'bench', 'bench', 'before', 0.5, 0.3, 0.2, 0.9, 1.5, 1.1, 0.5, '{}')
"""


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """One row: who is asked for what. `lines` are paths and tokens that are each asked in turn."""

    name: str
    what: str
    process: psutil.Process
    port: int
    path: str = "/"
    token: str = ""
    lines: Sequence[str] = ()
    callers: int = CONNECTIONS


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one server in one round. The processor's time depends less on what else runs."""

    rate: float
    p99_ms: float
    microseconds_each: float
    megabytes: float


def one_round(server: Server, number: int) -> Round:
    """Measures one server once."""
    address = f"http://127.0.0.1:{server.port}"
    command = ["wrk", "-t1", f"-c{server.callers}", f"-d{SECONDS}s", "--latency"]
    with tempfile.TemporaryDirectory() as folder:
        if server.lines:
            asked, script = Path(folder) / "lines", Path(folder) / "lines.lua"
            asked.write_text("\n".join(server.lines))
            begin = number * len(server.lines) // ROUNDS
            script.write_text(_SCRIPT % (begin, asked))
            command += ["-s", str(script), address]
        else:
            command += ["-H", f"Authorization: Bearer {server.token}", address + server.path]
            subprocess.run([*command, f"-d{WARM_UP_SECONDS}s"], capture_output=True, check=True)
        before = processor_s(server.process)
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        busy_s = processor_s(server.process) - before
    assert "Non-2xx" not in told, f"{server.name}, {server.what}: {told}"
    answers = int(_found(r"(\d+) requests in", told))
    return Round(
        rate=float(_found(r"Requests/sec:\s+([\d.]+)", told)),
        p99_ms=_milliseconds(_found(r"99%\s+([\d.]+\w+)", told)),
        microseconds_each=busy_s * 1e6 / max(1, answers),
        megabytes=server.process.memory_info().rss / 1e6,
    )


def processor_s(process: psutil.Process) -> float:
    """Returns the processor time a process has had, and those it watches over."""
    had = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in had)


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, text
    return found[1]


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # pyright: ignore[reportOptionalMemberAccess]
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1_000.0}[unit]


async def prepare(url: str) -> list[int]:
    """Makes matches, one of them with markets and a forecast; returns their ids."""
    ids = await house.make_matches(url, MATCHES)
    connection = await asyncpg.connect(url)
    await connection.execute(_MARKETS, ids[0], MARKETS)
    await connection.execute(_FORECAST, ids[0])
    # All but one are over for long: a process keeps lists of those that are on or near.
    await connection.execute(_OVER, ids[1:])
    await connection.close()
    return ids


@contextmanager
def every_server() -> Generator[list[Server]]:
    """Runs them all; who is not asked does nothing."""
    with ExitStack() as at_the_end:
        stack = at_the_end.enter_context(house.stack())
        ids = uvloop.run(prepare(stack.database_url))
        ours = [
            at_the_end.enter_context(
                house.api(stack, LIMIT_USER_PER_MINUTE="100000000", HOT_READS=hot)
            )
            for hot in ("true", "false")
        ]
        user_id, token = log_in(ours[0][1])
        fresh = fresh_tokens(user_id)
        servers: list[Server] = []
        for name, (process, port), part in zip((HOT, PLAIN), ours, (0, 1), strict=True):
            row = _rows(name, process, port, token)
            half = ids[part::2]
            servers += [
                row("a score", f"/api/scores/{ids[0]}", ()),
                row(f"{MARKETS} markets", f"/api/markets/football?limit={MARKETS}", ()),
                row("a forecast", f"/api/v1/predictions/{ids[0]}", ()),
                row("first tokens", "", [f"/api/scores/{ids[0]} {one}" for one in fresh[part::2]]),
                row("details nobody read", "", [f"/api/v1/matches/{n} {token}" for n in half]),
            ]
        started = at_the_end.enter_context(peer_servers.peer("reads", REDIS_URL=stack.redis_url))
        servers += peers(started, {one.what: body_of(one) for one in servers[:2]})
        if shutil.which("nginx") is None:
            print("nginx is not installed: its row is left out (Debian: apt install nginx-light)")
        else:
            running = at_the_end.enter_context(peer_servers.nginx(body_of(servers[0])))
            servers.append(_rows(NGINX, *running, "")("a score", "/", ()))
        yield servers


def _rows(
    name: str, process: psutil.Process, port: int, token: str
) -> Callable[[str, str, Sequence[str]], Server]:
    def row(what: str, path: str, lines: Sequence[str]) -> Server:
        return Server(
            name=name, what=what, process=process, port=port, path=path, token=token, lines=lines
        )

    return row


def log_in(port: int) -> tuple[int, str]:
    """Returns a user's id and access token."""
    base = f"http://127.0.0.1:{port}"
    token = httpx.post(f"{base}/auth/register", json=LOG_IN).json()["accessToken"]
    told = httpx.get(f"{base}/api/me", headers={"authorization": f"Bearer {token}"}).json()
    return int(told["id"]), token


def fresh_tokens(user_id: int) -> list[str]:
    """Returns tokens that nobody has shown yet."""
    tokens = AccessTokens(DEVELOPMENT_SECRET, ttl_s=900)
    return [
        tokens.issue(UserId(user_id), role="user", tier="free", now=time.time())
        for _ in range(TOKENS)
    ]


def body_of(server: Server) -> str:
    """Returns what a server answers."""
    headers = {"authorization": f"Bearer {server.token}"}
    return httpx.get(f"http://127.0.0.1:{server.port}{server.path}", headers=headers).text


def peers(started: tuple[psutil.Process, int], bodies: Mapping[str, str]) -> list[Server]:
    """Returns the rows of the peer, which answers these."""
    process, port = started
    base = f"http://127.0.0.1:{port}"
    token = httpx.get(f"{base}/token").text
    servers: list[Server] = []
    for number, (what, body) in enumerate(bodies.items()):
        httpx.put(f"{base}/body/{number}", content=body, headers={"content-type": "text/plain"})
        for name, way in ((JWT_PEER, "jwt"), (MEMORY_PEER, "memory")):
            row = _rows(name, process, port, token)
            servers.append(row(what, f"/{way}/{number}", ()))
    return servers


def measure() -> tuple[list[Row], dict[str, float]]:
    """Measures all servers, one after the other, several times over."""
    if shutil.which("wrk") is None:
        raise peer_servers.NoPeers("wrk is needed to measure reads (Debian: apt install wrk)")
    peer_servers.install()
    rounds: dict[tuple[str, str], list[Round]] = {}
    with every_server() as servers:
        # What is compared follows one another, and who is first changes from round to round.
        servers.sort(key=lambda server: server.what)
        for number in range(ROUNDS):
            for server in servers if number % 2 else reversed(servers):
                rounds.setdefault((server.what, server.name), []).append(one_round(server, number))
    rows: list[Row] = [
        {
            "what": what,
            "server": name,
            "answers/s": round(median([one.rate for one in found])),
            "p99 ms": round(median([one.p99_ms for one in found]), 2),
            "CPU µs each": round(median([one.microseconds_each for one in found]), 1),
            "MB": round(found[-1].megabytes),
        }
        for (what, name), found in sorted(rounds.items())
    ]
    return rows, ratios_of(rounds)


def ratios_of(rounds: Mapping[tuple[str, str], Sequence[Round]]) -> dict[str, float]:
    """Returns the median over the rounds of one rate by another of the same round."""
    asked = [
        ("a score", HOT, JWT_PEER),
        ("a score", HOT, MEMORY_PEER),
        ("a score", HOT, NGINX),
        (f"{MARKETS} markets", HOT, JWT_PEER),
        ("first tokens", HOT, PLAIN),
        ("details nobody read", HOT, PLAIN),
    ]
    return {
        f"{what}: {one} over {other}": median(
            [a.rate / b.rate for a, b in zip(rounds[what, one], rounds[what, other], strict=True)]
        )
        for what, one, other in asked
        if (what, other) in rounds
    }


def main() -> None:
    """Measures and reports."""
    rows, ratios = measure()
    report("reads", rows, ratios)


if __name__ == "__main__":
    main()
