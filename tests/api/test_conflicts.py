"""Where providers disagree, as operators see it."""

import time
from typing import Any

import msgspec
import pytest

from app.access.tokens import AccessTokens
from app.api.conflicts import ConflictShape
from app.api.documents import Items
from app.sports.ids import UserId
from tests.api.conftest import Api
from tests.builders import a_match


def as_(api: Api, role: str) -> dict[str, str]:
    """The headers of somebody of that role."""
    tokens: AccessTokens = api.app.state.gate.tokens
    token = tokens.issue(UserId(7), role=role, tier="free", now=time.time())
    return {"authorization": f"Bearer {token}"}


async def a_conflict(api: Api, match_id: int, *, field: str = "points", ended: bool = False) -> str:
    number = await api.connection.fetchval(
        "INSERT INTO conflicts (match_id, field, believed, told, closed_at, outcome, ended_as)"
        " VALUES ($1, $2, '1-0', $3, $4, $5, $6) RETURNING id",
        match_id,
        field,
        '{"b": "0-0", "a": "1-0"}',
        None,
        None,
        None,
    )
    if ended:
        await api.connection.execute(
            "UPDATE conflicts SET closed_at = now(), outcome = 'agreed', ended_as = '1-0'"
            " WHERE id = $1",
            number,
        )
    return str(number)


async def listed(api: Api, **query: Any) -> Items[ConflictShape]:
    answer = await api.get("/api/conflicts", params=query, headers=as_(api, "operator"))
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=Items[ConflictShape])


async def test_a_conflict_says_who_says_what_and_how_it_ended(api: Api):
    match_id = await a_match(api.connection)
    await a_conflict(api, match_id, ended=True)
    (conflict,) = (await listed(api)).items
    assert (conflict.match_id, conflict.sport, conflict.event, conflict.field) == (
        str(match_id),
        "football",
        "Arsenal v Chelsea",
        "points",
    )
    assert [(said.provider, said.said) for said in conflict.told] == [("a", "1-0"), ("b", "0-0")]
    assert (conflict.believed, conflict.outcome, conflict.ended_as) == ("1-0", "agreed", "1-0")


async def test_conflicts_are_narrowed_and_come_newest_first_page_by_page(api: Api):
    arsenal = await a_match(api.connection)
    leeds = await a_match(api.connection, "Leeds", "Hull")
    old = await a_conflict(api, arsenal, ended=True)
    new = await a_conflict(api, arsenal)
    other = await a_conflict(api, leeds, field="status")
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, [other, new, old]),
        ({"open": "true"}, [other, new]),
        ({"open": "false"}, [old]),
        ({"matchId": str(arsenal)}, [new, old]),
        ({"matchId": str(arsenal), "open": "true"}, [new]),
        ({"matchId": "987654321"}, []),
    ]
    for query, expected in cases:
        assert [conflict.id for conflict in (await listed(api, **query)).items] == expected, query
    first = await listed(api, limit=2)
    rest = await listed(api, limit=2, cursor=first.next_cursor)
    assert [c.id for c in (*first.items, *rest.items)] == [other, new, old]
    assert rest.next_cursor is None


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("user", 403), ("operator", 200)])
async def test_only_operators_see_conflicts(api: Api, role: str | None, status: int):
    headers = {} if role is None else as_(api, role)
    assert (await api.get("/api/conflicts", headers=headers)).status_code == status
