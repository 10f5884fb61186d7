"""Reads football.txt with goals, line-ups, cards, substitutions and shoot-outs.

A match in this format:

    Sun Dec 18 18:00 UTC+3 @ Lusail Stadium, Al Daayen, Att: 88966
      Argentina v France  3-3 a.e.t., 4-2 pen.
         (Lionel MESSI 23'(p), 108', Angel DI MARIA 36'; Kylian MBAPPE 80'(p), ...)

    Penalties: 0-1 Kylian MBAPPE, 1-1 Lionel MESSI, Kingsley COMAN (missed), ...

    Argentina: Emiliano MARTINEZ [Y 125'] - Nicolas TAGLIAFICO (120+1' Paulo DYBALA), ...
    France: Hugo LLORIS [c] - ...

    Refs: ...

An own goal stands with the team it counts for. When only one side scored there is no `;`.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Literal

import msgspec

from app.providers.replay.conversion.teller import SourceContradiction
from app.sports.incidents import Side

Minute = tuple[int, int]  # 45+2' is (45, 2).
GoalKind = Literal["penalty", "own_goal"]

_HOW: dict[str | None, GoalKind | None] = {"p": "penalty", "og": "own_goal", None: None}

_DATE = re.compile(r"^\w{3} (\w{3}) (\d+) (\d+):(\d\d) UTC([+-]\d+)")
_RESULT = re.compile(r"^  (\S.*?) v (\S.*?)  (\d+)-(\d+)( a\.e\.t\.)?(?:, (\d+)-(\d+) pen\.)?\s*$")
_GOAL = re.compile(r"(?:(?P<name>[^\d,;]+?)\s+)?(?P<m>\d+)(?:\+(?P<x>\d+))?'(?:\((?P<how>p|og)\))?")
_ATTEMPT = re.compile(r"(?:\d+-\d+\s+)?([^\d,(]+?)\s*(\(missed\))?\s*(?:,|$)")
_TOKEN = re.compile(
    r"\[(?P<card>Y|R|Y/R) (?P<cm>\d+)(?:\+(?P<cx>\d+))?'\]|\((?P<sm>\d+)(?:\+(?P<sx>\d+))?' "
    r"|(?P<close>\))|(?P<captain>\[c\])|(?P<part>,| - )"
    r"|(?P<name>[^\[\](),]+?)(?=\s*(?:[\[(),]| - |$))"
)


class TextGoal(msgspec.Struct, frozen=True, kw_only=True):
    """A goal, for the side it counts for."""

    side: Side
    minute: Minute
    player: str
    how: GoalKind | None


class TextCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card."""

    side: Side
    minute: Minute
    player: str
    colour: Literal["yellow", "second_yellow", "red"]


class TextSubstitution(msgspec.Struct, frozen=True, kw_only=True):
    """One on, one off."""

    side: Side
    minute: Minute
    player_on: str
    player_off: str


class TextAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a shoot-out."""

    side: Side
    player: str
    scored: bool


TextIncident = TextGoal | TextCard | TextSubstitution


class TextMatch(msgspec.Struct, frozen=True, kw_only=True):
    """A match as the text has it; `score` is after extra time, `shootout` None without one."""

    start_time: datetime
    home: str
    away: str
    score: tuple[int, int]
    extra_time: bool
    shootout: tuple[int, int] | None
    incidents: tuple[TextIncident, ...]
    attempts: tuple[TextAttempt, ...]


def read_text(text: str, year: int) -> list[TextMatch]:
    """Returns the matches of a whole file, in its order."""
    lines = text.splitlines()
    starts = [place for place, line in enumerate(lines) if _DATE.match(line)]
    return [_match(lines[a:b], year) for a, b in pairwise([*starts, len(lines)])]


def _match(lines: list[str], year: int) -> TextMatch:
    result = _RESULT.match(lines[1])
    if result is None:
        raise SourceContradiction(f"not a result: {lines[1]!r}")
    home, away, home_goals, away_goals, extra, home_pens, away_pens = result.groups()
    score = (int(home_goals), int(away_goals))
    blocks = _blocks(lines[2:])
    return TextMatch(
        start_time=_start(lines[0], year),
        home=home,
        away=away,
        score=score,
        extra_time=extra is not None,
        shootout=None if home_pens is None else (int(home_pens), int(away_pens)),
        incidents=(
            *_goals(blocks.get("goals", ""), score),
            *_line_up(blocks[home], "home"),
            *_line_up(blocks[away], "away"),
        ),
        attempts=tuple(_attempts(blocks.get("Penalties", ""))),
    )


def _spoken(name: str) -> str:
    """Returns a name as people write it: the source has surnames in capitals."""
    return re.sub(r"[^\W\d_]{2,}", lambda w: w[0].capitalize() if w[0].isupper() else w[0], name)


def _start(line: str, year: int) -> datetime:
    date = _DATE.match(line)
    if date is None:
        raise SourceContradiction(f"not a date: {line!r}")
    month, day, hour, minute, offset = date.groups()
    number = "JanFebMarAprMayJunJulAugSepOctNovDec".index(month) // 3 + 1
    zone = timezone(timedelta(hours=int(offset)))
    return datetime(year, number, int(day), int(hour), int(minute), tzinfo=zone).astimezone(UTC)


def _blocks(lines: list[str]) -> dict[str, str]:
    """Joins the lines of each paragraph under its name; the goals have none."""
    blocks: dict[str, str] = {}
    name = "goals"
    for line in lines:
        head, colon, rest = line.partition(":")
        if line[:1].strip() and line[0] not in "▪=#" and colon:
            name = head
            blocks[name] = rest.strip()
        elif line.startswith(" "):
            blocks[name] = f"{blocks.get(name, '')} {line.strip()}".strip()
    return blocks


def _goals(block: str, score: tuple[int, int]) -> Iterator[TextGoal]:
    home, semicolon, away = block.removeprefix("(").removesuffix(")").partition(";")
    if block and not semicolon and score[0] == 0:
        home, away = "", home
    sides: tuple[tuple[Side, str], ...] = (("home", home), ("away", away))
    for side, told in sides:
        player = ""
        for goal in _GOAL.finditer(told):
            player = (goal["name"] or "").strip(" ,") or player
            yield TextGoal(
                side=side,
                minute=(int(goal["m"]), int(goal["x"] or 0)),
                player=_spoken(player),
                how=_HOW[goal["how"]],
            )


def _line_up(block: str, side: Side) -> Iterator[TextIncident]:
    """Walks a line-up; who comes on stands in brackets after the one who goes off."""
    on: list[str] = [""]
    coming: list[Minute] = []
    for token in _TOKEN.finditer(block):
        if token["card"]:
            colour = {"Y": "yellow", "R": "red", "Y/R": "second_yellow"}[token["card"]]
            minute = (int(token["cm"]), int(token["cx"] or 0))
            yield msgspec.convert(
                {"side": side, "minute": minute, "player": on[-1], "colour": colour}, TextCard
            )
        elif token["sm"]:
            coming.append((int(token["sm"]), int(token["sx"] or 0)))
            on.append("")
        elif token["close"]:
            on.pop()
            coming.pop()
        elif token["name"] and token["name"].strip():
            name = _spoken(token["name"].strip())
            if len(on) > 1 and not on[-1]:
                yield TextSubstitution(
                    side=side, minute=coming[-1], player_on=name, player_off=on[-2]
                )
            on[-1] = name


def _attempts(block: str) -> Iterator[TextAttempt]:
    """Takes turns from the first one on; the running score tells who that was."""
    told = [(a[1].strip(), a[2] is None, a[0]) for a in _ATTEMPT.finditer(block) if a[1].strip()]
    if not told:
        return
    place, first = next((p, t[2]) for p, t in enumerate(told) if t[1])
    scorer_is_home = first.startswith("1-0")
    home_began = scorer_is_home == (place % 2 == 0)
    for turn, (player, scored, _) in enumerate(told):
        side: Side = "home" if (turn % 2 == 0) == home_began else "away"
        yield TextAttempt(side=side, player=_spoken(player), scored=scored)
