"""Ticks: what is told of matches whose clocks go on, and nothing else; nearly all that is told.

Where it is remembered how the matches stand, nothing has to be asked for them. One statement locks
the heads, writes if they name the readings that are remembered, and says whether they did. Of a
batch with news in it all heads are locked before, at once: who takes locks one after another may
wait for somebody who waits for them.
"""

import time
from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from app.database.engine import Connection
from app.ingest.agreement import agreed
from app.ingest.believed import BelievedScore
from app.ingest.columns import Repeated, numbers
from app.ingest.confidence import ToldScore
from app.ingest.held import HELD_S, Told
from app.ingest.known import Known
from app.ingest.merge import hear
from app.ingest.occurrences import was_looked_at
from app.ingest.reliability import Providers
from app.ingest.repetition import told_at
from app.ingest.scores import BELIEVE, columns_believed, is_shown_otherwise, text_of
from app.sports.observation import Observation

_REPEATS = ("points_repeats", "back_repeats", "status_repeats")
# Of a word that goes on, since when it is told stays as it is.
_TELL = """
WITH locked AS (
    SELECT match_id, refs_moved, holder FROM match_heads
    WHERE match_id = ANY (string_to_array($2, ',')::bigint[])
    ORDER BY match_id FOR NO KEY UPDATE
), remembered AS (
    SELECT count(*) = cardinality(string_to_array($2, ','))
           AND bool_and(l.holder IS NOT DISTINCT FROM e.holder AND NOT l.refs_moved) AS holds
    FROM locked l
    JOIN unnest(string_to_array($2, ',')::bigint[], string_to_array($3, ',')::bigint[])
         AS e (match_id, holder) USING (match_id)
), told AS (
    INSERT INTO score_observations AS o (
        match_id, provider, score, observed_at, received_at{names}
    )
    SELECT n.match_id, $1, ($5::jsonb[])[n.score], t.at[n.observed], t.at[n.received]{columns}
    FROM (SELECT $6::timestamptz[] AS at) AS t, unnest(
        string_to_array($2, ',')::bigint[], string_to_array($4, ',')::int[],
        string_to_array($7, ',')::int[], string_to_array($8, ',')::int[]{arrays}
    ) AS n (match_id, score, observed, received{names})
    WHERE (SELECT holds FROM remembered)
    ON CONFLICT (match_id, provider) DO UPDATE
    SET score = excluded.score, observed_at = excluded.observed_at,
        received_at = excluded.received_at{news}
    RETURNING match_id
)"""
_HOLDS = "SELECT holds FROM remembered"
# What is believed is written after what it is believed for.
_AFTER = "WHERE (SELECT count(*) FROM told) > 0"


def _statement(*, counts: bool, believes: bool) -> str:
    """Returns the statement of ticks; with how often words were told, and what is believed now."""
    numbered = [(name, 9 + n) for n, name in enumerate(_REPEATS if counts else ())]
    told = _TELL.format(
        names="".join(f", {name}" for name, _ in numbered),
        columns="".join(f", n.{name}" for name, _ in numbered),
        arrays="".join(f", string_to_array(${n}, ',')::smallint[]" for _, n in numbered),
        news="".join(f", {name} = excluded.{name}" for name, _ in numbered),
    )
    if not believes:
        return f"{told} {_HOLDS}"
    first = 9 + len(numbered)
    belief = BELIEVE.format(*range(first, first + 10), where=_AFTER)
    return f"{told}, believed AS ({belief}) {_HOLDS}"


_STATEMENTS = {
    (counts, believes): _statement(counts=counts, believes=believes)
    for counts in (False, True)
    for believes in (False, True)
}


def ticks_of(observed: Mapping[int, Observation], known: Known) -> dict[int, ToldScore]:
    """Returns the words of those observations, of one provider, that are ticks."""
    providers = known.held.memory.standings()
    if providers is None or not providers.all_count:
        return {}
    words: dict[int, ToldScore] = {}
    oldest = time.monotonic() - HELD_S
    for match_id, observation in observed.items():
        told = known.held.seen(match_id)
        if told is None or told.read_at < oldest or not _is_remembered(told, providers):
            continue
        word = _tick_of(match_id, observation, told, known)
        if word is not None:
            words[match_id] = word
    return words


async def save_ticks(
    connection: Connection, words: Mapping[int, ToldScore], known: Known
) -> frozenset[int] | None:
    """Takes in ticks found just now, whose heads are locked already or are the only ones of all
    that is told.

    Returns the matches of which we now believe something else; None when what is remembered no
    longer holds: nothing was written then.
    """
    matches: dict[int, Told] = {}
    believed: dict[int, BelievedScore] = {}
    counts = False  # Of a word that was confirmed before nothing is counted any more.
    for match_id, word in words.items():
        told = known.held.take_out(match_id)
        assert told is not None, "it was seen just now"
        assert told.held is not None, "what is settled is believed"
        counts = counts or not told.words[word.provider].confirmed
        told.words[word.provider] = word
        belief = agreed(list(told.words.values()), told.held)
        assert belief is not None, "all say the same of what is settled"
        matches[match_id] = told
        if is_shown_otherwise(belief, told.held):
            believed[match_id] = told.held = belief
    if not await _write(connection, matches, words, believed, counts=counts):
        return None
    known.held.learn(matches)
    return frozenset(believed)


def _is_remembered(told: Told, providers: Providers) -> bool:
    return told.settled and told.providers is providers and told.held is not None


def _tick_of(match_id: int, observation: Observation, told: Told, known: Known) -> ToldScore | None:
    """Returns the word that an observation goes on with; None when it says anything else."""
    score, provider, match = observation.score, observation.provider, observation.match
    word = told.words.get(provider)
    if score is None or word is None or observation.markets:
        return None
    was = word.score
    if score.status is not was.status or score.home != was.home or score.away != was.away:
        return None
    at, newest = told_at(observation), known.told.get((match_id, provider))
    if at <= word.observed_at or (newest is not None and at < newest):
        return None
    if match is not None and known.starts.get((provider, match_id)) != match.start_time:
        return None
    if observation.incidents is not None and not was_looked_at(match_id, observation, known):
        return None
    now = replace(word, score=score, observed_at=at, received_at=observation.received_at)
    return hear(word, now)


async def _write(
    connection: Connection,
    matches: Mapping[int, Told],
    words: Mapping[int, ToldScore],
    believed: Mapping[int, BelievedScore],
    *,
    counts: bool,
) -> bool:
    """Writes words and beliefs, unless a head says that what is remembered does not hold."""
    scores: Repeated[str] = Repeated()
    times: Repeated[datetime] = Repeated()
    places = scores.column([text_of(word.score) for word in words.values()])
    observed = times.column([word.observed_at for word in words.values()])
    received = times.column([word.received_at for word in words.values()])
    columns: list[object] = [
        next(iter(words.values())).provider,
        numbers(words),
        numbers([told.reading for told in matches.values()]),
        *(places, scores.values),
        *(times.values, observed, received),
    ]
    if counts:
        columns += [numbers([getattr(word, name) for word in words.values()]) for name in _REPEATS]
    if believed:
        columns += columns_believed(believed)
    return await connection.fetchval(_STATEMENTS[counts, bool(believed)], *columns)
