"""The made-up bookmakers follow the match, keep their margin and never disagree with themselves."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.betting.outcomes import RULES
from app.providers.replay.prices import BOOKMAKERS, SUSPENDED_S, markets_at, offered
from app.providers.replay.recording import SHIPPED, load
from app.providers.replay.track import Track
from app.sports.incidents import Goal
from app.sports.market import (
    WINNERS,
    MarketStatus,
    MarketType,
    SelectionKey,
    is_line,
    is_odds,
)
from app.sports.match import MatchStatus
from app.sports.observation import ObservedMarket

NAMES = [
    "football.2022.argentina-france.final",
    "hockey.pwhl.106.montreal-victoire-ottawa-charge",
    "basketball.nba.0022400001",
    "tennis.2021-560-2021-9-2-d643-z355",
]


def track_of(name: str) -> Track:
    return Track(load(SHIPPED / name.partition(".")[0] / f"{name}.jsonl"))


TRACKS = [track_of(name) for name in NAMES]
SETS = {MarketType.PERIOD_WINNER}
KINDS = [
    ["winner", "total", "handicap", "double_chance", "draw_no_bet", "both_to_score"],
    ["winner", "total", "handicap"],
    ["winner", "total", "handicap"],
    ["winner", "set_handicap", "period_winner", "period_winner"],
]
FINAL = TRACKS[0]
GOALS = [m.at for m in FINAL.recording.moments if any(isinstance(i, Goal) for i in m.incidents)]


def winner(track: Track, at: float, seed: int = 0) -> ObservedMarket:
    return markets_at(track, at, seed)[0]


def odds_of(market: ObservedMarket, key: SelectionKey) -> list[Decimal]:
    return [q.odds for q in market.quotes if q.selection is key and q.odds is not None]


@given(
    st.sampled_from(TRACKS),
    st.floats(min_value=-3600, max_value=20_000),
    st.integers(min_value=0, max_value=5),
)
def test_at_any_moment_odds_are_odds_and_the_bookmaker_keeps_a_margin(
    track: Track, at: float, seed: int
) -> None:
    for market in markets_at(track, at, seed):
        assert (market.status is MarketStatus.OPEN) == (market.reason is None)
        assert is_line(market.type, market.line)
        for bookmaker in BOOKMAKERS:
            odds = [q.odds for q in market.quotes if q.bookmaker == bookmaker.name]
            assert len(odds) == len({q.selection for q in market.quotes})
            if market.status is not MarketStatus.OPEN:
                assert set(odds) == {None}
                continue
            told = [price for price in odds if price is not None]
            assert len(told) == len(odds)
            assert all(is_odds(price) for price in told)
            winners = WINNERS[market.type]
            assert winners is not None
            cost = sum(1 / price for price in told) / winners
            # No odds are below 1.001: two answers that are certain cannot cost more.
            assert (1 if winners == 1 else Decimal("0.999")) < cost < Decimal("1.15")


def test_there_are_three_bookmakers_and_their_names_say_that_they_are_simulated() -> None:
    assert len(BOOKMAKERS) == 3
    assert all(bookmaker.name.startswith("sim-") for bookmaker in BOOKMAKERS)
    assert all(0.04 <= bookmaker.margin <= 0.07 for bookmaker in BOOKMAKERS)


@pytest.mark.parametrize("track", TRACKS, ids=NAMES)
def test_two_workers_quote_the_same(track: Track) -> None:
    again = track_of(track.recording.id)
    for at in range(-600, 12_000, 500):
        assert markets_at(track, at, 7) == markets_at(again, at, 7)


def test_another_seed_quotes_otherwise() -> None:
    assert markets_at(FINAL, 600, 1) != markets_at(FINAL, 600, 2)


@pytest.mark.parametrize("track", TRACKS, ids=NAMES)
def test_prices_move_between_goals_too(track: Track) -> None:
    shocks = [0.0, *track.shocks, track.ends_at]
    start, end = max(pairwise(shocks), key=lambda pair: pair[1] - pair[0])
    quoted = [
        winner(track, start + 60 + 200 * step) for step in range(int(end - start - 120) // 200)
    ]
    assert len({market.quotes for market in quoted}) > len(quoted) / 2 > 1


def test_a_goal_suspends_every_market_and_then_shortens_the_scorers_odds() -> None:
    first = GOALS[0]
    before, after = winner(FINAL, first - 1), winner(FINAL, first + SUSPENDED_S)
    for at in (first, first + SUSPENDED_S - 0.1):
        markets = markets_at(FINAL, at, 0)
        assert {(m.status, m.reason) for m in markets} == {(MarketStatus.SUSPENDED, "goal")}
    assert (before.status, after.status) == (MarketStatus.OPEN, MarketStatus.OPEN)
    assert max(odds_of(after, SelectionKey.HOME)) < min(odds_of(before, SelectionKey.HOME))
    assert min(odds_of(after, SelectionKey.AWAY)) > max(odds_of(before, SelectionKey.AWAY))


def test_nothing_in_a_price_knows_what_is_to_come() -> None:
    france = FINAL.recording
    cut = [moment for moment in france.moments if moment.at < GOALS[2]]
    blind = Track(type(france)(header=france.header, moments=tuple(cut)))
    for at in range(-300, int(GOALS[2]), 97):
        assert markets_at(blind, at, 0) == markets_at(FINAL, at, 0)


@pytest.mark.parametrize(("track", "kinds"), list(zip(TRACKS, KINDS, strict=True)), ids=NAMES)
def test_each_sport_has_the_markets_bets_are_settled_on(track: Track, kinds: list[str]) -> None:
    markets = markets_at(track, 30, 0)
    assert [str(market.type) for market in markets] == kinds
    rules = {market.type.value for market in markets}
    assert rules <= RULES.keys()


def test_a_football_match_is_over_for_bets_after_90_minutes() -> None:
    periods = [(m.at, m.score) for m in FINAL.recording.moments if m.score is not None]
    over = next(
        at
        for at, score in periods
        if (score.status, score.period) == (MatchStatus.PAUSED, "2nd Half")
    )
    for at in (over, *(at for at, _ in periods if over < at < FINAL.ends_at)):
        markets = markets_at(FINAL, at, 0)
        assert {(m.status, m.reason) for m in markets} == {(MarketStatus.CLOSED, "decided")}
    before = {m.status for m in markets_at(FINAL, over - 1, 0) if m.type is MarketType.WINNER}
    assert before == {MarketStatus.OPEN}


def test_a_set_is_a_market_of_its_own_from_the_first_two_on_and_closed_once_it_is_won() -> None:
    tennis = TRACKS[-1]
    first = tennis.shocks[0]
    sets = [m for m in markets_at(tennis, first + SUSPENDED_S, 0) if m.type in SETS]
    assert [(m.line, m.status) for m in sets] == [
        (Decimal(1), MarketStatus.CLOSED),
        (Decimal(2), MarketStatus.OPEN),
    ]
    later = [m.line for m in markets_at(tennis, tennis.shocks[2] - 1, 0) if m.type in SETS]
    assert later == [1, 2, 3]


def test_a_total_that_is_beyond_its_line_is_closed_at_once() -> None:
    total = markets_at(FINAL, GOALS[2], 0)[1]
    assert (total.line, total.status, total.reason) == (
        Decimal("2.5"), MarketStatus.CLOSED, "decided"
    )  # fmt: skip


@pytest.mark.parametrize("track", TRACKS, ids=NAMES)
def test_all_is_closed_when_the_match_is_over(track: Track) -> None:
    markets = markets_at(track, track.ends_at, 0)
    assert {(m.status, m.reason) for m in markets} == {(MarketStatus.CLOSED, "match_over")}


@pytest.mark.parametrize("track", TRACKS, ids=NAMES)
def test_a_line_stays_what_it_was(track: Track) -> None:
    lines = {markets_at(track, at, 0)[1].line for at in range(-600, int(track.ends_at), 300)}
    assert len(lines) == 1


def test_odds_are_never_rounded_in_the_punters_favour() -> None:
    chances = {SelectionKey.HOME: 0.62, SelectionKey.AWAY: 0.38}
    odds = offered(chances, 0.05)
    assert odds == {SelectionKey.HOME: Decimal("1.530"), SelectionKey.AWAY: Decimal("2.500")}


def test_certainty_still_has_odds() -> None:
    odds = offered({SelectionKey.HOME: 1.0, SelectionKey.AWAY: 0.0}, 0.05)
    assert odds == {SelectionKey.HOME: Decimal("1.001"), SelectionKey.AWAY: Decimal(501)}
