"""Whether the log can be read, and since when that is so."""

from datetime import datetime
from typing import Literal

import msgspec


class LogState(msgspec.Struct, frozen=True, kw_only=True):
    """How far this process sees. `current`: what is committed is read at once, or in a moment.
    `behind`: nothing could be read for too long; `since` is when it last could.
    """

    state: Literal["current", "behind"]
    since: datetime

    @property
    def is_behind(self) -> bool:
        """Whether there may be more than was handed out."""
        return self.state == "behind"
