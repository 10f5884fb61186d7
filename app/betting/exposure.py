"""What hangs on a market: the most it could cost the house, whichever answer comes true.

Of one market and currency: all stakes, and what each answer would pay back. The worst case is the
dearest answer less the stakes. An accumulator counts with all it could return on each of its legs
and with no stake: the stake is paid in once, but any leg may be the one that decides.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from app.betting.errors import ExposureExceeded
from app.database.engine import Connection
from app.sports.ids import MarketId, MatchId, SelectionId
from app.wallet.money import Money, parse_money

# Markets are locked in id order, so that two accumulators wait for each other instead of dying.
_ADD = """
INSERT INTO market_exposures AS e (market_id, currency, match_id, staked, payouts)
SELECT market_id, $2, min(match_id), sum(staked)::bigint,
       jsonb_object_agg(selection_id::text, payout)
FROM unnest($1::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
     AS n (market_id, match_id, selection_id, staked, payout)
GROUP BY market_id
ORDER BY market_id
ON CONFLICT (market_id, currency) DO UPDATE
SET staked = e.staked + excluded.staked,
    payouts = e.payouts || (
        SELECT jsonb_object_agg(key, coalesce((e.payouts ->> key)::bigint, 0) + value::bigint)
        FROM jsonb_each_text(excluded.payouts)
    )
RETURNING market_id, staked, payouts::text AS payouts
"""
_PAYOUTS = msgspec.json.Decoder(dict[str, int])


class Hanging(msgspec.Struct, frozen=True, kw_only=True):
    """What one leg of a bet adds to its market, in minor units."""

    market_id: MarketId
    match_id: MatchId
    selection_id: SelectionId
    staked: int
    payout: int

    def negated(self) -> "Hanging":
        """Returns what takes it away again."""
        return msgspec.structs.replace(self, staked=-self.staked, payout=-self.payout)


class Case(msgspec.Struct, frozen=True):
    """What hangs on a market in one currency."""

    staked: int
    payouts: Mapping[str, int]

    @property
    def worst(self) -> int:
        """Returns what the dearest answer costs the house; below zero it gains whatever happens."""
        return max(self.payouts.values(), default=0) - self.staked

    def with_one(self, hanging: Hanging) -> "Case":
        """Returns the case as it is with a leg more."""
        key = str(hanging.selection_id)
        more = {**self.payouts, key: self.payouts.get(key, 0) + hanging.payout}
        return Case(self.staked + hanging.staked, more)

    def without(self, hanging: Hanging) -> "Case":
        """Returns the case as it is without a leg."""
        return self.with_one(hanging.negated())


async def hang(
    connection: Connection, hanging: Sequence[Hanging], currency: str
) -> dict[MarketId, Case]:
    """Adds to markets what bets hang on them; returns how they then stand, locked till the end.

    Of each selection one change: several bets are put `together` first.
    """
    rows = await connection.fetch(
        _ADD,
        [one.market_id for one in hanging],
        currency,
        [one.match_id for one in hanging],
        [one.selection_id for one in hanging],
        [one.staked for one in hanging],
        [one.payout for one in hanging],
    )
    return {
        MarketId(row["market_id"]): Case(row["staked"], _PAYOUTS.decode(row["payouts"]))
        for row in rows
    }


def together(hanging: Sequence[Hanging]) -> list[Hanging]:
    """Returns what several bets change, one change a selection."""
    sums: dict[tuple[MarketId, SelectionId], Hanging] = {}
    for one in hanging:
        key = (one.market_id, one.selection_id)
        before = sums.get(key)
        if before is not None:
            staked, payout = one.staked + before.staked, one.payout + before.payout
            one = msgspec.structs.replace(one, staked=staked, payout=payout)  # noqa: PLW2901
        sums[key] = one
    return list(sums.values())


def hanging_of(
    legs: Sequence[tuple[MarketId, MatchId, SelectionId]], stake: Money, potential: Money
) -> list[Hanging]:
    """Returns what a bet hangs on its markets: a single its stake too, an accumulator not."""
    staked = stake.amount_minor if len(legs) == 1 else 0
    return [
        Hanging(
            market_id=market_id,
            match_id=match_id,
            selection_id=selection_id,
            staked=staked,
            payout=potential.amount_minor,
        )
        for market_id, match_id, selection_id in legs
    ]


def check_exposure(
    after: Case, hanging: Hanging, *, liability_max: Decimal, stake: Money, odds: Decimal
) -> None:
    """Raises ExposureExceeded when a market's worst case is over the limit and the bet made it
    worse, with the stake that would go; one that makes it no worse always passes.
    """
    before = after.without(hanging)
    limit = parse_money(liability_max, stake.currency)
    if after.worst <= limit.amount_minor or after.worst <= before.worst:
        return
    room = limit.amount_minor - (before.payouts.get(str(hanging.selection_id), 0) - before.staked)
    goes = max(0, int(room / (odds - 1)))
    most = min(goes, stake.amount_minor)
    raise ExposureExceeded(maxStake=str(Money(most, stake.currency)), currency=stake.currency)
