"""`place_bets`: bets are struck with their stakes held, or refused, and both for ever."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from app import metrics
from app.betting.bet import Bet
from app.betting.errors import REFUSALS
from app.betting.exposure import Case, Hanging, hang, together
from app.betting.offers import find_offers
from app.betting.opening import Opening, open_requests
from app.betting.read import bet_of_request
from app.betting.record import Request, Written, write_bets
from app.betting.rules import Policy, Rules
from app.betting.told import bet_body
from app.betting.wish import Asked, Books, Purse, Wish, asked_of
from app.database import engine
from app.database.engine import Connection, Pool
from app.sports.ids import MarketId
from app.stream import user_log
from app.stream.user_log import Entry
from app.wallet.errors import IdempotencyKeyReused
from app.wallet.ledger import Overtaken, lock_accounts, post, retrying
from app.wallet.limits import LimitKind, check_allowed
from app.wallet.read import Balance, balance_body

A_DAY = timedelta(days=1)
# Others do not wait longer for what one of them needs: more than settling some bets takes.
LOCK_WAIT = timedelta(milliseconds=250)
_HURRY = f"SET LOCAL lock_timeout = {LOCK_WAIT // timedelta(milliseconds=1)}"

# Asked when the users' money is locked: from then on their other bets wait, so two at once cannot
# both fit under what is left of a day.
_STAKED = """
SELECT k.user_id, k.currency, (
    SELECT coalesce(sum(CASE WHEN t.target = 'held' THEN t.amount ELSE -t.amount END), 0)::bigint
    FROM transfers t
    WHERE t.user_id = k.user_id AND t.currency = k.currency AND t.created_at > k.since
      AND t.kind IN ('stake', 'stake_released')
) AS staked
FROM unnest($1::bigint[], $2::text[], $3::timestamptz[]) AS k (user_id, currency, since)
"""


class House(msgspec.Struct, frozen=True, kw_only=True):
    """What bets go by: the policy of the house, and its rules where no scope says otherwise."""

    policy: Policy
    rules: Rules


class Placed(msgspec.Struct, frozen=True):
    """The bet of a request, and the body the request was answered with; None: its refusal is."""

    bet: Bet
    answer: bytes | None


# What becomes of a request; an error is what its caller is told, and is not kept.
Outcome = Placed | Exception


async def place_bet(pool: Pool, request: Request, house: House, now: datetime) -> Placed:
    """Strikes a bet or refuses it; the same request again gets the same answer for ever.

    Raises Invalid for a slip that cannot be one, NotFound for an unknown selection,
    IdempotencyKeyReused, and DependencyDown, after which the answer is at `bet_of_request`.
    """
    [outcome] = await place_bets(pool, [asked_of(request, now)], house)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


async def place_bets(
    pool: Pool, asked: Sequence[Asked], house: House, *, in_a_hurry: bool = False
) -> list[Outcome]:
    """Strikes or refuses bets of different users in one transaction, each as if it were alone;
    returns what became of each, in their order. What one is refused for touches no other.

    Raises DependencyDown, and then nobody knows but `bet_of_request`; and what Postgres raises: in
    a hurry, when a lock is not free within LOCK_WAIT, and then nothing was done.
    """
    users = [one.request.user_id for one in asked]
    assert len(set(users)) == len(users), users

    async def deed() -> list[tuple[Outcome, bool]]:
        async with engine.connection(pool) as connection, connection.transaction():
            if in_a_hurry:
                await connection.execute(_HURRY)
            return await _answer(connection, asked, house)

    answered = await retrying(deed)
    _count([outcome for outcome, is_new in answered if is_new])
    outcomes = [outcome for outcome, _ in answered]
    await user_log.nudge(pool, users)
    return outcomes


def _count(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if not isinstance(outcome, Placed):
            continue
        if outcome.bet.refusal is None:
            metrics.bets.labels(outcome.bet.status.value).inc()
        else:
            metrics.bets_refused.labels(outcome.bet.refusal["code"]).inc()


async def _answer(
    connection: Connection, asked: Sequence[Asked], house: House
) -> list[tuple[Outcome, bool]]:
    """Answers requests; says of each whether that was now and not before."""
    openings = await open_requests(connection, asked)
    fresh = [
        (one, opening)
        for one, opening in zip(asked, openings, strict=True)
        if not opening.is_answered
    ]
    wishes = await _looked_at(connection, fresh, house)
    placed = await _strike(connection, wishes) if wishes else {}
    answered: list[tuple[Outcome, bool]] = []
    for one, opening in zip(asked, openings, strict=True):
        if opening.is_answered:
            answered.append((await _answered(connection, one.request), False))
        else:
            answered.append((placed[opening.bet_id], True))
    return answered


async def _answered(connection: Connection, request: Request) -> Outcome:
    kept = await bet_of_request(connection, request.user_id, request.request_id)
    assert kept is not None, request
    if kept.fingerprint != request.slip.fingerprint():
        return IdempotencyKeyReused()
    return Placed(kept.bet, kept.answer)


async def _looked_at(
    connection: Connection, fresh: Sequence[tuple[Asked, Opening]], house: House
) -> list[Wish]:
    """Returns requests with what they would be struck at, or are refused for; their markets are
    locked.
    """
    if not fresh:
        return []
    ids = {leg.selection_id for one, _ in fresh for leg in one.request.slip.legs}
    offered = await find_offers(connection, sorted(ids), house.rules)
    wishes: list[Wish] = []
    bound: list[Wish] = []
    for one, opening in fresh:
        wish = Wish(one, opening.bet_id, offered)
        wish.look(house.policy)
        wishes.append(wish)
        if opening.is_bound and wish.error is None:
            bound.append(wish)
    # In one order, so that groups that share users wait for each other instead of dying.
    for wish in sorted(bound, key=lambda wish: wish.request.user_id):
        await _check_user(connection, wish)
    return wishes


async def _check_user(connection: Connection, wish: Wish) -> None:
    """Refuses what its user does not allow himself."""
    user_id, stake = wish.request.user_id, wish.request.slip.stake
    kinds = [LimitKind.STAKE, LimitKind.LOSS]
    try:
        await check_allowed(connection, user_id, stake, kinds=kinds, now=wish.asked.at)
    except REFUSALS as refusal:
        wish.error = refusal


async def _strike(connection: Connection, wishes: Sequence[Wish]) -> dict[int, Outcome]:
    """Strikes those that are not refused yet, or refuses them; writes down what became of all."""
    hopeful = [wish for wish in wishes if wish.error is None]
    balances: Mapping[Purse, Balance] = {}
    if hopeful:
        # Exposure before money, as everybody takes them: in one order nobody dies of a deadlock.
        cases = await _hang(connection, hopeful)
        balances = await lock_accounts(connection, [wish.asked.purse for wish in hopeful])
        books = Books(cases=cases, balances=balances, staked=await _staked(connection, hopeful))
        for wish in hopeful:
            wish.hold_against(books)
        await _hang(connection, [wish for wish in hopeful if wish.error is not None], off=True)
    placed, written = _placed(wishes)
    if not await write_bets(connection, written):
        # The same request, beside us, came first and is committed by now.
        raise Overtaken
    struck = [wish for wish in hopeful if wish.error is None]
    await post(connection, [wish.hold() for wish in struck])
    entries: list[Entry] = []
    for wish in struck:
        stake, outcome = wish.request.slip.stake, placed[wish.bet_id]
        assert isinstance(outcome, Placed), outcome
        assert outcome.answer is not None, outcome
        balance = balances[wish.asked.purse].holding(stake)
        bodies = {"bet_update": outcome.answer, "balance_update": balance_body(balance)}
        user_id = wish.request.user_id
        entries += [Entry(user_id=user_id, kind=kind, body=body) for kind, body in bodies.items()]
    if entries:
        await user_log.append_all(connection, entries)
    return placed


def _placed(wishes: Sequence[Wish]) -> tuple[dict[int, Outcome], list[Written]]:
    """Returns what becomes of each, by the bet's id, and what is to be written of it."""
    placed: dict[int, Outcome] = {}
    written: list[Written] = []
    for wish in wishes:
        error = wish.error
        if error is not None and not isinstance(error, REFUSALS):
            placed[wish.bet_id] = error
            continue
        bet = wish.bet()
        answer = bet_body(bet) if error is None else None
        placed[wish.bet_id] = Placed(bet, answer)
        written.append(Written(bet, wish.request.slip.fingerprint(), answer))
    return placed, written


async def _hang(
    connection: Connection, wishes: Sequence[Wish], *, off: bool = False
) -> dict[tuple[MarketId, str], Case]:
    """Hangs bets on their markets, or takes them off; returns how the markets stand without them,
    theirs alone until the transaction ends.
    """
    changes: dict[str, list[Hanging]] = {}
    for wish in wishes:
        currency = wish.request.slip.stake.currency
        changes.setdefault(currency, []).extend(wish.hanging)
    found: dict[tuple[MarketId, str], Case] = {}
    for currency, each in sorted(changes.items()):
        sums = together([one.negated() for one in each] if off else each)
        cases = await hang(connection, sums, currency)
        for one in sums:
            cases[one.market_id] = cases[one.market_id].without(one)
        found |= {(market_id, currency): case for market_id, case in cases.items()}
    return found


async def _staked(connection: Connection, wishes: Sequence[Wish]) -> dict[Purse, int]:
    rows = await connection.fetch(
        _STAKED,
        [wish.request.user_id for wish in wishes],
        [wish.request.slip.stake.currency for wish in wishes],
        [wish.asked.at - A_DAY for wish in wishes],
    )
    return {(row["user_id"], row["currency"]): row["staked"] for row in rows}
