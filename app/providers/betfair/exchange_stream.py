"""Listening to Betfair's stream: the books of the markets somebody watches, as they change.

    connect ─► connection ─► authentication ─► marketSubscription ─► image, then deltas
       ▲                                             │  every change: take(Answer)
       └── cut, silent for two heartbeats, refused ◄─┘  a place (initialClk, clk) to resume from

One task reads and never waits for anything but the line and `take`; a second looks every second who
is watched, and subscribes anew when the answer has changed: the new request's id tells its messages
from those of the old. At most 200 markets, the account's limit: the winner markets of all matches
first. A line that broke is opened again with growing waits, and resumed where it was.
"""

import asyncio
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from app import metrics
from app.errors import DependencyDown
from app.logs import logger
from app.providers.betfair import payloads
from app.providers.betfair.catalogue import Catalogue
from app.providers.betfair.faults import ClockUnknown, SessionEnded, TooManyMarkets, error_of
from app.providers.betfair.normalize import PROVIDER, Followed, Heard, markets_of, observations_of
from app.providers.betfair.payloads import StreamMessage
from app.providers.betfair.session import Session
from app.providers.betfair.stream_line import LINE_BYTES_MAX, StreamLine, connected
from app.providers.betfair.subscription import Subscription, published_at
from app.providers.provider import (
    Answer,
    ProviderError,
    ProviderRefused,
    ProviderUnreadable,
    Pulse,
    Rejected,
    Take,
)
from app.sports.ids import ExternalId

MARKETS_MAX = 200
# Longest an answer to a request of ours may take.
ANSWER_S = 10.0
# How many silent heartbeats make a dead line.
SILENT_HEARTBEATS = 2
# What could not be read of catalogues, until the next message takes it along.
REJECTED_MAX = 100
# Of a line that cannot be read.
LETTER_BYTES_MAX = 65_536
_AUTHENTICATION = 1

