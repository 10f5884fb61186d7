"""Grants for private channels: signed as Pusher documents it, given to whom they belong."""

import hmac
from uuid import uuid4

import msgspec
import pytest

from app.access.channel_grants import BetsOf, ChannelGrants, subject_of
from app.access.principal import Principal, anonymous
from app.access.scopes import Scope
from app.errors import AppError, MalformedRequest, NotAllowed, NotAuthenticated
from app.sports.channels import Pattern
from app.sports.ids import UserId

GRANTS = ChannelGrants("key", "s" * 32)
# The worked examples of Pusher's documentation on signatures.
PUSHERS = ChannelGrants("278d425bdf160c739803", "7ad3773142a6692b25b8")
CHANNEL_DATA = '{"user_id":10,"user_info":{"name":"Mr. Channels"}}'
ADA = Principal(key="user:7", user_id=UserId(7))
BETS = "private-users.7.bets"
MATCHES = "private-sports.football.leagues.*.matches.*"


def test_a_signature_is_that_of_pushers_own_example():
    signed = "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
    PUSHERS.check(f"{PUSHERS.key}:{signed}", "1234.1234", "private-foobar", None)


def test_a_user_is_signed_in_as_pushers_own_example():
    user_data = '{"id":"12345"}'
    said = f"1234.1234::user::{user_data}"
    signed = hmac.new(b"7ad3773142a6692b25b8", said.encode(), "sha256").hexdigest()
    assert PUSHERS.user_auth("1234.1234", user_data) == f"{PUSHERS.key}:{signed}"
    with pytest.raises(MalformedRequest):
        PUSHERS.user_auth("1", user_data)


def test_data_that_was_signed_along_counts():
    signed = "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80"
    grantee = PUSHERS.check(f"{PUSHERS.key}:{signed}", "1234.1234", "presence-foobar", CHANNEL_DATA)
    assert grantee is not None
    assert grantee.user_id == 10


def test_what_is_granted_checks_for_this_socket_channel_and_data_alone():
    grant = GRANTS.grant(ADA, "1.2", BETS)
    auth, said = grant.auth, grant.channel_data
    GRANTS.check(auth, "1.2", BETS, said)
    for socket_id, channel, data in (
        ("1.3", BETS, said),
        ("1.2", "private-users.8.bets", said),
        ("1.2", BETS, None),
        ("1.2", BETS, '{"user_id":8}'),
    ):
        with pytest.raises(NotAuthenticated):
            GRANTS.check(auth, socket_id, channel, data)
    with pytest.raises(NotAuthenticated):
        ChannelGrants("key", "t" * 32).check(auth, "1.2", BETS, said)
    with pytest.raises(NotAuthenticated):
        ChannelGrants("other", "s" * 32).check(auth, "1.2", BETS, said)


def test_a_grant_names_the_credentials_it_ends_with():
    ours = msgspec.structs.replace(ADA, generation=3, family=uuid4(), signed_by="k1")
    grant = GRANTS.grant(ours, "1.2", BETS)
    grantee = GRANTS.check(grant.auth, "1.2", BETS, grant.channel_data)
    assert grantee == ours
    nobodys = GRANTS.grant(anonymous("192.0.2.1"), "1.2", MATCHES)
    assert GRANTS.check(nobodys.auth, "1.2", MATCHES, nobodys.channel_data) is None


@pytest.mark.parametrize("auth", [None, "", "key:", ":", "key", "ä:ö", "key:" + "0" * 10_000])
def test_nonsense_for_a_signature_is_refused(auth: str | None):
    with pytest.raises(NotAuthenticated):
        GRANTS.check(auth, "1.2", BETS, None)


@pytest.mark.parametrize(
    ("principal", "channel", "refusal"),
    [
        (Principal(key="user:8", user_id=UserId(8)), BETS, NotAllowed),
        (anonymous("192.0.2.1"), BETS, NotAuthenticated),
        (Principal(key="k", user_id=UserId(7), scopes=frozenset({Scope.FEED})), BETS, NotAllowed),
        (
            Principal(key="k", user_id=UserId(7), scopes=frozenset({Scope.FEED})),
            MATCHES,
            NotAllowed,
        ),
        (ADA, "users.7.bets", NotAllowed),
        (ADA, MATCHES.removeprefix("private-"), NotAllowed),
        (ADA, "presence-sports.football.leagues.x.matches.1", NotAllowed),
        (ADA, "private-private-users.7.bets", NotAllowed),
        (ADA, "private-encrypted-users.7.bets", NotAllowed),
        (ADA, "", NotAllowed),
    ],
)
def test_what_is_not_the_callers_is_not_signed(
    principal: Principal, channel: str, refusal: type[AppError]
):
    with pytest.raises(refusal):
        GRANTS.grant(principal, "1.2", channel)


def test_who_may_read_may_follow_matches_in_private():
    for principal in (ADA, anonymous("192.0.2.1")):
        assert GRANTS.grant(principal, "1.2", MATCHES).auth.startswith("key:")


@pytest.mark.parametrize("socket_id", ["", "1", "1.", "1.2.3", "1.2:x", "1.2\n", "9" * 30 + ".1"])
def test_a_socket_has_the_name_we_gave_it(socket_id: str):
    with pytest.raises(MalformedRequest):
        GRANTS.grant(ADA, socket_id, BETS)


def test_a_channel_tells_of_matches_or_in_private_of_bets():
    assert subject_of(MATCHES) == subject_of(MATCHES[8:]) == Pattern(sport="football")
    assert subject_of(BETS) == BetsOf(UserId(7))
    for name in ("users.7.bets", "private-users.0.bets", "private-users.x.bets", "private-", ""):
        assert subject_of(name) is None
