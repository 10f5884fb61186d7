"""A match day of four sports: one provider lies, one swaps sides, one stands still, two die.

What subscribers saw is at every moment what the rules make of what was told; nobody exceeded a
quota; and nobody asked for the prices of what nobody watched.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from tests.conftest import apart
from tests.stories import witness
from tests.stories.agreement import check_that_rest_says_the_same
from tests.stories.conftest import MakeHouse
from tests.stories.follower import Follower
from tests.stories.house import House
from tests.stories.matchday import MatchDay
from tests.stories.programme import PLAYED, PLAYED_AGAIN
from tests.stories.rules import check_beliefs, check_prices
from tests.stories.witness import Entry, Seen

# Shown with --log-cli-level=info.
LOG = logging.getLogger(__name__)
PATIENCE_S = 150
SPEED, LANES = 60, 3
# From here on two matches of every sport are on for a minute, and one of hockey for two.
AT_S = 205.0
SPORTS = ("football", "basketball", "tennis", "hockey")
# Of TheSportsDB half of what one would like to ask at this speed, which it tells nobody; of
# API-Football two thirds, which it says in its answers.
A_MINUTE = 120
SCENARIO = f"""
about = "A day on which two quotas are small."
[quotas]
thesportsdb = [{{window = "minute", most = {A_MINUTE}}}]
api-football = [{{window = "minute", most = 90}}, {{window = "day", most = 100000}}]
"""
# More goals than any sport's step, and than football's leap.
LIE = 6
# As many words of the lie as would confirm it, were nobody else there, and one more.
LIES = 4
# Those who watch see a match for so long at least, in seconds of ours: a lie told in several words;
# and of hockey one for the whole of an outage.
LASTS_S, LASTS_LONG_S = 40.0, 70.0
# What the health of providers went through.
FELL = (
    ("betfair", "hockey", ("up", "down", "recovering", "up")),
    ("thesportsdb", "hockey", ("up", "down", "recovering", "up")),
    ("odds-api", "basketball", ("up", "behind", "up")),
)

_CHOICE = """
SELECT m.id, m.sport_id, array_agg(r.provider || ' ' || r.external_id) AS refs
FROM matches m JOIN provider_refs r ON r.match_id = m.id AND r.kind = 'match'
JOIN live_scores s ON s.match_id = m.id AND s.status IN ('live', 'paused')
GROUP BY m.id HAVING count(DISTINCT r.provider) >= CASE m.sport_id WHEN 'football' THEN 4
                                                   WHEN 'hockey' THEN 2 ELSE 3 END
"""
_LIES = """
SELECT count(*) FROM witness w
WHERE kind = 'word' AND match_id = $1 AND body ->> 'provider' = 'api-football'
  AND (body -> 'score' ->> 'home')::int >= $2
"""
# The second word since then was asked for when all was swapped.
_SWAPPED = """
SELECT count(*) > 1 FROM witness
WHERE kind = 'word' AND match_id = $1 AND body ->> 'provider' = 'odds-api' AND id > $2
"""
_CONFLICTS = """
SELECT count(*) FROM conflicts WHERE match_id = ANY ($1::bigint[]) AND field = 'points'
"""
_NOT_UP = """
SELECT string_agg(provider || ' ' || sport_id || ' ' || state, ', ') FROM provider_health
WHERE state <> 'up' AND sport_id = ANY ($1::text[])
"""
_SLOWED = "SELECT provider, because FROM poll_tasks WHERE because ~ '; quota [0-9]+ a minute'"


class Watched(msgspec.Struct):
    """A match that is followed, and which one it is in the stadium."""

    sport: str
    play: str
    follower: Follower
    since: datetime

    @property
    def score(self) -> tuple[str, int | None, int | None]:
        """What its follower holds."""
        score = self.follower.score
        return score["status"], score["homeScore"], score["awayScore"]


@pytest.fixture
def match_day(tmp_path: Path) -> Generator[MatchDay]:
    """A stadium with three matches of every sport at once."""
    day = MatchDay(
        tmp_path / "day",
        (PLAYED, PLAYED_AGAIN),
        speed=SPEED,
        lanes=LANES,
        scenario=SCENARIO,
        at_s=AT_S,
    )
    yield day
    day.end()


async def until(is_so: Callable[[], object]) -> None:
    """Waits for what the world does; the test's patience bounds it."""
    while not is_so():
        await asyncio.sleep(0.05)


