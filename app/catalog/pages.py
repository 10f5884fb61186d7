"""A page: items as JSON, and the key of its last item when there are more."""

from collections.abc import Sequence
from typing import Any

import msgspec

from app.database.engine import Row


class Page(msgspec.Struct, frozen=True):
    """`items` are JSON objects; `last` is the key to go on after, None on the last page.

    `match_ids` are the matches that a list of matches or markets is about.
    """

    items: list[str]
    last: tuple[Any, ...] | None
    match_ids: tuple[int, ...] = ()


def page_of(rows: Sequence[Row], limit: int, *key: str) -> Page:
    """Returns the page in rows with a `body`, a `match_id` and the columns of the key.

    One row more than `limit` was asked for: it says only that there are more.
    """
    shown = rows[:limit]
    last = tuple(shown[-1][column] for column in key) if len(rows) > limit else None
    return Page([row["body"] for row in shown], last, tuple(row["match_id"] for row in shown))
