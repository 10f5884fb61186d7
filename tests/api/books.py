"""Matches with markets to bet on, for tests of bets."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from app.wallet.check import check_ledger
from tests.api.conftest import Api
from tests.builders import a_market, a_match, a_quote, selections_of

PRICES = {"home": "2.10", "draw": "3.4", "away": "3.625"}
SOON = timedelta(hours=2)


class Book(msgspec.Struct):
    """A match with a market that is open and confirmed just now."""

    api: Api
    match_id: int
    market_id: int
    selections: dict[str, int]

    def single(self, key: str = "home", odds: str = "2.10", **more: Any) -> dict[str, Any]:
        """A slip on one selection, of 10 EUR unless told otherwise."""
        leg = {"selectionId": str(self.selections[key]), "odds": float(odds)}
        version = more.pop("market_version", None)
        if version is not None:
            leg["marketVersion"] = version
        return {"legs": [leg], "stake": "10.00", "currency": "EUR", **more}


async def a_book(
    api: Api,
    *,
    status: str = "scheduled",
    teams: tuple[str, str] = ("Arsenal", "Chelsea"),
    sport: str = "football",
) -> Book:
    """Makes one."""
    starts = datetime.now(UTC) + (SOON if status == "scheduled" else -SOON / 4)
    score = None if status == "scheduled" else (0, 0)
    match_id = await a_match(
        api.connection, *teams, sport=sport, start_time=starts, status=status, score=score
    )
    market_id = await a_market(api.connection, match_id, PRICES)
    selections = await selections_of(api.connection, market_id)
    for key, selection_id in selections.items():
        await a_quote(api.connection, selection_id, PRICES[key], observed_at=datetime.now(UTC))
    return Book(api, match_id, market_id, selections)


async def books_are_right(api: Api) -> None:
    """Holds that the ledger sums to zero, entry by entry."""
    assert (await check_ledger(api.connection, everything=True)).faults == ()
