"""From API-Football's odds, before and during a match, to markets. Pure.

Which bet asks which question stands in `bets`.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from app.providers.api_football.bets import LIVE, ORDER, PREMATCH, Asked, answer_of
from app.providers.api_football.normalize import NAME
from app.providers.api_football.payloads import (
    Bet,
    Bookmaker,
    LiveOdds,
    LiveStatus,
    PrematchOdds,
    Value,
)
from app.providers.items import UNDECODABLE, Read, Unfit, moment_of, name_of
from app.providers.provider import Answer, Rejected
from app.sports.ids import slug_of
from app.sports.market import (
    LINED,
    ODDS_MAX,
    THREE_PLACES,
    MarketStatus,
    MarketType,
    SelectionKey,
    is_line,
    is_odds,
)
from app.sports.match import Sport
from app.sports.observation import Observation, ObservedMarket, ObservedQuote

# Of /odds/live nobody says whose they are.
LIVE_BOOKMAKER = NAME
# A line beyond it is a typing error.
LINE_MAX = Decimal(99)
# What two bets may differ by that ask the same question, as a chance: the bookmaker prices them
# apart, by two or three hundredths in real bodies.
DISAGREEMENT_MAX = Decimal("0.05")

# Plain digits: what else Python takes for a number is none of theirs.
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{1,20})?\Z")

_Key = tuple[MarketType, Decimal | None]
_Offers = dict[str, Decimal | None]


class _Row(msgspec.Struct, frozen=True):
    """One value, understood; `line` is the home side's. Odds None: no offer now."""

    selection: str
    line: Decimal | None
    odds: Decimal | None
    is_main: bool


class _Aside:
    """What of one item could not be read."""

    def __init__(self, index: int) -> None:
        self.rejected: list[Rejected] = []
        self._index = index

    def put(self, error: Exception, raw: msgspec.Raw) -> None:
        """Sets a part aside, for an Unfit or a decoder's error."""
        unfit = error if isinstance(error, Unfit) else Unfit("unreadable", str(error))
        self.rejected.append(unfit.rejected(self._index, bytes(raw)))


def read_live(index: int, raw: msgspec.Raw, received_at: datetime) -> Read:
    """Returns what an item of /odds/live says of the markets we know; raises Unfit.

    Where a line of one bet stands for several, lines were rounded before they were sent: what is
    shown as 2 may be 1.75. Then nothing is believed of the bets of this match whose lines are all
    whole, however they are marked.
    """
    item = msgspec.json.decode(raw, type=LiveOdds)
    aside = _Aside(index)
    found: dict[_Key, _Offers] = {}
    bets = [(bet, LIVE[key], _rows_of(bet, LIVE[key], aside)) for key, bet in _known(item, aside)]
    may_be = [rows for _, asked, rows in bets if asked.is_rounded_sometimes]
    are_rounded = any(_is_whole(rows) and _repeats(rows) for rows in may_be)
    for bet, asked, rows in bets:
        if are_rounded and asked.is_rounded_sometimes and _is_whole(rows):
            aside.put(Unfit("ambiguous_line", f"{bet.name[:40]}: rounded lines"), bet.values)
            continue
        for line, offers in _offers_of(rows, bet, aside).items():
            _add(found, (asked.type, line), offers, aside)
    markets = tuple(
        _market(key, [ObservedQuote(LIVE_BOOKMAKER, *offer) for offer in offers.items()], item)
        for key, offers in found.items()
        if offers
    )
    return _observation(item, markets, received_at), aside.rejected


def read_prematch(index: int, raw: msgspec.Raw, received_at: datetime) -> Read:
    """Returns what an item of /odds says of the markets we know; raises Unfit.

    They go on telling odds once the match has begun; these can't be had any more: no offer.
    """
    item = msgspec.json.decode(raw, type=PrematchOdds)
    aside = _Aside(index)
    has_begun = item.fixture.timestamp is not None and item.fixture.timestamp <= int(
        received_at.timestamp()
    )
    quotes: dict[_Key, list[ObservedQuote]] = defaultdict(list)
    for name, offers_by_key in _read_bookmakers(item, aside).items():
        for key, offers in offers_by_key.items():
            quotes[key].extend(
                ObservedQuote(name, selection, None if has_begun else odds)
                for selection, odds in offers.items()
            )
    markets = tuple(_market(key, said, None) for key, said in quotes.items() if said)
    observation = _observation(item, markets, received_at)
    if observation is not None and has_begun:
        observation = msgspec.structs.replace(observation, observed_at=received_at)
    return observation, aside.rejected


