"""What every provider promises, held to each of them: the replay, and the adapters in a stadium."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from app.providers.betfair.exchange_stream import Pace
from app.providers.provider import (
    Answer,
    AnyProvider,
    Ask,
    PollRule,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnreadable,
    QuotaSpent,
    Scope,
    observe,
)
from app.providers.replay.player import milliseconds
from app.providers.thesportsdb import client
from app.sports.ids import ExternalId, ProviderName
from app.sports.market import ANSWERS, LINED, MarketStatus, is_odds
from app.sports.match import IN_PLAY, OVER, Sport
from app.sports.observation import Observation
from app.stadium.faults import Fault, FaultKind
from app.stadium.ground import KEY
from app.stadium.voices import MANNERS
from tests.providers.makers import MAKERS, Maker, betfair, thesportsdb_v2
from tests.stadium.grounds import ground, opened


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__)
async def provider(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[AnyProvider]:
    """Each provider; those that ask over HTTP ask a stadium with matches of all sports."""
    async with opened(ground(lanes=4), tmp_path) as stadium:
        made = request.param(stadium)
        yield made
        await made.close()


class Told(msgspec.Struct, frozen=True):
    """What a provider answered to every rule of its own."""

    by: AnyProvider
    answers: list[tuple[PollRule, Answer]]

    @property
    def heard(self) -> list[tuple[Scope, Observation]]:
        """Every observation, with what was asked for."""
        return [(rule.scope, said) for rule, answer in self.answers for said in answer.observations]


# Asking takes a second, at the pace some allow: each is asked once for all who look at its answers.
_TOLD: dict[Maker, Told] = {}


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__)
async def told(request: pytest.FixtureRequest, tmp_path: Path) -> Told:
    """What each provider says of matches of all sports."""
    maker: Maker = request.param
    if maker not in _TOLD:
        async with opened(ground(lanes=4), tmp_path) as stadium:
            made = maker(stadium)
            _TOLD[maker] = Told(made, await heard_by_rule(made))
            await made.close()
    return _TOLD[maker]


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


def test_every_rule_is_answered_with_something_and_nothing_is_rejected(told: Told) -> None:
    assert [answer.rejected for _, answer in told.answers if answer.rejected] == []
    assert {scope for scope, _ in told.heard} == {rule.scope for rule, _ in told.answers}


def test_its_name_and_the_ids_it_gives_are_well_formed(told: Told) -> None:
    msgspec.convert(told.by.name, ProviderName)
    for _, said in told.heard:
        assert said.provider == told.by.name
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


def test_an_observation_survives_the_wire(told: Told) -> None:
    for _, said in told.heard:
        again = msgspec.json.decode(msgspec.json.encode(said), type=Observation)
        assert again == said


def test_times_have_a_zone_and_are_not_of_the_future(told: Told) -> None:
    for _, said in told.heard:
        moments = [said.observed_at, said.received_at]
        for moment in [*moments, said.match.start_time] if said.match else moments:
            assert moment.utcoffset() == timedelta(0)
        assert said.observed_at <= said.received_at + timedelta(seconds=5)


def test_a_scope_speaks_of_what_it_is_for(told: Told) -> None:
    for scope, said in told.heard:
        match scope:
            case Scope.FIXTURES:
                assert said.match is not None
                assert said.score is None or said.score.status not in IN_PLAY | OVER
            case Scope.SCORES:
                assert said.score is not None
            case Scope.MARKETS:
                assert said.markets


def test_a_sport_is_answered_with_that_sport_and_each_match_once(told: Told) -> None:
    for rule, answer in told.answers:
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


def test_sides_differ_and_incidents_have_keys_of_their_own(told: Told) -> None:
    for _, said in told.heard:
        assert said.match is None or said.match.home.external_id != said.match.away.external_id
        incidents = said.incidents or ()
        assert len({incident.key for incident in incidents}) == len(incidents)


def test_a_market_is_told_once_with_one_quote_a_bookmaker_and_answer(told: Told) -> None:
    for _, said in told.heard:
        names = [(market.type, market.line) for market in said.markets]
        assert len(set(names)) == len(names)
        for market in said.markets:
            quotes = [(quote.bookmaker, quote.selection) for quote in market.quotes]
            assert len(set(quotes)) == len(quotes)
            assert (market.line is not None) == (market.type in LINED)
            answers = set(ANSWERS[market.type])
            assert {quote.selection for quote in market.quotes} <= answers


def test_odds_are_odds_and_a_market_that_is_not_open_says_why(told: Told) -> None:
    for _, said in told.heard:
        for market in said.markets:
            assert market.status is MarketStatus.OPEN or market.reason
            assert all(quote.odds is None or is_odds(quote.odds) for quote in market.quotes)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.TOO_MANY, QuotaSpent),
        (FaultKind.ERROR, ProviderUnavailable),
        (FaultKind.CUT, ProviderUnavailable),
        (FaultKind.REFUSED, ProviderUnavailable),
        (FaultKind.TRUNCATED, ProviderUnreadable),
    ],
)
@pytest.mark.parametrize("maker", MAKERS[1:], ids=lambda maker: maker.__name__)
async def test_what_fails_on_the_line_is_a_provider_error_of_its_kind(
    maker: Maker,
    kind: FaultKind,
    expected: type[ProviderError],
    tmp_path: Path,
) -> None:
    faults = [Fault(provider=key, kind=kind) for key in MANNERS]
    async with opened(ground(faults=faults), tmp_path) as stadium:
        made = maker(stadium)
        for scope in (Scope.FIXTURES, Scope.SCORES):
            rule = next((rule for rule in made.rules() if rule.scope is scope), None)
            if rule is not None:
                with pytest.raises(expected) as raised:
                    await observe(made, Ask(scope=scope, sport=rule.sport, part=rule.part))
                assert KEY not in str(raised.value)
        await made.close()


async def test_a_provider_that_says_nothing_is_timed_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_TIMEOUT_S", 0.5)
    silent = Fault(provider="thesportsdb", kind=FaultKind.SILENT)
    async with opened(ground(faults=[silent]), tmp_path) as stadium:
        made = thesportsdb_v2(stadium)
        with pytest.raises(ProviderTimeout):
            await observe(made, Ask(scope=Scope.SCORES, sport=Sport.TENNIS))
        await made.close()


@pytest.mark.parametrize("maker", MAKERS[1:], ids=lambda maker: maker.__name__)
async def test_what_is_told_is_what_the_stadium_says(maker: Maker, tmp_path: Path) -> None:
    """Names, times and scores, right or wrong; the clock of the words stands meanwhile."""
    faults = [
        *(Fault(provider=key, kind=FaultKind.STALE) for key in MANNERS),
        *(Fault(provider=key, kind=FaultKind.SWAPPED, share=0.5) for key in MANNERS),
        *(Fault(provider=key, kind=FaultKind.WRONG_SCORE, share=0.5) for key in MANNERS),
    ]
    async with opened(ground(faults=faults, lanes=4), tmp_path) as stadium:
        made = maker(stadium)
        voice = next(v for key, v in stadium.ground.voices.items() if key == made.name)
        truth = {
            name: said
            for said in voice.said_at(stadium.ground.now())
            for name in (str(said.number), said.hash)
        }
        for scope, observed in Told(made, await heard_by_rule(made)).heard:
            said = truth[observed.external_id]
            # A list of matches to come is of those whose kick-off is; and that may be told wrong.
            if scope is Scope.SCORES and said.score.status in IN_PLAY | OVER:
                assert observed.score is not None
                score = (observed.score.home, observed.score.away)
                assert score == (said.score.home, said.score.away)
            if observed.match is not None:
                names = (observed.match.home.name, observed.match.away.name)
                assert names == (said.home.name, said.away.name)
                off_s = (observed.match.start_time - said.start_time).total_seconds()
                assert abs(off_s) <= 1
        await made.close()


@pytest.mark.parametrize("maker", MAKERS[1:], ids=lambda maker: maker.__name__)
async def test_a_key_that_is_not_theirs_is_refused_and_told_to_nobody(
    maker: Maker, tmp_path: Path
) -> None:
    async with opened(ground(), tmp_path) as stadium:
        made = maker(stadium, "not-their-key")
        rule = next(iter(made.rules()))
        with pytest.raises(ProviderRefused) as raised:
            await observe(made, Ask(scope=Scope.FIXTURES, sport=rule.sport, part=rule.part))
        assert "not-their-key" not in str(raised.value)
        await made.close()


async def test_the_stream_says_what_the_exchange_offers_through_every_break(
    tmp_path: Path,
) -> None:
    async with opened(ground(speed=600, lanes=4), tmp_path) as stadium:
        made = betfair(stadium, tls=ssl.create_default_context(cafile=str(stadium.ca_file)))
        fixtures = await made.fixtures(Ask(scope=Scope.FIXTURES, sport=Sport.FOOTBALL))
        ids = tuple(said.external_id for said in fixtures.observations)
        answers: asyncio.Queue[Answer] = asyncio.Queue()

        async def wanted() -> Sequence[ExternalId]:
            return ids

        pace = Pace(heartbeat_ms=500, look_s=0.1, retry_first_s=0.05, retry_max_s=0.2)
        line = made.stream(f"127.0.0.1:{stadium.stream_port}", pace)
        running = asyncio.create_task(line.run(answers.put, wanted))
        heard: list[Answer] = []
        for kind in (None, FaultKind.CUT, None, FaultKind.REFUSED, None):
            now_ms = milliseconds(stadium.ground.now())
            if kind is None:
                stadium.ground.faults.clear(now_ms=now_ms)
                heard += [await answers.get() for _ in range(3)]
            else:
                fault = Fault(provider="betfair", kind=kind, path="/stream")
                stadium.ground.faults.add([fault], now_ms=now_ms)
                while line.up:
                    await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await made.close()
    assert [answer.rejected for answer in heard if answer.rejected] == []
    for said in (said for answer in heard for said in answer.observations):
        assert said.provider == made.name
        assert said.external_id in ids
        assert said.markets
        assert said.observed_at <= said.received_at + timedelta(seconds=5)
        for market in said.markets:
            assert market.status is MarketStatus.OPEN or market.reason
            assert all(quote.odds is None or is_odds(quote.odds) for quote in market.quotes)


async def test_closing_twice_is_safe(provider: AnyProvider) -> None:
    await provider.close()
    await provider.close()
