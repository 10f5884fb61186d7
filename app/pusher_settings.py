"""The settings of the Pusher protocol: the application clients name, and what signs for it."""

from typing import Annotated

import msgspec

from app.variables import env

DEVELOPMENT_PUSHER_SECRET = "touchline-pusher-secret-not-for-production"  # noqa: S105


class PusherSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One application: a key, which clients show, and a secret, which they never see."""

    app_key: Annotated[
        str,
        env(
            "PUSHER_APP_KEY",
            "Names the application in WS /app/{key}: the `key` of pusher-js and Laravel Echo.",
            pattern=r"^[A-Za-z0-9_-]{1,64}$",
        ),
    ] = "touchline"
    app_secret: Annotated[
        str,
        env(
            "PUSHER_APP_SECRET",
            "Signs who may follow private channels (HMAC-SHA256), at least 32 characters; a "
            "server of yours that holds it may sign too. Production refuses the default.",
            secret=True,
            min_length=32,
        ),
    ] = DEVELOPMENT_PUSHER_SECRET
