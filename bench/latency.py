"""How long a change takes from its commit to the sockets.

Changes are written to 100 matches at a steady rate, a batch every 10 ms, and received over sockets
spread over the matches. The raw baseline is Postgres' own notification of the same commits,
received by a plain LISTEN in the same process: what no system over NOTIFY can be faster than.
Times are of one clock: writer, baseline and sockets share a process. A frame that arrives before
the writer has been told of its own commit counts as 0.
"""

import asyncio
import time
from collections.abc import Sequence

import asyncpg
import uvloop

from bench import house
from bench.report import Row, median, percentile, report
from bench.sockets import open_sockets

MATCHES = 100
RATES = (100, 1_000, 3_000)
SOCKETS = (1, 100, 1_000)
ROUNDS = 3
ROUND_S = 2.0
WARM_UP_S = 0.5
BATCH_S = 0.01
# How long after the last commit a frame may still arrive.
LINGER_S = 1.0

_CLOCK = b'"clock" : "'
_WRITE = "UPDATE live_scores SET clock = $2 WHERE match_id = ANY ($1::bigint[])"


class Measured:
    """Commits by the name of their batch, and what was received of them when."""

    def __init__(self) -> None:
        self.committed: dict[str, float] = {}
        self.frames: list[tuple[str, float]] = []
        self.notified: list[float] = []

    def on_frame(self, payload: bytes) -> None:
        """Takes a frame's time of arrival; heartbeats have no clock."""
        at = payload.find(_CLOCK)
        if at >= 0:
            start = at + len(_CLOCK)
            name = payload[start : payload.index(b'"', start)].decode()
            self.frames.append((name, time.perf_counter()))

    def latencies_ms(self) -> list[float]:
        """Returns the time from commit to socket of every frame, in order of size."""
        return sorted(
            max(0.0, (at - self.committed[name]) * 1000)
            for name, at in self.frames
            if name in self.committed
        )


async def write_at(
    connection: asyncpg.Connection, matches: Sequence[int], rate: int, measured: Measured
) -> None:
    """Commits `rate` changes a second for a round, on a grid of batches; notes each commit."""
    a_batch = max(1, int(rate * BATCH_S))
    every = a_batch / rate
    begun = time.perf_counter()
    sent = 0
    while (due := sent * every) < WARM_UP_S + ROUND_S:
        await asyncio.sleep(max(0.0, begun + due - time.perf_counter()))
        start = (sent * a_batch) % len(matches)
        chosen = [matches[(start + n) % len(matches)] for n in range(a_batch)]
        name = f"{rate}-{sent}-{begun}"
        await connection.execute(_WRITE, chosen, name)
        if due >= WARM_UP_S:
            measured.committed[name] = time.perf_counter()
        sent += 1


async def one_round(
    url: str, port: int, matches: Sequence[int], *, rate: int, sockets: int
) -> tuple[Measured, list[float], int]:
    """Measures one round; returns it, the baseline's times in ms, and how many frames were due."""
    measured = Measured()
    paths = [f"/live/{matches[n % len(matches)]}?kinds=score" for n in range(sockets)]
    opened = await open_sockets(port, paths, measured.on_frame)
    listening, writing = await asyncpg.connect(url), await asyncpg.connect(url)
    await writing.execute("SET synchronous_commit = off")
    await listening.add_listener(
        "touchline_changes", lambda *_: measured.notified.append(time.perf_counter())
    )
    await write_at(writing, matches, rate, measured)
    await asyncio.sleep(LINGER_S)
    commits = sorted(measured.committed.values())
    raw = sorted(
        max(0.0, (heard - committed) * 1000)
        for committed, heard in zip(commits, measured.notified[-len(commits) :], strict=True)
    )
    for socket in opened:
        socket.transport.abort()
    await listening.close()
    await writing.close()
    due = len(commits) * max(1, int(rate * BATCH_S)) * sockets // len(matches)
    return measured, raw, due


async def measure() -> tuple[list[Row], dict[str, float]]:
    """Measures every rate with every number of sockets."""
    rows: list[Row] = []
    ratios: dict[str, float] = {}
    house.allow_many_sockets()
    with house.stack() as stack, house.api(stack) as (_, port):
        matches = await house.make_matches(stack.database_url, MATCHES)
        for rate in RATES:
            for sockets in SOCKETS:
                p50, p99, raw50, raw99, got, due = [], [], [], [], 0, 0
                for _ in range(ROUNDS):
                    measured, raw, wanted = await one_round(
                        stack.database_url, port, matches, rate=rate, sockets=sockets
                    )
                    times = measured.latencies_ms()
                    p50.append(percentile(times, 0.5))
                    p99.append(percentile(times, 0.99))
                    raw50.append(percentile(raw, 0.5))
                    raw99.append(percentile(raw, 0.99))
                    got, due = got + len(times), due + wanted
                rows.append(
                    {
                        "changes/s": rate,
                        "sockets": sockets,
                        "p50 ms": round(median(p50), 3),
                        "p99 ms": round(median(p99), 3),
                        "raw NOTIFY p50 ms": round(median(raw50), 3),
                        "raw NOTIFY p99 ms": round(median(raw99), 3),
                        "frames": got,
                        "of": due,
                    }
                )
                ratios[f"p99, {rate} changes/s, {sockets} sockets, over raw NOTIFY"] = median(
                    p99
                ) / max(0.001, median(raw99))
    return rows, ratios


def main() -> None:
    """Measures and reports."""
    rows, ratios = uvloop.run(measure())
    report("latency", rows, ratios)


if __name__ == "__main__":
    main()
