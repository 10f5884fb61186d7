"""From API-Football's events, which have no ids and no order, to incidents with keys. Pure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from app.providers.api_football.payloads import Event, Pair, Person
from app.providers.items import TEXT_LENGTH_MAX, UNDECODABLE, Unfit
from app.providers.provider import Rejected
from app.sports.incidents import (
    Card,
    Goal,
    Incident,
    ShootoutAttempt,
    Side,
    Substitution,
)

HOME: Side = "home"
AWAY: Side = "away"
Sides = Mapping[int, Side]

# A key is cut there: what it is made of has names in it.
KEY_LENGTH_MAX = 100
# The liveliest match had 60.
EVENTS_MAX = 500
_POINTS_MAX = 999
# The last minute of each half, and what it is called; a minute's number stops there.
_PERIODS = (
    (45, "1st Half"),
    (90, "2nd Half"),
    (105, "Extra Time 1st Half"),
    (120, "Extra Time 2nd Half"),
)

_GOALS: dict[str, Literal["penalty", "own_goal"] | None] = {
    "normal goal": None,
    "penalty": "penalty",
    "own goal": "own_goal",
}
_CARDS: dict[str, Literal["yellow", "second_yellow", "red"]] = {
    "yellow card": "yellow",
    "second yellow card": "second_yellow",
    "red card": "red",
}
_NO_GOALS = ("missed", "cancel", "disallow")
_TYPES = frozenset({"goal", "card", "subst", "var"})
_SHOOTOUT = "penalty shootout"


def read_events(
    index: int, raws: Sequence[msgspec.Raw], sides: Sides
) -> tuple[list[Event], list[Rejected]]:
    """Returns the events of a match in the order they occurred, and those that are unreadable.

    What is neither goal, card, substitution nor review is left out. The list they send is in no
    order that holds, so minutes decide, then their order. Raises Unfit (`too_many_events`).
    """
    if len(raws) > EVENTS_MAX:
        raise Unfit("too_many_events", f"{len(raws)} events in one match")
    events: list[Event] = []
    rejected: list[Rejected] = []
    for raw in raws:
        try:
            event = msgspec.json.decode(raw, type=Event)
            if event.type.lower() in _TYPES:
                _check(event, sides)
                events.append(event)
        except Unfit as error:
            rejected.append(error.rejected(index, bytes(raw)))
        except UNDECODABLE as error:
            rejected.append(Unfit("unreadable_event", str(error)).rejected(index, bytes(raw)))
    return sorted(events, key=_moment), rejected


def incidents_of(events: Sequence[Event], sides: Sides, goals: Pair) -> tuple[Incident, ...]:
    """Returns the incidents of a match, each with the score after it where it has one.

    The score they tell of the match is the judge: of more goals than that, those that a review
    cancelled and those listed twice are none.
    """
    if not events:
        return ()
    kept = _without_cancelled(_without_doubles(events, sides, goals), sides, goals)
    tell = _Teller(sides, off_first=not _is_swapped(kept))
    return tuple(told for event in kept if (told := tell(event)) is not None)


def clock_of(elapsed: int | None, extra: int | None) -> str | None:
    """Returns 63' or 45+2'; None without a minute, or before the kick-off."""
    if elapsed is None or elapsed < 0:
        return None
    return f"{elapsed}+{extra}'" if extra and extra > 0 else f"{elapsed}'"


def shown(text: str | None, length_max: int) -> str | None:
    """Returns what can be shown of a text, cut; None when nothing is left."""
    words = " ".join((text or "").split())
    return "".join(letter for letter in words if letter.isprintable())[:length_max] or None


def _check(event: Event, sides: Sides) -> None:
    if event.team.id not in sides:
        raise Unfit("unknown_side", f"an event of team {event.team.id}, which does not play")
    detail = _detail(event)
    kind = event.type.lower()
    is_known = {
        "goal": detail in _GOALS or any(word in detail for word in _NO_GOALS),
        "card": detail in _CARDS,
    }
    if not is_known.get(kind, True):
        raise Unfit("unknown_incident", f"{kind} {detail[:40]!r}")


class _Teller:
    """Makes incidents of events, one after the other, counting goals and attempts."""

    def __init__(self, sides: Sides, *, off_first: bool) -> None:
        self._sides = sides
        self._off_first = off_first
        self._goals: Counter[Side] = Counter()
        self._attempts: Counter[Side] = Counter()
        self._keys: Counter[str] = Counter()

    def __call__(self, event: Event) -> Incident | None:
        """Returns the incident; None for what is none, as a missed penalty."""
        tell: dict[str, Callable[[Event, Side], Incident | None]] = {
            "goal": self._goal,
            "card": self._card,
            "subst": self._substitution,
        }
        told = tell.get(event.type.lower())
        return told(event, self._sides[event.team.id]) if told is not None else None

    def _goal(self, event: Event, side: Side) -> Incident | None:
        if _is_attempt(event):
            return self._attempt(event, side)
        if not _is_goal(event):
            return None
        self._goals[side] = min(self._goals[side] + 1, _POINTS_MAX)
        # Without the scorer, who is often told later than the goal.
        return Goal(
            key=self._key("goal", event),
            period=_period_of(event),
            clock=_clock_of(event),
            side=side,
            home=self._goals[HOME],
            away=self._goals[AWAY],
            player=_name(event.player),
            assist=_name(event.assist),
            how=_GOALS[_detail(event)],
        )

    def _attempt(self, event: Event, side: Side) -> Incident:
        scored = _is_goal(event)
        self._attempts[side] = min(self._attempts[side] + scored, _POINTS_MAX)
        return ShootoutAttempt(
            key=self._key("attempt", event, _mark(event.player)),
            period="Penalties",
            side=side,
            scored=scored,
            home=self._attempts[HOME],
            away=self._attempts[AWAY],
            player=_name(event.player),
        )

    def _card(self, event: Event, side: Side) -> Incident:
        colour = _CARDS[_detail(event)]
        return Card(
            key=self._key(colour, event, _mark(event.player)),
            period=_period_of(event),
            clock=_clock_of(event),
            side=side,
            colour=colour,
            player=_name(event.player),
        )

    def _substitution(self, event: Event, side: Side) -> Incident:
        # In one order whichever way round: they turn them round later.
        both = sorted((_mark(event.player), _mark(event.assist)))
        off, on = (event.player, event.assist)
        if not self._off_first:
            off, on = on, off
        return Substitution(
            key=self._key("substitution", event, *both),
            period=_period_of(event),
            clock=_clock_of(event),
            side=side,
            player_on=_name(on),
            player_off=_name(off),
        )

    def _key(self, kind: str, event: Event, *marks: str) -> str:
        """Returns a name made of what the event is, not of its place; alike ones are numbered."""
        time = event.time
        when = "" if time.elapsed is None else f"{time.elapsed}+{time.extra or 0}"
        key = "/".join((kind, str(event.team.id), when, *marks))[: KEY_LENGTH_MAX - 6]
        self._keys[key] += 1
        nth = self._keys[key]
        return key if nth == 1 else f"{key}#{nth}"


def _without_doubles(events: Sequence[Event], sides: Sides, goals: Pair) -> list[Event]:
    """Leaves out events told twice alike; goals only when there would be too many of them."""
    kept: list[Event] = []
    surplus = _surplus(events, sides, goals)
    for event in events:
        side = sides[event.team.id]
        is_double = event in kept and (not _is_counted(event) or surplus[side] > 0)
        if not is_double:
            kept.append(event)
        elif _is_counted(event):
            surplus[side] -= 1
    return kept


def _without_cancelled(events: Sequence[Event], sides: Sides, goals: Pair) -> list[Event]:
    """Leaves out goals a review cancelled: the one before it, of the same player if there is one.

    Usually they take the goal back themselves and only the review is left.
    """
    kept = list(events)
    surplus = _surplus(events, sides, goals)
    for review in [event for event in events if _is_cancelling(event)]:
        side = sides[review.team.id]
        before = [
            goal
            for goal in kept
            if _is_counted(goal)
            and goal.team.id == review.team.id
            and _moment(goal) <= _moment(review)
        ]
        if before and surplus[side] > 0:
            of_player = [goal for goal in before if _mark(goal.player) == _mark(review.player)]
            kept.remove((of_player or before)[-1])
            surplus[side] -= 1
    return kept


def _surplus(events: Sequence[Event], sides: Sides, goals: Pair) -> Counter[Side]:
    """Returns by how much the goals listed exceed the score; nothing when there is no score."""
    surplus: Counter[Side] = Counter()
    if goals.home is None or goals.away is None:
        return surplus
    surplus.update(sides[event.team.id] for event in events if _is_counted(event))
    surplus.subtract({HOME: goals.home, AWAY: goals.away})
    return surplus


def _is_swapped(events: Sequence[Event]) -> bool:
    """Says whether this match tells who comes on first.

    They tell who goes off first, and of some matches the other way round
    (github.com/api-sports/public-roadmap/issues/371). Whoever did something before was on the
    pitch and goes off; what the most substitutions say holds for the match.
    """
    seen: set[str] = set()
    votes = 0
    for event in events:
        player, assist = _mark(event.player), _mark(event.assist)
        if event.type.lower() == "subst":
            votes += (assist in seen) - (player in seen)
        seen |= {player, assist} - {""}
    return votes > 0


def _is_attempt(event: Event) -> bool:
    return (event.comments or "").strip().lower() == _SHOOTOUT


def _is_goal(event: Event) -> bool:
    return event.type.lower() == "goal" and _detail(event) in _GOALS


def _is_counted(event: Event) -> bool:
    return _is_goal(event) and not _is_attempt(event)


def _is_cancelling(event: Event) -> bool:
    detail = _detail(event)
    return (
        event.type.lower() == "var"
        and "goal" in detail
        and ("cancel" in detail or "disallow" in detail)
    )


def _detail(event: Event) -> str:
    return (event.detail or "").strip().lower()


def _moment(event: Event) -> tuple[int, int]:
    return event.time.elapsed or 0, event.time.extra or 0


def _clock_of(event: Event) -> str | None:
    return clock_of(event.time.elapsed, event.time.extra)


def _period_of(event: Event) -> str | None:
    elapsed = event.time.elapsed
    if elapsed is None or elapsed < 0:
        return None
    return next((name for last, name in _PERIODS if elapsed <= last), None)


def _name(person: Person | None) -> str | None:
    return shown(person.name, TEXT_LENGTH_MAX) if person is not None else None


def _mark(person: Person | None) -> str:
    """Returns what tells a player from others: the id, else the name, else nothing."""
    if person is None:
        return ""
    return str(person.id) if person.id else (shown(person.name, 40) or "")
