"""What one process remembers between polls: so no final whistle is missed, and none asked twice.

It is never the truth: forgotten, it costs a few requests more.
"""

import time
from collections.abc import Collection, Iterable, Sequence

from app.sports.ids import ExternalId
from app.sports.match import IN_PLAY, OVER
from app.sports.observation import Observation

# All fixtures they have of a busy week; beyond it the oldest are forgotten.
REMEMBERED_MAX = 10_000


class Memory:
    """Which matches were in play, and when others need be asked for again."""

    def __init__(self) -> None:
        self._live: dict[ExternalId, None] = {}
        self._not_before: dict[ExternalId, float] = {}
        self._odds_not_before: dict[ExternalId, float] = {}

    def missing(
        self, live: Collection[ExternalId], wanted: Iterable[ExternalId]
    ) -> list[ExternalId]:
        """Returns what to look up: was in play and isn't told now; then wanted and not known."""
        now = time.monotonic()
        left = [one for one in self._live if one not in live]
        others = [
            one
            for one in wanted
            if one not in live and one not in self._live and self._not_before.get(one, 0.0) <= now
        ]
        return left + list(dict.fromkeys(others))

    def saw_live(self, live: Iterable[ExternalId]) -> None:
        """Notes what is in play; what left without having been looked up stays noted."""
        for one in live:
            self._live[one] = None
            self._not_before.pop(one, None)
        _forget(self._live)

    def looked_up(
        self, told: Sequence[Observation], asked: Iterable[ExternalId], over_again_s: float
    ) -> None:
        """Notes what looking up said: in play stays, over comes back later, to come at its time.

        What was asked for and not told of is not theirs any more: as if over.
        """
        now = time.monotonic()
        said = {observation.external_id: observation for observation in told}
        for one in asked:
            observation = said.get(one)
            score = observation.score if observation is not None else None
            if observation is not None and score is not None and score.status in IN_PLAY:
                continue
            wait_s = over_again_s
            is_to_come = score is not None and score.status not in OVER
            if observation is not None and observation.match is not None and is_to_come:
                begins_in = observation.match.start_time - observation.received_at
                wait_s = max(over_again_s, begins_in.total_seconds())
            self._live.pop(one, None)
            self._not_before[one] = now + wait_s
        _forget(self._not_before)

    def is_due(self, match: ExternalId) -> bool:
        """Says whether the odds of a match to come may be asked for."""
        return self._odds_not_before.get(match, 0.0) <= time.monotonic()

    def asked_odds(self, match: ExternalId, again_s: float) -> None:
        """Notes that they were, and in how many seconds that is worth a request again."""
        self._odds_not_before[match] = time.monotonic() + again_s
        _forget(self._odds_not_before)


def _forget(known: dict[ExternalId, None] | dict[ExternalId, float]) -> None:
    while len(known) > REMEMBERED_MAX:
        known.pop(next(iter(known)))
