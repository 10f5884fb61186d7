"""What somebody publishes on Redis' channel `match:{id}`: the score of a match by our own id."""

from datetime import datetime

import msgspec

from app.providers.items import UNDECODABLE, Unfit
from app.providers.push.pushed import PushedPeriod, Short, Time, moment
from app.sports.match import MatchStatus, Period, Points, Score, Sport
from app.sports.observation import Observation

PROVIDER = "redis"
# A score has some hundred bytes; periods of a long tennis match make it a thousand.
PAYLOAD_BYTES_MAX = 16_384
# Where a match is that has not begun and of which a score is told.
_NOT_BEGUN = frozenset({MatchStatus.SCHEDULED, MatchStatus.POSTPONED})


class Publication(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    """One message. Without a status the match is where it is, or live if it had not begun."""

    home_score: Points
    away_score: Points
    status: MatchStatus | None = None
    period: Short | None = None
    clock: Short | None = None
    periods: tuple[PushedPeriod, ...] = ()
    observed_at: Time | None = None


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The match a message is about: ours, its sport, and where we believe it is."""

    match_id: int
    sport: Sport
    status: MatchStatus | None


_PAYLOAD = msgspec.json.Decoder(Publication)


def read(payload: bytes, subject: Subject | None, received_at: datetime) -> Observation:
    """Returns what a message says; raises Unfit."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise Unfit("too_large", f"more than {PAYLOAD_BYTES_MAX} bytes")
    if b"\\u0000" in payload:
        raise Unfit("unreadable", "there is a NUL in it")
    try:
        told = _PAYLOAD.decode(payload)
    except UNDECODABLE as error:
        raise Unfit("unreadable", str(error)) from None
    if subject is None:
        raise Unfit("unknown_match", "no match has this id")
    status = told.status or subject.status or MatchStatus.LIVE
    if told.status is None and status in _NOT_BEGUN:
        status = MatchStatus.LIVE
    observed_at = received_at
    if told.observed_at is not None:
        observed_at = moment(told.observed_at, received_at)
    return Observation(
        provider=PROVIDER,
        external_id=str(subject.match_id),
        sport=subject.sport,
        match_id=subject.match_id,
        observed_at=observed_at,
        received_at=received_at,
        score=Score(
            status=status,
            home=told.home_score,
            away=told.away_score,
            period=told.period,
            clock=told.clock,
            periods=tuple(Period(name=p.name, home=p.home, away=p.away) for p in told.periods),
        ),
    )
