"""Log-ins: what registers, logs in, renews and logs out answers; each one transaction."""

import time
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.access import refresh_tokens
from app.access.audit import AuthEvents, AuthKind, Caller, account_of
from app.access.errors import (
    EmailNotVerified,
    RefreshTokenReused,
    TooManyAttempts,
    WrongCredentials,
)
from app.access.lockout import Lockout
from app.access.tokens import AccessTokens
from app.access.users import authenticate, create_user, user_of
from app.database.sessions import session
from app.database.tables.access import User
from app.sports.ids import UserId


class TokenPair(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a caller holds after a log-in; `expires_in` is the access token's, in seconds."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105
    expires_in: int


class LogIns:
    """Begins, renews and ends log-ins; raises DependencyDown when Postgres is out of reach."""

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        tokens: AccessTokens,
        *,
        refresh_ttl_s: int,
        lockout: Lockout,
        events: AuthEvents,
        verification: bool = False,
    ) -> None:
        self.verification = verification
        self._sessions = sessions
        self._tokens = tokens
        self._refresh_ttl_s = refresh_ttl_s
        self._lockout = lockout
        self._events = events

    async def register(self, email: str, password: str, caller: Caller) -> TokenPair:
        """Signs somebody up and logs in, where no address has to be confirmed first.

        Raises Invalid, EmailTaken, TooManyLogins.
        """
        async with session(self._sessions) as lent:
            user = await create_user(lent, email, password, verified=False)
            pair = await self.begin(lent, user)
        self._events.note(AuthKind.REGISTERED, caller, user_id=user.id, email=email)
        return pair

    async def log_in(self, email: str, password: str, caller: Caller) -> TokenPair:
        """Logs somebody in.

        Raises WrongCredentials, TooManyAttempts, TooManyLogins, and, only to who knows the
        password, EmailNotVerified.
        """
        async with session(self._sessions) as lent:
            user = await self.known(lent, email, password, caller)
            if self.verification and user.email_verified_at is None:
                await lent.commit()
                raise EmailNotVerified
            pair = await self.begin(lent, user)
        self._events.note(AuthKind.LOGGED_IN, caller, user_id=user.id)
        return pair

    async def known(self, lent: AsyncSession, email: str, password: str, caller: Caller) -> User:
        """Returns the user behind address and password, guessing being slowed down.

        Raises WrongCredentials, TooManyAttempts, TooManyLogins.
        """
        account = account_of(email)
        try:
            await self._lockout.check(account=account, address=caller.address)
            user = await authenticate(lent, email, password)
        except TooManyAttempts:
            self._events.note(AuthKind.LOCKED_OUT, caller, email=email)
            raise
        except WrongCredentials:
            self._events.note(AuthKind.LOG_IN_REFUSED, caller, email=email)
            raise
        await self._lockout.forgive(account=account, address=caller.address)
        return user

    async def renew(self, refresh_token: str, caller: Caller) -> TokenPair:
        """Gives the next pair for a refresh token, which is used up.

        Raises RefreshTokenInvalid, RefreshTokenReused, TokenExpired.
        """
        async with session(self._sessions) as lent:
            try:
                rotated = await refresh_tokens.rotate(
                    lent,
                    refresh_token,
                    ttl_s=self._refresh_ttl_s,
                    access_ttl_s=self._tokens.ttl_s,
                )
            except RefreshTokenReused as error:
                self._events.note(AuthKind.TOKEN_STOLEN, caller, user_id=error.user_id)
                raise
        self._events.note(AuthKind.RENEWED, caller, user_id=rotated.user.id)
        return self._pair(rotated.user, rotated.token, rotated.family)

    async def log_out(self, refresh_token: str, caller: Caller) -> None:
        """Ends the log-in a refresh token belongs to, its access tokens within a second."""
        async with session(self._sessions) as lent:
            user = await refresh_tokens.revoke(lent, refresh_token, access_ttl_s=self._tokens.ttl_s)
        if user is not None:
            self._events.note(AuthKind.LOGGED_OUT, caller, user_id=user.id)

    async def profile(self, user_id: UserId) -> User:
        """Returns the user as Postgres knows it; raises NotAuthenticated when gone."""
        async with session(self._sessions) as lent:
            return await user_of(lent, user_id)

    async def begin(self, lent: AsyncSession, user: User) -> TokenPair:
        """Begins a log-in of a user who was authenticated in the session. Commits.

        Raises WrongCredentials when the user was changed since: while a password is checked,
        another process may replace it, and end all log-ins; this one must not slip through.
        """
        generation = user.generation
        # FOR SHARE: a change of the user waits for us, or we see it.
        query = select(User).where(User.id == user.id).with_for_update(read=True)
        now = await lent.scalar(query.execution_options(populate_existing=True))
        if now is None or now.disabled_at is not None or now.generation != generation:
            raise WrongCredentials
        family = uuid4()
        refresh_token = await refresh_tokens.issue(
            lent, now, ttl_s=self._refresh_ttl_s, family=family
        )
        await lent.commit()
        return self._pair(now, refresh_token, family)

    def _pair(self, user: User, refresh_token: str, family: UUID) -> TokenPair:
        issued = self._tokens.issue(
            UserId(user.id),
            role=user.role,
            tier=user.tier,
            now=time.time(),
            generation=user.generation,
            family=family,
        )
        return TokenPair(
            access_token=issued, refresh_token=refresh_token, expires_in=self._tokens.ttl_s
        )
