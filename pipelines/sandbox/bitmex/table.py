"""BitMEX's table endpoints over rows that are JSON already: page, filter, columns, CSV.

Rows lie oldest first. Nothing here scans a table twice: times are bisected, and a filter's matches
are indexed on first use.
"""

from __future__ import annotations

import csv
import io
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pipelines.sandbox.engine.clock import parse_moment

Row = tuple[int, bytes]
"""Unix milliseconds of the column a table is sorted by, and the row's JSON."""

NOTHING = msgspec.Raw(b"")
FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class BadParameter(Exception):
    """What a client asked for makes no sense; the text is the exchange's."""

    def __init__(self, text: str, name: str = "HTTPError") -> None:
        super().__init__(text)
        self.text = text
        self.name = name


class Rows:
    """An immutable run of rows by time, with an index for each column ever filtered by."""

    def __init__(self, times: Sequence[int], rows: Sequence[bytes]) -> None:
        self.times = times
        self.rows = rows
        self._indexes: dict[str, dict[bytes, array[int]]] = {}
        self._matches: dict[tuple[tuple[str, tuple[bytes, ...]], ...], array[int]] = {}

    def _index(self, column: str) -> dict[bytes, array[int]]:
        """Where each value (as JSON text; empty when absent) of a column occurs."""
        if column not in self._indexes:
            shape = msgspec.defstruct("One", [("value", msgspec.Raw, NOTHING)],
                                      rename={"value": column})  # fmt: skip
            decoder = msgspec.json.Decoder(shape)
            index: dict[bytes, array[int]] = {}
            for place, row in enumerate(self.rows):
                value = bytes(decoder.decode(row).value)  # type: ignore[attr-defined]
                index.setdefault(value, array("L")).append(place)
            self._indexes[column] = index
        return self._indexes[column]

    def matches(self, wanted: Mapping[str, tuple[bytes, ...]]) -> array[int] | None:
        """Places of the rows whose columns have one of the wanted values; None for all rows."""
        if not wanted:
            return None
        key = tuple(sorted(wanted.items()))
        if key not in self._matches:
            sets = []
            for column, values in key:
                index = self._index(column)
                sets.append({place for value in values for place in index.get(value, ())})
            self._matches[key] = array("L", sorted(set.intersection(*sets)))
        return self._matches[key]


@dataclass(frozen=True, kw_only=True)
class Question:
    """A table request, understood. Times are Unix ms, both ends inside."""

    count: int
    start: int
    reverse: bool
    wanted: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None


@dataclass
class Table:
    """One table: final rows by time, and those that are still changing at a moment.

    `live(now)` gives the rows in a passing state, such as a pending withdrawal or an open order.
    """

    name: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    final: Rows
    live: Callable[[int], Iterable[Row]] | None = None
    _mixed: tuple[int, list[Row], Rows] | None = None

    def at(self, now: int) -> tuple[Rows, int]:
        """The rows visible at `now`: a run, and how many of it."""
        seen = bisect_right(self.final.times, now)
        passing = sorted(self.live(now)) if self.live else []
        if not passing:
            return self.final, seen
        if self._mixed is None or self._mixed[:2] != (seen, passing):
            self._mixed = (seen, passing, self._mix(seen, passing))
        return self._mixed[2], seen + len(passing)

    def _mix(self, seen: int, passing: list[Row]) -> Rows:
        times = list(self.final.times[:seen])
        rows = list(self.final.rows[:seen])
        for at, row in passing:
            place = bisect_right(times, at)
            times.insert(place, at)
            rows.insert(place, row)
        return Rows(times, rows)

    def ask(self, now: int, question: Question) -> list[bytes]:
        """The rows of one page, oldest or newest first."""
        rows, seen = self.at(now)
        low = 0 if question.since is None else bisect_left(rows.times, question.since, 0, seen)
        high = seen if question.until is None else bisect_right(rows.times, question.until, 0, seen)
        places = rows.matches(question.wanted)
        if places is not None:
            low, high = bisect_left(places, low), bisect_left(places, high)
        first, last = low + question.start, high
        if question.reverse:
            first, last = low, high - question.start
            span = range(last - 1, max(first, last - question.count) - 1, -1)
        else:
            span = range(first, min(last, first + question.count))
        if places is not None:
            return [rows.rows[places[i]] for i in span]
        if question.reverse:
            return list(rows.rows[max(first, last - question.count) : max(first, last)][::-1])
        return list(rows.rows[span.start : span.stop])

    def project(self, rows: list[bytes], columns: tuple[str, ...]) -> list[bytes]:
        """The rows with the key columns and the asked ones only."""
        if not columns:
            return rows
        kept = tuple(dict.fromkeys((*self.keys, *columns)))
        return [
            msgspec.json.encode({k: fields[k] for k in kept if k in fields})
            for fields in map(FIELDS.decode, rows)
        ]


