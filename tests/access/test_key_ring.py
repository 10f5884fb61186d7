"""The ring of signing keys: one signs, those before it count until their last token is over."""

import json
import time
from datetime import UTC, datetime

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.access.key_ring import KEYS_MAX, LEEWAY_S, Algorithm, KeptKey, KeyRing
from app.access.tokens import AUDIENCE, ISSUER, AccessTokens
from app.errors import NotAuthenticated
from app.sports.ids import UserId

SECRET, OTHER = "a secret of the tests, long enough to sign", "another secret, just as long as that"
TTL_S = 900
NOW = time.time()


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOW + seconds, UTC)


def tokens_with(*kept: KeptKey, secret: str = SECRET, before: str = "") -> AccessTokens:
    tokens = AccessTokens(secret, ttl_s=TTL_S, secret_before=before)
    tokens.ring.replace(kept)
    return tokens


def made(algorithm: Algorithm, signs_from_s: float = -60, secret: str = SECRET) -> KeptKey:
    return KeyRing(secret, ttl_s=TTL_S).made(algorithm, signs_from=at(signs_from_s))


def issue(tokens: AccessTokens) -> str:
    return tokens.issue(UserId(7), role="user", tier="free", now=time.time())


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_key_of_each_kind_signs_what_another_process_reads(algorithm: Algorithm):
    key = made(algorithm)
    token = issue(tokens_with(key))
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "kid": key.kid, "typ": "JWT"}
    principal = tokens_with(key).read(token)
    assert (principal.user_id, principal.signed_by) == (7, key.kid)


@pytest.mark.parametrize("algorithm", [Algorithm.EDDSA, Algorithm.RS256])
def test_others_check_our_tokens_with_the_published_keys(algorithm: Algorithm):
    tokens = tokens_with(made(algorithm), made(Algorithm.HS256, -120))
    published = jwt.PyJWKSet.from_json(tokens.ring.jwks(NOW).decode())
    [key] = published.keys
    said = jwt.decode(issue(tokens), key, algorithms=[algorithm], audience=AUDIENCE, issuer=ISSUER)
    assert said["sub"] == "7"
    private = {"d", "p", "q", "dp", "dq", "qi", "k"}
    assert not private & json.loads(tokens.ring.jwks(NOW))["keys"][0].keys()


def test_a_new_key_signs_from_its_time_on_and_is_known_before():
    ring = tokens_with(made(Algorithm.EDDSA, 30)).ring
    assert ring.signer(NOW).kid.startswith("s-")
    assert not ring.signer(NOW + 31).kid.startswith("s-")
    assert b"EdDSA" in ring.jwks(NOW)


def test_the_key_before_counts_until_its_last_token_is_over():
    old, new = made(Algorithm.EDDSA, -10), made(Algorithm.EDDSA, 0)
    ring = tokens_with(old, new).ring
    header = issue(tokens_with(old)).split(".")[0]
    last = NOW + TTL_S + LEEWAY_S
    assert ring.of_header(header, last - 1) is not None
    assert ring.of_header(header, last + 1) is None
    assert old.kid.encode() in ring.jwks(last - 1)
    assert old.kid.encode() not in ring.jwks(last + 1)
    by_secret = issue(tokens_with()).split(".")[0]
    assert ring.of_header(by_secret, NOW - 10 + TTL_S) is not None
    assert ring.of_header(by_secret, last) is None


def test_a_revoked_key_neither_signs_nor_counts():
    key = made(Algorithm.EDDSA)
    token = issue(tokens_with(key))
    tokens = tokens_with(replace(key, revoked_at=at(0)))
    with pytest.raises(NotAuthenticated):
        tokens.read(token)
    assert tokens.ring.signer(NOW).kid.startswith("s-")
    assert tokens.ring.jwks(NOW) == b'{"keys":[]}'


def test_a_secret_that_was_revoked_counts_no_more_though_it_is_still_set():
    tokens = AccessTokens(SECRET, ttl_s=TTL_S)
    token = issue(tokens)
    tokens.ring.replace([replace(own, revoked_at=at(0)) for own in tokens.ring.own_kept()])
    with pytest.raises(NotAuthenticated):
        tokens.read(token)


def test_the_secret_before_reads_and_opens_and_never_signs():
    key = made(Algorithm.HS256, secret=OTHER)
    by_secret, by_key = issue(tokens_with(secret=OTHER)), issue(tokens_with(key, secret=OTHER))
    after = tokens_with(key, before=OTHER)
    assert after.read(by_secret).user_id == after.read(by_key).user_id == 7
    assert tokens_with(before=OTHER).ring.signer(NOW).kid == tokens_with().ring.signer(NOW).kid
    with pytest.raises(NotAuthenticated):
        tokens_with(key).read(by_key)


def test_a_key_that_cannot_be_opened_is_named_and_only_verifies():
    key = made(Algorithm.EDDSA, secret=OTHER)
    token = issue(tokens_with(key, secret=OTHER))
    tokens = tokens_with(key)
    assert tokens.ring.unreadable == (key.kid,)
    assert tokens.ring.signer(NOW).kid.startswith("s-")
    assert tokens.read(token).user_id == 7


def test_a_sealed_key_moved_to_another_name_does_not_open():
    key = made(Algorithm.HS256)
    assert tokens_with(replace(key, kid="another")).ring.unreadable == ("another",)
    assert tokens_with(replace(key, sealed=b"")).ring.unreadable == (key.kid,)


def test_more_keys_than_there_can_be_keep_the_newest():
    kept = [made(Algorithm.HS256, -1000 + n) for n in range(KEYS_MAX + 5)]
    assert tokens_with(*kept).ring.signer(NOW).kid == kept[-1].kid


@given(st.lists(st.tuples(st.integers(-2000, 60), st.booleans()), max_size=6), st.integers(0, 300))
def test_whatever_signs_is_read_by_everybody_who_has_the_same_keys(
    given_keys: list[tuple[int, bool]], later_s: int
):
    kept = [
        replace(HS_KEYS[number], signs_from=at(signs_s), revoked_at=at(0) if over else None)
        for number, (signs_s, over) in enumerate(given_keys)
    ]
    ours, theirs = KeyRing(SECRET, ttl_s=TTL_S), KeyRing(SECRET, ttl_s=TTL_S)
    ours.replace(kept)
    theirs.replace(kept[::-1])
    signer = ours.signer(NOW + later_s)
    # Until the end of what it signs now, at the latest, it counts.
    assert theirs.of_header(signer.header, NOW + later_s + TTL_S) is not None


HS_KEYS = [made(Algorithm.HS256) for _ in range(6)]
