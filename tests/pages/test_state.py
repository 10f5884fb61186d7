"""What a frame does to what is known of a match: the reducer, run in Chromium, where it lives."""

from typing import Any

import pytest
from playwright.async_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("pages"),
]

# Frozen all the way down, so that a step that changes what it was given fails.
APPLY = """async (frames) => {
    const freeze = (thing) => {
        if (thing && typeof thing === "object") Object.values(Object.freeze(thing)).forEach(freeze);
        return thing;
    };
    const { apply, NOTHING } = await import("/static/any/state.js");
    return frames.reduce((state, frame) => freeze(apply(state, freeze(frame))), freeze(NOTHING));
}"""

PRICES: dict[str, Any] = {
    "id": "7",
    "type": "winner",
    "line": None,
    "status": "open",
    "version": 1,
    "selections": [
        {"id": "70", "key": "home", "name": "Home", "odds": 2.1, "status": "open"},
        {"id": "71", "key": "away", "name": "Away", "odds": 1.8, "status": "open"},
    ],
    "updatedAt": "2026-11-21T15:00:00.000Z",
}
SCORE = {"homeScore": 0, "awayScore": 0, "status": "live", "period": "1st Half", "clock": "1'"}
GOAL = {"type": "goal", "side": "home", "homeScore": 1, "awayScore": 0, "withdrawn": False}


def frame(kind: str, seq: int, **data: Any) -> dict[str, Any]:
    return {"type": kind, "matchId": "1", "seq": seq, "resume": f"r{seq}", "data": data}


SNAPSHOT = frame("snapshot", 5, score=SCORE, markets=[PRICES], incidents=[])


async def after(modules: Page, *frames: dict[str, Any]) -> Any:
    return await modules.evaluate(APPLY, [SNAPSHOT, *frames])


async def test_a_snapshot_replaces_everything(modules: Page):
    other = frame("snapshot", 2, score={**SCORE, "homeScore": 3}, markets=[], incidents=[])
    state = await after(modules, other)
    assert state["score"]["homeScore"] == 3
    assert state["markets"] == []
    assert (state["seq"], state["resume"]) == (2, "r2")


async def test_a_score_update_is_taken_in_and_keeps_what_it_does_not_say(modules: Page):
    state = await after(modules, frame("score_update", 6, homeScore=1, clock="9'"))
    assert state["score"] == {**SCORE, "homeScore": 1, "clock": "9'"}
    assert (state["seq"], state["resume"]) == (6, "r6")


async def test_a_correction_says_what_the_score_was(modules: Page):
    told = {"previous": {"homeScore": 1, "awayScore": 0}, "reason": "var"}
    state = await after(modules, frame("score_correction", 6, homeScore=0, awayScore=0, **told))
    assert state["score"] == SCORE
    assert state["correction"] == {**told}


async def test_the_state_of_the_feeds_is_an_entry_of_the_log_like_every_other(modules: Page):
    told = {"status": "stale", "providers": [{"provider": "betfair", "state": "down"}]}
    clock = frame("score_update", 7, clock="9'")
    state = await after(modules, frame("feed_status", 6, **told), clock)
    assert (state["feed"], state["seq"], state["gap"]) == (told, 7, False)


async def test_that_the_server_is_behind_takes_no_number(modules: Page):
    late, well = (frame("feed_status", 5, state=state) for state in ("behind", "current"))
    behind = await after(modules, late)
    assert (behind["log"], behind["seq"], behind["feed"], behind["gap"]) == (
        "behind", 5, None, False,
    )  # fmt: skip
    assert (await after(modules, late, well, frame("score_update", 6)))["log"] == "current"
    assert (await after(modules, frame("feed_status", 6, state="behind")))["gap"]


async def test_a_price_is_merged_into_its_selection(modules: Page):
    at = "2026-11-21T15:01:00.000Z"
    changed = {"id": "71", "name": "Away", "odds": 1.75, "status": "open"}
    told = {"marketId": "7", "version": 2, "status": "open", "updatedAt": at}
    state = await after(modules, frame("odds_update", 6, **told, selections=[changed]))
    (market,) = state["markets"]
    assert (market["version"], market["updatedAt"], market["type"]) == (2, at, "winner")
    assert market["selections"][0] == PRICES["selections"][0]
    assert market["selections"][1] == {**changed, "key": "away", "updatedAt": at}


async def test_a_market_nobody_spoke_of_before_is_made(modules: Page):
    told = {"marketId": "8", "type": "total", "line": 2.5, "status": "suspended", "reason": "goal"}
    over = {"id": "80", "key": "over", "name": "Over", "odds": 1.9, "status": "open"}
    state = await after(
        modules,
        frame("market_status", 6, **told),
        frame("odds_update", 7, marketId="8", status="open", selections=[over]),
    )
    market = state["markets"][1]
    assert (market["id"], market["line"], market["status"]) == ("8", 2.5, "open")
    assert market["selections"][0]["odds"] == 1.9


async def test_a_suspension_keeps_the_prices(modules: Page):
    state = await after(modules, frame("market_status", 6, marketId="7", status="suspended"))
    assert state["markets"][0]["status"] == "suspended"
    assert state["markets"][0]["selections"] == PRICES["selections"]


async def test_incidents_stand_in_order_whenever_they_are_told(modules: Page):
    state = await after(
        modules,
        frame("incident", 6, id="31", ordinal=2, **GOAL),
        frame("incident", 7, id="32", ordinal=1, **GOAL),
        frame("incident", 8, id="31", ordinal=2, **{**GOAL, "withdrawn": True}),
    )
    assert [(one["id"], one["withdrawn"]) for one in state["incidents"]] == [
        ("32", False),
        ("31", True),
    ]


async def test_a_frame_that_was_seen_changes_nothing(modules: Page):
    state = await after(modules, frame("score_update", 5, homeScore=9))
    assert state["score"] == SCORE
    assert not state["gap"]


async def test_a_missing_frame_is_a_gap_and_only_a_snapshot_closes_it(modules: Page):
    early = frame("score_update", 7, homeScore=9)
    state = await after(modules, early, frame("score_update", 8, homeScore=9))
    assert (state["gap"], state["score"], state["seq"]) == (True, SCORE, 5)
    assert not (await after(modules, early, SNAPSHOT))["gap"]


async def test_a_heartbeat_beyond_what_was_heard_is_a_gap(modules: Page):
    assert (await after(modules, frame("heartbeat", 6)))["gap"]
    assert not (await after(modules, frame("heartbeat", 5)))["gap"]


async def test_a_conflated_frame_may_jump(modules: Page):
    state = await after(modules, {**frame("score_update", 9, homeScore=2), "conflated": True})
    assert (state["gap"], state["seq"], state["score"]["homeScore"]) == (False, 9, 2)


async def test_a_kind_nobody_knows_yet_still_counts(modules: Page):
    state = await after(modules, frame("weather", 6, rain=True))
    assert (state["seq"], state["gap"]) == (6, False)
