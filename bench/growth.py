"""How commit to socket grows: with sockets, with matches, with processes; and the storm.

The measurement of `latency.py`, one thing larger at a time. The storm is what a final is: one
match, 20 changes a second, 5,000 sockets.
"""

import math
from pathlib import Path

import msgspec
import uvloop

from bench import house, latency
from bench.bars import Bar, draw
from bench.report import Row, median, percentile, report

ROUNDS = 3
PLOT = Path(__file__).parents[1] / "docs" / "images" / "growth.svg"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One row."""

    grows: str
    processes: int = 1
    matches: int = 100
    sockets: int = 1_000
    rate: int = 1_000

    @property
    def name(self) -> str:
        """What it is, in a line."""
        size = f"{self.sockets:,} sockets, {self.matches:,} matches, {self.rate:,}/s"
        return f"{size}, {self.processes} process{'es' * (self.processes > 1)}"


CASES = (
    Case(grows="sockets", sockets=100),
    Case(grows="sockets", sockets=1_000),
    Case(grows="sockets", sockets=5_000, rate=200),
    Case(grows="matches", matches=10, rate=200),
    Case(grows="matches", matches=1_000, rate=1_000),
    Case(grows="processes", processes=2),
    Case(grows="processes", processes=4),
    Case(grows="storm", sockets=5_000, matches=1, rate=20),
)


async def measure() -> tuple[list[Row], dict[str, float]]:
    """Measures every case, those of as many processes over the same ones."""
    house.allow_many_sockets()
    found: dict[Case, Row] = {}
    with house.stack() as stack:
        matches = await house.make_matches(stack.database_url, max(c.matches for c in CASES))
        for processes in sorted({case.processes for case in CASES}):
            with house.api(stack, API_PROCESSES=str(processes)) as (_, port):
                for case in (case for case in CASES if case.processes == processes):
                    chosen = matches[: case.matches]
                    found[case] = await one_case(stack.database_url, port, chosen, case)
    rows = [found[case] for case in CASES]
    bars = [
        Bar(name=case.name, low=float(str(row["p50 ms"])), high=float(str(row["p99 ms"])))
        for case, row in zip(CASES, rows, strict=True)
    ]
    draw(PLOT, "Milliseconds from commit to socket", ("p50", "p99"), bars)
    return rows, {f"p99 ms, {bar.name}": bar.high for bar in bars}


async def one_case(url: str, port: int, matches: list[int], case: Case) -> Row:
    """Measures one case over several rounds."""
    p50: list[float] = []
    p99: list[float] = []
    got = due = 0
    for _ in range(ROUNDS):
        measured, _, wanted = await latency.one_round(
            url, port, matches, rate=case.rate, sockets=case.sockets
        )
        times = measured.latencies_ms()
        p50.append(percentile(times, 0.5) if times else math.nan)
        p99.append(percentile(times, 0.99) if times else math.nan)
        got, due = got + len(times), due + wanted
    return {
        "grows": case.grows,
        "sockets": case.sockets,
        "matches": case.matches,
        "changes/s": case.rate,
        "processes": case.processes,
        "p50 ms": round(median(p50), 2),
        "p99 ms": round(median(p99), 2),
        "frames": got,
        "of": due,
    }


def main() -> None:
    """Measures, plots and reports."""
    rows, ratios = uvloop.run(measure())
    report("growth", rows, ratios)


if __name__ == "__main__":
    main()
