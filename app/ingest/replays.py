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

    What fails again stays as it is: this makes no second letter of it.
    """
    if buried.is_cut:
        return Replayed(id=buried.id, message="only its beginning was kept")
    try:
        answer = await _read(pool, buried)
    except (ProviderError, NoReader, Unfit, msgspec.MsgspecError, ValueError) as error:
        return Replayed(id=buried.id, message=str(error) or type(error).__name__)
    if answer.rejected:
        first = answer.rejected[0]
        return Replayed(id=buried.id, message=f"{first.code}: {first.message}")
    if not answer.observations:
        return Replayed(id=buried.id, message="there is nothing of ours in it")
    taken = await take_in(pool, buried.origin, answer, known) or TakenIn()
    if taken.lost:
        return Replayed(
            id=buried.id,
            accepted=len(answer.observations) - len(taken.lost),
            message=f"{taken.lost[0].code}: {taken.lost[0].message}",
        )
    async with engine.connection(pool) as connection:
        await mark_replayed(connection, buried.id)
    return Replayed(id=buried.id, accepted=len(answer.observations))


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
