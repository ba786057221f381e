"""The raw tables: one schema for all streams; receipts, accounts and other auxiliary tables.

All rows are Arrow, so that dlt neither parses them nor changes their types.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa

from pipelines.extract.records import Record
from pipelines.spec import ExchangeSpec, Excluded, LeftOut, StreamSpec

Strategy = Literal["insert-only", "upsert"]

TIME = pa.timestamp("us", tz="UTC")
_TEXT = pa.string()


@dataclass(frozen=True, eq=False)
class Table:
    """A raw table: its Arrow schema, its key, and how new rows are merged."""

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    strategy: Strategy = "insert-only"
    json_columns: frozenset[str] = frozenset()

    def hints(self) -> dict[str, Any]:
        """The dlt column hints."""
        return {
            field.name: {
                "data_type": "json" if field.name in self.json_columns else _data_type(field.type),
                "nullable": field.name not in self.key,
                "primary_key": field.name in self.key,
            }
            for field in self.schema
        }

    @property
    def disposition(self) -> Any:
        """Dlt's write disposition."""
        return {"disposition": "merge", "strategy": self.strategy}

    def rows(self, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        """The rows in Arrow; a missing column is null."""
        return pa.Table.from_pylist([dict(row) for row in rows], schema=self.schema)


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


_RECORDS = _schema(
    account_id=_TEXT,
    record_id=_TEXT,
    record_hash=_TEXT,
    occurred_at=TIME,
    record=_TEXT,
    receipt_id=_TEXT,
    origin=_TEXT,
)

RECEIPTS = Table(
    "receipts",
    _schema(
        receipt_id=_TEXT,
        account_id=_TEXT,
        stream=_TEXT,
        scope=_TEXT,
        asked_from=TIME,
        asked_to=TIME,
        floor_at=TIME,
        floor_reason=_TEXT,
        outcome=_TEXT,
        rows=pa.int64(),
        pages=pa.int64(),
        skipped=pa.int64(),
        oldest_at=TIME,
        newest_at=TIME,
        held_from=TIME,
        asked_at=TIME,
        finished_at=TIME,
        error_kind=_TEXT,
        error_text=_TEXT,
        origin=_TEXT,
        file_sha256=_TEXT,
        file_name=_TEXT,
        taken_at=TIME,
        account_evidence=_TEXT,
        file_format=_TEXT,
    ),
    key=("receipt_id",),
)

ACCOUNTS = Table(
    "accounts",
    _schema(
        account_id=_TEXT,
        exchange=_TEXT,
        label=_TEXT,
        uid=_TEXT,
        parent_uid=_TEXT,
        account_kind=_TEXT,
        opened_at=TIME,
        opened_at_evidence=_TEXT,
        can_trade=pa.bool_(),
        can_withdraw=pa.bool_(),
        permissions=_TEXT,
        key_fingerprint=_TEXT,
        key_created_at=TIME,
        key_expires_at=TIME,
        ip_allow_list=_TEXT,
        checked_at=TIME,
        clock_skew_ms=pa.int64(),
        origin=_TEXT,
    ),
    key=("account_id", "label", "checked_at"),
)

BALANCES = Table(
    "balances",
    _schema(
        account_id=_TEXT,
        stream=_TEXT,
        wallet=_TEXT,
        asset=_TEXT,
        record_id=_TEXT,
        taken_at=TIME,
        record=_TEXT,
        record_hash=_TEXT,
        receipt_id=_TEXT,
        origin=_TEXT,
    ),
    key=("account_id", "stream", "record_id", "taken_at"),
    json_columns=frozenset({"record"}),
)

VANISHED = Table(
    "vanished",
    _schema(
        account_id=_TEXT,
        stream=_TEXT,
        scope=_TEXT,
        record_id=_TEXT,
        record_hash=_TEXT,
        occurred_at=TIME,
        receipt_id=_TEXT,
        is_served=pa.bool_(),
        noticed_at=TIME,
        origin=_TEXT,
    ),
    key=("account_id", "stream", "record_id", "noticed_at"),
)

FILE_ROWS = Table(
    "file_rows",
    _schema(
        account_id=_TEXT,
        stream=_TEXT,
        receipt_id=_TEXT,
        record_id=_TEXT,
        record_hash=_TEXT,
        occurred_at=TIME,
    ),
    key=("receipt_id", "record_id", "record_hash"),
)
"""The records of each file, including those that the API had already returned."""

FILE_STATES = Table(
    "file_states",
    _schema(
        account_id=_TEXT,
        stream=_TEXT,
        receipt_id=_TEXT,
        record_id=_TEXT,
        record_hash=_TEXT,
        occurred_at=TIME,
        record=_TEXT,
        is_whole=pa.bool_(),
    ),
    key=("receipt_id", "record_id", "record_hash"),
    json_columns=frozenset({"record"}),
)
"""Each state in a file. The streams' tables have the newest state of files and API."""

SITE_ROWS = Table(
    "site_rows",
    _schema(
        account_id=_TEXT,
        stream=_TEXT,
        scope=_TEXT,
        receipt_id=_TEXT,
        record_id=_TEXT,
        record_hash=_TEXT,
        occurred_at=TIME,
        record=_TEXT,
        line=pa.int64(),
    ),
    key=("receipt_id", "record_id"),
    json_columns=frozenset({"record"}),
)
"""The rows of files of the exchange's site. The streams' tables have those in force."""

SITE_OVERLAPS = Table(
    "site_overlaps",
    _schema(
        account_id=_TEXT,
        stream=_TEXT,
        receipt_id=_TEXT,
        file_name=_TEXT,
        span_start=TIME,
        span_end=TIME,
        file_count=pa.int64(),
        api_count=pa.int64(),
        only_in_file=pa.int64(),
        only_in_api=pa.int64(),
        differences=_TEXT,
    ),
    key=("receipt_id", "span_start"),
)
"""The comparison of each file of the site with the API, where both cover a span."""

STREAM_SPECS = Table(
    "stream_specs",
    _schema(
        exchange=_TEXT,
        exchange_title=_TEXT,
        lifecycle=_TEXT,
        ends_at=TIME,
        stream=_TEXT,
        method=_TEXT,
        path=_TEXT,
        kind=_TEXT,
        entities=_TEXT,
        part_of=_TEXT,
        fields=_TEXT,
        key_fields=_TEXT,
        time_field=_TEXT,
        status_field=_TEXT,
        final_statuses=_TEXT,
        wallet=_TEXT,
        balance_kind=_TEXT,
        asset_field=_TEXT,
        amount_field=_TEXT,
        compared_with=_TEXT,
        scope=_TEXT,
        private=pa.bool_(),
        needs_right=_TEXT,
        account_kinds=_TEXT,
        time_filter=pa.bool_(),
        retention_kind=_TEXT,
        retention_seconds=pa.int64(),
        max_window_seconds=pa.int64(),
        overlap_seconds=pa.int64(),
        page_size=pa.int64(),
        newest_rows=pa.int64(),
        rate_requests=pa.int64(),
        rate_seconds=pa.float64(),
        affects=_TEXT,
        remedy=_TEXT,
        remedy_is_file=pa.bool_(),
        site_format=_TEXT,
        reason=_TEXT,
        docs_url=_TEXT,
        checked_on=pa.date32(),
        confidence=_TEXT,
        spec_hash=_TEXT,
        version_hash=_TEXT,
        recorded_at=TIME,
    ),
    key=("stream", "spec_hash"),
)

AUXILIARY = (
    RECEIPTS,
    ACCOUNTS,
    BALANCES,
    VANISHED,
    FILE_ROWS,
    FILE_STATES,
    SITE_ROWS,
    SITE_OVERLAPS,
    STREAM_SPECS,
)


def stream_table(stream: StreamSpec) -> Table:
    """The table of one stream.

    History keeps every version of a record. State (snapshots, reference) keeps only the newest, as
    a state that returns to an older value would not be a new version.
    """
    is_history = stream.kind == "history"
    return Table(
        stream.name,
        _RECORDS,
        key=("account_id", "record_id", *(("record_hash",) if is_history else ())),
        strategy="insert-only" if is_history else "upsert",
        json_columns=frozenset({"record"}),
    )


def record_rows(
    records: Sequence[Record], *, account_id: str, receipt_id: str, origin: str
) -> pa.Table:
    """Records as the rows of their stream's table."""
    count = len(records)
    return pa.Table.from_arrays(
        [
            pa.array([account_id] * count, _TEXT),
            pa.array([record.id for record in records], _TEXT),
            pa.array([record.digest for record in records], _TEXT),
            pa.array([record.at for record in records], pa.int64()).cast(TIME),
            pa.array([record.raw.decode() for record in records], _TEXT),
            pa.array([receipt_id] * count, _TEXT),
            pa.array([origin] * count, _TEXT),
        ],
        schema=_RECORDS,
    )


def spec_rows(spec: ExchangeSpec, recorded_at: datetime) -> list[dict[str, Any]]:
    """The limits in force, one row per stream, with a hash that changes with any of them.

    `version_hash` is the same in all rows: a stream that is not in the newest version has ended.

    After the streams follow the other routes, each under its method and path: probes, and routes
    that are not read, with the reason. Last follow the data that no route returns.
    """
    exchange = {
        "exchange": spec.name,
        "exchange_title": spec.title,
        "lifecycle": spec.lifecycle,
        "ends_at": spec.ends_at,
    }
    reads = [
        *(_of_stream(spec, stream) for stream in spec.streams),
        *(_of_probe(spec, path) for path in spec.probes),
        *(_of_left_out(spec, route) for route in spec.left_out),
        *(_of_excluded(spec, each) for each in spec.excluded),
    ]
    rows = [exchange | row for row in reads]
    version = _hash(rows)
    return [
        row
        | {
            "spec_hash": _hash([version, row]),
            "version_hash": version,
            "recorded_at": recorded_at,
        }
        for row in rows
    ]


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _of_stream(spec: ExchangeSpec, stream: StreamSpec) -> dict[str, Any]:
    files = [form.title for form in spec.site_formats if form.stream == stream.name]
    return {
        "stream": stream.name,
        "method": stream.method,
        "path": stream.path,
        "kind": stream.kind,
        "entities": json.dumps(stream.entities),
        "part_of": json.dumps(stream.part_of),
        "fields": json.dumps(stream.fields),
        "key_fields": json.dumps(_key_fields(stream)),
        "time_field": stream.time_field,
        "status_field": stream.status_field,
        "final_statuses": json.dumps(sorted(stream.final_statuses)),
        "wallet": stream.wallet,
        "balance_kind": stream.balance_kind,
        "asset_field": stream.asset_field,
        "amount_field": stream.amount_field,
        "compared_with": json.dumps(stream.compared_with),
        "scope": stream.scope,
        "private": stream.private,
        "needs_right": stream.needs_right,
        "account_kinds": json.dumps(stream.account_kinds),
        "time_filter": stream.time_filter,
        "retention_kind": stream.retention_kind,
        "retention_seconds": _seconds(stream.retention),
        "max_window_seconds": _seconds(stream.max_window),
        "overlap_seconds": _seconds(stream.overlap),
        "page_size": stream.page_size,
        "newest_rows": stream.newest_rows,
        "rate_requests": stream.rate.requests if stream.rate else None,
        "rate_seconds": stream.rate.per.total_seconds() if stream.rate else None,
        "affects": stream.affects,
        "remedy": stream.remedy,
        "remedy_is_file": stream.remedy_is_file,
        "site_format": ", ".join(files),
        "docs_url": stream.docs_url,
        "checked_on": stream.checked_on,
        "confidence": stream.confidence,
    }


def _key_fields(stream: StreamSpec) -> list[str]:
    """The fields without which a record has no id, no time or no status.

    An id that is composed of several fields may lack some of them.
    """
    ids = stream.record_id if len(stream.record_id) == 1 else ()
    return [name for name in (*ids, stream.time_field, stream.status_field) if name]


def _of_probe(spec: ExchangeSpec, path: str) -> dict[str, Any]:
    return {
        "stream": f"GET {path}",
        "method": "GET",
        "path": path,
        "kind": "probe",
        "reason": "requested to check the key or the clock; its response is not stored",
        "docs_url": spec.docs_url,
        "checked_on": spec.checked_on,
    }


def _of_left_out(spec: ExchangeSpec, route: LeftOut) -> dict[str, Any]:
    method, path = route.read
    return {
        "stream": f"{method} {path}",
        "method": method,
        "path": path,
        "kind": "left_out",
        "private": True,
        "reason": route.reason,
        "docs_url": route.docs_url,
        "checked_on": spec.checked_on,
    }


def _of_excluded(spec: ExchangeSpec, excluded: Excluded) -> dict[str, Any]:
    return {
        "stream": excluded.name,
        "kind": "excluded",
        "entities": json.dumps(excluded.entities),
        "affects": excluded.what,
        "remedy": excluded.remedy,
        "reason": excluded.evidence,
        "docs_url": excluded.docs_url,
        "checked_on": spec.checked_on,
        "confidence": excluded.confidence,
    }


def all_tables(spec: ExchangeSpec) -> Iterable[Table]:
    """Every table of an exchange's raw schema."""
    yield from (stream_table(stream) for stream in spec.streams)
    yield from AUXILIARY


def _seconds(span: Any) -> int | None:
    return None if span is None else int(span.total_seconds())


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "timestamp"
    if pa.types.is_int64(kind):
        return "bigint"
    if pa.types.is_boolean(kind):
        return "bool"
    if pa.types.is_date(kind):
        return "date"
    return "double" if pa.types.is_floating(kind) else "text"
