"""Limits over all processes: token buckets in Redis, leased from in blocks.

A bucket in Redis is how many tokens are missing in it, and what each process leased of it and may
not have spent. It refills up to its size less what is leased. So a caller never gets more than the
bucket's size and what came back meanwhile, however many processes there are: leases make the
sum no larger by anything, as long as Redis keeps its memory. What a process leased and never gave
back, because it died, counts as spent after `KEPT_S`.

Redis away: each process limits by itself, by what it last heard, and charges what was spent when
Redis is back. A caller may then have up to its limit in each process. A Redis that forgot
everything gives each caller one more bucket.

All that waits in a process is asked for in turns, one pipeline at a time. Redis' clock is the only
one asked.
"""

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import sha1
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from app import metrics
from app.access.buckets import Bucket, Taken, Wanted
from app.access.tiers import Rate
from app.logs import logger

# Redis answers within a millisecond or is in trouble.
REDIS_TIMEOUT_S = 0.25
# After trouble each process limits by itself for so long, so that not every request waits.
UNASKED_S = 1.0
# What is leased is given back within a lease and a sweep; later it counts as spent.
KEPT_S = 3.0
SWEEP_EVERY_S = 0.5
# A process knows so many callers' buckets, some 400 bytes each; those not used longest make room.
BUCKETS_MAX = 50_000
# What a bucket was heard of is good for a lease; then it is of no use but to who comes again.
IDLE_S = 10.0
# The order of use is kept this well, so that a hot caller does not pay for it each time.
USED_APART_S = 1.0
# Callers asked for in one pipeline: less than a millisecond of Redis' time.
ASKED_AT_ONCE_MAX = 200
# A stopping process does not wait for a Redis that is away.
LEAVE_WITHIN_S = 1.0

# KEYS[1] bucket: how many tokens are 'missing', what is leased among them, and 'at' which us; for
# each process what it leased: 'tokens ends'. In tokens, so that another rate changes none of it.
# ARGV: us a token takes to come back, tokens it holds; holder; given back, still held, owed; least,
# spent at once, most; us a lease is kept; us now, empty for Redis' own clock.
# Answers {granted, thousandths of tokens left}.
_TAKE = """
local interval, size, holder = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local now = tonumber(ARGV[11])
if not now then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
local missing, at, out, mine, leases = 0, now, 0, 0, {}
local found = redis.call('HGETALL', KEYS[1])
for i = 1, #found, 2 do
  if found[i] == 'missing' then
    missing = tonumber(found[i + 1])
  elseif found[i] == 'at' then
    at = tonumber(found[i + 1])
  else
    local tokens, ends = string.match(found[i + 1], '(%d+) (%d+)')
    leases[#leases + 1] = {of = found[i], tokens = tonumber(tokens), ends = tonumber(ends)}
    out = out + tonumber(tokens)
  end
end
local function refill(till)
  missing = math.max(out, missing - math.max(0, till - at) / interval)
  at = math.max(at, till)
end
table.sort(leases, function(one, other) return one.ends < other.ends end)
for _, lease in ipairs(leases) do
  if lease.ends <= now or lease.of == holder then
    refill(math.min(lease.ends, now))
    out = out - lease.tokens
    if lease.ends > now then mine = lease.tokens end
    redis.call('HDEL', KEYS[1], lease.of)
  end
end
refill(now)
local back = math.min(tonumber(ARGV[4]), mine)
local kept = math.min(tonumber(ARGV[5]), mine - back)
missing = math.min(missing - back + tonumber(ARGV[6]), size)
local granted = math.min(tonumber(ARGV[9]), math.floor(size - missing + 0.001))
if granted < tonumber(ARGV[7]) then granted = 0 end
missing = math.min(missing + granted, size)
local ahead = kept + math.max(0, granted - tonumber(ARGV[8]))
if ahead > 0 then
  local ends = now + tonumber(ARGV[10])
  redis.call('HSET', KEYS[1], holder, string.format('%.0f %.0f', ahead, ends))
end
if missing > 0 then
  local needed = missing * interval
  if ahead + out > 0 then needed = math.max(needed, tonumber(ARGV[10])) end
  local state = {'missing', string.format('%.6f', missing), 'at', string.format('%.0f', now)}
  redis.call('HSET', KEYS[1], unpack(state))
  -- Longer than it takes to fill up: whoever asks on a clock of its own, as tests do, is not to
  -- find the bucket gone before its time.
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil(needed / 1000) + 60000))
else
  redis.call('DEL', KEYS[1])
end
return {granted, math.floor((size - missing) * 1000 + 0.5)}
"""
# A name of Redis' for the script, not a secret.
_TAKE_NAME = sha1(_TAKE.encode()).hexdigest()  # noqa: S324

