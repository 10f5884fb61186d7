"""Mail to users: composed here, sent by whoever runs this, through a hook.

The hook is a program that is given one mail as JSON on its standard input, or an address the same
JSON is posted to. In development mails are printed instead; in production without a hook none
leaves, and that is logged. A mail waits in memory and is tried three times: one that is lost is
asked for again by its user.
"""

import asyncio
import hmac
import shlex
import sys
from datetime import datetime
from typing import Protocol

import httpx
import msgspec

from app import metrics
from app.logs import logger

# Mails that wait; some minutes' work for the slowest hook. More are dropped, and counted.
WAITING_MAX = 1_000
SEND_TIMEOUT_S = 20.0
TRIES = 3
RETRY_S = 2.0

log = logger(__name__)


class Mail(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One mail. `text` says it all in plain words; the rest is for a template of one's own.

    `kind` is verify_email, reset_password, already_registered or password_changed; `token` is what
    the user hands back, None where there is nothing to hand back.
    """

    kind: str
    to: str
    subject: str
    text: str
    token: str | None = None
    expires_at: datetime | None = None


class MailFailed(Exception):
    """The hook did not take a mail; the message says why, without the mail."""


class Sender(Protocol):
    """What takes a mail away."""

    async def send(self, mail: Mail) -> None:
        """Hands a mail over; raises MailFailed."""
        ...


class Command:
    """Runs a program for each mail."""

    def __init__(self, command: str) -> None:
        self._words = shlex.split(command)

    async def send(self, mail: Mail) -> None:
        """Gives the program the mail on its standard input; raises MailFailed unless it ends 0."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._words,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            raise MailFailed(f"the program did not start: {error.strerror}") from None
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await process.communicate(msgspec.json.encode(mail))
        except TimeoutError:
            raise MailFailed(f"the program took longer than {SEND_TIMEOUT_S:.0f} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise MailFailed(f"the program ended with {process.returncode}")


class Webhook:
    """Posts each mail to an address."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret.encode()

    async def send(self, mail: Mail) -> None:
        """Posts the mail, signed as pushes are; raises MailFailed unless the answer is 2xx."""
        body = msgspec.json.encode(mail)
        headers = {"Content-Type": "application/json"}
        if self._secret:
            signature = hmac.new(self._secret, body, "sha256").hexdigest()
            headers["X-Signature"] = f"sha256={signature}"
        try:
            async with httpx.AsyncClient(timeout=SEND_TIMEOUT_S) as client:
                answer = await client.post(self._url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise MailFailed(f"the address did not answer: {type(error).__name__}") from None
        if not answer.is_success:
            raise MailFailed(f"the address answered {answer.status_code}")


class Console:
    """Prints mails to standard error, past the log: for development alone."""

    async def send(self, mail: Mail) -> None:
        """Prints the mail."""
        sys.stderr.write(f"--- mail to {mail.to}: {mail.subject}\n{mail.text}\n---\n")
        sys.stderr.flush()


class Nowhere:
    """Stands where no hook is configured."""

    async def send(self, mail: Mail) -> None:
        """Raises MailFailed."""
        raise MailFailed(f"{mail.kind}: neither MAIL_COMMAND nor MAIL_WEBHOOK_URL is set")


class Outbox:
    """Mails on their way out; one a process. `run` sends them, one after another."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._waiting: asyncio.Queue[Mail] = asyncio.Queue(WAITING_MAX)

    def post(self, mail: Mail) -> None:
        """Takes a mail; never waits."""
        try:
            self._waiting.put_nowait(mail)
        except asyncio.QueueFull:
            metrics.mails.labels(mail.kind, "dropped").inc()
            log.warning("mail_dropped", kind=mail.kind)

    async def run(self) -> None:
        """Sends what waits, until cancelled."""
        while True:
            mail = await self._waiting.get()
            await self._send(mail)

    async def _send(self, mail: Mail) -> None:
        for tried in range(1, TRIES + 1):
            try:
                await self._sender.send(mail)
            except MailFailed as error:
                log.warning("mail_failed", kind=mail.kind, tried=tried, error=str(error))
                if tried < TRIES:
                    await asyncio.sleep(RETRY_S)
            else:
                metrics.mails.labels(mail.kind, "sent").inc()
                return
        metrics.mails.labels(mail.kind, "failed").inc()


def verify_email(to: str, token: str, expires_at: datetime) -> Mail:
    """Returns the mail that asks to confirm an address."""
    return Mail(
        kind="verify_email",
        to=to,
        subject="Confirm your e-mail address",
        text=(
            f"Somebody, hopefully you, signed up with this address. To confirm it, hand this code"
            f" back until {_told(expires_at)}:\n\n    {token}\n\nIf it was not you, do nothing."
        ),
        token=token,
        expires_at=expires_at,
    )


def reset_password(to: str, token: str, expires_at: datetime) -> Mail:
    """Returns the mail with which a password is set anew."""
    return Mail(
        kind="reset_password",
        to=to,
        subject="Set a new password",
        text=(
            f"Somebody, hopefully you, forgot the password of this address. To set a new one, hand"
            f" this code back until {_told(expires_at)}:\n\n    {token}\n\n"
            "If it was not you, do nothing: the password stays what it is."
        ),
        token=token,
        expires_at=expires_at,
    )


def already_registered(to: str) -> Mail:
    """Returns the mail to somebody whose address was used to sign up once more."""
    return Mail(
        kind="already_registered",
        to=to,
        subject="You are registered already",
        text=(
            "Somebody, hopefully you, signed up with this address, which is registered already."
            " Log in, or ask for a new password if you forgot yours."
        ),
    )


def password_changed(to: str) -> Mail:
    """Returns the mail that tells of a new password, so that a thief is not alone in knowing."""
    return Mail(
        kind="password_changed",
        to=to,
        subject="Your password was changed",
        text=(
            "The password of this address was changed, and every log-in but the one that changed"
            " it was ended. If it was not you, ask for a new password at once."
        ),
    )


def _told(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
