"""How alike names are: the same under many spellings, and never another side's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ingest.matching import PARTIAL, STRONG
from app.ingest.naming import key_of, keys_in, likeness, qualifiers_of

THE_SAME = [
    ("Man Utd", "Manchester United FC"),
    ("1. FC Nürnberg", "Nuernberg"),
    ("Nott'm Forest", "Nottingham Forest"),
    ("Leicester", "Leicester City"),
    ("Brighton & Hove Albion", "Brighton"),
    ("Спартак Москва", "Spartak Moscow"),
    ("Cote d'Ivoire", "Ivory Coast"),
    ("Korea Republic", "South Korea"),
    ("Bosnia-Herzegovina", "Bosnia and Herzegovina"),
    ("Wadi Degla", "Wadidegla SC"),
    ("El Entag EL Harby", "Al-Entag Al Harbi"),
    ("Paris SG", "Paris Saint-Germain"),
    ("F.B.C Unione Venezia", "Venezia FC"),
]
PLAYERS_THE_SAME = [
    ("R. Federer", "Federer R."),
    ("Roger Federer", "Federer R."),
    ("Federer, Roger", "R. Federer"),
    ("Juan Martin Del Potro", "Del Potro J.M."),
    ("Roberto Bautista-Agut", "Bautista Agut R."),
    ("Zhang Shuai", "Shuai Zhang"),
    ("Bopanna R / Ebden M", "M. Ebden/R. Bopanna"),
]
TWO = [
    ("Manchester United", "Manchester City"),
    ("Atlético Madrid", "Athletic Bilbao"),
    ("Inter", "AC Milan"),
    ("Sheffield United", "Sheffield Wednesday"),
    ("Paris FC", "PSG"),
    ("Dundee", "Dundee United"),
    ("Bristol City", "Bristol Rovers"),
    ("Niger", "Nigeria"),
    ("Austria", "Australia"),
    ("North Korea", "South Korea"),
    ("Barnsley", "Burnley"),
    ("New York Rangers", "New York Islanders"),
    ("Guangzhou Evergrande", "Guangzhou R&F"),
    ("Springfield United", "Springfield Town"),
]
PLAYERS_TWO = [
    ("Serena Williams", "V. Williams"),
    ("S. Williams", "Williams V."),
    ("Alexander Zverev", "Mischa Zverev"),
    ("Cerundolo F.", "Juan Manuel Cerundolo"),
    ("R. Federer", "R. Federer / S. Wawrinka"),
]


@pytest.mark.parametrize(("one", "other"), THE_SAME)
def test_a_team_is_itself_under_another_spelling(one: str, other: str):
    assert likeness(one, other) >= STRONG
    assert keys_in(one, asked=True) & keys_in(other)


@pytest.mark.parametrize(("one", "other"), TWO)
def test_two_teams_are_never_one(one: str, other: str):
    assert likeness(one, other) < PARTIAL


@pytest.mark.parametrize(("one", "other"), PLAYERS_THE_SAME)
def test_a_player_is_one_in_every_form_of_a_name(one: str, other: str):
    assert likeness(one, other, individual=True) >= STRONG


@pytest.mark.parametrize(("one", "other"), PLAYERS_TWO)
def test_two_players_of_one_surname_are_two(one: str, other: str):
    assert likeness(one, other, individual=True) < PARTIAL


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Arsenal Women", {"women"}),
        ("Arsenal (W)", {"women"}),
        ("Chelsea U-19", {"u19"}),
        ("Chelsea Under 21", {"u21"}),
        ("Bayern München II", {"reserve"}),
        ("Barcelona B", {"reserve"}),
        ("Jong Ajax", {"reserve"}),
        ("Bayern II (W)", {"women", "reserve"}),
        ("Boca Juniors", set()),
        ("Young Boys", set()),
        ("Schalke 04", set()),
    ],
)
def test_a_name_says_what_kind_of_side_it_is(name: str, said: set[str]):
    assert qualifiers_of(name) == said


def test_sides_of_two_kinds_have_two_keys():
    assert len({key_of(f"Arsenal{kind}") for kind in ("", " Women", " U21", " II")}) == 4


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_likeness_is_a_number_the_same_both_ways_and_one_of_oneself(one: str, other: str):
    for individual in (False, True):
        alike = likeness(one, other, individual=individual)
        assert 0.0 <= alike <= 1.0
        assert alike == pytest.approx(likeness(other, one, individual=individual))
        assert likeness(one, one, individual=individual) == 1.0
        assert key_of(one, individual=individual)