def pages_as_one(answers: Sequence[Answer]) -> Answer:
    """Returns the pages of /odds about one match as one: bookmakers may go on over two of them."""
    said = [observation for answer in answers for observation in answer.observations]
    rejected = tuple(one for answer in answers for one in answer.rejected)
    if len(said) < 2:
        return Answer(observations=tuple(said), rejected=rejected)
    quotes: dict[_Key, dict[tuple[str, str], ObservedQuote]] = defaultdict(dict)
    for observation in said:
        for market in observation.markets:
            for quote in market.quotes:
                quotes[market.type, market.line].setdefault(
                    (quote.bookmaker, quote.selection), quote
                )
    markets = tuple(_market(key, tuple(one.values()), None) for key, one in quotes.items())
    whole = msgspec.structs.replace(said[0], markets=markets)
    return Answer(observations=(whole,), rejected=rejected)


def _market(key: _Key, quotes: Sequence[ObservedQuote], item: LiveOdds | None) -> ObservedMarket:
    status, reason = _status_of(item.status if item is not None else LiveStatus())
    if status is MarketStatus.OPEN and all(quote.odds is None for quote in quotes):
        status, reason = MarketStatus.SUSPENDED, "no_offer"
    return ObservedMarket(
        type=key[0], line=key[1], status=status, reason=reason, quotes=tuple(quotes)
    )


def _observation(
    item: LiveOdds | PrematchOdds,
    markets: tuple[ObservedMarket, ...],
    received_at: datetime,
) -> Observation | None:
    """Returns what was said, at their time; None when it is of nothing we know."""
    if not markets:
        return None
    return Observation(
        provider=NAME,
        external_id=str(item.fixture.id),
        sport=Sport.FOOTBALL,
        observed_at=_moment_of(item.update, received_at),
        received_at=received_at,
        markets=markets,
    )


def _moment_of(text: str | None, received_at: datetime) -> datetime:
    """Returns their time; ours without one. A clock that runs ahead must not block what follows."""
    if text is None:
        return received_at
    try:
        moment = moment_of(datetime.fromisoformat(text))
    except ValueError:
        raise Unfit("bad_time", f"update {text[:40]!r}") from None
    return min(moment, received_at)


def _status_of(status: LiveStatus) -> tuple[MarketStatus, str | None]:
    # They say "finished" before the kick-off too: such odds can't be had, and may come again.
    if status.finished:
        return MarketStatus.SUSPENDED, "not_in_play"
    if status.stopped:
        return MarketStatus.SUSPENDED, "match_stopped"
    if status.blocked:
        return MarketStatus.SUSPENDED, "blocked"
    return MarketStatus.OPEN, None


def _known(item: LiveOdds, aside: _Aside) -> list[tuple[tuple[int, str], Bet]]:
    """Returns the live bets we know, in the order in which they count."""
    found: list[tuple[tuple[int, str], Bet]] = []
    for raw in item.odds:
        bet = _bet_of(raw, aside)
        if bet is not None and (key := _key_of(bet)) in LIVE:
            found.append((key, bet))
    return sorted(found, key=lambda one: ORDER[one[0]])


def _read_bookmakers(item: PrematchOdds, aside: _Aside) -> Mapping[str, dict[_Key, _Offers]]:
    """Returns the offers of each bookmaker, by its slug."""
    read: dict[str, dict[_Key, _Offers]] = {}
    for raw in item.bookmakers:
        try:
            bookmaker = msgspec.json.decode(raw, type=Bookmaker)
            slug = slug_of(name_of(bookmaker.name, "a bookmaker"))
        except (*UNDECODABLE, Unfit) as error:
            aside.put(error, raw)
            continue
        # A name without a letter of ours leaves no slug.
        name = slug if slug != "x" else f"{NAME}-{bookmaker.id}"
        _read_bookmaker(bookmaker, read.setdefault(name, {}), aside)
    return read


def _read_bookmaker(bookmaker: Bookmaker, found: dict[_Key, _Offers], aside: _Aside) -> None:
    for raw in bookmaker.bets:
        bet = _bet_of(raw, aside)
        asked = PREMATCH.get(_key_of(bet)) if bet is not None else None
        if bet is None or asked is None:
            continue
        rows = _rows_of(bet, asked, aside, is_live=False)
        for line, offers in _offers_of(rows, bet, aside).items():
            _add(found, (asked.type, line), offers, aside)


def _bet_of(raw: msgspec.Raw, aside: _Aside) -> Bet | None:
    try:
        return msgspec.json.decode(raw, type=Bet)
    except UNDECODABLE as error:
        aside.put(error, raw)
        return None


def _key_of(bet: Bet) -> tuple[int, str]:
    return bet.id, bet.name.strip().lower()


