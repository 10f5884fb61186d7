"""How reads grow: with API processes, with callers, with matches in play that are asked for.

The measurement of `reads.py`, one thing larger at a time: scores with token, limit and usage.
`wrk` and Postgres share the machine with what is measured.
"""

from pathlib import Path

import msgspec
import psutil
import uvloop

from bench import house, reads
from bench.bars import Bar, draw
from bench.report import Row, median, report

ROUNDS = 3
PLOT = Path(__file__).parents[1] / "docs" / "images" / "read-growth.svg"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One row."""

    grows: str
    processes: int = 1
    callers: int = 64
    matches: int = 100

    @property
    def name(self) -> str:
        """What it is, in a line."""
        many = "es" * (self.processes > 1)
        return f"{self.callers} callers, {self.matches:,} matches, {self.processes} process{many}"


CASES = (
    Case(grows="processes"),
    Case(grows="processes", processes=2),
    Case(grows="callers", callers=1),
    Case(grows="callers", callers=256),
    Case(grows="matches", matches=1_000),
    Case(grows="matches", matches=5_000),
)


def measure() -> tuple[list[Row], dict[str, float]]:
    """Measures every case, those of as many processes over the same ones."""
    found: dict[Case, list[reads.Round]] = {}
    token = ""
    with house.stack() as stack:
        ids = uvloop.run(house.make_matches(stack.database_url, max(c.matches for c in CASES)))
        for processes in sorted({case.processes for case in CASES}):
            with house.api(
                stack, LIMIT_USER_PER_MINUTE="100000000", API_PROCESSES=str(processes)
            ) as (process, port):
                token = token or reads.log_in(port)[1]
                for case in (case for case in CASES if case.processes == processes):
                    asked = server(case, process, port, [f"/api/scores/{n} {token}" for n in ids])
                    found[case] = [reads.one_round(asked, number) for number in range(ROUNDS)]
    rows: list[Row] = [
        {
            "grows": case.grows,
            "processes": case.processes,
            "callers": case.callers,
            "matches": case.matches,
            "answers/s": round(median([one.rate for one in found[case]])),
            "p99 ms": round(median([one.p99_ms for one in found[case]]), 2),
            "CPU µs each": round(median([one.microseconds_each for one in found[case]]), 1),
        }
        for case in CASES
    ]
    bars = [
        Bar(
            name=case.name,
            low=min(one.rate for one in found[case]) / 1000,
            high=max(one.rate for one in found[case]) / 1000,
        )
        for case in CASES
    ]
    draw(PLOT, "Thousand scores read a second", ("least", "most"), bars)
    return rows, {
        f"answers/s, {case.name}": median([one.rate for one in found[case]]) for case in CASES
    }


def server(case: Case, process: psutil.Process, port: int, lines: list[str]) -> reads.Server:
    """Returns who is asked for what, the matches each in turn."""
    return reads.Server(
        name=case.name,
        what="a score",
        process=process,
        port=port,
        lines=lines[: case.matches],
        callers=case.callers,
    )


def main() -> None:
    """Measures, plots and reports."""
    rows, ratios = measure()
    report("read-growth", rows, ratios)


if __name__ == "__main__":
    main()
