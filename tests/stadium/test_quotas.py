"""Quotas are counted, told in headers, and end in each provider's own refusal."""

from datetime import UTC, datetime

import pytest

from app.stadium.faults import Fault, FaultKind
from app.stadium.ground import KEY
from app.stadium.quotas import Limit, Quotas, Spent
from tests.stadium.grounds import NOW, Clock, asking, ground


async def test_api_football_counts_the_day_and_the_minute() -> None:
    clock = Clock()
    limits = {"api-football": (Limit(window="minute", most=2), Limit(window="day", most=3))}
    async with asking(ground(now=clock, limits=limits)) as client:
        first = await client.get("/api-football/fixtures?live=all")
        await client.get("/api-football/fixtures?live=all")
        hurried = await client.get("/api-football/fixtures?live=all")
        status = await client.get("/api-football/status")
        clock.move(60)
        await client.get("/api-football/fixtures?live=all")
        clock.move(60)
        spent = await client.get("/api-football/fixtures?live=all")
        clock.move(6 * 3600)
        next_day = await client.get("/api-football/fixtures?live=all")
    assert first.headers["x-ratelimit-requests-limit"] == "3"
    assert first.headers["x-ratelimit-requests-remaining"] == "2"
    assert first.headers["X-RateLimit-Limit"] == "2"
    assert first.headers["X-RateLimit-Remaining"] == "1"
    assert (hurried.status_code, list(hurried.json()["errors"])) == (429, ["rateLimit"])
    assert status.json()["response"]["requests"] == {"current": 2, "limit_day": 3}
    assert (spent.status_code, list(spent.json()["errors"])) == (200, ["requests"])
    assert next_day.json()["errors"] == []


async def test_thesportsdb_says_429_after_so_many_a_minute() -> None:
    clock = Clock()
    limits = {"thesportsdb": (Limit(window="minute", most=1),)}
    async with asking(ground(now=clock, limits=limits)) as client:
        path = "/thesportsdb/api/v2/json/livescore/soccer"
        statuses = [(await client.get(path)).status_code for _ in range(2)]
        clock.move(60)
        statuses.append((await client.get(path)).status_code)
    assert statuses == [200, 429, 200]


async def test_the_odds_api_takes_credits_for_markets_and_regions() -> None:
    limits = {"odds-api": (Limit(window="month", most=7),)}
    async with asking(ground(now=Clock(), limits=limits)) as client:
        path = "/odds-api/v4/sports/basketball_nba"
        free = await client.get(f"{path}/events", params={"apiKey": KEY})
        query = {"apiKey": KEY, "regions": "eu,uk", "markets": "h2h,totals"}
        odds = await client.get(f"{path}/odds", params=query)
        scores = await client.get(f"{path}/scores", params={"apiKey": KEY, "daysFrom": "1"})
        spent = await client.get(f"{path}/odds", params=query)
        last = await client.get(f"{path}/scores", params={"apiKey": KEY})
    told = ("x-requests-remaining", "x-requests-used", "x-requests-last")
    assert [free.headers[name] for name in told] == ["7", "0", "0"]
    assert [odds.headers[name] for name in told] == ["3", "4", "4"]
    assert [scores.headers[name] for name in told] == ["1", "6", "2"]
    assert (spent.status_code, spent.json()["error_code"]) == (401, "OUT_OF_USAGE_CREDITS")
    assert last.headers["x-requests-remaining"] == "0"


async def test_a_wrong_question_costs_no_credits() -> None:
    async with asking(ground(now=Clock())) as client:
        path = "/odds-api/v4/sports/basketball_nba"
        await client.get(f"{path}/odds", params={"apiKey": KEY, "regions": "moon"})
        answer = await client.get(f"{path}/events", params={"apiKey": KEY})
    assert answer.headers["x-requests-used"] == "0"


async def test_betfair_says_that_there_are_too_many_requests() -> None:
    limits = {"betfair": (Limit(window="minute", most=1),)}
    async with asking(ground(now=Clock(), limits=limits)) as client:
        form = {"username": KEY, "password": KEY}
        token = (await client.post("/betfair/api/login", data=form)).json()["token"]
        path = "/betfair/exchange/betting/rest/v1.0/listEvents/"
        answers = [
            await client.post(path, json={}, headers={"X-Authentication": token}) for _ in range(2)
        ]
    assert answers[0].status_code == 200
    assert answers[1].json()["detail"]["APINGException"]["errorCode"] == "TOO_MANY_REQUESTS"


@pytest.mark.parametrize("left", [0, 3])
async def test_a_quota_can_be_nearly_spent_at_once(left: int) -> None:
    low = Fault(provider="api-football", kind=FaultKind.QUOTA_LOW, left=left)
    async with asking(ground(now=Clock(), faults=[low])) as client:
        answer = await client.get("/api-football/fixtures?live=all")
    assert answer.headers["x-ratelimit-requests-remaining"] == str(max(left - 1, 0))
    assert bool(answer.json()["errors"]) is (left == 0)


def test_windows_follow_the_clock_and_keys_have_their_own() -> None:
    quotas = Quotas([Limit(window="month", most=1)])
    quotas.take("one", NOW)
    quotas.take("other", NOW)
    with pytest.raises(Spent):
        quotas.take("one", datetime(2026, 6, 30, 23, 59, tzinfo=UTC))
    quotas.take("one", datetime(2026, 7, 1, tzinfo=UTC))


def test_by_the_second_questions_are_counted_whatever_they_cost() -> None:
    quotas = Quotas([Limit(window="second", most=2), Limit(window="month", most=10)])
    quotas.take("one", NOW, cost=3)
    left = quotas.take("one", NOW, cost=3)
    assert (left["second"].remaining, left["month"].remaining) == (0, 4)
    with pytest.raises(Spent):
        quotas.take("one", NOW, cost=1)


def test_what_is_refused_takes_nothing() -> None:
    quotas = Quotas([Limit(window="minute", most=5), Limit(window="day", most=2)])
    with pytest.raises(Spent):
        quotas.take("one", NOW, cost=3)
    assert {left.used for left in quotas.left("one", NOW).values()} == {0}
