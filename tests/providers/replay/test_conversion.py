"""Source files become recordings; what contradicts itself stops the conversion."""

import json
from pathlib import Path

import pytest

from app.providers.replay.conversion import football
from app.providers.replay.conversion.football_text import TextCard, TextSubstitution, read_text
from app.providers.replay.conversion.teller import SourceContradiction
from app.providers.replay.conversion.tennis import SetScore, game_order, games_in
from app.providers.replay.recording import encode

TEXT = """= World Cup 2018

▪ Quarter-finals
Sat Jul 7 21:00 UTC+3 @ Fisht Olympic Stadium, Sochi, Att: 44287
  Russia v Croatia  2-2 a.e.t., 3-4 pen.
     (Denis CHERYSHEV 31', MARIO FERNANDES 115';
      Andrej KRAMARIC 40'(p), 101')

Penalties:     Fedor SMOLOV (missed), 0-1 Marcelo BROZOVIC,
           1-1 Alan DZAGOEV,     Mateo KOVACIC (missed),
               MARIO FERNANDES (missed), 1-2 Luka MODRIC,
           2-2 Sergey IGNASHEVICH, 2-3 Domagoj VIDA,
           3-3 Daler KUZIAEV, 3-4 Ivan RAKITIC

Russia: Igor AKINFEEV [c] [Y 9'] - Denis CHERYSHEV (67' Fedor SMOLOV [Y 90+3']),
      Aleksandr GOLOVIN [Y 30'] [Y/R 80']
Croatia: Danijel SUBASIC - Ivan STRINIC (74' Josip PIVARIC (98' Duje CALETA-CAR))

Refs: Sandro RICCI (BRA)
"""
TRUTH: dict[str, object] = {
    "round": "Quarter-finals",
    "date": "2018-07-07",
    "team1": "Russia",
    "team2": "Croatia",
    "score": {"ft": [1, 1], "et": [2, 2], "p": [3, 4]},
    "goals1": [{"minute": 31}, {"minute": 115}],
    "goals2": [{"minute": 40}, {"minute": 101}],
}


def sources(folder: Path, text: str, truth: dict[str, object]) -> Path:
    for year, written, matches in ((2018, text, [truth]), (2022, "", [])):
        more = folder / "football" / "worldcup" / "more"
        checked = folder / "football" / "worldcup.json" / str(year)
        more.mkdir(parents=True, exist_ok=True)
        checked.mkdir(parents=True)
        (more / f"{year}_full.txt").write_text(written)
        (checked / "worldcup.json").write_text(json.dumps({"matches": matches}))
    return folder


def test_a_match_in_text_is_read_whole() -> None:
    (match,) = read_text(TEXT, 2018)
    assert (match.home, match.away, match.score) == ("Russia", "Croatia", (2, 2))
    assert (match.extra_time, match.shootout) == (True, (3, 4))
    assert match.start_time.isoformat() == "2018-07-07T18:00:00+00:00"
    cards = [i for i in match.incidents if isinstance(i, TextCard)]
    assert [(c.player, c.minute, c.colour) for c in cards] == [
        ("Igor Akinfeev", (9, 0), "yellow"),
        ("Fedor Smolov", (90, 3), "yellow"),
        ("Aleksandr Golovin", (30, 0), "yellow"),
        ("Aleksandr Golovin", (80, 0), "second_yellow"),
    ]
    changes = [i for i in match.incidents if isinstance(i, TextSubstitution)]
    assert [(c.side, c.player_off, c.player_on, c.minute) for c in changes] == [
        ("home", "Denis Cheryshev", "Fedor Smolov", (67, 0)),
        ("away", "Ivan Strinic", "Josip Pivaric", (74, 0)),
        ("away", "Josip Pivaric", "Duje Caleta-Car", (98, 0)),
    ]


def test_turns_of_a_shootout_are_told_though_the_first_attempt_was_missed() -> None:
    (match,) = read_text(TEXT, 2018)
    assert [(a.side[0], a.scored) for a in match.attempts] == [
        ("h", False), ("a", True), ("h", True), ("a", False), ("h", False),
        ("a", True), ("h", True), ("a", True), ("h", True), ("a", True),
    ]  # fmt: skip


def test_converting_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = sources(tmp_path, TEXT, TRUTH)
    first, second = (b"".join(map(encode, football.convert(folder))) for _ in range(2))
    assert first == second
    assert b"football.2018.russia-croatia.quarter-finals" in first


@pytest.mark.parametrize(
    "change",
    [
        {"score": {"ft": [1, 1], "et": [2, 1], "p": [3, 4]}},
        {"score": {"ft": [1, 1], "et": [2, 2], "p": [4, 3]}},
        {"goals1": [{"minute": 31}]},
        {"date": "2018-07-08"},
    ],
    ids=["score", "shoot-out", "goals", "day"],
)
def test_a_contradiction_between_the_two_files_stops_it(
    tmp_path: Path, change: dict[str, object]
) -> None:
    folder = sources(tmp_path, TEXT, {**TRUTH, **change})
    with pytest.raises(SourceContradiction, match="Russia v Croatia"):
        football.convert(folder)


@pytest.mark.parametrize(
    ("digits", "games"),
    [("76", (7, 6)), ("06", (0, 6)), ("119", (11, 9)), ("810", (8, 10)), ("1816", (18, 16))],
)
def test_games_are_told_apart_in_long_sets(digits: str, games: tuple[int, int]) -> None:
    assert games_in(digits) == games


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    ("home", "away", "tie_break"),
    [
        (6, 0, None),
        (4, 6, None),
        (7, 5, None),
        (6, 7, 3),
        (18, 16, None),
        (3, 2, None),
        (6, 6, None),
    ],
)
def test_an_order_of_games_leads_to_the_set_and_decides_it_last(
    home: int, away: int, tie_break: int | None, seed: int
) -> None:
    order = game_order(SetScore(home=home, away=away, tie_break_loser=tie_break), f"set {seed}")
    assert (order.count("home"), order.count("away")) == (home, away)
    for played in range(len(order)):
        reached = (order[:played].count("home"), order[:played].count("away"))
        assert max(reached) < 6 or abs(reached[0] - reached[1]) < 2