async def choose(
    connection: asyncpg.Connection, day: MatchDay
) -> dict[str, list[tuple[int, str, float]]]:
    """Returns of each sport the matches in play that are known to all who tell of them.

    Each as our id, the stadium's, and for how many seconds it goes on.
    """
    chosen: dict[str, list[tuple[int, str, float]]] = {}
    while True:
        plays, truths = day.plays(), {one["play"]: one for one in day.truth()}
        for row in await connection.fetch(_CHOICE):
            meant = {plays.get((provider, id_)) for provider, id_ in map(str.split, row["refs"])}
            truth = truths.get(meant.pop() or "")
            assert not meant, "the same two meet again after minutes, and are two matches"
            if truth is not None and day.left_s(truth) >= LASTS_S:
                match = (row["id"], truth["play"], day.left_s(truth))
                chosen.setdefault(row["sport_id"], []).append(match)
        longest = max((left for _, _, left in chosen.get("hockey", [])), default=0.0)
        if len(chosen) == len(SPORTS) and longest >= LASTS_LONG_S:
            return chosen
        chosen.clear()
        await asyncio.sleep(0.1)


@asynccontextmanager
async def watching(watched: Sequence[Watched]) -> AsyncGenerator[None]:
    """Reads all of them in the background; what fails there fails here."""
    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(one.follower.follow(_never)) for one in watched]
        try:
            yield
        finally:
            for reader in readers:
                reader.cancel()


def _never(follower: Follower) -> bool:
    del follower
    return False


@pytest.mark.story
@pytest.mark.timeout(300)
async def test_what_subscribers_see_is_what_the_rules_say(
    make_house: MakeHouse, match_day: MatchDay
):
    settings = {**match_day.settings(), "THESPORTSDB_PER_MINUTE": str(A_MINUTE)}
    # Hockey is told of by two providers only.
    settings["ODDS_API_SPORTS"] = match_day.sport_keys(but="icehockey")
    house = make_house(prepared, PROVIDERS="api-football,thesportsdb,betfair,odds-api", **settings)
    connection = await asyncpg.connect(house.stack.database_url)
    try:
        async with asyncio.timeout(PATIENCE_S):
            began = time.monotonic()
            watched = await begin_to_watch(house, match_day, connection)
            tell("chosen", began)
            async with watching(watched):
                await the_day(match_day, connection, watched)
                tell("all is true", began)
                await check_that_it_mattered(connection, watched)
                house.end("worker")
                await catch_up(house, watched)
        seen = await witness.heard(connection)
        log = await witness.log_of(connection, [int(w.follower.match_id) for w in watched])
    finally:
        await connection.close()
    for one in watched:
        check_that_rest_says_the_same(house, one.follower, one.sport)
        await one.follower.close()
        check_that_no_lie_was_shown(match_day, one)
    for one in watched:
        check_feeds(one)
    check_what_was_seen(seen, log, watched)
    check_what_was_asked(match_day, watched)


def tell(what: str, began: float) -> None:
    """Prints how long something took; nothing rests on it."""
    LOG.info("%s after %.1f s", what, time.monotonic() - began)


def prepared(house: House) -> None:
    """Calls the witness before anything is told, and has every word written down."""
    house.modules["worker"] = ("tests.stories.talkative_worker",)
    apart(witness.call(house.stack.database_url))


async def begin_to_watch(
    house: House, day: MatchDay, connection: asyncpg.Connection
) -> list[Watched]:
    """Follows two matches of each sport: the one that lasts longest and the first to end."""
    chosen = await choose(connection, day)
    assert not any(asked["prices"] for asked in day.asked().values()), "nobody watches yet"
    now = datetime.now(UTC)
    watched: list[Watched] = []
    for sport, matches in chosen.items():
        matches.sort(key=lambda match: match[2])
        for match_id, play, _ in {matches[0], matches[-1]}:
            follower = Follower(house.url, str(match_id))
            watched.append(Watched(sport=sport, play=play, follower=follower, since=now))
    return watched


