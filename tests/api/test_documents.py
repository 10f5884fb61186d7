"""What OpenAPI says."""

from typing import Any

from tests.api.conftest import Api


async def described(api: Api) -> dict[str, Any]:
    answer = await api.get("/schema/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_every_read_is_described_with_its_query_and_its_problems(api: Api):
    paths = (await described(api))["paths"]
    expected = {
        "/api/sports": {"limit", "cursor"},
        "/api/leagues": {"limit", "cursor", "sport"},
        "/api/events": {
            "limit", "cursor", "sport", "league", "status", "from", "to", "order",
        },
        "/api/markets/{sport}": {"sport", "limit", "cursor", "league", "matchId", "status"},
        "/api/scores/{match_id}": {"match_id"},
        "/api/v1/matches/{match_id}": {"match_id"},
        "/api/odds/{match_id}": {"match_id"},
        "/api/odds/{match_id}/history": {
            "match_id", "marketId", "selectionId", "from", "to", "limit",
        },
        "/api/matches/{match_id}/changes": {"match_id", "since", "limit"},
    }  # fmt: skip
    for path, names in expected.items():
        operation = paths[path]["get"]
        assert {p["name"] for p in operation.get("parameters", ())} == names, path
        assert "application/problem+json" in operation["responses"]["503"]["content"]
        assert "schema" in operation["responses"]["200"]["content"]["application/json"]


async def test_limits_and_choices_stand_in_the_description(api: Api):
    parameters = (await described(api))["paths"]["/api/events"]["get"]["parameters"]
    by_name = {parameter["name"]: parameter["schema"] for parameter in parameters}
    assert (by_name["limit"]["minimum"], by_name["limit"]["maximum"]) == (1, 200)
    assert "interrupted" in by_name["status"]["items"]["enum"]
    assert by_name["from"]["format"] == "date-time"


async def test_the_description_names_no_other_host(api: Api):
    text = (await api.get("/schema/openapi.json")).text
    assert "cdn" not in text
    assert "://" not in text
