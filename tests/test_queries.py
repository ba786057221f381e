"""The queries of README return the ground truth on every machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.files.importer import import_files
from pipelines.home import PROJECT, Home
from tests import truth_reference
from tests.shared_history import SharedHistory
from tests.truth_reference import Reach, Row

NAMES = ("bigone-main", "bitget-main", "bitmart-main", "bitmex-main")
WHOLE = ("bigone-main", "bitget-main", "bitmex-main")
"""Accounts whose movements are known from a floor on; BitMart forgets rows without saying when."""
UNCOMPARED = {"bots", "spot_bots", "futures_copy_trading"}
"""Wallets that the exchange and the ground truth name in different words, or no stream states."""
CASE = PROJECT.parent / "shared" / "cases" / "14-machine-time-zone"
SAVED = [f"bitmex:200000{n}" for n in (1, 2, 3)] if CASE.is_dir() else []
IMPORTED = {"bitmex:2000009": (3, Decimal("0.03"))} | dict.fromkeys(SAVED, (1, Decimal(1)))
"""Accounts of files: what they deposited on 2021-01-01 UTC, the evening before in New York."""
CONTRACT_WALLETS = {"usdt_futures", "usdc_futures", "coin_futures", "contract"}
TRADING = {"trade", "fee", "realised_pnl", "settlement"}


def readme_code() -> str:
    """The Python block that shows how to query."""
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Queries")[2].partition("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    return str(code)


def readme_queries() -> dict[str, str]:
    """The SQL of each query by the comment above it."""
    found = re.findall(r'^# ([^\n]+)\nlookback\.sql\("+(.*?)"+\)$', readme_code(), re.DOTALL | re.M)
    return dict(found)


@dataclass(frozen=True)
class Published:
    """The published file of some accounts, and what happened to them."""

    path: Path
    truths: dict[str, dict[str, Any]]
    reaches: dict[str, Reach]

    def rows(self, query: str) -> list[Row]:
        """The rows of one of README's queries of these accounts, by a word of its comment."""
        (sql,) = [sql for title, sql in readme_queries().items() if query in title]
        import duckdb

        with duckdb.connect(str(self.path), read_only=True) as connection:
            cursor = connection.execute(sql)
            columns = [column[0] for column in cursor.description or ()]
            rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        accounts = {key(truth) for truth in self.truths.values()} | IMPORTED.keys()
        return [row for row in rows if row["account_id"] in accounts]

    def expected(self, name: str, table: str) -> list[Row]:
        """The ground truth of that account, as far as it is available."""
        truth = self.truths[name]
        return truth_reference.expected_rows(truth, self.reaches[name])[table]


def store_cases(place: Home, folder: Path) -> None:
    """Import deposits of New Year's night, in UTC."""
    file = folder / "wallet.json"
    file.write_text(json.dumps(deposits_of_one_moment()), encoding="utf-8")
    import_files("bitmex", [file], "imported", place)
    for account_id, path in zip(SAVED, sorted(CASE.glob("*.json")), strict=True):
        text = path.read_text(encoding="utf-8").replace("1000001", account_id[7:])
        (folder / path.name).write_text(text, encoding="utf-8")
        import_files("bitmex", [folder / path.name], f"zone_{path.stem}", place)


@pytest.fixture
def published(shared: SharedHistory) -> Published:
    truths = {name: shared.truths[name] for name in NAMES}
    return Published(shared.published, truths, shared.reaches)


def deposits_of_one_moment() -> list[dict[str, Any]]:
    """Three deposits of 2021-01-01 03:30 UTC: written with Z, without a zone, with an offset."""
    moments = ("2021-01-01T03:30:00Z", "2021-01-01T03:30:00", "2020-12-31T22:30:00-05:00")
    return [
        {
            "transactID": f"a0000000-0000-4000-8000-00000000000{number}", "account": 2000009,
            "currency": "XBt", "transactType": "Deposit", "amount": 1_000_000, "fee": 0,
            "transactStatus": "Completed", "address": "", "tx": "", "text": "", "network": "",
            "transactTime": moment, "walletBalance": 1_000_000 * number, "timestamp": moment,
        }
        for number, moment in enumerate(moments, start=1)
    ]  # fmt: skip


