"""Bad requests of every kind, at every endpoint: a problem that says so, never our fault."""

from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from app.api.problems import as_app_error
from app.errors import catalogue
from tests.api.conftest import Api, served
from tests.builders import a_match

OF_MATCH = (
    "/api/scores/{}",
    "/api/v1/matches/{}",
    "/api/odds/{}",
    "/api/odds/{}/history",
    "/api/matches/{}/changes",
)
LISTS = ("/api/sports", "/api/leagues", "/api/events", "/api/markets/football")
IDS = (
    ("a%20b", 400, "malformed_id"),
    ("%00", 400, "malformed_id"),
    ("%ff%fe", 400, "malformed_id"),
    ("1%0A", 400, "malformed_id"),
    ("%C3%A9", 400, "malformed_id"),
    ("%D9%A1", 400, "malformed_id"),  # An Arabic 1.
    ("'%3B--", 400, "malformed_id"),
    ("x" * 101, 400, "malformed_id"),
    ("x" * 100, 404, "not_found"),
    ("0", 404, "not_found"),
    ("007", 404, "not_found"),
    ("-1", 404, "not_found"),
    ("1.5", 404, "not_found"),
    ("premier-league", 404, "not_found"),
    ("987654321", 404, "not_found"),
    ("9223372036854775807", 404, "not_found"),
    ("9223372036854775808", 404, "not_found"),
    ("9" * 99, 404, "not_found"),
)
# query, code; of every list.
QUERIES = (
    ("limit=0", "malformed_request"),
    ("limit=201", "malformed_request"),
    ("limit=-1", "malformed_request"),
    ("limit=", "malformed_request"),
    ("limit=ten", "malformed_request"),
    ("limit=1.5", "malformed_request"),
    ("limit=1e1", "malformed_request"),
    ("limit=" + "9" * 5000, "malformed_request"),
    ("limit=1&limit=2", "malformed_request"),
    ("limit=%D9%A1", "malformed_request"),
    ("cursor=", "malformed_cursor"),
    ("cursor=abc", "malformed_cursor"),
    ("cursor=!!", "malformed_cursor"),
    ("cursor=" + "A" * 401, "malformed_cursor"),
    ("cursor=AAAAAAAAAAAAAAAAAAAA", "malformed_cursor"),
    ("cursor=a&cursor=b", "malformed_request"),
    ("limit=%ff", "malformed_request"),
    ("x=%00", "malformed_request"),
    ("%00=1", "malformed_request"),
    ("x=" + "y" * 9000, "malformed_request"),
    ("&".join(f"x{n}=1" for n in range(60)), "malformed_request"),
)
OTHERS = (
    ("/api/leagues?sport=", "malformed_id"),
    ("/api/leagues?sport=foot%20ball", "malformed_id"),
    ("/api/leagues?sport=a&sport=b", "malformed_request"),
    ("/api/events?sport=%2F", "malformed_id"),
    ("/api/events?league=" + "x" * 101, "malformed_id"),
    ("/api/events?status=playing", "malformed_request"),
    ("/api/events?status=live,", "malformed_request"),
    ("/api/events?status=", "malformed_request"),
    ("/api/events?status=LIVE", "malformed_request"),
    ("/api/events?order=up", "malformed_request"),
    ("/api/events?from=yesterday", "malformed_request"),
    ("/api/events?from=2026-11-21", "malformed_request"),
    ("/api/events?from=2026-11-21T15:00:00", "malformed_request"),
    ("/api/events?from=1700000000", "malformed_request"),
    ("/api/events?from=0001-01-01T00:00:00%2B14:00", "malformed_request"),
    ("/api/events?to=9999-12-31T23:59:59-14:00", "malformed_request"),
    ("/api/events?to=2026-13-01T00:00:00Z", "malformed_request"),
    ("/api/events?from=2026-01-01T00:00:00Z&from=2026-01-01T00:00:00Z", "malformed_request"),
    ("/api/markets/football?matchId=%00", "malformed_request"),
    ("/api/markets/football?matchId=a%20b", "malformed_id"),
    ("/api/markets/football?status=live", "malformed_request"),
    ("/api/markets/foot%20ball", "malformed_id"),
    ("/api/odds/{}/history?limit=0", "malformed_request"),
    ("/api/odds/{}/history?limit=2001", "malformed_request"),
    ("/api/odds/{}/history?marketId=%20", "malformed_id"),
    ("/api/odds/{}/history?from=now", "malformed_request"),
    ("/api/matches/{}/changes?since=", "malformed_resume"),
    ("/api/matches/{}/changes?since=1", "malformed_resume"),
    ("/api/matches/{}/changes?since=" + "z" * 13 + "-" + "z" * 13, "malformed_resume"),
    ("/api/matches/{}/changes?since=1-1&since=1-1", "malformed_request"),
    ("/api/matches/{}/changes?limit=201", "malformed_request"),
)


