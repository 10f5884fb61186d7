"""What is asked of API-Football, and when: as few requests as answer the question.

Facts the numbers come from (https://www.api-football.com/documentation-v3): fixtures and events are
renewed every 15 s, odds in play every 5 s, odds before a match every 3 h; `ids` takes 20; /odds
has 10 items a page; the day of the quota ends at midnight UTC; /status costs nothing.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from app.logs import logger
from app.providers.api_football import normalize, odds
from app.providers.api_football.errors import items_of, opened, seconds_to_midnight
from app.providers.api_football.memory import Memory
from app.providers.api_football.payloads import Account, Envelope, OnlyId
from app.providers.http import Exchange, Http, Reply, Request
from app.providers.items import UNDECODABLE, Read, Unfit, joined, read_items
from app.providers.provider import (
    Allowance,
    Answer,
    Ask,
    PollRule,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreadable,
    Scope,
    ToldQuota,
    Window,
)
from app.sports.ids import ExternalId, ProviderName
from app.sports.match import Sport
from app.sports.standings import Standings

IDS_MAX = 20
# Today and so many days after it; each is a request.
DAYS_AHEAD = 2
# More pages of odds than a match with all bookmakers has.
PAGES_MAX = 5
# Batches of matches that left live=all, a poll: 60 final whistles between two polls are a Saturday.
BATCHES_MAX = 3
# Matches whose events are asked for one by one, a poll; they come with the match nearly always.
EVENTS_MAX = 5
# Matches to come whose odds are asked for, a poll; each is a request or two.
PREMATCH_MAX = 10
# Asking for one match alone costs a request, as asking for all in play does.
ALONE_MAX = 1
# Of the day's quota; below it nothing is asked but what tells scores: a final one is told once, and
# the plan of polls does not know what a second question costs.
SPARE_SHARE = 0.1
# Matches a poll of markets may name: all that can be watched.
MATCHES_MAX = 1_000
TIMEOUT_S = 10.0

_FIXTURES_MS, _SCORES_MS, _MARKETS_MS = 3_600_000, 15_000, 5_000
# In polls: what is over is looked at again after 5 minutes, odds to come after an hour.
_OVER_AGAIN_POLLS = 20
_PREMATCH_AGAIN_POLLS = 720
_NO_CONTENT, _TIMED_OUT = 204, 499

Through = Literal["api-sports", "rapidapi"]
ReadItem = Callable[[int, msgspec.Raw, datetime], Read]

log = logger(__name__)


class ApiFootball:
    """Asks API-Football v3, with a key of its own or one of RapidAPI."""

    name: ProviderName = normalize.NAME

    def __init__(
        self,
        *,
        key: str,
        url: str,
        allowance: Allowance,
        through: Through = "api-sports",
        keep: Callable[[Exchange], None] | None = None,
        tls: ssl.SSLContext | None = None,
        fastest_ms: int | None = None,
    ) -> None:
        self._key = key
        self._through = through
        self._allowance = allowance
        self._fastest_ms = fastest_ms
        self._memory = Memory()
        self._is_short = False
        self._knows_quota = through == "rapidapi"  # Which has no /status.
        self._learning = asyncio.Lock()
        self._http = Http(
            self.name,
            url,
            allowance=allowance,
            timeout_s=TIMEOUT_S,
            headers=headers_of(key, url, through),
            quotas=self._quotas,
            keep=keep,
            tls=tls,
        )

    def rules(self) -> Sequence[PollRule]:
        """Returns one rule a scope, for football."""
        return (
            self._rule(Scope.FIXTURES, _FIXTURES_MS, timeout_ms=40_000, cost=1 + DAYS_AHEAD),
            self._rule(Scope.SCORES, _SCORES_MS, timeout_ms=25_000),
            self._rule(Scope.MARKETS, _MARKETS_MS, timeout_ms=30_000, matches_max=MATCHES_MAX),
        )

    async def fixtures(self, ask: Ask) -> Answer:
        """Asks for the matches of today and the next days that are still to come."""
        if ask.sport is not Sport.FOOTBALL:
            return Answer()
        today = datetime.now(UTC).date()
        answers = [await self._fixtures(date=today.isoformat(), timezone="UTC")]
        try:
            for ahead in range(1, 1 + DAYS_AHEAD):
                day = (today + timedelta(days=ahead)).isoformat()
                answers.append(await self._fixtures(date=day, timezone="UTC"))
        except ProviderError as error:
            self._note_failed(error)
        whole = _together(answers)
        to_come = tuple(filter(normalize.is_to_come, whole.observations))
        return msgspec.structs.replace(whole, observations=to_come)

    async def scores(self, ask: Ask) -> Answer:
        """Asks for all in play, and for those that are not among them any more.

        Those are what was in play the last time, and what is wanted and not known to be over or to
        come. When the second question fails, the first one's answer counts, and the second is asked
        again the next time.
        """
        if ask.sport is not Sport.FOOTBALL:
            return Answer()
        reply, live = await self._items("/fixtures", live="all")
        told = _ids_of(live)
        first = {id(item) for item in told.values()}
        rest = [item for item in live if id(item) not in first]
        wanted = [one for one in ask.matches if one.isdecimal()]
        missing = self._memory.missing(told.keys(), wanted)[: BATCHES_MAX * IDS_MAX]
        others: list[Answer] = []
        try:
            for start in range(0, len(missing), IDS_MAX):
                batch = missing[start : start + IDS_MAX]
                others.append(await self._fixtures(ids="-".join(batch)))
                self._note_looked_up(others[-1], batch)
            if not self._is_short:
                await self._add_events(told, wanted)
        except ProviderError as error:
            self._note_failed(error)
        self._memory.saw_live(told.keys())
        answer = self._read([*told.values(), *rest], normalize.read_fixture, reply)
        return _together([answer, *others])

    async def markets(self, ask: Ask) -> Answer:
        """Asks for quotes of the matches named: in play, else before the match."""
        wanted = list(dict.fromkeys(one for one in ask.matches if one.isdecimal()))
        if ask.sport is not Sport.FOOTBALL or not wanted:
            return Answer()
        alone = {"fixture": wanted[0]} if len(wanted) <= ALONE_MAX else {}
        reply, items = await self._items("/odds/live", **alone)
        told = _ids_of(items)
        chosen = [told[one] for one in wanted if one in told]
        answers = [self._read(chosen, odds.read_live, reply)]
        again_s = _PREMATCH_AGAIN_POLLS * (self._fastest_ms or _MARKETS_MS) / 1000
        due = [one for one in wanted if one not in told and self._memory.is_due(one)]
        try:
            for one in [] if self._is_short else due[:PREMATCH_MAX]:
                answers.append(await self._prematch(one))
                self._memory.asked_odds(one, again_s)
        except ProviderError as error:
            self._note_failed(error)
        return _together(answers)

    async def standings(self, league: ExternalId, season: str) -> tuple[Standings, ...]:
        """Asks for the tables of a league's season; `season` is the year it begins in."""
        _, items = await self._items("/standings", league=league, season=season)
        try:
            return tuple(normalize.read_standings(item) for item in items)
        except (*UNDECODABLE, Unfit) as error:
            raise ProviderUnreadable(str(error)) from None

    async def status(self) -> ToldQuota:
        """Asks what is left of today, which costs nothing, and notes it."""
        reply = await self._http.ask(Request(path="/status", cost=0))
        envelope = self._opened(reply)
        try:
            requests = msgspec.json.decode(envelope.response, type=Account).requests
        except UNDECODABLE as error:
            raise ProviderUnreadable(str(error), raw=reply.body) from None
        left = max(0, requests.limit_day - requests.current)
        resets_in_s = seconds_to_midnight(reply.received_at)
        told = ToldQuota(
            window=Window.DAY, limit=requests.limit_day, remaining=left, resets_in_s=resets_in_s
        )
        self._note_left([told])
        await self._allowance.told([told])
        return told

    async def close(self) -> None:
        """Gives back the connections. Safe to call twice."""
        await self._http.close()

    def _rule(
        self,
        scope: Scope,
        interval_ms: int,
        *,
        timeout_ms: int,
        cost: int = 1,
        matches_max: int = 0,
    ) -> PollRule:
        return PollRule(
            scope=scope,
            sport=Sport.FOOTBALL,
            interval_ms=self._fastest_ms or interval_ms,
            timeout_ms=timeout_ms,
            cost=cost,
            matches_max=matches_max,
        )

    async def _fixtures(self, **parameters: str) -> Answer:
        reply, items = await self._items("/fixtures", **parameters)
        return self._read(items, normalize.read_fixture, reply)

    async def _prematch(self, match: ExternalId) -> Answer:
        """Asks for the odds of one match to come, page by page."""
        answers: list[Answer] = []
        page, pages = 1, 1
        while page <= min(pages, PAGES_MAX):
            parameters = {"fixture": match} | ({"page": str(page)} if page > 1 else {})
            reply = await self._asked("/odds", parameters)
            envelope = self._opened(reply)
            items = items_of(envelope, reply.body)
            answers.append(self._read(items, odds.read_prematch, reply))
            page, pages = page + 1, envelope.paging.total
        return odds.pages_as_one(answers)

    async def _add_events(
        self, told: dict[ExternalId, msgspec.Raw], wanted: Sequence[ExternalId]
    ) -> None:
        """Adds the events to wanted matches that came without them."""
        without = [one for one in wanted if one in told and not _has_events(told[one])]
        for one in without[:EVENTS_MAX]:
            _, events = await self._items("/fixtures/events", fixture=one)
            told[one] = normalize.with_events(told[one], events)

    def _note_looked_up(self, answer: Answer, batch: Sequence[ExternalId]) -> None:
        interval_s = (self._fastest_ms or _SCORES_MS) / 1000
        self._memory.looked_up(answer.observations, batch, _OVER_AGAIN_POLLS * interval_s)

    def _quotas(self, headers: Mapping[str, str]) -> Sequence[ToldQuota]:
        told = quotas_of(headers)
        self._note_left(told)
        return told

    def _note_left(self, told: Sequence[ToldQuota]) -> None:
        for quota in told:
            if quota.window is Window.DAY:
                self._is_short = quota.remaining < SPARE_SHARE * quota.limit

    def _note_failed(self, error: ProviderError) -> None:
        """Notes a second question that failed; what the first one brought is not thrown away."""
        log.warning("follow_up_failed", provider=self.name, kind=error.kind, error=str(error))

    async def _items(self, path: str, **parameters: str) -> tuple[Reply, list[msgspec.Raw]]:
        reply = await self._asked(path, parameters)
        return reply, items_of(self._opened(reply), reply.body)

    async def _asked(self, path: str, parameters: Mapping[str, str]) -> Reply:
        await self._learn_quota()
        accept = frozenset({200, _NO_CONTENT, _TIMED_OUT})
        reply = await self._http.ask(Request(path=path, parameters=parameters, accept=accept))
        if reply.status == _TIMED_OUT:
            raise ProviderTimeout("499: they took too long")
        return reply

    async def _learn_quota(self) -> None:
        """Learns before the first question what is left, so as not to find out by being refused.

        A key that is refused there is refused everywhere; when they are only away, the question
        itself decides.
        """
        async with self._learning:
            if self._knows_quota:
                return
            try:
                await self.status()
                self._knows_quota = True
            except ProviderRefused:
                raise
            except ProviderError as error:
                self._note_failed(error)

    def _opened(self, reply: Reply) -> Envelope:
        return opened(reply.body, reply.received_at, hidden=self._key)

    def _read(self, items: Sequence[msgspec.Raw], read: ReadItem, reply: Reply) -> Answer:
        observations, rejected = read_items(
            items, lambda index, item: read(index, item, reply.received_at)
        )
        return Answer(observations=tuple(observations), rejected=tuple(rejected))


