"""Finding a side of today among those results tell of. Pure."""

from collections.abc import Collection

from app.history.result import side_of
from app.ingest.naming import likeness, qualifiers_of
from app.sports.match import Sport

# As alike as ingest asks of names before anything else is known of a match.
ALIKE_MIN = 0.85


def known_as(name: str, sport: Sport, sides: Collection[str]) -> str | None:
    """Returns the key under which results know a side, None when none or several may be it.

    Sponsors come and go ("Fenerbahce Beko Istanbul"), so that a name that is not known to the
    letter may be known by likeness; of other qualifiers (women, youth) it is always another.
    """
    key = side_of(name, sport)
    if key in sides:
        return key
    individual = sport is Sport.TENNIS
    kind = qualifiers_of(name, individual=individual)
    found = [
        (likeness(name, side, individual=individual), side)
        for side in sides
        if qualifiers_of(side, individual=individual) == kind
    ]
    best = sorted((one for one in found if one[0] >= ALIKE_MIN), reverse=True)[:2]
    if not best or (len(best) == 2 and best[0][0] == best[1][0]):
        return None
    return best[0][1]
