"""The Odds API's JSON, field for field, as far as we read it.

Times are ISO 8601 in UTC, because we ask for them so. Links, bet limits and the bookmakers' own ids
come only when asked for, and are not.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from app.providers.items import UNDECODABLE
from app.providers.provider import ProviderUnreadable


class SportItem(msgspec.Struct, frozen=True, kw_only=True):
    """One of /sports: a league or a tournament, in season or not."""

    key: str  # soccer_epl; what ODDS_API_SPORTS takes
    group: str = ""  # Soccer
    title: str = ""  # EPL
    active: bool = False  # In season.
    has_outrights: bool = False


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    id: str  # 32 hexadecimal digits
    sport_key: str  # soccer_epl
    sport_title: str  # EPL
    commence_time: datetime
    home_team: str | None = None  # Null where nobody plays anybody (outrights).
    away_team: str | None = None


class Event(_Event, frozen=True, kw_only=True):
    """One of /events: a match in play or to come."""


class OddsEvent(_Event, frozen=True, kw_only=True):
    """One of /odds: a match with what bookmakers offer."""

    bookmakers: list[msgspec.Raw] | None = None  # Of `Bookmaker`.


class Bookmaker(msgspec.Struct, frozen=True, kw_only=True):
    """What one bookmaker offers on a match."""

    key: str  # draftkings, betfair_ex_eu
    last_update: datetime | None = None  # When its page was last read.
    markets: list[msgspec.Raw]  # Of `Market`.


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """One question with its answers."""

    key: str  # h2h, spreads, totals; h2h_lay of exchanges, unasked
    last_update: datetime | None = None  # Missing in old answers.
    outcomes: list[msgspec.Raw]  # Of `Outcome`.


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One answer and its price."""

    name: str  # A side's name as in the event, Draw, Over, Under, Yes, No, "Home or Draw".
    description: str | None = None  # Team totals: the side.
    price: Decimal | None = None  # 1.91 or -110, as asked for.
    point: Decimal | None = None  # Spreads: added to this side; totals: the line.


class ScoresEvent(_Event, frozen=True, kw_only=True):
    """One of /scores: a match to come, in play, or over for three days at most."""

    completed: bool
    scores: list["SideScore"] | None = None  # Null until it begins.
    last_update: datetime | None = None  # Null until it begins.


class SideScore(msgspec.Struct, frozen=True, kw_only=True):
    """One side's score."""

    name: str  # As in the event.
    score: str | int | None = None  # Text: "3"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer, with any status from 400 on."""

    error_code: str  # INVALID_KEY, OUT_OF_USAGE_CREDITS ...
    message: str = ""


def items_of(body: bytes) -> Sequence[msgspec.Raw]:
    """Returns an answer's items; raises ProviderUnreadable."""
    try:
        return msgspec.json.decode(body, type=list[msgspec.Raw])
    except UNDECODABLE as error:
        raise ProviderUnreadable(type(error).__name__, raw=body) from None


def sports_of(body: bytes) -> Sequence[SportItem]:
    """Returns the sports of an answer; raises ProviderUnreadable."""
    try:
        return msgspec.json.decode(body, type=list[SportItem])
    except UNDECODABLE as error:
        raise ProviderUnreadable(type(error).__name__, raw=body) from None


def refusal_of(body: bytes) -> str:
    """Returns the code of a refusal; empty when there is none in it."""
    try:
        code = msgspec.json.decode(body, type=Refusal).error_code
    except UNDECODABLE:
        return ""
    # It goes into errors and logs; what is no code stays out.
    return code if code.replace("_", "").isalnum() and code.isascii() and code.isupper() else ""
