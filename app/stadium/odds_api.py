"""The Odds API v4 as it answers: sports, odds and scores, paid for in credits.

A sport key is a league: `soccer_world_cup`, `basketball_nba`, `tennis_atp_wimbledon`. Odds cost a
credit a market and region, scores one or two, sports nothing.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from app.sports.market import MarketStatus, MarketType, SelectionKey
from app.sports.match import IN_PLAY, OVER, MatchStatus
from app.sports.observation import ObservedMarket, ObservedQuote
from app.sports.odds_formats import decimal_to_american
from app.stadium import calls
from app.stadium.calls import Call, Reply
from app.stadium.quotas import Quotas, Spent
from app.stadium.voices import Said, Voice

_DOOR = re.compile(r"/v4/sports(?:/(?P<sport>[a-z0-9_]+)/(?P<door>[a-z]+))?/?")
_REGIONS = frozenset({"us", "us2", "uk", "eu", "au"})
_MARKETS = {
    "h2h": MarketType.WINNER,
    "spreads": MarketType.HANDICAP,
    "totals": MarketType.TOTAL,
    "btts": MarketType.BOTH_TO_SCORE,
}
# It takes these too; our bookmakers don't offer them.
_MARKETS_KNOWN = frozenset({*_MARKETS, "outrights"})
_DAYS_MAX = 3
_GROUPS = {"soccer": "Soccer", "basketball": "Basketball", "tennis": "Tennis",
           "icehockey": "Ice Hockey"}  # fmt: skip


class Refusal(Exception):
    """The question is no good."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    sport: str
    door: str
    markets: tuple[str, ...] = ()
    american: bool = False
    unix: bool = False
    ids: frozenset[str] = frozenset()
    days_from: int = 0
    cost: int = 0


class OddsApiDesk:
    """Answers for The Odds API."""

    def __init__(self, voice: Voice, quotas: Quotas, keys: frozenset[str]) -> None:
        self._voice = voice
        self._quotas = quotas
        self._keys = keys

    def answer(self, call: Call) -> Reply:
        """Answers a request: the key first, then the question, then the quota."""
        key = call.query.get("apiKey", "")
        if key not in self._keys:
            code = "INVALID_KEY" if key else "MISSING_KEY"
            return _refused(401, code, "API key is missing" if not key else "API key is not valid")
        found = _DOOR.fullmatch(call.path)
        if found is None:
            return calls.said({"message": "Not found"}, status=404)
        try:
            question = self._question(call, found["sport"], found["door"])
            self._quotas.take(key, call.now, cost=question.cost)
        except Refusal as refusal:
            return _refused(refusal.status, refusal.code, str(refusal))
        except Spent as spent:
            if spent.left.window == "second":
                return _refused(429, "EXCEEDED_FREQ_LIMIT", "Requests are too frequent")
            headers = self._headers(key, call.now, 0)
            return _refused(401, "OUT_OF_USAGE_CREDITS", "Usage quota has been reached", headers)
        headers = self._headers(key, call.now, question.cost)
        return calls.said(self._told(question, call.now), headers=headers)

    def nearly_spend(self, now: datetime, *, left: int) -> None:
        """Leaves so little of the month, whoever asks."""
        for key in self._keys:
            self._quotas.lower(key, now, left=left)

    def _told(self, question: Question, now: datetime) -> list[Any]:
        match question.door:
            case "odds":
                return self._odds(question, now)
            case "scores":
                return self._scores(question, now)
            case "events":
                return [_event(m, question) for m in self._of(question, now)]
            case _:
                return self._sports(now)

    def _question(self, call: Call, sport: str | None, door: str | None) -> Question:
        """Returns what is asked, with its cost; raises Refusal."""
        if sport is None or door is None:
            return Question(sport="", door="sports")
        if sport not in self._titles():
            raise Refusal(404, "UNKNOWN_SPORT", f"Unknown sport: {sport}")
        query = call.query
        asked = Question(
            sport=sport,
            door=door,
            unix=query.get("dateFormat") == "unix",
            ids=frozenset(_listed(query, "eventIds")),
        )
        match door:
            case "odds":
                return _of_odds(asked, query)
            case "scores":
                days = _days_from(query)
                return replace(asked, days_from=days, cost=2 if days else 1)
            case "events":
                return asked
            case _:
                raise Refusal(404, "NOT_FOUND", "Not found")

    def _titles(self) -> dict[str, str]:
        """Returns the leagues of all recordings, in season or not."""
        leagues = (self._voice.league_of(track) for track in self._voice.programme.tracks)
        return {league.key: league.name for league in leagues}

    def _sports(self, now: datetime) -> list[Any]:
        active = {said.league.key for said in self._voice.said_at(now)}
        return [
            {
                "key": key,
                "group": _GROUPS[key.partition("_")[0]],
                "title": title,
                "description": title,
                "active": key in active,
                "has_outrights": False,
            }
            for key, title in sorted(self._titles().items())
        ]

    def _of(self, question: Question, now: datetime, *, prices: bool = False) -> list[Said]:
        """Returns the matches of a sport key that are not over."""
        return [
            said
            for said in self._voice.said_at(now, prices=prices, leagues=frozenset({question.sport}))
            if said.score.status not in OVER and (not question.ids or said.hash in question.ids)
        ]

    def _odds(self, question: Question, now: datetime) -> list[Any]:
        return [
            {**_event(said, question), "bookmakers": _bookmakers(said, question)}
            for said in self._of(question, now, prices=True)
        ]

    def _scores(self, question: Question, now: datetime) -> list[Any]:
        since = now - timedelta(days=question.days_from)
        told = self._voice.said_at(now, leagues=frozenset({question.sport}))
        return [
            _score(said, question)
            for said in told
            if said.score.status not in OVER or (question.days_from and said.start_time >= since)
        ]

    def _headers(self, key: str, now: datetime, cost: int) -> dict[str, str]:
        month = self._quotas.left(key, now).get("month")
        if month is None:
            return {}
        return {
            "x-requests-remaining": str(month.remaining),
            "x-requests-used": str(month.used),
            "x-requests-last": str(cost),
        }


