"""States by the clock, as a table."""

from datetime import UTC, datetime, timedelta

import pytest

from app.health.state import (
    CIRCUIT_FAILURES,
    CIRCUIT_WAIT_S,
    CIRCUIT_WAIT_S_MAX,
    Seen,
    State,
    circuit_wait_s,
    state_of,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def ago(seconds: float | None) -> datetime | None:
    """So many seconds before now."""
    return None if seconds is None else NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("state", "since", "success", "data", "silence", "expected", "answered", "becomes"),
    [
        ("recovering", 5, None, None, 7, 5, False, "recovering"),
        ("recovering", 30, None, None, 7, 30, False, "down"),
        ("recovering", 5, 1, 1, 7, 5, False, "recovering"),
        ("recovering", 5, 1, 1, 7, 5, True, "up"),
        ("up", 300, 1, 1, 7, 300, True, "up"),
        ("up", 300, 19, 19, 7, 300, True, "up"),
        ("up", 300, 21, 21, 7, 300, True, "down"),
        # Asked every half a minute, it may be silent for longer.
        ("up", 300, 50, 50, 63, 300, True, "up"),
        ("up", 300, 64, 64, 63, 300, True, "down"),
        # It answers, and what it says is old.
        ("up", 300, 1, 21, 7, 300, True, "behind"),
        ("behind", 10, 1, 2, 7, 300, True, "up"),
        ("behind", 10, 21, 40, 7, 300, True, "down"),
        ("up", 300, 1, None, 7, 300, True, "up"),
        # Nobody asks it: nothing follows from its silence, nor from the age of what it said.
        ("up", 300, 250, 250, 7, None, True, "up"),
        # Wanted again a moment ago, after a long rest.
        ("up", 300, 250, None, 7, 2, True, "up"),
        ("down", 40, 60, None, 7, 300, False, "down"),
        ("down", 40, 1, None, 7, 300, True, "recovering"),
        # A feed that promised nothing is never down by silence.
        ("up", 300, 250, None, None, 300, True, "up"),
    ],
)
def test_a_state_follows_from_what_was_heard_and_when(
    state: str, since: float, success: float | None, data: float | None, *, silence: float | None,
    expected: float | None, answered: bool, becomes: str,
):  # fmt: skip
    seen = Seen(
        state=State(state),
        since=NOW - timedelta(seconds=since),
        silence=None if silence is None else timedelta(seconds=silence),
        expected_since=ago(expected),
        last_success_at=ago(success),
        data_at=ago(data),
        answered=answered,
    )
    assert state_of(seen, NOW) is State(becomes)


def test_a_circuit_waits_longer_each_time_and_never_more_than_a_minute_and_a_quarter():
    assert circuit_wait_s(CIRCUIT_FAILURES - 1, 0.5) == 0
    waits = [circuit_wait_s(CIRCUIT_FAILURES + n, 0.5) for n in range(20)]
    assert waits[0] == CIRCUIT_WAIT_S
    assert waits == sorted(waits)
    assert max(waits) == CIRCUIT_WAIT_S_MAX
    assert circuit_wait_s(1_000, 1.0) == CIRCUIT_WAIT_S_MAX * 1.25
    assert circuit_wait_s(1_000, 0.0) == CIRCUIT_WAIT_S_MAX * 0.75
