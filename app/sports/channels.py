"""Channels: the names under which matches are followed, and patterns that fit many of them.

A channel names one match by where it stands: `sports.{sport}.leagues.{league}.matches.{match}`. A
pattern is a channel in which `*` stands for one whole segment, whichever, and never for several.
"""

import re

import msgspec

from app.sports.ids import number_of

ANY = "*"
# The longest there can be: a sport, a league's slug of 100, a number of 19 digits, and the words.
CHANNEL_LENGTH_MAX = 160

# A segment has no dot, so that a channel can be cut into its segments in one way only.
_NAME = r"\*|[a-z0-9][a-z0-9-]{0,99}"
_CHANNEL = re.compile(rf"sports\.({_NAME})\.leagues\.({_NAME})\.matches\.(\*|[0-9]{{1,19}})\Z")


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """Which matches: None stands for any. With all three it is the channel of one match."""

    sport: str | None = None
    league: str | None = None
    match_id: int | None = None

    @property
    def channel(self) -> str:
        """The pattern as it is written; `pattern_of` reads it back."""
        return _written(self.sport or ANY, self.league or ANY, self.match_id or ANY)

    @property
    def is_one_match(self) -> bool:
        """Whether at most one match can ever fit, because it is named."""
        return self.match_id is not None

    def fits(self, sport: str, league: str, match_id: int) -> bool:
        """Says whether the match that stands there is meant."""
        return (
            self.sport in (None, sport)
            and self.league in (None, league)
            and self.match_id in (None, match_id)
        )


def pattern_of(text: str) -> Pattern | None:
    """Returns the pattern that is written there, None when it is none."""
    found = _CHANNEL.match(text) if len(text) <= CHANNEL_LENGTH_MAX else None
    if found is None:
        return None
    sport, league, match = (None if part == ANY else part for part in found.groups())
    if match is None:
        return Pattern(sport=sport, league=league)
    match_id = number_of(match)
    return None if match_id is None else Pattern(sport=sport, league=league, match_id=match_id)


def channel_of(sport: str, league: str, match_id: int) -> str:
    """Returns the channel of one match; `league` is the league's slug."""
    return _written(sport, league, match_id)


def _written(sport: str, league: str, match: int | str) -> str:
    return f"sports.{sport}.leagues.{league}.matches.{match}"
