"""Frames as servers really send them, held against what the description says of them."""

from collections.abc import Sequence

from app.ingest.merging import merge_matches
from app.sockets.frames import KINDS
from tests.builders import a_market, a_match, a_price, a_score, an_incident, selections_of
from tests.sockets.conftest import Door, frame
from tests.sockets.described import Described, Frame

# One of every type there is; what is not known of it is left out, what it has is told.
INCIDENTS: Sequence[dict[str, object]] = (
    {"type": "goal", "player": "Saka", "assist": "Rice", "how": "penalty", "clock": "9'"},
    {"type": "points", "points": 3, "player": "Brown"},
    {"type": "card", "colour": "second_yellow"},
    {"type": "penalty", "minutes": 2, "offence": "hooking"},
    {"type": "substitution", "playerOn": "Havertz", "playerOff": "Jesus"},
    {"type": "shootout_attempt", "scored": True},
    {"type": "period_started", "period": "2nd Half"},
    {"type": "period_ended", "period": "2nd Half"},
    {"type": "set_won", "homeGames": 7, "awayGames": 6, "tieBreakLoserPoints": 5},
    {"type": "retired", "how": "walkover"},
)


async def everything_happens(door: Door, match_id: int) -> None:
    """Changes a match in every way there is."""
    connection = door.connection
    await a_score(connection, match_id, (1, 0))
    await a_score(connection, match_id, (0, 0))
    for ordinal, incident in enumerate(INCIDENTS, 2):
        await an_incident(connection, match_id, ordinal, **incident)
    total = await a_market(connection, match_id, {"over": "1.9", "under": "2"}, line="2.5")
    await a_price(connection, (await selections_of(connection, total))["over"], "1.95")
    await connection.execute(
        "UPDATE selections SET odds = NULL, best_odds = NULL, best_provider = NULL,"
        " fair_probability = NULL, status = 'suspended'"
    )
    await connection.execute(
        "INSERT INTO match_feeds (match_id, status, providers) VALUES ($1, 'stale', $2)",
        match_id,
        '[{"provider": "betfair", "state": "behind"}]',
    )
    other = await a_match(connection, "Arsenal FC", "Chelsea FC")
    async with connection.transaction():
        await merge_matches(connection, match_id, other, inverted=False)
    body = '{"homeWinProb":0.5,"drawProb":null,"awayWinProb":0.5}'
    for kind, said in (
        ("prediction_update", body),
        ("match_split", '{"provider":"thesportsdb","splitOff":"77"}'),
    ):
        await connection.execute(
            "SELECT append_changes(ARRAY[$1::bigint], ARRAY[$2], ARRAY[$3])", match_id, kind, said
        )


async def test_every_kind_of_frame_of_a_match_is_as_it_is_described(door: Door):
    match_id = await a_match(door.connection)
    await an_incident(door.connection, match_id)
    await a_market(door.connection, match_id)
    client = await door.open(match_id)
    told: list[Frame] = [await frame(client)]
    await everything_happens(door, match_id)
    until = await door.seq_of(match_id)
    while told[-1]["seq"] < until:
        told.append(await frame(client))
    again = await door.open(match_id, f"?since={told[-1]['resume']}")
    told.append(await frame(again))
    afresh = await door.open(match_id)
    told.append(await frame(afresh))
    for message in ('{"type":"ping"}', "no message at all"):
        await client.send(message)
        told.append(await frame(client))
    kinds = Described().check(told)
    assert kinds == {"snapshot", "heartbeat", "pong", "error"}.union(*KINDS.values())
    for one in (client, again, afresh):
        await one.close()
