"""Bodies of The Odds API and what is read in them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec

from app.providers.items import joined
from app.providers.odds_api.normalize import read_fixtures, read_odds, read_scores
from app.providers.odds_api.offers import OddsFormat
from app.providers.odds_api.payloads import items_of
from app.providers.provider import Answer
from app.sports.market import SelectionKey
from app.sports.observation import ObservedQuote

BODIES = Path(__file__).parents[2] / "recordings/odds_api"
RECEIVED = datetime(2026, 11, 21, 16, 10, tzinfo=UTC)
OF_MARKET = datetime(2026, 11, 21, 16, 9, tzinfo=UTC)
OF_BOOKMAKER = datetime(2026, 11, 21, 16, 9, 20, tzinfo=UTC)
FOOTBALL = "soccer_northern_premier"
HOCKEY = "icehockey_winter"
HOME, DRAW, AWAY = SelectionKey.HOME, SelectionKey.DRAW, SelectionKey.AWAY
OVER, UNDER = SelectionKey.OVER, SelectionKey.UNDER


def body_of(name: str) -> bytes:
    return (BODIES / f"{name}.json").read_bytes()


def odds_in(
    body: bytes,
    sport_key: str = FOOTBALL,
    odds_format: OddsFormat = "decimal",
    received_at: datetime = RECEIVED,
) -> Answer:
    return joined([read_odds(items_of(body), sport_key, received_at, odds_format)])


def scores_in(body: bytes, sport_key: str = FOOTBALL) -> Answer:
    return joined([read_scores(items_of(body), sport_key, RECEIVED)])


def fixtures_in(body: bytes, sport_key: str = FOOTBALL) -> Answer:
    return joined([read_fixtures(items_of(body), sport_key, RECEIVED)])


def codes_of(answer: Answer) -> list[tuple[int, str]]:
    return [(one.index, one.code) for one in answer.rejected]


def quote(
    bookmaker: str, key: SelectionKey, odds: str | None, at: datetime = OF_MARKET
) -> ObservedQuote:
    return ObservedQuote(bookmaker, key, None if odds is None else Decimal(odds), at)


def an_event(markets: Sequence[object], *, sport_key: str = FOOTBALL, copies: int = 1) -> bytes:
    """A match with one bookmaker, listed so many times."""
    event = {
        "id": "1", "sport_key": sport_key, "sport_title": "League",
        "commence_time": "2026-11-21T20:00:00Z", "home_team": "Home", "away_team": "Away",
        "bookmakers": [{"key": "alpha", "title": "Alpha", "markets": markets}] * copies,
    }  # fmt: skip
    return msgspec.json.encode([event])


def a_market(key: str, *outcomes: tuple[object, ...]) -> object:
    names = ("name", "price", "point", "description")
    return {"key": key, "outcomes": [dict(zip(names, each, strict=False)) for each in outcomes]}
