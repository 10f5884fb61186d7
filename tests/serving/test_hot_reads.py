"""What is answered at once is what the route answers, byte for byte, and only while it is right."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from app import metrics
from tests.builders import a_market, a_match, a_price, a_quote, an_incident, selections_of
from tests.serving.conftest import PATIENCE_S
from tests.serving.hot_door import Answer, HotDoor, a_hot_door, get

# A header nobody knows: such a request is the application's to answer.
ODD = "X-Unheard-Of: 1"
LOG_IN = {"email": "ada@example.org", "password": "correct horse battery"}
# Told anew by every answer.
EACH = {"ratelimit-remaining", "ratelimit-reset", "date"}


@pytest.fixture
async def door(database_url: str, redis_url: str) -> AsyncGenerator[HotDoor]:
    """The application, answering what it can at once."""
    async with a_hot_door(database_url, redis_url) as made:
        yield made


def settled(answer: Answer) -> tuple[int, list[tuple[str, str]], bytes]:
    """An answer without what is told anew by each."""
    headers = [(name, "" if name in EACH else value) for name, value in answer.headers]
    return answer.status, headers, answer.body


async def a_token(door: HotDoor) -> str:
    """Logs somebody in."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{door.port}") as client:
        answer = await client.post("/auth/register", json=LOG_IN)
        if answer.status_code != 201:
            answer = await client.post("/auth/login", json=LOG_IN)
    return answer.json()["accessToken"]


def addresses(match_id: int) -> list[str]:
    """Everything that is answered at once."""
    return [
        f"/api/scores/{match_id}",
        f"/api/v1/matches/{match_id}",
        f"/api/odds/{match_id}",
        "/api/markets/football",
        "/api/markets/football?status=open&limit=1",
        f"/api/markets/football?matchId={match_id}",
        "/api/events?sport=football&order=desc",
    ]


async def change(connection: asyncpg.Connection, match_id: int, chance: random.Random) -> None:
    """Something happens in a match."""
    await connection.execute(
        "UPDATE live_scores SET home_score = $2, away_score = $3, clock = $4, status = $5"
        " WHERE match_id = $1",
        match_id,
        chance.randrange(200),
        chance.randrange(200),
        chance.choice([None, "45+2", "100 % \"'\\ é"]),
        chance.choice(["live", "paused", "finished", "interrupted"]),
    )
    if chance.random() < 0.5:
        odds = {"over": f"{chance.randrange(101, 900) / 100}", "under": "1.9"}
        line = f"{chance.randrange(1000)}.5"
        market = await a_market(connection, match_id, odds, line=line)
        over = (await selections_of(connection, market))["over"]
        await a_quote(connection, over, odds["over"])
        await a_price(connection, over, "1.001")


async def agree(door: HotDoor, ours: Any, path: str, *headers: str) -> None:
    """Holds an answer given at once against the route's, asked in the same moment."""
    plain, odd = get(path, *headers), get(path, *headers, ODD)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            before = settled(await ours.ask(odd))
            is_hot = await door.is_hot(ours, plain)
            answer = settled(await ours.ask(plain))
            if is_hot and before == settled(await ours.ask(odd)):
                assert answer == before, path
                return


async def test_the_lane_says_what_the_route_says_over_states_of_every_kind(door: HotDoor):
    chance = random.Random(20261121)
    match_id = await a_match(door.connection)
    line = await door.line()
    token = f"Authorization: Bearer {await a_token(door)}"
    for n in range(6):
        await change(door.connection, match_id, chance)
        who = ["X-Request-Id: mine", *([token] if n % 2 else [])]
        for path in addresses(match_id):
            await agree(door, line, path, *who)
            tag = (await line.ask(get(path)))["etag"]
            await agree(door, line, path, *who, f'If-None-Match: "other", {tag}')
            await agree(door, line, path, *who, 'If-None-Match: "other"')
    await an_incident(door.connection, match_id)
    await agree(door, line, f"/api/v1/matches/{match_id}", "X-Request-Id: mine")


async def test_what_was_heard_of_is_never_answered_as_it_was(door: HotDoor):
    match_id = await a_match(door.connection)
    line, request = await door.line(), get(f"/api/scores/{match_id}")
    cache = door.app.state.cache
    for clock in map(str, range(30)):
        await door.warm(line, request)
        heard, forget = asyncio.Event(), cache.forget

        def noting(ids: Any, heard: asyncio.Event = heard, forget: Any = forget) -> None:
            forget(ids)
            heard.set()

        cache.forget = noting
        await door.connection.execute(
            "UPDATE live_scores SET clock = $2 WHERE match_id = $1", match_id, clock
        )
        await heard.wait()
        cache.forget = forget
        told = msgspec.json.decode((await line.ask(request)).body)
        assert told["clock"] == clock


async def test_nothing_is_answered_at_once_while_changes_are_not_heard_of(door: HotDoor):
    match_id = await a_match(door.connection)
    line, request = await door.line(), get(f"/api/scores/{match_id}")
    await door.warm(line, request)
    listener = door.app.state.listener
    await door.connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'touchline-listener' AND datname = current_database()"
    )
    while listener.up:
        await asyncio.sleep(0)
    assert not await door.is_hot(line, request)
    async with asyncio.timeout(PATIENCE_S):
        while not listener.up:
            await asyncio.sleep(0.005)
    await door.warm(line, request)


