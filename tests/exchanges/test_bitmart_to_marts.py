"""BitMart from its stand-in to the fact tables: the truth, to the last digit, within reach."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pipelines.home import home
from pipelines.sandbox.server import Sandbox
from tests.conftest import Lab

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)
NAMES = ("bitmart-main", "bitmart-young")
TRADES_FROM = NOW - timedelta(days=90) + timedelta(minutes=5)
LEDGER_FROM = NOW - timedelta(days=180)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Two accounts synced and built once: one whose life is within reach, and one older."""
    with (
        Sandbox(size=400, now=NOW, years=1.5, exchanges=["bitmart"]) as box,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("LOOKBACK_HOME", str(tmp_path_factory.mktemp("bitmart")))
        patch.setattr("pipelines.client._wait_before_next", lambda state: 0.0)
        made = Lab(box, home(), patch)
        for name in NAMES:
            made.declare(name)
        assert all(result.failures == [] for result in made.sync().values())
        bad = [n for n in made.build(NOW) if n.status not in {"success", "pass"}]
        assert bad == []
        yield made


def stored(lab: Lab, table: str, columns: str, account_id: str) -> set[tuple[Any, ...]]:
    rows = lab.query(f"select {columns} from marts.{table} where account_id = ?", account_id)
    assert len(rows) == len(set(rows)), "a row is told twice"
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
    told = stored(
        lab,
        "fct_trades",
        "record_id, market, product_type, side, base_asset, quote_asset, base_quantity, "
        "quote_quantity, price, fee_amount, fee_asset, is_maker, traded_at",
        truth["account_id"],
    )
    copied = {row for row in told if row[0].startswith("98120044")}
    assert expected and told - copied == expected and len(copied) == 2


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
    told = stored(
        lab,
        f"fct_{table}",
        "record_id, asset, amount, fee_amount, network, address, tx_hash, status, requested_at",
        truth["account_id"],
    )
    # A coin that has left the public list is known by its suffix, and OLDX has none.
    assert expected and told == expected


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
    told = lab.query(
        "select record_id, asset, amount_sent, from_wallet, to_wallet, sent_at "
        "from marts.fct_transfers where from_account_id = ?",
        truth["account_id"],
    )
    assert moved and set(told) == moved
    entries = {
        (
            row["record_id"], row["wallet"], row["kind"], Decimal(row["amount"]),
            Decimal(row["fee_amount"]), at(row["at"]),
        )
        for row in truth["movements"]
        if row["wallet"].startswith("futures") and at(row["at"]) >= LEDGER_FROM
    }  # fmt: skip
    columns = "record_id, wallet, entry_type, amount, fee_amount, occurred_at"
    told = stored(lab, "fct_ledger_entries", columns, truth["account_id"])
    assert {row for row in told if row[1].startswith("futures")} == entries


def test_a_life_within_reach_adds_up_but_for_what_no_route_tells(lab: Lab) -> None:
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


def test_the_end_is_a_deadline_and_old_trades_are_a_gap(lab: Lab) -> None:
    lost = lab.query(
        "select distinct stream from marts.fct_gaps where verdict = 'lost_to_retention'"
    )
    assert {"spot_fills", "futures_fills"} <= {stream for (stream,) in lost}
    ends = lab.query(
        "select lifecycle, ends_at from marts.dim_exchanges where exchange = 'bitmart'"
    )
    assert ends == [("winding_down", datetime(2027, 1, 31, 15, 59, tzinfo=UTC))]
