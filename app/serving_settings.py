"""The settings of the serving: how sockets are carried, and by how many processes."""

from typing import Annotated, Literal

import msgspec

from app.variables import env

# More API processes than cores wait for each other; nobody has more than this.
PROCESSES_MAX = 64


class ServingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the API is served."""

    sockets: Annotated[
        Literal["shared", "stock"],
        env(
            "SOCKETS",
            "How sockets are carried. shared: our own protocol class, a frame is made once for all "
            "of them; stock: uvicorn's, slower and larger, the same to clients.",
        ),
    ] = "shared"
    compression: Annotated[
        bool,
        env(
            "SOCKET_COMPRESSION",
            "Whether sockets that ask for permessage-deflate get it; a frame is deflated once for "
            "all of them.",
        ),
    ] = True
    processes: Annotated[
        int,
        env(
            "API_PROCESSES",
            "API processes on the one port; SIGHUP to `app api` restarts them one after the other.",
            ge=1,
            le=PROCESSES_MAX,
        ),
    ] = 1
