"""Every fault of the line, met over a real one; and the door where faults are set."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import msgspec
import pytest

from app.stadium.faults import FAULTS_MAX, Fault, FaultKind
from app.stadium.ground import KEY, Stadium
from tests.stadium.grounds import Clock, ground, opened

PATH = "/api-football/fixtures?live=all"


@pytest.fixture
async def stadium(tmp_path: Path) -> AsyncGenerator[Stadium]:
    """One on free ports, whose clock stands."""
    async with opened(ground(now=Clock()), tmp_path) as place:
        yield place


@pytest.fixture
async def client(stadium: Stadium) -> AsyncGenerator[httpx.AsyncClient]:
    """Asks it with the key of API-Football; gives up after a second."""
    async with httpx.AsyncClient(
        base_url=stadium.url, headers={"x-apisports-key": KEY}, timeout=1.0, trust_env=False
    ) as asking:
        yield asking


async def set_fault(client: httpx.AsyncClient, kind: FaultKind, **more: object) -> None:
    fault = {"provider": "api-football", "kind": kind, **more}
    answer = await client.post("/faults", json=fault)
    assert answer.status_code == 200, answer.text


async def test_latency_answers_late(client: httpx.AsyncClient) -> None:
    await set_fault(client, FaultKind.LATENCY, latency_ms=60_000)
    with pytest.raises(httpx.ReadTimeout):
        await client.get(PATH)


async def test_latency_answers_all_the_same(client: httpx.AsyncClient) -> None:
    await set_fault(client, FaultKind.LATENCY, latency_ms=50)
    begun = asyncio.get_running_loop().time()
    answer = await client.get(PATH)
    assert answer.json()["response"]
    assert asyncio.get_running_loop().time() - begun >= 0.05


async def test_too_many_says_when_to_come_back(client: httpx.AsyncClient) -> None:
    await set_fault(client, FaultKind.TOO_MANY, retry_after_s=7)
    answer = await client.get(PATH)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_an_error_is_no_json(client: httpx.AsyncClient, status: int) -> None:
    await set_fault(client, FaultKind.ERROR, status=status)
    answer = await client.get(PATH)
    assert answer.status_code == status
    assert answer.text.startswith("<html>")


async def test_a_cut_line_ends_in_the_middle_of_the_body(client: httpx.AsyncClient) -> None:
    await set_fault(client, FaultKind.CUT)
    async with client.stream("GET", PATH) as answer:
        assert answer.status_code == 200
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await answer.aread()


async def test_truncated_json_looks_whole_to_http(client: httpx.AsyncClient) -> None:
    await set_fault(client, FaultKind.TRUNCATED)
    answer = await client.get(PATH)
    assert answer.status_code == 200
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(answer.content)


async def test_a_refused_line_says_nothing(client: httpx.AsyncClient) -> None:
    await set_fault(client, FaultKind.REFUSED)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await client.get(PATH)


async def test_a_silent_provider_waits_out_who_asks(client: httpx.AsyncClient) -> None:
    await set_fault(client, FaultKind.SILENT)
    with pytest.raises(httpx.ReadTimeout):
        await client.get(PATH)
    others = await client.get("/thesportsdb/api/v1/json/123/eventsday.php?d=2026-06-01")
    assert others.status_code == 200


async def test_a_fault_is_of_one_provider_and_of_a_path(client: httpx.AsyncClient) -> None:
    await set_fault(client, FaultKind.ERROR, path="/odds")
    assert (await client.get("/api-football/odds/live")).status_code == 503
    assert (await client.get(PATH)).status_code == 200


async def test_a_share_of_the_requests_meets_it_and_the_same_ones_each_time(
    tmp_path: Path,
) -> None:
    runs: list[list[int]] = []
    for number in range(2):
        async with (
            opened(ground(now=Clock(), seed=3), tmp_path / str(number)) as place,
            httpx.AsyncClient(base_url=place.url, trust_env=False) as client,
        ):
            await set_fault(client, FaultKind.ERROR, share=0.5)
            runs.append([(await client.get(PATH)).status_code for _ in range(40)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}


async def test_faults_are_listed_and_taken_back(
    client: httpx.AsyncClient, stadium: Stadium
) -> None:
    await set_fault(client, FaultKind.ERROR)
    await set_fault(client, FaultKind.LATENCY, from_s=60, for_s=5)
    listed = (await client.get("/faults")).json()
    assert [(each["kind"], each["on"]) for each in listed] == [("error", True), ("latency", False)]
    clock = stadium.ground.now
    assert isinstance(clock, Clock)
    clock.move(1)
    assert (await client.get(PATH)).status_code == 503
    await client.delete("/faults", params={"provider": "betfair"})
    assert (await client.get(PATH)).status_code == 503
    await client.delete("/faults", params={"provider": "api-football"})
    assert (await client.get(PATH)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"provider": "nobody", "kind": "error"}',
        b'{"provider": "betfair", "kind": "rain"}',
        b'{"provider": "betfair", "kind": "error", "status": 200}',
        b'{"provider": "betfair", "kind": "error", "more": 1}',
        b'{"provider": "betfair", "kind": "latency", "latency_ms": 1e9}',
    ],
)
async def test_a_fault_that_is_none_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/faults", content=body)
    assert answer.status_code == 422
    assert (await client.get("/faults")).json() == []


async def test_there_are_not_more_faults_than_fit(client: httpx.AsyncClient) -> None:
    fault = {"provider": "betfair", "kind": "error"}
    assert (await client.post("/faults", json=[fault] * FAULTS_MAX)).status_code == 200
    answer = await client.post("/faults", json=fault)
    assert answer.status_code == 422
    assert len((await client.get("/faults")).json()) == FAULTS_MAX


async def test_a_scenarios_faults_come_and_go_by_the_clock(tmp_path: Path) -> None:
    clock = Clock()
    error = Fault(provider="api-football", kind=FaultKind.ERROR, from_s=10, for_s=5)
    async with (
        opened(ground(now=clock, faults=[error]), tmp_path) as place,
        httpx.AsyncClient(base_url=place.url, trust_env=False) as client,
    ):
        statuses: list[int] = []
        for _ in range(4):
            statuses.append((await client.get(PATH)).status_code)
            clock.move(5)
    assert statuses == [200, 200, 503, 200]
