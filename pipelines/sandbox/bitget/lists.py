"""Lists of Bitget's stand-in that are short enough to be written whole, and how they are paged."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable
from typing import Any

from pipelines.sandbox.bitget.books import Books, Table, snowflake
from pipelines.sandbox.bitget.request import STREAMS, Filter, Refusal, Request
from pipelines.sandbox.engine.account import SECOND

OLD = ("40704", "Can only check the data of the last three months")
Told = tuple[int, dict[str, Any]]
"""When, and the row as it reads from then on."""


class Shelf:
    """Rows by time. Those without an id of their own get one that grows with time."""

    def __init__(self, told: Iterable[Told], id_field: str = "") -> None:
        ordered = sorted(told, key=lambda each: each[0])
        self.rows = [row for _, row in ordered]
        at, ids = array("q", (moment for moment, _ in ordered)), array("q")
        number = 0
        for n, moment in enumerate(at):
            number = number + 1 if n and at[n - 1] == moment else 0
            ids.append(snowflake(moment, "list", number))
        if id_field:
            self.rows = [
                {id_field: str(number), **row} for number, row in zip(ids, self.rows, strict=True)
            ]
        self.table = Table(at, ids, lambda n, now: written(self.rows[n]))

    def until(self, now: int) -> int:
        """How many rows there are by then."""
        return self.table.bounds(0, now, None, False)[1]


def shelf(books: Books, name: str, make: Callable[[], Shelf]) -> Shelf:
    """That shelf of an account's books, made when first asked for."""
    if name not in books.shelves:
        books.shelves[name] = make()
    found: Shelf = books.shelves[name]
    return found


def written(value: Any) -> str:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def needed(request: Request, name: str, choices: Iterable[str]) -> str:
    """A parameter that must be one of some words."""
    value = request.params.get(name, "").lower()
    if not value:
        raise Refusal("40019", f"Parameter {name} cannot be empty")
    if value not in choices:
        raise Refusal("40020", f"Parameter {name} error")
    return value


def wanted(shelf: Shelf, request: Request, **fields: str) -> list[Filter]:
    """Filters by parameter → field of the row, for parameters that were given."""

    def of(field: str) -> Callable[[int], str]:
        return lambda n: str(shelf.rows[n][field]).upper()

    return [
        (field, request.params[name].upper(), of(field))
        for name, field in fields.items()
        if request.params.get(name)
    ]


def chosen(
    request: Request, shelf: Shelf, default: int, filters: list[Filter], old: bool = False
) -> list[int]:
    """The rows of one page of a window, newest first; `old`: what is older than told is refused."""
    start, end = request.span()
    if old:
        start = request.within_retention(start, end, *OLD)
    limit = request.limit(default)
    low, high = shelf.table.bounds(start, end, request.cursor(), False)
    return list(request.rows(shelf.table, low, high, limit, filters))


def listed(request: Request, shelf: Shelf, rows: list[int]) -> bytes:
    """Those rows as a JSON array."""
    return b"[" + b",".join(shelf.table.row(n, request.now) for n in rows) + b"]"


def wrapped(request: Request, shelf: Shelf, rows: list[int], name: str, end: str) -> bytes:
    """Those rows in an object, beside the id of the last one."""
    last = str(shelf.table.ids[rows[-1]]) if rows else ""
    page = listed(request, shelf, rows)
    return b'{"%b":%b,"%b":"%b"}' % (name.encode(), page, end.encode(), last.encode())


def numbered_page(request: Request, shelf: Shelf, timed: bool) -> bytes:
    """A page by `pageNo` and `pageSize`, ten rows unless said; `timed` ones want their times."""
    start, end = 0, request.now
    if timed:
        start, end = request.number("startTime"), request.number("endTime")
        if start > end:
            raise Refusal("40707", "Start time is greater than end time")
        retention = STREAMS[request.path].retention
        assert retention is not None
        floor = request.now - int(retention.total_seconds()) * SECOND
        if start < floor:
            raise Refusal(*OLD)
        start, end = max(start, floor), min(end, request.now)
    size = request.number("pageSize", 10)
    number = request.number("pageNo", 1)
    if not 1 <= size <= STREAMS[request.path].page_size:
        raise Refusal("40020", "Parameter pageSize error")
    if number < 1:
        raise Refusal("40020", "Parameter pageNo error")
    low, high = shelf.table.bounds(start, end, None, False)
    filters = wanted(
        shelf, request, orderId="orderId", loanCoin="loanCoin", pledgeCoin="pledgeCoin"
    )
    rows = list(request.rows(shelf.table, low, high, size, filters, (number - 1) * size))
    return listed(request, shelf, rows)
