"""Which stream a saved answer is of, and whether each of its records can be stored exactly."""

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

# What the models type exactly: see the macros `minor_units` and `amount`.
MINOR_UNITS = re.compile(r"[+-]?[0-9]{1,38}(\.0*)?")
DECIMAL = re.compile(r"[+-]?(?=\.?[0-9])0*[0-9]{0,20}(\.[0-9]{0,18}0*)?")
DECIMAL_WITH_EXPONENT = re.compile(
    r"[+-]?(?P<whole>[0-9]{1,20})(\.(?P<fraction>[0-9]{1,30}))?[eE](?P<power>[+-]?[0-9]{1,2})"
)


class Fault(NamedTuple):
    """A value that keeps a record from being stored."""

    field: str
    text: str
    why: str

    def __str__(self) -> str:
        if not self.text:
            return f"{self.field} {self.why}"
        shown = self.text if len(self.text) <= SHOWN else f"{self.text[:SHOWN]}…"
        return f"{self.field} {shown!r} {self.why}"


def fields_of(name: str, items: Sequence[Item]) -> list[Fields]:
    """The fields of each item. Raises LookbackError where one is no JSON object."""
    found: list[Fields] = []
    for item in items:
        try:
            found.append(_FIELDS.decode(item.raw))
        except (msgspec.DecodeError, RecursionError) as error:
            raise malformed(name, "its items are not JSON objects") from error
    return found


def recognise(spec: ExchangeSpec, names: Collection[str]) -> StreamSpec | None:
    """The stream whose required fields are all there; of several the one that shares most.

    The case of a name does not count: some exports write all names in lower case.
    """
    seen = {name.casefold() for name in names}
    found = [stream for stream in spec.streams if not _lacking(stream, seen)]
    return max(found, key=lambda stream: _likeness(stream, seen), default=None)


def not_recognised(spec: ExchangeSpec, name: str, names: Collection[str]) -> LookbackError:
    """Why a file is of no stream: what it lacks to be of the one it is most like.

    Names of fields are the spec's: nothing that the file holds is shown.
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
    known = ", ".join(stream.path for stream in spec.streams)
    return LookbackError(
        f"{name} is no saved answer of {spec.title} that lookback knows{lacks}",
        remedy=f"save the answer of one of {known}, with the API's own field names",
    )


def _folded(names: Collection[str]) -> set[str]:
    return {name.casefold() for name in names}


def _lacking(stream: StreamSpec, seen: Collection[str]) -> list[str]:
    return [name for name in stream.required if name.casefold() not in seen]


def _likeness(stream: StreamSpec, seen: set[str]) -> tuple[int, int]:
    """Most shared fields first, then the stream with the fewest fields that are missing."""
    fields = _folded(stream.fields)
    return len(seen & fields), -len(fields - seen)


def respelled(stream: StreamSpec, items: Sequence[Item], found: Sequence[Fields]) -> list[Item]:
    """The items with the stream's own spelling of field names; values stay as they are."""
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
    """What keeps a record from being stored: no time, no amount, or one that cannot be typed."""
    fields = _FIELDS.decode(raw)
    texts = {name: _text(fields[name]) for name in _checked(stream) if name in fields}
    faults = []
    if stream.kind == "history":
        faults += [Fault(name, "", "is missing") for name in stream.required if not texts.get(name)]
        for name in (stream.time_field, *stream.other_times):
            if (text := texts.get(name)) and not _is_time(stream, text):
                faults.append(Fault(name, text, "is no time"))
    for name in stream.minor_fields:
        if (text := texts.get(name)) and not MINOR_UNITS.fullmatch(text):
            faults.append(Fault(name, text, "is no whole number"))
    for name in stream.decimal_fields:
        if (text := texts.get(name)) and not is_decimal(text):
            faults.append(Fault(name, text, "is no number that 18 decimals hold"))
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
    """A value as its text; "" for what says that there is none."""
    written = bytes(raw).strip()
    if written == b"null":
        return ""
    if written.startswith(b'"'):
        return str(msgspec.json.decode(written)).strip()
    return written.decode()


def _is_time(stream: StreamSpec, text: str) -> bool:
    """Whether a text is a moment. A date alone says none: a spreadsheet cut its time off."""
    if stream.time_unit == "iso8601" and ":" not in text:
        return False
    return to_micros(text, stream.time_unit) is not None


def is_decimal(text: str) -> bool:
    """Whether decimal(38, 18) holds a number exactly."""
    if found := DECIMAL_WITH_EXPONENT.fullmatch(text):
        power = int(found["power"])
        fraction = (found["fraction"] or "").rstrip("0")
        return len(fraction) - power <= 18 and len(found["whole"].lstrip("0")) + power <= 20
    return DECIMAL.fullmatch(text) is not None
