"""Rows of site files in the warehouse: compare them with the API, and keep those in force.

`site_rows` holds every row of every file. A stream's own table holds those of files that agree with
the API, outside the spans that the API covers: there the API's records count. So no event is stored
twice, whichever came first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb

from pipelines import registry
from pipelines.extract.exchange import Exchange
from pipelines.home import Home
from pipelines.site_format import SiteFormat
from pipelines.spec import StreamSpec

Connection = duckdb.DuckDBPyConnection

QUARTER = timedelta(minutes=15)
SHIFTS = [step * QUARTER for step in range(-56, 57) if step]
"""Wrong time zones: up to 14 hours, in steps of a quarter of an hour."""
SHIFTED_SHARE = 0.9
"""Share of equal rows from which a shift of the times is certain."""
MOST_SHIFTED = 20_000
"""Most rows of which a shift is searched."""


@dataclass
class Reconciled:
    """What a reconciliation changed. If rows were taken away, the models are built anew."""

    added: int = 0
    removed: int = 0


@dataclass(frozen=True)
class _Overlap:
    """A span that a file and the API both cover."""

    receipt_id: str
    file_name: str
    file_format: str
    scope: str
    start: datetime
    end: datetime


def reconcile_home(home: Home, exchanges: Iterable[str]) -> Reconciled:
    """Compare the site files of several exchanges with what the API has returned since."""
    done = Reconciled()
    with duckdb.connect(str(home.warehouse)) as connection:
        for name in sorted(exchanges):
            connection.begin()
            one = reconcile(connection, registry.exchange(name))
            connection.commit()
            done = Reconciled(done.added + one.added, done.removed + one.removed)
    return done


def reconcile(connection: Connection, exchange: Exchange) -> Reconciled:
    """Compare all site files of an exchange with the API, and store the rows in force."""
    done = Reconciled()
    schema = f"raw_{exchange.spec.name}"
    if not _has_rows(connection, schema):
        return done
    names = connection.execute(
        f"select distinct account_id, stream from {schema}.site_rows order by all"
    ).fetchall()
    for account_id, name in names:
        _reconcile_stream(connection, exchange, schema, account_id, name, done)
    return done


def _has_rows(connection: Connection, schema: str) -> bool:
    tables = connection.execute(
        "select 1 from duckdb_tables() where schema_name = ? and table_name = 'site_rows'",
        [schema],
    ).fetchall()
    return bool(
        tables and connection.execute(f"select 1 from {schema}.site_rows limit 1").fetchall()
    )


def _reconcile_stream(
    connection: Connection,
    exchange: Exchange,
    schema: str,
    account_id: str,
    name: str,
    done: Reconciled,
) -> None:
    stream = exchange.spec.stream(name)
    _api_spans(connection, schema, account_id, stream)
    connection.execute(
        f"delete from {schema}.site_overlaps where account_id = ? and stream = ?",
        [account_id, name],
    )
    for overlap in _overlaps(connection, schema, account_id, name):
        _compare(connection, exchange, schema, account_id, stream, overlap)
    table = f"{schema}.{name}"
    connection.execute(
        f"""
        create or replace temp table in_force as
        select rows.*
        from {schema}.site_rows as rows
        where
            account_id = ? and stream = ?
            and receipt_id not in (
                select receipts.receipt_id
                from {schema}.receipts as receipts
                inner join {schema}.receipts as parts using (account_id, stream, file_sha256)
                inner join {schema}.site_overlaps as compared
                    on parts.receipt_id = compared.receipt_id
                where compared.only_in_file + compared.only_in_api > 0
            )
            and not exists (
                select 1 from api_spans
                where
                    rows.scope = api_spans.scope
                    and rows.occurred_at >= api_spans.span_start
                    and rows.occurred_at < api_spans.span_end
            )
        qualify row_number() over (partition by record_id order by receipt_id) = 1
        """,
        [account_id, name],
    )
    _drop_equal_at_edges(connection, exchange, schema, account_id, stream)
    done.removed += _count(
        connection,
        f"""
        delete from {table}
        where
            account_id = ? and receipt_id in (select receipt_id from {schema}.site_rows)
            and record_id not in (select record_id from in_force)
        """,
        [account_id],
    )
    done.added += _count(
        connection,
        f"""
        insert into {table} by name
        select
            account_id, record_id, record_hash, occurred_at, record, receipt_id,
            'file' as origin, (
                select max(load_id) from {schema}._dlt_loads where status = 0
            ) as _dlt_load_id
        from in_force
        where record_id not in (select record_id from {table} where account_id = ?)
        """,
        [account_id],
    )


def _count(connection: Connection, sql: str, parameters: Sequence[Any]) -> int:
    found = connection.execute(sql, parameters).fetchone()
    return int(found[0]) if found else 0


def _api_spans(connection: Connection, schema: str, account_id: str, stream: StreamSpec) -> None:
    """The merged spans of each scope that the API covers, as the temporary table `api_spans`.

    An API covers no time before its retention. One that does not state its retention proves nothing
    before the oldest row that it returned.
    """
    oldest = (
        f"""(
            select min(stored.occurred_at)
            from {schema}.{stream.name} as stored
            inner join {schema}.receipts as brought using (receipt_id)
            where
                stored.origin = 'api' and stored.account_id = receipts.account_id
                and coalesce(brought.scope, '') = coalesce(receipts.scope, '')
        )"""
        if stream.retention_kind == "not_stated"
        else "null"
    )
    connection.execute(
        f"""
        create or replace temp table api_spans as
        with spans as (
            select
                coalesce(scope, '') as scope, asked_to,
                greatest(
                    asked_from, case when floor_reason = 'retention' then floor_at end, {oldest}
                ) as asked_from
            from {schema}.receipts
            where
                origin = 'api' and outcome = 'exhausted' and account_id = ? and stream = ?
        ),
        marked as (
            select *, coalesce(asked_from > max(asked_to) over earlier, true) as is_new
            from spans
            where asked_from < asked_to
            window earlier as (
                partition by scope order by asked_from, asked_to
                rows between unbounded preceding and 1 preceding
            )
        ),
        numbered as (
            select *, count_if(is_new) over (
                partition by scope order by asked_from, asked_to rows unbounded preceding
            ) as number
            from marked
        )
        select scope, min(asked_from) as span_start, max(asked_to) as span_end
        from numbered group by scope, number
        """,
        [account_id, stream.name],
    )


def _drop_equal_at_edges(
    connection: Connection, exchange: Exchange, schema: str, account_id: str, stream: StreamSpec
) -> None:
    """Take from `in_force` the rows that the API has in a second in which its span starts or ends.

    A file has whole seconds, so such a row may belong to the span or not.
    """
    edges = connection.execute(
        """
        select distinct scope, date_trunc('second', edge) as second
        from (select scope, unnest([span_start, span_end]) as edge from api_spans)
        where edge > second
        """
    ).fetchall()
    for scope, second in edges:
        for name, record_id in connection.execute(
            f"""
            select file_format, record_id from in_force
            inner join {schema}.receipts as receipts using (receipt_id)
            where in_force.scope = ? and date_trunc('second', occurred_at) = ?
            order by record_id
            """,
            [scope, second],
        ).fetchall():
            columns = _columns(stream, _format_of(exchange, stream, name))
            equal = _count(
                connection,
                f"""
                select count(*) from (
                    select {columns} from {schema}.{stream.name} as stored
                    inner join {schema}.receipts as brought using (receipt_id)
                    where
                        stored.origin = 'api' and stored.account_id = ?
                        and coalesce(brought.scope, '') = ?
                        and date_trunc('second', occurred_at) = ?
                    intersect
                    select {columns} from in_force where record_id = ?
                )
                """,
                [account_id, scope, second, record_id],
            )
            if equal:
                connection.execute("delete from in_force where record_id = ?", [record_id])


def _overlaps(connection: Connection, schema: str, account_id: str, stream: str) -> list[_Overlap]:
    """The common spans, in whole seconds: a file has no smaller unit."""
    rows = connection.execute(
        f"""
        select
            receipt_id, file_name, file_format, api_spans.scope,
            date_trunc('second', greatest(asked_from, span_start) + interval 999999 microsecond)
                as common_from,
            date_trunc('second', least(asked_to, span_end)) as common_to
        from {schema}.receipts as receipts
        inner join api_spans on coalesce(receipts.scope, '') = api_spans.scope
        where
            account_id = ? and stream = ? and file_format is not null
            and common_from < common_to
        order by receipt_id, common_from
        """,
        [account_id, stream],
    ).fetchall()
    return [_Overlap(*row) for row in rows]


def _compare(
    connection: Connection,
    exchange: Exchange,
    schema: str,
    account_id: str,
    stream: StreamSpec,
    overlap: _Overlap,
) -> None:
    """Compare the rows of one overlap as multisets, and store the result."""
    columns = _columns(stream, _format_of(exchange, stream, overlap.file_format))
    file_side = f"""
        select {columns}, date_trunc('second', occurred_at) as second
        from {schema}.site_rows
        where
            stream = '{stream.name}' and account_id = $account and scope = $scope
            and receipt_id in (
                select receipt_id from {schema}.receipts where file_sha256 = (
                    select file_sha256 from {schema}.receipts where receipt_id = $receipt
                )
            )
    """
    api_side = f"""
        select {columns}, date_trunc('second', occurred_at) as second
        from (
            select stored.*
            from {schema}.{stream.name} as stored
            left join {schema}.receipts as receipts using (receipt_id)
            where
                stored.account_id = $account and stored.origin = 'api'
                and coalesce(receipts.scope, '') = $scope
            qualify row_number() over (
                partition by stored.record_id order by stored._dlt_load_id desc
            ) = 1
        )
    """
    within = "where second >= $start and second < $end"
    values = {
        "account": account_id,
        "scope": overlap.scope,
        "receipt": overlap.receipt_id,
        "start": overlap.start,
        "end": overlap.end,
    }
    sides = {"in_file": f"{file_side}", "in_api": f"{api_side}"}
    for name, sql in sides.items():
        used = {key: value for key, value in values.items() if f"${key}" in f"{sql} {within}"}
        connection.execute(
            f"create or replace temp table {name} as select * from ({sql}) {within}", used
        )
    counts = [
        _count(connection, f"select count(*) from ({sql})", [])
        for sql in (
            "from in_file",
            "from in_api",
            "from in_file except all from in_api",
            "from in_api except all from in_file",
        )
    ]
    differences = _difference(connection, counts) if counts[2] or counts[3] else ""
    connection.execute(
        f"""
        insert into {schema}.site_overlaps by name
        select
            $account as account_id, $stream as stream, $receipt as receipt_id, $file as file_name,
            $start as span_start, $end as span_end, $counts[1] as file_count,
            $counts[2] as api_count, $counts[3] as only_in_file, $counts[4] as only_in_api,
            nullif($differences, '') as differences, (
                select max(load_id) from {schema}._dlt_loads where status = 0
            ) as _dlt_load_id
        """,
        {
            **{key: values[key] for key in ("account", "receipt", "start", "end")},
            "stream": stream.name,
            "file": overlap.file_name,
            "counts": counts,
            "differences": differences,
        },
    )


def _columns(stream: StreamSpec, form: SiteFormat) -> str:
    """The compared fields as SQL."""
    return ", ".join(_compared(stream, name) for name in form.compared)


def _format_of(exchange: Exchange, stream: StreamSpec, name: str) -> SiteFormat:
    """The format of a file: a declared one; a mapped file is compared by all amounts."""
    for form in exchange.spec.site_formats:
        if form.name == name:
            return form
    return SiteFormat(
        name=name,
        title=name,
        page="",
        stream=stream.name,
        headers=(),
        fields={},
        time_column="",
        times=(),
        compared=(*stream.decimal_fields, *stream.minor_fields),
        source="",
        confidence="user",
    )


def _compared(stream: StreamSpec, name: str) -> str:
    """A field as an SQL expression that is equal for equal values, however they are written."""
    text = f"record ->> '$.\"{name}\"'"
    if name in (*stream.decimal_fields, *stream.minor_fields):
        return f'coalesce(try_cast({text} as decimal(38, 18)), 0) as "{name}"'
    return f"upper(coalesce({text}, '')) as \"{name}\""


def _difference(connection: Connection, counts: Sequence[int]) -> str:
    """What differs, in words: a shift of all times, or the first rows that only one side has."""
    shift = _shift(connection) if 1 < counts[0] <= MOST_SHIFTED else None
    if shift is not None:
        hours = shift / timedelta(hours=1)
        return (
            f"the times of the file are {abs(hours):g} hours "
            f"{'later' if hours > 0 else 'earlier'} than those of the API: the stated time zone "
            "is wrong"
        )
    parts = []
    for what, sql in (
        ("only in the file", "from in_file except all from in_api"),
        ("only by the API", "from in_api except all from in_file"),
    ):
        rows = connection.execute(f"select * from ({sql}) order by second limit 3").fetchall()
        parts += [
            f"{what}: {' '.join(_plain(value) for value in row[:-1] if value != '')} at "
            f"{row[-1]:%Y-%m-%d %H:%M:%S}"
            for row in rows
        ]
    return "; ".join(parts)


def _plain(value: Any) -> str:
    text = format(value, "f") if hasattr(value, "as_tuple") else str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _shift(connection: Connection) -> timedelta | None:
    """By how much all times of the file are too late, if a shift makes almost all rows equal."""
    in_file = connection.execute("from in_file").fetchall()
    in_api = Counter(connection.execute("from in_api").fetchall())
    best, most = None, 0
    for shift in SHIFTS:
        moved = Counter((*row[:-1], row[-1] - shift) for row in in_file)
        equal = sum((moved & in_api).values())
        if equal > most:
            best, most = shift, equal
    enough = SHIFTED_SHARE * min(len(in_file), sum(in_api.values()))
    overlap = max(row[-1] for row in in_file) - min(row[-1] for row in in_file)
    if best is None or most < 2 or overlap <= timedelta(0):
        return None
    reach = abs(best) / max(overlap, abs(best))
    return best if most >= enough * (1 - reach) else None
