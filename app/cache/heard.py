"""When what answers are about was last told to have changed, by this process' clock."""

import time
from collections.abc import Iterable

# Some 150 bytes each; what was told of longest ago makes room.
TAGS_MAX = 20_000


class Heard:
    """Moments by tag, in monotonic seconds. One that is not known is no later than the floor."""

    def __init__(self) -> None:
        # What was told before this process listened, nobody here knows.
        self._floor = time.monotonic()
        self._at: dict[str, float] = {}

    def note(self, tags: Iterable[str]) -> None:
        """Notes that these changed, now."""
        now = time.monotonic()
        for tag in tags:
            self._at.pop(tag, None)
            self._at[tag] = now
        while len(self._at) > TAGS_MAX:
            oldest = next(iter(self._at))
            self._floor = self._at.pop(oldest)

    def at(self, tags: Iterable[str]) -> float:
        """Returns when any of these was last told to have changed, at the latest."""
        return max((self._at.get(tag, self._floor) for tag in tags), default=self._floor)
