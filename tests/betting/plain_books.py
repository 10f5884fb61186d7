"""What bets and money must come to, written another way than the product: from facts, each time.

Nothing is moved here. What a user has is worked out from everything that ever happened; a leg is
told apart into whole bets on lines that cannot fall between; factors are fractions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)
PLAYED_OUT = "finished"
STOPPED = ("abandoned", "awarded")
TAKES_BETS = ("scheduled", "live")


@dataclass
class PlainMatch:
    """A match as it stands; `line` is of its market of totals."""

    line: Fraction
    status: str = "scheduled"
    score: tuple[int, int] | None = None


@dataclass
class PlainLeg:
    """One answer of a bet; `word` is what became of it."""

    match: PlainMatch
    market: str
    pick: str
    odds: Fraction
    chance: Fraction
    score_then: tuple[int, int] | None
    word: str | None = None
    by_hand: bool = False

    @property
    def name(self) -> tuple[int, str, str]:
        """Returns which answer it is."""
        return id(self.match), self.market, self.pick

    def looked_up(self) -> str | None:
        """Returns what the match makes of it as it stands."""
        match = self.match
        if match.status == "cancelled":
            return "void"
        if match.status == PLAYED_OUT:
            return self._played_out()
        reached = match.score is not None and sum(match.score) > match.line + QUARTER
        if self.market == "total" and reached and match.status in ("live", *STOPPED):
            return "won" if self.pick == "over" else "lost"
        return "void" if match.status in STOPPED else None

    def _played_out(self) -> str:
        home, away = self.match.score or (0, 0)
        if self.market == "winner":
            answer = {1: "home", 0: "draw", -1: "away"}[(home > away) - (home < away)]
            return "won" if answer == self.pick else "lost"
        line = self.match.line
        whole = (line,) if (2 * line).denominator == 1 else (line - QUARTER, line + QUARTER)
        sign = 1 if self.pick == "over" else -1
        falls = {sign * ((home + away > one) - (home + away < one)) for one in whole}
        if len(falls) == 2:
            return "half_won" if 1 in falls else "half_lost"
        return {1: "won", 0: "void", -1: "lost"}[falls.pop()]

    def factor(self) -> Fraction:
        """Returns what its word multiplies a stake by."""
        return {
            "won": self.odds,
            "void": Fraction(1),
            "half_won": (self.odds + 1) / 2,
            "half_lost": HALF,
            "lost": Fraction(0),
        }[str(self.word)]


@dataclass
class PlainBet:
    """A bet. `cashed`: stakes given up, and what was paid for each."""

    user: int
    stake: int
    legs: list[PlainLeg]
    policy: str
    state: str
    cashed: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    @property
    def left(self) -> int:
        """Returns what is left of the stake."""
        return self.stake - sum(stake for stake, _ in self.cashed)

    @property
    def is_open(self) -> bool:
        """Says whether its stake is held."""
        return self.status in ("pending", "accepted")

    @property
    def status(self) -> str:
        """Returns its state as the wire has it."""
        if self.state != "struck":
            return self.state
        words = [leg.word for leg in self.legs]
        if "lost" in words:
            return "lost"
        if None in words:
            return "accepted"
        if set(words) == {"void"}:
            return "void"
        if "half_lost" in words:
            return "half_lost"
        return "won" if "won" in words else "half_won"

    @property
    def settled_for(self) -> int:
        """Returns what its settlement pays back; none while it is open, refused or cashed out."""
        if self.state != "struck" or self.is_open or self.status == "lost":
            return 0
        return floored(self.left * product(leg.factor() for leg in self.legs))

    @property
    def potential(self) -> int:
        """Returns the most it may pay back yet."""
        return floored(self.left * product(leg.odds for leg in self.legs))

    def decide(self, prices: Sequence[Fraction]) -> None:
        """Accepts or refuses it, with what is on offer for its legs now."""
        fits = all(
            leg.match.status in TAKES_BETS
            and (leg.match.score or (0, 0)) == (leg.score_then or (0, 0))
            and {"none": price == leg.odds, "higher": price >= leg.odds, "any": True}[self.policy]
            for leg, price in zip(self.legs, prices, strict=True)
        )
        self.state = "struck" if fits else "refused"
        if fits and self.policy != "none":
            for leg, price in zip(self.legs, prices, strict=True):
                leg.odds = price

    def worth(self, margin: Fraction) -> int | None:
        """Returns what would be paid for the rest of it; None when nothing can be."""
        waiting = [leg for leg in self.legs if leg.word is None]
        if any(leg.match.status not in TAKES_BETS for leg in waiting):
            return None
        chances = product(leg.odds * leg.chance for leg in waiting)
        known = product(leg.factor() for leg in self.legs if leg.word is not None)
        return floored(self.left * (1 - margin) * chances * known) or None


@dataclass
class PlainUser:
    """What a user paid in and took out, in the order of asking; a withdrawal says how it stands."""

    deposits: list[int] = field(default_factory=list[int])
    withdrawals: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])


def funds(user: PlainUser, bets: Iterable[PlainBet]) -> dict[str, int]:
    """Returns what a user has, by account, from all that ever happened."""
    bets = list(bets)
    out = sum(amount for amount, state in user.withdrawals if state != "rejected")
    staked = sum(bet.stake for bet in bets if bet.state != "refused")
    back = sum(bet.settled_for + sum(paid for _, paid in bet.cashed) for bet in bets)
    worth = sum(user.deposits) - out - staked + back
    return {
        "available": max(0, worth),
        "owed": min(0, worth),
        "held": sum(bet.left for bet in bets if bet.is_open),
        "withdrawing": sum(amount for amount, state in user.withdrawals if state == "pending"),
    }


def hanging(bets: Iterable[PlainBet]) -> dict[tuple[int, str, str], tuple[int, int]]:
    """Returns what open bets stake on each answer, and what each would pay back."""
    found: dict[tuple[int, str, str], tuple[int, int]] = {}
    for bet in (one for one in bets if one.is_open):
        for leg in bet.legs:
            staked, paid = found.get(leg.name, (0, 0))
            own = bet.left if len(bet.legs) == 1 else 0
            found[leg.name] = (staked + own, paid + bet.potential)
    return found


def product(factors: Iterable[Fraction]) -> Fraction:
    """Returns their product."""
    made = Fraction(1)
    for factor in factors:
        made *= factor
    return made


def floored(amount: Fraction) -> int:
    """Returns the whole cents of it."""
    return amount.numerator // amount.denominator
