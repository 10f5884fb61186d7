"""Which markets a request to Betfair is about, and how it refuses one."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from app.sports.match import Sport
from app.stadium.exchange import EVENT_TYPES, ExchangeMarket


class Refusal(Exception):
    """A request to the Sports API is refused."""

    def __init__(self, code: str, *, fault: str = "ANGX-0003") -> None:
        super().__init__(code)
        self.code = code
        self.fault = fault


class Filter(msgspec.Struct, frozen=True, rename="camel"):
    """A market filter, as far as the stadium reads it."""

    event_type_ids: tuple[str, ...] | None = None
    event_ids: tuple[str, ...] | None = None
    market_ids: tuple[str, ...] | None = None
    competition_ids: tuple[str, ...] | None = None
    market_type_codes: tuple[str, ...] | None = None
    market_types: tuple[str, ...] | None = None
    in_play_only: bool | None = None
    market_start_time: Mapping[str, str] | None = None

    def takes(self, market: ExchangeMarket) -> bool:
        """Says whether a market is asked for."""
        said = market.said
        kinds = self.market_type_codes or self.market_types
        return (
            _is_among(EVENT_TYPES[said.sport][0], self.event_type_ids)
            and _is_among(market.event_id, self.event_ids)
            and _is_among(market.id, self.market_ids)
            and _is_among(str(said.league.number), self.competition_ids)
            and _is_among(market.type, kinds)
            and self.in_play_only in {None, False, market.in_play}
            and self._is_then(said.start_time)
        )

    def sports(self) -> tuple[Sport, ...]:
        """Returns the sports it is about."""
        return tuple(s for s, (n, _) in EVENT_TYPES.items() if _is_among(n, self.event_type_ids))

    def numbers(self) -> frozenset[int] | None:
        """Returns the matches it is about; None: all."""
        if not self.event_ids:
            return None
        good = (n for n in self.event_ids if n.isascii() and n.isdigit() and len(n) < 16)
        return frozenset(map(int, good))

    def _is_then(self, start: datetime) -> bool:
        times = self.market_start_time or {}
        begins, ends = times.get("from"), times.get("to")
        return (begins is None or start >= _moment(begins)) and (
            ends is None or start <= _moment(ends)
        )


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal("INVALID_INPUT_DATA") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_among(value: str, wanted: Sequence[str] | None) -> bool:
    return not wanted or value in wanted
