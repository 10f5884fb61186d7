"""Providers are made from settings."""

from collections.abc import Sequence

import pytest

from app.polling.windows import Limit
from app.providers.provider import Unlimited
from app.settings import load
from workers.providers import Makers


def _unlimited(_name: str, _limits: Sequence[Limit]) -> Unlimited:
    return Unlimited()


@pytest.mark.parametrize(("said", "streams"), [("", 1), ("127.0.0.1:1", 1), ("off", 0)])
async def test_the_stream_of_the_exchange_is_open_unless_it_is_switched_off(
    said: str, streams: int
):
    made = Makers(load({"BETFAIR_STREAM": said}), _unlimited)
    _, providers = made.switched_on("betfair")
    try:
        assert len(made.feeds(providers)) == streams
    finally:
        await providers["betfair"].close()


async def test_only_what_is_on_this_machine_is_simulated():
    made = Makers(load({"ODDS_API_URL": "http://127.0.0.1:1/odds-api"}), _unlimited)
    assert made.simulated() == {"odds-api"}
