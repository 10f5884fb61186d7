"""TheSportsDB's status codes, a table a sport, with the words v1 has for some of them.

The codes are those of its page "API data" (thesportsdb.com/docs_api_data); of tennis it lists
none, so these are the sets of its volleyball, the only other sport that is played in sets. Each
means a status, and the period where the code says which: in a break, the one that has ended.
"""

from app.sports.match import MatchStatus, Sport

Meaning = tuple[MatchStatus, str | None]

_S = MatchStatus
_EVERYWHERE: dict[str, Meaning] = {
    "ns": (_S.SCHEDULED, None),
    "tbd": (_S.SCHEDULED, None),
    "not started": (_S.SCHEDULED, None),
    "match not started": (_S.SCHEDULED, None),
    "time to be defined": (_S.SCHEDULED, None),
    # Not on that page; from where its football comes, for matches nobody reports in detail.
    "live": (_S.LIVE, None),
    "in progress": (_S.LIVE, None),
    "bt": (_S.PAUSED, None),
    "break time": (_S.PAUSED, None),
    "susp": (_S.INTERRUPTED, None),
    "match suspended": (_S.INTERRUPTED, None),
    "int": (_S.INTERRUPTED, None),
    "intr": (_S.INTERRUPTED, None),
    "match interrupted": (_S.INTERRUPTED, None),
    "pst": (_S.POSTPONED, None),
    "post": (_S.POSTPONED, None),
    "match postponed": (_S.POSTPONED, None),
    "canc": (_S.CANCELLED, None),
    "match cancelled": (_S.CANCELLED, None),
    "abd": (_S.ABANDONED, None),
    "match abandoned": (_S.ABANDONED, None),
    "awd": (_S.AWARDED, None),
    "aw": (_S.AWARDED, None),
    "technical loss": (_S.AWARDED, None),
    "wo": (_S.AWARDED, None),
    "walkover": (_S.AWARDED, None),
    # v1 says so of matches that ended in any way.
    "match finished": (_S.FINISHED, None),
}
_FOOTBALL: dict[str, Meaning] = {
    "1h": (_S.LIVE, "1st Half"),
    "first half": (_S.LIVE, "1st Half"),
    "ht": (_S.PAUSED, "1st Half"),
    "halftime": (_S.PAUSED, "1st Half"),
    "2h": (_S.LIVE, "2nd Half"),
    "second half": (_S.LIVE, "2nd Half"),
    "et": (_S.LIVE, "Extra Time"),
    "extra time": (_S.LIVE, "Extra Time"),
    "p": (_S.LIVE, "Penalties"),
    "penalty in progress": (_S.LIVE, "Penalties"),
    "ft": (_S.FINISHED, "2nd Half"),
    "aet": (_S.FINISHED, "Extra Time"),
    "pen": (_S.FINISHED, "Penalties"),
}
_BASKETBALL: dict[str, Meaning] = {
    "q1": (_S.LIVE, "Q1"),
    "q2": (_S.LIVE, "Q2"),
    "ht": (_S.PAUSED, "Q2"),
    "halftime": (_S.PAUSED, "Q2"),
    "q3": (_S.LIVE, "Q3"),
    "q4": (_S.LIVE, "Q4"),
    "ot": (_S.LIVE, "OT"),
    "ft": (_S.FINISHED, "Q4"),
    "aot": (_S.FINISHED, "OT"),
}
_HOCKEY: dict[str, Meaning] = {
    "p1": (_S.LIVE, "1st Period"),
    "p2": (_S.LIVE, "2nd Period"),
    "p3": (_S.LIVE, "3rd Period"),
    "ot": (_S.LIVE, "Overtime"),
    "pt": (_S.LIVE, "Shootout"),
    "ft": (_S.FINISHED, "3rd Period"),
    "aot": (_S.FINISHED, "Overtime"),
    "ap": (_S.FINISHED, "Shootout"),
}
_TENNIS: dict[str, Meaning] = {
    "s1": (_S.LIVE, "Set 1"),
    "s2": (_S.LIVE, "Set 2"),
    "s3": (_S.LIVE, "Set 3"),
    "s4": (_S.LIVE, "Set 4"),
    "s5": (_S.LIVE, "Set 5"),
    "ft": (_S.FINISHED, None),
}
STATUSES: dict[Sport, dict[str, Meaning]] = {
    Sport.FOOTBALL: _EVERYWHERE | _FOOTBALL,
    Sport.BASKETBALL: _EVERYWHERE | _BASKETBALL,
    Sport.TENNIS: _EVERYWHERE | _TENNIS,
    Sport.HOCKEY: _EVERYWHERE | _HOCKEY,
}


def meaning_of(sport: Sport, status: str) -> Meaning | None:
    """Returns what a status means in a sport; None: it is not known there."""
    return STATUSES[sport].get(" ".join(status.split()).casefold())