def check_problem(answer: httpx.Response, status: int, code: str) -> None:
    """Asserts that it is a problem document, whole and of this code."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert set(problem) == {
        "type", "title", "status", "detail", "code", "requestId", "errors",
    }  # fmt: skip
    assert problem["status"] == status
    assert problem["requestId"] == answer.headers["x-request-id"]
    assert all(set(error) == {"field", "message"} for error in problem["errors"])
    assert problem["code"] in {error.code for error in catalogue()}


async def test_bad_input_is_answered_with_its_code_at_every_endpoint(api: Api):
    match_id = await a_match(api.connection)
    for path in OF_MATCH:
        for text, status, code in IDS:
            check_problem(await api.get(path.format(text)), status, code)
    for path in LISTS:
        for query, code in QUERIES:
            check_problem(await api.get(f"{path}?{query}"), 400, code)
    for path, code in OTHERS:
        check_problem(await api.get(path.format(match_id)), 400, code)
    check_problem(await api.get("/api/markets/curling"), 404, "not_found")


async def test_a_field_that_is_wrong_is_named(api: Api):
    for path, field in (
        ("/api/events?limit=0", "limit"),
        ("/api/events?status=live,nope", "status"),
        ("/api/events?sport=a%20b", "sport"),
        ("/api/events?from=x", "from"),
        ("/api/odds/1/history?selectionId=%20", "selectionId"),
    ):
        answer = await api.get(path)
        assert [error["field"] for error in answer.json()["errors"]] == [field], path
        assert field in answer.json()["detail"]


async def test_a_cursor_serves_only_the_list_it_was_made_for(api: Api):
    for home in ("A", "B", "C"):
        await a_match(api.connection, home, f"{home} away")
    cursor = (await api.get("/api/events?limit=1&sport=football")).json()["nextCursor"]
    assert (await api.get(f"/api/events?sport=football&cursor={cursor}")).status_code == 200
    for path in (
        "/api/events?",
        "/api/events?sport=tennis&",
        "/api/events?sport=football&order=desc&",
        "/api/markets/football?",
        "/api/sports?",
    ):
        check_problem(await api.get(f"{path}cursor={cursor}"), 400, "malformed_cursor")
    for place in range(len(cursor)):
        other = "A" if cursor[place] != "A" else "B"
        changed = cursor[:place] + other + cursor[place + 1 :]
        answer = await api.get(f"/api/events?sport=football&cursor={changed}")
        check_problem(answer, 400, "malformed_cursor")


async def test_unknown_paths_and_methods_are_problems_too(api: Api):
    check_problem(await api.get("/api/nothing"), 404, "not_found")
    check_problem(await api.get("/api/scores/"), 404, "not_found")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await api.client.request(method, "/api/sports")
        check_problem(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD"


async def test_without_postgres_a_read_says_when_to_ask_again(database_url: str, redis_url: str):
    async with served(database_url, redis_url) as api:
        api.app.state.pool.terminate()
        for path in ("/api/events", "/api/scores/1", "/api/odds/1", "/api/matches/1/changes"):
            answer = await api.get(path)
            check_problem(answer, 503, "dependency_down")
            assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        asyncpg.AdminShutdownError("the server stops"),
        OperationalError("SELECT 1", {}, ConnectionResetError()),
    ],
)
def test_a_server_that_is_out_of_reach_is_no_mistake_of_ours(error: Exception):
    if isinstance(error, OperationalError):
        error.__cause__ = error.orig
    assert as_app_error(error).code == "dependency_down"


def test_a_mistake_in_a_statement_is_ours():
    wrong = asyncpg.UndefinedColumnError("no such column")
    assert as_app_error(wrong).code == "internal"
    wrapped = OperationalError("SELECT nope", {}, wrong)
    wrapped.__cause__ = wrong
    assert as_app_error(wrapped).code == "internal"


ANY_TEXT = st.one_of(
    st.text(max_size=120),
    st.from_regex(r"[A-Za-z0-9_.-]{1,100}", fullmatch=True),
    st.integers(-(2**70), 2**70).map(str),
    st.binary(max_size=20).map(lambda raw: raw.decode("latin-1")),
)


@given(
    path=st.sampled_from((*OF_MATCH, *LISTS, "/api/markets/{}")),
    text=ANY_TEXT,
    query=st.dictionaries(
        st.sampled_from(
            ("limit", "cursor", "sport", "league", "status", "from", "to", "order", "since",
             "matchId", "marketId", "selectionId", "x")
        ),
        ANY_TEXT,
        max_size=4,
    ),
)  # fmt: skip
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_whatever_is_asked_is_never_our_fault(
    api: Api, path: str, text: str, query: dict[str, str]
):
    segment = "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass")) or "x"
    answer = await api.get(path.format(segment), params=query)
    assert answer.status_code in {200, 400, 404, 410}, answer.text
