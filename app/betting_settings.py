"""The settings of bets: what holds where no rule of a sport or league says otherwise."""

from decimal import Decimal
from typing import Annotated

import msgspec

from app.variables import env


class BettingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Amounts in units of the currency of the bet."""

    delay_s: Annotated[
        float,
        env("BET_DELAY_S", "How long a bet in play waits before it is accepted.", ge=0, le=60),
    ] = 5.0
    tolerance: Annotated[
        Decimal,
        env("BET_ODDS_TOLERANCE", "Share by which odds may be worse than asked for: 0.03 for 3 %."),
    ] = Decimal(0)
    stake_min: Annotated[Decimal, env("BET_STAKE_MIN", "Least stake of a bet.")] = Decimal("0.10")
    stake_max: Annotated[Decimal, env("BET_STAKE_MAX", "Largest stake of a bet.")] = Decimal(1_000)
    return_max: Annotated[
        Decimal, env("BET_RETURN_MAX", "Most a bet may return, stake included.")
    ] = Decimal(100_000)
    liability_max: Annotated[
        Decimal,
        env("BET_LIABILITY_MAX", "Most a market may cost the house, whichever answer comes true."),
    ] = Decimal(250_000)
    user_day_max: Annotated[
        Decimal, env("BET_USER_DAY_MAX", "Most a user may stake within 24 hours.")
    ] = Decimal(20_000)
    source_age_in_play_s: Annotated[
        float,
        env(
            "BET_SOURCE_AGE_S",
            "How old the newest quote behind a price may be in play.",
            gt=0,
            le=600,
        ),
    ] = 30.0
    source_age_ahead_s: Annotated[
        float,
        env(
            "BET_SOURCE_AGE_AHEAD_S",
            "How old the newest quote behind a price may be before the start.",
            gt=0,
            le=86_400,
        ),
    ] = 900.0
    cash_out_margin: Annotated[
        Decimal, env("CASH_OUT_MARGIN", "Share that is kept of what a bet is worth: 0.05 for 5 %.")
    ] = Decimal("0.05")
    settle_after_s: Annotated[
        float,
        env(
            "SETTLE_AFTER_S",
            "How long a final result must have stood before bets on it are settled.",
            ge=0,
            le=86_400,
        ),
    ] = 10.0
    settle_confidence: Annotated[
        Decimal,
        env(
            "SETTLE_CONFIDENCE",
            "How far (0 to 1) a final result must be believed before bets on it are settled.",
        ),
    ] = Decimal("0.5")
