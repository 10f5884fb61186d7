"""A connection's place among those of its address. Pure."""


class Place:
    """One connection among those of its address. `leave` is safe to call twice."""

    __slots__ = ("_address", "_held")

    def __init__(self, held: dict[str, int], address: str) -> None:
        self._held: dict[str, int] | None = held
        self._address = address
        held[address] = held.get(address, 0) + 1

    def leave(self) -> None:
        """Gives the place back."""
        held, self._held = self._held, None
        if held is None:
            return
        left = held[self._address] - 1
        if left:
            held[self._address] = left
        else:
            del held[self._address]
