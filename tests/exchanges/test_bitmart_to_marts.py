"""BitMart from its simulator to the fact tables: equal to the ground truth where available."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from flows.build import dbt
from pipelines.home import home
from pipelines.sandbox.engine.server import Sandbox
from tests.conftest import Lab

pytestmark = pytest.mark.xdist_group("bitmart_to_marts")

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)
NAMES = ("bitmart-main", "bitmart-young")
ORGANISATION = "bitmart-organisation"
TRADES_FROM = NOW - timedelta(days=90) + timedelta(minutes=5)
LEDGER_FROM = NOW - timedelta(days=180)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Synced and built once: a recent account, an older one, and a key with more rights."""
    with (
        Sandbox(size=400, now=NOW, years=1.5, exchanges=["bitmart"]) as box,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("LOOKBACK_HOME", str(tmp_path_factory.mktemp("bitmart")))
        patch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)
        made = Lab(box, home(), patch)
        for name in (*NAMES, ORGANISATION):
            made.declare(name)
        assert all(result.failures == [] for result in made.sync().values())
        bad = [n for n in made.build(NOW) if n.broken]
        assert bad == []
        yield made


def stored(lab: Lab, table: str, columns: str, account_id: str) -> set[tuple[Any, ...]]:
    rows = lab.query(f"select {columns} from marts.{table} where account_id = ?", account_id)
    assert len(rows) == len(set(rows)), "duplicate rows"
    return set(rows)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("name", NAMES)
def test_trades_within_three_months(lab: Lab, name: str) -> None:
    truth = lab.box.truth(name)
    expected = {
        (
            row["record_id"], row["market"], row["product_type"], row["side"], row["base_asset"],
            row["quote_asset"], Decimal(row["base_quantity"]), Decimal(row["quote_quantity"]),
            Decimal(row["price"]), Decimal(row["fee_amount"]), row["fee_asset"],
            row["is_maker"], at(row["traded_at"]),
        )
        for row in truth["trades"]
        if at(row["traded_at"]) >= TRADES_FROM
    }  # fmt: skip
    reported = stored(
        lab,
        "fct_trades",
        "record_id, market, product_type, side, base_asset, quote_asset, base_quantity, "
        "quote_quantity, price, fee_amount, fee_asset, is_maker, traded_at",
        truth["account_id"],
    )
    assert expected and reported == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("table", ["deposits", "withdrawals"])
def test_all_money_in_and_out(lab: Lab, name: str, table: str) -> None:
    truth = lab.box.truth(name)
    expected = {
        (
            row["record_id"], row["asset"], Decimal(row["amount"]), Decimal(row["fee_amount"]),
            row["network"], row["address"], row["tx_hash"], row["status"],
            at(row["requested_at"]),
        )
        for row in truth[table]
    }  # fmt: skip
    reported = stored(
        lab,
        f"fct_{table}",
        "record_id, asset, amount, fee_amount, network, address, tx_hash, status, requested_at",
        truth["account_id"],
    )
    # A coin that has left the public list is known by its suffix, and OLDX has none.
    assert expected and reported == expected


@pytest.mark.parametrize("name", NAMES)
def test_transfers_and_the_futures_ledger_as_far_as_it_reaches(lab: Lab, name: str) -> None:
    truth = lab.box.truth(name)
    moved = {
        (
            row["record_id"], row["asset"], Decimal(row["amount"]), row["from_wallet"],
            row["to_wallet"], at(row["at"]),
        )
        for row in truth["transfers"]
        if at(row["at"]) >= LEDGER_FROM
    }  # fmt: skip
    reported = lab.query(
        "select record_id, asset, amount_sent, from_wallet, to_wallet, sent_at "
        "from marts.fct_transfers where from_account_id = ?",
        truth["account_id"],
    )
    assert moved and set(reported) == moved
    entries = {
        (
            row["record_id"], row["wallet"], row["kind"], Decimal(row["amount"]),
            Decimal(row["fee_amount"]), at(row["at"]),
        )
        for row in truth["movements"]
        if row["wallet"].startswith("futures") and at(row["at"]) >= LEDGER_FROM
    }  # fmt: skip
    columns = "record_id, wallet, entry_type, amount, fee_amount, occurred_at"
    reported = stored(lab, "fct_ledger_entries", columns, truth["account_id"])
    assert {row for row in reported if row[1].startswith("futures")} == entries
    assert any(row[0].endswith("|2") for row in entries), "no two fills alike"


