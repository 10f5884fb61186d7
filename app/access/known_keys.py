"""API keys this process has checked: whose they are without asking Postgres each time.

An entry is believed until it is a minute old or a revocation says otherwise, which is asked at
every use: a revocation is remembered, so an entry that was read before it and kept after it does
not count either. An older entry is read anew; while Postgres is away it goes on, since nobody can
revoke a key then.
"""

import asyncio
import time
from collections import OrderedDict
from datetime import UTC, datetime

import asyncpg
import msgspec

from app import metrics
from app.access.api_keys import hash_of, is_api_key
from app.access.errors import ApiKeyInvalid
from app.access.principal import Principal
from app.access.revocations import Revocations
from app.access.scopes import Scope
from app.access.tiers import Role, Tier
from app.database import engine
from app.database.engine import Pool
from app.errors import DependencyDown
from app.logs import logger
from app.sports.ids import UserId

# Some 1 KB each; the keys used longest ago make room.
KNOWN_MAX = 10_000
BELIEVED_S = 60.0
# Keys that nobody has: asked for again and again by a program that was not told.
REFUSED_MAX = 1_000
REFUSED_S = 5.0
# When a key was used last is written at most this often.
USED_EVERY_S = 10.0

_FIND = """
SELECT k.id, k.user_id, k.scopes, k.expires_at, u.role, u.tier, u.generation
FROM api_keys k JOIN users u ON u.id = k.user_id
WHERE k.secret_hash = $1 AND k.revoked_at IS NULL AND u.disabled_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > now())
"""
_USED = """
UPDATE api_keys k SET last_used_at = used.at
FROM unnest($1::bigint[], $2::timestamptz[]) AS used (id, at)
WHERE k.id = used.id AND (k.last_used_at IS NULL OR k.last_used_at < used.at)
"""

log = logger(__name__)


class Known(msgspec.Struct, kw_only=True):
    """A key that was found, and when that was, by the loop's clock."""

    principal: Principal
    read_at: float


class KnownKeys:
    """Tells whose an API key is; one a process. `run` writes down when keys were used last."""

    def __init__(self, pool: Pool, revocations: Revocations) -> None:
        self._pool = pool
        self._revocations = revocations
        self._known: OrderedDict[bytes, Known] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self._reading: dict[bytes, asyncio.Task[Principal | None]] = {}
        self._used: dict[int, datetime] = {}

    async def principal_of(self, secret: str) -> Principal:
        """Returns whose key it is; raises ApiKeyInvalid, DependencyDown."""
        if not is_api_key(secret):
            raise ApiKeyInvalid
        hashed = hash_of(secret)
        principal = self.remembered(hashed)
        if principal is None:
            principal = await self._read(hashed)
        self.note_used(principal)
        return principal

    def remembered(self, hashed: bytes) -> Principal | None:
        """Returns whose key it is as far as it is known here and now; raises ApiKeyInvalid."""
        now = asyncio.get_running_loop().time()
        known = self._known.get(hashed)
        if known is None:
            if self._refused.get(hashed, 0.0) > now:
                raise ApiKeyInvalid
            return None
        principal = known.principal
        if principal.expires_at is not None and principal.expires_at <= time.time():
            del self._known[hashed]
            raise ApiKeyInvalid
        if now - known.read_at > BELIEVED_S or self._revocations.is_revoked(principal):
            return None
        self._known.move_to_end(hashed)
        return principal

    def note_used(self, principal: Principal) -> None:
        """Notes that a key was used now."""
        if principal.api_key_id is not None:
            self._used[principal.api_key_id] = datetime.now(UTC)

    async def run(self) -> None:
        """Writes when keys were used last, until cancelled."""
        while True:
            await asyncio.sleep(USED_EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        """Writes when keys were used last. Also run at the very end."""
        if not self._used:
            return
        used, self._used = self._used, {}
        try:
            async with engine.connection(self._pool) as connection:
                await connection.execute(_USED, list(used), list(used.values()))
        except (DependencyDown, asyncpg.PostgresError) as error:
            self._used = {**used, **self._used}
            log.warning("key_uses_not_written", keys=len(used), error=str(error))

    async def _read(self, hashed: bytes) -> Principal:
        """Reads a key, once however many ask; raises ApiKeyInvalid, DependencyDown."""
        reading = self._reading.get(hashed)
        if reading is None:
            reading = self._reading[hashed] = asyncio.create_task(self._find(hashed))
            reading.add_done_callback(lambda _: self._reading.pop(hashed, None))
        try:
            found = await asyncio.shield(reading)
        except DependencyDown:
            known = self._known.get(hashed)
            if known is None or self._revocations.is_revoked(known.principal):
                raise
            metrics.api_key_reads.labels("stale").inc()
            return known.principal
        if found is None:
            metrics.api_key_reads.labels("refused").inc()
            raise ApiKeyInvalid
        metrics.api_key_reads.labels("found").inc()
        return found

    async def _find(self, hashed: bytes) -> Principal | None:
        async with engine.connection(self._pool) as connection:
            row = await connection.fetchrow(_FIND, hashed)
        now = asyncio.get_running_loop().time()
        if row is None:
            self._known.pop(hashed, None)
            self._refused[hashed] = now + REFUSED_S
            if len(self._refused) > REFUSED_MAX:
                self._refused.popitem(last=False)
            return None
        user_id = UserId(row["user_id"])
        expires_at: datetime | None = row["expires_at"]
        principal = Principal(
            key=f"user:{user_id}",
            user_id=user_id,
            role=Role(row["role"]),
            tier=Tier(row["tier"]),
            scopes=frozenset(Scope(scope) for scope in row["scopes"]),
            api_key_id=row["id"],
            expires_at=None if expires_at is None else expires_at.timestamp(),
            generation=row["generation"],
        )
        self._known[hashed] = Known(principal=principal, read_at=now)
        self._refused.pop(hashed, None)
        if len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return principal
