"""Bodies of API-Football: those that were recorded, and made ones with invented teams."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from app.providers.api_football import normalize, odds
from app.providers.api_football.errors import items_of, opened
from app.providers.items import read_items
from app.providers.provider import Answer
from app.sports.incidents import Incident
from app.sports.match import Score
from app.sports.observation import Observation, ObservedMarket

RECORDINGS = Path(__file__).parents[2] / "recordings" / "api_football"
NOW = datetime(2026, 6, 1, 18, 30, tzinfo=UTC)
HOME, AWAY = 11, 22

Json = dict[str, Any]


def recorded(name: str) -> bytes:
    """A recorded body."""
    return (RECORDINGS / name).read_bytes()


def body(response: object, **envelope: object) -> bytes:
    """A whole answer around a response."""
    whole = {"get": "x", "parameters": [], "errors": [], "results": 1, "response": response}
    return json.dumps({**whole, "paging": {"current": 1, "total": 1}, **envelope}).encode()


def pair(home: int | None = None, away: int | None = None) -> Json:
    """A score."""
    return {"home": home, "away": away}


def fixture(
    short: str = "1H",
    elapsed: int | None = 30,
    extra: int | None = None,
    *,
    number: int = 1,
    goals: Json | None = None,
    score: Json | None = None,
    events: Sequence[Json] | None = None,
    timestamp: int = 1_780_336_800,
) -> Json:
    """An item of /fixtures."""
    item: Json = {
        "fixture": {
            "id": number,
            "timestamp": timestamp,
            "date": "2026-06-01T18:00:00+00:00",
            "status": {"long": short, "short": short, "elapsed": elapsed, "extra": extra},
        },
        "league": {"id": 5, "name": "Testliga", "country": "Atlantis", "season": 2026},
        "teams": {
            "home": {"id": HOME, "name": "Żubry Białystok", "winner": None},
            "away": {"id": AWAY, "name": "Lions", "winner": None},
        },
        "goals": goals or pair(0, 0),
        "score": {
            "halftime": pair(),
            "fulltime": pair(),
            "extratime": pair(),
            "penalty": pair(),
            **(score or {}),
        },
    }
    return item if events is None else {**item, "events": list(events)}


def event(
    kind: str,
    detail: str | None,
    elapsed: int | None = 10,
    extra: int | None = None,
    *,
    team: int = HOME,
    player: tuple[int | None, str | None] = (None, None),
    assist: tuple[int | None, str | None] = (None, None),
    comments: str | None = None,
) -> Json:
    """An item of /fixtures/events."""
    return {
        "time": {"elapsed": elapsed, "extra": extra},
        "team": {"id": team, "name": "T", "logo": "l"},
        "player": {"id": player[0], "name": player[1]},
        "assist": {"id": assist[0], "name": assist[1]},
        "type": kind,
        "detail": detail,
        "comments": comments,
    }


def goal(elapsed: int = 10, extra: int | None = None, **more: Any) -> Json:
    """A goal."""
    return event("Goal", more.pop("detail", "Normal Goal"), elapsed, extra, **more)


def live_odds(bets: Sequence[Json], number: int = 1, **more: object) -> Json:
    """An item of /odds/live."""
    return {
        "fixture": {"id": number, "status": {"long": "First Half", "elapsed": 30}},
        "status": {"stopped": False, "blocked": False, "finished": False},
        "update": "2026-06-01T18:29:30+00:00",
        "odds": list(bets),
        **more,
    }


def bet(number: int, name: str, *values: Json) -> Json:
    """A market."""
    return {"id": number, "name": name, "values": list(values)}


def value(
    word: str | int,
    odd: object,
    handicap: object = None,
    *,
    main: bool | None = None,
    suspended: bool = False,
) -> Json:
    """A selection of a live market."""
    return {
        "value": word, "odd": odd, "handicap": handicap, "main": main, "suspended": suspended,
    }  # fmt: skip


def prematch_odds(bookmakers: Sequence[Json], number: int = 1, timestamp: int = 0) -> Json:
    """An item of /odds, of a match that begins in an hour unless said otherwise."""
    begins = timestamp or int(NOW.timestamp()) + 3600
    return {
        "league": {"id": 5, "name": "Testliga", "season": 2026},
        "fixture": {"id": number, "timezone": "UTC", "timestamp": begins},
        "update": "2026-06-01T16:00:00+00:00",
        "bookmakers": list(bookmakers),
    }


def read(raw: bytes, kind: str) -> Answer:
    """What is made of a body of /fixtures, /odds/live or /odds."""
    reads = {
        "fixtures": normalize.read_fixture,
        "odds/live": odds.read_live,
        "odds": odds.read_prematch,
    }
    items = items_of(opened(raw, NOW), raw)
    observations, rejected = read_items(items, lambda index, one: reads[kind](index, one, NOW))
    return Answer(observations=tuple(observations), rejected=tuple(rejected))


def observed(item: Json, kind: str = "fixtures") -> Observation:
    """What is made of one item that is fine."""
    answer = read(body([item]), kind)
    assert answer.rejected == ()
    return answer.observations[0]


def score_of(item: Json) -> Score:
    """The score of an item of /fixtures."""
    score = observed(item).score
    assert score is not None
    return score


def incidents_of(events: Sequence[Json], home: int = 9, away: int = 9) -> tuple[Incident, ...]:
    """The incidents of a match; by default with a score that no list of goals exceeds."""
    incidents = observed(fixture(goals=pair(home, away), events=events)).incidents
    assert incidents is not None
    return incidents


def markets_of(*bets: Json) -> tuple[ObservedMarket, ...]:
    """The live markets of bets that are fine."""
    return observed(live_odds(bets), "odds/live").markets


def offers_of(market: ObservedMarket) -> dict[str, str | None]:
    """The odds of a market with one bookmaker, as text."""
    return {
        str(quote.selection): None if quote.odds is None else str(quote.odds)
        for quote in market.quotes
    }


def codes_of(raw: bytes, kind: str) -> list[str]:
    """Why parts of a body were set aside."""
    return [rejected.code for rejected in read(raw, kind).rejected]


def encoded(item: Json) -> msgspec.Raw:
    """An item as it stands in a body."""
    return msgspec.Raw(json.dumps(item).encode())