async def test_a_revoked_log_in_is_refused_as_soon_as_that_is_heard(door: HotDoor):
    match_id = await a_match(door.connection)
    line, token = await door.line(), await a_token(door)
    request = get(f"/api/scores/{match_id}", f"Authorization: Bearer {token}")
    await door.warm(line, request)
    epoch = door.app.state.gate.revocations.epoch
    everywhere = get("/auth/logout/everywhere", f"Authorization: Bearer {token}", method="POST")
    assert (await line.ask(everywhere)).status in {200, 204}
    async with asyncio.timeout(PATIENCE_S):
        while door.app.state.gate.revocations.epoch == epoch:
            await asyncio.sleep(0.005)
    answer = await line.ask(request)
    assert (answer.status, answer["content-type"]) == (401, "application/problem+json")


async def test_a_token_whose_time_is_over_is_the_gates_to_judge(door: HotDoor):
    match_id = await a_match(door.connection)
    line, tokens = await door.line(), door.app.state.gate.tokens
    user_id = await door.connection.fetchval(
        "INSERT INTO users (email, password_hash) VALUES ('a@example.org', '') RETURNING id"
    )
    # Over, and not yet by the leeway that clocks are given.
    over = tokens.issue(user_id, role="user", tier="pro", now=time.time() - tokens.ttl_s - 2)
    await door.warm(line, get(f"/api/scores/{match_id}"))
    request = get(f"/api/scores/{match_id}", f"Authorization: Bearer {over}")
    for _ in range(3):
        assert not await door.is_hot(line, request)


async def test_a_ticket_is_good_once_here_too(door: HotDoor):
    match_id = await a_match(door.connection)
    line, token = await door.line(), await a_token(door)
    await door.warm(line, get(f"/api/scores/{match_id}", f"Authorization: Bearer {token}"))
    asked = get("/auth/ticket", f"Authorization: Bearer {token}", method="POST")
    ticket = msgspec.json.decode((await line.ask(asked)).body)["ticket"]
    request = get(f"/api/scores/{match_id}", f"Authorization: Bearer {ticket}")
    assert [(await line.ask(request)).status for _ in range(3)] == [200, 401, 401]


async def test_two_credentials_at_once_are_refused_however_well_each_is_known(door: HotDoor):
    match_id = await a_match(door.connection)
    line, path = await door.line(), f"/api/scores/{match_id}"
    token = f"Authorization: Bearer {await a_token(door)}"
    await door.warm(line, get(path, token))
    assert (await line.ask(get(path, token, "X-API-Key: tl_x"))).status == 401
    assert (await line.ask(get(path, token, token))).status == 401


async def test_limits_count_what_is_answered_at_once(database_url: str, redis_url: str):
    async with a_hot_door(database_url, redis_url, LIMIT_ANONYMOUS_PER_MINUTE="400") as door:
        match_id = await a_match(door.connection)
        line, request = await door.line(), get(f"/api/scores/{match_id}")
        answers = [await line.ask(request) for _ in range(450)]
        let_in = [answer for answer in answers if answer.status == 200]
        assert door.answered() > 0
        # A minute's worth, and what came back while this took.
        assert 400 <= len(let_in) <= 420
        assert answers[-1].status == 429
        left = [int(answer["ratelimit-remaining"]) for answer in let_in]
        assert left[-1] <= 1 < left[0] < 400


async def test_usage_and_metrics_count_every_answer(door: HotDoor):
    match_id = await a_match(door.connection)
    line, token = await door.line(), await a_token(door)
    request = get(f"/api/scores/{match_id}", f"Authorization: Bearer {token}")
    counted, taken = requests_counted(), times_taken()
    await door.warm(line, request)
    hot = [await door.is_hot(line, request) for _ in range(20)]
    assert any(hot)
    await door.app.state.usage.flush()
    used = await door.connection.fetchval(
        "SELECT sum(requests) FROM usage WHERE endpoint = 'GET /api/scores/{match_id}'"
    )
    door.hot.tell()
    assert used == requests_counted() - counted >= 21
    assert used == times_taken() - taken


async def test_after_a_clean_stop_the_books_have_every_answer(database_url: str, redis_url: str):
    async with a_hot_door(database_url, redis_url) as door:
        match_id = await a_match(door.connection)
        line, token = await door.line(), await a_token(door)
        request = get(f"/api/scores/{match_id}", f"Authorization: Bearer {token}")
        asked = 1
        while not await door.is_hot(line, request):
            asked += 1
        for _ in range(50):
            await line.ask(request)
    connection = await asyncpg.connect(database_url)
    used = await connection.fetchval(
        "SELECT sum(requests) FROM usage WHERE endpoint = 'GET /api/scores/{match_id}'"
    )
    await connection.close()
    assert used == asked + 50


def requests_counted() -> int:
    """How many scores were answered, as the metrics have it."""
    labels = {"method": "GET", "route": "/api/scores/{match_id}", "status": "200"}
    return int(metrics.REGISTRY.get_sample_value("touchline_http_requests_total", labels) or 0)


def times_taken() -> int:
    """How many of them had their time taken."""
    name, labels = "touchline_http_request_seconds_count", {"route": "/api/scores/{match_id}"}
    return int(metrics.REGISTRY.get_sample_value(name, labels) or 0)
