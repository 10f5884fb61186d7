"""/wallet: what a user has, statements, deposits, withdrawals, and limits a user sets himself."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Response, delete, get, post, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_202_ACCEPTED

from app.access.scopes import Scope
from app.api.answers import Asked, page_body
from app.api.documents import Items, described
from app.api.guards import require_scope, user_of
from app.api.money_shapes import (
    LimitsShape,
    LimitsWish,
    LineShape,
    PaymentShape,
    PaymentWish,
    StatementQuery,
    WalletShape,
    balance_shape,
    currency_of,
    holder_of,
    idempotency_key,
    limit_shape,
    line_shape,
    money_of,
    payment_shape,
    rules_of,
)
from app.api.requests import PageQuery, number_in, read_query, unseal
from app.catalog.pages import Page
from app.database import engine
from app.errors import MalformedRequest, NotAllowed
from app.payments import payments
from app.payments.deposits import deposit
from app.payments.payments import PaymentStatus, Verdict
from app.payments.withdrawals import decide_withdrawal, withdraw
from app.sports.ids import UserId
from app.wallet.limits import UserLimit, exclude, excluded_until, limits_of, set_limit
from app.wallet.read import Line, balance_of, balances_of, statement_of

_FRESH = {"cache-control": "no-store"}
_JSON = "application/json"
_CSV = "text/csv; charset=utf-8"
_USER = [require_scope(Scope.BET)]


@get("/wallet", tags=["money"], guards=_USER, **described(WalletShape, problems=(401, 403)))
async def wallet(request: Asked, state: State) -> Response[WalletShape]:
    """Says what the caller has, a balance for each currency; the usual one is always there."""
    rules = rules_of(state)
    async with engine.connection(state.pool) as connection:
        found = await balances_of(connection, user_of(request))
        usual = await balance_of(connection, user_of(request), rules.currencies[0])
    return Response(
        WalletShape(
            balances=[
                balance_shape(one) for one in ({usual.available.currency: usual} | found).values()
            ],
            play_money=rules.deposits.play_money,
        ),
        headers=_FRESH,
    )


@get(
    "/wallet/transfers",
    tags=["money"],
    guards=_USER,
    **described(Items[LineShape], query=StatementQuery, problems=(400, 401, 403, 422)),
)
async def statement(request: Asked, state: State) -> Response[Any]:
    """Lists what moved on an account, the newest first, each line with the balance it left.

    With `Accept: text/csv` the same page comes as CSV, its cursor in the header `X-Next-Cursor`.
    """
    query = read_query(request.scope, StatementQuery)
    currency = currency_of(rules_of(state), query.currency)
    holder = holder_of(query.account)
    if holder is None:
        raise MalformedRequest("account: available, held, withdrawing, bonus or owed")
    about = f"statement {currency} {holder} {query.since} {query.until}"
    last = unseal(about, query.cursor, tuple[int])
    async with engine.connection(state.pool) as connection:
        lines = await statement_of(
            connection,
            user_of(request),
            currency,
            holder=holder,
            before_seq=None if last is None else last[0],
            limit=query.limit + 1,
            since=query.since,
            until=query.until,
        )
    shown = lines[: query.limit]
    more = (shown[-1].seq,) if len(lines) > query.limit else None
    page = Page([msgspec.json.encode(line_shape(line)).decode() for line in shown], more)
    body = page_body(page, about)
    if "text/csv" not in request.headers.get("accept", ""):
        return Response(body, media_type=_JSON, headers=_FRESH)
    cursor = msgspec.json.decode(body)["nextCursor"]
    headers = _FRESH | ({"x-next-cursor": cursor} if cursor else {})
    return Response(as_csv(shown), media_type=_CSV, headers=headers)


def as_csv(lines: Sequence[Line]) -> bytes:
    """Returns lines as CSV (RFC 4180); a text that a spreadsheet would run begins with '."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(LineShape.__struct_fields__)
    for line in lines:
        cells = msgspec.structs.astuple(line_shape(line))
        writer.writerow([_harmless(cell) for cell in cells])
    return text.getvalue().encode()


def _harmless(cell: Any) -> str:
    if isinstance(cell, datetime):
        return cell.isoformat()
    text = str(cell)
    is_amount = text.replace("-", "", 1).replace(".", "", 1).isdecimal()
    return f"'{text}" if text[:1] in "=+-@\t\r" and text and not is_amount else text


@post(
    "/wallet/deposits",
    status_code=HTTP_201_CREATED,
    tags=["money"],
    guards=_USER,
    **described(PaymentShape, problems=(400, 401, 403, 409, 422), status=HTTP_201_CREATED),
)
async def pay_in(
    request: Asked, data: JSONBody[PaymentWish], state: State
) -> Response[PaymentShape]:
    """Pays in: 201 and done with play money, 202 and pending until the payment provider says so.

    The header Idempotency-Key names the request: the same again is the same deposit.
    """
    rules = rules_of(state)
    paid = await deposit(
        state.pool,
        user_of(request),
        money_of(rules, data.amount, data.currency),
        idempotency_key(request),
        rules=rules.deposits,
        now=datetime.now(UTC),
    )
    return _payment(paid)


