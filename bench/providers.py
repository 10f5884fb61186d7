"""Three providers at once: from bytes in their own shapes to committed rows.

Three providers tell of the same six leagues, in a line of polls each, beside the others and league
after league, as the polls of one worker do. Each answer is normalised, identified, merged with what
the others said, written and logged in a transaction of its own. What is told differs from what was
told before in every price and every clock: no match day has it so bad. Nothing else differs, as
nearly always; in a kind of its own as many goals are scored as in real matches.

Four kinds: scores; scores with goals; quotes; and scores and quotes at once, in six lines, ten
quotes to each observation of a score. The bare baseline upserts the same rows, ready, in the same
run: by one writer, and by one for each line at once. Of scores these are what each provider said,
and as many beliefs, heads and entries of the log as ours came to in that very round; beside it
stands the upsert of what was told and is believed alone.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import uvloop

from app import collector
from app.database import engine
from app.ingest.dead_letters import Origin
from app.ingest.held import Memory
from app.ingest.intake import TakenIn, take_in
from app.ingest.known import Known
from bench import bare_scores, house, wires
from bench.bare_scores import Statement
from bench.ingest import BARE_TABLES, a_batch, statements_of
from bench.report import Row, median, report

# Leagues of matches; a poll is about one of them, and the lines go round them in turn.
LEAGUES = 6
CONNECTIONS = 8  # As a worker has.
MATCHES = 100  # Of a league: what one poll brings.
ROUNDS = 15

Body = Callable[[random.Random, Sequence[int], datetime], bytes]


class Asked(msgspec.Struct, frozen=True):
    """What a poll asks for: of whom, how its answer is made, and whether it is of scores."""

    provider: str
    body: Body
    scores: bool = False


# A match has a goal so often, three in 105 minutes, when there are goals.
GOAL_EVERY_S = 2_100
# As nobody has scored before the bench's clock begins, three hours ago at the most.
_NO_GOALS_YET = (int(time.time()) - 3 * 3_600) // GOAL_EVERY_S


def _goals(matches: Sequence[int], at: datetime) -> Mapping[int, int]:
    """Returns the goals of matches at a moment, spread over them; whoever tells, tells the same."""
    spread = {n: random.Random(n).randrange(GOAL_EVERY_S) for n in matches}
    return {n: (int(at.timestamp()) + s) // GOAL_EVERY_S - _NO_GOALS_YET for n, s in spread.items()}


def _minute(dice: random.Random) -> int:
    return dice.randint(1, 44)


_SCORES = (
    Asked("api-football", lambda d, of, _: wires.fixtures(_minute(d), of), scores=True),
    Asked("thesportsdb", lambda d, of, at: wires.livescore(_minute(d), of, at), scores=True),
    Asked("north-feed", lambda d, of, at: wires.pushed_scores(_minute(d), of, at), scores=True),
)
_SCORES_AND_GOALS = (
    Asked(
        "api-football",
        lambda d, of, at: wires.fixtures(_minute(d), of, goals=_goals(of, at)),
        scores=True,
    ),
    Asked(
        "thesportsdb",
        lambda d, of, at: wires.livescore(_minute(d), of, at, _goals(of, at)),
        scores=True,
    ),
    Asked(
        "north-feed",
        lambda d, of, at: wires.pushed_scores(_minute(d), of, at, _goals(of, at)),
        scores=True,
    ),
)
_QUOTES = (
    Asked("odds-api", wires.odds_api_odds),
    Asked("south-feed", wires.pushed_odds),
    Asked("north-feed", wires.pushed_odds),
)
# The lines of a kind, and the polls of each in a round. A poll brings 1,500 quotes or the scores of
# a hundred matches: two of the one to three of the other are ten to one.
Lines = Sequence[tuple[Asked, int]]
KINDS: Mapping[str, Lines] = {
    "score observations": [(one, 15) for one in _SCORES],
    "score observations, with goals": [(one, 15) for one in _SCORES_AND_GOALS],
    "quotes": [(one, 15) for one in _QUOTES],
    "both at once": [(one, 12) for one in _QUOTES] + [(one, 18) for one in _SCORES],
}


class Told:
    """A clock of the bench's own: each poll is later than the one before, however fast it goes."""

    def __init__(self) -> None:
        self._at = datetime.now(UTC) - timedelta(hours=2)

    def next(self) -> datetime:
        """Returns a moment a second later."""
        self._at += timedelta(seconds=1)
        return self._at


class Poll(msgspec.Struct, frozen=True):
    """An answer, and what it is about."""

    asked: Asked
    matches: Sequence[int]
    body: bytes
    at: datetime


async def one_line(pool: engine.Pool, polls: Sequence[Poll], known: Known) -> list[TakenIn]:
    """Takes in what was said, poll after poll; returns what each came to."""
    came: list[TakenIn] = []
    for poll in polls:
        provider = poll.asked.provider
        answer = wires.READS[provider](poll.body, poll.at)
        taken = await take_in(pool, Origin(provider=provider, scope="bench"), answer, known)
        assert taken is not None
        assert not taken.lost, taken.lost[:1]
        came.append(taken)
    return came


