"""Same, new or undecided: what speaks for it and what against."""

from datetime import timedelta

import msgspec
import pytest

from app.ingest.candidates import Shortlist
from app.ingest.matching import (
    WINDOWS,
    Candidate,
    Described,
    New,
    Same,
    Side,
    Undecided,
    decide,
    window_of,
)
from app.ingest.swapping import swapped
from app.sports.incidents import Goal, SetWon
from app.sports.match import Sport
from tests.observed import KICK_OFF, a_score, a_total, a_winner, an_observation

HOUR = timedelta(hours=1)


def ours(home: str = "Arsenal", away: str = "Chelsea", **more: object) -> Candidate:
    """A match of ours."""
    plain = Candidate(
        match_id=1,
        league="Premier League",
        country="England",
        home=Side(names=(home,), id=1),
        away=Side(names=(away,), id=2),
        start_time=KICK_OFF,
    )
    return msgspec.structs.replace(plain, **more)


def theirs(home: str = "Arsenal", away: str = "Chelsea", **more: object) -> Described:
    """A match as a provider describes it."""
    plain = Described(
        sport=Sport.FOOTBALL,
        league="Premier League",
        country="England",
        home=Side(names=(home,)),
        away=Side(names=(away,)),
        start_time=KICK_OFF,
    )
    return msgspec.structs.replace(plain, **more)


def kind_of(described: Described, *candidates: Candidate) -> type:
    return type(decide(described, candidates))


@pytest.mark.parametrize(
    ("described", "candidate", "kind"),
    [
        (theirs(), ours(), Same),
        (theirs(start_time=KICK_OFF + 20 * HOUR), ours(), Same),
        (theirs(start_time=KICK_OFF + 72 * HOUR), ours(), New),
        (theirs(start_time=KICK_OFF + 72 * HOUR), ours(postponed=True), Undecided),
        (theirs(home="Arsenal Women"), ours(), New),
        (theirs(league="Women's Super League"), ours(), Undecided),
        (
            theirs("Arsenal Women", "Chelsea Women"),
            ours(league="Women's Super League"),
            Same,
        ),
        (theirs(country="Argentina"), ours(), Undecided),
        (theirs(country="Argentina", start_time=KICK_OFF + HOUR), ours(), New),
        (theirs(league="Premier League 2"), ours(), Undecided),
        (theirs(away="Zebras"), ours(), Undecided),
        (theirs("Zebras", "Lions"), ours(), New),
        (theirs("Chelsea", "Arsenal"), ours(), Same),
        (theirs("Chelsea", "Arsenal", start_time=KICK_OFF + 24 * HOUR), ours(), New),
        (theirs(), ours(taken=True), Undecided),
        (theirs(start_time=KICK_OFF + HOUR), ours(taken=True), New),
        (theirs(start_time=KICK_OFF + HOUR, not_begun=True), ours(over=True), New),
    ],
)
def test_a_pair_is_judged(described: Described, candidate: Candidate, kind: type):
    assert kind_of(described, candidate) is kind


def test_an_inverted_match_says_so():
    assert decide(theirs("Chelsea", "Arsenal"), [ours()]) == Same(
        match_id=1, inverted=True, score=1.0
    )


@pytest.mark.parametrize("hours", [4, 15])
def test_the_same_two_hours_later_in_basketball_wait_for_an_operator(hours: int):
    described = theirs(sport=Sport.BASKETBALL, start_time=KICK_OFF + hours * HOUR)
    assert kind_of(described, ours()) is Undecided


def test_of_a_doubleheader_the_nearer_one_is_meant():
    both = [ours(), ours(match_id=2, start_time=KICK_OFF + 2 * HOUR)]
    described = theirs(sport=Sport.BASKETBALL, start_time=KICK_OFF + 2 * HOUR)
    decision = decide(described, both)
    assert isinstance(decision, Same)
    assert decision.match_id == 2


@pytest.mark.parametrize("sport", list(Sport))
@pytest.mark.parametrize("speed", [1, 60, 600])
def test_a_rematch_in_a_world_that_runs_faster_is_another_match(sport: Sport, speed: float):
    window = window_of(sport, simulated=True, speed=speed)
    shortest, wrong = timedelta(minutes=95) / speed, timedelta(minutes=6) / speed
    again = [ours(match_id=n, start_time=KICK_OFF + n * shortest) for n in range(1, 5)]
    for n in range(1, 5):
        at = KICK_OFF + n * shortest + wrong
        decision = decide(theirs(sport=sport, start_time=at, window=window), again)
        assert isinstance(decision, Same)
        assert decision.match_id == n
    # One that was not told of yet is none of those that were, nor anybody's to decide.
    fifth = theirs(sport=sport, start_time=KICK_OFF + 5 * shortest - wrong, window=window)
    assert isinstance(decide(fifth, again), New)


def test_real_matches_have_the_windows_of_their_sport_whatever_the_speed():
    for sport in Sport:
        assert window_of(sport, simulated=False, speed=60) == WINDOWS[sport]


@pytest.mark.parametrize(
    "rematch",
    [{"start_time": KICK_OFF + 20 * HOUR}, {"start_time": KICK_OFF + HOUR, "taken": True}],
)
def test_a_rematch_of_exactly_these_two_does_not_hide_the_match_that_is_half_alike(
    rematch: dict[str, object],
):
    described = theirs("CSKA Moscow", "Real Madrid", sport=Sport.BASKETBALL)
    half_alike = ours("PBC CSKA Moscow", "Real Madrid Baloncesto")
    exact = ours("CSKA Moscow", "Real Madrid", match_id=2, **rematch)
    shortlist = Shortlist(Sport.BASKETBALL, [half_alike, exact])
    same = decide(described, shortlist.of(described))
    assert isinstance(same, Same)
    assert same.match_id == 1


def test_two_that_would_do_alike_are_left_to_an_operator():
    assert kind_of(theirs(), ours(), ours(match_id=2)) is Undecided


def test_ids_a_provider_tells_apart_outweigh_names_that_are_near():
    known = ours("Leicester City")
    home = msgspec.structs.replace(known.home, theirs=frozenset({"another"}))
    candidate = msgspec.structs.replace(known, home=home)
    described = theirs(home="Leicester")
    described = msgspec.structs.replace(
        described, home=msgspec.structs.replace(described.home, external_id="mine")
    )
    assert kind_of(described, known) is Same
    assert kind_of(described, candidate) is Undecided


def test_what_is_turned_round_twice_is_as_it_was():
    observation = an_observation(
        score=a_score(2, 1),
        incidents=(
            Goal(key="g", side="home", home=1, away=0),
            SetWon(key="s", side="away", home_games=4, away_games=6),
        ),
        markets=(a_winner(), a_total()),
    )
    turned = swapped(observation)
    assert turned.score is not None
    assert (turned.score.home, turned.score.away) == (1, 2)
    assert turned != observation
    assert swapped(turned) == observation
