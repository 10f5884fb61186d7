"""What is held of matches: who told what, and what is believed of it.

A worker reads it once and remembers it, and what it wrote since. Every reading has a number of its
own, which the match's head names as its `holder`. Who else writes what is held, under the head's
lock, puts another number there, or none; whoever comes to a head that does not name the reading it
remembers reads again. A worker's lines of polls share one memory, as their words are of the same
matches: a line takes out what it writes, and puts it back when that is committed.
"""

import asyncio
import contextlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import count
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from app.database.engine import Connection, Row
from app.ingest.believed import BelievedScore, Contest
from app.ingest.columns import numbers
from app.ingest.confidence import ToldScore
from app.ingest.reliability import Providers, providers_now
from app.sports.match import SPORTS, MatchStatus, Period, Score, Sport

# Matches a worker remembers, those written longest ago leave first: about 3 kB each.
HELD_MAX = 10_000
# What was read so long ago is read again, whatever the head says: who mends a row by hand and
# takes no lock is heard then.
HELD_S = 60.0
# Longest a line waits for another one of its process before it asks Postgres.
WAIT_S = 0.2
# How providers stand is read so often. One that goes down or comes back is heard of at once: its
# matches are believed anew then, which leaves their heads without a holder.
STANDINGS_S = 1.0
# The number of a reading that nobody remembers.
NOBODYS = 0

_MATCHES = """
SELECT m.id, m.sport_id, m.start_time, s.status, s.home_score, s.away_score, s.period, s.clock,
       s.periods::text AS periods, s.confidence, s.points_at, s.status_at,
       s.verify_since IS NOT NULL AS verifying,
       EXISTS (SELECT FROM conflicts c WHERE c.match_id = m.id AND c.closed_at IS NULL) AS disputed
FROM matches m LEFT JOIN live_scores s ON s.match_id = m.id
WHERE m.id = ANY (string_to_array($1, ',')::bigint[])
"""
_TOLD = """
SELECT match_id, provider, score::text AS score, observed_at, received_at, points_since,
       points_repeats, back_since, back_repeats, status_since, status_repeats
FROM score_observations WHERE match_id = ANY (string_to_array($1, ',')::bigint[])
"""
_STATUSES = {status.value: status for status in MatchStatus}
# Three providers tell a match's score in much the same words.
_READ_MAX = 10_000
_score_of = lru_cache(_READ_MAX)(msgspec.json.Decoder(Score).decode)
_periods_of = lru_cache(_READ_MAX)(msgspec.json.Decoder(tuple[Period, ...]).decode)


class Told(msgspec.Struct):
    """All that is told of one match, and what we held of it; `disputed`: conflicts of it are open.

    `words` are by provider, each with what its provider was worth to `providers`. `settled`: all
    say what is believed, undisputed; to hear a confirmed word again changes nothing. `look_again`
    is when what a provider tells of incidents is to be compared with the tables again.
    """

    sport: str
    contest: Contest
    held: BelievedScore | None
    disputed: bool
    words: dict[str, ToldScore]
    providers: Providers
    reading: int
    read_at: float
    settled: bool = False
    look_again: dict[str, datetime] = msgspec.field(default_factory=dict[str, datetime])

    def weigh(self, providers: Providers) -> None:
        """Gives each word what its provider is worth now."""
        for provider, word in self.words.items():
            now = providers.of(provider, self.sport)
            if (word.reliability, word.rank) != (now.reliability, now.rank):
                self.words[provider] = replace(word, reliability=now.reliability, rank=now.rank)
        self.providers = providers


