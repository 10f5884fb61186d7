"""From the settings of bets to what bets go by: for the web process and the workers alike."""

from datetime import timedelta

from app.betting.placement import House
from app.betting.rules import Policy, Rules
from app.betting.settlement import Waits
from app.betting_settings import BettingSettings


def house_of(settings: BettingSettings) -> House:
    """Returns the house as its settings say."""
    return House(
        policy=Policy(
            tolerance=settings.tolerance,
            source_age_in_play=timedelta(seconds=settings.source_age_in_play_s),
            source_age_ahead=timedelta(seconds=settings.source_age_ahead_s),
        ),
        rules=Rules(
            delay=timedelta(seconds=settings.delay_s),
            stake_min=settings.stake_min,
            stake_max=settings.stake_max,
            return_max=settings.return_max,
            liability_max=settings.liability_max,
            user_day_max=settings.user_day_max,
        ),
    )


def waits_of(settings: BettingSettings) -> Waits:
    """Returns when a result is good enough to settle by."""
    return Waits(
        after=timedelta(seconds=settings.settle_after_s), confidence=settings.settle_confidence
    )
