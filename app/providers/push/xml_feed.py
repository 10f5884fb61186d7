"""Pushed observations as XML: the schema of `pushed`, values as attributes, parts as elements."""

from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element

import msgspec

from app.providers.items import Unfit
from app.providers.provider import Answer, ProviderUnreadable, Rejected
from app.providers.push.pushed import (
    ITEM_BYTES_MAX,
    ITEMS_MAX,
    PushedItem,
    observation_of,
)
from app.providers.push.safe_xml import text_of
from app.sports.observation import Observation

ROOT = "observations"
ITEM = "observation"
# What may be repeated, and what its parts are called.
_LISTS = {"incidents": "incident", "markets": "market"}
_REPEATED = {"score": ("period", "periods"), "market": ("quote", "quotes")}


def read(root: Element, provider: str, received_at: datetime) -> Answer:
    """Returns what a body says; raises ProviderUnreadable when it has too many items."""
    if len(root) > ITEMS_MAX:
        raise ProviderUnreadable(f"more than {ITEMS_MAX} observations", raw=text_of(root))
    observations: list[Observation] = []
    refused: list[Rejected] = []
    for index, element in enumerate(root):
        try:
            observations.append(observation_of(_item(element), provider, received_at))
        except Unfit as error:
            refused.append(error.rejected(index, text_of(element)))
    return Answer(observations=tuple(observations), rejected=tuple(refused))


def wrapped(item: Element) -> Element:
    """Returns a body with one item, as it was kept when it was refused."""
    root = Element(ROOT)
    root.append(item)
    return root


def _item(element: Element) -> PushedItem:
    if element.tag != ITEM:
        raise Unfit("unreadable", f"expected <{ITEM}>, not <{element.tag}>")
    if len(text_of(element)) > ITEM_BYTES_MAX:
        raise Unfit("too_large", f"more than {ITEM_BYTES_MAX} bytes")
    try:
        return msgspec.convert(_plain(element), PushedItem, strict=False)
    except msgspec.ValidationError as error:
        raise Unfit("unreadable", str(error)) from None


def _plain(element: Element) -> dict[str, Any]:
    """Returns an element as the object JSON would have; raises Unfit for a part told twice."""
    made: dict[str, Any] = dict(element.attrib)
    repeated, into = _REPEATED.get(element.tag, ("", ""))
    for part in element:
        if part.tag == repeated:
            made.setdefault(into, []).append(_plain(part))
            continue
        if part.tag in made:
            raise Unfit("unreadable", f"<{part.tag}> is given twice")
        made[part.tag] = _parts(part) if part.tag in _LISTS else _plain(part)
    return made


def _parts(element: Element) -> list[dict[str, Any]]:
    wanted = _LISTS[element.tag]
    for part in element:
        if part.tag != wanted:
            raise Unfit("unreadable", f"expected <{wanted}>, not <{part.tag}>")
    return [_plain(part) for part in element]
