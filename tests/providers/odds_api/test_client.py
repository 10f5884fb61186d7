"""How The Odds API is asked, against a server that answers as it does."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from app.providers.http import Exchange
from app.providers.odds_api.client import EVENT_IDS_MAX, PACE_S, OddsApi, credits_of
from app.providers.odds_api.offers import OddsFormat
from app.providers.odds_api.sports import UnknownSportKey
from app.providers.provider import (
    Answer,
    Ask,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnreadable,
    QuotaSpent,
    Scope,
    ToldQuota,
    Unlimited,
    Window,
)
from app.sports.match import Sport
from tests.providers.served import Asked, Server, Told, serving

BODIES = Path(__file__).parents[2] / "recordings/odds_api"
KEY = "open-sesame-0123456789abcdef"
SOCCER = "soccer_northern_premier"
ICEHOCKEY = "icehockey_winter"
TENNIS = "tennis_harbour_open"
ALL = (SOCCER, ICEHOCKEY, TENNIS)


class Noted(Unlimited):
    """An allowance that notes what was taken and what it was told."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.heard: list[ToldQuota] = []

    async def take(self, cost: int = 1) -> None:
        """Notes the cost."""
        self.taken.append(cost)

    async def told(self, quotas: Sequence[ToldQuota]) -> None:
        """Notes what is left."""
        self.heard.extend(quotas)


def body_of(name: str) -> bytes:
    return (BODIES / f"{name}.json").read_bytes()


def answering(asked: Asked) -> Told:
    """Answers as it does, with what is left of 500 credits."""
    if asked.query.get("apiKey") != KEY:
        return refusal(401, "INVALID_KEY")
    bodies = {
        "sports": "made_v4_sports",
        "events": "made_v4_events",
        "scores": "made_v4_scores",
        "odds": "made_v4_odds_soccer_decimal",
    }
    if asked.query.get("oddsFormat") == "american":
        bodies["odds"] = "made_v4_odds_icehockey_american"
    left = {"x-requests-remaining": "441", "x-requests-used": "59", "x-requests-last": "3"}
    return Told(body_of(bodies[asked.path.rpartition("/")[2]]), headers=left)


def refusal(status: int, code: str, headers: Mapping[str, str] | None = None) -> Told:
    body = f'{{"message":"no: {KEY}","error_code":"{code}","details_url":"https://x.example"}}'
    return Told(body.encode(), status, headers or {})


def a_provider(
    server: Server,
    sports: Sequence[str] = (SOCCER,),
    *,
    regions: Sequence[str] = ("eu", "uk"),
    allowance: Unlimited | None = None,
    keep: Callable[[Exchange], None] | None = None,
    odds_format: OddsFormat = "decimal",
) -> OddsApi:
    return OddsApi(
        key=KEY,
        url=server.url,
        sports=sports,
        regions=regions,
        allowance=allowance or Unlimited(),
        keep=keep,
        odds_format=odds_format,
    )


def rules_without_server(
    sports: Sequence[str], regions: Sequence[str], fastest_ms: int | None = None
) -> OddsApi:
    return OddsApi(
        key=KEY,
        url="http://localhost",
        sports=sports,
        regions=regions,
        allowance=Unlimited(),
        fastest_ms=fastest_ms,
    )


def markets_of(*matches: str, part: str = SOCCER, sport: Sport = Sport.FOOTBALL) -> Ask:
    return Ask(scope=Scope.MARKETS, sport=sport, part=part, matches=matches)


async def test_odds_are_asked_a_sport_key_at_a_time_with_its_markets_and_all_regions():
    async with serving(answering) as server:
        provider = a_provider(server)
        answer = await provider.markets(markets_of())
        assert len(answer.observations) == 1
        (asked,) = server.asked
        assert asked.path == f"/v4/sports/{SOCCER}/odds"
        assert asked.query == {
            "apiKey": KEY,
            "dateFormat": "iso",
            "oddsFormat": "decimal",
            "regions": "eu,uk",
            "markets": "h2h,spreads,totals",
        }
        await provider.close()


async def test_american_odds_are_asked_for_and_read():
    async with serving(answering) as server:
        provider = a_provider(server, (ICEHOCKEY,), odds_format="american")
        ask = markets_of(part=ICEHOCKEY, sport=Sport.HOCKEY)
        assert len((await provider.markets(ask)).observations[0].markets) == 3
        assert server.asked[0].query["oddsFormat"] == "american"
        await provider.close()


async def test_few_wanted_matches_are_named_and_many_are_not():
    async with serving(answering) as server:
        provider = a_provider(server)
        few = [f"{number:032x}" for number in range(EVENT_IDS_MAX)]
        await provider.markets(markets_of(*few))
        await provider.markets(markets_of(*few, "one-more"))
        await provider.scores(Ask(scope=Scope.SCORES, sport=Sport.FOOTBALL, matches=("a", "b")))
        named = [asked.query.get("eventIds") for asked in server.asked]
        assert named == [",".join(few), None, "a,b"]
        await provider.close()


