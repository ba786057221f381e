"""One request to Bitget's stand-in: its parameters, and the refusals they can earn."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipelines.exchanges.bitget.spec import SPEC
from pipelines.sandbox.bitget.books import Books, Table
from pipelines.sandbox.engine.account import DAY, MINUTE, SECOND

STREAMS = {stream.path: stream for stream in SPEC.streams}
TIMES_REQUIRED = frozenset(
    {
        "tax_spot_records", "tax_future_records", "tax_margin_records", "tax_p2p_records",
        "deposit_records", "withdrawal_records", "convert_records",
        "unified_tax_records", "unified_deposit_records", "unified_withdrawal_records",
    }
)  # fmt: skip
FOREVER = 50 * 365 * DAY
Filter = tuple[str, str, Callable[[int], str]]
"""Name of the column, the value wanted, and how a row's value is found."""


class Refusal(Exception):
    """An answer that is an error: Bitget's code, its text, the HTTP status."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


@dataclass(frozen=True)
class Request:
    """A signed and permitted request: its parameters, read with Bitget's refusals."""

    path: str
    params: dict[str, str]
    now: int
    label: str
    books: Books

    def number(self, name: str, default: int | None = None) -> int:
        """A whole number. Refuses what is none, and what is missing without a default."""
        text = self.params.get(name, "")
        if not text:
            if default is None:
                raise Refusal("40019", f"Parameter {name} cannot be empty")
            return default
        if not (text.isascii() and text.isdigit()):
            raise Refusal("40017", f"Parameter verification failed {name}")
        return int(text)

    def limit(self, default: int = 100, most: int | None = None) -> int:
        """The page size asked for. Refuses more than the documented maximum."""
        most = STREAMS[self.path].page_size if most is None else most
        wanted = self.number("limit", min(default, most))
        if not 1 <= wanted <= most:
            raise Refusal("40020", "Parameter limit error")
        return wanted

    def cursor(self) -> int | None:
        """The id that rows must lie below."""
        return self.number("idLessThan") if self.params.get("idLessThan") else None

    def span(self) -> tuple[int, int]:
        """First and last millisecond asked for, both inside, no later than now.

        Where times are optional, a missing one is filled in by the widest window there is; what
        then lies before everything that is kept is refused for that, not for its width.
        """
        stream = STREAMS[self.path]
        # Where no widest window is documented, any is answered.
        width = FOREVER
        if stream.max_window is not None:
            width = int(stream.max_window.total_seconds()) * SECOND
        required = stream.name in TIMES_REQUIRED
        end = self.number("endTime", None if required else self.now)
        start = self.number("startTime", None if required else end - width)
        if start > end:
            raise Refusal("40707", "Start time is greater than end time")
        is_open = not self.params.get("endTime") and stream.retention == stream.max_window
        # Who gives no end means "until now", and his now is a little before ours.
        spare = 0 if self.params.get("endTime") else MINUTE
        if end - start > width + spare and not is_open:
            days = width // DAY
            raise Refusal(
                "00001", f"startTime and endTime interval cannot be greater than {days} days"
            )
        return start, min(end, self.now)

    def within_retention(self, start: int, end: int, code: str, text: str) -> int:
        """The first millisecond that is still told; refuses a bound that was asked for before it.

        A start that nobody asked for is moved to what there is.
        """
        retention = STREAMS[self.path].retention
        assert retention is not None
        floor = self.now - int(retention.total_seconds()) * SECOND
        if end < floor or (start < floor and self.params.get("startTime")):
            raise Refusal(code, text)
        return max(start, floor)

    def filters(self, table: Table, **fields: str) -> list[Filter]:
        """Filters by parameter → field of the row, for parameters that were given."""

        def of(field: str) -> Callable[[int], str]:
            return lambda n: str(json.loads(table.row(n, self.now)).get(field) or "").upper()

        return [
            (f"field {field}", self.params[name].upper(), of(field))
            for name, field in fields.items()
            if self.params.get(name)
        ]

    def page(
        self, table: Table, low: int, high: int, limit: int, wanted: list[Filter], skip: int = 0
    ) -> bytes:
        """One page as a JSON array, newest first."""
        rows = self.rows(table, low, high, limit, wanted, skip)
        return b"[" + b",".join(table.row(n, self.now) for n in rows) + b"]"

    def rows(
        self, table: Table, low: int, high: int, limit: int, wanted: list[Filter], skip: int = 0
    ) -> Iterator[int]:
        """The row numbers of one page, newest first."""
        if wanted:
            return iter(self._chosen(table, low, high, wanted)[::-1][skip : skip + limit])
        return table.newest(low, high, limit, skip)

    @staticmethod
    def _chosen(table: Table, low: int, high: int, wanted: list[Filter]) -> array[int]:
        (column, value, key), *more = wanted
        rows = table.matching(column, value, key, low, high)
        for _, value, key in more:
            rows = array("q", (n for n in rows if key(n) == value))
        return rows
