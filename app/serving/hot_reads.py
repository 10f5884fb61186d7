"""What a process knows of reads that may be answered at once: addresses, callers, heads.

All of it is learnt from answers of the application (`learning`), which stays the one definition of
what is answered: an address whose answer is an entry of the cache, a caller whose credentials were
checked, the head that was written. It is used (`answer`) only while each is known to be right: the
entry is good as far as the cache was told, the credentials are neither over nor revoked, and the
caller has tokens here and now. Whatever is not known is left to the application.
"""

import asyncio
import random
import time
from typing import Any, Protocol

from litestar import Litestar
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app import metrics
from app.access.buckets import Taken
from app.access.gate import Gate
from app.access.principal import Principal
from app.access.tickets import is_ticket
from app.access.tiers import Allowance, Rate
from app.api.answers import Ready, names_tag
from app.cache.memory import Entry
from app.cache.reads import Cache
from app.ops.traffic import SANE_ID
from app.serving.ready_heads import NOT_MODIFIED, OK, Header, Shape, head_of, shape_of, written

# Some 3 KB each with its heads, so 15 MB; those learnt first make room, and are learnt again.
ADDRESSES_MAX = 5_000
ADDRESS_BYTES_MAX = 512
# Some 1 KB each. Who sends an id with each request never says the same twice.
REQUESTS_MAX = 4_096
REQUEST_BYTES_MAX = 2_048
# Some 2 KB each with its token.
CALLERS_MAX = 4_096
CREDENTIALS_BYTES_MAX = 1_024
# Whatever was checked is checked anew after this: as long as an API key is believed.
CALLER_KNOWN_S = 60.0
# That an address is wanted, and that a key is used, is noted so often at most.
NOTED_EVERY_S = 1.0
# Counts are handed to the metrics this often: adding one costs a tenth of an answer.
COUNTED_EVERY_S = 0.5
HEADERS_MAX = 32

