"""What providers say of one match to what we believe of it. Pure.

Points (home and away as one), status, period with clock, and periods are believed each on its own,
over all that counts: `decide_points` and `decide_status` say when what we believe moves,
`merge_scores` puts the rest around them. Nothing but the words and what is held goes in, so the
same can be worked out again from the tables at any time.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from app.ingest.agreement import agreed
from app.ingest.believed import BelievedScore, Contest, Dispute, Points, points_of, spelled
from app.ingest.confidence import CONFIRMATIONS, ToldScore, confidence_of, counting, standing
from app.ingest.decisions import Question, Word, decide, is_news
from app.sports.match import IN_PLAY, OVER, MatchStatus, Period, Score, may_move

# A match may begin so much before its announced start.
EARLY_START = timedelta(minutes=15)
# Who says something else for so long after what we believe moved is more than a little late.
DISPUTED_AFTER = timedelta(seconds=10)
# Statuses that make no sense without points.
POINTED = IN_PLAY | {MatchStatus.FINISHED}


def hear(before: ToldScore | None, told: ToldScore) -> ToldScore | None:
    """Returns what to hold of a provider now that it told this; None when that is late, or the
    same of the same moment.

    Of two words of one moment the one received later counts.
    """
    if before is None:
        return told
    at, said, was = told.observed_at, told.score, before.score
    new = at > before.observed_at
    if not new:
        if (at, told.received_at) < (before.observed_at, before.received_at):
            return None
        if at == before.observed_at and said == was:
            return None
    points_since, points_repeats = before.points_since, _one_more(before.points_repeats, new)
    back_since, back_repeats = before.back_since, _one_more(before.back_repeats, new)
    if (said.home, said.away) != (was.home, was.away):
        if told.points != before.points:
            points_since, points_repeats = at, 1
        if _is_back(told.points, before.points):
            back_since, back_repeats = at, 1
    status_since, status_repeats = before.status_since, _one_more(before.status_repeats, new)
    if said.status is not was.status:
        status_since, status_repeats = at, 1
    return replace(
        told,
        points_since=points_since,
        points_repeats=points_repeats,
        back_since=back_since,
        back_repeats=back_repeats,
        status_since=status_since,
        status_repeats=status_repeats,
    )


def _one_more(repeats: int, new: bool) -> int:  # noqa: FBT001 - of an observation, as counted.
    return repeats if repeats >= CONFIRMATIONS or not new else repeats + 1


def _is_back(points: Points | None, before: Points | None) -> bool:
    """Says whether a side has fewer than before; telling none any more takes nothing back."""
    if points is None or before is None:
        return False
    return points[0] < before[0] or points[1] < before[1]


def merge_scores(
    told: Sequence[ToldScore], held: BelievedScore | None, contest: Contest
) -> BelievedScore | None:
    """Returns what to believe of a match; None when there is nothing to believe it from.

    `told` is every provider's newest word, those in quarantine left out; `held` is what we believed
    so far.
    """
    if held is not None and (believed := agreed(told, held)) is not None:
        return believed
    heard = counting(told)
    if not heard:
        return None
    return _first(heard) if held is None else decided(heard, held, contest)


def decided(heard: Sequence[ToldScore], held: BelievedScore, contest: Contest) -> BelievedScore:
    """Returns what to believe where somebody may say something else."""
    lawful = [t for t in heard if may_move(held.score.status, t.score.status)]
    alone = len(heard) == 1
    status, status_at = decide_status(lawful, held, contest, alone=alone)
    if status != held.score.status:
        # Whose words are lawful now: the same words again are to change nothing.
        lawful = [t for t in heard if may_move(status, t.score.status)]
    points, points_at = decide_points(lawful, held, contest, alone=alone)
    if points is None and status in POINTED:
        status, status_at = held.score.status, held.status_at
    score = _around(lawful, held.score, status, points)
    believed = replace(held, score=score, points_at=points_at, status_at=status_at)
    return _weighed(believed, heard)


def _first(heard: Sequence[ToldScore]) -> BelievedScore | None:
    """Returns what to believe of a match nobody told of before: the best word, as it stands."""
    newest = heard[0].observed_at
    usable = [t for t in heard if t.points is not None or t.score.status not in POINTED]
    if not usable:
        return None
    best = max(usable, key=lambda t: standing(t, newest))
    score = _around([best], best.score, best.score.status, best.points)
    at = best.observed_at
    believed = BelievedScore(score=score, confidence=Decimal(1), points_at=at, status_at=at)
    return _weighed(believed, heard)


def decide_points(
    lawful: Sequence[ToldScore], held: BelievedScore, contest: Contest, *, alone: bool
) -> tuple[Points | None, datetime | None]:
    """Returns the points to believe and since when; a provider `alone` is the only one there is.

    Forward within the sport's step is easily true; a match's only provider is believed up to the
    sport's leap. A side that has fewer points than we hold is going back.
    """
    now = points_of(held.score)
    if all(t.points is None or t.points == now for t in lawful):
        return now, held.points_at  # As nearly always: nobody says anything else.
    base = now or (0, 0)
    most = contest.facts.leap if alone else contest.facts.step
    words: list[Word[Points]] = []
    for t in lawful:
        if t.points is None:
            continue
        grown = max(0, t.points[0] - base[0]) + max(0, t.points[1] - base[1])
        back, wild = _is_back(t.points, base), grown > most
        words.append(
            Word(
                told=t,
                value=t.points,
                since=t.back_since if back else t.points_since,
                repeats=t.back_repeats if back and not wild else t.points_repeats,
                easy=not back and not wild,
                wild=wild,
                back=back,
            )
        )
    asked = Question(held=now, moved_at=held.points_at, alone=alone)
    moved = decide(words, asked) or decide(words, replace(asked, back=True))
    return moved or (now, held.points_at)


def decide_status(
    lawful: Sequence[ToldScore], held: BelievedScore, contest: Contest, *, alone: bool
) -> tuple[MatchStatus, datetime | None]:
    """Returns the status to believe and since when.

    The only provider is taken at its word. Of several one is, too, between statuses in play, and
    into play once the start is near; everything else asks for more.
    """
    now = held.score.status
    if all(t.score.status == now for t in lawful):
        return now, held.status_at
    words = [
        Word(
            told=t,
            value=t.score.status,
            since=t.status_since,
            repeats=t.status_repeats,
            easy=alone or _is_soft(now, t, contest),
            wild=t.score.status not in IN_PLAY,
            final=t.score.status in OVER,
        )
        for t in lawful
    ]
    question = Question(held=now, moved_at=held.status_at, alone=alone, verifying=contest.verifying)
    return decide(words, question) or (now, held.status_at)


def _is_soft(now: MatchStatus, told: ToldScore, contest: Contest) -> bool:
    if told.score.status not in IN_PLAY:
        return False
    return now in IN_PLAY or told.observed_at >= contest.starts_at - EARLY_START


def _around(
    lawful: Sequence[ToldScore], held: Score, status: MatchStatus, points: Points | None
) -> Score:
    """Returns the score with period and clock of one provider, and periods of one.

    Period and clock belong together: one provider's period with another's clock is a moment that
    never was.
    """
    period, clock, periods = None, None, ()
    if held.status == status:
        period, clock = held.period, held.clock
    if points_of(held) == points:
        periods = held.periods
    if lawful:
        newest = max([t.observed_at for t in lawful])
        of_status = [t for t in lawful if t.score.status == status]
        of_points = [t for t in lawful if t.points == points]
        of_both = [t for t in of_points if t.score.status == status]
        if of_status:
            period, clock = _period_of(of_both, of_status, newest)
        if of_points:
            periods = _periods_of(of_both, of_points, newest)
    home, away = points or (None, None)
    return Score(status=status, home=home, away=away, period=period, clock=clock, periods=periods)


def _period_of(
    of_both: Sequence[ToldScore], of_status: Sequence[ToldScore], newest: datetime
) -> tuple[str | None, str | None]:
    """Returns period and clock of the best who tells a clock, else of the best with a period; who
    has the points right is better than who has only the status.
    """
    for words in (of_both, of_status):
        if timed := [t for t in words if t.score.clock is not None]:
            best = _best(timed, newest).score
            return best.period, best.clock
    for words in (of_both, of_status):
        if named := [t for t in words if t.score.period is not None]:
            return _best(named, newest).score.period, None
    return None, None


def _periods_of(
    of_both: Sequence[ToldScore], of_points: Sequence[ToldScore], newest: datetime
) -> tuple[Period, ...]:
    for words in (of_both, of_points):
        if told := [t for t in words if t.score.periods]:
            return _best(told, newest).score.periods
    return ()


def _best(words: Sequence[ToldScore], newest: datetime) -> ToldScore:
    best, most = words[0], standing(words[0], newest)
    for word in words[1:]:
        if (worth := standing(word, newest)) > most:
            best, most = word, worth
    return best


def _weighed(believed: BelievedScore, heard: Sequence[ToldScore]) -> BelievedScore:
    """Adds the confidence, and who says otherwise."""
    score, points = believed.score, points_of(believed.score)
    others = [t for t in heard if t.points != points or t.score.status != score.status]
    if not others:
        return _undisputed(score, believed, heard)
    refused = {t.provider for t in others if _is_refused(t, points, believed.points_at)}
    astray = {
        t.provider
        for t in others
        if t.score.status != score.status
        and (is_news(t.status_since, t, believed.status_at) or _is_late(t, believed.status_at))
    }
    behind = {
        t.provider
        for t in others
        if t.points not in (None, points) and _is_late(t, believed.points_at)
    }
    disputes: list[Dispute] = []
    if points is not None and (refused or behind):
        said = {t.provider: spelled(t.points) for t in heard if t.points is not None}
        disputes.append(Dispute(field="points", believed=spelled(points), told=said))
    if astray:
        said = {t.provider: t.score.status.value for t in heard}
        disputes.append(Dispute(field="status", believed=score.status.value, told=said))
    return replace(
        believed,
        confidence=confidence_of(score, heard),
        refused=frozenset(refused),
        unlawful=frozenset(
            t.provider for t in others if not may_move(score.status, t.score.status)
        ),
        disputes=tuple(disputes),
    )


def _undisputed(score: Score, since: BelievedScore, heard: Sequence[ToldScore]) -> BelievedScore:
    return BelievedScore(
        score=score,
        confidence=confidence_of(score, heard),
        points_at=since.points_at,
        status_at=since.status_at,
    )


def _is_refused(told: ToldScore, points: Points | None, moved_at: datetime | None) -> bool:
    """Says whether a provider tells points that are not believed and that it did not tell before:
    more than we hold, or fewer after it told more. Who is only late refuses nothing.
    """
    if told.points is None or points is None or told.points == points:
        return False
    if told.points[0] > points[0] or told.points[1] > points[1]:
        return True
    return told.back_since is not None and is_news(told.back_since, told, moved_at)


def _is_late(told: ToldScore, moved_at: datetime | None) -> bool:
    return moved_at is not None and told.observed_at >= moved_at + DISPUTED_AFTER
