"""The World Cup of 2022 as its recordings have it, told word by word, with made-up prices."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from app.database.engine import Connection
from app.ingest.known import Known
from app.sports.market import MarketType
from app.sports.match import Score, Sport
from app.sports.observation import (
    Observation,
    ObservedLeague,
    ObservedMarket,
    ObservedMatch,
    ObservedParticipant,
    ObservedQuote,
)
from tests.ingest.conftest import take_in

RECORDINGS = Path(__file__).parents[2] / "app/providers/replay/recordings/football"
PRICES: Sequence[tuple[MarketType, str | None, dict[str, str]]] = (
    (MarketType.WINNER, None, {"home": "2.35", "draw": "3.3", "away": "3.15"}),
    (
        MarketType.DOUBLE_CHANCE,
        None,
        {"home_draw": "1.4", "home_away": "1.35", "draw_away": "1.57"},
    ),
    (MarketType.DRAW_NO_BET, None, {"home": "1.7", "away": "2.2"}),
    (MarketType.BOTH_TO_SCORE, None, {"yes": "1.91", "no": "1.87"}),
    (MarketType.TOTAL, "2.25", {"over": "1.83", "under": "1.99"}),
    (MarketType.TOTAL, "3", {"over": "2.6", "under": "1.5"}),
    (MarketType.HOME_TOTAL, "1.5", {"over": "2.05", "under": "1.77"}),
    (MarketType.HANDICAP, "-0.75", {"home": "2.6", "away": "1.51"}),
    (MarketType.HANDICAP, "0.25", {"home": "1.53", "away": "2.55"}),
)


class Cup:
    """The matches of a cup, told one word after the other."""

    def __init__(self, recordings: Sequence[Path]) -> None:
        self.recordings = recordings
        self.known = Known()
        # Two sides may meet twice: what tells such matches apart is the day.
        self.starts = {
            path: datetime.now(UTC) + timedelta(hours=1 + 24 * day)
            for day, path in enumerate(recordings)
        }
        self.match_ids: dict[Path, int] = {}
        self.told_at = datetime.now(UTC)

    async def tell(
        self, connection: Connection, path: Path, score: Score | None, *, priced: bool = False
    ) -> None:
        """Tells how a match stands; with prices, what its bookmaker offers too."""
        header = header_of(path)
        self.told_at = max(datetime.now(UTC), self.told_at + timedelta(milliseconds=1))
        observation = Observation(
            provider="replay",
            external_id=header["id"],
            sport=Sport.FOOTBALL,
            match=ObservedMatch(
                league=ObservedLeague(**header["league"]),
                home=ObservedParticipant(**header["home"]),
                away=ObservedParticipant(**header["away"]),
                start_time=self.starts[path],
            ),
            observed_at=self.told_at,
            received_at=self.told_at,
            score=score,
            markets=tuple(markets()) if priced else (),
            simulated=True,
        )
        await take_in(connection, observation, known=self.known)

    def words(self, path: Path) -> list[Score]:
        """Returns all that a recording says of the score, in order."""
        told = [json.loads(line) for line in path.read_text().splitlines()[1:]]
        return [msgspec.convert(one["score"], Score) for one in told if "score" in one]


def header_of(recording: Path) -> dict[str, Any]:
    """Returns what a recording says of its match."""
    return json.loads(recording.read_text().splitlines()[0])


def markets() -> Iterator[ObservedMarket]:
    """Yields the same questions for every match."""
    for kind, line, odds in PRICES:
        quotes = tuple(ObservedQuote("sim-north", key, Decimal(o)) for key, o in odds.items())
        yield ObservedMarket(type=kind, line=None if line is None else Decimal(line), quotes=quotes)


def wrong(score: Score) -> Score:
    """Returns a final score with a goal of the second half too many."""
    assert score.home is not None
    second = score.periods[1]
    return msgspec.structs.replace(
        score,
        home=score.home + 1,
        periods=(
            score.periods[0],
            msgspec.structs.replace(second, home=second.home + 1),
            *score.periods[2:],
        ),
    )
