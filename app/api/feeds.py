"""POST /api/feeds/{provider}: where feeds that call us knock.

A list of guards, then the body is taken in, and answered when it is committed.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec
from litestar import Response, post
from litestar.datastructures import State
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
)
from litestar.params import FromPath
from litestar.status_codes import HTTP_202_ACCEPTED

from app import metrics
from app.access.errors import RateLimited
from app.access.gate import Gate
from app.access.rate_limits import RateLimits
from app.access.scopes import Scope
from app.access.tiers import Rate, Role
from app.api.answers import Asked
from app.api.documents import described
from app.database import engine
from app.database.engine import Pool
from app.errors import AppError, DependencyDown, NotAllowed, UnsupportedMediaType
from app.health.noting import note_alive, note_success
from app.ingest.pushes import Pushes, Receipt
from app.logs import logger
from app.providers.provider import ProviderUnreadable
from app.providers.push.feed import JSON_TYPES, XML_TYPES

# A whole Saturday's markets of one bookmaker have some 5 MB; what is more is pushed in parts.
FEED_BODY_BYTES_MAX = 8 * 1024 * 1024
SIGNATURE_HEADER = "x-signature"
API_KEY_HEADER = "x-api-key"
_PREFIX = "sha256="
# That a feed lives is noted at most this often; a write a push would double what it costs.
NOTE_EVERY_S = 1.0
# Stands for every sport a feed is known in: it said that it lives, and nothing of a match.
_EVERY = ""

log = logger(__name__)


class UnknownFeed(AppError):
    """There is no feed of this name."""

    code = "unknown_feed"
    status = 404


class NotSigned(AppError):
    """A push is signed: X-Signature, the hex HMAC-SHA256 of its body."""

    code = "not_signed"
    status = 401


class SignatureWrong(AppError):
    """The signature is not of this body with this feed's key."""

    code = "signature_wrong"
    status = 403


class UnreadableBody(AppError):
    """The body is none of the forms a feed may send."""

    code = "unreadable_body"
    status = 400


class RejectedShape(msgspec.Struct, frozen=True, kw_only=True):
    """An item that was not taken in: its place in the body, a stable code, and words."""

    index: int
    code: str
    message: str


class PushShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of a body. The same body has the same `batchId`."""

    accepted: int
    rejected: list[RejectedShape]
    batch_id: str


@dataclass
class _Described(Operation):
    """What OpenAPI cannot see: the body is read as bytes, because they are what is signed."""

    def __post_init__(self) -> None:
        signature = Parameter(
            name="X-Signature",
            param_in="header",
            description="Hex HMAC-SHA256 of the body with the feed's key; may begin with sha256=."
            " An operator's X-API-Key made for 'feed' may stand in for it.",
            required=False,
            schema=Schema(type=OpenAPIType.STRING, pattern="^(sha256=)?[0-9a-fA-F]{64}$"),
        )
        self.parameters = [*(self.parameters or ()), signature]
        text = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, description="docs/feeds.md"))
        whole = OpenAPIMediaType(
            schema=Schema(type=OpenAPIType.OBJECT, description="docs/feeds.md")
        )
        self.request_body = RequestBody(
            description="Observations, or one message of a UOF-style feed.",
            required=True,
            content={
                **dict.fromkeys(sorted(JSON_TYPES), whole),
                **dict.fromkeys(sorted(XML_TYPES), text),
            },
        )


class Feeds:
    """Who may push, and what is noted of them."""

    def __init__(
        self,
        pool: Pool,
        keys: Mapping[str, tuple[str, ...]],
        limits: RateLimits,
        *,
        per_minute: int,
    ) -> None:
        self.pushes = Pushes(pool)
        self._pool = pool
        self._keys = {name: [key.encode() for key in some] for name, some in keys.items()}
        self._limits = limits
        self._rate = Rate(requests_per_minute=per_minute)
        self._noted: dict[tuple[str, str], float] = {}

    def check_known(self, provider: str) -> None:
        """Raises UnknownFeed."""
        if provider not in self._keys:
            raise UnknownFeed

    def check_signature(self, provider: str, given: bytes, body: bytes) -> None:
        """Raises SignatureWrong unless one of the feed's keys made it."""
        made = [hmac.digest(key, body, "sha256") for key in self._keys[provider]]
        if True not in [hmac.compare_digest(given, one) for one in made]:
            raise SignatureWrong

    async def check_allowance(self, provider: str) -> None:
        """Raises RateLimited when the feed has pushed too much within a minute."""
        taken = await self._limits.take(f"feed:{provider}", self._rate)
        if not taken.allowed:
            metrics.rate_limited.labels("feed").inc()
            raise RateLimited(retry_after_s=taken.retry_after_s)

    async def note_alive(self, provider: str, receipt: Receipt, took_s: float) -> None:
        """Notes that the feed was heard: in the sports it spoke of, or in all it is known in."""
        now = time.monotonic()
        sports = {said.sport.value for said in receipt.observations} or {_EVERY}
        due = [
            sport
            for sport in sorted(sports)
            if now - self._noted.get((provider, sport), -NOTE_EVERY_S) >= NOTE_EVERY_S
        ]
        if not due:
            return
        self._noted.update(((provider, sport), now) for sport in due)
        try:
            await self._note(provider, due, receipt, took_s)
        except (DependencyDown, asyncpg.PostgresError) as error:
            # What it pushed is in, and that is what it was told.
            log.warning("feed_not_noted", provider=provider, error=str(error))

    async def _note(
        self, provider: str, sports: Sequence[str], receipt: Receipt, took_s: float
    ) -> None:
        async with engine.connection(self._pool) as connection:
            if sports == [_EVERY]:
                await note_alive(connection, provider)
                return
            for sport in sports:
                await note_success(
                    connection,
                    provider,
                    sport,
                    took_ms=round(took_s * 1000),
                    observations=receipt.observations,
                )


