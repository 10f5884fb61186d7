"""Who we are at Betfair: log in, keep the session alive, log in again when it ended.

Nothing of it is ever logged, archived or part of an error: not the password, not the key, not the
session. Its requests go past the archive, because their answers are secrets.
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlencode

from app.providers.betfair.faults import error_of
from app.providers.betfair.payloads import LoggedIn, logged_in
from app.providers.http import Http, Request
from app.providers.provider import (
    Allowance,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    QuotaSpent,
)

LOGIN_TIMEOUT_S = 10.0
# A session ends 20 minutes after its last keep-alive in Italy and Spain, 12 hours elsewhere.
KEEP_ALIVE_AFTER_S = 600.0
KEEP_ALIVE_AGAIN_S = 30.0
# Failed log-ins lock an account: a refusal is repeated to callers instead of tried again.
REFUSED_FOR_S = 60.0


class BadCertificate(Exception):
    """The client certificate cannot be read; the message names the file."""


class Credentials:
    """An application key and an account; shows neither when printed."""

    __slots__ = ("app_key", "password", "username")

    def __init__(self, *, app_key: str, username: str, password: str) -> None:
        self.app_key = app_key
        self.username = username
        self.password = password

    def __repr__(self) -> str:
        return "Credentials(...)"


def certificate_tls(certificate_file: str, trusted: ssl.SSLContext | None) -> ssl.SSLContext:
    """Returns a context that shows a client certificate and trusts what `trusted` does."""
    context = ssl.create_default_context()
    if trusted is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authorities = trusted.get_ca_certs(binary_form=True)
        if authorities:
            context.load_verify_locations(cadata=b"".join(authorities))
    try:
        context.load_cert_chain(Path(certificate_file))
    except (OSError, ssl.SSLError) as error:
        raise BadCertificate(f"{certificate_file}: {type(error).__name__}") from None
    return context


class Session:
    """One session for all who ask; logs in when first needed."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        identity_url: str,
        certificate_url: str,
        certificate_file: str,
        allowance: Allowance,
        tls: ssl.SSLContext | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credentials = credentials
        self._identity = Http(
            "betfair", identity_url, allowance=allowance, timeout_s=LOGIN_TIMEOUT_S, tls=tls
        )
        self._login, self._login_path = self._identity, "/api/login"
        if certificate_file:
            self._login_path = "/api/certlogin"
            self._login = Http(
                "betfair",
                certificate_url,
                allowance=allowance,
                timeout_s=LOGIN_TIMEOUT_S,
                tls=certificate_tls(certificate_file, tls),
            )
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token = ""
        self._keep_alive_at = 0.0
        self._refused: ProviderError | None = None
        self._refused_until = 0.0

    @property
    def app_key(self) -> str:
        """The application key, for those who send it themselves."""
        return self._credentials.app_key

    async def token(self) -> str:
        """Returns the session, logging in or keeping it alive first; raises ProviderError."""
        async with self._lock:
            if self._token and self._clock() >= self._keep_alive_at:
                await self._keep_alive()
            if not self._token:
                await self._log_in()
            return self._token

    def ended(self, token: str) -> None:
        """Forgets a session that is no longer known there; a newer one stays."""
        if token == self._token:
            self._token = ""

    async def headers(self) -> Mapping[str, str]:
        """Returns what a request to the API needs; raises ProviderError."""
        return {**self._said(), "X-Authentication": await self.token()}

    async def close(self) -> None:
        """Gives back the connections. Safe to call twice. The session is left to end by itself:
        other processes of the account may be using it.
        """
        await self._identity.close()
        await self._login.close()

    def _said(self) -> dict[str, str]:
        return {"X-Application": self._credentials.app_key, "Accept": "application/json"}

    async def _log_in(self) -> None:
        if self._refused is not None and self._clock() < self._refused_until:
            raise type(self._refused)(
                str(self._refused), retry_after_s=self._refused_until - self._clock()
            )
        form = urlencode(
            {"username": self._credentials.username, "password": self._credentials.password}
        )
        request = Request(
            method="POST",
            path=self._login_path,
            headers={**self._said(), "Content-Type": "application/x-www-form-urlencoded"},
            body=form.encode(),
            repeatable=False,
        )
        try:
            self._begin(logged_in((await self._login.ask(request)).body))
        except (ProviderRefused, QuotaSpent) as error:
            self._refused = error
            self._refused_until = self._clock() + (error.retry_after_s or REFUSED_FOR_S)
            raise

    async def _keep_alive(self) -> None:
        request = Request(
            method="POST",
            path="/api/keepAlive",
            headers={**self._said(), "X-Authentication": self._token},
        )
        try:
            self._begin(logged_in((await self._identity.ask(request)).body))
        except ProviderUnavailable:
            # The session itself is still good for half its life; try again soon.
            self._keep_alive_at = self._clock() + KEEP_ALIVE_AGAIN_S
        except ProviderError:
            self._token = ""

    def _begin(self, answer: LoggedIn) -> None:
        """Takes the session of an answer; raises the error that its reason stands for."""
        token = answer.token or answer.session_token
        status = answer.login_status or answer.status
        if status != "SUCCESS" or not token:
            raise error_of(answer.error or status or "no session")
        self._token = token
        self._keep_alive_at = self._clock() + KEEP_ALIVE_AFTER_S
