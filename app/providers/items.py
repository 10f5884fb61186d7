"""An answer read item by item: what cannot be read is set aside, the others count."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from app.providers.provider import Answer, Rejected
from app.sports.ids import ExternalId
from app.sports.observation import Observation

# What msgspec raises for bytes that are no JSON, or nested without end, or of another shape.
UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# Those of ExternalId and Name.
TEXT_LENGTH_MAX = 200
# As they come: what is longer, most of it blanks, is neither an id nor a name.
RAW_LENGTH_MAX = 5 * TEXT_LENGTH_MAX
# Descriptions of matches, teams and leagues that a normaliser remembers. They are told with every
# poll and nearly never change; about 1 kB each.
DESCRIBED_MAX = 8_000
# A match outside of these is a typing error, and sums with it would leave the calendar.
YEAR_MIN, YEAR_MAX = 1900, 2100

# What one item says, and what of it is set aside.
Read = tuple[Observation | None, Sequence[Rejected]]
# The same of many.
Part = tuple[Sequence[Observation], Sequence[Rejected]]


class Unfit(Exception):
    """An item, or a part of one, that cannot be used; `code` is a stable word for why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def rejected(self, index: int, raw: bytes) -> Rejected:
        """Returns it as what is kept of it."""
        return Rejected(index=index, code=self.code, message=str(self), raw=raw)


def read_items(items: Sequence[msgspec.Raw], read: Callable[[int, msgspec.Raw], Read]) -> Part:
    """Returns what was said, each match once, and what could not be read.

    `read` returns what an item says (None: nothing of ours) and what of it is set aside, and
    raises Unfit or a decoder's error for an item that is useless. Of a match told of twice the
    first counts, and a second that says otherwise is set aside as `duplicate`.
    """
    said: dict[ExternalId, Observation] = {}
    rejected: list[Rejected] = []
    for index, item in enumerate(items):
        try:
            observation, aside = read(index, item)
            rejected.extend(aside)
            if observation is not None:
                _say_once(said, observation)
        except Unfit as error:
            rejected.append(error.rejected(index, bytes(item)))
        except UNDECODABLE as error:
            rejected.append(Unfit("unreadable", str(error)).rejected(index, bytes(item)))
    return list(said.values()), rejected


def _say_once(said: dict[ExternalId, Observation], observation: Observation) -> None:
    first = said.setdefault(observation.external_id, observation)
    if first is not observation and first != observation:
        raise Unfit("duplicate", f"{observation.external_id} is told of twice")


def joined(parts: Sequence[Part]) -> Answer:
    """Returns one answer made of several; of a match told of twice the first counts."""
    said: dict[ExternalId, Observation] = {}
    for observations, _ in parts:
        for observation in observations:
            said.setdefault(observation.external_id, observation)
    return Answer(
        observations=tuple(said.values()),
        rejected=tuple(one for _, rejected in parts for one in rejected),
    )


def id_of(value: str | int | None, what: str) -> ExternalId:
    """Returns a provider's id as text; raises Unfit when it is none."""
    raw = "" if value is None else str(value)
    text = raw.strip()
    fits = text and len(text) <= TEXT_LENGTH_MAX and len(raw) <= RAW_LENGTH_MAX
    if not fits or not text.isprintable():
        raise Unfit("unreadable", f"{what} is no id")
    return text


def name_of(value: str | None, what: str) -> str:
    """Returns a name on one line, without characters that do not show; raises Unfit without one."""
    raw = value or ""
    words = " ".join(raw.split())
    if words.isprintable():
        name = words  # As nearly all are.
    else:
        name = "".join(letter for letter in words if letter.isprintable()).strip()
    if not name or len(name) > TEXT_LENGTH_MAX or len(raw) > RAW_LENGTH_MAX:
        raise Unfit("unreadable", f"{what} is no name")
    return name


def moment_of(moment: datetime) -> datetime:
    """Returns a moment in UTC, which it is taken for without a zone; raises Unfit (`bad_time`)."""
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise Unfit("bad_time", "a time outside of all seasons")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
