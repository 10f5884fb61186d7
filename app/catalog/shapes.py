"""The shapes of what this room reads for more than one door: a score and a market.

Postgres builds the JSON; these structs describe it, and tests decode answers and frames with them.
"""

from decimal import Decimal

import msgspec


class _Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Keys are camelCase."""


class PeriodShape(_Shape, frozen=True, kw_only=True):
    """What one period brought."""

    name: str
    home: int
    away: int


class SourceShape(_Shape, frozen=True, kw_only=True):
    """What one provider last said of the score."""

    provider: str
    home_score: int | None
    away_score: int | None
    observed_at: str


class FeedProviderShape(_Shape, frozen=True, kw_only=True):
    """How one of a match's providers is: up, behind, recovering or down."""

    provider: str
    state: str


class FeedShape(_Shape, frozen=True, kw_only=True):
    """What is wrong with a match's providers: the best is late (`stale`) or all are (`down`)."""

    status: str
    providers: list[FeedProviderShape]
    updated_at: str


class ScoreShape(_Shape, frozen=True, kw_only=True):
    """A match's score, who says so, and the place in its log it is true at."""

    match_id: str
    sport: str
    league: str
    status: str
    home_score: int | None
    away_score: int | None
    period: str | None
    clock: str | None
    periods: list[PeriodShape]
    confidence: Decimal
    sources: list[SourceShape]
    # None while at least one provider is up.
    feed: FeedShape | None
    simulated: bool
    seq: int
    resume: str
    updated_at: str
    observed_at: str | None


class SelectionShape(_Shape, frozen=True, kw_only=True):
    """One answer to a market's question."""

    id: str
    key: str
    name: str
    odds: Decimal | None
    best_odds: Decimal | None
    best_provider: str | None
    fair_probability: Decimal | None
    status: str
    updated_at: str


class MarketShape(_Shape, frozen=True, kw_only=True):
    """One question on a match."""

    id: str
    match_id: str
    event: str
    type: str
    line: Decimal | None
    status: str
    reason: str | None
    version: int
    selections: list[SelectionShape]
    overround: Decimal | None
    simulated: bool
    updated_at: str
