"""Sign-up, log-in, tokens, tickets, passwords, and the keys that tokens are checked with."""

import time
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from litestar.status_codes import (
    HTTP_200_OK,
    HTTP_201_CREATED,
    HTTP_202_ACCEPTED,
    HTTP_204_NO_CONTENT,
)
from msgspec import Meta

from app.access import tickets
from app.access.accounts import Accounts
from app.access.audit import Caller, caller_of
from app.access.gate import Gate
from app.access.log_ins import LogIns, TokenPair
from app.access.mailed_tokens import Purpose
from app.api.documents import described
from app.api.guards import principal_of, require_log_in, user_of

# Tokens are for their caller alone (RFC 6749 5.1).
NOT_KEPT = {"Cache-Control": "no-store"}
# Well below the time between a key's making and its first signature.
_JWK_SET = "application/jwk-set+json"
_JWKS_KEPT = "public, max-age=15"

Asked = Request[Any, Any, Any]
Email = Annotated[str, Meta(description="E-mail address; case does not matter.", max_length=1_000)]
Password = Annotated[str, Meta(description="8 to 256 characters.", max_length=10_000)]
MailedToken = Annotated[str, Meta(description="The code from the mail.", max_length=512)]


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody signs up and logs in with."""

    email: Email
    password: Password


class Renewal(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A refresh token, to be used up or given back."""

    refresh_token: Annotated[str, Meta(max_length=512)]


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """An address that a mail is asked for."""

    email: Email


class Confirmation(msgspec.Struct, frozen=True, kw_only=True):
    """A mailed code, and the password of the sign-up."""

    token: MailedToken
    password: Password


