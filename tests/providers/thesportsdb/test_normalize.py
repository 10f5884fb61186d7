"""What TheSportsDB's rows mean."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.providers.items import joined
from app.providers.provider import Answer, ProviderError, ProviderUnreadable, Scope
from app.providers.thesportsdb.normalize import THEIR_SPORTS, read_live, read_rows
from app.providers.thesportsdb.payloads import rows_of
from app.providers.thesportsdb.statuses import STATUSES, meaning_of
from app.sports.match import IN_PLAY, MatchStatus, Period, Score, Sport
from app.sports.observation import (
    Observation,
    ObservedLeague,
    ObservedMatch,
    ObservedParticipant,
)
from tests.providers.mutated import mutations_of
from tests.providers.sound import check_sound

BODIES = Path(__file__).parents[2] / "recordings/thesportsdb"
RECEIVED = datetime(2026, 11, 21, 16, 10, tzinfo=UTC)
UPDATED = datetime(2026, 11, 21, 16, 9, 30, tzinfo=UTC)
KICK_OFF = datetime(2026, 11, 21, 15, tzinfo=UTC)
S = MatchStatus


def body_of(name: str) -> bytes:
    return (BODIES / f"{name}.json").read_bytes()


def answer_of(body: bytes, sport: Sport, scope: Scope = Scope.SCORES) -> Answer:
    """Reads v1's rows, or v2's when they are live scores."""
    rows = rows_of(body)
    if b"idLiveScore" in body:
        return joined([read_live(rows, sport, RECEIVED)])
    return joined([read_rows(rows, scope, sport, RECEIVED)])


def scores_of(answer: Answer) -> dict[str, Score | None]:
    return {
        said.match.home.name: said.score for said in answer.observations if said.match is not None
    }


def codes_of(answer: Answer) -> list[tuple[int, str]]:
    return [(one.index, one.code) for one in answer.rejected]


def a_row(**fields: str | None) -> bytes:
    """One row of v1 with fields changed."""
    values = {
        "idEvent": "1", "strSport": "Soccer", "idLeague": "2", "strLeague": "League",
        "idHomeTeam": "3", "idAwayTeam": "4", "strHomeTeam": "Home", "strAwayTeam": "Away",
        "strStatus": "NS", "strTimestamp": "2026-11-21T15:00:00", **fields,
    }  # fmt: skip
    pairs = ",".join(
        f'"{name}":' + ("null" if value is None else f'"{value}"') for name, value in values.items()
    )
    return f'{{"events":[{{{pairs}}}]}}'.encode()


def the_one(body: bytes, sport: Sport = Sport.FOOTBALL) -> Observation:
    answer = answer_of(body, sport)
    assert answer.rejected == ()
    (said,) = answer.observations
    return said


def test_a_row_of_a_day_is_a_match_with_its_league_and_sides():
    answer = answer_of(body_of("made_v1_eventsday_soccer"), Sport.FOOTBALL)
    assert answer.observations[0] == Observation(
        provider="thesportsdb",
        external_id="7000001",
        sport=Sport.FOOTBALL,
        match=ObservedMatch(
            league=ObservedLeague(
                external_id="5001", name="Northern Premier Division", season="2026-2027"
            ),
            home=ObservedParticipant(external_id="300002", name="Harbour Athletic"),
            away=ObservedParticipant(external_id="300003", name="Milltown Rovers"),
            start_time=datetime(2026, 11, 21, 20, tzinfo=UTC),
        ),
        observed_at=RECEIVED,
        received_at=RECEIVED,
        score=Score(status=S.SCHEDULED),
    )


def test_a_day_of_football_tells_what_began_and_what_did_not():
    answer = answer_of(body_of("made_v1_eventsday_soccer"), Sport.FOOTBALL)
    assert scores_of(answer) == {
        "Harbour Athletic": Score(status=S.SCHEDULED),
        "Östra Boldklubb": Score(status=S.LIVE, home=2, away=1, period="2nd Half", clock="67'"),
        "Lakeside": Score(status=S.FINISHED, home=0, away=0, period="2nd Half"),
        "Saltmarsh": Score(status=S.FINISHED, home=3, away=2),
        "Brickfield": Score(status=S.POSTPONED),
        "Upper Vale": Score(status=S.FINISHED, home=1, away=1, period="Penalties"),
        "Stonehaven": Score(status=S.SCHEDULED),
    }


def test_what_of_a_day_cannot_be_read_is_set_aside_with_its_reason():
    answer = answer_of(body_of("made_v1_eventsday_soccer"), Sport.FOOTBALL)
    assert codes_of(answer) == [
        (6, "unknown_status"),
        (7, "unknown_status"),
        (9, "bad_score"),
        (10, "no_sides"),
        (11, "no_start_time"),
    ]
    assert b"Delayed by fog" in answer.rejected[0].raw


def test_fixtures_are_those_that_have_not_begun():
    body = body_of("made_v1_eventsday_soccer")
    answer = answer_of(body, Sport.FOOTBALL, Scope.FIXTURES)
    assert list(scores_of(answer)) == ["Harbour Athletic", "Brickfield", "Stonehaven"]


def test_rows_of_another_sport_are_left_out():
    answer = answer_of(body_of("made_v1_eventsday_soccer"), Sport.HOCKEY)
    assert answer == Answer()


def test_tennis_is_told_in_words():
    answer = answer_of(body_of("made_v1_eventsday_tennis"), Sport.TENNIS)
    assert scores_of(answer) == {
        "Ana Lindqvist": Score(
            status=S.FINISHED,
            home=1,
            away=2,
            periods=(
                Period(name="Set 1", home=6, away=4),
                Period(name="Set 2", home=6, away=7),
                Period(name="Set 3", home=2, away=6),
            ),
        ),
        "Rosa Quiroga": Score(
            status=S.FINISHED,
            home=0,
            away=2,
            periods=(
                Period(name="Set 1", home=1, away=6),
                Period(name="Set 2", home=2, away=6),
            ),
        ),
        # Which Holm beat which is not said.
        "Vera Holm": Score(status=S.FINISHED),
        "Jana Sato": Score(status=S.SCHEDULED),
        "Lea Moreau": Score(status=S.AWARDED),
    }
    assert codes_of(answer) == [(4, "no_sides")]


def test_a_side_without_an_id_is_named_by_its_name_within_its_league():
    answer = answer_of(body_of("made_v1_eventsday_tennis"), Sport.TENNIS)
    match = answer.observations[0].match
    assert match is not None
    assert match.home == ObservedParticipant(external_id="5900:Ana Lindqvist", name="Ana Lindqvist")


def test_live_football():
    answer = answer_of(body_of("made_v2_livescore_soccer"), Sport.FOOTBALL)
    assert scores_of(answer) == {
        "Harbour Athletic": Score(status=S.LIVE, home=2, away=1, period="2nd Half", clock="67'"),
        "Lakeside": Score(status=S.PAUSED, home=0, away=0, period="1st Half"),
        "Saltmarsh": Score(status=S.LIVE, home=1, away=0, period="1st Half", clock="45+2'"),
        "Brickfield": Score(status=S.FINISHED, home=3, away=3, period="2nd Half"),
        "Upper Vale": Score(status=S.SCHEDULED),
        "Ironbridge": Score(status=S.LIVE, home=1, away=1, period="Penalties", clock="120'"),
        "Ashdown": Score(status=S.INTERRUPTED, home=1, away=0),
        "Larkhill": Score(status=S.ABANDONED, home=2, away=0),
        "Stonehaven": Score(status=S.LIVE, home=0, away=0, period="1st Half", clock="12'"),
    }
    assert codes_of(answer) == [(8, "unknown_status")]


def test_a_live_score_was_true_when_it_was_updated_and_never_in_our_future():
    answer = answer_of(body_of("made_v2_livescore_soccer"), Sport.FOOTBALL)
    at = {said.external_id: said.observed_at for said in answer.observations}
    assert at["7100001"] == UPDATED
    assert at["7100005"] == RECEIVED
    assert at["7100010"] == RECEIVED
    assert {said.received_at for said in answer.observations} == {RECEIVED}


def test_a_start_without_a_time_stamp_is_day_and_time():
    answer = answer_of(body_of("made_v2_livescore_soccer"), Sport.FOOTBALL)
    starts = {said.match.start_time for said in answer.observations if said.match}
    assert starts == {KICK_OFF}


def test_live_basketball():
    answer = answer_of(body_of("made_v2_livescore_basketball"), Sport.BASKETBALL)
    assert scores_of(answer) == {
        "Bay Herons": Score(status=S.LIVE, home=61, away=58, period="Q3", clock="7'"),
        "Port Anchors": Score(status=S.PAUSED, home=40, away=44, period="Q2"),
        "River Otters": Score(status=S.PAUSED, home=72, away=52),
        "Mesa Larks": Score(status=S.FINISHED, home=101, away=99, period="OT"),
        "Fjord Elks": Score(status=S.POSTPONED),
    }
    assert answer.rejected == ()


def test_live_hockey():
    answer = answer_of(body_of("made_v2_livescore_ice_hockey"), Sport.HOCKEY)
    assert scores_of(answer) == {
        "Frost Bears": Score(status=S.LIVE, home=2, away=4, period="3rd Period", clock="20'"),
        "Polar Kites": Score(status=S.LIVE, home=3, away=3, period="Overtime", clock="07:12"),
        "North Stags": Score(status=S.FINISHED, home=5, away=4, period="Shootout"),
        "Snow Crows": Score(status=S.INTERRUPTED, home=0, away=1),
        "Drift Seals": Score(status=S.AWARDED, home=0, away=5),
    }
    assert answer.rejected == ()


def test_live_tennis():
    answer = answer_of(body_of("made_v2_livescore_tennis"), Sport.TENNIS)
    assert scores_of(answer) == {
        "Ana Lindqvist": Score(status=S.LIVE, home=1, away=0, period="Set 2"),
        "Rosa Quiroga": Score(status=S.FINISHED, home=2, away=1),
        "Jana Sato": Score(status=S.CANCELLED),
    }
    assert codes_of(answer) == [(2, "same_sides")]


@pytest.mark.parametrize("wrapper", [b"events", b"livescore", b"livescores"])
def test_the_rows_stand_under_any_of_three_words(wrapper: bytes):
    body = body_of("made_v2_livescore_basketball").replace(b'"livescore"', b'"%s"' % wrapper, 1)
    assert len(answer_of(body, Sport.BASKETBALL).observations) == 5


@pytest.mark.parametrize(
    "body",
    [b"", b" \n", b'{"events":null}', b'{"livescore":[]}', b'{"Message":"No data found"}'],
)
def test_nothing_is_said_in_many_ways(body: bytes):
    assert list(rows_of(body)) == []


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html><body>Error establishing a database connection",
        b'{"events":[{"idEvent":"1"',
        b'{"events":"Invalid League ID passed"}',
        b'{"Message":"Premium only"}',
        b"{}",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"Message":[]}',
    ],
)
def test_what_is_no_answer_is_unreadable_and_kept(body: bytes):
    with pytest.raises(ProviderUnreadable) as failed:
        rows_of(body)
    assert failed.value.raw == body


def test_a_match_told_of_twice_in_the_same_words_is_said_once():
    row = a_row()[len('{"events":[') : -2]
    twice = b'{"events":[' + row + b"," + row + b"]}"
    answer = answer_of(twice, Sport.FOOTBALL)
    assert (len(answer.observations), answer.rejected) == (1, ())


def test_a_match_told_of_twice_in_other_words_is_set_aside_the_second_time():
    rows = [a_row(strStatus=status)[len('{"events":[') : -2] for status in ("NS", "CANC")]
    answer = answer_of(b'{"events":[' + b",".join(rows) + b"]}", Sport.FOOTBALL)
    assert [said.score for said in answer.observations] == [Score(status=S.SCHEDULED)]
    assert codes_of(answer) == [(1, "duplicate")]


@pytest.mark.parametrize(
    "told",
    ["2026-11-21T15:00:00", "2026-11-21 15:00:00", "2026-11-21T15:00:00+00:00",
     "2026-11-21T10:00:00-05:00", "2026-11-21T15:00:00Z"],
)  # fmt: skip
def test_a_time_without_a_zone_is_utc(told: str):
    match = the_one(a_row(strTimestamp=told)).match
    assert match is not None
    assert match.start_time == KICK_OFF


@pytest.mark.parametrize(
    "told", ["0001-01-01T00:00:00", "9999-12-31T23:59:59-05:00", "tomorrow at three"]
)
def test_a_time_outside_of_all_seasons_is_set_aside(told: str):
    answer = answer_of(a_row(strTimestamp=told), Sport.FOOTBALL)
    assert codes_of(answer) == [(0, "bad_time")]


@pytest.mark.parametrize("home", ["1000", "-1", "1.5", "two", "²", "٣", "1e2"])
def test_a_score_that_is_no_number_of_points_is_set_aside(home: str):
    body = a_row(strStatus="2H", intHomeScore=home, intAwayScore="0")
    assert codes_of(answer_of(body, Sport.FOOTBALL)) == [(0, "bad_score")]


@pytest.mark.parametrize(
    ("progress", "clock"),
    [("23'", "23'"), ("90+11", "90+11'"), ("0", None), ("Final", None), ("", None), (None, None),
     ("12:31", "12:31"), ("1234", None), ("Top 5th", None)],
)  # fmt: skip
def test_progress_is_the_clock_of_a_match_in_play(progress: str | None, clock: str | None):
    said = the_one(a_row(strStatus="1H", intHomeScore="0", intAwayScore="0", strProgress=progress))
    assert said.score is not None
    assert said.score.clock == clock


def test_names_are_put_on_one_line():
    match = the_one(a_row(strHomeTeam="  FC  \u202eHome\u00a0 ")).match
    assert match is not None
    assert match.home.name == "FC Home"


@pytest.mark.parametrize("sport", list(Sport))
def test_every_status_there_is_is_known_in_its_table(sport: Sport):
    for status, meaning in STATUSES[sport].items():
        assert meaning_of(sport, f" {status.upper()} ") == meaning
        body = a_row(
            strSport=THEIR_SPORTS[sport], strStatus=status, intHomeScore="1", intAwayScore="0"
        )
        said = the_one(body, sport)
        assert said.score is not None
        assert said.score.status is meaning[0]
        assert (said.score.home == 1) is (meaning[0] not in {S.SCHEDULED, S.POSTPONED, S.CANCELLED})


@pytest.mark.parametrize("sport", list(Sport))
def test_every_sport_can_be_in_play_over_and_off(sport: Sport):
    told = {status for status, _ in STATUSES[sport].values()}
    assert told >= {*IN_PLAY, S.SCHEDULED, S.FINISHED, S.POSTPONED, S.CANCELLED, S.ABANDONED}


def test_a_status_of_one_sport_means_nothing_in_another():
    assert meaning_of(Sport.FOOTBALL, "Q3") is None
    assert meaning_of(Sport.HOCKEY, "2H") is None


SPOILED = [
    (body_of(name), sport)
    for name, sport in [
        ("made_v1_eventsday_soccer", Sport.FOOTBALL),
        ("made_v1_eventsday_tennis", Sport.TENNIS),
        ("made_v2_livescore_soccer", Sport.FOOTBALL),
        ("made_v2_livescore_basketball", Sport.BASKETBALL),
        ("made_v2_livescore_ice_hockey", Sport.HOCKEY),
        ("made_v2_livescore_tennis", Sport.TENNIS),
    ]
]


@given(
    st.sampled_from(SPOILED).flatmap(lambda one: st.tuples(mutations_of(one[0]), st.just(one[1])))
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_spoiled_body_is_read_in_part_or_refused_as_a_whole(spoiled: tuple[bytes, Sport]):
    body, sport = spoiled
    try:
        answer = answer_of(body, sport)
    except ProviderError:
        return
    check_sound(answer, RECEIVED)
    assert {said.sport for said in answer.observations} <= {sport}
