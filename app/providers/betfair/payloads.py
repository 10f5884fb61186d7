"""Betfair's JSON, field for field as far as we read it; the meaning at the end of the line.

From the Sports API ("API-NG") and the specification of the Exchange Stream API. What is not listed
here (traded volumes, starting prices, orders) is skipped unread.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Raw

from app.providers.provider import ProviderUnreadable, Rejected

T = TypeVar("T")

# What decoders raise for what strangers send: wrong types, broken text, absurd depth and numbers.
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError, ArithmeticError)

# Postgres stores no NUL.
Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Id = Annotated[str, Meta(pattern=r"^[0-9]{1,20}$")]
MarketIdOfTheirs = Annotated[str, Meta(pattern=r"^[0-9]{1,3}\.[0-9]{1,20}$")]  # 1.200806927
SelectionIdOfTheirs = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Moment = Annotated[datetime, Meta(tz=True)]
# Milliseconds since 1970; the bound is the year 2100, past it lies a unit that is not ours.
Milliseconds = Annotated[int, Meta(ge=0, le=4_102_444_800_000)]


class _Theirs(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class LoggedIn(_Theirs, frozen=True, kw_only=True):
    """The answer of `/api/login`, `/api/certlogin` and `/api/keepAlive`."""

    token: str = ""  # Interactive and keep-alive: the session.
    session_token: str = ""  # With a certificate: the session.
    status: str = ""  # SUCCESS, FAIL, LOGIN_RESTRICTED, LIMITED_ACCESS, or the reason itself.
    login_status: str = ""  # With a certificate: SUCCESS or the reason.
    error: str = ""  # The reason, when `status` is FAIL.


class EventType(_Theirs, frozen=True, kw_only=True):
    """A sport."""

    id: Id
    name: str = ""


class Competition(_Theirs, frozen=True, kw_only=True):
    """A league."""

    id: Id
    name: Text


class Event(_Theirs, frozen=True, kw_only=True):
    """A match, or anything else one can bet on."""

    id: Id
    name: Text  # "Home v Away"; "Away @ Home" in American sports; a race meeting's name.
    open_date: Moment  # When it begins.
    country_code: Annotated[str, Meta(pattern=r"^[A-Z]{2}$")] | None = None


class EventResult(_Theirs, frozen=True, kw_only=True):
    """An item of listEvents."""

    event: Event
    market_count: int = 0


class MarketDescription(_Theirs, frozen=True, kw_only=True):
    """What the market is about."""

    market_type: str  # MATCH_ODDS, OVER_UNDER_25, ASIAN_HANDICAP ...
    betting_type: str = ""  # ODDS, ASIAN_HANDICAP_DOUBLE_LINE, ASIAN_HANDICAP_SINGLE_LINE.


class RunnerCatalogue(_Theirs, frozen=True, kw_only=True):
    """One answer to a market; in handicap markets one a line."""

    selection_id: SelectionIdOfTheirs  # A team has the same one everywhere.
    runner_name: Text
    handicap: Decimal = Decimal(0)  # The line as added to this runner.
    sort_priority: int = 0  # 1: first shown.


class MarketCatalogue(_Theirs, frozen=True, kw_only=True):
    """An item of listMarketCatalogue."""

    market_id: MarketIdOfTheirs
    market_name: str = ""
    market_start_time: Moment | None = None
    description: MarketDescription | None = None
    event_type: EventType | None = None
    competition: Competition | None = None
    event: Event | None = None
    runners: tuple[RunnerCatalogue, ...] = ()


class PriceSize(_Theirs, frozen=True, kw_only=True):
    """An offer: so much at this price."""

    price: Decimal
    size: Decimal  # Money.


class ExchangePrices(_Theirs, frozen=True, kw_only=True):
    """The offers for one runner, the best first."""

    available_to_back: tuple[PriceSize, ...] = ()
    available_to_lay: tuple[PriceSize, ...] = ()


class RunnerBook(_Theirs, frozen=True, kw_only=True):
    """One runner now."""

    selection_id: SelectionIdOfTheirs
    handicap: Decimal = Decimal(0)
    status: str  # ACTIVE, WINNER, LOSER, PLACED, REMOVED, REMOVED_VACANT, HIDDEN.
    ex: ExchangePrices | None = None


class MarketBook(_Theirs, frozen=True, kw_only=True):
    """An item of listMarketBook."""

    market_id: MarketIdOfTheirs
    is_market_data_delayed: bool = False  # True for application keys of the free, delayed kind.
    status: str  # INACTIVE, OPEN, SUSPENDED, CLOSED.
    inplay: bool = False  # `inPlay` on the stream.
    version: int = 0  # Rises with every change of status.
    runners: tuple[RunnerBook, ...] = ()


class ApiException(_Theirs, frozen=True, kw_only=True):
    """Why a request was not answered."""

    error_code: str = ""  # INVALID_SESSION_INFORMATION, TOO_MUCH_DATA ...
    error_details: str = ""


class FaultDetail(msgspec.Struct, frozen=True, kw_only=True):
    """The exception, under its own name."""

    betting: ApiException | None = msgspec.field(name="APINGException", default=None)
    account: ApiException | None = msgspec.field(name="AccountAPINGException", default=None)

    @property
    def error_code(self) -> str:
        """The code of whichever is there, or nothing."""
        exception = self.betting or self.account
        return exception.error_code if exception else ""


class RpcError(msgspec.Struct, frozen=True, kw_only=True):
    """An error of the JSON-RPC dialect."""

    code: int = 0
    message: str = ""  # ANGX-0003, DSC-0018 ...
    data: FaultDetail | None = None


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around an answer (JSON-RPC) or a refusal (both dialects)."""

    result: Raw = Raw()  # Empty: there is none.
    error: RpcError | None = None
    faultcode: str = ""  # Client or Server.
    faultstring: str = ""  # ANGX-0003, DSC-0018 ...
    detail: FaultDetail | None = None

    @property
    def fault(self) -> str:
        """The reason why there is no answer, the most exact word there is; empty without one."""
        if self.error is not None:
            return (self.error.data and self.error.data.error_code) or self.error.message or "error"
        return (self.detail and self.detail.error_code) or self.faultstring or self.faultcode


