"""What a league's name says of how its matches are played. Pure, without numpy.

No provider tells it of a match. Where nothing is known, a match is one at home, on an unknown
surface, best of three.
"""

import re
from typing import Literal

from app.history.result import Surface
from app.predictions.parameters import NationParameters, Parameters
from app.predictions.states import NBA_MINUTES
from app.sports.match import Sport

# Final tournaments of nations are played in one country, which is nobody's home but its own.
_TOURNAMENT = re.compile(
    r"world cup|\beuros?\b|european championship|copa america|cup of nations|asian cup|gold cup"
    r"|confederations",
    re.IGNORECASE,
)
_AT_HOME = re.compile(r"qualif|friendl", re.IGNORECASE)
_SLAM = re.compile(r"wimbledon|roland|french open|us open|australian open", re.IGNORECASE)
_WOMEN = re.compile(r"\bwta\b|women", re.IGNORECASE)
_SURFACES: tuple[tuple[re.Pattern[str], Surface], ...] = (
    (re.compile(r"wimbledon|queen'?s|halle|newport|eastbourne", re.IGNORECASE), "grass"),
    (
        re.compile(
            r"roland|french open|monte|madrid|rome|rom[ae]\b|italian open|barcelona|hamburg",
            re.IGNORECASE,
        ),
        "clay",
    ),
    (
        re.compile(
            r"us open|australian open|indian wells|miami|cincinnati|shanghai|paris|finals",
            re.IGNORECASE,
        ),
        "hard",
    ),
)
_NBA = re.compile(r"\bnba\b", re.IGNORECASE)


def is_neutral(parameters: Parameters, league: str) -> bool:
    """Says whether neither side is at home."""
    if parameters.sport is Sport.TENNIS:
        return True
    is_tournament = _TOURNAMENT.search(league) is not None and not _AT_HOME.search(league)
    return isinstance(parameters, NationParameters) and is_tournament


def surface_of(league: str) -> Surface | None:
    """Returns what a tennis tournament is played on, None where its name does not say."""
    return next((surface for told, surface in _SURFACES if told.search(league)), None)


def best_of(league: str) -> Literal[3, 5] | None:
    """Returns how many sets there are at most; men play five at the four large ones."""
    is_long = _SLAM.search(league) and not (_WOMEN.search(league) or _AT_HOME.search(league))
    return 5 if is_long else None


def quarter_minutes(league: str) -> float | None:
    """Returns how long a quarter of basketball lasts where it is not ten minutes."""
    return NBA_MINUTES / 4 if _NBA.search(league) else None
