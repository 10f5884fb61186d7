"""The exchange of the tests, and the adapter that asks it."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest

from app.providers.betfair.client import Betfair
from tests.providers.betfair.bodies import a_book, a_match, an_event
from tests.providers.betfair.exchange import Api, Asked, a_client, about, serving_api

SOON = (datetime.now(UTC) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
MARKETS = a_match()


def books(asked: Asked) -> list[object]:
    """A book for each market asked for, in which every runner has an offer."""
    known = {one["marketId"]: one for one in MARKETS}
    return [
        a_book(
            market_id,
            {(r["selectionId"], r["handicap"]): [2.5, 2.4] for r in known[market_id]["runners"]},
        )
        for market_id in asked.question["marketIds"]
    ]


@pytest.fixture
async def api() -> AsyncGenerator[Api]:
    """The API, with one match of five markets."""
    api = Api()
    api.answers = {
        "listEvents": lambda _: [an_event(at=SOON)],
        "listMarketCatalogue": lambda asked: about(asked, MARKETS),
        "listMarketBook": books,
    }
    async with serving_api(api):
        yield api


@pytest.fixture
async def client(api: Api) -> AsyncGenerator[Betfair]:
    """The adapter."""
    client = a_client(api)
    yield client
    await client.close()
