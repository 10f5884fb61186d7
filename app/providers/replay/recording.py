"""The file format of a recorded match, read strictly.

A recording is JSON Lines in UTF-8, one match a file, `*.jsonl` or `*.jsonl.gz`. A line is one
JSON object; unknown keys are refused. A key that would be null or empty may be left out, except
`odds`, where null says that nothing is offered.

Line 1, the header (`Header`):

    {"format": "touchline-recording", "version": 1,
     "id": "football.2022.argentina-france.final",   A-Z a-z 0-9 . _ -, unique in its folder
     "sport": "football",                            football, basketball, tennis or hockey
     "league": {"external_id", "name", "country", "season"},
     "home": {"external_id", "name"}, "away": {"external_id", "name"},
     "start_time": "2022-12-18T15:00:00Z",           when it really began
     "duration_s": 10000,                            not before the last line's `at`
     "source": "...", "licence": "CC0-1.0",          who said it, and its SPDX licence id
     "simulated": ["seconds within a minute"],       what the source does not say and we made up
     "rules": {"clock": "minutes", "period_s": 2700, "overtime_s": 900, "stretch": 1.0,
               "best_of": null}}

`rules.clock` says how the clock between two lines is found: `minutes` (football: 23', 45+2'),
`up` (hockey) and `down` (basketball) count the seconds of a period; `none` (tennis) has no
clock; `recorded` takes the clock as each score has it. `period_s` and `overtime_s` are the
lengths of a period by the match's clock, `stretch` how many seconds of real time go by for one
second of that clock while a period runs. `best_of` is tennis's number of sets.

Every further line is a moment (`Moment`), with what is new in it and nothing else:

    {"at": 1374.5,                                   seconds of real time since kick-off
     "score": {"status", "home", "away", "period", "clock", "periods": [{"name","home","away"}]},
     "incidents": [{"type": "goal", "key": "g1", ...}],
     "markets": [{"type": "winner", "line", "status", "reason",
                  "quotes": [{"bookmaker", "selection", "odds"}]}]}

`at` never goes back from line to line and may be negative before kick-off; breaks count. `score`
is the whole state from then on (`app.sports.match.Score`), its status only ever makes legal
moves, starting from `scheduled`. `incidents` are new ones (`app.sports.incidents`), in order,
with keys that are unique in the match; the last goal or basket of a line agrees with the score
of the same line. `markets` replace those of the same type and line. When a recording has no
markets at all, the player makes prices up.
"""

import gzip
import zlib
from collections.abc import Generator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta

from app import metrics
from app.errors import AppError
from app.logs import logger
from app.sports.incidents import Basket, Goal, Incident
from app.sports.match import MatchStatus, Score, Sport, may_move
from app.sports.observation import ObservedLeague, ObservedMarket, ObservedParticipant

log = logger(__name__)

# The recordings that come along; `NOTICE.md` beside them says whose they are.
SHIPPED = Path(__file__).parent / "recordings"
SUFFIXES = (".jsonl", ".jsonl.gz")

# A whole score with five sets is about 500 bytes, forty bookmakers' markets about 50,000.
LINE_BYTES_MAX = 256 * 1024
# Eight hours told of twice a second.
LINES_MAX = 50_000
FILE_BYTES_MAX = 32 * 1024 * 1024
# A folder of this size takes about a second to read and 200 MB to hold.
RECORDINGS_MAX = 5_000
# What was said earlier than an hour before kick-off is of no use to a replay.
PRE_MATCH_S_MAX = 3_600
# The longest tennis match took eleven hours over three days.
MATCH_S_MAX = 7 * 86_400

