"""The story: what was observed, to what we hold true."""

from collections.abc import Collection, Iterator, Sequence

import msgspec

from app import metrics
from app.database.engine import Connection
from app.ingest.identity import identify, lock_identified, reschedule
from app.ingest.known import Known
from app.ingest.news import news_of, save_news
from app.ingest.occurrences import save_incidents
from app.ingest.prices import save_prices
from app.ingest.reliability import learn
from app.ingest.remembered import recalled
from app.ingest.scores import save_scores
from app.ingest.ticks import save_ticks, told_apart
from app.sports.match import Sport
from app.sports.observation import Observation

# Observations taken in by one transaction; more are the caller's to split. 500 matches of 15
# quotes each are one statement of 7,500 rows, some 200 ms.
OBSERVATIONS_MAX = 500


class Ingested(msgspec.Struct, frozen=True, kw_only=True):
    """What one batch was: matches seen, scores that changed, quotes told."""

    matches: int = 0
    scores_changed: int = 0
    quotes: int = 0

    def __add__(self, other: "Ingested") -> "Ingested":
        return Ingested(
            matches=self.matches + other.matches,
            scores_changed=self.scores_changed + other.scores_changed,
            quotes=self.quotes + other.quotes,
        )


async def ingest(
    connection: Connection, observations: Sequence[Observation], known: Known
) -> Ingested:
    """Takes in what one provider observed, in the caller's transaction. Safe to call twice.

    Raises what asyncpg raises; nothing was written then. The caller says `known.keep()` after the
    commit and `known.drop()` without one.
    """
    assert len(observations) <= OBSERVATIONS_MAX, len(observations)
    if not observations:
        return Ingested()
    identified = await identify(connection, observations, known)
    if not identified:
        return Ingested()
    await known.held.wait_for(identified)
    await known.held.memory.providers(connection, anew=False)
    observed = await lock_identified(connection, identified, known)
    await reschedule(connection, observed, known)
    scores = await save_scores(connection, observed, known)
    told = {m: observed[m] for m in scores.heard if observed[m].incidents is not None}
    await save_incidents(connection, told, known)
    quotes = await save_prices(connection, observed, known)
    await learn(connection, scores.judged)
    _count((identified | observed).values(), [observed[m] for m in scores.changed])
    metrics.quotes_saved.labels(observations[0].provider).inc(quotes)
    return Ingested(matches=len(identified), scores_changed=len(scores.changed), quotes=quotes)


async def ingest_remembered(
    connection: Connection, observations: Sequence[Observation], known: Known
) -> tuple[Ingested, Sequence[Observation]]:
    """Takes in those observations of one provider for which nothing has to be asked: most of all.
    Returns what they came to, and the others, which are left to `ingest`.

    Words that only repeat need not even be written. The others are, in statements that each need no
    transaction. Of several observations of one match only the first may go ahead of the others.
    The caller says `known.keep()` once it is committed, and `known.drop()` when it was not.
    """
    found = recalled(observations, known)
    said, done, changed = found.said, list[int](), list[int]()
    matches = list(said)
    for start in range(0, len(matches), OBSERVATIONS_MAX):
        part = {m: said[m] for m in matches[start : start + OBSERVATIONS_MAX]}
        await known.held.wait_for(part)
        await known.held.memory.providers(connection, anew=False)
        ticks, repeated = told_apart(part, known)
        done += repeated
        if ticks and (ticked := await save_ticks(connection, ticks, known)) is not None:
            done += ticks
            changed += ticked
        gone = ticks.keys() | set(repeated)
        news = news_of({m: o for m, o in part.items() if m not in gone}, known)
        if news and (moved := await save_news(connection, news, known)) is not None:
            done += news
            changed += moved
    _count([said[m] for m in done], [said[m] for m in changed])
    return Ingested(matches=len(done), scores_changed=len(changed)), found.without(done)


def _count(observed: Collection[Observation], changed: Collection[Observation]) -> None:
    """Counts observations, all of one provider. Hashing a sport costs more than to count it."""
    for sport, n in _by_sport(observed):
        metrics.observations.labels(next(iter(observed)).provider, sport).inc(n)
    for sport, n in _by_sport(changed):
        metrics.matches_changed.labels(sport).inc(n)


def _by_sport(observed: Collection[Observation]) -> Iterator[tuple[Sport, int]]:
    sports = [o.sport for o in observed]
    for sport in Sport:
        if n := sports.count(sport):
            yield sport, n