def headers_of(key: str, url: str, through: Through) -> Mapping[str, str]:
    """Returns the headers that say who asks, and of RapidAPI also which of its APIs."""
    if through == "rapidapi":
        return {"X-RapidAPI-Key": key, "X-RapidAPI-Host": urlsplit(url).hostname or ""}
    return {"x-apisports-key": key}


def quotas_of(headers: Mapping[str, str]) -> Sequence[ToldQuota]:
    """Reads what is left of the day and of the minute; RapidAPI also says until when."""
    resets_in_s = _number(headers.get("x-ratelimit-requests-reset"))
    if resets_in_s is None:
        resets_in_s = int(seconds_to_midnight(datetime.now(UTC)))
    told = (
        (Window.DAY, "x-ratelimit-requests", resets_in_s),
        (Window.MINUTE, "x-ratelimit", None),
    )
    quotas: list[ToldQuota] = []
    for window, prefix, reset in told:
        limit = _number(headers.get(f"{prefix}-limit"))
        remaining = _number(headers.get(f"{prefix}-remaining"))
        if limit and remaining is not None:
            quotas.append(
                ToldQuota(window=window, limit=limit, remaining=remaining, resets_in_s=reset)
            )
    return quotas


def _number(text: str | None) -> int | None:
    """Returns a header's number, at least 0; None without one."""
    digits = (text or "").strip()
    if digits.startswith("-") and digits[1:].isdigit():
        return 0  # They count on below zero.
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= 9
    return int(digits) if is_number else None


def _ids_of(items: Sequence[msgspec.Raw]) -> dict[ExternalId, msgspec.Raw]:
    """Returns the items by their fixture's id; the first of several, and none without an id."""
    found: dict[ExternalId, msgspec.Raw] = {}
    for item in items:
        try:
            fixture = msgspec.json.decode(item, type=_OnlyFixture).fixture
        except UNDECODABLE:
            continue
        found.setdefault(str(fixture.id), item)
    return found


class _OnlyFixture(msgspec.Struct, frozen=True):
    fixture: OnlyId


class _OnlyEvents(msgspec.Struct, frozen=True):
    events: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def _has_events(item: msgspec.Raw) -> bool:
    try:
        events = msgspec.json.decode(item, type=_OnlyEvents).events
    except UNDECODABLE:
        return True  # It is set aside when it is read.
    return events is not msgspec.UNSET and bytes(events) != b"null"


def _together(answers: Sequence[Answer]) -> Answer:
    return joined([(answer.observations, answer.rejected) for answer in answers])
