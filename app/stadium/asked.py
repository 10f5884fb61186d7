"""What the providers were asked: how often, by which door, for whose prices, beyond which quota.

For tests. Of a question for prices it is kept when it came and which matches it named, in the words
of the provider: numbers of matches at API-Football, hashes at The Odds API, ids of markets at
Betfair (of matches, where its stream is asked for those); none: it asked for all.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from app.stadium.calls import Call
from app.stadium.naming import ProviderKey
from app.stadium.quotas import Quotas

# Ten minutes of four questions a second, of four providers.
QUESTIONS_MAX = 10_000
# Doors told apart by provider; a path of nobody's is not to fill the memory.
DOORS_MAX = 200
STREAM = "stream"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One question for prices."""

    provider: ProviderKey
    door: str
    at: datetime
    names: tuple[str, ...]


class Asked:
    """Counts what the providers are asked."""

    def __init__(self, quotas: Mapping[ProviderKey, Quotas]) -> None:
        self._quotas = quotas
        self._doors: dict[ProviderKey, Counter[str]] = {key: Counter() for key in quotas}
        self._prices: deque[Question] = deque(maxlen=QUESTIONS_MAX)

    def note(self, provider: ProviderKey, call: Call) -> None:
        """Notes a request, whatever comes of it."""
        doors = self._doors[provider]
        if call.path in doors or len(doors) < DOORS_MAX:
            doors[call.path] += 1
        names = _named(provider, call)
        if names is not None:
            question = Question(provider=provider, door=call.path, at=call.now, names=names)
            self._prices.append(question)

    def note_subscription(self, at: datetime, names: Sequence[str]) -> None:
        """Notes what a line of Betfair's stream is to tell."""
        self._doors["betfair"][STREAM] += 1
        question = Question(provider="betfair", door=STREAM, at=at, names=tuple(names))
        self._prices.append(question)

    def told(self) -> dict[str, Any]:
        """Returns all of it, by provider; `overQuota` counts what was refused for a quota."""
        return {
            key: {
                "requests": sum(self._doors[key].values()),
                "doors": self._doors[key],
                "overQuota": quotas.refused,
                "leastLeft": quotas.least_left,
                "prices": [
                    {"door": each.door, "at": each.at, "names": each.names}
                    for each in self._prices
                    if each.provider == key
                ],
            }
            for key, quotas in self._quotas.items()
        }


def _named(provider: ProviderKey, call: Call) -> tuple[str, ...] | None:
    """Returns the matches or markets a question for prices names; None: it asks for no prices."""
    door = call.path.rstrip("/").rpartition("/")[2]
    match provider:
        case "api-football" if "/odds" in call.path and door in {"odds", "live"}:
            return _listed(call.query.get("fixture", ""))
        case "odds-api" if door == "odds":
            return _listed(call.query.get("eventIds", ""))
        case "betfair" if door == "listMarketBook":
            return _market_ids(call.body)
        case _:
            return None


def _listed(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)


class _Books(msgspec.Struct, rename="camel"):
    market_ids: tuple[str, ...] = ()


def _market_ids(body: bytes) -> tuple[str, ...]:
    try:
        return msgspec.json.decode(body, type=_Books).market_ids
    except msgspec.MsgspecError:
        return ()
