"""What a follower holds is what REST answers: snapshot and frames are the truth."""

from typing import Any

from tests.stories.follower import Follower
from tests.stories.house import House


def check_that_rest_says_the_same(house: House, follower: Follower, sport: str) -> None:
    """Asks REST for everything the follower holds; both are to be the same."""
    match_id = follower.match_id
    truth = house.get(f"/api/scores/{match_id}")
    asked = ("seq", "resume", "observedAt", "sources")
    assert truth["seq"] == follower.seq
    assert {k: v for k, v in truth.items() if k not in asked} == {
        k: v for k, v in follower.score.items() if k not in asked
    }
    markets = house.get(f"/api/markets/{sport}?matchId={match_id}&limit=200")["items"]
    assert {m["id"]: plain(m) for m in markets} == {
        k: plain(m) for k, m in follower.markets.items()
    }
    changes = house.get(f"/api/v1/matches/{match_id}")
    shown = [i for i in follower.incidents.values() if not i.get("withdrawn")]
    assert [i["id"] for i in changes["incidents"]] == [
        i["id"] for i in sorted(shown, key=lambda i: (i["ordinal"], i["id"]))
    ]


def plain(market: dict[str, Any]) -> dict[str, Any]:
    """A market without what only lists say, its selections in one order."""
    kept = {k: v for k, v in market.items() if k not in ("event", "matchId", "simulated")}
    return kept | {"selections": sorted(market["selections"], key=lambda s: s["id"])}
