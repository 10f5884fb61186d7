"""What three providers say of the same matches, as bytes in their own wire shapes."""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from app.providers.api_football import normalize as api_football
from app.providers.items import read_items
from app.providers.odds_api import normalize as odds_api
from app.providers.provider import Answer
from app.providers.push import json_feed
from app.providers.thesportsdb import normalize as thesportsdb
from app.sports.match import Sport

START = datetime(2026, 1, 1, 15, tzinfo=UTC)
BOOKMAKERS = ("north", "east", "west")
SPORT_KEY = "soccer_bench"

Read = Callable[[bytes, datetime], Answer]
_RAW = msgspec.json.Decoder(list[msgspec.Raw])


def names(n: int) -> tuple[str, str]:
    """Returns the sides of the n-th match: names no other match has anything like."""
    return _name(2 * n), _name(2 * n + 1)


def _name(n: int) -> str:
    letters = random.Random(n)  # The same on every machine.
    return "".join(
        letters.choice("bcdfghjklmnpqrstvwxz") + letters.choice("aeiouy") for _ in range(6)
    ).title()


def _price(dice: random.Random) -> float:
    return dice.randint(1_100, 9_000) / 1000


def odds_api_odds(dice: random.Random, matches: Sequence[int], now: datetime) -> bytes:
    """Returns /odds of The Odds API: three bookmakers, five prices each, a match."""
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return msgspec.json.encode(
        [_event(dice, n, at) for n in matches],
    )


def _event(dice: random.Random, n: int, at: str) -> dict[str, Any]:
    home, away = names(n)
    return {
        "id": f"{n:032x}",
        "sport_key": SPORT_KEY,
        "sport_title": "Bench",
        "commence_time": START.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "home_team": home,
        "away_team": away,
        "bookmakers": [
            {
                "key": name,
                "title": name.title(),
                "last_update": at,
                "markets": [
                    {
                        "key": "h2h",
                        "last_update": at,
                        "outcomes": [
                            {"name": side, "price": _price(dice)} for side in (home, "Draw", away)
                        ],
                    },
                    {
                        "key": "totals",
                        "last_update": at,
                        "outcomes": [
                            {"name": side, "price": _price(dice), "point": 2.5}
                            for side in ("Over", "Under")
                        ],
                    },
                ],
            }
            for name in BOOKMAKERS
        ],
    }


def pushed_odds(dice: random.Random, matches: Sequence[int], now: datetime) -> bytes:
    """Returns the same as a body of a feed that calls us."""
    return msgspec.json.encode({"observations": [_pushed(dice, n, now) for n in matches]})


def _pushed(dice: random.Random, n: int, now: datetime) -> dict[str, Any]:
    questions = (("winner", None, ("home", "draw", "away")), ("total", "2.5", ("over", "under")))
    return {
        "match": _described(n),
        "observedAt": now.isoformat(),
        "markets": [
            {
                "type": kind,
                **({"line": line} if line else {}),
                "quotes": [
                    {"bookmaker": name, "selection": key, "odds": str(_price(dice))}
                    for key in keys
                    for name in BOOKMAKERS
                ],
            }
            for kind, line, keys in questions
        ],
    }


def _described(n: int) -> dict[str, Any]:
    home, away = names(n)
    return {
        "ref": f"m-{n}",
        "sport": "football",
        "description": {
            "league": {"ref": "bench", "name": "Bench League"},
            "home": {"ref": f"h-{n}", "name": home},
            "away": {"ref": f"a-{n}", "name": away},
            "startTime": START.isoformat(),
        },
    }


def pushed_scores(
    minute: int,
    matches: Sequence[int],
    now: datetime,
    goals: Mapping[int, int] | None = None,
) -> bytes:
    """Returns scores as a body of a feed that calls us; `goals` of the home sides."""
    scored = goals or {}
    score = {"status": "live", "away": 0, "clock": f"{minute}'", "period": "1st Half"}
    items = [
        {
            "match": _described(n),
            "observedAt": now.isoformat(),
            "score": {**score, "home": scored.get(n, 0)},
        }
        for n in matches
    ]
    return msgspec.json.encode({"observations": items})


def pushed_goal(n: int, goals: int, now: datetime) -> bytes:
    """Returns one score as a body of a feed that calls us: so many goals of the home side."""
    score = {"status": "live", "home": goals, "away": 0, "period": "1st Half"}
    item = {"match": _described(n), "observedAt": now.isoformat(), "score": score}
    return msgspec.json.encode({"observations": [item]})


def fixtures(
    minute: int,
    matches: Sequence[int],
    start: datetime = START,
    goals: Mapping[int, int] | None = None,
) -> bytes:
    """Returns /fixtures?live=all of API-Football, the whole envelope; `goals` of the home sides."""
    scored = goals or {}
    items = [_fixture(n, minute, start, scored.get(n, 0)) for n in matches]
    return api_football_answer("fixtures", items)


def api_football_answer(asked: str, response: object) -> bytes:
    """Returns what API-Football has around every answer, and the answer."""
    return msgspec.json.encode(
        {
            "get": asked,
            "parameters": [],
            "errors": [],
            "results": len(response) if isinstance(response, list) else 1,
            "paging": {"current": 1, "total": 1},
            "response": response,
        }
    )


