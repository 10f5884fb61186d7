"""What an answer is about, in words: what a change names, to be forgotten."""

EVERYTHING = "all"
ANY_SPORT = "sports"


def match_tag(match_id: int) -> str:
    """Returns the tag of what is told about one match."""
    return f"match:{match_id}"


def sport_tag(sport: str | None) -> str:
    """Returns the tag of lists of a sport's matches; None: lists over all sports."""
    return ANY_SPORT if sport is None else f"sport:{sport}"
