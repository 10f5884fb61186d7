"""A real API process, a real Chromium, and an eye on what a page asks for and complains about."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import cast
from urllib.parse import urlsplit

import asyncpg
import httpx
import psutil
import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import (
    Browser,
    BrowserContext,
    Page,
    Route,
    WebSocket,
    async_playwright,
    expect,
)

from app.database.engine import Connection
from app.main import create_app
from app.pages.files import STATIC
from app.serving.server import Server
from app.settings import load
from tests.conftest import NO_TLS, PROJECT

CHROMIUM_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Two cores that are shared: nothing here takes long, but anything may have to wait.
APPEARS_WITHIN_MS = 30_000
DESKTOP, PHONE = (1280, 900), (390, 844)
# What a browser says by itself of a server that is away; everything else is a fault of the page.
OUTAGE = ("ERR_CONNECTION_", "ERR_EMPTY_RESPONSE", "WebSocket connection to", "status of 503")

expect.set_options(timeout=APPEARS_WITHIN_MS)


class Site:
    """An API on an address that stays, served from here, and its database."""

    def __init__(self, environment: dict[str, str], connection: Connection) -> None:
        self.url = f"http://127.0.0.1:{environment['PORT']}"
        self.connection = connection
        self.environment = environment
        self._server: Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Starts it and waits until it hears of changes."""
        app = create_app(load(self.environment))
        config = uvicorn.Config(
            app,
            port=int(self.environment["PORT"]),
            ws="websockets-sansio",
            access_log=False,
            log_config=None,
            lifespan="on",
        )

        async def drain() -> None:
            await app.state.sockets.pulse.drain()  # Made when the app starts: not there yet.

        self._server = Server(config, drain)
        self._serving = asyncio.create_task(self._server.serve())
        await self.until_ready(lambda: self._serving is not None and not self._serving.done())

    async def stop(self) -> None:
        """Stops it as an operator would. Safe to call twice."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
        self._server = None

    async def until_ready(self, runs: Callable[[], bool]) -> None:
        """Waits until its probe says that it hears of changes."""
        async with httpx.AsyncClient(base_url=self.url, timeout=30, verify=NO_TLS) as client:
            while runs():
                try:
                    if (await client.get("/health/ready")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.02)
        pytest.fail("the API ended")

    async def get(self, path: str) -> httpx.Response:
        """Asks as any client would."""
        async with httpx.AsyncClient(base_url=self.url, timeout=30, verify=NO_TLS) as client:
            return await client.get(path)


class ProcessSite(Site):
    """The same as a process of its own, which can be killed."""

    _process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts it and waits until it hears of changes."""
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app", "api", env=self.environment, cwd=PROJECT
        )
        await self.until_ready(lambda: process.returncode is None)

    async def stop(self) -> None:
        """Kills it. Safe to call twice."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()


class RollingSite(ProcessSite):
    """Two processes on one port, which are renewed one by one while the others answer."""

    def __init__(self, environment: dict[str, str], connection: Connection) -> None:
        super().__init__({**environment, "API_PROCESSES": "2"}, connection)
        self._old: set[int] = set()

    def renew(self) -> None:
        """Begins to renew them."""
        assert self._process is not None
        self._old = self._processes()
        self._process.send_signal(signal.SIGHUP)

    @property
    def is_renewed(self) -> bool:
        """Whether two others serve, and those before have ended."""
        serving = self._processes()
        return len(serving) == len(self._old) and serving.isdisjoint(self._old)

    def _processes(self) -> set[int]:
        assert self._process is not None
        return {one.pid for one in psutil.Process(self._process.pid).children()}

    async def stop(self) -> None:
        """Stops them as an operator would: killed, the first would leave the others behind."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.terminate()
            await process.wait()


