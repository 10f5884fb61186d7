"""The settings of the sockets: what waits for a reader, who may open one."""

from typing import Annotated

import msgspec

from app.variables import env


class SocketSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The sockets of an API process."""

    waiting_bytes_max: Annotated[
        int,
        env(
            "SOCKET_WAITING_BYTES_MAX",
            "Bytes of frames that may wait for one socket. Past them it is sent the newest of each "
            "market, score and incident instead of every change.",
            ge=16_384,
            le=67_108_864,
        ),
    ] = 1_048_576
    send_timeout_s: Annotated[
        float,
        env(
            "SOCKET_SEND_TIMEOUT_S",
            "How long a socket may take no frames before it is closed as too slow.",
            gt=0,
            le=300,
        ),
    ] = 15.0
    authenticate_within_s: Annotated[
        float,
        env(
            "SOCKET_AUTHENTICATE_WITHIN_S",
            "How long a socket may take to say who it is, where credentials are needed.",
            gt=0,
            le=300,
        ),
    ] = 5.0
    origins: Annotated[
        str,
        env(
            "SOCKET_ORIGINS",
            "Origins whose pages may open sockets, by comma, as https://example.com. Empty: any; "
            "clients that are no browsers name none and are let in.",
        ),
    ] = ""
