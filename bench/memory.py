"""What the processes weigh: API and worker at rest, and what a socket adds.

A socket is weighed on both ways of carrying them (`SOCKETS`): our own protocol class, and
uvicorn's. The raw baseline is a bare ASGI application of ten lines on uvicorn, in the same run:
what uvicorn itself needs for a socket. Figures are resident memory.
"""

from contextlib import ExitStack

import psutil
import uvloop

from app.devstack import ports
from bench import house
from bench.report import Row, median, report
from bench.sockets import open_sockets

SOCKETS = (1_000, 10_000)
# What rows of sockets are called, by the setting.
CARRIED = {"shared": "a socket", "stock": "a socket, stock protocol,"}
ROUNDS = 3
MATCHES = 100
# A process at rest has done everything once: the first requests load what is loaded late.
WARM_UP_REQUESTS = 50


def resident(process: psutil.Process) -> int:
    """Returns the bytes a process holds in memory."""
    return process.memory_info().rss


async def a_socket(process: psutil.Process, port: int, paths: list[str]) -> float:
    """Returns what each socket adds to a process, in bytes."""
    before = resident(process)
    opened = await open_sockets(port, paths, lambda _: None)
    added = resident(process) - before
    for socket in opened:
        socket.transport.abort()
    return added / len(paths)


async def measure() -> tuple[list[Row], dict[str, float]]:
    """Measures each size over several processes, ours and the bare one in turn."""
    house.allow_many_sockets()
    found: dict[str, list[float]] = {}
    with house.stack() as stack:
        matches = await house.make_matches(stack.database_url, MATCHES)
        for _ in range(ROUNDS):
            for count in SOCKETS:
                paths = [f"/live/{matches[n % MATCHES]}" for n in range(count)]
                for setting, row in CARRIED.items():
                    at_rest, added = await ours(stack, setting, paths)
                    found.setdefault("API at rest", []).append(at_rest)
                    found.setdefault(f"{row} of {count}", []).append(added)
                port = ports.pick()
                bare = ["-m", "uvicorn", "bench.bare_sockets:app", "--port", str(port)]
                options = ["--ws-per-message-deflate", "false", "--log-level", "warning"]
                with house.process([*bare, *options, "--backlog", "4096"]) as process:
                    house.wait_for(f"http://127.0.0.1:{port}/")
                    added = await a_socket(process, port, paths)
                    found.setdefault(f"a bare socket of {count}", []).append(added)
            found.setdefault("worker at rest", []).append(worker_at_rest(stack))
    rows: list[Row] = [
        {
            "what": what,
            "kB": round(median(values) / 1000, 1),
            "least kB": round(min(values) / 1000, 1),
            "most kB": round(max(values) / 1000, 1),
        }
        for what, values in found.items()
    ]
    ratios = {
        f"a socket over a bare one, {count} sockets": median(found[f"a socket of {count}"])
        / median(found[f"a bare socket of {count}"])
        for count in SOCKETS
    }
    return rows, ratios


async def ours(stack: house.Stack, setting: str, paths: list[str]) -> tuple[int, float]:
    """Returns the bytes of an API at rest with this setting of SOCKETS, and of each socket."""
    with house.api(stack, SOCKETS=setting) as (process, port):
        for _ in range(WARM_UP_REQUESTS):
            house.wait_for(f"http://127.0.0.1:{port}/api{paths[0].replace('live', 'scores')}")
        return resident(process), await a_socket(process, port, paths)


def worker_at_rest(stack: house.Stack) -> int:
    """Returns the bytes a worker holds that has its recordings loaded and polls."""
    port = ports.pick()
    with ExitStack() as at_the_end:
        process = at_the_end.enter_context(
            house.process(
                ["-m", "app", "worker"],
                DATABASE_URL=stack.database_url,
                REDIS_URL=stack.redis_url,
                WORKER_METRICS_PORT=str(port),
            )
        )
        house.wait_for(f"http://127.0.0.1:{port}/metrics")
        house.wait_for_text(f"http://127.0.0.1:{port}/metrics", "touchline_poll_seconds_count")
        return resident(process)


def main() -> None:
    """Measures and reports."""
    rows, ratios = uvloop.run(measure())
    report("memory", rows, ratios)


if __name__ == "__main__":
    main()
