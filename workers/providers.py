"""The providers that are switched on, made from the settings; for workers and for commands."""

import ssl
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from app.providers import registry
from app.providers.provider import AnyProvider
from app.settings import Settings
from app.sports.match import Sport

Maker = Callable[[], AnyProvider]

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class UnknownSport(Exception):
    """A list of sports names one we do not follow; the message names those we do."""


def makers(settings: Settings) -> Mapping[str, Maker]:
    """Returns how each provider we have is made."""
    played = settings.replay
    return {"replay": lambda: registry.replay(played.recordings, played.speed, played.lanes)}


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """Returns what providers' servers are checked with; None: what the system trusts."""
    file = settings.providers.ca_file
    return ssl.create_default_context(cafile=file) if file else None


def is_simulated(url: str) -> bool:
    """Says whether what is there is a stadium of ours: no real provider is on this machine."""
    return urlsplit(url).hostname in _LOOPBACK


def sports_of(text: str) -> tuple[Sport, ...]:
    """Reads a list of sports, by comma; empty: all of them. Raises UnknownSport."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    known = {sport.value for sport in Sport}
    for word in words:
        if word not in known:
            raise UnknownSport(f"no sport {word!r}; there is {', '.join(sorted(known))}")
    return tuple(sport for sport in Sport if not words or sport.value in words)
