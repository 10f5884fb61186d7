"""The recordings that come along load, and say what really happened."""

from collections import Counter
from itertools import pairwise

import pytest

from app.providers.replay.recording import SHIPPED, SUFFIXES, Recording, load_folder
from app.sports.incidents import (
    Basket,
    Goal,
    Incident,
    Penalty,
    Retired,
    SetWon,
    ShootoutAttempt,
)
from app.sports.match import OVER, MatchStatus, Score, Sport

LOADED = load_folder()
BY_ID = {recording.id: recording for recording in LOADED.recordings}
# What a clone is spared from.
BYTES_MAX = 4_000_000


def incidents(recording: Recording) -> list[Incident]:
    return [incident for moment in recording.moments for incident in moment.incidents]


def scores(recording: Recording) -> list[Score]:
    return [moment.score for moment in recording.moments if moment.score is not None]


def goals(recording: Recording) -> list[tuple[str | None, str | None, str, str | None]]:
    return [
        (goal.clock, goal.player, f"{goal.home}-{goal.away}", goal.how)
        for goal in incidents(recording)
        if isinstance(goal, Goal)
    ]


def final(recording: Recording) -> Score:
    return scores(recording)[-1]


def test_every_shipped_recording_loads() -> None:
    assert LOADED.refused == ()
    counts = Counter(recording.header.sport for recording in LOADED.recordings)
    assert counts == {
        Sport.FOOTBALL: 128,
        Sport.HOCKEY: 40,
        Sport.BASKETBALL: 3,
        Sport.TENNIS: 60,
    }


def test_they_are_small_and_each_sort_has_its_licence_beside_it() -> None:
    files = [file for file in SHIPPED.rglob("*") if file.name.endswith(SUFFIXES)]
    assert sum(file.stat().st_size for file in files) < BYTES_MAX
    notice = (SHIPPED / "NOTICE.md").read_text()
    for recording in LOADED.recordings:
        assert recording.header.licence in {"CC0-1.0", "MIT", "CC-BY-4.0"}
        assert "prices" in recording.header.simulated
    for licence in (SHIPPED / "LICENCES").iterdir():
        assert f"LICENCES/{licence.name}" in notice


@pytest.mark.parametrize("sport", list(Sport))
def test_every_match_begins_and_comes_to_an_end(sport: Sport) -> None:
    for recording in LOADED.recordings:
        if recording.header.sport is not sport:
            continue
        walkover = len(recording.moments) == 1
        assert recording.moments[0].at == (60 if walkover else 0)
        assert final(recording).status in {MatchStatus.FINISHED, MatchStatus.AWARDED}
        assert [score.status in OVER for score in scores(recording)].count(True) == 1
        assert recording.moments[-1].at == recording.header.duration_s
        assert recording.header.home.external_id != recording.header.away.external_id


def test_scores_only_grow_and_periods_add_up_to_them() -> None:
    for recording in LOADED.recordings:
        told = scores(recording)
        for before, after in pairwise(told):
            assert (before.home or 0) <= (after.home or 0)
            assert (before.away or 0) <= (after.away or 0)
            assert len(before.periods) <= len(after.periods)
        if recording.header.sport is Sport.TENNIS:
            continue
        played = [p for p in told[-1].periods if p.name not in {"Penalties", "Shootout"}]
        shootout = sum(p.name == "Shootout" for p in told[-1].periods)
        sums = (sum(p.home for p in played), sum(p.away for p in played))
        assert sum(sums) + shootout == (told[-1].home or 0) + (told[-1].away or 0)


def test_every_goal_and_basket_is_in_the_score() -> None:
    for recording in LOADED.recordings:
        home = away = 0
        for incident in incidents(recording):
            if isinstance(incident, Goal | Basket):
                points = incident.points if isinstance(incident, Basket) else 1
                home += points if incident.side == "home" else 0
                away += points if incident.side == "away" else 0
                assert (incident.home, incident.away) == (home, away)


def test_the_final_of_2022_went_three_all_and_to_penalties() -> None:
    recording = BY_ID["football.2022.argentina-france.final"]
    assert goals(recording) == [
        ("23'", "Lionel Messi", "1-0", "penalty"),
        ("36'", "Angel Di Maria", "2-0", None),
        ("80'", "Kylian Mbappe", "2-1", "penalty"),
        ("81'", "Kylian Mbappe", "2-2", None),
        ("108'", "Lionel Messi", "3-2", None),
        ("118'", "Kylian Mbappe", "3-3", "penalty"),
    ]
    attempts = [i for i in incidents(recording) if isinstance(i, ShootoutAttempt)]
    assert [(a.side, a.player, a.scored) for a in attempts] == [
        ("away", "Kylian Mbappe", True),
        ("home", "Lionel Messi", True),
        ("away", "Kingsley Coman", False),
        ("home", "Paulo Dybala", True),
        ("away", "Aurelien Tchouameni", False),
        ("home", "Leandro Paredes", True),
        ("away", "Randal Kolo Muani", True),
        ("home", "Gonzalo Montiel", True),
    ]
    end = final(recording)
    assert (end.home, end.away) == (3, 3)
    assert (end.periods[-1].name, end.periods[-1].home, end.periods[-1].away) == ("Penalties", 4, 2)
    assert recording.header.start_time.isoformat() == "2022-12-18T15:00:00+00:00"


