"""Find stored records that an exchange no longer returns.

Each sync requests the end of the known span again. The stored records of that part are read
before. If a complete read does not return a record, the record has vanished; if a later read
returns it, it is back. Both are rows of `vanished`; the record itself is kept. Only the records of
the part that is requested again are in memory.

Not reported are: records that can still change (their id can change too), records without an id,
records at the edge of the span or older than the retention, unresolved moments, and records that
now have another time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from pipelines.extract.records import Record
from pipelines.extract.windows import FLOOR_MARGIN, Requested, Span, merge, reread_spans
from pipelines.spec import ExchangeSpec, StreamSpec

# Bounds can be inclusive or exclusive, and some routes have a precision of one second.
EDGE = timedelta(seconds=1)


@dataclass
class Stored:
    """A stored record that is requested again. `met_by` is the receipt that returned it."""

    digest: str
    at: datetime
    scope: str
    is_gone: bool = False
    met_by: str = ""


@dataclass(frozen=True)
class Reading:
    """A completely read span, its receipt, and the oldest moment still available then."""

    scope: str
    span: Span
    receipt_id: str
    kept_from: datetime | None


@dataclass
class Watch:
    """The stored records of one stream that are requested again, and those that were returned."""

    stored: dict[str, Stored] = field(default_factory=dict)
    _readings: list[Reading] = field(default_factory=list)

    def copy(self) -> Watch:
        """An independent copy."""
        stored = {record_id: replace(record) for record_id, record in self.stored.items()}
        return Watch(stored, self._readings.copy())

    def meet(self, records: Iterable[Record], receipt_id: str) -> None:
        """Note records that were returned, in any window."""
        if not self.stored:
            return
        for record in records:
            known = self.stored.get(record.id)
            if known is not None:
                known.met_by = receipt_id

    def note(
        self, stream: StreamSpec, scope: str, span: Span, receipt_id: str, now: datetime
    ) -> None:
        """Note a completely read span."""
        if self.stored:
            kept_from = None if stream.retention is None else now - stream.retention + FLOOR_MARGIN
            self._readings.append(Reading(scope, span, receipt_id, kept_from))

    def news(self) -> list[tuple[str, Stored, str]]:
        """Id, record and receipt of each record that vanished or returned since the last call."""
        found = []
        spans = {
            scope: merge(reading.span for reading in self._readings if reading.scope == scope)
            for scope in {reading.scope for reading in self._readings}
        }
        for record_id, record in self.stored.items():
            if record.met_by:
                if record.is_gone:
                    record.is_gone = False
                    found.append((record_id, record, record.met_by))
            elif not record.is_gone and is_inside(record.at, spans.get(record.scope, [])):
                reading = self._reading_of(record)
                if reading is not None:
                    record.is_gone = True
                    found.append((record_id, record, reading.receipt_id))
        return found

    def _reading_of(self, record: Stored) -> Reading | None:
        """The reading that should have returned the record, if it was still available."""
        for reading in self._readings:
            if reading.scope == record.scope and _holds(reading.span, record.at):
                is_kept = reading.kept_from is None or record.at > reading.kept_from
                return reading if is_kept else None
        return None


def is_inside(at: datetime, spans: Sequence[Span]) -> bool:
    """Whether the moment is inside one of the spans, and not at its edge."""
    return any(span.start + EDGE < at < span.end - EDGE for span in spans)


def _holds(span: Span, at: datetime) -> bool:
    return span.start <= at < span.end


def vanished_rows(
    watch: Watch, account_id: str, stream: str, now: datetime
) -> list[dict[str, Any]]:
    """The vanished and returned records as rows of the raw table `vanished`."""
    return [
        {
            "account_id": account_id,
            "stream": stream,
            "scope": record.scope,
            "record_id": record_id,
            "record_hash": record.digest,
            "occurred_at": record.at,
            "receipt_id": receipt_id,
            "is_served": not record.is_gone,
            "noticed_at": now,
            "origin": "api",
        }
        for record_id, record, receipt_id in watch.news()
    ]


def read_watches(
    warehouse: Path,
    spec: ExchangeSpec,
    account_id: str,
    requested: Mapping[tuple[str, str], Sequence[Requested]],
) -> dict[str, Watch]:
    """By stream, the stored records that the next sync requests again."""
    spans: dict[str, list[tuple[str, Span]]] = {}
    for (name, scope), earlier in requested.items():
        if any(stream.name == name and _is_watched(stream) for stream in spec.streams):
            found = [(scope, span) for span in reread_spans(spec.stream(name), earlier)]
            spans.setdefault(name, []).extend(found)
    if not spans:
        return {}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return {
            name: Watch(_stored(connection, spec, spec.stream(name), account_id, found))
            for name, found in spans.items()
        }


def _is_watched(stream: StreamSpec) -> bool:
    return stream.kind == "history" and stream.private and bool(stream.time_field)


def _stored(
    connection: duckdb.DuckDBPyConnection,
    spec: ExchangeSpec,
    stream: StreamSpec,
    account_id: str,
    spans: Sequence[tuple[str, Span]],
) -> dict[str, Stored]:
    """The final records of those spans by id, in their newest version."""
    schema = f"raw_{spec.name}"
    final = (
        f"coalesce(record ->> '$.\"{stream.status_field}\"', '') in (select unnest($final))"
        if stream.status_field
        else "len($final) = 0"
    )
    rows = connection.execute(
        f"""
        with spans as (
            select
                unnest($scopes) as scope,
                unnest($starts::timestamptz[]) as span_start,
                unnest($ends::timestamptz[]) as span_end
        ),
        receipts as (
            select receipt_id, coalesce(scope, '') as scope, asked_at
            from {schema}.receipts
            where account_id = $account and stream = $stream and origin = 'api'
                and _dlt_load_id in (select load_id from {schema}._dlt_loads where status = 0)
        ),
        inside as (
            select distinct record_id
            from {schema}.{stream.name} as rows
            inner join receipts using (receipt_id)
            inner join spans
                on receipts.scope = spans.scope
                and rows.occurred_at >= spans.span_start and rows.occurred_at < spans.span_end
            where rows.account_id = $account and rows.occurred_at >= $oldest
        ),
        newest as (
            select rows.record_id, rows.record_hash, rows.occurred_at, receipts.scope,
                {final} as is_final
            from {schema}.{stream.name} as rows
            inner join inside using (record_id)
            inner join receipts using (receipt_id)
            where rows.account_id = $account
            qualify row_number() over (
                partition by rows.record_id order by receipts.asked_at desc, rows.record_hash
            ) = 1
        ),
        newest_versions as (
            select record_id, not arg_max(is_served, noticed_at) as is_gone
            from {schema}.vanished
            where account_id = $account and stream = $stream
            group by record_id
        )
        select record_id, record_hash, occurred_at, scope, coalesce(is_gone, false)
        from newest left join newest_versions using (record_id)
        where is_final and occurred_at is not null and not starts_with(record_id, 'sha256:')
        """,
        {
            "scopes": [scope for scope, _ in spans],
            "starts": [span.start for _, span in spans],
            "ends": [span.end for _, span in spans],
            "oldest": min(span.start for _, span in spans),
            "account": account_id,
            "stream": stream.name,
            "final": sorted(stream.final_statuses),
        },
    ).fetchall()
    return {
        record_id: Stored(digest, at.astimezone(UTC), scope, is_gone)
        for record_id, digest, at, scope, is_gone in rows
    }
