"""Sockets open a caller, over all processes, counted with leases in Redis.

Every process is a holder with one lease, whoever's sockets it has: renewing costs one command a
process, not one a socket. What it holds for each caller stands as a number under the caller's key;
numbers of a holder whose lease ran out do not count and are swept away. So a process that dies by
SIGKILL frees what it held within `LEASE_S`, and nothing has to notice its death.

A process asks in turns, one at a time: each turn carries every opening that waits, every number
that changed by a close, and the renewal. Numbers are absolute, never "one more", so a turn that is
lost, or told twice, leaves nothing wrong. Redis' clock is the only one asked.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Iterable
from hashlib import sha1
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from app import metrics
from app.access.errors import TooManySockets
from app.access.tiers import Allowance
from app.logs import logger

# What a process held that died without a word is free after so long.
LEASE_S = 12.0
# A lease outlives some renewals that fail.
RENEWALS_PER_LEASE = 4
# Closes are collected so long before they are told.
FLUSH_S = 0.1
# Callers in one turn: the script holds Redis for about a millisecond then.
CALLERS_PER_TURN_MAX = 500
# Redis answers within a millisecond or is in trouble; but in a storm of handshakes it is our own
# loop that is late to read the answer, and just then the limits are to hold.
REDIS_TIMEOUT_S = 1.0
# After trouble openings are counted here alone for so long, so that not every one waits.
UNASKED_S = 1.0
# A number nobody tells again is forgotten after a day; all are told again long before.
KEPT_S = 86_400
RETELL_S = 3_600.0
# A stopping process does not wait for a Redis that is away.
LEAVE_WITHIN_S = 1.0

HOLDERS = "{sockets}:holders"

# KEYS[1] holders by the end of their lease; KEYS[2..] what is held for one caller, by holder.
# ARGV[1] holder; ARGV[2] its lease in ms; ARGV[3] s a number is kept; then for each caller: how
# many the holder has, how many more it wants, how many the caller may have.
# Answers {1 when the lease is a new one, granted, granted, ...}.
_TURN = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. string.format('%.0f', now))
local ends = string.format('%.0f', now + tonumber(ARGV[2]))
local answer = {redis.call('ZADD', KEYS[1], ends, ARGV[1])}
for n = 2, #KEYS do
  local at = 3 * n - 2
  local own, wanted, most = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local granted = 0
  if wanted > 0 then
    local others, held = 0, redis.call('HGETALL', KEYS[n])
    for i = 1, #held, 2 do
      if held[i] ~= ARGV[1] then
        if redis.call('ZSCORE', KEYS[1], held[i]) then
          others = others + tonumber(held[i + 1])
        else
          redis.call('HDEL', KEYS[n], held[i])
        end
      end
    end
    granted = math.max(0, math.min(wanted, most - others - own))
  end
  if own + granted > 0 then
    redis.call('HSET', KEYS[n], ARGV[1], own + granted)
    redis.call('EXPIRE', KEYS[n], ARGV[3])
  else
    redis.call('HDEL', KEYS[n], ARGV[1])
  end
  answer[n] = granted
end
return answer
"""
# A name of Redis' for the script, not a secret.
_TURN_NAME = sha1(_TURN.encode()).hexdigest()  # noqa: S324

log = logger(__name__)


class Lease:
    """One socket that counts, until `release`."""

    __slots__ = ("_key", "_leases", "_over")

    def __init__(self, leases: "SocketLeases", key: str) -> None:
        self._leases = leases
        self._key = key
        self._over = False

    def release(self) -> None:
        """Lets it go; told to the others within `FLUSH_S`. Safe to call twice, never waits."""
        if not self._over:
            self._over = True
            self._leases.let_go(self._key)


class _Opening:
    """One socket that waits to be let in."""

    __slots__ = ("answer", "key", "most")

    def __init__(self, key: str, most: int) -> None:
        self.key = key
        self.most = most
        self.answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()


