"""Messages like Sportradar's, read against what we hold of their match."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.providers.provider import Answer, ProviderUnreadable
from app.providers.push.feed import open_body, read
from app.providers.push.uof import Held, Question
from app.providers.push.uof_markets import MARKETS
from app.sports.market import (
    LINED,
    MarketStatus,
    MarketType,
    SelectionKey,
    answers_of,
    may_answer,
)
from app.sports.match import MatchStatus, Score, Sport
from tests.providers.mutated import mutations_of
from tests.providers.push.bodies import RECORDED

NOW = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
WINNER: Question = (MarketType.WINNER, None)
TOTAL: Question = (MarketType.TOTAL, Decimal("2.5"))
AT_MS = 1_790_000_000_000
MESSAGE = f'event_id="sr:match:1" product="1" timestamp="{AT_MS}"'
LINES = (RECORDED / "messages-one-a-line.txt").read_bytes().splitlines()
FILES = sorted(RECORDED.glob("*.xml"))


def heard(
    text: str | bytes,
    *,
    sport: Sport = Sport.FOOTBALL,
    held: tuple[Question, ...] = (WINNER, TOTAL),
) -> Answer:
    """What a message says when we hold its match."""
    opened = open_body(text.encode() if isinstance(text, str) else text, "application/xml")
    known = {opened.needs: Held(sport=sport, questions=held)} if opened.needs else {}
    return read(opened, "uof", known, NOW)


def markets(answer: Answer) -> list[tuple[MarketType, Decimal | None, MarketStatus, str | None]]:
    [said] = answer.observations
    return [(m.type, m.line, m.status, m.reason) for m in said.markets]


def odds_change(inside: str, more: str = "") -> str:
    return f"<odds_change {MESSAGE}>{more}<odds>{inside}</odds></odds_change>"


def test_odds_become_quotes_of_the_feed():
    answer = heard(
        odds_change(
            '<market id="1" status="1"><outcome id="1" odds="2.10" active="1"/>'
            '<outcome id="2" odds="3.4" active="0"/><outcome id="3" odds="3.65"/></market>'
            '<market id="18" specifiers="total=2.5" status="-1"><outcome id="12" odds="1.9"/>'
            '<outcome id="13" odds="1.95"/></market>'
        )
    )
    [said] = answer.observations
    assert (said.external_id, said.match, said.score) == ("sr:match:1", None, None)
    assert said.observed_at == datetime.fromtimestamp(AT_MS / 1000, UTC)
    winner, total = said.markets
    assert [(q.bookmaker, q.selection, q.odds) for q in winner.quotes] == [
        ("uof", SelectionKey.HOME, Decimal("2.10")),
        ("uof", SelectionKey.DRAW, None),
        ("uof", SelectionKey.AWAY, Decimal("3.65")),
    ]
    assert (total.line, total.status, total.reason) == (
        Decimal("2.5"), MarketStatus.SUSPENDED, "suspended",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sport", "number", "specifiers", "kind", "line"),
    [
        (Sport.FOOTBALL, 16, "hcp=-0.25", MarketType.HANDICAP, "-0.25"),
        (Sport.FOOTBALL, 29, "", MarketType.BOTH_TO_SCORE, None),
        (Sport.BASKETBALL, 219, "", MarketType.WINNER, None),
        (Sport.BASKETBALL, 223, "hcp=4.5", MarketType.HANDICAP, "4.5"),
        (Sport.BASKETBALL, 225, "total=165.5", MarketType.TOTAL, "165.5"),
        (Sport.HOCKEY, 406, "", MarketType.WINNER, None),
        (Sport.HOCKEY, 410, "hcp=1.5", MarketType.HANDICAP, "1.5"),
        (Sport.HOCKEY, 412, "total=5.5", MarketType.TOTAL, "5.5"),
        (Sport.TENNIS, 186, "", MarketType.WINNER, None),
        (Sport.FOOTBALL, 10, "", MarketType.DOUBLE_CHANCE, None),
        (Sport.FOOTBALL, 11, "", MarketType.DRAW_NO_BET, None),
        (Sport.FOOTBALL, 14, "hcp=0:1", MarketType.HANDICAP_3WAY, "-1"),
        (Sport.FOOTBALL, 19, "total=1.5", MarketType.HOME_TOTAL, "1.5"),
        (Sport.FOOTBALL, 20, "total=0.5", MarketType.AWAY_TOTAL, "0.5"),
        (Sport.FOOTBALL, 45, "", MarketType.CORRECT_SCORE, None),
        (Sport.FOOTBALL, 60, "", MarketType.PERIOD_WINNER, "1"),
        (Sport.FOOTBALL, 83, "", MarketType.PERIOD_WINNER, "2"),
        (Sport.HOCKEY, 1, "", MarketType.WINNER_3WAY, None),
        (Sport.HOCKEY, 443, "periodnr=3", MarketType.PERIOD_WINNER, "3"),
        (Sport.BASKETBALL, 235, "quarternr=4", MarketType.PERIOD_WINNER, "4"),
        (Sport.TENNIS, 187, "hcp=-3.5", MarketType.HANDICAP, "-3.5"),
        (Sport.TENNIS, 188, "hcp=1.5", MarketType.SET_HANDICAP, "1.5"),
        (Sport.TENNIS, 189, "total=22.5", MarketType.TOTAL, "22.5"),
        (Sport.TENNIS, 202, "setnr=2", MarketType.PERIOD_WINNER, "2"),
    ],
)
def test_each_sport_has_its_own_markets(
    sport: Sport, number: int, specifiers: str, kind: MarketType, line: str | None
):
    said = f'<market id="{number}" specifiers="{specifiers}" status="1"/>'
    expected = (kind, None if line is None else Decimal(line), MarketStatus.OPEN, None)
    assert markets(heard(odds_change(said), sport=sport)) == [expected]


def test_every_market_of_the_table_has_answers_of_ours():
    for (sport, number), meaning in MARKETS.items():
        answers = answers_of(meaning.type, sport)
        told = meaning.outcomes.values()
        assert all(may_answer(meaning.type, key, answers) for key in told), (sport, number)
        # Chances are those of a whole market: no answer of it may be missing.
        assert set(told) >= set(answers), (sport, number)
        assert (meaning.type in LINED) == bool(meaning.specifier or meaning.line)


@pytest.mark.parametrize(
    "left_out",
    [
        '<market id="66" specifiers="hcp=-0.5" status="1"/>',
        '<market id="14" specifiers="hcp=-1" status="1"/>',
        '<market id="18" specifiers="total=2.5|from=1|to=15" status="1"/>',
        '<market id="18" status="1"/>',
        '<market id="16" specifiers="hcp=0:1" status="1"/>',
        '<market id="1" status="-2"/>',
        '<market id="219" status="1"/>',
    ],
)
def test_other_questions_are_left_out(left_out: str):
    assert markets(heard(odds_change(left_out))) == []


@pytest.mark.parametrize(
    ("status", "ours", "reason"),
    [(0, "suspended", "inactive"), (-3, "closed", "settled"), (-4, "closed", "cancelled")],
)
def test_a_status_of_theirs_is_one_of_ours_with_its_reason(status: int, ours: str, reason: str):
    answer = heard(odds_change(f'<market id="1" status="{status}"/>'))
    assert markets(answer) == [(*WINNER, MarketStatus(ours), reason)]


@pytest.mark.parametrize(
    ("number", "reason"), [(1, "possible_goal"), (37, "video_review"), (66, "bet_stop_66")]
)
def test_why_betting_stopped_is_told(number: int, reason: str):
    text = odds_change('<market id="1" status="-1"/>').replace(
        "<odds>", f'<odds betstop_reason="{number}">'
    )
    assert markets(heard(text)) == [(*WINNER, MarketStatus.SUSPENDED, reason)]


def test_a_stop_suspends_every_market_we_hold_of_the_feed():
    answer = heard(f'<bet_stop {MESSAGE} groups="all" betstop_reason="22"/>')
    suspended = (MarketStatus.SUSPENDED, "goal_under_review")
    assert markets(answer) == [(*WINNER, *suspended), (*TOTAL, *suspended)]
    assert markets(heard(f'<bet_stop {MESSAGE} groups="score|1st_half"/>'))[0][3] == "bet_stop"
    assert heard(f'<bet_stop {MESSAGE} groups="corners|10_min"/>') == Answer()


def test_what_is_settled_is_closed_and_a_rollback_suspends_it():
    named = '<market id="18" specifiers="total=2.5"/><market id="18" specifiers="total=3.5"/>'
    settled = heard(
        f'<bet_settlement {MESSAGE} certainty="2"><outcomes>{named}</outcomes></bet_settlement>'
    )
    # Nobody offered 3.5 here, so there is nothing to close.
    assert markets(settled) == [(*TOTAL, MarketStatus.CLOSED, "settled")]
    back = heard(f"<rollback_bet_settlement {MESSAGE}>{named}</rollback_bet_settlement>")
    assert markets(back) == [(*TOTAL, MarketStatus.SUSPENDED, "settlement_rolled_back")]


@pytest.mark.parametrize(
    ("outcomes", "word"),
    [
        ([("1", "0", ""), ("2", "1", ""), ("3", "0", "")], "settled_draw_won"),
        ([("1", "0", "1"), ("2", "0", "1.0"), ("3", "1", "1")], "settled_void"),
        ([("1", "1", "0.50"), ("3", "0", "0.5")], "settled_home_half_won_away_half_lost"),
        ([("1", "-1", ""), ("9", "1", "")], "settled"),
    ],
)
def test_what_they_settled_a_market_as_is_kept_as_their_word(
    outcomes: list[tuple[str, str, str]], word: str
):
    told = "".join(
        f'<outcome id="{number}" result="{result}"' + (f' void_factor="{void}"/>' if void else "/>")
        for number, result, void in outcomes
    )
    named = f'<outcomes><market id="1">{told}</market></outcomes>'
    settled = heard(f"<bet_settlement {MESSAGE}>{named}</bet_settlement>")
    assert markets(settled) == [(*WINNER, MarketStatus.CLOSED, word)]


def test_correct_scores_are_read_by_their_numbers():
    said = heard(
        odds_change(
            '<market id="45" status="1"><outcome id="274" odds="11"/><outcome id="288" odds="9"/>'
            '<outcome id="322" odds="201"/><outcome id="324" odds="15"/></market>'
        )
    )
    [market] = said.observations[0].markets
    assert [quote.selection for quote in market.quotes] == ["0-0", "2-1", "4-4"]


def test_a_stop_of_halves_leaves_the_match_alone():
    half = (MarketType.PERIOD_WINNER, Decimal(1))
    stop = heard(f'<bet_stop {MESSAGE} groups="1st_half"/>', held=(WINNER, half))
    assert markets(stop) == [(*half, MarketStatus.SUSPENDED, "bet_stop")]


def test_a_cancelled_market_is_closed_unless_only_some_time_of_it_is_void():
    named = '<market id="1" void_reason="12"/>'
    whole = heard(f"<bet_cancel {MESSAGE}>{named}</bet_cancel>")
    assert markets(whole) == [(*WINNER, MarketStatus.CLOSED, "cancelled")]
    back = heard(f"<rollback_bet_cancel {MESSAGE}>{named}</rollback_bet_cancel>")
    assert markets(back) == [(*WINNER, MarketStatus.SUSPENDED, "cancel_rolled_back")]
    assert heard(f'<bet_cancel {MESSAGE} start_time="1">{named}</bet_cancel>') == Answer()


def test_a_cancelled_fixture_is_a_cancelled_match():
    [said] = heard(f'<fixture_change {MESSAGE} change_type="3"/>').observations
    assert said.score is not None
    assert said.score.status is MatchStatus.CANCELLED
    assert heard(f'<fixture_change {MESSAGE} change_type="2"/>') == Answer()


ADDED = 'match_time="90:00" stoppage_time="02:10"'


def status(told: str, inside: str = "") -> str:
    return odds_change("", f"<sport_event_status {told}>{inside}</sport_event_status>")


@pytest.mark.parametrize(
    ("phase", "clock", "sport", "expected"),
    [
        ((1, 6), 'match_time="19:30"', "football", ("live", "1st Half", "20'")),
        ((1, 7), ADDED, "football", ("live", "2nd Half", "90+3'")),
        ((1, 7), 'match_time="91:10"', "football", ("live", "2nd Half", "90+2'")),
        ((1, 31), 'match_time="45:00"', "football", ("paused", None, None)),
        ((1, 3), 'match_time="51:07"', "hockey", ("live", "3rd Period", "11:07")),
        ((1, 50), "", "hockey", ("live", "Shootout", None)),
        ((1, 14), 'remaining_time_in_period="07:01"', "basketball", ("live", "Q2", "07:01")),
        ((1, 9), "", "tennis", ("live", "Set 2", None)),
        ((4, 95), "", "tennis", ("awarded", None, None)),
        ((3, 100), "", "football", ("finished", None, None)),
        ((7, 80), "", "football", ("interrupted", None, None)),
    ],
)  # fmt: skip
def test_a_status_becomes_a_score(
    phase: tuple[int, int], clock: str, sport: str, expected: tuple[str, str | None, str | None]
):
    told = f'status="{phase[0]}" match_status="{phase[1]}" home_score="2" away_score="0.0"'
    [said] = heard(status(told, f"<clock {clock}/>"), sport=Sport(sport)).observations
    score = said.score
    assert score is not None
    assert (score.status.value, score.period, score.clock) == expected
    assert (score.home, score.away) == (2, 0)


def test_a_match_that_has_not_begun_has_no_score():
    [said] = heard(status('status="0"')).observations
    assert said.score == Score(status=MatchStatus.SCHEDULED)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (status('status="42"'), "unknown_status"),
        (status('status="1" home_score="1"'), "bad_score"),
        (status('status="1" home_score="-1" away_score="0"'), "bad_score"),
        (status('status="1" home_score="1.5" away_score="0"'), "bad_score"),
        (status('status="one"'), "unreadable"),
        (odds_change('<market id="1"><outcome id="1" odds="0.5"/></market>'), "bad_odds"),
        (odds_change('<market id="1"><outcome id="1" odds="x"/></market>'), "bad_odds"),
        (odds_change('<market id="1"/><market id="1"/>'), "ambiguous_line"),
        (odds_change('<market id="18" specifiers="total=2.333"/>'), "bad_line"),
        (odds_change("").replace(str(AT_MS), "9" * 18), "bad_time"),
        (odds_change("").replace(f'timestamp="{AT_MS}"', ""), "bad_time"),
        (odds_change("").replace(str(AT_MS), str(AT_MS + 10**10)), "from_the_future"),
        (odds_change("").replace("sr:match:1", ""), "unreadable"),
    ],
)
def test_a_message_that_cannot_be_right_is_refused_with_its_reason(message: str, code: str):
    [refused] = heard(message).rejected
    assert (refused.index, refused.code) == (0, code)


def test_a_match_we_do_not_know_is_refused_until_its_fixture_came():
    opened = open_body(odds_change("").encode(), "text/xml")
    assert opened.needs == "sr:match:1"
    [refused] = read(opened, "uof", {}, NOW).rejected
    assert refused.code == "unknown_match"


def test_a_fixture_says_which_match_an_id_means():
    [said] = heard((RECORDED / "fixture-0.xml").read_bytes()).observations
    assert (said.external_id, said.sport) == ("sr:match:18001015", Sport.FOOTBALL)
    assert said.match is not None
    assert said.match.league.name == "UEFA Champions League"
    assert (said.match.home.name, said.match.away.name) == ("Ajax Amsterdam", "Tottenham Hotspur")
    assert said.match.start_time == datetime(2019, 5, 8, 19, tzinfo=UTC)


def test_a_sign_of_life_says_nothing_else():
    assert heard(LINES[0]) == heard(LINES[1]) == Answer()


DESCRIPTIONS = [f for f in FILES if f.stem.startswith(("markets", "player"))]
MESSAGES = [file.read_bytes() for file in FILES if file not in DESCRIPTIONS] + LINES


@pytest.mark.parametrize("body", MESSAGES)
def test_every_recorded_message_is_read(body: bytes):
    assert heard(body).rejected == ()


@pytest.mark.parametrize("file", DESCRIPTIONS, ids=lambda file: file.name)
def test_what_their_api_describes_is_no_message(file: Path):
    with pytest.raises(ProviderUnreadable, match="is no message"):
        heard(file.read_bytes())


def test_the_recorded_odds_change_has_its_score():
    [said] = heard((RECORDED / "odds_change-0.xml").read_bytes()).observations
    assert said.score is not None
    assert (said.score.home, said.score.away, said.score.clock) == (2, 2, "76'")
    assert [(p.name, p.home, p.away) for p in said.score.periods] == [
        ("1st Half", 2, 0),
        ("2nd Half", 0, 2),
    ]


WHOLE = odds_change(
    '<market id="1" status="1"><outcome id="1" odds="2.10" active="1"/></market>'
    '<market id="18" specifiers="total=2.5" status="-1"><outcome id="12" odds="1.9"/></market>',
    '<sport_event_status status="1" match_status="6" home_score="1" away_score="0">'
    '<clock match_time="19:30"/></sport_event_status>',
).encode()
SAMPLES = [
    WHOLE,
    *LINES,
    *(Path(file).read_bytes() for file in FILES if file.stat().st_size < 8_000),
]


@settings(max_examples=400, deadline=None)
@given(data=st.data(), sport=st.sampled_from(Sport))
def test_a_spoilt_message_ends_as_an_answer_or_one_named_error(data: st.DataObject, sport: Sport):
    body = data.draw(st.sampled_from(SAMPLES).flatmap(mutations_of))
    try:
        answer = heard(body, sport=sport)
    except ProviderUnreadable:
        return
    for said in answer.observations:
        assert said.observed_at <= NOW
        assert all(m.status is not MarketStatus.SETTLED for m in said.markets)
