"""What is asked of API-Football, against a server that answers as it does."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from app.providers.api_football.client import ApiFootball, Through, quotas_of
from app.providers.provider import (
    Ask,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreadable,
    QuotaSpent,
    Scope,
    ToldQuota,
    Window,
)
from app.sports.match import MatchStatus, Sport
from tests.providers.api_football.bodies import (
    Json,
    bet,
    body,
    fixture,
    goal,
    incidents_of,
    live_odds,
    pair,
    prematch_odds,
    recorded,
    value,
)
from tests.providers.served import Asked, Server, Told, serving

KEY = "k3y"
STATUS = recorded("go-api-football/status.json")
RESULT = bet(59, "Fulltime Result", value("Home", "1.3"))
NOTHING = Told(body([]))


class Noted:
    """An allowance without a limit that notes what was taken and told."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.quotas: list[ToldQuota] = []

    async def take(self, cost: int = 1) -> None:
        """Notes it."""
        self.taken.append(cost)

    async def told(self, quotas: Sequence[ToldQuota]) -> None:
        """Notes it."""
        self.quotas.extend(quotas)


class Stage:
    """A client, its server, and what the server answers next, by path and then by query."""

    def __init__(self, server: Server, client: ApiFootball, allowance: Noted) -> None:
        self.client = client
        self.allowance = allowance
        self._server = server

    def asked(self) -> list[tuple[str, dict[str, str]]]:
        """What was asked since the last time, without /status."""
        asked = [(one.path, dict(one.query)) for one in self._server.asked]
        self._server.asked.clear()
        return [one for one in asked if one[0] != "/status"]


@asynccontextmanager
async def stage(
    answer: Callable[[str, Mapping[str, str]], Told], through: Through = "api-sports"
) -> AsyncGenerator[Stage]:
    def answered(asked: Asked) -> Told:
        return Told(STATUS) if asked.path == "/status" else answer(asked.path, asked.query)

    async with serving(answered) as server:
        allowance = Noted()
        client = ApiFootball(key=KEY, url=server.url, allowance=allowance, through=through)
        yield Stage(server, client, allowance)
        await client.close()


def ask(scope: Scope, *matches: str, sport: Sport = Sport.FOOTBALL) -> Ask:
    return Ask(scope=scope, sport=sport, matches=matches)


class Pitch:
    """Fixtures as a server has them: which are in play, and what it says of each by id."""

    def __init__(self, live: Sequence[Json] = (), others: Sequence[Json] = ()) -> None:
        self.live = list(live)
        self.others = list(others)

    def __call__(self, path: str, query: Mapping[str, str]) -> Told:
        """Answers as /fixtures does."""
        assert path == "/fixtures"
        if "live" in query:
            return Told(body(self.live))
        names = query["ids"].split("-")
        known = {str(one["fixture"]["id"]): one for one in [*self.others, *self.live]}
        return Told(body([known[name] for name in names if name in known]))


async def test_it_shows_its_key_and_learns_for_nothing_what_is_left_of_the_day() -> None:
    async with serving(
        lambda asked: Told(STATUS) if asked.path == "/status" else NOTHING
    ) as server:
        allowance = Noted()
        client = ApiFootball(key=KEY, url=server.url, allowance=allowance)
        for _ in range(2):
            await client.scores(ask(Scope.SCORES))
        await client.close()
    assert [one.path for one in server.asked] == ["/status", "/fixtures", "/fixtures"]
    assert {one.headers["x-apisports-key"] for one in server.asked} == {KEY}
    assert allowance.taken == [0, 1, 1]
    (quota,) = allowance.quotas
    assert (quota.window, quota.limit, quota.remaining) == (Window.DAY, 100, 71)


