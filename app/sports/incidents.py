"""What occurs in a match, as one tagged union; the tag is the wire's `type`.

Encoded, an incident is what the wire says of it: camelCase, `homeScore` and `awayScore` for the
score after it, and nothing for what is not known.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.sports.match import Points

Side = Literal["home", "away"]
# Names an incident within its match for its provider, so that hearing of it twice writes it once.
IncidentKey = Annotated[str, Meta(min_length=1, max_length=100)]


_ON_THE_WIRE = {"home": "homeScore", "away": "awayScore"}


def _wire_name(field: str) -> str:
    head, *rest = field.split("_")
    return _ON_THE_WIRE.get(field, head + "".join(word.capitalize() for word in rest))


class _Incident(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    rename=_wire_name,
    omit_defaults=True,
):
    key: IncidentKey
    period: str | None = None
    clock: str | None = None


class Goal(_Incident, frozen=True, kw_only=True, tag="goal"):
    """A goal in football or hockey; the score is the one after it. `side` is who it counts for."""

    side: Side
    home: Points
    away: Points
    player: str | None = None
    assist: str | None = None
    how: Literal["penalty", "own_goal", "power_play", "short_handed", "empty_net"] | None = None


class Basket(_Incident, frozen=True, kw_only=True, tag="points"):
    """Points in basketball; the score is the one after them."""

    side: Side
    home: Points
    away: Points
    points: Annotated[int, Meta(ge=1, le=4)]
    player: str | None = None


class Card(_Incident, frozen=True, kw_only=True, tag="card"):
    """A card in football."""

    side: Side
    colour: Literal["yellow", "second_yellow", "red"]
    player: str | None = None


class Penalty(_Incident, frozen=True, kw_only=True, tag="penalty"):
    """Time in the box, in hockey."""

    side: Side
    minutes: Annotated[int, Meta(ge=0, le=60)]
    player: str | None = None
    offence: str | None = None


class Substitution(_Incident, frozen=True, kw_only=True, tag="substitution"):
    """One comes on, one goes off."""

    side: Side
    player_on: str | None = None
    player_off: str | None = None


class ShootoutAttempt(_Incident, frozen=True, kw_only=True, tag="shootout_attempt"):
    """One attempt of a shoot-out; `home` and `away` count the shoot-out only."""

    side: Side
    scored: bool
    home: Points
    away: Points
    player: str | None = None


class PeriodStarted(_Incident, frozen=True, kw_only=True, tag="period_started"):
    """A half, quarter, period or set begins; `period` names it."""


class PeriodEnded(_Incident, frozen=True, kw_only=True, tag="period_ended"):
    """It ends, with the match's score at that moment."""

    home: Points
    away: Points


class SetWon(_Incident, frozen=True, kw_only=True, tag="set_won"):
    """A set of tennis: its games, and the loser's points when a tie-break decided it."""

    side: Side
    home_games: Points
    away_games: Points
    tie_break_loser_points: Points | None = None


class Retired(_Incident, frozen=True, kw_only=True, tag="retired"):
    """A side gives up, or does not turn up ("walkover")."""

    side: Side
    how: Literal["retired", "walkover", "default"]


Incident = (
    Goal | Basket | Card | Penalty | Substitution | ShootoutAttempt | PeriodStarted | PeriodEnded
    | SetWon | Retired
)  # fmt: skip
