"""Asking the API over real HTTP."""

import logging
import ssl
from pathlib import Path
from typing import Any

import pytest

from app.providers.betfair.client import BOOKS_MAX, EVENTS_MAX, MATCHES_MAX, Betfair
from app.providers.betfair.normalize import MARKETS
from app.providers.betfair.session import BadCertificate
from app.providers.http import Exchange
from app.providers.provider import (
    Ask,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
    ProviderUnreadable,
    QuotaSpent,
    Scope,
)
from app.sports.match import Sport
from tests.providers.betfair.bodies import ARSENAL, EVENT, a_book, a_match, an_event
from tests.providers.betfair.exchange import (
    APP_KEY,
    PASSWORD,
    SECRETS,
    USERNAME,
    Answered,
    Api,
    a_certificate,
    a_client,
    about,
    fault,
    serving_api,
)

FIXTURES = Ask(scope=Scope.FIXTURES, sport=Sport.FOOTBALL)


def prices(*matches: str, sport: Sport = Sport.FOOTBALL) -> Ask:
    return Ask(scope=Scope.MARKETS, sport=sport, matches=matches)


async def test_matches_are_listed_with_their_league_and_sides(api: Api, client: Betfair):
    [told] = (await client.fixtures(FIXTURES)).observations
    assert told.match is not None
    assert told.external_id == EVENT
    assert (told.match.home.name, told.match.away.name) == ("Arsenal", "Chelsea")
    assert told.match.league.name == "English Premier League"
    listed = api.asked_for("listEvents")[0].question["filter"]
    assert listed["eventTypeIds"] == ["1"]
    assert set(listed["marketStartTime"]) == {"from", "to"}


async def test_who_plays_whom_is_asked_once(api: Api, client: Betfair):
    for _ in range(3):
        assert len((await client.fixtures(FIXTURES)).observations) == 1
    assert len(api.asked_for("listMarketCatalogue")) == 1
    assert len(api.asked_for("login")) == 1


async def test_an_event_that_cannot_be_read_stops_no_other(api: Api, client: Betfair):
    api.answers["listEvents"] = lambda _: [
        {"event": {"id": 7}},
        an_event(at="9999-01-01T00:00:00Z"),
    ]
    answer = await client.fixtures(FIXTURES)
    assert {one.code for one in answer.rejected} == {"unreadable", "bad_start"}
    assert not answer.observations


async def test_prices_of_the_matches_named_are_asked_in_one_go(api: Api, client: Betfair):
    [told] = (await client.markets(prices(EVENT))).observations
    assert {market.type.value for market in told.markets} == {
        "winner",
        "total",
        "handicap",
        "both_to_score",
    }
    [books] = api.asked_for("listMarketBook")
    assert books.question["priceProjection"] == {"priceData": ["EX_BEST_OFFERS"]}
    assert books.headers["x-application"] == APP_KEY
    assert books.headers["x-authentication"] == api.session


async def test_nobody_named_is_nobody_asked(api: Api, client: Betfair):
    assert not (await client.markets(prices())).observations
    assert api.asked == []


async def test_ids_that_are_none_of_theirs_are_not_asked_for(api: Api, client: Betfair):
    assert not (await client.markets(prices("x-1", "٣"))).observations
    assert api.asked == []


async def test_matches_of_another_sport_are_left_out(client: Betfair):
    assert not (await client.markets(prices(EVENT, sport=Sport.TENNIS))).observations


async def test_books_are_asked_within_the_weight_of_a_request(api: Api, client: Betfair):
    count = 30
    ids = [str(36000 + n) for n in range(count)]
    many = [one for n, event in enumerate(ids) for one in a_match(event, 1000 + 10 * n)]
    api.answers["listMarketCatalogue"] = lambda asked: about(asked, many)
    api.answers["listMarketBook"] = lambda asked: [
        a_book(one, {(ARSENAL, 0): [2.5]}) for one in asked.question["marketIds"]
    ]
    answer = await client.markets(prices(*ids))
    assert {one.external_id for one in answer.observations} == set(ids)
    sizes = [len(one.question["marketIds"]) for one in api.asked_for("listMarketBook")]
    assert sum(sizes) == count * 5
    assert max(sizes) == BOOKS_MAX
    assert BOOKS_MAX * 5 <= 200
    for one in api.asked_for("listMarketCatalogue"):
        assert len(one.question["filter"]["eventIds"]) * max(map(len, MARKETS.values())) <= 200
        assert one.question["maxResults"] * 1 <= 200


async def test_what_markets_ask_is_remembered(api: Api, client: Betfair):
    for _ in range(3):
        await client.markets(prices(EVENT))
    assert len(api.asked_for("listMarketCatalogue")) == 1
    assert len(api.asked_for("listMarketBook")) == 3


async def test_a_book_of_an_older_version_does_not_count(api: Api, client: Betfair):
    def book(version: int) -> Any:
        return lambda _: [a_book("1.101", {(ARSENAL, 0): [2.5]}, version=version)]

    api.answers["listMarketBook"] = book(9)
    assert (await client.markets(prices(EVENT))).observations
    api.answers["listMarketBook"] = book(8)
    assert not (await client.markets(prices(EVENT))).observations
    api.answers["listMarketBook"] = book(9)
    assert (await client.markets(prices(EVENT))).observations


