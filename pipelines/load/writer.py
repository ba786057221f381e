"""Convert records, receipts and balances to rows of the raw tables, for API and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import dlt
import pyarrow as pa

from pipelines.errors import Outcome
from pipelines.extract.exchange import Exchange
from pipelines.extract.records import Record, to_moment
from pipelines.extract.windows import Window
from pipelines.load.tables import RECEIPTS, Table
from pipelines.spec import StreamSpec

# Rows per item for dlt: large enough for Parquet, small enough for memory.
BATCH_ROWS = 10_000


def rows_of(table: Table, rows: list[dict[str, Any]] | pa.Table) -> Any:
    """Rows of one table, with its hints.

    A resource that fills several tables has no hints of its own, as dlt would merge them with those
    of an item.
    """
    hints = dlt.mark.make_hints(
        table_name=table.name,
        columns=table.hints(),
        primary_key=list(table.key),
        write_disposition=table.disposition,
    )
    arrow = rows if isinstance(rows, pa.Table) else table.rows(rows)
    return dlt.mark.with_hints(arrow, hints, create_table_variant=True)


class Writer:
    """Collects rows into larger items, as each item takes dlt some milliseconds."""

    def __init__(self) -> None:
        self._waiting: dict[Table, list[pa.Table]] = {}

    def put(self, table: Table, rows: list[dict[str, Any]] | pa.Table) -> None:
        """Add rows of a table; without rows, the table is still created."""
        arrow = rows if isinstance(rows, pa.Table) else table.rows(rows)
        self._waiting.setdefault(table, []).append(arrow)

    def flush(self) -> Iterator[Any]:
        """Hand over the collected rows: receipts last, so that none is stored without its rows."""
        for table in sorted(self._waiting, key=lambda table: table is RECEIPTS):
            yield rows_of(table, pa.concat_tables(self._waiting[table]))
            del self._waiting[table]

    def is_full(self, table: Table) -> bool:
        """Whether there is a full batch of that table's rows."""
        waiting: int = sum(part.num_rows for part in self._waiting.get(table, ()))
        return waiting >= BATCH_ROWS

    def fail_waiting(self, failed: Mapping[str, Any]) -> None:
        """Drop the collected rows and mark their receipts as failed."""
        receipts = [row for part in self._waiting.get(RECEIPTS, ()) for row in part.to_pylist()]
        self._waiting = {}
        self.put(RECEIPTS, [row | failed for row in receipts])


def receipt_row(
    *,
    receipt_id: str,
    account_id: str,
    stream: str,
    window: Window,
    outcome: Outcome,
    asked_at: datetime,
    finished_at: datetime,
    origin: str,
    oldest: int | None = None,
    newest: int | None = None,
    held: int | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A row of `receipts`; times of records are in microseconds."""
    return {
        "receipt_id": receipt_id,
        "account_id": account_id,
        "stream": stream,
        "scope": "",
        "asked_from": window.start,
        "asked_to": window.end,
        "floor_at": window.floor.at,
        "floor_reason": window.floor.reason,
        "outcome": outcome,
        "rows": 0,
        "pages": 0,
        "skipped": 0,
        "oldest_at": None if oldest is None else to_moment(oldest),
        "newest_at": None if newest is None else to_moment(newest),
        "held_from": None if held is None else to_moment(held),
        "asked_at": asked_at,
        "finished_at": finished_at,
        "origin": origin,
        **more,
    }


def balance_rows(
    exchange: Exchange,
    stream: StreamSpec,
    records: Sequence[Record],
    *,
    account_id: str,
    receipt_id: str,
    origin: str,
    taken_at: datetime | None = None,
) -> list[dict[str, Any]]:
    """Rows of `balances` from the records of a snapshot, taken now or at their own time."""
    rows = []
    for record in records if stream.kind == "snapshot" else ():
        place = exchange.balance_of(stream, record)
        at = taken_at or (None if record.at is None else to_moment(record.at))
        if place is not None and at is not None:
            rows.append(
                {
                    "account_id": account_id,
                    "stream": stream.name,
                    "wallet": place[0],
                    "asset": place[1],
                    "record_id": record.id,
                    "taken_at": at,
                    "record": record.raw.decode(),
                    "record_hash": record.digest,
                    "receipt_id": receipt_id,
                    "origin": origin,
                }
            )
    return rows
