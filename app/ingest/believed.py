"""What is believed of one match, and what is known of it apart from that."""

from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from app.sports.match import Score, SportFacts

Points = tuple[int, int]
NOBODY: frozenset[str] = frozenset()


class Contest(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the match apart from its score; `verifying`: it looks frozen."""

    facts: SportFacts
    starts_at: datetime
    verifying: bool = False


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """Who says what of a field that somebody tells otherwise than we believe."""

    field: str
    believed: str
    told: dict[str, str]


class BelievedScore(msgspec.Struct, frozen=True, kw_only=True):
    """A score, how far we believe it, and since which observation its points and status.

    `refused` are the providers whose newest points we do not believe, though they are news;
    `unlawful` those whose status is no legal move. `disputes` are open questions.
    """

    score: Score
    confidence: Decimal
    points_at: datetime | None
    status_at: datetime | None
    refused: frozenset[str] = NOBODY
    unlawful: frozenset[str] = NOBODY
    disputes: tuple[Dispute, ...] = ()


def undoubted(believed: BelievedScore) -> BelievedScore:
    """Returns what is kept of a belief: all of it but who says otherwise."""
    if not (believed.refused or believed.unlawful or believed.disputes):
        return believed
    return replace(believed, refused=NOBODY, unlawful=NOBODY, disputes=())


def points_of(score: Score) -> Points | None:
    """Returns home and away, None when the score has none."""
    return None if score.home is None or score.away is None else (score.home, score.away)


def spelled(points: Points | None) -> str:
    """Returns points as people write them: "2-1"."""
    return "" if points is None else f"{points[0]}-{points[1]}"
