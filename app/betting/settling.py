"""What legs' results make of a bet: its state and what it returns. Pure."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import msgspec

from app.betting.bet import Bet, BetStatus, Leg, LegResult
from app.betting.outcomes import OUTCOMES
from app.sports.market import MarketType, turned, turned_key
from app.wallet.money import Money, nothing
from app.wallet.moves import Funds, Holder, Move

_ONE = Fraction(1)


class Verdict(msgspec.Struct, frozen=True):
    """What became of a bet, and what it returns of the stake that was left of it."""

    status: BetStatus
    returned: Money


def verdict_of(bet: Bet, results: Mapping[int, LegResult | None]) -> Verdict | None:
    """Returns what results, by the number of the leg, make of a bet; None while it is open.

    One lost leg loses all. A void leg counts as odds of 1; halves count half (`outcomes`).
    """
    left = bet.stake - bet.stake_cashed_out
    told = [results[n] for n in range(1, len(bet.legs) + 1)]
    if LegResult.LOST in told:
        return Verdict(BetStatus.LOST, nothing(bet.stake.currency))
    factor = _ONE
    for leg, result in zip(bet.legs, told, strict=True):
        if result is None:
            return None
        factor *= OUTCOMES[result].factor(leg.odds)
    known = [result for result in told if result is not None]
    return Verdict(status_of(known), left.times(factor))


def status_of(results: Sequence[LegResult]) -> BetStatus:
    """Returns the state of a bet none of whose legs is open or lost.

    A single is as its leg. An accumulator with a half-lost leg is called half lost, else with a
    half-won one half won, else won; void when all of them are.
    """
    if all(result is LegResult.VOID for result in results):
        return BetStatus.VOID
    if LegResult.HALF_LOST in results:
        return BetStatus.HALF_LOST
    if LegResult.WON not in results and LegResult.HALF_WON in results:
        return BetStatus.HALF_WON
    return BetStatus.WON


def moves_of(bet: Bet, verdict: Verdict, *, settlement: str) -> list[Move]:
    """Returns the transfers that settle a bet: what is left of the stake leaves what is held, to
    the user or the house, and the house adds what was won. `settlement` begins their keys.
    """
    left, returned = bet.stake - bet.stake_cashed_out, verdict.returned
    back = min(left, returned)
    moves = [
        _move(bet, settlement, "stake_returned", way=(Holder.HELD, Holder.AVAILABLE), amount=back),
        _move(bet, settlement, "stake_lost", way=(Holder.HELD, Holder.HOUSE), amount=left - back),
        _move(
            bet,
            settlement,
            "winnings",
            way=(Holder.HOUSE, Holder.AVAILABLE),
            amount=returned - back,
        ),
    ]
    return [move for move in moves if move.amount.amount_minor > 0]


def reversal_of(moves: Sequence[Move], *, settlement: str) -> list[Move]:
    """Returns the transfers that undo others, the last first, to the cent."""
    return [
        msgspec.structs.replace(
            move,
            key=f"{settlement}:reversed:{move.kind}",
            kind=f"{move.kind}_reversed",
            source=move.target,
            target=move.source,
        )
        for move in reversed(moves)
    ]


def with_debts(
    bet: Bet, moves: Sequence[Move], held: Funds, *, settlement: str
) -> tuple[list[Move], Funds]:
    """Returns moves that can be posted one after another, and what the user then has.

    A reversal may take what is no longer there: it is lent first, and owed from then on. What comes
    in pays debts before anything else.
    """
    steps, low, available = list(moves), 0, 0
    for move in moves:
        available += _to_user(move)
        low = min(low, available)
    short = max(0, -(held.available + low))
    if short:
        amount = Money(short, bet.stake.currency)
        steps.insert(
            0, _move(bet, settlement, "lent", way=(Holder.OWED, Holder.AVAILABLE), amount=amount)
        )
    after = Funds(available=held.available + available + short, owed=held.owed + short)
    due = min(after.owed, after.available)
    if due > 0:
        amount = Money(due, bet.stake.currency)
        way = (Holder.AVAILABLE, Holder.OWED)
        steps.append(_move(bet, settlement, "debt_collected", way=way, amount=amount))
        after = Funds(available=after.available - due, owed=after.owed - due)
    return steps, after


def _to_user(move: Move) -> int:
    if move.target is Holder.AVAILABLE:
        return move.amount.amount_minor
    return -move.amount.amount_minor if move.source is Holder.AVAILABLE else 0


def flipped(leg: Leg) -> Leg:
    """Returns a leg as it reads when the sides of its match are told the other way round."""
    kind, line = turned(MarketType(leg.market_type), leg.line)
    key = turned_key(leg.selection_key)
    return msgspec.structs.replace(leg, selection_key=key, line=line, market_type=kind)


def _move(
    bet: Bet, settlement: str, kind: str, *, way: tuple[Holder, Holder], amount: Money
) -> Move:
    return Move(
        key=f"{settlement}:{kind}",
        kind=kind,
        user_id=bet.user_id,
        source=way[0],
        target=way[1],
        amount=amount,
        reference=f"bet:{bet.id}",
    )
