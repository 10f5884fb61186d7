"""Access tokens: JWTs that say who somebody is, so that no request asks the database."""

import secrets
from collections.abc import Mapping
from typing import Any

import jwt
import msgspec

from app.access.errors import TokenExpired
from app.access.principal import Principal
from app.access.tiers import Role, Tier
from app.errors import NotAuthenticated
from app.sports.ids import UserId

ALGORITHM = "HS256"
ISSUER = "touchline"
AUDIENCE = "touchline-api"
# Clocks of machines of one installation differ by less.
LEEWAY_S = 5
TOKEN_LENGTH_MAX = 2048
_REQUIRED = ["sub", "iat", "exp", "jti", "iss", "aud", "role", "tier"]


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says; one that says anything else was not made here."""

    sub: str
    exp: int
    role: Role
    tier: Tier


class AccessTokens:
    """Issues and reads access tokens with one secret."""

    def __init__(self, secret: str, *, ttl_s: int) -> None:
        self.ttl_s = ttl_s
        self._secret = secret

    def issue(self, user_id: UserId, *, role: str, tier: str, now: float) -> str:
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
        }
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def read(self, token: str) -> Principal:
        """Returns who the token says is asking; raises TokenExpired, NotAuthenticated."""
        try:
            claims = msgspec.convert(self._verified(token), Claims)
            user_id = UserId(int(claims.sub))
        # RecursionError: a header of a thousand brackets, which PyJWT lets through to json.
        except (
            jwt.InvalidTokenError,
            msgspec.ValidationError,
            ValueError,
            RecursionError,
        ) as error:
            raise NotAuthenticated("The access token is not valid.") from error
        return Principal(
            key=f"user:{user_id}",
            user_id=user_id,
            role=claims.role,
            tier=claims.tier,
            expires_at=claims.exp,
        )

    def _verified(self, token: str) -> Mapping[str, Any]:
        if len(token) > TOKEN_LENGTH_MAX:
            raise NotAuthenticated("The access token is too long.")
        try:
            return jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=LEEWAY_S,
                options={"require": _REQUIRED},
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenExpired from error
