"""What a request says: ids in its path, its query, a page's cursor. Bad input ends here."""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Any, Optional, TypeVar, get_origin
from urllib.parse import parse_qsl

import msgspec
from litestar.types import Scope
from msgspec import Meta

from app.errors import FieldError, MalformedCursor, MalformedId, MalformedRequest, NotFound
from app.sports.ids import WIRE_ID_LENGTH_MAX, is_wire_id, number_of

QUERY_BYTES_MAX = 8_192
QUERY_FIELDS_MAX = 50
PAGE_ITEMS_DEFAULT = 50
PAGE_ITEMS_MAX = 200
CURSOR_LENGTH_MAX = 400
# Beyond these Postgres and Python disagree on what a time is once its zone is taken off.
YEAR_MIN, YEAR_MAX = 1900, 9000

Q = TypeVar("Q", bound="Query")
K = TypeVar("K")

WireId = Annotated[
    str,
    Meta(
        description=f"An id: 1 to {WIRE_ID_LENGTH_MAX} characters of A-Z, a-z, 0-9, '_', '.', '-'.",
        # It is `is_wire_id` that checks it; this tells OpenAPI.
        extra_json_schema={"pattern": "^[A-Za-z0-9_.-]{1,100}$"},
    ),
]
Time = Annotated[datetime, Meta(tz=True, description="RFC 3339, with its zone.")]
_CURSOR = re.compile(r"[A-Za-z0-9_-]+\Z")
_DATE_FIRST = re.compile(r"\d{4}-\d\d-\d\d[Tt ]", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]{1,18}\Z")
_CHECK_BYTES = 8
_NOT_AN_ID = "is not an id"
# Values to compare with; pyright refuses `|` between Annotated and None outside an annotation.
_ID_OR_NONE = Optional[WireId]  # noqa: UP045
_TIME_OR_NONE = Optional[Time]  # noqa: UP045


class Query(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The query of an endpoint. Fields that are tuples may be repeated or hold a comma list."""


class PageQuery(Query, frozen=True, kw_only=True):
    """The query of a list."""

    limit: Annotated[
        int, Meta(ge=1, le=PAGE_ITEMS_MAX, description="Items a page holds at most.")
    ] = PAGE_ITEMS_DEFAULT
    cursor: Annotated[str, Meta(description="`nextCursor` of the page before.")] | None = None


def number_in(text: str, what: str) -> int:
    """Returns our number behind an id in a path.

    Raises MalformedId for what can't be an id, NotFound for one that nothing of ours has.
    """
    if not is_wire_id(text):
        raise MalformedId
    number = number_of(text)
    if number is None:
        raise NotFound(f"There is no {what} {text}.")
    return number


def number_or_none(text: str | None) -> int | None:
    """Returns our number behind an id that narrows a list; 0, which nothing has, for an unknown."""
    return None if text is None else number_of(text) or 0


def read_query(scope: Scope, kind: type[Q]) -> Q:
    """Returns the query as its struct; unknown fields are ignored.

    Raises MalformedRequest, or MalformedId, with every field that is wrong.
    """
    fields = _fields_of(scope["query_string"])
    known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, given in fields.items():
        field = known.get(name)
        if field is None:
            continue
        if _is_list(field.type):
            values[name] = [part for text in given for part in text.split(",")]
        elif len(given) > 1:
            errors.append(FieldError(field=name, message="is given more than once"))
        else:
            values[name] = given[0]
            errors.extend(_wrong_in(field, given[0]))
    if errors:
        only_ids = all(error.message == _NOT_AN_ID for error in errors)
        raise (MalformedId if only_ids else MalformedRequest)(_told(errors), errors=tuple(errors))
    return _convert(values, kind)


def _wrong_in(field: msgspec.structs.FieldInfo, text: str) -> list[FieldError]:
    """Returns what msgspec would let pass: "1e1" as a number, a bare number as a time."""
    if getattr(field.type, "__origin__", None) is int and _WHOLE.match(text) is None:
        return [FieldError(field=field.encode_name, message="is not a whole number")]
    if field.type == _ID_OR_NONE and not is_wire_id(text):
        return [FieldError(field=field.encode_name, message=_NOT_AN_ID)]
    if field.type == _TIME_OR_NONE and _DATE_FIRST.match(text) is None:
        return [FieldError(field=field.encode_name, message="is not an RFC 3339 time")]
    return []


def _told(errors: Iterable[FieldError]) -> str:
    return "; ".join(f"{error.field}: {error.message}" for error in errors)


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _fields_of(query_string: bytes) -> dict[str, list[str]]:
    if len(query_string) > QUERY_BYTES_MAX:
        raise MalformedRequest(f"The query has more than {QUERY_BYTES_MAX} bytes.")
    try:
        pairs = parse_qsl(
            query_string.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=QUERY_FIELDS_MAX,
        )
    except UnicodeDecodeError as error:
        raise MalformedRequest("The query is not UTF-8.") from error
    except ValueError as error:
        raise MalformedRequest(f"The query has more than {QUERY_FIELDS_MAX} fields.") from error
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\0" in name or "\0" in value:
            raise MalformedRequest("The query has a NUL in it.")
        fields.setdefault(name, []).append(value)
    return fields


def _convert(values: dict[str, Any], kind: type[Q]) -> Q:
    try:
        query = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$.")
        field = re.split(r"[\[`]", place, maxsplit=1)[0]
        wrong = FieldError(field=field, message=message)
        raise MalformedRequest(_told([wrong]), errors=(wrong,)) from error
    for field in msgspec.structs.fields(kind):
        value = getattr(query, field.name)
        if isinstance(value, datetime) and not YEAR_MIN <= value.year <= YEAR_MAX:
            wrong = FieldError(field=field.encode_name, message="is out of range")
            raise MalformedRequest(_told([wrong]), errors=(wrong,))
    return query


def seal(about: str, key: tuple[Any, ...]) -> str:
    """Returns the cursor that names the key of a page's last item.

    `about` is the endpoint with its filters: a cursor serves only the list it was made for.
    """
    payload = msgspec.json.encode(key)
    return _spell(_check_of(about, payload) + payload)


def unseal(about: str, cursor: str | None, kind: type[K]) -> K | None:
    """Returns the key in a cursor, None without one; raises MalformedCursor for any other text."""
    if cursor is None:
        return None
    if len(cursor) > CURSOR_LENGTH_MAX or _CURSOR.match(cursor) is None:
        raise MalformedCursor
    try:
        sealed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (binascii.Error, ValueError) as error:
        raise MalformedCursor from error
    check, payload = sealed[:_CHECK_BYTES], sealed[_CHECK_BYTES:]
    if check != _check_of(about, payload) or _spell(sealed) != cursor:
        raise MalformedCursor
    try:
        return msgspec.json.decode(payload, type=kind)
    except msgspec.DecodeError as error:
        raise MalformedCursor from error


def _spell(sealed: bytes) -> str:
    """Returns the one text of a cursor's bytes; other spellings of it are not ours."""
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _check_of(about: str, payload: bytes) -> bytes:
    """Returns what tells our cursor from a changed one. No secret: it guards no right."""
    return blake2b(payload, digest_size=_CHECK_BYTES, person=b"cursor", key=_key_of(about)).digest()


def _key_of(about: str) -> bytes:
    return blake2b(about.encode(), digest_size=16).digest()
