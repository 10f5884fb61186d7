"""Request ids and HEAD."""

import pytest

from app.ops.traffic import request_id_of
from tests.api.conftest import Api


@pytest.mark.parametrize("given", ["abc", "A-1_b.2", "x" * 100])
def test_a_sane_request_id_of_the_caller_is_kept(given: str):
    assert request_id_of([(b"x-request-id", given.encode())]) == given


@pytest.mark.parametrize("given", [b"", b"a b", b"x" * 101, b"a\xff", b"a\n", b"<script>"])
def test_any_other_is_replaced(given: bytes):
    made = request_id_of([(b"x-request-id", given)])
    assert made.encode() != given
    assert made != request_id_of([(b"x-request-id", given)])


async def test_every_answer_has_a_request_id(api: Api):
    for path in ("/health", "/api/events", "/nothing", "/api/scores/%00", "/metrics"):
        answer = await api.get(path, headers={"x-request-id": "mine"})
        assert answer.headers.get_list("x-request-id") == ["mine"], path
        assert (await api.get(path)).headers["x-request-id"]


async def test_head_is_answered_as_get_without_the_body(api: Api):
    for path in ("/health/live", "/api/sports", "/nothing", "/"):
        got = await api.get(path, headers={"x-request-id": "same"})
        head = await api.client.head(path, headers={"x-request-id": "same"})
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["content-length"] == str(len(got.content))
        assert head.headers.get("etag") == got.headers.get("etag")
    assert (await api.get("/api/sports")).status_code == 200
