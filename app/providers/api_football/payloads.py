"""What API-Football v3 sends, field for field; what we never read is left out.

Lists of items stay raw until each is read for itself: one that is broken costs only itself. Ids are
positive, goals 0 to 999: what is outside is no id and no score.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

# Beyond it, JSON of others is no longer exact.
Id = Annotated[int, Meta(ge=1, le=2**53)]
Goals = Annotated[int, Meta(ge=0, le=999)]
# No match is longer: two halves, extra time, and what is added to them. Cards before the kick-off
# have minutes below zero.
Minute = Annotated[int, Meta(ge=-99, le=999)]
# Seconds since 1970; to the year 2100.
Timestamp = Annotated[int, Meta(ge=0, le=4_102_444_800)]


class Paging(msgspec.Struct, frozen=True):
    """Which page this is."""

    current: int = 1
    total: int = 1


class Envelope(msgspec.Struct, frozen=True):
    """What is around every answer. A fault of theirs may come without any of it."""

    errors: Any = None  # [] or absent: fine. Else an object of messages by kind, or a list of them.
    paging: Paging = Paging()
    response: msgspec.Raw = msgspec.Raw()  # A list; an object at status.
    bug: str | None = None  # Of the shape {time, bug, report}, which says "on our side".


class FixtureStatus(msgspec.Struct, frozen=True):
    """Where a fixture is in its life."""

    short: str  # 1H, HT, FT ...: 19 of them.
    elapsed: Minute | None = None  # The minute, stopping at 45, 90, 120.
    extra: Minute | None = None  # What is played beyond that; absent in old answers.


class Fixture(msgspec.Struct, frozen=True):
    """The fixture itself."""

    id: Id
    timestamp: Timestamp  # Kick-off.
    status: FixtureStatus


class FixtureLeague(msgspec.Struct, frozen=True):
    """Its league."""

    id: Id
    name: str
    country: str | None = None
    season: int | str | None = None  # The year it begins in.


class Team(msgspec.Struct, frozen=True):
    """A team."""

    id: Id
    name: str


class Teams(msgspec.Struct, frozen=True):
    """Both."""

    home: Team
    away: Team


class Pair(msgspec.Struct, frozen=True):
    """Goals of both sides; null when not known, or not begun."""

    home: Goals | None = None
    away: Goals | None = None


class PeriodScores(msgspec.Struct, frozen=True):
    """The score by period."""

    halftime: Pair = Pair()  # During the first half already: the score so far.
    fulltime: Pair = Pair()  # After 90 minutes.
    extratime: Pair = Pair()  # Of extra time alone.
    penalty: Pair = Pair()  # Of the shoot-out alone.


class FixtureItem(msgspec.Struct, frozen=True):
    """An item of /fixtures."""

    fixture: Fixture
    league: FixtureLeague
    teams: Teams
    goals: Pair  # The score, without a shoot-out.
    score: PeriodScores = PeriodScores()
    events: list[msgspec.Raw] | None = None  # With live and ids only, and not always.


class EventTime(msgspec.Struct, frozen=True):
    """When something occurred."""

    elapsed: Minute | None = None
    extra: Minute | None = None  # 90 and 4: in 90+4'. In a shoot-out the number of the attempt.


class EventTeam(msgspec.Struct, frozen=True):
    """Whose event it is; of an own goal, the team it counts for."""

    id: Id


class Person(msgspec.Struct, frozen=True):
    """A player; often known by name only, at first by nothing."""

    id: int | None = None
    name: str | None = None


class Event(msgspec.Struct, frozen=True):
    """An item of /fixtures/events. Without an id; the list is not in order."""

    time: EventTime
    team: EventTeam
    type: str  # Goal, Card, subst, Var.
    detail: str | None = None  # Own Goal, Missed Penalty, Second Yellow card, Substitution 2 ...
    player: Person | None = None  # Of a substitution: usually who goes off.
    assist: Person | None = None  # Of a substitution: usually who comes on.
    comments: str | None = None  # "Penalty Shootout".


class OnlyId(msgspec.Struct, frozen=True):
    """Something of which we read the id only."""

    id: Id


class LiveStatus(msgspec.Struct, frozen=True):
    """Whether the bets of a fixture can be had."""

    stopped: bool = False  # By the referee.
    blocked: bool = False  # For a moment.
    finished: bool = False  # Or not begun.


class LiveOdds(msgspec.Struct, frozen=True):
    """An item of /odds/live; it names no bookmaker."""

    fixture: OnlyId
    status: LiveStatus = LiveStatus()
    update: str | None = None  # ISO 8601 with offset.
    odds: list[msgspec.Raw] = []


class Bet(msgspec.Struct, frozen=True):
    """A market. The ids of /odds/live are others than those of /odds."""

    id: int
    name: str
    values: msgspec.Raw  # A list of Value.


class Value(msgspec.Struct, frozen=True):
    """A selection. Not unique by `value` and `handicap`."""

    value: str | int | float
    odd: str | int | float  # "0" when there is no offer.
    handicap: str | int | float | None = None  # Live only: each side's own, so home -1 is away 1.
    main: bool | None = None  # Live only: of several alike the one that is meant.
    suspended: bool = False  # Live only.


class OddsFixture(msgspec.Struct, frozen=True):
    """The match of an item of /odds."""

    id: Id
    timestamp: Timestamp | None = None  # Kick-off.


class PrematchOdds(msgspec.Struct, frozen=True):
    """An item of /odds."""

    fixture: OddsFixture
    update: str | None = None
    bookmakers: list[msgspec.Raw] = []


class Bookmaker(msgspec.Struct, frozen=True):
    """A bookmaker and its markets."""

    id: int
    name: str
    bets: list[msgspec.Raw] = []


class Requests(msgspec.Struct, frozen=True):
    """What was asked today, and what may be."""

    current: Annotated[int, Meta(ge=0)]
    limit_day: Annotated[int, Meta(ge=0)]


class Account(msgspec.Struct, frozen=True):
    """The response of /status; who the account belongs to is not read."""

    requests: Requests


class RowGoals(msgspec.Struct, frozen=True, rename={"scored": "for"}):
    """Goals in a row of a table."""

    scored: int | None = None
    against: int | None = None


class RowTotals(msgspec.Struct, frozen=True):
    """Matches in a row of a table."""

    played: int | None = None
    win: int | None = None
    draw: int | None = None
    lose: int | None = None
    goals: RowGoals = RowGoals()


class TableRow(msgspec.Struct, frozen=True, rename={"goals_diff": "goalsDiff"}):
    """A row of a table."""

    rank: Annotated[int, Meta(ge=1, le=999)]
    team: Team
    points: int
    goals_diff: int
    group: str | None = None
    form: str | None = None  # WDLWW, the latest last.
    description: str | None = None  # What the place leads to.
    all: RowTotals = RowTotals()


class TableLeague(msgspec.Struct, frozen=True):
    """A league with its tables, one a group."""

    id: Id
    name: str
    season: int | str
    country: str | None = None
    standings: list[list[TableRow]] = []


class TableItem(msgspec.Struct, frozen=True):
    """An item of /standings."""

    league: TableLeague
