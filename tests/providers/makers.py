"""Each provider there is, over a stadium: what is promised by all is held to each of them."""

import ssl
from datetime import UTC, datetime
from typing import Protocol

from app.providers.api_football.client import ApiFootball
from app.providers.betfair.client import Betfair
from app.providers.odds_api.client import OddsApi
from app.providers.provider import AnyProvider, Unlimited
from app.providers.replay.provider import ReplayProvider
from app.providers.replay.recording import load_folder
from app.providers.thesportsdb.client import TheSportsDb
from app.stadium.ground import KEY, Stadium

NOW = datetime(2026, 6, 1, 18, tzinfo=UTC)
SPORT_KEYS = (
    "soccer_world_cup",
    "basketball_nba",
    "icehockey_pwhl",
    "tennis_atp_wimbledon",
)


def replay(stadium: Stadium, key: str = KEY) -> AnyProvider:
    return ReplayProvider(load_folder().recordings, speed=60, lanes=2, now=lambda: NOW)


def api_football(stadium: Stadium, key: str = KEY) -> AnyProvider:
    url = f"{stadium.url}/api-football"
    return ApiFootball(key=key, url=url, allowance=Unlimited(), fastest_ms=1_000)


def api_football_through_rapidapi(stadium: Stadium, key: str = KEY) -> AnyProvider:
    url = f"{stadium.url}/api-football/v3"
    return ApiFootball(key=key, url=url, through="rapidapi", allowance=Unlimited())


def thesportsdb_v1(stadium: Stadium, key: str = KEY) -> AnyProvider:
    url = f"{stadium.url}/thesportsdb"
    return TheSportsDb(key=key, url=url, version=1, allowance=Unlimited())


def thesportsdb_v2(stadium: Stadium, key: str = KEY) -> AnyProvider:
    url = f"{stadium.url}/thesportsdb"
    return TheSportsDb(key=key, url=url, version=2, allowance=Unlimited())


def odds_api(stadium: Stadium, key: str = KEY) -> AnyProvider:
    return OddsApi(
        key=key,
        url=f"{stadium.url}/odds-api",
        sports=SPORT_KEYS,
        regions=("eu",),
        allowance=Unlimited(),
    )


def odds_api_in_american_odds(stadium: Stadium, key: str = KEY) -> AnyProvider:
    return OddsApi(
        key=key,
        url=f"{stadium.url}/odds-api",
        sports=SPORT_KEYS,
        regions=("us",),
        allowance=Unlimited(),
        odds_format="american",
    )


def betfair(stadium: Stadium, key: str = KEY, *, tls: ssl.SSLContext | None = None) -> Betfair:
    url = f"{stadium.url}/betfair"
    return Betfair(
        app_key=key,
        username=key,
        password=key,
        url=url,
        identity_url=url,
        certificate_url=url,
        allowance=Unlimited(),
        tls=tls,
    )


class Maker(Protocol):
    """Makes a provider that asks a stadium, with its key or another one."""

    __name__: str

    def __call__(self, stadium: Stadium, key: str = KEY) -> AnyProvider:
        """Returns the provider, not yet asked."""
        ...


MAKERS: tuple[Maker, ...] = (
    replay,
    api_football,
    api_football_through_rapidapi,
    thesportsdb_v1,
    thesportsdb_v2,
    odds_api,
    odds_api_in_american_odds,
    betfair,
)
