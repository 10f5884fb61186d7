"""The table of a league."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from app.api.leaderboards import LeaderboardShape
from app.catalog.league_tables import TableRow, order_of, points_of
from tests.api.conftest import Api, served
from tests.builders import a_match

LAST_WEEK = datetime.now(UTC) - timedelta(days=7)
# Of a league of four: who played whom, and how it ended.
RESULTS = [
    ("Ajax", "Brest", 2, 0),
    ("Celta", "Derry", 1, 1),
    ("Brest", "Celta", 3, 1),
    ("Derry", "Ajax", 0, 0),
    ("Ajax", "Celta", 1, 2),
]


# Each match was made with sides of its own: those of one name are one.
SAME_SIDES = """
UPDATE matches m SET
    home_id = (SELECT min(q.id) FROM participants p JOIN participants q USING (name)
               WHERE p.id = m.home_id),
    away_id = (SELECT min(q.id) FROM participants p JOIN participants q USING (name)
               WHERE p.id = m.away_id)
"""


async def a_season(api: Api) -> list[int]:
    made: list[int] = []
    for n, (home, away, *score) in enumerate(RESULTS):
        at = LAST_WEEK + timedelta(hours=n)
        result = (score[0], score[1])
        made.append(
            await a_match(
                api.connection, home, away, score=result, status="finished", start_time=at
            )
        )
    await api.connection.execute(SAME_SIDES)
    return made


async def board(api: Api, league: str = "premier-league", **query: Any) -> LeaderboardShape:
    answer = await api.get(f"/api/leaderboards/{league}", params=query)
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=LeaderboardShape)


async def test_a_table_is_ranked_by_points_difference_and_goals(api: Api):
    await a_season(api)
    # Neither is a result of this season.
    await a_match(api.connection, "Brest", "Ajax", score=(9, 0), status="live")
    await a_match(
        api.connection, "Brest", "Ajax", score=(9, 0), status="finished",
        start_time=LAST_WEEK - timedelta(days=400),
    )  # fmt: skip
    await api.connection.execute(SAME_SIDES)
    told = await board(api)
    said = [
        (p.rank, p.participant.name, p.points, p.played, p.scored, p.conceded, p.form)
        for p in told.items
    ]
    assert said == [
        (1, "Ajax", 4, 3, 3, 2, "WDL"),
        (2, "Celta", 4, 3, 4, 5, "DLW"),
        (3, "Brest", 3, 2, 3, 3, "LW"),
        (4, "Derry", 2, 2, 1, 1, "DD"),
    ]
    assert (told.league.slug, told.league.sport) == ("premier-league", "football")


async def test_pages_of_one_table_agree_while_results_come_in(api: Api):
    ids = await a_season(api)
    first = await board(api, limit=2)
    assert first.next_cursor is not None
    await api.connection.execute(
        "UPDATE live_scores SET home_score = 20, updated_at = clock_timestamp()"
        " WHERE match_id = $1",
        ids[3],
    )
    second = await board(api, limit=2, cursor=first.next_cursor)
    names = [p.participant.name for p in (*first.items, *second.items)]
    assert names == ["Ajax", "Celta", "Brest", "Derry"]
    assert second.next_cursor is None
    while (await board(api)).items[0].participant.name != "Derry":
        pass  # Until the change is heard of.


@pytest.mark.parametrize("league", ["nowhere", "x" * 101, "a%20b"])
async def test_a_league_that_is_not_there_has_no_table(api: Api, league: str):
    answer = await api.get(f"/api/leaderboards/{league}")
    assert answer.status_code == (404 if league == "nowhere" else 400)


async def test_without_redis_tables_are_made_for_each_who_asks(database_url: str):
    async with served(database_url, "redis://127.0.0.1:1/0") as api:
        await a_season(api)
        told = await board(api, limit=3)
        assert [p.rank for p in told.items] == [1, 2, 3]
        last = await board(api, limit=3, cursor=told.next_cursor)
        assert [(p.rank, p.participant.name) for p in last.items] == [(4, "Derry")]


def test_what_results_are_worth_depends_on_the_sport():
    row = {"won": 3, "drawn": 1, "lost": 4, "lost_late": 2}
    worth = {sport: points_of(row, sport) for sport in ("football", "hockey", "tennis")}
    assert worth == {"football": 10, "hockey": 9, "tennis": 3}


def test_nothing_outweighs_what_counts_more():
    def row(points: int, difference: int, scored: int) -> TableRow:
        return msgspec.convert(
            {
                "participant": {"id": "1", "name": "A"}, "points": points, "played": 1, "won": 1,
                "drawn": 0, "lost": 0, "scored": scored, "conceded": 0, "difference": difference,
                "form": "W",
            },
            TableRow,
        )  # fmt: skip

    rows = [row(1, -9_000, 0), row(1, -9_000, 9_999), row(1, 9_000, 0), row(2, -9_000, 0)]
    orders = [order_of(one) for one in rows]
    assert orders == sorted(orders, reverse=True)
    assert len(set(orders)) == 4
    assert all(float(int(order)) == order for order in orders)
