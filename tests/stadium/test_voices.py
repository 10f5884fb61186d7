"""What providers say: one truth, in different words, the same in every process."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.providers.replay.player import milliseconds
from app.sports.match import IN_PLAY, Sport
from app.stadium.faults import Fault, FaultKind
from app.stadium.naming import ProviderKey
from app.stadium.programme import deal
from app.stadium.voices import MANNERS, Said, swapped
from tests.stadium.grounds import NOW, SPEED, Clock, ground, shipped

KEYS: tuple[ProviderKey, ...] = tuple(MANNERS)
MOMENTS = st.integers(0, 3_000_000).map(lambda second: NOW + timedelta(seconds=second))


@given(MOMENTS)
@settings(max_examples=25, deadline=None)
def test_two_stadiums_say_the_same(moment: object) -> None:
    one, other = ground(now=Clock()), ground(now=Clock())
    assert isinstance(moment, type(NOW))
    assert one.programme.truth_at(moment) == other.programme.truth_at(moment)
    for key in KEYS:
        said = one.voices[key].said_at(moment, prices=True)
        assert said == other.voices[key].said_at(moment, prices=True)


@given(MOMENTS)
@settings(max_examples=25, deadline=None)
def test_a_provider_says_what_was_true_its_lag_ago(moment: object) -> None:
    assert isinstance(moment, type(NOW))
    place = ground(now=Clock())
    for key in KEYS:
        lag = timedelta(milliseconds=place.programme.wall_ms(MANNERS[key].lag_s))
        truth = {each.play: each for each in place.programme.truth_at(moment - lag)}
        for said in place.voices[key].said_at(moment):
            assert said.score == truth[said.play].score
            assert said.incidents == truth[said.play].incidents


def by_play(key: ProviderKey, *faults: Fault, seconds: float = 0.0) -> dict[str, Said]:
    place = ground(now=Clock(), faults=faults)
    moment = NOW + timedelta(seconds=seconds)
    return {each.play: each for each in place.voices[key].said_at(moment, prices=True)}


def test_ids_are_of_one_provider_and_of_one_thing() -> None:
    all_said = [said for key in KEYS for said in by_play(key).values()]
    numbers = Counter(said.number for said in all_said)
    assert max(numbers.values()) == 1
    assert len({said.hash for said in all_said}) == len(all_said)


def test_no_two_sides_or_leagues_of_a_provider_share_an_id() -> None:
    for key in KEYS:
        voice = ground(now=Clock()).voices[key]
        sides: dict[int, set[str]] = {}
        leagues: dict[int, set[str]] = {}
        for track in voice.programme.tracks:
            header = track.header
            for side in (header.home, header.away):
                sides.setdefault(voice.side_of(track, side).number, set()).add(side.external_id)
            league = voice.league_of(track)
            leagues.setdefault(league.number, set()).add(league.name)
        assert {len(those) for those in sides.values()} == {1}
        assert {len(those) for those in leagues.values()} == {1}
    assert len(shipped()) > 200


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        (
            "Montréal Victoire",
            {"odds-api": "Montreal Victoire", "thesportsdb": "Montréal Victoire"},
        ),
        ("PWHL Ottawa", {"odds-api": "Ottawa", "betfair": "Ottawa", "thesportsdb": "PWHL Ottawa"}),
        ("USA", {"thesportsdb": "United States", "api-football": "USA"}),
        ("Novak Djokovic", {"thesportsdb": "Novak Đoković", "betfair": "Novak Djokovic"}),
    ],
)
def test_names_are_spelt_as_providers_do(recorded: str, expected: dict[ProviderKey, str]) -> None:
    for key, name in expected.items():
        voice = ground(now=Clock()).voices[key]
        spelt = {
            voice.side_of(track, side).name
            for track in voice.programme.tracks
            for side in (track.header.home, track.header.away)
            if side.name == recorded
        }
        assert spelt == {name}


def test_all_spell_alike_when_the_scenario_says_so() -> None:
    place = ground(now=Clock(), names="same")
    truth = {each.play: {each.home, each.away} for each in place.programme.truth_at(NOW)}
    for key in KEYS:
        for said in place.voices[key].said_at(NOW):
            if said.play in truth:
                assert {said.home.name, said.away.name} == truth[said.play]


@given(MOMENTS)
@settings(max_examples=25, deadline=None)
def test_nobody_meets_the_same_opponent_twice_at_once(moment: object) -> None:
    assert isinstance(moment, type(NOW))
    place = ground(now=Clock(), lanes=6)
    live = Counter(
        frozenset({each.home, each.away})
        for each in place.programme.truth_at(moment)
        if each.score.status in IN_PLAY
    )
    assert max(live.values(), default=0) <= 1


def test_every_recording_is_played_by_one_lane() -> None:
    football = [t for t in ground().programme.tracks if t.header.sport is Sport.FOOTBALL]
    for lanes in (1, 2, 7):
        hands = deal(football, lanes, "any")
        assert len(hands) == lanes
        played = Counter(track.recording.id for hand in hands for track in hand)
        assert played == Counter(track.recording.id for track in football)


@pytest.mark.parametrize(("speed", "lanes"), [(0.0, 1), (1e9, 1), (1.0, 0), (1.0, 10_000)])
def test_what_nobody_can_follow_is_not_played(speed: float, lanes: int) -> None:
    with pytest.raises(ValueError, match="not"):
        ground(speed=speed, lanes=lanes)


def test_kick_offs_are_told_a_few_minutes_of_the_match_off() -> None:
    place = ground(now=Clock())
    true = {each.play: each.start_time for each in place.programme.truth_at(NOW)}
    off = {
        key: {
            (said.start_time - true[said.play]).total_seconds() * SPEED
            for said in place.voices[key].said_at(NOW)
            if said.play in true
        }
        for key in KEYS
    }
    assert off["api-football"] == {0.0}
    assert len(off["odds-api"]) > 3
    assert all(abs(seconds) <= 300 for seconds in off["odds-api"])


def test_a_stale_provider_goes_on_saying_what_was_so() -> None:
    stale = Fault(provider="thesportsdb", kind=FaultKind.STALE, from_s=5, for_s=20)
    frozen = by_play("thesportsdb", stale, seconds=5)
    assert by_play("thesportsdb", stale, seconds=24) == frozen
    assert by_play("thesportsdb", seconds=24) != frozen
    assert by_play("thesportsdb", stale, seconds=25) == by_play("thesportsdb", seconds=25)
    assert {said.said_at for said in frozen.values()} == {NOW + timedelta(seconds=5)}


def test_a_wrong_score_is_wrong_for_the_home_side_of_some_matches() -> None:
    wrong = Fault(provider="api-football", kind=FaultKind.WRONG_SCORE, goals=2, share=0.5)
    right, told = by_play("api-football"), by_play("api-football", wrong)
    more = {
        (told[play].score.home or 0) - (said.score.home or 0)
        for play, said in right.items()
        if said.score.home is not None
    }
    assert more == {0, 2}
    assert by_play("betfair", wrong) == by_play("betfair")


def test_swapped_sides_are_swapped_with_all_that_belongs_to_them() -> None:
    swap = Fault(provider="odds-api", kind=FaultKind.SWAPPED)
    right, told = by_play("odds-api"), by_play("odds-api", swap)
    assert right.keys() == told.keys()
    for play, said in told.items():
        true = right[play]
        assert said.swapped
        assert (said.home, said.away) == (true.away, true.home)
        assert (said.score.home, said.score.away) == (true.score.away, true.score.home)
        twice = swapped(said)
        assert twice.markets == true.markets
        assert twice.incidents == true.incidents


def test_what_was_said_before_a_fault_was_taken_back_stays_said() -> None:
    clock = Clock()
    place = ground(now=clock)
    voice = place.voices["betfair"]
    place.faults.add(
        [Fault(provider="betfair", kind=FaultKind.STALE)], now_ms=milliseconds(clock())
    )
    clock.move(10)
    then = voice.said_at(clock())
    place.faults.clear(now_ms=milliseconds(clock()) + 1)
    assert voice.said_at(clock()) == then
    clock.move(10)
    assert voice.said_at(clock()) != then


def test_api_football_speaks_of_football_only_and_the_others_of_all() -> None:
    for key in KEYS:
        sports = {said.sport for said in by_play(key).values()}
        assert sports == ({Sport.FOOTBALL} if key == "api-football" else set(Sport))
    live = [said for said in by_play("api-football").values() if said.score.status in IN_PLAY]
    assert live
