"""How the cost of coverage grows with receipts: many accounts, streams and askings.

Run: python -m tests.bench.bench_coverage [--accounts 10 100 1000] [--streams 30] [--receipts 400]
         [--memory 6GB] [--whole] [--slowest 8] [--project FOLDER]

Receipts are written straight into the raw tables: a daily sync that reaches back a day, one in
twenty of which failed; a third of the streams forget after 90 days, a third are walked from the
opening on every day, and one account in ten lost its key for the last month. Then dbt builds the
coverage models in a process of its own, in which DuckDB may use no more than `--memory`; with
`--whole` it builds every model and runs every data test. `--project` takes the models of another
checkout, to measure two states side by side on the same rows.

Processor seconds are the figure to compare: other work on the machine moves the wall's clock. The
last column is processor seconds for a million receipts, without what dbt needs to start (the same
build on no receipts): flat is linear, and n log n rises by a seventh for ten times as many.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import yaml

from pipelines.home import PROJECT, home
from pipelines.load.warehouse import prepare_warehouse

MODELS = (
    "path:models/intermediate/coverage/spans", "fct_coverage", "int_entity_sources",
    "fct_entity_coverage", "path:models/intermediate/coverage/gaps", "fct_gaps",
    "int_deadlines", "fct_deadlines", "int_last_runs", "int_sync_states", "fct_sync_status",
)  # fmt: skip
NOW = "timestamptz '2026-11-01 00:00:00+00'"


@dataclass(frozen=True)
class Cost:
    """The cost of one build."""

    wall: float
    processor: float
    peak_mb: float
    seconds: dict[str, float]


def write_receipts(
    warehouse: Path, accounts: int, streams: int, receipts: int, memory: str
) -> None:
    """Made-up askings of one exchange, a day apart, in the raw tables of `bitget`."""
    with duckdb.connect(str(warehouse), config={"memory_limit": memory, "threads": 2}) as con:
        con.execute("set timezone = 'UTC'; set preserve_insertion_order = false")
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
                'GET' as method, 'https://exchange.example' as docs_url, 'high' as confidence,
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
                case s.number % 3 when 2 then {NOW} - interval 1000 days
                    else {NOW} - to_days(r.number::integer + 2) end as asked_from,
                {NOW} - to_days(r.number::integer) as asked_to,
                {NOW} - to_days(r.number::integer + 90) as floor_at,
                case s.number % 3 when 0 then 'retention' else 'opened_at' end as floor_reason,
                case
                    when a.number % 10 = 9 and r.number < 30 then 'refused'
                    when hash(a.number, s.number, r.number) % 20 = 0 then 'failed'
                    else 'exhausted' end as outcome,
                10 as rows, 1 as pages, 0 as skipped,
                {NOW} - to_days(r.number::integer) as asked_at,
                {NOW} - to_days(r.number::integer) as finished_at,
                'api' as origin, 'bench' as _dlt_load_id
            from range({accounts}) as a (number)
            cross join range({streams}) as s (number)
            cross join range({receipts}) as r (number);
        """)


def build(warehouse: Path, work: Path, project: Path, memory: str, whole: bool) -> Cost:
    """The coverage models, or everything with its tests, by dbt: what that took."""
    # The project's own settings, and the memory to get by with.
    profile = yaml.safe_load((project / "profiles.yml").read_text(encoding="utf-8"))
    output = profile["lookback"]["outputs"]["warehouse"]
    output["path"] = str(warehouse)
    output["settings"] |= {"memory_limit": memory, "threads": 2}
    (work / "profiles.yml").write_text(yaml.safe_dump(profile), encoding="utf-8")
    command = [
        str(Path(sys.executable).with_name("dbt")), "build", "--quiet",
        "--exclude-resource-type", "unit_test", *([] if whole else ["test", "--select"]),
        *([] if whole else [f"+{model}" for model in MODELS]),
        "--project-dir", str(project), "--profiles-dir", str(work),
        "--target-path", str(work / "target"), "--log-path", str(work / "logs"),
        "--vars", json.dumps({"as_of": "2026-11-01 00:00:00+00"}),
    ]  # fmt: skip
    before = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - before
    if status:
        print("dbt could not build it")
    reported = json.loads((work / "target" / "run_results.json").read_text())["results"]
    return Cost(
        wall=wall,
        processor=used.ru_utime + used.ru_stime,
        peak_mb=used.ru_maxrss / 1024,
        seconds={
            ".".join(node["unique_id"].split(".")[2:3]): node["execution_time"] for node in reported
        },
    )


def measure(options: argparse.Namespace, work: Path, accounts: int) -> Cost:
    """Measure one size in its own warehouse."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LOOKBACK_HOME"] = folder
        place = home()
        prepare_warehouse(place)
        write_receipts(
            place.warehouse, accounts, options.streams, options.receipts, options.memory
        )
        return build(place.warehouse, work, options.project, options.memory, options.whole)


def main() -> None:
    """Measure and print one line a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, nargs="+", default=[10, 100, 1_000])
    parser.add_argument("--streams", type=int, default=30)
    parser.add_argument("--receipts", type=int, default=400)
    parser.add_argument("--memory", default="6GB")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--slowest", type=int, default=0)
    parser.add_argument("--project", type=Path, default=PROJECT / "dbt_project")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        show(options, Path(work))


def show(options: argparse.Namespace, work: Path) -> None:
    """One line a size, and below it the models that took longest."""
    measure(options, work, 0)  # dbt reads the project in full once, and remembers it
    idle = measure(options, work, 0)
    print(
        f"{'receipts':>12}{'wall s':>9}{'processor s':>13}{'peak MB':>9}{'fct_coverage s':>16}"
        f"{'processor s a million':>23}",
        flush=True,
    )
    for accounts in options.accounts:
        cost = measure(options, work, accounts)
        count = accounts * options.streams * options.receipts
        print(
            f"{count:>12,}{cost.wall:>9.1f}{cost.processor:>13.1f}{cost.peak_mb:>9,.0f}"
            f"{cost.seconds.get('fct_coverage', 0):>16.1f}"
            f"{(cost.processor - idle.processor) / count * 1e6:>23.2f}",
            flush=True,
        )
        slowest = sorted(cost.seconds.items(), key=lambda item: -item[1])
        for name, seconds in slowest[: options.slowest]:
            print(f"{'':>12}{seconds:>9.1f} s  {name}", flush=True)


if __name__ == "__main__":
    main()
