"""The API and the stream of one stadium say the same."""

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from app.providers.betfair.client import Betfair
from app.providers.provider import Answer, Ask, Scope, Unlimited
from app.sports.match import Sport
from app.sports.observation import Observation
from app.stadium.ground import KEY
from tests.providers.betfair.exchange import PACE
from tests.stadium.grounds import Clock, ground, opened

WITHIN_S = 20
Prices = dict[tuple[str, str, Decimal | None, str], Decimal | None]


def prices_of(observations: Sequence[Observation]) -> Prices:
    """Every price that was told."""
    return {
        (said.external_id, market.type.value, market.line, quote.selection): quote.odds
        for said in observations
        for market in said.markets
        for quote in market.quotes
    }


async def test_the_stream_tells_what_the_api_tells_and_goes_on_with_it(tmp_path: Path):
    # The adapter asks for matches around the real time.
    clock = Clock(datetime.now(UTC))
    async with opened(ground(now=clock, lanes=4), tmp_path) as stadium:
        url = f"{stadium.url}/betfair"
        client = Betfair(
            app_key=KEY,
            username=KEY,
            password=KEY,
            url=url,
            identity_url=url,
            certificate_url=url,
            allowance=Unlimited(),
            tls=ssl.create_default_context(cafile=stadium.ca_file),
        )
        told: Prices = {}
        changed = asyncio.Event()

        async def take(answer: Answer) -> None:
            assert not answer.rejected
            told.update(prices_of(answer.observations))
            changed.set()

        async def wanted() -> Sequence[str]:
            return ids

        listed = await client.fixtures(Ask(scope=Scope.FIXTURES, sport=Sport.FOOTBALL))
        ids = tuple(said.external_id for said in listed.observations)
        ask = Ask(scope=Scope.MARKETS, sport=Sport.FOOTBALL, matches=ids)
        stream = client.stream(f"127.0.0.1:{stadium.stream_port}", PACE)
        running = asyncio.create_task(stream.run(take, wanted))
        for _ in range(3):
            asked = prices_of((await client.markets(ask)).observations)
            assert any(asked.values())
            async with asyncio.timeout(WITHIN_S):
                while told != asked:
                    changed.clear()
                    await changed.wait()
            clock.move(30)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await client.close()
