"""An example of every frame and message, for /schema/asyncapi.json; typed, so that none can lie."""

from decimal import Decimal
from typing import Any

import msgspec

from app.catalog.shapes import MarketShape, PeriodShape, ScoreShape, SelectionShape, SourceShape
from app.health.state import State
from app.sockets import frame_shapes as frames
from app.sockets import message_shapes as messages
from app.sockets import own_shapes as own
from app.sports.market import MarketStatus, MarketType, SelectionKey
from app.sports.match import MatchStatus, Sport

_AT = "2026-11-21T15:24:44.193Z"
_CHANNEL = "sports.football.leagues.premier-league.matches.18"
# Where a frame of match 18 stands.
_PLACE: dict[str, Any] = {"match_id": "18", "seq": 307, "resume": "8j-hocvl1t5yk", "timestamp": _AT}
_HALVES = [PeriodShape(name="1st Half", home=1, away=0)]
_SCORE = ScoreShape(
    match_id="18",
    sport="football",
    league="premier-league",
    status="live",
    home_score=1,
    away_score=0,
    period="1st Half",
    clock="24'",
    periods=_HALVES,
    confidence=Decimal(1),
    sources=[SourceShape(provider="betfair", home_score=1, away_score=0, observed_at=_AT)],
    feed=None,
    simulated=False,
    seq=307,
    resume="8j-hocvl1t5yk",
    updated_at=_AT,
    observed_at=_AT,
)
_SELECTION = SelectionShape(
    id="121",
    key="home",
    name="Arsenal",
    odds=Decimal("1.5"),
    best_odds=Decimal("1.55"),
    best_provider="betfair",
    fair_probability=Decimal("0.63"),
    status="open",
    updated_at=_AT,
)
_MARKET = MarketShape(
    id="35",
    match_id="18",
    event="Arsenal v Chelsea",
    type="winner",
    line=None,
    status="open",
    reason=None,
    version=132,
    selections=[_SELECTION],
    overround=Decimal("1.0583"),
    simulated=False,
    updated_at=_AT,
)
_GOAL = frames.IncidentTold(
    id="1156",
    ordinal=1,
    withdrawn=False,
    type="goal",
    side="home",
    period="1st Half",
    clock="23'",
    home_score=1,
    away_score=0,
    player="Saka",
    how="penalty",
)
_NOW: dict[str, Any] = {
    "home_score": 1,
    "away_score": 0,
    "period": "1st Half",
    "clock": "24'",
    "status": MatchStatus.LIVE,
    "periods": _HALVES,
    "confidence": Decimal(1),
    "updated_at": _AT,
}
_STATE = frames.MatchState(score=_SCORE, markets=[_MARKET], incidents=[_GOAL])
_CHEAPER = frames.PriceTold(
    id="121",
    key=SelectionKey.HOME,
    name="Arsenal",
    odds=Decimal("1.52"),
    best_odds=Decimal("1.55"),
    best_provider="betfair",
    fair_probability=Decimal("0.62"),
    status="open",
)
_OWN: dict[str, Any] = {"seq": 4, "resume": "4-hocvl15vvi", "timestamp": _AT}
_BET: dict[str, Any] = {"id": "812", "status": "accepted", "stake": "10.00", "odds": 1.52}
_BALANCE: dict[str, Any] = {"currency": "EUR", "available": "90.00", "held": "10.00"}