def test_a_key_with_more_rights_duplicates_no_transfer(lab: Lab) -> None:
    """The list reaches further back than the ledger; both have the newer transfers."""
    truth = lab.box.truth(ORGANISATION)
    account_id = truth["account_id"]
    moved = Counter(
        (
            row["asset"], Decimal(row["amount"]), row["from_wallet"], row["to_wallet"],
            at(row["at"]),
        )
        for row in truth["transfers"]
    )  # fmt: skip
    reported = lab.query(
        "select asset, amount_sent, from_wallet, to_wallet, sent_at from marts.fct_transfers "
        "where account_id = ? and status = 'completed'",
        account_id,
    )
    assert Counter(reported) == moved and max(moved.values()) == 2  # two moves differ in nothing
    assert min(when for *_, when in moved) < LEDGER_FROM
    streams = {
        stream: lab.query(
            f"select count(*) from raw_bitmart.{stream} where account_id = ?", account_id
        )[0][0]
        for stream in ("transfer_list", "sub_transfers", "futures_sub_transfers", "sub_accounts")
    }
    assert streams["transfer_list"] > 0
    assert (streams["sub_transfers"], streams["futures_sub_transfers"]) == (3, 1)
    spot = sum(
        Decimal(move["amount"])
        for move in truth["movements"]
        if (move["wallet"], move["kind"]) == ("spot", "transfer")
    )
    assert lab.query(
        "select sum(amount) from marts.fct_ledger_entries "
        "where account_id = ? and wallet = 'spot' and entry_type = 'transfer'",
        account_id,
    ) == [(spot,)]


def test_streams_beyond_a_read_only_key_are_no_warning(lab: Lab) -> None:
    account_id = lab.box.truth("bitmart-main")["account_id"]
    lights = lab.query(
        "select stream, light, state from marts.fct_sync_status "
        "where account_id = ? and state = 'beyond_reading' order by stream",
        account_id,
    )
    assert lights == [
        (stream, "green", "beyond_reading")
        for stream in ("futures_sub_transfers", "sub_transfers", "transfer_list")
    ]
    for stream, _, _ in lights:
        severities = lab.query(
            "select distinct severity, verdict from marts.fct_gaps "
            "where account_id = ? and stream = ? and verdict = 'refused'",
            account_id,
            stream,
        )
        assert severities == [("info", "refused")]


def test_an_available_history_adds_up(lab: Lab) -> None:
    truth = lab.box.truth("bitmart-young")
    hidden: dict[str, Decimal] = defaultdict(Decimal)
    for move in truth["movements"]:
        if move["kind"] in ("reward", "interest"):
            hidden[move["asset"]] += Decimal(move["amount"])
    checks = lab.query(
        "select wallet, asset, residual, is_ok from marts.fct_balance_checks "
        "where kind = 'snapshot' and account_id = ?",
        truth["account_id"],
    )
    assert {wallet for wallet, *_ in checks} == {"spot", "futures"}
    for wallet, asset, residual, is_ok in checks:
        missing = hidden[asset] if wallet == "spot" else Decimal(0)
        assert (residual, is_ok) == (missing, missing == 0), (wallet, asset)


def gaps(lab: Lab, account_id: str, stream: str) -> list[tuple[str, datetime, datetime]]:
    return lab.query(
        "select verdict, span_start, span_end from marts.fct_gaps "
        "where account_id = ? and stream = ?",
        account_id,
        stream,
    )


