"""How alike two names are: of teams, of players, of leagues. Pure.

A name is taken apart into plain lower-case words. Of these, *decorations* ("FC", "1846") say
nothing, *class words* ("United", "City") tell clubs of one town apart but name none, the others
name the side. *Qualifiers* (women, U19, reserves) are kept apart: sides of different qualifiers
are never the same, however alike the rest is. What no rule derives (nicknames, towns in other
languages) stands in `aliases/names.toml`.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from anyascii import anyascii
from rapidfuzz.distance import DamerauLevenshtein
from rapidfuzz.fuzz import ratio

# Names remembered taken apart, and pairs compared: a day of 5,000 matches has some 20,000 names. A
# name is about 1.5 kB, a pair 200 bytes.
NAMES_MAX = 20_000
PAIRS_MAX = 65_536

EXACT = 1.0
# How far a likeness of single words is believed.
CONTRACTED = 0.95  # "nott'm" is Nottingham
MISSPELT = 0.9  # a letter, in long words two
INITIALS = 0.9  # "SG" is Saint-Germain
ABBREVIATED = 0.82  # "Ein" may be Eintracht
# How far a likeness of whole names is believed when words of one are missing in the other.
CLASS_WORD_MISSING = 0.86  # "Leicester" and "Leicester City"
NAME_WORD_MISSING = 0.7  # "Celta" and "Celta Vigo"
ONLY_CLASS_WORDS = 0.4  # "Athletic" and "Charlton Athletic"
# Both have words the other has not: at most this, times the share they have in common.
BOTH_DIFFER = 0.6
BOTH_DIFFER_MAX = 0.45
CLASS_WEIGHT = 0.35
# Names without a word in common, spelt alike as a whole (a space set otherwise).
WHOLE_ALIKE = 88.0
WHOLE = 0.8


class Name(msgspec.Struct, frozen=True):
    """A team's name taken apart. `club` is its line in the table of aliases."""

    words: tuple[str, ...]
    qualifiers: frozenset[str]
    initials: str
    club: int | None = None


class Player(msgspec.Struct, frozen=True):
    """A player's name: its words without order, and initials."""

    words: frozenset[str]
    initials: tuple[str, ...]


TABLE: dict[str, Any] = tomllib.loads(
    (Path(__file__).parent / "aliases" / "names.toml").read_text("utf-8")
)


def _folded(word: str) -> str:
    """Returns a word with what is written in two letters or one (oe, ue, ae, aa, dj) in one."""
    for two, one in (("oe", "o"), ("ue", "u"), ("ae", "a"), ("aa", "a"), ("dj", "d")):
        word = word.replace(two, one)
    return word


_DECORATIONS = frozenset(map(_folded, TABLE["decorations"].split()))
_CLASS_WORDS = frozenset(map(_folded, TABLE["class_words"].split()))
_WORDS = {_folded(k): tuple(map(_folded, v.split())) for k, v in TABLE["words"].items()}
_QUALIFIERS = {
    _folded(word): kind for kind, words in TABLE["qualifiers"].items() for word in words.split()
}
_AGE = re.compile(r"\b(?:u|under|sub)[\s-]?(\d\d)s?\b")
_ARTICLE = re.compile(r"\b(d|l|dell|all|sant|n)'(?=\w{3})")
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)?")


@lru_cache(NAMES_MAX)
def plain_words(text: str) -> tuple[str, ...]:
    """Returns a name's words in plain lower-case letters, in order."""
    plain = anyascii(text).lower().replace("`", "'").replace("&", " and ")
    plain = re.sub(r"\b([a-z])\.(?=[a-z]\b)", r"\1", plain).replace("'s ", "s ")
    plain = _ARTICLE.sub(r"\1 ", plain)
    plain = re.sub(r"'(?!\w)|(?<!\w)'", " ", _AGE.sub(r"u\1", plain))
    found: list[str] = []
    for word in _WORD.findall(plain):
        folded = _folded(word)
        found += _WORDS.get(folded, (folded,))
    return tuple(found)


def _qualified(words: Sequence[str]) -> tuple[list[str], frozenset[str]]:
    """Returns the words without qualifiers, and those; short ones count at the end only."""
    rest = list(words)
    kinds: set[str] = set()
    for word in words:
        long_one = len(word) > 3 and word in _QUALIFIERS
        if (long_one or re.fullmatch(r"u\d\d", word)) and len(rest) > 1:
            rest.remove(word)
            kinds.add(_QUALIFIERS.get(word, word))
    while len(rest) > 1 and rest[-1] in _QUALIFIERS:
        kinds.add(_QUALIFIERS[rest.pop()])
    return rest, frozenset(kinds)


