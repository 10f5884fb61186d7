"""The keys that sign access tokens: which one signs now, which ones still count.

A token names its key (`kid`) in its header, and the header of every token of ours is one of a few
strings, byte for byte. So the key is found by the whole header, before anything is decoded: what
names no key of ours, or names it with another algorithm, is nobody's token.

The key made last signs, from its `signs_from` on, by when every process has it. One that another
took over from counts until its last token's time is over. JWT_SECRET signs while no key was made.
"""

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import jwt
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

# Clocks of machines of one installation differ by less.
LEEWAY_S = 5
# More keys than a rotation a minute over the longest life of a token would need are a mistake.
KEYS_MAX = 64
# NIST SP 800-57: good beyond 2030 would take 3072; a token lives for minutes.
RSA_BITS = 2048
_NONCE_BYTES = 12
_SECRET_BYTES = 32


class Algorithm(StrEnum):
    """How a key signs, as JOSE names it (RFC 7518, RFC 8037)."""

    HS256 = "HS256"
    EDDSA = "EdDSA"
    RS256 = "RS256"


class KeptKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as Postgres keeps it. `sealed` is its private half, `public` its JWK, if it has one."""

    kid: str
    algorithm: Algorithm
    sealed: bytes | None
    public: str | None
    signs_from: datetime
    revoked_at: datetime | None = None


class Key(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A key ready for use. `signs_with` is None where its private half could not be opened."""

    kid: str
    algorithm: Algorithm
    header: str
    signs_with: Any
    verifies_with: Any
    public: str | None
    signs_from: float


class KeyRing:
    """The keys of this process. `replace` takes in what Postgres says of them."""

    def __init__(self, secret: str, *, ttl_s: int, secret_before: str = "") -> None:
        self._ttl_s = ttl_s
        self._secrets = [text for text in (secret, secret_before) if text]
        own = [_of_secret(text) for text in self._secrets]
        # Of the two the present one signs; the one before it only verifies.
        self._own = [own[0], *(_mute(key) for key in own[1:])]
        self._made: list[Key] = []
        self._revoked: frozenset[str] = frozenset()
        # A header's key, and when its last token is over.
        self._by_header: dict[str, tuple[Key, float]] = {}
        self.unreadable: tuple[str, ...] = ()
        self._arrange()

    @property
    def revoked(self) -> frozenset[str]:
        """The names of keys that count no more."""
        return self._revoked

    def replace(self, kept: Sequence[KeptKey]) -> None:
        """Takes in all keys that Postgres keeps, in any order; `unreadable` names those sealed
        with another secret than ours: they verify, if they have a public half, and never sign.
        """
        unreadable: list[str] = []
        made: list[Key] = []
        for one in sorted(kept, key=lambda key: key.signs_from)[-KEYS_MAX:]:
            key = None if one.sealed is None else self._opened(one)
            if key is not None and key.signs_with is None:
                unreadable.append(one.kid)
            if key is not None and key.verifies_with is not None:
                made.append(key)
        self._made = made
        self._revoked = frozenset(one.kid for one in kept if one.revoked_at is not None)
        self.unreadable = tuple(unreadable)
        self._arrange()

    def signer(self, now: float) -> Key:
        """Returns the key that signs at `now` (seconds since 1970).

        When all are revoked it is the one of JWT_SECRET, whose tokens then count for nobody: a
        secret that leaked is replaced, not used on.
        """
        able = [key for key in self._made if key.signs_with is not None and self._counts(key)]
        return next((key for key in reversed(able) if key.signs_from <= now), self._own[0])

    def of_header(self, header: str, now: float) -> Key | None:
        """Returns the key that a token's first part names, None when none that counts does."""
        key, until = self._by_header.get(header, (None, 0.0))
        return None if now > until else key

    def jwks(self, now: float) -> bytes:
        """Returns the public halves of keys that count or soon will, as a JWK set (RFC 7517)."""
        shown = [
            {"kid": key.kid, "alg": key.algorithm, "use": "sig", **json.loads(key.public)}
            for key in self._made
            if key.public is not None and self._counts(key) and now <= self._until(key)
        ]
        return msgspec.json.encode({"keys": shown})

    def made(self, algorithm: Algorithm, *, signs_from: datetime) -> KeptKey:
        """Returns a new key, sealed, to be kept in Postgres."""
        kid = secrets.token_urlsafe(9)
        private, public = _generated(algorithm)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + AESGCM(_sealing_key(self._secrets[0])).encrypt(
            nonce, private, kid.encode()
        )
        return KeptKey(
            kid=kid, algorithm=algorithm, sealed=sealed, public=public, signs_from=signs_from
        )

    def own_kept(self) -> list[KeptKey]:
        """Returns what stands in Postgres for the keys of our settings, once they are revoked."""
        return [
            KeptKey(
                kid=key.kid,
                algorithm=key.algorithm,
                sealed=None,
                public=None,
                signs_from=datetime.fromtimestamp(0, UTC),
            )
            for key in self._own
        ]

    def _arrange(self) -> None:
        self._by_header = {
            key.header: (key, self._until(key))
            for key in (*self._own, *self._made)
            if self._counts(key)
        }

    def _counts(self, key: Key) -> bool:
        return key.kid not in self._revoked

    def _until(self, key: Key) -> float:
        """Returns when the last token of a key is over, infinity for the one that signs."""
        after = [
            other.signs_from
            for other in self._made
            if other.signs_from > key.signs_from
            and other.signs_with is not None
            and self._counts(other)
        ]
        return min(after) + self._ttl_s + LEEWAY_S if after else float("inf")

    def _opened(self, kept: KeptKey) -> Key | None:
        private = _unsealed(kept, self._secrets)
        if kept.algorithm is Algorithm.HS256:
            signs_with = verifies_with = private
        else:
            signs_with = None if private is None else _private_key(private)
            verifies_with = _public_key(kept)
        return Key(
            kid=kept.kid,
            algorithm=kept.algorithm,
            header=_header_of(kept.kid, kept.algorithm),
            signs_with=signs_with,
            verifies_with=verifies_with,
            public=kept.public,
            signs_from=kept.signs_from.timestamp(),
        )


