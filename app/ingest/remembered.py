"""What is told and believed of matches that a process remembers: recalled, and written anew.

Where it is remembered how matches stand, nothing has to be asked for them, and no transaction is
opened. One statement locks the heads, writes if they name the readings that are remembered, and
says whether they did.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec

from app.database.engine import Connection
from app.ingest.believed import BelievedScore
from app.ingest.columns import Repeated, numbers
from app.ingest.confidence import ToldScore
from app.ingest.held import HELD_S, Told
from app.ingest.identity import key_of_observation, on_our_sides
from app.ingest.known import Known
from app.ingest.occurrences import was_looked_at
from app.ingest.scores import believing, columns_believed, text_of
from app.sports.observation import Observation

# What is written of a word beside its score and its times: how often it was told, and since when.
REPEATS: tuple[str, ...] = ("points_repeats", "back_repeats", "status_repeats")
SINCE: tuple[str, ...] = ("points_since", "back_since", "status_since")

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


def _statement(more: tuple[str, ...], *, believes: bool) -> str:
    """Returns the statement for words with these columns more, and for what is believed now."""
    numbered = [(name, 9 + n) for n, name in enumerate(more)]
    told = _TELL.format(
        names="".join(f", {name}" for name in more),
        columns="".join(f", t.at[n.{name}]" if name in SINCE else f", n.{name}" for name in more),
        arrays="".join(f", string_to_array(${n}, ',')::int[]" for _, n in numbered),
        news="".join(f", {name} = excluded.{name}" for name in more),
    )
    if not believes:
        return f"{told} {_HOLDS}"
    belief = believing(9 + len(more), _AFTER)
    return f"{told}, believed AS ({belief}) {_HOLDS}"


_STATEMENTS: Mapping[tuple[tuple[str, ...], bool], str] = {
    (more, believes): _statement(more, believes=believes)
    for more in ((), REPEATS, REPEATS + SINCE)
    for believes in (False, True)
}


class Recalled(msgspec.Struct, frozen=True):
    """What an answer says of matches that are known, the first of each, and where it says so."""

    observations: Sequence[Observation]
    said: dict[int, Observation]
    places: dict[int, int]

    def without(self, match_ids: Collection[int]) -> Sequence[Observation]:
        """Returns what else the answer says."""
        gone = {self.places[m] for m in match_ids}
        if len(gone) == len(self.observations):
            return ()
        return [one for place, one in enumerate(self.observations) if place not in gone]


def recalled(observations: Sequence[Observation], known: Known) -> Recalled:
    """Returns what is said of matches that a line knows by heart, turned to our sides."""
    said: dict[int, Observation] = {}
    places: dict[int, int] = {}
    for place, observation in enumerate(observations):
        ours = known.matches.get(key_of_observation(observation))
        if ours is not None and ours.id not in said:
            said[ours.id] = on_our_sides(observation, ours)
            places[ours.id] = place
    return Recalled(observations, said, places)


class Recall:
    """What a line may use of what its process remembers just now; until anything is awaited."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._oldest = time.monotonic() - HELD_S
        self.providers = known.held.memory.standings()
        self.is_possible = self.providers is not None and self.providers.all_count

    def told(self, match_id: int) -> Told | None:
        """Returns what is remembered of a match that we believe something of."""
        told = self._known.held.seen(match_id)
        if told is None or told.held is None or told.read_at < self._oldest:
            return None
        if told.providers is not self.providers and self.providers is not None:
            told.weigh(self.providers)
        return told

    def says_more(self, match_id: int, observation: Observation) -> bool:
        """Says whether an observation has prices, another start, or incidents to look at."""
        match = observation.match
        if observation.markets:
            return True
        if match is not None:
            start = self._known.starts.get((observation.provider, match_id))
            if start is not match.start_time and start != match.start_time:
                return True
        return observation.incidents is not None and not was_looked_at(
            match_id, observation, self._known
        )


class Changes(msgspec.Struct, frozen=True):
    """What becomes of matches that were taken out of the memory: the words of one provider, what we
    believe now where that differs, and what `more` is to be written of the words.
    """

    matches: dict[int, Told]
    words: Mapping[int, ToldScore]
    believed: dict[int, BelievedScore]
    more: tuple[str, ...] = ()


async def write(connection: Connection, changes: Changes, known: Known) -> bool:
    """Writes changes; False, and nothing is written, where what is remembered no longer holds."""
    words = changes.words.values()
    provider = next(iter(words)).provider
    assert {word.provider for word in words} == {provider}, "an answer is of one provider"
    scores: Repeated[str] = Repeated()
    times: Repeated[datetime | None] = Repeated()
    columns: list[object] = [
        provider,
        numbers(changes.words),
        numbers([changes.matches[m].reading for m in changes.words]),
        scores.column([text_of(word.score) for word in words]),
        scores.values,
        times.values,
        times.column([word.observed_at for word in words]),
        times.column([word.received_at for word in words]),
    ]
    for name in changes.more:
        told = [getattr(word, name) for word in words]
        columns.append(times.column(told) if name in SINCE else numbers(told))
    if changes.believed:
        columns += columns_believed(changes.believed)
    statement = _STATEMENTS[changes.more, bool(changes.believed)]
    holds: bool = await connection.fetchval(statement, *columns)
    if holds:
        known.held.learn(changes.matches)
    return holds