async def test_through_rapidapi_it_shows_their_headers_and_knows_no_status() -> None:
    headers = {
        "x-ratelimit-requests-limit": "500",
        "x-ratelimit-requests-remaining": "499",
        "x-ratelimit-requests-reset": "3600",
    }
    async with serving(lambda _: Told(body([]), headers=headers)) as server:
        allowance = Noted()
        url = f"{server.url}/v3"
        client = ApiFootball(key=KEY, url=url, allowance=allowance, through="rapidapi")
        await client.scores(ask(Scope.SCORES))
        await client.close()
    (asked,) = server.asked
    assert asked.path == "/v3/fixtures"
    assert (asked.headers["x-rapidapi-key"], asked.headers["x-rapidapi-host"]) == (
        KEY, "127.0.0.1",
    )  # fmt: skip
    assert "x-apisports-key" not in asked.headers
    assert allowance.quotas == [
        ToldQuota(window=Window.DAY, limit=500, remaining=499, resets_in_s=3600)
    ]


def test_quotas_of_day_and_minute_are_read_and_nonsense_is_not() -> None:
    quotas = quotas_of(
        {
            "x-ratelimit-requests-limit": "7500",
            "x-ratelimit-requests-remaining": "-3",
            "x-ratelimit-limit": "300",
            "x-ratelimit-remaining": "299",
        }
    )
    assert [(one.window, one.limit, one.remaining) for one in quotas] == [
        (Window.DAY, 7500, 0), (Window.MINUTE, 300, 299),
    ]  # fmt: skip
    assert quotas_of({"x-ratelimit-limit": "many", "x-ratelimit-remaining": "1"}) == []
    assert quotas_of({}) == []


async def test_fixtures_are_asked_for_by_day_and_only_those_to_come_are_told() -> None:
    shorts = iter(["NS", "1H", "FT"])

    def day(_: str, query: Mapping[str, str]) -> Told:
        number = int(query["date"].replace("-", ""))
        return Told(body([fixture(next(shorts), None, number=number)]))

    async with stage(day) as on:
        answer = await on.client.fixtures(ask(Scope.FIXTURES))
        asked = on.asked()
    dates = [query["date"] for _, query in asked]
    assert [path for path, _ in asked] == ["/fixtures"] * 3
    assert dates == sorted(set(dates))
    assert [one.external_id for one in answer.observations] == [dates[0].replace("-", "")]


async def test_a_match_that_left_live_is_looked_up_until_its_end_is_known() -> None:
    pitch = Pitch([fixture(number=1), fixture(number=2)])
    async with stage(pitch) as on:
        await on.client.scores(ask(Scope.SCORES))
        assert on.asked() == [("/fixtures", {"live": "all"})]
        # Gone from live, and not over yet by its id.
        pitch.live, pitch.others = [fixture(number=1)], [fixture("2H", 90, number=2)]
        answer = await on.client.scores(ask(Scope.SCORES))
        assert on.asked() == [("/fixtures", {"live": "all"}), ("/fixtures", {"ids": "2"})]
        assert {one.external_id for one in answer.observations} == {"1", "2"}
        pitch.others = [fixture("FT", 90, number=2, goals=pair(2, 1))]
        answer = await on.client.scores(ask(Scope.SCORES))
        assert ("/fixtures", {"ids": "2"}) in on.asked()
        final = {one.external_id: one.score for one in answer.observations}["2"]
        assert final is not None
        assert (final.status, final.home, final.away) == (MatchStatus.FINISHED, 2, 1)
        # Its end is known: nothing more is asked.
        await on.client.scores(ask(Scope.SCORES, "2"))
        assert on.asked() == [("/fixtures", {"live": "all"})]


async def test_what_is_wanted_and_unknown_is_looked_up_in_batches_of_twenty() -> None:
    numbers = [str(number) for number in range(100, 145)]
    over = [fixture("FT", 90, number=int(number)) for number in numbers]
    async with stage(Pitch([fixture(number=1)], over)) as on:
        answer = await on.client.scores(ask(Scope.SCORES, "1", "no-id", *numbers))
        batches = [query["ids"].split("-") for _, query in on.asked() if "ids" in query]
    assert [len(batch) for batch in batches] == [20, 20, 5]
    assert [name for batch in batches for name in batch] == numbers
    assert len(answer.observations) == 46


