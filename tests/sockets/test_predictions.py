"""A forecast is part of the first state, and its changes are frames of the log."""

from datetime import UTC, datetime, timedelta

import msgspec

from app.database import engine
from app.sockets.frame_shapes import PredictionTold
from tests.builders import a_match, a_score
from tests.predictions.fitted import nations, use
from tests.sockets.conftest import Door, frame
from workers.predict import Predicting


async def test_followers_are_told_the_forecast_and_each_change_of_it(door: Door, database_url: str):
    pool = await engine.open_pool(
        database_url, connections_max=2, statement_timeout_s=10, name="test-forecasts"
    )
    predictor = Predicting(pool)
    await use(door.connection, nations())
    match_id = await a_match(
        door.connection, "France", "Croatia", league="World Cup", status=None,
        start_time=datetime.now(UTC) + timedelta(hours=1),
    )  # fmt: skip
    early = await door.open(match_id, "?kinds=prediction")
    assert (await frame(early))["data"]["prediction"] is None
    await predictor.look(around=True)
    told = await frame(early)
    assert told["type"] == "prediction_update"
    msgspec.convert(told["data"], PredictionTold, strict=False)
    late = await door.open(match_id)
    snapshot = await frame(late)
    # First state and frames are of one shape, so that a reader needs one way to take both.
    assert snapshot["data"]["prediction"] == told["data"]
    await a_score(door.connection, match_id, (1, 0))
    await predictor.look(around=True)
    ahead = await frame(early)
    assert ahead["data"]["homeWinProb"] > told["data"]["homeWinProb"]
    assert ahead["seq"] > told["seq"]
    pool.terminate()
