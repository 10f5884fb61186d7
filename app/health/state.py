"""When a provider is up, behind, down or recovering, and how long its circuit stays open. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec


class State(StrEnum):
    """How a provider is; the value is what the wire says."""

    UP = "up"
    BEHIND = "behind"  # It answers, but what it says is old.
    DOWN = "down"  # Nothing was heard of it for too long.
    RECOVERING = "recovering"  # It is back; not all of its questions were answered anew.


# No success for so long is an outage: the inactivity feeds of bookmakers allow.
DOWN_AFTER = timedelta(seconds=20)
# Data of matches in play that is older than this is behind.
BEHIND_AFTER = timedelta(seconds=20)
# Failures in a row after which a provider is left alone.
CIRCUIT_FAILURES = 5
CIRCUIT_WAIT_S = 5.0
CIRCUIT_WAIT_S_MAX = 60.0


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one provider of one sport.

    `silence` is how long it may be silent, None: for ever. `expected_since` is from when on it
    should be heard, None: nobody asks it. `answered` says whether each of its questions was
    answered since `since`.
    """

    state: State
    since: datetime
    silence: timedelta | None
    expected_since: datetime | None
    last_success_at: datetime | None
    data_at: datetime | None
    answered: bool


def state_of(seen: Seen, now: datetime) -> State:
    """Returns how it is now."""
    if is_silent(seen, now):
        return State.DOWN
    heard = seen.last_success_at is not None and seen.last_success_at > seen.since
    if seen.state is State.DOWN:
        return State.RECOVERING if heard else State.DOWN
    if seen.state is State.RECOVERING:
        return State.UP if heard and seen.answered else State.RECOVERING
    return State.BEHIND if is_behind(seen, now) else State.UP


def is_silent(seen: Seen, now: datetime) -> bool:
    """Says whether it was not heard of for longer than it may be silent."""
    if seen.expected_since is None or seen.silence is None:
        return False
    heard_at = max(seen.expected_since, seen.last_success_at or seen.expected_since)
    return now - heard_at > max(seen.silence, DOWN_AFTER)


def is_behind(seen: Seen, now: datetime) -> bool:
    """Says whether what it tells of matches in play is old."""
    if seen.data_at is None or seen.expected_since is None:
        return False
    return now - seen.data_at > max(BEHIND_AFTER, seen.silence or BEHIND_AFTER)


def circuit_wait_s(failures: int, share: float) -> float:
    """Returns how long to leave a provider alone after so many failures in a row, 0: not at all.

    Doubles up to a minute; `share`, drawn from 0 to 1, spreads it by a quarter either way, so that
    workers do not come back at once.
    """
    if failures < CIRCUIT_FAILURES:
        return 0.0
    doubled = CIRCUIT_WAIT_S * 2.0 ** min(failures - CIRCUIT_FAILURES, 10)
    return min(doubled, CIRCUIT_WAIT_S_MAX) * (0.75 + share / 2)
