"""The second layer: Redis, shared by all processes.

An entry is valid only under the tokens it was made under. Every match, every sport, "any sport"
and "everything" has a key `gen:...` that holds a random token; a reader fetches the tokens and the
entry in one MGET, and the entry counts only if the tokens it was stored with are still current.
To forget is to set new tokens, so an entry that was computed before a change and stored after it is
never believed, whoever stored it.
"""

import secrets
import time
from asyncio import timeout
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from app.cache.lifetimes import Made
from app.logs import logger

# One look-up; Redis answers in well under a millisecond, so this is "away", not "slow".
TIMEOUT_S = 0.25
# New tokens for everything that was forgotten, up to a thousand at once.
TELL_TIMEOUT_S = 2.0
# After a failure Redis is left alone this long, so that reads don't each pay the timeout.
REST_S = 0.5
CONNECTIONS_MAX = 32
# A token outlives every entry made under it; a match nobody reads costs nothing after that.
TOKEN_TTL_S = 3_600
ENTRY_BYTES_MAX = 1_048_576

AWAY = (RedisError, OSError, TimeoutError)

log = logger(__name__)


def open_redis(url: str) -> Redis:
    """Returns a client that connects when first used.

    It has no socket timeout: with one, Python 3.11 may swallow a cancellation in the middle of a
    call. Callers bound their calls with `asyncio.timeout`.
    """
    pool = BlockingConnectionPool.from_url(
        url, max_connections=CONNECTIONS_MAX, timeout=TIMEOUT_S, socket_timeout=None
    )
    # `from_pool`: closing the client closes its connections too.
    return Redis.from_pool(pool)


class _Redis(Protocol):
    """What is used of redis-py, whose own types say `Awaitable[X] | X`."""

    async def mget(self, keys: list[str]) -> list[bytes | None]: ...
    async def set(self, name: str, value: bytes, **how: Any) -> Any: ...
    def pipeline(self, *, transaction: bool) -> Any: ...


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """What stands before the body of an entry: by whose clock it is good until, of how long."""

    until_ms: int
    lifetime_ms: int
    tag: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a look-up found: the current tokens and, if it counts, an entry and its times.

    `left_s` is for how long it is good, `lifetime_s` of how long it was; a writer's clock that is
    wrong makes neither longer than it may be.
    """

    generations: bytes
    made: Made | None = None
    left_s: float = 0.0
    lifetime_s: float = 0.0


class RedisAnswers:
    """Entries in Redis. Failures are told by `is_away` and by None or False, never raised."""

    def __init__(self, redis: Redis) -> None:
        self._redis: _Redis = redis  # pyright: ignore[reportAttributeAccessIssue]
        self._resting_until = 0.0

    @property
    def is_away(self) -> bool:
        """Whether Redis failed a moment ago."""
        return time.monotonic() < self._resting_until

    async def look_up(self, name: str, tags: tuple[str, ...]) -> Found | None:
        """Returns what is known under the current tokens; None when Redis is away."""
        try:
            async with timeout(TIMEOUT_S):
                return await self._fetch(name, tags)
        except AWAY as error:
            self._rest(error)
            return None

    async def store(self, name: str, found: Found, made: Made, lifetime_s: float) -> None:
        """Stores an entry that was computed after `found` said which tokens are current."""
        if len(made.body) > ENTRY_BYTES_MAX:
            return
        lifetime_ms = max(1, int(lifetime_s * 1000))
        head = msgspec.json.encode(
            Stored(int(time.time() * 1000) + lifetime_ms, lifetime_ms, made.tag)
        )
        try:
            async with timeout(TIMEOUT_S):
                await self._redis.set(
                    f"entry:{name}",
                    b"\n".join((found.generations, head, made.body)),
                    px=lifetime_ms,
                )
        except AWAY as error:
            self._rest(error)

    async def renew_tokens(self, tags: Iterable[str]) -> bool:
        """Makes every entry about these invalid; False when Redis is away."""
        try:
            async with (
                timeout(TELL_TIMEOUT_S),
                self._redis.pipeline(transaction=False) as pipeline,
            ):
                for tag in tags:
                    pipeline.set(f"gen:{tag}", secrets.token_hex(8), ex=TOKEN_TTL_S)
                await pipeline.execute()
        except AWAY as error:
            self._rest(error)
            return False
        return True

    async def _fetch(self, name: str, tags: tuple[str, ...]) -> Found:
        keys = [f"gen:{tag}" for tag in tags]
        *tokens, stored = await self._redis.mget([*keys, f"entry:{name}"])
        if None in tokens:
            # Whatever is stored was made under another one.
            stored = None
            tokens = [t or await self._make_token(k) for k, t in zip(keys, tokens, strict=True)]
        generations = b",".join(token or b"" for token in tokens)
        if stored is None or not stored.startswith(generations + b"\n"):
            return Found(generations=generations)
        _, told, body = stored.split(b"\n", 2)
        head = msgspec.json.decode(told, type=Stored)
        left_ms = min(head.until_ms - time.time() * 1000, head.lifetime_ms)
        return Found(
            generations=generations,
            made=Made(body=body, tag=head.tag),
            left_s=max(0.0, left_ms / 1000),
            lifetime_s=head.lifetime_ms / 1000,
        )

    async def _make_token(self, key: str) -> bytes:
        """Returns the token of a key that has none, or the one that another has just made."""
        made = secrets.token_hex(8).encode()
        found: bytes | None = await self._redis.set(key, made, nx=True, get=True, ex=TOKEN_TTL_S)
        return made if found is None else found

    def _rest(self, error: BaseException) -> None:
        if not self.is_away:
            log.warning("redis_out_of_reach", error=str(error) or type(error).__name__)
        self._resting_until = time.monotonic() + REST_S
