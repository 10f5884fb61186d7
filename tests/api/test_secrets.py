"""Whatever is asked, with whatever credentials, at log level debug: no secret is ever written."""

import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import msgspec
import pytest
from click.testing import CliRunner
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from app.cli import main
from app.devstack import ports
from app.settings import BadSettings, every_setting, load
from tests.conftest import NO_TLS, PROJECT

PATIENCE_S = 30
# Fields of bodies and queries that hold something nobody else may know.
SECRET_FIELD = re.compile(r"password|token|secret|code|signature|key|auth$", re.IGNORECASE)
ADDRESSES = {"DATABASE_URL", "DATABASE_LISTEN_URL", "DATABASE_REPLICA_URL", "REDIS_URL"}
# These end what the others are asked with.
LAST = ("/auth/logout/everywhere", "/auth/password", "/auth/logout")


class Planted:
    """Every secret there is, so that none is looked for in vain."""

    def __init__(self) -> None:
        self.all: set[str] = set()

    def new(self, what: str) -> str:
        """Returns a secret nobody has seen."""
        return self.keep(f"planted-{what}-{os.urandom(12).hex()}")

    def keep(self, secret: str) -> str:
        """Notes one that was made elsewhere."""
        self.all.add(secret)
        return secret


class Served(msgspec.Struct, frozen=True):
    """A process of the API, what it writes, and the last mail it sent."""

    client: httpx.Client
    planted: Planted
    environment: dict[str, str]
    log: Path
    mail: Path

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.environment["PORT"])

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """Posts JSON."""
        return self.client.post(path, json=body, headers=headers)

    def code(self, of_mail: str) -> str:
        """Returns the code of the mail that was sent, a secret too."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            with suppress(OSError, ValueError, KeyError):
                mail = json.loads(self.mail.read_text())
                if mail["kind"] == of_mail:
                    return self.planted.keep(mail["token"])
            time.sleep(0.01)
        raise TimeoutError(of_mail)


@pytest.fixture
def served(database_url: str, redis_url: str, tmp_path: Path) -> Generator[Served]:
    planted, log = Planted(), tmp_path / "log"
    mail = tmp_path / "mail"
    environment = {one.name: planted.new(one.name) for one in every_setting() if one.secret}
    environment = {n: v for n, v in environment.items() if n not in ADDRESSES}
    environment |= {
        "FEED_KEYS": f"told:{planted.new('feed')}",
        "RELAY_URLS": "",
        "MAIL_WEBHOOK_URL": "",
        "MAIL_COMMAND": f"tee {mail}",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "ENVIRONMENT": "test",
        "LOG_LEVEL": "debug",
        "PORT": str(ports.pick()),
        "GRACEFUL_SHUTDOWN_S": "1",
        "LIMIT_AUTH_PER_MINUTE": "100000",
        "LIMIT_USER_PER_MINUTE": "100000",
        "LIMIT_ANONYMOUS_PER_MINUTE": "100000",
    }
    planted.keep(urlsplit(database_url).password or "no password")
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "api"],
            cwd=PROJECT,
            env={**os.environ, **environment},
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    base = f"http://127.0.0.1:{environment['PORT']}"
    with httpx.Client(base_url=base, timeout=PATIENCE_S, verify=NO_TLS) as client:
        try:
            until_ready(client)
            yield Served(client, planted, environment, log, mail)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)


def until_ready(client: httpx.Client) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with suppress(httpx.TransportError):
            if client.get("/health/ready").status_code == 200:
                return
        time.sleep(0.02)
    raise TimeoutError


def log_ins(served: Served) -> dict[str, str]:
    """Lives through an account, well and badly; returns headers that are good."""
    planted = served.planted
    who = {"email": "user@example.org", "password": planted.new("password")}
    pair = kept(served, served.post("/auth/register", who))
    bearer = {"authorization": f"Bearer {pair['accessToken']}"}
    assert served.post("/auth/login", who | {"password": planted.new("wrong")}).status_code == 401
    assert served.post("/auth/register", who).status_code == 409
    used = {"refreshToken": pair["refreshToken"]}
    kept(served, served.post("/auth/refresh", used))
    assert served.post("/auth/refresh", used).status_code == 401
    assert served.post("/auth/password/forgotten", {"email": who["email"]}).is_success
    new = {"token": served.code("reset_password"), "password": planted.new("password")}
    assert served.post("/auth/password/reset", new).is_success
    assert not served.post("/auth/password/reset", new).is_success
    pair = kept(served, served.post("/auth/login", who | {"password": new["password"]}))
    bearer = {"authorization": f"Bearer {pair['accessToken']}"}
    key = {"name": "bench", "scopes": ["read", "bet"]}
    made = kept(served, served.post("/api/me/keys", key, **bearer))
    ticket = kept(served, served.post("/auth/ticket", {}, **bearer))
    return {"bearer": pair["accessToken"], "key": made["key"], "ticket": ticket["ticket"]}


def kept(served: Served, answer: httpx.Response) -> dict[str, Any]:
    """Returns an answer; every secret in it is looked for from now on."""
    assert answer.is_success, answer.text
    told = answer.json()
    for name in {"accessToken", "refreshToken", "key", "ticket"} & set(told):
        served.planted.keep(told[name])
    return told


def every_operation(schema: dict[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """Yields method, path and the fields of the body; what ends log-ins last."""
    for path in sorted(schema["paths"], key=lambda path: (path in LAST, path)):
        for method, operation in schema["paths"][path].items():
            if method in {"get", "post", "put", "delete"}:
                content = operation.get("requestBody", {}).get("content", {})
                bodies = [one["schema"] for one in content.values()]
                yield method, re.sub(r"{\w+}", "1", path), fields_of(schema, bodies)


def fields_of(schema: dict[str, Any], bodies: list[dict[str, Any]]) -> list[str]:
    names: list[str] = []
    for body in bodies:
        named = body.get("$ref", "").rpartition("/")[2]
        names += schema["components"]["schemas"].get(named, body).get("properties", {})
    return names


def ask_everything(served: Served, good: dict[str, str]) -> int:
    """Asks every operation with every kind of credentials; returns how many bodies had secrets."""
    schema = served.client.get("/schema/openapi.json").json()
    new, with_secrets = served.planted.new, 0
    ways = (
        {"authorization": f"Bearer {good['bearer']}"},
        {"x-api-key": good["key"]},
        {"authorization": f"Bearer {new('bearer')}"},
        {"x-api-key": new("key"), "cookie": f"session={new('cookie')}"},
    )
    for method, path, fields in every_operation(schema):
        secret = {name: new(name) for name in fields if SECRET_FIELD.search(name)}
        with_secrets += bool(secret)
        whole = dict.fromkeys(fields, "user@example.org") | secret
        for way in ways:
            headers = way | {"x-signature": new("signature"), "idempotency-key": "a-request"}
            served.client.request(
                method, f"{path}?token={new('query')}", headers=headers,
                json=whole if fields else None,
            )  # fmt: skip
        if secret:
            served.client.request(
                method,
                path,
                content=json.dumps(whole)[:-1],
                headers={"content-type": "application/json"},
            )
    return with_secrets


def sign(served: Served) -> None:
    """Calls those that take a signature, signed rightly."""
    for path, key, body in (
        ("/api/feeds/told", served.environment["FEED_KEYS"].partition(":")[2], b"{}"),
        ("/api/payments/hook", served.environment["PAYMENT_HOOK_SECRET"], b'{"no":"payment"}'),
    ):
        signature = served.planted.keep(hmac.new(key.encode(), body, hashlib.sha256).hexdigest())
        answer = served.client.post(
            path,
            content=body,
            headers={"x-signature": signature, "content-type": "application/json"},
        )
        assert answer.status_code != 401, answer.text


def open_sockets(served: Served, good: dict[str, str]) -> int:
    """Opens sockets with every kind of credentials; returns how many were let in."""
    new, base, let_in = served.planted.new, f"ws://127.0.0.1:{served.port}", 0
    tokens = [good["ticket"], good["bearer"], good["key"], new("query")]
    for place in ("/live/1", "/ws", "/app/touchline"):
        ways = [(f"{place}?token={quote(token)}", {}) for token in tokens]
        ways += [(place, {"authorization": f"Bearer {token}"}) for token in tokens]
        for path, headers in ways:
            first = {"type": "authenticate", "token": new("message"), "event": "pusher:signin"}
            with (
                suppress(WebSocketException),
                connect(base + path, additional_headers=headers) as one,
            ):
                let_in += 1
                one.send(json.dumps(first | {"data": {"auth": f"touchline:{new('sign-in')}"}}))
                one.recv(PATIENCE_S)
    return let_in


def test_no_secret_is_ever_written(served: Served):
    good = log_ins(served)
    sign(served)
    assert open_sockets(served, good) > 3
    assert ask_everything(served, good) > 5
    served.client.get("/health")
    written = served.log.read_text()
    routes = set(re.findall(r'"route": "([^"]+)"', written))
    assert {"/auth/login", "/auth/register", "/auth/password/reset", "/api/me/keys"} <= routes
    assert '"level": "debug"' in written
    assert '"event": "auth"' in written
    found = {secret for secret in served.planted.all if secret in written}
    assert not found


def test_no_secret_is_told_by_lists_and_errors_of_settings():
    planted = Planted()
    secret = {one.name: planted.new(one.name) for one in every_setting() if one.secret}
    told = CliRunner().invoke(main, ["list", "settings"], env=secret).output
    told += CliRunner().invoke(main, ["settings", "example"], env=secret).output
    assert "JWT_SECRET" in told
    for wrong in ({"JWT_SECRET": "short"}, {"PORT": "x"}, {"RELAY_URLS": secret["RELAY_URLS"]}):
        with pytest.raises(BadSettings) as refused:
            load(secret | {"RELAY_URLS": "", "FEED_KEYS": ""} | wrong)
        told += str(refused.value)
    with pytest.raises(BadSettings) as refused:
        load({"FEED_KEYS": secret["FEED_KEYS"], "PAYMENT_HOOK_SECRET": "too short"})
    told += str(refused.value)
    assert not [one for one in (*planted.all, "too short") if one in told]
