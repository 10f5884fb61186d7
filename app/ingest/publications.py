"""What was published on Redis' match channels, taken in: many messages in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from app.database import engine
from app.database.engine import Connection, Pool
from app.ingest.dead_letters import Letter, Origin, bury
from app.ingest.intake import TakenIn, take_in
from app.ingest.known import Known
from app.providers.items import Unfit
from app.providers.provider import Answer
from app.providers.push import publication
from app.providers.push.publication import PROVIDER, Subject
from app.sports.ids import number_of
from app.sports.match import MatchStatus, Sport
from app.sports.observation import Observation

ORIGIN = Origin(provider=PROVIDER, scope="publish")
CHANNEL_PREFIX = "match:"

_SUBJECTS = """
SELECT m.id, m.sport_id, s.status FROM matches m LEFT JOIN live_scores s ON s.match_id = m.id
WHERE m.id = ANY ($1::bigint[])
"""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message as it was heard; `name` is what stands behind `match:`."""

    name: str
    payload: bytes
    received_at: datetime


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages are in, and how many are in the dead letters."""

    accepted: int
    refused: int


async def take_messages(pool: Pool, messages: Sequence[Message], known: Known) -> Taken:
    """Takes messages in, in order; what is no score of a match of ours becomes a dead letter.

    Raises DependencyDown when Postgres is away; taking the same in again is harmless.
    """
    async with engine.connection(pool) as connection:
        subjects = await subjects_of(connection, [message.name for message in messages])
    observations: list[Observation] = []
    letters: list[Letter] = []
    for message in messages:
        subject = subjects.get(message.name)
        try:
            said = publication.read(message.payload, subject, message.received_at)
        except Unfit as error:
            letters.append(_letter(message, error))
        else:
            observations.append(said)
    if letters:
        async with engine.connection(pool) as connection:
            await bury(connection, ORIGIN, letters)
    taken = await take_in(pool, ORIGIN, Answer(observations=tuple(observations)), known)
    lost = len((taken or TakenIn()).lost)
    return Taken(accepted=len(observations) - lost, refused=len(letters) + lost)


async def subjects_of(connection: Connection, names: Sequence[str]) -> Mapping[str, Subject]:
    """Returns the matches behind the names of channels, as far as there are any."""
    numbers = {name: number_of(name) for name in names}
    wanted = [number for number in numbers.values() if number is not None]
    rows = {row["id"]: row for row in await connection.fetch(_SUBJECTS, wanted)}
    return {
        name: Subject(
            match_id=number,
            sport=Sport(rows[number]["sport_id"]),
            status=MatchStatus(rows[number]["status"]) if rows[number]["status"] else None,
        )
        for name, number in numbers.items()
        if number is not None and number in rows
    }


def _letter(message: Message, error: Unfit) -> Letter:
    return Letter(
        code=error.code,
        message=str(error),
        raw=message.payload,
        external_id=message.name[:200] or None,
    )
