"""Which parameters forecast a match, and what its sides are called in them. Pure, without numpy."""

from collections.abc import Sequence

import msgspec

from app.history.result import side_of
from app.history.sides import known_as
from app.predictions.parameters import NationParameters, Parameters
from app.sports.match import Sport


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters, and the sides' keys in them; `known` counts the sides they know."""

    parameters: Parameters
    home: str
    away: str
    known: int


def choose(
    candidates: Sequence[Parameters], sport: Sport, names: tuple[str, str], *, league: str
) -> Choice | None:
    """Returns the parameters that know most of a match's sides, None without any of its sport.

    Of those that know as many, its own league's; then those learnt from most. So nations are
    forecast as nations, whatever a tournament is called, and a club in a cup by its league. Nearly
    all nations are known: two sides nobody knows are clubs.
    """
    choices: list[tuple[int, bool, bool, int, str, Choice]] = []
    for one in candidates:
        if one.sport is not sport:
            continue
        keys = [known_as(name, sport, one.sides) for name in names]
        if keys[0] is not None and keys[0] == keys[1]:
            # One side of ours for two of theirs is a mistake, whichever is meant.
            keys = [None, None]
        home, away = (key or side_of(name, sport) for key, name in zip(keys, names, strict=True))
        known = sum(key is not None for key in keys)
        choice = Choice(parameters=one, home=home, away=away, known=known)
        fits = known > 0 or not isinstance(one, NationParameters)
        choices.append((known, one.league == league, fits, one.results, one.version, choice))
    return max(choices, key=lambda c: c[:5])[-1] if choices else None
