"""Every endpoint as its description says it, whatever it is asked: schemathesis over all of it.

Deterministic: the same requests each time. It knows of the API only what `/schema/openapi.json`
says, so an answer that is not described, or not as described, is a fault of one of the two.
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.api.caller import a_caller
from tests.api.conftest import Api, served
from tests.builders import a_market, a_match, a_price, a_quote, a_score, an_incident, selections_of

HERE = Path(__file__).parent
# Requests an endpoint gets from each kind of invention; bounded, because the machine has two cores.
EXAMPLES_MAX = "3"
# What fuzzing would be told apart from an outage by.
UNLIMITED = {
    "LIMIT_USER_PER_MINUTE": "10000000",
    "LIMIT_AUTH_PER_MINUTE": "10000000",
    "FEED_KEYS": "acme:0123456789abcdef0123456789abcdef",
}
# The third walks along the links of the description: what was made is looked up, and ended.
WIDE, DEEP = "examples,fuzzing,stateful", "examples,coverage,fuzzing"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "allow_header_conformance",
    "unsupported_method",
    "ignored_auth",
)


@pytest.fixture
async def full_api(database_url: str, redis_url: str) -> AsyncGenerator[Api]:
    """The application with something to tell at every read."""
    async with served(database_url, redis_url, **UNLIMITED) as api:
        match_id = await a_match(api.connection)
        await a_score(api.connection, match_id, (1, 0))
        await an_incident(api.connection, match_id)
        market_id = await a_market(api.connection, match_id)
        for selection_id in (await selections_of(api.connection, market_id)).values():
            await a_quote(api.connection, selection_id)
            await a_price(api.connection, selection_id, "2.1")
        await api.until_listening()
        yield api


async def run(api: Api, *options: str) -> None:
    """Runs schemathesis against the API; fails with what it says, unless all was well."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        *("--config-file", HERE / "schemathesis.toml"),
        "run",
        f"{api.client.base_url}/schema/openapi.json",
        *("--checks", ",".join(CHECKS)),
        *("--max-examples", EXAMPLES_MAX),
        "--generation-with-security-parameters=false",
        *("--generation-deterministic", "--no-shrink", "--suppress-health-check=all"),
        *("--continue-on-failure", "--no-color", "--warnings=off"),
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def test_no_endpoint_answers_what_is_not_described(full_api: Api):
    caller = await a_caller(full_api, role="operator")
    wish = {"name": "all", "scopes": ["read", "bet", "feed", "operate"]}
    key = (await caller.send("/api/me/keys", wish)).json()["key"]
    await run(full_api, "--header", f"X-API-Key: {key}", "--phases", WIDE)


async def test_nor_does_one_that_takes_a_log_in(full_api: Api):
    token = (await a_caller(full_api)).headers["authorization"]
    # Not what would end the log-in on the way.
    mine = ("--include-path", "/api/me", "--include-path", "/api/me/keys")
    await run(full_api, "--header", f"Authorization: {token}", "--phases", DEEP, *mine)
