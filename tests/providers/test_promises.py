"""What every provider promises, held to each of them: the replay, and the adapters in a stadium."""

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from app.providers.api_football.client import ApiFootball
from app.providers.betfair.client import Betfair
from app.providers.odds_api.client import OddsApi
from app.providers.provider import Answer, AnyProvider, Ask, PollRule, Scope, Unlimited, observe
from app.providers.replay.provider import ReplayProvider
from app.providers.replay.recording import load_folder
from app.providers.thesportsdb.client import TheSportsDb
from app.sports.ids import ExternalId, ProviderName
from app.sports.market import ANSWERS, LINED, MarketStatus, is_odds
from app.sports.match import IN_PLAY, OVER, Sport
from app.sports.observation import Observation
from app.stadium.ground import KEY, Stadium
from tests.stadium.grounds import ground, opened

NOW = datetime(2026, 6, 1, 18, tzinfo=UTC)
SPORT_KEYS = (
    "soccer_world_cup",
    "basketball_nba",
    "icehockey_pwhl",
    "tennis_atp_wimbledon",
)


def replay(_: Stadium) -> AnyProvider:
    return ReplayProvider(load_folder().recordings, speed=60, lanes=2, now=lambda: NOW)


def api_football(stadium: Stadium) -> AnyProvider:
    url = f"{stadium.url}/api-football"
    return ApiFootball(key=KEY, url=url, allowance=Unlimited(), fastest_ms=1_000)


def api_football_through_rapidapi(stadium: Stadium) -> AnyProvider:
    url = f"{stadium.url}/api-football/v3"
    return ApiFootball(key=KEY, url=url, through="rapidapi", allowance=Unlimited())


def thesportsdb_v1(stadium: Stadium) -> AnyProvider:
    url = f"{stadium.url}/thesportsdb"
    return TheSportsDb(key="123", url=url, version=1, allowance=Unlimited())


def thesportsdb_v2(stadium: Stadium) -> AnyProvider:
    url = f"{stadium.url}/thesportsdb"
    return TheSportsDb(key=KEY, url=url, version=2, allowance=Unlimited())


def odds_api(stadium: Stadium) -> AnyProvider:
    return OddsApi(
        key=KEY,
        url=f"{stadium.url}/odds-api",
        sports=SPORT_KEYS,
        regions=("eu",),
        allowance=Unlimited(),
    )


def odds_api_in_american_odds(stadium: Stadium) -> AnyProvider:
    return OddsApi(
        key=KEY,
        url=f"{stadium.url}/odds-api",
        sports=SPORT_KEYS,
        regions=("us",),
        allowance=Unlimited(),
        odds_format="american",
    )


def betfair(stadium: Stadium) -> AnyProvider:
    url = f"{stadium.url}/betfair"
    return Betfair(
        app_key=KEY,
        username=KEY,
        password=KEY,
        url=url,
        identity_url=url,
        certificate_url=url,
        allowance=Unlimited(),
    )


