"""From Betfair's catalogue and books to matches, markets and quotes. Pure.

A catalogue says which runner is which answer to which question; that is settled once, in `follow`,
and a book is then only looked up (`markets_of`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from app.providers.betfair.lines import (
    Answers,
    Line,
    Question,
    RunnerKey,
    both_score,
    correct_score,
    double_chance,
    either_way,
    handicaps,
    over_under,
    sides_of,
    three_way,
    three_ways,
    totals,
    two_way,
    two_ways,
)
from app.providers.betfair.payloads import Competition, Event, MarketBook, MarketCatalogue, refused
from app.providers.items import Unfit, name_of
from app.providers.provider import Rejected
from app.sports.countries import country_of
from app.sports.market import MarketStatus, MarketType, is_odds
from app.sports.match import MatchStatus, Score, Sport
from app.sports.observation import (
    Observation,
    ObservedLeague,
    ObservedMarket,
    ObservedMatch,
    ObservedParticipant,
    ObservedQuote,
)

PROVIDER = "betfair"
BOOKMAKER = "betfair-exchange"
EVENT_TYPES: dict[Sport, str] = {
    Sport.FOOTBALL: "1",
    Sport.TENNIS: "2",
    Sport.BASKETBALL: "7522",
    Sport.HOCKEY: "7524",
}
_SPORTS = {event_type: sport for sport, event_type in EVENT_TYPES.items()}
# Markets that everybody's catalogue has, and that name the sides.
WINNER_TYPES = ("MATCH_ODDS", "MONEY_LINE")
_OVER_UNDER = {f"OVER_UNDER_{n}5": over_under(Decimal(n) + Decimal("0.5")) for n in range(9)}
# What we read of each sport. The earlier in the table counts where two markets ask the same: the
# plain goal markets are older and deeper than the Asian ones. Tennis' handicaps and totals are in
# games, as ours are.
MARKETS: dict[Sport, dict[str, Line]] = {
    Sport.FOOTBALL: {
        "MATCH_ODDS": three_way,
        **_OVER_UNDER,
        "BOTH_TEAMS_TO_SCORE": both_score,
        "ASIAN_HANDICAP": handicaps,
        "ALT_TOTAL_GOALS": totals,
        "DOUBLE_CHANCE": double_chance,
        "DRAW_NO_BET": two_ways(MarketType.DRAW_NO_BET),
        "HALF_TIME": three_ways(MarketType.PERIOD_WINNER, Decimal(1)),
        "CORRECT_SCORE": correct_score,
    },
    Sport.TENNIS: {
        "MATCH_ODDS": two_way,
        "HANDICAP": handicaps,
        "COMBINED_TOTAL": totals,
        "SET_BETTING": correct_score,
    },
    Sport.BASKETBALL: {
        "MATCH_ODDS": two_way,
        "MONEY_LINE": two_way,
        "HANDICAP": handicaps,
        "COMBINED_TOTAL": totals,
    },
    Sport.HOCKEY: {
        "MONEY_LINE": two_way,
        "MATCH_ODDS": either_way,
        **_OVER_UNDER,
        "HANDICAP": handicaps,
        "COMBINED_TOTAL": totals,
    },
}
MARKET_TYPES = tuple(dict.fromkeys(kind for kinds in MARKETS.values() for kind in kinds))
# A delayed application key shows prices that are up to so old, and does not say how old.
DELAYED = timedelta(seconds=180)
# Starts outside of them are slips; the calendar's ends would break what is reckoned around them.
YEARS = range(1990, 2101)
# Ours, not theirs: a market whose last change could not be read, so that nobody knows its prices.
UNREADABLE = "UNREADABLE"
_STATUSES: dict[str, tuple[MarketStatus, str | None]] = {
    "OPEN": (MarketStatus.OPEN, None),
    "SUSPENDED": (MarketStatus.SUSPENDED, "suspended_by_exchange"),
    "INACTIVE": (MarketStatus.SUSPENDED, "not_yet_open"),
    UNREADABLE: (MarketStatus.SUSPENDED, "feed_unreadable"),
    "CLOSED": (MarketStatus.CLOSED, "closed_by_exchange"),
}


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """A market of theirs that we understand: what each runner answers. `rank`: its place in
    `MARKETS`, 0 the most telling.
    """

    market_id: str
    event_id: str
    sport: Sport
    rank: int
    answers: Answers


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """A market's book: the best back price of each runner that takes bets and has an offer."""

    status: str
    offers: Mapping[RunnerKey, Decimal]
    delayed: bool = False


