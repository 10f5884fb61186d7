"""Leases of tokens, over Redis' own arithmetic and a clock of ours, against a plain model."""

import asyncio
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from app.access.buckets import BLOCKS_PER_BUCKET, LEASE_S, Bucket, Taken, Wanted
from app.access.rate_limits import KEPT_S, Question, RateLimits
from app.access.tiers import Rate
from tests.conftest import Servers

# Of the clock that stands still until it is moved.
NOON = 1_800_000_000.0


class Process:
    """A process with a bucket of its own over the shared one, on the clock of the test."""

    def __init__(self, redis: Redis, name: str, rate: Rate) -> None:
        self.limits = RateLimits(redis, name)
        self.rate = rate
        self.bucket = Bucket(rate, NOON)

    async def request(self, now: float, *weights: int) -> list[Taken]:
        """Takes tokens as `RateLimits` does: here if it can be, else by asking."""
        taken = [(weight, self.bucket.take(now, weight)) for weight in weights]
        waiting = [weight for weight, answer in taken if answer is None]
        if waiting:
            await self.ask(now, waiting)
        elif self.bucket.held <= self.bucket.low:
            await self.ask(now, ())
        return [
            answer or self.bucket.take(now, weight) or self.bucket.refuse(now, weight)
            for weight, answer in taken
        ]

    async def ask(self, now: float, waiting: Sequence[int]) -> None:
        """Asks the shared bucket."""
        wanted = self.bucket.ask(now, waiting)
        granted, left = await self.put(now, wanted)
        self.bucket.told(now, asked_at=now, granted=granted, left=left)

    async def put(self, now: float, wanted: Wanted) -> tuple[int, float]:
        """Runs the script at a time of ours."""
        question = Question(key="x", bucket=self.bucket, wanted=wanted, waiting=[])
        [(granted, left)] = await self.limits.ask([question], now=now)
        return granted, left / 1000

    async def sweep(self, now: float) -> None:
        """Gives back what lapsed."""
        if self.bucket.lapse(now):
            await self.ask(now, ())


def most_within(spent: Sequence[tuple[float, int]], rate: Rate) -> float:
    """Returns by how much the worst window of what was spent is above what a bucket allows."""
    size, per_s = rate.burst or rate.requests_per_minute, rate.requests_per_minute / 60
    worst = -math.inf
    for first, (began, _) in enumerate(spent):
        total = 0
        for at, weight in spent[first:]:
            total += weight
            worst = max(worst, total - size - per_s * (at - began))
    return worst


RATES = st.builds(
    Rate,
    requests_per_minute=st.sampled_from([1, 7, 60, 300, 3_000, 30_000]),
    burst=st.sampled_from([0, 0, 5, 40, 200]),
)
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([0.001, 0.02, 0.3, 0.99, 1.01, 2.5, 7.0])),
        st.tuples(st.just("ask"), st.integers(0, 3), st.lists(st.integers(1, 12), max_size=20)),
        st.tuples(st.just("rush"), st.integers(0, 3), st.integers(1, 60)),
        st.tuples(st.just("storm"), st.sampled_from([5, 20, 80])),
        st.tuples(st.just("sweep")),
        st.tuples(st.just("kill"), st.integers(0, 3)),
    ),
    max_size=40,
)


def spread(moves: Sequence[tuple[object, ...]]) -> Iterator[tuple[object, ...]]:
    """Yields moves, a storm as a rush on each process."""
    for move in moves:
        if move[0] == "storm":
            yield from (("rush", number, move[1]) for number in range(4))
        else:
            yield move


async def play(redis: Redis, rate: Rate, moves: Sequence[tuple[object, ...]]) -> float:
    """Plays moves on four processes; returns how far above a plain bucket the worst window is."""
    await redis.delete("bucket:x")
    names = iter(range(10_000))
    processes = [Process(redis, f"p{next(names)}", rate) for _ in range(4)]
    now, spent = NOON, list[tuple[float, int]]()
    for move in spread(moves):
        match move:
            case ("wait", float(seconds)):
                now += seconds
            case ("ask" | "rush", int(number), given):
                rounds = [[1]] * given if isinstance(given, int) else [cast("list[int]", given)]
                for some in rounds:
                    answers = await processes[number].request(now, *some)
                    size = processes[number].bucket.size
                    spent += [
                        (now, min(weight, size))
                        for weight, answer in zip(some, answers, strict=True)
                        if answer.allowed
                    ]
            case ("sweep",):
                for process in processes:
                    await process.sweep(now)
            case ("kill", int(number)):
                processes[number] = Process(redis, f"p{next(names)}", rate)
            case _:
                raise AssertionError(move)
    return most_within(spent, rate)


# All four lease ahead, the bucket fills up behind them, and all spend what there is at once.
@example(
    rate=Rate(requests_per_minute=30_000, burst=200),
    moves=[("storm", 20), ("wait", 0.99), ("storm", 80)],
)
@settings(max_examples=80, deadline=None)
@given(rate=RATES, moves=MOVES)
def test_no_caller_gets_more_than_one_bucket_holds_and_refills_however_it_is_leased(
    servers: Servers, rate: Rate, moves: list[tuple[object, ...]]
):
    async def work() -> float:
        async with Redis.from_url(servers.redis_url) as redis:
            return await play(redis, rate, moves)

    # A microsecond a question is rounded away, never in favour of who asks but by a thousandth.
    assert asyncio.run(work()) <= 0.01


