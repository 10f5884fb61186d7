"""One caller's tokens as one process sees them: those it leased, and those all processes share.

A bucket is a GCRA ("virtual scheduling", ITU-T I.371): it holds `size` tokens and refills evenly.
The shared one is in Redis (`rate_limits`). A process *leases* tokens from it, some of them ahead
for a caller that is *hot*, and spends them without asking. What it leased and did not spend within
`LEASE_S` it gives back.

Pure: times are handed in, in seconds of a monotonic clock.
"""

from collections.abc import Sequence
from math import ceil, inf

import msgspec

from app.access.tiers import Rate

# Long enough that a hot caller costs a question or two a second; nobody waits longer for tokens
# that another process leased and does not need.
LEASE_S = 1.0
# A process leases at most a twentieth of a bucket ahead, so that others find something in it. A
# bucket of less than twenty is never leased from ahead: each request is asked for.
BLOCKS_PER_BUCKET = 20
# With a quarter of its block left, a bucket's next one is asked for while requests go on.
BLOCKS_LOW = 4
# A lease that ran out early is followed by one that would have lasted; it was perhaps a burst, so
# not by one more than so many times as large.
GROWS_MIN, GROWS_MAX = 2, 16
MINUTE_S = 60.0
# Sums of seconds that are whole tokens may come out this much short.
_ROUNDING = 1e-6
_UNHEARD = -inf


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What a bucket answered. Times are whole seconds, rounded up.

    `limit` is what the bucket holds, `remaining` what it has left for the caller, as far as this
    process has heard, `reset_s` when it is full again.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_s: int
    retry_after_s: int


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a process tells the shared bucket, and asks of it.

    `back`: given back. `kept`: leased before and still held. `owed`: spent unasked while Redis was
    away. It asks for `least` tokens or nothing, at most `most`; `waiting` are spent at once.
    """

    back: int
    kept: int
    owed: int
    least: int
    waiting: int
    most: int


class Bucket:
    """A caller's tokens in this process; `size` and `per_s` are those of `rate`.

    `held` are leased here and not spent. With `low` of them it is time to lease the next; -1: there
    is no next.
    """

    __slots__ = (
        "_back", "_block", "_debt", "_debt_at", "_heard_at", "_leased", "_left", "_use_by", "asked",
        "held", "low", "per_s", "rate", "size", "used_at",
    )  # fmt: skip

    def __init__(self, rate: Rate, now: float) -> None:
        # Leased and not spent, good until then; how many were leased at once, and how many more
        # than needed at once the next time.
        self.held = 0
        self._use_by = 0.0
        self._leased = 0
        self._block = 0
        self.low = -1
        self._back = 0
        # Spent unasked, coming back as tokens of the bucket do.
        self._debt = 0.0
        self._debt_at = now
        # Whether it is being asked for; when it was used last, to a second.
        self.asked = False
        self.used_at = now
        self.set_rate(rate)

    def set_rate(self, rate: Rate) -> None:
        """Takes another rate; what was heard of the bucket does not count for it."""
        self.rate = rate
        self.size = rate.burst or rate.requests_per_minute
        self.per_s = rate.requests_per_minute / MINUTE_S
        # What was left in the shared bucket, and when that was heard.
        self._left = float(self.size)
        self._heard_at = _UNHEARD

    def take(self, now: float, weight: int) -> Taken | None:
        """Takes tokens if enough are held; refuses if there cannot be enough; else None: ask.

        A weight above the bucket's size counts as that, so that nothing is refused for ever.
        """
        if weight > self.held:
            weight = min(weight, self.size)
        if self.held >= weight and now < self._use_by:
            self.held -= weight
            return self._answer(now)
        # Others only take of what was left; what they give back is heard of within a lease. What
        # this process is about to give back is there to be leased anew.
        if now - self._heard_at < LEASE_S:
            most = self.held + self._back + self._shared(now)
            if most < weight - _ROUNDING:
                return self.refuse(now, weight)
        return None

    def covers(self, now: float, weights: Sequence[int]) -> bool:
        """Says whether enough is held here for all of these."""
        return now < self._use_by and self.held >= sum(min(one, self.size) for one in weights)

    def refuse(self, now: float, weight: int) -> Taken:
        """Returns a refusal, which costs nothing."""
        return self._answer(now, min(weight, self.size))

    def take_alone(self, now: float, weight: int) -> Taken:
        """Takes tokens of what is left as far as this process knows, as if it were the only one."""
        weight = min(weight, self.size)
        left = min(self.size, self._shared(now) + self.held + self._back)
        self.held = self._back = 0
        self._left, self._heard_at = left, now
        if left < weight - _ROUNDING:
            return self.refuse(now, weight)
        self._left -= weight
        self._debt, self._debt_at = self._debt_of(now) + weight, now
        return self._answer(now)

    def ask(self, now: float, weights: Sequence[int] = ()) -> Wanted:
        """Returns what to tell and ask for; the answer goes to `told`, or to `unheard`.

        `weights` are of requests that wait, and take their tokens when it is told.

        How much ahead goes by what was spent: a lease that ran out early is followed by a larger
        one, one whose time came first is cut down to what was spent of it.
        """
        most_ahead = self.size // BLOCKS_PER_BUCKET
        if now < self._use_by:
            lasted_s = max(now + LEASE_S - self._use_by, LEASE_S / GROWS_MAX)
            grows = max(GROWS_MIN, int(LEASE_S / lasted_s))
            self._block = min(max(1, grows * self._block), most_ahead)
        elif now < self._use_by + LEASE_S:
            self._block = min(self._leased - self.held, most_ahead)
        else:
            self._block = 0
        # Who comes with many at once comes again.
        self._block = min(max(self._block, len(weights) - 1), most_ahead)
        weights = [min(weight, self.size) for weight in weights]
        if weights or now >= self._use_by:
            # What is too little for who waits goes back, and is leased anew with the rest.
            self._let_go()
        waiting = sum(weights)
        # Nothing ahead for who did not come again.
        ahead = self._block if weights or now < self._use_by else 0
        wanted = Wanted(
            back=self._back,
            kept=self.held,
            owed=ceil(self._debt_of(now)),
            least=min(weights, default=0),
            waiting=waiting,
            most=min(waiting + ahead, self.size),
        )
        self._back, self._debt = 0, 0.0
        return wanted

    def told(self, now: float, *, asked_at: float, granted: int, left: float) -> None:
        """Takes what was granted of what was asked for at `asked_at`, and what is left there."""
        if granted > self.held:
            self._let_go()
            self.held = self._leased = granted
            self._use_by = asked_at + LEASE_S
        else:
            self._back += granted
        self._left, self._heard_at = left, now
        self.low = self._block // BLOCKS_LOW if self._block >= BLOCKS_LOW and left >= 1 else -1

    def unheard(self, now: float, wanted: Wanted) -> None:
        """Takes back a question without an answer. What is uncertain counts against the caller:
        tokens that were given back may have arrived, and a debt may not.
        """
        self._debt, self._debt_at = self._debt_of(now) + wanted.owed, now

    def lapse(self, now: float) -> bool:
        """Lets go what was not spent in its time; says whether there is something to give back."""
        if now >= self._use_by:
            self._let_go()
        return self._back > 0

    def leave(self) -> Wanted:
        """Gives everything back."""
        self._let_go()
        back, self._back = self._back, 0
        return Wanted(back=back, kept=0, owed=0, least=0, waiting=0, most=0)

    def is_as_new(self, now: float) -> bool:
        """Says whether forgetting it changes nothing."""
        idle = not (self.held or self._back or self.asked)
        return idle and (self._shared(now) >= self.size or not self._debt_of(now))

    def _let_go(self) -> None:
        self._back += self.held
        self._leased -= self.held
        self.held = 0

    def _debt_of(self, now: float) -> float:
        return max(0.0, self._debt - (now - self._debt_at) * self.per_s) if self._debt else 0.0

    def _shared(self, now: float) -> float:
        """Returns what is in the shared bucket at most, by what was heard; all before that."""
        return min(self.size, self._left + (now - self._heard_at) * self.per_s)

    def _answer(self, now: float, short_of: int = 0) -> Taken:
        size, per_s = self.size, self.per_s
        left = self.held + self._left + (now - self._heard_at) * per_s
        if left > size - _ROUNDING:
            left = size
        return Taken(
            allowed=not short_of,
            limit=size,
            remaining=int(left + _ROUNDING),
            reset_s=ceil((size - left) / per_s - _ROUNDING),
            retry_after_s=max(1, ceil((short_of - left) / per_s)) if short_of else 0,
        )
