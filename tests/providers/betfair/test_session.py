"""Log in, keep alive, log in again."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from app.providers.betfair import session as of_session
from app.providers.betfair.session import Credentials, Session
from app.providers.provider import (
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    QuotaSpent,
    Unlimited,
)
from tests.providers.betfair.exchange import APP_KEY, PASSWORD, USERNAME, Answered, Api


class Clock:
    """A clock that a test turns."""

    now = 1_000.0


@pytest.fixture
def clock() -> Clock:
    """The clock."""
    return Clock()


@pytest.fixture
async def session(api: Api, clock: Clock) -> AsyncGenerator[Session]:
    """A session that has not begun."""
    session = Session(
        Credentials(app_key=APP_KEY, username=USERNAME, password=PASSWORD),
        identity_url=api.url,
        certificate_url=api.url,
        certificate_file="",
        allowance=Unlimited(),
        tls=None,
        clock=lambda: clock.now,
    )
    yield session
    await session.close()


async def test_a_log_in_is_a_form_with_the_key_beside_it(api: Api, session: Session):
    assert await session.token() == api.session
    [login] = api.asked
    assert login.form == {"username": [USERNAME], "password": [PASSWORD]}
    assert login.headers["x-application"] == APP_KEY
    assert login.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_many_who_ask_at_once_log_in_once(api: Api, session: Session):
    tokens = await asyncio.gather(*(session.token() for _ in range(20)))
    assert set(tokens) == {api.session}
    assert len(api.asked) == 1


async def test_a_session_is_kept_alive_before_it_ends(api: Api, session: Session, clock: Clock):
    await session.token()
    clock.now += of_session.KEEP_ALIVE_AFTER_S - 1
    await session.token()
    assert api.asked_for("keepAlive") == []
    clock.now += 1
    assert await session.token() == "session-1"
    [kept] = api.asked_for("keepAlive")
    assert kept.headers["x-authentication"] == "session-1"
    await session.token()
    assert len(api.asked) == 2


async def test_a_session_that_cannot_be_kept_is_begun_anew(
    api: Api, session: Session, clock: Clock
):
    await session.token()
    clock.now += of_session.KEEP_ALIVE_AFTER_S
    api.once["keepAlive"] = [(200, b'{"token":"","status":"FAIL","error":"NO_SESSION"}')]
    assert await session.token() == "session-2"


async def test_a_keep_alive_that_gets_no_answer_leaves_the_session(
    api: Api, session: Session, clock: Clock
):
    await session.token()
    clock.now += of_session.KEEP_ALIVE_AFTER_S
    api.once["keepAlive"] = [(503, b"")] * 2
    assert await session.token() == "session-1"
    assert await session.token() == "session-1"
    assert len(api.asked_for("keepAlive")) == 2
    clock.now += of_session.KEEP_ALIVE_AGAIN_S
    await session.token()
    assert len(api.asked_for("keepAlive")) == 3


async def test_only_the_session_that_ended_is_forgotten(api: Api, session: Session):
    first = await session.token()
    session.ended(first)
    second = await session.token()
    session.ended(first)
    assert await session.token() == second != first
    assert len(api.asked_for("login")) == 2


@pytest.mark.parametrize(
    ("answered", "error", "text"),
    [
        (
            (200, b'{"token":"","status":"FAIL","error":"INVALID_USERNAME_OR_PASSWORD"}'),
            ProviderRefused,
            "INVALID_USERNAME_OR_PASSWORD",
        ),
        (
            (200, b'{"loginStatus":"INVALID_USERNAME_OR_PASSWORD"}'),
            ProviderRefused,
            "INVALID_USERNAME_OR_PASSWORD",
        ),
        (
            (200, b'{"status":"FAIL","error":"TEMPORARY_BAN_TOO_MANY_REQUESTS"}'),
            QuotaSpent,
            "TEMPORARY_BAN",
        ),
        ((200, b'{"token":"","status":"SUCCESS"}'), ProviderRefused, "SUCCESS"),
        ((200, b"<html>"), ProviderError, "cannot be read"),
        ((503, b""), ProviderUnavailable, "503"),
    ],
)
async def test_a_log_in_that_fails_says_why(
    api: Api, session: Session, answered: Answered, error: type[ProviderError], text: str
):
    api.once["login"] = [answered]
    with pytest.raises(error, match=text):
        await session.token()


async def test_a_refused_log_in_is_not_tried_again_at_once(
    api: Api, session: Session, clock: Clock
):
    api.once["login"] = [(200, b'{"status":"FAIL","error":"INVALID_USERNAME_OR_PASSWORD"}')]
    for _ in range(5):
        with pytest.raises(ProviderRefused, match="INVALID_USERNAME"):
            await session.token()
    assert len(api.asked) == 1
    clock.now += of_session.REFUSED_FOR_S
    assert await session.token() == api.session


def test_credentials_are_not_printed():
    made = Credentials(app_key=APP_KEY, username=USERNAME, password=PASSWORD)
    assert PASSWORD not in f"{made} {made!r}"
    assert APP_KEY not in f"{made} {made!r}"
