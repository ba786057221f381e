"""Recognise the stream of a saved response, and check that each record can be stored exactly."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec

from pipelines.errors import LookbackError
from pipelines.extract.records import to_micros
from pipelines.files.reading import SHOWN, Item, malformed
from pipelines.spec import ExchangeSpec, StreamSpec

Fields = Mapping[str, msgspec.Raw]

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])

# Numbers that the models convert exactly: see the macros `minor_units` and `amount`.
MINOR_UNITS = re.compile(r"[+-]?[0-9]{1,38}(\.0*)?")
DECIMAL = re.compile(r"[+-]?(?=\.?[0-9])0*[0-9]{0,20}(\.[0-9]{0,18}0*)?")
ISO_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)?"
)
TIME_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
ACCOUNT_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,39}")
DECIMAL_WITH_EXPONENT = re.compile(
    r"[+-]?(?P<whole>[0-9]{1,20})(\.(?P<fraction>[0-9]{1,30}))?[eE](?P<power>[+-]?[0-9]{1,2})"
)


class Fault(NamedTuple):
    """A value because of which a record cannot be stored."""

    field: str
    text: str
    why: str

    def __str__(self) -> str:
        if not self.text:
            return f"{self.field} {self.why}"
        shown = self.text if len(self.text) <= SHOWN else f"{self.text[:SHOWN]}…"
        return f"{self.field} {shown!r} {self.why}"


def fields_of(name: str, items: Sequence[Item]) -> list[Fields]:
    """The fields of each item. Raises LookbackError if an item is not a JSON object."""
    found: list[Fields] = []
    for item in items:
        try:
            found.append(_FIELDS.decode(item.raw))
        except (msgspec.DecodeError, RecursionError) as error:
            raise malformed(name, "its items are not JSON objects") from error
    return found


def recognise(spec: ExchangeSpec, names: Collection[str]) -> StreamSpec | None:
    """The stream whose required fields are all present; of several, the most similar one.

    Names are compared without case: some exports write all names in lower case.
    """
    seen = {name.casefold() for name in names}
    found = [stream for stream in spec.streams if not _lacking(stream, seen)]
    return max(found, key=lambda stream: _likeness(stream, seen), default=None)


def not_recognised(
    spec: ExchangeSpec, name: str, names: Collection[str], nearest_site_file: str = ""
) -> LookbackError:
    """The error for a file of no known stream, with the fields that the nearest stream requires.

    The message only has field names of the spec, and nothing from the file.
    """
    seen = {name.casefold() for name in names}
    nearest = max(
        (stream for stream in spec.streams if seen & _folded(stream.fields)),
        key=lambda stream: (-len(_lacking(stream, seen)), *_likeness(stream, seen)),
        default=None,
    )
    lacks = (
        f": {nearest.path} also has {', '.join(_lacking(nearest, seen))}"
        if nearest is not None
        else ""
    )
    if nearest_site_file:
        return LookbackError(
            f"{name} is not a known file of {spec.title}: {nearest_site_file}",
            remedy="import it with a mapping of its columns (--map), or report its header",
        )
    return LookbackError(
        f"{name} is not a known saved response of {spec.title}{lacks}",
        remedy="save the response of an endpoint with the API's own field names, or import the "
        "file with a mapping of its columns (--map)",
    )


def _folded(names: Collection[str]) -> set[str]:
    return {name.casefold() for name in names}


def _lacking(stream: StreamSpec, seen: Collection[str]) -> list[str]:
    return [name for name in stream.required if name.casefold() not in seen]


def _likeness(stream: StreamSpec, seen: set[str]) -> tuple[int, int]:
    """Sort key: most shared fields, then fewest missing fields."""
    fields = _folded(stream.fields)
    return len(seen & fields), -len(fields - seen)


def respelled(stream: StreamSpec, items: Sequence[Item], found: Sequence[Fields]) -> list[Item]:
    """The items with the stream's spelling of field names; values are unchanged."""
    own = {name.casefold(): name for name in stream.fields}
    known = set(stream.fields)

    def spelling(name: str) -> str:
        return name if name in known else own.get(name.casefold(), name)

    return [
        item
        if all(spelling(name) == name for name in fields)
        else Item(msgspec.json.encode({spelling(name): fields[name] for name in fields}), item.line)
        for item, fields in zip(items, found, strict=True)
    ]


def faults_of(stream: StreamSpec, raw: bytes) -> list[Fault]:
    """Why a record cannot be stored: missing required values, invalid times or amounts."""
    fields = _FIELDS.decode(raw)
    texts = {name: _text(fields[name]) for name in _checked(stream) if name in fields}
    faults = []
    if stream.kind == "history":
        faults += [Fault(name, "", "is missing") for name in stream.required if not texts.get(name)]
    for name in (stream.time_field, *stream.other_times):
        if (text := texts.get(name)) and not _is_time(stream, text):
            faults.append(Fault(name, text, "is not a time"))
    for name in stream.minor_fields:
        if (text := texts.get(name)) and not MINOR_UNITS.fullmatch(text):
            faults.append(Fault(name, text, "is not a whole number"))
    for name in stream.decimal_fields:
        if (text := texts.get(name)) and not is_decimal(text):
            faults.append(Fault(name, text, "is not a number with at most 18 decimals"))
    return faults


def _checked(stream: StreamSpec) -> set[str]:
    return {
        *stream.required,
        stream.time_field,
        *stream.other_times,
        *stream.minor_fields,
        *stream.decimal_fields,
    }


def _text(raw: msgspec.Raw) -> str:
    """A value as text; "" for null."""
    written = bytes(raw).strip()
    if written == b"null":
        return ""
    if written.startswith(b'"'):
        return str(msgspec.json.decode(written)).strip()
    return written.decode()


def _is_time(stream: StreamSpec, text: str) -> bool:
    """Whether a text is a time with its seconds: a spreadsheet may remove or round them."""
    form = ISO_TIME if stream.time_unit == "iso8601" else TIME_NUMBER
    return form.fullmatch(text) is not None and to_micros(text, stream.time_unit) is not None


def is_decimal(text: str) -> bool:
    """Whether decimal(38, 18) can store a number exactly."""
    if found := DECIMAL_WITH_EXPONENT.fullmatch(text):
        power = int(found["power"])
        fraction = (found["fraction"] or "").rstrip("0")
        return len(fraction) - power <= 18 and len(found["whole"].lstrip("0")) + power <= 20
    return DECIMAL.fullmatch(text) is not None
