"""When something was said, and whether a worker heard anything newer. Pure."""

from datetime import datetime, timedelta

from app.ingest.known import Known
from app.sports.observation import Observation

# A provider's clock is believed to be ahead of ours by so much at most: one that is hours ahead
# would make everybody else's word look old.
CLOCK_AHEAD_MAX = timedelta(seconds=5)


# An unchanged score's `observed_at` is written again when it is this old: readers are told how old
# their data is, and a write a poll and match would cost more than it says.
CONFIRM_EVERY = timedelta(seconds=5)


def told_at(observation: Observation) -> datetime:
    """Returns when something was said, by the provider's clock as far as that can be."""
    observed_at, received_at = observation.observed_at, observation.received_at
    if observed_at <= received_at:
        return observed_at
    return min(observed_at, received_at + CLOCK_AHEAD_MAX)


def is_newest(match_id: int, observation: Observation, known: Known) -> bool:
    """Says whether this worker heard nothing newer of the provider; the tables say it of all, but
    for the seconds in which an unchanged word is not written again.
    """
    key, at = (match_id, observation.provider), observation.observed_at
    before = known.told.get(key)
    if before is not None and at < before:
        return False
    known.told.learn(key, told_at(observation))
    return True
