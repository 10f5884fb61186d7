"""Why a bet is refused, each with a stable code. In the order of `rules`, one is told."""

from typing import Any

from app.errors import AppError
from app.wallet.errors import InsufficientFunds, SelfExcluded, SelfLimitReached


class BetRefused(AppError):
    """A bet that was not struck. `more` goes into the problem: the offer as it is now."""

    code = "bet_refused"
    status = 409

    def __init__(self, detail: str = "", **more: Any) -> None:
        super().__init__(detail)
        self.more = more


class DuplicateLeg(BetRefused):
    """The same selection stands twice on the slip."""

    code = "duplicate_leg"


class RelatedLegs(BetRefused):
    """Legs of an accumulator are of different matches."""

    code = "related_legs"


class MarketClosed(BetRefused):
    """The market takes no bets any more."""

    code = "market_closed"


class MarketSuspended(BetRefused):
    """The market, or the selection, is suspended."""

    code = "market_suspended"


class SourceStale(BetRefused):
    """No provider has confirmed this price lately."""

    code = "source_stale"


class ScoreChanged(BetRefused):
    """The score changed since the bet was asked for."""

    code = "score_changed"


class OddsChanged(BetRefused):
    """The odds are not what was asked for; `current` says what they are."""

    code = "odds_changed"


class StakeTooSmall(BetRefused):
    """The stake is below the least there is; `minStake` says it."""

    code = "stake_too_small"


class StakeTooLarge(BetRefused):
    """The stake, or what it could return, is too large; `maxStake` says what would go."""

    code = "stake_too_large"


class ExposureExceeded(BetRefused):
    """Too much hangs on this outcome already; `maxStake` says what would go."""

    code = "exposure_exceeded"


class NothingToCashOut(BetRefused):
    """This bet cannot be cashed out: it is not accepted, or was cashed out already."""

    code = "nothing_to_cash_out"


class OfferMoved(BetRefused):
    """The cash-out offer is not what was asked for; `current` says what it is."""

    code = "cash_out_moved"


# What a request can be refused with, and is then refused with for ever.
REFUSALS = (BetRefused, InsufficientFunds, SelfLimitReached, SelfExcluded)


def refusal_of(error: AppError) -> dict[str, Any]:
    """Returns a refusal as it is kept, to be given again: the members of its problem."""
    more = error.more if isinstance(error, BetRefused) else {}
    return {
        "title": error.title(),
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        **more,
    }
