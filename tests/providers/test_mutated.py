"""The spoiler of bodies spoils, in all the ways it says."""

import json

from hypothesis import HealthCheck, find, given, settings

from tests.providers.mutated import mutations_of

BODY = json.dumps({"response": [{"id": 1, "name": "Żubr", "odds": ["1.5", None]}] * 3}).encode()


def _value(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return None


@given(mutations_of(BODY))
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_every_body_comes_out_as_bytes(body: bytes):
    assert isinstance(body, bytes)


def test_a_body_loses_a_key_or_an_item_and_stays_json():
    spoiled = find(
        mutations_of(BODY), lambda body: isinstance(_value(body), dict) and b"odds" not in body
    )
    assert spoiled != BODY


def test_a_body_may_end_before_its_end():
    assert find(mutations_of(BODY), lambda body: body != BODY and BODY.startswith(body)) != BODY


def test_a_body_that_is_not_json_is_spoiled_too():
    assert find(mutations_of(b"<odds/>"), lambda body: body != b"<odds/>") != b"<odds/>"
