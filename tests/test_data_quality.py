"""Undocumented records, from the response to the marts: kept unchanged, and counted."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.build import dbt, publish
from flows.reports import answers
from pipelines.home import Home
from tests.conftest import run_cli
from tests.malformed_server import Row
from tests.test_malformed_responses import DEPOSITS, NOW_MS, TAX, speaker, stored, sync

DAY_MS = 86_400_000
USUAL: dict[str, Any] = {
    "coin": "USDT", "spotTaxType": "Deposit", "amount": "1", "fee": "0", "balance": "1",
    "bizOrderId": "7",
}  # fmt: skip
FINE = "0.100000000000000005"  # as a JSON number: a double would end in ...001


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)


def tax_row(number: int, said: dict[str, Any]) -> Row:
    """A record of the ledger, an hour younger than the one before it and all within two days."""
    at_ms = NOW_MS - 2 * DAY_MS + min(number, 47) * 3_600_000
    reported = said | {"id": str(1_338_000_000_000_000 + number), "ts": str(at_ms)}
    return Row(number, at_ms, json.dumps(reported, separators=(",", ":")).encode())


def tax_rows() -> list[Row]:
    """Six usual rows, then one of each oddity."""
    odd: list[dict[str, Any]] = [
        USUAL | {"spotTaxType": "Moon landing"},
        USUAL | {"spotTaxType": "Moon landing"},
        USUAL | {"spotTaxType": None},
        USUAL | {"tier": {"level": 3}},
        USUAL | {"amount": float(1), "fee": 0, "balance": 7.5},
        {name: value for name, value in USUAL.items() if name != "bizOrderId"},
    ]
    rows = [tax_row(number, said) for number, said in enumerate([USUAL] * 6 + odd)]
    fine = rows[-2]
    return [*rows[:-2], replace(fine, raw=fine.raw.replace(b"1.0", FINE.encode(), 1)), rows[-1]]


def deposit(number: int, **said: Any) -> Row:
    """A deposit, with a number where the documents have a text."""
    at_ms = NOW_MS - DAY_MS
    reported = {
        "orderId": str(number), "tradeId": "t", "coin": "USDT", "type": "deposit", "size": 500,
        "status": "success", "fromAddress": None, "toAddress": "a", "chain": "TRC20",
        "dest": "on_chain", "cTime": at_ms, "uTime": str(at_ms), "clientOid": None,
        "confirm": "1", "tag": None,
    }  # fmt: skip
    return Row(number, at_ms, json.dumps(reported | said).encode())


def test_odd_records_are_kept_as_they_came_and_counted(prepared_home: Home) -> None:
    exchange = speaker(TAX, tax_rows())
    # An unknown status, only a time of completion, no time, no amount, and no record at all.
    exchange.rows[DEPOSITS] = [
        deposit(900, status="melting"),
        deposit(901, cTime="soon"),
        deposit(902, cTime="soon", uTime=None),
        deposit(903, size="many"),
        Row(904, NOW_MS - DAY_MS, b"17"),
    ]
    assert sync(exchange, prepared_home).result.failures == []
    found = [record.encode() for _, record in stored(prepared_home, "raw_bitget.tax_spot_records")]
    assert sorted(found) == sorted(row.raw for row in tax_rows())
    dbt.build(prepared_home)
    published = publish.publish(prepared_home)

    reported = {
        (row["stream"], row["problem"], row["field"], row["example"]): row
        for row in oddities(published)
    }
    expected = {
        ("tax_spot_records", "unknown_type", "entry_type", "Moon landing"): ("warning", 2, "006"),
        ("tax_spot_records", "unknown_type", "entry_type", ""): ("warning", 1, "008"),
        ("tax_spot_records", "undocumented_field", "tier", '{"level":3}'): ("info", 1, "009"),
        ("tax_spot_records", "missing_field", "bizOrderId", None): ("info", 1, "011"),
        ("deposit_records", "unknown_status", "status", "melting"): ("warning", 1, "900"),
        ("deposit_records", "unreadable_time", "cTime", "soon"): ("warning", 2, "901"),
        ("deposit_records", "unreadable_amount", "amount", None): ("warning", 1, "903"),
    }
    assert {
        key: (row["severity"], row["row_count"], row["record_id"][-3:])
        for key, row in reported.items()
    } == expected
    moon = reported["tax_spot_records", "unknown_type", "entry_type", "Moon landing"]
    assert moon["stream_row_count"] == len(tax_rows())
    assert (moon["last_at"] - moon["first_at"]).total_seconds() == 3_600

    with duckdb.connect(str(published), read_only=True) as file:
        facts = file.execute(
            "select record_id[-3:], entry_type, exchange_entry_type, amount, status "
            "from marts.fct_ledger_entries where stream = 'tax_spot_records' order by 1"
        ).fetchall()
        deposits = file.execute(
            "select record_id, amount, status from marts.fct_deposits order by record_id"
        ).fetchall()
        unproven = file.execute(
            "select count(*) from marts.fct_coverage "
            "where stream = 'deposit_records' and not is_complete "
            "and span_start < now() - interval 1 day and span_end > now() - interval 1 day"
        ).fetchall()
    assert unproven == [(1,)]
    assert [row[0] for row in facts] == [f"{number:03}" for number in range(12)]
    assert facts[6][1:] == ("unclassified", "Moon landing", Decimal(1), "completed")
    assert facts[8][1] == "unclassified"
    assert facts[10][3] == Decimal(FINE)
    assert deposits == [
        ("900", Decimal(500), "unclassified"), ("901", Decimal(500), "completed"),
    ]  # fmt: skip

    shown = run_cli(["status"])
    assert shown.returncode == 0
    line = next(line for line in shown.stdout.splitlines() if "data-quality problems" in line)
    assert line.startswith("! 4 data-quality problems") and "fct_data_quality" in shown.stdout

    # What is new is added, and nothing is counted twice.
    exchange.rows[TAX].append(tax_row(99, {**USUAL, "spotTaxType": "Moon landing"}))
    assert sync(exchange, prepared_home).result.failures == []
    dbt.build(prepared_home)
    rows = oddities(publish.publish(prepared_home))
    counted = {(row["problem"], row["example"]): row["row_count"] for row in rows}
    assert counted == {
        (problem, example): count + (example == "Moon landing")
        for (_, problem, _, example), (_, count, _) in expected.items()
    }
    assert {row["stream_row_count"] for row in rows if row["stream"] == moon["stream"]} == {13}


def oddities(file: Path) -> list[answers.Row]:
    with answers.opened(file) as warehouse:
        return answers.oddities(warehouse)


def test_a_published_file_of_older_models_has_no_oddities(private_home: Home) -> None:
    private_home.published.parent.mkdir(parents=True, exist_ok=True)
    duckdb.connect(str(private_home.published)).close()
    assert oddities(private_home.published) == []
