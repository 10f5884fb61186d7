"""Bodies that were kept, read again: what their adapters' normalisers make of each alone.

For the archive, which knows the address that was asked, and for dead letters, which know what for.
Betfair is not here: a book of its says nothing without the catalogue that came before it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from app.providers.api_football import normalize as api_football
from app.providers.api_football import odds as api_football_odds
from app.providers.api_football.errors import items_of as api_football_items
from app.providers.api_football.errors import opened
from app.providers.items import UNDECODABLE, read_items
from app.providers.odds_api import normalize as odds_api
from app.providers.odds_api.payloads import items_of as odds_api_items
from app.providers.odds_api.sports import UnknownSportKey, rules_of
from app.providers.provider import Answer, Scope
from app.providers.thesportsdb import normalize as thesportsdb
from app.providers.thesportsdb.payloads import rows_of
from app.sports.match import Sport


class NoReader(Exception):
    """A body cannot be read by itself; the message says why."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One body, and what is known of the question: its address, or a poll's scope and sport."""

    provider: str
    body: bytes
    received_at: datetime
    path: str = ""
    parameters: Mapping[str, str] = {}
    scope: str = ""
    sport: str = ""


class _Named(msgspec.Struct, frozen=True):
    """What API-Football says it was asked for."""

    get: str = ""


class _Keyed(msgspec.Struct, frozen=True):
    """What an item of The Odds API belongs to."""

    sport_key: str = ""


def read(kept: Kept) -> Answer:
    """Returns what a body says; raises ProviderError, NoReader."""
    reader = _READERS.get(kept.provider)
    if reader is None:
        raise NoReader(f"bodies of {kept.provider} cannot be read by themselves")
    return reader(kept)


def _api_football(kept: Kept) -> Answer:
    try:
        asked = msgspec.json.decode(kept.body, type=_Named).get
    except UNDECODABLE:
        asked = ""
    readers = {
        "fixtures": api_football.read_fixture,
        "odds/live": api_football_odds.read_live,
        "odds": api_football_odds.read_prematch,
    }
    envelope = opened(kept.body, kept.received_at)
    reader = readers.get(asked)
    if reader is None:
        raise NoReader(f"{asked or 'it'!r} is about no match")
    said, rejected = read_items(
        api_football_items(envelope, kept.body), lambda n, item: reader(n, item, kept.received_at)
    )
    return Answer(observations=tuple(said), rejected=tuple(rejected))


def _thesportsdb(kept: Kept) -> Answer:
    told = kept.parameters.get("s", "") or kept.path.rpartition("/livescore/")[2]
    by_name = {
        name.replace(" ", "_").lower(): sport for sport, name in thesportsdb.THEIR_SPORTS.items()
    }
    rows = rows_of(kept.body)
    # A look-up of one match names no sport; its row does, and a reader leaves out other sports.
    sport = by_name.get(told.lower())
    sports = [sport or Sport(kept.sport)] if sport or kept.sport else list(by_name.values())
    scope = Scope(kept.scope) if kept.scope else Scope.SCORES
    answers: list[Answer] = []
    for one in sports:
        if "/livescore/" in kept.path:
            said, rejected = thesportsdb.read_live(rows, one, kept.received_at)
        else:
            said, rejected = thesportsdb.read_rows(rows, scope, one, kept.received_at)
        answers.append(Answer(observations=tuple(said), rejected=tuple(rejected)))
    return next((answer for answer in answers if answer.observations), answers[0])


def _odds_api(kept: Kept) -> Answer:
    items = odds_api_items(kept.body)
    _, _, rest = kept.path.partition("/sports/")
    key, _, asked = rest.partition("/")
    if not key and items:
        try:
            key = msgspec.json.decode(items[0], type=_Keyed).sport_key
        except UNDECODABLE:
            raise NoReader("its first item names no sport") from None
    asked = asked or {"fixtures": "events", "markets": "odds"}.get(kept.scope, kept.scope)
    if not items:
        return Answer()
    try:
        rules_of(key)
    except UnknownSportKey as error:
        raise NoReader(str(error)) from None
    match asked:
        case "events":
            said, rejected = odds_api.read_fixtures(items, key, kept.received_at)
        case "scores":
            said, rejected = odds_api.read_scores(items, key, kept.received_at)
        case "odds":
            form = kept.parameters.get("oddsFormat", "decimal")
            said, rejected = odds_api.read_odds(
                items, key, kept.received_at, "american" if form == "american" else "decimal"
            )
        case _:
            raise NoReader(f"{asked or 'it'!r} is about no match")
    return Answer(observations=tuple(said), rejected=tuple(rejected))


_READERS: dict[str, Callable[[Kept], Answer]] = {
    api_football.NAME: _api_football,
    thesportsdb.NAME: _thesportsdb,
    odds_api.NAME: _odds_api,
}