@pytest.mark.parametrize(
    ("stream", "part", "verdict"),
    [
        ("spot_fills", "trades", "lost_to_retention"),
        ("futures_fills", "trades", "lost_to_retention"),
        ("futures_ledger", "movements", "unverified"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_stored_is_a_gap_of_its_stream(
    lab: Lab, name: str, stream: str, part: str, verdict: str
) -> None:
    truth = lab.box.truth(name)
    account_id = truth["account_id"]
    known = {
        record_id
        for (record_id,) in lab.query(
            f"select record_id from raw_bitmart.{stream} where account_id = ?", account_id
        )
    }
    product = {"spot_fills": "spot", "futures_fills": "linear"}.get(stream)
    wallet = "spot" if product == "spot" else "futures"
    spans = [(start, end) for word, start, end in gaps(lab, account_id, stream) if word == verdict]
    assert {word for word, _, _ in gaps(lab, account_id, stream)} <= {verdict}
    missing = [
        at(row.get("traded_at") or row["at"])
        for row in truth[part]
        if row["record_id"] not in known
        and row.get("product_type") == product
        and row.get("wallet", wallet).startswith(wallet)
    ]
    assert all(any(start <= moment < end for start, end in spans) for moment in missing)
    # The older account has both: available rows, and older ones that are reported as lost.
    assert bool(missing) is (name == "bitmart-main")


def test_the_end_is_a_deadline(lab: Lab) -> None:
    ends = lab.query(
        "select lifecycle, ends_at from marts.dim_exchanges where exchange = 'bitmart'"
    )
    assert ends == [("winding_down", datetime(2027, 1, 31, 15, 59, tzinfo=UTC))]


MALFORMED = {
    "spot_fills": [
        {"tradeId": 1, "symbol": "BTC_USDT", "side": "swap", "size": 2, "createTime": "soon"},
        {"tradeId": "2", "symbol": "BTCUSDT", "side": "BUY", "price": "", "size": None},
        {"tradeId": "3", "symbol": "NEW_USDT", "side": "sell", "orderMode": "cross_margin",
         "type": "novel", "price": 1.5, "size": "2", "notional": 3, "fee": "0.1",
         "feeCoinName": "", "tradeRole": "", "createTime": "1784021465412"},
        {},
    ],
    "futures_fills": [
        {"trade_id": "4", "symbol": "BTCUSDT", "side": 7, "vol": 3, "price": "1"},
        {"trade_id": "5", "symbol": None, "side": "1", "vol": "1", "account": "grid"},
    ],
    "futures_ledger": [
        {"type": "Novelty", "flow_type": 9, "amount": 1, "asset": "USDT", "time": 1784160002114},
        {"type": None, "flow_type": "3", "amount": "-2", "asset": "", "time": ""},
    ],
    "deposit_withdraw_history": [
        {"operation_type": "refund", "currency": "USDT", "arrival_amount": 5, "status": 3},
        {"operation_type": "deposit", "deposit_id": 7, "currency": "BTC", "status": "held",
         "arrival_amount": "0.5", "apply_time": 9223372036854775807},
        {"operation_type": "withdraw", "withdraw_id": "8", "currency": None, "status": None,
         "arrival_amount": "", "fee": ""},
    ],
    "transfer_list": [{"transfer_id": "9", "type": "spot_to_moon", "amount": 3, "state": "DONE"}],
    "sub_transfers": [{"fromAccount": "a", "toAccount": "b", "amount": "1", "currency": "USDT"}],
    "margin_borrows": [{"borrow_id": 1, "create_time": -1, "borrow_amount": None}],
    "margin_repayments": [{"repay_id": "1", "repay_time": "99999999999999999999"}],
    "futures_orders": [{"order_id": 5, "state": "gone", "side": "", "price": ""}],
    "spot_orders": [{"orderId": 6, "state": 3, "size": 1}],
}  # fmt: skip


def test_unexpected_rows_do_not_fail_the_build(lab: Lab) -> None:
    account_id = lab.box.truth("bitmart-young")["account_id"]

    def balances() -> list[tuple[Any, ...]]:
        return lab.query(
            "select wallet, asset, sum(amount) from marts.fct_ledger_entries where account_id = ? "
            "and status = 'completed' and stream != 'futures_ledger' and wallet = 'spot' "
            "group by all order by all",
            account_id,
        )

    before = balances()
    with duckdb.connect(str(lab.home.warehouse)) as connection:
        connection.execute(
            "insert into raw_bitmart._dlt_loads by name select 'strange' as load_id, "
            "'bitmart' as schema_name, 0 as status, now() as inserted_at, '' as schema_version_hash"
        )
        for stream, rows in MALFORMED.items():
            for number, row in enumerate(rows):
                connection.execute(
                    f"insert into raw_bitmart.{stream} by name select ? as account_id, "
                    "? as record_id, ? as record_hash, ?::json as record, receipt_id, "
                    "'api' as origin, 'strange' as _dlt_load_id "
                    "from raw_bitmart.receipts where account_id = ? and stream = ? limit 1",
                    [account_id, f"strange-{number}", f"{stream}-{number}", json.dumps(row),
                     account_id, stream],
                )  # fmt: skip
    lab.build(NOW)
    assert balances() == before
    kept = dict(
        lab.query(
            "select stream || '/' || record_id, string_agg(distinct status, ',') "
            "from marts.fct_ledger_entries where account_id = ? and record_id like 'strange-%' "
            "group by all",
            account_id,
        )
    )
    # Fields of a single row count if they are complete.
    assert sorted(kept.pop("spot_fills/strange-2").split(",")) == ["completed", "unclassified"]
    assert kept == {"futures_ledger/strange-0": "completed"}
    assert lab.query(
        "select entry_type from marts.fct_ledger_entries where record_id = 'strange-0' "
        "and stream = 'futures_ledger'"
    ) == [("unclassified",)]
    # What states no time is a row of no fact, and is counted.
    for table in ("deposits", "withdrawals", "transfers", "trades"):
        assert lab.query(
            f"select count(*) from marts.fct_{table} "
            "where record_id like 'strange-%' and record_id != 'strange-2'"
        ) == [(0,)]
    left_out = lab.query(
        "select stream, count(distinct record_id) from intermediate.int_unreadable_rows "
        "where account_id = ? and record_id like 'strange-%' and field = 'time' "
        "group by all order by all",
        account_id,
    )
    assert left_out == [
        ("deposit_withdraw_history", 3),
        ("futures_fills", 2),
        ("futures_ledger", 1),
        ("spot_fills", 3),
        ("sub_transfers", 1),
        ("transfer_list", 1),
    ]


def test_a_newest_rows_deadline_depends_on_the_account(lab: Lab) -> None:
    account_id = lab.box.truth(ORGANISATION)["account_id"]
    columns = "is_estimate, reason, newest_rows, next_loss_at - next_loss_from"

    def deadline(stream: str) -> tuple[Any, ...]:
        (row,) = lab.query(
            f"select {columns} from marts.fct_deadlines where account_id = ? and stream = ?",
            account_id,
            stream,
        )
        return row

    assert deadline("sub_transfers") == (False, "retention", 100, timedelta(days=90))
    # One move in its busiest week: the exchange will have ended long before 100 more.
    assert deadline("futures_sub_transfers")[:3] == (False, "exchange_ends", 100)
    assert deadline("spot_fills")[2] is None
    with duckdb.connect(str(lab.home.warehouse)) as connection:
        connection.execute(
            "insert into raw_bitmart.futures_sub_transfers by name select ? as account_id, "
            "'busy-' || n as record_id, 'busy-' || n as record_hash, '{}'::json as record, "
            "?::timestamptz + to_minutes(n) as occurred_at, '' as receipt_id, 'api' as origin, "
            "'strange' as _dlt_load_id from range(50) as rows (n)",
            [account_id, NOW - timedelta(days=3)],
        )
    done = dbt.run_dbt(
        lab.home,
        ["run", "--select", "int_newest_rows", "int_row_paces", "int_deadlines", "fct_deadlines",
         "--vars", json.dumps({"as_of": NOW.isoformat()})],
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert deadline("futures_sub_transfers") == (True, "newest_rows", 100, timedelta(days=14))
    lab.publish()
    shown = lab.cli("deadlines")
    assert shown.returncode == 0, shown.stderr
    (line,) = [each for each in shown.stdout.splitlines() if "≈ 2026" in each]
    assert "≈ 2026-08-27 12:00  ≈ 2026-09-03 12:00" in line
    assert "In its busiest week this account made 50" in " ".join(shown.stdout.split())
    reported = json.loads(lab.cli("deadlines", "--json").stdout)
    assert [row["stream"] for row in reported if row["is_estimate"]] == ["futures_sub_transfers"]
