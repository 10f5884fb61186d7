"""Every frame that tells of a match, and every frame of a session, as types.

Frames are put together from text that Postgres made; nothing on their way uses these structs. They
say what a reader may count on: /schema/asyncapi.json is made from them, and tests hold what servers
really send against it. Fields may be added to a frame, so a reader leaves alone what it does not
know. Messages a client sends, and the Pusher protocol's shapes, stand in `message_shapes`.
"""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.catalog.shapes import MarketShape, PeriodShape, ScoreShape
from app.health.state import State
from app.sports.incidents import Side
from app.sports.market import AnswerKey, MarketStatus, MarketType
from app.sports.match import MatchStatus

MatchId = Annotated[str, Meta(pattern="^[0-9]{1,19}$", description="The match; ids are strings.")]
Resume = Annotated[
    str, Meta(description="The place after this frame, for `since`. Opaque: its form may change.")
]
Moment = Annotated[str, Meta(description="RFC 3339, UTC, with milliseconds.")]
Odds = Annotated[Decimal, Meta(description="Decimal odds, exact, of at most three decimals.")]
Channel = Annotated[
    str,
    Meta(description="`sports.{sport}.leagues.{league}.matches.{match}`: on /ws, which it is of."),
]


class Told(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Keys are camelCase; what is UNSET is left out."""


class Frame(Told, frozen=True, kw_only=True, tag_field="type"):
    """The envelope of all that has a place in a match's log.

    `seq` is the place after this frame, `timestamp` when the change was made; of a snapshot and a
    heartbeat, when it was sent. `conflated`: others of this match were left out, because the reader
    was slow or wished it; `seq` may then jump.
    """

    match_id: MatchId
    seq: Annotated[int, Meta(ge=0)]
    resume: Resume
    timestamp: Moment
    channel: Channel | UnsetType = UNSET
    conflated: Literal[True] | UnsetType = UNSET


class IncidentTold(Told, frozen=True, kw_only=True):
    """Something that occurred. Put it under its `id` in place of what was told of it before.

    `ordinal` is its place among the incidents of the match. What is not known is left out; which
    fields there can be depends on `type`. `homeScore` and `awayScore` are the score after it, of a
    shoot-out's attempt those of the shoot-out.
    """

    id: str
    ordinal: int
    withdrawn: bool
    type: Literal[
        "goal", "points", "card", "penalty", "substitution", "shootout_attempt", "period_started",
        "period_ended", "set_won", "retired",
    ]  # fmt: skip
    period: str | UnsetType = UNSET
    clock: str | UnsetType = UNSET
    side: Side | UnsetType = UNSET
    home_score: int | UnsetType = UNSET
    away_score: int | UnsetType = UNSET
    player: str | UnsetType = UNSET
    assist: str | UnsetType = UNSET
    how: str | UnsetType = UNSET
    points: int | UnsetType = UNSET
    colour: Literal["yellow", "second_yellow", "red"] | UnsetType = UNSET
    minutes: int | UnsetType = UNSET
    offence: str | UnsetType = UNSET
    player_on: str | UnsetType = UNSET
    player_off: str | UnsetType = UNSET
    scored: bool | UnsetType = UNSET
    home_games: int | UnsetType = UNSET
    away_games: int | UnsetType = UNSET
    tie_break_loser_points: int | UnsetType = UNSET


class ExpectedGoalsTold(Told, frozen=True, kw_only=True):
    """What each side is expected to have in the end: goals, points or sets."""

    home: Decimal
    away: Decimal


class ModelTold(Told, frozen=True, kw_only=True):
    """What made it; `marketShare` is how far the market's prices have a part, 0 for none."""

    name: str
    version: str
    market_share: Decimal
    phase: Literal["before", "in_play", "over"]


class PredictionTold(Told, frozen=True, kw_only=True):
    """What a model gives each outcome; `drawProb` is null where the sport has no draw.

    Chances add up to 1. `minute` is the match's, null before it begins and where no clock runs.
    """

    home_win_prob: Decimal
    draw_prob: Decimal | None
    away_win_prob: Decimal
    confidence: Decimal | UnsetType = UNSET
    expected_goals: ExpectedGoalsTold | UnsetType = UNSET
    model: ModelTold | UnsetType = UNSET
    minute: Decimal | UnsetType | None = UNSET
    generated_at: Moment | UnsetType = UNSET


class MatchState(Told, frozen=True, kw_only=True):
    """All of a match: the body of /api/scores, the items of /api/markets, the incidents in order,
    and the forecast.

    What a reader's `kinds` leave out is left out here too.
    """

    score: ScoreShape | UnsetType = UNSET
    markets: list[MarketShape] | UnsetType = UNSET
    incidents: list[IncidentTold] | UnsetType = UNSET
    # None until there is a first forecast.
    prediction: PredictionTold | UnsetType | None = UNSET


class Snapshot(Frame, frozen=True, kw_only=True, tag="snapshot"):
    """The whole state, true at `seq`: replace what you have. `reason` says why it is sent."""

    reason: Literal["start", "resume_expired", "slow_consumer"]
    data: MatchState


class Believed(Told, frozen=True, kw_only=True):
    """The score as it is from now on."""

    home_score: int | None
    away_score: int | None
    period: str | None
    clock: str | None
    status: MatchStatus
    periods: list[PeriodShape]
    confidence: Decimal
    updated_at: Moment


class ScoreUpdate(Frame, frozen=True, kw_only=True, tag="score_update"):
    """The score, the clock or the status changed: merge `data` into the score you have."""

    data: Believed


class Points(Told, frozen=True, kw_only=True):
    """A score without the rest."""

    home_score: int | None
    away_score: int | None


class Corrected(Believed, frozen=True, kw_only=True):
    """The score as it is from now on, what it was before, and why it went back."""

    previous: Points
    reason: str


class ScoreCorrection(Frame, frozen=True, kw_only=True, tag="score_correction"):
    """A score went back: a goal was taken away, or a provider had been wrong."""

    data: Corrected


class Incident(Frame, frozen=True, kw_only=True, tag="incident"):
    """Something occurred, is told otherwise now, or was withdrawn."""

    data: IncidentTold


class PriceTold(Told, frozen=True, kw_only=True):
    """One selection as it is now; one you do not have is new."""

    id: str
    key: AnswerKey | UnsetType = UNSET
    name: str
    odds: Odds | None
    best_odds: Odds | None
    best_provider: str | None
    fair_probability: Decimal | None
    status: str
    # In conflated frames, of a selection that changed earlier than the frame says.
    updated_at: Moment | UnsetType = UNSET


class PricesTold(Told, frozen=True, kw_only=True):
    """The selections of a market that changed; `version` grows with each change of the market."""

    market_id: str
    version: int
    status: MarketStatus
    overround: Decimal | None
    updated_at: Moment
    selections: list[PriceTold]


class OddsUpdate(Frame, frozen=True, kw_only=True, tag="odds_update"):
    """Prices changed: merge each selection into the one of that id."""

    data: PricesTold


class MarketTold(Told, frozen=True, kw_only=True):
    """A market without its selections."""

    market_id: str
    type: MarketType
    line: Decimal | None
    version: int
    status: MarketStatus
    reason: str | None
    overround: Decimal | None
    updated_at: Moment


class MarketStatusChanged(Frame, frozen=True, kw_only=True, tag="market_status"):
    """A market is new, or is open, suspended, closed or settled from now on, and why."""

    data: MarketTold


class PredictionUpdate(Frame, frozen=True, kw_only=True, tag="prediction_update"):
    """The forecast of the match changed."""

    data: PredictionTold


class ProviderTold(Told, frozen=True, kw_only=True):
    """How one provider is."""

    provider: str
    state: State


class FeedTold(Told, frozen=True, kw_only=True):
    """How those are who tell of this match: `status`, `providers` and `updatedAt`; `down` when none
    of them is left. Or how we are, and then the frame has no number of its own: `state`, `since`.
    """

    status: Literal["ok", "stale", "down"] | UnsetType = UNSET
    providers: list[ProviderTold] | UnsetType = UNSET
    updated_at: Moment | UnsetType = UNSET
    # behind: changes could not be read since then, and may be missing; current: all were sent.
    state: Literal["behind", "current"] | UnsetType = UNSET
    since: Moment | UnsetType = UNSET


class FeedStatus(Frame, frozen=True, kw_only=True, tag="feed_status"):
    """The providers of this match went stale or down, or came back. With a `state` in `data`: the
    server fell behind or caught up; as a heartbeat, the frame names the place you are at.
    """

    data: FeedTold


class MergeTold(Told, frozen=True, kw_only=True):
    """On the match that is kept `merged` names the other; on the other `mergedInto` names it."""

    merged: MatchId | UnsetType = UNSET
    merged_into: MatchId | UnsetType = UNSET


class MatchMerged(Frame, frozen=True, kw_only=True, tag="match_merged"):
    """Two matches were found to be one: read the state anew, or follow the one that is kept."""

    data: MergeTold


class SplitTold(Told, frozen=True, kw_only=True):
    """What this provider tells goes on under another match."""

    provider: str
    split_off: MatchId


class MatchSplit(Frame, frozen=True, kw_only=True, tag="match_split"):
    """One match was found to be two: read the state anew."""

    data: SplitTold


class Nothing(Told, frozen=True, kw_only=True):
    """Nothing."""


class Heartbeat(Frame, frozen=True, kw_only=True, tag="heartbeat"):
    """Nothing happened for as long as was agreed; or you came back and missed nothing."""

    data: Nothing


MATCH_FRAMES: tuple[type[Frame], ...] = (
    Snapshot,
    ScoreUpdate,
    ScoreCorrection,
    Incident,
    OddsUpdate,
    MarketStatusChanged,
    PredictionUpdate,
    FeedStatus,
    MatchMerged,
    MatchSplit,
    Heartbeat,
)