@post(
    "/api/feeds/{provider:str}",
    status_code=HTTP_202_ACCEPTED,
    request_max_body_size=FEED_BODY_BYTES_MAX,
    tags=["feeds"],
    operation_class=_Described,
    **described(PushShape, problems=(400, 401, 403, 404, 413, 415), status=HTTP_202_ACCEPTED),
)
async def push(request: Asked, provider: FromPath[str], state: State) -> Response[PushShape]:
    """Takes in what a feed says; answers when it is committed.

    The same body may be sent twice: what was taken in already changes nothing, and an older
    observation never overwrites a newer one.
    """
    feeds: Feeds = state.feeds
    begun = time.monotonic()
    feeds.check_known(provider)
    outcome = "refused"
    try:
        media_type = media_type_of(request)
        if API_KEY_HEADER in request.headers and SIGNATURE_HEADER not in request.headers:
            await check_key(request)
            body = await request.body()
        else:
            given = signature_of(request)
            body = await request.body()
            feeds.check_signature(provider, given, body)
        await feeds.check_allowance(provider)
        outcome = "failed"
        receipt = await feeds.pushes.take(provider, body, media_type)
        outcome = "partly" if receipt.rejected else "accepted"
    except ProviderUnreadable as error:
        outcome = "unreadable"
        raise UnreadableBody(f"The body cannot be read: {error}.") from None
    finally:
        metrics.pushes.labels(provider, outcome).inc()
    took_s = time.monotonic() - begun
    metrics.push_seconds.labels(provider).observe(took_s)
    await feeds.note_alive(provider, receipt, took_s)
    return Response(
        PushShape(
            accepted=len(receipt.observations),
            rejected=[
                RejectedShape(index=one.index, code=one.code, message=one.message)
                for one in receipt.rejected
            ],
            batch_id=hashlib.sha256(body).hexdigest()[:32],
        ),
        headers={"cache-control": "no-store"},
    )


async def check_key(request: Asked) -> None:
    """Raises unless an operator's API key that is made for feeds stands in for the signature.

    NotAllowed for another's key or one made for something else, and what the gate raises of keys.
    """
    gate: Gate = request.app.state.gate
    client = request.client
    asking = await gate.principal_of(
        request.scope["headers"], peer="" if client is None else client.host
    )
    if Scope.FEED not in asking.scopes or asking.role not in (Role.OPERATOR, Role.ADMIN):
        raise NotAllowed("This takes an operator's API key that is made for 'feed'.")


def media_type_of(request: Asked) -> str:
    """Returns the type of the body; raises UnsupportedMediaType for what is not read here."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity").lower()
    if media_type not in JSON_TYPES | XML_TYPES or encoding != "identity":
        raise UnsupportedMediaType("Feeds send application/json or application/xml, uncompressed.")
    return media_type


def signature_of(request: Asked) -> bytes:
    """Returns the signature that was sent; raises NotSigned for none, or what can be none."""
    given = request.headers.get(SIGNATURE_HEADER, "").strip().removeprefix(_PREFIX)
    if len(given) != 2 * hashlib.sha256().digest_size:
        raise NotSigned
    try:
        return bytes.fromhex(given)
    except ValueError:
        raise NotSigned from None


feed_routes: list[Any] = [push]
