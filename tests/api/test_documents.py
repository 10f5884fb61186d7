"""What OpenAPI says."""

import re
from typing import Any

from jsonschema import Draft202012Validator

from app.api.examples import EXAMPLES
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
            "match_id", "marketId", "selectionId", "from", "to", "limit", "bucketMs",
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


async def test_every_operation_says_in_one_line_what_it_is_for_and_more_below(api: Api):
    paths = (await described(api))["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            assert re.fullmatch(r"[A-Z]\S+ .*[^.]", operation["summary"]), (method, path)
    odds = paths["/api/odds/{match_id}"]["get"]
    assert odds["summary"].startswith("Returns every bookmaker's price with its age")
    assert odds["description"].startswith("Its tag is weak")


async def test_the_description_names_no_other_host(api: Api):
    text = (await api.get("/schema/openapi.json")).text
    assert "cdn" not in text
    assert "://" not in text


async def test_every_operation_says_who_may_ask_and_how_it_may_fail(api: Api):
    document = await described(api)
    operations = [
        (f"{method} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    names = [operation["operationId"] for _, operation in operations]
    assert len(names) == len(set(names))
    assert {"bearer", "apiKey", "signature"} == set(document["components"]["securitySchemes"])
    for place, operation in operations:
        answers = operation["responses"]
        assert operation["security"] == [] or "401" in answers, place
        for status, answer in answers.items():
            assert "X-Request-Id" in answer["headers"], place
            if status >= "400" and "/health" not in place:
                assert list(answer["content"]) == ["application/problem+json"], (place, status)
        if "429" in answers and {"signature": []} not in operation["security"]:
            assert "RateLimit-Remaining" in answers["429"]["headers"], place
    by_name = {operation["operationId"]: operation for _, operation in operations}
    assert by_name["makeKey"]["security"] == [{"bearer": []}]
    assert by_name["listEvents"]["security"][0] == {}
    assert by_name["logIn"]["security"] == []
    assert by_name["placeBet"]["parameters"][-1]["name"] == "Idempotency-Key"


async def test_every_example_is_of_its_shape_and_every_body_has_one(api: Api):
    document = await described(api)
    shapes = document["components"]["schemas"]
    for name in EXAMPLES.keys() & shapes.keys():
        example = shapes[name]["examples"][0]
        Draft202012Validator({**document, "$ref": f"#/components/schemas/{name}"}).validate(example)
    sent = {
        content["schema"]["$ref"].rsplit("/", 1)[1]
        for methods in document["paths"].values()
        for operation in methods.values()
        for content in operation.get("requestBody", {}).get("content", {}).values()
        if "$ref" in content["schema"]
    }
    assert {name for name in sent if "examples" not in shapes[name]} == set()
