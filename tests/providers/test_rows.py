"""From bytes to rows: what the normalisers let through, Postgres takes."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, Phase, given, settings

from app.database import engine
from app.ingest.dead_letters import Origin
from app.ingest.intake import take_in
from app.ingest.known import Known
from app.providers.items import joined
from app.providers.odds_api.normalize import read_odds, read_scores
from app.providers.odds_api.payloads import items_of
from app.providers.provider import Answer, ProviderError, Scope
from app.providers.thesportsdb.normalize import read_live, read_rows
from app.providers.thesportsdb.payloads import rows_of
from app.sports.match import Sport
from tests.providers.mutated import mutations_of

RECORDINGS = Path(__file__).parents[1] / "recordings"
RECEIVED = datetime(2026, 11, 21, 16, 10, tzinfo=UTC)
# Enough to meet every kind of change in every body; each is a transaction.
SPOILED_EACH = 40
SOCCER = "soccer_northern_premier"


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """A body and how it is read."""

    origin: Origin
    body: bytes
    read: Callable[[bytes], Answer]


def bodies() -> Iterator[Body]:
    """Gives bodies of every kind."""

    def kept(provider: str, name: str) -> bytes:
        folder = provider.replace("-", "_")
        return (RECORDINGS / folder / f"{name}.json").read_bytes()

    for sport, word in {
        Sport.FOOTBALL: "soccer",
        Sport.BASKETBALL: "basketball",
        Sport.TENNIS: "tennis",
        Sport.HOCKEY: "ice_hockey",
    }.items():
        yield Body(
            origin=Origin(provider="thesportsdb", scope="scores", sport=sport),
            body=kept("thesportsdb", f"made_v2_livescore_{word}"),
            read=lambda body, sport=sport: joined([read_live(rows_of(body), sport, RECEIVED)]),
        )
    for sport, word in {Sport.FOOTBALL: "soccer", Sport.TENNIS: "tennis"}.items():
        yield Body(
            origin=Origin(provider="thesportsdb", scope="scores", sport=sport),
            body=kept("thesportsdb", f"made_v1_eventsday_{word}"),
            read=lambda body, sport=sport: joined(
                [read_rows(rows_of(body), Scope.SCORES, sport, RECEIVED)]
            ),
        )
    yield Body(
        origin=Origin(provider="odds-api", scope="scores", sport=Sport.FOOTBALL),
        body=kept("odds-api", "made_v4_scores"),
        read=lambda body: joined([read_scores(items_of(body), SOCCER, RECEIVED)]),
    )
    yield Body(
        origin=Origin(provider="odds-api", scope="markets", sport=Sport.FOOTBALL),
        body=kept("odds-api", "made_v4_odds_soccer_decimal"),
        read=lambda body: joined([read_odds(items_of(body), SOCCER, RECEIVED, "decimal")]),
    )


def spoiled(body: Body) -> list[Answer]:
    """Returns what is read in spoiled copies of a body; always the same ones."""
    answers: list[Answer] = []

    @given(mutations_of(body.body))
    @settings(
        max_examples=SPOILED_EACH,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    def collect(copy: bytes) -> None:
        try:
            answers.append(body.read(copy))
        except ProviderError:
            return

    collect()
    return answers


async def test_whatever_bodies_become_nothing_of_them_is_refused_by_the_database(
    database_url: str,
):
    pool = await engine.open_pool(
        database_url, connections_max=2, statement_timeout_s=10, name="test-rows"
    )
    try:
        for body in bodies():
            whole = await take_in(pool, body.origin, body.read(body.body), Known())
            assert whole is not None
            assert whole.matches > 0
            for answer in spoiled(body):
                taken = await take_in(pool, body.origin, answer, Known())
                assert taken is not None
                assert [lost for lost in taken.lost if lost.code == "not_stored"] == []
    finally:
        pool.terminate()
