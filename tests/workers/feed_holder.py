"""A process that holds a feed's lock and says so: `python -m tests.workers.feed_holder URL`."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence

from app.database import engine
from app.providers.provider import Pulse, Take
from workers.feeds import Feeds


class Loud:
    """A feed that says when it is opened, and nothing else."""

    name = "told"

    async def run(self, take: Take, wanted: Callable[[], Awaitable[Sequence[str]]]) -> None:
        """Prints a line and waits."""
        del take, wanted
        sys.stdout.write("open\n")
        sys.stdout.flush()
        await asyncio.Event().wait()

    def pulse(self) -> Pulse:
        """Nobody follows anything."""
        return Pulse(silence_ms=1_000)


async def hold(url: str) -> None:
    """Holds the feed until killed."""
    pool = await engine.open_pool(url, connections_max=2, statement_timeout_s=10, name="holder")

    async def wanted(name: str) -> Sequence[str]:
        return (name,)

    await Feeds([Loud()], pool=pool, lock_url=url, wanted=wanted).run()


if __name__ == "__main__":
    asyncio.run(hold(sys.argv[1]))
