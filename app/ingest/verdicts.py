"""An operator's word on a match that the rules left undecided."""

from datetime import UTC, datetime
from typing import Literal

from app.database.engine import Connection
from app.errors import AppError, NotFound
from app.ingest.creation import create_matches, join_matches
from app.ingest.matching import Same
from app.ingest.reviews import Review, lock_review, note_decision
from app.sports.observation import Observation

Verdict = Literal["same", "new", "dismiss"]


class AlreadyDecided(AppError):
    """This review has been decided."""

    code = "already_decided"
    status = 409


class NoSuchCandidate(AppError):
    """Say which match it is: one of the candidates, or another of that sport with `inverted`."""

    code = "no_such_candidate"
    status = 422


async def decide_review(
    connection: Connection,
    review_id: int,
    verdict: Verdict,
    *,
    by: str,
    match_id: int | None = None,
    inverted: bool | None = None,
) -> int | None:
    """Decides a review, in the caller's transaction; returns our match, None when dismissed.

    From the next observation on the provider's match is that one; a dismissed one is never taken
    in. Without `match_id` it is the only candidate. Raises NotFound, AlreadyDecided,
    NoSuchCandidate.
    """
    review = await lock_review(connection, review_id)
    if review is None:
        raise NotFound(f"There is no review {review_id}.")
    if review.state != "open":
        raise AlreadyDecided(f"Review {review_id} is decided: {review.state}.")
    decided: int | None = None
    if verdict == "same":
        same = await _meant(connection, review, match_id, inverted=inverted)
        await join_matches(connection, [(_observation(review), same)])
        decided = same.match_id
    elif verdict == "new":
        made = await create_matches(connection, [_observation(review)])
        decided = made[review.external_id]
    state = "dismissed" if verdict == "dismiss" else verdict
    await note_decision(connection, review_id, state=state, match_id=decided, by=by)
    return decided


async def _meant(
    connection: Connection, review: Review, match_id: int | None, *, inverted: bool | None
) -> Same:
    of_it = [c for c in review.candidates if match_id is None or c.match_id == match_id]
    if len({c.match_id for c in of_it}) == 1:
        found, turned = of_it[0].match_id, of_it[0].inverted
    elif match_id is not None:
        found, turned = match_id, False
    else:
        raise NoSuchCandidate
    row = await connection.fetchrow(
        "SELECT coalesce(merged_into, id) AS id, sport_id FROM matches WHERE id = $1", found
    )
    if row is None or row["sport_id"] != review.sport:
        raise NoSuchCandidate(f"There is no match {found} of {review.sport}.")
    return Same(match_id=row["id"], inverted=turned if inverted is None else inverted)


def _observation(review: Review) -> Observation:
    now = datetime.now(UTC)
    return Observation(
        provider=review.provider,
        external_id=review.external_id,
        sport=review.sport,
        match=review.described,
        observed_at=now,
        received_at=now,
        simulated=review.simulated,
    )
