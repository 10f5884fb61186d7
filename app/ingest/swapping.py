"""An observation with its sides the other way round. Pure."""

from typing import Any

import msgspec

from app.sports.incidents import Incident
from app.sports.market import turned, turned_key
from app.sports.match import Score
from app.sports.observation import Observation, ObservedMarket, ObservedMatch

_OTHER = {"home": "away", "away": "home"}
# Fields of scores and incidents that say the same of the two sides.
_PAIRS = (("home", "away"), ("home_games", "away_games"))


def swapped(observation: Observation) -> Observation:
    """Returns what a provider said with home and away exchanged, in all of it.

    Score and periods, incidents, quotes, and the line of a handicap, which is added to the home
    side. Twice, it is the observation again.
    """
    changes: dict[str, Any] = {
        "match": None if observation.match is None else swapped_match(observation.match),
        "score": None if observation.score is None else swapped_score(observation.score),
        "markets": tuple(swapped_market(market) for market in observation.markets),
    }
    if observation.incidents is not None:
        changes["incidents"] = tuple(swapped_incident(one) for one in observation.incidents)
    return msgspec.structs.replace(observation, **changes)


def swapped_match(match: ObservedMatch) -> ObservedMatch:
    """Returns a match with its sides exchanged."""
    return msgspec.structs.replace(match, home=match.away, away=match.home)


def swapped_score(score: Score) -> Score:
    """Returns a score with its sides exchanged, period by period."""
    periods = tuple(
        msgspec.structs.replace(period, home=period.away, away=period.home)
        for period in score.periods
    )
    return msgspec.structs.replace(score, home=score.away, away=score.home, periods=periods)


def swapped_incident(incident: Incident) -> Incident:
    """Returns an incident of the other side, with the score after it exchanged."""
    changes: dict[str, Any] = {}
    for one, other in _PAIRS:
        if hasattr(incident, one):
            changes[one], changes[other] = getattr(incident, other), getattr(incident, one)
    if hasattr(incident, "side"):
        changes["side"] = _OTHER[getattr(incident, "side")]  # noqa: B009 - of some incidents only.
    return msgspec.structs.replace(incident, **changes)


def swapped_market(market: ObservedMarket) -> ObservedMarket:
    """Returns a market as the other side's backers see it; totals stay as they are."""
    quotes = tuple(
        msgspec.structs.replace(quote, selection=turned_key(quote.selection))
        for quote in market.quotes
    )
    kind, line = turned(market.type, market.line)
    return msgspec.structs.replace(market, type=kind, quotes=quotes, line=line)
