"""From an answer's bytes to records: cut, never parsed into Python objects, never through a float.

`msgspec.Raw` keeps each record's own bytes. Of every record only the few keys are decoded that
say which one it is, when it was and whether it can still change.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from pipelines.errors import Trouble
from pipelines.spec import StreamSpec, TimeUnit

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS = {"seconds": 1_000_000, "milliseconds": 1_000}
_NO_SECONDS_ABOVE = 100_000_000_000  # as milliseconds that is in 1973, as seconds in 5138
_AS_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_ANYTHING = msgspec.json.Decoder()


class Record(NamedTuple):
    """One item of an answer. `at` is microseconds since 1970 UTC, None where it tells no time."""

    raw: bytes
    id: str
    digest: str
    at: int | None
    final: bool
    scope: str


def cut_list(body: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """The items of a JSON array, each as its own bytes; `null` is an empty array.

    An object comes back as a list of one, as some routes wrap a single answer. Raises Trouble
    where the bytes are neither.
    """
    text = bytes(body).strip()
    if text in (b"", b"null"):
        return []
    if text.startswith(b"{"):
        return [msgspec.Raw(text)]
    try:
        return _AS_LIST.decode(text)
    except msgspec.DecodeError as error:
        raise Trouble(f"the answer is not a list: {error}", kind="not_understood") from error


def to_micros(value: Any, unit: TimeUnit) -> int | None:
    """A time as exchanges write it (number, digits in a string, ISO 8601) in microseconds UTC.

    None for what they write for "not set" (null, "", "0", "-1") and for what is no time.
    """
    if value in (None, "", 0, "0", -1, "-1"):
        return None
    try:
        if unit != "iso8601":
            number = int(value)
            if unit == "seconds_or_milliseconds":
                unit = "seconds" if number < _NO_SECONDS_ABOVE else "milliseconds"
            return number * _MICROSECONDS[unit]
        moment = datetime.fromisoformat(str(value))
    except (TypeError, ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return micros(moment)


def micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC, exactly."""
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


class RecordReader:
    """Reads the records of one stream."""

    def __init__(self, stream: StreamSpec) -> None:
        self.stream = stream
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
        at = {name: f"key_{i}" for i, name in enumerate(names)}
        self._id_keys = tuple(at[name] for name in stream.record_id)
        self._time_key = at.get(stream.time_field, "")
        self._status_key = at.get(stream.status_field, "")
        self._scope_key = at.get(stream.scope, "")

    def read(self, raws: Sequence[msgspec.Raw | bytes]) -> list[Record]:
        """One Record for each, in the answer's order."""
        records = [self._read_one(bytes(raw)) for raw in raws]
        return numbered(records) if self.stream.numbers_twins else records

    def _read_one(self, raw: bytes) -> Record:
        try:
            keys = self._decoder.decode(raw)
        except msgspec.DecodeError as error:
            raise Trouble(
                f"a record of {self.stream.name} is not a JSON object: {error}",
                kind="not_understood",
            ) from error
        digest = hashlib.sha256(raw).hexdigest()
        parts = [getattr(keys, name) for name in self._id_keys]
        has_id = any(part not in (None, "") for part in parts)
        status = getattr(keys, self._status_key) if self._status_key else None
        return Record(
            raw=raw,
            # A record without its id is kept under its content: twins are then one, and said so.
            id="|".join(_as_text(part) for part in parts) if has_id else f"sha256:{digest}",
            digest=digest,
            at=self._at(keys),
            final=not self._status_key or _as_text(status) in self.stream.final_statuses,
            scope=_as_text(getattr(keys, self._scope_key)) if self._scope_key else "",
        )

    def _at(self, keys: Any) -> int | None:
        if not self._time_key:
            return None
        return to_micros(getattr(keys, self._time_key), self.stream.time_unit)


def numbered(records: list[Record]) -> list[Record]:
    """The second and further records of one id get `|2`, `|3`, ... in the answer's order.

    An answer holds all twins of a moment or is asked again for that moment, so the numbers are
    the same whenever the same rows are read.
    """
    seen: Counter[str] = Counter()
    told_apart = []
    for record in records:
        seen[record.id] += 1
        number = seen[record.id]
        told_apart.append(
            record if number == 1 else record._replace(id=f"{record.id}|{number}")
        )
    return told_apart


def field_of(raw: bytes, name: str) -> Any:
    """One field of a record, for the few places that look deeper. None where it is absent."""
    found = _ANYTHING.decode(raw)
    return found.get(name) if isinstance(found, dict) else None


def _as_text(value: Any) -> str:
    return "" if value is None else str(value)