async def test_a_session_that_ended_is_renewed_once(api: Api, client: Betfair):
    await client.markets(prices(EVENT))
    api.expire()
    assert (await client.markets(prices(EVENT))).observations
    assert len(api.asked_for("login")) == 2


async def test_a_session_that_never_counts_is_not_renewed_for_ever(api: Api, client: Betfair):
    refusals = [fault("NO_SESSION") for _ in range(10)]
    api.once["listEvents"] = refusals
    with pytest.raises(ProviderRefused):
        await client.fixtures(FIXTURES)
    assert len(api.asked_for("login")) == 2
    assert len(refusals) == 8


@pytest.mark.parametrize(
    ("answered", "error"),
    [
        (fault("TOO_MANY_REQUESTS"), QuotaSpent),
        (fault("TOO_MUCH_DATA"), ProviderUnreadable),
        (fault("INVALID_APP_KEY"), ProviderRefused),
        (fault("SERVICE_BUSY", 500), ProviderUnavailable),
        (fault("TIMEOUT_ERROR", 500), ProviderTimeout),
        ((400, b'{"faultcode":"Client","faultstring":"DSC-0018","detail":{}}'), ProviderUnreadable),
        ((429, b"slow down"), QuotaSpent),
        ((404, b"<html>nothing here</html>"), ProviderRefused),
        ((500, b"<html>sorry</html>"), ProviderUnavailable),
        ((200, b"<html>login</html>"), ProviderUnreadable),
        ((200, b'[{"event":'), ProviderUnreadable),
        ((200, b"{}"), ProviderUnreadable),
        ((200, b"[" * 100_000), ProviderUnreadable),
    ],
)
async def test_what_goes_wrong_is_one_named_error(
    api: Api, client: Betfair, answered: Answered, error: type[ProviderError]
):
    api.once["listEvents"] = [answered]
    with pytest.raises(error):
        await client.fixtures(FIXTURES)


async def test_a_catalogue_that_cannot_be_had_again_still_counts(api: Api, client: Betfair):
    await client.markets(prices(EVENT))
    # As if it were of yesterday.
    client._catalogue.markets._age_s = -1.0  # pyright: ignore[reportPrivateUsage]
    api.once["listMarketCatalogue"] = [fault("TOO_MUCH_DATA")]
    assert (await client.markets(prices(EVENT))).observations
    api.once["listMarketCatalogue"] = [fault("TOO_MUCH_DATA")]
    with pytest.raises(ProviderUnreadable):
        await client.markets(prices(EVENT, "35999"))


async def test_secrets_are_nowhere_but_in_their_requests(
    api: Api, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    caplog.set_level(logging.DEBUG)
    kept: list[Exchange] = []
    client = a_client(api, keep=kept.append)
    await client.fixtures(FIXTURES)
    api.expire()
    api.once["login"] = [(200, b'{"token":"","status":"FAIL","error":"INVALID_USERNAME"}')]
    with pytest.raises(ProviderRefused) as refused:
        await client.fixtures(FIXTURES)
    await client.close()
    printed = capsys.readouterr()
    told = f"{refused.value!r} {refused.value.__context__!r} {caplog.text} {printed} {kept}"
    assert "listEvents" in told
    for secret in SECRETS:
        assert secret not in told
    assert {one.path.rpartition("v1.0")[1] for one in kept} == {"v1.0"}


async def test_scores_are_not_asked_for(api: Api, client: Betfair):
    assert Scope.SCORES not in {rule.scope for rule in client.rules()}
    assert not (await client.scores(Ask(scope=Scope.SCORES, sport=Sport.FOOTBALL))).observations
    assert api.asked == []


async def test_rules_name_every_sport_and_can_be_hurried(api: Api):
    client = a_client(api, fastest_ms=50)
    assert {rule.sport for rule in client.rules()} == set(Sport)
    assert {rule.interval_ms for rule in client.rules()} == {50}
    assert {rule.matches_max for rule in client.rules()} == {0, MATCHES_MAX}
    assert EVENTS_MAX > 0
    await client.close()


async def test_a_log_in_with_a_certificate_shows_it(tmp_path: Path):
    made = a_certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.path)
    server.load_verify_locations(made.path)
    server.verify_mode = ssl.CERT_REQUIRED
    api = Api()
    api.answers["listEvents"] = lambda _: []
    async with serving_api(Api(), made.server) as plain, serving_api(api, server):
        client = a_client(api, tls=made.trust, certificate_file=str(made.path), url=plain.url)
        plain.answers["listEvents"] = lambda _: []
        plain.sessions = 1
        assert (await client.fixtures(FIXTURES)).observations == ()
        await client.close()
    [login] = api.asked
    assert login.path == "/api/certlogin"
    assert login.form == {"username": [USERNAME], "password": [PASSWORD]}
    assert login.headers["x-application"] == APP_KEY


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path):
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing")
    for path in (broken, tmp_path / "missing.pem"):
        with pytest.raises(BadCertificate, match=path.name):
            a_client(Api(), certificate_file=str(path))
