"""Which pages of other origins may read answers, and the headers that every answer has."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from app.api import deadlines
from app.api.origins import ANSWER_HEADERS
from app.serving_settings import origins_of
from app.settings import BadSettings, load
from tests.api.conftest import Api, served
from tests.api.test_problems import check_problem
from tests.builders import a_match

OURS, OTHERS = "https://app.example.org", "https://evil.example.org"
ASKS = {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}
# The last three are refused before they reach an endpoint, the last is open to all.
PATHS = (
    "/api/sports",
    "/auth/login",
    "/broadcasting/auth",
    "/live/1/events",
    "/nothing",
    "/health",
)


@pytest_asyncio.fixture
async def api(database_url: str, redis_url: str) -> AsyncGenerator[Api]:
    """The application, for pages of ours and with hardly any requests for strangers."""
    more = {
        "CORS_ORIGINS": f"{OURS}, http://localhost:5173",
        "HSTS_MAX_AGE_S": "3600",
        "LIMIT_ANONYMOUS_PER_MINUTE": "5",
        "LIMIT_AUTH_PER_MINUTE": "5",
    }
    async with served(database_url, redis_url, **more) as api:
        await api.until_listening()
        yield api


async def test_a_preflight_is_answered_before_credentials_and_limits(api: Api):
    for path in PATHS * 4:
        answer = await api.client.options(path, headers={"origin": OURS, **ASKS})
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == OURS
        assert "Authorization" in answer.headers["access-control-allow-headers"]
        assert "PUT" in answer.headers["access-control-allow-methods"]
        assert answer.headers["vary"] == "origin"
        assert "ratelimit-limit" not in answer.headers
        assert "access-control-allow-credentials" not in answer.headers
    refused = await api.client.options("/api/sports", headers={"origin": OTHERS, **ASKS})
    check_problem(refused, 403, "cross_origin_refused")
    assert "access-control-allow-origin" not in refused.headers


async def test_answers_and_refusals_may_be_read_by_the_origins_that_are_listed(api: Api):
    seen: set[int] = set()
    for _ in range(7):
        answer = await api.get("/api/sports", headers={"origin": OURS})
        seen.add(answer.status_code)
        assert answer.headers["access-control-allow-origin"] == OURS
        assert answer.headers["access-control-expose-headers"] == ANSWER_HEADERS
        foreign = await api.get("/health/live", headers={"origin": OTHERS})
        assert "access-control-allow-origin" not in foreign.headers
    assert seen == {200, 429}
    bad = await api.get("/api/sports", headers={"origin": OURS, "authorization": "Bearer x"})
    assert bad.headers["access-control-allow-origin"] == OURS
    for headers in ({}, {"origin": OURS}, {"origin": OTHERS}):
        assert (await api.get("/health/live", headers=headers)).headers["vary"] == "origin"


async def test_a_stream_of_events_may_be_read_too(api: Api):
    match_id = await a_match(api.connection)
    url = f"/live/{match_id}/events"
    async with api.client.stream("GET", url, headers={"origin": OURS}) as answer:
        assert answer.headers["access-control-allow-origin"] == OURS
        assert answer.headers["x-content-type-options"] == "nosniff"
        async for line in answer.aiter_lines():
            assert line
            break


async def test_every_answer_says_what_browsers_may_do_with_it(api: Api):
    for path in ("/health", "/api/sports", "/nothing", "/schema/openapi.json", "/api/me"):
        headers = (await api.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["strict-transport-security"] == "max-age=3600"
    page = (await api.get("/")).headers
    assert page.get_list("content-security-policy", split_commas=False)[0].startswith("default-src")
    assert len(page.get_list("referrer-policy")) == 1
    assert page["strict-transport-security"] == "max-age=3600"


async def test_without_origins_nothing_is_said_to_pages_of_others(
    database_url: str, redis_url: str
):
    async with served(database_url, redis_url) as api:
        answer = await api.get("/health/live", headers={"origin": OTHERS})
        assert not {name for name in answer.headers if name.startswith("access-control")}
        assert "vary" not in answer.headers
        assert "strict-transport-security" not in answer.headers
    async with served(database_url, redis_url, CORS_ORIGINS="*") as api:
        answer = await api.get("/health/live", headers={"origin": OTHERS})
        assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "text",
    ["example.org", "https://a.org/", "https://a.org/x", "null", "https://*.a.org", "ftp://a"],
)
def test_what_is_no_origin_is_refused_at_the_start(text: str):
    with pytest.raises(BadSettings, match="CORS_ORIGINS"):
        load({"CORS_ORIGINS": f"{OURS},{text}"})
    assert origins_of(f" {OURS} ,,http://[::1]:8000") == {OURS, "http://[::1]:8000"}


async def test_an_answer_that_takes_too_long_is_given_up_and_undone(
    database_url: str, redis_url: str
):
    async with served(database_url, redis_url, REQUEST_TIMEOUT_S="0.3") as api:
        await api.until_listening()
        await api.connection.execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        log_in = {"email": "ada@example.org", "password": "correct horse battery"}
        late = await api.client.post("/auth/register", json=log_in)
        check_problem(late, 503, "answer_too_late")
        assert late.headers["retry-after"] == str(deadlines.AnswerTooLate.retry_after_s)
        await api.connection.execute("ROLLBACK")
        # What was given up holds nothing any more; a stream that has begun has no such time.
        match_id = await a_match(api.connection)
        async with api.client.stream("GET", f"/live/{match_id}/events?heartbeatMs=1000") as stream:
            lines = stream.aiter_lines()
            async with asyncio.timeout(20):
                while "heartbeat" not in await anext(lines):
                    pass
        assert await api.connection.fetchval("SELECT count(*) FROM users") == 0