RecordingId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=120)]
At = Annotated[float, Meta(ge=-PRE_MATCH_S_MAX, le=MATCH_S_MAX)]


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of the sport's rules the player needs to find clock and chances."""

    clock: Literal["minutes", "up", "down", "none", "recorded"]
    period_s: Annotated[int, Meta(ge=0, le=7_200)] = 0
    overtime_s: Annotated[int, Meta(ge=0, le=7_200)] = 0
    stretch: Annotated[float, Meta(gt=0, le=10)] = 1.0
    best_of: Literal[3, 5] | None = None


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line: which match this is, and where it comes from."""

    format: Literal["touchline-recording"] = "touchline-recording"
    version: Literal[1] = 1
    id: RecordingId
    sport: Sport
    league: ObservedLeague
    home: ObservedParticipant
    away: ObservedParticipant
    start_time: Annotated[datetime, Meta(tz=True)]
    duration_s: Annotated[float, Meta(ge=0, le=MATCH_S_MAX)]
    source: Annotated[str, Meta(min_length=1, max_length=500)]
    licence: Annotated[str, Meta(min_length=1, max_length=100)]
    simulated: tuple[str, ...] = ()
    rules: Rules


class Moment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any other line: what is new at one moment."""

    at: At
    score: Score | None = None
    incidents: tuple[Incident, ...] = ()
    markets: tuple[ObservedMarket, ...] = ()


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One match as somebody told it."""

    header: Header
    moments: tuple[Moment, ...]

    @property
    def id(self) -> str:
        """Returns its name, unique in its folder."""
        return self.header.id


class RecordingRefused(AppError):
    """A recording does not parse."""

    code = "recording_refused"
    status = 422

    def __init__(self, file: Path, line: int, reason: str) -> None:
        super().__init__(f"{file.name}, line {line}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder held: the good recordings by id, and why the others were refused."""

    recordings: tuple[Recording, ...]
    refused: tuple[RecordingRefused, ...]


class _Wrong(Exception):
    """A line is not what the format promises; becomes RecordingRefused with its place."""


_header = msgspec.json.Decoder(Header)
_moment = msgspec.json.Decoder(Moment)


