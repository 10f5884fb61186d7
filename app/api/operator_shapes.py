"""The shapes of answers for operators: what OpenAPI says of them, and tests decode them with."""

from typing import Literal

import msgspec


class ResponseTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds over the newest 200 polls; null before the first answer."""

    p50: int | None
    p95: int | None


class CircuitShape(msgspec.Struct, frozen=True, kw_only=True):
    """Open: nothing is asked until `until`, then one probe."""

    state: Literal["closed", "open", "half_open"]
    until: str | None


class QuotaShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is left of a quota, and when it is renewed."""

    window: Literal["minute", "day", "month"]
    limit: int
    remaining: int
    resets_at: str | None


class ProviderHealthShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One provider of one sport. `successRate` is over the newest 200 polls, 0 to 1."""

    provider: str
    sport: str
    state: Literal["up", "behind", "down", "recovering"]
    since: str
    priority: int
    standby: bool
    success_rate: float | None
    response_ms: ResponseTimes
    errors: dict[str, int]
    failures: int
    last_error: str | None
    last_success_at: str | None
    last_failure_at: str | None
    data_age_ms: int | None
    circuit: CircuitShape
    quota: list[QuotaShape]


class PaceShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How often matches of one kind are asked for; `setMs`: as set by hand for them."""

    phase: Literal["hours before", "minutes before", "live", "break", "just finished"]
    wanted: Literal["nobody", "listed", "watched"]
    set_ms: int | None
    every_ms: int


class PollTaskShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing a provider is asked. `setMs` was set by hand for it, `ruleIntervalMs` is its least.

    `state`: `polled`; `unwanted`, nobody wants it; `standby`, another provider is up; `waiting`,
    for its quota. `nextRunAt` is null unless it is polled.
    """

    task_id: str
    provider: str
    scope: Literal["fixtures", "scores", "markets"]
    sport: str
    part: str | None
    state: Literal["polled", "unwanted", "standby", "waiting"]
    interval_ms: int
    because: str
    rule_interval_ms: int
    set_ms: int | None
    last_run_at: str | None
    last_success_at: str | None
    next_run_at: str | None
    watchers: int
    failures: int
    last_error: str | None
    paces: list[PaceShape]
