"""Bets in play whose delay is over: looked at again, then accepted or refused."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from app import metrics
from app.betting.bet import Bet, BetStatus, Leg, OddsChange, may_move
from app.betting.errors import REFUSALS, ScoreChanged, StakeTooLarge, refusal_of
from app.betting.exposure import hang, hanging_of
from app.betting.offers import Offered, lock_offers
from app.betting.placement import House
from app.betting.read import bet_of
from app.betting.rules import (
    Rules,
    check_odds,
    check_offer,
    check_score,
    product,
    total_odds,
)
from app.betting.settling import with_debts
from app.betting.slip import SlipLeg
from app.betting.told import tell
from app.database import engine
from app.database.engine import Connection, Pool
from app.errors import AppError
from app.sports.ids import SelectionId
from app.stream import user_log
from app.wallet.ledger import lock_balances, post, retrying
from app.wallet.money import Money, parse_money
from app.wallet.moves import Holder, Move

# Bets decided in one round; the next begins at once while there are more.
DECIDED_PER_ROUND_MAX = 200
_ENCODER = msgspec.json.Encoder(decimal_format="number")

_DUE = """
SELECT id FROM bets WHERE status = 'pending' AND decide_at <= $1 ORDER BY decide_at LIMIT $2
"""
_LOCK = """
SELECT id FROM bets WHERE id = $1 AND status = 'pending' FOR NO KEY UPDATE SKIP LOCKED
"""
_ACCEPT = """
UPDATE bets SET status = 'accepted', decided_at = $2, odds = $3, potential_return = $4
WHERE id = $1
"""
_LEG_ODDS = """
UPDATE bet_legs AS l SET odds = n.odds, market_version = n.version
FROM unnest($2::bigint[], $3::numeric[], $4::bigint[]) AS n (selection_id, odds, version)
WHERE l.bet_id = $1 AND l.selection_id = n.selection_id
"""
_REFUSE = """
UPDATE bets SET status = 'refused', decided_at = $2, refusal = $3::jsonb WHERE id = $1
"""


async def decide_due(pool: Pool, house: House, now: datetime) -> int:
    """Decides on the bets whose time has come; returns how many of them this call did.

    Several workers may do it at once: who has a bet locked decides on it.
    """
    async with engine.connection(pool) as connection:
        due = await connection.fetch(_DUE, now, DECIDED_PER_ROUND_MAX)
    decided: list[Bet] = []
    for row in due:
        bet = await decide(pool, row["id"], house, now)
        if bet is not None:
            decided.append(bet)
    if decided:
        await user_log.nudge(pool, [bet.user_id for bet in decided])
    return len(decided)


async def decide(pool: Pool, bet_id: int, house: House, now: datetime) -> Bet | None:
    """Accepts or refuses a pending bet; None when somebody else did, or is at it."""

    async def accepted() -> Bet | None:
        async with engine.connection(pool) as connection, connection.transaction():
            if await connection.fetchval(_LOCK, bet_id) is None:
                return None
            bet = await _bet(connection, bet_id)
            offered = await lock_offers(
                connection, [leg.selection_id for leg in bet.legs], house.rules
            )
            _check(bet, offered, house, now)
            return await _accept(connection, bet, offered, now)

    async def refused(error: AppError) -> Bet | None:
        async with engine.connection(pool) as connection, connection.transaction():
            if await connection.fetchval(_LOCK, bet_id) is None:
                return None
            bet = await _bet(connection, bet_id)
            return await _refuse(connection, bet, error, now)

    try:
        return await retrying(accepted)
    except REFUSALS as error:
        refusal = error
    return await retrying(lambda: refused(refusal))


def _check(bet: Bet, offered: Mapping[SelectionId, Offered], house: House, now: datetime) -> None:
    """Raises the refusal of a bet whose match, market, score or price moved while it waited."""
    for leg in bet.legs:
        offer = offered[leg.selection_id].offer
        check_offer(offer, policy=house.policy, now=now)
        if leg.match_status != "scheduled":
            check_score((leg.home_score, leg.away_score), offer)
        elif offer.in_play and (offer.home_score, offer.away_score) != (0, 0):
            raise ScoreChanged(selectionId=str(leg.selection_id))
        wanted = SlipLeg(selection_id=leg.selection_id, odds=leg.odds)
        tolerance = house.policy.tolerance
        check_odds(wanted, offer, change=bet.odds_change, tolerance=tolerance)


async def _accept(
    connection: Connection, bet: Bet, offered: Mapping[SelectionId, Offered], now: datetime
) -> Bet:
    """Accepts a bet, at the price now on offer when its user takes moves, else as it was struck."""
    struck = {leg.selection_id: _odds(bet, leg, offered) for leg in bet.legs}
    odds = list(struck.values())
    potential = bet.stake.times(product(odds))
    _check_return(potential, [one.rules for one in offered.values()])
    if potential != bet.potential_return:
        legs = [(leg.market_id, leg.match_id, leg.selection_id) for leg in bet.legs]
        before = hanging_of(legs, bet.stake, bet.potential_return)
        await hang(connection, [one.negated() for one in before], bet.stake.currency)
        await hang(connection, hanging_of(legs, bet.stake, potential), bet.stake.currency)
    versions = [offered[selection_id].offer.market_version for selection_id in struck]
    await connection.execute(_LEG_ODDS, bet.id, list(struck), odds, versions)
    await connection.execute(_ACCEPT, bet.id, now, total_odds(odds), potential.amount_minor)
    return await _told(connection, bet.id)


def _check_return(potential: Money, rules: Sequence[Rules]) -> None:
    """Raises StakeTooLarge when the price rose so far that too much could come back."""
    most = parse_money(min(one.return_max for one in rules), potential.currency)
    if potential > most:
        raise StakeTooLarge(f"At most {most} {most.currency} are paid back.")


def _odds(bet: Bet, leg: Leg, offered: Mapping[SelectionId, Offered]) -> Decimal:
    current = offered[leg.selection_id].offer.odds
    if bet.odds_change is OddsChange.NONE or current is None:
        return leg.odds
    return current


async def _refuse(connection: Connection, bet: Bet, error: AppError, now: datetime) -> Bet:
    """Refuses a bet: the stake is available again, what is owed taken from it, and nothing hangs on
    its markets any more.
    """
    legs = [(leg.market_id, leg.match_id, leg.selection_id) for leg in bet.legs]
    hanging = hanging_of(legs, bet.stake, bet.potential_return)
    await hang(connection, [one.negated() for one in hanging], bet.stake.currency)
    release = Move(
        key=f"bet:{bet.id}:released",
        kind="stake_released",
        user_id=bet.user_id,
        source=Holder.HELD,
        target=Holder.AVAILABLE,
        amount=bet.stake,
        reference=f"bet:{bet.id}",
    )
    owner = (bet.user_id, bet.stake.currency)
    balances = await lock_balances(connection, [owner])
    steps, _ = with_debts(bet, [release], balances[owner], settlement=f"bet:{bet.id}:released")
    await post(connection, steps)
    refusal = _ENCODER.encode(refusal_of(error)).decode()
    await connection.execute(_REFUSE, bet.id, now, refusal)
    metrics.bets_refused.labels(error.code).inc()
    return await _told(connection, bet.id)


async def _told(connection: Connection, bet_id: int) -> Bet:
    bet = await _bet(connection, bet_id)
    assert may_move(BetStatus.PENDING, bet.status), bet
    await tell(connection, bet)
    metrics.bets.labels(bet.status.value).inc()
    return bet


async def _bet(connection: Connection, bet_id: int) -> Bet:
    bet = await bet_of(connection, bet_id)
    assert bet is not None, bet_id
    return bet
