"""A process that takes tokens as fast as it can: `python limited_process.py REDIS_URL ...`.

Arguments: Redis' address, the key, a minute's limit, callers, seconds. It prints JSON: how many
were taken, refused, and how many questions that took.
"""

import asyncio
import json
import sys
import time

from app import metrics
from app.access.rate_limits import RateLimits
from app.access.tiers import Rate
from app.cache.redis_answers import open_redis


def say(line: str) -> None:
    """Says a line to who started this."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(url: str, key: str, per_minute: int, callers: int, seconds: float) -> None:
    """Takes, and tells when it begins and what it got."""
    async with open_redis(url) as redis:
        limits, rate = (
            RateLimits(redis, f"{key} {time.monotonic_ns()}"),
            Rate(requests_per_minute=per_minute),
        )
        sweeping = asyncio.create_task(limits.run())
        say("ready")
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        counts = {"allowed": 0, "refused": 0}
        until = time.monotonic() + seconds

        async def caller() -> None:
            while time.monotonic() < until:
                taken = await limits.take(key, rate)
                counts["allowed" if taken.allowed else "refused"] += 1
                # As a server does between two requests.
                await asyncio.sleep(0.001)

        await asyncio.gather(*(caller() for _ in range(callers)))
        sweeping.cancel()
        await asyncio.wait([sweeping])
        questions = metrics.REGISTRY.get_sample_value("touchline_rate_limit_questions_total")
        say(json.dumps({**counts, "questions": questions}))


if __name__ == "__main__":
    asyncio.run(
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
    )
