"""A league's table, as one provider tells it."""

import msgspec

from app.sports.ids import ProviderName
from app.sports.match import Sport
from app.sports.observation import ObservedLeague, ObservedParticipant


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `group` tells the tables of a league apart that has several.

    `form` is the last results, the latest at the end: W, D, L. `description` is what the place
    leads to, in the provider's words.
    """

    rank: int
    participant: ObservedParticipant
    group: str | None = None
    points: int
    played: int
    won: int
    drawn: int
    lost: int
    scored: int
    conceded: int
    form: str | None = None
    description: str | None = None


class Standings(msgspec.Struct, frozen=True, kw_only=True):
    """All rows of a league's season, group after group, in order."""

    provider: ProviderName
    sport: Sport
    league: ObservedLeague
    rows: tuple[Standing, ...]