async def one_writer(pool: engine.Pool, polls: Sequence[Sequence[Statement]]) -> None:
    """Writes ready rows, each poll's in a transaction of its own."""
    async with engine.connection(pool) as connection:
        for statements in polls:
            async with connection.transaction():
                for statement, columns in statements:
                    await connection.execute(statement, *columns)


def league(number: int) -> range:
    """Returns the matches of a league."""
    start = number % LEAGUES * MATCHES
    return range(start, start + MATCHES)


def told_by(poll: Poll, taken: TakenIn) -> int:
    """Returns how many observations of scores, or quotes, a poll told."""
    return taken.matches if poll.asked.scores else taken.quotes


class Rounds:
    """Rounds of one kind: what went through a second, ours and the bare upserts in turn."""

    def __init__(self, pool: engine.Pool, lines: Lines) -> None:
        self._pool, self._lines = pool, lines
        self._dice, self._told = random.Random(len(lines)), Told()
        memory = Memory()
        self._known = [Known(memory) for _ in lines]
        self._scores = bare_scores.Scores()

    async def measured(self) -> dict[str, list[float]]:
        """Returns what each way gave in every round but the first, which warms up."""
        found: dict[str, list[float]] = {}
        for number in range(ROUNDS + 1):
            for way, rate in (await self.round()).items():
                if number:
                    found.setdefault(way, []).append(rate)
        return found

    async def round(self) -> dict[str, float]:
        """Returns what went through a second, by way."""
        lines = self._polls()
        begun = time.perf_counter()
        came = await asyncio.gather(
            *(one_line(self._pool, *line) for line in zip(lines, self._known, strict=True))
        )
        took_s = time.perf_counter() - begun
        pairs = [list(zip(polls, of, strict=True)) for polls, of in zip(lines, came, strict=True)]
        told = sum(told_by(poll, taken) for line in pairs for poll, taken in line)
        assert all(told_by(poll, taken) for line in pairs for poll, taken in line), "told too late"
        found = {"ours": told / took_s}
        scores_only = all(poll.asked.scores for polls in lines for poll in polls)
        for way in ("", " alone") if scores_only else ("",):
            for writers in ("one", "each"):
                ready = [[self._ready(*one, alone=bool(way)) for one in line] for line in pairs]
                if writers == "one":
                    ready = [[poll for line in ready for poll in line]]
                begun = time.perf_counter()
                await asyncio.gather(*(one_writer(self._pool, line) for line in ready))
                found[writers + way] = told / (time.perf_counter() - begun)
        return found

    def _polls(self) -> list[list[Poll]]:
        lines: list[list[Poll]] = [[] for _ in self._lines]
        for n in range(max(polls for _, polls in self._lines)):
            at = self._told.next()
            for place, (asked, polls) in enumerate(self._lines):
                if n < polls:
                    matches = league(n + 2 * place)
                    body = asked.body(self._dice, matches, at)
                    lines[place].append(Poll(asked, matches, body, at))
        return lines

    def _ready(self, poll: Poll, taken: TakenIn, *, alone: bool) -> list[Statement]:
        """Returns the very rows that a poll came to."""
        if not poll.asked.scores:
            return statements_of(a_batch(self._dice, MATCHES)[1])
        told = bare_scores.Poll(poll.asked.provider, poll.matches, taken.scores_changed)
        return self._scores.ready(told, alone=alone)


def shown(what: str, found: Mapping[str, Sequence[float]]) -> tuple[Row, dict[str, float]]:
    """Returns a kind's row and its ratios."""
    over = {
        way: median([a / b for a, b in zip(found["ours"], rates, strict=True)])
        for way, rates in found.items()
        if way != "ours"
    }
    row: dict[str, object] = {
        "what": what,
        "a second": round(median(found["ours"])),
        "least": round(min(found["ours"])),
        "most": round(max(found["ours"])),
    }
    for way in ("one", "each", "one alone", "each alone"):
        row[f"bare, {way}"] = round(median(found[way])) if way in found else ""
        row[f"ratio to {way}"] = round(over[way], 3) if way in over else ""
    named = {"one": "the same rows, one writing", "each": "the same rows, a writer a line"}
    named["one alone"] = "what was told and believed alone, one writing"
    named["each alone"] = "what was told and believed alone, a writer a line"
    return row, {
        f"{what} of three providers over the bare upsert of {named[way]}": ratio
        for way, ratio in over.items()
    }


async def measure() -> tuple[list[Row], dict[str, float]]:
    """Measures kind after kind, each on servers of its own, as large as it made them."""
    rows: list[Row] = []
    ratios: dict[str, float] = {}
    collector.calm()  # As a worker does.
    for what, lines in KINDS.items():
        with house.stack() as stack:
            pool = await engine.open_pool(
                stack.database_url,
                connections_max=CONNECTIONS,
                statement_timeout_s=60,
                name="bench",
                more={"synchronous_commit": "off"},
            )
            async with engine.connection(pool) as connection:
                await connection.execute(BARE_TABLES)
                await connection.execute(bare_scores.TABLES)
            row, over = shown(what, await Rounds(pool, lines).measured())
            rows.append(row)
            ratios |= over
            await pool.close()
    return rows, ratios


def main() -> None:
    """Measures and reports."""
    rows, ratios = uvloop.run(measure())
    report("providers", rows, ratios)


if __name__ == "__main__":
    main()
