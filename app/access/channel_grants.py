"""Grants: who may follow a private channel, on paper that a socket can check by itself.

As Pusher does: https://pusher.com/docs/channels/library_auth_reference/auth-signatures. A server
that knows the secret signs socket and channel; the client shows the signature when it subscribes.
So the socket needs to know nobody, and a backend of somebody else's may sign for its own users.
"""

import hmac
import re
from hashlib import sha256

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


class ChannelGrants:
    """Signs and checks grants for one application: its key and its secret."""

    def __init__(self, key: str, secret: str) -> None:
        self.key = key
        self._secret = secret.encode()

    def grant(self, principal: Principal, socket_id: str, channel: str) -> str:
        """Returns what lets a socket follow a private channel: `key:signature`.

        Matches are for everybody who may read, bets for the user they are of. Raises
        MalformedRequest, NotAuthenticated, NotAllowed.
        """
        if _SOCKET_ID.match(socket_id) is None:
            raise MalformedRequest("socket_id takes the form 123.456, as the server gave it.")
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
                return f"{self.key}:{self._signature(f'{socket_id}:{channel}')}"

    def check(self, auth: str | None, socket_id: str, channel: str, data: str | None) -> None:
        """Raises NotAuthenticated unless `auth` was signed for this socket and channel.

        `data` is what a signer may have had signed along (Pusher's `channel_data`).
        """
        said = f"{socket_id}:{channel}" if data is None else f"{socket_id}:{channel}:{data}"
        signed = f"{self.key}:{self._signature(said)}"
        shown = (auth or "")[:AUTH_LENGTH_MAX]
        if not hmac.compare_digest(signed.encode(), shown.encode()):
            raise NotAuthenticated("The signature is not of this socket and channel.")

    def _signature(self, said: str) -> str:
        return hmac.new(self._secret, said.encode(), sha256).hexdigest()
