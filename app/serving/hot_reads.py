"""What a process knows of reads that may be answered at once: addresses, callers, heads.

All of it is learnt from answers of the application (`learning`), which stays the one definition of
what is answered: an address whose answer is an entry of the cache, a caller whose credentials were
checked, the head that was written. It is used (`answer`) only while each is known to be right: the
entry is good as far as the cache was told, the credentials are neither over nor revoked, and the
caller has tokens here and now. Whatever is not known is left to the application.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from itertools import islice
from math import inf
from secrets import token_hex
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
from app.serving.plain_requests import FORWARDED, ID, KEY, TAGS, TOKEN, Said, read_headers
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
# Where there is no room, one in so many makes it.
FORGOTTEN_PART = 64
# Whatever was checked is checked anew after this: as long as an API key is believed.
CALLER_KNOWN_S = 60.0
# That an address is wanted, and that a key is used, is noted so often at most.
NOTED_EVERY_S = 1.0
# Counts are handed on this often, to the books of use before each time they are written as well:
# adding one there costs a tenth of an answer.
COUNTED_EVERY_S = 0.5
# Or as soon as there are so many, some 300 bytes each.
COUNTS_MAX = 10_000
IDS_AT_ONCE = 512
# Where a request's state has how it was asked, if it was a plain one for a known address.
ASKED = "asked"


class Limits(Protocol):
    """What is asked of the limits: tokens that are here already."""

    def try_take(self, key: str, rate: Rate, weight: int, now: float) -> Taken | None:
        """Takes tokens, refuses, or returns None when that takes a question to somebody else."""
        ...


class Quotas(Protocol):
    """What is asked of quotas."""

    def check(self, principal: Principal, allowance: Allowance) -> Exception | None:
        """Returns what a caller's day or month says no with."""
        ...


class Usage(Protocol):
    """Who counts what is used."""

    def note(
        self, principal: Principal, endpoint: str, weight: int = 1, *, requests: int = 1
    ) -> None:
        """Counts requests that weighed so many units each."""
        ...

    def count_first(self, tell: Callable[[], None]) -> None:
        """Has somebody who counts by himself tell what he counted, before it is written."""
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
    """What one address is answered with."""

    __slots__ = (
        "endpoint", "entry", "heads", "kind", "name", "route", "shapes", "wanted", "wanted_at",
        "weight",
    )  # fmt: skip

    def __init__(self, route: str, ready: Ready, weight: int) -> None:
        self.route = route
        self.endpoint = f"GET {route}"
        self.name = ready.entry.name
        self.kind = ready.entry.kind
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

    @property
    def is_learnt(self) -> bool:
        """Says whether its answer is known, but perhaps not who asks."""
        said = self.said
        is_anybody = said[TOKEN] is None and said[KEY] is None
        return said[TAGS] is None and (OK, is_anybody) in self.address.shapes