def _rows_of(bet: Bet, asked: Asked, aside: _Aside, *, is_live: bool = True) -> list[_Row]:
    """Returns the rows of a bet that answer its question; one that can't be read is set aside."""
    try:
        values = msgspec.json.decode(bet.values, type=list[msgspec.Raw])
    except UNDECODABLE as error:
        aside.put(error, bet.values)
        return []
    rows: list[_Row] = []
    for raw in values:
        try:
            value = msgspec.json.decode(raw, type=Value)
            row = _row_of(value, asked, is_live=is_live)
        except (*UNDECODABLE, Unfit) as error:
            aside.put(error, raw)
            continue
        rows.extend([row] if row is not None else [])
    return rows


def _row_of(value: Value, asked: Asked, *, is_live: bool) -> _Row | None:
    """Returns a value as we name it; None for an answer we don't have. Raises Unfit."""
    answer = answer_of(asked.type, str(value.value))
    if answer is None:
        return None
    selection, rest = answer
    line = asked.line
    if asked.type in LINED and line is None:
        line = _line_of(value.handicap if is_live else rest)
        # Live, the home side has its own and the others the other way round; before a match all
        # are told with that of the home side.
        if is_live and selection in (SelectionKey.AWAY, SelectionKey.DRAW):
            line = -line
        line += 0  # Of -0 it makes 0.
        if not is_line(asked.type, line):
            return None  # A three-way handicap of nothing is the winner.
    elif rest:
        return None
    odds = None if value.suspended else _odds_of(value.odd)
    return _Row(selection, line, odds, value.main is True)


def _line_of(told: str | float | None) -> Decimal:
    """Returns a line, in quarters; raises Unfit (`bad_line`)."""
    line = _number(told)
    if line is None or abs(line) > LINE_MAX or line * 4 % 1:
        raise Unfit("bad_line", f"line {str(told)[:40]!r}")
    # Without zeros at the end, and never as 1E+1.
    return line.quantize(Decimal(1)) if not line % 1 else line.normalize()


def _odds_of(odd: str | float) -> Decimal | None:
    """Returns odds; None when that is no offer, as "0". Raises Unfit (`bad_odds`)."""
    odds = _number(odd)
    if odds is None:
        raise Unfit("bad_odds", f"odds {str(odd)[:40]!r}")
    if not 0 < odds <= ODDS_MAX:
        return None
    odds = odds.quantize(THREE_PLACES)
    return odds if is_odds(odds) else None


def _number(told: str | float | None) -> Decimal | None:
    text = str(told).strip()
    return Decimal(text) if _NUMBER.match(text) else None


def _offers_of(rows: Sequence[_Row], bet: Bet, aside: _Aside) -> Mapping[Decimal | None, _Offers]:
    """Returns the offers by line, without those lines of which more than one thing is said.

    Of several rows alike the one marked as `main` is meant, if it is the only one.
    """
    chosen = {key: _meant(same) for key, same in _alike(rows).items()}
    doubtful = {line for (line, _), row in chosen.items() if row is None}
    offers: dict[Decimal | None, _Offers] = defaultdict(dict)
    for (line, selection), row in chosen.items():
        if row is not None and line not in doubtful:
            offers[line][selection] = row.odds
    for line in doubtful:
        text = f"{bet.name[:40]}: different odds for {_shown(line)}"
        aside.put(Unfit("ambiguous_line", text), bet.values)
    return offers


def _alike(rows: Sequence[_Row]) -> Mapping[tuple[Decimal | None, str], list[_Row]]:
    alike: dict[tuple[Decimal | None, str], list[_Row]] = defaultdict(list)
    for row in rows:
        alike[row.line, row.selection].append(row)
    return alike


def _meant(same: Sequence[_Row]) -> _Row | None:
    """Returns the one row that counts of several alike; None when that can't be said."""
    if len({row.odds for row in same}) == 1:
        return same[0]
    main = [row for row in same if row.is_main]
    return main[0] if len(main) == 1 else None


def _repeats(rows: Sequence[_Row]) -> bool:
    return any(len({row.odds for row in same}) > 1 for same in _alike(rows).values())


def _is_whole(rows: Sequence[_Row]) -> bool:
    lines = [row.line for row in rows if row.line is not None]
    return bool(lines) and not any(line % 1 for line in lines)


def _shown(line: Decimal | None) -> str:
    return "one answer" if line is None else f"line {line:f}"


def _add(found: dict[_Key, _Offers], key: _Key, offers: _Offers, aside: _Aside) -> None:
    """Adds the offers of one bet; where another spoke of the same before, that one counts.

    Two that are far apart speak of two lines under one number: then neither is believed.
    """
    known = found.setdefault(key, offers)
    if any(_disagree(known.get(selection), odds) for selection, odds in offers.items()):
        found[key] = {}
        text = f"two bets are far apart on {key[0]}, {_shown(key[1])}"
        aside.put(Unfit("ambiguous_line", text), msgspec.Raw(b""))


def _disagree(one: Decimal | None, other: Decimal | None) -> bool:
    return one is not None and other is not None and abs(1 / one - 1 / other) > DISAGREEMENT_MAX
