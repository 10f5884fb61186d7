"""Names of things: ours and theirs."""

import re
from typing import Annotated, NewType

from msgspec import Meta

MatchId = NewType("MatchId", int)
LeagueId = NewType("LeagueId", int)
ParticipantId = NewType("ParticipantId", int)
MarketId = NewType("MarketId", int)
SelectionId = NewType("SelectionId", int)
UserId = NewType("UserId", int)

# Ours go over the wire as opaque strings; inside they are Postgres' bigint.
ID_MAX = 2**63 - 1
WIRE_ID_LENGTH_MAX = 100
_WIRE_ID = re.compile(r"[A-Za-z0-9_.-]{1,100}\Z")

# A provider's own name of a thing; whatever it is made of, it is theirs.
ExternalId = Annotated[str, Meta(min_length=1, max_length=200)]
ProviderName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


def is_wire_id(text: str) -> bool:
    """Says whether `text` may be an id at all: 1 to 100 of the characters A-Z a-z 0-9 _ . -"""
    return _WIRE_ID.match(text) is not None


def number_of(text: str) -> int | None:
    """Returns our number behind a well-formed wire id, None when no thing of ours can have it."""
    if not text.isascii() or not text.isdigit() or len(text) > 19 or text[0] == "0":
        return None
    number = int(text)
    return number if number <= ID_MAX else None


def slug_of(name: str) -> str:
    """Returns a name in lower-case ASCII words joined by hyphens; 'x' when nothing is left."""
    plain = name.translate(_TRANSLITERATED).lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80] or "x"


_TRANSLITERATED = str.maketrans(
    {
        **dict.fromkeys("ÀÁÂÃÅĀàáâãåā", "a"), **dict.fromkeys("ÈÉÊËĒĚèéêëēěę", "e"),
        **dict.fromkeys("ÌÍÎÏìíîïı", "i"), **dict.fromkeys("ÒÓÔÕŌòóôõō", "o"),
        **dict.fromkeys("ÙÚÛŪùúûūů", "u"), **dict.fromkeys("ÝýÿŸ", "y"),
        **dict.fromkeys("ÇĆČçćč", "c"), **dict.fromkeys("ÑŃŇñńň", "n"),
        **dict.fromkeys("ŠŚşŞšś", "s"), **dict.fromkeys("ŽŹŻžźż", "z"),
        **dict.fromkeys("ŘřŔŕ", "r"), **dict.fromkeys("ŁłĽľ", "l"), **dict.fromkeys("ĎďĐđ", "d"),
        **dict.fromkeys("Ťť", "t"), **dict.fromkeys("Ğğ", "g"),
        "Ä": "ae", "ä": "ae", "Ö": "oe", "ö": "oe", "Ü": "ue", "ü": "ue", "ß": "ss",
        "Ø": "o", "ø": "o", "Æ": "ae", "æ": "ae", "Œ": "oe", "œ": "oe", "&": " and ", "'": "",
    }
)  # fmt: skip
