"""An answer is read item by item: one that cannot be used takes nothing else with it."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from app.providers.items import Read, Unfit, id_of, joined, moment_of, name_of, read_items
from app.providers.provider import Rejected
from app.sports.match import MatchStatus, Score, Sport
from app.sports.observation import Observation

NOW = datetime(2026, 11, 21, 16, tzinfo=UTC)


def said(name: str, home: int = 0) -> Observation:
    return Observation(
        provider="made",
        external_id=name,
        sport=Sport.FOOTBALL,
        observed_at=NOW,
        received_at=NOW,
        score=Score(status=MatchStatus.LIVE, home=home, away=0),
    )


def read(index: int, item: msgspec.Raw) -> Read:
    """Reads a name; some have a meaning of their own."""
    match msgspec.json.decode(item, type=str):
        case "unfit":
            raise Unfit("bad_score", "no number")
        case "nothing":
            return None, ()
        case "partly":
            return said("partly"), [Rejected(index=index, code="bad_odds", message="", raw=b"x")]
        case name:
            return said(name.rstrip("!"), home=name.count("!")), ()


def items_of(*items: object) -> list[msgspec.Raw]:
    return msgspec.json.decode(msgspec.json.encode(items), type=list[msgspec.Raw])


def test_what_cannot_be_used_is_set_aside_with_its_place_and_itself():
    observations, rejected = read_items(items_of("a", 7, "unfit", "nothing", "b"), read)
    assert observations == [said("a"), said("b")]
    assert [(one.index, one.code, one.raw) for one in rejected] == [
        (1, "unreadable", b"7"),
        (2, "bad_score", b'"unfit"'),
    ]


def test_an_item_may_be_used_in_part():
    observations, rejected = read_items(items_of("a", "partly"), read)
    assert observations == [said("a"), said("partly")]
    assert [(one.index, one.code) for one in rejected] == [(1, "bad_odds")]


def test_of_a_match_told_of_twice_the_first_counts():
    observations, rejected = read_items(items_of("a", "a", "a!"), read)
    assert observations == [said("a")]
    assert [(one.index, one.code) for one in rejected] == [(2, "duplicate")]


def test_an_item_nested_without_end_is_unreadable():
    deep = b"[" * 900 + b"]" * 900
    observations, rejected = read_items([msgspec.Raw(deep), *items_of("a")], read)
    assert observations == [said("a")]
    assert [one.code for one in rejected] == ["unreadable"]


def test_of_several_answers_the_first_to_tell_of_a_match_counts():
    aside = Rejected(index=0, code="bad_odds", message="")
    answer = joined([([said("a")], [aside]), ([said("a", 3), said("b")], [aside])])
    assert answer.observations == (said("a"), said("b"))
    assert answer.rejected == (aside, aside)


@pytest.mark.parametrize("value", [None, "", "  ", "x" * 201, "a\x00b", "a\nb", 10**300])
def test_what_is_no_id_is_refused(value: str | int | None):
    with pytest.raises(Unfit, match="idEvent is no id"):
        id_of(value, "idEvent")


def test_an_id_is_text():
    assert (id_of(12, ""), id_of(" 12 ", "")) == ("12", "12")


@pytest.mark.parametrize("value", [None, "", " \u200b ", "\x00", "x" * 201])
def test_what_is_no_name_is_refused(value: str | None):
    with pytest.raises(Unfit):
        name_of(value, "")


def test_a_name_is_on_one_line_without_what_does_not_show():
    assert name_of(" Bodø\n/\u00a0Glimt\x00\u202e ", "") == "Bodø / Glimt"


def test_a_moment_is_in_utc():
    plus_two = timezone(timedelta(hours=2))
    assert moment_of(datetime(2026, 11, 21, 18, tzinfo=plus_two)) == NOW
    assert moment_of(NOW.replace(tzinfo=None)) == NOW
    assert moment_of(NOW).tzinfo is UTC


@pytest.mark.parametrize("year", [1, 1899, 2101, 9999])
def test_a_moment_outside_of_all_seasons_is_refused(year: int):
    with pytest.raises(Unfit):
        moment_of(datetime(year, 12, 31, 23, 59, tzinfo=UTC))
