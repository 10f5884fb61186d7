"""Our own schema of pushed observations, whatever notation it came in, and what it becomes."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.providers.items import Unfit
from app.sports.ids import ExternalId
from app.sports.incidents import Incident
from app.sports.market import (
    LINED,
    THREE_PLACES,
    AnswerKey,
    MarketStatus,
    MarketType,
    answers_of,
    is_line,
    is_odds,
    may_answer,
)
from app.sports.match import MatchStatus, Period, Points, Score, Sport
from app.sports.observation import (
    Name,
    Observation,
    ObservedLeague,
    ObservedMarket,
    ObservedMatch,
    ObservedParticipant,
    ObservedQuote,
)

# More of one call would hold the matches' heads for seconds.
ITEMS_MAX = 1_000
# One match with 2,000 quotes; also what a dead letter keeps whole.
ITEM_BYTES_MAX = 262_144
# A clock that is further ahead than this is wrong, and would shut out what is said after it.
CLOCK_AHEAD_MAX = timedelta(seconds=60)
# Beyond these Postgres and Python disagree on what a time is.
YEAR_MIN, YEAR_MAX = 1900, 9000
# Lines are kept with two decimals; basketball totals reach about 300.
LINE_MAX = Decimal(999)
TWO_PLACES = Decimal("0.01")

Short = Annotated[str, Meta(min_length=1, max_length=60)]
Reason = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
Bookmaker = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,59}$")]
Time = Annotated[datetime, Meta(tz=True)]


class _Pushed(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """Keys are camelCase; a key we do not know is refused, because it would be lost unseen."""


class PushedLeague(_Pushed, frozen=True, kw_only=True):
    """A league by the sender's own name of it (`ref`)."""

    ref: ExternalId
    name: Name
    country: Name | None = None
    season: Short | None = None


class PushedSide(_Pushed, frozen=True, kw_only=True):
    """A team, or a player."""

    ref: ExternalId
    name: Name


class PushedDescription(_Pushed, frozen=True, kw_only=True):
    """Who plays whom, where and when: needed once, so that we know which match it is."""

    league: PushedLeague
    home: PushedSide
    away: PushedSide
    start_time: Time


class PushedMatch(_Pushed, frozen=True, kw_only=True):
    """The match by the sender's own name of it."""

    ref: ExternalId
    sport: Sport
    description: PushedDescription | None = None


class PushedPeriod(_Pushed, frozen=True, kw_only=True):
    """What one period, quarter or set brought."""

    name: Short
    home: Points
    away: Points


class PushedScore(_Pushed, frozen=True, kw_only=True):
    """The state of play."""

    status: MatchStatus
    home: Points | None = None
    away: Points | None = None
    period: Short | None = None
    clock: Short | None = None
    periods: tuple[PushedPeriod, ...] = ()


class PushedQuote(_Pushed, frozen=True, kw_only=True):
    """What one bookmaker offers; `odds` null: nothing now."""

    bookmaker: Bookmaker
    selection: AnswerKey
    odds: Decimal | None = None
    observed_at: Time | None = None


class PushedMarket(_Pushed, frozen=True, kw_only=True):
    """One market. Settling is ours, so a sender may only close."""

    type: MarketType
    line: Decimal | None = None
    status: Literal["open", "suspended", "closed"] = "open"
    reason: Reason | None = None
    quotes: tuple[PushedQuote, ...] = ()


class PushedItem(_Pushed, frozen=True, kw_only=True):
    """One observation: one match at one moment.

    `observed_at` is when it was so. It has no default: a body that is sent again, by whomever,
    would else be news. `incidents` are all there were so far; null: not told here.
    """

    match: PushedMatch
    observed_at: Time
    score: PushedScore | None = None
    incidents: tuple[Incident, ...] | None = None
    markets: tuple[PushedMarket, ...] = ()


def observation_of(item: PushedItem, provider: str, received_at: datetime) -> Observation:
    """Returns what an item says; raises Unfit."""
    observed_at = moment(item.observed_at, received_at)
    described = item.match.description
    keys = [incident.key for incident in item.incidents or ()]
    if len(set(keys)) < len(keys):
        raise Unfit("ambiguous_incident", "two incidents have one key")
    markets = [_market_of(market, item.match.sport, received_at) for market in item.markets]
    if len({(market.type, market.line) for market in markets}) < len(markets):
        raise Unfit("ambiguous_line", "one market is told twice")
    return Observation(
        provider=provider,
        external_id=item.match.ref,
        sport=item.match.sport,
        match=None if described is None else _match_of(described),
        observed_at=observed_at,
        received_at=received_at,
        score=None if item.score is None else _score_of(item.score),
        incidents=item.incidents,
        markets=tuple(markets),
    )


