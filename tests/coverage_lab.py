"""Write random accounts into raw tables, and run the SQL of the coverage models on them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.home import PROJECT
from tests.coverage_reference import (
    DAY,
    KEPT,
    Account,
    Deadline,
    EntitySpan,
    GapRow,
    Receipt,
    Row,
    Span,
    Spec,
)

DBT_PROJECT = PROJECT / "dbt_project"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
ZERO = int(EPOCH.timestamp()) * 1_000_000
AS_OF = 300 * DAY
KEEP = KEPT
LOAD, CUT_OFF = "done", "cut off"
FILES_OF = "wallet_history"
"""The stream of BitMEX whose files are compared with the API, record by record."""

COVERAGE_MODELS = (
    "+int_receipts_unioned", "+int_stream_specs_unioned", "+int_accounts_unioned",
    "+int_closed_scopes", "path:models/intermediate/coverage/spans", "fct_coverage",
    "int_entity_sources", "int_entity_source_claims", "int_entity_answers", "fct_entity_coverage",
)  # fmt: skip
GAP_MODELS = (
    "wordings", "int_unasked_streams", "path:models/intermediate/coverage/gaps", "fct_gaps",
    "int_deadlines", "fct_deadlines",
)  # fmt: skip
READ_TABLES = {
    "int_ledger_proofs": """
        account_id text, stream text, proof text, opening_count bigint, break_count bigint,
        first_row_at timestamptz, opening_asset text, opening_balance decimal(38, 18),
        opening_at timestamptz
    """,
    "int_entity_holes": """
        account_id text, exchange text, entity text, wallet text, span_start timestamptz,
        span_end timestamptz, stream text
    """,
    "int_unreadable_rows": "account_id text, receipt_id text",
    "int_row_paces": """
        account_id text, stream text, busiest_week_rows bigint, oldest_given_at timestamptz
    """,
}
"""Tables that models compute from records; this lab writes their rows directly."""

RAW = {
    "receipts": """
        receipt_id text, account_id text, stream text, scope text, asked_from timestamptz,
        asked_to timestamptz, floor_at timestamptz, floor_reason text, outcome text,
        "rows" bigint, pages bigint, skipped bigint, oldest_at timestamptz, newest_at timestamptz,
        held_from timestamptz, asked_at timestamptz, finished_at timestamptz, error_kind text,
        error_text text, origin text, file_sha256 text, file_name text, _dlt_load_id text
    """,
    "accounts": """
        account_id text, exchange text, label text, uid text, parent_uid text, account_kind text,
        opened_at timestamptz, opened_at_evidence text, can_trade boolean, can_withdraw boolean,
        permissions text, key_fingerprint text, key_created_at timestamptz,
        key_expires_at timestamptz, ip_allow_list text, checked_at timestamptz,
        clock_skew_ms bigint, origin text, _dlt_load_id text
    """,
    "stream_specs": """
        exchange text, stream text, path text, kind text, entities text, part_of text,
        wallet text, scope text, private boolean, account_kinds text, time_filter boolean,
        retention_kind text, retention_seconds bigint, max_window_seconds bigint,
        overlap_seconds bigint, page_size bigint, newest_rows bigint, needs_right text,
        rate_requests bigint, rate_seconds double,
        affects text, remedy text, remedy_is_file boolean, docs_url text, checked_on date,
        confidence text,
        exchange_title text, lifecycle text, ends_at timestamptz, site_format text,
        spec_hash text,
        recorded_at timestamptz, _dlt_load_id text
    """,
    "_dlt_loads": """
        load_id text, schema_name text, status bigint, inserted_at timestamptz,
        schema_version_hash text
    """,
    "file_rows": """
        account_id text, stream text, receipt_id text, record_id text, record_hash text,
        occurred_at timestamptz, _dlt_load_id text
    """,
}
RECORDS = """
    account_id text, record_id text, record_hash text, occurred_at timestamptz, record json,
    receipt_id text, origin text, _dlt_load_id text
