"""One body of a feed that calls us, whatever it is written in."""

from collections.abc import Mapping
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

import msgspec

from app.providers.provider import Answer, ProviderUnreadable
from app.providers.push import json_feed, uof, xml_feed
from app.providers.push.safe_xml import parse
from app.providers.push.uof import Held
from app.sports.ids import ProviderName

JSON_TYPES = frozenset({"application/json"})
XML_TYPES = frozenset({"application/xml", "text/xml"})
NOTHING_HELD: Mapping[str, Held] = {}


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A body as far as it can be read by itself; `root` None: it is JSON.

    `needs` names the match it has to be read against, by the sender's id.
    """

    body: bytes
    root: Element | None = None
    needs: str | None = None


class Feed:
    """A feed by its name; a `PushFeed`."""

    def __init__(self, name: ProviderName) -> None:
        self.name = name

    def read(
        self, body: bytes, media_type: str, *, held: Mapping[str, Held] = NOTHING_HELD
    ) -> Answer:
        """Returns what a body says, item by item; raises ProviderUnreadable when it is none."""
        return read(open_body(body, media_type), self.name, held, datetime.now(UTC))


def open_body(body: bytes, media_type: str) -> Opened:
    """Returns a body ready to be read; raises ProviderUnreadable."""
    kind = media_type.partition(";")[0].strip().lower()
    if kind in JSON_TYPES:
        return Opened(body=body)
    if kind not in XML_TYPES:
        raise ProviderUnreadable("is neither JSON nor XML", raw=body)
    root = parse(body)
    return Opened(body=body, root=root, needs=uof.match_named(root))


def reopened(raw: bytes) -> Opened:
    """Returns what was kept of a refused item or body, ready to be read again.

    Raises ProviderUnreadable.
    """
    if not raw.lstrip().startswith(b"<"):
        return Opened(body=raw if json_feed.is_body(raw) else json_feed.wrapped(raw))
    opened = open_body(raw, "application/xml")
    if opened.root is not None and opened.root.tag == xml_feed.ITEM:
        return Opened(body=raw, root=xml_feed.wrapped(opened.root))
    return opened


def read(opened: Opened, provider: str, held: Mapping[str, Held], received_at: datetime) -> Answer:
    """Returns what a body says, item by item; raises ProviderUnreadable when it is none."""
    if opened.root is None:
        return json_feed.read(opened.body, provider, received_at)
    if opened.root.tag == xml_feed.ROOT:
        return xml_feed.read(opened.root, provider, received_at)
    return uof.read(opened.root, provider, held, received_at)
