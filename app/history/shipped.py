"""The results that come along; `shipped/NOTICE.md` says whose they are and under which licence."""

import gzip
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from app.history.lines import read_lines
from app.history.result import Result
from app.sports.match import Sport

FOLDER = Path(__file__).parent / "shipped"
_OF_SPORT = {
    Sport.FOOTBALL: ("clubs", "internationals"),
    Sport.BASKETBALL: ("basketball",),
    Sport.HOCKEY: ("hockey",),
    Sport.TENNIS: ("tennis",),
}
NAMES = ("clubs", "internationals", "basketball", "hockey", "tennis")


def shipped(*names: str) -> list[Result]:
    """Returns the results of some files that come along, all if none is named."""
    found: list[Result] = []
    for name in names or NAMES:
        text = gzip.decompress((FOLDER / f"{name}.jsonl.gz").read_bytes()).decode()
        for one in read_lines(text, today=date.max):
            assert isinstance(one, Result), f"{name}, {one.place}: {one.why}"
            found.append(one)
    return found


def with_shipped(
    kept: Iterable[Result], sport: Sport, *, league: str | None = None
) -> list[Result]:
    """Returns what is kept of a sport, and what comes along of it that is not kept otherwise.

    So a fresh installation forecasts without having imported anything. Reading a sport's files
    takes 0.15 s at most; a match that both tell of is the kept one.
    """
    found = {(r.played_on, r.home, r.away): r for r in shipped(*_OF_SPORT[sport])}
    found |= {(r.played_on, r.home, r.away): r for r in kept if r.sport is sport}
    return [found[key] for key in sorted(found) if league in (None, found[key].league)]
