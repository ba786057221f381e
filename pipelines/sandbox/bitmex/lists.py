"""BitMEX's table routes: filter, columns, direction and CSV over rows that are JSON already."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from pipelines.sandbox.bitmex.market import resolve_symbol
from pipelines.sandbox.engine.table import Table
from pipelines.sandbox.engine.wire import (
    BadParam,
    List,
    Moment,
    Offset,
    Page,
    Param,
    Problem,
    Request,
    Text,
    Whole,
    Window,
)

Row = tuple[int, bytes]
"""Unix milliseconds of the column a table is sorted by, and the row's JSON."""
FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
MOST = 500
"""The longest page of a table."""


@dataclass(frozen=True)
class Filter:
    """A JSON object of columns and the value, or values, that rows have to have in them."""

    columns: tuple[str, ...]
    name: str = "filter"

    def read(self, given: Any) -> dict[str, Any]:
        """Wanted JSON texts by column; under `startTime` and `endTime` bounds. Raises BadParam."""
        if given in (None, ""):
            return {}
        try:
            wanted = msgspec.json.decode(given, type=dict[str, Any])
        except msgspec.MsgspecError:
            raise BadParam(self.name, "malformed") from None
        if wanted.get("open") is True and "ordStatus" in self.columns:
            wanted["ordStatus"] = ["New", "PartiallyFilled"]
            del wanted["open"]
        return {column: self._texts(column, value) for column, value in wanted.items()}

    def _texts(self, column: str, value: Any) -> Any:
        if column in ("startTime", "endTime"):
            return Moment(column).read(value)
        if column == "open" and "ordStatus" in self.columns:
            raise BadParam(self.name, "malformed")
        if column not in self.columns:
            raise BadParam(self.name, "choice")
        values = value if isinstance(value, list) else [value]
        if any(isinstance(each, dict | list) for each in values):
            raise BadParam(self.name, "malformed")
        return {text for each in values for text in _texts(each)}


def _texts(value: Any) -> tuple[bytes, ...]:
    """The JSON texts a value may have in a row: 60000.0 is written 60000, null is left out."""
    if value is None:
        return (b"", b"null")
    if isinstance(value, float) and value.is_integer():
        return (str(int(value)).encode(), msgspec.json.encode(value))
    return (msgspec.json.encode(value),)


@dataclass(frozen=True)
class Columns:
    """The columns of an answer, as a JSON list or as names with commas between."""

    known: tuple[str, ...]
    name: str = "columns"

    def read(self, given: Any) -> tuple[str, ...]:
        """The columns, none for all of them. Raises BadParam."""
        if given in (None, ""):
            return ()
        try:
            columns = msgspec.json.decode(given, type=list[str])
        except msgspec.MsgspecError:
            columns = str(given).split(",")
        if not set(columns) <= set(self.known):
            raise BadParam(self.name, "choice")
        return tuple(columns)


class Span(Window):
    """Bounds in ISO 8601, of which a filter can hold either."""

    def params(self) -> tuple[Param, ...]:
        """The two bounds."""
        return (Moment(self.start), Moment(self.end))

    def bounds(self, request: Request) -> tuple[int | None, int]:
        """First and last millisecond, both inclusive."""
        inside = request.params.get("filter", {})
        start, end = (
            inside.get(name) if request.params[name] is None else request.params[name]
            for name in (self.start, self.end)
        )
        return start, request.now if end is None else end


@dataclass(frozen=True, kw_only=True)
class Rows(List):
    """A table route. Its order is a parameter; `columns=()` for routes that have no filter."""

    columns: tuple[str, ...] = ()
    """Every column, in the order of a CSV file."""
    keys: tuple[str, ...] = ()
    """The columns that are always there."""

    def params(self) -> tuple[Param, ...]:
        """Every parameter the list reads itself."""
        own: tuple[Param, ...] = (Text("reverse", "", choices=("true", "false")),)
        if self.keys:
            own = (Filter(self.columns), *own, Columns(self.columns))
        return (*own, *super().params())

    def matching(self, request: Request) -> tuple[Table, Sequence[int]]:
        """The table and the rows that match, oldest first."""
        table, rows = super().matching(request)
        wanted = dict(request.params.get("filter", {}))
        if self.keys and request.text("symbol"):
            symbol = resolve_symbol(request.text("symbol"), request.now)
            wanted["symbol"] = (msgspec.json.encode(symbol),)
        for name in ("startTime", "endTime"):
            wanted.pop(name, None)
        if wanted:
            rows = [n for n in rows if _matches(table.events[n][1], wanted)]
        return table, rows

    def page(self, request: Request) -> Page:
        """The page that the request names, in the order that it names."""
        order: Any = {"true": "newest", "false": "oldest"}.get(request.text("reverse"), self.order)
        return List.page(replace(self, order=order), request)


