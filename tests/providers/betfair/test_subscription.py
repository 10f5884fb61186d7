"""What a subscription makes of the stream's messages, and where it could be resumed."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.providers.betfair import payloads
from app.providers.betfair.lines import Question
from app.providers.betfair.normalize import Followed, Heard, markets_of, observations_of
from app.providers.betfair.subscription import Subscription, published_at
from app.providers.provider import Answer, ProviderUnreadable
from app.sports.market import MarketType, SelectionKey
from app.sports.match import Sport
from tests.providers.betfair.bodies import ARSENAL, ASIAN, CHELSEA, a_catalogue, a_match, followed
from tests.providers.betfair.bodies import definition as definition_of
from tests.providers.mutated import mutations_of
from tests.providers.sound import check_sound

RECORDINGS = Path(__file__).parents[2] / "recordings" / "betfair"
NOW = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
SPOILED = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
MARKET = a_catalogue()


def mcm(*changes: dict[str, Any], **more: Any) -> payloads.StreamMessage:
    """A market change message."""
    told = {"op": "mcm", "id": 2, "clk": "c1", "pt": 1_795_275_000_000, "mc": changes, **more}
    return payloads.message(msgspec.json.encode(told))


def image(**more: Any) -> payloads.StreamMessage:
    """The first image of one market."""
    whole = {
        "id": "1.101",
        "img": True,
        "marketDefinition": definition_of(MARKET),
        "rc": [{"id": ARSENAL, "batb": [[0, 2.1, 50]]}, {"id": CHELSEA, "batb": [[0, 3.5, 50]]}],
    }
    return mcm(whole, **{"ct": "SUB_IMAGE", "initialClk": "i1", **more})


def price(selection: int, odds: float, size: float = 5) -> dict[str, Any]:
    return {"id": "1.101", "rc": [{"id": selection, "batb": [[0, odds, size]]}]}


def best(subscription: Subscription) -> dict[int, str]:
    """The best prices of what is told now."""
    return {
        key[0]: str(odds)
        for _, offered in subscription.told()
        for key, odds in offered.offers.items()
    }


@pytest.fixture
def subscription() -> Subscription:
    """A subscription to one market that nothing was heard of."""
    return Subscription(followed(MARKET))


def test_an_image_and_its_deltas_are_told_once_each(subscription: Subscription):
    assert subscription.take(image()) == []
    assert best(subscription) == {ARSENAL: "2.1", CHELSEA: "3.5"}
    assert best(subscription) == {}
    subscription.take(mcm(price(ARSENAL, 2.2), clk="c2"))
    assert best(subscription) == {ARSENAL: "2.2", CHELSEA: "3.5"}
    subscription.take(mcm(price(ARSENAL, 0, 0), clk="c3"))
    assert best(subscription) == {CHELSEA: "3.5"}
    assert (subscription.initial_clk, subscription.clk) == ("i1", "c3")


def test_a_market_nobody_asked_for_is_not_kept(subscription: Subscription):
    subscription.take(image())
    subscription.told()
    assert subscription.take(mcm({**price(ARSENAL, 9), "id": "1.999"})) == []
    assert subscription.told() == []


def test_nothing_is_told_while_the_data_may_be_old_and_all_of_it_afterwards(
    subscription: Subscription,
):
    subscription.take(image())
    subscription.told()
    subscription.take(mcm(price(ARSENAL, 2.3), status=503))
    assert subscription.stale
    assert subscription.told() == []
    subscription.take(mcm(clk="c4", ct="HEARTBEAT"))
    assert not subscription.stale
    assert best(subscription) == {ARSENAL: "2.3", CHELSEA: "3.5"}


def test_segments_are_told_when_the_last_has_come(subscription: Subscription):
    subscription.take(image(segmentType="SEG_START", clk=None))
    assert subscription.told() == []
    assert not subscription.resumable
    subscription.take(mcm(price(ARSENAL, 2.4), segmentType="SEG", ct="SUB_IMAGE", clk=None))
    assert subscription.told() == []
    subscription.take(
        mcm(price(CHELSEA, 3.4), segmentType="SEG_END", ct="SUB_IMAGE", initialClk="i1")
    )
    assert best(subscription) == {ARSENAL: "2.4", CHELSEA: "3.4"}
    assert subscription.resumable


def test_an_image_that_broke_off_leaves_no_place_to_resume_from(subscription: Subscription):
    subscription.take(image())
    assert subscription.resumable
    subscription.take(image(segmentType="SEG_START", clk="c9"))
    assert not subscription.resumable


def test_a_resumed_delta_changes_what_was_there(subscription: Subscription):
    subscription.take(image())
    subscription.told()
    subscription.take(mcm(price(ARSENAL, 2.5), ct="RESUB_DELTA", clk="c7", initialClk="i2"))
    assert best(subscription) == {ARSENAL: "2.5", CHELSEA: "3.5"}
    assert (subscription.initial_clk, subscription.clk) == ("i2", "c7")


def test_another_image_forgets_what_was_there(subscription: Subscription):
    subscription.take(image())
    subscription.take(mcm({**price(CHELSEA, 3.0), "img": True}))
    assert best(subscription) == {CHELSEA: "3.0"}


def test_a_change_that_cannot_be_read_spoils_its_market_until_the_next_image(
    subscription: Subscription,
):
    subscription.take(image())
    subscription.told()
    bad = {"id": "1.101", "rc": [{"id": ARSENAL, "batb": [["x"]]}]}
    [rejected] = subscription.take(mcm(bad))
    assert rejected.code == "unreadable"
    [(one, offered)] = subscription.told()
    [market], _ = markets_of(one, offered, set(), NOW)
    assert (market.status, market.reason) == ("suspended", "feed_unreadable")
    assert {quote.odds for quote in market.quotes} == {None}
    # Half a book is worse than none: deltas no longer count.
    subscription.take(mcm(price(ARSENAL, 2.6)))
    assert best(subscription) == {}
    subscription.take(image(ct=None))
    assert best(subscription) == {ARSENAL: "2.1", CHELSEA: "3.5"}


def test_a_change_of_nobody_knows_what_ends_the_line(subscription: Subscription):
    with pytest.raises(ProviderUnreadable):
        subscription.take(mcm({"rc": []}))


def test_only_what_differs_is_news_until_it_is_to_be_confirmed(subscription: Subscription):
    subscription.take(image())
    [(one, offered)] = subscription.told()
    markets, _ = markets_of(one, offered, set(), NOW)
    assert subscription.news_of("1.101", markets) == markets
    assert subscription.news_of("1.101", markets) == []
    subscription.confirm()
    assert [one.market_id for one, _ in subscription.told()] == ["1.101"]
    assert subscription.news_of("1.101", markets) == markets


def test_a_line_that_was_added_is_told_of_the_book_there_is():
    [some] = followed(a_catalogue("1.101", "ASIAN_HANDICAP", ASIAN[:2]))
    [all_lines] = followed(a_catalogue("1.101", "ASIAN_HANDICAP", ASIAN))
    subscription = Subscription([some])
    subscription.take(image())
    subscription.told()
    subscription.learn([some])
    assert subscription.told() == []
    subscription.learn([all_lines])
    assert [one for one, _ in subscription.told()] == [all_lines]


def test_a_message_is_as_old_as_it_says_and_never_of_the_future():
    assert published_at(mcm(pt=1_000), NOW) == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert published_at(mcm(pt=4_000_000_000_000), NOW) == NOW
    assert published_at(mcm(pt=0), NOW) == NOW


def anything(market_id: str, selections: Iterable[int]) -> Followed:
    """A market as if we understood it, whatever sport it is of: every runner is a winner of one."""
    keys = (SelectionKey.HOME, SelectionKey.AWAY, SelectionKey.DRAW)
    return Followed(
        market_id=market_id,
        event_id=market_id.replace(".", ""),
        sport=Sport.FOOTBALL,
        rank=0,
        answers={
            (selection, Decimal(0)): Question(MarketType.WINNER, None, key)
            for selection, key in zip(sorted(selections), keys, strict=False)
        },
    )


def listened(lines: Iterable[bytes], subscription: Subscription) -> list[Answer]:
    """What the lines of a stream say; raises ProviderUnreadable and nothing else."""
    answers: list[Answer] = []
    told: dict[str, set[Any]] = {}
    for line in lines:
        message = payloads.message(line)
        rejected = subscription.take(message) if message.op == "mcm" else []
        heard: list[Heard] = []
        for one, offered in subscription.told():
            lined = told.setdefault(one.market_id, set())
            markets, bad = markets_of(one, offered, lined, published_at(message, NOW))
            rejected += bad
            news = subscription.news_of(one.market_id, markets)
            heard.append(Heard(followed=one, markets=news, observed_at=published_at(message, NOW)))
        answers.append(
            Answer(observations=observations_of(heard, NOW, {}), rejected=tuple(rejected))
        )
    return answers


def real_lines(path: Path) -> list[bytes]:
    """The messages of a file: one, a list of them, or one a line."""
    body = path.read_bytes()
    if path.suffix == ".ndjson":
        return body.splitlines()
    told = msgspec.json.decode(body)
    return [msgspec.json.encode(one) for one in (told if isinstance(told, list) else [told])]


def everything_in(lines: Iterable[bytes]) -> list[Followed]:
    runners: dict[str, set[int]] = {}
    for line in lines:
        for change in msgspec.json.decode(line).get("mc", ()):
            found = runners.setdefault(change["id"], set())
            for one in [
                *change.get("rc", ()),
                *change.get("marketDefinition", {}).get("runners", ()),
            ]:
                found.add(int(one["id"]))
    return [anything(market_id, found) for market_id, found in runners.items()]


REAL = sorted([*RECORDINGS.glob("*/*mcm*")])


@pytest.mark.parametrize("path", REAL, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_real_message_is_read_or_spoils_its_market(path: Path):
    lines = real_lines(path)
    subscription = Subscription(everything_in(lines))
    answers = listened(lines, subscription)
    for answer in answers:
        check_sound(answer, NOW)
    codes = {rejected.code for answer in answers for rejected in answer.rejected}
    # Where the authors made text of the runners' ids.
    edited = path.stem in {"mcm_resub_delta", "mcm_sub_image", "mcm_update"}
    assert codes == ({"unreadable"} if edited else set())


def test_a_real_image_tells_its_best_prices():
    lines = real_lines(RECORDINGS / "betfairlightweight" / "streaming_mcm_SUB_IMAGE.json")
    subscription = Subscription(everything_in(lines))
    listened(lines, subscription)
    subscription.confirm()
    found = best(subscription)
    assert found[11131804] == "2.54"
    assert found[11530194] == "46"


MADE = [
    msgspec.json.encode(
        {
            "op": "mcm",
            "id": 2,
            "ct": "SUB_IMAGE",
            "initialClk": "i",
            "clk": "c",
            "heartbeatMs": 5000,
            "pt": 1_795_275_000_000,
            "mc": [
                {
                    "id": market["marketId"],
                    "img": True,
                    "marketDefinition": definition_of(market),
                    "rc": [
                        {"id": r["selectionId"], "hc": r["handicap"], "batb": [[0, 1.9, 10]]}
                        for r in market["runners"]
                    ],
                }
                for market in a_match()
            ],
        }
    ),
    msgspec.json.encode(
        {
            "op": "mcm",
            "id": 2,
            "clk": "d",
            "pt": 1_795_275_000_100,
            "mc": [price(ARSENAL, 2.2), {"id": "1.104", "con": True, "rc": [{"id": CHELSEA}]}],
        }
    ),
]


@SPOILED
@given(data=st.data())
def test_spoiled_messages_give_sound_answers_or_one_named_error(data: st.DataObject):
    first, second = data.draw(mutations_of(MADE[0])), data.draw(mutations_of(MADE[1]))
    subscription = Subscription(followed(*a_match()))
    try:
        answers = listened([MADE[0], first, second, MADE[1]], subscription)
    except ProviderUnreadable:
        return
    for answer in answers:
        check_sound(answer, NOW)
