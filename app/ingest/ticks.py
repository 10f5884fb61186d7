"""Ticks: what is told of matches whose clocks go on, and nothing else; nearly all that is told.

Where it is remembered how the matches stand, nothing has to be asked for them. One statement locks
the heads, writes if they name the readings that are remembered, and says whether they did. It goes
ahead of what else an answer says, and is committed before: in one transaction with it, it would
take locks one after another, and might wait for somebody who waits for it.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from app.database.engine import Connection
from app.ingest.agreement import told_alike
from app.ingest.believed import BelievedScore
from app.ingest.columns import Repeated, numbers
from app.ingest.confidence import ToldScore
from app.ingest.held import HELD_S, Told
from app.ingest.identity import key_of_observation, on_our_sides
from app.ingest.known import Known
from app.ingest.merge import hear
from app.ingest.occurrences import was_looked_at
from app.ingest.repetition import CONFIRM_EVERY, told_at
from app.ingest.scores import believing, columns_believed, is_shown_otherwise, text_of
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
    belief = believing(9 + len(numbered), _AFTER)
    return f"{told}, believed AS ({belief}) {_HOLDS}"


_STATEMENTS = {
    (counts, believes): _statement(counts=counts, believes=believes)
    for counts in (False, True)
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


def told_apart(
    said: Mapping[int, Observation], known: Known
) -> tuple[dict[int, ToldScore], list[int]]:
    """Returns the words of those observations, of one provider, that are ticks; and the matches of
    which one only repeats what its provider was heard to say, until it is time to confirm it.
    """
    words: dict[int, ToldScore] = {}
    repeated: list[int] = []
    providers = known.held.memory.standings()
    if providers is None or not providers.all_count:
        return words, repeated
    oldest = time.monotonic() - HELD_S
    for match_id, observation in said.items():
        told = known.held.seen(match_id)
        if told is None or told.held is None or not told.settled or told.read_at < oldest:
            continue
        if told.providers is not providers:
            told.weigh(providers)
        word = told.words.get(observation.provider)
        if word is None or not _goes_on(match_id, observation, word, known):
            continue
        now = _now(match_id, observation, word, known)
        if now is word:
            repeated.append(match_id)
        elif now is not None:
            words[match_id] = now
    return words, repeated


async def save_ticks(
    connection: Connection, words: Mapping[int, ToldScore], known: Known
) -> frozenset[int] | None:
    """Takes in ticks found just now.

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
        belief = told_alike(list(told.words.values()), told.held)
        matches[match_id] = told
        if is_shown_otherwise(belief, told.held):
            believed[match_id] = told.held = belief
    if not await _write(connection, matches, words, believed, counts=counts):
        return None
    known.held.learn(matches)
    return frozenset(believed)


def _goes_on(match_id: int, observation: Observation, word: ToldScore, known: Known) -> bool:
    """Says whether an observation says nothing else than the word before, but for the clock."""
    score, was, match = observation.score, word.score, observation.match
    if score is None or observation.markets:
        return False
    if score.status is not was.status or score.home != was.home or score.away != was.away:
        return False
    if match is not None:
        start = known.starts.get((observation.provider, match_id))
        if start is not match.start_time and start != match.start_time:
            return False
    return observation.incidents is None or was_looked_at(match_id, observation, known)


def _now(
    match_id: int, observation: Observation, word: ToldScore, known: Known
) -> ToldScore | None:
    """Returns the word that an observation goes on with: the very same when it only repeats it and
    need not be kept; None when it is late.
    """
    at, key = told_at(observation), (match_id, observation.provider)
    newest, score = known.told.get(key), observation.score
    if score is None or at <= word.observed_at or (newest is not None and at < newest):
        return None
    # Of a word that is confirmed nothing is counted any more.
    confirmed = word.confirmed
    if confirmed and score == word.score and at < word.observed_at + CONFIRM_EVERY:
        known.told.learn(key, at)
        return word
    now = replace(word, score=score, observed_at=at, received_at=observation.received_at)
    return now if confirmed else hear(word, now)


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
    provider = next(iter(words.values())).provider
    assert {word.provider for word in words.values()} == {provider}, "an answer is of one provider"
    columns: list[object] = [
        provider,
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
