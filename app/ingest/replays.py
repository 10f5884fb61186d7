"""Dead letters taken in again: after a match was identified, a normaliser mended, a table widened.

What we could read is kept as our own observation and needs no reader; a push or a publication is
read as it was then, and a body of a polled provider by its adapter's normaliser.
"""

import msgspec

from app.database import engine
from app.database.engine import Pool
from app.ingest import publications
from app.ingest.dead_letters import Buried, mark_replayed
from app.ingest.intake import TakenIn, take_in
from app.ingest.known import Known
from app.ingest.pushes import held_of
from app.providers import readers
from app.providers.items import Unfit
from app.providers.provider import Answer, ProviderError
from app.providers.push import feed, publication
from app.providers.readers import Kept, NoReader
from app.sports.observation import Observation


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a letter: `accepted` observations are in; `message` says why others are not.

    A letter counts as replayed only when all of it is in.
    """

    id: int
    accepted: int = 0
    message: str = ""


async def replay(pool: Pool, buried: Buried, known: Known) -> Replayed:
    """Takes a letter in again; safe to call twice. Raises DependencyDown.

    What fails again stays as it is: the letter is counted once more, and no second one made.
    """
    if buried.is_cut:
        return Replayed(id=buried.id, message="only its beginning was kept")
    try:
        answer = await _read(pool, buried)
    except (ProviderError, NoReader, Unfit, msgspec.MsgspecError, ValueError) as error:
        return Replayed(id=buried.id, message=str(error) or type(error).__name__)
    lost = [f"{one.code}: {one.message}" for one in answer.rejected]
    if not answer.observations:
        why = lost[0] if lost else "there is nothing of ours in it"
        return Replayed(id=buried.id, message=why)
    readable = Answer(observations=answer.observations)
    taken = await take_in(pool, buried.origin, readable, known) or TakenIn()
    lost += [f"{one.code}: {one.message}" for one in taken.lost]
    accepted = len(answer.observations) - len(taken.lost)
    if lost:
        return Replayed(id=buried.id, accepted=accepted, message=lost[0])
    async with engine.connection(pool) as connection:
        await mark_replayed(connection, buried.id)
    return Replayed(id=buried.id, accepted=accepted)


async def _read(pool: Pool, buried: Buried) -> Answer:
    letter, origin = buried.letter, buried.origin
    if letter.form == "observation":
        return Answer(observations=(msgspec.json.decode(letter.raw, type=Observation),))
    if origin.scope == publications.ORIGIN.scope:
        async with engine.connection(pool) as connection:
            name = letter.external_id or ""
            subject = (await publications.subjects_of(connection, [name])).get(name)
        return Answer(observations=(publication.read(letter.raw, subject, buried.last_at),))
    if origin.scope == "push":
        opened = feed.reopened(letter.raw)
        async with engine.connection(pool) as connection:
            held = await held_of(connection, origin.provider, opened.needs or "")
        return feed.read(opened, origin.provider, held, buried.last_at)
    return readers.read(
        Kept(
            provider=origin.provider,
            body=letter.raw,
            received_at=buried.last_at,
            scope=origin.scope,
            sport=origin.sport or "",
        )
    )
