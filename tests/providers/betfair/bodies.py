"""Bodies of Betfair made for tests: a match with its markets, in the API's own shapes."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app.providers.betfair import payloads
from app.providers.betfair.normalize import Followed, follow
from app.providers.betfair.payloads import MarketCatalogue

EVENT, ARSENAL, CHELSEA, DRAW = "35001", 1096, 55190, 58805
KICK_OFF = "2026-11-21T15:00:00.000Z"
Runner = tuple[int, str, float]

WINNER: tuple[Runner, ...] = (
    (ARSENAL, "Arsenal", 0),
    (CHELSEA, "Chelsea", 0),
    (DRAW, "The Draw", 0),
)
TOTAL: tuple[Runner, ...] = ((47972, "Under 2.5 Goals", 0), (47973, "Over 2.5 Goals", 0))
BOTH: tuple[Runner, ...] = ((30246, "Yes", 0), (110503, "No", 0))
ASIAN: tuple[Runner, ...] = (
    (ARSENAL, "Arsenal", -0.75),
    (CHELSEA, "Chelsea", 0.75),
    (ARSENAL, "Arsenal", -0.5),
    (CHELSEA, "Chelsea", 0.5),
    (ARSENAL, "Arsenal", 0),
    (CHELSEA, "Chelsea", 0),
)
GOAL_LINES: tuple[Runner, ...] = (
    (1222344, "Under", 2.5),
    (1222345, "Over", 2.5),
    (1222344, "Under", 2.75),
    (1222345, "Over", 2.75),
)


def a_catalogue(
    market_id: str = "1.101",
    kind: str = "MATCH_ODDS",
    runners: Sequence[Runner] = WINNER,
    *,
    event: str = EVENT,
    name: str = "Arsenal v Chelsea",
    event_type: str = "1",
) -> dict[str, Any]:
    """An item of listMarketCatalogue."""
    return {
        "marketId": market_id,
        "marketName": kind.title(),
        "marketStartTime": KICK_OFF,
        "description": {"marketType": kind, "bettingType": "ODDS", "rules": "..."},
        "totalMatched": 12.5,
        "eventType": {"id": event_type, "name": "Soccer"},
        "competition": {"id": "10932509", "name": "English Premier League"},
        "event": {
            "id": event,
            "name": name,
            "countryCode": "GB",
            "timezone": "GMT",
            "openDate": KICK_OFF,
        },
        "runners": [
            {"selectionId": r[0], "runnerName": r[1], "handicap": r[2], "sortPriority": place}
            for place, r in enumerate(runners, 1)
        ],
    }


def a_match(event: str = EVENT, first: int = 101) -> list[dict[str, Any]]:
    """The five markets of a match of football."""
    markets = (
        ("MATCH_ODDS", WINNER),
        ("OVER_UNDER_25", TOTAL),
        ("BOTH_TEAMS_TO_SCORE", BOTH),
        ("ASIAN_HANDICAP", ASIAN),
        ("ALT_TOTAL_GOALS", GOAL_LINES),
    )
    return [
        a_catalogue(f"1.{first + n}", kind, runners, event=event)
        for n, (kind, runners) in enumerate(markets)
    ]


def a_book(
    market_id: str, offers: Mapping[tuple[int, float], Sequence[float]], **more: Any
) -> dict[str, Any]:
    """An item of listMarketBook; `offers` are back prices by runner, the best first."""
    return {
        "marketId": market_id,
        "isMarketDataDelayed": False,
        "status": "OPEN",
        "betDelay": 0,
        "inplay": False,
        "version": 17,
        "runners": [
            {
                "selectionId": selection_id,
                "handicap": handicap,
                "status": "ACTIVE",
                "totalMatched": 0.0,
                "ex": {
                    "availableToBack": [{"price": price, "size": 10.5} for price in prices],
                    "availableToLay": [{"price": 900.0, "size": 2.0}],
                    "tradedVolume": [],
                },
            }
            for (selection_id, handicap), prices in offers.items()
        ],
        **more,
    }


def an_event(event: str = EVENT, name: str = "Arsenal v Chelsea", at: str = KICK_OFF) -> Any:
    """An item of listEvents."""
    told = {"id": event, "name": name, "countryCode": "GB", "timezone": "GMT", "openDate": at}
    return {"event": told, "marketCount": 41}


def read(*catalogues: dict[str, Any]) -> list[MarketCatalogue]:
    """Catalogues as the client reads them."""
    items = tuple(msgspec.Raw(msgspec.json.encode(one)) for one in catalogues)
    good, bad = payloads.each(items, payloads.CATALOGUES)
    assert not bad
    return good


def followed(*catalogues: dict[str, Any]) -> list[Followed]:
    """The markets understood, of catalogues in which nothing is ambiguous."""
    markets, rejected = follow(read(*catalogues))
    assert not rejected
    return markets


def definition(market: dict[str, Any], status: str = "OPEN", **more: Any) -> dict[str, Any]:
    """The market definition that the stream has for a catalogue."""
    runners = [
        {"id": r["selectionId"], "status": "ACTIVE", "sortPriority": r["sortPriority"]}
        | ({"hc": r["handicap"]} if r["handicap"] else {})
        for r in market["runners"]
    ]
    return {
        "status": status,
        "inPlay": False,
        "version": 17,
        "eventId": market["event"]["id"],
        "bettingType": "ODDS",
        "runners": runners,
        **more,
    }