class Memory:
    """What one process remembers of what is held, and how providers stand."""

    def __init__(self) -> None:
        self.kept: OrderedDict[int, Told] = OrderedDict()
        # Whose hand a match is in, while its transaction runs.
        self.out: dict[int, Hold] = {}
        self._returned = asyncio.Event()
        self._readings = count(1 + secrets.randbits(62))
        self._providers: Providers | None = None
        self._providers_at = 0.0

    def clear(self) -> None:
        """Forgets all of it: a new connection may mean a server that lost its last commits."""
        # Who still has something out puts it back into what nobody looks at any more.
        self.kept = OrderedDict()

    def give_back(self, hold: "Hold") -> None:
        """Notes that a line's transaction has ended."""
        self.out = {m: one for m, one in self.out.items() if one is not hold}
        self._returned.set()
        self._returned = asyncio.Event()

    async def wait(self, match_ids: Collection[int], hold: "Hold") -> None:
        """Waits while other lines have any of these matches out, `WAIT_S` at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_S):
                while any(self.out.get(m, hold) is not hold for m in match_ids):
                    await self._returned.wait()

    def reading(self) -> int:
        """Returns the number of a new reading, which nobody else has."""
        return next(self._readings)

    def standings(self) -> Providers | None:
        """Returns how providers stand, None when that was read too long ago."""
        is_old = time.monotonic() - self._providers_at > STANDINGS_S
        return None if is_old else self._providers

    async def providers(self, connection: Connection, *, anew: bool) -> Providers:
        """Returns how providers stand, read `anew` or a second ago at most; the very same object
        while they stand as they did.
        """
        now = time.monotonic()
        if anew or self.standings() is None:
            read = await providers_now(connection)
            self._providers_at = now
            if self._providers is None or not read.stand_as(self._providers):
                self._providers = read
        assert self._providers is not None, "it was read just now"
        return self._providers


class Hold:
    """One line's hand on the memory: what it takes out is its own until its transaction ends."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self._kept = memory.kept
        self._confirmed: dict[int, int] = {}
        self._pending: dict[int, Told] = {}

    def seen(self, match_id: int) -> Told | None:
        """Returns what is remembered of a match that may not be locked: to be read, no more."""
        return self._pending.get(match_id) or self.memory.kept.get(match_id)

    def readings(self, match_ids: Iterable[int]) -> dict[int, int]:
        """Returns the readings that are remembered of matches."""
        return {m: told.reading for m in match_ids if (told := self.seen(m)) is not None}

    def confirm(self, readings: Mapping[int, int], outdated: Collection[int]) -> None:
        """Notes which readings the heads of matches, locked now, name, and drops those outdated."""
        self._confirmed = dict(readings)
        for match_id in outdated:
            self._confirmed.pop(match_id, None)
            self.take_out(match_id)

    def take(self, match_ids: Iterable[int]) -> dict[int, Told]:
        """Takes out what is remembered of matches and was confirmed."""
        oldest = time.monotonic() - HELD_S
        found: dict[int, Told] = {}
        for match_id in match_ids:
            told = self.take_out(match_id)
            if told is None or told.read_at < oldest:
                continue
            # A late line may have put back an older reading since.
            if told.reading == self._confirmed.get(match_id):
                found[match_id] = told
        return found

    async def wait_for(self, match_ids: Collection[int]) -> None:
        """Waits for the lines of this process that write these matches just now: who came second
        would have to read what the first is about to put back. Who has matches out itself waits for
        nobody but Postgres, which knows a deadlock when it sees one.
        """
        out = self.memory.out
        if out and not self._pending and any(m in out for m in match_ids):
            await self.memory.wait(match_ids, self)

    def take_out(self, match_id: int) -> Told | None:
        """Takes out what is remembered of a match, whether it holds or not."""
        self.memory.out[match_id] = self
        self._kept = self.memory.kept
        remembered = self._kept.pop(match_id, None)
        return self._pending.pop(match_id, remembered)

    def learn(self, matches: Mapping[int, Told]) -> None:
        """Notes what is held of matches it took, if the transaction commits."""
        self._pending.update(matches)

    def keep(self) -> None:
        """The transaction committed."""
        kept = self._kept
        kept.update(self._pending)
        self._end()
        while len(kept) > HELD_MAX:
            kept.popitem(last=False)

    def drop(self) -> None:
        """The transaction did not commit."""
        self._end()

    def _end(self) -> None:
        self._pending.clear()
        if self.memory.out:
            self.memory.give_back(self)


async def read_told(
    connection: Connection, match_ids: Collection[int], providers: Providers, reading: int
) -> dict[int, Told]:
    """Reads what is held of matches; the caller holds the locks on their heads."""
    wanted, now = numbers(match_ids), time.monotonic()
    matches: dict[int, Told] = {}
    for row in await connection.fetch(_MATCHES, wanted):
        contest = Contest(
            facts=SPORTS[Sport(row["sport_id"])],
            starts_at=row["start_time"],
            verifying=row["verifying"],
        )
        matches[row["id"]] = Told(
            sport=row["sport_id"],
            contest=contest,
            held=_held(row),
            disputed=row["disputed"],
            words={},
            providers=providers,
            reading=reading,
            read_at=now,
        )
    # By place: by name, thousands of look-ups a poll.
    rows = cast("Sequence[tuple[Any, ...]]", await connection.fetch(_TOLD, wanted))
    for (
        match_id, provider, score, observed_at, received_at, points_since, points_repeats,
        back_since, back_repeats, status_since, status_repeats,
    ) in rows:  # fmt: skip
        of_match = matches[match_id]
        standing = providers.of(provider, of_match.sport)
        of_match.words[provider] = ToldScore(
            provider=provider,
            score=_score_of(score),
            observed_at=observed_at,
            received_at=received_at,
            points_since=points_since,
            points_repeats=points_repeats,
            back_since=back_since,
            back_repeats=back_repeats,
            status_since=status_since,
            status_repeats=status_repeats,
            reliability=standing.reliability,
            rank=standing.rank,
        )
    return matches


def _held(row: Row) -> BelievedScore | None:
    if row["status"] is None:
        return None
    score = Score(
        status=_STATUSES[row["status"]],
        home=row["home_score"],
        away=row["away_score"],
        period=row["period"],
        clock=row["clock"],
        periods=_periods_of(row["periods"]),
    )
    return BelievedScore(
        score=score,
        confidence=row["confidence"],
        points_at=row["points_at"],
        status_at=row["status_at"],
    )
