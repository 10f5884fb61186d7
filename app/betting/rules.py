"""May a slip be struck, at which odds, and what could it return. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor, prod

import msgspec

from app.betting.bet import OddsChange
from app.betting.errors import (
    MarketClosed,
    MarketSuspended,
    OddsChanged,
    RelatedLegs,
    ScoreChanged,
    SourceStale,
    StakeTooLarge,
    StakeTooSmall,
)
from app.betting.slip import Slip, SlipLeg
from app.sports.ids import MarketId, MatchId, SelectionId
from app.sports.match import IN_PLAY, OVER, SPORTS, MatchStatus, Sport
from app.wallet.money import Money, parse_money

# What a column holds; twenty legs at 1000 would have sixty digits, and no house takes them.
TOTAL_ODDS_MAX = 10**20
_TAKES_BETS = frozenset({MatchStatus.SCHEDULED}) | IN_PLAY


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What bets of a league go by; amounts in units of the bet's currency."""

    delay: timedelta
    stake_min: Decimal
    stake_max: Decimal
    return_max: Decimal
    liability_max: Decimal
    user_day_max: Decimal


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What bets of the whole house go by.

    `tolerance` is the share by which odds may be worse than asked for and still be taken under any
    policy (0.03: 1.94 for 2.00); `source_age` is how old the newest quote may be.
    """

    tolerance: Decimal
    source_age_in_play: timedelta
    source_age_ahead: timedelta


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A selection as the books say now; `confirmed_at`: the newest quote behind its price.

    `seen_since`: all quotes that count of its market are as new, where that is known. `points_at`
    and `status_at` are when the points and the status of its match were seen first.
    """

    selection_id: SelectionId
    selection_key: str
    market_id: MarketId
    match_id: MatchId
    sport_id: str
    league: str
    market_type: str
    line: Decimal | None
    market_version: int
    market_status: str
    selection_status: str
    odds: Decimal | None
    fair_probability: Decimal | None
    match_status: MatchStatus
    home_score: int | None
    away_score: int | None
    starts_at: datetime
    confirmed_at: datetime | None
    seen_since: datetime | None = None
    points_at: datetime | None = None
    status_at: datetime | None = None

    @property
    def is_overtaken(self) -> bool:
        """Says whether, in play, a quote behind it may be from before the last goal or set."""
        if self.points_at is None or self.confirmed_at is None or not self.in_play:
            return False
        # Nought to nought moved, too, if that was seen after it began: a goal was taken back.
        again = self.status_at is not None and self.points_at > self.status_at
        moved = again or bool(self.home_score or self.away_score)
        if not (moved and SPORTS[Sport(self.sport_id)].point_moves_prices):
            return False
        return min(self.confirmed_at, self.seen_since or self.confirmed_at) <= self.points_at

    @property
    def in_play(self) -> bool:
        """Says whether the match has begun and goes on."""
        return self.match_status in IN_PLAY


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a slip would be struck at."""

    odds: tuple[Decimal, ...]
    total_odds: Decimal
    potential_return: Money
    delay: timedelta


def terms_of(
    slip: Slip,
    offers: Mapping[SelectionId, Offer],
    rules: Mapping[SelectionId, Rules],
    *,
    policy: Policy,
    now: datetime,
) -> Terms:
    """Returns what the slip is struck at; raises the first refusal, legs before stakes."""
    legs = [offers[leg.selection_id] for leg in slip.legs]
    if len({offer.match_id for offer in legs}) != len(legs):
        raise RelatedLegs
    for leg, offer in zip(slip.legs, legs, strict=True):
        check_offer(offer, policy=policy, now=now)
        check_odds(leg, offer, change=slip.odds_change, tolerance=policy.tolerance)
    odds = tuple(_on_offer(offer) for offer in legs)
    total = total_odds(odds)
    strictest = [rules[leg.selection_id] for leg in slip.legs]
    potential = slip.stake.times(product(odds))
    check_stake(slip.stake, potential, total, rules=strictest)
    delays = [one.delay for one, offer in zip(strictest, legs, strict=True) if offer.in_play]
    return Terms(
        odds=odds,
        total_odds=total,
        potential_return=potential,
        delay=max(delays, default=timedelta(0)),
    )


def product(odds: Sequence[Decimal]) -> Fraction:
    """Returns what a stake is multiplied by, exactly."""
    return prod(map(Fraction, odds), start=Fraction(1))


def total_odds(odds: Sequence[Decimal]) -> Decimal:
    """Returns the product of odds with three decimals, rounded down, for people to read; at most
    TOTAL_ODDS_MAX. What is paid is worked out from the odds of the legs.
    """
    thousandths = floor(min(product(odds), Fraction(TOTAL_ODDS_MAX)) * 1000)
    return Decimal(thousandths).scaleb(-3)


def check_offer(offer: Offer, *, policy: Policy, now: datetime) -> None:
    """Raises MarketClosed, MarketSuspended, SourceStale for what takes no bets now."""
    about = {"selectionId": str(offer.selection_id)}
    if offer.match_status in OVER or offer.market_status in ("closed", "settled"):
        raise MarketClosed(**about)
    if offer.match_status not in _TAKES_BETS:
        raise MarketSuspended(f"The match is {offer.match_status}.", **about)
    # A match that should be on and of which nobody says so may have begun without us.
    late = not offer.in_play and offer.starts_at <= now
    if late or offer.market_status != "open" or offer.selection_status != "open":
        raise MarketSuspended(**about)
    allowed = policy.source_age_in_play if offer.in_play else policy.source_age_ahead
    if offer.confirmed_at is None or offer.confirmed_at < now - allowed:
        raise SourceStale(**about)
    if offer.is_overtaken:
        raise SourceStale("The score moved, and not all prices since.", **about)


def check_odds(leg: SlipLeg, offer: Offer, *, change: OddsChange, tolerance: Decimal) -> None:
    """Raises OddsChanged unless the price, or a move of it, is what the user takes.

    A market version that was named must be the market's still.
    """
    current = _on_offer(offer)
    moved = leg.market_version is not None and leg.market_version != offer.market_version
    least = leg.odds * (1 - tolerance)
    taken = {
        OddsChange.NONE: current == leg.odds or (tolerance > 0 and least <= current <= leg.odds),
        OddsChange.HIGHER: current >= least,
        OddsChange.ANY: True,
    }[change]
    if moved or not taken:
        raise OddsChanged(
            current=[
                {
                    "selectionId": str(offer.selection_id),
                    "odds": Decimal(f"{current.normalize():f}"),
                    "marketVersion": offer.market_version,
                }
            ]
        )


def check_score(leg_score: tuple[int | None, int | None], offer: Offer) -> None:
    """Raises ScoreChanged when points were made since the bet was asked for."""
    if leg_score != (offer.home_score, offer.away_score):
        raise ScoreChanged(
            selectionId=str(offer.selection_id),
            homeScore=offer.home_score,
            awayScore=offer.away_score,
        )


def check_stake(stake: Money, potential: Money, odds: Decimal, *, rules: Sequence[Rules]) -> None:
    """Raises StakeTooSmall and StakeTooLarge, each with what would go."""
    currency = stake.currency
    least = parse_money(max(one.stake_min for one in rules), currency)
    if stake < least:
        raise StakeTooSmall(minStake=str(least), currency=currency)
    most = parse_money(min(one.stake_max for one in rules), currency)
    returned_most = parse_money(min(one.return_max for one in rules), currency)
    if stake > most or potential > returned_most:
        by_return = Money(int(returned_most.amount_minor / odds), currency)
        raise StakeTooLarge(maxStake=str(min(most, by_return)), currency=currency)


def check_day(stake: Money, staked: int, *, day_max: Decimal) -> None:
    """Raises StakeTooLarge when the house's day is used up: `staked` was within 24 hours, in minor
    units.
    """
    most = parse_money(day_max, stake.currency)
    if staked + stake.amount_minor > most.amount_minor:
        left = Money(max(0, most.amount_minor - staked), stake.currency)
        raise StakeTooLarge(
            f"{most} {stake.currency} may be staked within 24 hours.",
            maxStake=str(left),
            currency=stake.currency,
        )


def _on_offer(offer: Offer) -> Decimal:
    odds = offer.odds
    assert odds is not None, "an open selection has odds"
    return odds
