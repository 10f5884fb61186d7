"""Somebody who is logged in, for tests of what takes a user."""

from itertools import count
from typing import Any

import httpx
import msgspec

from tests.api.conftest import Api

_KEYS = count()


class Caller(msgspec.Struct):
    """Asks and sends with an access token."""

    api: Api
    headers: dict[str, str]
    user_id: int

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Asks for a path."""
        return await self.api.client.get(path, headers=self.headers | headers)

    async def send(
        self, path: str, body: Any, *, key: str | None = None, method: str = "POST"
    ) -> httpx.Response:
        """Sends a body, under a key of its own unless one is given."""
        headers = self.headers | {"idempotency-key": key or f"request-{next(_KEYS)}"}
        return await self.api.client.request(method, path, json=body, headers=headers)

    async def balance(self) -> tuple[str, str, str]:
        """Returns what is available, held, and on its way out."""
        first = (await self.get("/wallet")).json()["balances"][0]
        return first["available"], first["held"], first["withdrawing"]


async def a_caller(api: Api, email: str = "user@example.org", *, role: str = "user") -> Caller:
    """Registers somebody and logs in."""
    log_in = {"email": email, "password": "correct horse battery"}
    await api.client.post("/auth/register", json=log_in)
    user_id = await api.connection.fetchval(
        "UPDATE users SET role = $1 WHERE email = $2 RETURNING id", role, email
    )
    tokens = (await api.client.post("/auth/login", json=log_in)).json()
    return Caller(api, {"authorization": f"Bearer {tokens['accessToken']}"}, user_id)
