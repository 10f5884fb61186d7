"""Which providers are switched on, in which order, made from their names."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from app.providers.provider import AnyProvider
from app.providers.replay import recording
from app.providers.replay.provider import ReplayProvider

# Far more than anybody has; a longer list is a mistake.
PROVIDERS_MAX = 32


class UnknownProvider(Exception):
    """PROVIDERS names one we do not have, or one twice; the message says which."""


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A provider that is switched on: its place in the order, and whether it is a standby."""

    name: str
    priority: int
    standby: bool


def replay(folder: str, speed: float, lanes: int) -> AnyProvider:
    """Makes the provider that plays a folder of recordings; empty: those that come along."""
    loaded = recording.load_folder(Path(folder) if folder else recording.SHIPPED)
    return ReplayProvider(loaded.recordings, speed=speed, lanes=lanes)


def named(text: str, known: Sequence[str]) -> list[Named]:
    """Reads `api-football,betfair|thesportsdb`: in order of belief, standbys behind the bar.

    Raises UnknownProvider.
    """
    found: list[Named] = []
    main, _, standby = text.partition("|")
    for part, is_standby in ((main, False), (standby, True)):
        for name in filter(None, (word.strip() for word in part.split(","))):
            if name not in known:
                raise UnknownProvider(
                    f"PROVIDERS: no provider {name!r}; there is {', '.join(known)}"
                )
            if name in {one.name for one in found}:
                raise UnknownProvider(f"PROVIDERS: {name!r} stands there twice")
            found.append(Named(name=name, priority=len(found), standby=is_standby))
    if len(found) > PROVIDERS_MAX:
        raise UnknownProvider(f"PROVIDERS: more than {PROVIDERS_MAX}")
    return found


def switched_on(
    names: Sequence[Named], makers: Mapping[str, Callable[[], AnyProvider]]
) -> dict[str, AnyProvider]:
    """Makes the providers named."""
    return {one.name: makers[one.name]() for one in names}
