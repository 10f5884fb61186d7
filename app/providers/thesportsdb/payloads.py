"""TheSportsDB's JSON, field for field, as far as we read it. All values are text or null.

Ids and numbers are taken as numbers too: v2 sends some so. Pictures, places, descriptions and
foreign ids are left out.
"""

from collections.abc import Sequence

import msgspec
from msgspec import field

from app.providers.items import UNDECODABLE
from app.providers.provider import ProviderUnreadable

Id = str | int | None
Number = str | int | None
Text = str | None

# What the rows stand under: v1 says events, v2 livescore; its clients have met the third.
WRAPPERS = ("events", "livescore", "livescores")
# What v2 says in place of rows when there are none.
NO_ROWS = "no data found"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One row of v1's `events` (eventsday, lookupevent): a match as its page shows it."""

    id: Id = field(default=None, name="idEvent")
    sport: Text = field(default=None, name="strSport")  # Soccer, Ice Hockey ...
    league_id: Id = field(default=None, name="idLeague")
    league: Text = field(default=None, name="strLeague")
    season: Text = field(default=None, name="strSeason")  # 2025-2026, or 2026
    home_id: Id = field(default=None, name="idHomeTeam")  # Null in tennis.
    home: Text = field(default=None, name="strHomeTeam")  # Null in tennis, most of the time.
    away_id: Id = field(default=None, name="idAwayTeam")
    away: Text = field(default=None, name="strAwayTeam")
    home_score: Number = field(default=None, name="intHomeScore")
    away_score: Number = field(default=None, name="intAwayScore")
    result: Text = field(default=None, name="strResult")  # Tennis: "X beat Y 2-0\r\nX : 6 6 ..."
    status: Text = field(default=None, name="strStatus")  # A code or its words; null in old rows.
    progress: Text | int = field(default=None, name="strProgress")  # Mostly null in v1.
    postponed: Text = field(default=None, name="strPostponed")  # yes, no
    timestamp: Text = field(default=None, name="strTimestamp")  # 2025-08-15T19:00:00, UTC
    date: Text = field(default=None, name="dateEvent")  # 2025-08-15, UTC
    time: Text = field(default=None, name="strTime")  # 19:00:00, UTC


class LiveScore(msgspec.Struct, frozen=True, kw_only=True):
    """One row of v2's `livescore`: a match of these hours, begun or not, or over."""

    id: Id = field(default=None, name="idEvent")  # As in v1; idLiveScore changes and is no use.
    sport: Text = field(default=None, name="strSport")
    league_id: Id = field(default=None, name="idLeague")
    league: Text = field(default=None, name="strLeague")
    home_id: Id = field(default=None, name="idHomeTeam")
    home: Text = field(default=None, name="strHomeTeam")
    away_id: Id = field(default=None, name="idAwayTeam")
    away: Text = field(default=None, name="strAwayTeam")
    home_score: Number = field(default=None, name="intHomeScore")
    away_score: Number = field(default=None, name="intAwayScore")
    status: Text = field(default=None, name="strStatus")  # 1H, Q3, P2, BT, FT ...
    progress: Text | int = field(default=None, name="strProgress")  # The minute; "0" for none.
    timestamp: Text = field(default=None, name="strTimestamp")  # The start: 2026-06-16T17:50:00
    date: Text = field(default=None, name="dateEvent")
    time: Text = field(default=None, name="strEventTime")  # 17:50
    updated: Text = field(default=None, name="updated")  # 2026-06-16 20:13:21, when it was told


def rows_of(body: bytes) -> Sequence[msgspec.Raw]:
    """Returns an answer's rows; raises ProviderUnreadable for what is no answer.

    "No rows" has four shapes, all of them normal: null, an empty list, an empty body, and an object
    that says "No data found". A page of HTML is none of them.
    """
    if not body.strip():
        return ()
    try:
        answer = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        rows = next((answer[key] for key in WRAPPERS if key in answer), None)
        if rows is None:
            message = msgspec.json.decode(answer.get("Message", b"null"), type=str | None)
            if message is None or message.strip().lower() != NO_ROWS:
                raise ProviderUnreadable("no rows in it", raw=body)
            return ()
        # A parameter it does not like is answered with a sentence in place of rows.
        return msgspec.json.decode(rows, type=list[msgspec.Raw] | None) or ()
    except UNDECODABLE as error:
        raise ProviderUnreadable(type(error).__name__, raw=body) from None