async def test_what_is_to_come_is_not_looked_up_before_it_begins() -> None:
    later = fixture("NS", None, number=7, timestamp=4_000_000_000)
    async with stage(Pitch(others=[later])) as on:
        await on.client.scores(ask(Scope.SCORES, "7"))
        assert len(on.asked()) == 2
        await on.client.scores(ask(Scope.SCORES, "7"))
        assert on.asked() == [("/fixtures", {"live": "all"})]


async def test_when_the_second_question_fails_the_first_counts_and_it_is_asked_again() -> None:
    pitch = Pitch([fixture(number=1), fixture(number=2)])
    fails = False

    def answer(path: str, query: Mapping[str, str]) -> Told:
        return Told(status=429) if fails and "ids" in query else pitch(path, query)

    async with stage(answer) as on:
        await on.client.scores(ask(Scope.SCORES))
        pitch.live, fails = [fixture(number=1, goals=pair(1, 0))], True
        said = await on.client.scores(ask(Scope.SCORES))
        assert [one.external_id for one in said.observations] == ["1"]
        pitch.others, fails = [fixture("FT", 90, number=2)], False
        said = await on.client.scores(ask(Scope.SCORES))
    assert {one.external_id for one in said.observations} == {"1", "2"}


async def test_events_are_asked_for_apart_only_when_a_wanted_match_came_without_them() -> None:
    live = [fixture(number=1), fixture(number=2, events=[]), fixture(number=3)]

    def answer(path: str, query: Mapping[str, str]) -> Told:
        if path == "/fixtures/events":
            return Told(body([goal(10)]))
        return Pitch(live)(path, query)

    async with stage(answer) as on:
        said = await on.client.scores(ask(Scope.SCORES, "1", "2"))
        assert on.asked()[1:] == [("/fixtures/events", {"fixture": "1"})]
    told = {one.external_id: one.incidents for one in said.observations}
    assert told == {"1": incidents_of([goal(10)]), "2": (), "3": None}


async def test_many_matches_are_asked_for_at_once_and_one_alone_by_its_id() -> None:
    odds = [live_odds([RESULT], number) for number in (1, 2, 3)]

    def answer(path: str, query: Mapping[str, str]) -> Told:
        assert path == "/odds/live"
        return Told(body([one for one in odds if query.get("fixture", "") in {"", "1"}][:3]))

    async with stage(answer) as on:
        said = await on.client.markets(ask(Scope.MARKETS, "1", "2"))
        assert on.asked() == [("/odds/live", {})]
        assert {one.external_id for one in said.observations} == {"1", "2"}
        await on.client.markets(ask(Scope.MARKETS, "1"))
        assert on.asked() == [("/odds/live", {"fixture": "1"})]


async def test_nothing_is_asked_when_nobody_wants_a_market() -> None:
    async with stage(lambda *_: NOTHING) as on:
        assert (await on.client.markets(ask(Scope.MARKETS))).observations == ()
        assert on.asked() == []
        assert on.allowance.taken == []


async def test_odds_before_a_match_are_asked_for_page_by_page_and_not_again_at_once() -> None:
    def answer(path: str, query: Mapping[str, str]) -> Told:
        if path == "/odds/live":
            return Told(status=204)
        page = int(query.get("page", "1"))
        winner = bet(1, "Match Winner", {"value": "Home", "odd": "1.5"})
        book = {"id": page, "name": f"Book {page}", "bets": [winner]}
        item = prematch_odds([book], 9, timestamp=4_000_000_000)
        return Told(body([item], paging={"current": page, "total": 2}))

    async with stage(answer) as on:
        said = await on.client.markets(ask(Scope.MARKETS, "9", "8"))
        assert on.asked() == [
            ("/odds/live", {}),
            ("/odds", {"fixture": "9"}),
            ("/odds", {"fixture": "9", "page": "2"}),
            ("/odds", {"fixture": "8"}),
            ("/odds", {"fixture": "8", "page": "2"}),
        ]
        (match,) = said.observations
        quotes = match.markets[0].quotes
        assert [quote.bookmaker for quote in quotes] == ["book-1", "book-2"]
        await on.client.markets(ask(Scope.MARKETS, "9", "8"))
        assert on.asked() == [("/odds/live", {})]


