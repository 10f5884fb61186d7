"""Forged, spoilt and outsized credentials: a 401 problem, whatever they are, never our fault."""

import base64
import hmac
import json
import random
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest

from app.access.key_ring import Algorithm
from app.access.signing_keys import rotate
from app.access.tokens import AccessTokens
from app.sports.ids import UserId
from tests.api.conftest import Api

# Few enough for seconds, many enough to hit every part of a token; the seed makes them the same.
SPOILT = 40
SEED = 20_260_101
CODES = {"not_authenticated", "token_expired", "token_revoked", "api_key_invalid", "ticket_invalid"}


def part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def assembled(header: dict[str, Any], claims: bytes, secret: bytes) -> str:
    """A token signed by HMAC with anything, a public key too, which PyJWT would refuse to do."""
    told = f"{part(json.dumps(header).encode())}.{part(claims)}"
    return f"{told}.{part(hmac.digest(secret, told.encode(), 'sha256'))}"


def forged(good: dict[str, str], public: dict[str, str]) -> Iterator[str]:
    """Tokens by name of attack; `good` are ours by algorithm, `public` their published keys."""
    for algorithm, token in good.items():
        header, claims, signature = token.split(".")
        said, kid = claims_of(token), jwt.get_unverified_header(token)["kid"]
        for none in ("none", "None", "NONE", "nOnE", ""):
            headed = part(json.dumps({"alg": none, "kid": kid, "typ": "JWT"}).encode())
            yield f"{headed}.{claims}."
            yield f"{headed}.{claims}.{signature}"
        yield f"{header}.{claims}."
        yield f"{header}.{part(json.dumps(said | {'role': 'admin'}).encode())}.{signature}"
        yield jwt.encode(said, "s" * 40, algorithm="HS256", headers={"kid": kid})
        yield jwt.encode(said, "s" * 64, algorithm="HS512", headers={"kid": kid})
        # The key we publish, used as the secret of an HMAC.
        for shown in public.values():
            for secret in (shown.encode(), json.loads(shown).get("x", "x").encode()):
                for named in (kid, "x"):
                    yield assembled(
                        {"alg": "HS256", "kid": named, "typ": "JWT"},
                        json.dumps(said).encode(),
                        secret,
                    )
        # One key's name over another's signature, and its header over another's token.
        for other, its in good.items():
            if other != algorithm:
                yield f"{its.split('.')[0]}.{claims}.{signature}"
                yield f"{header}.{its.split('.', 1)[1]}"
        for name in ("../../dev/null", "' OR 1=1 --", "x" * 1_000, "", None, 7, ["x"]):
            yield assembled({"alg": "HS256", "kid": name}, json.dumps(said).encode(), b"")
        for more in ({"jku": "https://example.org"}, {"jwk": {"kty": "oct"}}, {"crit": ["b64"]}):
            yield assembled(
                {"alg": algorithm, "kid": kid, "typ": "JWT", **more},
                json.dumps(said).encode(),
                b"s" * 40,
            )


def spoilt(token: str) -> Iterator[str]:
    """A good token with a byte or a stretch that is not."""
    chance = random.Random(SEED)
    letters = [*map(chr, range(33, 127)), "é", "ÿ", "\x80"]
    # The last letter of each part may hold bits that mean nothing, so those stay.
    places = [n for n in range(len(token) - 1) if token[n] != "." and token[n + 1] != "."]
    for _ in range(SPOILT):
        at = chance.choice(places)
        letter = chance.choice([one for one in letters if one != token[at]])
        yield token[:at] + letter + token[at + chance.choice((0, 1, 1, 1, 5)) :]


GARBAGE = [
    *("", " ", ".", "..", "...", "a.b.c", "null", "{}", "[]", "undefined", "tk_", "tl_", "tk_x"),
    *("tl_abcdefgh_" + "x" * 51, "eyJ", "=" * 50, "é" * 30, "%00", "a" * 2_047),
    *("x" * 30_000, "." * 3_000, "tk_" + "x" * 5_000, "tl_" + "x" * 5_000),
]


async def shown_as(api: Api, name: str, value: str) -> httpx.Response:
    return await api.client.get("/api/me", headers=[(name.encode(), value.encode("latin-1"))])


def assert_refused(answer: httpx.Response, shown: str) -> None:
    assert answer.status_code == 401, (shown[:300], answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] in CODES, shown[:300]


@pytest.fixture
async def tokens(api: Api) -> tuple[dict[str, str], dict[str, str]]:
    """A good token of each algorithm, with the public halves of their keys."""
    ring = api.app.state.gate.tokens.ring
    kept = [
        await rotate(api.connection, ring, algorithm, revoke=False)
        for algorithm in (Algorithm.RS256, Algorithm.EDDSA)
    ]
    # As if their time to sign had come, one after the other, with the secret before them.
    await api.connection.execute(
        "UPDATE signing_keys SET signs_from = now() - interval '60 s'"
        " + CASE algorithm WHEN 'EdDSA' THEN interval '30 s' ELSE interval '0' END"
    )
    settings = api.app.state.gate.tokens
    while ring.signer(time.time()).algorithm is not Algorithm.EDDSA:
        # The notification is on its way.
        await api.get("/health/live")
    good: dict[str, str] = {}
    for seconds in (0, 45, 90):
        now = time.time() - 90 + seconds
        algorithm = ring.signer(now).algorithm.value
        good[algorithm] = settings.issue(UserId(7), role="user", tier="free", now=now)
    assert good.keys() == {"HS256", "RS256", "EdDSA"}
    return good, {key.kid: key.public or "" for key in kept}


async def test_what_is_good_is_good_and_what_was_forged_is_refused(
    api: Api, tokens: tuple[dict[str, str], dict[str, str]]
):
    good, public = tokens
    for token in good.values():
        answer = await api.get("/api/sports", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
    published = (await api.get("/.well-known/jwks.json")).json()["keys"]
    assert {key["kid"] for key in published} == public.keys()
    for token in forged(good, public):
        assert_refused(await shown_as(api, "Authorization", f"Bearer {token}"), token)


async def test_a_good_token_that_was_spoilt_anywhere_is_refused(
    api: Api, tokens: tuple[dict[str, str], dict[str, str]]
):
    for token in tokens[0].values():
        for bad in spoilt(token):
            assert_refused(await shown_as(api, "Authorization", f"Bearer {bad}"), bad)


async def test_garbage_is_refused_wherever_it_is_shown(api: Api):
    secret = "not the secret of this server, and long enough"
    foreign = AccessTokens(secret, ttl_s=900)
    old = api.app.state.gate.tokens
    strangers = [
        foreign.issue(UserId(7), role="admin", tier="pro", now=time.time()),
        old.issue(UserId(7), role="user", tier="free", now=time.time() - 10_000),
        old.issue(UserId(7), role="user", tier="free", now=time.time() + 10_000),
    ]
    for text in [*GARBAGE, *strangers]:
        shown = [("X-API-Key", text), ("Authorization", text), ("Authorization", f"Bearer {text}")]
        for name, value in [*shown, ("Authorization", f"Basic {text}")]:
            assert_refused(await shown_as(api, name, value.strip()), value)


@pytest.mark.parametrize("path", ["/auth/refresh", "/auth/logout"])
async def test_garbage_for_refresh_tokens_is_the_callers_fault(api: Api, path: str):
    for text in (*GARBAGE, "\0", "\ud800"):
        body = json.dumps({"refreshToken": text})
        headers = {"Content-Type": "application/json"}
        answer = await api.client.post(path, content=body, headers=headers)
        assert answer.status_code in {204, 400, 401, 422, 429}, text[:100]
