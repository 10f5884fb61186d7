"""GET /api/identity/review and the operator's word on one: same, new or dismiss."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta

from app.api.answers import Asked, page_body
from app.api.documents import Items, described
from app.api.guards import principal_of, require_operator
from app.api.requests import PageQuery, number_in, number_or_none, read_query, unseal
from app.catalog.pages import Page
from app.database import engine
from app.ingest.reviews import Review, reviews_after
from app.ingest.verdicts import NoSuchCandidate, Verdict, decide_review
from app.sports.ids import ProviderName
from app.stream.change import wire_time

_FRESH = {"cache-control": "no-store"}


class ReviewsQuery(PageQuery, frozen=True, kw_only=True):
    """Which reviews; without a state those that wait."""

    provider: ProviderName | None = None
    state: Literal["open", "same", "new", "dismissed", "settled"] = "open"


class CandidateShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A match it may be; `likeness` 0 to 1, `reasons` why that is not certain."""

    match_id: str
    inverted: bool
    likeness: float
    reasons: list[str]


class ReviewShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A match of a provider's that may be one of ours, as the provider describes it."""

    id: str
    provider: str
    external_id: str
    sport: str
    league: str
    country: str | None
    home: str
    away: str
    start_time: str
    candidates: list[CandidateShape]
    state: str
    match_id: str | None
    decided_by: str | None
    created_at: str
    decided_at: str | None


class Word(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What it is. `matchId` says which match it is the same as, where there are several; `inverted`
    that the provider has the sides the other way round.
    """

    decision: Verdict
    match_id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,100}$")] | None = None
    inverted: bool | None = None


class DecidedShape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The review, and the match it is now; null when it was dismissed."""

    id: str
    decision: str
    match_id: str | None


@get(
    "/api/identity/review",
    tags=["operations"],
    guards=[require_operator],
    **described(Items[ReviewShape], query=ReviewsQuery, problems=(400, 401, 403)),
)
async def list_reviews(request: Asked, state: State) -> Response[Any]:
    """Lists the matches whose identity is undecided, the oldest first."""
    query = read_query(request.scope, ReviewsQuery)
    about = f"reviews {query.state} {query.provider}"
    (last,) = unseal(about, query.cursor, tuple[int]) or (0,)
    async with engine.connection(state.pool) as connection:
        found = await reviews_after(
            connection, last, limit=query.limit + 1, state=query.state, provider=query.provider
        )
    shown = found[: query.limit]
    page = Page(
        [msgspec.json.encode(_shape(review)).decode() for review in shown],
        (shown[-1].id,) if len(found) > query.limit else None,
    )
    return Response(content=page_body(page, about), media_type="application/json", headers=_FRESH)


@post(
    "/api/identity/review/{review_id:str}",
    status_code=HTTP_200_OK,
    tags=["operations"],
    guards=[require_operator],
    **described(DecidedShape, problems=(400, 401, 403, 404, 409, 422)),
)
async def decide(
    request: Asked, data: JSONBody[Word], state: State, review_id: FromPath[str]
) -> Response[DecidedShape]:
    """Decides what a provider's match is; its next observation is taken in as that."""
    number = number_in(review_id, "review")
    match_id = number_or_none(data.match_id)
    if data.match_id is not None and match_id is None:
        raise NoSuchCandidate(f"There is no match {data.match_id}.")
    async with engine.connection(state.pool) as connection, connection.transaction():
        decided = await decide_review(
            connection,
            number,
            data.decision,
            by=f"user {principal_of(request).user_id}",
            match_id=match_id,
            inverted=data.inverted,
        )
    shape = DecidedShape(
        id=str(number),
        decision=data.decision,
        match_id=None if decided is None else str(decided),
    )
    return Response(shape, headers=_FRESH)


def _shape(review: Review) -> ReviewShape:
    match = review.described
    return ReviewShape(
        id=str(review.id),
        provider=review.provider,
        external_id=review.external_id,
        sport=review.sport,
        league=match.league.name,
        country=match.league.country,
        home=match.home.name,
        away=match.away.name,
        start_time=wire_time(match.start_time),
        candidates=[
            CandidateShape(
                match_id=str(one.match_id),
                inverted=one.inverted,
                likeness=round(one.score, 3),
                reasons=list(one.reasons),
            )
            for one in review.candidates
        ],
        state=review.state,
        match_id=None if review.match_id is None else str(review.match_id),
        decided_by=review.decided_by,
        created_at=wire_time(review.created_at),
        decided_at=None if review.decided_at is None else wire_time(review.decided_at),
    )


identity_routes: list[Any] = [list_reviews, decide]
