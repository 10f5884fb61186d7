"""The examples of docs/feeds.md are what is accepted."""

import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from app.api.feeds import PushShape
from app.providers.push.feed import open_body, read
from app.providers.push.publication import Subject
from app.providers.push.publication import read as read_publication
from app.providers.push.uof import Held
from app.providers.push.uof_markets import MARKETS
from app.sports.match import Sport

TEXT = (Path(__file__).parents[1] / "docs" / "feeds.md").read_text()
NOW = datetime(2026, 11, 21, tzinfo=UTC)
EXAMPLE = re.compile(r"<!-- example: (\w+) -->\n```\w+\n(.*?)```", re.DOTALL)
EXAMPLES = {name: body.encode() for name, body in EXAMPLE.findall(TEXT)}


def test_there_is_an_example_of_every_form():
    assert EXAMPLES.keys() == {"json", "xml", "uof", "publication"}


@pytest.mark.parametrize(
    ("name", "media_type", "observations"),
    [("json", "application/json", 2), ("xml", "application/xml", 1), ("uof", "text/xml", 1)],
)
def test_what_is_shown_is_accepted(name: str, media_type: str, observations: int):
    opened = open_body(EXAMPLES[name], media_type)
    held = {opened.needs: Held(sport=Sport.FOOTBALL)} if opened.needs else {}
    answer = read(opened, "north", held, NOW)
    assert answer.rejected == ()
    assert len(answer.observations) == observations
    assert any(said.markets for said in answer.observations)
    assert any(said.score for said in answer.observations)


def test_json_and_xml_show_the_same_score():
    in_json, in_xml = (
        read(open_body(EXAMPLES[name], f"application/{name}"), "north", {}, NOW).observations[0]
        for name in ("json", "xml")
    )
    assert (in_json.match, in_json.score) == (in_xml.match, in_xml.score)


def test_the_published_example_is_read():
    subject = Subject(match_id=4, sport=Sport.FOOTBALL, status=None)
    assert read_publication(EXAMPLES["publication"], subject, NOW).score is not None
    [short] = re.findall(r"PUBLISH match:4 '(.*)'", TEXT)
    assert read_publication(short.encode(), subject, NOW).score is not None


def test_the_answer_that_is_shown_has_the_shape_of_answers():
    [shown] = re.findall(r'^(\{"accepted".*\})$', TEXT, re.MULTILINE)
    told = msgspec.json.decode(shown, type=PushShape)
    assert (told.accepted, told.rejected[0].index) == (2, 1)


def test_the_table_of_markets_is_the_one_of_the_program():
    [head, table] = re.findall(
        r"^\| Market of ours \|(.*)\|\n\|[-|]+\|\n((?:\|.*\n)+)", TEXT, re.MULTILINE
    )[0]
    sports = [Sport(name.strip()) for name in head.split("|")]
    columns = [line.strip("|").split("|")[1:] for line in table.splitlines()]
    shown = {
        (sport, int(n))
        for cells in columns
        for sport, cell in zip(sports, cells, strict=True)
        for n in re.findall(r"\d+", cell)
    }
    assert shown == MARKETS.keys()


def test_every_code_an_item_may_have_is_explained():
    folder = Path(__file__).parents[1] / "app"
    sources = [*folder.glob("providers/push/*.py"), folder / "ingest" / "intake.py"]
    codes: set[str] = set()
    for source in sources:
        text = source.read_text()
        codes |= set(re.findall(r'Unfit\(\s*"(\w+)"', text))
        codes |= set(re.findall(r'code="(\w+)"', text))
    explained = set(re.findall(r"`(\w+)`", TEXT))
    assert codes - explained == set()
    assert "bad_odds" in codes
