"""A client that others generate from our description: it builds, and it calls us."""

import asyncio
import sys
from pathlib import Path

from tests.api.conftest import served
from tests.builders import a_match

GENERATOR = Path(sys.executable).with_name("openapi-python-client")
# What somebody would write who has nothing but the generated package.
PROGRAM = """
import sys
from touchline_client import AuthenticatedClient, Client
from touchline_client.api.auth import log_in, register
from touchline_client.api.bets import place_bet
from touchline_client.api.matches import get_score, list_events
from touchline_client.api.me import get_me, make_key
from touchline_client.models import BetWish, Credentials, KeyWish, Problem

url, match_id = sys.argv[1:]
stranger = Client(base_url=url, raise_on_unexpected_status=True)
credentials = Credentials(email="ada@example.org", password="correct horse battery")
register.sync(client=stranger, body=credentials)
tokens = log_in.sync(client=stranger, body=credentials)
user = AuthenticatedClient(base_url=url, token=tokens.access_token)
assert get_me.sync(client=user).email == "ada@example.org"
key = make_key.sync(client=user, body=KeyWish(name="generated")).key
program = AuthenticatedClient(
    base_url=url, token=key, prefix="", auth_header_name="X-API-Key"
)
(match,) = list_events.sync(client=program, limit=1).items
score = get_score.sync(client=program, match_id=match_id)
assert (match.id, score.match_id, score.home_score) == (match_id, match_id, 2)
unknown = get_score.sync(client=program, match_id="999999")
assert isinstance(unknown, Problem) and unknown.code == "not_found", unknown
refused = place_bet.sync(
    client=program, body=BetWish(stake="1.00", selection_id="1", odds=2.0), idempotency_key="one"
)
assert isinstance(refused, Problem) and refused.code == "not_allowed", refused
print("called")
"""


async def said_by(*command: object, cwd: Path) -> str:
    """Runs a command to its end; returns what it said, which fails the test if it failed."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=cwd,
        # The formatter it would call stands beside it.
        env={"PATH": str(GENERATOR.parent)},
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def test_a_generated_client_builds_and_calls_us(
    database_url: str, redis_url: str, tmp_path: Path
):
    async with served(database_url, redis_url) as api:
        match_id = await a_match(api.connection, score=(2, 1))
        described = tmp_path / "openapi.json"
        described.write_bytes((await api.get("/schema/openapi.json")).content)
        await generate(described, tmp_path / "touchline_client")
        program = tmp_path / "program.py"
        program.write_text(PROGRAM)
        url = str(api.client.base_url)
        said = await said_by(sys.executable, program, url, match_id, cwd=tmp_path)
    assert said == "called\n"


async def generate(described: Path, into: Path) -> None:
    """Generates the client; the generator may complain of nothing but bodies in XML."""
    said = await said_by(
        *(GENERATOR, "generate", "--path", described, "--output-path", into, "--meta", "none"),
        cwd=into.parent,
    )
    complaints = [line for line in said.splitlines() if line.startswith(("WARNING", "Unable"))]
    assert all("/api/feeds/{provider}" in line for line in complaints), said
