"""A request on its way to becoming a bet: what it is struck at, or why it is not. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from app.betting.bet import Bet, BetStatus
from app.betting.errors import DuplicateLeg, refusal_of
from app.betting.exposure import Case, Hanging, check_exposure, hanging_of
from app.betting.offers import Offered
from app.betting.record import Answer, LegWritten, Request, bet_as_answered
from app.betting.rules import Policy, Terms, check_day, product, terms_of, total_odds
from app.betting.slip import check_form
from app.errors import AppError, NotFound
from app.sports.ids import MarketId, MatchId, SelectionId, UserId
from app.wallet.errors import InsufficientFunds
from app.wallet.money import AMOUNT_MINOR_MAX, Money
from app.wallet.moves import Holder, Move
from app.wallet.read import Balance

# A user's money of one currency.
Purse = tuple[UserId, str]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request, when it was made, and the refusal of its form, if it has one."""

    request: Request
    at: datetime
    refusal: AppError | None = None

    @property
    def purse(self) -> Purse:
        """Returns whose money is to be staked."""
        return self.request.user_id, self.request.slip.stake.currency


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """What bets that are struck together are held against: markets with all of these bets taken
    off, and what users have and staked within a day. All of it is locked.
    """

    cases: dict[tuple[MarketId, str], Case]
    balances: Mapping[Purse, Balance]
    staked: Mapping[Purse, int]


def asked_of(request: Request, at: datetime) -> Asked:
    """Returns a request that may be looked at; raises Invalid for a slip that can be no bet."""
    try:
        check_form(request.slip)
    except DuplicateLeg as refusal:
        return Asked(request=request, at=at, refusal=refusal)
    return Asked(request=request, at=at)


class Wish:
    """One request among those struck together. `error` says why it is not struck: a refusal, or
    what is wrong with it; without one it has `terms`, and `hanging` is what it adds to markets.
    """

    def __init__(self, asked: Asked, bet_id: int, offered: Mapping[SelectionId, Offered]) -> None:
        self.asked, self.bet_id = asked, bet_id
        self.request, self.error = asked.request, asked.refusal
        self.terms: Terms | None = None
        self.hanging: list[Hanging] = []
        ids = [leg.selection_id for leg in self.request.slip.legs]
        self.offered = [offered[one] for one in ids if one in offered]
        missing = [str(one) for one in ids if one not in offered]
        if missing:
            self.error = NotFound(f"There is no selection {', '.join(missing)}.")

    def look(self, policy: Policy) -> None:
        """Works out what the slip is struck at, or why it is not."""
        if self.error is not None:
            return
        slip = self.request.slip
        ids = [one.offer.selection_id for one in self.offered]
        try:
            self.terms = terms_of(
                slip,
                dict(zip(ids, [one.offer for one in self.offered], strict=True)),
                dict(zip(ids, [one.rules for one in self.offered], strict=True)),
                policy=policy,
                now=self.asked.at,
            )
        except AppError as error:
            self.error = error
            return
        offers = [one.offer for one in self.offered]
        legs = [(one.market_id, one.match_id, one.selection_id) for one in offers]
        self.hanging = hanging_of(legs, slip.stake, self.terms.potential_return)

    def hold_against(self, books: Books) -> None:
        """Strikes or refuses it for what is left of its user's day, of its markets, of the money;
        what was struck before it in the same group counts.
        """
        try:
            after = self._checked(books)
        except AppError as refusal:
            self.error = refusal
        else:
            books.cases.update(after)

    def _checked(self, books: Books) -> dict[tuple[MarketId, str], Case]:
        """Returns the cases of its markets with it; raises StakeTooLarge, ExposureExceeded,
        InsufficientFunds.
        """
        purse, stake, terms = self.asked.purse, self.request.slip.stake, self.terms
        assert terms is not None, self.request
        day_max = min(one.rules.user_day_max for one in self.offered)
        check_day(stake, books.staked[purse], day_max=day_max)
        after: dict[tuple[MarketId, str], Case] = {}
        for one, leg in zip(self.offered, self.hanging, strict=True):
            place = leg.market_id, stake.currency
            after[place] = books.cases[place].with_one(leg)
            check_exposure(
                after[place],
                leg,
                liability_max=one.rules.liability_max,
                stake=stake,
                odds=terms.total_odds,
            )
        if books.balances[purse].available < stake:
            raise InsufficientFunds
        return after

    def bet(self) -> Bet:
        """Returns the bet it became, refused or not."""
        answer = self._struck() if self.error is None else self._refused(self.error)
        return bet_as_answered(self.bet_id, self.request, answer)

    def hold(self) -> Move:
        """Returns the transfer that sets the stake aside."""
        return Move(
            key=f"bet:{self.bet_id}:stake",
            kind="stake",
            user_id=self.request.user_id,
            source=Holder.AVAILABLE,
            target=Holder.HELD,
            amount=self.request.slip.stake,
            reference=f"bet:{self.bet_id}",
        )

    def _struck(self) -> Answer:
        terms = self.terms
        assert terms is not None, self.request
        waits = terms.delay > timedelta(0)
        legs = [
            LegWritten(offer=one.offer, odds_requested=leg.odds, odds=odds)
            for one, leg, odds in zip(self.offered, self.request.slip.legs, terms.odds, strict=True)
        ]
        return Answer(
            status=BetStatus.PENDING if waits else BetStatus.ACCEPTED,
            legs=legs,
            odds=terms.total_odds,
            potential_return=terms.potential_return,
            at=self.asked.at,
            decide_at=self.asked.at + terms.delay if waits else None,
        )

    def _refused(self, error: AppError) -> Answer:
        """The legs are kept as they are on offer now, for people to read; of legs that are related
        or the same the first of each match.
        """
        slip = self.request.slip
        firsts: dict[MatchId, LegWritten] = {}
        for one, leg in zip(self.offered, slip.legs, strict=True):
            written = LegWritten(offer=one.offer, odds_requested=leg.odds, odds=leg.odds)
            firsts.setdefault(one.offer.match_id, written)
        odds = [leg.odds for leg in firsts.values()]
        most = Money(AMOUNT_MINOR_MAX, slip.stake.currency)
        return Answer(
            status=BetStatus.REFUSED,
            legs=list(firsts.values()),
            odds=total_odds(odds),
            potential_return=min(slip.stake.times(product(odds)), most),
            at=self.asked.at,
            refusal=refusal_of(error),
        )
