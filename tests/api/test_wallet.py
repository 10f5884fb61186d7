"""/wallet and /api/payments, over HTTP: money in, money out, statements, limits, the hook."""

import hmac
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from app.wallet.check import check_ledger
from tests.api.caller import Caller, a_caller
from tests.api.conftest import Api, served

HOOK_SECRET = "a secret that payment providers know" * 2


@pytest.fixture
async def user(api: Api) -> Caller:
    """A user of the application with play money."""
    return await a_caller(api, "user@example.org")


@pytest.fixture
async def hooked(database_url: str, redis_url: str) -> AsyncGenerator[Api]:
    """The application with a payment provider behind its hook."""
    async with served(database_url, redis_url, PAYMENT_HOOK_SECRET=HOOK_SECRET) as api:
        yield api


async def told(api: Api, secret: str = HOOK_SECRET, **said: Any) -> httpx.Response:
    """Calls the hook as a payment provider does."""
    body = msgspec.json.encode({"status": "completed", "currency": "EUR", **said})
    signature = hmac.new(secret.encode(), body, "sha256").hexdigest()
    return await api.client.post(
        "/api/payments/hook", content=body, headers={"x-signature": signature}
    )


async def test_play_money_is_there_at_once_and_the_same_request_pays_in_once(user: Caller):
    assert await user.balance() == ("0.00", "0.00", "0.00")
    first = await user.send("/wallet/deposits", {"amount": "25.50"}, key="a")
    again = await user.send("/wallet/deposits", {"amount": 25.5}, key="a")
    assert (first.status_code, first.json()["status"]) == (201, "completed")
    assert again.json() == first.json()
    other = await user.send("/wallet/deposits", {"amount": "25.51"}, key="a")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert await user.balance() == ("25.50", "0.00", "0.00")
    assert (await user.get("/wallet")).json()["playMoney"] is True


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"amount": "0"}, 422, "malformed_money"),
        ({"amount": "-1"}, 422, "malformed_money"),
        ({"amount": "1.001"}, 422, "malformed_money"),
        ({"amount": "1", "currency": "JPY"}, 422, "unknown_currency"),
        ({"amount": "10000.01"}, 422, "deposit_too_large"),
        ({"amount": "ten"}, 422, "invalid"),
        ({}, 422, "invalid"),
    ],
)
async def test_what_is_no_deposit_is_refused(
    user: Caller, body: dict[str, Any], status: int, code: str
):
    refused = await user.send("/wallet/deposits", body)
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text


async def test_a_key_is_asked_for_and_so_is_a_user(api: Api, user: Caller):
    without = await api.client.post("/wallet/deposits", json={"amount": "1"}, headers=user.headers)
    assert (without.status_code, without.json()["code"]) == (400, "idempotency_key_missing")
    nobody = await api.client.get("/wallet")
    assert nobody.status_code == 401


async def test_a_withdrawal_waits_for_an_operator(api: Api, user: Caller):
    operator = await a_caller(api, "operator@example.org", role="operator")
    await user.send("/wallet/deposits", {"amount": "100"})
    too_much = await user.send("/wallet/withdrawals", {"amount": "100.01"})
    assert (too_much.status_code, too_much.json()["code"]) == (409, "insufficient_funds")
    ids = [(await user.send("/wallet/withdrawals", {"amount": "30"})).json()["id"] for _ in "abc"]
    assert await user.balance() == ("10.00", "0.00", "90.00")
    assert (await user.send(f"/api/payments/{ids[0]}/approve", {})).status_code == 403
    listed = (await operator.get("/api/payments?status=pending&limit=2")).json()
    assert [one["id"] for one in listed["items"]] == ids[:0:-1]
    approved = await operator.send(f"/api/payments/{ids[0]}/approve", {})
    again = await operator.send(f"/api/payments/{ids[0]}/approve", {})
    assert approved.json() == again.json()
    refused = await operator.send(f"/api/payments/{ids[0]}/reject", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "payment_decided")
    rejected = await operator.send(f"/api/payments/{ids[1]}/reject", {"note": "ask again"})
    assert (rejected.json()["status"], rejected.json()["note"]) == ("rejected", "ask again")
    assert (await operator.send("/api/payments/999/reject", {})).status_code == 404
    other = await a_caller(api, "other@example.org")
    path = f"/wallet/withdrawals/{ids[2]}"
    assert (await other.send(path, None, method="DELETE")).status_code == 403
    cancelled = await user.send(path, None, method="DELETE")
    assert cancelled.json()["status"] == "cancelled"
    assert await user.balance() == ("70.00", "0.00", "0.00")
    assert (await check_ledger(api.connection, everything=True)).faults == ()