def month(moment: datetime) -> datetime:
    """Its month in UTC, as DuckDB gives a month of a day: a time without a zone."""
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0, tzinfo=None)


def key(truth: dict[str, Any]) -> str:
    return str(truth["account_id"])


def sums(rows: list[Row], *columns: str, of: str) -> dict[tuple[Any, ...], Decimal]:
    added: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    for row in rows:
        added[tuple(row[column] for column in columns)] += row[of]
    return {found: amount for found, amount in added.items() if amount}


# -- what the queries say


def test_balances_are_those_of_the_exchange(published: Published) -> None:
    rows = published.rows("balance of each wallet")
    found = {
        (row["account_id"], row["wallet"], row["asset"]): row["balance"]
        for row in rows
        if row["wallet"] not in UNCOMPARED and row["account_id"] not in IMPORTED
    }
    wanted = {
        (key(truth), wallet, asset): Decimal(amount)
        for truth in published.truths.values()
        for wallet, held in truth["balances"].items()
        for asset, amount in held.items()
        if wallet not in UNCOMPARED and Decimal(amount)
    }
    assert found == wanted


def test_difference_is_what_rows_before_the_floor_moved(published: Published) -> None:
    rows = [row for row in published.rows("balance of each wallet") if row["wallet"] == "spot"]
    account_id = key(published.truths["bitget-main"])
    bitget = [row for row in rows if row["account_id"] == account_id]
    moved = published.expected("bitget-main", "fct_ledger_entries")
    ledger_sums = sums([row for row in moved if row["wallet"] == "spot"], "asset", of="amount")
    assert {r["asset"]: r["rows_amount"] for r in bitget if r["rows_amount"]} == {
        asset: amount
        for (asset,), amount in ledger_sums.items()
        if asset in {row["asset"] for row in bitget}
    }
    wrong = [row for row in bitget if row["difference"]]
    assert wrong
    for row in bitget:
        assert row["difference"] == row["balance"] - row["rows_amount"]
        assert bool(row["likely_cause"]) == bool(row["difference"])


def test_deposits_are_counted_in_their_month_in_utc(published: Published) -> None:
    found = {
        (row["account_id"], row["asset"], row["month"]): (row["deposits"], row["amount"])
        for row in published.rows("was deposited")
        if row["account_id"] not in IMPORTED
    }
    counts: Counter[tuple[Any, ...]] = Counter()
    amounts: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    for truth in published.truths.values():
        for row in truth["deposits"]:
            if row["status"] == "completed":
                requested_in = month(datetime.fromisoformat(row["requested_at"]))
                counts[key(truth), row["asset"], requested_in] += 1
                amounts[key(truth), row["asset"], requested_in] += Decimal(row["amount"])
    assert found == {each: (counts[each], amounts[each]) for each in counts}


def test_deposit_of_a_file_counts_in_its_month_in_utc(published: Published) -> None:
    found = {
        row["account_id"]: (row["deposits"], row["amount"])
        for row in published.rows("was deposited")
        if row["month"] == month(datetime(2021, 1, 1, tzinfo=UTC))
    }
    assert {account_id: found.get(account_id) for account_id in IMPORTED} == IMPORTED


