"""Log-ins: what registers, logs in, renews and logs out answers; each one transaction."""

import time

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.access import refresh_tokens
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
    ) -> None:
        self._sessions = sessions
        self._tokens = tokens
        self._refresh_ttl_s = refresh_ttl_s

    async def register(self, email: str, password: str) -> TokenPair:
        """Signs somebody up and logs in; raises Invalid, EmailTaken, TooManyLogins."""
        async with session(self._sessions) as lent:
            user = await create_user(lent, email, password)
            return await self._begin(lent, user)

    async def log_in(self, email: str, password: str) -> TokenPair:
        """Logs somebody in; raises WrongCredentials, TooManyLogins."""
        async with session(self._sessions) as lent:
            user = await authenticate(lent, email, password)
            return await self._begin(lent, user)

    async def renew(self, refresh_token: str) -> TokenPair:
        """Gives the next pair for a refresh token, which is used up.

        Raises RefreshTokenInvalid, RefreshTokenReused, TokenExpired.
        """
        async with session(self._sessions) as lent:
            user, following = await refresh_tokens.rotate(
                lent, refresh_token, ttl_s=self._refresh_ttl_s
            )
        return self._pair(user, following)

    async def log_out(self, refresh_token: str) -> None:
        """Ends the log-in; access tokens that are out stay good for the rest of their time."""
        async with session(self._sessions) as lent:
            await refresh_tokens.revoke(lent, refresh_token)

    async def profile(self, user_id: UserId) -> User:
        """Returns the user as Postgres knows it; raises NotAuthenticated when gone."""
        async with session(self._sessions) as lent:
            return await user_of(lent, user_id)

    async def _begin(self, lent: AsyncSession, user: User) -> TokenPair:
        refresh_token = await refresh_tokens.issue(lent, user, ttl_s=self._refresh_ttl_s)
        await lent.commit()
        return self._pair(user, refresh_token)

    def _pair(self, user: User, refresh_token: str) -> TokenPair:
        issued = self._tokens.issue(
            UserId(user.id), role=user.role, tier=user.tier, now=time.time()
        )
        return TokenPair(
            access_token=issued, refresh_token=refresh_token, expires_in=self._tokens.ttl_s
        )
