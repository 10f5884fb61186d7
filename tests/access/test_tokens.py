"""Access tokens: only ours, only unchanged, only in time."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.errors import TokenExpired
from app.access.tokens import LEEWAY_S, AccessTokens
from app.errors import AppError, NotAuthenticated
from app.sports.ids import UserId

SECRET = "a secret of the tests, long enough to sign"
TOKENS = AccessTokens(SECRET, ttl_s=900)
KID = TOKENS.ring.signer(0).kid


def issued(*, age_s: float = 0, role: str = "user", tier: str = "free") -> str:
    return TOKENS.issue(UserId(7), role=role, tier=tier, now=time.time() - age_s)


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def signed(**changes: Any) -> str:
    """A token with our signature whose claims are not ours; None takes a claim away."""
    claims = claims_of(issued()) | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, SECRET, algorithm="HS256", headers={"kid": KID})


def test_a_token_says_who_is_asking():
    principal = TOKENS.read(issued(role="operator", tier="pro"))
    assert (principal.key, principal.user_id) == ("user:7", 7)
    assert (principal.role, principal.tier) == ("operator", "pro")
    assert principal.is_operator
    assert principal.expires_at is not None


def test_two_tokens_of_one_moment_differ():
    assert claims_of(issued())["jti"] != claims_of(issued())["jti"]


def test_a_token_is_good_for_its_time_and_the_leeway():
    TOKENS.read(issued(age_s=900 - 60))
    with pytest.raises(TokenExpired):
        TOKENS.read(issued(age_s=900 + LEEWAY_S + 1))


def with_another_key() -> str:
    return AccessTokens("another secret, which is long enough too", ttl_s=900).issue(
        UserId(7), role="user", tier="free", now=time.time()
    )


def without_signature() -> str:
    return f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(claims_of(issued()))}."


def with_no_algorithm_but_our_signature() -> str:
    signature = issued().split(".")[2]
    return without_signature() + signature


def with_swapped_claims() -> str:
    header, _, signature = issued().split(".")
    return f"{header}.{encoded(claims_of(issued()) | {'role': 'admin'})}.{signature}"


def with_another_algorithm() -> str:
    return jwt.encode(claims_of(issued()), SECRET.ljust(64, "x"), algorithm="HS512")


def without_the_name_of_a_key() -> str:
    return jwt.encode(claims_of(issued()), SECRET, algorithm="HS256")


def with_the_name_of_another_key() -> str:
    return jwt.encode(claims_of(issued()), SECRET, algorithm="HS256", headers={"kid": "s-other"})


def with_the_header_written_otherwise() -> str:
    """Ours, with a field that some libraries would follow to a key of the forger's."""
    headers = {"kid": KID, "jku": "https://example.org/jwks.json"}
    return jwt.encode(claims_of(issued()), SECRET, algorithm="HS256", headers=headers)


def with_claims_of_a_thousand_brackets() -> str:
    header = issued().split(".")[0]
    told = f"{header}.{base64.urlsafe_b64encode(b'[' * 1100).rstrip(b'=').decode()}"
    signature = hmac.digest(SECRET.encode(), told.encode(), "sha256")
    return f"{told}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def with_a_thousand_brackets() -> str:
    header = base64.urlsafe_b64encode(b"[" * 1100).rstrip(b"=").decode()
    return f"{header}.{header[:40]}.x"


@pytest.mark.parametrize(
    "forged",
    [
        with_another_key,
        without_signature,
        with_no_algorithm_but_our_signature,
        with_swapped_claims,
        with_another_algorithm,
        with_a_thousand_brackets,
        with_claims_of_a_thousand_brackets,
        without_the_name_of_a_key,
        with_the_name_of_another_key,
        with_the_header_written_otherwise,
        lambda: issued() + "x",
        lambda: issued()[:-4],
        lambda: issued().replace(".", "..", 1),
        lambda: issued() + "." + issued(),
        lambda: "",
        lambda: "a.b.c",
        lambda: "é" * 20,
        lambda: "x" * 100_000,
    ],
)
def test_a_forged_token_is_no_credential(forged: Callable[[], str]):
    with pytest.raises(NotAuthenticated):
        TOKENS.read(forged())


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody"},
        {"aud": "something-else"},
        {"role": "emperor"},
        {"tier": "gold"},
        {"sub": "seven"},
        {"sub": "-7"},
        {"sub": "9" * 20},
        {"sub": "\u0667"},
        {"gen": "1"},
        {"sid": "not a family"},
        {"iat": 4_000_000_000},
        *({name: None} for name in ("sub", "iat", "exp", "jti", "iss", "aud", "role", "tier")),
    ],
    ids=str,
)
def test_our_own_signature_does_not_carry_foreign_claims(changes: dict[str, Any]):
    with pytest.raises(AppError) as raised:
        TOKENS.read(signed(**changes))
    assert raised.value.status == 401


def test_what_is_signed_unchanged_is_read():
    assert TOKENS.read(signed()).user_id == 7


@given(at=st.integers(0, 10_000), byte=st.characters(max_codepoint=255), cut=st.integers(0, 3))
def test_a_token_with_anything_changed_is_read_as_nobodys_or_as_it_was(
    at: int, byte: str, cut: int
):
    place = at % len(GOOD)
    spoilt = GOOD[:place] + byte + GOOD[place + cut :]
    try:
        principal = TOKENS.read(spoilt)
    except NotAuthenticated:
        return
    # The last letter of a part may hold bits that mean nothing.
    assert principal == TOKENS.read(GOOD)


GOOD = issued()
