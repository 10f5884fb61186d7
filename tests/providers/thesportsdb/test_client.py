"""How TheSportsDB is asked, against a server that answers as it does."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from app.providers.http import Exchange
from app.providers.provider import (
    Answer,
    Ask,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    ProviderUnreadable,
    QuotaSpent,
    Scope,
    ToldQuota,
    Unlimited,
)
from app.providers.thesportsdb.client import (
    DAYS,
    FIXTURES_MS,
    LOOKUPS_MAX,
    REQUESTS_PER_MINUTE,
    SCORES_MS,
    TheSportsDb,
    days_of_scores,
)
from app.sports.match import Sport
from tests.providers.served import Asked, Server, Told, serving

BODIES = Path(__file__).parents[2] / "recordings/thesportsdb"
KEY = "sesame-0123456789"
NOTHING = Told(b'{"events":null}')
FOOTBALL = Ask(scope=Scope.SCORES, sport=Sport.FOOTBALL)


class Counted(Unlimited):
    """An allowance that notes what was taken, and ends."""

    def __init__(self, left: int = 1_000) -> None:
        self.taken: list[int] = []
        self._left = left

    async def take(self, cost: int = 1) -> None:
        """Takes, until nothing is left."""
        if self._left <= 0:
            raise QuotaSpent("none left", retry_after_s=7.0)
        self._left -= 1
        self.taken.append(cost)

    async def told(self, quotas: Sequence[ToldQuota]) -> None:
        """Is told of no quota: there are no headers for one."""
        assert list(quotas) == []


def body_of(name: str) -> Told:
    return Told((BODIES / f"{name}.json").read_bytes())


def a_provider(
    server: Server,
    version: Literal[1, 2] = 1,
    *,
    allowance: Unlimited | None = None,
    keep: Callable[[Exchange], None] | None = None,
    fastest_ms: int | None = None,
) -> TheSportsDb:
    return TheSportsDb(
        key=KEY,
        url=server.url,
        version=version,
        allowance=allowance or Unlimited(),
        keep=keep,
        fastest_ms=fastest_ms,
    )


def by_path(bodies: Mapping[str, Told]) -> Callable[[Asked], Told]:
    """Answers by the end of the path; nothing else exists."""

    def answer(asked: Asked) -> Told:
        return bodies.get(asked.path.rpartition("/")[2], Told(b"not found", 404))

    return answer


def ids_of(answer: Answer) -> list[str]:
    return [said.external_id for said in answer.observations]


async def test_fixtures_are_asked_day_by_day_with_the_key_in_the_address():
    bodies = {"eventsday.php": body_of("made_v1_eventsday_soccer")}
    async with serving(by_path(bodies)) as server:
        provider = a_provider(server)
        answer = await provider.fixtures(Ask(scope=Scope.FIXTURES, sport=Sport.HOCKEY))
        assert answer == Answer()
        first = date.fromisoformat(server.asked[0].query["d"])
        # The day may end while it is asked for.
        assert timedelta() <= datetime.now(UTC).date() - first <= timedelta(days=1)
        assert [asked.query for asked in server.asked] == [
            {"d": f"{first + timedelta(days=ahead)}", "s": "Ice_Hockey"} for ahead in range(DAYS)
        ]
        assert {asked.path for asked in server.asked} == {f"/api/v1/json/{KEY}/eventsday.php"}
        assert all("x-api-key" not in asked.headers for asked in server.asked)
        fixtures = await provider.fixtures(Ask(scope=Scope.FIXTURES, sport=Sport.FOOTBALL))
        # The same day three times: each match once.
        assert ids_of(fixtures) == ["7000001", "7000005", "7000013"]
        await provider.close()


async def test_scores_of_version_2_come_live_with_the_key_in_a_header():
    async with serving(by_path({"ice_hockey": body_of("made_v2_livescore_ice_hockey")})) as server:
        provider = a_provider(server, 2)
        answer = await provider.scores(Ask(scope=Scope.SCORES, sport=Sport.HOCKEY))
        assert len(answer.observations) == 5
        (asked,) = server.asked
        assert asked.path == "/api/v2/json/livescore/ice_hockey"
        assert asked.headers["x-api-key"] == KEY
        await provider.close()


@pytest.mark.parametrize(
    ("sport", "name"),
    [
        (Sport.FOOTBALL, "soccer"),
        (Sport.BASKETBALL, "basketball"),
        (Sport.TENNIS, "tennis"),
        (Sport.HOCKEY, "ice_hockey"),
    ],
)
async def test_every_sport_has_its_live_scores(sport: Sport, name: str):
    async with serving(by_path({name: body_of(f"made_v2_livescore_{name}")})) as server:
        provider = a_provider(server, 2)
        answer = await provider.scores(Ask(scope=Scope.SCORES, sport=sport))
        assert {said.sport for said in answer.observations} == {sport}
        await provider.close()


async def test_scores_of_version_1_are_those_of_the_day():
    async with serving(by_path({"eventsday.php": body_of("made_v1_eventsday_soccer")})) as server:
        provider = a_provider(server)
        answer = await provider.scores(FOOTBALL)
        assert len(answer.observations) == 7
        assert {asked.query["s"] for asked in server.asked} == {"Soccer"}
        await provider.close()


@pytest.mark.parametrize(
    ("now", "days"),
    [
        ("2026-11-21T03:00+00:00", ["2026-11-20", "2026-11-21"]),
        ("2026-11-21T05:59+00:00", ["2026-11-20", "2026-11-21"]),
        ("2026-11-21T06:00+00:00", ["2026-11-21"]),
        ("2026-11-21T23:59+00:00", ["2026-11-21"]),
    ],
)
def test_yesterday_is_asked_for_until_its_last_matches_are_over(now: str, days: list[str]):
    asked = days_of_scores(datetime.fromisoformat(now))
    assert [f"{day}" for day in asked] == days


async def test_wanted_matches_that_are_left_out_are_looked_up_once():
    bodies = {"eventsday.php": NOTHING, "lookupevent.php": body_of("made_v1_lookupevent")}
    async with serving(by_path(bodies)) as server:
        provider = a_provider(server)
        wanted = Ask(scope=Scope.SCORES, sport=Sport.FOOTBALL, matches=("7000003",))
        assert ids_of(await provider.scores(wanted)) == ["7000003"]
        looked_up = [asked for asked in server.asked if asked.path.endswith("lookupevent.php")]
        assert [asked.query for asked in looked_up] == [{"id": "7000003"}]
        await provider.scores(wanted)
        looked_up = [asked for asked in server.asked if asked.path.endswith("lookupevent.php")]
        assert len(looked_up) == 1
        await provider.close()


async def test_a_look_up_answered_with_another_match_says_nothing():
    bodies = {"eventsday.php": NOTHING, "lookupevent.php": body_of("made_v1_lookupevent")}
    async with serving(by_path(bodies)) as server:
        provider = a_provider(server)
        wanted = Ask(scope=Scope.SCORES, sport=Sport.FOOTBALL, matches=("1234567",))
        assert await provider.scores(wanted) == Answer()
        await provider.close()


async def test_so_many_are_looked_up_in_one_poll_and_the_others_in_the_next():
    bodies = {"eventsday.php": NOTHING, "lookupevent.php": NOTHING}
    async with serving(by_path(bodies)) as server:
        provider = a_provider(server)
        matches = tuple(str(7_000_000 + number) for number in range(LOOKUPS_MAX + 2))
        for _ in range(3):
            await provider.scores(Ask(scope=Scope.SCORES, sport=Sport.FOOTBALL, matches=matches))
        asked = [one.query["id"] for one in server.asked if "id" in one.query]
        assert asked == list(matches)
        await provider.close()


async def test_a_look_up_that_fails_takes_nothing_from_the_day():
    bodies = {
        "eventsday.php": body_of("made_v1_eventsday_soccer"),
        "lookupevent.php": Told(b"<html>oops"),
    }
    async with serving(by_path(bodies)) as server:
        provider = a_provider(server)
        wanted = Ask(scope=Scope.SCORES, sport=Sport.FOOTBALL, matches=("1",))
        answer = await provider.scores(wanted)
        assert len(answer.observations) == 7
        assert answer.rejected[-1].code == "unreadable"
        assert answer.rejected[-1].raw == b"<html>oops"
        await provider.close()


async def test_a_quota_that_ends_at_a_look_up_takes_nothing_from_the_day():
    bodies = {"soccer": body_of("made_v2_livescore_soccer"), "lookupevent.php": NOTHING}
    async with serving(by_path(bodies)) as server:
        provider = a_provider(server, 2, allowance=Counted(left=1))
        wanted = Ask(scope=Scope.SCORES, sport=Sport.FOOTBALL, matches=("1",))
        assert len((await provider.scores(wanted)).observations) == 9
        assert len(server.asked) == 1
        await provider.close()


async def test_every_request_takes_one_from_the_allowance():
    async with serving(by_path({"eventsday.php": NOTHING})) as server:
        allowance = Counted()
        provider = a_provider(server, allowance=allowance)
        await provider.fixtures(Ask(scope=Scope.FIXTURES, sport=Sport.TENNIS))
        assert allowance.taken == [1] * DAYS
        await provider.close()


async def test_without_allowance_nothing_is_asked():
    async with serving(by_path({})) as server:
        provider = a_provider(server, allowance=Counted(left=0))
        with pytest.raises(QuotaSpent) as failed:
            await provider.scores(FOOTBALL)
        assert failed.value.retry_after_s == 7.0
        assert server.asked == []
        await provider.close()


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (Told(b'{"Message":"Premium only"}', 400), ProviderRefused),
        (Told(b"<html>Not Found", 404), ProviderRefused),
        (Told(b"<html>Bad Gateway", 502), ProviderUnavailable),
        (Told(b"<html>Welcome"), ProviderUnreadable),
        (Told(b'{"livescore":[{'), ProviderUnreadable),
        (Told(b"", 302, {"location": "https://elsewhere.example"}), ProviderRefused),
    ],
)
@pytest.mark.parametrize("version", [1, 2])
async def test_what_is_no_answer_is_one_named_error(
    told: Told, error: type[ProviderError], version: Literal[1, 2]
):
    async with serving(lambda _: told) as server:
        provider = a_provider(server, version)
        with pytest.raises(ProviderError) as failed:
            await provider.scores(FOOTBALL)
        assert type(failed.value) is error
        await provider.close()


@pytest.mark.parametrize(("headers", "rest_s"), [({}, 60.0), ({"retry-after": "90"}, 90.0)])
async def test_too_many_requests_want_a_minute_of_rest_unless_told(
    headers: Mapping[str, str], rest_s: float
):
    async with serving(lambda _: Told(b"slow down", 429, headers)) as server:
        provider = a_provider(server)
        with pytest.raises(QuotaSpent) as failed:
            await provider.scores(FOOTBALL)
        assert failed.value.retry_after_s == rest_s
        assert len(server.asked) == 1
        await provider.close()


@pytest.mark.parametrize("status", [200, 400, 404, 429, 500])
@pytest.mark.parametrize("version", [1, 2])
async def test_the_key_is_told_to_nobody(
    status: int, version: Literal[1, 2], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    kept: list[Exchange] = []
    repeated = Told(f"<html>{'x' * 190}{KEY} is not welcome".encode(), status)
    async with serving(lambda _: repeated) as server:
        provider = a_provider(server, version, keep=kept.append)
        with pytest.raises(ProviderError) as failed:
            await provider.scores(FOOTBALL)
        await provider.close()
    assert KEY not in f"{failed.value!r} {failed.value.raw!r} {caplog.text}"
    assert kept
    assert all(KEY not in f"{exchange.path} {exchange.parameters}" for exchange in kept)


def test_its_rules_fit_into_the_quota_of_the_free_key():
    provider = TheSportsDb(key="123", url="http://localhost", version=1, allowance=Unlimited())
    rules = provider.rules()
    assert len({(rule.scope, rule.sport) for rule in rules}) == len(rules) == 8
    a_minute = sum(rule.cost * 60_000 / rule.interval_ms for rule in rules)
    # Look-ups are on top: five a sport at most, and each match not again for five minutes.
    assert a_minute + 4 * LOOKUPS_MAX < REQUESTS_PER_MINUTE[1]
    assert {rule.interval_ms for rule in rules} == {SCORES_MS, FIXTURES_MS}


def test_its_intervals_follow_a_faster_world():
    provider = TheSportsDb(
        key="123", url="http://localhost", version=2, allowance=Unlimited(), fastest_ms=500
    )
    intervals = {(rule.scope, rule.interval_ms) for rule in provider.rules()}
    assert intervals == {(Scope.SCORES, 500), (Scope.FIXTURES, 5_000)}


async def test_it_has_no_prices_and_closes_twice():
    provider = TheSportsDb(key="123", url="http://localhost", version=1, allowance=Unlimited())
    assert await provider.markets(Ask(scope=Scope.MARKETS, sport=Sport.FOOTBALL)) == Answer()
    await provider.close()
    await provider.close()
