"""Accounts: confirming an address, a new password, logging out everywhere.

What is asked for by an address alone answers the same, and as fast, whether somebody is registered
with it: the asking is noted and the answer given; the look-up and the mail come after.
"""

import asyncio
from datetime import UTC, datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.access import mail, mailed_tokens, refresh_tokens
from app.access.audit import AuthEvents, AuthKind, Caller, account_of
from app.access.errors import EmailTaken, WrongCredentials
from app.access.lockout import MAIL, Lockout
from app.access.log_ins import LogIns, TokenPair
from app.access.mail import Outbox
from app.access.mailed_tokens import Purpose
from app.access.passwords import PASSWORDS
from app.access.users import (
    check_password,
    checked_email,
    insert_user,
    locked_user,
    user_by_email,
    user_of,
    users_in,
)
from app.database.sessions import session
from app.database.tables.access import User
from app.errors import AppError
from app.logs import logger
from app.sports.ids import UserId

# Askings that wait for their look-up; a second's work. More are dropped: they are asked again.
ASKED_MAX = 500

log = logger(__name__)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that somebody asked for, for an address that may be anybody's or nobody's."""

    purpose: Purpose
    email: str


class Accounts:
    """What users do with their accounts, log-ins apart; one a process."""

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        log_ins: LogIns,
        outbox: Outbox,
        *,
        lockout: Lockout,
        events: AuthEvents,
    ) -> None:
        self._sessions = sessions
        self._log_ins = log_ins
        self._outbox = outbox
        self._lockout = lockout
        self._events = events
        self._asked: asyncio.Queue[Asked] = asyncio.Queue(ASKED_MAX)

    async def sign_up(self, email: str, password: str, caller: Caller) -> None:
        """Signs somebody up who has to confirm the address first.

        Whether it is taken is said by mail to whom it belongs, not here. Raises Invalid,
        TooManyLogins.
        """
        email = checked_email(email, password)
        hashed = await PASSWORDS.hash(password)
        kind = AuthKind.REGISTERED
        async with session(self._sessions) as lent:
            try:
                user = await insert_user(lent, email, hashed, verified=False)
            except EmailTaken:
                await lent.rollback()
                kind = AuthKind.REGISTERED_AGAIN
                user = await users_in(lent).get_one(email=email)
                if user.email_verified_at is None:
                    # Nobody has shown that the address is theirs; who signed up last has the say.
                    user.password_hash = hashed
            letter = await _letter_to(lent, user)
            await lent.commit()
        self._events.note(kind, caller, user_id=user.id, email=email)
        if await self._may_mail(email):
            self._outbox.post(letter)

    async def verify(self, token: str, password: str, caller: Caller) -> TokenPair:
        """Confirms an address and logs in; it takes the password of the sign-up as well.

        Else somebody who signs up with another's address would, once that one follows the mail,
        hold a password of theirs. Raises MailedTokenInvalid, WrongCredentials, TooManyAttempts.
        """
        async with session(self._sessions) as lent:
            user = await mailed_tokens.take(lent, token, Purpose.VERIFY_EMAIL)
            address = user.email
            # The token is good again when the password is not: a typing error costs nothing.
            await lent.rollback()
            user = await self._log_ins.known(lent, address, password, caller)
            user = await mailed_tokens.take(lent, token, Purpose.VERIFY_EMAIL)
            user.email_verified_at = datetime.now(UTC)
            await lent.flush()
            pair = await self._log_ins.begin(lent, user)
        self._events.note(AuthKind.EMAIL_VERIFIED, caller, user_id=user.id)
        return pair

    def ask(self, purpose: Purpose, email: str, caller: Caller) -> None:
        """Notes that a mail is wanted; never waits."""
        if purpose is Purpose.RESET_PASSWORD:
            self._events.note(AuthKind.PASSWORD_FORGOTTEN, caller, email=email)
        try:
            self._asked.put_nowait(Asked(purpose=purpose, email=email))
        except asyncio.QueueFull:
            log.warning("mail_asked_too_often", purpose=purpose.value)

    async def run(self) -> None:
        """Looks up who asked for a mail, and posts it, until cancelled."""
        while True:
            asked = await self._asked.get()
            try:
                await self._answer(asked)
            except AppError as error:
                log.warning("mail_not_written", purpose=asked.purpose.value, error=error.code)

    async def reset(self, token: str, password: str, caller: Caller) -> None:
        """Sets a new password by a mailed token; all log-ins end.

        Raises MailedTokenInvalid, Invalid, TooManyLogins.
        """
        check_password(password)
        hashed = await PASSWORDS.hash(password)
        async with session(self._sessions) as lent:
            user = await mailed_tokens.take(lent, token, Purpose.RESET_PASSWORD)
            # Who reads the mail has the address.
            user.email_verified_at = user.email_verified_at or datetime.now(UTC)
            await set_password(lent, user, hashed)
            await lent.commit()
        await self._lockout.forgive(account=account_of(user.email))
        self._events.note(AuthKind.PASSWORD_RESET, caller, user_id=user.id)
        self._outbox.post(mail.password_changed(user.email))

    async def change_password(
        self, user_id: UserId, current: str, password: str, caller: Caller
    ) -> TokenPair:
        """Replaces a password; all log-ins end, and one begins.

        Raises NotAuthenticated, WrongCredentials, TooManyAttempts, Invalid, TooManyLogins.
        """
        check_password(password)
        async with session(self._sessions) as lent:
            email = (await user_of(lent, user_id)).email
            known = await self._log_ins.known(lent, email, current, caller)
            generation = known.generation
            await lent.commit()
            hashed = await PASSWORDS.hash(password)
            user = await locked_user(lent, user_id)
            if user.generation != generation:
                raise WrongCredentials
            await set_password(lent, user, hashed)
            pair = await self._log_ins.begin(lent, user)
        self._events.note(AuthKind.PASSWORD_CHANGED, caller, user_id=user_id)
        self._outbox.post(mail.password_changed(email))
        return pair

    async def log_out_everywhere(self, user_id: UserId, caller: Caller) -> None:
        """Ends all log-ins of a user; raises NotAuthenticated. API keys go on."""
        async with session(self._sessions) as lent:
            user = await locked_user(lent, user_id)
            user.logged_out_at = datetime.now(UTC)
            await refresh_tokens.revoke_all(lent, user)
            await lent.commit()
        self._events.note(AuthKind.LOGGED_OUT_EVERYWHERE, caller, user_id=user_id)

    async def _answer(self, asked: Asked) -> None:
        if not await self._may_mail(asked.email):
            return
        async with session(self._sessions) as lent:
            user = await user_by_email(lent, asked.email)
            if user is None or user.disabled_at is not None:
                return
            verifies = asked.purpose is Purpose.VERIFY_EMAIL
            if verifies and user.email_verified_at is not None:
                return
            token, expires_at = await mailed_tokens.issue(lent, user, asked.purpose)
            await lent.commit()
        compose = mail.verify_email if verifies else mail.reset_password
        self._outbox.post(compose(user.email, token, expires_at))

    async def _may_mail(self, email: str) -> bool:
        """Says whether an address may be written to: not too often, whoever asks for it."""
        return await self._lockout.wait_s(f"mail:{account_of(email)}", MAIL) <= 0


async def _letter_to(lent: AsyncSession, user: User) -> mail.Mail:
    """Returns the mail to whom an address was signed up with."""
    if user.email_verified_at is not None or user.disabled_at is not None:
        return mail.already_registered(user.email)
    token, expires_at = await mailed_tokens.issue(lent, user, Purpose.VERIFY_EMAIL)
    return mail.verify_email(user.email, token, expires_at)


async def set_password(lent: AsyncSession, user: User, hashed: str) -> None:
    """Gives a user, whose row the caller has locked, a new password's hash.

    All log-ins end, and mails to set a password count no more. The caller commits.
    """
    user.password_hash = hashed
    user.password_changed_at = datetime.now(UTC)
    await refresh_tokens.revoke_all(lent, user)
    await mailed_tokens.forget(lent, user, Purpose.RESET_PASSWORD)
    await lent.flush()
    # The trigger raised it.
    await lent.refresh(user, ["generation"])
