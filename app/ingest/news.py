"""News of matches that are remembered: other points, another status; nothing of it in dispute."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from app.database.engine import Connection
from app.ingest.agreement import all_say
from app.ingest.believed import BelievedScore
from app.ingest.confidence import Judged, ToldScore, counting
from app.ingest.held import Told
from app.ingest.judgements import of_agreement
from app.ingest.known import Known
from app.ingest.merge import hear, merge_scores
from app.ingest.reliability import learn
from app.ingest.remembered import REPEATS, SINCE, Changes, Recall, write
from app.ingest.repetition import told_at
from app.ingest.scores import is_shown_otherwise
from app.sports.observation import Observation


class News(msgspec.Struct, frozen=True):
    """A word, and what comes of it: what to believe now, whether all say so, and who was right."""

    word: ToldScore
    belief: BelievedScore
    settled: bool
    judged: Mapping[str, Judged]


def news_of(said: Mapping[int, Observation], known: Known) -> dict[int, News]:
    """Returns what those observations, of one provider, come to of which no row but the word and
    the belief has to be written: nobody is doubted for it, and nothing was in dispute.
    """
    recall = Recall(known)
    if not recall.is_possible:
        return {}
    news: dict[int, News] = {}
    for match_id, observation in said.items():
        told = recall.told(match_id)
        if told is None or told.disputed or told.contest.verifying:
            continue
        word = _word(match_id, observation, told, known)
        if word is None or recall.says_more(match_id, observation):
            continue
        if (one := _weighed(word, told)) is not None:
            news[match_id] = one
    return news


async def save_news(
    connection: Connection, news: Mapping[int, News], known: Known
) -> frozenset[int] | None:
    """Takes in news found just now.

    Returns the matches of which we now believe something else; None when what is remembered no
    longer holds: nothing was written then.
    """
    matches: dict[int, Told] = {}
    believed: dict[int, BelievedScore] = {}
    judged: dict[tuple[str, str], Judged] = {}
    for match_id, one in news.items():
        told = known.held.take_out(match_id)
        assert told is not None, "it was seen just now"
        matches[match_id] = told
        told.words[one.word.provider] = one.word
        told.settled = one.settled
        if is_shown_otherwise(one.belief, told.held):
            believed[match_id] = told.held = one.belief
        for provider, judgement in one.judged.items():
            key = (provider, told.sport)
            judged[key] = judged.get(key, Judged()) + judgement
    words = {m: one.word for m, one in news.items()}
    changes = Changes(matches, words, believed, REPEATS + SINCE)
    if not await write(connection, changes, known):
        return None
    await learn(connection, judged)
    return frozenset(believed)


def _word(match_id: int, observation: Observation, told: Told, known: Known) -> ToldScore | None:
    """Returns what an observation makes of what its provider told; None when it is late, or its
    first word on this match.
    """
    provider, at = observation.provider, told_at(observation)
    before, newest = told.words.get(provider), known.told.get((match_id, provider))
    if before is None or observation.score is None or (newest is not None and at < newest):
        return None
    now = replace(
        before, score=observation.score, observed_at=at, received_at=observation.received_at
    )
    return hear(before, now)


def _weighed(word: ToldScore, told: Told) -> News | None:
    """Returns what comes of a word; None when somebody is doubted for it."""
    words = list({**told.words, word.provider: word}.values())
    belief = merge_scores(words, told.held, told.contest)
    if belief is None or belief.disputes or belief.refused or belief.unlawful:
        return None
    judged = of_agreement(word, counting(words), belief)
    return News(word, belief, all_say(belief.score, words), judged)
