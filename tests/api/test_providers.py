"""How providers are, as operators see it."""

import msgspec

from app.api.documents import Items
from app.api.operator_shapes import ProviderHealthShape
from app.health.noting import Place, keep_provider, note_failure, note_success
from app.polling.quotas import SharedAllowance
from app.polling.windows import Limit
from app.providers.provider import Window
from app.sports.match import Sport
from tests.api.conftest import Api
from tests.api.test_conflicts import as_

PATH = "/api/providers/health"


async def listed(api: Api) -> list[ProviderHealthShape]:
    """What an operator is told."""
    answer = await api.get(PATH, headers=as_(api, "operator"))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return msgspec.json.decode(answer.content, type=Items[ProviderHealthShape]).items


async def test_it_is_for_operators(api: Api):
    assert (await api.get(PATH)).status_code == 401
    assert (await api.get(PATH, headers=as_(api, "user"))).status_code == 403


async def test_nothing_is_known_of_providers_nobody_switched_on(api: Api):
    assert await listed(api) == []


async def test_rate_times_errors_and_what_is_left_are_told_in_order_of_belief(api: Api):
    connection, football = api.connection, Sport.FOOTBALL.value
    await keep_provider(connection, "second", [Sport.TENNIS], Place(priority=1, standby=True))
    await keep_provider(connection, "first", [Sport.FOOTBALL], Place(priority=0))
    for took_ms in (10, 20, 300):
        await note_success(connection, "first", football, took_ms=took_ms)
    await note_failure(connection, "first", football, kind="timeout", error="no answer")
    limit = Limit(window=Window.DAY, limit=100)
    await SharedAllowance(api.app.state.pool, "first", [limit]).take(7)
    first, second = await listed(api)
    assert (first.provider, first.sport, first.state) == ("first", football, "recovering")
    assert (first.success_rate, first.failures) == (0.75, 1)
    assert (first.response_ms.p50, first.response_ms.p95) == (20, 300)
    assert (first.errors, first.last_error) == ({"timeout": 1}, "no answer")
    assert (first.circuit.state, first.circuit.until) == ("closed", None)
    assert [(q.window, q.limit, q.remaining) for q in first.quota] == [("day", 100, 93)]
    assert (second.provider, second.standby, second.success_rate) == ("second", True, None)
    assert second.response_ms.p95 is None
