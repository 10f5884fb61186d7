"""/api/payments: operators decide on withdrawals, payment providers tell what happened."""

from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta

from app.api.answers import Asked, page_body
from app.api.documents import Items, described
from app.api.guards import principal_of, require_operator
from app.api.money_shapes import PaymentShape, payment_shape, rules_of
from app.api.requests import PageQuery, number_in, read_query, unseal
from app.catalog.pages import Page
from app.database import engine
from app.logs import logger
from app.payments import hook, payments
from app.payments.payments import Direction, PaymentStatus, Verdict
from app.payments.withdrawals import decide_withdrawal

_FRESH = {"cache-control": "no-store"}
SIGNATURE = "x-signature"
NOTE_LENGTH_MAX = 200

log = logger(__name__)


class PaymentsQuery(PageQuery, frozen=True, kw_only=True):
    """Which payments."""

    status: PaymentStatus | None = None
    direction: Direction | None = None


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why it was decided so; the user sees it."""

    note: Annotated[str, Meta(max_length=NOTE_LENGTH_MAX)] = ""


@get(
    "/api/payments",
    tags=["operations"],
    guards=[require_operator],
    **described(Items[PaymentShape], query=PaymentsQuery, problems=(400, 401, 403)),
)
async def list_payments(request: Asked, state: State) -> Response[Any]:
    """Lists everybody's deposits and withdrawals, the newest first."""
    query = read_query(request.scope, PaymentsQuery)
    about = f"all payments {query.status} {query.direction}"
    last = unseal(about, query.cursor, tuple[int])
    async with engine.connection(state.pool) as connection:
        found = await payments.payments_before(
            connection,
            None if last is None else last[0],
            limit=query.limit + 1,
            status=query.status,
            direction=query.direction,
        )
    shown = found[: query.limit]
    more = (shown[-1].id,) if len(found) > query.limit else None
    page = Page([msgspec.json.encode(payment_shape(one)).decode() for one in shown], more)
    return Response(page_body(page, about), media_type="application/json", headers=_FRESH)


@post(
    "/api/payments/{payment_id:str}/approve",
    status_code=HTTP_200_OK,
    tags=["operations"],
    guards=[require_operator],
    **described(PaymentShape, problems=(400, 401, 403, 404, 409)),
)
async def approve(
    request: Asked, payment_id: FromPath[str], data: JSONBody[Reason], state: State
) -> Response[PaymentShape]:
    """Sends a withdrawal out."""
    return await _decide(request, payment_id, PaymentStatus.COMPLETED, reason=data, state=state)


@post(
    "/api/payments/{payment_id:str}/reject",
    status_code=HTTP_200_OK,
    tags=["operations"],
    guards=[require_operator],
    **described(PaymentShape, problems=(400, 401, 403, 404, 409)),
)
async def reject(
    request: Asked, payment_id: FromPath[str], data: JSONBody[Reason], state: State
) -> Response[PaymentShape]:
    """Gives the money of a withdrawal back."""
    return await _decide(request, payment_id, PaymentStatus.REJECTED, reason=data, state=state)


@post(
    "/api/payments/hook",
    status_code=HTTP_200_OK,
    tags=["money"],
    **described(PaymentShape, problems=(400, 401, 404, 409, 422)),
)
async def told(request: Asked, state: State) -> Response[PaymentShape]:
    """Takes what a payment provider says of a payment, signed as X-Signature; safe to repeat."""
    body = await request.body()
    hook.check_signature(rules_of(state).hook_secret, request.headers.get(SIGNATURE, ""), body)
    heard = await hook.hear(state.pool, hook.read_call(body))
    log.info("payment_told", payment=heard.id, status=heard.status.value)
    return Response(payment_shape(heard), headers=_FRESH)


async def _decide(
    request: Asked, payment_id: str, status: PaymentStatus, *, reason: Reason, state: State
) -> Response[PaymentShape]:
    operator = principal_of(request).user_id
    verdict = Verdict(status=status, note=reason.note, decided_by=operator)
    number = number_in(payment_id, "payment")
    decided = await decide_withdrawal(state.pool, number, verdict)
    log.info("payment_decided", payment=number, status=status.value, by=operator)
    return Response(payment_shape(decided), headers=_FRESH)


payment_routes: list[Any] = [list_payments, approve, reject, told]