def odds_live(dice: random.Random, matches: Sequence[int], now: datetime) -> bytes:
    """Returns /odds/live of API-Football: two markets, five prices, a match."""
    return api_football_answer("odds/live", [_odds_live(dice, n, now) for n in matches])


def _odds_live(dice: random.Random, n: int, now: datetime) -> dict[str, Any]:
    def value(name: str, handicap: str | None = None) -> dict[str, Any]:
        odd = str(_price(dice))
        return {"value": name, "odd": odd, "handicap": handicap, "main": None, "suspended": False}

    return {
        "fixture": {"id": n + 1, "status": {"long": "First Half", "elapsed": 1, "seconds": "1:00"}},
        "league": {"id": 1, "season": 2026},
        "teams": {"home": {"id": 2 * n + 1, "goals": 0}, "away": {"id": 2 * n + 2, "goals": 0}},
        "status": {"stopped": False, "blocked": False, "finished": False},
        "update": now.isoformat(timespec="seconds"),
        "odds": [
            {
                "id": 59,
                "name": "Fulltime Result",
                "values": [value(name) for name in ("Home", "Draw", "Away")],
            },
            {
                "id": 36,
                "name": "Over/Under Line",
                "values": [value(name, "2.5") for name in ("Over", "Under")],
            },
        ],
    }


def _fixture(n: int, minute: int, start: datetime, goals: int) -> dict[str, Any]:
    home, away = names(n)
    nothing = {"home": None, "away": None}
    return {
        "fixture": {
            "id": n + 1,
            "referee": None,
            "timezone": "UTC",
            "date": start.isoformat(),
            "timestamp": int(start.timestamp()),
            "periods": {"first": int(start.timestamp()), "second": None},
            "venue": {"id": None, "name": None, "city": None},
            "status": {"long": "First Half", "short": "1H", "elapsed": minute, "extra": None},
        },
        "league": {
            "id": 1,
            "name": "Bench League",
            "country": "World",
            "logo": None,
            "flag": None,
            "season": 2026,
            "round": "1",
        },
        "teams": {
            "home": {"id": 2 * n + 1, "name": home, "logo": None, "winner": None},
            "away": {"id": 2 * n + 2, "name": away, "logo": None, "winner": None},
        },
        "goals": {"home": goals, "away": 0},
        "score": {
            "halftime": nothing,
            "fulltime": nothing,
            "extratime": nothing,
            "penalty": nothing,
        },
        "events": [],
    }


def livescore(
    minute: int,
    matches: Sequence[int],
    now: datetime,
    goals: Mapping[int, int] | None = None,
) -> bytes:
    """Returns TheSportsDB's livescore of version 2; `goals` of the home sides."""
    scored = goals or {}
    rows = [_row(n, minute, now, scored.get(n, 0)) for n in matches]
    return msgspec.json.encode({"livescore": rows})


def _row(n: int, minute: int, now: datetime, goals: int) -> dict[str, Any]:
    home, away = names(n)
    return {
        "idLiveScore": str(n + 1),
        "idEvent": str(n + 1),
        "strSport": "Soccer",
        "idLeague": "1",
        "strLeague": "Bench League",
        "idHomeTeam": str(2 * n + 1),
        "idAwayTeam": str(2 * n + 2),
        "strHomeTeam": home,
        "strAwayTeam": away,
        "intHomeScore": str(goals),
        "intAwayScore": "0",
        "strStatus": "1H",
        "strProgress": str(minute),
        "strTimestamp": START.strftime("%Y-%m-%dT%H:%M:%S"),
        "strEventTime": START.strftime("%H:%M"),
        "dateEvent": START.strftime("%Y-%m-%d"),
        "updated": now.strftime("%Y-%m-%d %H:%M:%S"),
    }


def _read_odds_api(body: bytes, received_at: datetime) -> Answer:
    items = _RAW.decode(body)
    observations, rejected = odds_api.read_odds(items, SPORT_KEY, received_at, "decimal")
    return Answer(observations=tuple(observations), rejected=tuple(rejected))


def _read_fixtures(body: bytes, received_at: datetime) -> Answer:
    items = msgspec.json.decode(body, type=Mapping[str, msgspec.Raw])["response"]
    observations, rejected = read_items(
        _RAW.decode(items), lambda n, raw: api_football.read_fixture(n, raw, received_at)
    )
    return Answer(observations=tuple(observations), rejected=tuple(rejected))


def _read_livescore(body: bytes, received_at: datetime) -> Answer:
    rows = msgspec.json.decode(body, type=Mapping[str, list[msgspec.Raw]])["livescore"]
    observations, rejected = thesportsdb.read_live(rows, Sport.FOOTBALL, received_at)
    return Answer(observations=tuple(observations), rejected=tuple(rejected))


# Provider, how its body is made, how it is read.
READS: Mapping[str, Read] = {
    "odds-api": _read_odds_api,
    "north-feed": lambda body, at: json_feed.read(body, "north-feed", at),
    "south-feed": lambda body, at: json_feed.read(body, "south-feed", at),
    "api-football": _read_fixtures,
    "thesportsdb": _read_livescore,
}
