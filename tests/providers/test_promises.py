"""What every provider promises, held to each of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from app.providers.provider import AnyProvider, Scope
from app.providers.replay.provider import ReplayProvider
from app.providers.replay.recording import load_folder
from app.sports.ids import ExternalId, ProviderName
from app.sports.market import MarketStatus, SelectionKey, is_odds
from app.sports.match import IN_PLAY, OVER, Sport
from app.sports.observation import Observation
from tests.providers.asked import observed

NOW = datetime(2026, 6, 1, 18, tzinfo=UTC)


def replay() -> AnyProvider:
    return ReplayProvider(load_folder().recordings, speed=60, lanes=2, now=lambda: NOW)


PROVIDERS: dict[str, Callable[[], AnyProvider]] = {"replay": replay}


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> AnyProvider:
    return PROVIDERS[request.param]()


async def heard(provider: AnyProvider) -> list[tuple[Scope, Observation]]:
    return [
        (rule.scope, said)
        for rule in provider.rules()
        for said in await observed(provider, rule.scope, rule.sport)
    ]


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
                assert said.score is not None
                assert said.score.status not in IN_PLAY | OVER
            case Scope.SCORES:
                assert said.score is not None
            case Scope.MARKETS:
                assert said.markets


async def test_a_sport_is_answered_with_that_sport_and_each_match_once(
    provider: AnyProvider,
) -> None:
    for rule in provider.rules():
        observations = await observed(provider, rule.scope, rule.sport)
        assert {said.sport for said in observations} <= {rule.sport}
        assert len({said.external_id for said in observations}) == len(observations)


async def test_a_sport_it_has_no_rule_for_is_answered_with_nothing(provider: AnyProvider) -> None:
    known = {(rule.scope, rule.sport) for rule in provider.rules()}
    for scope in Scope:
        for sport in Sport:
            if (scope, sport) not in known:
                assert list(await observed(provider, scope, sport)) == []


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
            drawn = {SelectionKey.OVER, SelectionKey.UNDER}
            total = market.line is not None
            assert {quote.selection in drawn for quote in market.quotes} <= {total}


async def test_odds_are_odds_and_a_market_that_is_not_open_says_why(provider: AnyProvider) -> None:
    for _, said in await heard(provider):
        for market in said.markets:
            assert market.status is MarketStatus.OPEN or market.reason
            assert all(quote.odds is None or is_odds(quote.odds) for quote in market.quotes)


async def test_closing_twice_is_safe(provider: AnyProvider) -> None:
    await provider.close()
    await provider.close()
