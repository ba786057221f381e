"""`fct_coverage` says what the slow reference says, for many accounts nobody thought of."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tests.coverage_reference import (
    DAY,
    HOUR,
    MINUTE,
    Account,
    Receipt,
    Span,
    Spec,
    coverage,
)

PROJECT = Path(__file__).parents[1] / "dbt_project"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF = 300 * DAY
KEEP = 90 * DAY
CLOSES = 200 * DAY
ACCOUNTS = 120

LIMITS = {
    "bitget": [
        Spec("fills", "rolling", -900 * DAY),
        Spec("ledger", "not_stated", -900 * DAY),
        Spec("moves", "rolling", -900 * DAY),
        # The exchange published a limit half way through.
        Spec("deposits", "not_stated", -900 * DAY),
        Spec("deposits", "unlimited", 150 * DAY),
    ],
    "bitmex": [
        Spec("wallet", "unlimited", -900 * DAY, CLOSES),
        Spec("orders", "not_stated", -900 * DAY, CLOSES),
    ],
}
OUTCOMES = ("exhausted",) * 6 + (
    "failed", "failed", "refused", "venue_closed", "row_cap", "unresolved",
)  # fmt: skip


def any_life(rng: random.Random, name: str, exchange: str) -> tuple[Account, list[Receipt]]:
    """An account that was synced at random times, by windows that mostly make sense."""
    opened = rng.randrange(-400, 100) * DAY + rng.randrange(DAY)
    times = sorted(
        max(opened, 0) + rng.randrange(290 * DAY) for _ in range(rng.choice((0, 1, 2, 5, 12)))
    )
    known_opening = rng.random() < 0.8
    receipts: list[Receipt] = []
    for now in times:
        for spec in {spec.stream: spec for spec in LIMITS[exchange]}.values():
            scopes = ("BTC", "ETH") if spec.stream == "moves" else ("",)
            for scope in scopes:
                if rng.random() < 0.85:
                    receipts += any_asking(rng, spec, scope, opened, now, name, len(receipts))
    if rng.random() < 0.3:
        receipts.append(any_file(rng, exchange, opened, name))
    checked_at = (times[-1] if times else max(opened, 0)) + rng.choice((0, 0, 3_000, 2 * DAY))
    return Account(name, opened if known_opening else None, checked_at), receipts


def any_asking(
    rng: random.Random, spec: Spec, scope: str, opened: int, now: int, name: str, count: int
) -> list[Receipt]:
    """The receipts of one stream in one run: consecutive windows, some of them odd."""
    floor, reason = opened, "opened_at"
    if spec.retention_kind == "rolling" and now - KEEP + 5 * MINUTE > opened:
        floor, reason = now - KEEP + 5 * MINUTE, "retention"
    start = max(floor, now - rng.choice((DAY, 7 * DAY, 80 * DAY, 600 * DAY)))
    if rng.random() < 0.1:
        start = floor - rng.randrange(10 * DAY)
    cuts = sorted({start, now, *(rng.randrange(start, now) for _ in range(rng.randrange(4)))})
    if rng.random() < 0.05:
        scope = ""
    receipts = []
    for low, high in pairwise(cuts):
        if rng.random() < 0.1:
            continue
        receipts.append(
            Receipt(
                id=f"{name}-{count + len(receipts):05}",
                stream=spec.stream,
                scope=scope,
                asked_from=low,
                asked_to=high + rng.choice((0, 0, 0, 1)) * (high < now),
                asked_at=now + len(receipts) * rng.choice((0, 1_000)),
                outcome=rng.choice(OUTCOMES),
                floor_at=floor,
                floor_reason=reason,
                oldest_at=rng.choice((None, low, rng.randrange(low, high))),
            )
        )
    return receipts


def any_file(rng: random.Random, exchange: str, opened: int, name: str) -> Receipt:
    start = opened + rng.randrange(100 * DAY)
    return Receipt(
        id=f"{name}-file",
        stream=rng.choice(LIMITS[exchange]).stream,
        scope="",
        asked_from=start,
        asked_to=start + 1 + rng.randrange(200 * DAY),
        asked_at=AS_OF - HOUR,
        outcome="exhausted",
        origin="file",
    )


def at(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else EPOCH + timedelta(milliseconds=milliseconds)


def write_raw(path: Path, lives: list[tuple[str, Account, list[Receipt]]]) -> None:
    """The raw tables that coverage is made of, with nothing else in them."""
    with duckdb.connect(str(path)) as con:
        con.execute("set timezone = 'UTC'")
        for exchange, limits in LIMITS.items():
            schema = f"raw_{exchange}"
            con.execute(f"""
                create schema {schema};
                create table {schema}.receipts (
                    receipt_id text, account_id text, stream text, scope text,
                    asked_from timestamptz, asked_to timestamptz, floor_at timestamptz,
                    floor_reason text, outcome text, "rows" bigint, pages bigint, skipped bigint,
                    oldest_at timestamptz, newest_at timestamptz, held_from timestamptz,
                    asked_at timestamptz, finished_at timestamptz, error_kind text,
                    error_text text, origin text, file_sha256 text, file_name text,
                    _dlt_load_id text
                );
                create table {schema}.accounts (
                    account_id text, exchange text, label text, uid text, parent_uid text,
                    account_kind text, opened_at timestamptz, opened_at_evidence text,
                    can_trade boolean, can_withdraw boolean, permissions text,
                    key_fingerprint text, key_created_at timestamptz, key_expires_at timestamptz,
                    ip_allow_list text, checked_at timestamptz, clock_skew_ms bigint, origin text,
                    _dlt_load_id text
                );
                create table {schema}.stream_specs (
                    exchange text, stream text, path text, kind text, entities text, wallet text,
                    scope text, private boolean, needs_right text, time_filter boolean,
                    retention_kind text,
                    retention_seconds bigint, max_window_seconds bigint, overlap_seconds bigint,
                    page_size bigint, rate_requests bigint, rate_seconds double, affects text,
                    remedy text, docs_url text, checked_on date, confidence text,
                    exchange_title text, lifecycle text, ends_at timestamptz, spec_hash text,
                    recorded_at timestamptz, _dlt_load_id text
                );
                create table {schema}._dlt_loads (
                    load_id text, schema_name text, status bigint, inserted_at timestamptz,
                    schema_version_hash text
                );
                insert into {schema}._dlt_loads values ('done', '{exchange}', 0, now(), '');
            """)
            of_exchange = [(a, r) for name, a, r in lives if name == exchange]
            receipts = [
                (
                    r.id, account.id, r.stream, r.scope, at(r.asked_from), at(r.asked_to),
                    at(r.floor_at), r.floor_reason, r.outcome, at(r.oldest_at), at(r.asked_at),
                    r.origin, "done",
                )
                for account, told in of_exchange
                for r in told
            ]  # fmt: skip
            insert(
                con, f"{schema}.receipts",
                "receipt_id, account_id, stream, scope, asked_from, asked_to, floor_at, "
                "floor_reason, outcome, oldest_at, asked_at, origin, _dlt_load_id",
                receipts,
            )  # fmt: skip
            insert(
                con, f"{schema}.accounts", "account_id, exchange, opened_at, checked_at",
                [(a.id, exchange, at(a.opened_at), at(a.checked_at)) for a, _ in of_exchange],
            )  # fmt: skip
            insert(
                con, f"{schema}.stream_specs",
                "exchange, stream, kind, scope, retention_kind, retention_seconds, lifecycle, "
                "ends_at, spec_hash, recorded_at",
                [
                    (
                        exchange, s.stream, "history", "coin" if s.stream == "moves" else "",
                        s.retention_kind,
                        KEEP // 1_000 if s.retention_kind == "rolling" else None,
                        "closed" if s.ends_at else "active", at(s.ends_at), str(number),
                        at(s.recorded_at),
                    )
                    for number, s in enumerate(limits)
                ],
            )  # fmt: skip


def insert(con: duckdb.DuckDBPyConnection, table: str, columns: str, rows: list[tuple]) -> None:
    names = columns.split(", ")
    told = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])
    if rows:
        con.register("told", told)
        con.execute(f"insert into {table} ({columns}) select {columns} from told")
        con.unregister("told")


def build_coverage(warehouse: Path, work: Path) -> None:
    """`fct_coverage` and what it is made of, by dbt, tests included."""
    done = subprocess.run(
        [
            Path(sys.executable).with_name("dbt"), "build", "--quiet", "--select", "+fct_coverage",
            "--indirect-selection", "cautious",
            "--exclude", "test_type:unit", "resource_type:seed",
            "--project-dir", PROJECT, "--profiles-dir", PROJECT,
            "--target-path", work / "target", "--log-path", work / "logs",
            "--vars", f"{{as_of: '{at(AS_OF).isoformat()}'}}",
        ],
        env={**os.environ, "WAREHOUSE_PATH": str(warehouse)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def read_coverage(warehouse: Path) -> dict[str, list[Span]]:
    with duckdb.connect(str(warehouse), read_only=True) as con:
        rows = con.execute("""
            select
                account_id, stream, scope, epoch_ms(span_start), epoch_ms(span_end), verdict
            from marts.fct_coverage
            order by account_id, stream, scope, span_start
        """).fetchall()
    zero = int(EPOCH.timestamp()) * 1_000
    found: dict[str, list[Span]] = {}
    for account, stream, scope, start, end, verdict in rows:
        found.setdefault(account, []).append(
            Span(stream, scope, start - zero, end - zero, verdict)
        )
    return found


@pytest.mark.parametrize("seed", [20261121])
def test_coverage_is_what_the_slow_reference_says(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    lives = []
    for number in range(ACCOUNTS):
        exchange = rng.choice(sorted(LIMITS))
        lives.append((exchange, *any_life(rng, f"{exchange}:{number}", exchange)))
    warehouse = tmp_path / "warehouse.duckdb"
    write_raw(warehouse, lives)
    build_coverage(warehouse, tmp_path)
    found = read_coverage(warehouse)

    seen = set()
    for exchange, account, receipts in lives:
        expected = coverage(account, LIMITS[exchange], receipts, AS_OF)
        assert found.get(account.id, []) == expected, account
        seen |= {span.verdict for span in expected}
    assert len(seen) == 11, f"the lives were too tame to meet every verdict: {sorted(seen)}"
