"""What a provider is asked, what it answers, and how it fails.

Three kinds of provider, told apart by who begins:

- polled: we ask (`LiveScoreProvider`, `MarketProvider`, or both at once);
- streaming: we open a line and it goes on telling (`StreamFeed`);
- pushing: it calls us (`PushFeed`).

All of them end in an `Answer`: observations, and what of it could not be read.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from app.sports.ids import ExternalId, ProviderName
from app.sports.match import Sport
from app.sports.observation import Observation

# How a provider's stream is called, where it is told how they are: so, behind the provider's name.
STREAM_SUFFIX = "-stream"


class Scope(StrEnum):
    """What one poll asks for, of one sport."""

    FIXTURES = "fixtures"  # Matches to come: who plays whom, and when.
    SCORES = "scores"  # Matches in play and just over: score, clock, incidents.
    MARKETS = "markets"  # Quotes of matches in play and soon to start.


class ProviderError(Exception):
    """A provider could not be asked, or its answer could not be read; `kind` counts it.

    `retry_after_s` is how long the provider wants to be left alone, when it said so. `raw` is the
    body that could not be read, for the dead letters.
    """

    kind = "error"

    def __init__(
        self, message: str = "", *, retry_after_s: float | None = None, raw: bytes = b""
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.raw = raw


class ProviderUnavailable(ProviderError):
    """The provider did not answer, or said that it cannot."""

    kind = "unavailable"


class ProviderTimeout(ProviderUnavailable):
    """The provider did not answer in time."""

    kind = "timeout"


class ProviderUnreadable(ProviderError):
    """The provider's answer is not what it promises."""

    kind = "unreadable"


class ProviderRefused(ProviderError):
    """The provider does not accept our credentials, our plan or our question."""

    kind = "refused"


class QuotaSpent(ProviderError):
    """Nothing may be asked of this provider until its quota is renewed."""

    kind = "quota"


class PollRule(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a provider can be asked, again and again.

    `interval_ms` is the shortest time between two polls that makes sense there: its data is not
    renewed more often, or its terms forbid it. `part` is one of the provider's own league ids when
    it is asked league by league, else empty. `cost` is what one request takes of the quota.
    `matches_max`: 0, one request answers for all matches; else a request names its matches, at
    most so many, and is made for wanted ones only.
    """

    scope: Scope
    sport: Sport
    interval_ms: int
    timeout_ms: int
    part: str = ""
    cost: int = 1
    matches_max: int = 0


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One poll: a rule's question, about these matches (the provider's ids).

    `matches` are those wanted now, most wanted first; an adapter that answers in bulk may leave the
    others out of its answer, and one that is asked match by match asks for these only.
    """

    scope: Scope
    sport: Sport
    part: str = ""
    matches: tuple[ExternalId, ...] = ()


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """One item of an answer that could not be read; the others count.

    `index` is its place in the answer, `code` a stable word (`unreadable`, `unknown_status`,
    `bad_odds`, `ambiguous_line` ...), `raw` the item itself, cut to `RAW_BYTES_MAX` where kept.
    """

    index: int
    code: str
    message: str
    raw: bytes = b""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one poll, one push or one message of a stream said."""

    observations: tuple[Observation, ...] = ()
    rejected: tuple[Rejected, ...] = ()


class Window(StrEnum):
    """The span of time a quota is for."""

    MINUTE = "minute"
    DAY = "day"
    MONTH = "month"


class ToldQuota(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider said is left of a quota, and how long until it is renewed, if it said so."""

    window: Window
    limit: int
    remaining: int
    resets_in_s: float | None = None


class Allowance(Protocol):
    """What may still be asked of one provider; the same for every process."""

    async def take(self, cost: int = 1) -> None:
        """Takes from every window before a request is made; raises QuotaSpent."""
        ...

    async def told(self, quotas: Sequence[ToldQuota]) -> None:
        """Notes what the provider said after a request; the lower of its word and ours counts."""
        ...


class Unlimited:
    """The allowance of a provider without a quota."""

    async def take(self, cost: int = 1) -> None:
        """Allows everything."""

    async def told(self, quotas: Sequence[ToldQuota]) -> None:
        """Keeps nothing."""


class Provider(Protocol):
    """What every polled provider has."""

    name: ProviderName

    def rules(self) -> Sequence[PollRule]:
        """Returns what this provider can be asked, and how often that makes sense."""
        ...

    async def close(self) -> None:
        """Gives back connections. Safe to call twice."""
        ...


class LiveScoreProvider(Provider, Protocol):
    """A provider that tells of matches and their scores. Raises ProviderError and nothing else."""

    async def fixtures(self, ask: Ask) -> Answer:
        """Asks for matches to come."""
        ...

    async def scores(self, ask: Ask) -> Answer:
        """Asks for matches in play and just over."""
        ...


class MarketProvider(Provider, Protocol):
    """A provider that tells of prices. Raises ProviderError and nothing else."""

    async def markets(self, ask: Ask) -> Answer:
        """Asks for quotes."""
        ...


Take = Callable[[Answer], Awaitable[None]]


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """How the line of a feed is, for its health.

    `sports` are those that something is followed of, none while nobody watches; then nothing need
    be heard. Otherwise it is dead after `silence_ms`. `heard_at` is when it was last heard while in
    force, by our clock; `data_at` of when the newest was that it did not say may be old, by its
    own; `latency_ms` how long that took to come. `failures` counts how often the line broke, `kind`
    and `error` say why it last did.
    """

    sports: tuple[Sport, ...] = ()
    silence_ms: int
    heard_at: datetime | None = None
    data_at: datetime | None = None
    latency_ms: int | None = None
    failures: int = 0
    kind: str = ""
    error: str = ""


class StreamFeed(Protocol):
    """A provider that goes on telling over a line we open."""

    name: ProviderName

    async def run(self, take: Take, wanted: Callable[[], Awaitable[Sequence[ExternalId]]]) -> None:
        """Keeps the line open until cancelled, opening it again as often as needed.

        Every message that says something goes to `take`, in order; `wanted` gives the matches
        somebody watches, the provider's ids, most wanted first.
        """
        ...

    def pulse(self) -> Pulse:
        """Returns how its line is now."""
        ...


class PushFeed(Protocol):
    """A provider that calls us; reads one body. Pure."""

    name: ProviderName

    def read(self, body: bytes, media_type: str) -> Answer:
        """Returns what a body says, item by item; raises ProviderUnreadable when it is none."""
        ...


AnyProvider = LiveScoreProvider | MarketProvider


async def observe(provider: AnyProvider, ask: Ask) -> Answer:
    """Asks a provider once; raises ProviderError and nothing else."""
    asked = getattr(provider, ask.scope.value)
    answer: Answer = await asked(ask)
    return answer
