"""Revocations: which credentials are over before their time, as far as this process has heard.

Four things are revoked: what a user was given before a *generation* (role, tier or password
changed, switched off, deleted, logged out everywhere), one log-in (its family), one API key, one
signing key. `access_news` fills this from Postgres, within a second; whoever holds principals for
longer than a request asks `is_revoked` again when `epoch` has grown.
"""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from app import metrics
from app.access.principal import Principal
from app.logs import logger

# 200 bytes each, so 20 MB: twenty log-outs a second over the 15 minutes they are kept, five times.
REVOCATIONS_MAX = 100_000

log = logger(__name__)


class Kind(StrEnum):
    """What it is that is revoked."""

    USER = "user"
    FAMILY = "family"
    API_KEY = "api_key"


class Revocation(msgspec.Struct, frozen=True, kw_only=True):
    """One revocation. `subject` is a number of ours or, for a family, its UUID.

    `generation` counts for users: what was given in an earlier one is over.
    """

    kind: Kind
    subject: str
    generation: int = 0
    expires_at: datetime


class Revocations:
    """What this process knows to be revoked; all look-ups are in memory."""

    def __init__(self) -> None:
        # Grows with every round that taught something new.
        self.epoch = 0
        self._generations: dict[int, int] = {}
        self._families: set[UUID] = set()
        self._api_keys: set[int] = set()
        self._signing_keys: frozenset[str] = frozenset()
        # In the order they became known, which is nearly that in which they expire.
        self._held: dict[tuple[Kind, str], float] = {}
        self._told: list[Callable[[], None]] = []

    def is_revoked(self, principal: Principal) -> bool:
        """Says whether a principal's credentials are over. Costs well below a microsecond."""
        user_id = principal.user_id
        if user_id is None:
            return False
        return (
            principal.generation < self._generations.get(user_id, 0)
            or principal.family in self._families
            or principal.api_key_id in self._api_keys
            or principal.signed_by in self._signing_keys
        )

    def subscribe(self, told: Callable[[], None]) -> Callable[[], None]:
        """Has `told` called, on the event loop, after news; returns what ends that.

        It must not block or raise; it finds out with `is_revoked` whom the news are about.
        """
        self._told.append(told)
        return lambda: self._told.remove(told)

    def learn(
        self, revocations: Iterable[Revocation], *, signing_keys: Iterable[str] | None = None
    ) -> None:
        """Takes in revocations, known ones too, and which signing keys count no more, all of them.

        None leaves the signing keys as they are.
        """
        news = sum(self._take(one) for one in revocations)
        if signing_keys is not None and (keys := frozenset(signing_keys)) != self._signing_keys:
            self._signing_keys = keys
            news += 1
        if news:
            self.epoch += 1
            metrics.revocations_known.set(len(self._held))
            for told in tuple(self._told):
                told()

    def forget_expired(self) -> None:
        """Drops revocations of what would be over anyway."""
        now = time.time()
        for key in [key for key, until in self._held.items() if until <= now]:
            self._drop(key)
        metrics.revocations_known.set(len(self._held))

    def _take(self, one: Revocation) -> bool:
        key = (one.kind, one.subject)
        if key in self._held and one.kind is not Kind.USER:
            return False
        if one.kind is Kind.USER:
            user_id = int(one.subject)
            if one.generation <= self._generations.get(user_id, 0):
                return False
            self._generations[user_id] = one.generation
        elif one.kind is Kind.FAMILY:
            self._families.add(UUID(one.subject))
        else:
            self._api_keys.add(int(one.subject))
        self._held[key] = one.expires_at.timestamp()
        if len(self._held) > REVOCATIONS_MAX:
            self._make_room()
        return True

    def _make_room(self) -> None:
        """Drops what expires next; a log-out forgotten is a token good for some minutes more."""
        log.error("revocations_full", held=len(self._held))
        families = (key for key in self._held if key[0] is Kind.FAMILY)
        self._drop(next(families, None) or next(iter(self._held)))

    def _drop(self, key: tuple[Kind, str]) -> None:
        del self._held[key]
        holders: dict[Kind, Any] = {
            Kind.USER: lambda: self._generations.pop(int(key[1]), None),
            Kind.FAMILY: lambda: self._families.discard(UUID(key[1])),
            Kind.API_KEY: lambda: self._api_keys.discard(int(key[1])),
        }
        holders[key[0]]()
