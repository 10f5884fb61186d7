"""What we use of advanced-alchemy, loaded without numpy.

advanced-alchemy imports numpy wherever it is installed, to encode arrays nobody here sends: 0.1 s
and 25 MB in every process of the API. Only fitting and forecasting use numpy, so it is told while
it loads that there is none. Everybody else imports its names from here.
"""

import sys

_LOADED = sys.modules.get("numpy")
if _LOADED is None:
    # What Python takes for "known not to be there".
    sys.modules["numpy"] = None  # pyright: ignore[reportArgumentType]

from advanced_alchemy.base import CommonTableAttributes  # noqa: E402 - that is the trick.
from advanced_alchemy.filters import LimitOffset, OrderBy  # noqa: E402
from advanced_alchemy.repository import SQLAlchemyAsyncRepository  # noqa: E402

if _LOADED is None:
    del sys.modules["numpy"]

__all__ = ["CommonTableAttributes", "LimitOffset", "OrderBy", "SQLAlchemyAsyncRepository"]
