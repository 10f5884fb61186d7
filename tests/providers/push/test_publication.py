"""A score somebody publishes: read, or refused with its reason."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from app.providers.items import Unfit
from app.providers.push.publication import PAYLOAD_BYTES_MAX, Subject, read
from app.sports.match import MatchStatus, Period, Score, Sport
from tests.providers.mutated import mutations_of

NOW = datetime(2025, 11, 22, 15, 30, tzinfo=UTC)
TOLD = b'{"homeScore":2,"awayScore":1,"period":"2nd Half"}'


def a_subject(status: str | None = "live") -> Subject:
    """A football match of ours."""
    believed = None if status is None else MatchStatus(status)
    return Subject(match_id=7, sport=Sport.FOOTBALL, status=believed)


def test_a_score_by_our_own_id():
    said = read(TOLD, a_subject(), NOW)
    assert (said.provider, said.external_id, said.match_id) == ("redis", "7", 7)
    assert (said.observed_at, said.received_at, said.incidents) == (NOW, NOW, None)
    assert said.score == Score(status=MatchStatus.LIVE, home=2, away=1, period="2nd Half")


@pytest.mark.parametrize(
    ("believed", "told", "status"),
    [
        (None, None, "live"),
        ("scheduled", None, "live"),
        ("postponed", None, "live"),
        ("paused", None, "paused"),
        ("finished", None, "finished"),
        ("live", "finished", "finished"),
        ("scheduled", "scheduled", "scheduled"),
    ],
)
def test_without_a_status_the_match_stays_where_it_is(
    believed: str | None, told: str | None, status: str
):
    payload = msgspec.json.encode({"homeScore": 0, "awayScore": 0, "status": told})
    said = read(payload, a_subject(believed), NOW)
    assert said.score is not None
    assert said.score.status.value == status


def test_what_more_may_be_said():
    more = {
        "homeScore": 1,
        "awayScore": 1,
        "clock": "60'",
        "periods": [{"name": "1st Half", "home": 1, "away": 1}],
        "observedAt": "2025-11-22T15:29:00Z",
    }
    said = read(msgspec.json.encode(more), a_subject(), NOW)
    assert said.score is not None
    assert said.score.periods == (Period(name="1st Half", home=1, away=1),)
    assert said.observed_at == datetime(2025, 11, 22, 15, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "unreadable"),
        (b"2-1", "unreadable"),
        (b'{"homeScore":2}', "unreadable"),
        (b'{"homeScore":-1,"awayScore":0}', "unreadable"),
        (b'{"homeScore":1,"awayScore":0,"scorer":"x"}', "unreadable"),
        (b'{"homeScore":1,"awayScore":0,"clock":"\\u0000"}', "unreadable"),
        (b'{"homeScore":1,"awayScore":0,"observedAt":"2026-11-22T15:29:00Z"}', "from_the_future"),
        (b" " * PAYLOAD_BYTES_MAX + TOLD, "too_large"),
    ],
)
def test_what_is_no_score_is_refused(payload: bytes, code: str):
    with pytest.raises(Unfit) as raised:
        read(payload, a_subject(), NOW)
    assert raised.value.code == code


def test_a_match_we_do_not_have_is_refused():
    with pytest.raises(Unfit) as raised:
        read(TOLD, None, NOW)
    assert raised.value.code == "unknown_match"


@settings(max_examples=200, deadline=None)
@given(payload=mutations_of(TOLD))
def test_whatever_is_published_is_read_or_refused(payload: Any):
    try:
        said = read(payload, a_subject(), NOW)
    except Unfit:
        return
    assert said.observed_at <= NOW
