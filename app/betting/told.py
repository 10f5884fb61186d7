"""A bet in words of the wire: what the API answers and what the user's log is told."""

import msgspec

from app.betting.bet import Bet
from app.betting.read import bets_before
from app.database.engine import Connection
from app.sports.ids import UserId
from app.stream import user_log
from app.stream.change import wire_time
from app.stream.user_log import Entry
from app.wallet.read import balance_body, balance_of, balances_of

# What a socket is told first; older ones are at GET /bets.
STATE_BETS_MAX = 100
# Odds are numbers on the wire, to the digit.
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def bet_body(bet: Bet) -> bytes:
    """Returns a bet as the wire has it (`GET /bets/{id}`, `bet_update`)."""
    said = {
        "id": str(bet.id),
        "requestId": bet.request_id,
        "status": bet.status,
        "legs": [
            {
                "selectionId": str(leg.selection_id),
                "marketId": str(leg.market_id),
                "matchId": str(leg.match_id),
                "sport": leg.sport_id,
                "market": leg.market_type,
                "line": None if leg.line is None else leg.line.normalize(),
                "selection": leg.selection_key,
                "oddsRequested": leg.odds_requested.normalize(),
                "odds": leg.odds.normalize(),
                "scoreAtPlacement": {"home": leg.home_score, "away": leg.away_score},
                "result": leg.result,
            }
            for leg in bet.legs
        ],
        "stake": {"amount": str(bet.stake), "currency": bet.stake.currency},
        "odds": bet.odds.normalize(),
        "potentialReturn": {
            "amount": str(bet.potential_return),
            "currency": bet.stake.currency,
        },
        "returned": {"amount": str(bet.returned), "currency": bet.stake.currency},
        "stakeCashedOut": {"amount": str(bet.stake_cashed_out), "currency": bet.stake.currency},
        "oddsChange": bet.odds_change,
        "placedAt": wire_time(bet.placed_at),
        "decideAt": None if bet.decide_at is None else wire_time(bet.decide_at),
        "settledAt": None if bet.settled_at is None else wire_time(bet.settled_at),
        "refusal": bet.refusal,
    }
    return _ENCODER.encode(said)


async def tell(connection: Connection, bet: Bet) -> None:
    """Appends the bet and the balance to the user's log; last of all in a transaction. The caller
    nudges after its commit.
    """
    balance = await balance_of(connection, bet.user_id, bet.stake.currency)
    entries = [
        Entry(user_id=bet.user_id, kind="bet_update", body=bet_body(bet)),
        Entry(user_id=bet.user_id, kind="balance_update", body=balance_body(balance)),
    ]
    await user_log.append_all(connection, entries)


async def state_of(connection: Connection, user_id: int) -> bytes:
    """Returns a user's newest bets and the balances, as the first state of `{"type":"bets"}`."""
    owner = UserId(user_id)
    bets = await bets_before(connection, owner, None, limit=STATE_BETS_MAX)
    balances = await balances_of(connection, owner)
    said = b",".join(bet_body(bet) for bet in bets)
    held = b",".join(balance_body(balance) for balance in balances.values())
    return b'{"bets":[' + said + b'],"balances":[' + held + b"]}"
