"""Token buckets in Redis, taken from by one atomic script, shared by all processes.

GCRA ("virtual scheduling", ITU-T I.371): a bucket is one number, the time at which it would be
full again. It holds a minute's worth and refills evenly. Redis' clock is the only one asked.
"""

import asyncio
from collections.abc import Awaitable
from hashlib import sha1
from typing import cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from app import metrics

MINUTE_US = 60_000_000
# Redis answers within a millisecond or is in trouble.
REDIS_TIMEOUT_S = 0.25
# After trouble everybody is let in unasked for so long, so that not every request waits.
UNASKED_S = 1.0

# KEYS[1] bucket; ARGV[1] microseconds a token takes to come back; ARGV[2] tokens it holds.
# Answers {taken?, tokens left, us until full, us until the next token}; a refusal costs nothing.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, size = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = math.max(tonumber(redis.call('GET', KEYS[1])) or now, now)
local room_at = full_at + interval - interval * size
if now < room_at then
  return {0, 0, full_at - now, room_at - now}
end
full_at = full_at + interval
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
return {1, math.floor((now - room_at) / interval), full_at - now, 0}
"""
# A name of Redis' for the script, not a secret.
_TAKE_NAME = sha1(_TAKE.encode()).hexdigest()  # noqa: S324


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What a bucket answered. Times are whole seconds, rounded up."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: int
    retry_after_s: int


class RateLimits:
    """Takes tokens from buckets that every process shares."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._unasked_until = 0.0

    async def take(self, key: str, per_minute: int) -> Taken | None:
        """Takes one token of the bucket `key`; None when the limiter is out of reach.

        That is the outage policy, here and nowhere else: without Redis requests are let in,
        counted as `rate_limit_open`. Scores matter more than fairness for a minute.
        """
        now = asyncio.get_running_loop().time()
        if now >= self._unasked_until:
            try:
                async with asyncio.timeout(REDIS_TIMEOUT_S):
                    return _taken(await self._ask(key, per_minute), per_minute)
            except (RedisError, OSError, TimeoutError):
                self._unasked_until = asyncio.get_running_loop().time() + UNASKED_S
        metrics.rate_limit_open.inc()
        return None

    async def _ask(self, key: str, per_minute: int) -> list[int]:
        given = (f"limit:{key}", str(max(1, MINUTE_US // per_minute)), str(per_minute))
        try:
            return await cast("Awaitable[list[int]]", self._redis.evalsha(_TAKE_NAME, 1, *given))
        except NoScriptError:  # A fresh Redis, or one started again.
            return await cast("Awaitable[list[int]]", self._redis.eval(_TAKE, 1, *given))


def _taken(answer: list[int], limit: int) -> Taken:
    allowed, remaining, until_full_us, until_next_us = answer
    return Taken(
        allowed=bool(allowed),
        limit=limit,
        remaining=remaining,
        reset_s=-(-until_full_us // 1_000_000),
        retry_after_s=-(-until_next_us // 1_000_000),
    )
