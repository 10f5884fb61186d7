"""A predictor as a process of its own, to be killed: forecasts the database it is given."""

import asyncio
import sys

from app.database import engine
from workers.predict import Predicting


async def main(url: str) -> None:
    """Forecasts until it is killed."""
    pool = await engine.open_pool(
        url, connections_max=2, statement_timeout_s=10, name="test-predictor"
    )
    await Predicting(pool).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
