"""What a user asks for, whatever form it was sent in. Pure."""

from decimal import Decimal
from hashlib import sha256

import msgspec

from app.betting.bet import OddsChange
from app.betting.errors import DuplicateLeg
from app.errors import Invalid
from app.sports.ids import SelectionId
from app.sports.market import is_odds
from app.wallet.money import Money

# CONTRACT: an accumulator has at most 20 legs.
LEGS_MAX = 20


class SlipLeg(msgspec.Struct, frozen=True, kw_only=True):
    """A selection with the odds the user saw; with `market_version`, on that version only."""

    selection_id: SelectionId
    odds: Decimal
    market_version: int | None = None


class Slip(msgspec.Struct, frozen=True, kw_only=True):
    """A bet to be struck: one leg is a single, several are an accumulator."""

    legs: tuple[SlipLeg, ...]
    stake: Money
    odds_change: OddsChange = OddsChange.NONE

    def fingerprint(self) -> bytes:
        """Returns what tells this slip from any other: 32 bytes, the same for the same wish,
        whether it said 2.5 or 2.50.
        """
        said = [
            [leg.selection_id, f"{leg.odds.normalize():f}", leg.market_version] for leg in self.legs
        ]
        wish = [said, self.stake.amount_minor, self.stake.currency, self.odds_change]
        return sha256(msgspec.json.encode(wish)).digest()


def check_form(slip: Slip) -> None:
    """Raises Invalid for a slip that could never be struck, and DuplicateLeg."""
    if not 1 <= len(slip.legs) <= LEGS_MAX:
        raise Invalid(f"A slip has 1 to {LEGS_MAX} legs.")
    for leg in slip.legs:
        if not is_odds(leg.odds):
            raise Invalid("Odds are decimal odds from 1.001 to 1000 with at most 3 decimals.")
    if len({leg.selection_id for leg in slip.legs}) != len(slip.legs):
        raise DuplicateLeg
