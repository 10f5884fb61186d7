"""What became of a leg, rule by rule, as aligned tables. Pure."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.betting.bet import LegResult
from app.betting.outcomes import OUTCOMES, Outcome, Question, outcome_of
from app.betting.results import MatchEnd
from app.sports.match import MatchStatus, Period, Score, Sport

_SPORTS = {
    "football": ("1st Half", "2nd Half", "Extra Time 1st Half", "Extra Time 2nd Half", "Penalties"),
    "basketball": ("Q1", "Q2", "Q3", "Q4", "OT"),
    "hockey": ("1st Period", "2nd Period", "3rd Period", "Overtime", "Shootout"),
    "tennis": ("Set 1", "Set 2", "Set 3", "Set 4", "Set 5"),
}


def an_end(sport: str, score: str, periods: str = "", status: str = "finished") -> MatchEnd:
    """A match said like "2-1", with its periods like "1-0 1-1"."""
    home, away = map(int, score.split("-")) if score else (None, None)
    told = [pair.split("-") for pair in periods.split()]
    names = _SPORTS[sport]
    played = tuple(
        Period(name=name, home=int(pair[0]), away=int(pair[1]))
        for name, pair in zip(names, told, strict=False)
    )
    return MatchEnd(
        sport=Sport(sport),
        score=Score(
            status=MatchStatus(status),
            home=home,
            away=away,
            period=played[-1].name if played else None,
            periods=played,
        ),
    )


def settled(end: MatchEnd, market: str, key: str) -> str:
    """The result of an answer to a market said like "total 2.5"; "-" while there is none."""
    kind, _, line = market.partition(" ")
    question = Question(
        sport=end.sport, market_type=kind, line=Decimal(line) if line else None, key=key
    )
    outcome = outcome_of(question, end)
    return "-" if outcome is None else outcome.result.value


FOOTBALL = [
    # score   periods                market               answer       result
    ("2-1", "", "winner", "home", "won"),
    ("2-1", "", "winner", "draw", "lost"),
    ("1-1", "", "winner", "draw", "won"),
    ("3-3", "2-0 0-2 0-0 1-1 4-2", "winner", "draw", "won"),  # A final: 2-2 after 90 minutes.
    ("3-3", "2-0 0-2 0-0 1-1 4-2", "total 4.5", "under", "won"),
    ("3-2", "1-0 1-2 1-0", "winner", "draw", "won"),
    ("1-0", "", "double_chance", "home_draw", "won"),
    ("1-0", "", "double_chance", "draw_away", "lost"),
    ("1-1", "", "double_chance", "home_away", "lost"),
    ("1-1", "", "draw_no_bet", "home", "void"),
    ("0-1", "", "draw_no_bet", "away", "won"),
    ("2-1", "", "total 2.5", "over", "won"),
    ("2-1", "", "total 3", "over", "void"),
    ("2-1", "", "total 3", "under", "void"),
    ("2-1", "", "total 2.75", "over", "half_won"),
    ("2-1", "", "total 2.75", "under", "half_lost"),
    ("2-1", "", "total 3.25", "over", "half_lost"),
    ("2-1", "", "total 3.25", "under", "half_won"),
    ("2-1", "", "home_total 1.5", "over", "won"),
    ("2-1", "", "away_total 1.5", "over", "lost"),
    ("2-1", "", "handicap -1", "home", "void"),
    ("2-1", "", "handicap -1", "away", "void"),
    ("2-1", "", "handicap -0.75", "home", "half_won"),
    ("2-1", "", "handicap -0.75", "away", "half_lost"),
    ("2-1", "", "handicap -1.25", "home", "half_lost"),
    ("2-1", "", "handicap -1.25", "away", "half_won"),
    ("1-1", "", "handicap 0.25", "home", "half_won"),
    ("1-1", "", "handicap 0.25", "away", "half_lost"),
    ("0-2", "", "handicap 1.5", "home", "lost"),
    ("2-1", "", "handicap_3way -1", "draw", "won"),
    ("2-1", "", "handicap_3way -1", "home", "lost"),
    ("2-0", "", "both_to_score", "yes", "lost"),
    ("2-0", "", "both_to_score", "no", "won"),
    ("1-1", "", "both_to_score", "yes", "won"),
    ("2-1", "", "correct_score", "2-1", "won"),
    ("2-1", "", "correct_score", "1-2", "lost"),
    ("2-1", "0-1 2-0", "period_winner 1", "away", "won"),
    ("2-1", "0-1 2-0", "period_winner 2", "home", "won"),
    ("2-1", "0-1 2-0", "period_winner 3", "home", "-"),
    ("2-1", "", "period_winner 1", "away", "-"),
    ("2-1", "", "corners 9.5", "over", "-"),
]
OTHERS = [
    ("basketball", "100-98", "20-20 30-30 20-20 20-20 10-8", "winner", "home", "won"),
    ("basketball", "100-98", "20-20 30-30 20-20 20-20 10-8", "total 197.5", "over", "won"),
    ("basketball", "100-98", "20-20 30-30 20-20 20-20 10-8", "handicap -2.5", "home", "lost"),
    ("basketball", "90-88", "20-20 30-30 20-20 20-18", "period_winner 4", "home", "won"),
    ("basketball", "90-88", "20-20 30-30 20-20 20-18", "period_winner 1", "draw", "won"),
    ("hockey", "4-3", "0-1 2-2 1-0 0-0 1-0", "winner", "home", "won"),
    ("hockey", "4-3", "0-1 2-2 1-0 0-0 1-0", "winner_3way", "draw", "won"),
    ("hockey", "4-3", "0-1 2-2 1-0 0-0 1-0", "total 6.5", "over", "won"),
    ("hockey", "4-3", "", "winner", "home", "won"),
    ("hockey", "3-3", "0-1 2-2 1-0", "winner", "home", "-"),
    ("tennis", "2-0", "6-4 7-5", "winner", "home", "won"),
    ("tennis", "2-1", "6-4 4-6 7-6", "total 32.5", "over", "won"),
    ("tennis", "2-1", "6-4 4-6 7-6", "handicap -1.5", "home", "lost"),
    ("tennis", "2-1", "6-4 4-6 7-6", "set_handicap -1.5", "home", "lost"),
    ("tennis", "2-1", "6-4 4-6 7-6", "set_handicap 1.5", "away", "lost"),
    ("tennis", "2-1", "6-4 4-6 7-6", "correct_score", "2-1", "won"),
    ("tennis", "2-1", "6-4 4-6 7-6", "period_winner 2", "away", "won"),
    ("tennis", "2-1", "", "total 20.5", "over", "-"),
]
STOPPED = [
    # status       sport       score  periods      market           answer  result
    ("cancelled", "football", "", "", "winner", "home", "void"),
    ("abandoned", "football", "2-1", "", "winner", "home", "void"),
    ("abandoned", "football", "2-1", "", "total 2.5", "over", "won"),
    ("abandoned", "football", "2-1", "", "total 2.5", "under", "lost"),
    ("abandoned", "football", "2-1", "", "total 2.75", "over", "void"),
    ("abandoned", "football", "2-1", "", "total 3.5", "over", "void"),
    ("abandoned", "football", "2-1", "", "both_to_score", "yes", "won"),
    ("abandoned", "football", "2-0", "", "both_to_score", "no", "void"),
    ("abandoned", "football", "2-1", "0-1 2-0", "period_winner 1", "away", "won"),
    ("abandoned", "football", "2-1", "0-1 2-0", "period_winner 2", "away", "void"),
    ("awarded", "football", "3-0", "", "winner", "home", "void"),
    ("awarded", "tennis", "1-0", "6-4 2-1", "winner", "home", "void"),
    ("awarded", "tennis", "1-0", "6-4 2-1", "period_winner 1", "home", "won"),
    ("awarded", "tennis", "1-0", "6-4 2-1", "period_winner 2", "home", "void"),
    ("postponed", "football", "", "", "winner", "home", "-"),
    ("live", "football", "5-0", "", "winner", "home", "-"),
]


@pytest.mark.parametrize(("score", "periods", "market", "key", "result"), FOOTBALL)
def test_football(score: str, periods: str, market: str, key: str, result: str):
    assert settled(an_end("football", score, periods), market, key) == result


@pytest.mark.parametrize(("sport", "score", "periods", "market", "key", "result"), OTHERS)
def test_other_sports(sport: str, score: str, periods: str, market: str, key: str, *, result: str):
    assert settled(an_end(sport, score, periods), market, key) == result


@pytest.mark.parametrize(
    ("status", "sport", "score", "periods", "market", "key", "result"), STOPPED
)
def test_matches_that_were_not_played_to_their_end(
    *, status: str, sport: str, score: str, periods: str, market: str, key: str, result: str
):
    assert settled(an_end(sport, score, periods, status), market, key) == result


def test_a_match_put_off_for_too_long_is_void():
    end = an_end("football", "", status="postponed")
    gave_up = MatchEnd(sport=end.sport, score=end.score, gave_up=True)
    assert settled(gave_up, "total 2.5", "over") == "void"


@pytest.mark.parametrize(
    ("result", "factor"),
    [("won", "2.5"), ("lost", "0"), ("void", "1"), ("half_won", "1.75"), ("half_lost", "0.5")],
)
def test_what_a_result_multiplies_a_stake_by(result: str, factor: str):
    assert OUTCOMES[LegResult(result)].factor(Decimal("2.5")) == Fraction(factor)


def test_a_dead_heat_of_two_pays_half_a_win():
    assert Outcome(won=True, dead_heat=Fraction(1, 2)).factor(Decimal(6)) == 3


_QUARTERS = st.integers(-20, 20).map(lambda n: Decimal(n) / 4)


@given(st.integers(0, 6), st.integers(0, 6), _QUARTERS, st.sampled_from(["total", "handicap"]))
def test_the_two_sides_of_a_line_share_one_stake(home: int, away: int, line: Decimal, market: str):
    end = an_end("football", f"{home}-{away}")
    keys = ("over", "under") if market == "total" else ("home", "away")
    pair = {settled(end, f"{market} {line}", key) for key in keys}
    assert pair in ({"won", "lost"}, {"void"}, {"half_won", "half_lost"})


@given(st.integers(0, 9), st.integers(0, 9))
def test_of_three_answers_one_is_true_and_double_chances_are_what_they_double(home: int, away: int):
    end = an_end("football", f"{home}-{away}")
    true = {key for key in ("home", "draw", "away") if settled(end, "winner", key) == "won"}
    assert len(true) == 1
    for key in ("home_draw", "home_away", "draw_away"):
        assert (settled(end, "double_chance", key) == "won") == bool(true & set(key.split("_")))