async def test_scores_are_asked_with_those_of_yesterday():
    async with serving(answering) as server:
        provider = a_provider(server)
        ask = Ask(scope=Scope.SCORES, sport=Sport.FOOTBALL, part=SOCCER)
        assert len((await provider.scores(ask)).observations) == 4
        (asked,) = server.asked
        assert asked.path == f"/v4/sports/{SOCCER}/scores"
        assert asked.query == {"apiKey": KEY, "dateFormat": "iso", "daysFrom": "1"}
        await provider.close()


async def test_fixtures_and_sports_are_free():
    async with serving(answering) as server:
        allowance = Noted()
        provider = a_provider(server, allowance=allowance)
        await provider.fixtures(Ask(scope=Scope.FIXTURES, sport=Sport.FOOTBALL, part=SOCCER))
        assert [sport.key for sport in await provider.sports()] == [SOCCER, TENNIS]
        assert [asked.path for asked in server.asked] == [
            f"/v4/sports/{SOCCER}/events",
            "/v4/sports",
        ]
        assert allowance.taken == [0, 0]
        await provider.close()


async def test_credits_are_taken_by_market_and_region_and_what_is_left_is_told():
    async with serving(answering) as server:
        allowance = Noted()
        provider = a_provider(server, ALL, allowance=allowance)
        await provider.markets(markets_of())
        await provider.markets(markets_of(part=TENNIS, sport=Sport.TENNIS))
        await provider.scores(Ask(scope=Scope.SCORES, sport=Sport.HOCKEY, part=ICEHOCKEY))
        assert allowance.taken == [6, 2, 2]
        assert allowance.heard == [ToldQuota(window=Window.MONTH, limit=500, remaining=441)] * 3
        await provider.close()


async def test_without_a_part_all_keys_of_the_sport_are_asked():
    async with serving(answering) as server:
        provider = a_provider(server, (SOCCER, ICEHOCKEY, "soccer_cup"))
        await provider.markets(markets_of(part=""))
        assert [asked.path for asked in server.asked] == [
            f"/v4/sports/{SOCCER}/odds",
            "/v4/sports/soccer_cup/odds",
        ]
        await provider.close()


async def test_what_it_has_no_rule_for_is_not_asked():
    async with serving(answering) as server:
        provider = a_provider(server)
        for ask in (
            markets_of(part="soccer_other"),
            markets_of(part=SOCCER, sport=Sport.TENNIS),
            markets_of(part="", sport=Sport.HOCKEY),
        ):
            assert await provider.markets(ask) == Answer()
        assert server.asked == []
        await provider.close()


@pytest.mark.parametrize(
    ("status", "code", "error", "wait_s"),
    [
        (401, "MISSING_KEY", ProviderRefused, None),
        (401, "INVALID_KEY", ProviderRefused, None),
        (401, "DEACTIVATED_KEY", ProviderRefused, None),
        (401, "OUT_OF_USAGE_CREDITS", QuotaSpent, 3_600.0),
        (429, "EXCEEDED_FREQ_LIMIT", QuotaSpent, 5.0),
        (429, "", QuotaSpent, 5.0),
        (403, "", ProviderRefused, None),
        (404, "UNKNOWN_SPORT", ProviderRefused, None),
        (422, "INVALID_REGION", ProviderRefused, None),
    ],
)
async def test_a_refusal_is_an_error_that_says_its_code(
    status: int, code: str, error: type[ProviderError], wait_s: float | None
):
    async with serving(lambda _: refusal(status, code)) as server:
        provider = a_provider(server)
        with pytest.raises(ProviderError) as failed:
            await provider.markets(markets_of())
        assert type(failed.value) is error
        assert str(failed.value) == f"{status} {code}".strip()
        assert failed.value.retry_after_s == wait_s
        assert len(server.asked) == 1
        await provider.close()


async def test_a_wait_that_it_tells_is_kept_and_its_credits_are_noted():
    spent = {"retry-after": "30", "x-requests-remaining": "0", "x-requests-used": "500"}
    async with serving(lambda _: refusal(429, "EXCEEDED_FREQ_LIMIT", spent)) as server:
        allowance = Noted()
        provider = a_provider(server, allowance=allowance)
        with pytest.raises(QuotaSpent) as failed:
            await provider.markets(markets_of())
        assert failed.value.retry_after_s == 30.0
        assert allowance.heard == [ToldQuota(window=Window.MONTH, limit=500, remaining=0)]
        await provider.close()


@pytest.mark.parametrize(
    ("told", "error", "asked"),
    [
        (Told(b"<html>", 503), ProviderUnavailable, 2),
        (Told(b"<html>Welcome"), ProviderUnreadable, 1),
        (Told(b'[{"id":'), ProviderUnreadable, 1),
        (Told(b'{"message":"hello"}'), ProviderUnreadable, 1),
    ],
)
async def test_what_is_no_answer_is_one_named_error(
    told: Told, error: type[ProviderError], asked: int
):
    async with serving(lambda _: told) as server:
        provider = a_provider(server)
        for ask in (provider.markets, provider.scores, provider.fixtures):
            server.asked.clear()
            with pytest.raises(ProviderError) as failed:
                await ask(markets_of())
            assert type(failed.value) is error
            # An outage is tried again once.
            assert len(server.asked) == asked
        await provider.close()


