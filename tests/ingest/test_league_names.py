"""What providers call one league, and what they tell of its country: no reason to doubt a match."""

import itertools

import pytest

from app.ingest.league_names import (
    Agreement,
    LeagueName,
    agreement,
    are_alike,
    league_name,
    same_country,
)
from app.sports.countries import country_of

# As API-Football, The Odds API, Betfair and TheSportsDB call them; behind a comma the country, by
# name or, as Betfair tells it, by two letters; GB says none.
LEAGUES = """
Premier League, England | EPL | English Premier League, GB | English Premier League
Championship, England | Championship | English Championship, GB | English League Championship
Premiership, Scotland | Premiership - Scotland | Scottish Premiership, GB | Scottish Premier League
Bundesliga, Germany | Bundesliga - Germany | German Bundesliga, DE | German Bundesliga
2. Bundesliga, Germany | Bundesliga 2 - Germany | German Bundesliga 2, DE | German 2. Bundesliga
Serie A, Italy | Serie A - Italy | Italian Serie A, IT | Italian Serie A
Serie B, Italy | Serie B - Italy | Italian Serie B, IT | Italian Serie B
Serie A, Brazil | Brazil Série A | Brazilian Serie A, BR | Brazilian Serie A
Ligue 1, France | Ligue 1 - France | French Ligue 1, FR | French Ligue 1
La Liga, Spain | La Liga - Spain | Spanish La Liga, ES | Spanish La Liga
Segunda División, Spain | La Liga 2 - Spain | Spanish Segunda Division, ES | Spanish La Liga 2
Primeira Liga, Portugal | Primeira Liga - Portugal | Portuguese Primeira Liga, PT
Eredivisie, Netherlands | Dutch Eredivisie | Dutch Eredivisie, NL | Dutch Eredivisie
Jupiler Pro League, Belgium | Belgium First Div | Belgian Pro League, BE | Belgian Pro League
Süper Lig, Turkey | Turkey Super League | Turkish Super League, TR | Turkish Super Lig
Super League, Switzerland | Swiss Superleague | Swiss Super League, CH | Swiss Super League
Super League 1, Greece | Super League - Greece | Greek Super League, GR | Greek Superleague Greece
Bundesliga, Austria | Austrian Football Bundesliga | Austrian Bundesliga, AT
Premier Division, Ireland | League of Ireland | Irish Premier Division, IE
Premiership, Northern-Ireland | Northern Ireland Premiership | Northern Irish Premiership, GB
Linafoot, Congo-DR | DR Congo Linafoot | Linafoot, CD
Primera División, Venezuela | Primera Division - Venezuela | Venezuelan Primera Division, VE
Ligat Ha'al, Israel | Israel Ligat Haal | Israeli Ligat Haal, IL
Premier League, Russia | Premier League - Russia | Russian Premier League, RU
Major League Soccer, USA | MLS | US Major League Soccer, US | American Major League Soccer
Liga Profesional Argentina, Argentina | Primera División - Argentina | Argentinian Primera, AR
Liga MX, Mexico | Liga MX | Mexican Liga MX, MX
J1 League, Japan | J League | Japanese J League, JP | Japanese J1 League
K League 1, South-Korea | K League 1 | South Korean K League 1, KR | South Korean K League 1
A-League, Australia | A-League | Australian A-League Men, AU | Australian A-League
UEFA Champions League, World | UEFA Champions League | UEFA Champions League, GB
World Cup, World | FIFA World Cup | FIFA World Cup, GB | FIFA World Cup
NBA, USA | NBA | NBA, US | NBA
Euroleague, Europe | Basketball Euroleague | Euroleague, GB | EuroLeague Basketball
ATP Australian Open | ATP Australian Open, World | Australian Open, GB | ATP Australian Open, AU
ATP US Open | ATP US Open, USA | US Open, GB | US Open, US
Indian Wells, USA | ATP Masters 1000 Indian Wells | Indian Wells Masters, US
"""


def of_line(line: str) -> list[LeagueName]:
    """A league under all its names."""
    parts = [name.strip().partition(", ") for name in line.split("|")]
    return [league_name(name, country or None) for name, _, country in parts]


@pytest.mark.parametrize("line", LEAGUES.strip().split("\n"))
def test_all_names_of_a_league_agree(line: str):
    for one, other in itertools.combinations(of_line(line), 2):
        assert agreement(one, other) is Agreement.AGREES, (one, other)


def test_leagues_of_one_name_in_two_countries_and_two_divisions_of_one_contradict():
    by_name = {line.split(" |")[0]: of_line(line) for line in LEAGUES.strip().split("\n")}
    two = [
        ("Serie A, Italy", "Serie A, Brazil"),
        ("Serie A, Italy", "Serie B, Italy"),
        ("Bundesliga, Germany", "Bundesliga, Austria"),
        ("Bundesliga, Germany", "2. Bundesliga, Germany"),
        ("La Liga, Spain", "Ligue 1, France"),
        ("Premier League, England", "Premier League, Russia"),
        ("Premier Division, Ireland", "Premiership, Northern-Ireland"),
    ]
    for one, other in two:
        for a, b in itertools.product(by_name[one], by_name[other]):
            assert agreement(a, b) is Agreement.CONTRADICTS, (a, b)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ATP US Open", "ATP Australian Open"),
        ("ATP US Open", "ATP Miami Open"),
        ("La Liga, Spain", "UEFA Champions League"),
        ("Ligue 1, France", "UEFA Europa League, GB"),
        ("Premier League, England", "Champions League"),
        ("American Hockey League", "NHL"),
    ],
)
def test_what_only_says_an_open_or_a_league_is_not_every_one(one: str, other: str):
    (a,), (b,) = of_line(one), of_line(other)
    assert agreement(a, b) is not Agreement.AGREES
    assert not (are_alike(a, b) and same_country(a, b) is not False)


def test_two_letters_are_the_country_that_others_name():
    for code, name in (("DE", "Germany"), ("KR", "Korea Republic"), ("CI", "Côte d'Ivoire")):
        assert same_country(league_name("Cup", code), league_name("Cup", name))
    assert country_of("GB") is None
    assert country_of("de") is None
    assert country_of(None) is None
