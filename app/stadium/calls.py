"""A request to a provider and its answer, without the server around them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

JSON = "application/json"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request. `path` is what follows the provider's own prefix; header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    now: datetime


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it goes out."""

    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = b""
    media_type: str = JSON


class Desk(Protocol):
    """One provider's side of HTTP."""

    def answer(self, call: Call) -> Reply:
        """Answers a request as the provider would, errors included."""
        ...

    def nearly_spend(self, now: datetime, *, left: int) -> None:
        """Leaves so little of the longest quota, whoever asks."""
        ...


def said(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Returns an answer in JSON."""
    return Reply(status=status, headers=headers or {}, body=msgspec.json.encode(value))
