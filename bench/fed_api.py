"""An API process that can be fed: changes come to its hub as if somebody else had read them.

For measuring fan-out alone. Listens on a second port, FEED_PORT, for lines `MATCH COUNT BYTES HOW`:
so many changes of that match, each one frame of so many bytes, one turn of the event loop after the
other. From there on all is as ever: hub, crowd, sessions, sockets; only that with `apart` for HOW
no two changes are joined in one write.
"""

import asyncio
import contextlib
import os
import time
from datetime import UTC, datetime

from app import logs, settings
from app.commands.api import carrying
from app.database.places import Place
from app.main import create_app
from app.serving.server import make_server, serve
from app.sockets import member as members
from app.stream import hub as hubs
from app.stream.change import Change, change_at
from app.stream.hub import Hub
from app.stream.run import Run

# As it is, and more members than there ever are.
JOINED_FROM = members.JOINED_FROM_MEMBERS
SO_MANY = 1_000_000
BODY = '{"homeScore":2,"awayScore":1'


def change(match_id: int, before: Place, size: int) -> Change:
    """Returns the change after a place, whose frame has `size` bytes."""
    at = datetime.now(UTC)
    place = Place(before.seq + 1, max(before.at_us, int(time.time() * 1e6)))
    bare = change_at(match_id, place, "score_update", at=at, body=f"{BODY}}}")
    body = BODY + " " * max(0, size - len(bare.frame)) + "}"
    return change_at(match_id, place, "score_update", at=at, body=body)


async def feed(hub: Hub, match_id: int, count: int, size: int) -> None:
    """Offers so many changes to the hub."""
    for _ in range(count):
        place = hub._places[match_id]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        made = change(match_id, place, size)
        hub.offer([Run(match_id=match_id, after=place, changes=(made,))])
        await asyncio.sleep(0)


def main() -> None:
    """Serves until SIGTERM."""
    asked = settings.load()
    logs.set_up(level=asked.log_level, form=asked.log_form)
    # What is fed is in no log, which a sweep would find out.
    hubs.SWEEP_S = hubs.BEHIND_AFTER_S = 1e6
    app = create_app(asked)

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            while line := await reader.readline():
                *numbers, how = line.split()
                match_id, count, size = map(int, numbers)
                members.JOINED_FROM_MEMBERS = SO_MANY if how == b"apart" else JOINED_FROM
                await feed(app.state.hub, match_id, count, size)
        writer.close()

    async def open_feed() -> None:
        await asyncio.start_server(listen, "127.0.0.1", int(os.environ["FEED_PORT"]))

    feeding: list[asyncio.Task[None]] = []
    server = make_server(
        app,
        lambda: app.state.sockets.pulse.drain(),  # noqa: PLW0108 - made when the app starts.
        host=asked.api.host,
        port=asked.api.port,
        graceful_shutdown_s=1,
        carrying=carrying(asked),
        on_started=lambda: feeding.append(asyncio.create_task(open_feed())),
    )
    serve(server)


if __name__ == "__main__":
    main()
