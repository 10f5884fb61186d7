"""Whom to believe, and what a price is. Pure."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ingest.confidence import confidence_of
from app.ingest.merge import ToldScore, merge_quotes, merge_scores
from app.sports.market import is_odds
from app.sports.match import LEGAL_MOVES, MatchStatus, may_move
from tests.observed import a_score

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def told(provider: str, home: int, *, seconds: int = 0, status: str = "live") -> ToldScore:
    """What a provider told, some seconds after noon."""
    return ToldScore(provider, a_score(home, status=status), NOON + timedelta(seconds=seconds))


def test_the_newest_score_counts():
    believed = merge_scores([told("a", 2, seconds=5), told("b", 1)], MatchStatus.LIVE)
    assert believed is not None
    assert believed.score.home == 2


def test_confidence_is_the_share_that_agrees():
    scores = [a_score(1), a_score(1), a_score(2)]
    assert confidence_of(scores[0], scores) == Decimal("0.667")
    assert confidence_of(scores[0], []) == 0


@pytest.mark.parametrize(
    ("now", "said", "believed"),
    [
        (None, "finished", True),
        ("scheduled", "live", True),
        ("live", "paused", True),
        ("live", "scheduled", False),
        ("finished", "live", False),
        ("finished", "awarded", True),
        ("awarded", "finished", False),
        ("abandoned", "live", False),
        ("postponed", "scheduled", True),
    ],
)
def test_only_legal_moves_are_believed(now: str | None, said: str, *, believed: bool):
    status = MatchStatus(now) if now else None
    assert (merge_scores([told("a", 0, status=said)], status) is not None) is believed


def test_every_status_has_its_moves_and_staying_is_legal():
    assert LEGAL_MOVES.keys() == set(MatchStatus)
    assert all(may_move(status, status) for status in MatchStatus)


def test_a_price_is_the_median_and_the_best_is_named():
    offers = {
        "home": [("x", Decimal("2.0")), ("y", Decimal("2.2")), ("z", Decimal(9))],
        "away": [("x", Decimal("1.8")), ("y", Decimal("1.9")), ("z", Decimal("1.7"))],
    }
    priced, overround = merge_quotes(offers)
    assert (priced["home"].odds, priced["home"].best_odds) == (Decimal("2.2"), Decimal(9))
    assert (priced["home"].best_provider, priced["away"].best_provider) == ("z", "y")
    assert overround == Decimal("1.0101")
    assert priced["home"].fair_probability == Decimal("0.4500")


def test_without_every_price_there_is_no_chance_and_no_overround():
    priced, overround = merge_quotes({"home": [("x", Decimal(2))], "away": []})
    assert overround is None
    assert priced["home"].fair_probability is None
    assert "away" not in priced


ODDS = st.integers(min_value=1_001, max_value=1_000_000).map(lambda n: Decimal(n) / 1000)


@given(st.lists(st.lists(ODDS, min_size=1, max_size=6), min_size=2, max_size=5))
def test_prices_stay_odds_and_chances_add_up(offers: list[list[Decimal]]):
    quotes = {str(n): [(f"b{k}", o) for k, o in enumerate(of)] for n, of in enumerate(offers)}
    priced, overround = merge_quotes(quotes)
    assert overround is not None
    for n, of in enumerate(offers):
        price = priced[str(n)]
        assert is_odds(price.odds)
        assert min(of) <= price.odds <= price.best_odds == max(of)
    chances = [p.fair_probability for p in priced.values() if p.fair_probability is not None]
    assert abs(sum(chances) - 1) <= Decimal("0.0001") * len(chances)
