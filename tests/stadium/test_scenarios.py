"""Scenarios: those that come along, and files of one's own."""

from pathlib import Path

import pytest

from app.stadium.faults import FaultKind
from app.stadium.quotas import Limit
from app.stadium.scenarios import FILE_BYTES_MAX, QUOTAS, ScenarioRefused, load, names
from tests.stadium.grounds import Clock, asking, ground


@pytest.mark.parametrize("name", names())
def test_those_that_come_along_can_be_read_and_say_what_they_are_about(name: str) -> None:
    assert load(name).about


def test_a_calm_day_has_no_faults_and_the_usual_quotas() -> None:
    calm = load("calm")
    assert calm.faults == ()
    assert calm.limits_of("api-football") == QUOTAS["api-football"]


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    toml = tmp_path / "mine.toml"
    toml.write_text(
        'names = "hard"\n[lags]\nbetfair = 3.5\n'
        '[quotas]\nodds-api = [{window = "month", most = 500}]\n'
        '[[faults]]\nprovider = "betfair"\nkind = "stale"\nfrom_s = 60\n'
    )
    json = tmp_path / "mine.json"
    json.write_text(
        '{"names": "hard", "lags": {"betfair": 3.5},'
        ' "quotas": {"odds-api": [{"window": "month", "most": 500}]},'
        ' "faults": [{"provider": "betfair", "kind": "stale", "from_s": 60}]}'
    )
    read = load(str(toml))
    assert read == load(str(json))
    assert read.faults[0].kind is FaultKind.STALE
    assert read.limits_of("odds-api") == (Limit(window="month", most=500),)


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "more = 1",
        "[lags]\nnobody = 1.0",
        "[lags]\nbetfair = 1e9",
        '[[faults]]\nprovider = "betfair"\nkind = "rain"',
        '[quotas]\nbetfair = [{window = "year", most = 1}]',
        "# " + "x" * FILE_BYTES_MAX,
    ],
)
def test_what_is_no_scenario_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(ScenarioRefused, match=r"bad\.toml"):
        load(str(file))


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ScenarioRefused, match="calm, outage"):
        load("nothing-like-it")


async def test_a_lag_of_the_scenario_is_the_providers() -> None:
    async with asking(ground(now=Clock())) as client:
        health = (await client.get("/health")).json()
    assert health["status"] == "ok"
    assert load("quarrel").lags == {"thesportsdb": 180.0}