class HotReads:
    """Answers what it knows; one a process. `run` tells the metrics and the books of use."""

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
        # Hashes of what was shown once: of most callers no more is ever seen.
        self._shown: set[int] = set()
        # Patterns are few: one object for all addresses that have it.
        self._shapes: dict[Shape, Shape] = {}
        # Answers and seconds by who was answered what, since it was last told.
        self._counts: dict[tuple[Caller, Address, int], list[float]] = {}
        self._own: list[Header] = []
        self._own_written = b""
        # Ids for requests that bring none.
        self._ids: list[bytes] = []
        usage.count_first(self.tell)

    def answer(self, asked: Asked, peer: str, own: list[Header], now: float) -> bytes | None:
        """Returns the answer as it is written, and counts it; None: let the application answer.

        `own` are the server's headers of all its answers; `now` is monotonic.
        """
        address, said = asked.address, asked.said
        caller = self._caller(said, peer, now)
        if caller is None:
            return None
        entry = address.entry
        if (
            entry is None
            or not entry.is_kept
            or entry.renew_from <= now
            or not self._cache.is_current()
        ):
            entry = self._cache.good(address.name, now)
            if entry is None or entry.is_nothing:
                return None
        principal, given = caller.principal, said[TAGS]
        has_it = given is not None and names_tag(given.decode("latin-1"), entry.tag)
        status = NOT_MODIFIED if has_it else OK
        head = address.head(entry, status, is_anybody=principal.user_id is None)
        allowance = self._gate.allowances[principal.tier]
        if head is None or (
            allowance.has_quota and self._quotas.check(principal, allowance) is not None
        ):
            return None
        taken = self._limits.try_take(principal.key, allowance, address.weight, now)
        if taken is None or not taken.allowed:
            return None
        if own is not self._own:
            self._own, self._own_written = own, written(own)
        named = said[ID]
        if named is None or not SANE_ID.match(named):
            named = self._ids.pop() if self._ids else self._new_id()
        head = head % (self._own_written, taken.limit, taken.remaining, taken.reset_s, named)
        counts = self._counts.get((caller, address, status))
        if counts is None:
            counts = self._begin_counts(caller, address, status, now)
        counts[0] += 1
        counts[1] += time.monotonic() - now
        return head if has_it else head + entry.body

    def remember(self, data: bytes, asked: Asked) -> None:
        """Remembers that these bytes are one whole request, and which."""
        if len(data) <= REQUEST_BYTES_MAX and asked.said[ID] is None:
            make_room(self.requests, REQUESTS_MAX)
            self.requests[data] = asked

    async def learning(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Is the application, and learns from what it answers."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        asked: Asked | None = scope["state"].get(ASKED)
        if asked is not None and asked.is_learnt:
            await self._app(scope, receive, send)
            self._met(scope, asked)
            return

        async def send_and_learn(message: Message) -> None:
            if message["type"] == "http.response.start" and "ready" in scope["state"]:
                self._learn(scope, message["status"], message["headers"])
            await send(message)

        await self._app(scope, receive, send_and_learn)

    async def run(self) -> None:
        """Tells what was answered, until cancelled."""
        try:
            while True:
                await asyncio.sleep(COUNTED_EVERY_S)
                self.tell()
        finally:
            self.tell()

    def tell(self) -> None:
        """Hands what was counted since to the books of use and to the metrics."""
        counted, self._counts = self._counts, {}
        for (caller, address, status), (count, seconds) in counted.items():
            route, requests = address.route, int(count)
            self._usage.note(caller.principal, address.endpoint, address.weight, requests=requests)
            metrics.http_requests.labels("GET", route, str(status)).inc(requests)
            metrics.http_seconds.labels(route).observe_many(seconds / count, requests)
            metrics.hot_reads.labels(route).inc(requests)
            metrics.cache_reads.labels(address.kind, "memory").inc(requests)

    def _caller(self, said: Said, peer: str, now: float) -> Caller | None:
        """Returns who asks, if that is known and still counts."""
        token, key = said[TOKEN], said[KEY]
        if token is not None:
            caller = None if key is not None else self._by_token.get(token)
        elif key is not None:
            caller = self._by_key.get(key)
        else:
            caller = self._by_place.get((peer, said[FORWARDED]))
        if caller is None or caller.until <= now:
            return None
        revocations = self._gate.revocations
        if caller.epoch != revocations.epoch:
            if revocations.is_revoked(caller.principal):
                return None
            caller.epoch = revocations.epoch
        return caller

    def _begin_counts(
        self, caller: Caller, address: Address, status: int, now: float
    ) -> list[float]:
        """Begins to count how somebody is answered; notes that somebody comes for it."""
        # What is read stays in memory longest.
        self._cache.good(address.name, now)
        if len(self._counts) >= COUNTS_MAX:
            self.tell()
        if now - address.wanted_at >= NOTED_EVERY_S:
            address.wanted_at = now
            address.wanted()
        if caller.principal.api_key_id is not None and now - caller.noted_at >= NOTED_EVERY_S:
            caller.noted_at = now
            self._gate.keys.note_used(caller.principal)
        counts = self._counts[caller, address, status] = [0, 0.0]
        return counts

    def _new_id(self) -> bytes:
        """Returns an id, 16 hexadecimal digits; makes many at once."""
        digits = token_hex(8 * IDS_AT_ONCE).encode()
        self._ids = [digits[at : at + 16] for at in range(0, len(digits), 16)]
        return self._ids.pop()

    def _learn(self, scope: Any, status: int, headers: Iterable[Header]) -> None:
        """Takes in an answer that an entry of the cache was all of."""
        state: dict[str, Any] = scope["state"]
        ready: Ready = state["ready"]
        principal: Principal | None = state.get("principal")
        said = read_headers(scope["headers"])
        if principal is None or said is None:
            return
        query: bytes = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        address = self.addresses.get(target)
        kind = status, principal.user_id is None
        if address is None or address.name != ready.entry.name or kind not in address.shapes:
            shape = shape_of(status, headers) if status in {OK, NOT_MODIFIED} else None
            if shape is None or len(target) > ADDRESS_BYTES_MAX or not ready.entry.is_kept:
                return
            if address is None or address.name != ready.entry.name:
                make_room(self.addresses, ADDRESSES_MAX)
                weight: int = state.get("units", 1)
                address = self.addresses[target] = Address(scope["path_template"], ready, weight)
            address.shapes[kind] = self._shapes.setdefault(shape, shape)
        self._meet(said, principal, scope["client"])

    def _met(self, scope: Any, asked: Asked) -> None:
        """Takes in who asked for what is known, after an answer that an entry was all of."""
        state: dict[str, Any] = scope["state"]
        ready: Ready | None = state.get("ready")
        principal: Principal | None = state.get("principal")
        if ready is None or principal is None:
            return
        if ready.entry.name == asked.address.name:
            self._meet(asked.said, principal, scope["client"])
        else:
            # Another entry answers there now: it is learnt anew.
            self.addresses = {t: a for t, a in self.addresses.items() if a is not asked.address}

    def _meet(self, said: Said, principal: Principal, client: tuple[str, int] | None) -> None:
        """Remembers who shows what; whose it is only when it is shown again.

        A ticket is good once, so it is nobody's.
        """
        known: dict[Any, Caller]
        shown: Any
        token, key, forwarded = said[TOKEN], said[KEY], said[FORWARDED]
        if token is not None:
            known, shown, length = self._by_token, token, len(token)
        elif key is not None:
            known, shown, length = self._by_key, key, len(key)
        else:
            known, shown = self._by_place, (client[0] if client else "", forwarded)
            length = len(forwarded or b"")
        if length > CREDENTIALS_BYTES_MAX:
            return
        if shown not in known and (mark := hash(shown)) not in self._shown:
            if len(self._shown) >= CALLERS_MAX:
                self._shown.clear()
            self._shown.add(mark)
            return
        if token is not None and is_ticket(token.decode("latin-1").partition(" ")[2].strip()):
            return
        now, left = time.monotonic(), (principal.expires_at or inf) - time.time()
        known.pop(shown, None)  # It is the one learnt last.
        make_room(known, CALLERS_MAX)
        known[shown] = Caller(
            principal, until=now + min(CALLER_KNOWN_S, left), epoch=self._gate.revocations.epoch
        )


def make_room(known: dict[Any, Any], most: int) -> None:
    """Forgets what was learnt first, a part of it at once, where there is no room for one more."""
    if len(known) >= most:
        for oldest in list(islice(known, max(1, most // FORGOTTEN_PART))):
            del known[oldest]


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
