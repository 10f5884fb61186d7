"""Asking Betfair's API: matches to come, and the books of markets somebody watches.

The REST dialect of the Sports API. A request of market data has a weight, and one of more than 200
is refused (TOO_MUCH_DATA): a book with best offers weighs 5 a market, a catalogue with descriptions
1 a market, one without 0, but never brings more than 1000.
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from app.providers.betfair import payloads
from app.providers.betfair.catalogue import Catalogue
from app.providers.betfair.exchange_stream import BetfairStream, Pace
from app.providers.betfair.faults import SessionEnded, error_of
from app.providers.betfair.normalize import (
    EVENT_TYPES,
    MARKET_TYPES,
    MARKETS,
    PROVIDER,
    WINNER_TYPES,
    Followed,
    Heard,
    announced,
    markets_of,
    observations_of,
    offered,
)
from app.providers.betfair.payloads import MarketBook
from app.providers.betfair.session import Credentials, Session
from app.providers.http import Exchange, Http, Reply, Request, check
from app.providers.items import Unfit
from app.providers.provider import Allowance, Answer, Ask, PollRule, ProviderError, Rejected, Scope
from app.sports.ids import ExternalId
from app.sports.match import Sport
from app.sports.observation import Observation

T = TypeVar("T")

_PATH = "/exchange/betting/rest/v1.0/{}/"
TIMEOUT_S = 8.0
_WEIGHT_MAX = 200
_WEIGHT_OF_BOOK = 5
BOOKS_MAX = _WEIGHT_MAX // _WEIGHT_OF_BOOK
# Markets of ours an event has at most; so many events fit into one catalogue.
_MARKETS_OF_EVENT_MAX = max(len(kinds) for kinds in MARKETS.values())
EVENTS_MAX = _WEIGHT_MAX // _MARKETS_OF_EVENT_MAX
# Without descriptions a catalogue weighs nothing and brings 1000 markets at most; an event has one
# or two that name its sides.
_MATCHES_A_CALL = 400
# New events learnt in one poll; the others with the next.
_CALLS_MAX = 5
# Requests of one poll that are made at once.
_AT_ONCE = 4
# Matches are listed from so long before now, to find those in play, to so far ahead.
BEGUN_WITHIN = timedelta(hours=5)
AHEAD = timedelta(days=4)
# Betfair answers five times a second for a market; once is what our schedule asks at most.
_MARKETS_EVERY_MS = 1_000
_FIXTURES_EVERY_MS = 60_000
# Matches one poll of prices names: some 15 markets each, seven requests.
MATCHES_MAX = 20
_MARKETS_TIMEOUT_MS = 10_000
_FIXTURES_TIMEOUT_MS = 30_000
_SERVERS_DIFFER_S = 5.0
_VERSIONS_MAX = 20_000
# Statuses whose bodies say why; others are told by their number.
_SPEAKING = frozenset({200, 400, 401, 403, 500})
_WITH_MARKETS = ("EVENT", "EVENT_TYPE", "COMPETITION", "MARKET_DESCRIPTION", "RUNNER_DESCRIPTION")
_WITH_SIDES = ("EVENT", "EVENT_TYPE", "COMPETITION", "RUNNER_DESCRIPTION")


class Betfair:
    """Betfair Exchange as a MarketProvider that also announces matches; it tells no scores."""

    name = PROVIDER

    # A registry hands over plain values, each by its name.
    def __init__(  # noqa: PLR0913
        self,
        *,
        app_key: str,
        username: str,
        password: str,
        certificate_file: str = "",
        identity_url: str = "https://identitysso.betfair.com",
        certificate_url: str = "https://identitysso-cert.betfair.com",
        url: str = "https://api.betfair.com",
        allowance: Allowance,
        keep: Callable[[Exchange], None] | None = None,
        tls: ssl.SSLContext | None = None,
        fastest_ms: int | None = None,
    ) -> None:
        self._session = Session(
            Credentials(app_key=app_key, username=username, password=password),
            identity_url=identity_url,
            certificate_url=certificate_url,
            certificate_file=certificate_file,
            allowance=allowance,
            tls=tls,
        )
        self._http = Http(
            PROVIDER, url, allowance=allowance, timeout_s=TIMEOUT_S, keep=keep, tls=tls
        )
        self._tls = tls
        self._fastest_ms = fastest_ms
        self._catalogue = Catalogue()
        self._versions: dict[str, tuple[int, float]] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    def rules(self) -> Sequence[PollRule]:
        """Returns a rule of matches and one of prices for each sport."""
        return [rule for sport in EVENT_TYPES for rule in self._rules(sport)]

    def _rules(self, sport: Sport) -> Iterator[PollRule]:
        yield PollRule(
            scope=Scope.FIXTURES,
            sport=sport,
            interval_ms=self._fastest_ms or _FIXTURES_EVERY_MS,
            timeout_ms=_FIXTURES_TIMEOUT_MS,
        )
        yield PollRule(
            scope=Scope.MARKETS,
            sport=sport,
            interval_ms=self._fastest_ms or _MARKETS_EVERY_MS,
            timeout_ms=_MARKETS_TIMEOUT_MS,
            matches_max=MATCHES_MAX,
        )

    def stream(self, address: str, pace: Pace | None = None) -> BetfairStream:
        """Returns the stream at host:port, with this client's session and catalogue.

        It is to end before the client is closed.
        """
        host, _, port = address.rpartition(":")
        return BetfairStream(
            host=host,
            port=int(port),
            session=self._session,
            catalogue=self._catalogue,
            follow=self.follow,
            tls=self._tls,
            pace=pace,
        )

    async def close(self) -> None:
        """Gives back the connections. Safe to call twice."""
        await self._session.close()
        await self._http.close()

    async def scores(self, ask: Ask) -> Answer:
        """Returns nothing: Betfair's API tells no scores, and no rule asks for them."""
        del ask
        return Answer()

    async def fixtures(self, ask: Ask) -> Answer:
        """Asks for the matches of a sport, those in play included; raises ProviderError."""
        now = datetime.now(UTC)
        span = {"from": _moment(now - BEGUN_WITHIN), "to": _moment(now + AHEAD)}
        about = {"eventTypeIds": [EVENT_TYPES[ask.sport]], "marketTypeCodes": WINNER_TYPES}
        reply, items = await self._asked(
            "listEvents", {"filter": {**about, "marketStartTime": span}, "locale": "en"}
        )
        listed, rejected = payloads.each(items, payloads.EVENTS)
        events = {one.event.id: one.event for one in listed}
        unknown = self._catalogue.matches.stale(events)
        for some in _batches(unknown[: _MATCHES_A_CALL * _CALLS_MAX], _MATCHES_A_CALL):
            rejected += await self._learn_matches(some)
        observations: list[Observation] = []
        for event_id, match in self._catalogue.matches_of(events).items():
            try:
                told = announced(events[event_id], match, ask.sport, reply.received_at)
            except Unfit as error:
                raw = msgspec.json.encode(events[event_id])
                rejected.append(payloads.refused(0, error.code, str(error), raw))
            else:
                observations.append(told)
        return Answer(observations=tuple(observations), rejected=tuple(rejected))

    async def markets(self, ask: Ask) -> Answer:
        """Asks for the quotes of the matches named, and of no others; raises ProviderError."""
        followed, rejected = await self.follow(ask.matches)
        of_sport = [one for one in followed if one.sport is ask.sport]
        batches = list(_batches(of_sport, BOOKS_MAX))
        parts: list[tuple[list[Heard], list[Rejected]]] = []
        for ended in await asyncio.gather(*map(self._books, batches), return_exceptions=True):
            if isinstance(ended, BaseException):
                raise ended
            parts.append(ended)
        heard = [one for part in parts for one in part[0]]
        received_at = max((one.observed_at for one in heard), default=datetime.now(UTC))
        matches = self._catalogue.matches_of(one.followed.event_id for one in heard)
        return Answer(
            observations=observations_of(heard, received_at, matches),
            rejected=(*rejected, *(one for part in parts for one in part[1])),
        )

    async def follow(
        self, event_ids: Sequence[ExternalId]
    ) -> tuple[list[Followed], list[Rejected]]:
        """Returns the markets of events that we understand, asking where that is not known.

        What is known for too long still counts while nothing newer can be had. Raises
        ProviderError when there is something that is not known at all.
        """
        rejected: list[Rejected] = []
        known = self._catalogue.markets
        # An id that is none of theirs would make them refuse the whole question.
        ours = [event_id for event_id in event_ids if event_id.isascii() and event_id.isdigit()]
        for some in _batches(known.stale(ours), EVENTS_MAX):
            try:
                rejected += await self._learn_markets(some)
            except ProviderError:
                if any(known.get(event_id) is None for event_id in some):
                    raise
        return self._catalogue.markets_of(ours), rejected

    async def _learn_matches(self, event_ids: Sequence[str]) -> list[Rejected]:
        _, items = await self._asked(
            "listMarketCatalogue",
            {
                "filter": {"eventIds": event_ids, "marketTypeCodes": WINNER_TYPES},
                "marketProjection": _WITH_SIDES,
                "maxResults": 1_000,
                "locale": "en",
            },
        )
        catalogues, rejected = payloads.each(items, payloads.CATALOGUES)
        return rejected + self._catalogue.learn_matches(event_ids, catalogues)

    async def _learn_markets(self, event_ids: Sequence[str]) -> list[Rejected]:
        _, items = await self._asked(
            "listMarketCatalogue",
            {
                "filter": {"eventIds": event_ids, "marketTypeCodes": MARKET_TYPES},
                "marketProjection": _WITH_MARKETS,
                "maxResults": _WEIGHT_MAX,
                "locale": "en",
            },
        )
        catalogues, rejected = payloads.each(items, payloads.CATALOGUES)
        return rejected + self._catalogue.learn_markets(event_ids, catalogues)

    async def _books(self, followed: Sequence[Followed]) -> tuple[list[Heard], list[Rejected]]:
        by_id = {one.market_id: one for one in followed}
        async with self._at_once:
            reply, items = await self._asked(
                "listMarketBook",
                {"marketIds": list(by_id), "priceProjection": {"priceData": ["EX_BEST_OFFERS"]}},
            )
        books, rejected = payloads.each(items, payloads.BOOKS)
        heard: list[Heard] = []
        for book in books:
            one = by_id.pop(book.market_id, None)
            if one is None or self._is_outdated(book):
                continue
            told = self._catalogue.told(book.market_id)
            markets, bad = markets_of(one, offered(book), told, reply.received_at)
            rejected += bad
            heard.append(Heard(followed=one, markets=markets, observed_at=reply.received_at))
        return heard, rejected

    def _is_outdated(self, book: MarketBook) -> bool:
        """Says whether a newer version of the market was just seen: servers differ by moments.

        Only by moments: an older version that is still told after them is the one that counts.
        """
        now = time.monotonic()
        newest, seen_at = self._versions.get(book.market_id, (0, now))
        if book.version < newest and now - seen_at < _SERVERS_DIFFER_S:
            return True
        if len(self._versions) >= _VERSIONS_MAX:
            self._versions.clear()
        self._versions[book.market_id] = (book.version, now)
        return False

    async def _asked(
        self, operation: str, question: Mapping[str, Any]
    ) -> tuple[Reply, tuple[msgspec.Raw, ...]]:
        """Asks, once more with a new session when the old one has ended."""
        token = await self._session.token()
        try:
            return await self._ask(operation, question, token)
        except SessionEnded:
            self._session.ended(token)
        return await self._ask(operation, question, await self._session.token())

    async def _ask(
        self, operation: str, question: Mapping[str, Any], token: str
    ) -> tuple[Reply, tuple[msgspec.Raw, ...]]:
        headers = {
            "X-Application": self._session.app_key,
            "X-Authentication": token,
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        reply = await self._http.ask(
            Request(
                method="POST",
                path=_PATH.format(operation),
                headers=headers,
                body=msgspec.json.encode(question),
                accept=_SPEAKING,
            )
        )
        try:
            fault, items = payloads.unwrapped(reply.body)
        except ProviderError:
            check(reply, frozenset({200}))
            raise
        if fault:
            raise error_of(fault, reply.body)
        check(reply, frozenset({200}))
        return reply, items


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _batches(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
