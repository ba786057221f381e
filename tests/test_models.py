"""What the models make of two synced accounts: what happened, and nothing twice."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from flows.build import dbt
from pipelines import registry
from pipelines.home import home
from pipelines.sandbox.engine.server import Sandbox
from tests.conftest import Lab

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)  # every exchange is still there
LATER = NOW + timedelta(hours=36)
MAIN = ("bitget-main", "bitmex-main")
LEDGERS = {
    "spot", "main", "usdt_futures", "usdc_futures", "coin_futures", "crossed_margin",
    "isolated_margin", "p2p",
}  # fmt: skip
"""Wallets whose every movement a stream tells."""
pytestmark = pytest.mark.xdist_group("models")


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Both main accounts, synced and built, then again a day and a half later."""
    with (
        Sandbox(size="tiny", pace=None, now=NOW, years=1.2, ties=(40,)) as box,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("LOOKBACK_HOME", str(tmp_path_factory.mktemp("grown")))
        lab = Lab(box, home(), patch)
        for name in MAIN:
            lab.declare(name)
        for moment in (NOW, LATER):
            box.set_now(moment)
            lab.sync()
            if moment is LATER:
                old_fill_from_a_file(lab)
            lab.build()
        yield lab


def old_fill_from_a_file(lab: Lab) -> None:
    """An execution that the API no longer gives, of an order that only the ledger told so far."""
    ((account_id, order_id),) = lab.query(
        """
        select account_id, order_id from marts.fct_trades
        where price_reason = 'ledger_only' order by traded_at limit 1
        """
    )
    fills = [t for t in lab.box.truth("bitget-main")["trades"] if t["order_id"] == order_id]
    with duckdb.connect(str(lab.home.warehouse)) as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        warehouse.execute(
            """
            insert into raw_bitget.receipts by name
            select 'file' as receipt_id, ? as account_id, 'spot_fills' as stream,
                'exhausted' as outcome, now() as asked_at, 'file' as origin,
                (select max(load_id) from raw_bitget._dlt_loads where status = 0) as _dlt_load_id
            """,
            [account_id],
        )
        for fill in fills:
            at = datetime.fromisoformat(fill["traded_at"])
            record = {
                "symbol": fill["market"], "orderId": order_id, "tradeId": fill["record_id"],
                "side": fill["side"], "priceAvg": fill["price"], "size": fill["base_quantity"],
                "amount": fill["quote_quantity"], "tradeScope": "taker",
                "feeDetail": {"feeCoin": fill["fee_asset"], "totalFee": f"-{fill['fee_amount']}"},
                "cTime": str(round(at.timestamp() * 1000)),
            }  # fmt: skip
            warehouse.execute(
                """
                insert into raw_bitget.spot_fills by name
                select ? as account_id, ? as record_id, 'by hand' as record_hash,
                    ?::timestamptz as occurred_at, ?::json as record, 'file' as receipt_id,
                    'file' as origin, _dlt_load_id
                from raw_bitget.receipts where receipt_id = 'file'
                """,
                [account_id, fill["record_id"], fill["traded_at"], json.dumps(record)],
            )


def exact(value: str | Decimal | None) -> str | None:
    """A number as plain text without trailing zeros."""
    return None if value is None else format(Decimal(value).normalize(), "f")


def millis(moment: datetime | None) -> str | None:
    """A moment as the truth writes it."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def assert_same(found: list[Any], told: list[Any]) -> None:
    """Same rows, each as often; the message shows the first few that differ."""
    missing, extra = Counter(told) - Counter(found), Counter(found) - Counter(told)
    assert not missing and not extra, (
        f"{len(found)} found, {len(told)} told; "
        f"missing {list(missing)[:3]}, too many {list(extra)[:3]}"
    )


def asked(lab: Lab, name: str, part: str) -> list[dict[str, Any]]:
    """One part of the truth, as far as it is of the wallets where an account is at home."""
    told = lab.box.truth(name)[part]
    return [row for row in told if row.get("wallet", "spot") in ("spot", "main")]


@pytest.mark.parametrize("name", MAIN)
def test_every_movement_is_told_once_and_adds_up_to_the_balance(grown, name):
    truth = grown.box.truth(name)
    rows = grown.query(
        """
        select record_id, asset, amount, fee_amount, entry_type, occurred_at
        from marts.fct_ledger_entries
        where account_id = ? and status = 'completed' and wallet in ('spot', 'main')
        """,
        truth["account_id"],
    )
    assert_same(
        [(r[0], r[1], exact(r[2]), exact(r[3]), r[4], millis(r[5])) for r in rows],
        [
            (
                m["record_id"], m["asset"], exact(m["amount"]), exact(m["fee_amount"]),
                m["kind"], m["at"],
            )
            for m in asked(grown, name, "movements")
        ],
    )  # fmt: skip
    sums = grown.query(
        """
        select wallet, asset, sum(amount) from marts.fct_ledger_entries
        where account_id = ? and status = 'completed' group by all
        """,
        truth["account_id"],
    )
    held = truth["balances"]
    assert {wallet for wallet, _, _ in sums} >= held.keys() & LEDGERS
    for wallet, asset, total in sums:
        assert exact(total) == exact(held[wallet].get(asset, "0")), (wallet, asset)


@pytest.mark.parametrize("name", MAIN)
@pytest.mark.parametrize("entity", ["deposits", "withdrawals"])
def test_every_deposit_and_withdrawal_is_told_in_its_newest_state(grown, name, entity):
    rows = grown.query(
        f"""
        select record_id, asset, amount, fee_amount, network, address, tx_hash, status,
            requested_at, completed_at
        from marts.fct_{entity} where account_id = ?
        """,
        grown.box.truth(name)["account_id"],
    )
    assert_same(
        [(*r[:2], exact(r[2]), exact(r[3]), *r[4:8], millis(r[8]), millis(r[9])) for r in rows],
        [
            (
                m["record_id"], m["asset"], exact(m["amount"]), exact(m["fee_amount"]),
                m["network"], m["address"], m["tx_hash"], m["status"], m["requested_at"],
                m["completed_at"],
            )
            for m in asked(grown, name, entity)
        ],
    )  # fmt: skip


@pytest.mark.parametrize("name", MAIN)
def test_every_trade_is_told_once_by_its_execution_or_by_the_ledger(grown, name):
    rows = grown.query(
        """
        select side, base_asset, quote_asset, base_quantity, quote_quantity, fee_amount,
            traded_at, market, product_type, price, price_reason
        from marts.fct_trades where account_id = ? and wallet in ('spot', 'main')
        """,
        grown.box.truth(name)["account_id"],
    )
    told = asked(grown, name, "trades")
    assert_same(
        [(*r[:3], exact(r[3]), exact(r[4]), exact(r[5]), millis(r[6]), *r[7:9]) for r in rows],
        [
            (
                m["side"], m["base_asset"], m["quote_asset"], exact(m["base_quantity"]),
                exact(m["quote_quantity"]), exact(m["fee_amount"]), m["traded_at"], m["market"],
                m.get("product_type", "spot"),
            )
            for m in told
        ],
    )  # fmt: skip
    prices = {exact(m["price"]) for m in told}
    assert {exact(r[9]) for r in rows} - {None} <= prices
    assert all((r[9] is None) == (r[10] == "ledger_only") for r in rows)


def test_the_ledger_still_tells_what_executions_no_longer_do(grown):
    by_reason = dict(
        grown.query(
            "select coalesce(price_reason, 'execution'), count(*) from marts.fct_trades "
            "where exchange = 'bitget' group by 1"
        )
    )
    assert by_reason["execution"] > 0 and by_reason["ledger_only"] > 0


def test_a_fill_that_arrives_late_takes_the_place_of_the_ledgers_trade(grown):
    ((order_id,),) = grown.query(
        "select distinct order_id from marts.fct_trades where origin = 'file'"
    )
    reasons = grown.query(
        "select distinct price_reason from marts.fct_trades where order_id = ?", order_id
    )
    assert reasons == [(None,)]


def test_a_conversion_is_one_row_of_two(grown):
    for name in MAIN:
        truth = grown.box.truth(name)
        legs = [m for m in truth["movements"] if m["kind"] == "conversion"]
        rows = grown.query(
            "select from_asset, from_amount, to_asset, to_amount from marts.fct_conversions "
            "where account_id = ?",
            truth["account_id"],
        )
        assert_same(
            [pair for f, fa, t, ta in rows for pair in ((f, exact(-fa)), (t, exact(ta)))],
            [(m["asset"], exact(m["amount"])) for m in legs],
        )


def test_growing_step_by_step_comes_to_the_same_as_building_at_once(grown):
    def tables() -> dict[str, Counter[tuple[Any, ...]]]:
        names = grown.query(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where schema_name in ('base', 'intermediate', 'marts')"
        )
        moment = re.compile("coverage|gap|deadlines|checks|sync_status|balance|findings|stretches")
        # A public list with the same records is not built again, so its rows name an older receipt.
        public = {
            f"base.base_{each}__{stream.name}"
            for each in registry.names()
            for stream in registry.exchange(each).spec.streams
            if stream.kind == "reference"
        }
        same = dict.fromkeys(public, "select * exclude (receipt_id, load_id)")
        return {
            name: Counter(
                tuple(map(str, row)) for row in grown.query(f"{same.get(name, '')} from {name}")
            )
            for (name,) in names
            if not moment.search(name)  # those depend on when they are built
        }

    grown_tables = tables()
    done = dbt.run_dbt(grown.home, ["run", "--full-refresh"])
    assert done.returncode == 0, done.stdout
    at_once = tables()
    assert sorted(grown_tables) == sorted(at_once)
    assert [n for n in at_once if at_once[n] != grown_tables[n]] == []


def test_only_exchanges_in_use_are_built(grown: Lab) -> None:
    assert grown.query("select distinct exchange from marts.dim_exchanges order by all") == [
        (name.partition("-")[0],) for name in MAIN
    ]
    assert dbt.unused_exchanges(grown.home) == tuple(
        name for name in registry.names() if f"{name}-main" not in MAIN
    )
