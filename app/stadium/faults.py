"""What can go wrong at a provider, for how long, and for which requests or matches.

Two families. Faults of the line (latency, refusals, cuts) are met by a share of the requests;
faults of the word (stale, wrong, swapped) by a share of the matches. Which ones follows from the
seed, so that two runs fail alike.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from app.providers.replay.chance import share_of
from app.stadium.naming import ProviderKey

# More at once, or longer, is no scenario any more.
FAULTS_MAX = 200
LATENCY_MS_MAX = 60_000
LASTS_S_MAX = 86_400.0
# A stream may be resumed from so long ago; until then it must be known what was said.
KEPT_MS = 600_000


class FaultKind(StrEnum):
    """What goes wrong."""

    LATENCY = "latency"  # Answers `latency_ms` late.
    TOO_MANY = "too_many"  # 429, with Retry-After when `retry_after_s` is given.
    ERROR = "error"  # The answer `status`, 5xx, with a body that is no JSON.
    CUT = "cut"  # The line is cut in the middle of the body.
    TRUNCATED = "truncated"  # Half of the JSON, as if it were whole.
    REFUSED = "refused"  # The line is cut before a byte is said.
    SILENT = "silent"  # Nothing is said until the fault is over.
    QUOTA_LOW = "quota_low"  # Only `left` requests are left of the longest quota.
    STALE = "stale"  # Goes on saying what was so when the fault began.
    WRONG_SCORE = "wrong_score"  # `goals` more for the home side than there were.
    SWAPPED = "swapped"  # Home is said to be away, with all that belongs to it.


OF_WORDS = frozenset({FaultKind.STALE, FaultKind.WRONG_SCORE, FaultKind.SWAPPED})


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that is wrong with one provider for a while.

    `from_s` counts from the scenario's beginning (of one set by hand: from now), both by the wall
    clock; without `for_s` it lasts until it is taken back. `share` is of the requests or of the
    matches. `path` narrows it to requests whose path contains it.
    """

    provider: ProviderKey
    kind: FaultKind
    from_s: Annotated[float, Meta(ge=0, le=LASTS_S_MAX)] = 0.0
    for_s: Annotated[float, Meta(gt=0, le=LASTS_S_MAX)] | None = None
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    path: Annotated[str, Meta(max_length=200)] = ""
    latency_ms: Annotated[int, Meta(ge=0, le=LATENCY_MS_MAX)] = 1_000
    status: Annotated[int, Meta(ge=500, le=599)] = 503
    retry_after_s: Annotated[int, Meta(ge=0, le=86_400)] | None = None
    goals: Annotated[int, Meta(ge=1, le=20)] = 1
    left: Annotated[int, Meta(ge=0, le=1_000_000)] = 1


class TooManyFaults(Exception):
    """More faults at once than a scenario may have."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A fault and when it is on, in milliseconds of the programme's clock."""

    fault: Fault
    begins_ms: int
    ends_ms: int | None

    def is_past(self, now_ms: int) -> bool:
        """Says whether nobody will ask any more what was said while it was on."""
        return self.ends_ms is not None and now_ms - self.ends_ms > KEPT_MS

    def ended(self, now_ms: int, provider: str | None) -> "Window | None":
        """Returns it as it is when it ends now; None when it never began."""
        over = self.ends_ms is not None and self.ends_ms <= now_ms
        if over or provider not in {None, self.fault.provider}:
            return self
        if self.begins_ms >= now_ms:
            return None
        return msgspec.structs.replace(self, ends_ms=now_ms)

    def on(self, now_ms: int) -> bool:
        """Says whether it is on; the end is not."""
        return self.begins_ms <= now_ms and (self.ends_ms is None or now_ms < self.ends_ms)


class Faults:
    """The faults of a running stadium: the scenario's and those set by hand."""

    def __init__(self, faults: Sequence[Fault], *, begins_ms: int, seed: int) -> None:
        self._seed = seed
        self._windows: tuple[Window, ...] = ()
        self.add(faults, now_ms=begins_ms)

    def add(self, faults: Iterable[Fault], *, now_ms: int) -> None:
        """Adds faults, `from_s` counted from `now_ms`; raises TooManyFaults."""
        kept = [each for each in self._windows if not each.is_past(now_ms)]
        windows = (*kept, *(_window(fault, now_ms) for fault in faults))
        if len(windows) > FAULTS_MAX:
            raise TooManyFaults(f"at most {FAULTS_MAX} faults at once")
        self._windows = windows

    def clear(self, *, now_ms: int, provider: str | None = None) -> None:
        """Ends all faults now, or those of one provider; what was said before stays so."""
        self._windows = tuple(
            ended for each in self._windows if (ended := each.ended(now_ms, provider)) is not None
        )

    def windows(self) -> tuple[Window, ...]:
        """Returns all faults, over and to come included."""
        return self._windows

    def on(self, provider: str, kind: FaultKind, now_ms: int, *, path: str = "") -> Window | None:
        """Returns the latest fault of that kind that is on at a provider, None when it is well."""
        found = [
            each
            for each in self._windows
            if each.fault.provider == provider
            and each.fault.kind is kind
            and each.fault.path in path
            and each.on(now_ms)
        ]
        return max(found, key=lambda each: each.begins_ms, default=None)

    def of_request(
        self, provider: str, now_ms: int, *, path: str, turn: int
    ) -> dict[FaultKind, Window]:
        """Returns the faults of the line that a provider's `turn`th request meets."""
        met: dict[FaultKind, Window] = {}
        for kind in FaultKind:
            window = self.on(provider, kind, now_ms, path=path)
            if kind in OF_WORDS or window is None:
                continue
            if share_of(self._seed, provider, kind, turn) < window.fault.share:
                met[kind] = window
        return met

    def of_match(self, provider: str, kind: FaultKind, now_ms: int, play: str) -> Window | None:
        """Returns the fault of the word that a provider's match meets."""
        window = self.on(provider, kind, now_ms)
        if window is None or share_of(self._seed, provider, kind, play) >= window.fault.share:
            return None
        return window


def _window(fault: Fault, now_ms: int) -> Window:
    begins_ms = now_ms + round(fault.from_s * 1000)
    ends_ms = None if fault.for_s is None else begins_ms + round(fault.for_s * 1000)
    return Window(fault=fault, begins_ms=begins_ms, ends_ms=ends_ms)