class Look:
    """A page that is looked at, and what went wrong on it."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        self.sockets: list[str] = []
        self.said: list[str] = []
        self._origin = urlsplit(site.url).netloc
        self._url = site.url
        page.set_default_timeout(APPEARS_WITHIN_MS)
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", self._connected)

    async def open(self, path: str = "/") -> None:
        """Goes to a page of the site."""
        await self.page.goto(self._url + path)

    async def until(self, script: str, argument: object = None) -> None:
        """Waits until an expression in the page is true."""
        await self.page.wait_for_function(script, arg=argument, timeout=APPEARS_WITHIN_MS)

    async def has_said_something(self) -> None:
        """Waits until a socket of the page is open and was spoken on."""
        async with asyncio.timeout(APPEARS_WITHIN_MS / 1000):
            while not self.said:
                await asyncio.sleep(0.01)

    def forgive_outage(self) -> None:
        """Forgets what a browser says when a server is away."""
        self.complaints = [
            said for said in self.complaints if not any(sign in said for sign in OUTAGE)
        ]

    def _said(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"} and parts.netloc != self._origin:
            self.strangers.append(url)

    def _connected(self, websocket: WebSocket) -> None:
        self.sockets.append(websocket.url)
        self._asked(websocket.url)
        websocket.on("framesent", lambda text: self.said.append(str(text)))


@pytest.fixture
def site_form() -> type[Site]:
    """Which form `site` takes; a test that needs the other says so by parametrizing this."""
    return Site


@pytest.fixture
def site_settings() -> dict[str, str]:
    """Settings of `site`, by their variables; a test that needs others parametrizes this."""
    return {"LIMIT_ANONYMOUS_PER_MINUTE": "100000", "LIMIT_ANONYMOUS_SOCKETS": "100000"}


@pytest_asyncio.fixture(loop_scope="module")
async def site(
    database_url: str, redis_url: str, site_form: type[Site], site_settings: dict[str, str]
) -> AsyncGenerator[Site]:
    """An API over servers of this test's own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    environment = {
        **os.environ,
        "ENVIRONMENT": "test",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PORT": str(port),
        "LOG_LEVEL": "error",
        **site_settings,
    }
    connection = await asyncpg.connect(database_url)
    site = site_form(environment, cast("Connection", connection))
    try:
        await site.start()
        yield site
    finally:
        await site.stop()
        await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium_path: str) -> AsyncGenerator[Browser]:
    """One Chromium for the tests of a file."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path, args=list(CHROMIUM_ARGUMENTS)
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def modules(browser: Browser) -> AsyncGenerator[Page]:
    """An empty page that can import our modules, with no server behind it."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.route("**/*", _from_disk)
    await page.goto("http://modules.test/matches/1")
    yield page
    await context.close()


async def _from_disk(route: Route) -> None:
    name = urlsplit(route.request.url).path.removeprefix("/static/any/")
    if (STATIC / name).is_file():
        await route.fulfill(path=STATIC / name)
    else:
        await route.fulfill(body="<!doctype html>", content_type="text/html")


Looker = Callable[..., Awaitable[Look]]


@pytest_asyncio.fixture(loop_scope="module")
async def looker(browser: Browser, site: Site) -> AsyncGenerator[Looker]:
    """Opens pages; in the end none may have complained, or asked another host for anything."""
    contexts: list[BrowserContext] = []
    looks: list[Look] = []

    async def look(size: tuple[int, int] = DESKTOP, **options: object) -> Look:
        viewport = {"width": size[0], "height": size[1]}
        context = await browser.new_context(viewport=viewport, **options)  # pyright: ignore
        contexts.append(context)
        looks.append(Look(await context.new_page(), site))
        return looks[-1]

    yield look
    complaints = [said for look in looks for said in look.complaints]
    strangers = [url for look in looks for url in look.strangers]
    for context in contexts:
        await context.close()
    assert not complaints
    assert not strangers


@pytest_asyncio.fixture(loop_scope="module")
async def look(looker: Looker) -> Look:
    """One page on a desktop."""
    return await looker()
