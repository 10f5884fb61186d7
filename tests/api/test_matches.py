"""Events, scores, one match, and its changes."""

from datetime import timedelta
from typing import Any

import msgspec

from app.api.documents import ChangesShape, Items, MatchShape, MatchSummary
from app.catalog.shapes import ScoreShape
from tests.api.conftest import Api, served
from tests.builders import (
    HEARD,
    KICK_OFF,
    a_market,
    a_match,
    a_price,
    a_score,
    a_told_score,
    an_incident,
    selections_of,
)


async def events(api: Api, **query: str | list[str]) -> Items[MatchSummary]:
    answer = await api.get("/api/events", params=query)
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=Items[MatchSummary])


async def test_an_event_says_who_plays_whom_when_and_how_it_stands(api: Api):
    match_id = await a_match(api.connection, "Arsenal", "Chelsea", score=(2, 1))
    answer = await api.get("/api/events")
    (event,) = answer.json()["items"]
    home, away, updated = event["home"].pop("id"), event["away"].pop("id"), event.pop("updatedAt")
    assert home.isdigit()
    assert away.isdigit()
    assert updated.endswith("Z")
    assert event == {
        "id": str(match_id),
        "sport": "football",
        "league": {"slug": "premier-league", "name": "Premier League"},
        "name": "Arsenal v Chelsea",
        "home": {"name": "Arsenal"},
        "away": {"name": "Chelsea"},
        "startTime": "2025-11-22T15:00:00.000Z",
        "status": "live",
        "period": "1st Half",
        "clock": "12",
        "homeScore": 2,
        "awayScore": 1,
        "chances": None,
        "simulated": False,
        "seq": 1,
    }
    msgspec.json.decode(answer.content, type=Items[MatchSummary])


async def test_a_match_without_a_told_score_is_scheduled(api: Api):
    await a_match(api.connection, status=None)
    (event,) = (await events(api, status="scheduled")).items
    assert (event.status, event.home_score, event.period) == ("scheduled", None, None)
    assert (await events(api, status="live")).items == []


async def test_pages_follow_each_other_without_a_gap_or_a_double(api: Api):
    made = [
        await a_match(api.connection, f"Home {n}", f"Away {n}", start_time=KICK_OFF + delay)
        for n, delay in enumerate([timedelta(0), timedelta(0), timedelta(hours=1), timedelta(0)])
    ]
    by_start = [str(made[n]) for n in (0, 1, 3, 2)]
    for order, expected in (("asc", by_start), ("desc", by_start[::-1])):
        seen: list[str] = []
        cursor: dict[str, str | list[str]] = {}
        while True:
            page = await events(api, limit="1", order=order, **cursor)
            seen += [event.id for event in page.items]
            if page.next_cursor is None:
                break
            cursor = {"cursor": page.next_cursor}
        assert seen == expected


async def test_events_are_narrowed_by_sport_league_status_and_time(api: Api):
    football = str(await a_match(api.connection))
    tennis = str(
        await a_match(
            api.connection,
            "Sinner",
            "Alcaraz",
            sport="tennis",
            league="ATP Finals",
            status="finished",
            score=(2, 1),
            start_time=KICK_OFF + timedelta(days=1),
        )
    )
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"sport": "tennis"}, [tennis]),
        ({"sport": "curling"}, []),
        ({"league": "premier-league"}, [football]),
        ({"league": "atp-finals", "sport": "football"}, []),
        ({"status": "live,finished"}, [football, tennis]),
        ({"status": ["live", "paused"]}, [football]),
        ({"status": "finished"}, [tennis]),
        ({"from": "2025-11-22T15:00:00Z", "to": "2025-11-23T15:00:00Z"}, [football]),
        ({"from": "2025-11-22T15:00:00.001Z"}, [tennis]),
    ]
    for query, expected in cases:
        assert [event.id for event in (await events(api, **query)).items] == expected, query


async def test_a_score_names_its_sources_and_its_place(api: Api):
    match_id = await a_match(api.connection, score=(2, 1))
    await a_told_score(api.connection, match_id, (2, 1), provider="alpha")
    newest = HEARD + timedelta(seconds=5)
    await a_told_score(api.connection, match_id, (1, 1), provider="beta", observed_at=newest)
    answer = await api.get(f"/api/scores/{match_id}")
    score = msgspec.json.decode(answer.content, type=ScoreShape)
    assert (score.match_id, score.sport, score.league) == (
        str(match_id),
        "football",
        "premier-league",
    )
    assert (score.status, score.home_score, score.away_score, score.seq) == ("live", 2, 1, 1)
    assert [(s.provider, s.home_score, s.away_score, s.observed_at) for s in score.sources] == [
        ("alpha", 2, 1, "2025-11-22T15:30:00.000Z"),
        ("beta", 1, 1, "2025-11-22T15:30:05.000Z"),
    ]
    assert score.observed_at == "2025-11-22T15:30:05.000Z"
    after = await api.get(f"/api/matches/{match_id}/changes", params={"since": score.resume})
    assert after.json() == {"items": [], "resume": score.resume, "more": False}


