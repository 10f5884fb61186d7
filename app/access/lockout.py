"""What guessing costs: after some wrong passwords each further try has to wait, twice as long.

Counted per account, whether there is one or not, and per address, in Redis for all processes. A try
is counted before its password is checked, so a hundred at once are no way around it; the right
password gives the account's tries back. A lock ends by itself after a quarter of an hour at most:
whoever guesses keeps the owner out no longer than that, and a reset by mail ends it at once.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable
from hashlib import sha1
from typing import cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from app import metrics
from app.access.errors import TooManyAttempts

# Redis answers within a millisecond or is in trouble.
REDIS_TIMEOUT_S = 0.25
# After trouble it is left alone for so long.
UNASKED_S = 1.0
# Accounts and addresses one process counts by itself, 200 bytes each; the oldest make room.
LOCAL_MAX = 10_000

# KEYS[1] tries, KEYS[2] lock; ARGV: tries that are free, first wait, longest wait, window, all ms.
# Answers the ms to wait, 0 when the try may be made; one that has to wait is not counted.
_TRY = """
local wait = redis.call('PTTL', KEYS[2])
if wait > 0 then return wait end
local tries = redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
local over = tries - tonumber(ARGV[1])
if over >= 0 then
  local lock = math.min(tonumber(ARGV[2]) * 2 ^ math.min(over, 30), tonumber(ARGV[3]))
  redis.call('SET', KEYS[2], '1', 'PX', string.format('%.0f', lock))
end
return 0
"""
_GIVE_BACK = "if tonumber(redis.call('GET', KEYS[1]) or 0) > 0 then redis.call('DECR', KEYS[1]) end"
# A name of Redis' for the script, not a secret.
_TRY_NAME = sha1(_TRY.encode()).hexdigest()  # noqa: S324


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How many tries are free, and how long those after them wait, in seconds."""

    free: int
    first_wait_s: float = 1.0
    longest_wait_s: float = 900.0
    window_s: float = 900.0


# Log-ins of one account at once count as tries until they turn out right, so more than a person
# mistypes. NIST SP 800-63B 3.2.2 wants at most 100 before an account is locked.
ACCOUNT = Patience(free=10)
# An office behind one address mistypes more often than one person.
ADDRESS = Patience(free=100)
# Mails to one address; more are a nuisance to whom they reach.
MAIL = Patience(free=3, first_wait_s=60.0)


class Lockout:
    """Counts tries; one a process."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._unasked_until = 0.0
        self._local = _LocalTries()

    async def check(self, *, account: str, address: str) -> None:
        """Counts one try of an account's password; raises TooManyAttempts while it has to wait."""
        for of, name, patience in (
            ("address", f"address:{address}", ADDRESS),
            ("account", f"account:{account}", ACCOUNT),
        ):
            wait_s = await self.wait_s(name, patience)
            if wait_s > 0:
                metrics.log_in_waits.labels(of).inc()
                raise TooManyAttempts(retry_after_s=math.ceil(wait_s))

    async def wait_s(self, name: str, patience: Patience) -> float:
        """Counts one try; returns how long it has to wait instead, 0 when it may be made."""
        now = asyncio.get_running_loop().time()
        if now >= self._unasked_until:
            try:
                async with asyncio.timeout(REDIS_TIMEOUT_S):
                    return await self._ask(name, patience) / 1000
            except (RedisError, OSError, TimeoutError):
                self._unasked_until = asyncio.get_running_loop().time() + UNASKED_S
        # The outage policy: each process counts for itself, so guessing still costs.
        metrics.lockout_local.inc()
        return self._local.wait_s(name, patience, now)

    async def forgive(self, *, account: str, address: str = "") -> None:
        """Gives an account's tries back, and the address the one that was right."""
        self._local.forgive(f"account:{account}")
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                await self._redis.delete(*_keys(f"account:{account}"))
                if address:
                    tries, _ = _keys(f"address:{address}")
                    await cast("Awaitable[int]", self._redis.eval(_GIVE_BACK, 1, tries))
        except (RedisError, OSError, TimeoutError):
            return

    async def _ask(self, name: str, patience: Patience) -> int:
        waits = (patience.first_wait_s, patience.longest_wait_s, patience.window_s)
        given = (*_keys(name), str(patience.free), *(str(int(s * 1000)) for s in waits))
        try:
            return await cast("Awaitable[int]", self._redis.evalsha(_TRY_NAME, 2, *given))
        except NoScriptError:  # A fresh Redis, or one started again.
            return await cast("Awaitable[int]", self._redis.eval(_TRY, 2, *given))


class _LocalTries:
    """The same count, in this process alone."""

    def __init__(self) -> None:
        # Name: tries, the end of the lock, the end of the window.
        self._tries: OrderedDict[str, tuple[int, float, float]] = OrderedDict()

    def wait_s(self, name: str, patience: Patience, now: float) -> float:
        """Counts one try at `now` (the loop's seconds); returns how long it has to wait."""
        tries, locked_until, window_until = self._tries.get(name, (0, 0.0, 0.0))
        if locked_until > now:
            return locked_until - now
        tries = (tries if window_until > now else 0) + 1
        over = tries - patience.free
        lock_s = 0.0
        if over >= 0:
            lock_s = min(patience.first_wait_s * 2.0 ** min(over, 30), patience.longest_wait_s)
        self._tries[name] = (tries, now + lock_s, now + patience.window_s)
        self._tries.move_to_end(name)
        if len(self._tries) > LOCAL_MAX:
            self._tries.popitem(last=False)
        return 0.0

    def forgive(self, name: str) -> None:
        """Forgets a name."""
        self._tries.pop(name, None)


def _keys(name: str) -> tuple[str, str]:
    # One slot of a cluster holds both.
    return f"tries:{{{name}}}", f"locked:{{{name}}}"