"""

History = tuple[Account, Sequence[Receipt]]


def at(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else EPOCH + timedelta(microseconds=microseconds)


def make_raw(warehouse: Path) -> None:
    """The raw tables that coverage is made of, with nothing in them."""
    with duckdb.connect(str(warehouse)) as con:
        for exchange in ("bitget", "bitmex"):
            con.execute(f"create schema raw_{exchange}")
            for table, columns in RAW.items():
                con.execute(f"create table raw_{exchange}.{table} ({columns})")
        con.execute(f"create table raw_bitmex.{FILES_OF} ({RECORDS})")


def write_raw(
    con: duckdb.DuckDBPyConnection, exchange: str, limits: Sequence[Spec], lives: Sequence[History]
) -> None:
    """Write the inputs of coverage, as a sync and an import write them."""
    raw = f"raw_{exchange}"
    insert(con, f"{raw}._dlt_loads", [
        {"load_id": LOAD, "schema_name": exchange, "status": 0, "inserted_at": EPOCH},
    ])  # fmt: skip
    insert(con, f"{raw}.stream_specs", [
        {
            "exchange": exchange, "stream": s.stream, "kind": s.kind, "private": s.is_private,
            "scope": "coin" if s.stream == "moves" else "",
            "retention_kind": s.retention_kind,
            "retention_seconds": s.kept // 1_000_000 if s.retention_kind == "rolling" else None,
            "lifecycle": s.lifecycle, "ends_at": at(s.ends_at),
            "spec_hash": f"{number:03}", "recorded_at": at(s.recorded_at),
            "account_kinds": json.dumps(s.account_kinds),
            "entities": json.dumps(s.entities), "part_of": json.dumps(s.part_of),
            "wallet": s.wallet, "newest_rows": s.newest_rows, "needs_right": s.needs_right,
            "path": f"/{s.stream}", "remedy": "a file", "affects": "rows",
            "_dlt_load_id": LOAD,
        }
        for number, s in enumerate(limits)
    ])  # fmt: skip
    insert(con, f"{raw}.accounts", [
        {
            "account_id": account.id, "exchange": exchange, "opened_at": at(check.opened_at),
            "checked_at": at(check.at), "account_kind": check.kind, "origin": check.origin,
            "_dlt_load_id": LOAD,
        }
        for account, _ in lives
        for check in account.checks
    ])  # fmt: skip
    insert(con, f"{raw}.receipts", [
        {
            "receipt_id": r.id, "account_id": account.id, "stream": r.stream, "scope": r.scope,
            "asked_from": at(r.asked_from), "asked_to": at(r.asked_to),
            "floor_at": at(r.floor_at), "floor_reason": r.floor_reason, "outcome": r.outcome,
            "oldest_at": at(r.oldest_at), "error_kind": r.error_kind, "rows": r.row_count,
            "asked_at": at(r.asked_at), "origin": r.origin,
            "_dlt_load_id": LOAD if r.is_loaded else CUT_OFF,
        }
        for account, receipts in lives
        for r in receipts
    ])  # fmt: skip
    for account, receipts in lives:
        write_records(con, raw, account, receipts)


def make_read_tables(con: duckdb.DuckDBPyConnection) -> None:
    """The tables of models that read records, with nothing in them."""
    con.execute("create schema intermediate")
    for table, columns in READ_TABLES.items():
        con.execute(f"create table intermediate.{table} ({columns})")


def write_read_tables(con: duckdb.DuckDBPyConnection, lives: Sequence[History]) -> None:
    for table in READ_TABLES:
        con.execute(f"truncate intermediate.{table}")
    insert(con, "intermediate.int_ledger_proofs", [
        {
            "account_id": account.id, "stream": proof.stream,
            "first_row_at": at(proof.first_row_at), "opening_count": proof.opening_count,
        }
        for account, _ in lives
        for proof in account.proofs
    ])  # fmt: skip
    insert(con, "intermediate.int_entity_holes", [
        {
            "account_id": account.id, "exchange": account.id.partition(":")[0],
            "entity": hole.entity, "wallet": hole.wallet, "stream": "proof",
            "span_start": at(hole.start), "span_end": at(hole.end),
        }
        for account, _ in lives
        for hole in account.holes
    ])  # fmt: skip
    insert(con, "intermediate.int_row_paces", [
        {
            "account_id": account.id, "stream": pace.stream,
            "busiest_week_rows": pace.busiest_week_rows,
            "oldest_given_at": at(pace.oldest_given_at),
        }
        for account, _ in lives
        for pace in account.row_rates
    ])  # fmt: skip


def write_records(
    con: duckdb.DuckDBPyConnection, raw: str, account: Account, receipts: Sequence[Receipt]
) -> None:
    """The records of files, and all records; a record of both file and API is there once."""
    held = [(r, row) for r in receipts for row in r.rows]
    given = [(stream, row, "api", "") for stream, row in account.rows]
    known = {(stream, row.id, row.version) for stream, row, *_ in given}
    for receipt, row in held:
        if (receipt.stream, row.id, row.version) not in known:
            known.add((receipt.stream, row.id, row.version))
            given.append((receipt.stream, row, "file", receipt.id))
    insert(con, f"{raw}.file_rows", [
        {
            "account_id": account.id, "stream": r.stream, "receipt_id": r.id,
            "record_id": row.id, "record_hash": row.id + row.version,
            "occurred_at": at(row.occurred_at), "_dlt_load_id": LOAD,
        }
        for r, row in held
    ])  # fmt: skip
    for stream in sorted({stream for stream, *_ in given}):
        insert(con, f"{raw}.{stream}", [
            {
                "account_id": account.id, "record_id": row.id,
                "record_hash": row.id + row.version, "occurred_at": at(row.occurred_at),
                "record": record_text(row), "receipt_id": receipt_id, "origin": origin,
                "_dlt_load_id": LOAD,
            }
            for row_stream, row, origin, receipt_id in given
            if row_stream == stream
        ])  # fmt: skip


def record_text(row: Row) -> str:
    return json.dumps({"currency": "XBt", "amount": row.amount})


def insert(
    con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    if rows:
        con.register("loaded", pa.Table.from_pylist(list(rows)))
        con.execute(f"insert into {table} by name select * from loaded")
        con.unregister("loaded")


def run_dbt(command: str, warehouse: Path, work: Path, select: Iterable[str]) -> None:
    done = subprocess.run(
        [
            Path(sys.executable).with_name("dbt"), command, "--quiet", "--select", *select,
            *(["--indirect-selection", "cautious"] if command == "build" else []),
            "--exclude", "test_type:unit",
            "--project-dir", DBT_PROJECT, "--profiles-dir", DBT_PROJECT,
            "--target-path", work / "target", "--log-path", work / "logs",
            "--vars", json.dumps({"as_of": at(AS_OF).isoformat()}),
        ],
        env={**os.environ, "WAREHOUSE_PATH": str(warehouse)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def read_coverage(con: duckdb.DuckDBPyConnection) -> dict[str, list[Span]]:
    rows = con.execute("""
        select
            account_id, stream, scope, epoch_us(span_start), epoch_us(span_end), verdict,
            case evidence_kind when 'receipt' then evidence_id else evidence_kind end,
            receipt_count, epoch_us(first_asked_at), epoch_us(last_asked_at)
        from marts.fct_coverage
        order by account_id, stream, scope, span_start
    """).fetchall()
    found: dict[str, list[Span]] = {}
    for account, stream, scope, start, end, verdict, evidence, count, first, last in rows:
        span = Span(
            stream, scope, start - ZERO, end - ZERO, verdict, evidence, count,
            None if first is None else first - ZERO, None if last is None else last - ZERO,
        )  # fmt: skip
        found.setdefault(account, []).append(span)
    return found


def read_entity_coverage(con: duckdb.DuckDBPyConnection) -> dict[str, list[EntitySpan]]:
    rows = con.execute("""
        select
            account_id, entity, wallet, epoch_us(span_start), epoch_us(span_end), verdict
        from marts.fct_entity_coverage
        order by account_id, entity, wallet, span_start
    """).fetchall()
    found: dict[str, list[EntitySpan]] = {}
    for account, entity, wallet, start, end, verdict in rows:
        spans = found.setdefault(account, [])
        low, high = start - ZERO, end - ZERO
        last = spans[-1] if spans else None
        # A span ends where another source takes over, also with the same verdict.
        if last and (last.entity, last.wallet, last.verdict, last.end) == (
            entity, wallet, verdict, low,
        ):  # fmt: skip
            low = spans.pop().start
        spans.append(EntitySpan(entity, wallet, low, high, verdict))
    return found


def read_gaps(con: duckdb.DuckDBPyConnection) -> dict[str, list[GapRow]]:
    rows = con.execute("""
        select
            account_id, stream, coalesce(string_split(scope_names, ', '), []),
            epoch_us(span_start), epoch_us(span_end), verdict, filled_by, is_fill_proven,
            is_proven_incomplete, severity, is_obtainable
        from marts.fct_gaps
        order by account_id, stream, span_start, span_end, verdict, 3
    """).fetchall()
    found: dict[str, list[GapRow]] = {}
    for account, stream, scopes, start, end, *reported in rows:
        row = GapRow(stream, tuple(scopes), start - ZERO, end - ZERO, *reported)
        found.setdefault(account, []).append(row)
    return found


def read_deadlines(con: duckdb.DuckDBPyConnection) -> dict[str, list[Deadline]]:
    rows = con.execute("""
        select
            account_id, stream, scope_count, epoch_us(oldest_obtainable_at),
            epoch_us(next_loss_from), epoch_us(next_loss_at), epoch_us(sync_before),
            is_estimate, at_risk, reason
        from marts.fct_deadlines
        order by account_id, stream
    """).fetchall()
    found: dict[str, list[Deadline]] = {}
    for account, stream, count, *times, is_estimate, at_risk, reason in rows:
        moments = [None if time is None else time - ZERO for time in times]
        reported = Deadline(stream, count, *moments, is_estimate, at_risk, reason)
        found.setdefault(account, []).append(reported)
    return found


class CompiledCoverage:
    """The coverage models as dbt compiled them once, on tables in memory that are quick to fill.

    Views are in the database as dbt made them. What dbt made a table of is made again from its
    compiled text each time.
    """

    def __init__(self, folder: Path) -> None:
        warehouse = folder / "warehouse.duckdb"
        make_raw(warehouse)
        with duckdb.connect(str(warehouse)) as con:
            # The model of imported records is written for the streams that have files by then.
            insert(con, "raw_bitmex.file_rows", [{"stream": FILES_OF}])
            make_read_tables(con)
        run_dbt("build", warehouse, folder, (*COVERAGE_MODELS, *GAP_MODELS))
        reported = json.loads((folder / "target" / "manifest.json").read_text())["nodes"]
        ran = json.loads((folder / "target" / "run_results.json").read_text())["results"]
        ran.sort(key=lambda result: result["timing"][-1]["completed_at"])
        self.tables = {
            f"{node['schema']}.{node['name']}": result["compiled_code"]
            for result in ran
            if (node := reported[result["unique_id"]])["config"]["materialized"] == "table"
        }
        self.con = duckdb.connect()
        self.con.execute("set timezone = 'UTC'; set threads = 1")
        self.con.execute(f"attach '{warehouse}' as built (read_only)")
        self.con.execute("copy from database built to memory; detach built")

    def judge(self, exchange: str, limits: Sequence[Spec], lives: Sequence[History]) -> None:
        """Take these limits and lives for all there is, and work out their coverage."""
        for table in RAW:
            self.con.execute(f"truncate raw_{exchange}.{table}")
        self.con.execute(f"truncate raw_bitmex.{FILES_OF}")
        write_raw(self.con, exchange, limits, lives)
        write_read_tables(self.con, lives)
        for name, code in self.tables.items():
            self.con.execute(f"create or replace table {name} as ({code})")
