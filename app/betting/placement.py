"""`place_bet`: a bet is struck with its stake held, or refused, and both for ever."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from app import metrics
from app.betting.bet import Bet, BetStatus
from app.betting.errors import REFUSALS, StakeTooLarge, refusal_of
from app.betting.exposure import check_exposure, hang, hanging_of
from app.betting.offers import Offered, lock_offers
from app.betting.opening import Opening, open_request
from app.betting.read import bet_of_request
from app.betting.record import (
    Answer,
    LegWritten,
    Request,
    bet_as_answered,
    next_bet_id,
    write_bet,
)
from app.betting.rules import Policy, Rules, Terms, product, terms_of, total_odds
from app.betting.slip import Slip, check_form
from app.betting.told import bet_body, tell
from app.database import engine
from app.database.engine import Connection, Pool
from app.errors import AppError
from app.sports.ids import SelectionId
from app.stream import user_log
from app.wallet.errors import IdempotencyKeyReused
from app.wallet.ledger import post, retrying
from app.wallet.limits import LimitKind, check_allowed
from app.wallet.money import AMOUNT_MINOR_MAX, Money, parse_money
from app.wallet.moves import Holder, Move

A_DAY = timedelta(days=1)

_STAKED = """
SELECT coalesce(sum(CASE WHEN target = 'held' THEN amount ELSE -amount END), 0)::bigint
FROM transfers
WHERE user_id = $1 AND currency = $2 AND created_at > $3 AND kind IN ('stake', 'stake_released')
"""


class House(msgspec.Struct, frozen=True, kw_only=True):
    """What bets go by: the policy of the house, and its rules where no scope says otherwise."""

    policy: Policy
    rules: Rules


class Placed(msgspec.Struct, frozen=True):
    """The bet of a request, and the body the request was answered with; None: its refusal is."""

    bet: Bet
    answer: bytes | None


async def place_bet(pool: Pool, request: Request, house: House, now: datetime) -> Placed:
    """Strikes a bet or refuses it; the same request again gets the same answer for ever.

    Raises Invalid for a slip that cannot be one, NotFound for an unknown selection,
    IdempotencyKeyReused, and DependencyDown, after which the answer is at `bet_of_request`.
    """

    async def deed() -> Placed:
        async with engine.connection(pool) as connection, connection.transaction():
            return await _answer(connection, request, house, now)

    try:
        check_form(request.slip)
        placed = await retrying(deed)
    except REFUSALS as refused:
        return await _keep_refusal(pool, request, refused, house=house, now=now)
    await user_log.nudge(pool, [request.user_id])
    return placed


async def _answer(connection: Connection, request: Request, house: House, now: datetime) -> Placed:
    opening = await open_request(connection, request, now)
    if opening.is_answered:
        before = await _answered(connection, request)
        assert before is not None, request
        return before
    slip = request.slip
    ids = [leg.selection_id for leg in slip.legs]
    offered = await lock_offers(connection, ids, house.rules)
    terms = terms_of(
        slip,
        {selection_id: one.offer for selection_id, one in offered.items()},
        {selection_id: one.rules for selection_id, one in offered.items()},
        policy=house.policy,
        now=now,
    )
    await _check_user(connection, request, opening, now)
    bet = bet_as_answered(opening.bet_id, request, _struck(slip, offered, terms, now))
    answer = bet_body(bet)
    if not await write_bet(connection, request, bet, answer=answer):
        # The same request, beside us, came first and is committed by now.
        other = await _answered(connection, request)
        assert other is not None, request
        return other
    await _expose(connection, slip, offered, terms)
    await post(connection, [_hold(request, opening.bet_id)])
    await _check_day(connection, request, [one.rules for one in offered.values()], now)
    await tell(connection, bet)
    metrics.bets.labels(bet.status.value).inc()
    return Placed(bet, answer)


async def _answered(connection: Connection, request: Request) -> Placed | None:
    kept = await bet_of_request(connection, request.user_id, request.request_id)
    if kept is None:
        return None
    if kept.fingerprint != request.slip.fingerprint():
        raise IdempotencyKeyReused
    return Placed(kept.bet, kept.answer)


async def _check_user(
    connection: Connection, request: Request, opening: Opening, now: datetime
) -> None:
    """Raises SelfExcluded, SelfLimitReached."""
    if opening.is_bound:
        kinds = [LimitKind.STAKE, LimitKind.LOSS]
        stake = request.slip.stake
        await check_allowed(connection, request.user_id, stake, kinds=kinds, now=now)


async def _check_day(
    connection: Connection, request: Request, rules: Sequence[Rules], now: datetime
) -> None:
    """Raises StakeTooLarge when the house's day is used up.

    Asked when the stake is held: from then on the user's other bets wait, so two at once cannot
    both fit under what is left.
    """
    stake = request.slip.stake
    most = parse_money(min(one.user_day_max for one in rules), stake.currency)
    staked: int = await connection.fetchval(_STAKED, request.user_id, stake.currency, now - A_DAY)
    if staked > most.amount_minor:
        before = staked - stake.amount_minor
        left = Money(max(0, most.amount_minor - before), stake.currency)
        raise StakeTooLarge(
            f"{most} {stake.currency} may be staked within 24 hours.",
            maxStake=str(left),
            currency=stake.currency,
        )


def _struck(
    slip: Slip, offered: Mapping[SelectionId, Offered], terms: Terms, now: datetime
) -> Answer:
    waits = terms.delay > timedelta(0)
    legs = [
        LegWritten(offer=offered[leg.selection_id].offer, odds_requested=leg.odds, odds=odds)
        for leg, odds in zip(slip.legs, terms.odds, strict=True)
    ]
    return Answer(
        status=BetStatus.PENDING if waits else BetStatus.ACCEPTED,
        legs=legs,
        odds=terms.total_odds,
        potential_return=terms.potential_return,
        at=now,
        decide_at=now + terms.delay if waits else None,
    )


async def _expose(
    connection: Connection,
    slip: Slip,
    offered: Mapping[SelectionId, Offered],
    terms: Terms,
) -> None:
    """Hangs the bet on its markets; raises ExposureExceeded."""
    ones = [offered[leg.selection_id] for leg in slip.legs]
    legs = [(one.offer.market_id, one.offer.match_id, one.offer.selection_id) for one in ones]
    hanging = hanging_of(legs, slip.stake, terms.potential_return)
    cases = await hang(connection, hanging, slip.stake.currency)
    for one, leg in zip(ones, hanging, strict=True):
        check_exposure(
            cases[leg.market_id],
            leg,
            liability_max=one.rules.liability_max,
            stake=slip.stake,
            odds=terms.total_odds,
        )


def _hold(request: Request, bet_id: int) -> Move:
    return Move(
        key=f"bet:{bet_id}:stake",
        kind="stake",
        user_id=request.user_id,
        source=Holder.AVAILABLE,
        target=Holder.HELD,
        amount=request.slip.stake,
        reference=f"bet:{bet_id}",
    )


async def _keep_refusal(
    pool: Pool, request: Request, refused: AppError, *, house: House, now: datetime
) -> Placed:
    """Writes a refusal down, so that the same request is refused alike for ever.

    The legs are kept as they are on offer now, for people to read; a slip whose legs are related
    or the same keeps the first of each match.
    """

    async def deed() -> Placed:
        async with engine.connection(pool) as connection, connection.transaction():
            before = await _answered(connection, request)
            if before is not None:
                return before
            answer = await _refused(connection, request, refused, house=house, now=now)
            bet = bet_as_answered(await next_bet_id(connection), request, answer)
            if not await write_bet(connection, request, bet, answer=None):
                other = await _answered(connection, request)
                assert other is not None, request
                return other
            metrics.bets_refused.labels(refused.code).inc()
            return Placed(bet, None)

    return await retrying(deed)


async def _refused(
    connection: Connection, request: Request, refused: AppError, *, house: House, now: datetime
) -> Answer:
    slip = request.slip
    asked = {leg.selection_id: leg.odds for leg in slip.legs}
    offered = await lock_offers(connection, list(asked), house.rules)
    first_of_match = {one.offer.match_id: one.offer for one in reversed(offered.values())}
    legs = [
        LegWritten(
            offer=offer,
            odds_requested=asked[offer.selection_id],
            odds=asked[offer.selection_id],
        )
        for offer in first_of_match.values()
    ]
    odds = [leg.odds for leg in legs]
    most = Money(AMOUNT_MINOR_MAX, slip.stake.currency)
    return Answer(
        status=BetStatus.REFUSED,
        legs=legs,
        odds=total_odds(odds),
        potential_return=min(slip.stake.times(product(odds)), most),
        at=now,
        refusal=refusal_of(refused),
    )