async def test_when_the_day_is_nearly_spent_only_scores_get_a_second_question() -> None:
    live = [fixture(number=1)]
    over = [fixture("FT", 90, number=2)]
    left = {"x-ratelimit-requests-limit": "100", "x-ratelimit-requests-remaining": "9"}

    def answer(path: str, query: Mapping[str, str]) -> Told:
        told = NOTHING if path == "/odds/live" else Pitch(live, over)(path, query)
        return Told(told.body, headers=left)

    async with stage(answer) as on:
        await on.client.scores(ask(Scope.SCORES, "1", "2"))
        assert on.asked() == [("/fixtures", {"live": "all"}), ("/fixtures", {"ids": "2"})]
        await on.client.markets(ask(Scope.MARKETS, "9"))
        assert on.asked() == [("/odds/live", {"fixture": "9"})]


async def test_pages_without_end_are_not_followed() -> None:
    def answer(path: str, _: Mapping[str, str]) -> Told:
        return Told(body([], paging={"current": 1, "total": 10**6})) if path == "/odds" else NOTHING

    async with stage(answer) as on:
        await on.client.markets(ask(Scope.MARKETS, "9"))
        assert len(on.asked()) == 1 + 5


async def test_other_sports_are_answered_with_nothing_and_cost_nothing() -> None:
    async with stage(lambda *_: NOTHING) as on:
        tennis = Sport.TENNIS
        for one in (on.client.fixtures, on.client.scores, on.client.markets):
            assert (await one(ask(Scope.SCORES, "1", sport=tennis))).observations == ()
        assert on.allowance.taken == []


async def test_an_error_within_http_200_is_raised() -> None:
    errors = {"requests": "You have reached the request limit for the day"}
    async with stage(lambda *_: Told(body([], errors=errors))) as on:
        with pytest.raises(QuotaSpent) as caught:
            await on.client.scores(ask(Scope.SCORES))
    assert caught.value.retry_after_s is not None


async def test_their_own_time_out_is_one() -> None:
    async with stage(lambda *_: Told(status=499)) as on:
        with pytest.raises(ProviderTimeout):
            await on.client.scores(ask(Scope.SCORES))


async def test_a_refused_key_ends_the_first_question() -> None:
    refused = Told(body([], errors={"token": f"Invalid key {KEY}"}))
    async with serving(lambda _: refused) as server:
        client = ApiFootball(key=KEY, url=server.url, allowance=Noted())
        with pytest.raises(ProviderRefused) as caught:
            await client.scores(ask(Scope.SCORES))
        await client.close()
    assert [one.path for one in server.asked] == ["/status"]
    assert KEY not in str(caught.value)


async def test_a_status_that_cannot_be_had_stops_nothing() -> None:
    async with serving(
        lambda asked: Told(status=503) if asked.path == "/status" else NOTHING
    ) as server:
        client = ApiFootball(key=KEY, url=server.url, allowance=Noted())
        assert (await client.scores(ask(Scope.SCORES))).observations == ()
        await client.close()


async def test_the_tables_of_a_league_can_be_asked_for() -> None:
    async with stage(lambda *_: Told(recorded("syurchen93/standings-epl-2022.json"))) as on:
        (table,) = await on.client.standings("39", "2022")
        assert on.asked() == [("/standings", {"league": "39", "season": "2022"})]
    assert len(table.rows) == 20
    async with stage(lambda *_: Told(body([{"league": {}}]))) as on:
        with pytest.raises(ProviderUnreadable):
            await on.client.standings("39", "2022")


def test_the_stadium_plays_at_its_own_pace() -> None:
    client = ApiFootball(key=KEY, url="http://127.0.0.1:9", allowance=Noted(), fastest_ms=250)
    assert {rule.interval_ms for rule in client.rules()} == {250}
