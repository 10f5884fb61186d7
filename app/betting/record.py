"""Writes bets down: struck, pending or refused, once a request."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from app.betting.bet import Bet, BetStatus, Leg
from app.betting.rules import Offer
from app.betting.slip import Slip
from app.database.engine import Connection
from app.sports.ids import UserId
from app.wallet.money import Money, nothing

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_INSERT = """
WITH made AS (
    INSERT INTO bets (
        id, user_id, request_id, fingerprint, status, stake, currency, odds, potential_return,
        odds_change, refusal, placed_at, decide_at, decided_at, answer
    )
    OVERRIDING SYSTEM VALUE
    VALUES ($27, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11, $12, $13, $28)
    ON CONFLICT (user_id, request_id) DO NOTHING
    RETURNING id
), legs AS (
    INSERT INTO bet_legs (
        bet_id, n, selection_id, market_id, match_id, sport_id, market_type, line, selection_key,
        odds_requested, odds, market_version, match_status, home_score, away_score, starts_at
    )
    SELECT made.id, n.place, n.selection_id, n.market_id, n.match_id, n.sport_id, n.market_type,
           n.line, n.key, n.odds_requested, n.odds, n.version, n.match_status, n.home, n.away,
           n.starts_at
    FROM made, unnest(
        $14::bigint[], $15::bigint[], $16::bigint[], $17::text[], $18::text[], $19::numeric[],
        $20::text[], $21::numeric[], $22::numeric[], $23::bigint[], $24::text[], $25::int[],
        $26::int[], $29::timestamptz[]
    ) WITH ORDINALITY AS n (
        selection_id, market_id, match_id, sport_id, market_type, line, key, odds_requested, odds,
        version, match_status, home, away, starts_at, place
    )
)
SELECT id FROM made
"""
_NEXT_ID = "SELECT nextval(pg_get_serial_sequence('bets', 'id'))"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for what, under which name. The same name and slip get the same answer for ever."""

    user_id: UserId
    request_id: str
    slip: Slip


class LegWritten(msgspec.Struct, frozen=True, kw_only=True):
    """A leg as it is kept: what was on offer, what was asked for, what it was struck at."""

    offer: Offer
    odds_requested: Decimal
    odds: Decimal


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a request is answered with. `refusal`: the members of its problem."""

    status: BetStatus
    legs: Sequence[LegWritten]
    odds: Decimal
    potential_return: Money
    at: datetime
    decide_at: datetime | None = None
    refusal: dict[str, object] | None = None


async def next_bet_id(connection: Connection) -> int:
    """Returns an id for a bet that is to be written; one that is not used is nobody's."""
    bet_id: int = await connection.fetchval(_NEXT_ID)
    return bet_id


def bet_as_answered(bet_id: int, request: Request, answer: Answer) -> Bet:
    """Returns the bet that an answer makes, as it will be read."""
    slip = request.slip
    pending = answer.status is BetStatus.PENDING
    return Bet(
        id=bet_id,
        user_id=request.user_id,
        request_id=request.request_id,
        status=answer.status,
        legs=tuple(_leg(leg) for leg in answer.legs),
        stake=slip.stake,
        odds=answer.odds,
        potential_return=answer.potential_return,
        odds_change=slip.odds_change,
        placed_at=answer.at,
        decide_at=answer.decide_at,
        decided_at=None if pending else answer.at,
        returned=nothing(slip.stake.currency),
        stake_cashed_out=nothing(slip.stake.currency),
        cashed_out_paid=nothing(slip.stake.currency),
        refusal=answer.refusal,
    )


async def write_bet(
    connection: Connection, request: Request, bet: Bet, *, answer: bytes | None
) -> bool:
    """Writes a bet and its legs, and what its request is answered with if it was struck; False
    when the request was answered meanwhile.
    """
    refusal = None if bet.refusal is None else _ENCODER.encode(bet.refusal).decode()
    written = await connection.fetchval(
        _INSERT,
        bet.user_id,
        bet.request_id,
        request.slip.fingerprint(),
        bet.status.value,
        bet.stake.amount_minor,
        bet.stake.currency,
        bet.odds,
        bet.potential_return.amount_minor,
        bet.odds_change.value,
        refusal,
        bet.placed_at,
        bet.decide_at,
        bet.decided_at,
        [leg.selection_id for leg in bet.legs],
        [leg.market_id for leg in bet.legs],
        [leg.match_id for leg in bet.legs],
        [leg.sport_id for leg in bet.legs],
        [leg.market_type for leg in bet.legs],
        [leg.line for leg in bet.legs],
        [leg.selection_key for leg in bet.legs],
        [leg.odds_requested for leg in bet.legs],
        [leg.odds for leg in bet.legs],
        [leg.market_version for leg in bet.legs],
        [leg.match_status for leg in bet.legs],
        [leg.home_score for leg in bet.legs],
        [leg.away_score for leg in bet.legs],
        bet.id,
        None if answer is None else answer.decode(),
        [leg.starts_at for leg in bet.legs],
    )
    return written is not None


def _leg(leg: LegWritten) -> Leg:
    offer = leg.offer
    return Leg(
        selection_id=offer.selection_id,
        market_id=offer.market_id,
        match_id=offer.match_id,
        sport_id=offer.sport_id,
        market_type=offer.market_type,
        line=offer.line,
        selection_key=offer.selection_key,
        odds_requested=leg.odds_requested,
        odds=leg.odds,
        market_version=offer.market_version,
        match_status=offer.match_status.value,
        home_score=offer.home_score,
        away_score=offer.away_score,
        starts_at=offer.starts_at,
    )
