"""The one HTTP client of all providers that are asked: bounded, counted, and it never tells a key.

A request takes from the provider's allowance before it is made, each retry too. What fails ends as
a `ProviderError` of the kind that fits; nothing else leaves this file.
"""

import asyncio
import logging
import random
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from urllib.parse import quote

import httpx
import msgspec

from app import metrics
from app.providers.provider import (
    Allowance,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnreadable,
    QuotaSpent,
    ToldQuota,
)

# The largest real answer seen, all live odds of a Saturday, has 12 MB.
BODY_BYTES_MAX = 32 * 1024 * 1024
CONNECTIONS_MAX = 16
# A second try mends most cut connections; more of them would only add to an outage.
RETRIES_MAX = 1
RETRY_WAIT_S_MAX = 0.5
# What of a refusal's body goes into the error's text.
EXCERPT_LENGTH_MAX = 200
# Secrets are hidden in this much of it first: a key cut in two would not be found.
MASKED_LENGTH = 4_096
RETRY_AFTER_S_MAX = 86_400.0

# It writes whole URLs at INFO, and some providers take their key in the URL.
logging.getLogger("httpx").setLevel(logging.WARNING)

ReadQuotas = Callable[[Mapping[str, str]], Sequence[ToldQuota]]


@cache
def _tls() -> ssl.SSLContext:
    """The authorities httpx trusts, read once: every reading takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it came; header names are in lower case, `received_at` is our clock."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A request and its answer, for the archive: without headers and keys."""

    provider: str
    at: datetime
    method: str
    path: str
    parameters: Mapping[str, str]
    status: int
    body: bytes


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `secrets` go into the URL and are told to nobody; `cost` is of the quota.

    A secret goes where the path has its name in braces, else behind it as a parameter.
    `accept` are the statuses the caller wants to read itself; others become errors. Only a request
    that is `repeatable` is tried again.
    """

    method: str = "GET"
    path: str
    parameters: Mapping[str, str] = {}
    secrets: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    cost: int = 1
    repeatable: bool = True
    accept: frozenset[int] = frozenset({200})


def no_quotas(_: Mapping[str, str]) -> Sequence[ToldQuota]:
    """Reads nothing: the provider does not say what is left."""
    return ()


class Http:
    """Requests to one provider. `quotas` reads what it says is left from its headers.

    No error holds a secret or the value of a header, though servers like to repeat what they were
    sent.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        *,
        allowance: Allowance,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        quotas: ReadQuotas = no_quotas,
        keep: Callable[[Exchange], None] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._provider = provider
        self._headers = dict(headers or {})
        self._allowance = allowance
        self._quotas = quotas
        self._keep = keep
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers=self._headers,
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
            verify=tls if tls is not None else _tls(),
            follow_redirects=False,
            trust_env=False,
        )

    async def ask(self, request: Request) -> Reply:
        """Returns the answer; raises ProviderError."""
        tries_left = RETRIES_MAX if request.repeatable else 0
        while True:
            try:
                return await self._once(request)
            except (ProviderTimeout, ProviderRefused, ProviderUnreadable, QuotaSpent):
                raise
            except ProviderUnavailable as error:
                if not tries_left or error.retry_after_s is not None:
                    raise
                tries_left -= 1
            # Full jitter: workers that were cut at once do not come back at once.
            await asyncio.sleep(random.uniform(0, RETRY_WAIT_S_MAX))  # noqa: S311

    async def close(self) -> None:
        """Gives back the connections. Safe to call twice."""
        await self._client.aclose()

    async def _once(self, request: Request) -> Reply:
        await self._allowance.take(request.cost)
        begun = time.monotonic()
        outcome = "ok"
        try:
            reply = await self._exchange(request)
            await self._allowance.told(self._quotas(reply.headers))
            self._archive(request, reply)
            check(reply, request.accept, self._hidden(request))
        except ProviderError as error:
            outcome = error.kind
            raise
        finally:
            metrics.provider_requests.labels(self._provider, outcome).inc()
            metrics.provider_request_seconds.labels(self._provider).observe(
                time.monotonic() - begun
            )
        return reply

    def _hidden(self, request: Request) -> Sequence[str]:
        words = (self._headers, request.headers, request.secrets)
        return [word for each in words for word in each.values()]

    async def _exchange(self, request: Request) -> Reply:
        try:
            # The client's own timeout begins anew with every byte; a trickle would never end.
            async with asyncio.timeout(self._timeout_s):
                return await self._received(request)
        except (httpx.TimeoutException, TimeoutError) as error:
            raise ProviderTimeout(type(error).__name__) from None
        except httpx.DecodingError as error:
            raise ProviderUnreadable(type(error).__name__) from None
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise ProviderRefused(f"it cannot be asked so: {type(error).__name__}") from None
        except (httpx.HTTPError, OSError) as error:
            # The text may hold the URL; the type says enough.
            raise ProviderUnavailable(type(error).__name__) from None
        except ValueError as error:  # A header or a host in letters that cannot be sent.
            raise ProviderRefused(f"it cannot be asked so: {type(error).__name__}") from None

    async def _received(self, request: Request) -> Reply:
        path, secrets = _with_secrets(request)
        async with self._client.stream(
            request.method,
            path,
            params={**request.parameters, **secrets},
            headers=dict(request.headers),
            content=request.body,
        ) as response:
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > BODY_BYTES_MAX:
                    raise ProviderUnreadable(f"more than {BODY_BYTES_MAX} bytes")
            return Reply(
                status=response.status_code,
                headers={name.lower(): value for name, value in response.headers.items()},
                body=bytes(body),
                received_at=datetime.now(UTC),
            )

    def _archive(self, request: Request, reply: Reply) -> None:
        if self._keep is not None:
            self._keep(
                Exchange(
                    provider=self._provider,
                    at=reply.received_at,
                    method=request.method,
                    path=request.path,
                    parameters=request.parameters,
                    status=reply.status,
                    body=reply.body,
                )
            )


def _with_secrets(request: Request) -> tuple[str, Mapping[str, str]]:
    """Returns the path with the secrets that belong in it, and the others."""
    path, others = request.path, dict(request.secrets)
    for name, secret in request.secrets.items():
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", quote(secret, safe=""))
            del others[name]
    return path, others


def check(reply: Reply, accept: frozenset[int], hidden: Sequence[str] = ()) -> None:
    """Raises the ProviderError that a status stands for, unless it is accepted.

    Its text is the body's beginning, without the words that are hidden.
    """
    if reply.status in accept:
        return
    excerpt = reply.body[:MASKED_LENGTH].decode("utf-8", "replace")
    for word in filter(None, hidden):
        excerpt = excerpt.replace(word, "***")
    text = f"{reply.status}: {excerpt[:EXCERPT_LENGTH_MAX]}"
    wait_s = retry_after_s(reply.headers)
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise QuotaSpent(text, retry_after_s=wait_s)
    if reply.status == HTTPStatus.REQUEST_TIMEOUT:
        raise ProviderTimeout(text)
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise ProviderUnavailable(text, retry_after_s=wait_s)
    raise ProviderRefused(text)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Returns how long a Retry-After header asks to wait, bounded; None without one.

    It is in seconds, or a date of HTTP (RFC 9110, 10.2.3).
    """
    text = headers.get("retry-after", "")
    if text.isascii() and text.isdigit():
        return min(float(text), RETRY_AFTER_S_MAX)
    try:
        wait = parsedate_to_datetime(text) - datetime.now(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(0.0, wait.total_seconds()), RETRY_AFTER_S_MAX)
