"""A provider's matches become ours: once each, whoever tells of them, however they are spelt."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import asyncpg
import msgspec
import pytest

from app.ingest.identity import identify
from app.ingest.known import Known
from app.sports.incidents import Goal
from app.sports.market import MarketType, SelectionKey
from app.sports.match import MatchStatus, Score, Sport
from app.sports.observation import (
    Observation,
    ObservedLeague,
    ObservedMarket,
    ObservedMatch,
    ObservedParticipant,
    ObservedQuote,
)
from tests.ingest.conftest import one, take_in
from tests.observed import KICK_OFF, a_score, an_observation


def told(
    home: str,
    away: str,
    *,
    provider: str = "one",
    external_id: str = "",
    league: str = "Premier League",
    country: str | None = "England",
    start_time: datetime = KICK_OFF,
    sport: Sport = Sport.FOOTBALL,
    score: Score | None = None,
) -> Observation:
    """What a provider says of a match, under names as its ids."""
    plain = an_observation(
        external_id or f"{home}-{away}", provider=provider, sport=sport, score=score
    )
    return msgspec.structs.replace(
        plain,
        simulated=False,
        match=ObservedMatch(
            league=ObservedLeague(external_id=league, name=league, country=country),
            home=ObservedParticipant(external_id=home, name=home),
            away=ObservedParticipant(external_id=away, name=away),
            start_time=start_time,
        ),
    )


async def counted(connection: asyncpg.Connection) -> tuple[int, int, int]:
    """How many matches, participants and leagues there are."""
    return await one(
        connection,
        "SELECT (SELECT count(*) FROM matches), (SELECT count(*) FROM participants),"
        " (SELECT count(*) FROM leagues)",
    )


async def test_a_second_providers_match_joins_the_firsts(connection: asyncpg.Connection):
    await take_in(connection, told("Manchester United", "Leicester City"))
    await take_in(
        connection,
        told("Man Utd", "Leicester", provider="two", league="English Premier League", country=None),
    )
    assert await counted(connection) == (1, 2, 1)
    refs = await connection.fetch(
        "SELECT DISTINCT provider FROM provider_refs WHERE kind = 'match'"
    )
    assert {row["provider"] for row in refs} == {"one", "two"}


async def test_names_of_a_decided_match_are_learnt(connection: asyncpg.Connection):
    await take_in(connection, told("Manchester United", "Leicester City"))
    await take_in(connection, told("Man Utd", "Leicester", provider="two"))
    names = await connection.fetch("SELECT name FROM participant_names ORDER BY name")
    assert [row["name"] for row in names] == ["Leicester", "Man Utd"]
    later = KICK_OFF + timedelta(days=7)
    await take_in(connection, told("Leicester", "Derby", provider="two", start_time=later))
    assert (await counted(connection))[1] == 3


async def test_women_and_youth_are_sides_of_their_own(connection: asyncpg.Connection):
    await take_in(connection, told("Arsenal", "Chelsea"))
    for suffix in (" Women", " U21", " II"):
        other = told(f"Arsenal{suffix}", f"Chelsea{suffix}", provider="two")
        await take_in(connection, other)
    assert (await counted(connection))[0] == 4


async def test_what_is_plausible_waits_for_an_operator_and_is_asked_once(
    connection: asyncpg.Connection,
):
    await take_in(connection, told("Arsenal", "Chelsea"))
    odd = told("Arsenal", "Zebras", provider="two", score=a_score())
    for _ in range(3):
        await take_in(connection, odd)
    assert (await counted(connection))[0] == 1
    rows = await connection.fetch("SELECT state, candidates::text AS c FROM identity_reviews")
    assert [row["state"] for row in rows] == ["open"]
    candidates = msgspec.json.decode(rows[0]["c"])
    assert candidates[0]["reasons"] == ["one_side_differs"]
    assert await one(connection, "SELECT count(*) FROM score_observations") == (0,)


async def test_an_open_review_is_settled_by_names_learnt_since(connection: asyncpg.Connection):
    await take_in(connection, told("Arsenal", "Chelsea"))
    odd = told("Arsenal", "Zebras", provider="two")
    await take_in(connection, odd)
    await connection.execute(
        "INSERT INTO participant_names SELECT id, 'Zebras', 'x' FROM participants"
        " WHERE name = 'Chelsea'"
    )
    await connection.execute("UPDATE identity_reviews SET tried_at = tried_at - interval '1 hour'")
    await take_in(connection, odd)
    assert await one(connection, "SELECT state, decided_by FROM identity_reviews") == (
        "settled",
        "rules",
    )
    assert (await counted(connection))[0] == 1


async def test_an_inverted_match_is_turned_round_in_all_it_says(connection: asyncpg.Connection):
    await take_in(connection, told("Spain", "Portugal", league="World Cup", country=None))
    goal = Goal(key="g1", side="home", home=1, away=0)
    handicap = ObservedMarket(
        type=MarketType.HANDICAP,
        line=Decimal("-0.5"),
        quotes=(ObservedQuote("b", SelectionKey.HOME, Decimal("1.9")),),
    )
    other = told(
        "Portugal", "Spain", provider="two", league="World Cup", country=None, score=a_score(1, 0)
    )
    other = msgspec.structs.replace(other, incidents=(goal,), markets=(handicap,))
    await take_in(connection, other)
    assert (await counted(connection))[0] == 1
    assert await one(connection, "SELECT home_score, away_score FROM live_scores") == (0, 1)
    assert await one(connection, "SELECT body ->> 'side' FROM incidents") == ("away",)
    assert await one(connection, "SELECT line FROM markets") == (Decimal("0.50"),)
    quoted = "SELECT s.key FROM quotes q JOIN selections s ON s.id = q.selection_id"
    assert await one(connection, quoted) == ("away",)
    assert await one(
        connection, "SELECT inverted FROM provider_refs WHERE provider = 'two' AND kind = 'match'"
    ) == (True,)


async def test_what_a_worker_remembers_turns_it_round_too(connection: asyncpg.Connection):
    await take_in(connection, told("Spain", "Portugal", league="World Cup", country=None))
    known = Known()
    for home in (1, 2):
        other = told(
            "Portugal",
            "Spain",
            provider="two",
            league="World Cup",
            country=None,
            score=a_score(home, 0),
        )
        await take_in(connection, other, known=known)
    told_by_two = "SELECT score -> 'away' FROM score_observations WHERE provider = 'two'"
    assert await one(connection, told_by_two) == ("2",)


@pytest.mark.parametrize("remembers", [True, False])
@pytest.mark.parametrize("first", [("Spain", "Portugal"), ("Portugal", "Spain")])
async def test_a_provider_that_turns_the_sides_of_a_known_match_is_turned_back(
    connection: asyncpg.Connection, first: tuple[str, str], *, remembers: bool
):
    await take_in(connection, told("Spain", "Portugal", league="World Cup", country=None))
    known = Known()
    for home, away in (first, first[::-1], first):
        score = a_score(2, 1) if home == "Spain" else a_score(1, 2)
        other = told(
            home,
            away,
            provider="two",
            external_id="77",
            league="World Cup",
            country=None,
            score=score,
        )
        await take_in(connection, other, known=known if remembers else Known())
        told_by_two = "SELECT score -> 'home', score -> 'away' FROM score_observations"
        assert await one(connection, f"{told_by_two} WHERE provider = 'two'") == ("2", "1")
    assert await one(connection, "SELECT home_score, away_score FROM live_scores") == (2, 1)


async def test_a_doubleheader_is_two_matches_for_both_providers(connection: asyncpg.Connection):
    starts = (KICK_OFF, KICK_OFF + timedelta(hours=6))
    for provider in ("one", "two"):
        games = [
            told(
                "Boston Celtics",
                "Miami Heat",
                provider=provider,
                external_id=f"{n}",
                start_time=start,
                league="NBA",
                country="USA",
                sport=Sport.BASKETBALL,
            )
            for n, start in enumerate(starts)
        ]
        await take_in(connection, *games)
    assert (await counted(connection))[0] == 2
    pairs = await connection.fetch(
        "SELECT match_id, array_agg(external_id) AS ids FROM provider_refs WHERE kind = 'match'"
        " GROUP BY match_id"
    )
    assert sorted(tuple(row["ids"]) for row in pairs) == [("0", "0"), ("1", "1")]


async def test_a_postponed_match_told_with_its_new_date_waits_for_an_operator(
    connection: asyncpg.Connection,
):
    put_off = Score(status=MatchStatus.POSTPONED)
    await take_in(connection, told("Arsenal", "Chelsea", score=put_off))
    moved = told("Arsenal", "Chelsea", provider="two", start_time=KICK_OFF + timedelta(days=20))
    await take_in(connection, moved)
    assert (await counted(connection))[0] == 1
    assert await one(connection, "SELECT count(*) FROM identity_reviews") == (1,)


async def test_a_cup_tie_of_the_same_two_days_later_is_another_match(
    connection: asyncpg.Connection,
):
    await take_in(connection, told("Arsenal", "Chelsea"))
    tie = told(
        "Arsenal", "Chelsea", provider="two", league="FA Cup",
        start_time=KICK_OFF + timedelta(days=3),
    )  # fmt: skip
    await take_in(connection, tie)
    assert (await counted(connection))[0] == 2


async def test_two_simultaneous_matches_are_not_mixed_up(connection: asyncpg.Connection):
    pairs = (("Manchester United", "Sheffield United"), ("Manchester City", "Sheffield Wednesday"))
    await take_in(connection, *(told(h, a, external_id=h) for h, a in pairs))
    short = (("Man City", "Sheff Wed"), ("Man United", "Sheff Utd"))
    await take_in(connection, *(told(h, a, provider="two", external_id=h) for h, a in short))
    rows = await connection.fetch(
        "SELECT array_agg(external_id ORDER BY provider) AS ids FROM provider_refs"
        " WHERE kind = 'match' GROUP BY match_id"
    )
    assert sorted(tuple(row["ids"]) for row in rows) == [
        ("Manchester City", "Man City"),
        ("Manchester United", "Man United"),
    ]


async def test_a_simulated_match_never_joins_a_real_one(connection: asyncpg.Connection):
    await take_in(connection, told("Arsenal", "Chelsea"))
    played = msgspec.structs.replace(told("Arsenal", "Chelsea", provider="two"), simulated=True)
    await take_in(connection, played)
    assert (await counted(connection))[0] == 2


async def test_a_player_is_the_same_in_another_tournament_under_a_full_name_only(
    connection: asyncpg.Connection,
):
    later = KICK_OFF + timedelta(days=7)

    def match(one: str, other: str, *, provider: str, league: str, at: datetime) -> Observation:
        return told(
            one, other, provider=provider, league=league, country=None, start_time=at,
            sport=Sport.TENNIS,
        )  # fmt: skip

    await take_in(
        connection,
        match("Novak Đoković", "Alexander Zverev", provider="one", league="ATP Doha", at=KICK_OFF),
    )
    await take_in(
        connection,
        match("Novak Djokovic", "A. Zverev", provider="two", league="ATP Lyon", at=later),
    )
    names = await connection.fetch("SELECT name FROM participants ORDER BY id")
    assert [row["name"] for row in names] == ["Novak Đoković", "Alexander Zverev", "A. Zverev"]


async def test_the_start_is_the_first_providers_or_what_two_say(connection: asyncpg.Connection):
    hour = timedelta(hours=1)

    async def start() -> datetime:
        return (await one(connection, "SELECT start_time FROM matches"))[0]

    async def says(provider: str, start_time: datetime) -> None:
        await take_in(
            connection, told("Arsenal", "Chelsea", provider=provider, start_time=start_time)
        )

    await says("one", KICK_OFF)
    await says("two", KICK_OFF + hour)
    assert await start() == KICK_OFF
    await says("three", KICK_OFF + hour)
    assert await start() == KICK_OFF + hour
    await says("one", KICK_OFF)
    assert await start() == KICK_OFF + hour, "it told us nothing new"
    await says("one", KICK_OFF + 2 * hour)
    assert await start() == KICK_OFF + 2 * hour


async def test_our_own_id_counts_only_where_it_is_a_match_of_that_sport(
    connection: asyncpg.Connection,
):
    await take_in(connection, told("Arsenal", "Chelsea"))
    match_id = (await one(connection, "SELECT id FROM matches"))[0]
    plain = msgspec.structs.replace(
        an_observation("x", provider="redis", score=a_score(2, 1)), match=None, match_id=match_id
    )
    elsewhere = msgspec.structs.replace(plain, sport=Sport.TENNIS)
    nowhere = msgspec.structs.replace(plain, match_id=match_id + 1)
    unknown = msgspec.structs.replace(plain, match_id=None)
    for refused in (elsewhere, nowhere, unknown):
        assert (await take_in(connection, refused)).matches == 0
    assert (await take_in(connection, plain)).matches == 1
    assert await one(connection, "SELECT home_score, away_score FROM live_scores") == (2, 1)


@pytest.mark.parametrize("again", range(3))
async def test_providers_that_tell_of_the_same_matches_at_once_make_each_once(
    database_url: str, again: int
):
    spelt: Sequence[tuple[str, Sequence[tuple[str, str]]]] = (
        ("one", (("Manchester United", "Everton FC"), ("1. FC Köln", "Mainz 05"))),
        ("two", (("Man United", "Everton"), ("FC Cologne", "Mainz"))),
        ("three", (("Manchester Utd", "Everton"), ("FC Koeln", "1. FSV Mainz 05"))),
    )

    async def work(provider: str, pairs: Sequence[tuple[str, str]]) -> None:
        mine = await asyncpg.connect(database_url)
        await take_in(
            mine,
            *(told(h, a, provider=provider, league="Friendlies", country=None) for h, a in pairs),
        )
        await mine.close()

    await asyncio.gather(*(work(provider, pairs) for provider, pairs in spelt))
    connection = await asyncpg.connect(database_url)
    assert await counted(connection) == (2, 4, 1)
    await connection.close()


async def test_what_is_known_is_not_asked_for_again(connection: asyncpg.Connection):
    known = Known()
    match = told("Arsenal", "Chelsea")
    await take_in(connection, match, known=known)
    asked: list[str] = []
    connection.add_query_logger(lambda record: asked.append(record.query))
    assert list(await identify(connection, [match], known)) != []
    assert asked == []


SYLLABLES = tuple(f"{head}{tail}" for head in "bdfghklmnprstvwz" for tail in ("ar", "en", "ol"))


def town(number: int) -> str:
    """A town's name, another one for each number; neighbours are spelt nothing alike."""
    number = number * 2_654_435 % 5_308_416
    parts: list[str] = []
    for _ in range(4):
        number, rest = divmod(number, len(SYLLABLES))
        parts.append(SYLLABLES[rest])
    return "".join(parts).capitalize()


async def test_two_thousand_matches_of_a_day_are_each_found_again(
    connection: asyncpg.Connection,
):
    for provider, form in (("one", "{} United"), ("two", "{} Utd FC")):
        observations = [
            told(
                form.format(town(2 * n)),
                form.format(town(2 * n + 1)),
                provider=provider,
                external_id=f"{n}",
                league=f"League of {town(n % 100)}",
                start_time=KICK_OFF + timedelta(minutes=5 * (n % 200)),
            )
            for n in range(2_000)
        ]
        known = Known()
        for start in range(0, len(observations), 500):
            async with connection.transaction():
                await identify(connection, observations[start : start + 500], known)
            known.keep()
    assert await counted(connection) == (2_000, 4_000, 100)
