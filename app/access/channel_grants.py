"""Grants: who may follow a private channel, on paper that a socket can check by itself.

As Pusher does: https://pusher.com/docs/channels/library_auth_reference/auth-signatures. A server
that knows the secret signs socket and channel; the client shows the signature when it subscribes.
So the socket needs to know nobody, and a backend of somebody else's may sign for its own users.
"""

import hmac
import re
from hashlib import sha256
from uuid import UUID

import msgspec

from app.access.principal import Principal
from app.errors import MalformedRequest, NotAllowed, NotAuthenticated
from app.sports.channels import Pattern, pattern_of
from app.sports.ids import UserId, number_of

PRIVATE = "private-"
# Two numbers, as Pusher's libraries check it.
_SOCKET_ID = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}\Z")
_BETS = re.compile(r"users\.([0-9]{1,19})\.bets\Z")
# A key of 64, a colon, and a digest in hex.
AUTH_LENGTH_MAX = 160


class BetsOf(msgspec.Struct, frozen=True):
    """`users.{id}.bets`: the bets and the balance of one user. There only in private."""

    user_id: UserId


def subject_of(channel: str) -> Pattern | BetsOf | None:
    """Returns what a channel tells of, `private-` or not; None when there is no such channel."""
    name = channel.removeprefix(PRIVATE)
    pattern = pattern_of(name)
    if pattern is not None:
        return pattern
    found = _BETS.match(name) if channel != name else None
    number = number_of(found[1]) if found else None
    return None if number is None else BetsOf(UserId(number))


class Grant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a client shows with its subscription. `channel_data` is signed along: whose credentials
    the grant was given for, so that it ends with them.
    """

    auth: str
    channel_data: str | None = None


class _Grantee(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What revocations go by of a principal; see there."""

    user_id: int
    generation: int = 0
    family: UUID | None = None
    api_key_id: int | None = None
    signed_by: str | None = None


class ChannelGrants:
    """Signs and checks grants for one application: its key and its secret."""

    def __init__(self, key: str, secret: str) -> None:
        self.key = key
        self._secret = secret.encode()

    def grant(self, principal: Principal, socket_id: str, channel: str) -> Grant:
        """Returns what lets a socket follow a private channel.

        Matches are for everybody who may read, bets for the user they are of. Raises
        MalformedRequest, NotAuthenticated, NotAllowed.
        """
        check_socket_id(socket_id)
        subject = subject_of(channel) if channel.startswith(PRIVATE) else None
        match subject:
            case None:
                raise NotAllowed("There is no private channel of this name.")
            case BetsOf() if principal.user_id is None:
                raise NotAuthenticated("This needs credentials: Authorization: Bearer <token>.")
            case BetsOf(user_id) if principal.user_id != user_id or not principal.may_read:
                raise NotAllowed("These are somebody else's bets.")
            case Pattern() if not principal.may_read:
                raise NotAllowed("These credentials are not made for reading.")
            case _:
                data = _data_of(principal)
                return Grant(auth=self._auth(socket_id, channel, data), channel_data=data)

    def user_auth(self, socket_id: str, user_data: str) -> str:
        """Returns what signs a user in on a socket (Pusher's `user-auth`): `key:signature`."""
        check_socket_id(socket_id)
        return self._auth(socket_id, ":user:", user_data)

    def check(
        self, auth: str | None, socket_id: str, channel: str, data: str | None
    ) -> Principal | None:
        """Returns for whose credentials a grant was given, None when its signer does not say.

        `data` is what was signed along (Pusher's `channel_data`). Raises NotAuthenticated unless
        `auth` was signed for this socket, channel and data.
        """
        signed, shown = self._auth(socket_id, channel, data), (auth or "")[:AUTH_LENGTH_MAX]
        if not hmac.compare_digest(signed.encode(), shown.encode()):
            raise NotAuthenticated("The signature is not of this socket and channel.")
        return None if data is None else _grantee_of(data)

    def _auth(self, socket_id: str, channel: str, data: str | None) -> str:
        said = f"{socket_id}:{channel}" if data is None else f"{socket_id}:{channel}:{data}"
        return f"{self.key}:{hmac.new(self._secret, said.encode(), sha256).hexdigest()}"


def check_socket_id(socket_id: str) -> None:
    """Raises MalformedRequest for what is no name of a socket."""
    if _SOCKET_ID.match(socket_id) is None:
        raise MalformedRequest("socket_id takes the form 123.456, as the server gave it.")


def _data_of(principal: Principal) -> str | None:
    if principal.user_id is None:
        return None
    grantee = _Grantee(
        user_id=principal.user_id,
        generation=principal.generation,
        family=principal.family,
        api_key_id=principal.api_key_id,
        signed_by=principal.signed_by,
    )
    return msgspec.json.encode(grantee).decode()


def _grantee_of(data: str) -> Principal | None:
    """Returns the principal as far as it was said; servers of others sign data of their own."""
    try:
        said = msgspec.json.decode(data, type=_Grantee)
    except msgspec.DecodeError:
        return None
    return Principal(
        key=f"user:{said.user_id}",
        user_id=UserId(said.user_id),
        generation=said.generation,
        family=said.family,
        api_key_id=said.api_key_id,
        signed_by=said.signed_by,
    )
