"""Scenarios: named sets of faults, lags, quotas and spellings, read from TOML or JSON.

    about = "One line on what happens."
    names = "varied"                     same, varied or hard (see naming)

    [lags]                               seconds of the match a provider is behind
    thesportsdb = 45.0

    [quotas]                             what a key may ask; leaves out: no limit
    odds-api = [{window = "month", most = 500}]

    [[faults]]                           see `faults.Fault`
    provider = "api-football"
    kind = "latency"
    from_s = 60
    for_s = 30
    latency_ms = 5000

JSON has the same keys. Unknown keys are refused.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.errors import AppError
from app.stadium.faults import FAULTS_MAX, Fault
from app.stadium.naming import Degree, ProviderKey
from app.stadium.quotas import Limit

FOLDER = Path(__file__).parent / "scenarios"
# Two hundred faults are about 30 kB.
FILE_BYTES_MAX = 256 * 1024
# Nobody is an hour behind.
Lag = Annotated[float, Meta(ge=0, le=3_600)]

# What the providers sell to somebody who polls every second: enough for a demonstration at any
# speed, with headers that count. API-Football calls this its custom plan.
QUOTAS: Mapping[ProviderKey, tuple[Limit, ...]] = {
    "api-football": (Limit(window="minute", most=1_200), Limit(window="day", most=1_500_000)),
    "thesportsdb": (Limit(window="minute", most=1_000),),
    "odds-api": (Limit(window="second", most=30), Limit(window="month", most=15_000_000)),
    "betfair": (),
}


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is special about a run; an empty one is a calm day."""

    about: Annotated[str, Meta(max_length=500)] = ""
    names: Degree = "varied"
    lags: dict[ProviderKey, Lag] = {}
    quotas: dict[ProviderKey, Annotated[tuple[Limit, ...], Meta(max_length=4)]] = {}
    faults: Annotated[tuple[Fault, ...], Meta(max_length=FAULTS_MAX)] = ()

    def limits_of(self, provider: ProviderKey) -> tuple[Limit, ...]:
        """Returns a provider's quotas, those of a calm day unless the scenario has others."""
        return self.quotas.get(provider, QUOTAS[provider])


class ScenarioRefused(AppError):
    """A scenario cannot be read."""

    code = "scenario_refused"
    status = 422


def names() -> list[str]:
    """Returns the scenarios that come along."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def load(name: str) -> Scenario:
    """Returns a scenario by name or file; raises ScenarioRefused."""
    file = FOLDER / f"{name}.toml" if name in names() else Path(name)
    if not file.is_file():
        listed = ", ".join(names())
        raise ScenarioRefused(f"{name!r} is neither a file nor one of {listed}")
    content = file.read_bytes()
    if len(content) > FILE_BYTES_MAX:
        raise ScenarioRefused(f"{file.name}: more than {FILE_BYTES_MAX} bytes")
    try:
        return msgspec.convert(_told(file, content), Scenario)
    except (msgspec.MsgspecError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioRefused(f"{file.name}: {error}") from error


def _told(file: Path, content: bytes) -> Any:
    if file.suffix == ".json":
        return msgspec.json.decode(content)
    return tomllib.loads(content.decode())
