"""What a client may ask for in the query of /live, as a socket or as a stream of events."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.database.places import Place, parse_token
from app.errors import MalformedId, MalformedRequest, NotFound
from app.sockets.frames import KINDS
from app.sockets.member import Wish
from app.sports.ids import is_wire_id, number_of

# Longer than that nobody calls it real time; exchanges allow the same.
CONFLATE_MS_MAX = 120_000


class Wishes(msgspec.Struct, frozen=True, rename="camel"):
    """How a match is to be told."""

    since: str | None = None
    kinds: str | None = None
    conflate_ms: Annotated[int, Meta(ge=0, le=CONFLATE_MS_MAX)] = 0
    # Below a second a heartbeat is traffic; above two minutes proxies have cut the line.
    heartbeat_ms: Annotated[int, Meta(ge=1_000, le=120_000)] = 15_000
    token: str | None = None

    def place(self) -> Place | None:
        """Returns the place to go on from, None for a fresh start; raises MalformedResume."""
        return parse_token(self.since) if self.since else None

    def wish(self) -> Wish:
        """Returns what members of a crowd wish for; raises MalformedRequest."""
        return Wish(kinds=self._frames(), conflate_s=self.conflate_ms / 1000)

    def _frames(self) -> frozenset[str] | None:
        if self.kinds is None:
            return None
        wanted: set[str] = set()
        for kind in self.kinds.split(","):
            if kind not in KINDS:
                raise MalformedRequest(f"kinds takes {', '.join(KINDS)}")
            wanted |= KINDS[kind]
        return frozenset(wanted)


def read_wishes(query: Mapping[str, Sequence[Any]]) -> Wishes:
    """Returns what a query asks for; raises MalformedRequest. Of a name said twice the last counts,
    what is not known is left alone.
    """
    try:
        return msgspec.convert({k: v[-1] for k, v in query.items()}, Wishes, strict=False)
    except msgspec.ValidationError as error:
        raise MalformedRequest(str(error)) from error


def match_number(text: str) -> int:
    """Returns the number behind a match's id; raises MalformedId and NotFound."""
    if not is_wire_id(text):
        raise MalformedId
    number = number_of(text)
    if number is None:
        raise NotFound(f"There is no match {text}.")
    return number
