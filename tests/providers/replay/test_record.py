"""What a provider says can be written down and played again."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from app.providers.provider import Answer, Ask, PollRule, ProviderUnavailable, Scope
from app.providers.replay.player import EPOCH
from app.providers.replay.provider import ReplayProvider
from app.providers.replay.record import Recorder, record, recording_id
from app.providers.replay.recording import load_folder
from app.providers.replay.track import Track
from app.sports.incidents import Goal
from app.sports.match import MatchStatus, Score, Sport
from app.sports.observation import (
    Observation,
    ObservedLeague,
    ObservedMatch,
    ObservedParticipant,
)
from tests.providers.asked import observed, start_of

RECORDINGS = {recording.id: recording for recording in load_folder().recordings}
NAMES = [
    "football.2022.argentina-france.final",
    "hockey.pwhl.106.montreal-victoire-ottawa-charge",
    "basketball.nba.0022400001",
    "tennis.2021-580-2021-7-2-re44-rh16",
]
START = datetime(2026, 3, 1, 15, tzinfo=UTC)
PLAIN = Observation(
    provider="elsewhere",
    external_id="1/2:3",
    sport=Sport.FOOTBALL,
    match=ObservedMatch(
        league=ObservedLeague(external_id="l", name="Ligue"),
        home=ObservedParticipant(external_id="h", name="Évian"),
        away=ObservedParticipant(external_id="a", name="Away"),
        start_time=START,
    ),
    observed_at=START,
    received_at=START,
)


def said(at: float, score: Score | None = None, *goals: Goal) -> Observation:
    observed_at = START + timedelta(seconds=at)
    return msgspec.structs.replace(PLAIN, observed_at=observed_at, score=score, incidents=goals)


def score(status: str, home: int = 0) -> Score:
    return Score(status=MatchStatus(status), home=home, away=0)


def written(folder: Path) -> Track:
    loaded = load_folder(folder)
    assert loaded.refused == ()
    (recording,) = loaded.recordings
    return Track(recording)


@pytest.mark.parametrize("name", NAMES)
async def test_a_match_played_recorded_and_loaded_is_the_same_match(
    tmp_path: Path, name: str
) -> None:
    original = RECORDINGS[name]
    clock = [EPOCH]
    playing = ReplayProvider([original], speed=1, lanes=1, now=lambda: clock[0])
    (first, *_) = await observed(playing, Scope.FIXTURES, original.header.sport)
    recorder = Recorder(tmp_path)
    for moment in original.moments:
        clock[0] = start_of(first) + timedelta(seconds=moment.at)
        for scope in (Scope.SCORES, Scope.MARKETS):
            heard = await observed(playing, scope, original.header.sport)
            recorder.take(o for o in heard if o.external_id == first.external_id)
    assert recorder.save() == 1
    copy, truth = written(tmp_path), Track(original)
    assert copy.incidents == truth.incidents
    assert copy.header.home == original.header.home
    assert copy.has_markets
    assert copy.header.simulated
    for moment in original.moments:
        assert copy.score_at(moment.at) == truth.score_at(moment.at)
        assert copy.incidents_at(moment.at) == truth.incidents_at(moment.at)
        assert copy.markets_at(moment.at)


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.take(said(at, score("live")) for at in range(100))
    recorder.take([said(100, score("live", 1))])
    recorder.save()
    assert [moment.at for moment in written(tmp_path).recording.moments] == [0, 100]


def test_a_score_that_lags_behind_its_goal_still_gives_a_recording_that_loads(
    tmp_path: Path,
) -> None:
    goal = Goal(key="g", side="home", home=1, away=0)
    recorder = Recorder(tmp_path)
    recorder.take([said(0, score("live")), said(5, score("paused"), goal)])
    recorder.save()
    assert written(tmp_path).incidents == (goal,)


def test_a_provider_that_goes_back_in_time_or_status_is_held_to_the_format(
    tmp_path: Path,
) -> None:
    recorder = Recorder(tmp_path)
    recorder.take([said(-90_000, score("scheduled")), said(60, score("live"))])
    recorder.take([said(30, score("live", 1)), said(90, score("scheduled"))])
    recorder.take([said(100, score("finished", 1))])
    recorder.save()
    moments = written(tmp_path).recording.moments
    assert [(m.at, m.score.status) for m in moments if m.score is not None] == [
        (-3600, "scheduled"),
        (60, "live"),
        (60, "live"),
        (100, "finished"),
    ]


def test_a_match_nothing_was_said_of_is_not_written(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.take([said(0)])
    assert recorder.save() == 0
    assert load_folder(tmp_path).recordings == ()


def test_saving_again_adds_what_came_since(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.take([said(0, score("live"))])
    recorder.save()
    recorder.take([said(10, score("live", 1))])
    recorder.save()
    assert written(tmp_path).ends_at == 10


def test_ids_of_other_providers_become_names_of_files() -> None:
    other = msgspec.structs.replace(PLAIN, external_id="1:2/3")
    assert recording_id(PLAIN) != recording_id(other)
    assert recording_id(PLAIN).startswith("elsewhere.1-2-3.")
    long = msgspec.structs.replace(PLAIN, external_id="/" * 200)
    assert len(recording_id(long)) <= 120


class Stumbling:
    """A provider that in turns is out of reach, answers, and takes too long."""

    name = "stumbling"

    def __init__(self) -> None:
        self.asked = 0

    def rules(self) -> Sequence[PollRule]:
        """Asks for football every millisecond."""
        rule = PollRule(scope=Scope.SCORES, sport=Sport.FOOTBALL, interval_ms=1, timeout_ms=20)
        return [rule]

    async def fixtures(self, ask: Ask) -> Answer:
        """Has none."""
        raise AssertionError(ask)

    async def scores(self, ask: Ask) -> Answer:
        """Fails, then answers, then never comes back; and so on."""
        assert (ask.scope, ask.sport) == (Scope.SCORES, Sport.FOOTBALL)
        self.asked += 1
        if self.asked % 3 == 1:
            raise ProviderUnavailable("out of reach")
        if self.asked % 3 == 0:
            await asyncio.Event().wait()
        return Answer(observations=(said(self.asked, score("live", self.asked)),))

    async def close(self) -> None:
        """Has nothing to give back."""


async def test_recording_survives_a_provider_that_is_out_of_reach(tmp_path: Path) -> None:
    provider = Stumbling()

    def now() -> datetime:
        """Lets the time be up after the provider was asked six times."""
        return START + timedelta(seconds=provider.asked)

    assert await record(provider, tmp_path, seconds=6, now=now) == 1
    assert [m.at for m in written(tmp_path).recording.moments] == [2, 5]


async def test_a_running_replay_is_recorded(tmp_path: Path) -> None:
    playing = ReplayProvider(list(RECORDINGS.values()), speed=60, lanes=1)
    count = await record(playing, tmp_path, seconds=0.05)
    loaded = load_folder(tmp_path)
    assert loaded.refused == ()
    assert len(loaded.recordings) == count >= 4