async def test_a_nudge_alone_makes_a_kept_score_anew(database_url: str, redis_url: str):
    async with served(database_url, redis_url, CACHE_SCORES_TTL_S="60") as api:
        await api.until_listening()
        match_id = await a_match(api.connection)
        for goals in range(1, 20):
            await a_score(api.connection, match_id, (goals, 0))
            # For ever, if the nudge did not do it: nothing else ends within the test's time.
            told = 0
            while told != goals:
                told = (await api.get(f"/api/scores/{match_id}")).json()["homeScore"]


async def test_a_match_has_its_participants_incidents_markets_and_statistics(api: Api):
    match_id = await a_match(api.connection, score=(1, 0))
    goal = await an_incident(api.connection, match_id, 1, how="penalty", player="Saka")
    await an_incident(api.connection, match_id, 2, type="card", side="away", colour="yellow")
    gone = await an_incident(api.connection, match_id, 3)
    await api.connection.execute("UPDATE incidents SET withdrawn = true WHERE id = $1", gone)
    await a_market(api.connection, match_id)
    answer = await api.get(f"/api/v1/matches/{match_id}")
    match = msgspec.json.decode(answer.content, type=MatchShape)
    assert [(p.side, p.name) for p in match.participants] == [
        ("home", "Arsenal"),
        ("away", "Chelsea"),
    ]
    assert (match.score.home, match.score.away, match.league.country) == (1, 0, "England")
    assert match.incidents[0] == {
        "id": str(goal),
        "ordinal": 1,
        "withdrawn": False,
        "type": "goal",
        "side": "home",
        "home_score": 1,
        "away_score": 0,
        "how": "penalty",
        "player": "Saka",
    }
    assert len(match.incidents) == 2
    assert match.statistics == {
        "home": {"goals": 1, "penalty_goals": 1},
        "away": {"yellow_cards": 1},
    }
    assert [(m.type, str(m.best_odds["away"])) for m in match.markets] == [("winner", "3.625")]


async def test_changes_come_in_order_and_go_on_where_the_last_page_ended(api: Api):
    match_id = await a_match(api.connection)
    market_id = await a_market(api.connection, match_id)
    for goals in range(1, 6):
        await a_score(api.connection, match_id, (goals, 0))
    selection = (await selections_of(api.connection, market_id))["home"]
    await a_price(api.connection, selection, "1.5")
    path = f"/api/matches/{match_id}/changes"
    frames: list[dict[str, Any]] = []
    query: dict[str, str] = {"limit": "3"}
    while True:
        answer = await api.get(path, params=query)
        page = msgspec.json.decode(answer.content, type=ChangesShape)
        frames += page.items
        if not page.more:
            break
        query["since"] = page.resume
    assert [frame["seq"] for frame in frames] == list(range(1, 10))
    assert [frame["type"] for frame in frames] == [
        "score_update",
        "market_status",
        "odds_update",
        *["score_update"] * 5,
        "odds_update",
    ]
    assert frames[-1]["data"]["selections"][0]["odds"] == 1.5
    last = await api.get(path, params={"since": frames[-2]["resume"]})
    assert last.json()["items"] == frames[-1:]


async def test_a_place_of_another_log_has_expired(api: Api):
    match_id = await a_match(api.connection)
    other = await a_match(api.connection, "Leeds", "Everton")
    token = (await api.get(f"/api/scores/{other}")).json()["resume"]
    await a_score(api.connection, match_id, (1, 0))
    for since in (token, "zz-zz", "1-1"):
        answer = await api.get(f"/api/matches/{match_id}/changes", params={"since": since})
        assert (answer.status_code, answer.json()["code"]) == (410, "resume_expired")


async def test_a_match_that_nothing_happened_to_has_no_changes(api: Api):
    match_id = await a_match(api.connection, status=None)
    first = (await api.get(f"/api/matches/{match_id}/changes")).json()
    assert first["items"] == []
    await a_score(api.connection, match_id)
    answer = await api.get(f"/api/matches/{match_id}/changes", params={"since": first["resume"]})
    assert [frame["seq"] for frame in answer.json()["items"]] == [1]


async def test_who_has_the_answer_already_is_told_so(api: Api):
    match_id = await a_match(api.connection)
    for path in (
        "/api/sports",
        "/api/leagues",
        "/api/events",
        f"/api/scores/{match_id}",
        f"/api/v1/matches/{match_id}",
        "/api/markets/football",
        f"/api/odds/{match_id}",
        f"/api/odds/{match_id}/history",
    ):
        first = await api.get(path)
        tag = first.headers["etag"]
        assert first.headers["cache-control"]
        for known in (tag, f'"other", {tag}', "*"):
            again = await api.get(path, headers={"if-none-match": known})
            assert (again.status_code, again.content) == (304, b""), path
            assert again.headers["etag"] == tag
        assert (await api.get(path, headers={"if-none-match": '"other"'})).status_code == 200
