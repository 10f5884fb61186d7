"""The settings of money: currencies, deposits, how payments are told."""

from decimal import Decimal
from typing import Annotated

import msgspec

from app.variables import env


class WalletSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Play money, unless a payment provider may call the hook."""

    currencies: Annotated[
        str,
        env(
            "CURRENCIES",
            "ISO 4217 codes that are used here, by comma; the first is usual.",
            pattern="^[A-Z]{3}(,[A-Z]{3})*$",
        ),
    ] = "EUR,USD,GBP"
    deposit_per_day_max: Annotated[
        Decimal,
        env("DEPOSIT_PER_DAY_MAX", "What a user may pay in of a currency within 24 hours."),
    ] = Decimal(10_000)
    demo_grant: Annotated[
        Decimal,
        env("DEMO_GRANT", "Play money the demo user of `app up` begins with; 0: none."),
    ] = Decimal(1_000)
    payment_hook_secret: Annotated[
        str,
        env(
            "PAYMENT_HOOK_SECRET",
            "What a payment provider signs its calls with, 32 characters or more. Empty: play "
            "money, deposits are completed at once.",
            secret=True,
            pattern="^(.{32,})?$",
        ),
    ] = ""
    check_every_s: Annotated[
        float, env("LEDGER_CHECK_EVERY_S", "How often workers prove the ledger.", ge=1, le=3600)
    ] = 15.0