@pytest.mark.parametrize("name", WHOLE)
def test_trades_add_up_by_market_and_month(published: Published, name: str) -> None:
    account_id = key(published.truths[name])
    found = {
        (row["market"], row["side"], row["month"]): (row["trades"], row["quantity"], row["value"])
        for row in published.rows("bought and sold")
        if row["account_id"] == account_id
    }
    grouped: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in published.expected(name, "fct_trades"):
        grouped[
            row["market"], row["side"], month(datetime.fromtimestamp(row["traded_at"] / 1000, UTC))
        ].append(row)
    assert found == {
        group: (
            len(rows),
            total([row["base_quantity"] for row in rows]),
            sum(row["value_amount"] for row in rows),
        )
        for group, rows in grouped.items()
    }


def total(amounts: list[Decimal | None]) -> Decimal | None:
    """Their sum as SQL has it: of none that is known, null."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal()) if known else None


@pytest.mark.parametrize("name", WHOLE)
def test_contracts_realised_what_moved_the_balance(published: Published, name: str) -> None:
    account_id = key(published.truths[name])
    rows = published.rows("realised profit of contracts")
    found = {row["asset"]: row["realised"] for row in rows if row["account_id"] == account_id}
    realised = [
        row
        for row in published.expected(name, "fct_ledger_entries")
        if row["entry_type"] in ("realised_pnl", "funding", "settlement")
        or (row["entry_type"] == "fee" and row["wallet"] in CONTRACT_WALLETS)
    ]
    assert found and realised
    assert {a: x for a, x in found.items() if x} == {
        asset: amount for (asset,), amount in sums(realised, "asset", of="amount").items()
    }


@pytest.mark.parametrize("name", WHOLE)
def test_trading_fees_are_those_of_all_trades(published: Published, name: str) -> None:
    truth = published.truths[name]
    rows = [row for row in published.rows("paid in fees") if row["account_id"] == key(truth)]
    found = {row["asset"]: row["paid"] for row in rows if row["fee_kind"] == "trading"}
    if name == "bitget-main":  # trades are older than anything the exchange gave
        stated = [
            r for r in published.expected(name, "fct_ledger_entries") if r["entry_type"] in TRADING
        ]
        paid = {asset: x for (asset,), x in sums(stated, "asset", of="fee_amount").items()}
    else:
        charged = [
            {"asset": trade["fee_asset"], "fee_amount": Decimal(trade["fee_amount"])}
            for trade in truth["trades"]
        ]
        paid = {asset: x for (asset,), x in sums(charged, "asset", of="fee_amount").items()}
    assert paid
    assert {asset: amount for asset, amount in found.items() if amount} == paid


# -- the same on every machine


@pytest.mark.parametrize("is_set", [True, False], ids=["as_written", "without_set_time_zone"])
def test_queries_give_the_same_in_every_time_zone(published: Published, is_set: bool) -> None:
    code = readme_code()
    if not is_set:  # then a time is shown in the session's zone, and only days stay what they are
        code = code.replace("lookback.sql(\"set TimeZone = 'UTC'\")\n", "")
        code = re.sub(r'lookback\.sql\("select \* from marts\.fct_gaps.*"\)', "", code)
    outputs = {zone: run(code, published.path, zone) for zone in ("UTC", "America/New_York")}
    assert outputs["UTC"].count("│") > 100
    assert outputs["America/New_York"] == outputs["UTC"]


def run(code: str, path: Path, zone: str) -> str:
    """The block's output on a machine of that time zone, each result shown in full."""
    folder = path.parent.parent
    shown = re.sub(r"(?m)^lookback\.sql\((?!\"set)", "show(", code)
    program = "show = lambda sql: lookback.sql(sql).show(max_rows=10_000, max_width=10_000)\n"
    done = subprocess.run(
        [sys.executable, "-c", program + shown],
        cwd=folder,
        env={**os.environ, "TZ": zone},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout


def test_product_of_two_amounts_is_an_error_not_a_number(published: Published) -> None:
    import duckdb

    with (
        duckdb.connect(str(published.path), read_only=True) as connection,
        pytest.raises(duckdb.Error),
    ):
        connection.execute("select sum(base_quantity * price) from marts.fct_trades").fetchall()