@post(
    "/wallet/withdrawals",
    status_code=HTTP_202_ACCEPTED,
    tags=["money"],
    guards=_USER,
    **described(PaymentShape, problems=(400, 401, 403, 409, 422), status=HTTP_202_ACCEPTED),
)
async def take_out(
    request: Asked, data: JSONBody[PaymentWish], state: State
) -> Response[PaymentShape]:
    """Sets money aside that is to go out, pending until an operator decides."""
    asked = await withdraw(
        state.pool,
        user_of(request),
        money_of(rules_of(state), data.amount, data.currency),
        idempotency_key(request),
    )
    return _payment(asked)


@delete(
    "/wallet/withdrawals/{payment_id:str}",
    status_code=HTTP_200_OK,
    tags=["money"],
    guards=_USER,
    **described(PaymentShape, problems=(400, 401, 403, 404, 409)),
)
async def cancel_withdrawal(
    request: Asked, payment_id: FromPath[str], state: State
) -> Response[PaymentShape]:
    """Takes a withdrawal back that nobody has decided on yet."""
    number = number_in(payment_id, "payment")
    user_id = user_of(request)
    async with engine.connection(state.pool) as connection:
        payment = await payments.lock(connection, number)
    if payment.user_id != user_id:
        raise NotAllowed("This payment is somebody else's.")
    verdict = Verdict(status=PaymentStatus.CANCELLED)
    return _payment(await decide_withdrawal(state.pool, number, verdict))


@get(
    "/wallet/payments",
    tags=["money"],
    guards=_USER,
    **described(Items[PaymentShape], query=PageQuery, problems=(400, 401, 403)),
)
async def own_payments(request: Asked, state: State) -> Response[Any]:
    """Lists the caller's deposits and withdrawals, the newest first."""
    query = read_query(request.scope, PageQuery)
    last = unseal("payments", query.cursor, tuple[int])
    async with engine.connection(state.pool) as connection:
        found = await payments.payments_before(
            connection,
            None if last is None else last[0],
            limit=query.limit + 1,
            user_id=user_of(request),
        )
    shown = found[: query.limit]
    more = (shown[-1].id,) if len(found) > query.limit else None
    page = Page([msgspec.json.encode(payment_shape(one)).decode() for one in shown], more)
    return Response(page_body(page, "payments"), media_type=_JSON, headers=_FRESH)


@get("/wallet/limits", tags=["money"], guards=_USER, **described(LimitsShape, problems=(401, 403)))
async def own_limits(request: Asked, state: State) -> Response[LimitsShape]:
    """Says what the caller allows himself."""
    return await _limits(state, user_of(request))


@put(
    "/wallet/limits",
    tags=["money"],
    guards=_USER,
    **described(LimitsShape, problems=(400, 401, 403, 422)),
)
async def set_limits(
    request: Asked, data: JSONBody[LimitsWish], state: State
) -> Response[LimitsShape]:
    """Sets limits: a lower one holds at once, a higher one (or none) from a day later on.

    `excludedUntil` keeps the caller from betting and paying in; it is never made shorter.
    """
    rules, user_id, now = rules_of(state), user_of(request), datetime.now(UTC)
    async with engine.connection(state.pool) as connection, connection.transaction():
        for wish in data.limits:
            currency = currency_of(rules, wish.currency)
            amount = None if wish.amount is None else money_of(rules, wish.amount, currency)
            limit = UserLimit(kind=wish.kind, period=wish.period, currency=currency, amount=amount)
            await set_limit(connection, user_id, limit, now)
        if data.excluded_until is not None:
            await exclude(connection, user_id, data.excluded_until, now)
    return await _limits(state, user_id)


async def _limits(state: State, user_id: UserId) -> Response[LimitsShape]:
    now = datetime.now(UTC)
    async with engine.connection(state.pool) as connection:
        limits = await limits_of(connection, user_id, now)
        until = await excluded_until(connection, user_id, now)
    shape = LimitsShape(limits=[limit_shape(one) for one in limits], excluded_until=until)
    return Response(shape, headers=_FRESH)


def _payment(payment: payments.Payment) -> Response[PaymentShape]:
    pending = payment.status is PaymentStatus.PENDING
    status = HTTP_202_ACCEPTED if pending else HTTP_201_CREATED
    return Response(payment_shape(payment), status_code=status, headers=_FRESH)


wallet_routes: list[Any] = [
    *(wallet, statement, pay_in, take_out, cancel_withdrawal, own_payments, own_limits, set_limits),
]