def test_the_final_of_2018_began_with_an_own_goal() -> None:
    recording = BY_ID["football.2018.france-croatia.final"]
    assert goals(recording) == [
        ("18'", "Mario Mandzukic", "1-0", "own_goal"),
        ("28'", "Ivan Perisic", "1-1", None),
        ("38'", "Antoine Griezmann", "2-1", None),
        ("59'", "Paul Pogba", "3-1", None),
        ("65'", "Kylian Mbappe", "4-1", None),
        ("69'", "Mario Mandzukic", "4-2", None),
    ]
    assert [period.name for period in final(recording).periods] == ["1st Half", "2nd Half"]


def test_the_world_cups_have_every_goal_card_and_substitution() -> None:
    told = Counter(
        type(incident).__name__
        for recording in LOADED.recordings
        if recording.header.sport is Sport.FOOTBALL
        for incident in incidents(recording)
    )
    # 169 goals in 2018, 172 in 2022; cards and substitutions as the source has them.
    assert (told["Goal"], told["Card"], told["Substitution"]) == (341, 449, 969)
    shootouts = [r for r in LOADED.recordings if final(r).period == "Penalties"]
    assert len(shootouts) == 9


def test_a_hockey_shootout_gives_its_winner_one_goal() -> None:
    shootouts = [r for r in LOADED.recordings if final(r).period == "Shootout"]
    assert len(shootouts) == 10
    for recording in shootouts:
        end = final(recording)
        last = goals(recording)[-1] if goals(recording) else (None, None, "0-0", None)
        home, away = (int(part) for part in last[2].split("-"))
        assert home == away
        won_at_home = end.periods[-1].home > end.periods[-1].away
        assert (end.home, end.away) == (home + won_at_home, away + (not won_at_home))


def test_the_longest_hockey_match_had_three_overtimes() -> None:
    longest = next(r for r in LOADED.recordings if final(r).period == "Overtime 3")
    last = [goal for goal in incidents(longest) if isinstance(goal, Goal)][-1]
    assert (last.period, last.clock, last.player) == ("Overtime 3", "11:44", "Taylor Wenczkowski")
    assert any(isinstance(incident, Penalty) for incident in incidents(longest))


@pytest.mark.parametrize(
    ("name", "score", "quarters"),
    [
        ("basketball.nba.0022400001", (116, 117), [(31, 29), (34, 25), (26, 30), (25, 33)]),
        ("basketball.euroleague.2019.257", (73, 92), [(20, 19), (20, 26), (17, 23), (16, 24)]),
        ("basketball.euroleague.2019.258", (95, 90), [(18, 22), (25, 23), (22, 28), (30, 17)]),
    ],
)
def test_basketball_ends_as_it_did(
    name: str, score: tuple[int, int], quarters: list[tuple[int, int]]
) -> None:
    end = final(BY_ID[name])
    assert (end.home, end.away) == score
    assert [(period.home, period.away) for period in end.periods] == quarters


def test_a_set_of_tennis_goes_game_by_game_and_is_never_decided_before_its_end() -> None:
    for recording in LOADED.recordings:
        if recording.header.sport is not Sport.TENNIS:
            continue
        games: dict[str, tuple[int, int]] = {}
        for moment in recording.moments:
            if moment.score is None or not moment.score.periods:
                continue
            now = moment.score.periods[-1]
            before = games.get(now.name, (0, 0))
            assert (now.home - before[0]) + (now.away - before[1]) in {0, 1}
            games[now.name] = (now.home, now.away)
            decided = max(games[now.name]) >= 6 and abs(now.home - now.away) >= 2
            won = any(isinstance(incident, SetWon) for incident in moment.incidents)
            assert won or not decided


def test_tennis_has_tie_breaks_retirements_and_walkovers() -> None:
    told = [
        incident
        for recording in LOADED.recordings
        if recording.header.sport is Sport.TENNIS
        for incident in incidents(recording)
    ]
    assert any(isinstance(i, SetWon) and i.tie_break_loser_points for i in told)
    ways = Counter(incident.how for incident in told if isinstance(incident, Retired))
    assert ways == {"retired": 5, "walkover": 2, "default": 1}
    homes = [r for r in LOADED.recordings if r.header.sport is Sport.TENNIS]
    won_at_home = sum((final(r).home or 0) > (final(r).away or 0) for r in homes)
    assert 15 < won_at_home < 45


def test_names_keep_their_accents() -> None:
    told = {
        getattr(incident, "player", None)
        for recording in LOADED.recordings
        for incident in incidents(recording)
    }
    assert {"Kateřina Mrázová", "Élizabeth Giguère"} & told
    assert "Montréal Victoire" in {r.header.home.name for r in LOADED.recordings}