async def the_day(day: MatchDay, connection: asyncpg.Connection, watched: list[Watched]) -> None:
    """Everything that goes wrong, one after another, and how it ends."""
    of = {sport: [w for w in watched if w.sport == sport] for sport in SPORTS}
    began = time.monotonic()
    await until(lambda: all(w.follower.snapshots and has_prices(w) for w in watched))
    tell("prices", began)
    # One lies wildly, and another takes home for away.
    before = await connection.fetchval("SELECT max(id) FROM witness")
    day.fault("odds-api", "swapped")
    day.fault("api-football", "wrong_score", goals=LIE)
    lies: list[int] = []
    for one in of["football"]:
        lies.append(0)
        # Of a match that is over nobody says anything any more.
        while lies[-1] < LIES and is_on(one):
            await asyncio.sleep(0.05)
            lies[-1] = int(await connection.fetchval(_LIES, int(one.follower.match_id), LIE) or 0)
    assert max(lies) >= LIES
    for one in of["basketball"] + of["tennis"]:
        told = int(one.follower.match_id), before
        while is_on(one) and not await connection.fetchval(_SWAPPED, *told):
            await asyncio.sleep(0.05)
    day.mend("api-football")
    tell("lied", began)
    # Two die, one stands still: hockey hears nothing any more, the others less.
    day.fault("betfair", "silent")
    day.fault("thesportsdb", "refused")
    day.fault("odds-api", "stale")
    hockey = max(of["hockey"], key=lambda w: left_of(day, w))
    await until(lambda: is_fed(hockey, "down") and is_suspended(hockey))
    tell("down", began)
    others = of["basketball"] + of["tennis"]
    await until(lambda: all(is_fed(w, "stale") for w in others if is_on(w)))
    tell("stale", began)
    for provider in ("betfair", "thesportsdb", "odds-api"):
        day.mend(provider)
    await until(lambda: all(is_fed(w, "ok") for w in watched if is_on(w)))
    tell("ok", began)
    await until(lambda: has_prices(hockey))
    tell("prices again", began)
    while await connection.fetchval(_NOT_UP, [sport for _, sport, _ in FELL]):
        await asyncio.sleep(0.2)
    tell("up", began)
    truths = {truth["play"]: truth["score"] for truth in day.truth()}
    for one in watched:
        await until(lambda one=one: has_caught_up(day, one, truths[one.play]))


def left_of(day: MatchDay, watched: Watched) -> float:
    """How long a match goes on; nothing once it is forgotten."""
    return max((day.left_s(t) for t in day.truth() if t["play"] == watched.play), default=0.0)


def has_prices(watched: Watched) -> bool:
    """Somebody offers something, or the match is over."""
    markets = watched.follower.markets.values()
    return not is_on(watched) or any(market["status"] == "open" for market in markets)


def is_on(watched: Watched) -> bool:
    """The match is in play, as far as its follower knows."""
    return watched.score[0] in ("live", "paused", "interrupted")


def is_fed(watched: Watched, status: str) -> bool:
    """Its follower was told that its feeds are so."""
    return watched.follower.feed.get("status") == status


def is_suspended(watched: Watched) -> bool:
    """No market takes bets, because who offered something is down."""
    markets = [m for m in watched.follower.markets.values() if m["status"] != "closed"]
    return bool(markets) and all(
        (m["status"], m["reason"]) == ("suspended", "provider_down") for m in markets
    )


def has_caught_up(day: MatchDay, watched: Watched, truth: Mapping[str, Any]) -> bool:
    """Its follower holds this truth, or one that came after it."""
    then = day.place_of(watched.play, (truth["status"], truth["home"], truth["away"]))
    return day.place_of(watched.play, watched.score) >= then


async def check_that_it_mattered(
    connection: asyncpg.Connection, watched: Sequence[Watched]
) -> None:
    """The lie was noticed, and polls were slowed down for the small quotas."""
    ids = [int(one.follower.match_id) for one in watched]
    assert await connection.fetchval(_CONFLICTS, ids)
    slowed = {row["provider"]: row["because"] for row in await connection.fetch(_SLOWED)}
    LOG.info("slowed down: %s", slowed)
    assert slowed.keys() >= {"api-football", "thesportsdb"}


