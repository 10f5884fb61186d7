"""The settings of the serving: how sockets are carried, and by how many processes."""

import re
from typing import Annotated, Literal

import msgspec

from app.variables import env

# More API processes than cores wait for each other; nobody has more than this.
PROCESSES_MAX = 64
ANY_ORIGIN = "*"
# As a browser sends it: no path, no slash at the end, no capitals.
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")


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
    # Behind a proxy all connections are the proxy's; sockets of ten thousand callers among them.
    connections_each_max: Annotated[
        int,
        env(
            "CONNECTIONS_PER_ADDRESS_MAX",
            "Connections one address may hold at a process, sockets included; behind a proxy they "
            "are all the proxy's. 0: any number.",
            ge=0,
            le=1_000_000,
        ),
    ] = 20_000
    cors_origins: Annotated[
        str,
        env(
            "CORS_ORIGINS",
            "Origins whose pages may read answers across origins, by comma, as "
            "https://app.example.org; * for all. Empty: none.",
        ),
    ] = ""
    hsts_max_age_s: Annotated[
        int,
        env(
            "HSTS_MAX_AGE_S",
            "How long browsers shall ask by HTTPS only (Strict-Transport-Security). 0: not said; "
            "set it once TLS stands before the API for good.",
            ge=0,
            le=63_072_000,
        ),
    ] = 0
    answer_within_s: Annotated[
        float,
        env(
            "REQUEST_TIMEOUT_S",
            "Longest an answer may take to begin; then it is given up with 503.",
            gt=0,
            le=600,
        ),
    ] = 30.0


def origins_of(text: str) -> frozenset[str]:
    """Returns the origins of a comma list; raises ValueError that names what is none."""
    origins = frozenset(filter(None, (word.strip() for word in text.split(","))))
    for origin in origins - {ANY_ORIGIN}:
        if _ORIGIN.fullmatch(origin) is None:
            raise ValueError(f"{origin!r} is no origin such as https://app.example.org")
    return origins
