"""Sports and leagues, by advanced-alchemy's repositories."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.database.alchemy import LimitOffset, OrderBy, SQLAlchemyAsyncRepository
from app.database.tables import catalog


class _Sports(SQLAlchemyAsyncRepository[catalog.Sport]):
    model_type = catalog.Sport


class _Leagues(SQLAlchemyAsyncRepository[catalog.League]):
    model_type = catalog.League


async def sports_after(session: AsyncSession, last_id: str, limit: int) -> list[catalog.Sport]:
    """Returns sports by id, at most `limit`, from behind `last_id` ("" for the first)."""
    return await _Sports(session=session).get_many(
        catalog.Sport.id > last_id, OrderBy("id"), LimitOffset(limit, 0)
    )


async def leagues_after(
    session: AsyncSession, last_slug: str, limit: int, *, sport: str | None
) -> list[catalog.League]:
    """Returns leagues by slug, of one sport or of all, from behind `last_slug`."""
    of_sport = [] if sport is None else [catalog.League.sport_id == sport]
    return await _Leagues(session=session).get_many(
        catalog.League.slug > last_slug,
        catalog.League.merged_into.is_(None),
        *of_sport,
        OrderBy("slug"),
        LimitOffset(limit, 0),
    )