async def catch_up(house: House, watched: Sequence[Watched]) -> None:
    """Waits until every follower has heard all there is."""
    for one in watched:
        last = house.get(f"/api/scores/{one.follower.match_id}")["seq"]
        await until(lambda one=one, last=last: one.follower.seq >= last)


def check_that_no_lie_was_shown(day: MatchDay, watched: Watched) -> None:
    """Every score anybody saw is one that the match had."""
    had = {(None, None), *day.scores_of(watched.play)}
    for frame in watched.follower.heard:
        data = frame["data"].get("score", frame["data"])
        if "homeScore" in data:
            assert (data["homeScore"], data["awayScore"]) in had, (watched.play, frame)


def check_feeds(watched: Watched) -> None:
    """Who followed a match through it all was told that its feeds fell, rose and are well."""
    told = [f["data"]["status"] for f in watched.follower.heard if f["type"] == "feed_status"]
    LOG.info("%s %s: %s", watched.sport, watched.play, told)
    if not is_on(watched) or watched.sport == "football":
        return
    fell = ["down", "stale", "ok"] if watched.sport == "hockey" else ["stale", "ok"]
    rest = iter(told)
    assert all(status in rest for status in fell), (watched.play, told)


def check_what_was_seen(seen: list[Seen], log: list[Entry], watched: Sequence[Watched]) -> None:
    """The beliefs are what the rules say, the log is the beliefs, the frames are the log."""
    beliefs, checked = check_beliefs(seen)
    prices = check_prices(seen)
    LOG.info("%d beliefs and %d prices worked out again", checked, prices)
    turns = [
        (s.body["provider"], s.body["sport"], s.body["state"]) for s in seen if s.kind == "turn"
    ]
    for provider, sport, states in FELL:
        rest = iter([state for p, s, state in turns if (p, s) == (provider, sport)])
        assert all(state in rest for state in states), (provider, sport, turns)
    for one in watched:
        match_id = int(one.follower.match_id)
        entries = [entry for entry in log if entry.match_id == match_id]
        told = [
            tuple(e.body[k] for k in ("status", "homeScore", "awayScore", "period", "clock"))
            for e in entries
            if e.kind in ("score_update", "score_correction")
        ]
        assert told == [
            (s.status.value, s.home, s.away, s.period, s.clock) for s in beliefs[match_id]
        ]
        frames = [f for f in one.follower.heard if f["type"] not in ("heartbeat", "snapshot")]
        first = one.follower.heard[0]["seq"]
        assert [(f["seq"], f["type"], f["data"]) for f in frames] == [
            (e.seq, e.kind, e.body) for e in entries if e.seq > first
        ]


def check_what_was_asked(day: MatchDay, watched: Sequence[Watched]) -> None:
    """No quota was exceeded, and no price was asked for that nobody watched."""
    asked, plays = day.asked(), day.plays()
    assert {provider: told["overQuota"] for provider, told in asked.items()} == dict.fromkeys(
        asked, 0
    )
    LOG.info("least left: %s", {p: told["leastLeft"] for p, told in asked.items()})
    ours = {one.play for one in watched}
    since = min(one.since for one in watched)
    in_play = {truth["play"] for truth in day.truth() if truth["score"]["status"] == "live"}
    assert in_play - ours, "something is on that nobody watches"
    for provider, told in asked.items():
        named = {name for question in told["prices"] for name in question["names"]}
        meant = {plays[provider, name] for name in named}
        assert meant <= ours, (provider, meant - ours)
        times = [datetime.fromisoformat(question["at"]) for question in told["prices"]]
        assert all(at >= since for at in times)
        if times:
            after_s = (min(times) - since).total_seconds()
            LOG.info("%s: first asked for prices after %.2f s", provider, after_s)
        for question in told["prices"]:
            # Asked of several matches at once, API-Football answers for all that are in play.
            assert question["names"] or question["door"] == "/odds/live", question
    assert all(asked[p]["prices"] for p in ("api-football", "odds-api", "betfair"))