# Headers whose values matter here, once each; by their place in what `read_headers` returns.
_HOST, _TOKEN, _KEY, _FORWARDED, _ID, _TAGS = range(6)
_PLACES = {
    b"host": _HOST,
    b"authorization": _TOKEN,
    b"x-api-key": _KEY,
    b"x-forwarded-for": _FORWARDED,
    b"x-request-id": _ID,
    b"if-none-match": _TAGS,
}
# Headers that change nothing of an answer. Any other makes a request odd, and so does `connection`
# with any word but keep-alive.
_NO_MATTER = frozenset(
    {
        *(b"accept", b"accept-encoding", b"accept-language", b"cache-control", b"cookie", b"dnt"),
        *(b"pragma", b"priority", b"referer", b"sec-ch-ua", b"sec-ch-ua-mobile"),
        *(b"sec-ch-ua-platform", b"sec-fetch-dest", b"sec-fetch-mode", b"sec-fetch-site"),
        *(b"sec-fetch-user", b"sec-gpc", b"traceparent", b"tracestate", b"user-agent"),
        *(b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-proto", b"x-real-ip"),
    }
)

Said = list[bytes | None]


class Limits(Protocol):
    """What is asked of the limits: tokens that are here already."""

    def try_take(self, key: str, rate: Rate, weight: int = 1) -> Taken | None:
        """Takes tokens, refuses, or returns None when that takes a question to somebody else."""
        ...


class Quotas(Protocol):
    """What is asked of quotas."""

    def check(self, principal: Principal, allowance: Allowance) -> Exception | None:
        """Returns what a caller's day or month says no with."""
        ...


class Usage(Protocol):
    """Who counts what is used."""

    def note(self, principal: Principal, endpoint: str, weight: int = 1) -> None:
        """Counts a request."""
        ...


class Caller:
    """Somebody whose credentials the application took; times are monotonic."""

    __slots__ = ("epoch", "noted_at", "principal", "until")

    def __init__(self, principal: Principal, *, until: float, epoch: int) -> None:
        self.principal = principal
        self.until = until
        # How much was known of revocations when this one was last held against them.
        self.epoch = epoch
        self.noted_at = 0.0


class Address:
    """What one address is answered with; `counts` are of answers since they were last told."""

    __slots__ = (
        "counts", "endpoint", "entry", "heads", "name", "route", "shapes", "wanted", "wanted_at",
        "weight",
    )  # fmt: skip

    def __init__(self, route: str, ready: Ready, weight: int) -> None:
        self.route = route
        self.endpoint = f"GET {route}"
        self.name = ready.entry.name
        self.wanted = ready.wanted
        self.wanted_at = 0.0
        self.weight = weight
        # Whose heads are made; another entry of that name has others.
        self.entry: Entry | None = None
        # By status and whether nobody in particular asks.
        self.shapes: dict[tuple[int, bool], Shape] = {}
        self.heads: dict[tuple[int, bool], bytes] = {}

    def head(self, entry: Entry, status: int, *, is_anybody: bool) -> bytes | None:
        """Returns the head of an entry's answer, None while the application has not shown it."""
        if entry is not self.entry:
            self.entry = entry
            self.heads.clear()
        kind = status, is_anybody
        head = self.heads.get(kind)
        if head is None and (shape := self.shapes.get(kind)) is not None:
            head = head_of(status, shape, tag=entry.tag, length=len(entry.body))
            self.heads[kind] = head
        return head


class Asked:
    """A plain request: its address, and what of its headers matters."""

    __slots__ = ("address", "said")

    def __init__(self, address: Address, said: Said) -> None:
        self.address = address
        self.said = said


class HotReads:
    """Answers what it knows; one a process. `run` tells the metrics."""

    def __init__(
        self, app: ASGIApp, *, gate: Gate, cache: Cache, limits: Limits, quotas: Quotas,
        usage: Usage,
    ) -> None:  # fmt: skip
        self._app = app
        self._gate = gate
        self._cache = cache
        self._limits = limits
        self._quotas = quotas
        self._usage = usage
        self.addresses: dict[bytes, Address] = {}
        # What was asked, by all the bytes it was asked with.
        self.requests: dict[bytes, Asked] = {}
        self._by_token: dict[bytes, Caller] = {}
        self._by_key: dict[bytes, Caller] = {}
        self._by_place: dict[tuple[str, bytes | None], Caller] = {}
        # Patterns are few: one object for all addresses that have it.
        self._shapes: dict[Shape, Shape] = {}
        self._counts: dict[tuple[str, str, int], list[float]] = {}
        self._own: list[Header] = []
        self._own_written = b""

    def answer(self, asked: Asked, peer: str, own: list[Header]) -> bytes | None:
        """Returns the answer as it is written, and counts it; None: let the application answer.

        `own` are the server's headers of all its answers.
        """
        began = time.monotonic()
        address, said = asked.address, asked.said
        caller = self._caller(said, peer, began)
        entry = None if caller is None else self._cache.good(address.name)
        if caller is None or entry is None or entry.is_nothing:
            return None
        principal = caller.principal
        given = said[_TAGS]
        has_it = given is not None and names_tag(given.decode("latin-1"), entry.tag)
        status = NOT_MODIFIED if has_it else OK
        head = address.head(entry, status, is_anybody=principal.user_id is None)
        taken = None if head is None else self._take(principal, address.weight)
        if head is None or taken is None:
            return None
        if own is not self._own:
            self._own, self._own_written = own, written(own)
        head = head % (
            self._own_written, taken.limit, taken.remaining, taken.reset_s, request_id(said[_ID])
        )  # fmt: skip
        self._note(asked, caller, began, kind=entry.kind, status=status)
        return head if has_it else head + entry.body

    def remember(self, data: bytes, asked: Asked) -> None:
        """Remembers that these bytes are one whole request, and which."""
        if len(data) <= REQUEST_BYTES_MAX and asked.said[_ID] is None:
            make_room(self.requests, REQUESTS_MAX)
            self.requests[data] = asked

    async def learning(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Is the application, and learns from what it answers."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return

        async def send_and_learn(message: Message) -> None:
            if message["type"] == "http.response.start" and "ready" in scope["state"]:
                self._learn(scope, message["status"], list(message["headers"]))
            await send(message)

        await self._app(scope, receive, send_and_learn)

    async def run(self) -> None:
        """Tells the metrics what was answered, until cancelled."""
        try:
            while True:
                await asyncio.sleep(COUNTED_EVERY_S)
                self.tell_metrics()
        finally:
            self.tell_metrics()

    def tell_metrics(self) -> None:
        """Hands on what was counted since."""
        counts, self._counts = self._counts, {}
        for (route, kind, status), (count, seconds) in counts.items():
            metrics.http_requests.labels("GET", route, str(status)).inc(count)
            metrics.http_seconds.labels(route).observe_many(seconds / count, int(count))
            metrics.hot_reads.labels(route).inc(count)
            metrics.cache_reads.labels(kind, "memory").inc(count)

    def _caller(self, said: Said, peer: str, now: float) -> Caller | None:
        """Returns who asks, if that is known and still counts."""
        token, key = said[_TOKEN], said[_KEY]
        if token is not None:
            caller = None if key is not None else self._by_token.get(token)
        elif key is not None:
            caller = self._by_key.get(key)
        else:
            caller = self._by_place.get((peer, said[_FORWARDED]))
        if caller is None or caller.until <= now:
            return None
        revocations = self._gate.revocations
        if caller.epoch != revocations.epoch:
            if revocations.is_revoked(caller.principal):
                return None
            caller.epoch = revocations.epoch
        return caller

    def _take(self, principal: Principal, weight: int) -> Taken | None:
        """Takes what an answer costs; None when it is not here, or there is none."""
        allowance = self._gate.allowance_of(principal)
        if allowance.has_quota and self._quotas.check(principal, allowance) is not None:
            return None
        taken = self._limits.try_take(principal.key, allowance, weight)
        return taken if taken is not None and taken.allowed else None

    def _note(self, asked: Asked, caller: Caller, began: float, *, kind: str, status: int) -> None:
        address, principal = asked.address, caller.principal
        self._usage.note(principal, address.endpoint, address.weight)
        if began - address.wanted_at >= NOTED_EVERY_S:
            address.wanted_at = began
            address.wanted()
        if principal.api_key_id is not None and began - caller.noted_at >= NOTED_EVERY_S:
            caller.noted_at = began
            self._gate.keys.note_used(principal)
        counted = address.route, kind, status
        counts = self._counts.get(counted)
        if counts is None:
            counts = self._counts[counted] = [0, 0.0]
        counts[0] += 1
        counts[1] += time.monotonic() - began

    def _learn(self, scope: Any, status: int, headers: list[Header]) -> None:
        """Takes in an answer that an entry of the cache was all of."""
        state: dict[str, Any] = scope["state"]
        ready: Ready = state["ready"]
        principal: Principal | None = state.get("principal")
        shape = shape_of(status, headers) if status in {OK, NOT_MODIFIED} else None
        said = read_headers(scope["headers"])
        if principal is None or shape is None or said is None:
            return
        query: bytes = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        if len(target) > ADDRESS_BYTES_MAX or not ready.entry.is_kept:
            return
        address = self.addresses.get(target)
        if address is None or address.name != ready.entry.name:
            make_room(self.addresses, ADDRESSES_MAX)
            weight: int = state.get("units", 1)
            address = self.addresses[target] = Address(scope["path_template"], ready, weight)
        kind = status, principal.user_id is None
        if address.shapes.get(kind) != shape:
            address.shapes[kind] = self._shapes.setdefault(shape, shape)
            address.heads.pop(kind, None)
        self._meet(said, principal, scope["client"])

    def _meet(self, said: Said, principal: Principal, client: tuple[str, int] | None) -> None:
        """Remembers whose credentials these are. A ticket is good once, so it is nobody's."""
        now = time.monotonic()
        left = (principal.expires_at or float("inf")) - time.time()
        caller = Caller(
            principal, until=now + min(CALLER_KNOWN_S, left), epoch=self._gate.revocations.epoch
        )
        token, key, forwarded = said[_TOKEN], said[_KEY], said[_FORWARDED]
        if token is not None:
            shown = token.decode("latin-1").partition(" ")[2].strip()
            if len(token) <= CREDENTIALS_BYTES_MAX and not is_ticket(shown):
                _remember(self._by_token, token, caller)
        elif key is not None:
            if len(key) <= CREDENTIALS_BYTES_MAX:
                _remember(self._by_key, key, caller)
        elif client is not None and len(forwarded or b"") <= CREDENTIALS_BYTES_MAX:
            _remember(self._by_place, (client[0], forwarded), caller)


def read_headers(headers: list[Header]) -> Said | None:
    """Returns the values that matter, by their places; None when anything about them is odd."""
    said: Said = [None] * len(_PLACES)
    if len(headers) > HEADERS_MAX:
        return None
    for name, value in headers:
        place = _PLACES.get(name)
        if place is not None:
            if said[place] is not None:
                return None
            said[place] = value
        elif name not in _NO_MATTER and not (
            name == b"connection" and value.lower() == b"keep-alive"
        ):
            return None
    return said if said[_HOST] is not None else None


def request_id(given: bytes | None) -> bytes:
    """Returns the caller's id if it is a sane one, else a new one; ids are no secrets."""
    if given is not None and SANE_ID.match(given):
        return given
    return b"%016x" % random.getrandbits(64)


def make_room(known: dict[Any, Any], most: int) -> None:
    """Forgets what was learnt first, where there is no room for one more."""
    while len(known) >= most:
        del known[next(iter(known))]


def _remember(callers: dict[Any, Caller], shown: object, caller: Caller) -> None:
    callers.pop(shown, None)
    make_room(callers, CALLERS_MAX)
    callers[shown] = caller


def hot_reads_of(app: Litestar) -> HotReads:
    """Returns them for an application whose state has what they ask."""
    state = app.state
    return HotReads(
        app,
        gate=state.gate,
        cache=state.cache,
        limits=state.rate_limits,
        quotas=state.quotas,
        usage=state.usage,
    )
