"""API-Football's odds: before the match by bookmaker, in play without one.

The bets told in play are those a page of theirs shows first; their ids differ from those before
the match. What nobody may bet on now is shown suspended with its odds at "0".
"""

from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any

from app.sports.market import MarketStatus, MarketType, SelectionKey
from app.sports.match import OVER
from app.sports.observation import ObservedMarket
from app.stadium.api_football_matches import season_of
from app.stadium.naming import number_of
from app.stadium.voices import Said

_BEFORE = {
    MarketType.WINNER: (1, "Match Winner"),
    MarketType.DRAW_NO_BET: (2, "Home/Away"),
    MarketType.HANDICAP: (4, "Asian Handicap"),
    MarketType.TOTAL: (5, "Goals Over/Under"),
    MarketType.BOTH_TO_SCORE: (8, "Both Teams Score"),
    MarketType.DOUBLE_CHANCE: (12, "Double Chance"),
}
_LIVE = {
    MarketType.WINNER: (59, "Fulltime Result"),
    MarketType.TOTAL: (25, "Match Goals"),
    MarketType.HANDICAP: (33, "Asian Handicap"),
    MarketType.DRAW_NO_BET: (48, "Draw No Bet"),
    MarketType.BOTH_TO_SCORE: (69, "Both Teams to Score"),
    MarketType.DOUBLE_CHANCE: (72, "Double Chance"),
}
LIVE_BETS = tuple(_LIVE.values())
_VALUES: Mapping[str, str] = {
    SelectionKey.HOME: "Home",
    SelectionKey.DRAW: "Draw",
    SelectionKey.AWAY: "Away",
    SelectionKey.OVER: "Over",
    SelectionKey.UNDER: "Under",
    SelectionKey.YES: "Yes",
    SelectionKey.NO: "No",
    SelectionKey.HOME_DRAW: "Home/Draw",
    SelectionKey.HOME_AWAY: "Home/Away",
    SelectionKey.DRAW_AWAY: "Draw/Away",
}
_VALUES_LIVE: Mapping[str, str] = {
    **_VALUES,
    SelectionKey.HOME_DRAW: "Home or Draw",
    SelectionKey.HOME_AWAY: "Home or Away",
    SelectionKey.DRAW_AWAY: "Away or Draw",
}


def odds(said: Said) -> dict[str, Any]:
    """Returns an item of /odds, before the match."""
    return {
        "league": {
            "id": said.league.number,
            "name": said.league.name,
            "country": said.league.country or "World",
            "logo": "",
            "flag": None,
            "season": season_of(said),
        },
        "fixture": {
            "id": said.number,
            "timezone": "UTC",
            "date": said.start_time.astimezone(UTC).replace(microsecond=0).isoformat(),
            "timestamp": int(said.start_time.timestamp()),
        },
        "update": said.said_at.replace(microsecond=0).isoformat(),
        "bookmakers": [
            {
                "id": number_of(1_000, "api-football", "bookmaker", name),
                "name": name,
                "bets": list(_bets(said, name)),
            }
            for name in _bookmakers(said)
        ],
    }


def live_odds(said: Said, elapsed: int | None) -> dict[str, Any]:
    """Returns an item of /odds/live: one line a bet, the first bookmaker's."""
    score = said.score
    stopped = any(market.status is not MarketStatus.OPEN for market in said.markets)
    minute = elapsed or 0
    return {
        "fixture": {
            "id": said.number,
            "status": {
                "long": score.period or "",
                "elapsed": minute,
                "seconds": f"{minute:02}:{said.said_at.second:02}",
            },
        },
        "league": {"id": said.league.number, "season": season_of(said)},
        "teams": {
            "home": {"id": said.home.number, "goals": score.home},
            "away": {"id": said.away.number, "goals": score.away},
        },
        "status": {"stopped": stopped, "blocked": False, "finished": score.status in OVER},
        "update": said.said_at.replace(microsecond=0).isoformat(),
        "odds": [_live_bet(said, market) for market in said.markets],
    }


def _bookmakers(said: Said) -> list[str]:
    names = [quote.bookmaker for market in said.markets for quote in market.quotes]
    return list(dict.fromkeys(names))


def _bets(said: Said, bookmaker: str) -> Iterator[dict[str, Any]]:
    for market in said.markets:
        number, name = _BEFORE[market.type]
        # Both sides are told with the handicap of the home side; above nothing it has its sign.
        sign = "+" if market.type is MarketType.HANDICAP and (market.line or 0) > 0 else ""
        line = "" if market.line is None else f" {sign}{market.line}"
        values = [
            {"value": f"{_VALUES[quote.selection]}{line}", "odd": f"{quote.odds:.2f}"}
            for quote in market.quotes
            if quote.bookmaker == bookmaker and quote.odds is not None
        ]
        if values:
            yield {"id": number, "name": name, "values": values}


def _live_bet(said: Said, market: ObservedMarket) -> dict[str, Any]:
    number, name = _LIVE[market.type]
    first = next(iter(_bookmakers(said)), "")
    halted = market.status is not MarketStatus.OPEN
    return {
        "id": number,
        "name": name,
        "values": [
            {
                "value": _VALUES_LIVE[quote.selection],
                "odd": "0" if quote.odds is None else f"{quote.odds.normalize():f}",
                "handicap": _handicap(market, quote.selection),
                "main": None,
                "suspended": halted or quote.odds is None,
            }
            for quote in market.quotes
            if quote.bookmaker == first
        ],
    }


def _handicap(market: ObservedMarket, key: str) -> str | None:
    """Returns the line of an answer in play, where each side has its own."""
    if market.line is None:
        return None
    is_away = market.type is MarketType.HANDICAP and key == SelectionKey.AWAY
    return str(0 - market.line if is_away else market.line)
