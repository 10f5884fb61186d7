"""The rules of the house that a machine can check. Each test says the rule and why it is one."""

import ast
import importlib
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from app import errors

PROJECT = Path(__file__).parents[1]
OURS = ("app", "workers", "migrations")
CHECKED = (*OURS, "tests", "bench")
# Other people's code, and what providers said.
EXEMPT = re.compile(r"^(app/pages/static/vendor/|.*/recordings?/)")
# Names that say nothing about what may not go in.
SAY_NOTHING = re.compile(
    r"(^|_)(utils?|helpers?|common|core|misc|base|lib|shared|kit|services?|managers?)(_|$)"
)
LINES_OF_FUNCTION_MAX = 60
LINES_OF_FILE_MAX = 400
POSITIONAL_MAX = 4
NESTING_MAX = 3
# Assembled here, so that this file doesn't contain what it forbids.
# The last as a word: a checksum of a lock file may hold its letters.
UNFINISHED = re.compile("|".join(("TO" + "DO", "FIX" + "ME", r"\bXX" + r"X\b")))
REGISTRY = re.compile("|".join((r"pypi\." + "org", r"pythonhosted\." + "org", r"npmjs\." + "org")))
MACHINE = re.compile(r"(?<![\w.])/(?:" + r"home/\w+|Users/\w+|work/(?:main|shared))\b")
# Alembic's own name; SQLAlchemy calls it so as well. And frames that are shared by all sockets:
# that is what the file is about.
NAMES_ALLOWED = {"app/database/tables/base.py", "app/serving/shared_frames.py"}

# Names of what only one side may know, and of what is made of it.
SECRET = re.compile(r"(password|secret|token|signature|signed|digest|hmac|hashed|hash|api_key)$")

Function = ast.FunctionDef | ast.AsyncFunctionDef
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.Match)
HOLDS = (ast.With, ast.AsyncWith)  # They hold something and branch nowhere.


def tracked() -> list[str]:
    """Returns the files of the project: those git knows, and new ones that it doesn't ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = listed.stdout.splitlines()
    return [name for name in names if (PROJECT / name).is_file() and not EXEMPT.match(name)]


FILES = tracked()
PYTHON = [name for name in FILES if name.endswith(".py") and name.startswith(CHECKED)]
PRODUCT = [name for name in PYTHON if name.startswith(OURS)]
PAGES = [name for name in FILES if name.endswith((".css", ".js", ".mjs"))]
# One worker reads all files, not each a part of the tests and all of the files.
pytestmark = pytest.mark.xdist_group("house rules")


@cache
def tree_of(name: str) -> ast.Module:
    """Returns a file as read, once: collecting the tests must not wait for it."""
    return ast.parse((PROJECT / name).read_text())


def functions(name: str) -> Iterator[Function]:
    """Yields every function of a file."""
    for node in ast.walk(tree_of(name)):
        if isinstance(node, Function):
            yield node


def at(name: str, node: Function | ast.ClassDef | ast.stmt) -> str:
    """Returns where something stands, as an editor takes it."""
    return f"{name}:{node.lineno} {getattr(node, 'name', '')}".rstrip()


def nesting_of(body: list[ast.stmt], depth: int = 0) -> int:
    """Returns how deep the blocks of a function go; an `elif` is no deeper than its `if`."""
    deepest = depth
    for node in body:
        if isinstance(node, HOLDS):
            deepest = max(deepest, nesting_of(node.body, depth))
        if not isinstance(node, BLOCKS):
            continue
        for block in blocks_of(node):
            is_elif = isinstance(node, ast.If) and block is node.orelse and len(block) == 1
            inner = depth if is_elif and isinstance(block[0], ast.If) else depth + 1
            deepest = max(deepest, nesting_of(block, inner))
    return deepest


def blocks_of(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Yields the blocks of a compound statement."""
    for part in (node, *getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        for field in ("body", "orelse", "finalbody"):
            if block := getattr(part, field, None):
                yield block


def test_there_is_something_to_check():
    assert len(PRODUCT) > 30
    assert "tests/test_house_rules.py" in PYTHON
    assert "app/pages/static/board.js" in PAGES


def test_no_place_has_a_name_that_says_nothing():
    """A homeless function belongs to the noun it takes."""
    places = {part for name in PYTHON for part in places_of(name)}
    assert sorted(place for place in places if SAY_NOTHING.search(Path(place).stem)) == []


def places_of(name: str) -> Iterator[str]:
    """Yields a file and the folders above it."""
    if name not in NAMES_ALLOWED:
        yield name
    yield from (str(folder) for folder in Path(name).parents if folder.name)


def test_no_function_imports_anything():
    """An import within a function hides a circle, and the circle is the bug."""
    found = [
        at(name, node)
        for name in PYTHON
        for function in functions(name)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not found, "\n".join(found)


def test_nothing_is_imported_for_type_checkers_only():
    """Litestar and msgspec read annotations at run time."""
    word = "TYPE" + "_CHECKING"
    assert [name for name in PYTHON if word in (PROJECT / name).read_text()] == []


def test_functions_are_short():
    found = [
        at(name, function)
        for name in PYTHON
        for function in functions(name)
        if (function.end_lineno or 0) - function.lineno + 1 > LINES_OF_FUNCTION_MAX
    ]
    assert not found, "\n".join(found)


def test_functions_take_few_things_by_position():
    found = [
        at(name, function)
        for name in PRODUCT
        for function in functions(name)
        if len(positional(function)) > POSITIONAL_MAX
    ]
    assert not found, "\n".join(found)


def positional(function: Function) -> list[str]:
    """Returns what is taken by position and used; a caller that isn't ours may hand more."""
    taken = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return [name for name in taken if name not in ("self", "cls") and not name.startswith("_")]


def test_nothing_is_nested_deeply():
    found = [
        at(name, function)
        for name in PRODUCT
        for function in functions(name)
        if nesting_of(function.body) > NESTING_MAX
    ]
    assert not found, "\n".join(found)


def test_files_are_short():
    found = [
        name
        for name in (*PYTHON, *PAGES)
        if len((PROJECT / name).read_text().splitlines()) > LINES_OF_FILE_MAX
    ]
    assert not found, "\n".join(found)


def test_modules_classes_and_public_functions_say_what_they_promise():
    found = [name for name in PYTHON if tree_of(name).body and not ast.get_docstring(tree_of(name))]
    for name in PRODUCT:
        if not name.startswith("migrations/versions/"):
            found += [
                at(name, node) for node in public(tree_of(name)) if not ast.get_docstring(node)
            ]
    assert not found, "\n".join(found)


def public(tree: ast.Module | ast.ClassDef) -> Iterator[Function | ast.ClassDef]:
    """Yields the public classes, and the public functions that are not within functions."""
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node)


def test_a_package_says_what_it_is_and_does_nothing():
    """What stands in an `__init__` runs for everybody who wants one file of the package."""
    found = [
        name for name in PRODUCT if name.endswith("/__init__.py") and len(tree_of(name).body) != 1
    ]
    assert not found, "\n".join(found)


def test_every_package_of_ours_says_what_it_is():
    folders = {str(Path(name).parent) for name in PRODUCT if "/versions/" not in name}
    assert sorted(folder for folder in folders if f"{folder}/__init__.py" not in PYTHON) == []


def test_error_codes_are_unique_and_explained():
    """Codes are what callers' programs look at; the first line of the docstring is the title."""
    for module in ("app.main", "workers.main"):
        importlib.import_module(module)
    for error in errors.catalogue():
        assert error.__doc__, error
        assert 400 <= error.status < 600, error
        assert error.title() != (errors.AppError.__doc__ or "").splitlines()[0], error


@pytest.mark.parametrize(
    "forbidden", [UNFINISHED, REGISTRY, MACHINE], ids=["unfinished", "registry", "machine"]
)
def test_no_file_holds_what_belongs_elsewhere(forbidden: re.Pattern[str]):
    """Unfinished work is an issue; where packages come from is the installer's business."""
    found = [
        f"{name}:{number}"
        for name in FILES
        for number, line in enumerate(lines_of(name), 1)
        if forbidden.search(line)
    ]
    assert not found, "\n".join(found)


def lines_of(name: str) -> list[str]:
    """Returns the lines of a text file, none of another."""
    try:
        return (PROJECT / name).read_text().splitlines()
    except UnicodeDecodeError:
        return []


def test_money_and_odds_are_never_floats():
    """A cent that does not add up is nobody's to find. Durations are timedeltas there."""
    rooms = ("app/wallet/", "app/payments/", "app/betting/")
    found = [
        f"{name}:{node.lineno}"
        for name in PRODUCT
        if name.startswith(rooms)
        for node in ast.walk(tree_of(name))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float | complex))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]
    assert not found, "\n".join(found)


