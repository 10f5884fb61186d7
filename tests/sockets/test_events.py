"""The same frames as Server-Sent Events: a browser's EventSource resumes by itself."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.sockets.conftest import PATIENCE_S, Door, a_door, a_token, sockets_of

Event = dict[str, str]


class Stream:
    """What an EventSource makes of an answer: events, and the last id."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.retry: str | None = None
        self._lines = answer.aiter_lines()

    async def event(self) -> Event:
        """The next event with data."""
        told: Event = {}
        async with asyncio.timeout(PATIENCE_S):
            async for line in self._lines:
                if not line and "data" in told:
                    return told
                name, _, value = line.partition(": ")
                assert name not in told or not name, "a field of an event stands once"
                if name == "retry":
                    self.retry = value
                elif name:
                    told[name] = value
        raise AssertionError("the stream ended")

    async def frame(self) -> dict[str, Any]:
        """The next frame; its id is its place."""
        told = await self.event()
        frame: dict[str, Any] = json.loads(told["data"])
        assert told.get("id") == frame.get("resume")
        return frame


@asynccontextmanager
async def streamed(
    door: Door, match_id: object, query: str = "", **headers: str
) -> AsyncGenerator[Stream]:
    """Opens a stream of events."""
    url = f"http://127.0.0.1:{door.port}/live/{match_id}/events{query}"
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        httpx.AsyncClient(timeout=PATIENCE_S) as http,
        http.stream("GET", url, headers=sent) as answer,
    ):
        yield Stream(answer)


async def test_the_frames_are_those_of_the_socket_and_their_ids_resume(door: Door):
    match_id = await door.a_match()
    async with streamed(door, match_id) as stream:
        headers = stream.answer.headers
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers["cache-control"] == "no-store, no-transform"
        assert headers["x-accel-buffering"] == "no"
        first = await stream.frame()
        assert (first["type"], first["reason"]) == ("snapshot", "start")
        assert first["seq"] == await door.seq_of(match_id)
        await door.tick(match_id, "8'")
        had = await stream.frame()
        assert (had["seq"], had["data"]["clock"]) == (first["seq"] + 1, "8'")
    for clock in ("9'", "10'"):
        await door.tick(match_id, clock)
    async with streamed(door, match_id, Last_Event_ID=had["resume"]) as stream:
        missed = [await stream.frame() for _ in range(2)]
        assert [one["data"]["clock"] for one in missed] == ["9'", "10'"]
    async with streamed(door, match_id, f"?since={had['resume']}&kinds=odds") as stream:
        assert (await stream.frame())["type"] == "heartbeat"


async def test_silence_is_filled_and_the_end_says_when_to_come_back(door: Door):
    match_id = await door.a_match()
    async with streamed(door, match_id, "?heartbeatMs=1000") as stream:
        place = (await stream.frame())["resume"]
        beat = await stream.frame()
        assert (beat["type"], beat["resume"]) == ("heartbeat", place)
        door.server.should_exit = True
        told = await stream.frame()
        assert told["type"] == "going_away"
        assert stream.retry == str(told["reconnectInMs"])
        with pytest.raises(AssertionError, match="ended"):
            await stream.event()


async def test_a_stream_that_is_left_leaves_nothing(door: Door):
    match_id = await door.a_match()
    async with streamed(door, match_id) as stream:
        await stream.frame()
        assert sockets_of(door) == 1
    async with asyncio.timeout(PATIENCE_S):
        while sockets_of(door) or door.app.state.hub.is_followed(match_id):
            await asyncio.sleep(0.01)


async def test_what_is_wrong_is_a_problem_as_everywhere(door: Door):
    match_id = await door.a_match()
    wrong = [
        (999, "", 404, "not_found"),
        ("%00", "", 400, "malformed_id"),
        (match_id, "?since=nonsense", 400, "malformed_resume"),
        (match_id, "?conflateMs=-1", 400, "malformed_request"),
        (match_id, "?kinds=everything", 400, "malformed_request"),
        (match_id, "?token=nonsense", 401, "not_authenticated"),
    ]
    for which, query, status, code in wrong:
        async with streamed(door, which, query) as stream:
            assert stream.answer.status_code == status
            problem = json.loads(await stream.answer.aread())
            assert (problem["code"], problem["status"]) == (code, status)


async def test_a_stream_counts_as_a_socket_and_takes_a_token_in_its_address(
    database_url: str, redis_url: str
):
    async with a_door(
        database_url, redis_url, ANONYMOUS_ACCESS="false", LIMIT_USER_SOCKETS="1"
    ) as door:
        match_id = await door.a_match()
        async with streamed(door, match_id) as stream:
            assert stream.answer.status_code == 401
        token = await a_token(door)
        async with streamed(door, match_id, f"?token={token}") as stream:
            assert (await stream.frame())["type"] == "snapshot"
            async with streamed(door, match_id, Authorization=f"Bearer {token}") as second:
                assert second.answer.status_code == 429
                assert json.loads(await second.answer.aread())["code"] == "too_many_sockets"