class StreamRunner(msgspec.Struct, frozen=True, kw_only=True):
    """A runner in a market definition."""

    id: SelectionIdOfTheirs
    hc: Decimal | None = None  # The line; None: 0.
    status: str  # As in `RunnerBook`.


class MarketDefinition(_Theirs, frozen=True, kw_only=True):
    """All of a market that is not a price; told whole whenever any of it changes."""

    status: str  # As in `MarketBook`.
    in_play: bool = False
    version: int = 0
    runners: tuple[StreamRunner, ...] = ()


Level = tuple[Annotated[int, Meta(ge=0, le=1_000)], Decimal, Decimal]  # position, price, size
Offer = tuple[Decimal, Decimal]  # price, size


class RunnerChange(msgspec.Struct, frozen=True, kw_only=True):
    """What changed in the offers for one runner; a size of 0 removes."""

    id: SelectionIdOfTheirs
    hc: Decimal | None = None
    batb: tuple[Level, ...] | None = None  # Best available to back, by position, 0 the best.
    batl: tuple[Level, ...] | None = None  # Best available to lay.
    atb: tuple[Offer, ...] | None = None  # All that is available to back, by price.
    atl: tuple[Offer, ...] | None = None  # All that is available to lay.


class MarketChange(_Theirs, frozen=True, kw_only=True):
    """What changed in one market."""

    id: MarketIdOfTheirs
    img: bool | None = None  # True: forget what you had, this is all.
    con: bool | None = None  # True: several changes in one, because we read too slowly.
    market_definition: MarketDefinition | None = None
    rc: tuple[RunnerChange, ...] | None = None


