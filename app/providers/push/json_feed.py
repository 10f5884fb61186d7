"""Pushed observations as JSON: `{"observations": [item, ...]}`, item by item."""

from datetime import datetime

import msgspec

from app.providers.items import UNDECODABLE, Unfit
from app.providers.provider import Answer, ProviderUnreadable, Rejected
from app.providers.push.pushed import (
    ITEM_BYTES_MAX,
    ITEMS_MAX,
    PushedItem,
    observation_of,
)
from app.sports.observation import Observation

# Postgres keeps no NUL in texts; this spelling of it is JSON's only one.
_NUL = b"\\u0000"


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body; its items are read one by one."""

    observations: tuple[msgspec.Raw, ...]


_BODY = msgspec.json.Decoder(Body)
_ITEM = msgspec.json.Decoder(PushedItem)


def read(body: bytes, provider: str, received_at: datetime) -> Answer:
    """Returns what a body says; raises ProviderUnreadable when it is none of ours at all."""
    try:
        items = _BODY.decode(body).observations
    except UNDECODABLE as error:
        raise ProviderUnreadable(str(error), raw=body) from None
    if len(items) > ITEMS_MAX:
        raise ProviderUnreadable(f"more than {ITEMS_MAX} observations", raw=body)
    observations: list[Observation] = []
    refused: list[Rejected] = []
    for index, item in enumerate(items):
        raw = bytes(item)
        try:
            observations.append(observation_of(_item(raw), provider, received_at))
        except Unfit as error:
            refused.append(error.rejected(index, raw))
    return Answer(observations=tuple(observations), rejected=tuple(refused))


def is_body(raw: bytes) -> bool:
    """Says whether something kept is a whole body, not an item of one."""
    try:
        _BODY.decode(raw)
    except UNDECODABLE:
        return False
    return True


def wrapped(item: bytes) -> bytes:
    """Returns a body with one item, as it was kept when it was refused."""
    return b'{"observations":[' + item + b"]}"


def _item(raw: bytes) -> PushedItem:
    if len(raw) > ITEM_BYTES_MAX:
        raise Unfit("too_large", f"more than {ITEM_BYTES_MAX} bytes")
    if _NUL in raw:
        raise Unfit("unreadable", "there is a NUL in it")
    try:
        return _ITEM.decode(raw)
    except UNDECODABLE as error:
        raise Unfit("unreadable", str(error)) from None