def load(file: Path) -> Recording:
    """Reads one recording; raises RecordingRefused with file, line number and reason."""
    checks = _Checks()
    number = 0
    try:
        with closing(_lines(file)) as lines:
            for line in lines:
                number += 1
                checks.take(number, line)
    except (_Wrong, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecordingRefused(file, max(number, 1), str(error)) from error
    except (OSError, EOFError, zlib.error) as error:
        raise RecordingRefused(file, number + 1, f"cannot be read: {error}") from error
    if checks.header is None or not checks.moments:
        missing = "the header" if checks.header is None else "a moment after the header"
        raise RecordingRefused(file, number + 1, f"{missing} is missing")
    return Recording(header=checks.header, moments=tuple(checks.moments))


def load_folder(folder: Path = SHIPPED) -> Loaded:
    """Reads every recording under a folder. One that is refused leaves the others playing.

    Raises NotADirectoryError when there is no such folder: that is a setting gone wrong.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder of recordings")
    found: dict[str, Recording] = {}
    refused: list[RecordingRefused] = []
    files = sorted(file for file in folder.rglob("*") if file.name.endswith(SUFFIXES))
    for file in files:
        try:
            _add(found, file)
        except RecordingRefused as error:
            refused.append(error)
            log.warning("recording refused", file=str(file), line=error.line, reason=error.reason)
    metrics.recordings_refused.set(len(refused))
    return Loaded(recordings=tuple(found[name] for name in sorted(found)), refused=tuple(refused))


def _add(found: dict[str, Recording], file: Path) -> None:
    if len(found) >= RECORDINGS_MAX:
        raise RecordingRefused(file, 1, f"a folder holds at most {RECORDINGS_MAX} recordings")
    recording = load(file)
    if recording.id in found:
        raise RecordingRefused(file, 1, f"another file has the id {recording.id!r}")
    found[recording.id] = recording


def encode(recording: Recording) -> bytes:
    """Returns the file's content; the same recording always gives the same bytes."""
    things = (recording.header, *recording.moments)
    return b"".join(msgspec.json.encode(_lean(msgspec.to_builtins(t))) + b"\n" for t in things)


def save(recording: Recording, folder: Path) -> Path:
    """Writes `<id>.jsonl` whole or not at all; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{recording.id}.jsonl"
    beside = file.with_suffix(".partial")
    beside.write_bytes(encode(recording))
    beside.replace(file)
    return file


class _Checks:
    """Takes the lines one after another and holds each against those before it."""

    def __init__(self) -> None:
        self.header: Header | None = None
        self.moments: list[Moment] = []
        self._status = MatchStatus.SCHEDULED
        self._at = float("-inf")
        self._keys: dict[str, int] = {}

    def take(self, number: int, line: bytes) -> None:
        """Decodes and checks one line; raises _Wrong or msgspec's error."""
        if self.header is None:
            self.header = _header.decode(line)
            return
        moment = _moment.decode(line)
        self._check_time(moment, self.header)
        self._check_score(moment)
        self._check_incidents(moment, number)
        self.moments.append(moment)

    def _check_time(self, moment: Moment, header: Header) -> None:
        if moment.at < self._at:
            raise _Wrong(f"`at` goes back from {self._at:g} to {moment.at:g}")
        if moment.at > header.duration_s:
            raise _Wrong(f"`at` is {moment.at:g}, after the match's {header.duration_s:g} s")
        self._at = moment.at

    def _check_score(self, moment: Moment) -> None:
        if moment.score is None:
            return
        if not may_move(self._status, moment.score.status):
            raise _Wrong(f"a match does not go from {self._status} to {moment.score.status}")
        self._status = moment.score.status
        told = [i for i in moment.incidents if isinstance(i, Goal | Basket)]
        score = (moment.score.home, moment.score.away)
        if told and (told[-1].home, told[-1].away) != score and not _decided_on(moment.score):
            raise _Wrong(
                f"the score is {score[0]}-{score[1]},"
                f" but {told[-1].key!r} made it {told[-1].home}-{told[-1].away}"
            )

    def _check_incidents(self, moment: Moment, number: int) -> None:
        for incident in moment.incidents:
            if incident.key in self._keys:
                line = self._keys[incident.key]
                raise _Wrong(f"the incident {incident.key!r} stands on line {line} already")
            self._keys[incident.key] = number


def _decided_on(score: Score) -> bool:
    """Says whether a table, not the play, made the score."""
    return score.status is MatchStatus.AWARDED


def _lines(file: Path) -> Generator[bytes]:
    """Gives the lines without their ends, held to the three bounds while they are read."""
    size = 0
    with _opened(file) as content:
        for number in range(1, LINES_MAX + 2):
            line = content.readline(LINE_BYTES_MAX + 1)
            if not line:
                return
            size += len(line)
            if len(line) > LINE_BYTES_MAX:
                raise RecordingRefused(file, number, f"has more than {LINE_BYTES_MAX} bytes")
            if size > FILE_BYTES_MAX:
                raise RecordingRefused(file, number, f"more than {FILE_BYTES_MAX} bytes so far")
            if number > LINES_MAX:
                raise RecordingRefused(file, number, f"more than {LINES_MAX} lines")
            yield line.rstrip(b"\r\n")


def _opened(file: Path) -> IO[bytes]:
    if file.name.endswith(".gz"):
        return cast("IO[bytes]", gzip.open(file, "rb"))
    return file.open("rb")


def _lean(value: Any) -> Any:
    """Leaves out what is null or empty, all the way down; keys keep their order.

    Not the odds: there null says that a bookmaker offers nothing.
    """
    if isinstance(value, dict):
        told = cast("dict[str, Any]", value)
        return {k: _lean(v) for k, v in told.items() if v not in (None, ()) or k == "odds"}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_lean(each) for each in cast("Sequence[Any]", value)]
    return value
