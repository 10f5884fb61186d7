"""Access tokens: JWTs that say who somebody is, so that no request asks the database."""

import secrets
import time
from base64 import urlsafe_b64encode
from uuid import UUID

import jwt
import msgspec
from jwt.algorithms import Algorithm as Signer
from jwt.algorithms import get_default_algorithms

from app.access.errors import TokenExpired
from app.access.key_ring import LEEWAY_S, Key, KeyRing
from app.access.principal import Principal
from app.access.tiers import Role, Tier
from app.errors import NotAuthenticated
from app.sports.ids import UserId

ISSUER = "touchline"
AUDIENCE = "touchline-api"
TOKEN_LENGTH_MAX = 2048
# Tokens that were read lately, some 1 KB each; to verify one takes a tenth of a read's time.
KNOWN_MAX = 1_024
_REQUIRED = ["sub", "iat", "exp", "jti", "iss", "aud", "role", "tier"]
_SIGNERS: dict[str, Signer] = get_default_algorithms()


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says; one that says anything else was not made here.

    `gen` is the user's generation, `sid` the log-in (its family): revocations go by them.
    """

    sub: str
    exp: int
    role: Role
    tier: Tier
    gen: int = 0
    sid: UUID | None = None


class AccessTokens:
    """Issues and reads access tokens with the keys of a ring."""

    def __init__(self, secret: str, *, ttl_s: int, secret_before: str = "") -> None:
        self.ttl_s = ttl_s
        self.ring = KeyRing(secret, ttl_s=ttl_s, secret_before=secret_before)
        # With the key each was verified with.
        self._known: dict[str, tuple[Key, Principal]] = {}

    def issue(
        self,
        user_id: UserId,
        *,
        role: str,
        tier: str,
        now: float,
        generation: int = 0,
        family: UUID | None = None,
    ) -> str:
        """Returns a token that is good for `ttl_s` seconds from `now` (seconds since 1970)."""
        claims = {
            "sub": str(user_id),
            "iat": int(now),
            "exp": int(now) + self.ttl_s,
            "jti": secrets.token_urlsafe(16),
            "iss": ISSUER,
            "aud": AUDIENCE,
            "role": role,
            "tier": tier,
            "gen": generation,
            **({} if family is None else {"sid": str(family)}),
        }
        return _signed(self.ring.signer(now), msgspec.json.encode(claims))

    def read(self, token: str) -> Principal:
        """Returns who the token says is asking; raises TokenExpired, NotAuthenticated.

        Whether it was revoked is not asked here: that is the gate's.
        """
        if len(token) > TOKEN_LENGTH_MAX:
            raise NotAuthenticated("The access token is too long.")
        now = time.time()
        key = self.ring.of_header(token.partition(".")[0], now)
        if key is None:
            raise NotAuthenticated("The access token is not valid.")
        known = self._known.get(token)
        if known is not None and known[0] is key and now < (known[1].expires_at or 0):
            return known[1]
        principal = self._principal_of(token, key)
        if len(self._known) >= KNOWN_MAX:
            del self._known[next(iter(self._known))]
        self._known[token] = key, principal
        return principal

    def _principal_of(self, token: str, key: Key) -> Principal:
        claims = _verified(token, key)
        # Postgres' own bound: what cannot be an id of ours was not made here.
        if not claims.sub.isascii() or not claims.sub.isdigit() or len(claims.sub) > 19:
            raise NotAuthenticated("The access token is not valid.")
        user_id = UserId(int(claims.sub))
        return Principal(
            key=f"user:{user_id}",
            user_id=user_id,
            role=claims.role,
            tier=claims.tier,
            expires_at=claims.exp,
            generation=claims.gen,
            family=claims.sid,
            signed_by=key.kid,
        )


def _verified(token: str, key: Key) -> Claims:
    """Returns what a token says, its signature, times, issuer and audience being right."""
    try:
        said = jwt.decode(
            token,
            key.verifies_with,
            # The key's own algorithm, never the token's.
            algorithms=[key.algorithm.value],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY_S,
            options={"require": _REQUIRED},
        )
        return msgspec.convert(said, Claims)
    except jwt.ExpiredSignatureError as error:
        raise TokenExpired from error
    # RecursionError: claims of a thousand brackets, which PyJWT lets through to json.
    except (jwt.InvalidTokenError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise NotAuthenticated("The access token is not valid.") from error


def _signed(key: Key, claims: bytes) -> str:
    """Returns the compact form (RFC 7515 7.1); its header is the key's own, byte for byte."""
    told = f"{key.header}.{_base64(claims)}".encode()
    signer = _SIGNERS[key.algorithm.value]
    return f"{told.decode()}.{_base64(signer.sign(told, key.signs_with))}"


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
