"""The settings of reads: what is kept, what answers them, which server they are read from."""

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
    ] = 32
    replica_url: Annotated[
        str,
        env(
            "DATABASE_REPLICA_URL",
            "A standby of DATABASE_URL that histories, tables, leagues and sports are read from. "
            "Empty: DATABASE_URL.",
            secret=True,
        ),
    ] = ""
    replica_lag_s_max: Annotated[
        float,
        env(
            "DATABASE_REPLICA_LAG_MAX_S",
            "How far the standby may be behind; further, the primary is read.",
            gt=0,
            le=3600,
        ),
    ] = 2.0
