"""Sports and leagues."""

import msgspec

from app.api.documents import Items, LeagueShape, SportShape
from tests.api.conftest import Api
from tests.builders import a_league


async def test_the_sports_are_those_we_follow(api: Api):
    answer = await api.get("/api/sports")
    page = msgspec.json.decode(answer.content, type=Items[SportShape])
    assert [sport.id for sport in page.items] == ["basketball", "football", "hockey", "tennis"]
    assert page.next_cursor is None


async def test_leagues_come_by_slug_page_by_page(api: Api):
    for name in ("Serie A", "Premier League", "LaLiga"):
        await a_league(api.connection, name)
    await a_league(api.connection, "ATP Finals", sport="tennis")
    seen: list[str] = []
    query = {"limit": "2", "sport": "football"}
    while True:
        answer = await api.get("/api/leagues", params=query)
        page = msgspec.json.decode(answer.content, type=Items[LeagueShape])
        seen += [league.slug for league in page.items]
        if page.next_cursor is None:
            break
        query["cursor"] = page.next_cursor
    assert seen == ["laliga", "premier-league", "serie-a"]
    everywhere = (await api.get("/api/leagues")).json()["items"]
    assert everywhere[0] == {
        "slug": "atp-finals",
        "name": "ATP Finals",
        "sport": "tennis",
        "country": "England",
        "season": "2026",
    }


async def test_a_page_that_is_just_full_is_the_last(api: Api):
    assert (await api.get("/api/sports", params={"limit": 4})).json()["nextCursor"] is None
    assert (await api.get("/api/sports", params={"limit": 3})).json()["nextCursor"] is not None
