"""Asking a provider in a test."""

from collections.abc import Sequence
from datetime import datetime

from app.providers.provider import AnyProvider, Ask, Scope, observe
from app.sports.incidents import Incident
from app.sports.match import Sport
from app.sports.observation import Observation


async def observed(provider: AnyProvider, scope: Scope, sport: Sport) -> Sequence[Observation]:
    """What it says of all matches of a sport."""
    return (await observe(provider, Ask(scope=scope, sport=sport))).observations


def start_of(said: Observation) -> datetime:
    """When the match starts; it must have been described."""
    assert said.match is not None
    return said.match.start_time


def incidents_of(said: Observation) -> tuple[Incident, ...]:
    """The incidents; they must have been told of."""
    assert said.incidents is not None
    return said.incidents