class NewPassword(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The password of now and the one to come."""

    current_password: Password
    password: Password


class Mailed(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered where a mail says the rest; the same whoever the address belongs to."""

    status: str = "mailed"


class Ticket(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A ticket for `?token=` of a socket: good once."""

    ticket: str
    expires_in: int = tickets.TTL_S


class KeySet(msgspec.Struct, frozen=True, kw_only=True):
    """Public keys as RFC 7517 has them."""

    keys: list[dict[str, str]]


def caller(request: Asked) -> Caller:
    """Returns whom events are told of."""
    return caller_of(principal_of(request), request.scope["state"].get("request_id"))


@post(
    "/auth/register",
    status_code=HTTP_201_CREATED,
    tags=["auth"],
    **described(TokenPair, problems=(400, 409, 422), status=HTTP_201_CREATED),
)
async def register(
    request: Asked, data: JSONBody[Credentials], state: State
) -> Response[TokenPair | Mailed]:
    """Signs up and logs in; where addresses are to be confirmed, 202: a mail says how."""
    log_ins: LogIns = state.log_ins
    if log_ins.verification:
        accounts: Accounts = state.accounts
        await accounts.sign_up(data.email, data.password, caller(request))
        return Response(Mailed(), status_code=HTTP_202_ACCEPTED, headers=NOT_KEPT)
    pair = await log_ins.register(data.email, data.password, caller(request))
    return Response(pair, headers=NOT_KEPT)


@post(
    "/auth/login",
    status_code=HTTP_200_OK,
    tags=["auth"],
    **described(TokenPair, problems=(400, 401, 403)),
)
async def log_in(request: Asked, data: JSONBody[Credentials], state: State) -> Response[TokenPair]:
    """Logs in."""
    log_ins: LogIns = state.log_ins
    pair = await log_ins.log_in(data.email, data.password, caller(request))
    return Response(pair, headers=NOT_KEPT)


@post(
    "/auth/refresh",
    status_code=HTTP_200_OK,
    tags=["auth"],
    **described(TokenPair, problems=(400, 401)),
)
async def refresh(request: Asked, data: JSONBody[Renewal], state: State) -> Response[TokenPair]:
    """Gives the next pair of tokens; the refresh token is used up."""
    log_ins: LogIns = state.log_ins
    return Response(await log_ins.renew(data.refresh_token, caller(request)), headers=NOT_KEPT)


@post("/auth/logout", status_code=HTTP_204_NO_CONTENT, tags=["auth"])
async def log_out(request: Asked, data: JSONBody[Renewal], state: State) -> None:
    """Ends the log-in that a refresh token belongs to; unknown ones are over already."""
    log_ins: LogIns = state.log_ins
    await log_ins.log_out(data.refresh_token, caller(request))


@post(
    "/auth/logout/everywhere",
    status_code=HTTP_204_NO_CONTENT,
    guards=[require_log_in],
    tags=["auth"],
)
async def log_out_everywhere(request: Asked, state: State) -> None:
    """Ends all log-ins of the user, within a second in every process; API keys go on."""
    accounts: Accounts = state.accounts
    await accounts.log_out_everywhere(user_of(request), caller(request))


@post(
    "/auth/verification",
    status_code=HTTP_202_ACCEPTED,
    tags=["auth"],
    **described(Mailed, problems=(400,), status=HTTP_202_ACCEPTED),
)
async def ask_verification(
    request: Asked, data: JSONBody[Address], state: State
) -> Response[Mailed]:
    """Mails the code that confirms an address once more."""
    accounts: Accounts = state.accounts
    accounts.ask(Purpose.VERIFY_EMAIL, data.email, caller(request))
    return Response(Mailed(), headers=NOT_KEPT)


@post(
    "/auth/verify",
    status_code=HTTP_200_OK,
    tags=["auth"],
    **described(TokenPair, problems=(400, 401, 422)),
)
async def verify(request: Asked, data: JSONBody[Confirmation], state: State) -> Response[TokenPair]:
    """Confirms an address by a mailed code and the password, and logs in."""
    accounts: Accounts = state.accounts
    pair = await accounts.verify(data.token, data.password, caller(request))
    return Response(pair, headers=NOT_KEPT)


@post(
    "/auth/password",
    status_code=HTTP_200_OK,
    guards=[require_log_in],
    tags=["auth"],
    **described(TokenPair, problems=(400, 401, 403, 422)),
)
async def change_password(
    request: Asked, data: JSONBody[NewPassword], state: State
) -> Response[TokenPair]:
    """Changes the password; every log-in ends, and the answer begins a new one."""
    accounts: Accounts = state.accounts
    pair = await accounts.change_password(
        user_of(request), data.current_password, data.password, caller(request)
    )
    return Response(pair, headers=NOT_KEPT)


@post(
    "/auth/password/forgotten",
    status_code=HTTP_202_ACCEPTED,
    tags=["auth"],
    **described(Mailed, problems=(400,), status=HTTP_202_ACCEPTED),
)
async def forget_password(
    request: Asked, data: JSONBody[Address], state: State
) -> Response[Mailed]:
    """Mails a code to set a new password with."""
    accounts: Accounts = state.accounts
    accounts.ask(Purpose.RESET_PASSWORD, data.email, caller(request))
    return Response(Mailed(), headers=NOT_KEPT)


@post("/auth/password/reset", status_code=HTTP_204_NO_CONTENT, tags=["auth"])
async def reset_password(request: Asked, data: JSONBody[Confirmation], state: State) -> None:
    """Sets a new password by a mailed code; every log-in ends."""
    accounts: Accounts = state.accounts
    await accounts.reset(data.token, data.password, caller(request))


@post(
    "/auth/ticket",
    status_code=HTTP_200_OK,
    tags=["auth"],
    **described(Ticket, problems=(401,)),
)
async def ticket(request: Asked, state: State) -> Response[Ticket]:
    """Gives a ticket for a socket's address, so that no token stands in it."""
    gate: Gate = state.gate
    issued = await gate.tickets.issue(principal_of(request))
    return Response(Ticket(ticket=issued), headers=NOT_KEPT)


@get(
    "/.well-known/jwks.json",
    tags=["auth"],
    media_type=_JWK_SET,
    responses={
        200: ResponseSpec(
            KeySet,
            description="The answer.",
            media_type=_JWK_SET,  # pyright: ignore[reportArgumentType]
            generate_examples=False,
        )
    },
)
async def jwks(state: State) -> Response[bytes]:
    """Tells the public keys that access tokens are signed with, as a JWK set."""
    gate: Gate = state.gate
    return Response(
        gate.tokens.ring.jwks(time.time()),
        media_type=_JWK_SET,
        headers={"Cache-Control": _JWKS_KEPT},
    )


auth_routes = [
    *(register, log_in, refresh, log_out, log_out_everywhere),
    *(ask_verification, verify, change_password, forget_password, reset_password),
    *(ticket, jwks),
]