def sport_of(catalogue: MarketCatalogue) -> Sport | None:
    """Returns the sport of a market, None for one that we do not follow."""
    return _SPORTS.get(catalogue.event_type.id) if catalogue.event_type else None


def match_of(catalogue: MarketCatalogue) -> ObservedMatch | None:
    """Returns who plays whom, None when this is no match; raises Unfit.

    Without a competition there is no league to put the match into: that is Unfit as well.
    """
    event = catalogue.event
    if event is None:
        raise Unfit("no_event", "a market without its event")
    sides = sides_of(event.name, catalogue.runners)
    if sides is None:
        return None
    if catalogue.competition is None:
        raise Unfit("no_league", f"{event.name}: no competition")
    return ObservedMatch(
        league=_league(catalogue.competition, event),
        home=ObservedParticipant(
            external_id=str(sides.home.selection_id),
            name=name_of(sides.home.runner_name, "a runner's name"),
        ),
        away=ObservedParticipant(
            external_id=str(sides.away.selection_id),
            name=name_of(sides.away.runner_name, "a runner's name"),
        ),
        start_time=start_of(event),
    )


def start_of(event: Event) -> datetime:
    """Returns when an event begins, in UTC; raises Unfit for a year that nobody means."""
    if event.open_date.year not in YEARS:
        raise Unfit("bad_start", f"{event.name}: {event.open_date.year}")
    return event.open_date.astimezone(UTC)


def _league(competition: Competition, event: Event) -> ObservedLeague:
    return ObservedLeague(
        external_id=competition.id,
        name=name_of(competition.name, "a competition's name"),
        country=country_of(event.country_code),
    )


def follow(catalogues: Sequence[MarketCatalogue]) -> tuple[list[Followed], list[Rejected]]:
    """Returns the markets we understand, and those that could mean two things.

    A question that two markets of one kind ask is asked by neither: nobody can say which counts.
    """
    followed: list[Followed] = []
    rejected: list[Rejected] = []
    for index, catalogue in enumerate(catalogues):
        try:
            one = _followed(catalogue)
        except Unfit as error:
            raw = msgspec.json.encode(catalogue)
            rejected.append(refused(index, error.code, str(error), raw))
            continue
        if one is not None:
            followed.append(one)
    return _undisputed(followed, rejected), rejected


def _followed(catalogue: MarketCatalogue) -> Followed | None:
    sport, event = sport_of(catalogue), catalogue.event
    if sport is None or event is None or catalogue.description is None:
        return None
    kind = catalogue.description.market_type
    line = MARKETS[sport].get(kind)
    answers = line(event.name, catalogue.runners) if line is not None else {}
    if not answers:
        return None
    return Followed(
        market_id=catalogue.market_id,
        event_id=event.id,
        sport=sport,
        rank=list(MARKETS[sport]).index(kind),
        answers=answers,
    )


def _undisputed(followed: list[Followed], rejected: list[Rejected]) -> list[Followed]:
    """Leaves every question of an event to the first market that asks it."""
    asked: dict[tuple[str, object, object], list[Followed]] = {}
    for one in followed:
        for question in dict.fromkeys((q.type, q.line) for q in one.answers.values()):
            asked.setdefault((one.event_id, *question), []).append(one)
    kept: dict[str, dict[RunnerKey, Question]] = {}
    for (_, kind, line), markets in asked.items():
        first = min(markets, key=lambda one: one.rank)
        if sum(one.rank == first.rank for one in markets) > 1:
            text = f"{kind} {line} is asked by {', '.join(one.market_id for one in markets)}"
            rejected.append(refused(0, "ambiguous_line", text, text.encode()))
            continue
        mine = {r: q for r, q in first.answers.items() if (q.type, q.line) == (kind, line)}
        kept.setdefault(first.market_id, {}).update(mine)
    return [
        msgspec.structs.replace(one, answers=kept[one.market_id])
        for one in followed
        if one.market_id in kept
    ]


