"""Ticks: what is told of matches whose clocks go on, and nothing else; nearly all that is told."""

from collections.abc import Mapping

from msgspec.structs import replace

from app.database.engine import Connection
from app.ingest.agreement import told_alike
from app.ingest.believed import BelievedScore
from app.ingest.confidence import ToldScore
from app.ingest.held import Told
from app.ingest.known import Known
from app.ingest.merge import hear
from app.ingest.remembered import REPEATS, Changes, Recall, write
from app.ingest.repetition import CONFIRM_EVERY, told_at
from app.ingest.scores import is_shown_otherwise
from app.sports.observation import Observation


def told_apart(
    said: Mapping[int, Observation], known: Known
) -> tuple[dict[int, ToldScore], list[int]]:
    """Returns the words of those observations, of one provider, that are ticks; and the matches of
    which one only repeats what its provider was heard to say, until it is time to confirm it.
    """
    words: dict[int, ToldScore] = {}
    repeated: list[int] = []
    recall = Recall(known)
    if not recall.is_possible:
        return words, repeated
    for match_id, observation in said.items():
        told = recall.told(match_id)
        if told is None or not told.settled:
            continue
        word = told.words.get(observation.provider)
        if word is None or not _goes_on(observation, word):
            continue
        if recall.says_more(match_id, observation):
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
    changes = Changes(matches, words, believed, REPEATS if counts else ())
    return frozenset(believed) if await write(connection, changes, known) else None


def _goes_on(observation: Observation, word: ToldScore) -> bool:
    """Says whether an observation says nothing else of the score than the word before, but for the
    clock.
    """
    score, was = observation.score, word.score
    if score is None:
        return False
    return score.status is was.status and score.home == was.home and score.away == was.away


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
