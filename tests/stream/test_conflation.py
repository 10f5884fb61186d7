"""Fewer frames, the same truth; whatever is cut off in between can be told again."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.database.places import Place, microseconds
from app.stream.change import Change, change_at
from app.stream.conflation import conflate

EPOCH = datetime(2026, 11, 21, tzinfo=UTC)
START = Place(7, microseconds(EPOCH))

State = dict[str, Any]


def body_of(kind: str, about: int, value: int, at: str) -> State:
    """What a trigger would say: markets and incidents by number, and one of three selections."""
    if kind == "odds_update":
        priced = {"id": str(value % 3), "odds": value}
        return {"marketId": str(about), "version": value + 2, "status": f"s{value % 2}",
                "updatedAt": at, "selections": [priced]}  # fmt: skip
    if kind == "market_status":
        version = 1 if value == 0 else value + 2
        return {"marketId": str(about), "version": version, "status": f"s{value % 2}",
                "reason": value, "updatedAt": at}  # fmt: skip
    if kind == "incident":
        return {
            "id": str(about),
            "withdrawn": value % 2 == 0,
            **({"minute": value} if about else {}),
        }
    return {"homeScore": value, "updatedAt": at}


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(
            ["odds_update", "market_status", "incident", "score_update", "score_correction",
             "feed_status", "match_merged"]
        ),
        st.integers(0, 2),
        st.integers(0, 5),
    ),
    max_size=25,
)  # fmt: skip


def changes_of(drawn: Sequence[tuple[str, int, int]]) -> list[Change]:
    """Entries of a log after START, one second apart."""
    made: list[Change] = []
    for n, (kind, about, value) in enumerate(drawn, START.seq + 1):
        at = EPOCH + timedelta(seconds=n)
        body = json.dumps(body_of(kind, about, value, f"t{n}"))
        made.append(change_at(4, Place(n, microseconds(at)), kind, at=at, body=body))
    return made


def applied(changes: Sequence[Change]) -> State:
    """The state a client has that merges each frame as docs/realtime.md says."""
    state: State = {"markets": {}, "incidents": {}, "corrections": [], "others": []}
    for change in changes:
        data = json.loads(change.body)
        if change.kind in ("odds_update", "market_status"):
            market = state["markets"].setdefault(data["marketId"], {"selections": {}})
            for one in data.pop("selections", []):
                told = {"updatedAt": data["updatedAt"]} | one
                market["selections"].setdefault(one["id"], {}).update(told)
            market.update(data)
        elif change.kind == "incident":
            state["incidents"][data["id"]] = data
        elif change.kind == "match_merged":
            state["others"].append(data)
        elif change.kind == "feed_status":
            state["feed"] = data
        else:
            state["score"] = data
            state["corrections"] += [data] if change.kind == "score_correction" else []
    return state


@given(CHANGES)
def test_a_burst_leaves_the_same_state_as_every_change_of_it(drawn: list[tuple[str, int, int]]):
    changes = changes_of(drawn)
    assert applied(conflate(changes, START)) == applied(changes)


@given(CHANGES, st.integers(0, 25))
def test_a_reader_cut_off_within_a_burst_comes_back_and_has_the_same_state(
    drawn: list[tuple[str, int, int]], cut: int
):
    changes = changes_of(drawn)
    heard = conflate(changes, START)[:cut]
    resume = heard[-1].place if heard else START
    after = [change for change in changes if change.place.seq > resume.seq]
    again = applied([*heard, *after])
    truth = applied(changes)
    assert {**again, "corrections": (), "others": ()} == {**truth, "corrections": (), "others": ()}


@given(CHANGES)
def test_only_the_last_frame_of_a_burst_names_its_end(drawn: list[tuple[str, int, int]]):
    changes = changes_of(drawn)
    told = conflate(changes, START)
    if len(told) == len(changes):
        assert told == changes
        return
    assert told[-1].place == changes[-1].place
    assert all(change.place == START for change in told[:-1])
    for change in told:
        frame = json.loads(change.frame)
        assert (frame["conflated"], frame["seq"]) == (True, change.seq)


@given(CHANGES)
def test_of_each_thing_there_is_one_frame(drawn: list[tuple[str, int, int]]):
    told = conflate(changes_of(drawn), START)
    prices = [json.loads(c.body)["marketId"] for c in told if c.kind == "odds_update"]
    incidents = [json.loads(c.body)["id"] for c in told if c.kind == "incident"]
    assert len(prices) == len(set(prices))
    assert len(incidents) == len(set(incidents))


def test_a_correction_is_never_merged_away():
    drawn = [("update", 1), ("correction", 0), ("update", 1), ("update", 2)]
    changes = changes_of([(f"score_{kind}", 0, value) for kind, value in drawn])
    kinds = [change.kind for change in conflate(changes, START)]
    assert kinds == ["score_update", "score_correction", "score_update"]


def test_a_new_market_is_told_before_its_prices():
    changes = changes_of([("market_status", 1, 0), ("odds_update", 1, 3), ("market_status", 1, 4),
                          ("odds_update", 1, 5)])  # fmt: skip
    told = conflate(changes, START)
    assert [c.kind for c in told] == ["market_status", "market_status", "odds_update"]
    assert json.loads(told[0].body)["version"] == 1
    assert [s["id"] for s in json.loads(told[2].body)["selections"]] == ["0", "2"]


def test_numbers_stay_the_text_they_were():
    at = EPOCH
    bodies = (
        '{"marketId":"1","updatedAt":"a","selections":[{"id":"1","odds":1.850}]}',
        '{"marketId":"1","updatedAt":"b","selections":[{"id":"2","odds":9.000}]}',
    )
    changes = [
        change_at(4, Place(8 + n, START.at_us + n), "odds_update", at=at, body=body)
        for n, body in enumerate(bodies)
    ]
    (told,) = conflate(changes, START)
    assert told.body == (
        '{"marketId":"1","updatedAt":"b","selections":'
        '[{"id":"1","odds":1.850,"updatedAt":"a"},{"id":"2","odds":9.000}]}'
    )
