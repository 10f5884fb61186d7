"""Which matches a poll asks for: those wanted, in turn, and those a provider stopped telling of."""

from datetime import timedelta

from app.polling import plan
from app.providers.provider import Scope
from tests.builders import a_told_score
from tests.polling.conftest import World, a_rule

LATER = timedelta(hours=3)


async def naming(world: World, matches_max: int = 2, scope: Scope = Scope.MARKETS) -> None:
    """A provider `named` whose requests name their matches."""
    rule = a_rule(scope, interval_ms=100, matches_max=matches_max)
    await plan.keep_tasks(world.connection, "named", [rule])


async def poll(world: World, after_ms: int) -> tuple[str, ...]:
    """What the next poll asks for, so long after the last."""
    await world.connection.execute(
        "UPDATE poll_asked SET asked_at = asked_at - $1 * interval '1 ms'", after_ms
    )
    await world.connection.execute(
        "UPDATE poll_tasks SET next_due_at = clock_timestamp() WHERE provider = 'named'"
    )
    [claim] = await plan.claim_due(world.connection, ["named"])
    found = await plan.targets(world.connection, claim)
    assert await plan.fence(world.connection, claim)
    return found


async def test_only_wanted_matches_are_named_each_in_its_turn(world: World):
    await naming(world)
    for n in range(5):
        number = await world.match(f"m{n}", providers=("named",))
        if n < 3:
            await world.wanted(number)
    await world.plan()
    # Three matches every 5 s, two a poll.
    task = await world.task("markets", "named")
    assert task["interval_ms"] == 3_333
    assert task["because"].endswith("5 s each, 3 matches by 2: 3.33 s")
    first, second = await poll(world, 0), await poll(world, 100)
    assert sorted([*first, *second]) == ["m0", "m1", "m2"]
    assert await poll(world, 100) == ()
    assert set(await poll(world, 4_900)) == set(first)


async def test_a_first_watcher_does_not_wait_for_its_turn(world: World):
    await naming(world)
    await world.wanted(await world.match("m1", providers=("named",)))
    await world.plan()
    assert await poll(world, 0) == ("m1",)
    await world.ran(150)
    assert await plan.claim_due(world.connection, ["named"]) == []
    await world.wanted(await world.match("m2", providers=("named",)))
    await world.plan()
    assert (await world.task("markets", "named"))["is_due"]
    assert await poll(world, 0) == ("m2",)


async def test_what_a_failed_poll_asked_for_is_asked_for_again(world: World):
    await naming(world)
    await world.wanted(await world.match("m1", providers=("named",)))
    await world.plan()
    [claim] = await plan.claim_due(world.connection, ["named"])
    assert await plan.targets(world.connection, claim) == ("m1",)
    await plan.fail(world.connection, claim, "no answer")
    assert await poll(world, 0) == ("m1",)


async def test_what_is_watched_and_live_is_named_first(world: World):
    await naming(world, matches_max=2, scope=Scope.SCORES)
    await world.match("quiet", providers=("named",))
    later = await world.match("later", status=None, starts_in=LATER, providers=("named",))
    live = await world.match("live", providers=("named",))
    await world.wanted(later)
    await world.wanted(live)
    await world.plan()
    assert await poll(world, 0) == ("live", "later")
    assert await poll(world, 0) == ("quiet",)


async def test_a_task_for_all_is_told_who_is_in_play_and_who_vanished(world: World):
    heard = await world.match("heard")
    gone = await world.match("gone")
    await world.match("later", status=None, starts_in=LATER)
    await world.match("over", status="finished", starts_in=-LATER)
    await world.connection.execute(
        "UPDATE live_scores SET updated_at = now() - interval '1 day' WHERE status = 'finished'"
    )
    await world.match("unknown", providers=("other",))
    for number, ago in ((heard, "0 s"), (gone, "5 min")):
        await a_told_score(world.connection, number, provider="told")
        await world.connection.execute(
            "UPDATE score_observations SET received_at = now() - $2::text::interval"
            " WHERE match_id = $1",
            number,
            ago,
        )
    await world.plan()
    [scores] = [claim for claim in await world.polled() if claim.scope == "scores"]
    assert await plan.targets(world.connection, scores) == ("gone", "heard")


async def test_fixtures_ask_for_everything(world: World):
    await world.match()
    await world.plan()
    [fixtures] = [claim for claim in await world.polled() if claim.scope == "fixtures"]
    assert await plan.targets(world.connection, fixtures) == ()


async def test_prices_that_also_look_for_matches_ask_for_everything(world: World):
    await world.wanted(await world.match("known"))
    await world.plan()
    [markets] = [claim for claim in await world.polled() if claim.scope == "markets"]
    assert await plan.targets(world.connection, markets) == ("known",)
    await world.wanted(await world.match("not here", providers=("other",)))
    await world.plan()
    assert await plan.targets(world.connection, markets) == ()