class SocketLeases:
    """Counts the sockets of every caller. One a process; `run` tells Redis, until cancelled."""

    def __init__(self, redis: Redis, holder: str, *, lease_s: float = LEASE_S) -> None:
        self._redis = redis
        self._holder = holder
        self._lease_s = lease_s
        self._held: Counter[str] = Counter()
        self._changed: set[str] = set()
        self._waiting: list[_Opening] = []
        self._in_turn: list[_Opening] = []
        self._wake = asyncio.Event()
        self._flush: asyncio.TimerHandle | None = None
        self._running = False
        self._unasked_until = 0.0
        self._retell_at = 0.0
        self._up = True

    async def acquire(self, key: str, allowance: Allowance) -> Lease:
        """Counts one more socket of the caller `key`; raises TooManySockets, which says the limit.

        That without Redis each process counts for itself is decided in `run` and nowhere else:
        then a caller may have its limit in each of them, and openings are counted as unshared.
        """
        if self._held[key] >= allowance.sockets:
            # No other process can make this right, so none is asked.
            raise self._refused(allowance)
        opening = _Opening(key, allowance.sockets)
        if self._running and asyncio.get_running_loop().time() >= self._unasked_until:
            self._waiting.append(opening)
            self._wake.set()
        else:
            self._answer_alone([opening])
        try:
            granted = await opening.answer
        except asyncio.CancelledError:
            self._forget(opening)
            raise
        if not granted:
            raise self._refused(allowance)
        return Lease(self, key)

    def held(self, key: str) -> int:
        """Returns how many sockets of a caller this process has."""
        return self._held[key]

    def let_go(self, key: str) -> None:
        """Takes one socket of a caller off; `Lease.release` is the way to it."""
        self._held[key] -= 1
        if self._held[key] <= 0:
            del self._held[key]
        self._changed.add(key)
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(FLUSH_S, self._wake.set)

    async def run(self) -> None:
        """Answers openings and renews the lease until cancelled; then lets everything go."""
        self._running = True
        try:
            while True:
                await self._rest()
                await self._turns()
        finally:
            self._running = False
            self._answer_alone(self._in_turn + self._waiting)
            self._in_turn, self._waiting = [], []
            await self._leave()

    async def _rest(self) -> None:
        """Waits for an opening, or until closes are to be told, or the lease to be renewed."""
        renew_s = self._lease_s / RENEWALS_PER_LEASE
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(renew_s if self._up else min(renew_s, UNASKED_S)):
                await self._wake.wait()
        self._wake.clear()
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None

    async def _turns(self) -> None:
        """Takes turns until nothing waits; one at least, which renews the lease."""
        now = asyncio.get_running_loop().time()
        if now >= self._retell_at:
            self._retell_at = now + RETELL_S
            self._changed.update(self._held)
        while True:
            keys = self._take_turn()
            try:
                async with asyncio.timeout(REDIS_TIMEOUT_S):
                    is_new, *granted = await self._ask(keys)
            except (RedisError, OSError, TimeoutError) as error:
                self._redis_is_away(keys, error)
                return
            self._up, self._unasked_until = True, 0.0
            self._answer(dict(zip(keys, granted, strict=True)))
            if is_new:
                # The lease had run out, or Redis forgot: what else we hold is not known there.
                self._changed.update(self._held.keys() - set(keys))
            if not (self._waiting or self._changed):
                return

    def _take_turn(self) -> list[str]:
        """Returns the callers of the next turn, and takes their openings in."""
        opening = dict.fromkeys(waiting.key for waiting in self._waiting)
        changed = (key for key in self._changed if key not in opening)
        keys = [*opening, *changed][:CALLERS_PER_TURN_MAX]
        taken = set(keys)
        self._in_turn = [waiting for waiting in self._waiting if waiting.key in taken]
        self._waiting = [waiting for waiting in self._waiting if waiting.key not in taken]
        self._changed -= taken
        return keys

    async def _ask(self, keys: list[str]) -> list[int]:
        wanted = Counter(opening.key for opening in self._in_turn)
        most = {opening.key: opening.most for opening in self._in_turn}
        arguments: list[str | int] = [self._holder, int(self._lease_s * 1000), KEPT_S]
        for key in keys:
            arguments += [self._held[key], wanted[key], most.get(key, 0)]
        given = (HOLDERS, *(f"{{sockets}}:{key}" for key in keys), *map(str, arguments))
        count = len(keys) + 1
        try:
            asked = self._redis.evalsha(_TURN_NAME, count, *given)
            return await cast("Awaitable[list[int]]", asked)
        except NoScriptError:  # A fresh Redis, or one started again.
            return await cast("Awaitable[list[int]]", self._redis.eval(_TURN, count, *given))

    def _answer(self, granted: dict[str, int]) -> None:
        """Tells those that waited, in the order they came; the numbers are true here first."""
        answered, self._in_turn = self._in_turn, []
        for opening in answered:
            if opening.answer.done():
                # It went while Redis was asked, so what was granted for it is too much there.
                self._changed.add(opening.key)
            elif granted[opening.key] > 0:
                granted[opening.key] -= 1
                self._held[opening.key] += 1
                opening.answer.set_result(True)
            else:
                opening.answer.set_result(False)

    def _redis_is_away(self, keys: Iterable[str], error: Exception) -> None:
        """Counts alone for a while; what this turn was to tell is told when Redis is back."""
        if self._up:
            log.warning("socket_leases_unshared", error=str(error) or type(error).__name__)
        self._up = False
        self._unasked_until = asyncio.get_running_loop().time() + UNASKED_S
        self._answer_alone(self._in_turn + self._waiting)
        self._in_turn, self._waiting = [], []
        self._changed.update(keys)
        self._changed.update(self._held)

    def _answer_alone(self, openings: Iterable[_Opening]) -> None:
        """Answers by what this process holds, and counts each so."""
        for opening in openings:
            if opening.answer.done():
                continue
            metrics.socket_leases_unshared.inc()
            granted = self._held[opening.key] < opening.most
            if granted:
                self._held[opening.key] += 1
                self._changed.add(opening.key)
            opening.answer.set_result(granted)

    def _forget(self, opening: _Opening) -> None:
        """Takes back what may have been granted to an opening that was given up."""
        if opening in self._waiting:
            self._waiting.remove(opening)
        answer = opening.answer
        if answer.done() and not answer.cancelled() and answer.result():
            self.let_go(opening.key)

    def _refused(self, allowance: Allowance) -> TooManySockets:
        metrics.sockets_refused.inc()
        return TooManySockets(
            f"{allowance.sockets} sockets at once are what this caller's tier allows; close one"
            " first."
        )

    async def _leave(self) -> None:
        """Gives the lease back, so that nobody waits for it to run out."""
        if not self._up:
            return
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(LEAVE_WITHIN_S):
                await self._redis.zrem(HOLDERS, self._holder)
