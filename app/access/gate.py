"""Who is asking: from the raw headers of a request or a socket to a principal."""

from collections.abc import Iterable, Mapping

from app.access.addresses import Network, client_address, counted_as
from app.access.principal import Principal, anonymous
from app.access.tickets import Tickets, is_ticket
from app.access.tiers import Allowance, Tier
from app.access.tokens import AccessTokens
from app.errors import NotAuthenticated

Headers = Iterable[tuple[bytes, bytes]]


class Gate:
    """Tells who is asking; one a process, shared by REST and sockets."""

    def __init__(
        self,
        tokens: AccessTokens,
        tickets: Tickets,
        *,
        allowances: Mapping[Tier, Allowance],
        anonymous_access: bool,
        proxies: tuple[Network, ...] = (),
    ) -> None:
        self.tokens = tokens
        self.tickets = tickets
        self.allowances = allowances
        self._anonymous_access = anonymous_access
        self._proxies = proxies

    async def principal_of(
        self, headers: Headers, *, peer: str, query_token: str | None = None
    ) -> Principal:
        """Returns who is asking, from the headers, or else a socket's `?token=`.

        `peer` is the address at the other end of the connection. Bad credentials are never taken
        for none: raises NotAuthenticated, TokenExpired, TicketInvalid; NotAuthenticated too when
        there are none and ANONYMOUS_ACCESS is off.
        """
        shown = _header(headers, b"authorization")
        if shown is not None:
            return self.tokens.read(_bearer(shown))
        if query_token and is_ticket(query_token):
            return await self.tickets.take(query_token)
        if query_token:
            return self.tokens.read(query_token)
        if not self._anonymous_access:
            raise NotAuthenticated("This needs credentials: Authorization: Bearer <token>.")
        return self.stranger(headers, peer=peer)

    def stranger(self, headers: Headers, *, peer: str) -> Principal:
        """Returns the caller as somebody without credentials, known by address alone."""
        forwarded = _header(headers, b"x-forwarded-for") or ""
        return anonymous(counted_as(client_address(peer, forwarded, self._proxies)))

    def allowance_of(self, principal: Principal) -> Allowance:
        """Returns how much the principal may ask for."""
        return self.allowances[principal.tier]


def _bearer(shown: str) -> str:
    scheme, _, token = shown.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated("Authorization takes the form: Bearer <token>.")
    return token.strip()


def _header(headers: Headers, name: bytes) -> str | None:
    """Returns a header (lower case, as ASGI has it), repetitions joined by comma, or None."""
    found = [value.decode("latin-1") for key, value in headers if key == name]
    return ",".join(found) if found else None