def _bare(words: Iterable[str]) -> tuple[str, ...]:
    """Returns the words that are no decoration; all of them when nothing else is left."""
    words = tuple(words)
    left = tuple(w for w in words if w not in _DECORATIONS and not w.isdigit())
    return left or tuple(w for w in words if not w.isdigit()) or words


def _spellings(line: str) -> tuple[tuple[str, ...], ...]:
    return tuple(dict.fromkeys(_bare(plain_words(s.lstrip("! "))) for s in line.split("|")))


def _lines() -> tuple[list[tuple[tuple[str, ...], ...]], dict[tuple[str, ...], int]]:
    lines: list[tuple[tuple[str, ...], ...]] = []
    clubs: dict[tuple[str, ...], int] = {}
    for number, line in enumerate((*TABLE["names"]["clubs"], *TABLE["names"]["countries"])):
        lines.append(_spellings(line))
        for spelling in line.split("|"):
            words = plain_words(spelling.lstrip("! "))
            clubs[words] = number
            if not spelling.strip().startswith("!"):
                clubs.setdefault(_bare(words), number)
    return lines, clubs


_LINES, _CLUBS = _lines()


@lru_cache(NAMES_MAX)
def team_name(text: str) -> Name:
    """Returns a team's name taken apart."""
    words, qualifiers = _qualified(plain_words(text))
    bare = _bare(words)
    club = _CLUBS.get(tuple(words))
    if club is None:
        club = _CLUBS.get(bare)
    return Name(bare, qualifiers, "".join(word[0] for word in bare), club)


@lru_cache(NAMES_MAX)
def player_names(text: str) -> tuple[Player, ...]:
    """Returns the players a name is of, two in doubles: "R. Federer", "Federer, Roger" alike."""
    found: list[Player] = []
    for one in re.split(r"\s*/\s*|\s+&\s+|\s+and\s+", text):
        words = [_folded(w) for w in _WORD.findall(anyascii(one).lower().replace("'", ""))]
        full = frozenset(word for word in words if len(word) > 1)
        found.append(Player(full, tuple(word for word in words if len(word) == 1)))
    return tuple(found)


def qualifiers_of(name: str, *, individual: bool = False) -> frozenset[str]:
    """Returns what kind of a side a name says it is: women, u19, reserve ... empty for most."""
    if individual:
        return frozenset({"doubles"}) if len(player_names(name)) > 1 else frozenset()
    return team_name(name).qualifiers


def key_of(name: str, *, individual: bool = False) -> str:
    """Returns a key that names spelt alike share, qualifiers included; never empty."""
    if individual:
        players = sorted(
            " ".join((*sorted(p.words), *sorted(p.initials))) for p in player_names(name)
        )
        return " / ".join(players) or "x"
    parts = team_name(name)
    words = _LINES[parts.club][0] if parts.club is not None else parts.words
    return " ".join((*words, *(f"({q})" for q in sorted(parts.qualifiers)))) or "x"


@lru_cache(PAIRS_MAX)
def likeness(one: str, other: str, *, individual: bool = False) -> float:
    """Returns how alike two names of sides are, 0 to 1, their qualifiers left aside.

    From 0.8 on they are the same unless something speaks against it; 0 says that they are known to
    be two.
    """
    if individual:
        return _pairs_likeness(player_names(one), player_names(other))
    a, b = team_name(one), team_name(other)
    if a.club is not None and b.club is not None:
        return EXACT if a.club == b.club else 0.0
    if a.words == b.words or "".join(a.words) == "".join(b.words):
        return EXACT
    return max(_words_likeness(x, y) for x in _ways_to_say(a) for y in _ways_to_say(b))


def _ways_to_say(name: Name) -> tuple[tuple[str, ...], ...]:
    return (name.words,) if name.club is None else (name.words, *_LINES[name.club])


def _weight(word: str) -> float:
    return CLASS_WEIGHT if word in _CLASS_WORDS else 1.0


def _word_likeness(one: str, other: str) -> float:
    short, long = sorted((one, other), key=len)
    if one == other:
        return EXACT
    if "'" in short or "'" in long:
        head, _, tail = (one if "'" in one else other).partition("'")
        whole = other if "'" in one else one
        return CONTRACTED if whole.startswith(head) and whole.endswith(tail) else 0.0
    if len(short) >= 2 and long.startswith(short):
        return ABBREVIATED
    slips = 2 if len(short) >= 9 else 1 if len(short) >= 5 else 0
    if slips and DamerauLevenshtein.distance(one, other, score_cutoff=slips) <= slips:
        return MISSPELT
    return 0.0


