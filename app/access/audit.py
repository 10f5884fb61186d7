"""What is kept of how credentials were used: a line in the log at once, a row in Postgres soon.

An event never says a password, a token, a key or an address that nobody is registered with: who was
asked for stands as `account`, a digest by which events of one address are found together.
"""

import asyncio
from collections import deque
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app import metrics
from app.access.principal import Principal
from app.database import engine
from app.database.engine import Connection, Pool
from app.database.tables import access as tables
from app.errors import DependencyDown
from app.logs import logger

# A minute of Postgres being away at a hundred events a second; each has some 300 bytes.
WAITING_MAX = 6_000
WRITTEN_AT_ONCE_MAX = 1_000
FLUSH_EVERY_S = 0.5

log = logger(__name__)


class AuthKind(StrEnum):
    """What happened."""

    REGISTERED = "registered"
    REGISTERED_AGAIN = "registered_again"
    LOGGED_IN = "logged_in"
    LOG_IN_REFUSED = "log_in_refused"
    LOCKED_OUT = "locked_out"
    RENEWED = "renewed"
    TOKEN_STOLEN = "token_stolen"  # noqa: S105
    LOGGED_OUT = "logged_out"
    LOGGED_OUT_EVERYWHERE = "logged_out_everywhere"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    PASSWORD_FORGOTTEN = "password_forgotten"  # noqa: S105
    PASSWORD_RESET = "password_reset"  # noqa: S105
    EMAIL_VERIFIED = "email_verified"
    ROLE_CHANGED = "role_changed"
    DISABLED = "disabled"
    ENABLED = "enabled"
    KEY_CREATED = "key_created"
    KEY_REVOKED = "key_revoked"
    SIGNING_KEYS_ROTATED = "signing_keys_rotated"


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an event is told of: an address as it counts for limits, and the request."""

    address: str
    request_id: str | None = None


COMMAND_LINE = Caller(address="command line")


class AuthEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened."""

    at: datetime
    kind: AuthKind
    user_id: int | None
    account: str | None
    address: str
    api_key_id: int | None
    request_id: str | None
    detail: str | None


class AuthEvents:
    """Takes events; `run` writes them down in batches."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: deque[AuthEvent] = deque()

    def note(
        self,
        kind: AuthKind,
        caller: Caller,
        *,
        user_id: int | None = None,
        email: str | None = None,
        api_key_id: int | None = None,
        detail: str | None = None,
    ) -> None:
        """Logs an event and queues it; never waits, never raises. See `event_of`."""
        event = event_of(
            kind, caller, user_id=user_id, email=email, api_key_id=api_key_id, detail=detail
        )
        metrics.auth_events.labels(kind.value).inc()
        tell(event)
        if len(self._waiting) >= WAITING_MAX:
            self._waiting.popleft()
            metrics.auth_events_lost.inc()
        self._waiting.append(event)

    async def run(self) -> None:
        """Writes what waits, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        """Writes what waits; without Postgres it goes on waiting. Also run at the very end."""
        while self._waiting:
            batch = [
                self._waiting.popleft() for _ in range(min(len(self._waiting), WRITTEN_AT_ONCE_MAX))
            ]
            try:
                async with engine.connection(self._pool) as connection:
                    await write(connection, batch)
            except DependencyDown:
                self._waiting.extendleft(reversed(batch))
                return
            except asyncpg.PostgresError as error:
                log.warning("auth_events_not_kept", events=len(batch), error=str(error))
                metrics.auth_events_lost.inc(len(batch))


def event_of(
    kind: AuthKind,
    caller: Caller,
    *,
    user_id: int | None = None,
    email: str | None = None,
    api_key_id: int | None = None,
    detail: str | None = None,
) -> AuthEvent:
    """Returns an event of now; `detail` is in our own words, never something a caller sent."""
    return AuthEvent(
        at=datetime.now(UTC),
        kind=kind,
        user_id=user_id,
        account=None if email is None else account_of(email),
        address=caller.address,
        api_key_id=api_key_id,
        request_id=caller.request_id,
        detail=detail,
    )


def tell(event: AuthEvent) -> None:
    """Logs an event, without what it has nothing to say of."""
    said = {name: value for name, value in msgspec.structs.asdict(event).items() if value}
    log.info("auth", **{name: str(value) for name, value in said.items() if name != "at"})


async def write(connection: Connection, events: list[AuthEvent]) -> None:
    """Keeps events in Postgres, in one statement."""
    rows = [msgspec.structs.astuple(event) for event in events]
    await connection.execute(
        """
        INSERT INTO auth_events
            (at, kind, user_id, account, address, api_key_id, request_id, detail)
        SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::bigint[], $4::text[], $5::text[],
            $6::bigint[], $7::text[], $8::text[])
        """,
        *(list(column) for column in zip(*rows, strict=True)),
    )


async def keep(session: AsyncSession, events: list[AuthEvent]) -> None:
    """Keeps events in the transaction of a session; the caller commits."""
    session.add_all(tables.AuthEvent(**msgspec.structs.asdict(event)) for event in events)
    await session.flush()


def account_of(email: str) -> str:
    """Returns a digest of an e-mail address as somebody typed it, which may be anything."""
    typed = email.strip().lower().encode("utf-8", "surrogatepass")
    return blake2b(typed, digest_size=8, person=b"touchline acct").hexdigest()


def caller_of(principal: Principal, request_id: str | None) -> Caller:
    """Returns the caller of a request: strangers by address, users by name."""
    return Caller(address=principal.key.removeprefix("ip:"), request_id=request_id)
