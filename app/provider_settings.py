"""The settings of the providers: where each one is and who we are there."""

from typing import Annotated, Literal

import msgspec

from app.variables import env

# What stands in an address' place when nothing is to be opened: empty means the default.
OFF = "off"


class ApiFootballSettings(msgspec.Struct, frozen=True, kw_only=True):
    """API-Football v3."""

    key: Annotated[str, env("API_FOOTBALL_KEY", "Key of API-Football.", secret=True)] = ""
    url: Annotated[
        str,
        env("API_FOOTBALL_URL", "Where API-Football is; RapidAPI's address for keys of theirs."),
    ] = "https://v3.football.api-sports.io"
    through: Annotated[
        Literal["api-sports", "rapidapi"],
        env("API_FOOTBALL_THROUGH", "Whose key and headers API-Football is asked with."),
    ] = "api-sports"


class TheSportsDbSettings(msgspec.Struct, frozen=True, kw_only=True):
    """TheSportsDB."""

    key: Annotated[
        str, env("THESPORTSDB_KEY", "Key of TheSportsDB; 123 is the free one.", secret=True)
    ] = "123"
    url: Annotated[str, env("THESPORTSDB_URL", "Where TheSportsDB is.")] = (
        "https://www.thesportsdb.com"
    )
    version: Annotated[
        Literal[1, 2],
        env("THESPORTSDB_VERSION", "1: free, fixtures and results; 2: with live scores."),
    ] = 1
    per_minute: Annotated[
        int,
        env(
            "THESPORTSDB_PER_MINUTE",
            "Requests a minute that are allowed there; 0: 30 with version 1, 100 with version 2.",
            ge=0,
            le=1_000_000,
        ),
    ] = 0


class BetfairSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Betfair Exchange."""

    app_key: Annotated[str, env("BETFAIR_APP_KEY", "Application key.", secret=True)] = ""
    username: Annotated[str, env("BETFAIR_USERNAME", "User of the account.")] = ""
    password: Annotated[str, env("BETFAIR_PASSWORD", "Its password.", secret=True)] = ""
    certificate_file: Annotated[
        str,
        env(
            "BETFAIR_CERTIFICATE_FILE",
            "Client certificate and key as PEM, for log-ins without a person; empty: interactive.",
        ),
    ] = ""
    identity_url: Annotated[str, env("BETFAIR_IDENTITY_URL", "Where one logs in.")] = (
        "https://identitysso.betfair.com"
    )
    certificate_url: Annotated[
        str, env("BETFAIR_CERTIFICATE_URL", "Where one logs in with a certificate.")
    ] = "https://identitysso-cert.betfair.com"
    url: Annotated[str, env("BETFAIR_URL", "Where the exchange's API is.")] = (
        "https://api.betfair.com"
    )
    stream: Annotated[str, env("BETFAIR_STREAM", "host:port of the exchange's stream, or off.")] = (
        "stream-api.betfair.com:443"
    )


class OddsApiSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The Odds API v4."""

    key: Annotated[str, env("ODDS_API_KEY", "Key of The Odds API.", secret=True)] = ""
    url: Annotated[str, env("ODDS_API_URL", "Where The Odds API is.")] = (
        "https://api.the-odds-api.com"
    )
    sports: Annotated[
        str,
        env(
            "ODDS_API_SPORTS",
            "Its sport keys that are asked for, by comma: soccer_epl, icehockey_nhl.",
        ),
    ] = ""
    regions: Annotated[
        str, env("ODDS_API_REGIONS", "Its regions of bookmakers; each costs a credit a market.")
    ] = "eu"


class FeedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Feeds that call us."""

    keys: Annotated[
        str,
        env(
            "FEED_KEYS",
            "Who may push, by comma, as provider:secret; secrets have at least 32 characters.",
            secret=True,
        ),
    ] = ""
    per_minute: Annotated[
        int, env("LIMIT_FEED_PER_MINUTE", "Bodies a feed may push in a minute.", ge=1)
    ] = 6_000


class ArchiveSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What providers answered, as it came."""

    folder: Annotated[
        str, env("ARCHIVE_FOLDER", "Where answers of providers are kept; empty: nowhere.")
    ] = ""
    megabytes_max: Annotated[
        int, env("ARCHIVE_MEGABYTES_MAX", "How much is kept; the oldest goes first.", ge=1)
    ] = 1024


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All providers."""

    ca_file: Annotated[
        str,
        env(
            "PROVIDERS_CA_FILE",
            "Certificates that providers' servers are checked with; empty: those of the system.",
        ),
    ] = ""
    fastest_ms: Annotated[
        int,
        env(
            "PROVIDERS_FASTEST_MS",
            "Shortest time between two polls, for servers of your own such as the stadium; "
            "0: what each provider's terms allow.",
            ge=0,
            le=3_600_000,
        ),
    ] = 0
    api_football: ApiFootballSettings = ApiFootballSettings()
    thesportsdb: TheSportsDbSettings = TheSportsDbSettings()
    betfair: BetfairSettings = BetfairSettings()
    odds_api: OddsApiSettings = OddsApiSettings()
    feeds: FeedSettings = FeedSettings()
    archive: ArchiveSettings = ArchiveSettings()
