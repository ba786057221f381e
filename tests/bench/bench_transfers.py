"""Measure how the time to match withdrawals with deposits grows with their number.

Run: python -m tests.bench.bench_transfers [legs ...]

Withdrawals and deposits of 20 accounts over five years, half of each, are written into the tables
that the models read: a third of the transfers have a hash, a third only amount and time, and a
third have no other side. Then dbt builds only the models of transfers. Twice as many should take
about twice as long; dbt's start-up time is shown separately.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from flows.build import dbt
from pipelines.home import Home, home
from pipelines.load.warehouse import prepare_warehouse

SIZES = (50_000, 100_000, 200_000)
MODELS = (
    "int_transfer_legs", "int_transfers_by_id", "int_transfers_by_hash", "int_transfers_by_amount",
    "int_transfers_paired", "int_transfer_open_legs", "fct_transfers", "fct_transfer_candidates",
)  # fmt: skip

LEGS = """
create or replace table moves as
select
    n,
    n % 3 as kind,
    n % 20 as sender,
    (n % 20 + 1 + n // 20 % 19) % 20 as receiver,
    ['USDT', 'USDT', 'USDT', 'BTC', 'ETH', 'SOL'][1 + n % 6] as asset,
    -- Half of all amounts are round ones that many share.
    case when hash(n) % 2 = 0 then cast(100 * (1 + hash(n + 1) % 50) as decimal(38, 18))
        else cast(1 + (hash(n + 2) % 10000000) / 1000.0 as decimal(18, 3)) end as amount,
    timestamptz '2021-01-01 00:00:00+00' + to_seconds(hash(n + 3) % 157680000) as moved_at
from range(?) as numbers (n)
"""
WITHDRAWALS = """
create or replace table {table} as
select
    concat('e', sender, ':1/withdrawals/', n) as withdrawal_id,
    concat('e', sender, ':1') as account_id,
    concat('e', sender) as exchange, 'withdrawals' as stream, cast(n as varchar) as record_id,
    'spot' as wallet, asset, asset as exchange_asset, amount + 1 as amount,
    cast(1 as decimal(38, 18)) as fee_amount, asset as fee_asset, 'TRC20' as network,
    cast(null as varchar) as address, cast(null as varchar) as address_tag,
    case when kind = 0 then md5(cast(n as varchar)) || md5('x') end as tx_hash,
    false as is_internal, amount as received_amount, 'completed' as status,
    'done' as exchange_status, moved_at as requested_at,
    moved_at + interval 5 minute as completed_at,
    'api' as origin, 'r' as receipt_id, moved_at as loaded_at
from moves
"""
DEPOSITS = """
create or replace table {table} as
select
    concat('e', receiver, ':1/deposits/', n) as deposit_id,
    concat('e', receiver, ':1') as account_id,
    concat('e', receiver) as exchange, 'deposits' as stream, cast(n as varchar) as record_id,
    'spot' as wallet, asset, asset as exchange_asset, amount,
    cast(0 as decimal(38, 18)) as fee_amount, asset as fee_asset, 'TRC20' as network,
    cast(null as varchar) as address, cast(null as varchar) as address_tag,
    case when kind = 0 then '0x' || upper(md5(cast(n as varchar)) || md5('x')) end as tx_hash,
    false as is_internal, cast(null as varchar) as from_address, 'completed' as status,
    'done' as exchange_status,
    -- Of the third kind the other side is elsewhere.
    moved_at + case when kind = 2 then interval 9 day else interval 20 minute end as requested_at,
    moved_at + case when kind = 2 then interval 9 day else interval 30 minute end as completed_at,
    'api' as origin, 'r' as receipt_id, moved_at as loaded_at
from moves
"""
SPECS = """
create or replace table {table} as
select
    concat('e', n) as exchange, 'deposits' as stream, 'history' as kind, true as is_current,
    '' as scope, '["deposits", "withdrawals"]' as entities
from range(20) as numbers (n)
"""
GAPS = """
create or replace table {table} as
select
    concat('gap', n) as gap_id, concat('e', n % 20, ':1') as account_id,
    concat('e', n % 20) as exchange, 'deposits' as stream, cast(null as varchar) as scope_names,
    'sync_lapse' as verdict, false as is_proven_incomplete, 'open' as state,
    timestamptz '2021-01-01 00:00:00+00' + to_days(cast(n as integer) * 9) as span_start,
    timestamptz '2021-01-03 00:00:00+00' + to_days(cast(n as integer) * 9) as span_end
from range(200) as numbers (n)
"""
TABLES = {
    "intermediate.int_withdrawals_unioned": WITHDRAWALS,
    "intermediate.int_deposits_unioned": DEPOSITS,
    "intermediate.int_stream_specs_unioned": SPECS,
    "marts.fct_gaps": GAPS,
}


def make_models(place: Home) -> None:
    """Create empty tables of all inputs of the transfer models."""
    prepare_warehouse(place)
    done = dbt.run_dbt(
        place,
        ["build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test",
         "--select", "+fct_transfers", "+fct_transfer_candidates"],
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stdout[-2000:])
    with duckdb.connect(str(place.warehouse)) as warehouse:
        for name in TABLES:
            kind = "table" if name.startswith("marts") else "view"
            warehouse.execute(f"drop {kind} {name}")


def measure(place: Home, legs: int) -> None:
    """Print one line for that many withdrawals and deposits together."""
    with duckdb.connect(str(place.warehouse)) as warehouse:
        warehouse.execute(LEGS, [legs // 2])
        for name, sql in TABLES.items():
            warehouse.execute(sql.format(table=name))
    start, spent = time.perf_counter(), cpu_seconds()
    done = dbt.run_dbt(place, ["run", "--select", *MODELS])
    wall, spent = time.perf_counter() - start, cpu_seconds() - spent
    if done.returncode:
        sys.exit(done.stdout[-2000:])
    results = json.loads((dbt.target_folder(place) / "run_results.json").read_text())["results"]
    seconds = {r["unique_id"].split(".")[2]: r["execution_time"] for r in results}
    slowest = max(seconds, key=lambda name: seconds[name])
    with duckdb.connect(str(place.warehouse), read_only=True) as warehouse:
        found = warehouse.execute(
            "select method, count(*) from marts.fct_transfers group by all order by all"
        ).fetchall()
        ((left,),) = warehouse.execute(
            "select count(*) from marts.fct_transfer_candidates where open_because = 'tie'"
        ).fetchall()
    pairs = ", ".join(f"{count:,} by {method}" for method, count in found)
    print(
        f"{legs:>9,} legs: models {sum(seconds.values()):6.2f} s (slowest {slowest} "
        f"{seconds[slowest]:.2f} s), with dbt's start {wall:.1f} s, {spent:.1f} s of CPU; {pairs}; "
        f"{left:,} tied; "
        f"peak {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024:,} MB",
        flush=True,
    )


def cpu_seconds() -> float:
    """The processor time of the child processes, which other load does not change."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(sizes: list[int]) -> None:
    """Measure all sizes in one temporary home."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LOOKBACK_HOME"] = str(Path(folder) / "home")
        make_models(home())
        measure(home(), 2)  # what dbt itself needs
        for size in sizes:
            measure(home(), size)


def main() -> None:
    """Measure in a separate process."""
    sizes = [int(text) for text in sys.argv[1:]] or list(SIZES)
    process = multiprocessing.get_context("spawn").Process(target=run, args=(sizes,))
    process.start()
    process.join()
    sys.exit(process.exitcode)


if __name__ == "__main__":
    main()
