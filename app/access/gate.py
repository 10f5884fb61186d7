"""Who is asking: from the raw headers of a request or a socket to a principal."""

from collections.abc import Iterable, Mapping

from app.access.addresses import Network, client_address, counted_as
from app.access.errors import TokenRevoked
from app.access.known_keys import KnownKeys
from app.access.principal import Principal, anonymous
from app.access.revocations import Revocations
from app.access.tickets import Tickets, is_ticket
from app.access.tiers import Allowance, Tier
from app.access.tokens import AccessTokens
from app.errors import NotAuthenticated

# What begins like an API key is read as one, wherever a token may stand.
_API_KEY_PREFIX = "tl_"

Headers = Iterable[tuple[bytes, bytes]]


class Gate:
    """Tells who is asking; one a process, shared by REST and sockets."""

    def __init__(
        self,
        tokens: AccessTokens,
        tickets: Tickets,
        *,
        revocations: Revocations,
        keys: KnownKeys,
        allowances: Mapping[Tier, Allowance],
        anonymous_access: bool,
        proxies: tuple[Network, ...] = (),
    ) -> None:
        self.tokens = tokens
        self.tickets = tickets
        self.revocations = revocations
        self.keys = keys
        self.allowances = allowances
        self._anonymous_access = anonymous_access
        self._proxies = proxies

    async def principal_of(
        self, headers: Headers, *, peer: str, query_token: str | None = None
    ) -> Principal:
        """Returns who is asking, from the headers, or else a socket's `?token=`.

        `peer` is the address at the other end of the connection. Bad credentials are never taken
        for none: raises NotAuthenticated, TokenExpired, TokenRevoked, ApiKeyInvalid, TicketInvalid,
        DependencyDown; NotAuthenticated too when there are none and ANONYMOUS_ACCESS is off.
        """
        shown = _header(headers, b"authorization")
        api_key = _header(headers, b"x-api-key")
        if shown is not None and api_key is not None:
            raise NotAuthenticated("Show an access token or an API key, not both.")
        if shown is not None:
            return await self.principal_of_token(_bearer(shown))
        if api_key is not None:
            return self._current(await self.keys.principal_of(api_key.strip()))
        if query_token:
            return await self.principal_of_token(query_token)
        if not self._anonymous_access:
            raise NotAuthenticated(
                "This needs credentials: Authorization: Bearer <token>, or X-API-Key: <key>."
            )
        return self.stranger(headers, peer=peer)

    async def principal_of_token(self, token: str) -> Principal:
        """Returns whose an access token, an API key or a ticket is, which it uses up.

        Raises NotAuthenticated, TokenExpired, TokenRevoked, ApiKeyInvalid, TicketInvalid,
        DependencyDown.
        """
        if token.startswith(_API_KEY_PREFIX):
            return self._current(await self.keys.principal_of(token))
        if is_ticket(token):
            return self._current(await self.tickets.take(token))
        return self._current(self.tokens.read(token))

    def _current(self, principal: Principal) -> Principal:
        if self.revocations.is_revoked(principal):
            raise TokenRevoked
        return principal

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
