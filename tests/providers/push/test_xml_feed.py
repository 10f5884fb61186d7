"""Pushed XML: the same as JSON, and safe against those who write XML for harm."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.providers.provider import Answer, ProviderUnreadable, PushFeed
from app.providers.push.feed import Feed, read, reopened
from app.providers.push.pushed import ITEMS_MAX
from app.providers.push.safe_xml import ELEMENTS_MAX, TEXT_LENGTH_MAX, parse
from tests.providers.mutated import mutations_of
from tests.providers.push.bodies import a_body, a_quote, an_item

FEED: PushFeed = Feed("told")
ITEM = """
<observation observedAt="2025-11-22T15:20:00Z">
  <match ref="m-1" sport="football">
    <description startTime="2025-11-22T15:00:00Z">
      <league ref="wc" name="World Cup"/>
      <home ref="m-1-h" name="Home m-1"/>
      <away ref="m-1-a" name="Away m-1"/>
    </description>
  </match>
  <score status="live" home="1" away="0" period="1st Half" clock="20'">
    <period name="1st Half" home="1" away="0"/>
  </score>
  <incidents>
    <incident type="goal" key="g1" side="home" homeScore="1" awayScore="0" player="Ø. Ødegaard"/>
  </incidents>
  <markets>
    <market type="total" line="2.5" status="open">
      <quote bookmaker="north" selection="over" odds="1.9"/>
      <quote bookmaker="north" selection="under"/>
    </market>
  </markets>
</observation>
"""
BOMB = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
<!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
<!ENTITY lol3 "&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;">
]><observations>&lol3;</observations>"""
WIDE = " ".join(f"a{n}=''" for n in range(99))
OUTSIDE = (
    """<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><observations>&x;</observations>"""
)


def read_xml(text: str | bytes) -> Answer:
    body = text.encode() if isinstance(text, str) else text
    return FEED.read(body, "application/xml")


def whole(*items: str) -> str:
    return f"<observations>{''.join(items)}</observations>"


def test_xml_says_what_json_says():
    [from_xml] = read_xml(whole(ITEM)).observations
    told = an_item(
        incidents=[
            {"type": "goal", "key": "g1", "side": "home", "homeScore": 1, "awayScore": 0,
             "player": "Ø. Ødegaard"},
        ],
        markets=[
            {"type": "total", "line": 2.5,
             "quotes": [a_quote("1.9", "over"), a_quote(None, "under")]},
        ],
    )  # fmt: skip
    told["score"]["periods"] = [{"name": "1st Half", "home": 1, "away": 0}]
    [from_json] = FEED.read(a_body(told), "application/json").observations
    assert (from_xml.match, from_xml.score) == (from_json.match, from_json.score)
    assert (from_xml.incidents, from_xml.markets) == (from_json.incidents, from_json.markets)
    assert from_xml.observed_at == from_json.observed_at


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [
        (ITEM.replace('home="1"', 'home="one"'), "unreadable"),
        (ITEM.replace('home="1"', 'home="99999999999999999999999"'), "unreadable"),
        (ITEM.replace('odds="1.9"', 'odds="0.9"'), "bad_odds"),
        (ITEM.replace("<incidents>", "<incidents><thing/>"), "unreadable"),
        (ITEM.replace("</markets>", "</markets><markets/>"), "unreadable"),
        (ITEM.replace('line="2.5"', 'typo="2.5"'), "unreadable"),
    ],
)  # fmt: skip
def test_a_bad_item_is_refused_alone_and_can_be_read_again(spoilt: str, code: str):
    answer = read_xml(whole(ITEM, spoilt, ITEM))
    assert len(answer.observations) == 2
    [refused] = answer.rejected
    assert (refused.index, refused.code) == (1, code)
    again = read(reopened(refused.raw), "told", {}, datetime.now(UTC))
    assert [one.code for one in again.rejected] == [code]


def test_what_is_no_item_is_refused_alone():
    answer = read_xml(whole(ITEM, "<observed/>"))
    assert [one.code for one in answer.rejected] == ["unreadable"]
    assert len(answer.observations) == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (BOMB, "declares a DTD"),
        (OUTSIDE, "declares a DTD"),
        ('<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><observations/>', "declares a DTD"),
        ("<!DOCTYPE observations><observations/>", "declares a DTD"),
        ("<a>" * 100_000, "nested deeper"),
        (f"<observations>{'<a/>' * (ELEMENTS_MAX + 1)}</observations>", "elements"),
        (f'<observations a="{"x" * (TEXT_LENGTH_MAX + 1)}"/>', "an attribute of more"),
        (f"<observations>{'x' * (TEXT_LENGTH_MAX + 1)}</observations>", "a text of more"),
        (f"<observations {WIDE}/>", "attributes"),
        (whole("<a/>" * (ITEMS_MAX + 1)), f"more than {ITEMS_MAX}"),
        ("", "no element"),
        ("<observations>", "no element"),
        ("<observations/><observations/>", "junk"),
        ("<observations>\0</observations>", "invalid"),
        ("<observations>&nbsp;</observations>", "undefined entity"),
        ('<?xml version="1.0" encoding="x-klingon"?><observations/>', "encoding"),
        ('<?xml version="1.0" encoding="utf-7"?><observations/>', "encoding"),
        ("<html/>", "no message"),
    ],
)  # fmt: skip
def test_what_is_no_harmless_body_is_one_named_error(body: str, says: str):
    with pytest.raises(ProviderUnreadable, match=says):
        read_xml(body)


def test_what_an_entity_holds_is_told_to_nobody():
    with pytest.raises(ProviderUnreadable) as raised:
        read_xml(OUTSIDE)
    assert "passwd" not in str(raised.value)


def test_namespaces_are_no_part_of_a_name():
    root = parse(b'<u:observations xmlns:u="urn:x"><u:a u:b="1"/></u:observations>')
    assert (root.tag, root[0].tag, root[0].attrib) == ("observations", "a", {"b": "1"})


@settings(max_examples=300, deadline=None)
@given(body=mutations_of(whole(ITEM, ITEM).encode()))
def test_whatever_is_sent_ends_as_an_answer_or_one_named_error(body: bytes):
    try:
        answer = read_xml(body)
    except ProviderUnreadable:
        return
    for said in answer.observations:
        assert said.observed_at <= said.received_at


@settings(max_examples=100, deadline=None)
@given(body=st.text(alphabet="<>/ab=\"'&;![]?- \n", max_size=60))
def test_anything_like_xml_ends_as_one_named_error(body: str):
    with pytest.raises(ProviderUnreadable):
        read_xml(body)
