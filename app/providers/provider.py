"""What a provider answers, and how it fails."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from app.sports.ids import ProviderName
from app.sports.match import Sport
from app.sports.observation import Observation


class Scope(StrEnum):
    """What one poll asks for, of one sport."""

    FIXTURES = "fixtures"  # Matches to come: who plays whom, and when.
    SCORES = "scores"  # Matches in play and just over: score, clock, incidents.
    MARKETS = "markets"  # Quotes of matches in play and soon to start.


class ProviderError(Exception):
    """A provider could not be asked, or its answer could not be read; `kind` counts it."""

    kind = "error"


class ProviderUnavailable(ProviderError):
    """The provider did not answer, or said that it cannot."""

    kind = "unavailable"


class ProviderUnreadable(ProviderError):
    """The provider's answer is not what it promises."""

    kind = "unreadable"


class PollRule(msgspec.Struct, frozen=True, kw_only=True):
    """How often a provider wants to be asked for a scope, at rest."""

    scope: Scope
    sport: Sport
    interval_ms: int
    timeout_ms: int


class Provider(Protocol):
    """A provider that is polled. Every method may raise ProviderError and nothing else."""

    name: ProviderName

    def rules(self) -> Sequence[PollRule]:
        """Returns what this provider can be asked, and how often that makes sense."""
        ...

    async def observe(self, scope: Scope, sport: Sport) -> Sequence[Observation]:
        """Asks once; returns what was said. One request, or none when nothing can be on."""
        ...

    async def close(self) -> None:
        """Gives back connections. Safe to call twice."""
        ...
