"""How the cost of coverage grows with receipts: many accounts, streams and askings.

Run: python -m tests.bench.bench_coverage [--accounts 10 100 1000] [--streams 30] [--receipts 400]

Receipts are written straight into the raw tables (a daily sync that reaches back a day, one in
twenty of which failed, for streams of which a third forget after 90 days); then dbt builds the
coverage models, in a process of its own. The last column is seconds for a million receipts: flat
is linear, and n log n rises by a seventh for ten times as many.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from pipelines.home import PROJECT, home
from pipelines.load import prepare_warehouse

MODELS = ("fct_coverage", "int_entity_sources", "fct_entity_coverage", "fct_gaps", "fct_deadlines")
NOW = "timestamptz '2026-11-01 00:00:00+00'"


def write_receipts(warehouse: Path, accounts: int, streams: int, receipts: int) -> None:
    """Made-up askings of one exchange, a day apart, in the raw tables of `bitget`."""
    with duckdb.connect(str(warehouse)) as con:
        con.execute("set timezone = 'UTC'")
        con.execute("delete from raw_bitget.stream_specs")
        con.execute(f"""
            insert into raw_bitget._dlt_loads
            values ('bench', 'bench', 0, {NOW}, '');

            insert into raw_bitget.stream_specs by name
            select
                'bitget' as exchange, 'Bitget' as exchange_title, 'active' as lifecycle,
                'stream_' || number as stream, '/' || number as path, 'history' as kind,
                case number % 3 when 0 then '["trades"]' when 1 then '["ledger"]' else '[]' end
                    as entities,
                '[]' as part_of, 'spot' as wallet, '' as scope, true as private,
                true as time_filter,
                case number % 3 when 0 then 'rolling' else 'not_stated' end as retention_kind,
                case number % 3 when 0 then 7776000 end as retention_seconds,
                'rows' as affects, 'a file' as remedy, 'hash' as spec_hash,
                {NOW} - interval 500 days as recorded_at, 'bench' as _dlt_load_id
            from range({streams}) as numbers (number);

            insert into raw_bitget.accounts by name
            select
                'bitget:' || number as account_id, 'bitget' as exchange, number::text as label,
                number::text as uid, {NOW} - interval 1000 days as opened_at,
                'exchange' as opened_at_evidence, {NOW} as checked_at, 'api' as origin,
                'bench' as _dlt_load_id
            from range({accounts}) as numbers (number);

            insert into raw_bitget.receipts by name
            select
                concat_ws('-', a.number, s.number, r.number) as receipt_id,
                'bitget:' || a.number as account_id,
                'stream_' || s.number as stream,
                '' as scope,
                {NOW} - to_days(r.number::integer + 2) as asked_from,
                {NOW} - to_days(r.number::integer) as asked_to,
                {NOW} - to_days(r.number::integer + 90) as floor_at,
                case s.number % 3 when 0 then 'retention' else 'opened_at' end as floor_reason,
                case when hash(a.number, s.number, r.number) % 20 = 0 then 'failed'
                    else 'exhausted' end as outcome,
                10 as rows, 1 as pages, 0 as skipped,
                {NOW} - to_days(r.number::integer) as asked_at,
                {NOW} - to_days(r.number::integer) as finished_at,
                'api' as origin, 'bench' as _dlt_load_id
            from range({accounts}) as a (number)
            cross join range({streams}) as s (number)
            cross join range({receipts}) as r (number);
        """)


def build(warehouse: Path, work: Path) -> dict[str, Any]:
    """The coverage models by dbt, without tests: seconds, and the peak memory of dbt."""
    command = [
        str(Path(sys.executable).with_name("dbt")), "run", "--quiet",
        "--select", *(f"+{model}" for model in MODELS),
        "--project-dir", str(PROJECT / "dbt_project"),
        "--profiles-dir", str(PROJECT / "dbt_project"),
        "--target-path", str(work / "target"), "--log-path", str(work / "logs"),
        "--vars", json.dumps({"as_of": "2026-11-01 00:00:00+00"}),
    ]  # fmt: skip
    seed = ["seed" if word == "run" else word for word in command]
    del seed[seed.index("--select") : seed.index("--project-dir")]
    environment = {**os.environ, "WAREHOUSE_PATH": str(warehouse)}
    subprocess.run(seed, env=environment, check=True)
    before = time.perf_counter()
    process = subprocess.Popen(command, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit("dbt could not build the models")
    return {
        "seconds": time.perf_counter() - before,
        "peak_mb": used.ru_maxrss / 1024,
        **model_seconds(work / "target" / "run_results.json"),
    }


def model_seconds(results: Path) -> dict[str, float]:
    """Seconds of each of the models this is about."""
    told = json.loads(results.read_text())["results"]
    times = {node["unique_id"].split(".")[-1]: node["execution_time"] for node in told}
    return {model: round(times[model], 2) for model in MODELS}


def main() -> None:
    """Measure and print one line a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, nargs="+", default=[10, 100, 1_000])
    parser.add_argument("--streams", type=int, default=30)
    parser.add_argument("--receipts", type=int, default=400)
    options = parser.parse_args()
    print(f"{'receipts':>12}{'dbt s':>8}{'peak MB':>9}{'coverage s':>12}{'s a million':>13}")
    for accounts in options.accounts:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["LOOKBACK_HOME"] = folder
            place = home()
            prepare_warehouse(place)
            write_receipts(place.warehouse, accounts, options.streams, options.receipts)
            found = build(place.warehouse, Path(folder))
        count = accounts * options.streams * options.receipts
        coverage = found["fct_coverage"]
        print(
            f"{count:>12,}{found['seconds']:>8.1f}{found['peak_mb']:>9,.0f}{coverage:>12.1f}"
            f"{coverage / count * 1e6:>13.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