def offered(book: MarketBook) -> Offered:
    """Returns what a book of the API offers; runners that take no bets offer nothing."""
    offers: dict[RunnerKey, Decimal] = {}
    for runner in book.runners:
        backs = [one.price for one in (runner.ex.available_to_back if runner.ex else ())]
        # The best comes first; a NaN would make any comparison fail.
        if runner.status == "ACTIVE" and backs and runner.handicap.is_finite():
            offers[runner.selection_id, runner.handicap] = backs[0]
    return Offered(status=book.status, offers=offers, delayed=book.is_market_data_delayed)


MarketKey = tuple[MarketType, Decimal | None]


def markets_of(
    followed: Followed, book: Offered, told: set[MarketKey], at: datetime
) -> tuple[list[ObservedMarket], list[Rejected]]:
    """Returns the markets a book speaks of, and offers that are none.

    Of a market with many lines those are left out that never had an offer: an Asian handicap has
    sixty of them. `told` remembers which had one and is added to. `at` is when the book was true.
    """
    status = _STATUSES.get(book.status)
    if status is None:
        text = f"market {followed.market_id}: status {book.status!r:.40}"
        return [], [refused(0, "unknown_status", text, text.encode())]
    rejected: list[Rejected] = []
    quotes: dict[MarketKey, list[ObservedQuote]] = {}
    quoted_at = at - DELAYED if book.delayed else None
    for runner, question in followed.answers.items():
        odds = book.offers.get(runner) if status[0] is not MarketStatus.CLOSED else None
        if odds is not None and not is_odds(odds):
            text = f"market {followed.market_id}: odds {odds!s:.40}"
            rejected.append(refused(0, "bad_odds", text, text.encode()))
            odds = None
        market = (question.type, question.line)
        if odds is not None:
            told.add(market)
        quote = ObservedQuote(BOOKMAKER, question.key, odds, quoted_at)
        quotes.setdefault(market, []).append(quote)
    markets = [
        ObservedMarket(
            type=kind, line=line, status=status[0], reason=status[1], quotes=tuple(of_market)
        )
        for (kind, line), of_market in quotes.items()
        if len(quotes) == 1 or (kind, line) in told
    ]
    return markets, rejected


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard of one market of theirs."""

    followed: Followed
    markets: Sequence[ObservedMarket]
    observed_at: datetime


def observations_of(
    heard: Iterable[Heard], received_at: datetime, matches: Mapping[str, ObservedMatch]
) -> tuple[Observation, ...]:
    """Returns one observation an event, as old as the oldest thing heard of it."""
    by_event: dict[str, list[Heard]] = {}
    for one in heard:
        if one.markets:
            by_event.setdefault(one.followed.event_id, []).append(one)
    return tuple(
        Observation(
            provider=PROVIDER,
            external_id=event_id,
            sport=of_event[0].followed.sport,
            match=matches.get(event_id),
            observed_at=min(received_at, *(one.observed_at for one in of_event)),
            received_at=received_at,
            markets=tuple(market for one in of_event for market in one.markets),
        )
        for event_id, of_event in by_event.items()
    )


def announced(
    event: Event, match: ObservedMatch, sport: Sport, received_at: datetime
) -> Observation:
    """Returns the observation of a match to come, or of one that has begun.

    Betfair tells no scores, so of a match that has begun nothing is said about its status. Raises
    Unfit.
    """
    start_time = start_of(event)
    return Observation(
        provider=PROVIDER,
        external_id=event.id,
        sport=sport,
        match=msgspec.structs.replace(match, start_time=start_time),
        observed_at=received_at,
        received_at=received_at,
        score=Score(status=MatchStatus.SCHEDULED) if start_time > received_at else None,
    )
