"""How long an answer may be kept, by its kind, its sport, and how far its match is. Pure.

It bounds only what no change announces, as when a score was last confirmed: changes themselves are
told, and what they are about is forgotten within the nudge.
"""

import msgspec

# A match that has not begun is asked for every few minutes, one that is over hardly ever.
AHEAD_FACTOR = 10.0
OVER_FACTOR = 30.0
# Providers confirm points of these twice as often as goals of the others.
QUICK_SPORTS = frozenset({"tennis", "basketball"})
QUICK_FACTOR = 0.5
# Whatever factors say: an hour-old answer would outlive the tokens it was made under.
LIFETIME_MAX_S = 600.0
_AHEAD = frozenset({"scheduled", "postponed"})
_OVER = frozenset({"finished", "cancelled", "abandoned", "awarded"})


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of answers. `ttl_s` is of a match in play, and of what is of no one match;
    `nothing_ttl_s` is how long it is remembered that there is no such thing, by one process.
    """

    ttl_s: float
    nothing_ttl_s: float = 0.0


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it was computed. `tag` is its entity tag, "" for the one of its bytes; `sport`
    and `status` are of the match it is about, if it is about one. `is_shared` says that other
    processes may have it too.
    """

    body: bytes
    tag: str = ""
    sport: str | None = None
    status: str | None = None
    is_shared: bool = True


class _Head(msgspec.Struct, frozen=True):
    """What is looked for in an answer about a match."""

    sport: str | None = None
    status: str | None = None


_HEAD = msgspec.json.Decoder(_Head)


def made_of_match(body: bytes, tag: str = "") -> Made:
    """Returns an answer about one match, whose sport and status stand in it."""
    head = _HEAD.decode(body)
    return Made(body=body, tag=tag, sport=head.sport, status=head.status)


def lifetime_s(kind: Kind, made: Made) -> float:
    """Returns for how many seconds an answer may be kept at most."""
    if made.status in _OVER:
        factor = OVER_FACTOR
    elif made.status in _AHEAD:
        factor = AHEAD_FACTOR
    else:
        factor = QUICK_FACTOR if made.sport in QUICK_SPORTS and made.status else 1.0
    return min(kind.ttl_s * factor, max(kind.ttl_s, LIFETIME_MAX_S))
