"""A house of the test's own: its servers are to be killed."""

from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.devstack.stack import devstack
from tests.conftest import migrate
from tests.stories.house import House

MakeHouse = Callable[..., House]


def _nothing(house: House) -> None:
    del house


@pytest.fixture
def make_house(tmp_path: Path) -> Generator[MakeHouse]:
    """Makes a house that serves and polls; its settings are named by their variables.

    `before` is called with the house before anything is started in it.
    """
    with ExitStack() as at_the_end:

        def make(before: Callable[[House], None] = _nothing, **settings: str) -> House:
            stack = at_the_end.enter_context(devstack(tmp_path / "stack"))
            migrate(stack.database_url)
            house = House(stack, tmp_path, **settings)
            at_the_end.callback(house.stop)
            before(house)
            house.start("api")
            house.start("worker")
            house.wait_until_ready()
            return house

        yield make