def test_secrets_are_never_compared_by_how_much_of_them_fits():
    """`==` takes longer the more of a secret was guessed; `hmac.compare_digest` does not."""
    found = [
        f"{name}:{node.lineno} {ast.unparse(node)}"
        for name in PRODUCT
        # There nobody shows us a secret: they hold ours for others.
        if not name.startswith("app/providers/")
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.Compare)
        and any(isinstance(how, ast.Eq | ast.NotEq) for how in node.ops)
        and is_of_a_secret([node.left, *node.comparators])
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [
        ("given == made_signature", True),
        ("sign(body) != request.token", True),
        ("digest_of(a) == b", False),
        ("token == ''", False),
        ("User.token_hash == hashed", False),
        ("secret == DEVELOPMENT_SECRET", False),
    ],
)
def test_what_compares_secrets_is_found(text: str, *, is_refused: bool):
    compared = ast.parse(text, mode="eval").body
    assert isinstance(compared, ast.Compare)
    assert is_of_a_secret([compared.left, *compared.comparators]) is is_refused


def is_of_a_secret(compared: list[ast.expr]) -> bool:
    """Says whether one of them is named as a secret; not where Postgres compares, by a column, nor
    with what everybody knows.
    """
    names = [last_name(one) for one in compared]
    known = any(
        isinstance(one, ast.Constant) or name.isupper()
        for one, name in zip(compared, names, strict=True)
    )
    columns = any(ast.unparse(one)[:1].isupper() and "." in ast.unparse(one) for one in compared)
    return not known and not columns and any(SECRET.search(name) for name in names)


def last_name(node: ast.expr) -> str:
    """Returns what a thing is called where it is used: `b` of `a.b`, `f` of `f(x)`."""
    if isinstance(node, ast.Call):
        return last_name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def test_every_installed_package_is_held_against_its_hash():
    for lock in sorted((PROJECT / "requirements").glob("*.lock")):
        text = lock.read_text()
        assert "://" not in text, lock
        pins = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
        assert pins, lock
        assert all("==" in pin and "--hash=sha256:" in pin for pin in pins), lock