log = logger(__name__)
Wanted = Callable[[], Awaitable[Sequence[ExternalId]]]
Follow = Callable[[Sequence[ExternalId]], Awaitable[tuple[list[Followed], list[Rejected]]]]


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast everything goes.

    `heartbeat_ms`: what we ask for, 500 to 30000. `conflate_ms` 0: every change at once.
    `look_s`: how often we look who is watched. `settle_s`: the shortest time between two
    subscriptions, each of which costs a whole image. `leave_s`: how long markets stay that nobody
    watches, and with the last of them the line; so long also waits a change when there are more
    than may be followed, or every shift in what is watched most would cost an image. `confirm_s`:
    how often it is said that prices still stand, well within the minute that a quote counts.
    `retry_*_s`: the longest first and the longest wait before another connection; `refused_s` when
    they do not want us.
    """

    heartbeat_ms: int = 5_000
    conflate_ms: int = 0
    look_s: float = 1.0
    settle_s: float = 2.0
    leave_s: float = 30.0
    confirm_s: float = 15.0
    retry_first_s: float = 0.25
    retry_max_s: float = 30.0
    refused_s: float = 60.0


class BetfairStream:
    """Betfair's stream as a StreamFeed.

    `up` while a subscription is in force; `stale` while it says that its data may be old, in which
    case nothing is told; `heard_at` is when the last message came, heartbeats included.
    """

    name = PROVIDER

    def __init__(
        self,
        *,
        host: str,
        port: int,
        session: Session,
        catalogue: Catalogue,
        follow: Follow,
        tls: ssl.SSLContext | None = None,
        pace: Pace | None = None,
        line_bytes_max: int = LINE_BYTES_MAX,
    ) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._session = session
        self._catalogue = catalogue
        self._follow = follow
        self._pace = pace or Pace()
        self._line_bytes_max = line_bytes_max
        self._subscription: Subscription | None = None
        self._request = _AUTHENTICATION
        self._markets_max = MARKETS_MAX
        self._silence_s = ANSWER_S
        self._confirm_at = 0.0
        self._failures = 0
        self._rejected: list[Rejected] = []
        self.up = False
        self.stale = False
        self.heard_at: datetime | None = None
        self._pulse = Pulse(silence_ms=SILENT_HEARTBEATS * self._pace.heartbeat_ms)

    def pulse(self) -> Pulse:
        """Returns how the line is; heartbeats count as heard, and as data that stands."""
        return self._pulse

    async def run(self, take: Take, wanted: Wanted) -> None:
        """Listens until cancelled. Begins with a whole image each time it is called."""
        self._subscription = None
        try:
            while True:
                chosen = await self._choose(wanted)
                if not chosen:
                    await asyncio.sleep(self._pace.look_s)
                    continue
                try:
                    await self._connection(chosen, take, wanted)
                except ProviderError as error:
                    await self._wait(error)
        finally:
            self._is(up=False, stale=False)

    async def _connection(self, chosen: list[Followed], take: Take, wanted: Wanted) -> None:
        """One connection's life; returns when nobody watches any more."""
        try:
            async with connected(self._host, self._port, self._tls, self._line_bytes_max) as line:
                await self._authenticate(line)
                await self._subscribe(line, self._resumed(chosen))
                await self._listen(line, take, wanted)
        finally:
            self._is(up=False, stale=False)

    async def _authenticate(self, line: StreamLine) -> None:
        hello = payloads.message(await line.read(ANSWER_S))
        if hello.op != "connection":
            raise error_of(hello.error_code or "no greeting")
        token = await self._session.token()
        await line.send(
            {
                "op": "authentication",
                "id": _AUTHENTICATION,
                "appKey": self._session.app_key,
                "session": token,
            }
        )
        answer = payloads.message(await line.read(ANSWER_S))
        if answer.op == "status" and answer.status_code == "SUCCESS":
            return
        error = error_of(answer.error_code or "no answer to the authentication")
        if isinstance(error, SessionEnded):
            self._session.ended(token)
        raise error

    def _resumed(self, chosen: list[Followed]) -> Subscription:
        """Returns the subscription to go on with; who is watched by now is looked at later."""
        old = self._subscription
        if (
            old is not None
            and old.resumable
            and old.followed.keys() & {c.market_id for c in chosen}
        ):
            return old
        return Subscription(chosen)

    async def _subscribe(self, line: StreamLine, subscription: Subscription) -> None:
        """Asks for markets; with the place of a subscription that is resumed."""
        self._request += 1
        subscription.id = self._request
        self._subscription = subscription
        self._confirm_at = time.monotonic() + self._pace.confirm_s
        request: dict[str, Any] = {
            "op": "marketSubscription",
            "id": subscription.id,
            "segmentationEnabled": True,
            "heartbeatMs": self._pace.heartbeat_ms,
            "conflateMs": self._pace.conflate_ms,
            "marketFilter": {"marketIds": sorted(subscription.followed)},
            "marketDataFilter": {"fields": ["EX_BEST_OFFERS", "EX_MARKET_DEF"], "ladderLevels": 1},
        }
        if subscription.resumable:
            request |= {"initialClk": subscription.initial_clk, "clk": subscription.clk}
        await line.send(request)

    async def _listen(self, line: StreamLine, take: Take, wanted: Wanted) -> None:
        reading = asyncio.create_task(self._read(line, take))
        looking = asyncio.create_task(self._look(line, wanted))
        try:
            await asyncio.wait({reading, looking}, return_when=asyncio.FIRST_COMPLETED)
            for task in (reading, looking):
                if task.done():
                    task.result()
        finally:
            reading.cancel()
            looking.cancel()
            await asyncio.gather(reading, looking, return_exceptions=True)

    async def _read(self, line: StreamLine, take: Take) -> None:
        """Reads for ever; raises ProviderError when the line is of no more use."""
        self._silence_s = SILENT_HEARTBEATS * self._pace.heartbeat_ms / 1000
        while True:
            try:
                raw = await line.read(self._silence_s)
                message = payloads.message(raw)
                answer = self._heard(message)
            except ProviderUnreadable as error:
                self._subscription = None
                await take(Answer(rejected=(_letter(error),)))
                raise
            if message.op == "status":
                await self._status(line, message)
            if answer is not None:
                await take(answer)

    async def _status(self, line: StreamLine, message: StreamMessage) -> None:
        """Reads the answer to a request of ours; raises ProviderError when it was refused."""
        old = self._subscription
        replaced = old is not None and message.id not in (None, old.id)
        if message.status_code == "SUCCESS" or (replaced and not message.connection_closed):
            return
        error = error_of(message.error_code or "FAILURE")
        if isinstance(error, TooManyMarkets) and old is not None and not message.connection_closed:
            self._markets_max = max(1, len(old.followed) // 2)
            log.warning("betfair_fewer_markets", markets_max=self._markets_max)
            fewer = sorted(old.followed.values(), key=lambda one: one.rank)[: self._markets_max]
            if len(fewer) < len(old.followed):
                await self._subscribe(line, Subscription(fewer))
                return
        raise error

    def _heard(self, message: StreamMessage) -> Answer | None:
        """Takes a message in; returns what is to be told, if anything."""
        self.heard_at = datetime.now(UTC)
        metrics.feed_messages.labels(PROVIDER).inc()
        subscription = self._subscription
        # Messages of a subscription that was replaced go on for a moment.
        if message.op != "mcm" or subscription is None or message.id != subscription.id:
            return None
        if message.heartbeat_ms:
            self._silence_s = SILENT_HEARTBEATS * message.heartbeat_ms / 1000
        conflated = subscription.conflated
        rejected = [*self._rejected, *subscription.take(message)]
        self._rejected.clear()
        metrics.feed_conflated.labels(PROVIDER, "provider").inc(subscription.conflated - conflated)
        self._is(up=subscription.resumable, stale=subscription.stale)
        if subscription.resumable:
            self._failures = 0
        self._feel(subscription, published_at(message, self.heard_at), self.heard_at)
        if time.monotonic() >= self._confirm_at:
            subscription.confirm()
            self._confirm_at = time.monotonic() + self._pace.confirm_s
        heard = self._told(subscription, published_at(message, self.heard_at), rejected)
        observations = observations_of(heard, self.heard_at, {})
        if not observations and not rejected:
            return None
        return Answer(observations=observations, rejected=tuple(rejected))

    def _feel(self, subscription: Subscription, published: datetime, heard: datetime) -> None:
        """Notes the pulse of a line that is in force; data that may be old is none."""
        if not subscription.resumable:
            return
        self._pulse = replace(self._pulse, heard_at=heard)
        if not subscription.stale:
            late_s = (heard - published).total_seconds()
            self._pulse = replace(self._pulse, data_at=published, latency_ms=round(late_s * 1000))
            metrics.feed_latency_seconds.labels(PROVIDER).observe(late_s)

    def _told(
        self, subscription: Subscription, at: datetime, rejected: list[Rejected]
    ) -> list[Heard]:
        heard: list[Heard] = []
        for one, offered in subscription.told():
            lines = self._catalogue.told(one.market_id)
            markets, bad = markets_of(one, offered, lines, at)
            news = subscription.news_of(one.market_id, markets)
            rejected += bad
            heard.append(Heard(followed=one, markets=news, observed_at=at))
        return heard

    async def _look(self, line: StreamLine, wanted: Wanted) -> None:
        """Subscribes anew when other markets are watched; returns when none is, for a while."""
        agreed_at = imaged_at = time.monotonic()
        while True:
            await asyncio.sleep(self._pace.look_s)
            chosen = await self._choose(wanted)
            subscription = self._subscription
            if chosen is None or subscription is None:
                continue
            subscription.learn(chosen)
            now = time.monotonic()
            if subscription.followed.keys() == {one.market_id for one in chosen}:
                agreed_at = now
            if not chosen and now - agreed_at >= self._pace.leave_s:
                self._subscription = None
                return
            due = self._is_due(subscription, chosen, now - agreed_at, now - imaged_at)
            if chosen and due:
                await self._subscribe(line, Subscription(chosen))
                agreed_at = imaged_at = now

    def _is_due(
        self, old: Subscription, chosen: list[Followed], disagreed_s: float, since_image_s: float
    ) -> bool:
        """Says whether it is time for another subscription."""
        missing = {one.market_id for one in chosen} - old.followed.keys()
        crowded = len(old.followed) + len(missing) > self._markets_max
        if missing and not crowded:
            return since_image_s >= self._pace.settle_s
        left = disagreed_s >= self._pace.leave_s
        return left or (bool(old.spoiled) and since_image_s >= self._pace.leave_s)

    async def _choose(self, wanted: Wanted) -> list[Followed] | None:
        """Returns the markets to follow, the most telling first; None when nobody can tell now."""
        try:
            followed, rejected = await self._follow((await wanted())[:MARKETS_MAX])
        except (ProviderError, DependencyDown) as error:
            log.warning("betfair_stream_waits", error=f"{type(error).__name__}: {error}")
            return None
        self._rejected = [*self._rejected, *rejected][:REJECTED_MAX]
        self._pulse = replace(self._pulse, sports=tuple(sorted({one.sport for one in followed})))
        # Sorting keeps the order of the matches among markets of one rank.
        return sorted(followed, key=lambda one: one.rank)[: self._markets_max]

    async def _wait(self, error: ProviderError) -> None:
        """Waits before the next connection; with full jitter, so that not all come back at once."""
        metrics.feed_reconnects.labels(PROVIDER, error.kind).inc()
        reason = f"{type(error).__name__}: {error}"
        log.warning("betfair_stream_lost", reason=reason)
        failures = self._pulse.failures + 1
        self._pulse = replace(self._pulse, failures=failures, kind=error.kind, error=reason)
        if isinstance(error, ClockUnknown | ProviderUnreadable):
            self._subscription = None
        first = self._failures == 0
        longest = min(self._pace.retry_first_s * 2**self._failures, self._pace.retry_max_s)
        self._failures = min(self._failures + 1, 16)
        if isinstance(error, SessionEnded) and first:
            return
        if isinstance(error, ProviderRefused):
            longest = self._pace.refused_s
        if error.retry_after_s is not None:
            await asyncio.sleep(error.retry_after_s)
        await asyncio.sleep(random.uniform(0, longest))  # noqa: S311

    def _is(self, *, up: bool, stale: bool) -> None:
        if stale and not self.stale:
            log.warning("betfair_stream_stale")
        self.up, self.stale = up, stale
        metrics.feed_up.labels(PROVIDER).set(up)
        metrics.feed_stale.labels(PROVIDER).set(stale)


def _letter(error: ProviderUnreadable) -> Rejected:
    raw = error.raw[:LETTER_BYTES_MAX]
    return Rejected(index=0, code="unreadable", message=str(error), raw=raw)
