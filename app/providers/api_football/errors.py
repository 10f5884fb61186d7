"""How API-Football says no: within HTTP 200, by an object of messages instead of an empty list."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from app.providers.api_football.payloads import Envelope
from app.providers.items import UNDECODABLE
from app.providers.provider import (
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    ProviderUnreadable,
    QuotaSpent,
)

MESSAGE_LENGTH_MAX = 200
# Their minute begins we don't know when; after a whole one it has surely passed.
MINUTE_S = 60.0

_REFUSED = frozenset({"token", "access", "plan", "subscription", "ip", "key"})
_ON_THEIR_SIDE = frozenset({"bug", "report", "time"})


def opened(body: bytes, now: datetime, hidden: str = "") -> Envelope:
    """Returns the envelope of a body that says no error; raises ProviderError.

    What `hidden` holds is kept out of the error's text. 204 has no body: nothing to say.
    """
    if not body:
        return Envelope(response=msgspec.Raw(b"[]"))
    try:
        envelope = msgspec.json.decode(body, type=Envelope)
    except UNDECODABLE as error:
        raise ProviderUnreadable(str(error), raw=body) from None
    if envelope.bug is not None:
        raise ProviderUnavailable("they report a bug on their side")
    said = _messages_of(envelope.errors)
    if said:
        raise _error_of(said, now, hidden, body)
    if not bytes(envelope.response):
        raise ProviderUnreadable("neither errors nor a response", raw=body)
    return envelope


def items_of(envelope: Envelope, body: bytes) -> list[msgspec.Raw]:
    """Returns the items of an answer, each unread; raises ProviderUnreadable."""
    try:
        return msgspec.json.decode(envelope.response, type=list[msgspec.Raw])
    except UNDECODABLE as error:
        raise ProviderUnreadable(str(error), raw=body) from None


def seconds_to_midnight(now: datetime) -> float:
    """Returns how long their day lasts still; it ends at midnight UTC."""
    day = now.astimezone(UTC)
    midnight = day.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (midnight - day).total_seconds()


def _messages_of(errors: object) -> Mapping[str, str]:
    if isinstance(errors, Mapping):
        return {str(kind): str(text) for kind, text in errors.items()}
    if isinstance(errors, Sequence) and not isinstance(errors, str):
        return {str(index): str(text) for index, text in enumerate(errors)}
    return {"0": str(errors)} if errors else {}


def _error_of(said: Mapping[str, str], now: datetime, hidden: str, body: bytes) -> ProviderError:
    text = ", ".join(f"{kind}: {message}" for kind, message in said.items())
    if hidden:
        text = text.replace(hidden, "***")
    text = text[:MESSAGE_LENGTH_MAX]
    kinds = set(said)
    if kinds & _REFUSED:
        return ProviderRefused(text)
    if "rateLimit" in kinds:
        return QuotaSpent(text, retry_after_s=MINUTE_S)
    if "requests" in kinds:
        return QuotaSpent(text, retry_after_s=seconds_to_midnight(now))
    if kinds & _ON_THEIR_SIDE:
        return ProviderUnavailable(text)
    return ProviderUnreadable(text, raw=body)
