"""Bitget's lists beyond trading, from the simulator over HTTP to the marts.

A main account and its sub-account are synced twice and built once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pipelines.home import home
from pipelines.sandbox.engine.server import Sandbox
from tests.conftest import Lab

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)
QUARTER = timedelta(days=90)
ACCOUNTS = ("bitget-main", "bitget-sub")
LISTS = {  # stream: whether its retention is three months
    "convert_records": False,
    "bgb_convert_records": False,
    "sub_account_transfers": False,
    "copied_positions": False,
    "copied_spot_orders": False,
    "savings_records": True,
    "sharkfin_records": True,
    "loan_borrows": True,
    "loan_repayments": True,
    "loan_revisions": True,
}
pytestmark = pytest.mark.xdist_group("bitget_lists")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    world: dict[str, Any] = {"options": {"bitget.tax_floor_days": 4_000, "bitget.merchant": True}}
    with (
        Sandbox(size=700, seed=5, pace=None, now=NOW, exchanges=["bitget"], **world) as box,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("LOOKBACK_HOME", str(tmp_path_factory.mktemp("lists")))
        lab = Lab(box, home(), patch)
        for name in ACCOUNTS:
            lab.declare(name)
        for _ in range(2):  # the first one meets the sub-account, and pairs of isolated margin
            for result in lab.sync().values():
                assert [f for f in result.failures if f.kind != "no_permission"] == []
        lab.build(NOW, unit_tests=False)
        yield lab


@pytest.mark.parametrize(("stream", "is_rolling"), LISTS.items())
def test_every_list_is_read_to_the_end(built: Lab, stream: str, is_rolling: bool) -> None:
    """Rows from the start of the three months have expired; the others are there."""
    counts = built.box.truth("bitget-main")["counts"][stream]
    ((stored, oldest),) = built.query(
        f"select count(*), min(occurred_at) from base.base_bitget__{stream}"
    )
    if is_rolling:
        before = built.box.truth("bitget-main", NOW - QUARTER)["counts"][stream]
        # Loans go by when they were taken, and enter the list when they are given back.
        assert stored == counts - before or (stream == "loan_borrows" and 0 < stored < counts)
        assert stored == 0 or oldest >= NOW - QUARTER - timedelta(minutes=5)
    else:
        assert stored == counts > 0


def test_a_conversion_has_its_price_and_its_fee(built: Lab) -> None:
    rows = built.query(
        "select stream, from_amount, to_amount, price, fee_amount, fee_asset, detail_stream "
        "from marts.fct_conversions order by converted_at"
    )
    truth = built.box.truth("bitget-main")
    assert 2 * len(rows) == len([m for m in truth["movements"] if m["kind"] == "conversion"])
    counts = truth["counts"]
    reported = [row[6] for row in rows]
    assert reported.count("convert_records") == counts["convert_records"]
    assert reported.count("bgb_convert_records") == counts["bgb_convert_records"]
    assert {row[0] for row in rows} == {"tax_spot_records"}
    for _, given, received, price, fee, fee_asset, stream in rows:
        if stream == "convert_records":
            assert abs(price - received / given) < Decimal("0.0000001") and fee_asset is None
        else:
            assert price is None and (fee > 0, fee_asset) == (True, "BGB")


def test_a_move_between_accounts_is_one_transfer_with_both_ends(built: Lab) -> None:
    truth = built.box.truth("bitget-main")
    reported = built.query(
        """
        select record_id, from_account_id, from_wallet, to_account_id, to_wallet, amount_sent,
            amount_received, method, confidence
        from marts.fct_transfers where from_account_id <> to_account_id
        """
    )
    moves = {
        move["record_id"]: Decimal(move["amount"])
        for move in truth["transfers"]
        if move["record_id"] and move["from_wallet"] == move["to_wallet"]
    }
    assert {row[0]: row[5] for row in reported} == moves and moves
    for row in reported:
        assert {row[1], row[3]} == {"bitget:7000000001", "bitget:7000000009"}
        assert (row[2], row[4], row[5]) == ("spot", "spot", row[6])
        assert row[7:] == ("exchange_id", "certain")
    legs = built.query(
        "select count(*) from marts.fct_transfers where account_id = 'bitget:7000000009'"
    )
    assert legs == [(0,)], "the main account's record has the sub-account's side"


def test_a_sub_account_has_no_gap_for_sub_accounts(built: Lab) -> None:
    requested = built.query(
        "select distinct stream from raw_bitget.receipts where account_id = 'bitget:7000000009' "
        "and stream like 'sub_account_%'"
    )
    assert requested == []
    ((kind, parent),) = built.query(
        "select distinct account_kind, parent_uid from raw_bitget.accounts "
        "where account_id = 'bitget:7000000009'"
    )
    assert (kind, parent) == ("classic_sub", "7000000001")
    gaps = built.query(
        "select stream from marts.fct_gaps where account_id = 'bitget:7000000009' "
        "and stream like 'sub_account_%'"
    )
    assert gaps == []


def test_sub_account_deposits_are_not_main_account_deposits(built: Lab) -> None:
    ((deposit, uid),) = built.query(
        "select record_id, sub_uid from base.base_bitget__sub_account_deposits"
    )
    assert uid == "7000000009"
    own = built.query(
        "select count(*) from marts.fct_deposits where account_id = 'bitget:7000000001' "
        "and record_id = ?",
        deposit,
    )
    assert own == [(0,)]
    assert built.query("select distinct sub_uid from base.base_bitget__sub_account_assets") == [
        ("7000000009",)
    ]


@pytest.mark.parametrize(
    ("wallet", "truth_wallet"), [("earn", "earn"), ("p2p", "p2p"), ("spot_bots", "bots")]
)
def test_every_wallet_is_held_against_what_moved_there(
    built: Lab, wallet: str, truth_wallet: str
) -> None:
    """P2P against its ledger, earn against the moves of the spot ledger; bots stand alone."""
    held = built.box.truth("bitget-main")["balances"][truth_wallet]
    checks = built.query(
        "select asset, expected, computed, severity from marts.fct_balance_checks "
        "where wallet = ? and kind = 'snapshot' and account_id = 'bitget:7000000001'",
        wallet,
    )
    expected = {asset: Decimal(amount) for asset, amount in held.items()}
    assert {row[0]: row[1] for row in checks if row[1]} == {a: n for a, n in expected.items() if n}
    for _, said, computed, severity in checks:
        assert (severity == "info") if wallet == "spot_bots" else (computed, severity) == (
            said, "none",
        )  # fmt: skip


def test_no_sum_over_all_wallets_is_upset(built: Lab) -> None:
    found = built.query(
        "select asset, residual from marts.fct_balance_checks where kind = 'account_total' "
        "and not is_ok"
    )
    assert found == []


def test_second_views_add_nothing_to_the_ledger(built: Lab) -> None:
    streams = {
        stream for (stream,) in built.query("select distinct stream from marts.fct_ledger_entries")
    }
    assert not streams & {*LISTS, "sub_account_deposits", "loan_reductions", "p2p_orders"}
    truth = built.box.truth("bitget-main")["balances"]["spot"]
    sums = dict(
        built.query(
            "select asset, sum(amount) from marts.fct_ledger_entries where wallet = 'spot' "
            "and account_id = 'bitget:7000000001' and status = 'completed' group by asset"
        )
    )
    assert {a: n for a, n in sums.items() if n} == {
        asset: Decimal(amount) for asset, amount in truth.items() if Decimal(amount)
    }


def test_loans_are_listed_closed_and_open(built: Lab) -> None:
    closed = {row for (row,) in built.query("select order_id from base.base_bitget__loan_borrows")}
    repaid = {
        row for (row,) in built.query("select order_id from base.base_bitget__loan_repayments")
    }
    ongoing = {row for (row,) in built.query("select order_id from base.base_bitget__loan_orders")}
    assert closed <= repaid and ongoing and not closed & ongoing


def test_names_of_people_leave_the_raw_record_nowhere(built: Lab) -> None:
    ((with_names,),) = built.query(
        "select count(*) from raw_bitget.p2p_orders where record ->> 'buyerRealName' <> ''"
    )
    ((orders,),) = built.query("select count(*) from base.base_bitget__p2p_orders")
    assert with_names >= orders > 0
    columns = built.query(
        "select table_schema, column_name from information_schema.columns "
        "where table_schema <> 'raw_bitget' and (column_name ilike '%real%name%' "
        "or column_name ilike '%payment_info%')"
    )
    assert columns == []
