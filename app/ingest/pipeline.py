"""The story: what was observed, to what we hold true."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import msgspec

from app import metrics
from app.database.engine import Connection
from app.ingest.identity import identify, lock_identified, reschedule
from app.ingest.known import Known
from app.ingest.occurrences import save_incidents
from app.ingest.prices import save_prices
from app.ingest.reliability import learn
from app.ingest.repetition import is_repetition
from app.ingest.scores import save_scores
from app.ingest.ticks import save_ticks, ticks_of
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
    # Most of what is told of matches was told before; of that nothing is asked or written.
    observed = {m: o for m, o in identified.items() if not is_repetition(m, o, known)}
    if not observed:
        _count(identified, ())
        return Ingested(matches=len(identified))
    await known.held.wait_for(observed)
    await known.held.memory.providers(connection, anew=False)
    ticks = ticks_of(observed, known)
    if len(ticks) == len(observed):
        ticked = await save_ticks(connection, ticks, known)
        if ticked is not None:
            _count(identified, ticked)
            return Ingested(matches=len(identified), scores_changed=len(ticked))
    observed = await lock_identified(connection, observed, known)
    await reschedule(connection, observed, known)
    ticks = ticks_of(observed, known)
    ticked = await save_ticks(connection, ticks, known) if ticks else frozenset[int]()
    news = observed if ticked is None else {m: o for m, o in observed.items() if m not in ticks}
    scores = await save_scores(connection, news, known)
    told = {m: news[m] for m in scores.heard if news[m].incidents is not None}
    await save_incidents(connection, told, known)
    quotes = await save_prices(connection, news, known)
    await learn(connection, scores.judged)
    changed = scores.changed | (ticked or frozenset())
    _count(identified | observed, changed)
    metrics.quotes_saved.labels(observations[0].provider).inc(quotes)
    return Ingested(matches=len(identified), scores_changed=len(changed), quotes=quotes)


def _count(observed: Mapping[int, Observation], changed: Collection[int]) -> None:
    for (provider, sport), n in Counter((o.provider, o.sport) for o in observed.values()).items():
        metrics.observations.labels(provider, sport).inc(n)
    for sport, n in Counter(observed[m].sport for m in changed).items():
        metrics.matches_changed.labels(sport).inc(n)
