"""Cash-out: what an accepted bet is worth now, less a margin, paid at once, wholly or in part.

Worth, for a stake S whose legs were struck at odds o and now come true with chance p (margin-free,
from the market's prices): S x product of (o x p) over the legs still open, with p = 1 for a leg
that has won and o x p = 1 for a void one. A leg that has lost makes it worth nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import msgspec

from app import metrics
from app.betting.bet import Bet, BetStatus, may_move
from app.betting.errors import MarketSuspended, NothingToCashOut, OfferMoved
from app.betting.exposure import hang, hanging_of
from app.betting.offers import Offered, lock_offers
from app.betting.outcomes import OUTCOMES
from app.betting.placement import House
from app.betting.read import bet_of
from app.betting.rules import check_offer, product
from app.betting.settling import with_debts
from app.betting.told import tell
from app.database import engine
from app.database.engine import Connection, Pool
from app.errors import Invalid, NotFound
from app.sports.ids import SelectionId, UserId
from app.stream import user_log
from app.wallet.ledger import lock_balances, post, retrying
from app.wallet.money import Money
from app.wallet.moves import Holder, Move

_DONE = "SELECT amount FROM transfers WHERE key = $1"
_UPDATE = """
UPDATE bets SET stake_cashed_out = stake_cashed_out + $2, returned = returned + $3,
    cashed_out_paid = cashed_out_paid + $3,
    potential_return = $4, status = CASE WHEN $5 THEN 'cashed_out' ELSE status END,
    settled_at = CASE WHEN $5 THEN $6 ELSE settled_at END
WHERE id = $1
"""


class CashOut(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: `share` of what is left of the stake (above 0, at most 1), for at least
    `offer`, which the user saw. `request_id` names it: the same again pays nothing more.
    """

    bet_id: int
    user_id: UserId
    request_id: str
    share: Decimal
    offer: Money


async def cash_out_offer(
    pool: Pool, bet_id: int, user_id: UserId, house: House, *, margin: Decimal, now: datetime
) -> Money:
    """Returns what the rest of a bet would be paid now.

    Raises NotFound, NothingToCashOut, MarketClosed, MarketSuspended, SourceStale.
    """
    async with engine.connection(pool) as connection, connection.transaction():
        bet = await _open_bet(connection, bet_id, user_id)
        return await _worth(connection, bet, house, margin=margin, now=now)


async def cash_out(
    pool: Pool, wish: CashOut, house: House, *, margin: Decimal, now: datetime
) -> Bet:
    """Pays a share of a bet out at its present worth; returns the bet as it then is.

    Raises as `cash_out_offer` does, Invalid for a share that is none or too small to be worth a
    minor unit, and OfferMoved when it is worth less than was offered (`current` says what).
    """
    if not 0 < wish.share <= 1:
        raise Invalid("A share is above 0 and at most 1.")

    async def deed() -> Bet:
        async with engine.connection(pool) as connection, connection.transaction():
            bet = await bet_of(connection, wish.bet_id, lock=True)
            if bet is not None and bet.user_id == wish.user_id:
                key = _key(wish)
                if await connection.fetchval(_DONE, f"{key}:stake") is not None:
                    return bet
            bet = await _open_bet(connection, wish.bet_id, wish.user_id)
            worth = await _worth(connection, bet, house, margin=margin, now=now)
            return await _pay(connection, bet, wish, worth, now=now)

    paid = await retrying(deed)
    await user_log.nudge(pool, [wish.user_id])
    return paid


def worth_of(bet: Bet, chances: Mapping[SelectionId, Decimal], *, margin: Decimal) -> Money:
    """Returns what the rest of a bet is worth, less the margin; `chances` are its open legs'."""
    factor = Fraction(1 - margin)
    for leg in bet.legs:
        if leg.result is None:
            factor *= Fraction(leg.odds) * Fraction(chances[leg.selection_id])
        else:
            factor *= OUTCOMES[leg.result].factor(leg.odds)
    return (bet.stake - bet.stake_cashed_out).times(factor)


async def _open_bet(connection: Connection, bet_id: int, user_id: UserId) -> Bet:
    bet = await bet_of(connection, bet_id, lock=True)
    if bet is None or bet.user_id != user_id:
        raise NotFound(f"There is no bet {bet_id} of yours.")
    if bet.status is not BetStatus.ACCEPTED:
        raise NothingToCashOut(f"This bet is {bet.status}.")
    return bet


async def _worth(
    connection: Connection, bet: Bet, house: House, *, margin: Decimal, now: datetime
) -> Money:
    unsettled = [leg.selection_id for leg in bet.legs if leg.result is None]
    offered: Mapping[SelectionId, Offered] = (
        await lock_offers(connection, unsettled, house.rules) if unsettled else {}
    )
    chances: dict[SelectionId, Decimal] = {}
    for selection_id, one in offered.items():
        check_offer(one.offer, policy=house.policy, now=now)
        chance = one.offer.fair_probability
        if chance is None:
            raise MarketSuspended(selectionId=str(selection_id))
        chances[selection_id] = chance
    worth = worth_of(bet, chances, margin=margin)
    if worth.amount_minor <= 0:
        raise NothingToCashOut("This bet is worth nothing now.")
    return worth


async def _pay(
    connection: Connection, bet: Bet, wish: CashOut, worth: Money, *, now: datetime
) -> Bet:
    left = bet.stake - bet.stake_cashed_out
    whole = wish.share == 1
    stake = left if whole else left.times(wish.share)
    paid = worth if whole else worth.times(wish.share)
    if stake.amount_minor <= 0 or paid.amount_minor <= 0:
        raise Invalid("This share is not worth a minor unit.")
    if paid < wish.offer:
        raise OfferMoved(current={"amount": str(paid), "currency": paid.currency})
    rest = left - stake
    potential = rest.times(product([leg.odds for leg in bet.legs]))
    legs = [(leg.market_id, leg.match_id, leg.selection_id) for leg in bet.legs]
    before = hanging_of(legs, left, bet.potential_return)
    await hang(connection, [one.negated() for one in before], stake.currency)
    if not whole:
        await hang(connection, hanging_of(legs, rest, potential), stake.currency)
    owner = (bet.user_id, stake.currency)
    balances = await lock_balances(connection, [owner])
    moves = _moves(bet, wish, stake, paid)
    steps, _ = with_debts(bet, moves, balances[owner], settlement=_key(wish))
    await post(connection, steps)
    assert not whole or may_move(bet.status, BetStatus.CASHED_OUT), bet
    await connection.execute(
        _UPDATE,
        bet.id,
        stake.amount_minor,
        paid.amount_minor,
        bet.potential_return.amount_minor if whole else potential.amount_minor,
        whole,
        now,
    )
    after = await bet_of(connection, bet.id)
    assert after is not None, bet.id
    await tell(connection, after)
    metrics.bets.labels("cashed_out" if whole else "cashed_out_partly").inc()
    return after


def _moves(bet: Bet, wish: CashOut, stake: Money, paid: Money) -> list[Move]:
    def move(name: str, source: Holder, target: Holder, amount: Money) -> Move:
        return Move(
            key=f"{_key(wish)}:{name}",
            kind=f"cash_out_{name}",
            user_id=bet.user_id,
            source=source,
            target=target,
            amount=amount,
            reference=f"bet:{bet.id}",
        )

    return [
        move("stake", Holder.HELD, Holder.HOUSE, stake),
        move("paid", Holder.HOUSE, Holder.AVAILABLE, paid),
    ]


def _key(wish: CashOut) -> str:
    return f"bet:{wish.bet_id}:cash_out:{wish.request_id}"