EXAMPLES: tuple[msgspec.Struct, ...] = (
    frames.Snapshot(**_PLACE, reason="start", data=_STATE),
    frames.ScoreUpdate(**_PLACE, data=frames.Believed(**_NOW)),
    frames.ScoreCorrection(
        **_PLACE,
        data=frames.Corrected(
            **_NOW,
            previous=frames.Points(home_score=2, away_score=0),
            reason="provider_correction",
        ),
    ),
    frames.Incident(**_PLACE, data=_GOAL),
    frames.OddsUpdate(
        **_PLACE,
        data=frames.PricesTold(
            market_id="35",
            version=133,
            status=MarketStatus.OPEN,
            overround=Decimal("1.0583"),
            updated_at=_AT,
            selections=[_CHEAPER],
        ),
    ),
    frames.MarketStatusChanged(
        **_PLACE,
        data=frames.MarketTold(
            market_id="35",
            type=MarketType.WINNER,
            line=None,
            version=134,
            status=MarketStatus.SUSPENDED,
            reason="goal",
            overround=None,
            updated_at=_AT,
        ),
    ),
    frames.PredictionUpdate(
        **_PLACE,
        data=frames.PredictionTold(
            home_win_prob=Decimal("0.61"),
            draw_prob=Decimal("0.24"),
            away_win_prob=Decimal("0.15"),
            confidence=Decimal("0.95"),
            expected_goals=frames.ExpectedGoalsTold(home=Decimal("1.9"), away=Decimal("0.9")),
            model=frames.ModelTold(
                name="football-club-1",
                version="football-club-1.20261121.4dabc78f",
                market_share=Decimal("0.95"),
                phase="in_play",
            ),
            minute=Decimal("23.5"),
            generated_at=_AT,
        ),
    ),
    frames.FeedStatus(
        **_PLACE,
        data=frames.FeedTold(
            status="stale",
            providers=[frames.ProviderTold(provider="betfair", state=State.BEHIND)],
            updated_at=_AT,
        ),
    ),
    frames.FeedStatus(**_PLACE, data=frames.FeedTold(state="behind", since=_AT)),
    frames.MatchMerged(**_PLACE, data=frames.MergeTold(merged_into="52")),
    frames.MatchSplit(**_PLACE, data=frames.SplitTold(provider="thesportsdb", split_off="77")),
    frames.Heartbeat(**_PLACE, data=frames.Nothing()),
    messages.Ping(),
    messages.Auth(token="eyJhbGciOi…"),  # noqa: S106 - what a token looks like.
    messages.Subscribe(channel=_CHANNEL, since={"18": "8j-hocvl1t5yk"}),
    messages.Unsubscribe(channel=_CHANNEL),
    messages.FollowEvents(),
    messages.FollowMarket(event_id="18"),
    messages.FollowBets(),
    messages.Pong(),
    messages.Error(code="malformed_message", message="The message is no JSON."),
    messages.Subscribed(channel=_CHANNEL),
    messages.Unsubscribed(channel=_CHANNEL),
    messages.Authenticated(expires_in=900),
    messages.Expiring(expires_in=30),
    messages.GoingAway(reconnect_in_ms=1480),
    messages.EventsList(
        events=[
            messages.EventListed(
                id="18",
                name="Arsenal v Chelsea",
                time=_AT,
                sport=Sport.FOOTBALL,
                league="premier-league",
                status=MatchStatus.LIVE,
            )
        ]
    ),
    messages.MarketOdds(
        market_id="35",
        event_id="18",
        market_type=MarketType.WINNER,
        line=None,
        status=MarketStatus.OPEN,
        reason=None,
        version=133,
        odds=[
            messages.PriceOffered(
                id="121",
                key=SelectionKey.HOME,
                name="Arsenal",
                odds=Decimal("1.52"),
                best_odds=Decimal("1.55"),
                best_provider="betfair",
                fair_probability=Decimal("0.62"),
                status="open",
            )
        ],
    ),
    own.OwnBets(**_OWN, reason="start", data=own.Owned(bets=[_BET], balances=[_BALANCE])),
    own.BetUpdate(**_OWN, data=_BET | {"status": "won"}),
    own.BalanceUpdate(**_OWN, data=_BALANCE),
    messages.PusherSubscribe(data=messages.PusherChannel(channel=_CHANNEL)),
    messages.PusherUnsubscribe(data=messages.PusherChannel(channel=_CHANNEL)),
    messages.PusherPing(),
    messages.PusherPong(),
    messages.PusherSignin(
        data=messages.PusherSignature(
            auth="touchline:5f3e", user_data='{"id":"7","ticket":"tk_3pQ"}'
        )
    ),
    messages.PusherSignedIn(data='{"user_data":"{\\"id\\":\\"7\\"}"}'),
    messages.PusherEstablished(data='{"socket_id":"1.2","activity_timeout":30}'),
    messages.PusherSubscribed(channel=_CHANNEL, data="{}"),
    messages.PusherRefused(
        channel="private-users.7.bets",
        data='{"type":"AuthError","error":"The signature is not of this socket and channel.",'
        '"status":401,"reason":"not_authenticated"}',
    ),
    messages.PusherError(
        data=messages.PusherFault(
            code=4001, message="No application has this key.", reason="unknown_app"
        )
    ),
    messages.PusherEvent(
        event="score_update", channel=_CHANNEL, data='{"type":"score_update","matchId":"18"}'
    ),
)
