"""Betfair's markets as its Sports API tells them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from app.stadium.exchange import EVENT_TYPES, ExchangeMarket, Runner

_BEST_LEVELS = 3


def event_body(market: ExchangeMarket) -> dict[str, Any]:
    """Returns a match as listEvents and the catalogue tell it."""
    return {
        "id": market.event_id,
        "name": market.event_name,
        "countryCode": "GB",
        "timezone": "GMT",
        "openDate": wire_time(market.said.start_time),
    }


def catalogue_body(market: ExchangeMarket, shown: Sequence[str]) -> dict[str, Any]:
    """Returns an item of listMarketCatalogue with the parts asked for."""
    said, start = market.said, wire_time(market.said.start_time)
    number, name = EVENT_TYPES[said.sport]
    told: dict[str, Any] = {
        "marketId": market.id,
        "marketName": market.name,
        "totalMatched": 0.0,
    }
    parts: dict[str, dict[str, Any]] = {
        "MARKET_START_TIME": {"marketStartTime": start},
        "MARKET_DESCRIPTION": {"description": _description(market, start)},
        "EVENT_TYPE": {"eventType": {"id": number, "name": name}},
        "COMPETITION": {"competition": {"id": str(said.league.number), "name": said.league.name}},
        "EVENT": {"event": event_body(market)},
        "RUNNER_DESCRIPTION": {"runners": [_named(runner) for runner in market.runners]},
    }
    for word, part in parts.items():
        if word in shown:
            told |= part
    return told


def _description(market: ExchangeMarket, start: str) -> dict[str, Any]:
    return {
        "persistenceEnabled": True,
        "bspMarket": False,
        "marketTime": start,
        "suspendTime": start,
        "bettingType": "ODDS",
        "turnInPlayEnabled": True,
        "marketType": market.type,
        "regulator": "SIMULATED",
        "marketBaseRate": 5.0,
        "discountAllowed": True,
        "wallet": "UK wallet",
        "rules": "",
        "rulesHasDate": False,
        "priceLadderDescription": {"type": "CLASSIC"},
    }


def _named(runner: Runner) -> dict[str, Any]:
    return {
        "selectionId": runner.id,
        "runnerName": runner.name,
        "handicap": 0.0,
        "sortPriority": runner.priority,
    }


def book_body(market: ExchangeMarket, data: Sequence[str]) -> dict[str, Any]:
    """Returns an item of listMarketBook; offers only when asked for."""
    active = sum(runner.status == "ACTIVE" for runner in market.runners)
    return {
        "marketId": market.id,
        "isMarketDataDelayed": False,
        "status": market.status,
        "betDelay": 5 if market.in_play else 0,
        "bspReconciled": False,
        "complete": True,
        "inplay": market.in_play,
        "numberOfWinners": 1,
        "numberOfRunners": len(market.runners),
        "numberOfActiveRunners": active,
        "totalMatched": 0.0,
        "totalAvailable": round(sum(s for r in market.runners for _, s in r.back + r.lay), 2),
        "crossMatching": True,
        "runnersVoidable": False,
        "version": market.version,
        "runners": [_runner_body(runner, data) for runner in market.runners],
    }


def _runner_body(runner: Runner, data: Sequence[str]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "selectionId": runner.id,
        "handicap": 0.0,
        "status": runner.status,
        "totalMatched": 0.0,
    }
    if "EX_BEST_OFFERS" in data or "EX_ALL_OFFERS" in data:
        most = None if "EX_ALL_OFFERS" in data else _BEST_LEVELS
        told["ex"] = {
            "availableToBack": [{"price": float(p), "size": s} for p, s in runner.back[:most]],
            "availableToLay": [{"price": float(p), "size": s} for p, s in runner.lay[:most]],
            "tradedVolume": [],
        }
    return told


def wire_time(moment: datetime) -> str:
    """Returns a time as Betfair writes it: UTC, milliseconds, Z."""
    return (
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
    )
