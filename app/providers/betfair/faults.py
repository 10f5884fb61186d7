"""Betfair's reasons for not answering, as the errors of ours that they are. Pure."""

from app.providers.provider import (
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnreadable,
    QuotaSpent,
)


class SessionEnded(ProviderRefused):
    """The session is no longer known there; another log-in mends it."""


class ClockUnknown(ProviderUnavailable):
    """The place to resume from is not known there; beginning afresh mends it."""


class TooManyMarkets(ProviderRefused):
    """The subscription names more markets than the account may follow."""


# `errorCode` of the API and of the stream, and the `DSC-` codes of the layer below the API.
_FAULTS: dict[str, type[ProviderError]] = {
    "INVALID_SESSION_INFORMATION": SessionEnded,
    "NO_SESSION": SessionEnded,
    "TOO_MANY_REQUESTS": QuotaSpent,
    # What we asked for is more than one answer holds, or not what the API takes: our mistake.
    "TOO_MUCH_DATA": ProviderUnreadable,
    "INVALID_INPUT_DATA": ProviderUnreadable,
    "REQUEST_SIZE_EXCEEDS_LIMIT": ProviderUnreadable,
    "INVALID_JSON": ProviderUnreadable,
    "INVALID_INPUT": ProviderUnreadable,
    "INVALID_REQUEST": ProviderUnreadable,
    "DSC-0008": ProviderUnreadable,  # JSON that cannot be read.
    "DSC-0018": ProviderUnreadable,  # A parameter is missing.
    "SERVICE_BUSY": ProviderUnavailable,
    "UNEXPECTED_ERROR": ProviderUnavailable,
    "CONNECTION_FAILED": ProviderUnavailable,
    # A worker that was killed is counted there for a moment longer.
    "MAX_CONNECTION_LIMIT_EXCEEDED": ProviderUnavailable,
    "TIMEOUT_ERROR": ProviderTimeout,
    "TIMEOUT": ProviderTimeout,
    "DSC-0019": ProviderTimeout,
    "INVALID_CLOCK": ClockUnknown,
    "SUBSCRIPTION_LIMIT_EXCEEDED": TooManyMarkets,
    # Of log-ins. A ban for too many of them ends by itself.
    "TEMPORARY_BAN_TOO_MANY_REQUESTS": QuotaSpent,
    "INTERNAL_ERROR": ProviderUnavailable,
    "SERVICE_UNAVAILABLE": ProviderUnavailable,
}
# Betfair's word on how long the ban lasts.
BAN_S = 1200.0
CODE_LENGTH_MAX = 60


def error_of(fault: str, raw: bytes = b"") -> ProviderError:
    """Returns the error that a reason stands for; an unknown one is a refusal."""
    kind = _FAULTS.get(fault, ProviderRefused)
    wait_s = BAN_S if fault == "TEMPORARY_BAN_TOO_MANY_REQUESTS" else None
    kept = raw if kind is ProviderUnreadable else b""
    return kind(fault[:CODE_LENGTH_MAX], retry_after_s=wait_s, raw=kept)
