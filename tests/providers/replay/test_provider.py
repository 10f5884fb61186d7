"""ReplayProvider plays whole matches, legally and in order, whatever the clock says."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.providers.provider import Scope
from app.providers.replay.player import EPOCH
from app.providers.replay.provider import BRIEF_MS, ReplayProvider
from app.providers.replay.recording import load_folder
from app.sports.market import MarketStatus, is_odds
from app.sports.match import IN_PLAY, OVER, MatchStatus, Sport, may_move
from app.sports.observation import Observation
from tests.providers.asked import incidents_of, observed, start_of

RECORDINGS = load_folder().recordings
# A smaller bill for tests that go through whole matches.
FEW = [r for r in RECORDINGS if r.header.sport is Sport.BASKETBALL] + [
    next(r for r in RECORDINGS if r.id == name)
    for name in (
        "football.2022.argentina-france.final",
        "football.2018.france-croatia.final",
        "hockey.pwhl.106.montreal-victoire-ottawa-charge",
        "tennis.2021-580-2021-7-2-re44-rh16",
    )
]
A_DAY = EPOCH + timedelta(days=300)


class Clock:
    """A clock that is set by hand."""

    def __init__(self, at: datetime = A_DAY) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """Returns the time it was set to."""
        return self.at


def provider(clock: Clock, *, speed: float = 60, lanes: int = 2) -> ReplayProvider:
    return ReplayProvider(FEW, speed=speed, lanes=lanes, now=clock)


async def story(sport: Sport, *, speed: float, step_s: float) -> list[Observation]:
    """Follows the next match of a sport from its announcement to after its end."""
    clock = Clock()
    playing = provider(clock, speed=speed, lanes=1)
    announced = (await observed(playing, Scope.FIXTURES, sport))[0]
    heard = [announced]
    clock.at = start_of(announced)
    while heard[-1].score is None or heard[-1].score.status not in OVER:
        on = await observed(playing, Scope.SCORES, sport)
        heard += [said for said in on if said.external_id == announced.external_id]
        clock.at += timedelta(seconds=step_s)
    return heard


@pytest.mark.parametrize("sport", list(Sport))
async def test_a_whole_match_is_legal_grows_and_ends_as_it_was_recorded(sport: Sport) -> None:
    heard = await story(sport, speed=60, step_s=1)
    recorded = next(r for r in FEW if heard[0].external_id.startswith(f"{r.id}@"))
    for before, after in pairwise(heard):
        assert before.score is not None
        assert after.score is not None
        assert may_move(before.score.status, after.score.status)
        assert (before.score.home or 0) <= (after.score.home or 0)
        told = before.incidents or ()
        assert (after.incidents or ())[: len(told)] == told
        assert start_of(after) == start_of(before)
    assert heard[-1].score == recorded.moments[-1].score
    assert heard[-1].incidents == tuple(i for m in recorded.moments for i in m.incidents)
    statuses = {said.score.status for said in heard if said.score is not None}
    assert {MatchStatus.SCHEDULED, MatchStatus.LIVE} < statuses
    assert (MatchStatus.PAUSED in statuses) == (sport is not Sport.TENNIS)


async def test_something_of_every_sport_is_on_nearly_always() -> None:
    clock = Clock()
    playing = ReplayProvider(RECORDINGS, speed=60, lanes=2, now=clock)
    quiet = 0
    for _ in range(200):
        clock.at += timedelta(seconds=13)
        for sport in Sport:
            said = await observed(playing, Scope.SCORES, sport)
            quiet += not any(s.score is not None and s.score.status in IN_PLAY for s in said)
    assert quiet < 40


async def test_a_match_keeps_its_name_and_start_from_announcement_to_prices() -> None:
    clock = Clock()
    playing = provider(clock)
    announced = {s.external_id: s for s in await observed(playing, Scope.FIXTURES, Sport.FOOTBALL)}
    assert len(announced) == 6
    priced = {s.external_id: s for s in await observed(playing, Scope.MARKETS, Sport.FOOTBALL)}
    soon = announced.keys() & priced.keys()
    assert len(soon) == 2
    for name in soon:
        assert start_of(announced[name]) == start_of(priced[name]) > clock.at
        assert {market.status for market in priced[name].markets} == {MarketStatus.OPEN}


async def test_a_worker_that_was_down_still_hears_the_end_and_that_betting_is_closed() -> None:
    heard = await story(Sport.HOCKEY, speed=60, step_s=1)
    clock = Clock(heard[-1].observed_at + timedelta(seconds=120))
    playing = provider(clock, lanes=1)
    name = heard[0].external_id
    scores = {s.external_id: s for s in await observed(playing, Scope.SCORES, Sport.HOCKEY)}
    markets = {s.external_id: s for s in await observed(playing, Scope.MARKETS, Sport.HOCKEY)}
    assert scores[name].score == heard[-1].score
    assert {market.status for market in markets[name].markets} == {MarketStatus.CLOSED}


async def test_at_the_highest_speed_every_match_is_told_of_though_none_is_seen_live() -> None:
    clock = Clock()
    playing = ReplayProvider(FEW, speed=100_000, lanes=1, now=clock)
    (first, *_) = await observed(playing, Scope.FIXTURES, Sport.BASKETBALL)
    clock.at += timedelta(milliseconds=BRIEF_MS - 500)
    told = {s.external_id: s for s in await observed(playing, Scope.SCORES, Sport.BASKETBALL)}
    score = told[first.external_id].score
    assert score is not None
    assert score.status is MatchStatus.FINISHED


@settings(max_examples=60)
@given(
    st.datetimes(min_value=datetime(2025, 1, 1), max_value=datetime(2040, 1, 1)),  # noqa: DTZ001
    st.floats(min_value=1, max_value=100_000),
    st.floats(min_value=0, max_value=400),
)
async def test_any_time_and_any_speed_give_valid_observations_in_legal_order(
    naive: datetime, speed: float, later_s: float
) -> None:
    clock = Clock(naive.replace(tzinfo=EPOCH.tzinfo))
    playing = provider(clock, speed=speed)
    before: dict[str, Observation] = {}
    for step_s in (0.0, later_s):
        clock.at += timedelta(seconds=step_s)
        for sport in Sport:
            for said in await observed(playing, Scope.MARKETS, sport):
                odds = [quote.odds for market in said.markets for quote in market.quotes]
                assert all(price is None or is_odds(price) for price in odds)
            for said in await observed(playing, Scope.SCORES, sport):
                assert said.score is not None
                assert min(said.score.home or 0, said.score.away or 0) >= 0
                assert len({i.key for i in incidents_of(said)}) == len(incidents_of(said))
                old = before.setdefault(said.external_id, said)
                assert old.score is not None
                assert may_move(old.score.status, said.score.status)
                assert incidents_of(said)[: len(incidents_of(old))] == incidents_of(old)


async def test_everything_is_marked_as_simulated() -> None:
    playing = provider(Clock())
    for scope in Scope:
        for sport in Sport:
            said = await observed(playing, scope, sport)
            assert said
            assert all(each.simulated and each.provider == "replay" for each in said)


async def test_two_workers_say_the_same() -> None:
    one, other = provider(Clock()), provider(Clock())
    for scope in Scope:
        for sport in Sport:
            assert await observed(one, scope, sport) == await observed(other, scope, sport)


async def test_rules_name_only_sports_that_have_recordings() -> None:
    tennis = [r for r in FEW if r.header.sport is Sport.TENNIS]
    playing = ReplayProvider(tennis, speed=60, lanes=2)
    assert {rule.sport for rule in playing.rules()} == {Sport.TENNIS}
    assert {rule.scope for rule in playing.rules()} == set(Scope)
    assert list(await observed(playing, Scope.SCORES, Sport.FOOTBALL)) == []
