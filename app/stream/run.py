"""A run: changes of one match without a hole, and the place they come after."""

import msgspec

from app.database.places import Place
from app.stream.change import Change


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody else read from the log. `after` and the changes' places prove where it fits."""

    match_id: int
    after: Place
    changes: tuple[Change, ...]

    def beyond(self, place: Place) -> tuple[Change, ...] | None:
        """Returns what comes after a place; None when it takes the log to know.

        Place for place they are compared by number *and* time: under the same number another life
        of the database has another entry, and what follows that one follows ours only by accident.
        """
        if place == self.after:
            return self.changes
        ahead = place.seq - self.after.seq
        if ahead > len(self.changes):
            return ()
        if ahead > 0 and self.changes[ahead - 1].place == place:
            return self.changes[ahead:]
        return None
