"""Who may read the metrics, and what they count."""

from ipaddress import ip_network

import pytest

from app.ops.metrics import is_among
from tests.api.conftest import Api, served

NETWORKS = (ip_network("10.0.0.0/8"), ip_network("::1/128"))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("::1", True),
        ("::2", False),
        ("::ffff:10.1.2.3", True),
        ("", False),
        ("localhost", False),
    ],
)
def test_an_address_is_in_a_network_or_not(host: str, expected: bool):  # noqa: FBT001
    assert is_among(host, NETWORKS) is expected


async def test_requests_are_counted_by_route_and_never_by_raw_path(api: Api):
    for path in ("/api/scores/123456", "/api/scores/654321", "/no/such/path-123456"):
        await api.get(path)
    text = (await api.get("/metrics")).text
    assert 'route="/api/scores/{match_id}",status="404"' in text
    assert 'route="unmatched",status="404"' in text
    series = [line.rsplit(" ", 1)[0] for line in text.splitlines()]
    assert not any("123456" in name or "654321" in name for name in series)


async def test_metrics_are_not_for_every_network(database_url: str, redis_url: str):
    allowed = {"METRICS_ALLOW_IPS": "10.0.0.0/8"}
    async with served(database_url, redis_url, **allowed) as api:
        answer = await api.get("/metrics")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
        forged = await api.get("/metrics", headers={"x-forwarded-for": "10.0.0.1"})
        assert forged.status_code == 403
    async with served(database_url, redis_url, **allowed, FORWARDED_ALLOW_IPS="127.0.0.1") as api:
        proxied = await api.get("/metrics", headers={"x-forwarded-for": "10.0.0.1"})
        assert proxied.status_code == 200
