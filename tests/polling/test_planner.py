"""The plan over a real database: who is polled, how often, from when on, and why."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from app.polling import plan, quotas
from app.polling.planner import Planner
from app.polling.schedule import LATE_S, LONG_AGO_S, Phase, phase_of
from app.polling.wanted import STANDING
from app.polling.windows import Limit
from app.providers.provider import Scope, Window
from app.sports.match import MatchStatus
from tests.polling.conftest import PACES, World, a_rule

SOON = timedelta(minutes=10)


async def test_prices_nobody_wants_are_not_due_at_all(world: World):
    await world.match()
    await world.plan()
    task = await world.task("markets")
    assert (task["state"], task["because"], task["is_never"]) == (
        "unwanted",
        "nobody wants it",
        True,
    )
    assert "markets" not in {claim.scope for claim in await world.polled()}


async def test_a_first_watcher_makes_them_due_at_once_and_the_last_one_ends_it(world: World):
    match = await world.match()
    await world.plan()
    await world.ran(60_000)
    await world.wanted(match)
    await world.plan()
    task = await world.task("markets")
    assert (task["state"], task["interval_ms"], task["watchers"], task["is_due"]) == (
        "polled",
        PACES.live_ms,
        1,
        True,
    )
    assert task["because"] == "live, 1 watcher: 5 s"
    assert "markets" in {claim.scope for claim in await world.polled()}
    await world.wanted(match, scores=0, markets=0)
    await world.plan()
    assert (await world.task("markets"))["state"] == "unwanted"


async def test_a_reader_of_scores_makes_no_prices_wanted(world: World):
    await world.wanted(await world.match(), markets=0)
    await world.plan()
    assert (await world.task("markets"))["state"] == "unwanted"
    assert (await world.task("scores"))["interval_ms"] == PACES.live_ms


async def test_scores_of_unwatched_matches_are_slower(world: World):
    await world.match()
    await world.plan()
    task = await world.task()
    assert task["interval_ms"] == PACES.live_ms * PACES.unwatched_times
    assert task["because"] == "live, nobody watches: 20 s"


async def test_a_second_watcher_of_what_is_polled_brings_no_poll(world: World):
    match = await world.match()
    await world.wanted(match)
    await world.plan()
    assert {claim.scope for claim in await world.polled()} >= {"scores", "markets"}
    await world.wanted(match, scores=2, markets=2, holder="another")
    await world.plan()
    assert await world.polled() == []
    assert (await world.task("markets"))["watchers"] == 3


async def test_what_a_process_wanted_that_died_is_forgotten_with_its_lease(world: World):
    await world.wanted(await world.match())
    await world.hold(lease_s=-1)
    await world.plan()
    assert (await world.task("markets"))["state"] == "unwanted"


async def test_a_list_that_is_read_makes_its_prices_wanted_even_before_they_are_known(
    world: World,
):
    await world.hold()
    await world.connection.execute(
        "INSERT INTO demand (holder, subject, sport_id, markets_until)"
        " VALUES ('api', 'sport.football', 'football', now() + interval '30 s')"
    )
    await world.plan()
    task = await world.task("markets")
    assert (task["state"], task["is_due"]) == ("polled", True)
    assert task["because"] == "wanted, but not known here yet: 5 min"
    await world.match()
    await world.plan()
    task = await world.task("markets")
    assert task["because"] == "live, listed: 10 s"


async def test_a_watched_match_that_a_provider_does_not_know_is_looked_for(world: World):
    await plan.keep_tasks(
        world.connection,
        "odds",
        [a_rule(Scope.MARKETS, part=part) for part in ("epl", "laliga")],
    )
    match = await world.match()
    await world.connection.execute(
        "INSERT INTO provider_refs (provider, kind, external_id, league_id)"
        " SELECT 'odds', 'league', 'laliga', id FROM leagues WHERE false"
    )
    await world.wanted(match)
    await world.plan()
    assert (await world.task("markets", "odds", "epl"))["state"] == "polled"
    # Once it is known which league a part is, another league's is left alone.
    other = await world.match("m2", league="La Liga", providers=("odds",))
    await world.connection.execute(
        "INSERT INTO provider_refs (provider, kind, external_id, league_id)"
        " SELECT 'odds', 'league', 'laliga', league_id FROM matches WHERE id = $1",
        other,
    )
    await world.plan()
    assert (await world.task("markets", "odds", "laliga"))["state"] == "unwanted"
    assert (await world.task("markets", "odds", "epl"))["state"] == "polled"


async def test_parts_are_polled_for_their_own_matches(world: World):
    rules = [a_rule(Scope.MARKETS, part=part) for part in ("pl", "ll")]
    await plan.keep_tasks(world.connection, "odds", rules)
    for part, league in (("pl", "Premier League"), ("ll", "La Liga")):
        number = await world.match(f"in-{part}", league=league, providers=("odds",))
        await world.connection.execute(
            "INSERT INTO provider_refs (provider, kind, external_id, league_id)"
            " SELECT 'odds', 'league', $1, league_id FROM matches WHERE id = $2",
            part,
            number,
        )
        if part == "ll":
            await world.wanted(number)
    await world.plan()
    assert (await world.task("markets", "odds", "pl"))["state"] == "unwanted"
    assert (await world.task("markets", "odds", "ll"))["interval_ms"] == PACES.live_ms
    [claim] = await world.polled(providers=("odds",))
    assert await plan.targets(world.connection, claim) == ("in-ll",)


async def test_the_phases_of_postgres_are_those_of_the_schedule(world: World):
    moments = [-LONG_AGO_S - 60, -LATE_S - 60, -LATE_S + 60, -60, 60, 1_740, 1_860, 86_000, 90_000]
    expected: dict[int, Phase] = {}
    for starts_in_s in moments:
        for status in MatchStatus:
            for changed_s_ago in (60, 660):
                score = None if status in ("scheduled", "postponed", "cancelled") else (0, 0)
                number = await world.match(
                    f"{starts_in_s} {status} {changed_s_ago}",
                    status=None,
                    starts_in=timedelta(seconds=starts_in_s),
                )
                await world.connection.execute(
                    "INSERT INTO live_scores (match_id, status, home_score, away_score, updated_at)"
                    " VALUES ($1, $2, $3, $3, now() - $4 * interval '1 second')",
                    number,
                    status.value,
                    None if score is None else 0,
                    changed_s_ago,
                )
                expected[number] = phase_of(
                    status, starts_in_s=starts_in_s, changed_s_ago=changed_s_ago, paces=PACES
                )
    await world.plan()
    rows = await world.connection.fetch(f"WITH {STANDING} SELECT id, phase FROM standing")
    found = {row["id"]: row["phase"] for row in rows}
    assert {n: found.get(n, Phase.OVER) for n in expected} == expected
    assert len(set(expected.values())) == len(Phase)


@pytest.mark.parametrize(
    ("subjects", "interval_ms", "why"),
    [
        ({}, 20_000, "live, nobody watches: 20 s"),
        ({"default": 9_000}, 9_000, "live, nobody watches, set for default: 9 s"),
        ({"default": 9_000, "sport.football": 8_000}, 8_000, "set for sport.football"),
        ({"sport.football": 8_000, "league.premier-league": 7_000}, 7_000, "premier-league"),
        ({"league.premier-league": 7_000, "match.{match}": 60_000}, 60_000, "set for match."),
        ({"match.{match}": 6_000, "told.scores.football": 5_500}, 5_500, "set for this task"),
        ({"default": 100}, 1_000, "no faster than its provider's rule: 1 s"),
    ],
)
async def test_an_interval_set_by_hand_goes_before_the_rule_the_closest_first(
    world: World, subjects: dict[str, int], interval_ms: int, why: str
):
    match = await world.match()
    for subject, set_ms in subjects.items():
        await world.connection.execute(
            "INSERT INTO poll_overrides VALUES ($1, $2)", subject.format(match=match), set_ms
        )
    await world.plan()
    task = await world.task()
    assert task["interval_ms"] == interval_ms
    assert why in task["because"]


async def test_intervals_set_by_hand_survive_the_providers_rules(world: World):
    await world.match()
    await world.connection.execute("INSERT INTO poll_overrides VALUES ('told.scores.football', 70)")
    await plan.keep_tasks(world.connection, "told", [a_rule(interval_ms=60)])
    await world.plan()
    assert (await world.task())["interval_ms"] == 70


async def test_a_shorter_interval_pulls_the_next_poll_forward_but_not_before_its_time(
    world: World,
):
    match = await world.match()
    await world.plan()
    assert "scores" in {claim.scope for claim in await world.polled()}
    await world.ran(2_000)
    await world.wanted(match)
    await world.plan()
    row = await world.task()
    waits_s = (row["next_due_at"] - row["last_run_at"]).total_seconds()
    assert waits_s == pytest.approx(PACES.live_ms / 1000, abs=0.01)
    await world.ran(6_000)
    await world.connection.execute("UPDATE poll_tasks SET interval_ms = 20000")
    await world.plan()
    assert (await world.task())["is_due"]


async def test_a_spent_quota_is_not_planned_over_and_explains_itself(world: World):
    match = await world.match()
    await world.wanted(match)
    limits = [Limit(window=Window.DAY, limit=100)]
    allowance = quotas.SharedAllowance(world.pool, "told", limits)
    await allowance.take(40)
    await world.plan()
    task = await world.task()
    assert "live, 1 watcher: 5 s; quota 60 of 100 until 00:00 UTC: " in task["because"]
    assert task["interval_ms"] > PACES.live_ms
    await allowance.take(60)
    await world.plan()
    task = await world.task()
    assert (task["state"], task["is_never"]) == ("waiting", True)
    await world.connection.execute("UPDATE provider_quotas SET resets_at = now()")
    await world.plan()
    assert (await world.task())["state"] == "polled"


async def test_a_provider_that_asked_to_be_left_alone_is(world: World):
    await world.match()
    await quotas.block(world.connection, "told", for_s=30, reason="too many")
    await world.plan()
    task = await world.task()
    assert task["state"] == "waiting"
    assert task["because"].startswith("left alone until ")
    assert task["because"].endswith(" UTC: too many")


async def a_state(world: World, provider: str, **columns: object) -> None:
    """How a provider of football is."""
    names = ", ".join(columns)
    values = ", ".join(f"${n}" for n in range(2, 2 + len(columns)))
    await world.connection.execute(
        f"INSERT INTO provider_health (provider, sport_id, {names})"
        f" VALUES ($1, 'football', {values})"
        f" ON CONFLICT (provider, sport_id) DO UPDATE SET ({names}) = ROW ({values})",
        provider,
        *columns.values(),
    )


async def test_a_standby_is_asked_only_while_no_main_provider_is_up(world: World):
    await plan.keep_tasks(world.connection, "spare", [a_rule()])
    await world.match(providers=("told", "spare"))
    await a_state(world, "spare", standby=True, state="up")
    await a_state(world, "told", state="up")
    await world.plan()
    task = await world.task(provider="spare")
    assert (task["state"], task["because"]) == ("standby", "stands by while told is up")
    await a_state(world, "told", state="down")
    await world.plan()
    assert (await world.task(provider="spare"))["is_due"]
    await a_state(world, "told", state="up")
    await world.plan()
    assert (await world.task(provider="spare"))["state"] == "standby"


async def test_while_a_circuit_is_open_nothing_is_asked_then_one_probe_is(world: World):
    await world.match()
    await world.plan()
    await world.connection.execute("UPDATE poll_tasks SET next_due_at = now()")
    await world.connection.execute(
        "INSERT INTO provider_health (provider, sport_id, circuit, circuit_until)"
        " VALUES ('told', 'football', 'open', now() + interval '1 minute')"
    )
    assert await plan.claim_due(world.connection, ["told"]) == []
    await world.connection.execute("UPDATE provider_health SET circuit_until = now()")
    [probe] = await plan.claim_due(world.connection, ["told"])
    assert await plan.claim_due(world.connection, ["told"]) == []
    await world.connection.execute("UPDATE provider_health SET circuit = 'closed'")
    assert await plan.fence(world.connection, probe)
    assert len(await plan.claim_due(world.connection, ["told"])) == 2


async def test_of_many_planners_one_plans_and_many_claimers_never_ask_twice(world: World):
    for n in range(20):
        await world.wanted(await world.match(f"m{n}"))
    planners = [Planner(world.pool, PACES) for _ in range(4)]
    rounds = await asyncio.gather(*(planner.replan(every_s=60) for planner in planners))
    assert sum(planned is not None for planned in rounds) == 1

    async def work() -> list[plan.Claim]:
        claims: list[plan.Claim] = []
        for planner in planners:
            await planner.replan(every_s=0)
            async with world.pool.acquire() as connection:
                mine = await plan.claim_due(connection, ["told"])  # pyright: ignore[reportArgumentType]
                for claim in mine:
                    assert await plan.fence(connection, claim)  # pyright: ignore[reportArgumentType]
                claims += mine
        return claims

    claimed = [
        claim for some in await asyncio.gather(*(work() for _ in range(6))) for claim in some
    ]
    assert sorted(claim.scope for claim in claimed) == ["fixtures", "markets", "scores"]


async def test_a_plan_does_not_wait_for_an_answer_that_is_being_written(
    world: World, database_url: str
):
    await world.plan()
    [claim] = [
        one for one in await plan.claim_due(world.connection, ["told"]) if one.scope == "scores"
    ]
    writer = await asyncpg.connect(database_url)
    await world.connection.execute(
        "INSERT INTO poll_overrides VALUES ('told.fixtures.football', 70)"
    )
    await world.wanted(await world.match())
    async with writer.transaction():
        assert await plan.fence(writer, claim)
        async with asyncio.timeout(10):
            await world.plan()
        assert (await world.task("fixtures"))["interval_ms"] == 1_000
        assert (await world.task())["interval_ms"] == PACES.idle_ms
    await world.plan()
    assert (await world.task())["interval_ms"] == PACES.live_ms
    await writer.close()
