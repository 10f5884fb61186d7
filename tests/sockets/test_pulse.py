"""Who is due is looked at, once; who is gone is not; who stays too long on the way out is cut."""

from collections.abc import Callable

from app.sockets.pulse import DRAIN_S, PULSE_S, Pulse


class Beaten:
    """A session that notes what it is asked."""

    def __init__(self, every_s: float = 1.0, then: Callable[[], None] = lambda: None) -> None:
        self.every_s = every_s
        self.then = then
        self.looks: list[float] = []
        self.told_ms: int | None = None
        self.cuts = 0

    def look(self, now: float) -> float:
        """Notes when."""
        self.looks.append(now)
        self.then()
        return now + self.every_s

    def go_away(self, reconnect_in_ms: int) -> None:
        """Notes when to come back."""
        self.told_ms = reconnect_in_ms

    def cut(self) -> None:
        """Notes that it was cut."""
        self.cuts += 1


def a_start(pulse: Pulse) -> float:
    """A moment that is a tick away from anything that was."""
    return (pulse._tick + 1) * PULSE_S  # pyright: ignore[reportPrivateUsage]


async def test_each_is_looked_at_when_it_asked_to_be():
    pulse = Pulse()
    start = a_start(pulse)
    often, seldom = Beaten(every_s=PULSE_S), Beaten(every_s=20 * PULSE_S)
    for session in (often, seldom):
        pulse.schedule(session, start)
    for n in range(1, 41):
        pulse.beat(start + n * PULSE_S)
    assert len(often.looks) >= 20
    assert len(seldom.looks) == 2


async def test_a_look_may_be_moved_forward_and_never_back():
    pulse = Pulse()
    start = a_start(pulse)
    session = Beaten()
    pulse.schedule(session, start + 100 * PULSE_S)
    pulse.schedule(session, start + 2 * PULSE_S)
    pulse.schedule(session, start + 50 * PULSE_S)
    pulse.beat(start + 4 * PULSE_S)
    assert len(session.looks) == 1


async def test_one_that_ends_another_or_itself_in_the_same_beat_bothers_nobody():
    pulse = Pulse()
    start = a_start(pulse)
    sessions: list[Beaten] = []

    def end_all() -> None:
        for session in sessions:
            pulse.discard(session)

    def fail() -> None:
        raise RuntimeError

    broken = Beaten(then=fail)
    sessions += [Beaten(then=end_all), Beaten(then=end_all)]
    for session in (broken, *sessions):
        pulse.schedule(session, start)
    pulse.beat(start + 2 * PULSE_S)
    assert sum(len(session.looks) for session in sessions) == 1
    assert (broken.cuts, set(pulse.sessions)) == (1, {broken})


async def test_everybody_is_told_another_moment_to_come_back_and_who_stays_is_cut():
    pulse = Pulse()
    sessions = [Beaten() for _ in range(50)]
    for session in sessions:
        pulse.schedule(session, a_start(pulse))
    assert DRAIN_S < 5
    await pulse.drain()
    assert pulse.going_away
    assert len({session.told_ms for session in sessions}) > 10
    assert {session.cuts for session in sessions} == {1}
