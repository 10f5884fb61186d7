"""The whole stadium: everything joined, its two ports, opening and closing."""

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import uvicorn
from msgspec.structs import replace

from app.providers.replay.player import EPOCH, milliseconds
from app.providers.replay.recording import Recording
from app.sports.match import Sport
from app.stadium.api_football import ApiFootballDesk
from app.stadium.asked import Asked
from app.stadium.betfair import BetfairDesk
from app.stadium.calls import Desk
from app.stadium.certificate import CA_FILE, make_certificate, server_tls
from app.stadium.faults import Faults
from app.stadium.naming import ProviderKey
from app.stadium.odds_api import OddsApiDesk
from app.stadium.programme import Programme
from app.stadium.quotas import Quotas
from app.stadium.scenarios import Scenario
from app.stadium.sessions import Account, Sessions
from app.stadium.stream import LINE_BYTES_MAX, Stream
from app.stadium.thesportsdb import TheSportsDbDesk
from app.stadium.voices import MANNERS, Voice
from app.stadium.web import CuttableProtocol, Web

# The one key, user and password that every provider here takes. They open nothing else.
KEY = "stadium"
# What TheSportsDB prints for everybody in its documentation.
FREE_KEY = "123"
HOST = "127.0.0.1"
BACKLOG = 128
# Of each sport: every key is asked for by itself, and tennis has one a tournament.
SPORT_KEYS_MAX = 3
CLOSES_WITHIN_S = 2
# A sign that the server runs is looked for so often while it starts.
_STARTED_LOOK_S = 0.01


def utc_now() -> datetime:
    """Returns the time it is."""
    return datetime.now(UTC)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is played, and how. `since` is when the first lane of each sport begins its row."""

    recordings: Sequence[Recording]
    speed: float = 1.0
    lanes: int = 2
    seed: int = 0
    since: datetime = EPOCH
    scenario: Scenario = Scenario()


class Ground:
    """Every provider over one programme, without the ports. Its clock can be another one."""

    def __init__(self, plan: Plan, *, now: Callable[[], datetime] = utc_now) -> None:
        scenario = plan.scenario
        self.now = now
        self.plan = plan
        self.programme = Programme(
            plan.recordings,
            speed=plan.speed,
            lanes=plan.lanes,
            seed=plan.seed,
            since_ms=milliseconds(plan.since),
        )
        begins_ms = milliseconds(now())
        self.faults = Faults(scenario.faults, begins_ms=begins_ms, seed=plan.seed)
        self.voices: Mapping[ProviderKey, Voice] = {
            key: Voice(
                self.programme,
                replace(manner, lag_s=scenario.lags.get(key, manner.lag_s)),
                self.faults,
                degree=scenario.names,
            )
            for key, manner in MANNERS.items()
        }
        account = Account(app_keys=frozenset({KEY}), username=KEY, password=KEY)
        self.sessions = Sessions(account, seed=plan.seed)
        quotas: dict[ProviderKey, Quotas] = {
            key: Quotas(scenario.limits_of(key)) for key in self.voices
        }
        self.asked = Asked(quotas)
        self.stream = Stream(
            self.voices["betfair"], self.faults, self.sessions, now, asked=self.asked
        )
        self.web = Web(
            programme=self.programme,
            desks=self._desks(quotas),
            voices=self.voices,
            faults=self.faults,
            asked=self.asked,
            now=now,
        )

    def sport_keys(self) -> list[str]:
        """Returns the sport keys at The Odds API worth asking for: of each sport the fullest."""
        keys: dict[Sport, Counter[str]] = {}
        for track in self.programme.tracks:
            league = self.voices["odds-api"].league_of(track)
            keys.setdefault(track.header.sport, Counter())[league.key] += 1
        return [key for counts in keys.values() for key, _ in counts.most_common(SPORT_KEYS_MAX)]

    def _desks(self, quotas: Mapping[ProviderKey, Quotas]) -> Mapping[ProviderKey, Desk]:
        voices = self.voices
        keys = frozenset({KEY})
        return {
            "api-football": ApiFootballDesk(voices["api-football"], quotas["api-football"], keys),
            "thesportsdb": TheSportsDbDesk(
                voices["thesportsdb"], quotas["thesportsdb"], frozenset({KEY, FREE_KEY})
            ),
            "odds-api": OddsApiDesk(voices["odds-api"], quotas["odds-api"], keys),
            "betfair": BetfairDesk(voices["betfair"], quotas["betfair"], self.sessions),
        }


class Stadium:
    """A ground with its two ports open. Port 0 takes a free one."""

    def __init__(
        self, ground: Ground, *, folder: Path, port: int = 0, stream_port: int = 0
    ) -> None:
        self.ground = ground
        self._folder = folder
        self._ports = (port, stream_port)
        self._streams: asyncio.Server | None = None
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self.port = 0
        self.stream_port = 0

    @property
    def url(self) -> str:
        """Returns where the HTTP side is; a provider's name behind it is that provider."""
        return f"http://{HOST}:{self.port}"

    @property
    def ca_file(self) -> Path:
        """Returns the certificate that the stream's is checked with."""
        return self._folder / CA_FILE

    async def open(self) -> None:
        """Opens both ports; raises OSError when one is taken."""
        make_certificate(self._folder)
        listening = socket.create_server((HOST, self._ports[0]), backlog=BACKLOG)
        # asyncio does so for sockets it made itself; without it the second packet of each answer
        # waits 40 ms for the client's acknowledgement of the first.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await self._open_stream(server_tls(self._folder))
        except BaseException:
            listening.close()
            raise
        self.port = listening.getsockname()[1]
        self._server = _server(self.ground.web)
        self._serving = asyncio.create_task(self._server.serve([listening]))
        while not self._server.started and not self._serving.done():  # noqa: ASYNC110 - uvicorn tells nobody.
            await asyncio.sleep(_STARTED_LOOK_S)

    async def close(self) -> None:
        """Closes both ports and cuts whoever is connected. Safe to call twice."""
        if self._streams is not None:
            self._streams.close()
            await self.ground.stream.close()
            await self._streams.wait_closed()
            self._streams = None
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
            self._server = self._serving = None

    async def _open_stream(self, tls: ssl.SSLContext) -> None:
        self._streams = await asyncio.start_server(
            self.ground.stream.serve,
            HOST,
            self._ports[1],
            ssl=tls,
            limit=LINE_BYTES_MAX,
            backlog=BACKLOG,
        )
        self.stream_port = self._streams.sockets[0].getsockname()[1]


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: whoever opened the stadium closes it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leaves signals alone."""
        yield


def _server(web: Web) -> _Server:
    config = uvicorn.Config(
        web,
        http=CuttableProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=CLOSES_WITHIN_S,
    )
    return _Server(config)
