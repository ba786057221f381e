"""BigONE through dlt, DuckDB and dbt: the fact tables are the truth, and what cannot be told is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.home import home
from pipelines.sandbox.server import Sandbox
from tests.conftest import Lab

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)
OPTIONS = {"size": 400, "pace": None, "now": NOW, "years": 1.2, "exchanges": ["bigone"]}


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Synced and built, five days later once more."""
    with pytest.MonkeyPatch.context() as patch, Sandbox(**OPTIONS) as box:
        patch.setenv("LOOKBACK_HOME", str(tmp_path_factory.mktemp("bigone")))
        lab = Lab(box, home(), patch)
        label = lab.declare("bigone")
        for _ in range(2):
            (result,) = lab.sync(label).values()
            assert result.failures == []
            lab.build(as_of=box.now)
            box.advance(timedelta(days=5))
        box.advance(timedelta(days=-5))
        yield lab


def same(found: list[Any], told: list[Any]) -> None:
    missing, extra = Counter(told) - Counter(found), Counter(found) - Counter(told)
    assert not missing and not extra, f"missing {list(missing)[:3]}, too many {list(extra)[:3]}"


def dec(text: Any) -> Decimal | None:
    return None if text is None else Decimal(text).normalize()


def test_every_movement_that_is_told_is_an_entry_and_adds_up_over_all_wallets(grown):
    truth = grown.box.truth("bigone")
    rows = grown.query(
        "select record_id, wallet, asset, amount, fee_amount, entry_type "
        "from marts.fct_ledger_entries where status = 'completed'"
    )
    own = {t["record_id"] for t in truth["trades"]} - {
        name for name, n in Counter(t["record_id"] for t in truth["trades"]).items() if n == 1
    }
    assert own  # trades with oneself: four entries, of which only the fees are left
    same(
        [(r[0], r[1], r[2], dec(r[3]), dec(r[4]), r[5]) for r in rows if r[0] not in own],
        [
            (m["record_id"], m["wallet"], m["asset"], dec(m["amount"]), dec(m["fee_amount"]),
             m["kind"])
            for m in truth["movements"]
            if m["record_id"] and m["record_id"] not in own
        ],
    )  # fmt: skip
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row[2]] += row[3]
    for amounts in truth["balances"].values():
        for asset, amount in amounts.items():
            sums[asset] -= Decimal(amount)
    assert {asset for asset, rest in sums.items() if rest} == set()


def test_every_trade_deposit_and_withdrawal_is_told_once(grown):
    truth = grown.box.truth("bigone")
    trades = grown.query(
        "select record_id, side, market, product_type, base_asset, price, fee_amount, fee_asset, "
        "coalesce(contract_quantity, base_quantity), coalesce(value_amount, quote_quantity) "
        "from marts.fct_trades"
    )
    same(
        [(*r[:5], dec(r[5]), dec(r[6]), r[7], dec(r[8]), dec(r[9])) for r in trades],
        [
            (
                t["record_id"], t["side"], t["market"], t["product_type"], t["base_asset"],
                dec(t["price"]), dec(t["fee_amount"]), t["fee_asset"],
                dec(t.get("contract_quantity", t.get("base_quantity"))),
                dec(t.get("value_amount", t.get("quote_quantity"))),
            )
            for t in truth["trades"]
        ],
    )  # fmt: skip
    for entity in ("deposits", "withdrawals"):
        rows = grown.query(
            f"select record_id, asset, amount, fee_amount, tx_hash, status from marts.fct_{entity}"
        )
        same(
            [(*r[:2], dec(r[2]), dec(r[3]), *r[4:]) for r in rows],
            [
                (t["record_id"], t["asset"], dec(t["amount"]), dec(t["fee_amount"]), t["tx_hash"],
                 t["status"])
                for t in truth[entity]
            ],
        )  # fmt: skip


def test_moves_between_wallets_are_named_as_what_parts_them(grown):
    checks = grown.query(
        "select kind, wallet, asset, residual, severity, likely_cause from marts.fct_balance_checks"
    )
    totals = {asset: residual for kind, _, asset, residual, *_ in checks if kind == "account_total"}
    assert totals and set(totals.values()) == {0}
    parted = [row for row in checks if row[0] == "snapshot" and row[3] != 0]
    assert parted and sum(row[3] for row in parted) == 0
    assert {row[4] for row in parted} == {"info"}
    assert all("moves between the wallets" in row[5] for row in parted)


def test_nothing_is_called_complete_and_a_delisted_pair_is_asked(grown):
    rows = grown.query("select distinct verdict, scope from marts.fct_coverage")
    assert {verdict for verdict, _ in rows} == {"unverified"}
    assert "MOONX-USDT" in {scope for _, scope in rows}
    assert "MOONX-BTC" not in {scope for _, scope in rows}


@pytest.fixture
def forgetful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """An exchange that answers for delisted pairs no more, seen before and after the delisting."""
    options = {"bigone.delisted_answers": False}
    with Sandbox(**OPTIONS | {"size": 60}, options=options) as box:
        monkeypatch.setenv("LOOKBACK_HOME", str(tmp_path))
        yield Lab(box, home(), monkeypatch)


def test_a_pair_that_is_forgotten_is_accounted_for_and_keeps_its_rows(forgetful):
    lab, label = forgetful, forgetful.declare("bigone")
    lab.box.set_now(NOW - timedelta(days=300))
    lab.sync(label)
    stored = "select count(*) from raw_bigone.spot_trades where record ->> 'asset_pair_name' = ?"
    before = lab.query(stored, "MOONX-USDT")
    assert before != [(0,)]
    lab.box.set_now(NOW)
    (result,) = lab.sync(label).values()
    assert result.failures == []
    assert lab.query(stored, "MOONX-USDT") == before
    outcomes = lab.query(
        "select outcome, error_kind from raw_bigone.receipts "
        "where stream = 'spot_trades' and scope = 'MOONX-USDT' order by asked_at"
    )
    assert outcomes == [("exhausted", None), ("refused", "unknown_scope")]
    assert lab.query("select count(*) from raw_bigone.receipts where scope = 'MOONX-BTC'") == [(0,)]


def test_an_account_that_gets_its_name_later_stays_the_same(forgetful):
    """Its first withdrawal names it, but the key is the one it was."""
    lab, label = forgetful, forgetful.declare("bigone")
    lab.box.fault("10403", path="/viewer/withdrawals", times=1)
    lab.box.fault("10403", path="/api/contract/v2/accounts", times=1)
    lab.sync(label)
    named = "select distinct account_id from raw_bigone.deposits"
    ((first,),) = lab.query(named)
    assert first.startswith("bigone:key-")
    lab.sync(label)
    assert lab.query(named) == [(first,)]
