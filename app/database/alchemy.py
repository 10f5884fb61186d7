"""What we use of advanced-alchemy, loaded without numpy and pydantic.

advanced-alchemy imports both wherever they are installed, to encode what nobody here sends: 0.1 s
and 25 MB, and 7 MB, in every process of the API. Everybody else imports its names from here.
"""

from app.hidden import hidden

with hidden("numpy", "pydantic"):
    from advanced_alchemy.base import CommonTableAttributes
    from advanced_alchemy.filters import LimitOffset, OrderBy
    from advanced_alchemy.repository import SQLAlchemyAsyncRepository

__all__ = ["CommonTableAttributes", "LimitOffset", "OrderBy", "SQLAlchemyAsyncRepository"]
