"""API-Football v3 as it answers: envelopes with errors inside 200, day and minute headers.

Its keys are taken from the header `x-apisports-key`, or from `x-rapidapi-key` as RapidAPI's
gateway does, which refuses with bodies of its own.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from app.sports.match import IN_PLAY, MatchStatus
from app.stadium import calls
from app.stadium.api_football_matches import elapsed, events, fixture
from app.stadium.api_football_odds import LIVE_BETS, live_odds, odds
from app.stadium.calls import Call, Reply
from app.stadium.quotas import Left, Quotas, Spent
from app.stadium.standings import table_of
from app.stadium.voices import Voice

# As many as /fixtures takes at once, and as many odds as come on a page.
IDS_MAX = 20
PAGE = 10


class WrongQuestion(Exception):
    """A parameter is missing or no good; `errors` is what the envelope says."""

    def __init__(self, **errors: str) -> None:
        super().__init__(str(errors))
        self.errors = errors


class ApiFootballDesk:
    """Answers for API-Football."""

    def __init__(self, voice: Voice, quotas: Quotas, keys: frozenset[str]) -> None:
        self._voice = voice
        self._quotas = quotas
        self._keys = keys
        self._doors: Mapping[str, Callable[[Call], list[Any]]] = {
            "/fixtures": self._fixtures,
            "/fixtures/events": self._events,
            "/odds": self._odds,
            "/odds/live": self._odds_live,
            "/odds/live/bets": self._live_bets,
            "/standings": self._standings,
        }

    def answer(self, call: Call) -> Reply:
        """Answers a request: the key first, then the quota, then the question."""
        key, refusal = self._key_of(call)
        if refusal is not None:
            return refusal
        path = call.path.removeprefix("/v3").rstrip("/")
        if path == "/status":
            return self._enveloped(call, path, key, self._status(key, call.now))
        door = self._doors.get(path)
        if door is None:
            wrong = {"endpoint": "This endpoint do not exist."}
            return calls.said(_envelope(call, path, [], wrong))
        try:
            self._quotas.take(key, call.now)
        except Spent as spent:
            return self._spent(call, path, key, spent.left)
        try:
            found = door(call)
        except WrongQuestion as wrong_question:
            body = _envelope(call, path, [], wrong_question.errors)
            return calls.said(body, headers=self._headers(key, call.now))
        return self._enveloped(call, path, key, found)

    def nearly_spend(self, now: datetime, *, left: int) -> None:
        """Leaves so little of the day, whoever asks."""
        for key in self._keys:
            self._quotas.lower(key, now, left=left)

    def _key_of(self, call: Call) -> tuple[str, Reply | None]:
        through = call.headers.get("x-rapidapi-key")
        key = call.headers.get("x-apisports-key", through or "")
        if key in self._keys:
            return key, None
        if through is not None:
            said = {"message": "Invalid API key. Go to https://docs.rapidapi.com/docs/keys."}
            return "", calls.said(said, status=401)
        text = "Error/Missing application key." if key else "Missing application key."
        return "", calls.said(_envelope(call, call.path, [], {"token": text}))

    def _spent(self, call: Call, path: str, key: str, left: Left) -> Reply:
        headers = self._headers(key, call.now)
        if left.window == "minute":
            wrong = {"rateLimit": "Too many requests. The limit of requests per minute is reached."}
            return calls.said(_envelope(call, path, [], wrong), status=429, headers=headers)
        wrong = {"requests": "You have reached the request limit for the day."}
        return calls.said(_envelope(call, path, [], wrong), headers=headers)

    def _headers(self, key: str, now: datetime) -> dict[str, str]:
        left = self._quotas.left(key, now)
        headers: dict[str, str] = {}
        if "day" in left:
            headers["x-ratelimit-requests-limit"] = str(left["day"].most)
            headers["x-ratelimit-requests-remaining"] = str(left["day"].remaining)
        if "minute" in left:
            headers["X-RateLimit-Limit"] = str(left["minute"].most)
            headers["X-RateLimit-Remaining"] = str(left["minute"].remaining)
        return headers

    def _enveloped(self, call: Call, path: str, key: str, found: Any) -> Reply:
        page, pages = 1, 1
        if path == "/odds" and isinstance(found, list):
            pages = max(1, -(-len(found) // PAGE))
            page = _number(call, "page", 1)
            found = found[(page - 1) * PAGE : page * PAGE]
        body = _envelope(call, path, found, {}, paging=(page, pages))
        return calls.said(body, headers=self._headers(key, call.now))

    def _status(self, key: str, now: datetime) -> dict[str, Any]:
        left = self._quotas.left(key, now)
        day = left.get("day")
        return {
            "account": {"firstname": "Sim", "lastname": "Stadium", "email": "sim@example.invalid"},
            "subscription": {"plan": "Stadium", "end": "2099-01-01T00:00:00+00:00", "active": True},
            "requests": {"current": day.used if day else 0, "limit_day": day.most if day else 0},
        }

    def _fixtures(self, call: Call) -> list[Any]:
        query = call.query
        if "live" in query:
            leagues = _leagues(query["live"])
            live = [m for m in self._voice.said_at(call.now) if m.score.status in IN_PLAY]
            chosen = [m for m in live if leagues is None or m.league.number in leagues]
            return [{**fixture(m), "events": events(m)} for m in chosen]
        if "ids" in query or "id" in query:
            numbers = _ids(query.get("ids") or query["id"])
            found = self._voice.said_at(call.now, numbers=numbers)
            return [{**fixture(m), "events": events(m)} for m in found]
        if "date" not in query:
            raise WrongQuestion(required="At least one parameter is required.")
        day = _day(query["date"])
        league = query.get("league")
        return [
            fixture(m)
            for m in self._voice.said_at(call.now)
            if m.start_time.date() == day and league in {None, str(m.league.number)}
        ]

    def _events(self, call: Call) -> list[Any]:
        if "fixture" not in call.query:
            raise WrongQuestion(fixture="The Fixture field is required.")
        found = self._voice.said_at(call.now, numbers=_ids(call.query["fixture"]))
        return events(found[0]) if found else []

    def _odds(self, call: Call) -> list[Any]:
        query = call.query
        numbers = _ids(query["fixture"]) if "fixture" in query else None
        if numbers is None and "date" not in query and "league" not in query:
            raise WrongQuestion(required="At least one parameter is required.")
        day = _day(query["date"]) if "date" in query else None
        return [
            odds(m)
            for m in self._voice.said_at(call.now, prices=True, numbers=numbers)
            if m.score.status is MatchStatus.SCHEDULED
            and day in {None, m.start_time.date()}
            and query.get("league") in {None, str(m.league.number)}
        ]

    def _odds_live(self, call: Call) -> list[Any]:
        query = call.query
        numbers = _ids(query["fixture"]) if "fixture" in query else None
        return [
            live_odds(m, elapsed(m.score)[0])
            for m in self._voice.said_at(call.now, prices=True, numbers=numbers)
            if m.score.status in IN_PLAY and query.get("league") in {None, str(m.league.number)}
        ]

    def _live_bets(self, _: Call) -> list[Any]:
        return [{"id": number, "name": name} for number, name in LIVE_BETS]

    def _standings(self, call: Call) -> list[Any]:
        if "league" not in call.query or "season" not in call.query:
            raise WrongQuestion(season="The Season field is required.")
        return table_of(self._voice, call.query["league"], call.query["season"], call.now)


def _envelope(
    call: Call,
    path: str,
    response: Any,
    errors: Mapping[str, str],
    *,
    paging: tuple[int, int] = (1, 1),
) -> dict[str, Any]:
    """Returns the frame; what is empty is a list and what is not an object, as theirs."""
    listed = isinstance(response, list)
    return {
        "get": path.strip("/"),
        "parameters": dict(call.query) or [],
        "errors": dict(errors) or [],
        "results": len(response) if listed else 0,
        "paging": {"current": paging[0], "total": paging[1]},
        "response": response,
    }


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongQuestion(date="The Date field must contain a valid date.") from None


def _ids(text: str) -> frozenset[int]:
    parts = text.split("-")
    if len(parts) > IDS_MAX:
        raise WrongQuestion(ids=f"Maximum of {IDS_MAX} fixtures ids allowed.")
    if not all(part.isascii() and part.isdigit() and len(part) <= 15 for part in parts):
        raise WrongQuestion(ids="The Ids field must contain integers.")
    return frozenset(int(part) for part in parts)


def _leagues(text: str) -> frozenset[int] | None:
    return None if text == "all" else _ids(text)


def _number(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 6 else default
