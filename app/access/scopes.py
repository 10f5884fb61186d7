"""Scopes: what an API key may be used for."""

from enum import StrEnum


class Scope(StrEnum):
    """One thing that credentials may be used for; each says nothing of the others.

    A log-in has them all, as far as its role goes; an API key has those it was made with; who shows
    no credentials may read.
    """

    READ = "read"
    BET = "bet"
    FEED = "feed"
    OPERATE = "operate"


EVERY_SCOPE = frozenset(Scope)
READ_ONLY = frozenset({Scope.READ})
