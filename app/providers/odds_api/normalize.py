"""From The Odds API's items to observations. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from app.providers.items import (
    UNDECODABLE,
    Part,
    Read,
    Unfit,
    id_of,
    moment_of,
    name_of,
    read_items,
)
from app.providers.odds_api.offers import OddsFormat, Offer, offers_of
from app.providers.odds_api.payloads import Bookmaker, Event, Market, OddsEvent, ScoresEvent
from app.providers.odds_api.sports import SportRules, UnknownSportKey, rules_of
from app.providers.provider import Rejected
from app.sports.ids import slug_of
from app.sports.market import MarketType
from app.sports.match import MatchStatus, Score
from app.sports.observation import (
    Observation,
    ObservedLeague,
    ObservedMarket,
    ObservedMatch,
    ObservedParticipant,
    ObservedQuote,
)

NAME = "odds-api"
_EVENT = msgspec.json.Decoder(Event)
_ODDS_EVENT = msgspec.json.Decoder(OddsEvent)
_SCORES_EVENT = msgspec.json.Decoder(ScoresEvent)
_BOOKMAKER = msgspec.json.Decoder(Bookmaker)
_MARKET = msgspec.json.Decoder(Market)
_POINTS_DIGITS_MAX = 3
# A kick-off may be told minutes too late, and a match begin before it: a score told so close to it
# is one. A score told hours before is a mistake.
BEGINS_EARLY = timedelta(minutes=15)

Line = tuple[MarketType, Decimal | None]
Described = Event | OddsEvent | ScoresEvent


def read_fixtures(items: Sequence[msgspec.Raw], sport_key: str, received_at: datetime) -> Part:
    """Returns the matches that have not begun."""

    def read(_: int, item: msgspec.Raw) -> Read:
        said = _described(_EVENT.decode(item), sport_key, received_at)
        if said is None or said.match is None or said.match.start_time <= received_at:
            return None, ()
        return msgspec.structs.replace(said, score=Score(status=MatchStatus.SCHEDULED)), ()

    return read_items(items, read)


def read_scores(items: Sequence[msgspec.Raw], sport_key: str, received_at: datetime) -> Part:
    """Returns the scores."""

    def read(_: int, item: msgspec.Raw) -> Read:
        event = _SCORES_EVENT.decode(item)
        said = _described(event, sport_key, received_at)
        if said is None or said.match is None:
            return None, ()
        begun = said.match.start_time <= received_at + BEGINS_EARLY
        score = _score_of(event, said.match, begun=begun)
        told_at = _told_at(event.last_update, received_at) or received_at
        return msgspec.structs.replace(said, score=score, observed_at=told_at), ()

    return read_items(items, read)


def read_odds(
    items: Sequence[msgspec.Raw], sport_key: str, received_at: datetime, odds_format: OddsFormat
) -> Part:
    """Returns the quotes; a match nobody offers anything on says nothing."""
    rules = rules_of(sport_key)

    def read(index: int, item: msgspec.Raw) -> Read:
        event = _ODDS_EVENT.decode(item)
        said = _described(event, sport_key, received_at)
        if said is None or said.match is None:
            return None, ()
        board = _Board(index, said.match, rules, odds_format=odds_format, received_at=received_at)
        for bookmaker in event.bookmakers or ():
            board.add(bookmaker)
        markets = board.markets()
        if not markets:
            return None, board.rejected
        told_at = board.told_at or received_at
        return msgspec.structs.replace(said, markets=markets, observed_at=told_at), board.rejected

    return read_items(items, read)


class _Board:
    """What all bookmakers offer on one match, by question."""

    def __init__(
        self,
        index: int,
        match: ObservedMatch,
        rules: SportRules,
        *,
        odds_format: OddsFormat,
        received_at: datetime,
    ) -> None:
        self.rejected: list[Rejected] = []
        self.told_at: datetime | None = None
        self._index = index
        self._match = match
        self._rules = rules
        self._format: OddsFormat = odds_format
        self._received_at = received_at
        self._quotes: dict[Line, dict[str, Sequence[ObservedQuote]]] = {}
        self._contradicted: set[tuple[Line, str]] = set()

    def add(self, raw: msgspec.Raw) -> None:
        """Adds what one bookmaker offers; what cannot be read of it is set aside."""
        try:
            bookmaker = _BOOKMAKER.decode(raw)
            name = slug_of(id_of(bookmaker.key, "a bookmaker's key"))
        except (Unfit, *UNDECODABLE) as error:
            self._set_aside(error, raw)
            return
        for market in bookmaker.markets:
            try:
                self._add_market(name, _MARKET.decode(market), bookmaker.last_update)
            except (Unfit, *UNDECODABLE) as error:
                self._set_aside(error, market)

    def markets(self) -> tuple[ObservedMarket, ...]:
        """Returns the questions with the quotes of all."""
        return tuple(
            ObservedMarket(
                type=line[0],
                line=line[1],
                quotes=tuple(quote for quotes in offered.values() for quote in quotes),
            )
            for line, offered in self._quotes.items()
            if offered
        )

    def _add_market(self, bookmaker: str, market: Market, seen: datetime | None) -> None:
        told_at = _told_at(market.last_update or seen, self._received_at)
        for offer in offers_of(market, self._match, self._rules, self._format):
            self._add_offer(bookmaker, offer, told_at)

    def _add_offer(self, bookmaker: str, offer: Offer, told_at: datetime | None) -> None:
        line = (offer.type, offer.line)
        offered = self._quotes.setdefault(line, {})
        quotes = offer.quotes(bookmaker, told_at)
        known = offered.get(bookmaker)
        same = known is None or _prices(known) == _prices(quotes)
        if not same or (line, bookmaker) in self._contradicted:
            # Which of the two holds is not for us to say: neither does.
            offered.pop(bookmaker, None)
            self._contradicted.add((line, bookmaker))
            raise Unfit("ambiguous_line", f"{bookmaker} offers {offer.type} at two prices")
        offered.setdefault(bookmaker, quotes)
        if told_at is not None:
            self.told_at = max(told_at, self.told_at or told_at)

    def _set_aside(self, error: Exception, raw: msgspec.Raw) -> None:
        unfit = error if isinstance(error, Unfit) else Unfit("unreadable", str(error))
        self.rejected.append(unfit.rejected(self._index, bytes(raw)))


def _prices(quotes: Sequence[ObservedQuote]) -> dict[str, Decimal | None]:
    return {quote.selection: quote.odds for quote in quotes}


def _described(event: Described, sport_key: str, received_at: datetime) -> Observation | None:
    """Returns an observation that says who plays whom; None for another sport than was asked."""
    try:
        rules = rules_of(event.sport_key)
    except UnknownSportKey:
        return None
    if rules.sport is not rules_of(sport_key).sport:
        return None
    return Observation(
        provider=NAME,
        external_id=id_of(event.id, "id"),
        sport=rules.sport,
        match=_match_of(event),
        observed_at=received_at,
        received_at=received_at,
    )


def _match_of(event: Described) -> ObservedMatch:
    if not (event.home_team or "").strip() or not (event.away_team or "").strip():
        raise Unfit("no_sides", "the sides are not told")
    home, away = name_of(event.home_team, "home_team"), name_of(event.away_team, "away_team")
    if home == away:
        raise Unfit("same_sides", f"{home} plays itself")
    # One name may be two teams, of men and of women, in two leagues of a sport; players go from
    # tournament to tournament of a tour.
    tour, _, _ = event.sport_key.removeprefix("tennis_").partition("_")
    within = f"tennis_{tour}" if event.sport_key.startswith("tennis_") else event.sport_key
    return ObservedMatch(
        league=ObservedLeague(
            external_id=event.sport_key, name=name_of(event.sport_title, "sport_title")
        ),
        home=ObservedParticipant(external_id=id_of(f"{within}:{home}", "home_team"), name=home),
        away=ObservedParticipant(external_id=id_of(f"{within}:{away}", "away_team"), name=away),
        start_time=moment_of(event.commence_time),
    )


def _told_at(moment: datetime | None, received_at: datetime) -> datetime | None:
    """Returns a time of theirs; a clock ahead of ours counts as ours."""
    return None if moment is None else min(moment_of(moment), received_at)


def _score_of(event: ScoresEvent, match: ObservedMatch, *, begun: bool) -> Score:
    points: dict[str, int] = {}
    for side in event.scores or ():
        name = " ".join(side.name.split())
        if name not in {match.home.name, match.away.name}:
            raise Unfit("unknown_outcome", f"{name[:80]!r} is neither side")
        if points.setdefault(name, _points(side.score)) != _points(side.score):
            raise Unfit("bad_score", f"{name[:80]!r} has two scores")
    home, away = points.get(match.home.name), points.get(match.away.name)
    if (home is None) != (away is None):
        raise Unfit("bad_score", "half a score")
    if event.completed:
        if home is None:
            raise Unfit("no_score", "completed, and no score is told")
        return Score(status=MatchStatus.FINISHED, home=home, away=away)
    if begun and home is not None:
        return Score(status=MatchStatus.LIVE, home=home, away=away)
    return Score(status=MatchStatus.SCHEDULED)


def _points(score: str | int | None) -> int:
    text = "" if score is None else str(score).strip()
    if not text.isascii() or not text.isdigit() or len(text) > _POINTS_DIGITS_MAX:
        raise Unfit("bad_score", "a score that is no number of points")
    return int(text)