def as_json(rows: Sequence[bytes]) -> bytes:
    """A JSON array of rows."""
    return b"[" + b",".join(rows) + b"]"


def as_csv(rows: Sequence[bytes], columns: Sequence[str]) -> bytes:
    """A header and a line per row; text is quoted, numbers are as the JSON has them."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        fields = FIELDS.decode(row)
        writer.writerow([_cell(fields.get(column)) for column in columns])
    return out.getvalue().encode()


class _Number(float):
    """A number that is written with the digits it came with."""

    def __new__(cls, text: str) -> _Number:
        number = super().__new__(cls, 0)
        number.text = text
        return number

    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def _cell(raw: msgspec.Raw | None) -> Any:
    """A CSV cell of a JSON value; nothing for null and for what is absent."""
    if raw is None or (text := bytes(raw)) == b"null":
        return _Number("")
    if text[:1] == b'"':
        return msgspec.json.decode(text)
    if text[:1] in b"[{":
        return text.decode()
    return _Number(text.decode())


def understand(
    params: Mapping[str, str], columns: Sequence[str], *, default: int, most: int, newest: bool
) -> Question:
    """The request's parameters as a question. Raises BadParameter in the exchange's words."""
    wanted, since, until = _filter(params.get("filter", ""), columns)
    if params.get("startTime"):
        since = _moment("startTime", params["startTime"])
    if params.get("endTime"):
        until = _moment("endTime", params["endTime"])
    reverse = params.get("reverse", "")
    if reverse not in ("", "true", "false"):
        raise BadParameter("'reverse' must be a boolean.", "ValidationError")
    return Question(
        count=_count(params.get("count", ""), default, most),
        start=_start(params.get("start", "")),
        reverse=newest if reverse == "" else reverse == "true",
        wanted=wanted,
        columns=_columns(params.get("columns", ""), columns),
        since=since,
        until=until,
    )


def _count(text: str, default: int, most: int) -> int:
    if text == "":
        return default
    if not text.lstrip("-").isdigit():
        raise BadParameter("'count' must be a number.", "ValidationError")
    count = int(text)
    if count < 0:
        raise BadParameter("Count must be a positive integer.")
    if count > most:
        raise BadParameter(
            f"Maximum result count is {most}. Please use the start & count params to paginate."
        )
    return count


def _start(text: str) -> int:
    if text == "":
        return 0
    if not text.isdigit():
        raise BadParameter("start is invalid")
    return int(text)


def _moment(name: str, text: str) -> int:
    try:
        return parse_moment(text)
    except ValueError as error:
        raise BadParameter(f"{name} is invalid") from error


def _columns(text: str, known: Sequence[str]) -> tuple[str, ...]:
    if not text:
        return ()
    try:
        columns = msgspec.json.decode(text, type=list[str])
    except msgspec.MsgspecError:
        columns = text.split(",")  # a bare list of names is taken too
    if not set(columns) <= set(known):
        raise BadParameter("columns are not valid")
    return tuple(columns)


def _filter(
    text: str, known: Sequence[str]
) -> tuple[dict[str, tuple[bytes, ...]], int | None, int | None]:
    """A filter's equalities as JSON texts, and the bounds in time that it may carry."""
    if not text:
        return {}, None, None
    try:
        asked = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise BadParameter("filter values are not valid") from error
    bounds = {name: asked.pop(name, None) for name in ("startTime", "endTime")}
    moments = [None if v is None else _moment(n, str(v)) for n, v in bounds.items()]
    wanted: dict[str, tuple[bytes, ...]] = {}
    for column, value in asked.items():
        if column == "open" and "ordStatus" in known:
            if value is not True:
                raise BadParameter("filter values are not valid")
            wanted["ordStatus"] = (b'"New"', b'"PartiallyFilled"')
            continue
        if column not in known:
            raise BadParameter("filter columns are not valid")
        values = value if isinstance(value, list) else [value]
        if any(isinstance(v, dict | list) for v in values):
            raise BadParameter("filter values are not valid")
        wanted[column] = tuple(sorted({t for v in values for t in _texts(v)}))
    return wanted, moments[0], moments[1]


def _texts(value: Any) -> tuple[bytes, ...]:
    """The JSON texts a value may have in a row: 60000.0 is written 60000, null is left out."""
    if value is None:
        return (b"", b"null")
    if isinstance(value, float) and value.is_integer():
        return (str(int(value)).encode(), msgspec.json.encode(value))
    return (msgspec.json.encode(value),)