async def test_while_the_clock_stands_no_token_is_lost_or_made(redis: Redis):
    rate = Rate(requests_per_minute=300)
    processes = [Process(redis, f"p{n}", rate) for n in range(4)]
    allowed = 0
    for turn in range(60):
        for process in processes:
            answers = await process.request(NOON, *[1] * (turn % 3))
            allowed += sum(answer.allowed for answer in answers)
    _, left = await processes[0].put(NOON, Bucket(rate, NOON).ask(NOON))
    held = sum(process.bucket.held for process in processes)
    owed = sum(process.bucket.ask(NOON).back for process in processes)
    assert allowed + held + owed + left == 300


async def test_what_was_leased_ahead_and_not_spent_comes_back_to_the_others(redis: Redis):
    rate = Rate(requests_per_minute=300)
    one, other = Process(redis, "one", rate), Process(redis, "other", rate)
    for _ in range(20):
        await one.request(NOON, 1)
    assert one.bucket.held > 0
    later = NOON + LEASE_S + 0.1
    await one.sweep(later)
    answers = await other.request(later, 280)
    assert answers[0].allowed


async def test_what_a_killed_process_leased_counts_as_spent_and_not_for_ever(redis: Redis):
    rate = Rate(requests_per_minute=60)
    one, other = Process(redis, "one", rate), Process(redis, "other", rate)
    for _ in range(4):
        await one.request(NOON, 1)
    held = one.bucket.held
    assert held > 0
    # It would be full but for what the dead one holds, and then for what it held.
    soon = NOON + KEPT_S - 0.1
    assert (await other.put(soon, Bucket(rate, soon).ask(soon)))[1] <= 60 - held
    late = NOON + 60
    assert (await other.put(late, Bucket(rate, late).ask(late)))[1] == 60


async def test_a_hot_caller_costs_a_question_a_lease_and_a_cold_one_no_token_ahead(redis: Redis):
    rate = Rate(requests_per_minute=30_000)
    hot, asked, now = Process(redis, "hot", rate), 0, NOON
    for _ in range(4_000):  # 400 a second, for ten seconds.
        now += 0.0025
        if hot.bucket.take(now, 1) is None:
            asked += 1
            await hot.ask(now, [1])
            hot.bucket.take(now, 1)
    assert asked < 30
    cold = Process(redis, "cold", rate)
    for second in range(5):
        await cold.request(now + 3 * second, 1)
        assert cold.bucket.held == 0


@pytest.mark.parametrize("per_minute", [1, BLOCKS_PER_BUCKET - 1])
async def test_a_small_bucket_is_never_leased_from_ahead(redis: Redis, per_minute: int):
    process = Process(redis, "one", Rate(requests_per_minute=per_minute))
    for _ in range(per_minute):
        await process.request(NOON, 1)
        assert process.bucket.held == 0


async def test_a_weight_above_the_bucket_is_the_bucket(redis: Redis):
    process = Process(redis, "one", Rate(requests_per_minute=3))
    first, second = [(await process.request(NOON, 50))[0] for _ in range(2)]
    assert (first.allowed, first.remaining) == (True, 0)
    assert not second.allowed
    assert second.retry_after_s == 60


async def test_answers_count_down_and_say_when_to_come_back(redis: Redis):
    process = Process(redis, "one", Rate(requests_per_minute=60, burst=3))
    answers = [(await process.request(NOON, 1))[0] for _ in range(4)]
    assert [answer.remaining for answer in answers] == [2, 1, 0, 0]
    assert [answer.reset_s for answer in answers] == [1, 2, 3, 3]
    assert [answer.retry_after_s for answer in answers] == [0, 0, 0, 1]
    assert (await process.request(NOON + 1, 1))[0].allowed


def test_alone_a_process_holds_to_the_limit_and_its_debt_fades():
    bucket = Bucket(Rate(requests_per_minute=60), NOON)
    allowed = [bucket.take_alone(NOON, 1).allowed for _ in range(70)]
    assert allowed == [True] * 60 + [False] * 10
    assert bucket.ask(NOON + 20).owed == 40


def test_what_was_asked_without_an_answer_is_owed_and_never_given_back():
    bucket = Bucket(Rate(requests_per_minute=300), NOON)
    bucket.told(NOON, asked_at=NOON, granted=15, left=200)
    wanted = bucket.ask(NOON + 2 * LEASE_S)
    assert wanted.back == 15
    bucket.unheard(NOON + 2 * LEASE_S, wanted)
    assert bucket.ask(NOON + 2 * LEASE_S).back == 0


def test_a_bucket_knows_for_how_many_it_holds_enough_and_for_how_long():
    bucket = Bucket(Rate(requests_per_minute=300), NOON)
    assert not bucket.covers(NOON, [1])
    bucket.told(NOON, asked_at=NOON, granted=15, left=200)
    assert bucket.covers(NOON, [1] * 15)
    assert bucket.covers(NOON, [5, 10])
    assert not bucket.covers(NOON, [1] * 16)
    assert not bucket.covers(NOON + LEASE_S, [1])


def test_what_a_process_has_to_give_back_is_asked_for_anew_before_anybody_is_refused():
    bucket = Bucket(Rate(requests_per_minute=300), NOON)
    bucket.told(NOON, asked_at=NOON, granted=15, left=5)
    # Asked for ahead and granted while as many are held: the new ones are to be given back.
    bucket.told(NOON, asked_at=NOON, granted=5, left=0)
    for _ in range(15):
        taken = bucket.take(NOON, 1)
        assert taken
        assert taken.allowed
    assert bucket.take(NOON, 1) is None
    assert bucket.ask(NOON, [1]).back == 5


def test_the_model_notices_a_bucket_that_gives_one_too_many():
    rate = Rate(requests_per_minute=60, burst=5)
    spent = [(0.0, 5), (1.0, 1), (1.0, 1)]
    assert most_within(spent, rate) == 1
    assert all(one[0] <= other[0] for one, other in pairwise(spent))
