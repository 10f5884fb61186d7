"""Operators decide over REST what the rules left undecided."""

import msgspec
import pytest

from app.api.documents import Items
from app.api.identity import DecidedShape, ReviewShape
from app.ingest.merging import merge_matches
from tests.api.conftest import Api
from tests.api.test_conflicts import as_
from tests.builders import a_match
from tests.ingest.conftest import take_in
from tests.ingest.test_identity import told
from tests.observed import KICK_OFF, a_score


async def undecided(api: Api) -> ReviewShape:
    """One match of ours, and one of a provider's that may be it."""
    await take_in(api.connection, told("Arsenal", "Chelsea"))
    await take_in(api.connection, told("Arsenal", "Zebras", provider="two", score=a_score()))
    answer = await api.get("/api/identity/review", headers=as_(api, "operator"))
    assert answer.status_code == 200, answer.text
    (review,) = msgspec.json.decode(answer.content, type=Items[ReviewShape]).items
    return review


async def test_a_review_says_what_is_meant_and_what_it_may_be(api: Api):
    review = await undecided(api)
    assert (review.provider, review.home, review.away) == ("two", "Arsenal", "Zebras")
    assert review.candidates[0].reasons == ["one_side_differs"]
    assert review.state == "open"


@pytest.mark.parametrize("decision", ["same", "new", "dismiss"])
async def test_an_operator_decides_once(api: Api, decision: str):
    review = await undecided(api)
    path = f"/api/identity/review/{review.id}"
    said = {"decision": decision}
    answer = await api.client.post(path, json=said, headers=as_(api, "operator"))
    assert answer.status_code == 200, answer.text
    decided = msgspec.json.decode(answer.content, type=DecidedShape)
    assert (decided.match_id is None) == (decision == "dismiss")
    if decision == "same":
        assert decided.match_id == review.candidates[0].match_id
    again = await api.client.post(path, json=said, headers=as_(api, "operator"))
    assert (again.status_code, again.json()["code"]) == (409, "already_decided")


async def test_only_operators_see_and_decide(api: Api):
    review = await undecided(api)
    said = {"decision": "new"}
    path = f"/api/identity/review/{review.id}"
    assert (await api.get("/api/identity/review")).status_code == 401
    user = as_(api, "user")
    assert (await api.get("/api/identity/review", headers=user)).status_code == 403
    assert (await api.client.post(path, json=said, headers=user)).status_code == 403


@pytest.mark.parametrize(
    ("path", "said", "status", "code"),
    [
        ("999", {"decision": "new"}, 404, "not_found"),
        ("1", {"decision": "same", "matchId": "999"}, 422, "no_such_candidate"),
    ],
)
async def test_a_word_that_means_nothing_is_refused(
    api: Api, path: str, said: dict[str, str], status: int, code: str
):
    await undecided(api)
    answer = await api.client.post(
        f"/api/identity/review/{path}", json=said, headers=as_(api, "operator")
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_merged_matchs_id_answers_with_the_kept_one(api: Api):
    keep = await a_match(api.connection)
    drop = await a_match(api.connection, start_time=KICK_OFF)
    async with api.connection.transaction():
        await merge_matches(api.connection, keep, drop)
    for path in (f"/api/scores/{drop}", f"/api/v1/matches/{drop}", f"/api/odds/{drop}"):
        answer = await api.get(path)
        assert answer.status_code == 200
        body = answer.json()
        assert (body.get("matchId") or body.get("match_id")) == str(keep)
    listed = (await api.get("/api/events")).json()["items"]
    assert [match["id"] for match in listed] == [str(keep)]
