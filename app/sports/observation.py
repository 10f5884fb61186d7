"""What one provider said about one match at one moment; where every provider's normaliser ends.

These are trees without a way back, tens of thousands a second: the collector need not look at them.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from app.sports.ids import ExternalId, ProviderName
from app.sports.incidents import Incident
from app.sports.market import AnswerKey, MarketStatus, MarketType
from app.sports.match import Score, Sport

Name = Annotated[str, Meta(min_length=1, max_length=200)]


class ObservedLeague(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A league as its provider names it."""

    external_id: ExternalId
    name: Name
    country: str | None = None
    season: str | None = None


class ObservedParticipant(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A team or a player as its provider names it."""

    external_id: ExternalId
    name: Name


class ObservedQuote(msgspec.Struct, frozen=True, gc=False):
    """What one bookmaker offers for one selection. `odds` None: it offers nothing now.

    `observed_at` is when the bookmaker was last seen to offer it, where the provider says that of
    each price; None: the moment of the observation.
    """

    bookmaker: str
    selection: AnswerKey
    odds: Decimal | None
    observed_at: datetime | None = None


class ObservedMarket(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One market with the quotes of every bookmaker the provider speaks for.

    `status` is the provider's word on the whole market, `reason` why it is not open
    ("possible_goal", "match_over" ...). `line` is None for a market without one.
    """

    type: MarketType
    line: Decimal | None = None
    status: MarketStatus = MarketStatus.OPEN
    reason: str | None = None
    quotes: tuple[ObservedQuote, ...] = ()


class ObservedMatch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who plays whom, where and when, as one provider describes it."""

    league: ObservedLeague
    home: ObservedParticipant
    away: ObservedParticipant
    start_time: datetime


class Observation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One provider, one match, one moment.

    `observed_at` is the provider's clock and `received_at` ours, both UTC; a provider that gives no
    time of its own has ours in both. A feed that only names its match leaves `match` out: then it
    must be known already. `match_id` is ours, for the few who know it.

    `score` is None when only markets were asked for. `incidents` are all the provider has told of
    so far, in order; None: it does not tell incidents here, which is not the same as none.
    `markets` are those it spoke of now. `simulated` marks what no real feed said; `speed` is how
    many times faster than ours the world runs that it is of.
    """

    provider: ProviderName
    external_id: ExternalId
    sport: Sport
    match: ObservedMatch | None = None
    match_id: int | None = None
    observed_at: datetime
    received_at: datetime
    score: Score | None = None
    incidents: tuple[Incident, ...] | None = None
    markets: tuple[ObservedMarket, ...] = ()
    simulated: bool = False
    speed: float = 1.0
