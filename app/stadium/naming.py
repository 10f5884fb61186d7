"""How each provider calls the same leagues, teams and players: ids and spellings of its own.

Spellings are a table of what is known and a few rules for the rest, the same on every run. Three
degrees: `same`, every provider spells as the recording does; `varied`, as providers differ on
most days (accents, prefixes, club suffixes, short forms); `hard`, initials and exonyms as well,
which nobody can match for sure without being told.
"""

import re
from hashlib import blake2b
from typing import Literal

import msgspec
from anyascii import anyascii

from app.sports.match import Sport
from app.sports.observation import ObservedLeague, ObservedParticipant

ProviderKey = Literal["api-football", "thesportsdb", "odds-api", "betfair"]
Degree = Literal["same", "varied", "hard"]

# A match's number has 14 digits, so that a year of plays at any speed shares none; there are far
# fewer teams and leagues, and they look like real ones.
MATCH_NUMBERS = 10**14
NAME_NUMBERS = 10**7

_TEAMS: dict[str, dict[str, str]] = {
    "USA": {"odds-api": "USA", "thesportsdb": "United States", "betfair": "USA"},
    "Netherlands": {"thesportsdb": "The Netherlands"},
    "Montréal Victoire": {"odds-api": "Montreal Victoire", "betfair": "Montreal Victoire"},
    "PWHL Montreal": {
        "thesportsdb": "PWHL Montréal",
        "odds-api": "Montreal",
        "betfair": "Montreal",
    },
    "CSKA Moscow": {"thesportsdb": "PBC CSKA Moscow", "betfair": "CSKA Moscow"},
    "Real Madrid": {"thesportsdb": "Real Madrid Baloncesto"},
    "Fenerbahce Beko Istanbul": {
        "thesportsdb": "Fenerbahçe Beko",
        "odds-api": "Fenerbahce Istanbul",
        "betfair": "Fenerbahce",
    },
    "Anadolu Efes Istanbul": {
        "thesportsdb": "Anadolu Efes",
        "odds-api": "Anadolu Efes Istanbul",
        "betfair": "Anadolu Efes",
    },
    "Aljaz Bedene": {"thesportsdb": "Aljaž Bedene"},
    "Borna Coric": {"thesportsdb": "Borna Ćorić"},
    "Felix Auger-Aliassime": {
        "thesportsdb": "Félix Auger-Aliassime",
        "odds-api": "Felix Auger Aliassime",
    },
    "Jan-Lennard Struff": {"odds-api": "Jan Lennard Struff"},
    "Jiri Vesely": {"thesportsdb": "Jiří Veselý"},
    "Marin Cilic": {"thesportsdb": "Marin Čilić"},
    "Novak Djokovic": {"thesportsdb": "Novak Đoković"},
    "Pablo Andujar": {"thesportsdb": "Pablo Andújar"},
}
_HARD: dict[str, dict[str, str]] = {
    "South Korea": {"thesportsdb": "Korea Republic", "api-football": "Korea Republic"},
    "Iran": {"thesportsdb": "IR Iran"},
    "Poland": {"odds-api": "Polska"},
}
_LEAGUES: dict[Sport, str] = {
    Sport.FOOTBALL: "soccer",
    Sport.BASKETBALL: "basketball",
    Sport.TENNIS: "tennis",
    Sport.HOCKEY: "icehockey",
}
# The clubs' suffix is left out where national teams play.
_NATIONS = frozenset({"World", "Europe"})
_SEASON = re.compile(r"\s+(19|20)\d\d(-\d\d)?$")
_INITIAL = re.compile(r"^(\w)[\w'-]*\s+")


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """A team or a player as a provider calls it; `number` is the provider's id."""

    number: int
    name: str


class CalledLeague(msgspec.Struct, frozen=True, kw_only=True):
    """A league as a provider calls it; `key` is its word in The Odds API's URLs."""

    number: int
    name: str
    key: str
    country: str | None
    season: str | None


def number_of(below: int, *words: str) -> int:
    """Returns an id between 1 and `below` that depends on nothing but the words given."""
    text = "\x1f".join(words).encode()
    return 1 + int.from_bytes(blake2b(text, digest_size=8).digest(), "big") % (below - 1)


def match_number(provider: ProviderKey, play: str) -> int:
    """Returns a provider's number of a play."""
    return number_of(MATCH_NUMBERS, provider, "match", play)


def match_hash(provider: ProviderKey, play: str) -> str:
    """Returns a provider's id of a play as 32 hexadecimal digits."""
    return blake2b(f"{provider}\x1f{play}".encode(), digest_size=16).hexdigest()


def call_side(
    provider: ProviderKey,
    side: ObservedParticipant,
    league: ObservedLeague,
    sport: Sport,
    *,
    degree: Degree,
) -> Called:
    """Returns a team or player with the provider's id and in its spelling."""
    number = number_of(NAME_NUMBERS, provider, "side", side.external_id)
    if degree == "same":
        return Called(number=number, name=side.name)
    name = _known(provider, side.name, hard=degree == "hard")
    if name is None:
        name = _ruled(provider, side.name, league)
    if degree == "hard" and sport is Sport.TENNIS and provider == "betfair":
        name = _INITIAL.sub(r"\1 ", name)
    return Called(number=number, name=name)


def call_league(
    provider: ProviderKey, league: ObservedLeague, sport: Sport, *, degree: Degree
) -> CalledLeague:
    """Returns a league with the provider's id and in its spelling."""
    bare = _SEASON.sub("", league.name.replace(league.season or "\0", "").strip())
    name = league.name if degree == "same" else _league_name(provider, bare, sport, league)
    return CalledLeague(
        number=number_of(NAME_NUMBERS, provider, "league", _timeless(league)),
        name=name,
        key=f"{_LEAGUES[sport]}_{_word(bare)}",
        country=league.country,
        season=league.season,
    )


def _known(provider: str, name: str, *, hard: bool) -> str | None:
    if hard and (found := _HARD.get(name, {}).get(provider)):
        return found
    return _TEAMS.get(name, {}).get(provider)


def _ruled(provider: str, name: str, league: ObservedLeague) -> str:
    match provider:
        case "odds-api":
            return anyascii(name.removeprefix("PWHL "))
        case "betfair":
            short = name.removeprefix("PWHL ").replace("Manchester ", "Man ")
            return anyascii(short.replace(" United", " Utd"))
        case "thesportsdb" if _is_club(name, league):
            return f"{name} FC"
        case _:
            return name


def _is_club(name: str, league: ObservedLeague) -> bool:
    football = league.external_id.startswith("football.")
    return football and league.country not in _NATIONS and not name.endswith(" FC")


def _league_name(provider: str, bare: str, sport: Sport, league: ObservedLeague) -> str:
    match provider:
        case "thesportsdb":
            named = {"World Cup": "FIFA World Cup", "PWHL": "Professional Womens Hockey League"}
            return named.get(bare, f"{league.country} {bare}" if sport is Sport.FOOTBALL else bare)
        case "odds-api":
            return {"World Cup": "FIFA World Cup"}.get(bare, bare)
        case "betfair":
            return {"World Cup": "FIFA World Cup", "EuroLeague Final Four": "Euroleague"}.get(
                bare, bare
            )
        case _:
            return bare


def _timeless(league: ObservedLeague) -> str:
    """Returns a league's id without its season: providers keep one id over the years."""
    season = (league.season or "").lower().replace(" ", "-")
    return league.external_id.replace(f".{season}", "", 1) if season else league.external_id


def _word(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", anyascii(name).lower()).strip("_")