def _words_likeness(a: Sequence[str], b: Sequence[str]) -> float:
    left_a, left_b = list(a), list(b)
    weight, alike = 0.0, 0.0
    pairs = sorted(((_word_likeness(x, y), x, y) for x in a for y in b), reverse=True)
    for how, x, y in pairs:
        if how and x in left_a and y in left_b:
            left_a.remove(x)
            left_b.remove(y)
            both = min(_weight(x), _weight(y))
            weight, alike = weight + both, alike + both * how
    for short, long in ((left_a, left_b), (left_b, left_a)):
        if len(short) == 1 and len(long) > 1 and short[0] == "".join(word[0] for word in long):
            weight, alike = weight + 1, alike + INITIALS
            left_a, left_b = [], []
            break
    if not weight:
        return WHOLE if ratio("".join(a), "".join(b)) >= WHOLE_ALIKE else 0.0
    return _judged(alike / weight, weight, left_a, left_b)


def _judged(alike: float, weight: float, left_a: list[str], left_b: list[str]) -> float:
    """Returns the likeness of names whose common words have `weight` and these are left over."""
    missing = [*left_a, *left_b]
    if left_a and left_b:
        share = weight / (weight + sum(map(_weight, missing)))
        return min(BOTH_DIFFER_MAX, BOTH_DIFFER * share * alike)
    if not missing:
        return alike
    if weight < 1:
        return ONLY_CLASS_WORDS * alike
    only_class = all(word in _CLASS_WORDS for word in missing)
    return (CLASS_WORD_MISSING if only_class else NAME_WORD_MISSING) * alike


def _pairs_likeness(a: tuple[Player, ...], b: tuple[Player, ...]) -> float:
    if len(a) != len(b):
        return 0.0
    if len(a) == 1:
        return _player_likeness(a[0], b[0])
    crossed = (a[1], a[0], *a[2:])
    return max(
        min(_player_likeness(x, y) for x, y in zip(order, b, strict=True)) for order in (a, crossed)
    )


def _player_likeness(a: Player, b: Player) -> float:
    """Returns 1 for the same words; initials must stand for words the other name has."""
    if a.words == b.words and sorted(a.initials) == sorted(b.initials):
        return EXACT
    common = a.words & b.words
    left_a, left_b = a.words - common, b.words - common
    close = 1.0
    for word in sorted(left_a):
        found = next((w for w in sorted(left_b) if _player_word_likeness(word, w)), None)
        if found is not None:
            left_a, left_b = left_a - {word}, left_b - {found}
            common, close = common | {found}, MISSPELT
    if not common or (left_a and left_b):
        return 0.0
    longer, shorter = (a, b) if left_a else (b, a)
    left = left_a or left_b
    heads = sorted(word[0] for word in left)
    told = [i for i in shorter.initials if i not in longer.initials]
    if any(initial not in heads for initial in told) and (left or longer.initials):
        return 0.0
    if left and not shorter.initials:
        return CLASS_WORD_MISSING * close
    return (CONTRACTED if heads == sorted(told) else MISSPELT) * close


def _player_word_likeness(one: str, other: str) -> bool:
    """Says whether two words of players may be one: Alex and Alexander, a slip in a long one."""
    short, long = sorted((one, other), key=len)
    if len(short) >= 4 and long.startswith(short):
        return True
    return len(short) >= 7 and DamerauLevenshtein.distance(one, other, score_cutoff=1) <= 1


def is_full_name(name: str) -> bool:
    """Says whether a player's name has a given name and a surname, and no initials."""
    return all(len(player.words) > 1 and not player.initials for player in player_names(name))


def keys_in(name: str, *, individual: bool = False, asked: bool = False) -> frozenset[str]:
    """Returns keys of which names that are at all alike share one: `asked` for the name looked up,
    without for those it is looked up among.
    """
    if individual:
        words = {word for player in player_names(name) for word in player.words}
        return frozenset(word[:3] for word in words)
    return frozenset(_team_keys(team_name(name), asked))


@lru_cache(NAMES_MAX)
def _team_keys(name: Name, asked: bool) -> tuple[str, ...]:  # noqa: FBT001 - of a cached function.
    found: set[str] = set()
    for words in _ways_to_say(name):
        own = [word for word in words if word not in _CLASS_WORDS] or list(words)
        if len(words) >= 3:
            found.add("@" + "".join(word[0] for word in words))
        elif len(words) == 1:
            found.add(f"@{words[0]}")
        for word in own:
            # "sp" has to meet "sporting", but not every word with sp every other.
            heads = {word[:2], word[:3]}
            if len(word) <= 3:
                found |= {f"{word}~", f"~{word}"} if asked else {f"~{word}"}
            else:
                found |= {word[:4], word[-5 if len(word) >= 8 else -4 :]}
            if asked:
                found |= {f"~{head}" for head in heads}
            elif len(word) > 2:
                found |= {f"{head}~" for head in heads}
    if name.club is not None:
        found.add(f"#{name.club}")
    # A set of them takes five times as much, and names share many.
    return tuple(map(sys.intern, found))
