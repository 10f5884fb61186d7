"""Files of results: what is read, what is left out and why."""

import gzip
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.history.files import files_in, read_file
from app.history.football_data import read_football_data, season_of
from app.history.lines import read_lines, written
from app.history.openfootball import league_of, read_openfootball
from app.history.reading import LeftOut, Read, UnreadableFile
from app.history.recorded import read_recordings
from app.history.result import Result
from app.history.shipped import NAMES, shipped
from app.history.sides import known_as
from app.providers.replay.recording import SHIPPED, load
from app.sports.match import Sport

TODAY = date(2026, 1, 1)
HEADER = (
    "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,HTHG,HTAG,HS,AS,HST,AST,AvgH,AvgD,AvgA,AvgCH,AvgCD,AvgCA"
)
GOOD = "E0,05/08/2022,Crystal Palace,Arsenal,0,2,0,1,10,10,2,2,4.39,3.59,1.88,4.56,3.57,1.85"


def read(read: Read) -> tuple[list[Result], list[tuple[str, str]]]:
    """Returns results, and (place, code) of what was left out."""
    found = list(read)
    results = [one for one in found if isinstance(one, Result)]
    return results, [(one.place, one.code) for one in found if isinstance(one, LeftOut)]


def football_data(*lines: str, header: str = HEADER) -> tuple[list[Result], list[tuple[str, str]]]:
    """Reads lines under a header."""
    return read(read_football_data("\n".join((header, *lines)), today=TODAY))


def test_football_data_is_read_by_its_columns():
    [result], left_out = football_data(GOOD, ",,,,,")
    assert not left_out
    assert (result.league, result.season) == ("premier-league", "2022-23")
    assert (result.played_on, result.home_name) == (date(2022, 8, 5), "Crystal Palace")
    assert (result.home_score, result.away_score, result.half_time) == (0, 2, (0, 1))
    assert (result.shots, result.on_target) == ((10, 10), (2, 2))
    assert result.before == (Decimal("4.39"), Decimal("3.59"), Decimal("1.88"))
    assert result.closing == (Decimal("4.56"), Decimal("3.57"), Decimal("1.85"))


@pytest.mark.parametrize("told", ["05/08/22", "2022-08-05", "05/08/2022"])
def test_dates_come_in_three_forms(told: str):
    [result], _ = football_data(GOOD.replace("05/08/2022", told))
    assert result.played_on == date(2022, 8, 5)


def test_older_files_name_their_odds_otherwise():
    header = "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,BbAvH,BbAvD,BbAvA,PSCH,PSCD,PSCA"
    line = "E0,13/08/05,Aston Villa,Bolton,2,2,2.2,3.16,3.05,2.1,3.2,3.3"
    [result], _ = football_data(line, header=header)
    assert result.before == (Decimal("2.2"), Decimal("3.16"), Decimal("3.05"))
    assert result.closing == (Decimal("2.1"), Decimal("3.2"), Decimal("3.3"))


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (GOOD.replace("05/08/2022", "yesterday"), "no_date"),
        (GOOD.replace("05/08/2022", "05/08/2052"), "impossible_result"),
        (GOOD.replace("Arsenal,0,2", "Arsenal,,"), "no_score"),
        (GOOD.replace("Arsenal,0,2", "Arsenal,-1,2"), "impossible_result"),
        (GOOD.replace("Arsenal,0,2", "Arsenal,0,220"), "impossible_result"),
        (GOOD.replace("Arsenal,0,2", "Arsenal,nan,2"), "no_score"),
        (GOOD.replace("Arsenal,0,2", "Arsenal,1.5,2"), "no_score"),
        (GOOD.replace("Arsenal", ""), "no_sides"),
        (GOOD.replace("Arsenal", "Crystal Palace FC"), "impossible_result"),
    ],
)
def test_what_cannot_be_is_left_out_with_its_line_and_a_code(line: str, code: str):
    results, left_out = football_data(GOOD.replace("05/", "06/"), line)
    assert len(results) == 1
    assert left_out == [("line 3", code)]


@pytest.mark.parametrize("odds", ["nan", "0", "1.0", "-3", "", "inf", "1.2"])
def test_odds_that_are_none_are_not_odds_and_cost_no_result(odds: str):
    [result], left_out = football_data(GOOD.replace("4.39", odds))
    assert result.before is None
    assert result.closing is not None
    assert not left_out


def test_a_file_of_another_shape_is_refused_whole():
    with pytest.raises(UnreadableFile, match="HomeTeam"):
        football_data("1,2", header="a,b")
    with pytest.raises(UnreadableFile, match="no JSON"):
        read_openfootball("{", today=TODAY)
    with pytest.raises(UnreadableFile, match="neither"):
        read_openfootball("[]", today=TODAY)


def openfootball(*matches: Any, name: str = "World Cup 2022") -> tuple[list[Result], Any]:
    """Reads matches as openfootball has them."""
    return read(read_openfootball(json.dumps({"name": name, "matches": matches}), today=TODAY))


