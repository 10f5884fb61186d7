"""The served application, as for `tests/api`."""

from tests.api.conftest import api

__all__ = ["api"]
