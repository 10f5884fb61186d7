"""Settings of processes that play recordings sixty times faster: everything is asked often."""

EAGER = {
    "POLL_LIVE_MS": "1000",
    "POLL_BREAK_MS": "1000",
    "POLL_MINUTES_BEFORE_MS": "1000",
    "POLL_HOURS_BEFORE_MS": "1000",
    "POLL_JUST_FINISHED_MS": "1000",
    "POLL_FIXTURES_MS": "2000",
    "POLL_IDLE_MS": "1000",
    "POLL_LISTED_TIMES": "1",
    "POLL_UNWATCHED_TIMES": "1",
    "POLL_SPEED": "60",
}
