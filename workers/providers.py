"""The providers that are switched on, made from the settings; for workers and for commands."""

import ssl
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from app.database.engine import Pool
from app.polling.quotas import SharedAllowance
from app.polling.windows import Limit, limits_in
from app.provider_settings import OFF
from app.providers import registry
from app.providers.api_football.client import ApiFootball
from app.providers.betfair.client import Betfair
from app.providers.http import Exchange
from app.providers.odds_api.client import OddsApi
from app.providers.odds_api.sports import UnknownSportKey
from app.providers.provider import Allowance, AnyProvider, StreamFeed, Window
from app.providers.thesportsdb.client import REQUESTS_PER_MINUTE, TheSportsDb
from app.settings import Settings
from app.sports.match import Sport

Maker = Callable[[], AnyProvider]
# The allowance of a provider, with what we allow ourselves there.
AllowanceOf = Callable[[str, Sequence[Limit]], Allowance]
Keep = Callable[[Exchange], None]

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class UnknownSport(Exception):
    """A list of sports names one we do not follow; the message names those we do."""


class Makers:
    """Makes providers by name. `keep` is the archive, None without one."""

    def __init__(
        self, settings: Settings, allowance_of: AllowanceOf, keep: Keep | None = None
    ) -> None:
        self._settings = settings
        self._allowance_of = allowance_of
        self._keep = keep
        self._tls = tls_of(settings)
        self._fastest_ms = settings.providers.fastest_ms or None
        self.by_name: Mapping[str, Maker] = {
            "replay": self._replay,
            "api-football": self._api_football,
            "thesportsdb": self._thesportsdb,
            "betfair": self._betfair,
            "odds-api": self._odds_api,
        }

    def switched_on(self, text: str) -> tuple[list[registry.Named], dict[str, AnyProvider]]:
        """Makes the providers a list names; raises registry.UnknownProvider."""
        names = registry.named(text, list(self.by_name))
        return names, registry.switched_on(names, self.by_name)

    def feeds(self, providers: Mapping[str, AnyProvider]) -> list[StreamFeed]:
        """Returns the streams of the providers that have one and are switched on."""
        address = self._settings.providers.betfair.stream
        found = providers.get("betfair")
        return [found.stream(address)] if isinstance(found, Betfair) and address != OFF else []

    def simulated(self) -> frozenset[str]:
        """Returns the providers whose addresses are on this machine."""
        ours = self._settings.providers
        urls = {
            "api-football": ours.api_football.url,
            "thesportsdb": ours.thesportsdb.url,
            "betfair": ours.betfair.url,
            "odds-api": ours.odds_api.url,
        }
        return frozenset(name for name, url in urls.items() if is_simulated(url))

    def _replay(self) -> AnyProvider:
        played = self._settings.replay
        return registry.replay(played.recordings, played.speed, played.lanes)

    def _api_football(self) -> AnyProvider:
        ours = self._settings.providers.api_football
        return ApiFootball(
            key=ours.key,
            url=ours.url,
            through=ours.through,
            allowance=self._allowance_of("api-football", ()),
            keep=self._keep,
            tls=self._tls,
            fastest_ms=self._fastest_ms,
        )

    def _thesportsdb(self) -> AnyProvider:
        ours = self._settings.providers.thesportsdb
        per_minute = ours.per_minute or REQUESTS_PER_MINUTE[ours.version]
        limits = (Limit(window=Window.MINUTE, limit=per_minute),)
        return TheSportsDb(
            key=ours.key,
            url=ours.url,
            version=ours.version,
            allowance=self._allowance_of("thesportsdb", limits),
            keep=self._keep,
            tls=self._tls,
            fastest_ms=self._fastest_ms,
        )

    def _betfair(self) -> AnyProvider:
        ours = self._settings.providers.betfair
        return Betfair(
            app_key=ours.app_key,
            username=ours.username,
            password=ours.password,
            certificate_file=ours.certificate_file,
            identity_url=ours.identity_url,
            certificate_url=ours.certificate_url,
            url=ours.url,
            allowance=self._allowance_of("betfair", ()),
            keep=self._keep,
            tls=self._tls,
            fastest_ms=self._fastest_ms,
        )

    def _odds_api(self) -> AnyProvider:
        ours = self._settings.providers.odds_api
        try:
            return OddsApi(
                key=ours.key,
                url=ours.url,
                sports=words(ours.sports),
                regions=words(ours.regions),
                allowance=self._allowance_of("odds-api", ()),
                keep=self._keep,
                tls=self._tls,
                fastest_ms=self._fastest_ms,
            )
        except UnknownSportKey as error:
            raise registry.UnknownProvider(f"ODDS_API_SPORTS: {error}") from error


def shared(pool: Pool, settings: Settings) -> AllowanceOf:
    """Returns the allowances all processes share; what POLL_QUOTAS says counts beside ours."""
    by_hand = limits_in(settings.polling.quotas)

    def allowance_of(name: str, ours: Sequence[Limit]) -> Allowance:
        windows = {limit.window: limit for limit in (*ours, *by_hand.get(name, ()))}
        return SharedAllowance(pool, name, list(windows.values()))

    return allowance_of


def words(text: str) -> list[str]:
    """Reads a list by comma."""
    return [word.strip() for word in text.split(",") if word.strip()]


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """Returns what providers' servers are checked with; None: what the system trusts."""
    file = settings.providers.ca_file
    return ssl.create_default_context(cafile=file) if file else None


def is_simulated(url: str) -> bool:
    """Says whether what is there is a stadium of ours: no real provider is on this machine."""
    return urlsplit(url).hostname in _LOOPBACK


def sports_of(text: str) -> tuple[Sport, ...]:
    """Reads a list of sports, by comma; empty: all of them. Raises UnknownSport."""
    named = words(text)
    known = {sport.value for sport in Sport}
    for word in named:
        if word not in known:
            raise UnknownSport(f"no sport {word!r}; there is {', '.join(sorted(known))}")
    return tuple(sport for sport in Sport if not named or sport.value in named)
