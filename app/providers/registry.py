"""Which providers are switched on, made from their names."""

from collections.abc import Callable
from pathlib import Path

from app.providers.provider import AnyProvider
from app.providers.replay import recording
from app.providers.replay.provider import ReplayProvider


class UnknownProvider(Exception):
    """PROVIDERS names one we do not have; the message names those we have."""


def replay(folder: str, speed: float, lanes: int) -> AnyProvider:
    """Makes the provider that plays a folder of recordings; empty: those that come along."""
    loaded = recording.load_folder(Path(folder) if folder else recording.SHIPPED)
    return ReplayProvider(loaded.recordings, speed=speed, lanes=lanes)


def switched_on(names: str, makers: dict[str, Callable[[], AnyProvider]]) -> dict[str, AnyProvider]:
    """Makes the providers named, by comma; raises UnknownProvider."""
    made: dict[str, AnyProvider] = {}
    for name in filter(None, (part.strip() for part in names.split(","))):
        if name not in makers:
            raise UnknownProvider(f"PROVIDERS: no provider {name!r}; there is {', '.join(makers)}")
        made[name] = makers[name]()
    return made
