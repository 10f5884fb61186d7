"""All that can be done with money, as a state machine beside the plain books."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from app.betting import by_hand
from app.betting.bet import LegResult, OddsChange
from app.betting.cash_out import CashOut, cash_out, cash_out_offer
from app.betting.errors import MarketClosed, MarketSuspended, NothingToCashOut
from app.betting.pending import decide_due
from app.betting.placement import House, Placed, place_bet
from app.betting.read import bets_of_ids
from app.betting.record import Request
from app.betting.rules import Policy, Rules
from app.betting.settlement import Waits, settle_match
from app.betting.slip import Slip, SlipLeg
from app.database import engine
from app.database.engine import Connection, Pool
from app.errors import Invalid
from app.payments import deposits, withdrawals
from app.payments.deposits import DepositRules
from app.payments.payments import PaymentStatus, Verdict
from app.sports.ids import MatchId, SelectionId, UserId
from app.wallet.check import check_ledger
from app.wallet.errors import InsufficientFunds
from app.wallet.money import Money
from tests.betting.plain_books import (
    TAKES_BETS,
    PlainBet,
    PlainLeg,
    PlainMatch,
    PlainUser,
    funds,
    hanging,
)
from tests.builders import a_market, a_match, a_price, a_quote, a_score, selections_of

YEARS = timedelta(days=3650)
HUGE = Decimal(1_000_000_000)
DELAY = timedelta(seconds=5)
MARGIN = Decimal("0.05")
HOUSE = House(
    policy=Policy(tolerance=Decimal(0), source_age_in_play=YEARS, source_age_ahead=YEARS),
    rules=Rules(
        delay=DELAY, stake_min=Decimal("0.01"), stake_max=HUGE, return_max=HUGE,
        liability_max=HUGE, user_day_max=HUGE,
    ),
)  # fmt: skip
AT_ONCE = Waits(after=timedelta(0), confidence=Decimal(0))
PLAY_MONEY = DepositRules(play_money=True, per_day_max=HUGE)
CHANCE = Fraction(3333, 10_000)  # As `a_market` says of every selection.
WINNER = {"home": "2.10", "draw": "3.4", "away": "3.625"}
TOTAL = {"over": "1.85", "under": "1.95"}
USERS, MATCHES = 2, 3
AMOUNTS = st.integers(1, 5_000)
PICKS = st.integers(0, 10**6)
SCORES = st.tuples(st.integers(0, 3), st.integers(0, 3))
STATES = st.sampled_from(["live", "live", "finished", "finished", "abandoned", "cancelled"])
EMAILS = count()

Answer = tuple[int, str, str]


class Books(RuleBasedStateMachine):
    """Users, matches and bets of one example, beside what they must come to."""

    def __init__(self, runner: asyncio.Runner, pool: Pool) -> None:
        super().__init__()
        self.runner, self.pool = runner, pool
        self.users = [PlainUser() for _ in range(USERS)]
        self.user_ids: list[UserId] = []
        self.matches: list[PlainMatch] = []
        self.match_ids: list[MatchId] = []
        self.selections: dict[Answer, int] = {}
        self.prices: dict[Answer, Fraction] = {}
        self.bets: dict[int, PlainBet] = {}
        self.requests: dict[str, tuple[Request, Placed]] = {}
        self.payments: list[tuple[int, int, int]] = []  # user, place, id
        self.keys = (f"key-{number}" for number in count())

    def do(self, deed: Any) -> Any:
        """Runs something of the product to its end."""
        return self.runner.run(deed)

    @initialize(
        lines=st.lists(st.integers(4, 14), min_size=MATCHES, max_size=MATCHES),
        picks=st.lists(PICKS, min_size=MATCHES, max_size=MATCHES),
    )
    def begin(self, lines: list[int], picks: list[int]) -> None:
        """Makes users with money, matches with a winner and a total on any quarter line, and bets
        on them.
        """
        self.do(self._begin([Fraction(line, 4) for line in lines]))
        for user in range(USERS):
            self.pay_in(user, 10_000)
            for pick in picks:
                self.place(user, 2_000, [pick], "any")

    async def _begin(self, lines: list[Fraction]) -> None:
        async with engine.connection(self.pool) as connection:
            for _ in range(USERS):
                user_id = await connection.fetchval(
                    "INSERT INTO users (email, password_hash) VALUES ($1, 'x') RETURNING id",
                    f"punter-{next(EMAILS)}@example.org",
                )
                self.user_ids.append(UserId(user_id))
            for number, line in enumerate(lines):
                await self._a_match(connection, number, line)

    async def _a_match(self, connection: Connection, number: int, line: Fraction) -> None:
        match_id = await a_match(
            connection, start_time=datetime.now(UTC) + YEARS / 3650, status="scheduled", score=None
        )
        match = PlainMatch(line)
        self.matches.append(match)
        self.match_ids.append(MatchId(match_id))
        decimal = str(Decimal(line.numerator) / line.denominator)
        for kind, odds, text in (("winner", WINNER, None), ("total", TOTAL, decimal)):
            market_id = await a_market(connection, match_id, odds, line=text)
            for pick, selection_id in (await selections_of(connection, market_id)).items():
                await a_quote(connection, selection_id, odds[pick], observed_at=datetime.now(UTC))
                self.selections[number, kind, pick] = selection_id
                self.prices[number, kind, pick] = Fraction(odds[pick])

    @rule(user=st.integers(0, USERS - 1), amount=AMOUNTS)
    def pay_in(self, user: int, amount: int) -> None:
        """Deposits play money."""
        key, money = next(self.keys), Money(amount, "EUR")
        for _ in range(2):
            self.do(
                deposits.deposit(
                    self.pool, self.user_ids[user], money, key, rules=PLAY_MONEY, now=now()
                )
            )
        self.users[user].deposits.append(amount)

    @rule(user=st.integers(0, USERS - 1), amount=AMOUNTS | st.just(None))
    def take_out(self, user: int, amount: int | None) -> None:
        """Asks for money, which is there or not, or for all that is there."""
        amount = amount or self.funds(user)["available"] or 1
        deed = withdrawals.withdraw(
            self.pool, self.user_ids[user], Money(amount, "EUR"), next(self.keys)
        )
        if amount > self.funds(user)["available"]:
            with pytest.raises(InsufficientFunds):
                self.do(deed)
            return
        payment = self.do(deed)
        self.payments.append((user, len(self.users[user].withdrawals), payment.id))
        self.users[user].withdrawals.append((amount, "pending"))

    @precondition(lambda self: self.payments)
    @rule(pick=PICKS, approve=st.booleans())
    def decide_payment(self, pick: int, approve: bool) -> None:  # noqa: FBT001 - drawn.
        """Approves or rejects a withdrawal."""
        user, place, payment_id = self.payments.pop(pick % len(self.payments))
        status = PaymentStatus.COMPLETED if approve else PaymentStatus.REJECTED
        self.do(withdrawals.decide_withdrawal(self.pool, payment_id, Verdict(status=status)))
        amount, _ = self.users[user].withdrawals[place]
        self.users[user].withdrawals[place] = (amount, status.value)

    @rule(
        user=st.integers(0, USERS - 1),
        stake=AMOUNTS,
        picks=st.lists(PICKS, min_size=1, max_size=MATCHES),
        policy=st.sampled_from(["none", "higher", "any"]),
    )
    def place(self, user: int, stake: int, picks: list[int], policy: str) -> None:
        """Asks for a bet on different matches, at the prices there are."""
        names: list[Answer] = []
        for number, pick in zip(self.in_order(picks[0]), picks, strict=False):
            answers = sorted(name for name in self.selections if name[0] == number)
            names.append(answers[pick % len(answers)])
        slip = Slip(
            legs=tuple(
                SlipLeg(selection_id=SelectionId(self.selections[n]), odds=self.odds(n))
                for n in names
            ),
            stake=Money(stake, "EUR"),
            odds_change=OddsChange(policy),
        )
        request = Request(user_id=self.user_ids[user], request_id=next(self.keys), slip=slip)
        placed: Placed = self.do(place_bet(self.pool, request, HOUSE, now()))
        self.requests[request.request_id] = (request, placed)
        legs = [
            PlainLeg(m := self.matches[n[0]], n[1], n[2], self.prices[n], CHANCE, m.score)
            for n in names
        ]
        bet = PlainBet(user, stake, legs, policy, "struck")
        takes_bets = all(leg.match.status in TAKES_BETS for leg in legs)
        if not takes_bets or stake > self.funds(user)["available"]:
            bet.state = "refused"
        elif any(leg.match.status == "live" for leg in legs):
            bet.state = "pending"
        self.bets[placed.bet.id] = bet

    @precondition(lambda self: self.requests)
    @rule(pick=PICKS)
    def place_again(self, pick: int) -> None:
        """Sends a request of before once more, whatever happened since."""
        request, placed = list(self.requests.values())[pick % len(self.requests)]
        again: Placed = self.do(place_bet(self.pool, request, HOUSE, now()))
        assert (again.bet.id, again.answer) == (placed.bet.id, placed.answer)

    @rule()
    def decide(self) -> None:
        """Decides on all bets that wait."""
        self.do(decide_due(self.pool, HOUSE, now() + DELAY))
        for bet in (one for one in self.bets.values() if one.state == "pending"):
            bet.decide([self.prices[self.answer_of(leg)] for leg in bet.legs])

    @rule(pick=PICKS, move=st.integers(-90, 90))
    def move_price(self, pick: int, move: int) -> None:
        """Moves the price of a selection."""
        name = sorted(self.selections)[pick % len(self.selections)]
        self.prices[name] = max(Fraction(11, 10), self.prices[name] + Fraction(move, 100))
        self.do(self._with(a_price, self.selections[name], str(self.odds(name))))

    @rule(number=st.integers(0, MATCHES - 1), status=STATES, score=SCORES)
    def tell(self, number: int, status: str, score: tuple[int, int]) -> None:
        """Tells how a match stands, as it was before or not."""
        match = self.matches[number]
        match.status, match.score = status, score
        self.do(self._with(a_score, self.match_ids[number], score, status=status))

    @rule(number=st.integers(0, MATCHES - 1))
    def settle(self, number: int) -> None:
        """Settles the bets on a match as it stands."""
        match_id = self.match_ids[number]
        self.do(settle_match(self.pool, match_id, waits=AT_ONCE, now=now()))
        match = self.matches[number]
        for bet in (one for one in self.bets.values() if one.state == "struck"):
            for leg in bet.legs:
                if leg.match is match and not leg.by_hand:
                    leg.word = leg.looked_up()

    @rule(
        number=st.integers(0, MATCHES - 1),
        first=SCORES,
        then=SCORES,
        user=st.integers(0, USERS - 1),
    )
    def pay_by_mistake(
        self, number: int, first: tuple[int, int], then: tuple[int, int], user: int
    ) -> None:
        """Puts a result right after what was won by it has left."""
        self.tell(number, "finished", first)
        self.settle(number)
        self.take_out(user, None)
        self.tell(number, "finished", then)
        self.settle(number)

    @precondition(lambda self: self.struck())
    @rule(
        pick=PICKS,
        deed=st.sampled_from(["void", "say", "roll_back", "release"]),
        words=st.lists(st.sampled_from(LegResult), min_size=MATCHES, max_size=MATCHES),
        first_only=st.booleans(),
    )
    def by_hand(self, pick: int, deed: str, words: list[LegResult], *, first_only: bool) -> None:
        """Does what operators do."""
        bet_id, bet = self.struck()[pick % len(self.struck())]
        more: dict[str, Any] = {"by": self.user_ids[0], "note": "because", "now": now()}
        said: dict[int, LegResult | None] = dict.fromkeys(range(1, len(bet.legs) + 1))
        if deed == "void":
            self.do(by_hand.void_bet(self.pool, bet_id, **more))
            said = dict.fromkeys(said, LegResult.VOID)
        elif deed == "say":
            said = {n: words[n - 1] for n in said if n == 1 or not first_only}
            self.do(by_hand.settle_by_hand(self.pool, bet_id, said, **more))
        else:
            self.do(getattr(by_hand, deed)(self.pool, bet_id, **more))
        for number, word in said.items():
            leg = bet.legs[number - 1]
            leg.word, leg.by_hand = word and word.value, deed != "release"

    @precondition(lambda self: self.accepted())
    @rule(pick=PICKS, share=st.sampled_from(["1", "1", "0.5", "0.37", "0.01"]))
    def cash_out(self, pick: int, share: str) -> None:
        """Takes what is offered for a bet, or for a share of it."""
        bet_id, bet = self.accepted()[pick % len(self.accepted())]
        user_id, worth = self.user_ids[bet.user], bet.worth(Fraction(MARGIN))
        offer = cash_out_offer(self.pool, bet_id, user_id, HOUSE, margin=MARGIN, now=now())
        if worth is None:
            with pytest.raises((MarketClosed, MarketSuspended, NothingToCashOut)):
                self.do(offer)
            return
        assert self.do(offer) == Money(worth, "EUR")
        part = Fraction(share)
        stake, paid = int(bet.left * part), int(worth * part)
        wish = CashOut(
            bet_id=bet_id, user_id=user_id, request_id=next(self.keys), share=Decimal(share),
            offer=Money(paid, "EUR"),
        )  # fmt: skip
        if 0 in (stake, paid):
            with pytest.raises(Invalid):
                self.do(cash_out(self.pool, wish, HOUSE, margin=MARGIN, now=now()))
            return
        for _ in range(2):
            self.do(cash_out(self.pool, wish, HOUSE, margin=MARGIN, now=now()))
        bet.cashed.append((stake, paid))
        if part == 1:
            bet.state = "cashed_out"

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        """Compares bets, balances and what hangs on markets; proves the ledger."""
        self.do(self._compare())

    async def _compare(self) -> None:
        async with engine.connection(self.pool) as connection:
            proof = await check_ledger(connection)
            assert proof.faults == ()
            for bet in await bets_of_ids(connection, list(self.bets)):
                plain = self.bets[bet.id]
                paid = plain.settled_for + sum(one for _, one in plain.cashed)
                assert (bet.status, bet.returned.amount_minor) == (plain.status, paid), bet
            for number, user_id in enumerate(self.user_ids):
                rows = await connection.fetch(
                    "SELECT kind, balance FROM accounts WHERE user_id = $1", user_id
                )
                has = {row["kind"]: row["balance"] for row in rows if row["balance"]}
                assert has == {name: n for name, n in self.funds(number).items() if n}
            assert await self._hanging(connection) == self.hanging()

    async def _hanging(self, connection: Connection) -> dict[int, tuple[int, dict[int, int]]]:
        rows = await connection.fetch(
            "SELECT market_id, staked, payouts::text AS payouts FROM market_exposures"
            " WHERE match_id = ANY ($1)",
            self.match_ids,
        )
        found: dict[int, tuple[int, dict[int, int]]] = {}
        for row in rows:
            payouts = msgspec.json.decode(row["payouts"], type=dict[int, int])
            paid = {selection: amount for selection, amount in payouts.items() if amount}
            if paid or row["staked"]:
                found[min(payouts)] = (row["staked"], paid)
        return {min(paid): (staked, paid) for staked, paid in found.values()}

    def hanging(self) -> dict[int, tuple[int, dict[int, int]]]:
        """Returns what hangs on markets, each known by the first of its selections that pays."""
        places = {id(match): number for number, match in enumerate(self.matches)}
        markets: dict[tuple[int, str], tuple[int, dict[int, int]]] = {}
        for (match, kind, pick), (staked, paid) in hanging(self.bets.values()).items():
            number = places[match]
            before, payouts = markets.get((number, kind), (0, {}))
            payouts = payouts | {self.selections[number, kind, pick]: paid}
            markets[number, kind] = (before + staked, payouts)
        return {min(paid): (staked, paid) for staked, paid in markets.values()}

    def funds(self, user: int) -> dict[str, int]:
        """Returns what a user has, by the model."""
        return funds(self.users[user], (b for b in self.bets.values() if b.user == user))

    def struck(self) -> list[tuple[int, PlainBet]]:
        """Returns the bets that are accepted or settled."""
        return [(n, bet) for n, bet in self.bets.items() if bet.state == "struck"]

    def accepted(self) -> list[tuple[int, PlainBet]]:
        """Returns the bets that can be cashed out."""
        return [(n, bet) for n, bet in self.struck() if bet.status == "accepted"]

    def in_order(self, first: int) -> list[int]:
        """Returns the matches, one of them first."""
        return [(first + n) % MATCHES for n in range(MATCHES)]

    def odds(self, name: Answer) -> Decimal:
        """Returns the price of a selection, as a slip says it."""
        price = self.prices[name]
        return Decimal(price.numerator) / price.denominator

    def answer_of(self, leg: PlainLeg) -> Answer:
        """Returns which answer of ours a leg is."""
        [number] = [n for n, match in enumerate(self.matches) if match is leg.match]
        return number, leg.market, leg.pick

    async def _with(self, deed: Any, *args: Any, **options: Any) -> None:
        async with engine.connection(self.pool) as connection:
            await deed(connection, *args, **options)


def now() -> datetime:
    """Returns the time."""
    return datetime.now(UTC)
