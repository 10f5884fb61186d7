"""What a subscriber to Betfair's stream sees of markets, and what changes between two sights.

Pure. A view is all a subscription shows at one moment; an image tells one, a delta tells how to get
from one to the other.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from app.stadium.betfair_bodies import wire_time
from app.stadium.exchange import EVENT_TYPES, ExchangeMarket, Offer, Runner, markets
from app.stadium.market_filter import Filter
from app.stadium.voices import Voice

# A market that closed is shown so long, so that everybody hears of it.
CLOSED_SHOWN = timedelta(seconds=120)
LEVELS_MAX = 10

Ladder = Mapping[Any, list[float]]  # position or price: the entry as it is told
RunnerView = Mapping[str, Ladder]  # batb, batl, atb, atl


class MarketView(msgspec.Struct, frozen=True, kw_only=True):
    """A market as it is shown: its definition, and the ladders of each runner."""

    definition: Mapping[str, Any]
    runners: Mapping[int, RunnerView]


View = Mapping[str, MarketView]


class DataFilter(msgspec.Struct, frozen=True, rename="camel"):
    """What of a market is shown."""

    fields: tuple[str, ...] = ("EX_BEST_OFFERS", "EX_MARKET_DEF")
    ladder_levels: int = 3


def view_at(
    voice: Voice, moment: datetime, wanted: Filter, data: DataFilter
) -> dict[str, MarketView]:
    """Returns what a subscription shows at a moment."""
    said = voice.said_at(moment, prices=True, numbers=wanted.numbers())
    named = bool(wanted.market_ids or wanted.event_ids)
    return {
        market.id: _viewed(market, data)
        for market in markets(said)
        if wanted.takes(market)
        and (named or market.status != "CLOSED" or market.said.ends_at > moment - CLOSED_SHOWN)
    }


def image(view: View) -> list[dict[str, Any]]:
    """Returns the market changes that tell a whole view."""
    return [_image(number, market) for number, market in view.items()]


def delta(old: View, new: View) -> list[dict[str, Any]]:
    """Returns the market changes from one view to the next; a market nobody knew comes whole."""
    return [change for number, market in new.items() if (change := _change(old, number, market))]


def segments(changes: Sequence[Any], size: int) -> Iterator[tuple[str, Sequence[Any]]]:
    """Cuts market changes into segments, each with its place in the row."""
    pieces = [changes[start : start + size] for start in range(0, len(changes), size)]
    for place, piece in enumerate(pieces):
        last = place == len(pieces) - 1
        yield ("SEG_START" if place == 0 else "SEG_END" if last else "SEG"), piece


def _viewed(market: ExchangeMarket, data: DataFilter) -> MarketView:
    shown = "EX_MARKET_DEF" in data.fields
    return MarketView(
        definition=_definition(market) if shown else {},
        runners={runner.id: _ladders(runner, data) for runner in market.runners},
    )


def _ladders(runner: Runner, data: DataFilter) -> dict[str, Ladder]:
    ladders: dict[str, Ladder] = {}
    levels = min(max(data.ladder_levels, 1), LEVELS_MAX)
    if "EX_BEST_OFFERS" in data.fields:
        ladders["batb"] = _best(runner.back[:levels])
        ladders["batl"] = _best(runner.lay[:levels])
    if "EX_ALL_OFFERS" in data.fields:
        ladders["atb"] = {price: [float(price), size] for price, size in runner.back}
        ladders["atl"] = {price: [float(price), size] for price, size in runner.lay}
    return ladders


def _best(offers: Iterable[Offer]) -> Ladder:
    return {place: [place, float(price), size] for place, (price, size) in enumerate(offers)}


def _definition(market: ExchangeMarket) -> dict[str, Any]:
    start = wire_time(market.said.start_time)
    return {
        "bspMarket": False,
        "turnInPlayEnabled": True,
        "persistenceEnabled": True,
        "marketBaseRate": 5,
        "eventId": market.event_id,
        "eventTypeId": EVENT_TYPES[market.said.sport][0],
        "numberOfWinners": 1,
        "bettingType": "ODDS",
        "marketType": market.type,
        "marketTime": start,
        "suspendTime": start,
        "bspReconciled": False,
        "complete": True,
        "inPlay": market.in_play,
        "crossMatching": True,
        "runnersVoidable": False,
        "numberOfActiveRunners": sum(runner.status == "ACTIVE" for runner in market.runners),
        "betDelay": 5 if market.in_play else 0,
        "status": market.status,
        "runners": [
            {"status": runner.status, "sortPriority": runner.priority, "id": runner.id}
            for runner in market.runners
        ],
        "regulators": ["SIMULATED"],
        "countryCode": "GB",
        "discountAllowed": True,
        "timezone": "GMT",
        "openDate": start,
        "version": market.version,
    }


def _image(number: str, market: MarketView) -> dict[str, Any]:
    told: dict[str, Any] = {"id": number, "img": True}
    if market.definition:
        told["marketDefinition"] = market.definition
    runners = [_runner(each, {}, ladders) for each, ladders in market.runners.items()]
    told["rc"] = [runner for runner in runners if runner]
    return told


def _change(old: View, number: str, market: MarketView) -> dict[str, Any] | None:
    before = old.get(number)
    if before is None:
        return _image(number, market)
    told: dict[str, Any] = {"id": number}
    if market.definition != before.definition:
        told["marketDefinition"] = market.definition
    runners = [
        _runner(each, before.runners.get(each, {}), ladders)
        for each, ladders in market.runners.items()
    ]
    if changed := [runner for runner in runners if runner]:
        told["rc"] = changed
    return told if len(told) > 1 else None


def _runner(number: int, before: RunnerView, now: RunnerView) -> dict[str, Any] | None:
    """Returns the ladders that changed, None when none did. A size of nothing removes."""
    told: dict[str, Any] = {}
    for name, ladder in now.items():
        gone = _GONE[name]
        entries = [entry for key, entry in ladder.items() if before.get(name, {}).get(key) != entry]
        entries += [gone(key) for key in before.get(name, {}) if key not in ladder]
        if entries:
            told[name] = entries
    return {**told, "id": number} if told else None


def _gone_level(level: Any) -> list[float]:
    return [level, 0, 0]


def _gone_price(price: Any) -> list[float]:
    return [float(price), 0]


_GONE: Mapping[str, Callable[[Any], list[float]]] = {
    "batb": _gone_level,
    "batl": _gone_level,
    "atb": _gone_price,
    "atl": _gone_price,
}
