"""BigONE through dlt, DuckDB and dbt: unknown values are marked, malformed rows are kept.

`tests/test_truth.py` compares the fact tables of all exchanges with the ground truth.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from pipelines.exchanges.bigone.spec import SPEC
from pipelines.home import home
from pipelines.sandbox.engine.server import Sandbox
from tests.conftest import Lab

pytestmark = pytest.mark.xdist_group("bigone_models")

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


def test_every_conversion_has_one_row_with_both_sides(grown):
    rows = grown.query(
        "select record_id, wallet, from_asset, from_amount, to_asset, to_amount "
        "from marts.fct_conversions"
    )
    legs: defaultdict[str, dict[bool, tuple[str, str, Decimal]]] = defaultdict(dict)
    for move in grown.box.truth("bigone-main")["movements"]:
        if move["kind"] == "conversion":
            amount = Decimal(move["amount"])
            legs[move["record_id"]][amount > 0] = (move["wallet"], move["asset"], amount)
    reported = {
        (number, both[False][0], both[False][1], -both[False][2], both[True][1], both[True][2])
        for number, both in legs.items()
    }
    assert reported and set(rows) == reported and len(rows) == len(reported)


def test_moves_between_wallets_are_named_as_what_parts_them(grown):
    checks = grown.query(
        "select kind, wallet, asset, residual, severity, cause_code from marts.fct_balance_checks"
    )
    totals = {asset: residual for kind, _, asset, residual, *_ in checks if kind == "account_total"}
    assert totals and set(totals.values()) == {0}
    parted = [row for row in checks if row[0] == "snapshot" and row[3] != 0]
    assert parted and sum(row[3] for row in parted) == 0
    assert {row[4] for row in parted} == {"info"}
    assert {row[5] for row in parted} == {"moved_between_wallets"}


def test_nothing_is_complete_and_a_delisted_pair_is_requested(grown):
    rows = grown.query("select distinct verdict, scope from marts.fct_coverage")
    assert {verdict for verdict, _ in rows} == {"unverified"}
    assert "MOONX-USDT" in {scope for _, scope in rows}
    assert "MOONX-BTC" not in {scope for _, scope in rows}


ODD = [
    {},
    {"amount": "", "state": "", "kind": "", "txid": "", "ts": "", "side": "", "asset_symbol": ""},
    {"asset_symbol": "BTC", "amount": "7", "state": "BRAND_NEW", "kind": 5, "memo": 17},
    {"asset_pair_name": "BTC-USDT", "price": 7, "amount": 1, "side": "SIDEWAYS", "taker_side": 3},
    {"asset_pair_name": "BTCUSDT", "price": "7", "amount": "1", "side": "BID"},
    {"asset_pair_name": ["BTC"], "price": None, "side": "ASK", "maker_order_id": "x"},
    {"from_asset": "BTC", "to_asset": None, "from_sz": 1, "ts": "1767225600000", "state": "ODD"},
    {"symbol": None, "currency": None, "side": "BUY", "size": "3", "ts": 1767225600000.5},
    {"symbol": "BTCUSDT", "currency": "USDT", "side": "TRANSFER", "pnl": "0", "fee": ""},
    {"name": "ODD", "base_asset": "BTC", "quote_asset": 5, "balances": "", "balance": None},
]


def test_unexpected_rows_do_not_fail_the_build(grown):
    """Each odd record in every table, read in the next build as any other row."""
    sums = "select asset, sum(amount) from marts.fct_ledger_entries where status = 'completed' "
    before = dict(grown.query(sums + "group by asset"))
    tables = [stream.name for stream in SPEC.streams]
    with duckdb.connect(str(grown.home.warehouse)) as warehouse:
        warehouse.execute(
            "insert into raw_bigone._dlt_loads by name select * replace ('odd' as load_id, "
            "now() + interval 1 day as inserted_at) from raw_bigone._dlt_loads limit 1"
        )
        for table in tables:
            for number, record in enumerate(ODD):
                warehouse.execute(
                    f"insert into raw_bigone.{table} by name select * replace ("
                    f"'odd-{number}' as record_id, 'odd-{number}' as record_hash, "
                    "?::json as record, null as occurred_at, 'odd' as _dlt_load_id) "
                    f"from raw_bigone.{table} where record_id not like 'odd-%' limit 1",
                    [json.dumps(record)],
                )
    grown.build(as_of=grown.box.now)
    odd = grown.query(
        "select stream, record_id, status, entry_type from marts.fct_ledger_entries "
        "where record_id like 'odd-%'"
    )
    names = {f"odd-{number}" for number in range(len(ODD))}
    for stream in ("deposits", "convert_trades", "spot_trades", "contract_trades"):
        reported = {record for name, record, *_ in odd if name == stream}
        assert reported == names, stream
    assert {record for name, record, *_ in odd if name == "withdrawals"} == names
    whole = {(name, record) for name, record, status, _ in odd if status == "completed"}
    assert whole == {("contract_trades", "odd-8")}  # the one that names a coin and an amount
    assert dict(grown.query(sums + "and record_id not like 'odd-%' group by asset")) == before
    labels = grown.query(
        "select stream, field, example from marts.fct_data_quality "
        "where problem in ('unknown_status', 'unknown_type')"
    )
    assert {("deposits", "status", "BRAND_NEW"), ("contract_trades", "entry_type", "TRANSFER"),
            ("spot_trades", "entry_type", "SIDEWAYS")} <= set(labels)  # fmt: skip


@pytest.fixture
def forgetful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """An exchange that refuses delisted pairs, before and after the delisting."""
    options = {"bigone.delisted_answers": False}
    with Sandbox(**OPTIONS | {"size": 60}, options=options) as box:
        monkeypatch.setenv("LOOKBACK_HOME", str(tmp_path))
        yield Lab(box, home(), monkeypatch)


def test_a_removed_pair_has_a_gap_and_keeps_its_rows(forgetful):
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


def stream_of_an_older_version(lab: Lab) -> None:
    """Limits of a version with one more stream, and the rows that it read from that stream."""
    with duckdb.connect(str(lab.home.warehouse)) as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        warehouse.execute(
            "update raw_bigone.stream_specs set recorded_at = ?", [lab.box.now + timedelta(days=1)]
        )
        for table, columns in (
            ("receipts", "'old_deposits' as stream, 'old' as receipt_id"),
            (
                "stream_specs",
                "'old_deposits' as stream, 'old' as spec_hash, 'old' as version_hash, "
                "recorded_at - interval 2 days as recorded_at",
            ),
        ):
            warehouse.execute(
                f"insert into raw_bigone.{table} by name select * replace ({columns}) "
                f"from raw_bigone.{table} where stream = 'deposits' limit 1"
            )


def test_a_delisted_pair_leaves_one_gap_that_does_not_grow(forgetful):
    """It ends where it was found to be gone, and holds up nothing else. So does a stream that is
    no longer read: what was read of it stays covered."""
    lab, label = forgetful, forgetful.declare("bigone")
    lab.box.set_now(NOW - timedelta(days=300))
    lab.sync(label)
    stream_of_an_older_version(lab)
    for days in (10, 0):
        lab.box.set_now(NOW - timedelta(days=days))
        lab.sync(label)
    lab.build(as_of=NOW + timedelta(days=30))
    gaps = lab.query(
        "select date_trunc('minute', span_start), date_trunc('minute', span_end), severity, "
        "is_obtainable from marts.fct_gaps "
        "where stream = 'spot_trades' and verdict = 'refused' and scope_names = 'MOONX-USDT'"
    )
    (read, gone) = (NOW - timedelta(days=days) for days in (300, 10))
    assert gaps == [(read, gone, "warning", False)]
    ((known_to,),) = lab.query(
        "select date_trunc('minute', max(span_end)) from marts.fct_entity_coverage "
        "where entity = 'trades' and wallet = 'spot' and verdict = 'unverified'"
    )
    assert known_to == NOW

    ended = lab.query(
        "select verdict, date_trunc('minute', span_end), date_trunc('minute', served_until) "
        "from marts.fct_coverage where stream = 'old_deposits'"
    )
    assert ended == [("unverified", read, read)]
    assert lab.query("select 1 from marts.fct_deadlines where stream = 'old_deposits'") == []
    ((light, state, why),) = lab.query(
        "select light, state, reason from marts.fct_sync_status where stream = 'old_deposits'"
    )
    assert (light, state) == ("green", "replaced")
    assert "when lookback last read this stream" in why


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