MAKERS: tuple[Callable[[Stadium], AnyProvider], ...] = (
    replay,
    api_football,
    api_football_through_rapidapi,
    thesportsdb_v1,
    thesportsdb_v2,
    odds_api,
    odds_api_in_american_odds,
    betfair,
)


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__)
async def provider(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[AnyProvider]:
    """Each provider; those that ask over HTTP ask a stadium with matches of all sports."""
    async with opened(ground(lanes=4), tmp_path) as stadium:
        made = request.param(stadium)
        yield made
        await made.close()


async def heard_by_rule(provider: AnyProvider) -> list[tuple[PollRule, Answer]]:
    """Asks by every rule; one that names its matches asks for those heard of before."""
    answers: list[tuple[PollRule, Answer]] = []
    known: dict[Sport, dict[ExternalId, None]] = {sport: {} for sport in Sport}
    order = {Scope.SCORES: 0, Scope.FIXTURES: 1, Scope.MARKETS: 2}
    for rule in sorted(provider.rules(), key=lambda rule: order[rule.scope]):
        names = tuple(known[rule.sport])[: rule.matches_max]
        ask = Ask(scope=rule.scope, sport=rule.sport, part=rule.part, matches=names)
        answer = await observe(provider, ask)
        known[rule.sport] |= dict.fromkeys(said.external_id for said in answer.observations)
        answers.append((rule, answer))
    return answers


async def heard(provider: AnyProvider) -> list[tuple[Scope, Observation]]:
    return [
        (rule.scope, said)
        for rule, answer in await heard_by_rule(provider)
        for said in answer.observations
    ]


async def test_every_rule_is_answered_with_something_and_nothing_is_rejected(
    provider: AnyProvider,
) -> None:
    answers = await heard_by_rule(provider)
    assert [answer.rejected for _, answer in answers if answer.rejected] == []
    for scope in {rule.scope for rule, _ in answers}:
        told = [
            said for rule, answer in answers for said in answer.observations if rule.scope is scope
        ]
        assert told, scope


async def test_its_name_and_the_ids_it_gives_are_well_formed(provider: AnyProvider) -> None:
    msgspec.convert(provider.name, ProviderName)
    for _, said in await heard(provider):
        assert said.provider == provider.name
        names = [said.external_id]
        if said.match is not None:
            match = said.match
            names += [match.league.external_id, match.home.external_id, match.away.external_id]
        for name in names:
            msgspec.convert(name, ExternalId)


def test_its_rules_are_one_a_scope_and_sport_and_leave_time_to_answer(
    provider: AnyProvider,
) -> None:
    rules = provider.rules()
    assert len({(rule.scope, rule.sport, rule.part) for rule in rules}) == len(rules) > 0
    for rule in rules:
        assert rule.interval_ms > 0
        assert rule.timeout_ms > 0


async def test_an_observation_survives_the_wire(provider: AnyProvider) -> None:
    for _, said in await heard(provider):
        again = msgspec.json.decode(msgspec.json.encode(said), type=Observation)
        assert again == said


async def test_times_have_a_zone_and_are_not_of_the_future(provider: AnyProvider) -> None:
    for _, said in await heard(provider):
        moments = [said.observed_at, said.received_at]
        for moment in [*moments, said.match.start_time] if said.match else moments:
            assert moment.utcoffset() == timedelta(0)
        assert said.observed_at <= said.received_at + timedelta(seconds=5)


async def test_a_scope_speaks_of_what_it_is_for(provider: AnyProvider) -> None:
    for scope, said in await heard(provider):
        match scope:
            case Scope.FIXTURES:
                assert said.match is not None
                assert said.score is None or said.score.status not in IN_PLAY | OVER
            case Scope.SCORES:
                assert said.score is not None
            case Scope.MARKETS:
                assert said.markets


async def test_a_sport_is_answered_with_that_sport_and_each_match_once(
    provider: AnyProvider,
) -> None:
    for rule, answer in await heard_by_rule(provider):
        observations = answer.observations
        assert {said.sport for said in observations} <= {rule.sport}
        assert len({said.external_id for said in observations}) == len(observations)


async def test_a_sport_it_has_no_rule_for_is_answered_with_nothing(provider: AnyProvider) -> None:
    known = {(rule.scope, rule.sport) for rule in provider.rules()}
    for scope in Scope:
        for sport in Sport:
            if (scope, sport) not in known:
                answer = await observe(provider, Ask(scope=scope, sport=sport))
                assert answer == Answer()


async def test_sides_differ_and_incidents_have_keys_of_their_own(provider: AnyProvider) -> None:
    for _, said in await heard(provider):
        assert said.match is None or said.match.home.external_id != said.match.away.external_id
        incidents = said.incidents or ()
        assert len({incident.key for incident in incidents}) == len(incidents)


async def test_a_market_is_told_once_with_one_quote_a_bookmaker_and_answer(
    provider: AnyProvider,
) -> None:
    for _, said in await heard(provider):
        names = [(market.type, market.line) for market in said.markets]
        assert len(set(names)) == len(names)
        for market in said.markets:
            quotes = [(quote.bookmaker, quote.selection) for quote in market.quotes]
            assert len(set(quotes)) == len(quotes)
            assert (market.line is not None) == (market.type in LINED)
            answers = set(ANSWERS[market.type])
            assert {quote.selection for quote in market.quotes} <= answers


async def test_odds_are_odds_and_a_market_that_is_not_open_says_why(provider: AnyProvider) -> None:
    for _, said in await heard(provider):
        for market in said.markets:
            assert market.status is MarketStatus.OPEN or market.reason
            assert all(quote.odds is None or is_odds(quote.odds) for quote in market.quotes)


async def test_closing_twice_is_safe(provider: AnyProvider) -> None:
    await provider.close()
    await provider.close()