async def test_polls_that_are_due_at_once_are_asked_one_after_the_other_after_a_stall_too():
    came: list[float] = []

    def answer(asked: Asked) -> Told:
        came.append(time.monotonic())
        return answering(asked)

    async with serving(answer) as server:
        provider = a_provider(server)
        begun = time.monotonic()
        await asyncio.gather(*(provider.markets(markets_of()) for _ in range(4)))
        # Each at its place in the row or later, never before.
        assert all(at - begun >= place * PACE_S for place, at in enumerate(sorted(came)))
        polls = [asyncio.create_task(provider.markets(markets_of())) for _ in range(3)]
        await asyncio.sleep(0)
        # Nobody in this process gets on, until all who wait are overdue.
        time.sleep(4 * PACE_S)  # noqa: ASYNC251
        stalled_until = time.monotonic()
        await asyncio.gather(*polls)
        # One may have left before the stall; of the other two the second left a place later.
        assert came[-1] >= stalled_until + PACE_S
        await provider.close()


async def test_nobody_there_is_unavailable():
    async with serving(answering) as server:
        provider = a_provider(server)
    with pytest.raises(ProviderUnavailable) as failed:
        await provider.markets(markets_of())
    assert not isinstance(failed.value, ProviderTimeout)
    await provider.close()


@pytest.mark.parametrize("status", [200, 400, 401, 404, 422, 429, 500])
async def test_the_key_is_told_to_nobody(status: int, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    kept: list[Exchange] = []
    repeated = Told(f"<html>{'x' * 185}{KEY} is not welcome".encode(), status)
    async with serving(lambda _: repeated) as server:
        provider = a_provider(server, keep=kept.append)
        with pytest.raises(ProviderError) as failed:
            await provider.markets(markets_of())
        await provider.close()
    assert KEY not in f"{failed.value!r} {failed.value.raw!r} {caplog.text}"
    assert kept
    assert all(KEY not in f"{exchange.path} {exchange.parameters}" for exchange in kept)


@pytest.mark.parametrize(
    ("left", "used", "told"),
    [
        ("441", "59", (441, 500)),
        ("441.0", "59", (441, 500)),
        ("0", "500", (0, 500)),
        ("", "59", None),
        ("-1", "59", None),
        ("1.5", "59", None),
        ("many", "59", None),
        ("9" * 30, "59", None),
        ("²", "59", None),
    ],
)
def test_credits_are_whole_numbers_or_nothing(left: str, used: str, told: tuple[int, int] | None):
    quotas = credits_of({"x-requests-remaining": left, "x-requests-used": used})
    assert [(quota.remaining, quota.limit) for quota in quotas] == ([told] if told else [])


def test_an_answer_without_headers_tells_no_credits():
    assert credits_of({}) == ()


def test_every_sport_key_has_three_rules_with_what_they_cost():
    provider = rules_without_server(ALL, ("eu", "uk", "eu"))
    assert [(rule.part, rule.sport, rule.scope, rule.cost) for rule in provider.rules()] == [
        (SOCCER, Sport.FOOTBALL, Scope.FIXTURES, 0),
        (SOCCER, Sport.FOOTBALL, Scope.SCORES, 2),
        (SOCCER, Sport.FOOTBALL, Scope.MARKETS, 6),
        (ICEHOCKEY, Sport.HOCKEY, Scope.FIXTURES, 0),
        (ICEHOCKEY, Sport.HOCKEY, Scope.SCORES, 2),
        (ICEHOCKEY, Sport.HOCKEY, Scope.MARKETS, 6),
        (TENNIS, Sport.TENNIS, Scope.FIXTURES, 0),
        (TENNIS, Sport.TENNIS, Scope.SCORES, 2),
        (TENNIS, Sport.TENNIS, Scope.MARKETS, 2),
    ]


def test_without_a_region_it_is_asked_for_one():
    rules = rules_without_server((TENNIS,), ()).rules()
    assert [rule.cost for rule in rules] == [0, 2, 1]


def test_its_intervals_follow_a_faster_world():
    rules = rules_without_server((SOCCER,), ("eu",), fastest_ms=500).rules()
    assert {rule.scope: rule.interval_ms for rule in rules} == {
        Scope.FIXTURES: 5_000,
        Scope.SCORES: 500,
        Scope.MARKETS: 500,
    }


def test_a_sport_key_that_is_not_ours_is_refused_at_once():
    with pytest.raises(UnknownSportKey, match="americanfootball_nfl"):
        rules_without_server(("americanfootball_nfl",), ("eu",))


async def test_closing_twice_is_safe():
    provider = rules_without_server(ALL, ("eu",))
    await provider.close()
    await provider.close()
