"""The meaning of records: signs, coins, contracts, labels and renames, up to the marts.

Each case has its own account in the shared history.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from pipelines.home import PROJECT, Home
from tests.shared_history import SharedHistory

CASES = PROJECT.parent / "shared" / "cases"
NOW = datetime(2026, 11, 30, tzinfo=UTC)
OPENED = datetime(2019, 1, 1, tzinfo=UTC)


def case(folder: str, file: str, own: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records of a prepared case where they are there, else the same situation in our words."""
    path = CASES / folder / file
    if not path.exists():
        return own
    found = json.loads(path.read_text(encoding="utf-8"))
    return found["data"] if isinstance(found, dict) else found


def fill(number: int, symbol: str, side: str, coin: str, fee: str, deducted: str) -> dict[str, Any]:
    return {
        "userId": "1", "symbol": symbol, "orderId": f"o{number}", "tradeId": str(number),
        "orderType": "limit", "side": side, "priceAvg": "150", "size": "1", "amount": "150",
        "feeDetail": {
            "deduction": deducted, "feeCoin": coin, "totalDeductionFee": "", "totalFee": fee,
        },
        "tradeScope": "taker", "cTime": str(1_795_612_500_000 + number), "uTime": "",
    }  # fmt: skip


def tax(number: int, day: str, coin: str, label: str, amount: str, balance: str) -> dict[str, Any]:
    at = datetime.fromisoformat(f"{day}T10:00:00+00:00")
    return {
        "id": str(number), "coin": coin, "spotTaxType": label, "amount": amount, "fee": "0",
        "balance": balance, "bizOrderId": f"o{number}", "ts": str(round(at.timestamp() * 1000)),
    }  # fmt: skip


FEES = [
    fill(1001, "SOLUSDT", "buy", "BGB", "0.0015552795869069", "yes"),
    fill(1002, "SOLUSDT", "sell", "USDT", "-0.0074984155298663", "no"),
    fill(1003, "SOLUSDT", "buy", "USDT", "0.01187046009", "no"),
    fill(1004, "SOLUSDT", "buy", "BGB", "-0.017118519726", "yes"),
]
BOTH_LISTS = [
    fill(1001, "SOLUSDT", "buy", "BGB", "0.0015552795869069", "yes") | {"orderId": "901"},
]
FEE_LEDGER = [
    tax(1, "2026-11-05", "USDT", "Deposit", "1000", "1000"),
    tax(2, "2026-11-05", "BGB", "Deposit", "10", "10"),
] + [
    tax(number, "2026-11-25", coin, label, amount, balance)
    | {"ts": "1795612700000", "bizOrderId": "901"}
    for number, coin, label, amount, balance in (
        (3, "USDT", "Sell", "-150", "850"), (4, "SOL", "Buy", "1", "1"),
        (5, "BGB", "Transaction fee deduct", "-0.0015552795869069", "9.9984447204130931"),
    )
]  # fmt: skip
PAIRS = [
    fill(1011, "龙虾USDT", "buy", "龙虾", "-0.1", "no"),
    fill(1012, "$ALTUSDT", "buy", "$ALT", "-0.1", "no"),
    fill(1013, "bgSOLUSDT", "buy", "bgSOL", "-0.001", "no"),
]
FUNDING = [
    {"id": id, "coin": coin, "groupType": group, "type": "", "amount": amount, "balance": "0",
     "ts": "1795613612211"}
    for id, coin, group, amount in (
        ("501", "USDT", "deposit", "100"), ("502", "USDT", "transfer", "-40"),
        ("503", "USDT", "withdraw", "-10"), ("504", "BGB", "airdrop", "3"),
    )
]  # fmt: skip
COINS = [
    tax(1, "2022-03-02", "LUNA", "Deposit", "10", "10"),
    tax(2, "2022-05-31", "LUNA", "Airdrop Reward-A", "0.31", "0.31"),
    tax(3, "2022-06-10", "LUNC", "Sell", "-10", "0"),
    tax(4, "2022-06-11", "LUNA", "Sell", "-0.31", "0"),
]
OPTIONS = [
    {"execID": f"e{number}", "orderID": "o", "account": 1, "symbol": "XBT7D_U110", "side": side,
     "lastQty": 5, "lastPx": price, "currency": "XBT", "settlCurrency": "XBt",
     "execType": kind, "execCost": cost, "execComm": 0,
     "transactTime": "2019-03-05T09:00:00.000Z", "timestamp": "2019-03-05T09:00:00.000Z"}
    for number, side, price, kind, cost in (
        (1, "Buy", 0.0123, "Trade", -615000), (2, "Sell", 0, "Settlement", 0),
    )
]  # fmt: skip
POSITION = [
    {"symbol": "BTCUSDT", "leverage": "9", "position_type": 2, "current_amount": "105",
     "position_value": "18584.272343943943943944339"},
]  # fmt: skip


