"""Every recorded body, as it is and spoiled, is read or refused by name, and nothing else."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.providers.api_football import normalize
from app.providers.api_football.errors import items_of, opened
from app.providers.items import UNDECODABLE, Unfit
from app.providers.provider import Answer, ProviderError, ProviderRefused, ProviderUnreadable
from tests.providers.api_football.bodies import (
    AWAY,
    NOW,
    RECORDINGS,
    bet,
    body,
    event,
    fixture,
    goal,
    live_odds,
    pair,
    prematch_odds,
    read,
    recorded,
    value,
)
from tests.providers.mutated import mutations_of
from tests.providers.sound import check_sound

KINDS = ("fixtures", "odds/live", "odds")
BODIES = sorted(str(path.relative_to(RECORDINGS)) for path in RECORDINGS.rglob("*.json"))

# Body, its kind, items read, items and parts set aside.
READ = [
    ("go-api-football/fixtures.json", "fixtures", 1, 0),
    ("go-api-football/fixtures_headtohead.json", "fixtures", 1, 0),
    ("syurchen93/fixtures-bundes-ns-pst.json", "fixtures", 71, 0),
    ("go-api-football/odds_live.json", "odds/live", 1, 5),
    ("api-football-go-client/odds_live.json", "odds/live", 0, 0),
    ("api-football-go-client/odds.json", "odds", 0, 0),
    ("go-api-football/fixtures_lineups.json", "fixtures", 0, 2),
]

RICH = fixture(
    "PEN",
    120,
    goals=pair(2, 2),
    score={"halftime": pair(1, 0), "fulltime": pair(1, 1), "penalty": pair(1, 0)},
    events=[
        goal(10, player=(1, "A")),
        goal(20, detail="Own Goal", team=AWAY),
        event("Card", "Yellow Card", 30),
        event("subst", "Substitution 1", 46, player=(2, "B"), assist=(3, "C")),
        event("Var", "Goal cancelled", 50),
        goal(95, player=(2, "B")),
        goal(100, team=AWAY),
        event("Goal", "Penalty", 120, 1, comments="Penalty Shootout"),
    ],
)
LIVE = live_odds(
    [
        bet(59, "Fulltime Result", value("Home", "1.3"), value("Draw", "4"), value("Away", "9")),
        bet(33, "Asian Handicap", value("Home", "1.9", "-0.5"), value("Away", "1.9", "0.5")),
        bet(36, "Over/Under Line", value("Over", "1.9", "2.5"), value("Under", "1.9", "2.5")),
        bet(25, "Match Goals", value("Over", "1.95", "2.5"), value("Under", "1.85", "2.5")),
        bet(69, "Both Teams to Score", value("Yes", "2", suspended=True), value("No", "0")),
    ]
)
BOOKS = prematch_odds(
    [
        {
            "id": number,
            "name": name,
            "bets": [
                bet(1, "Match Winner", {"value": "Home", "odd": "2.1"}),
                bet(4, "Asian Handicap", {"value": "Away -0.5", "odd": "1.9"}),
                bet(5, "Goals Over/Under", {"value": "Over 2.5", "odd": "1.9"}),
                bet(8, "Both Teams Score", {"value": "Yes", "odd": "1.9"}),
            ],
        }
        for number, name in ((4, "Pinnacle"), (8, "Bet365"))
    ]
)
MADE = {"fixtures": body([RICH]), "odds/live": body([LIVE]), "odds": body([BOOKS])}
# The large ones are spoiled as a few of their items: more of the same finds nothing more.
SPOILED = st.one_of(
    *[st.tuples(st.just(kind), mutations_of(raw)) for kind, raw in MADE.items()],
    st.tuples(st.just("fixtures"), mutations_of(recorded("go-api-football/fixtures.json"))),
    st.tuples(st.just("odds/live"), mutations_of(recorded("go-api-football/odds_live.json"))),
    st.tuples(st.just("odds"), mutations_of(recorded("api-football-go-client/odds.json"))),
)


def test_there_are_bodies() -> None:
    assert len(BODIES) > 40


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BODIES)
def test_every_recorded_body_is_read_or_refused_by_name(name: str, kind: str) -> None:
    try:
        answer = read(recorded(name), kind)
    except (ProviderRefused, ProviderUnreadable):
        answer = Answer()
    check_sound(answer, NOW)


@pytest.mark.parametrize(("name", "kind", "observed", "rejected"), READ)
def test_what_is_of_its_kind_is_read(name: str, kind: str, observed: int, rejected: int) -> None:
    answer = read(recorded(name), kind)
    assert (len(answer.observations), len(answer.rejected)) == (observed, rejected)


@pytest.mark.parametrize("kind", KINDS)
def test_the_made_bodies_say_much(kind: str) -> None:
    answer = read(MADE[kind], kind)
    check_sound(answer, NOW)
    assert answer.rejected == ()
    (said,) = answer.observations
    assert len(said.incidents or ()) == 7 if kind == "fixtures" else len(said.markets) == 4


@given(SPOILED)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_spoiled_body_ends_as_an_answer_that_holds_or_a_named_error(
    spoiled: tuple[str, bytes],
) -> None:
    kind, raw = spoiled
    try:
        answer = read(raw, kind)
    except ProviderError:
        answer = Answer()
    check_sound(answer, NOW)


@given(mutations_of(recorded("go-api-football/standings.json")))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_spoiled_table_is_a_table_or_unreadable(raw: bytes) -> None:
    try:
        tables = [normalize.read_standings(one) for one in items_of(opened(raw, NOW), raw)]
    except (ProviderError, Unfit, *UNDECODABLE):
        return
    assert all(row.rank > 0 for table in tables for row in table.rows)
