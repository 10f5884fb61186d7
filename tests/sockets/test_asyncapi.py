"""The sockets' description: AsyncAPI 3 by its own schema, whole, and what we serve."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import httpx
import jsonschema
import msgspec
import pytest

from app.sockets import frame_shapes, frames
from app.sockets.asyncapi import document
from app.sockets.close_codes import CLOSE_CODES
from app.sockets.frame_shapes import IncidentTold
from app.sockets.message_shapes import LiveQuery
from app.sockets.wishes import Wishes
from app.sports import incidents
from tests.sockets.conftest import Door
from tests.sockets.described import Described

SCHEMA = Path(__file__).parent / "asyncapi" / "asyncapi-3.0.0.json"


@pytest.fixture(scope="module")
def described() -> Described:
    return Described()


def references(part: Any) -> Iterator[str]:
    """Yields every `$ref`, wherever it stands."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    if isinstance(part, list):
        for inner in part:
            yield from references(inner)


def test_it_is_asyncapi_3(described: Described):
    schema = msgspec.json.decode(SCHEMA.read_bytes())
    faults = jsonschema.Draft7Validator(schema).iter_errors(described.document)
    assert [f"{fault.json_path}: {fault.message}" for fault in faults] == []


def test_a_fault_in_it_would_be_found(described: Described):
    schema = msgspec.json.decode(SCHEMA.read_bytes())
    spoilt = {**described.document, "operations": {"x": {"action": "shout"}}}
    assert not jsonschema.Draft7Validator(schema).is_valid(spoilt)


def test_every_reference_leads_somewhere(described: Described):
    found = set(references(described.document))
    assert len(found) > 100
    for reference in found:
        part: Any = described.document
        for step in reference.removeprefix("#/").split("/"):
            assert step in part, reference
            part = part[step]


def test_every_message_has_an_example_that_fits_it(described: Described):
    for name, message in described.document["components"]["messages"].items():
        assert message["summary"], name
        assert message["examples"], name
        for example in message["examples"]:
            assert described.faults_of(example["payload"], shape=name) == []


def test_what_is_not_described_would_be_found(described: Described):
    pong = {"type": "pong"}
    assert described.faults_of(pong) == []
    assert described.faults_of({**pong, "more": 1}) != []
    assert described.faults_of({"type": "pong!"}) != []
    (example,) = described.document["components"]["messages"]["ScoreUpdate"]["examples"]
    deep = example["payload"] | {"data": {**example["payload"]["data"], "homeScore": "one"}}
    assert described.faults_of(deep) != []


def test_every_kind_of_change_has_a_shape():
    told = {shape.__struct_config__.tag for shape in frame_shapes.MATCH_FRAMES}
    assert frozenset().union(*frames.KINDS.values()) <= told


def test_an_incident_tells_all_that_an_incident_can_hold():
    told = {field.encode_name for field in msgspec.structs.fields(IncidentTold)}
    kinds = get_args(incidents.Incident)
    held = {field.encode_name for kind in kinds for field in msgspec.structs.fields(kind)}
    assert held - {"key"} == told - {"id", "ordinal", "withdrawn", "type"}
    types = next(f.type for f in msgspec.structs.fields(IncidentTold) if f.name == "type")
    assert set(get_args(types)) == {kind.__struct_config__.tag for kind in kinds}


def test_the_query_of_live_is_what_the_door_reads():
    told, read = msgspec.json.schema(LiveQuery), msgspec.json.schema(Wishes)
    told, read = told["$defs"]["LiveQuery"]["properties"], read["$defs"]["Wishes"]["properties"]
    assert told.keys() == read.keys()
    for name in ("conflateMs", "heartbeatMs"):
        assert {**read[name], "description": told[name]["description"]} == told[name]


def test_every_close_code_stands_in_it(described: Described):
    told = described.document["components"]["x-close-codes"]
    assert {int(code) for code in told} == {code.code for code in CLOSE_CODES}


def test_it_names_no_other_host(described: Described):
    assert b"://" not in msgspec.json.encode(described.document)


async def test_it_is_served_to_anyone_and_costs_nothing_when_it_is_the_same(door: Door):
    url = f"http://127.0.0.1:{door.port}"
    async with httpx.AsyncClient(base_url=url) as http:
        answer = await http.get("/schema/asyncapi.json")
        assert answer.status_code == 200
        assert answer.json() == msgspec.json.decode(msgspec.json.encode(document()))
        known = {"If-None-Match": answer.headers["etag"]}
        assert (await http.get("/schema/asyncapi.json", headers=known)).status_code == 304
        assert '"/schema/asyncapi.json"' in (await http.get("/docs/api")).text