class StreamMessage(_Theirs, frozen=True, kw_only=True):
    """A line of the stream; which fields are there depends on `op`."""

    op: str  # connection, status, mcm.
    id: int | None = None  # Of the request this answers or belongs to.
    status_code: str = ""  # status: SUCCESS or FAILURE.
    error_code: str = ""  # status: NOT_AUTHORIZED, SUBSCRIPTION_LIMIT_EXCEEDED ...
    connection_closed: bool = False  # status: the line ends here.
    ct: str | None = None  # mcm: SUB_IMAGE, RESUB_DELTA, HEARTBEAT; None: an update.
    segment_type: str | None = None  # mcm: SEG_START, SEG, SEG_END; None: whole.
    initial_clk: str | None = None  # mcm: the first half of a place to resume from.
    clk: str | None = None  # mcm: the second half; every message may bring a new one.
    pt: Milliseconds = 0  # mcm: when it was published.
    status: int | None = None  # mcm: 503: their data may be old; None: all is well.
    heartbeat_ms: Annotated[int, Meta(ge=0, le=600_000)] | None = None  # mcm: what we were given.
    mc: tuple[Raw, ...] | None = None  # mcm: market changes.


_ENVELOPE = msgspec.json.Decoder(Envelope)
_ITEMS = msgspec.json.Decoder(tuple[Raw, ...])
_LOGGED_IN = msgspec.json.Decoder(LoggedIn)
_MESSAGE = msgspec.json.Decoder(StreamMessage)
CHANGE = msgspec.json.Decoder(MarketChange)
EVENTS = msgspec.json.Decoder(EventResult)
CATALOGUES = msgspec.json.Decoder(MarketCatalogue)
BOOKS = msgspec.json.Decoder(MarketBook)


def unwrapped(body: bytes) -> tuple[str, tuple[Raw, ...]]:
    """Returns why there is no answer (empty: there is one) and its items, in either dialect.

    Raises ProviderUnreadable when it is neither an answer nor a refusal.
    """
    try:
        if body.lstrip()[:1] == b"[":
            return "", _ITEMS.decode(body)
        envelope = _ENVELOPE.decode(body)
        if envelope.fault:
            return envelope.fault, ()
        if len(envelope.result):
            return "", _ITEMS.decode(envelope.result)
    except UNREADABLE as error:
        raise ProviderUnreadable(_said(error), raw=body) from None
    raise ProviderUnreadable("neither an answer nor a refusal", raw=body)


def each(
    items: tuple[Raw, ...], decoder: msgspec.json.Decoder[T]
) -> tuple[list[T], list[Rejected]]:
    """Returns the items that can be read, and why the others cannot."""
    read: list[T] = []
    rejected: list[Rejected] = []
    for index, item in enumerate(items):
        try:
            read.append(decoder.decode(item))
        except UNREADABLE as error:
            rejected.append(refused(index, "unreadable", _said(error), bytes(item)))
    return read, rejected


def logged_in(body: bytes) -> LoggedIn:
    """Reads the answer to a log-in; raises ProviderUnreadable, without the body: it is a secret."""
    try:
        return _LOGGED_IN.decode(body)
    except UNREADABLE:
        raise ProviderUnreadable("the answer to the log-in cannot be read") from None


def message(line: bytes) -> StreamMessage:
    """Reads a line of the stream; raises ProviderUnreadable."""
    try:
        return _MESSAGE.decode(line)
    except UNREADABLE as error:
        raise ProviderUnreadable(_said(error), raw=line) from None


def refused(index: int, code: str, message: str, raw: bytes = b"") -> Rejected:
    """Returns the note on an item that does not count."""
    return Rejected(index=index, code=code, message=message, raw=raw)


def _said(error: BaseException) -> str:
    """Returns what a decoder said, without what it read."""
    return str(error)[:200] if isinstance(error, msgspec.MsgspecError) else type(error).__name__