async def test_real_money_comes_when_the_payment_provider_says_so_and_once(hooked: Api):
    user = await a_caller(hooked, "user@example.org")
    asked = await user.send("/wallet/deposits", {"amount": "40"}, key="a")
    assert (asked.status_code, asked.json()["status"]) == (202, "pending")
    payment = int(asked.json()["id"])
    said: dict[str, Any] = {"paymentId": payment, "reference": "psp-1", "amount": "40.00"}
    assert (await told(hooked, "another secret", **said)).json()["code"] == "hook_signature_wrong"
    assert (await told(hooked, **(said | {"amount": "41.00"}))).json()["code"] == "invalid"
    assert await user.balance() == ("0.00", "0.00", "0.00")
    for _ in range(3):
        assert (await told(hooked, **said)).json()["status"] == "completed"
    assert await user.balance() == ("40.00", "0.00", "0.00")
    otherwise = await told(hooked, **(said | {"status": "failed"}))
    assert otherwise.json()["code"] == "payment_decided"
    second = await user.send("/wallet/deposits", {"amount": "40"}, key="b")
    second_id = int(second.json()["id"])
    reused = await told(hooked, paymentId=second_id, reference="psp-1", amount="40.00")
    assert reused.json()["code"] == "payment_decided"
    failed = {"reference": "psp-2", "amount": "40.00", "status": "failed"}
    answer = await told(hooked, paymentId=second_id, **failed)
    assert answer.json()["status"] == "failed"
    out = await user.send("/wallet/withdrawals", {"amount": "15"})
    sent = {"reference": "psp-3", "amount": "15.00"}
    answer = await told(hooked, paymentId=int(out.json()["id"]), **sent)
    assert answer.json()["status"] == "completed"
    assert await user.balance() == ("25.00", "0.00", "0.00")
    unreadable = await hooked.client.post("/api/payments/hook", content=b"{}")
    assert unreadable.status_code == 401


async def test_a_statement_has_pages_and_comes_as_csv(user: Caller):
    for amount in ("10", "20", "30"):
        await user.send("/wallet/deposits", {"amount": amount})
    await user.send("/wallet/withdrawals", {"amount": "5"})
    page = (await user.get("/wallet/transfers?limit=3")).json()
    rest = (await user.get(f"/wallet/transfers?limit=3&cursor={page['nextCursor']}")).json()
    lines = [(one["amount"], one["balanceAfter"]) for one in page["items"] + rest["items"]]
    assert lines == [("-5.00", "55.00"), ("30.00", "60.00"), ("20.00", "30.00"), ("10.00", "10.00")]
    assert rest["nextCursor"] is None
    out = (await user.get("/wallet/transfers?account=withdrawing")).json()["items"]
    assert [one["amount"] for one in out] == ["5.00"]
    later = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (await user.get(f"/wallet/transfers?from={later}")).json()["items"] == []
    table = await user.get("/wallet/transfers?limit=3", accept="text/csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert table.headers["x-next-cursor"] == page["nextCursor"]
    rows = table.text.splitlines()
    assert (len(rows), rows[1].split(",")[2:4]) == (4, ["-5.00", "55.00"])
    assert (await user.get("/wallet/transfers?account=house")).status_code == 400


async def test_a_limit_is_lowered_at_once_and_raised_a_day_later(user: Caller):
    limit = {"kind": "deposit", "period": "day"}

    async def put(**said: Any) -> dict[str, Any]:
        body = {"limits": [limit | said]}
        answer = await user.send("/wallet/limits", body, method="PUT")
        return answer.json()["limits"][0]

    assert (await put(amount="100"))["amount"] == "100.00"
    await user.send("/wallet/deposits", {"amount": "60"})
    over = await user.send("/wallet/deposits", {"amount": "40.01"})
    assert (over.status_code, over.json()["code"]) == (403, "self_limit_reached")
    assert "40.00" in over.json()["detail"]
    raised = await put(amount="500")
    assert (raised["amount"], raised["nextAmount"]) == ("100.00", "500.00")
    waits = datetime.fromisoformat(raised["nextFrom"]) - datetime.now(UTC)
    assert timedelta(hours=23) < waits <= timedelta(hours=24)
    assert (await put(amount=None))["nextAmount"] is None
    lowered = await put(amount="80")
    assert (lowered["amount"], lowered["nextFrom"]) == ("80.00", None)
    over = await user.send("/wallet/deposits", {"amount": "20.01"})
    assert over.json()["code"] == "self_limit_reached"
    assert (await user.send("/wallet/deposits", {"amount": "20"})).status_code == 201


async def test_a_raised_limit_holds_when_its_day_has_come(api: Api, user: Caller):
    for amount in ("10", "50"):
        body = {"limits": [{"kind": "deposit", "period": "week", "amount": amount}]}
        await user.send("/wallet/limits", body, method="PUT")
    await api.connection.execute("UPDATE user_limits SET next_from = now()")
    assert (await user.get("/wallet/limits")).json()["limits"][0]["amount"] == "50.00"
    assert (await user.send("/wallet/deposits", {"amount": "50"})).status_code == 201


async def test_who_stays_away_cannot_pay_in_but_take_out(user: Caller):
    await user.send("/wallet/deposits", {"amount": "50"})
    now = datetime.now(UTC)

    async def away(until: datetime) -> httpx.Response:
        body = {"excludedUntil": until.isoformat()}
        return await user.send("/wallet/limits", body, method="PUT")

    assert (await away(now + timedelta(hours=1))).json()["code"] == "invalid"
    long = (await away(now + timedelta(days=90))).json()["excludedUntil"]
    assert (await away(now + timedelta(days=2))).json()["excludedUntil"] == long
    refused = await user.send("/wallet/deposits", {"amount": "1"})
    assert (refused.status_code, refused.json()["code"]) == (403, "self_excluded")
    assert (await user.send("/wallet/withdrawals", {"amount": "50"})).status_code == 202
