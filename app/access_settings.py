"""The settings of access: who may ask, how log-ins are kept, how mail leaves."""

from typing import Annotated, Literal

import msgspec

from app.variables import env

DEVELOPMENT_SECRET = "touchline-development-secret-not-for-production"  # noqa: S105


class MailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How mail to users leaves: the first of command, webhook and console that is set."""

    command: Annotated[
        str,
        env(
            "MAIL_COMMAND",
            "Program and arguments that send one mail: JSON on its standard input.",
            secret=True,
        ),
    ] = ""
    webhook_url: Annotated[
        str, env("MAIL_WEBHOOK_URL", "Address each mail is posted to, as JSON.", secret=True)
    ] = ""
    webhook_secret: Annotated[
        str,
        env("MAIL_WEBHOOK_SECRET", "Signs what is posted: X-Signature, HMAC-SHA256.", secret=True),
    ] = ""


class AccessSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who may ask, and how much."""

    jwt_secret: Annotated[
        str,
        env(
            "JWT_SECRET",
            "Signs access tokens (HS256) until `app keys rotate` made a key, and seals such keys; "
            "at least 32 characters. Production refuses to start with the default.",
            secret=True,
            min_length=32,
        ),
    ] = DEVELOPMENT_SECRET
    jwt_secret_before: Annotated[
        str,
        env(
            "JWT_SECRET_BEFORE",
            "The secret before this one, while its tokens run out: it verifies and opens keys, "
            "and never signs.",
            secret=True,
            pattern=r"^(.{32,})?$",
        ),
    ] = ""
    access_token_ttl_s: Annotated[
        int, env("ACCESS_TOKEN_TTL_S", "How long an access token is good.", ge=30, le=86_400)
    ] = 900
    refresh_token_ttl_s: Annotated[
        int, env("REFRESH_TOKEN_TTL_S", "How long a refresh token is good.", ge=60, le=31_536_000)
    ] = 2_592_000
    anonymous_access: Annotated[
        bool, env("ANONYMOUS_ACCESS", "Whether reads and sockets need no credentials.")
    ] = True
    anonymous_per_minute: Annotated[
        int,
        env(
            "LIMIT_ANONYMOUS_PER_MINUTE",
            "Requests a minute, per address. 0: what `app tiers list` says of anonymous.",
            ge=0,
        ),
    ] = 0
    user_per_minute: Annotated[
        int,
        env(
            "LIMIT_USER_PER_MINUTE",
            "Requests a minute, per user of the tier free. 0: what `app tiers list` says of it.",
            ge=0,
        ),
    ] = 0
    anonymous_sockets: Annotated[
        int,
        env(
            "LIMIT_ANONYMOUS_SOCKETS",
            "Sockets open at once, per address. 0: what `app tiers list` says of anonymous.",
            ge=0,
        ),
    ] = 0
    user_sockets: Annotated[
        int,
        env(
            "LIMIT_USER_SOCKETS",
            "Sockets open at once, per user of the tier free. 0: what `app tiers list` says of it.",
            ge=0,
        ),
    ] = 0
    auth_per_minute: Annotated[
        int, env("LIMIT_AUTH_PER_MINUTE", "Log-ins and registrations a minute, per address.", ge=1)
    ] = 20
    email_verification: Annotated[
        bool,
        env(
            "EMAIL_VERIFICATION",
            "Whether an address must be confirmed by mail before its user can log in.",
        ),
    ] = False
    mail: MailSettings = MailSettings()

    @property
    def mails_by(self) -> Literal["command", "webhook", "console"]:
        """Says how mail leaves."""
        if self.mail.command:
            return "command"
        return "webhook" if self.mail.webhook_url else "console"
