"""Extract records from a response as bytes, without parsing them into objects or floats.

`msgspec.Raw` keeps each record's bytes. Only the keys for id, time and status are decoded.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, NamedTuple

import msgspec

from pipelines.errors import RequestError
from pipelines.spec import StreamSpec, TimeUnit

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS = {"seconds": 1_000_000, "milliseconds": 1_000}
_ALL_UNITS = (Decimal(1_000_000), Decimal(1_000), Decimal(1), Decimal("0.001"))
_AS_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_AS_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANYTHING = msgspec.json.Decoder()

# Plausible times. A number outside is in another unit.
_PLAUSIBLE = (1_230_768_000_000_000, 4_102_444_800_000_000)  # 2009 to 2100, microseconds
_LAST_MOMENT = 253_402_300_799_000_000  # year 9999: the limit of datetime


class Record(NamedTuple):
    """One item of a response. `at` is microseconds since 1970 UTC; None if it has no time."""

    raw: bytes
    id: str
    digest: str
    at: int | None
    final: bool
    scope: str
    is_object: bool = True


def cut_list(body: bytes | msgspec.Raw, record_id: Sequence[str] = ()) -> list[msgspec.Raw]:
    """The items of a JSON array, each as its own bytes; `null` is an empty array.

    A single record, recognised by a key of `record_id`, is a list of one; an object around one list
    (`{"list": [...], "endId": ""}`) is that list. Raises RequestError for anything else.
    """
    text = bytes(body).strip()
    if text == b"null":
        return []
    try:
        if text.startswith(b"{"):
            return _unwrap(text, record_id)
        return _AS_LIST.decode(text)
    except msgspec.DecodeError as error:
        raise RequestError(f"the response is not a list: {error}", kind="not_understood") from error


def _unwrap(text: bytes, record_id: Sequence[str]) -> list[msgspec.Raw]:
    members = _AS_OBJECT.decode(text)
    if not members.keys().isdisjoint(record_id):
        return [msgspec.Raw(text)]
    values = [bytes(value) for value in members.values()]
    lists = [value for value in values if value.startswith(b"[")]
    if len(lists) == 1:
        return _AS_LIST.decode(lists[0])
    if values and all(value in (b"null", b'""') for value in values):
        return []
    raise RequestError("the response is an object without a list of records", kind="not_understood")


def to_micros(value: Any, unit: TimeUnit) -> int | None:
    """A time (number, digits in a string, or ISO 8601) in microseconds UTC.

    A number that is implausible in `unit` is read in the unit in which it is plausible, as
    documentation and responses sometimes differ. None for "not set" (null, "", "0", "-1") and for
    a text that is not a time.
    """
    if type(value) is str and value.isdecimal() and unit != "iso8601" and len(value) < 20:
        as_said = int(value) * _MICROSECONDS[unit]  # the most frequent form, without a Decimal
        if _PLAUSIBLE[0] <= as_said < _PLAUSIBLE[1]:
            return as_said
    if value in (None, "", 0, "0", -1, "-1") or isinstance(value, bool):
        return None
    text = str(value)
    try:
        is_date = text[4:5] == "-" and unit == "iso8601"  # the other frequent form
        found = _from_iso(text) if is_date else _from_number(Decimal(text), unit)
    except InvalidOperation:
        found = _from_iso(text)
    return found if found is not None and 0 < found <= _LAST_MOMENT else None


def _from_number(number: Decimal, unit: TimeUnit) -> int | None:
    if not number.is_finite() or abs(number.adjusted()) > 24:
        return None
    as_said = int(number * _MICROSECONDS.get(unit, 1_000))
    low, high = _PLAUSIBLE
    readings = (as_said, *(int(number * factor) for factor in _ALL_UNITS))
    return next((reading for reading in readings if low <= reading < high), as_said)


def _from_iso(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return micros(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC, exactly."""
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def to_moment(value: int) -> datetime:
    """Microseconds since 1970 as a time in UTC."""
    return _EPOCH + timedelta(microseconds=value)