@dataclass
class Reported:
    """Records of one stream of one account."""

    exchange: str
    account: str
    stream: str
    id_field: str
    records: list[dict[str, Any]]
    scope: str = ""

    @property
    def account_id(self) -> str:
        return f"{self.exchange}:{self.account}"

    def rows(self) -> Iterator[dict[str, object]]:
        for record in self.records:
            time = record.get("ts") or record.get("cTime")
            at = datetime.fromtimestamp(int(time) / 1000, UTC) if time else OPENED
            yield {
                "account_id": self.account_id, "record_id": str(record[self.id_field]),
                "record_hash": str(record[self.id_field]), "occurred_at": at,
                "record": json.dumps(record, ensure_ascii=False),
                "receipt_id": f"{self.account}-{self.stream}", "origin": "api",
                "_dlt_load_id": "done",
            }  # fmt: skip

    def receipt(self) -> dict[str, object]:
        return {
            "receipt_id": f"{self.account}-{self.stream}", "account_id": self.account_id,
            "stream": self.stream, "scope": self.scope, "asked_from": OPENED, "asked_to": NOW,
            "floor_at": OPENED, "floor_reason": "opened_at", "outcome": "exhausted",
            "asked_at": NOW, "finished_at": NOW, "origin": "api", "_dlt_load_id": "done",
        }  # fmt: skip


STORED = [
    Reported(
        "bitget", "fees", "spot_fills", "tradeId", case("01-bitget-bgb-fee", "fills.json", FEES)
    ),
    Reported(
        "bitget", "both_lists", "spot_fills", "tradeId",
        [record for record in case("01-bitget-bgb-fee", "fills.json", BOTH_LISTS)
         if record["orderId"] == "901"],
    ),
    Reported(
        "bitget", "both_lists", "tax_spot_records", "id",
        case("01-bitget-bgb-fee", "tax.json", FEE_LEDGER),
    ),
    Reported(
        "bitget", "pairs", "spot_fills", "tradeId",
        case("02-bitget-nonascii-pair", "fills.json", PAIRS),
    ),
    Reported(
        "bitget", "funding", "unified_funding_records", "id",
        case("12-bitget-funding-type-empty", "funding-financial-records.json", FUNDING),
    ),
    Reported(
        "bitget", "renamed", "tax_spot_records", "id",
        case("13-luna-two-coins", "tax.json", COINS),
    ),
    Reported(
        "bitget", "too_long", "tax_spot_records", "id",
        [
            tax(1, "2026-01-01", "USDT", "Deposit", "1.1234567890123456789", "1"),
            tax(2, "2026-01-02", "USDT", "Deposit", "5", "6"),
        ],
    ),
    Reported(
        "bitmex", "options", "trade_history", "execID",
        case("06-bitmex-updown-contract", "executions.json", OPTIONS),
    ),
    Reported(
        "bitmart", "long", "futures_positions", "symbol",
        case("24-bitmart-long-decimals", "position.json", POSITION),
    ),
]  # fmt: skip


def store_cases(place: Home, folder: Path) -> None:
    """Write the records and their receipts as a finished load of each exchange."""
    with duckdb.connect(str(place.warehouse)) as warehouse:
        for exchange in {reported.exchange for reported in STORED}:
            warehouse.execute(
                f"insert into raw_{exchange}._dlt_loads by name select 'done' as load_id, "
                f"'{exchange}' as schema_name, 0 as status, now() as inserted_at"
            )
        for reported in STORED:
            tables = ((reported.stream, list(reported.rows())), ("receipts", [reported.receipt()]))
            for table, rows in tables:
                warehouse.register("rows", pa.Table.from_pylist(rows))
                warehouse.execute(
                    f"insert into raw_{reported.exchange}.{table} by name select * from rows"
                )
                warehouse.unregister("rows")


@pytest.fixture
def built(shared: SharedHistory) -> SharedHistory:
    return shared


