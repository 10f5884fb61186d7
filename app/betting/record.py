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
    SELECT id, user_id, request_id, fingerprint, status, stake, currency, odds, potential_return,
           odds_change, refusal::jsonb, placed_at, decide_at, decided_at, answer
    FROM unnest(
        $1::bigint[], $2::bigint[], $3::text[], $4::bytea[], $5::text[], $6::bigint[], $7::text[],
        $8::numeric[], $9::bigint[], $10::text[], $11::text[], $12::timestamptz[],
        $13::timestamptz[], $14::timestamptz[], $15::text[]
    ) AS n (
        id, user_id, request_id, fingerprint, status, stake, currency, odds, potential_return,
        odds_change, refusal, placed_at, decide_at, decided_at, answer
    )
    ORDER BY user_id
    ON CONFLICT (user_id, request_id) DO NOTHING
    RETURNING id
), legs AS (
    INSERT INTO bet_legs (
        bet_id, n, selection_id, market_id, match_id, sport_id, market_type, line, selection_key,
        odds_requested, odds, market_version, match_status, home_score, away_score, starts_at
    )
    SELECT n.*
    FROM unnest(
        $16::bigint[], $17::int[], $18::bigint[], $19::bigint[], $20::bigint[], $21::text[],
        $22::text[], $23::numeric[], $24::text[], $25::numeric[], $26::numeric[], $27::bigint[],
        $28::text[], $29::int[], $30::int[], $31::timestamptz[]
    ) AS n (
        bet_id, n, selection_id, market_id, match_id, sport_id, market_type, line, key,
        odds_requested, odds, version, match_status, home, away, starts_at
    )
    JOIN made ON made.id = n.bet_id
)
SELECT count(*) FROM made
"""


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


class Written(msgspec.Struct, frozen=True):
    """A bet to be written down, what tells its slip from others, and what its request is answered
    with if it was struck.
    """

    bet: Bet
    fingerprint: bytes
    answer: bytes | None


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


async def write_bets(connection: Connection, bets: Sequence[Written]) -> bool:
    """Writes bets and their legs; False when a request of them was answered meanwhile: then the
    transaction is good for a rollback only.
    """
    if not bets:
        return True
    columns = zip(*map(_columns, bets), strict=True)
    legs = [leg for one in bets for leg in _leg_columns(one.bet)]
    written: int = await connection.fetchval(_INSERT, *columns, *zip(*legs, strict=True))
    return written == len(bets)


def _columns(written: Written) -> tuple[object, ...]:
    bet, answer = written.bet, written.answer
    return (
        bet.id,
        bet.user_id,
        bet.request_id,
        written.fingerprint,
        bet.status.value,
        bet.stake.amount_minor,
        bet.stake.currency,
        bet.odds,
        bet.potential_return.amount_minor,
        bet.odds_change.value,
        None if bet.refusal is None else _ENCODER.encode(bet.refusal).decode(),
        bet.placed_at,
        bet.decide_at,
        bet.decided_at,
        None if answer is None else answer.decode(),
    )


def _leg_columns(bet: Bet) -> list[tuple[object, ...]]:
    return [
        (
            bet.id,
            number,
            leg.selection_id,
            leg.market_id,
            leg.match_id,
            leg.sport_id,
            leg.market_type,
            leg.line,
            leg.selection_key,
            leg.odds_requested,
            leg.odds,
            leg.market_version,
            leg.match_status,
            leg.home_score,
            leg.away_score,
            leg.starts_at,
        )
        for number, leg in enumerate(bet.legs, 1)
    ]


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