class RecordReader:
    """Reads the records of one stream.

    `keeps_odd`: an item of a history that is not a JSON object is stored as a record as well, with
    a hash as its id and without a time. Otherwise it is refused with a RequestError.
    """

    def __init__(self, stream: StreamSpec, *, keeps_odd: bool = False) -> None:
        self.stream = stream
        self._keeps_odd = keeps_odd and stream.kind == "history"
        names = dict.fromkeys(
            name
            for name in (*stream.record_id, stream.time_field, stream.status_field, stream.scope)
            if name
        )
        keys = msgspec.defstruct(
            "Keys",
            [(f"key_{i}", Any, None) for i in range(len(names))],
            rename={f"key_{i}": name for i, name in enumerate(names)},
        )
        self._decoder = msgspec.json.Decoder(keys)
        self._names = names
        at = {name: f"key_{i}" for i, name in enumerate(names)}
        self._id_keys = tuple(at[name] for name in stream.record_id)
        self._time_key = at.get(stream.time_field, "")
        self._status_key = at.get(stream.status_field, "")
        self._scope_key = at.get(stream.scope, "")

    def read(self, raws: Sequence[msgspec.Raw | bytes]) -> list[Record]:
        """One Record per item, in the order of the response."""
        read = self._read_one
        records = [read(bytes(raw)) for raw in raws]
        return numbered(records) if self.stream.numbers_twins else records

    def _read_one(self, raw: bytes) -> Record:
        digest = hashlib.sha256(raw).hexdigest()
        try:
            keys = self._decoder.decode(raw)
        except msgspec.DecodeError:
            if self._keeps_odd and not raw.lstrip().startswith(b"{"):
                return Record(raw, f"sha256:{digest}", digest, None, True, "", is_object=False)
            keys = self._read_leniently(raw)
        if len(self._id_keys) == 1:
            found = self._text(keys, self._id_keys[0], raw)
        else:
            parts = [self._text(keys, name, raw) for name in self._id_keys]
            found = "|".join(parts) if any(parts) else ""
        status = self._text(keys, self._status_key, raw) if self._status_key else ""
        return Record(
            raw=raw,
            # A record without an id gets a hash of its content, so that equal records become one.
            id=found or f"sha256:{digest}",
            digest=digest,
            at=self._at(keys),
            final=not self._status_key or status in self.stream.final_statuses,
            scope=self._text(keys, self._scope_key, raw) if self._scope_key else "",
        )

    def _read_leniently(self, raw: bytes) -> Any:
        """The keys, with values that msgspec refuses (`1e400`) as text. Raises RequestError."""
        try:
            found = _AS_OBJECT.decode(raw)
        except msgspec.DecodeError as error:
            raise RequestError(
                f"a record of {self.stream.name} cannot be read as a JSON object: {error}",
                kind="not_understood",
            ) from error
        return self._decoder.type(*(_value(found.get(name)) for name in self._names))

    def _text(self, keys: Any, key: str, raw: bytes) -> str:
        """A key's value as text; numbers are not rounded."""
        value = getattr(keys, key)
        if type(value) is str:
            return value
        if value is None or type(value) is int:
            return "" if value is None else str(value)
        name = dict(zip(self._decoder.type.__struct_fields__, self._names, strict=True))[key]
        return bytes(_AS_OBJECT.decode(raw)[name]).decode()

    def _at(self, keys: Any) -> int | None:
        if not self._time_key:
            return None
        return to_micros(getattr(keys, self._time_key), self.stream.time_unit)


def numbered(records: list[Record]) -> list[Record]:
    """The second and further records of one id get `|2`, `|3`, ... in the order of the response.

    A response has all equal records of a moment, or that moment is read again, so each read of the
    same rows gives the same numbers.
    """
    seen: Counter[str] = Counter()
    distinct = []
    for record in records:
        seen[record.id] += 1
        number = seen[record.id]
        distinct.append(record if number == 1 else record._replace(id=f"{record.id}|{number}"))
    return distinct


def field_of(raw: bytes, name: str) -> Any:
    """One field of a record; None if it is missing."""
    try:
        return getattr(_one_field(name).decode(raw), "value", None)
    except msgspec.DecodeError:
        return None


@cache
def _one_field(name: str) -> Any:
    shape = msgspec.defstruct("Shape", [("value", Any, None)], rename={"value": name})
    return msgspec.json.Decoder(shape)


def _value(raw: msgspec.Raw | None) -> Any:
    if raw is None:
        return None
    try:
        return _ANYTHING.decode(raw)
    except msgspec.DecodeError:
        return bytes(raw).decode()
