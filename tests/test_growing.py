"""Incremental builds over several syncs equal a full build, in any order of the rows."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from flows.build import dbt, dismissals
from pipelines.home import Home

pytestmark = pytest.mark.xdist_group("growing")

DAY = datetime(2026, 5, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def millis(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def ledger_move(id: str, amount: str, at: datetime) -> dict[str, Any]:
    return {"type": "Transfer", "asset": "USDT", "amount": amount, "tran_id": id,
            "time": millis(at)}  # fmt: skip


def listed_move(id: str, amount: str, at: datetime) -> dict[str, Any]:
    return {"transfer_id": id, "currency": "USDT", "amount": amount, "type": "spot_to_contract",
            "state": "FINISHED", "timestamp": millis(at)}  # fmt: skip


def deposit(id: str, status: int, at: datetime) -> dict[str, Any]:
    return {"deposit_id": id, "withdraw_id": "", "operation_type": "deposit", "currency": "BTC",
            "arrival_amount": "2", "status": status, "apply_time": millis(at)}  # fmt: skip


def sub_move(amount: str, at: datetime) -> dict[str, Any]:
    return {"currency": "USDT", "amount": amount, "submissionTime": millis(at) // 1000,
            "fromAccount": "child", "toAccount": "me"}  # fmt: skip


# Sync by sync: which records of which stream came.
SYNCS: list[dict[str, dict[str, dict[str, Any]]]] = [
    {
        # A transfer that the list has first, and the ledger, whose request failed, later.
        "transfer_list": {"one": listed_move("m1", "100", DAY)},
        # One that only the ledger has, until a sub-account lists it too.
        "futures_ledger": {"two": ledger_move("m2", "7", DAY + timedelta(days=1))},
        # A deposit that was taken back.
        "deposit_withdraw_history": {"three": deposit("d1", 3, DAY), "four": deposit("d2", 3, DAY)},
        # One whose ends say nothing until the sub-accounts are known.
        "sub_transfers": {"five": sub_move("3", DAY + timedelta(days=2))},
    },
    {
        "futures_ledger": {"one": ledger_move("m1", "100", DAY)},
        "futures_sub_transfers": {"two": sub_move("7", DAY + timedelta(days=1))},
        "deposit_withdraw_history": {"three": deposit("d1", 5, DAY)},
        "sub_accounts": {"child": {"accountName": "child", "status": "1"}},
    },
]


def tell(place: Home, number: int) -> None:
    """Put what a sync brought where the models look, as one load."""
    load, requested = f"load {number}", NOW + timedelta(hours=number)
    with duckdb.connect(str(place.warehouse)) as warehouse:
        warehouse.execute(
            "insert into raw_bitmart._dlt_loads by name select ? as load_id, "
            "'bitmart' as schema_name, 0 as status, ?::timestamptz as inserted_at",
            [load, requested],
        )
        for stream, records in SYNCS[number].items():
            rows = [
                {
                    "account_id": "bitmart:1", "record_id": id, "occurred_at": DAY,
                    "record_hash": f"{id} {number}", "record": json.dumps(record),
                    "receipt_id": f"{stream} {number}", "origin": "api", "_dlt_load_id": load,
                }
                for id, record in records.items()
            ]  # fmt: skip
            receipt = {
                "receipt_id": f"{stream} {number}", "account_id": "bitmart:1", "stream": stream,
                "scope": "", "asked_from": DAY, "asked_to": requested, "asked_at": requested,
                "finished_at": requested, "outcome": "exhausted", "origin": "api",
                "_dlt_load_id": load,
            }  # fmt: skip
            for table, reported in ((stream, rows), ("receipts", [receipt])):
                warehouse.register("loaded", pa.Table.from_pylist(reported))
                warehouse.execute(f"insert into raw_bitmart.{table} by name select * from loaded")
                warehouse.unregister("loaded")


def run(place: Home, *options: str) -> Counter[tuple[Any, ...]]:
    """Build the ledger and the trades; every row of them."""
    done = dbt.run_dbt(
        place,
        ["build", "--select", "+fct_ledger_entries", "+fct_trades", "--resource-type", "model",
         "--resource-type", "seed", *options],
        NOW,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    with duckdb.connect(str(place.warehouse), read_only=True) as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        return Counter(
            (table, *row)
            for table in ("ledger_entries", "trades")
            for row in warehouse.execute(f"from marts.fct_{table}").fetchall()
        )


def test_a_new_row_can_change_an_older_ledger_entry(
    tmp_path: Path, empty_warehouse: Path
) -> None:
    place = Home(tmp_path / "home")
    place.data.mkdir(parents=True)
    shutil.copyfile(empty_warehouse, place.warehouse)
    dismissals.load(place)
    for number in range(len(SYNCS)):
        tell(place, number)
        grown = run(place)
    with duckdb.connect(str(place.warehouse), read_only=True) as warehouse:
        balances = warehouse.execute(
            "select wallet, asset, sum(amount) from marts.fct_ledger_entries "
            "where status = 'completed' group by all order by all"
        ).fetchall()
    assert balances == [("futures", "USDT", 107), ("spot", "BTC", 2), ("spot", "USDT", -97)]
    assert grown == run(place, "--full-refresh")
