"""Writes what any provider says into files of the recording format, one a match."""

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path

from app.logs import logger
from app.providers.provider import AnyProvider, Ask, PollRule, ProviderError, observe
from app.providers.replay.recording import (
    LINES_MAX,
    MATCH_S_MAX,
    PRE_MATCH_S_MAX,
    Header,
    Moment,
    Recording,
    Rules,
    save,
)
from app.sports.incidents import Basket, Goal, Incident
from app.sports.market import MarketType
from app.sports.match import Score, may_move
from app.sports.observation import Observation, ObservedMarket, ObservedMatch

log = logger(__name__)

# A busy Saturday has about 600 matches in play; what comes on top is not recorded.
MATCHES_MAX = 2_000
# How much is lost when the process is killed.
SAVE_EVERY_S = 30.0
_ID_LENGTH = 80
_SIMULATED = "the provider marks it as simulated"


class _Tape:
    """What one match's observations brought, each thing once."""

    def __init__(self, first: Observation, match: ObservedMatch) -> None:
        self.first = first
        self.match = match
        self.moments: list[Moment] = []
        self.saved = 0
        self.simulated = False
        self._score: Score | None = None
        self._keys: set[str] = set()
        self._markets: dict[tuple[MarketType, str], ObservedMarket] = {}

    def take(self, said: Observation) -> None:
        """Adds a moment with what is new; nothing when nothing is, or the tape is full."""
        if len(self.moments) + 2 >= LINES_MAX:
            return
        self.simulated = self.simulated or said.simulated
        score = self._new_score(said)
        incidents = self._new_incidents(said)
        markets = self._new_markets(said)
        at = self._at(said)
        if score is not None and incidents and not _agree(score, incidents):
            # The format holds a goal and the score of one line to each other.
            self.moments.append(Moment(at=at, score=score))
            score = None
        if score is not None or incidents or markets:
            moment = Moment(at=at, score=score, incidents=incidents, markets=markets)
            self.moments.append(moment)

    def recording(self) -> Recording:
        """Returns what there is so far as a recording that ends with its last moment."""
        first = self.first
        header = Header(
            id=recording_id(first),
            sport=first.sport,
            league=self.match.league,
            home=self.match.home,
            away=self.match.away,
            start_time=self.match.start_time,
            duration_s=max(self.moments[-1].at, 0.0),
            source=f"recorded from {first.provider}",
            licence="LicenseRef-provider-terms",
            simulated=(_SIMULATED,) if self.simulated else (),
            rules=Rules(clock="recorded"),
        )
        return Recording(header=header, moments=tuple(self.moments))

    def _at(self, said: Observation) -> float:
        at = (said.observed_at - self.match.start_time).total_seconds()
        held = min(max(at, -PRE_MATCH_S_MAX), MATCH_S_MAX)
        # Two answers of a provider may overtake each other.
        return round(max(held, self.moments[-1].at if self.moments else held), 3)

    def _new_score(self, said: Observation) -> Score | None:
        if said.score is None or said.score == self._score:
            return None
        if self._score is not None and not may_move(self._score.status, said.score.status):
            log.warning(
                "status not recorded",
                provider=said.provider,
                match=said.external_id,
                old=self._score.status,
                new=said.score.status,
            )
            return None
        self._score = said.score
        return said.score

    def _new_incidents(self, said: Observation) -> tuple[Incident, ...]:
        new: list[Incident] = []
        for incident in said.incidents or ():
            if incident.key not in self._keys:
                self._keys.add(incident.key)
                new.append(incident)
        return tuple(new)

    def _new_markets(self, said: Observation) -> tuple[ObservedMarket, ...]:
        keyed = {(market.type, str(market.line)): market for market in said.markets}
        new = {key: market for key, market in keyed.items() if self._markets.get(key) != market}
        self._markets.update(new)
        return tuple(new.values())


class Recorder:
    """Takes observations of any provider and writes a file a match into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tapes: dict[tuple[str, str], _Tape] = {}

    def take(self, observations: Iterable[Observation]) -> None:
        """Takes what was said, in order of time per match."""
        for said in observations:
            key = (said.provider, said.external_id)
            tape = self._tapes.get(key)
            if tape is None:
                # Without a description there would be no header.
                if len(self._tapes) >= MATCHES_MAX or said.match is None:
                    continue
                tape = self._tapes[key] = _Tape(said, said.match)
            tape.take(said)

    def save(self) -> int:
        """Writes the files of matches with something new; returns how many matches there are."""
        for tape in self._tapes.values():
            if len(tape.moments) > tape.saved:
                save(tape.recording(), self._folder)
                tape.saved = len(tape.moments)
        return sum(1 for tape in self._tapes.values() if tape.moments)


def recording_id(said: Observation) -> str:
    """Returns an id for a recorded match: readable, and as unique as the provider's own."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{said.provider}.{said.external_id}")
    mark = blake2b(f"{said.provider}\n{said.external_id}".encode(), digest_size=4).hexdigest()
    return f"{plain[:_ID_LENGTH]}.{mark}"


async def record(
    provider: AnyProvider,
    folder: Path,
    *,
    seconds: float,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> int:
    """Polls a provider by its own rules for so long; returns how many matches were written.

    A poll that fails is logged and tried again at its next turn. What was heard is on disk at
    the latest after half a minute, and when the time is up or the task is cancelled.
    """
    recorder = Recorder(folder)
    ends = now() + timedelta(seconds=seconds)
    clock = asyncio.get_running_loop().time
    due = dict.fromkeys(provider.rules(), clock())
    save_at = clock() + SAVE_EVERY_S
    try:
        while now() < ends:
            for rule in [rule for rule, at in due.items() if at <= clock()]:
                due[rule] = clock() + rule.interval_ms / 1000
                recorder.take(await _asked(provider, rule))
            if clock() >= save_at:
                recorder.save()
                save_at = clock() + SAVE_EVERY_S
            left_s = (ends - now()).total_seconds()
            await asyncio.sleep(max(min(min([*due.values(), save_at]) - clock(), left_s), 0.0))
    finally:
        written = recorder.save()
    return written


async def _asked(provider: AnyProvider, rule: PollRule) -> Sequence[Observation]:
    try:
        async with asyncio.timeout(rule.timeout_ms / 1000):
            ask = Ask(scope=rule.scope, sport=rule.sport, part=rule.part)
            return (await observe(provider, ask)).observations
    except (ProviderError, TimeoutError) as error:
        kind = error.kind if isinstance(error, ProviderError) else "timeout"
        log.warning(
            "poll failed", provider=provider.name, scope=rule.scope, sport=rule.sport, kind=kind
        )
        return ()


def _agree(score: Score, incidents: Sequence[Incident]) -> bool:
    told = [i for i in incidents if isinstance(i, Goal | Basket)]
    return not told or (told[-1].home, told[-1].away) == (score.home, score.away)
