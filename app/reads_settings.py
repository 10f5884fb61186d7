"""The settings of reads: what is kept, and what answers them."""

from typing import Annotated

import msgspec

from app.variables import env


class ReadsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How reads are answered."""

    hot: Annotated[
        bool,
        env(
            "HOT_READS",
            "Whether reads whose answer is ready are answered before a task is made for them. "
            "LOG_LEVEL=debug switches it off: those are not logged one by one.",
        ),
    ] = True
    memory_mb: Annotated[
        int,
        env(
            "CACHE_MEMORY_MB",
            "Megabytes of answers each API process keeps in memory, before Redis is asked.",
            ge=1,
            le=4096,
        ),
    ] = 24
    replica_url: Annotated[
        str,
        env(
            "DATABASE_REPLICA_URL",
            "A streaming replica of DATABASE_URL, one server, for reads that can be answered there "
            "as well. Empty: none.",
            secret=True,
        ),
    ] = ""
    replica_lag_max_s: Annotated[
        float,
        env(
            "REPLICA_LAG_MAX_S",
            "How far the replica may lag behind; past it the primary is asked instead.",
            ge=1,
            le=600,
        ),
    ] = 5.0
