"""What operators do with bets: void, settle otherwise, roll back, give back to the match."""

from collections.abc import Callable, Mapping
from datetime import datetime

from app.betting.bet import SETTLED, Bet, BetStatus, LegResult
from app.betting.errors import BetRefused
from app.betting.read import bet_of
from app.betting.settled import Noted
from app.betting.settlement import settle_bets
from app.database import engine
from app.database.engine import Pool
from app.errors import Invalid, NotFound
from app.logs import logger
from app.sports.ids import UserId
from app.stream import user_log
from app.wallet.ledger import retrying

log = logger(__name__)
Results = Mapping[int, LegResult | None]


class NotToBeSettled(BetRefused):
    """Only a bet that was accepted, and not cashed out, can be settled by hand."""

    code = "not_to_be_settled"


async def void_bet(pool: Pool, bet_id: int, *, by: UserId, note: str, now: datetime) -> Bet:
    """Gives the stake back, whatever the matches say from now on."""
    return await _by_hand(
        pool, bet_id, lambda bet: dict.fromkeys(_numbers(bet), LegResult.VOID), by=by, note=note,
        now=now,
    )  # fmt: skip


async def settle_by_hand(
    pool: Pool, bet_id: int, results: Results, *, by: UserId, note: str, now: datetime
) -> Bet:
    """Says what became of legs, by number, whatever the matches say; the others stay as they are.

    Raises Invalid for a number that is no leg's.
    """

    def said(bet: Bet) -> Results:
        if not results.keys() <= set(_numbers(bet)):
            raise Invalid(f"This bet has legs 1 to {len(bet.legs)}.")
        return results

    return await _by_hand(pool, bet_id, said, by=by, note=note, now=now)


async def roll_back(pool: Pool, bet_id: int, *, by: UserId, note: str, now: datetime) -> Bet:
    """Undoes the settlement of a bet, which then waits for an operator's word."""
    return await _by_hand(
        pool, bet_id, lambda bet: dict.fromkeys(_numbers(bet)), by=by, note=note, now=now
    )


async def release(pool: Pool, bet_id: int, *, by: UserId, note: str, now: datetime) -> Bet:
    """Gives a bet's legs back to their matches, which settle them as they stand."""
    return await _by_hand(
        pool, bet_id, lambda bet: dict.fromkeys(_numbers(bet)), by=by, note=note, now=now,
        hand=False,
    )  # fmt: skip


async def _by_hand(
    pool: Pool,
    bet_id: int,
    said: Callable[[Bet], Results],
    *,
    by: UserId,
    note: str,
    now: datetime,
    hand: bool = True,
) -> Bet:
    async def deed() -> Bet:
        async with engine.connection(pool) as connection, connection.transaction():
            bet = await bet_of(connection, bet_id, lock=True)
            if bet is None:
                raise NotFound(f"There is no bet {bet_id}.")
            if bet.status not in SETTLED | {BetStatus.ACCEPTED}:
                raise NotToBeSettled(f"This bet is {bet.status}.")
            words = said(bet)
            results = {n: words.get(n, leg.result) for n, leg in enumerate(bet.legs, 1)}
            noted = Noted(
                cause="by_hand", note=note, decided_by=by, hands=dict.fromkeys(words, hand)
            )
            await settle_bets(connection, [bet], {bet.id: results}, notes={bet.id: noted}, now=now)
            after = await bet_of(connection, bet_id)
            assert after is not None, bet_id
            return after

    after = await retrying(deed)
    await user_log.nudge(pool, [after.user_id])
    log.info("bet_settled_by_hand", bet=bet_id, status=after.status.value, by=by, note=note)
    return after


def _numbers(bet: Bet) -> list[int]:
    return list(range(1, len(bet.legs) + 1))
