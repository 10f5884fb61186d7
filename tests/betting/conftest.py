"""What the tests of bets share with those of money."""

from tests.wallet.conftest import connection, pool

__all__ = ["connection", "pool"]
