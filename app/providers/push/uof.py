"""Messages in the manner of Sportradar's Unified Odds Feed (UOF).

A message names its match by their id alone, and neither its sport nor the markets a stop is for,
so it is read against what we hold of the match. What they send first, by their API, is the
fixture; pushed as it is, it tells us which match the id means.

Settling comes from us: what they have settled or cancelled is closed here, with the reason, which
says what each outcome came to in their eyes.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import Element

import msgspec

from app.providers.items import Unfit
from app.providers.provider import Answer, ProviderUnreadable
from app.providers.push import uof_markets
from app.providers.push.pushed import held_line, held_odds, moment
from app.providers.push.safe_xml import text_of
from app.providers.push.uof_markets import STATUSES, Meaning, line_of, meaning_of
from app.providers.push.uof_score import score_of, whole
from app.sports.market import MarketStatus, MarketType
from app.sports.match import MatchStatus, Score, Sport
from app.sports.observation import (
    Observation,
    ObservedLeague,
    ObservedMarket,
    ObservedMatch,
    ObservedParticipant,
    ObservedQuote,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# `change_type` of a fixture_change that is a message of its own; of others the fixture tells.
_CANCELLED = 3
_SPORTS = {
    "sr:sport:1": Sport.FOOTBALL,
    "sr:sport:2": Sport.BASKETBALL,
    "sr:sport:4": Sport.HOCKEY,
    "sr:sport:5": Sport.TENNIS,
}
_ID_LENGTH_MAX = 200

Question = tuple[MarketType, Decimal | None]


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What we hold of a match a message names: its sport, and the questions asked on it."""

    sport: Sport
    questions: tuple[Question, ...] = ()


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One message: from whom, of which match, when."""

    root: Element
    provider: str
    external_id: str
    held: Held
    received_at: datetime


def match_named(root: Element) -> str | None:
    """Returns the id of the match that a message needs us to know; None when it needs none."""
    return root.get("event_id") if root.tag in _READERS else None


def read(root: Element, provider: str, held: Mapping[str, Held], received_at: datetime) -> Answer:
    """Returns what a message says; raises ProviderUnreadable when it is none."""
    if root.tag in _ALONE:
        # That it came says that the feed is alive; there is nothing else in it for us.
        return Answer()
    try:
        if root.tag == "fixtures_fixture":
            return Answer(observations=(_fixture(root, provider, received_at),))
        heard = _heard(root, provider, held, received_at)
        said = _READERS[root.tag](heard)
    except Unfit as error:
        return Answer(rejected=(error.rejected(0, text_of(root)),))
    return Answer(observations=() if said is None else (said,))


def _heard(root: Element, provider: str, held: Mapping[str, Held], received_at: datetime) -> Heard:
    external_id = root.get("event_id", "")
    if root.tag not in _READERS:
        raise ProviderUnreadable(f"<{root.tag}> is no message", raw=text_of(root))
    if not 0 < len(external_id) <= _ID_LENGTH_MAX:
        raise Unfit("unreadable", "event_id is missing")
    known = held.get(external_id)
    if known is None:
        raise Unfit("unknown_match", f"nothing is known of {external_id}")
    return Heard(
        root=root,
        provider=provider,
        external_id=external_id,
        held=known,
        received_at=received_at,
    )


def _odds_change(heard: Heard) -> Observation:
    told = heard.root.find("sport_event_status")
    odds = heard.root.find("odds")
    score = None if told is None else score_of(told, heard.held.sport)
    if odds is None:
        return _observation(heard, score=score)
    why = uof_markets.reason_of(whole(odds, "betstop_reason", 0))
    found: dict[Question, ObservedMarket] = {}
    for element in odds.iterfind("market"):
        market = _market(element, heard, why)
        if market is None:
            continue
        if (market.type, market.line) in found:
            raise Unfit("ambiguous_line", f"market {element.get('id')} is told twice")
        found[market.type, market.line] = market
    return _observation(heard, score=score, markets=tuple(found.values()))


def _market(element: Element, heard: Heard, why: str | None) -> ObservedMarket | None:
    question = _question(element, heard.held.sport)
    # A market without a status is active, as their own software takes it.
    state = STATUSES.get(whole(element, "status", 1))
    if question is None or state is None:
        return None
    meaning, line = question
    status, reason = state
    if status is MarketStatus.SUSPENDED and why is not None:
        reason = why
    quotes: dict[str, ObservedQuote] = {}
    for outcome in element.iterfind("outcome"):
        key = meaning.outcomes.get(outcome.get("id", ""))
        if key is None:
            continue
        if key in quotes:
            raise Unfit("ambiguous_line", f"market {element.get('id')} has an outcome twice")
        quotes[key] = ObservedQuote(heard.provider, key, _odds(outcome))
    return ObservedMarket(
        type=meaning.type, line=line, status=status, reason=reason, quotes=tuple(quotes.values())
    )


def _odds(outcome: Element) -> Decimal | None:
    text = outcome.get("odds")
    if text is None or outcome.get("active", "1") != "1":
        return None
    try:
        return held_odds(Decimal(text))
    except InvalidOperation:
        raise Unfit("bad_odds", "odds are not a number") from None


def _question(element: Element, sport: Sport) -> tuple[Meaning, Decimal | None] | None:
    meaning = meaning_of(sport, whole(element, "id", 0))
    if meaning is None:
        return None
    try:
        line = line_of(meaning, element.get("specifiers", ""))
    except LookupError:
        return None
    return meaning, held_line(meaning.type, line)


def _bet_stop(heard: Heard) -> Observation | None:
    groups = set(heard.root.get("groups", "all").split("|"))
    stopped = heard.held.questions
    if not groups & uof_markets.GROUPS:
        if not groups & uof_markets.GROUPS_OF_PERIODS:
            return None
        stopped = tuple(q for q in stopped if q[0] is MarketType.PERIOD_WINNER)
    state = STATUSES.get(whole(heard.root, "market_status", -1))
    if state is None:
        return None
    why = uof_markets.reason_of(whole(heard.root, "betstop_reason", 0))
    status = MarketStatus.SUSPENDED if state[0] is MarketStatus.OPEN else state[0]
    reason = why or (state[1] if status is MarketStatus.CLOSED else "bet_stop")
    return _observation(heard, markets=_all_of(stopped, status, reason))


def _bet_settlement(heard: Heard) -> Observation:
    told: dict[Question, str] = {}
    for element in heard.root.iterfind("outcomes/market"):
        question = _question(element, heard.held.sport)
        if question is None:
            continue
        meaning, line = question
        results = (
            (
                meaning.outcomes[one.get("id", "")],
                one.get("result", ""),
                one.get("void_factor", "0"),
            )
            for one in element.iterfind("outcome")
            if one.get("id") in meaning.outcomes
        )
        told[meaning.type, line] = uof_markets.settled_as(results)
    # A market nobody offered here before would be born closed.
    markets = tuple(
        ObservedMarket(type=kind, line=line, status=MarketStatus.CLOSED, reason=reason)
        for (kind, line), reason in told.items()
        if (kind, line) in heard.held.questions
    )
    return _observation(heard, markets=markets)


def _rollback_bet_settlement(heard: Heard) -> Observation:
    return _named(heard, "market", MarketStatus.SUSPENDED, "settlement_rolled_back")


def _bet_cancel(heard: Heard) -> Observation | None:
    if heard.root.get("start_time") is not None or heard.root.get("end_time") is not None:
        # Bets of that time only are void; the market goes on.
        return None
    return _named(heard, "market", MarketStatus.CLOSED, "cancelled")


def _rollback_bet_cancel(heard: Heard) -> Observation | None:
    if heard.root.get("start_time") is not None or heard.root.get("end_time") is not None:
        return None
    return _named(heard, "market", MarketStatus.SUSPENDED, "cancel_rolled_back")


def _fixture_change(heard: Heard) -> Observation | None:
    if whole(heard.root, "change_type", 0) != _CANCELLED:
        return None
    return _observation(heard, score=Score(status=MatchStatus.CANCELLED))


def _named(heard: Heard, path: str, status: MarketStatus, reason: str) -> Observation:
    """Returns an observation that puts the markets a message names into one status."""
    questions = (_question(element, heard.held.sport) for element in heard.root.iterfind(path))
    named = dict.fromkeys((q[0].type, q[1]) for q in questions if q is not None)
    # A market nobody offered here before would be born closed.
    held = [question for question in named if question in heard.held.questions]
    return _observation(heard, markets=_all_of(held, status, reason))


def _all_of(
    questions: tuple[Question, ...] | list[Question], status: MarketStatus, reason: str | None
) -> tuple[ObservedMarket, ...]:
    return tuple(
        ObservedMarket(type=kind, line=line, status=status, reason=reason)
        for kind, line in questions
    )


def _observation(
    heard: Heard, *, score: Score | None = None, markets: tuple[ObservedMarket, ...] = ()
) -> Observation:
    return Observation(
        provider=heard.provider,
        external_id=heard.external_id,
        sport=heard.held.sport,
        observed_at=_observed_at(heard.root, heard.received_at),
        received_at=heard.received_at,
        score=score,
        markets=markets,
    )


def _observed_at(root: Element, received_at: datetime) -> datetime:
    told_ms = whole(root, "timestamp", -1)
    if told_ms < 0:
        raise Unfit("bad_time", "timestamp is missing")
    try:
        return moment(_EPOCH + timedelta(milliseconds=told_ms), received_at)
    except OverflowError:
        raise Unfit("bad_time", "timestamp is out of range") from None


def _fixture(root: Element, provider: str, received_at: datetime) -> Observation:
    """Returns what a fixture of their API says: who plays whom, where and when."""
    fixture = _part(root, "fixture")
    tournament = _part(fixture, "tournament")
    season = fixture.find("season")
    sport = _SPORTS.get(_part(tournament, "sport").get("id", ""))
    if sport is None:
        raise Unfit("unknown_sport", "the fixture is of a sport we do not follow")
    sides = {side.get("qualifier"): side for side in fixture.iterfind("competitors/competitor")}
    if not {"home", "away"} <= sides.keys():
        raise Unfit("unreadable", "a competitor is missing")
    category = tournament.find("category")
    description = ObservedMatch(
        league=ObservedLeague(
            external_id=_named_by(tournament, "id"),
            name=_named_by(tournament, "name"),
            country=None if category is None else _named_by(category, "name"),
            season=None if season is None else season.get("year"),
        ),
        home=_side(sides["home"]),
        away=_side(sides["away"]),
        start_time=_start(fixture),
    )
    return Observation(
        provider=provider,
        external_id=_named_by(fixture, "id"),
        sport=sport,
        match=description,
        observed_at=received_at,
        received_at=received_at,
    )


def _side(element: Element) -> ObservedParticipant:
    return ObservedParticipant(
        external_id=_named_by(element, "id"), name=_named_by(element, "name")
    )


def _part(element: Element, tag: str) -> Element:
    part = element.find(tag)
    if part is None:
        raise Unfit("unreadable", f"<{element.tag}> has no <{tag}>")
    return part


def _named_by(element: Element, attribute: str) -> str:
    text = element.get(attribute, "")
    if not 0 < len(text) <= _ID_LENGTH_MAX:
        raise Unfit("unreadable", f"<{element.tag}> has no {attribute}")
    return text


def _start(fixture: Element) -> datetime:
    text = fixture.get("start_time") or fixture.get("scheduled") or ""
    try:
        start_time = datetime.fromisoformat(text)
    except ValueError:
        raise Unfit("bad_time", "start_time is not a time") from None
    if start_time.tzinfo is None or not 1900 <= start_time.year <= 9000:
        raise Unfit("bad_time", "start_time is out of range")
    return start_time.astimezone(UTC)


_READERS: dict[str, Callable[[Heard], Observation | None]] = {
    "odds_change": _odds_change,
    "bet_stop": _bet_stop,
    "bet_settlement": _bet_settlement,
    "rollback_bet_settlement": _rollback_bet_settlement,
    "bet_cancel": _bet_cancel,
    "rollback_bet_cancel": _rollback_bet_cancel,
    "fixture_change": _fixture_change,
}
_ALONE = frozenset({"alive", "snapshot_complete"})