A_FINAL: dict[str, Any] = {
    "date": "2022-12-18",
    "team1": "Argentina",
    "team2": {"name": "France", "code": "FRA"},
    "score": {"ft": [2, 2], "et": [3, 3], "p": [4, 2], "ht": [2, 0]},
    "goals1": [{"minute": 36}, {"minute": 23, "penalty": True}, {"minute": 108}],
    "goals2": [{"minute": 80}, {"minute": 81}, {"minute": 118}],
}


def test_openfootball_counts_ninety_minutes_and_sorts_goals():
    [result], left_out = openfootball(A_FINAL)
    assert not left_out
    assert (result.league, result.neutral) == ("internationals", True)
    assert (result.home, result.away) == ("argentina", "france")
    assert (result.home_score, result.away_score, result.half_time) == (2, 2, (2, 0))
    assert result.goals == ((23, 1), (36, 1), (80, 2), (81, 2))


def test_openfootball_leaves_out_what_was_not_played_and_believes_no_wrong_list():
    wrong = A_FINAL | {"goals1": [], "team1": "Morocco"}
    empty = A_FINAL | {"score": {}}
    cancelled = A_FINAL | {"status": "CANCELLED"}
    broken = {"team1": 3}
    results, left_out = openfootball(wrong, empty, cancelled, broken, 7)
    assert [result.goals for result in results] == [None]
    codes = ["no_score", "not_played", "no_sides", "malformed"]
    assert [code for _, code in left_out] == codes


@pytest.mark.parametrize(
    ("name", "league"),
    [
        ("English Premier League 2022/23", "premier-league"),
        ("Deutsche Bundesliga 2022/23", "bundesliga"),
        ("World Cup 2018", "internationals"),
        ("Euro 2021", "internationals"),
        ("FIFA Club World Cup 2025", "fifa-club-world-cup"),
    ],
)
def test_nations_are_one_league_and_clubs_are_not_among_them(name: str, league: str):
    assert league_of(name) == league


def test_a_recording_is_what_its_match_came_to():
    [file] = SHIPPED.rglob("football.2022.argentina-france*")
    [result], _ = read(read_recordings([load(file)], (), today=TODAY))
    assert (result.home_score, result.away_score, result.league) == (2, 2, "internationals")
    assert result.goals == ((23, 1), (36, 1), (80, 2), (81, 2))


def test_every_recording_that_finished_is_a_result(tmp_path: Path):
    hockey = next(iter(sorted((SHIPPED / "hockey").glob("*.jsonl"))))
    results, left_out = read(read_file(hockey, today=TODAY))
    assert [result.league for result in results] == ["pwhl"]
    assert not left_out
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"format": "touchline-recording"}\n')
    assert read(read_file(broken, today=TODAY))[1][0][1] == "recording_refused"


def test_our_own_lines_come_back_as_they_were_written(tmp_path: Path):
    results = football_data(GOOD)[0]
    packed = tmp_path / "r.jsonl.gz"
    packed.write_bytes(written(results))
    assert read(read_file(packed, today=TODAY)) == (results, [])
    text = gzip.decompress(packed.read_bytes()).decode() + "{}\nnonsense\n"
    again, left_out = read(read_lines(text, today=TODAY))
    assert again == results
    assert left_out == [("line 2", "malformed"), ("line 3", "malformed")]


def test_a_folder_is_all_its_files_and_a_strange_one_is_refused(tmp_path: Path):
    (tmp_path / "E0.csv").write_text(f"{HEADER}\n{GOOD}\n", "latin-1")
    (tmp_path / "README.txt").write_text("no results")
    assert [file.name for file in files_in(tmp_path)] == ["E0.csv"]
    with pytest.raises(UnreadableFile, match=r"README\.txt"):
        read_file(tmp_path / "README.txt", today=TODAY)
    (tmp_path / "bad.csv.gz").write_bytes(b"not packed")
    with pytest.raises(UnreadableFile, match=r"bad\.csv\.gz"):
        read_file(tmp_path / "bad.csv.gz", today=TODAY)


def test_what_comes_along_is_all_there():
    assert {name: len(shipped(name)) for name in NAMES} == {
        "clubs": 16_333, "internationals": 22_802, "basketball": 3_651, "hockey": 4_210,
        "tennis": 5_559,
    }  # fmt: skip


def test_seasons_turn_with_august():
    assert season_of(date(2020, 7, 26)) == "2019-20"
    assert season_of(date(1999, 8, 1)) == "1999-00"


def test_a_side_is_known_by_likeness_but_never_by_another_kind():
    sides = {"fenerbahce", "real madrid", "barcelona", "arsenal (women)", "manchester united"}
    assert known_as("Man Utd", Sport.FOOTBALL, sides) == "manchester united"
    assert known_as("Fenerbahce Beko", Sport.BASKETBALL, sides) in (None, "fenerbahce")
    assert known_as("Arsenal", Sport.FOOTBALL, sides) is None
    assert known_as("Nobody Rovers", Sport.FOOTBALL, sides) is None
    assert known_as("Rublev A.", Sport.TENNIS, {"andrey rublev", "roger federer"}) == (
        "andrey rublev"
    )