def _event(said: Said, question: Question) -> dict[str, Any]:
    return {
        "id": said.hash,
        "sport_key": said.league.key,
        "sport_title": said.league.name,
        "commence_time": _time(said.start_time, question),
        "home_team": said.home.name,
        "away_team": said.away.name,
    }


def _score(said: Said, question: Question) -> dict[str, Any]:
    score, begun = said.score, said.score.status in IN_PLAY | OVER
    sides = ((said.home, score.home), (said.away, score.away))
    return {
        "id": said.hash,
        "sport_key": said.league.key,
        "sport_title": said.league.name,
        "commence_time": _time(said.start_time, question),
        "completed": score.status in OVER and score.status is not MatchStatus.CANCELLED,
        "home_team": said.home.name,
        "away_team": said.away.name,
        "scores": [{"name": side.name, "score": str(n or 0)} for side, n in sides]
        if begun
        else None,
        "last_update": _time(said.said_at, question) if begun else None,
    }


def _bookmakers(said: Said, question: Question) -> list[Any]:
    update = _time(said.said_at, question)
    names = dict.fromkeys(q.bookmaker for market in said.markets for q in market.quotes)
    told: list[Any] = []
    for name in names:
        markets = [
            {"key": key, "last_update": update, "outcomes": outcomes}
            for key in question.markets
            if (outcomes := _outcomes(said, name, key, american_odds=question.american))
        ]
        if markets:
            title = name.replace("-", " ").title()
            key = name.replace("-", "_")
            told.append({"key": key, "title": title, "last_update": update, "markets": markets})
    return told


def _outcomes(said: Said, bookmaker: str, key: str, *, american_odds: bool) -> list[Any]:
    """Returns a bookmaker's prices; nothing while it takes no bets."""
    return [
        _outcome(said, market, quote, american_odds=american_odds)
        for market in said.markets
        if market.type is _MARKETS.get(key) and market.status is MarketStatus.OPEN
        for quote in market.quotes
        if quote.bookmaker == bookmaker and quote.odds is not None
    ]


def _outcome(
    said: Said, market: ObservedMarket, quote: ObservedQuote, *, american_odds: bool
) -> dict[str, Any]:
    assert quote.odds is not None, "only offers are told"
    names: Mapping[str, str] = {
        SelectionKey.HOME: said.home.name,
        SelectionKey.AWAY: said.away.name,
        SelectionKey.DRAW: "Draw",
        SelectionKey.OVER: "Over",
        SelectionKey.UNDER: "Under",
        SelectionKey.YES: "Yes",
        SelectionKey.NO: "No",
    }
    price = int(decimal_to_american(quote.odds)) if american_odds else float(quote.odds)
    told = {"name": names[quote.selection], "price": price}
    if market.line is None:
        return told
    # A spread is told with the side it is added to.
    is_away = market.type is MarketType.HANDICAP and quote.selection == SelectionKey.AWAY
    return {**told, "point": float(0 - market.line if is_away else market.line)}


def _of_odds(asked: Question, query: Mapping[str, str]) -> Question:
    markets, regions = _listed(query, "markets") or ("h2h",), _listed(query, "regions")
    bookmakers = _listed(query, "bookmakers")
    if not regions and not bookmakers:
        raise Refusal(422, "MISSING_REGION", "Missing region")
    if not frozenset(regions) <= _REGIONS:
        raise Refusal(422, "INVALID_REGION", "Invalid region")
    if not frozenset(markets) <= _MARKETS_KNOWN:
        raise Refusal(422, "INVALID_MARKET", "Invalid market")
    form = query.get("oddsFormat", "decimal")
    if form not in {"decimal", "american"}:
        raise Refusal(422, "INVALID_ODDS_FORMAT", "Invalid odds format")
    # Ten bookmakers by name cost as much as a region.
    places = len(regions) or -(-len(bookmakers) // 10)
    american_odds = form == "american"
    return replace(asked, markets=markets, american=american_odds, cost=len(markets) * places)


def _days_from(query: Mapping[str, str]) -> int:
    text = query.get("daysFrom")
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) == 1 and 1 <= int(text) <= _DAYS_MAX):
        raise Refusal(422, "INVALID_SCORES_DAYS_FROM", "daysFrom is 1 to 3")
    return int(text)


def _listed(query: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in query.get(name, "").split(",") if word))


def _time(moment: datetime, question: Question) -> str | int:
    if question.unix:
        return int(moment.timestamp())
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _refused(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Reply:
    details = f"https://docs.invalid/api-error-codes.html#{code.lower().replace('_', '-')}"
    body = {"message": message, "error_code": code, "details_url": details}
    return calls.said(body, status=status, headers=headers)