def _of_secret(secret: str) -> Key:
    """Returns the key of a secret of the settings; its name tells nothing of it."""
    digest = hashlib.blake2b(secret.encode(), digest_size=6, person=b"touchline kid").digest()
    kid = "s-" + urlsafe_b64encode(digest).decode()
    return Key(
        kid=kid,
        algorithm=Algorithm.HS256,
        header=_header_of(kid, Algorithm.HS256),
        signs_with=secret.encode(),
        verifies_with=secret.encode(),
        public=None,
        signs_from=0.0,
    )


def _mute(key: Key) -> Key:
    return msgspec.structs.replace(key, signs_with=None)


def _header_of(kid: str, algorithm: Algorithm) -> str:
    """Returns the first part of every token this key signs, as `AccessTokens` writes it."""
    text = msgspec.json.encode({"alg": algorithm, "kid": kid, "typ": "JWT"})
    return urlsafe_b64encode(text).rstrip(b"=").decode()


def _generated(algorithm: Algorithm) -> tuple[bytes, str | None]:
    """Returns a new private key and the JWK of its public half, None where it has none."""
    if algorithm is Algorithm.HS256:
        return secrets.token_bytes(_SECRET_BYTES), None
    if algorithm is Algorithm.EDDSA:
        edwards = ed25519.Ed25519PrivateKey.generate()
        return _der(edwards), OKPAlgorithm.to_jwk(edwards.public_key())
    big = rsa.generate_private_key(public_exponent=65_537, key_size=RSA_BITS)
    return _der(big), RSAAlgorithm.to_jwk(big.public_key())


def _der(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _private_key(der: bytes) -> Any:
    return serialization.load_der_private_key(der, password=None)


def _public_key(kept: KeptKey) -> Any:
    return jwt.PyJWK.from_json(kept.public or "", algorithm=kept.algorithm.value).key


def _sealing_key(secret: str) -> bytes:
    """Returns the AES-256 key of a secret (HKDF, RFC 5869); it signs nothing."""
    derive = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"touchline signing keys")
    return derive.derive(secret.encode())


def _unsealed(kept: KeptKey, with_secrets: Sequence[str]) -> bytes | None:
    """Returns the private half, None when it was sealed with none of the secrets, or changed."""
    sealed = kept.sealed or b""
    for secret in with_secrets:
        try:
            return AESGCM(_sealing_key(secret)).decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], kept.kid.encode()
            )
        except (InvalidTag, ValueError):
            continue
    return None