def _matches(row: bytes, wanted: Mapping[str, Any]) -> bool:
    fields = FIELDS.decode(row)
    return all(bytes(fields.get(c, b"")) in texts for c, texts in wanted.items())


def table_of(rows: Iterable[Any], until: Callable[[Any], int] | None = None) -> Table:
    """A table of rows that are JSON already, behind their times."""
    kept = list(rows)
    return Table(
        kept, range(len(kept)), lambda row, number, now: FIELDS.decode(row[1]),
        at=lambda row: int(row[0]), shown_until=until,
    )  # fmt: skip


def small_table(rows: Iterable[dict[str, Any]]) -> Table:
    """A table of rows that have no time to be selected by."""
    return table_of((0, msgspec.json.encode(row)) for row in rows)


def write(request: Request, data: Any, idle: Mapping[str, Any]) -> tuple[bytes, str]:
    """Body and content type; `idle` fields are at the end of each row.

    Only tables and objects have a CSV form.
    """
    answer = request.route.answer
    known = answer.columns if isinstance(answer, Rows) else ()
    columns = request.params.get("columns", ())
    kept = tuple(dict.fromkeys((*answer.keys, *columns))) if isinstance(answer, Rows) else ()
    if columns:
        data = [{name: row[name] for name in kept if name in row} for row in data]
    elif not request.raw.get("columns") and idle:
        known = (*known, *idle) if known else ()
        data = [{**row, **idle} for row in data] if isinstance(data, list) else {**data, **idle}
    if request.text("_format") != "csv":
        return msgspec.json.encode(data), "application/json; charset=utf-8"
    rows = data if isinstance(data, list) else [data]
    names = kept if columns else known or tuple(dict.fromkeys(n for row in rows for n in row))
    return as_csv(rows, names), "text/csv; charset=utf-8"


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """A header and a line per row; text is quoted, numbers are as the JSON has them."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        fields = FIELDS.decode(msgspec.json.encode(row))
        writer.writerow([_cell(fields.get(column)) for column in columns])
    return out.getvalue().encode()


class _Number(float):
    """A number that is written with the digits it came with."""

    text: str

    def __new__(cls, text: str) -> _Number:
        number = super().__new__(cls, 0)
        number.text = text
        return number

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__


def _cell(raw: msgspec.Raw | None) -> Any:
    """A CSV cell of a JSON value; empty for null and for a missing field."""
    if raw is None or (text := bytes(raw)) == b"null":
        return _Number("")
    if text[:1] == b'"':
        return msgspec.json.decode(text)
    return text.decode() if text[:1] in b"[{" else _Number(text.decode())


def bad_param(request: Request, name: str, problem: Problem) -> tuple[str, str]:
    """The exchange's words for a parameter that does not pass, and the kind of error."""
    if name == "count" and problem == "malformed":
        return "'count' must be a number.", "ValidationError"
    if name == "count" and str(request.raw[name]).startswith("-"):
        return "Count must be a positive integer.", "HTTPError"
    if name == "count":
        size = request.route.answer.size if isinstance(request.route.answer, List) else None
        most = size.most if isinstance(size, Whole) else 0
        text = "Please use the start & count params to paginate."
        return f"Maximum result count is {most}. {text}", "HTTPError"
    if name == "reverse":
        return "'reverse' must be a boolean.", "ValidationError"
    if name == "filter":
        what = "columns" if problem == "choice" else "values"
        return f"filter {what} are not valid", "HTTPError"
    if name == "columns":
        return "columns are not valid", "HTTPError"
    return f"{name} is invalid", "HTTPError"


def rows_of(table: Any, columns: tuple[str, ...], keys: tuple[str, ...]) -> Rows:
    """A table route with all its parameters."""
    return Rows(
        table=table, columns=columns, keys=keys, order="oldest", window=Span(),
        size=Whole("count", 100, 0, MOST), paging=Offset("start"),
    )  # fmt: skip
