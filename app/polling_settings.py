"""The settings of polls: how often providers are asked, and how much they allow."""

from typing import Annotated

import msgspec

from app.variables import env


class PollingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds between two polls by the phase of a match, for what is watched.

    Never faster than the provider's own rule, slower when a quota runs short.
    """

    live_ms: Annotated[
        int, env("POLL_LIVE_MS", "Between polls of a watched match in play.", ge=50, le=86_400_000)
    ] = 5_000
    break_ms: Annotated[int, env("POLL_BREAK_MS", "Of one that pauses.", ge=50, le=86_400_000)] = (
        15_000
    )
    minutes_before_ms: Annotated[
        int, env("POLL_MINUTES_BEFORE_MS", "Of one that is about to start.", ge=50, le=86_400_000)
    ] = 15_000
    hours_before_ms: Annotated[
        int, env("POLL_HOURS_BEFORE_MS", "Of one that starts later.", ge=50, le=86_400_000)
    ] = 120_000
    just_finished_ms: Annotated[
        int, env("POLL_JUST_FINISHED_MS", "Of one that has just ended.", ge=50, le=86_400_000)
    ] = 15_000
    fixtures_ms: Annotated[
        int, env("POLL_FIXTURES_MS", "Between polls for matches to come.", ge=50, le=86_400_000)
    ] = 600_000
    idle_ms: Annotated[
        int,
        env(
            "POLL_IDLE_MS",
            "Between polls of a sport in which nothing is known to be on.",
            ge=50,
            le=86_400_000,
        ),
    ] = 300_000
    listed_times: Annotated[
        float,
        env(
            "POLL_LISTED_TIMES",
            "How many times slower what is only read in lists is asked for.",
            ge=1,
            le=1_000,
        ),
    ] = 2.0
    unwatched_times: Annotated[
        float,
        env(
            "POLL_UNWATCHED_TIMES",
            "How many times slower scores nobody wants are asked for; prices nobody wants are not.",
            ge=1,
            le=1_000,
        ),
    ] = 4.0
    minutes_before_s: Annotated[
        int, env("POLL_MINUTES_BEFORE_S", "From when a match is about to start.", ge=0, le=86_400)
    ] = 1_800
    hours_before_s: Annotated[
        int,
        env("POLL_HOURS_BEFORE_S", "From when on a match is asked for at all.", ge=60, le=604_800),
    ] = 86_400
    just_finished_s: Annotated[
        int, env("POLL_JUST_FINISHED_S", "How long a match has just ended.", ge=0, le=86_400)
    ] = 600
    speed: Annotated[
        float,
        env(
            "POLL_SPEED",
            "How many times faster than ours the providers' world runs: for a stadium. "
            "All times above are that much shorter.",
            ge=0.01,
            le=100_000,
        ),
    ] = 1.0
    quotas: Annotated[
        str,
        env(
            "POLL_QUOTAS",
            "What we allow ourselves, by comma: api-football:day=7500,api-football:minute=300. "
            "What a provider says of its quota counts where it is lower.",
            pattern=r"^( *[a-z][a-z0-9_-]{0,39}:(minute|day|month)=[1-9][0-9]{0,8} *(,|$))*$",
        ),
    ] = ""
