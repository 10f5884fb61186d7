"""Every way API-Football says no ends as the error that fits."""

import pytest

from app.providers.api_football.errors import items_of, opened, seconds_to_midnight
from app.providers.provider import (
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    ProviderUnreadable,
    QuotaSpent,
)
from tests.providers.api_football.bodies import NOW, body, recorded

DAY_ENDS_IN_S = 5.5 * 3600

# What their answers say, the error it is, how long to wait.
SAID: list[tuple[object, type[ProviderError], float | None]] = [
    ({"token": "Error/Missing application key."}, ProviderRefused, None),
    ({"access": "Your account is suspended."}, ProviderRefused, None),
    ({"plan": "Free plans do not have access to this season."}, ProviderRefused, None),
    ({"rateLimit": "Too many requests."}, QuotaSpent, 60.0),
    ({"requests": "You have reached the request limit for the day."}, QuotaSpent, DAY_ENDS_IN_S),
    ({"time": "x", "bug": "This is on our side", "report": "odds"}, ProviderUnavailable, None),
    ({"required": "At least one parameter is required."}, ProviderUnreadable, None),
    (["What now?"], ProviderUnreadable, None),
    ("What now?", ProviderUnreadable, None),
    ({"plan": "no", "requests": "spent"}, ProviderRefused, None),
]


@pytest.mark.parametrize(("errors", "kind", "wait_s"), SAID)
def test_an_error_within_http_200_is_an_error(
    errors: object, kind: type[ProviderError], wait_s: float | None
) -> None:
    with pytest.raises(ProviderError) as caught:
        opened(body([], errors=errors), NOW)
    assert type(caught.value) is kind
    assert caught.value.retry_after_s == wait_s


@pytest.mark.parametrize("errors", [[], {}, None, ""])
def test_no_error_is_no_error(errors: object) -> None:
    assert items_of(opened(body([], errors=errors), NOW), b"") == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("go-api-football/fixtures_error.json", ProviderRefused),
        ("syurchen93/injuries-error.json", ProviderUnreadable),
    ],
)
def test_recorded_errors_are_what_they_say(name: str, kind: type[ProviderError]) -> None:
    with pytest.raises(kind):
        opened(recorded(name), NOW)


def test_a_fault_of_theirs_may_come_without_an_envelope() -> None:
    with pytest.raises(ProviderUnavailable):
        opened(b'{"time":"2026-06-01","bug":"This is on our side","report":"odds/live"}', NOW)


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b"null", b"{}", b"<html>", b"\xff\xfe", b"[" * 100_000, b'{"errors":[]}']
)
def test_what_is_no_answer_is_unreadable_and_kept(raw: bytes) -> None:
    with pytest.raises(ProviderUnreadable) as caught:
        opened(raw, NOW)
    assert caught.value.raw == raw


def test_a_response_that_is_no_list_is_unreadable() -> None:
    raw = body({"a": 1})
    with pytest.raises(ProviderUnreadable):
        items_of(opened(raw, NOW), raw)


def test_nothing_at_all_is_an_empty_answer() -> None:
    assert items_of(opened(b"", NOW), b"") == []


def test_the_key_is_not_repeated() -> None:
    raw = body([], errors={"token": "key abc123 is wrong " + "x" * 500})
    with pytest.raises(ProviderRefused) as caught:
        opened(raw, NOW, hidden="abc123")
    assert "abc123" not in str(caught.value)
    assert len(str(caught.value)) <= 200


def test_their_day_ends_at_midnight_in_utc() -> None:
    assert seconds_to_midnight(NOW) == DAY_ENDS_IN_S
