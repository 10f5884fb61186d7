"""Which quotes and words on markets count: young enough, and not in quarantine.

Said once, in SQL, for whoever makes prices and whoever shows them.
"""

from datetime import timedelta

# In play, and shortly before, a quote nobody confirmed for this long is no offer any more: a goal
# moves prices at once, and live odds are polled every few seconds.
QUOTE_FRESH = timedelta(seconds=60)
# Long before the start prices move slowly and are polled seldom: a quota of 500 requests a day
# allows some minutes between two.
QUOTE_FRESH_AHEAD = timedelta(minutes=15)
# From when on the shorter one counts.
STARTS_SOON = timedelta(minutes=10)


def _seconds(span: timedelta) -> str:
    return f"interval '{span.total_seconds()} s'"


# How long a quote of the match `m` with its score `s` counts.
FRESH_FOR = f"""(
    CASE WHEN coalesce(s.status, 'scheduled') IN ('scheduled', 'postponed')
              AND m.start_time > statement_timestamp() + {_seconds(STARTS_SOON)}
    THEN {_seconds(QUOTE_FRESH_AHEAD)} ELSE {_seconds(QUOTE_FRESH)} END
)"""
# Whether what the health row `h` says leaves something observed then in quarantine.
QUARANTINED = "coalesce({at} < h.quarantined_before, false)"
# Since when all quotes were seen that count of the market `k` of a match in play.
SEEN_SINCE = f"k.fresh_until - {_seconds(QUOTE_FRESH)}"
