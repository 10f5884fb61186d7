"""Feeds that call us: who may, what is answered, and what is in when it is."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from app.api.feeds import FEED_BODY_BYTES_MAX
from app.ingest.dead_letters import find
from app.ingest.pushes import READ_HERE_BYTES_MAX
from tests.api.conftest import Api, served
from tests.providers.push.bodies import RECORDED, a_body, a_quote, an_item

KEY, NEW_KEY, OTHER_KEY = "k" * 32, "n" * 32, "o" * 40
KEYS = f"told:{KEY}, told:{NEW_KEY}, uof:{OTHER_KEY}"
JSON, XML = "application/json", "application/xml"


@pytest.fixture
async def api(database_url: str, redis_url: str) -> AsyncGenerator[Api]:
    """The application, with two feeds."""
    async with served(database_url, redis_url, FEED_KEYS=KEYS) as api:
        yield api


async def push(
    api: Api, body: bytes, *, to: str = "told", key: str = KEY, **headers: str
) -> httpx.Response:
    """Pushes a body, signed with the key; headers replace those it has."""
    signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    given = {"content-type": JSON, "x-signature": signature}
    given.update({name.replace("_", "-"): value for name, value in headers.items()})
    return await api.client.post(f"/api/feeds/{to}", content=body, headers=given)


async def score(api: Api) -> Any:
    """The one score there is."""
    return await api.connection.fetchval("SELECT home_score FROM live_scores")


async def test_what_was_accepted_is_committed_and_what_was_not_is_told_and_kept(api: Api):
    body = a_body(an_item("a"), an_item("b", typo=1), an_item("c"))
    answer = await push(api, body)
    assert answer.status_code == 202
    told = answer.json()
    assert told["accepted"] == 2
    [refused] = told["rejected"]
    assert (refused["index"], refused["code"]) == (1, "unreadable")
    assert "typo" in refused["message"]
    assert told["batchId"] == hashlib.sha256(body).hexdigest()[:32]
    assert await api.connection.fetchval("SELECT count(*) FROM live_scores") == 2
    [letter] = await find(api.connection)
    assert (letter.origin.provider, letter.origin.scope) == ("told", "push")
    assert json.loads(letter.letter.raw)["typo"] == 1


async def test_a_match_nobody_knows_is_refused_and_kept(api: Api):
    stranger = an_item("who")
    del stranger["match"]["description"]
    told = (await push(api, a_body(an_item("a"), stranger))).json()
    assert told["accepted"] == 1
    assert [(one["index"], one["code"]) for one in told["rejected"]] == [(1, "unknown_match")]
    [letter] = await find(api.connection, code="unknown_match")
    assert letter.letter.external_id == "who"


async def test_the_same_body_twice_is_harmless(api: Api):
    quotes = [a_quote(2), a_quote(3, "draw"), a_quote(4, "away")]
    body = a_body(an_item(markets=[{"type": "winner", "quotes": quotes}]))
    first = await push(api, body)
    newer = an_item(score={"status": "live", "home": 2, "away": 0})
    await push(api, a_body({**newer, "observedAt": "2025-11-22T15:30:00Z"}))
    log = await api.connection.fetchval("SELECT count(*) FROM changes")
    again = await push(api, body)
    assert again.json() == first.json()
    # An older word of the same feed takes nothing back.
    assert await score(api) == 2
    assert await api.connection.fetchval("SELECT count(*) FROM changes") == log


@pytest.mark.parametrize("kind", [XML, "text/xml; charset=utf-8"])
async def test_xml_is_read_like_json(api: Api, kind: str):
    body = (
        '<observations><observation observedAt="2025-11-22T15:20:00Z">'
        '<match ref="x" sport="hockey"><description startTime="2025-11-22T15:00:00Z">'
        '<league ref="l" name="SHL"/><home ref="h" name="Frölunda"/>'
        '<away ref="a" name="Skellefteå"/></description></match>'
        '<score status="live" home="3" away="1"/></observation></observations>'
    ).encode()
    answer = await push(api, body, content_type=kind)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert await score(api) == 3


async def test_a_uof_feed_tells_fixtures_prices_and_stops(api: Api):
    async def tell(text: bytes) -> dict[str, Any]:
        answer = await push(api, text, to="uof", key=OTHER_KEY, content_type=XML)
        assert answer.status_code == 202
        return answer.json()

    at_ms = int(datetime.now(UTC).timestamp() * 1000) - 5_000
    event = f'event_id="sr:match:18001015" product="1" timestamp="{at_ms}"'
    odds = (
        f"<odds_change {event}><sport_event_status status='1' match_status='6' home_score='1'"
        " away_score='0'/><odds><market id='18' specifiers='total=2.5' status='1'>"
        "<outcome id='12' odds='1.9'/><outcome id='13' odds='1.9'/></market></odds></odds_change>"
    ).encode()
    unknown = await tell(odds)
    assert [one["code"] for one in unknown["rejected"]] == ["unknown_match"]
    assert (await tell((RECORDED / "fixture-0.xml").read_bytes()))["accepted"] == 1
    assert await tell(odds) == {**unknown, "accepted": 1, "rejected": []}
    assert await score(api) == 1
    await tell(f"<bet_stop {event.replace(str(at_ms), str(at_ms + 1000))} groups='all'/>".encode())
    market = await api.connection.fetchrow("SELECT type, status, reason FROM markets")
    assert tuple(market or ()) == ("total", "suspended", "bet_stop")
    alive = await tell(f'<alive product="1" timestamp="{at_ms}" subscribed="1"/>'.encode())
    assert (alive["accepted"], alive["rejected"]) == (0, [])
    noted = await api.connection.fetch("SELECT provider, sport_id FROM provider_health")
    assert [tuple(row) for row in noted] == [("uof", "football")]


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"to": "nobody"}, 404, "unknown_feed"),
        ({"x_signature": ""}, 401, "not_signed"),
        ({"x_signature": "z" * 64}, 401, "not_signed"),
        ({"x_signature": "0" * 64}, 403, "signature_wrong"),
        ({"key": OTHER_KEY}, 403, "signature_wrong"),
        ({"content_type": "text/plain"}, 415, "unsupported_media_type"),
        ({"content_encoding": "gzip"}, 415, "unsupported_media_type"),
    ],
)
async def test_who_may_not_push_is_told_why(
    api: Api, given: dict[str, str], status: int, code: str
):
    answer = await push(api, a_body(an_item()), **given)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert await score(api) is None


async def test_a_changed_body_has_another_signature(api: Api):
    body = a_body(an_item())
    signature = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
    changed = await push(api, body.replace(b'"home": 1', b'"home": 9'), x_signature=signature)
    assert changed.status_code == 403
    assert (await push(api, body, x_signature=f"sha256={signature.upper()}")).status_code == 202


async def test_a_key_is_replaced_without_a_gap(api: Api):
    assert (await push(api, a_body(an_item()), key=NEW_KEY)).status_code == 202


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", JSON),
        (b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", XML),
        (b"<html/>", XML),
    ],
)  # fmt: skip
async def test_a_body_that_is_none_is_refused_and_kept(api: Api, body: bytes, kind: str):
    answer = await push(api, body, content_type=kind)
    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable_body")
    [letter] = await find(api.connection)
    assert (letter.letter.code, letter.letter.raw) == ("unreadable", body)


async def test_a_body_may_have_8_mib_and_no_more(api: Api):
    whole = a_body(*[an_item(f"m{n}") for n in range(300)])
    large = whole[:-1] + b" " * (FEED_BODY_BYTES_MAX - len(whole)) + b"}"
    assert len(large) == FEED_BODY_BYTES_MAX > READ_HERE_BYTES_MAX
    assert (await push(api, large)).json()["accepted"] == 300

    async def in_pieces() -> AsyncGenerator[bytes]:
        yield large
        yield b" "

    headers = {"content-type": JSON, "x-signature": "0" * 64}
    too_large = await api.client.post("/api/feeds/told", content=large + b" ", headers=headers)
    assert (too_large.status_code, too_large.json()["code"]) == (413, "body_too_large")
    chunked = await api.client.post("/api/feeds/told", content=in_pieces(), headers=headers)
    assert chunked.status_code == 413


async def test_many_pushes_at_once_all_count(api: Api):
    bodies = [
        a_body(
            {
                **an_item("m", score={"status": "live", "home": n, "away": 0}),
                "observedAt": f"2025-11-22T15:20:{n:02}Z",
            }
        )
        for n in range(20)
    ]
    answers = await asyncio.gather(*(push(api, body) for body in bodies))
    assert {answer.status_code for answer in answers} == {202}
    # The feed's newest word, whichever came last; what is believed of it is not this test's.
    told = await api.connection.fetchval("SELECT score ->> 'home' FROM score_observations")
    assert told == "19"
    assert await api.connection.fetchval("SELECT count(*) FROM matches") == 1


async def test_feeds_have_a_limit_of_their_own(database_url: str, redis_url: str):
    limits = {"LIMIT_ANONYMOUS_PER_MINUTE": "1", "LIMIT_FEED_PER_MINUTE": "2"}
    async with served(database_url, redis_url, FEED_KEYS=KEYS, **limits) as api:
        statuses = [(await push(api, a_body(an_item()))).status_code for _ in range(3)]
        assert statuses == [202, 202, 429]
        assert (await push(api, a_body(), to="uof", key=OTHER_KEY)).status_code == 202
        # A stranger who cannot sign takes nothing of a feed's limit.
        assert (await push(api, a_body(), x_signature="0" * 64)).status_code == 403
        assert (await api.get("/api/sports")).status_code == 200


async def test_without_postgres_a_feed_is_asked_to_come_again(redis_url: str):
    nowhere = "postgresql://postgres@127.0.0.1:1/none"
    async with served(nowhere, redis_url, FEED_KEYS=KEYS) as api:
        answer = await push(api, a_body(an_item()))
        assert (answer.status_code, answer.json()["code"]) == (503, "dependency_down")
        assert answer.headers["retry-after"] == "1"


async def test_the_documentation_knows_what_is_pushed_and_answered(api: Api):
    told = (await api.get("/schema/openapi.json")).json()
    operation = told["paths"]["/api/feeds/{provider}"]["post"]
    assert {"application/json", "application/xml"} <= operation["requestBody"]["content"].keys()
    assert {"202", "400", "401", "403", "404", "413", "415", "429", "503"} <= operation[
        "responses"
    ].keys()
    assert "X-Signature" in {one["name"] for one in operation["parameters"]}
