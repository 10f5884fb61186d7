"""Tennis results, which TheSportsDB tells in words: "Swiatek beat Gauff 2-0", then the games."""

import re

from app.sports.match import Period
from app.sports.observation import ObservedMatch

_RESULT_LENGTH_MAX = 1_000
_BEAT = re.compile(r"(\S.*?) beat (\S.*?) ([0-9]) ?- ?([0-9])", re.IGNORECASE)
# Behind a name, a number of games a set; in brackets the points of a tie-break.
_GAMES = re.compile(r"(\S.*?) ?:((?: [0-9]{1,2}(?:\([0-9]{1,2}\))?){1,5})")
# Some rows have the letters of an escaped line end in place of a line end.
_LINE_ENDS = re.compile(r"\\r\\n|\\n|[\r\n]+")

Decided = tuple[tuple[int, int], tuple[Period, ...]]


def decided(result: str, match: ObservedMatch) -> Decided | None:
    """Returns the sets of home and away, and the games of each where told; None when unclear.

    Players are called by the end of their names there. Who is who must be certain both ways: two
    sisters are not told apart, and then nothing is.
    """
    lines = [" ".join(line.split()) for line in _LINE_ENDS.split(result[:_RESULT_LENGTH_MAX])]
    beat = _BEAT.fullmatch(lines[0])
    if beat is None:
        return None
    winner, loser, won, lost = beat.groups()
    home_won = _are(match, winner, loser)
    if home_won == _are(match, loser, winner) or int(won) <= int(lost):
        return None
    sets = (int(won), int(lost)) if home_won else (int(lost), int(won))
    names = (winner, loser) if home_won else (loser, winner)
    return sets, _periods(lines[1:], names, sum(sets))


def _are(match: ObservedMatch, home: str, away: str) -> bool:
    return _is_called(match.home.name, home) and _is_called(match.away.name, away)


def _is_called(name: str, short: str) -> bool:
    return f" {name}".casefold().endswith(f" {short}".casefold())


def _periods(lines: list[str], sides: tuple[str, str], sets: int) -> tuple[Period, ...]:
    """Returns the games of each set, when there are as many for both as sets were played."""
    games: dict[str, list[int]] = {}
    for line in lines:
        if told := _GAMES.fullmatch(line):
            games[told[1]] = [int(number.partition("(")[0]) for number in told[2].split()]
    home, away = (games.get(side, []) for side in sides)
    if not len(home) == len(away) == sets:
        return ()
    return tuple(
        Period(name=f"Set {number}", home=mine, away=theirs)
        for number, (mine, theirs) in enumerate(zip(home, away, strict=True), start=1)
    )