def test_deducted_fee_is_paid_and_rebate_is_negative(built: SharedHistory) -> None:
    rows = built.query(
        "select record_id, fee_amount, fee_asset from marts.fct_trades "
        "where account_id = 'bitget:fees' order by record_id",
    )
    assert rows == [
        ("1001", Decimal("0.0015552795869069"), "BGB"),
        ("1002", Decimal("0.0074984155298663"), "USDT"),
        ("1003", Decimal("-0.01187046009"), "USDT"),
        ("1004", Decimal("0.017118519726"), "BGB"),
    ]


def test_lists_that_agree_on_a_fee_give_no_finding(built: SharedHistory) -> None:
    found = built.query(
        "select kind, what from marts.fct_findings where account_id = 'bitget:both_lists' "
        "and (asset in ('BGB', 'SOL') or contains(what, 'BGB')) and state = 'open'",
    )
    assert found == []
    compared = built.query(
        "select count(*) from marts.fct_stream_comparisons "
        "where account_id = 'bitget:both_lists' and asset = 'BGB'",
    )
    assert compared[0][0] > 0


def test_unlisted_pair_of_any_script_has_its_coins(built: SharedHistory) -> None:
    rows = built.query(
        "select record_id, base_asset, quote_asset from marts.fct_trades "
        "where account_id = 'bitget:pairs' order by record_id",
    )
    assert rows == [("1011", "龙虾", "USDT"), ("1012", "$ALT", "USDT"), ("1013", "BGSOL", "USDT")]


def test_option_is_a_derivative_without_instruments(built: SharedHistory) -> None:
    rows = built.query(
        "select product_type, base_asset, base_quantity, contract_quantity, value_amount, "
        "settle_asset from marts.fct_trades where account_id = 'bitmex:options'",
    )
    assert rows == [("option", "BTC", None, 5, Decimal("0.00615"), "BTC")]


def test_group_stands_for_an_empty_type(built: SharedHistory) -> None:
    rows = built.query(
        "select record_id, entry_type, exchange_entry_type, amount from marts.fct_ledger_entries "
        "where account_id = 'bitget:funding' order by record_id",
    )
    assert rows == [
        ("501", "deposit", "deposit", 100),
        ("502", "transfer", "transfer", -40),
        ("503", "withdrawal", "withdraw", -10),
        ("504", "reward", "airdrop", 3),
    ]


def test_renamed_coin_is_one_finding_that_explains_the_rest(built: SharedHistory) -> None:
    ((span, what),) = built.query(
        "select span_start::date::varchar || ' ' || span_end::date::varchar, what "
        "from marts.fct_findings where account_id = 'bitget:renamed' and kind = 'asset_renamed'",
    )
    assert span == "2022-05-28 2022-06-10"
    assert what.startswith("10 LUNA became 10 LUNC between 2022-05-28 and 2022-06-10: renamed")
    assert what.endswith("What is called LUNA afterwards is another coin.")
    others = built.query(
        "select kind, state from marts.fct_findings where account_id = 'bitget:renamed' "
        "and asset in ('LUNA', 'LUNC') and kind <> 'asset_renamed' and state = 'open'",
    )
    assert others == []
    explained = built.query(
        "select distinct asset, severity from marts.fct_balance_checks "
        "where account_id = 'bitget:renamed' and rename_id is not null order by 1",
    )
    assert explained == [("LUNA", "info"), ("LUNC", "info")]


def test_value_that_no_sum_uses_stops_nothing(built: SharedHistory) -> None:
    rows = built.query(
        "select field, example, severity from marts.fct_data_quality "
        "where account_id = 'bitmart:long' and problem = 'inexact_amount' "
        "and field = 'position_value'",
    )
    assert rows == [("position_value", "18584.272343943943943944339", "info")]
    severities = built.query(
        "select distinct severity from marts.fct_findings "
        "where account_id = 'bitmart:long' and kind = 'unreadable_value'",
    )
    assert severities == [("info",)]


def test_an_amount_beyond_18_digits_is_reported(built: SharedHistory) -> None:
    rows = built.query(
        "select record_id, amount, status from marts.fct_ledger_entries "
        "where account_id = 'bitget:too_long' order by record_id",
    )
    assert rows == [("2", 5, "completed")]
    found = built.query(
        "select severity, what from marts.fct_findings "
        "where account_id = 'bitget:too_long' and kind = 'unreadable_value'",
    )
    assert [severity for severity, _ in found] == ["critical"]
    assert "amount=1.1234567890123456789" in found[0][1]
