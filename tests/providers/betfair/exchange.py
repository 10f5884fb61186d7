"""Betfair for tests, over real sockets: its API over HTTP, and its stream over TLS."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.providers.betfair.client import Betfair
from app.providers.betfair.exchange_stream import Pace
from app.providers.provider import Unlimited

APP_KEY, USERNAME, PASSWORD = "key-of-tests", "user-of-tests", "pass&word of=tests"
SECRETS = (APP_KEY, PASSWORD, "pass%26word", "session-")
# Fast, so that nobody waits; but a test that is slow to speak is not to be taken for a dead line.
PACE = Pace(
    heartbeat_ms=10_000,
    look_s=0.02,
    settle_s=0.02,
    leave_s=0.2,
    confirm_s=60,
    retry_first_s=0.01,
    retry_max_s=0.05,
    refused_s=0.02,
)


class Asked(msgspec.Struct, frozen=True):
    """A request of the API."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.strip("/").rpartition("/")[2]

    @property
    def question(self) -> dict[str, Any]:
        """The body of a question."""
        return msgspec.json.decode(self.body)

    @property
    def form(self) -> dict[str, list[str]]:
        """The body of a log-in."""
        return parse_qs(self.body.decode())


Answered = tuple[int, bytes]


def fault(code: str, status: int = 400) -> Answered:
    """A refusal of the REST dialect."""
    exception = {"requestUUID": "x", "errorCode": code, "errorDetails": ""}
    body = {
        "faultcode": "Client",
        "faultstring": "ANGX-0003",
        "detail": {"APINGException": exception, "exceptionname": "APINGException"},
    }
    return status, msgspec.json.encode(body)


class Api:
    """The API. `answers` are what each operation says; `once` is said first, one a request."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: dict[str, Callable[[Asked], Any]] = {}
        self.once: dict[str, list[Answered]] = {}
        self.sessions = 0
        self.url = ""

    def asked_for(self, name: str) -> list[Asked]:
        """The requests of one operation."""
        return [one for one in self.asked if one.name == name]

    @property
    def session(self) -> str:
        """The session that counts."""
        return f"session-{self.sessions}"

    def expire(self) -> None:
        """Forgets the session: the next request with it is refused."""
        self.sessions += 1

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request a connection."""
        head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {n.lower(): v for n, _, v in (one.partition(": ") for one in lines if one)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        asked = Asked(head.split()[1], headers, body)
        self.asked.append(asked)
        status, told = self._answer(asked)
        length = f"content-length: {len(told)}\r\nconnection: close\r\n\r\n"
        writer.write(f"HTTP/1.1 {status} X\r\n{length}".encode() + told)
        await writer.drain()
        writer.close()

    def _answer(self, asked: Asked) -> Answered:
        if self.once.get(asked.name):
            return self.once[asked.name].pop(0)
        match asked.name:
            case "login":
                self.sessions += 1
                told = {"token": self.session, "product": "x", "status": "SUCCESS", "error": ""}
            case "certlogin":
                self.sessions += 1
                told = {"sessionToken": self.session, "loginStatus": "SUCCESS"}
            case "keepAlive":
                told = {"token": self.session, "product": "x", "status": "SUCCESS", "error": ""}
            case name:
                if asked.headers.get("x-authentication") != self.session:
                    return fault("INVALID_SESSION_INFORMATION")
                told = self.answers[name](asked)
        return 200, msgspec.json.encode(told)


@asynccontextmanager
async def serving_api(api: Api, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Api]:
    """Serves the API while the block lasts."""
    listening = await asyncio.start_server(api.serve, "127.0.0.1", 0, ssl=tls)
    async with listening:
        scheme = "https" if tls else "http"
        api.url = f"{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield api


def a_client(api: Api, **more: Any) -> Betfair:
    """The adapter, asking the API of the tests."""
    given: dict[str, Any] = {"url": api.url, "allowance": Unlimited(), **more}
    return Betfair(
        app_key=APP_KEY,
        username=USERNAME,
        password=PASSWORD,
        identity_url=api.url,
        certificate_url=api.url,
        **given,
    )


class Certificate(msgspec.Struct, frozen=True):
    """A certificate for loopback with its key in one file; `server` shows it, `trust` trusts it."""

    path: Path
    server: ssl.SSLContext
    trust: ssl.SSLContext


def a_certificate(folder: Path) -> Certificate:
    """Makes a certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "exchange of tests")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    trust = ssl.create_default_context(cafile=path)
    return Certificate(path, server, trust)


class Caller:
    """One connection of the stream, from the exchange's end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def hears(self) -> dict[str, Any]:
        """The next request."""
        return msgspec.json.decode(await self._reader.readuntil(b"\r\n"))

    async def says(self, *messages: dict[str, Any]) -> None:
        """Sends messages."""
        await self.sends(b"".join(msgspec.json.encode(one) + b"\r\n" for one in messages))

    async def sends(self, raw: bytes) -> None:
        """Sends bytes."""
        self._writer.write(raw)
        await self._writer.drain()

    async def succeeds(self, request: dict[str, Any]) -> None:
        """Says that a request was well."""
        told = {"op": "status", "statusCode": "SUCCESS", "connectionClosed": False}
        await self.says({**told, "id": request["id"]})

    async def fails(self, request: dict[str, Any], code: str, *, closed: bool = True) -> None:
        """Says that a request was not."""
        told = {"op": "status", "statusCode": "FAILURE", "connectionClosed": closed}
        await self.says({**told, "errorCode": code, "errorMessage": "...", "id": request["id"]})

    async def greets(self) -> dict[str, Any]:
        """Greets, lets the caller in; returns its authentication."""
        await self.says({"op": "connection", "connectionId": "001"})
        request = await self.hears()
        await self.succeeds(request)
        return request

    async def subscribed(self) -> dict[str, Any]:
        """Returns the next subscription, which is well."""
        request = await self.hears()
        await self.succeeds(request)
        return request

    async def is_gone(self) -> None:
        """Returns when the caller has gone."""
        try:
            while await self._reader.read(1024):
                pass
        except OSError:
            pass

    def cut(self) -> None:
        """Cuts the line."""
        self._writer.transport.abort()


class StreamServer:
    """The stream: connections wait in a queue for the test to play the exchange."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._callers: asyncio.Queue[Caller] = asyncio.Queue()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hands a connection over."""
        await self._callers.put(Caller(reader, writer))

    async def caller(self) -> Caller:
        """The next connection."""
        async with asyncio.timeout(10):
            return await self._callers.get()


@asynccontextmanager
async def serving_stream(tls: ssl.SSLContext) -> AsyncGenerator[StreamServer]:
    """Serves the stream while the block lasts."""
    server = StreamServer(0)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


def about(asked: Asked, markets: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The catalogues that a filter of events lets through."""
    wanted = asked.question["filter"]["eventIds"]
    kinds = asked.question["filter"]["marketTypeCodes"]
    return [
        one
        for one in markets
        if one["event"]["id"] in wanted and one["description"]["marketType"] in kinds
    ]