def moment(told: datetime, received_at: datetime) -> datetime:
    """Returns when something was seen: the sender's word, never later than we heard it.

    Raises Unfit for a clock that cannot be right.
    """
    if not YEAR_MIN <= told.year <= YEAR_MAX:
        raise Unfit("bad_time", "a time is out of range")
    if told > received_at + CLOCK_AHEAD_MAX:
        raise Unfit("from_the_future", "observedAt is ahead of our clock")
    return min(told.astimezone(UTC), received_at)


def held_odds(odds: Decimal | None) -> Decimal | None:
    """Returns odds as we keep them: three decimals, never more than was offered.

    Raises Unfit outside 1.001 to 1000.
    """
    if odds is None:
        return None
    try:
        kept = odds.quantize(THREE_PLACES, ROUND_DOWN)
    except InvalidOperation:
        raise Unfit("bad_odds", "odds are not between 1.001 and 1000") from None
    if not is_odds(kept):
        raise Unfit("bad_odds", "odds are not between 1.001 and 1000")
    return kept


def held_line(kind: MarketType, line: Decimal | None) -> Decimal | None:
    """Returns a market's line as we keep it; raises Unfit where there should be one or none."""
    if (kind in LINED) != (line is not None):
        raise Unfit("bad_line", f"a {kind} has {'a' if kind in LINED else 'no'} line")
    if line is None:
        return None
    if not line.is_finite() or abs(line) > LINE_MAX or line != line.quantize(TWO_PLACES):
        raise Unfit("bad_line", "a line is between -999 and 999, with at most two decimals")
    if not is_line(kind, line):
        raise Unfit("bad_line", f"{line:f} is no line of a {kind}")
    return line.quantize(TWO_PLACES)


def _match_of(described: PushedDescription) -> ObservedMatch:
    start_time = described.start_time
    if not YEAR_MIN <= start_time.year <= YEAR_MAX:
        raise Unfit("bad_time", "a time is out of range")
    league, home, away = described.league, described.home, described.away
    if home.ref == away.ref:
        raise Unfit("bad_sides", "nobody plays against himself")
    return ObservedMatch(
        league=ObservedLeague(
            external_id=league.ref,
            name=league.name,
            country=league.country,
            season=league.season,
        ),
        home=ObservedParticipant(external_id=home.ref, name=home.name),
        away=ObservedParticipant(external_id=away.ref, name=away.name),
        start_time=start_time.astimezone(UTC),
    )


def _score_of(pushed: PushedScore) -> Score:
    if (pushed.home is None) != (pushed.away is None):
        raise Unfit("bad_score", "a score has both numbers or none")
    return Score(
        status=pushed.status,
        home=pushed.home,
        away=pushed.away,
        period=pushed.period,
        clock=pushed.clock,
        periods=tuple(Period(name=p.name, home=p.home, away=p.away) for p in pushed.periods),
    )


def _market_of(pushed: PushedMarket, sport: Sport, received_at: datetime) -> ObservedMarket:
    line = held_line(pushed.type, pushed.line)
    answers = answers_of(pushed.type, sport)
    quotes: dict[tuple[str, str], ObservedQuote] = {}
    for quote in pushed.quotes:
        if not may_answer(pushed.type, quote.selection, answers):
            raise Unfit("bad_selection", f"a {pushed.type} of {sport} has no {quote.selection}")
        if (quote.bookmaker, quote.selection) in quotes:
            raise Unfit("ambiguous_line", "one bookmaker quotes a selection twice")
        seen_at = None if quote.observed_at is None else moment(quote.observed_at, received_at)
        odds = held_odds(quote.odds)
        quotes[quote.bookmaker, quote.selection] = ObservedQuote(
            quote.bookmaker, quote.selection, odds, seen_at
        )
    return ObservedMarket(
        type=pushed.type,
        line=line,
        status=MarketStatus(pushed.status),
        reason=pushed.reason,
        quotes=tuple(quotes.values()),
    )
