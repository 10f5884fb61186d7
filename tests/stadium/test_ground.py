"""The whole: its two ports, its own door, and whom it lets in."""

import socket
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from app.stadium.certificate import CA_FILE, KEY_FILE, make_certificate
from app.stadium.ground import Ground, Plan, Stadium
from tests.stadium.grounds import NOW, SPEED, Clock, asking, ground, opened, shipped


async def test_it_listens_on_loopback_only_and_closes_both_ports(tmp_path: Path) -> None:
    async with opened(ground(now=Clock()), tmp_path) as stadium:
        ports = (stadium.port, stadium.stream_port)
        for port in ports:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(("127.0.0.2", port), timeout=5)
    for port in ports:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port), timeout=5)


async def test_closing_twice_is_safe(tmp_path: Path) -> None:
    stadium = Stadium(ground(now=Clock()), folder=tmp_path)
    await stadium.open()
    await stadium.close()
    await stadium.close()


async def test_a_port_that_is_taken_says_so_and_leaves_the_other_free(tmp_path: Path) -> None:
    async with opened(ground(now=Clock()), tmp_path) as one:
        other = Stadium(ground(now=Clock()), folder=tmp_path / "other", stream_port=one.stream_port)
        with pytest.raises(OSError, match="in use"):
            await other.open()
        await other.close()


@pytest.mark.parametrize("host", ["example.com", "example.com:80", "10.0.0.1", "localhost.evil"])
async def test_another_host_is_refused(host: str) -> None:
    async with asking(ground(now=Clock())) as client:
        answer = await client.get("/health", headers={"Host": host})
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8090", "[::1]:8090"])
async def test_this_host_is_let_in(host: str) -> None:
    async with asking(ground(now=Clock())) as client:
        answer = await client.get("/health", headers={"Host": host})
    assert answer.status_code == 200


async def test_somebody_from_elsewhere_is_refused() -> None:
    transport = httpx.ASGITransport(ground(now=Clock()).web, client=("192.0.2.1", 1))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/health")).status_code == 403


async def test_its_own_door_tells_truth_and_what_is_said_at_any_moment() -> None:
    async with asking(ground(now=Clock())) as client:
        now = (await client.get("/truth")).json()
        same = (await client.get("/truth", params={"at": NOW.isoformat()})).json()
        later = (await client.get("/truth", params={"at": "2026-06-01T18:00:30"})).json()
        said = (await client.get("/said/odds-api", params={"at": NOW.isoformat()})).json()
        nobody = await client.get("/said/nobody")
        never = await client.get("/truth", params={"at": "yesterday"})
    assert now == same != later
    assert {each["play"] for each in said} & {each["play"] for each in now}
    assert all(each["markets"] for each in said)
    assert nobody.status_code == 404
    assert never.status_code == 422


async def test_a_body_that_is_too_long_is_refused() -> None:
    async with asking(ground(now=Clock())) as client:
        answer = await client.post("/faults", content=b"x" * 300_000)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "path", ["/", "/nobody", "/betfair/x", "/odds-api/v5/sports?apiKey=stadium", "/thesportsdb/x"]
)
async def test_what_is_nowhere_is_not_found(path: str) -> None:
    async with asking(ground(now=Clock())) as client:
        answer = await client.post(path) if "betfair" in path else await client.get(path)
    assert answer.status_code == 404


def test_the_key_of_the_certificate_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    for _ in range(2):
        make_certificate(tmp_path)
        assert (tmp_path / KEY_FILE).stat().st_mode & 0o077 == 0
    assert (tmp_path / CA_FILE).read_text().startswith("-----BEGIN CERTIFICATE")


def test_what_is_on_follows_from_when_the_lanes_began() -> None:
    def on(since: datetime, after: timedelta) -> list[tuple[str, float, timedelta]]:
        plan = Plan(recordings=shipped(), speed=SPEED, lanes=3, since=since)
        truths = Ground(plan, now=Clock(since)).programme.truth_at(since + after)
        return [(t.play.partition("@")[0], t.at, t.start_time - since) for t in truths]

    begun = NOW + timedelta(seconds=1_234)
    for seconds in (0, 205, 4_000):
        after = timedelta(seconds=seconds)
        assert on(begun, after) == on(NOW, after)
    # The first lane of every sport begins with it.
    assert sum(start == timedelta(0) for _, _, start in on(NOW, timedelta(0))) >= 1
