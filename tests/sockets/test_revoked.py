"""Sockets end with their credentials: 4401 within a second, and nobody else's."""

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection

from app.access import api_keys
from app.access.scopes import Scope
from app.access.users import create_user
from app.sports.ids import UserId
from tests.sockets.conftest import Door, closed, frame


async def a_key(door: Door, user_id: UserId, *scopes: Scope) -> tuple[int, dict[str, str]]:
    made, secret = await api_keys.create(
        door.connection, user_id, name="k", scopes=frozenset(scopes)
    )
    return made.id, {"X-API-Key": secret}


async def a_user(door: Door, email: str) -> UserId:
    async with door.app.state.sessions() as session:
        user = await create_user(session, email, "correct horse")
        await session.commit()
    return UserId(user.id)


async def is_open(client: ClientConnection) -> bool:
    await client.send(b'{"type":"ping"}')
    while (await frame(client))["type"] != "pong":
        pass
    return True


async def test_a_socket_ends_with_its_key_or_its_users_log_ins_and_others_go_on(door: Door):
    match_id = await door.a_match()
    ada, eve = await a_user(door, "ada@example.org"), await a_user(door, "eve@example.org")
    first, first_key = await a_key(door, ada, Scope.READ)
    _, second_key = await a_key(door, ada, Scope.READ)
    _, eves_key = await a_key(door, eve, Scope.READ)
    sockets = [
        await door.open(match_id, additional_headers=headers)
        for headers in (first_key, second_key, eves_key, {})
    ]
    for socket in sockets:
        assert (await frame(socket))["type"] == "snapshot"
    await api_keys.revoke(door.connection, first)
    assert await closed(sockets[0]) == 4401
    assert await is_open(sockets[1])
    await door.connection.execute("UPDATE users SET disabled_at = now() WHERE id = $1", ada)
    assert await closed(sockets[1]) == 4401
    for socket in sockets[2:]:
        assert await is_open(socket)
        await socket.close()


async def test_a_socket_says_why_it_ends(door: Door):
    match_id = await door.a_match()
    number, headers = await a_key(door, await a_user(door, "ada@example.org"), Scope.READ)
    socket = await door.open(match_id, additional_headers=headers)
    assert (await frame(socket))["type"] == "snapshot"
    await api_keys.revoke(door.connection, number)
    told = msgspec.json.decode(await socket.recv())
    assert (told["type"], told["code"]) == ("error", "token_revoked")
    assert await closed(socket) == 4401


@pytest.mark.parametrize(
    ("scope", "code"), [(Scope.BET, 4403), (Scope.FEED, 4403), (Scope.OPERATE, None)]
)
async def test_a_key_that_is_not_made_for_reading_follows_nothing(
    door: Door, scope: Scope, code: int | None
):
    match_id = await door.a_match()
    _, headers = await a_key(door, await a_user(door, "ada@example.org"), scope)
    socket = await door.open(match_id, additional_headers=headers)
    if code is None:
        assert (await frame(socket))["type"] == "snapshot"
        await socket.close()
    else:
        assert await closed(socket) == code