log = logger(__name__)
Waiting = list[tuple[int, asyncio.Future[Taken]]]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of one bucket, and who waits for it: weights, and where answers go."""

    key: str
    bucket: Bucket
    wanted: Wanted
    waiting: Waiting


class RateLimits:
    """Takes tokens from buckets that every process shares; one a process.

    `holder` names the process. `run` gives back what was leased and not spent.
    """

    def __init__(self, redis: Redis, holder: str = "a process") -> None:
        self._redis = redis
        self._holder = holder
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self._asking: asyncio.Task[None] | None = None
        self._to_ask: dict[str, tuple[Bucket, Waiting]] = {}
        # Buckets that leased ahead: the sweep looks at these alone.
        self._leasing: dict[str, Bucket] = {}
        self._unasked_until = 0.0
        self._up = True

    def try_take(
        self, key: str, rate: Rate, weight: int = 1, now: float | None = None
    ) -> Taken | None:
        """Takes tokens here and now, without a question to Redis; None when that takes one.

        Costs about a microsecond; has the next tokens of a hot caller leased ahead. `now` is
        monotonic, for who knows it already.
        """
        if now is None:
            now = time.monotonic()
        bucket = self._buckets.get(key)
        if bucket is None or bucket.rate is not rate or now - bucket.used_at > USED_APART_S:
            bucket = self._bucket(key, rate, now)
        if now < self._unasked_until:
            metrics.rate_limit_local.inc()
            return bucket.take_alone(now, weight)
        taken = bucket.take(now, weight)
        if bucket.held <= bucket.low and not bucket.asked:
            self._ask_for(key, bucket)
        return taken

    async def take(self, key: str, rate: Rate, weight: int = 1) -> Taken:
        """Takes tokens of the bucket `key`, asking Redis where that is needed.

        What happens while Redis is away is decided in `_redis_is_away` and nowhere else.
        """
        taken = self.try_take(key, rate, weight)
        if taken is not None:
            return taken
        answer: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._ask_for(key, self._buckets[key]).append((weight, answer))
        return await answer

    async def run(self) -> None:
        """Gives back what was leased and not spent, until cancelled; then all of it."""
        try:
            while True:
                await asyncio.sleep(SWEEP_EVERY_S)
                self._sweep(time.monotonic())
        finally:
            await self._leave()

    def _bucket(self, key: str, rate: Rate, now: float) -> Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(rate, now)
            if len(self._buckets) > BUCKETS_MAX:
                self._forget_oldest()
            return bucket
        if now - bucket.used_at > USED_APART_S:
            bucket.used_at = now
            self._buckets.move_to_end(key)
        if bucket.rate is not rate and bucket.rate != rate:
            bucket.set_rate(rate)
        return bucket

    def _forget_oldest(self) -> None:
        """Forgets what was not used longest; what it leased counts as spent."""
        key, _ = self._buckets.popitem(last=False)
        self._leasing.pop(key, None)

    def _ask_for(self, key: str, bucket: Bucket) -> Waiting:
        """Has a bucket asked for in the next turn; returns who waits for it, to be added to."""
        bucket.asked = True
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._turns())
        return self._to_ask.setdefault(key, (bucket, []))[1]

    async def _turns(self) -> None:
        """Asks for what waits until nothing does."""
        try:
            while self._to_ask:
                asked, self._to_ask = list(self._to_ask.items()), {}
                while asked:
                    part, asked = asked[:ASKED_AT_ONCE_MAX], asked[ASKED_AT_ONCE_MAX:]
                    await self._turn(part)
        finally:
            self._asking = None

    async def _turn(self, asked: Sequence[tuple[str, tuple[Bucket, Waiting]]]) -> None:
        """Asks for some buckets, and tells them and who waits what was answered.

        Who came while a bucket was being asked for may find enough in it now: to ask again would be
        to give back what was just leased.
        """
        asked_at = time.monotonic()
        questions: list[Question] = []
        for key, (bucket, waiting) in asked:
            weights = [weight for weight, _ in waiting]
            if weights and bucket.covers(asked_at, weights):
                bucket.asked = False
                _let_in(bucket, waiting, asked_at)
                continue
            wanted = bucket.ask(asked_at, weights)
            questions.append(Question(key=key, bucket=bucket, wanted=wanted, waiting=waiting))
        if not questions:
            return
        answers = await self._answers(questions) if asked_at >= self._unasked_until else None
        now = time.monotonic()
        for at, question in enumerate(questions):
            bucket = question.bucket
            bucket.asked = False
            if answers is None:
                bucket.unheard(now, question.wanted)
            else:
                granted, left = answers[at]
                bucket.told(now, asked_at=asked_at, granted=granted, left=left / 1000)
            self._serve(question, now, alone=answers is None)

    def _serve(self, question: Question, now: float, *, alone: bool) -> None:
        """Answers those that wait, in the order they came."""
        bucket = question.bucket
        _let_in(bucket, question.waiting, now, alone=alone)
        if bucket.held and self._buckets.get(question.key) is bucket:
            self._leasing[question.key] = bucket

    async def _answers(self, questions: Sequence[Question]) -> list[tuple[int, int]] | None:
        """Returns what Redis answers, None when it does not."""
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                answers = await self.ask(questions)
        except (RedisError, OSError, TimeoutError) as error:
            self._redis_is_away(error)
            return None
        metrics.rate_limit_questions.inc(len(questions))
        self._up = True
        return answers

    async def ask(
        self, questions: Sequence[Question], *, now: float | None = None
    ) -> list[tuple[int, int]]:
        """Puts questions to Redis; returns what it granted to each, and thousandths of tokens left.

        `now` is a clock to go by (s) in place of Redis' own. Raises RedisError, OSError.
        """
        now_us = "" if now is None else f"{now * 1_000_000:.0f}"
        try:
            return await self._piped(questions, now_us)
        except NoScriptError:  # A fresh Redis, or one started again.
            await self._redis.script_load(_TAKE)
            return await self._piped(questions, now_us)

    async def _piped(self, questions: Sequence[Question], now_us: str) -> list[tuple[int, int]]:
        pipeline: Any = self._redis.pipeline(transaction=False)
        for question in questions:
            told = self._told(question.bucket, question.wanted, now_us)
            pipeline.evalsha(_TAKE_NAME, 1, f"bucket:{question.key}", *told)
        return await pipeline.execute()

    def _told(self, bucket: Bucket, wanted: Wanted, now_us: str) -> tuple[str, ...]:
        numbers = (
            *(1_000_000 / bucket.per_s, bucket.size, self._holder),
            *(wanted.back, wanted.kept, wanted.owed),
            *(wanted.least, wanted.waiting, wanted.most),
            *(int(KEPT_S * 1_000_000), now_us),
        )
        return tuple(map(str, numbers))

    def _redis_is_away(self, error: Exception) -> None:
        """Limits alone for a while: scores matter more than fairness between processes."""
        if self._up:
            log.warning("rate_limits_local", error=str(error) or type(error).__name__)
        self._up = False
        self._unasked_until = time.monotonic() + UNASKED_S

    def _sweep(self, now: float) -> None:
        """Has what lapsed given back, and forgets who did not come again."""
        for key, bucket in list(self._leasing.items()):
            if bucket.lapse(now) and not bucket.asked and now >= self._unasked_until:
                self._ask_for(key, bucket)
            elif not bucket.held:
                del self._leasing[key]
        for key in list(self._buckets):
            bucket = self._buckets[key]
            if now - bucket.used_at < IDLE_S:
                break
            if bucket.is_as_new(now):
                del self._buckets[key]

    async def _leave(self) -> None:
        """Gives everything back, so that nobody waits for it."""
        if self._asking is not None:
            await asyncio.wait([self._asking], timeout=LEAVE_WITHIN_S)
        questions = [
            Question(key=key, bucket=bucket, wanted=bucket.leave(), waiting=[])
            for key, bucket in self._leasing.items()
        ]
        self._leasing.clear()
        given = [question for question in questions if question.wanted.back]
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(LEAVE_WITHIN_S):
                for at in range(0, len(given), ASKED_AT_ONCE_MAX):
                    await self.ask(given[at : at + ASKED_AT_ONCE_MAX])


def _let_in(bucket: Bucket, waiting: Waiting, now: float, *, alone: bool = False) -> None:
    """Answers those that wait, in the order they came; `alone`: Redis is away."""
    for weight, answer in waiting:
        if answer.done():
            continue
        if alone:
            metrics.rate_limit_local.inc()
            answer.set_result(bucket.take_alone(now, weight))
        else:
            answer.set_result(bucket.take(now, weight) or bucket.refuse(now, weight))
