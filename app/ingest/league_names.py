"""Whether two names of leagues may mean one. Pure.

Providers name leagues after sponsors, in their own language, with or without country and season:
the same name is a reason to believe, another name none to doubt. What speaks against is another
country, another division (Serie A and Serie B), women or youth on one side only.
"""

import re
from collections.abc import Mapping
from enum import IntEnum
from functools import lru_cache
from typing import Any

import msgspec
from anyascii import anyascii
from rapidfuzz.fuzz import token_set_ratio

from app.ingest.naming import NAMES_MAX, TABLE, plain_words, qualifiers_of, team_name
from app.sports.countries import country_of

# Token sets as alike as this are one name with or without a sponsor or two.
ALIKE = 85.0
TOP_DIVISION = frozenset({"1"})

_TABLE: dict[str, Any] = TABLE["leagues"]
_COUNTRIES: Mapping[str, str] = _TABLE["countries"]
_PLAIN: Mapping[str, str] = _TABLE["plain"]
_ACRONYMS: Mapping[str, str] = _TABLE["acronyms"]
# Countries as they are called; shorter words mean too much else ("car").
_COUNTRY_LENGTH = 4
_CALLED = [
    name
    for line in TABLE["names"]["countries"]
    for name in line.split(" | ")
    if len(name) >= _COUNTRY_LENGTH
]
# The longest first: Northern Ireland is not Ireland.
_COUNTRY_NAME = re.compile(
    rf"\b(?:{'|'.join(map(re.escape, sorted(_CALLED, key=len, reverse=True)))})\b"
)
_ACRONYM = re.compile(rf"\b(?:{'|'.join(_ACRONYMS)})\b")
_NEUTRAL = frozenset(TABLE["names"]["neutral"].split())
_GENERIC = frozenset(_TABLE["generic"].split())
_GROUP = re.compile(r"\b(?:group|grupo|gruppe|groupe) (?:[a-z]|\d+)\b")
_SEASON = re.compile(r"\b\d{2,4}\b")
_WORD = re.compile(r"[a-z]+|\d+")


class Agreement(IntEnum):
    """What the leagues of two matches say about whether these are one."""

    CONTRADICTS = 0
    NEUTRAL = 1
    AGREES = 2


class LeagueName(msgspec.Struct, frozen=True):
    """A league's name taken apart; `country` is None for international ones and when not told."""

    text: str
    division: frozenset[str]
    qualifiers: frozenset[str]
    country: str | None


@lru_cache(NAMES_MAX)
def league_name(name: str, country: str | None) -> LeagueName:
    """Returns a league's name taken apart."""
    plain = _GROUP.sub(" ", anyascii(name).lower())
    qualifiers = set(qualifiers_of(name)) - {"reserve"}
    for kind in ("women", "youth"):
        if any(re.search(rf"\b{re.escape(name)}\b", plain) for name in _TABLE[kind]):
            qualifiers.add(kind)
    words: list[str] = []
    division: set[str] = set()
    told = _country(country)
    plain = _ACRONYM.sub(lambda found: _ACRONYMS[found.group()], plain)
    for called in _COUNTRY_NAME.findall(plain):
        told = told or _country(called)
    plain = _COUNTRY_NAME.sub(" ", plain)
    for word in _WORD.findall(_SEASON.sub(" ", plain.replace("'", ""))):
        if word in _COUNTRIES:
            told = told or _country(_COUNTRIES[word])
            continue
        said = _PLAIN.get(word, word)
        if said.isdigit():
            division.add(said)
        else:
            words += said.split()
    said_country = {w for w in words if told is not None and w in told.split()}
    rest = [word for word in words if word not in said_country] or words
    return LeagueName(
        " ".join(rest), frozenset(division - TOP_DIVISION), frozenset(qualifiers), told
    )


@lru_cache(NAMES_MAX)
def _country(country: str | None) -> str | None:
    if not country or "-".join(plain_words(country)) in _NEUTRAL:
        return None
    if len(country) == 2 and country.isupper():
        return _country(country_of(country))
    named = team_name(country)
    return f"#{named.club}" if named.club is not None else " ".join(named.words)


def same_country(one: LeagueName, other: LeagueName) -> bool | None:
    """Says whether two leagues are of one country; None when it is not told of both."""
    if one.country is None or other.country is None:
        return None
    return one.country == other.country


def are_alike(one: LeagueName, other: LeagueName) -> bool:
    """Says whether the names alone may be one league's."""
    return (
        one.qualifiers == other.qualifiers
        and one.division == other.division
        and _same_words(one, other)
    )


def _same_words(one: LeagueName, other: LeagueName) -> bool:
    """Says whether the words may be one league's: what only says "an open" is not every open."""
    if one.text == other.text:
        return True
    if any(_GENERIC.issuperset(name.text.split()) for name in (one, other)):
        return bool(same_country(one, other)) and _score(one, other) >= ALIKE
    return _score(one, other) >= ALIKE


def _score(one: LeagueName, other: LeagueName) -> float:
    return token_set_ratio(one.text, other.text)


def agreement(one: LeagueName, other: LeagueName) -> Agreement:
    """Returns what two leagues say about whether a match of each may be one match.

    Women's and youth leagues are the caller's to tell apart: their teams' names may say it instead.
    """
    if same_country(one, other) is False:
        return Agreement.CONTRADICTS
    alike = _same_words(one, other)
    if alike and one.division != other.division:
        return Agreement.CONTRADICTS
    if alike or same_country(one, other):
        return Agreement.AGREES
    return Agreement.NEUTRAL
