"""A unified Bitget account over HTTP through dlt, DuckDB and dbt equals the ground truth.

Two builds in one warehouse: first while the better of two views of the ledger fails, then with
both, after another account was upgraded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pipelines.exchanges.bitget.spec import SPEC
from pipelines.home import home
from pipelines.sandbox.engine.clock import to_ms
from pipelines.sandbox.engine.server import Sandbox
from tests import truth_reference, unified_reference
from tests.conftest import Lab
from tests.truth_reference import Reach

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)
UPGRADED_AT = NOW + timedelta(hours=30)
LATER = UPGRADED_AT + timedelta(days=16)
UNIFIED, UPGRADED = "bitget-unified", "bitget-upgraded"
MARGIN = timedelta(minutes=5)
V3 = {stream.name for stream in SPEC.streams if stream.path.startswith("/api/v3/")}
EXCLUDED = {each.name for each in SPEC.excluded}
"""Data that no route returns, for any kind of account."""

pytestmark = pytest.mark.xdist_group("bitget_unified_models")
Query = Callable[..., list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Reported:
    """The warehouse after both builds, the ground truth at each, and the first result."""

    query: Query
    truths: dict[str, dict[str, Any]]
    first_differences: list[str]
    ledger_streams: Counter[str]


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reported]:
    options = {
        "bitget.upgraded_at": to_ms(UPGRADED_AT), "bitget.unified_fees_outside": True,
        "bitget.unified_fills": 360,
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("unified_models")
    with (
        pytest.MonkeyPatch.context() as patch,
        Sandbox(
            size="tiny", pace=None, now=LATER, years=0.9, exchanges=["bitget"], options=options,
            seed=20,  # a life that moves funds between its two wallets after the upgrade
        ) as box,
    ):  # fmt: skip
        box.set_now(NOW)
        patch.setenv("LOOKBACK_HOME", str(folder / "home"))
        patch.setenv("HOME", str(folder))
        patch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)
        lab = Lab(box, home(), patch)
        lab.declare(UNIFIED)
        lab.declare(UPGRADED)
        for stream in ("unified_financial_records", "unified_fills"):
            box.fault("500", exchange="bitget", path=SPEC.stream(stream).path, times=None)
        lab.sync()
        truth = box.truth(UNIFIED)
        lab.build(NOW)
        # Only tax records: they have the funding wallet, and no executions.
        moves = [move for move in truth["movements"] if move["wallet"] != "funding"]
        without = {**truth, "movements": moves}
        first = ledger_and_trades(lab.query, without, Reach(None, NOW + timedelta(days=1)))
        streams = ledger_streams(lab.query, truth)
        box.clear_faults()
        box.set_now(LATER)
        lab.sync()
        lab.build(LATER)
        truths = {name: box.truth(name) for name in (UNIFIED, UPGRADED)}
        yield Reported(lab.query, truths, first, streams)


def ledger_and_trades(query: Query, truth: dict[str, Any], reach: Reach) -> list[str]:
    """The differences of the two tables with two sources, without the funding wallet."""
    found = []
    expected = unified_reference.expected_rows(truth, reach)
    for table in ("fct_ledger_entries", "fct_trades"):
        rows = truth_reference.stored_rows(query, table, truth["account_id"])
        rows = [row for row in rows if row.get("wallet") != "funding"]
        found += truth_reference.differences(table, expected[table], rows)
    return found


FUTURES_AND_LOANS = {"fee", "realised_pnl", "funding", "borrow", "repay", "interest"}


def kinds_since(truth: dict[str, Any], since: datetime) -> set[str]:
    """The v3 ledger of the trading wallet since the upgrade."""
    return {
        move["kind"]
        for move in truth["movements"]
        if move.get("tax_record_id") and datetime.fromisoformat(move["at"]) >= since
    }


def ledger_streams(query: Query, truth: dict[str, Any]) -> Counter[str]:
    rows = query(
        "select stream, count(*) from marts.fct_ledger_entries where account_id = ? "
        "group by stream",
        truth["account_id"],
    )
    return Counter(dict(rows))


def floor(query: Query, account_id: str, stream: str) -> datetime:
    """The oldest moment of the stream that was ever read to the end."""
    ((moment,),) = query(
        "select min(asked_from) from raw_bitget.receipts "
        "where account_id = ? and stream = ? and outcome = 'exhausted'",
        account_id, stream,
    )  # fmt: skip
    assert isinstance(moment, datetime)
    return moment


def test_tax_records_alone_give_ledger_and_trades(reported):
    assert reported.first_differences == []
    assert "unified_financial_records" not in reported.ledger_streams
    assert reported.ledger_streams["unified_tax_records"] > 300


def test_every_fact_of_a_unified_account_is_as_it_was(reported):
    truth = reported.truths[UNIFIED]
    account_id = truth["account_id"]
    reach = Reach(None, floor(reported.query, account_id, "unified_financial_records"))
    assert floor(reported.query, account_id, "unified_fills") == reach.fills_from
    # The funding wallet was read at the first sync already, so its floor lies earlier.
    funding_from = floor(reported.query, account_id, "unified_funding_records")
    between = [
        move
        for move in truth["movements"]
        if move["wallet"] == "funding"
        and funding_from <= datetime.fromisoformat(move["at"]) < reach.fills_from
    ]
    assert between == []
    whole = unified_reference.expected_rows(truth, reach)
    assert kinds_since(truth, reach.fills_from) >= FUTURES_AND_LOANS
    assert {row["product_type"] for row in whole["fct_trades"]} == {"spot", "linear", "inverse"}
    for table, expected in whole.items():
        stored = truth_reference.stored_rows(reported.query, table, account_id)
        assert expected, table
        assert truth_reference.differences(table, expected, stored) == []


def test_the_ledger_of_a_unified_account_sums_to_its_balance(reported):
    truth = reported.truths[UNIFIED]
    assert truth_reference.balance_differences(reported.query, truth, "unified") == []
    checks = reported.query(
        "select kind, count(*), count(*) filter (is_ok) from marts.fct_balance_checks "
        "where account_id = ? and wallet = 'unified' group by kind",
        truth["account_id"],
    )
    kinds = {kind: (count, good) for kind, count, good in checks}
    # Of the tax records' and the financial records' tellings the balances go on as one chain.
    assert kinds.keys() == {"balance_chain", "opening_balance", "snapshot", "sum_rule"}
    assert all(count == good > 0 for count, good in kinds.values())


def test_a_conversion_has_one_row(reported):
    truth = reported.truths[UNIFIED]
    rows = reported.query(
        "select from_asset, from_amount, to_asset, to_amount from marts.fct_conversions "
        "where account_id = ? and wallet = 'unified'",
        truth["account_id"],
    )
    legs: dict[str, dict[bool, tuple[str, Decimal]]] = {}
    for move in truth["movements"]:
        if move["kind"] == "conversion":
            amount = Decimal(move["amount"])
            legs.setdefault(move["event_id"], {})[amount > 0] = (move["asset"], abs(amount))
    assert legs
    assert Counter(rows) == Counter((*pair[False], *pair[True]) for pair in legs.values())


def test_streams_of_the_other_kind_have_no_gap_and_no_status(reported):
    account_id = reported.truths[UNIFIED]["account_id"]
    for table in ("fct_coverage", "fct_gaps", "fct_deadlines", "fct_sync_status"):
        found = reported.query(
            f"select distinct stream from marts.{table} where account_id = ?", account_id
        )
        streams = {stream for (stream,) in found}
        assert streams and streams <= V3 | EXCLUDED, table


def test_only_the_day_of_an_upgrade_is_unverified(reported):
    """Classic streams end at the last classic check; v3 streams are sure from their first on."""
    account_id = reported.truths[UPGRADED]["account_id"]
    classic_until, unified_from = kinds_of(reported)
    spans = reported.query(
        "select stream, verdict, span_start, span_end, cause, remedy, severity, state "
        "from marts.fct_gaps where account_id = ? and span_end > ? and span_start < ? "
        "and verdict != 'excluded_by_exchange'",
        account_id, classic_until, unified_from,
    )  # fmt: skip
    assert {"unified_tax_records", "unified_financial_records", "unified_fills"} <= {
        row[0] for row in spans
    } <= V3
    for stream, verdict, start, end, cause, remedy, severity, state in spans:
        assert (verdict, severity, state) == ("unverified", "info", "open"), stream
        assert start == classic_until and "download the file" in remedy, stream
        if "does not say how far back" not in cause:  # not stated, hence unverified to its end
            assert end == unified_from and "before that moment" in cause, stream
    ends = reported.query(
        "select stream, max(span_end) from marts.fct_coverage where account_id = ? "
        "and stream not like 'unified%' and verdict != 'excluded_by_exchange' group by stream",
        account_id,
    )
    assert ends and {end for _, end in ends} == {classic_until}


def kinds_of(reported: Reported) -> tuple[datetime, datetime]:
    """The last check that found the upgraded account classic, the first that found it unified."""
    rows = reported.query(
        "select account_kind, min(checked_at), max(checked_at) from raw_bitget.accounts "
        "where account_id = ? group by account_kind order by 2",
        reported.truths[UPGRADED]["account_id"],
    )
    (_, _, classic_until), (_, unified_from, _) = rows
    return classic_until, unified_from


def test_old_streams_have_no_deadline_after_an_upgrade(reported):
    account_id = reported.truths[UPGRADED]["account_id"]
    deadlines = reported.query(
        "select stream from marts.fct_deadlines where account_id = ?", account_id
    )
    assert deadlines and {stream for (stream,) in deadlines} <= V3
    lights = reported.query(
        "select stream, light, state from marts.fct_sync_status where account_id = ?", account_id
    )
    # Lists with 90 days of retention lost older rows before the first sync; no other has them.
    rolled = {
        "spot_orders", "mix_orders", "mix_fills", "mix_closed_positions", "savings_records",
        "sharkfin_records", "loan_borrows", "loan_repayments", "loan_revisions", "loan_reductions",
    }  # fmt: skip
    assert {stream for stream, light, _ in lights if light != "green"} == rolled
    assert {state for stream, _, state in lights if stream in rolled} == {"gaps"}
    ended = {stream for stream, _, state in lights if state == "replaced"}
    assert ended == {stream for stream, *_ in lights} - V3 - rolled and "spot_fills" in ended


def test_the_balances_an_upgraded_account_brought_are_no_alarm(reported):
    account_id = reported.truths[UPGRADED]["account_id"]
    rows = reported.query(
        "select severity, cause_code from marts.fct_balance_checks where account_id = ? "
        "and wallet = 'unified' and kind = 'opening_balance' and not is_ok",
        account_id,
    )
    assert set(rows) == {("info", "account_changed")}


CLASSIC = {
    "spot": "tax_spot_records", "p2p": "tax_p2p_records", "crossed_margin": "tax_margin_records",
    "isolated_margin": "tax_margin_records",
}  # fmt: skip
"""Wallet of a classic account → the stream with its ledger; futures have two."""


def telling(
    move: dict[str, Any], asked_at: datetime, floors: dict[str, datetime]
) -> tuple[str, str] | None:
    """Stream and id of the row with a movement; None if it was not requested."""
    at = datetime.fromisoformat(move["at"])
    if "tax_record_id" in move:
        stream = "financial" if move["wallet"] == "unified" else "funding"
        return f"unified_{stream}_records", move["record_id"]
    if move["record_id"] is None or at >= asked_at:
        return None
    if "tax_id" not in move:
        return CLASSIC[move["wallet"]], move["record_id"]
    if at >= floors["mix_bills"]:
        return "mix_bills", move["record_id"]
    return ("tax_future_records", move["tax_id"]) if at >= floors["tax_future_records"] else None


def test_the_unified_wallet_opens_with_what_the_classic_wallets_had(reported):
    """One balance before its first row for every coin: the sum of spot, futures and margin."""
    truth = reported.truths[UPGRADED]
    account_id = truth["account_id"]
    had: dict[str, Decimal] = {}
    for move in truth["movements"]:
        if "tax_record_id" not in move and move["wallet"] not in ("p2p", "bots", "earn"):
            asset = move["asset"]
            had[asset] = had.get(asset, Decimal(0)) + Decimal(move["amount"])
    moved = {move["asset"] for move in truth["movements"] if move.get("tax_record_id")}
    rows = reported.query(
        "select asset, expected, is_ok from marts.fct_balance_checks where account_id = ? "
        "and wallet = 'unified' and kind = 'opening_balance'",
        account_id,
    )
    opened = {asset: amount for asset, amount, _ in rows}
    assert len(opened) == len(rows) and len(opened) > 2
    assert opened.items() <= had.items() and opened.keys() == moved
    assert {asset for asset, _, ok in rows if ok} == {a for a in moved if not had[a]}
    # Wallets other than spot had a part of it.
    others = {
        move["wallet"]
        for move in truth["movements"]
        if "tax_record_id" not in move and move["asset"] in opened
    }
    assert others >= {"usdt_futures", "crossed_margin"}
    chain = reported.query(
        "select count(*), count(*) filter (is_ok) from marts.fct_balance_checks "
        "where account_id = ? and wallet = 'unified' and kind = 'balance_chain'",
        account_id,
    )
    assert chain[0][0] == chain[0][1] > 0


def test_no_move_inside_the_unified_wallet_is_a_transfer(reported):
    """Transfers between spot, futures and margin end with the classic account."""
    for name in (UNIFIED, UPGRADED):
        rows = reported.query(
            "select from_wallet, to_wallet from marts.fct_transfers where account_id = ? "
            "and stream like 'unified%'",
            reported.truths[name]["account_id"],
        )
        assert rows
        for ends in rows:
            assert set(ends) <= {"unified", "funding", None} and ends[0] != ends[1], name
    classic = reported.query(
        "select distinct from_wallet, to_wallet from marts.fct_transfers where account_id = ? "
        "and stream = 'transfer_records'",
        reported.truths[UPGRADED]["account_id"],
    )
    assert {("spot", "usdt_futures"), ("spot", "crossed_margin")} <= set(classic)


def test_an_upgraded_account_keeps_its_classic_facts_and_goes_on(reported):
    """Each row of both systems is stored once; rows of neither are reported as missing above."""
    truth = reported.truths[UPGRADED]
    account_id = truth["account_id"]
    ((asked_at,),) = reported.query(
        "select max(asked_to) from raw_bitget.receipts "
        "where account_id = ? and stream = 'tax_spot_records' and outcome = 'exhausted'",
        account_id,
    )
    stored = {
        (stream, record_id)
        for stream, record_id in reported.query(
            "select stream, record_id from marts.fct_ledger_entries where account_id = ?",
            account_id,
        )
    }
    floors = {
        stream: floor(reported.query, account_id, stream)
        for stream in ("mix_bills", "tax_future_records")
    }
    expected = {
        record
        for move in truth["movements"]
        for record in [telling(move, asked_at, floors)]
        if record is not None
    }
    assert stored == expected
    assert kinds_since(truth, UPGRADED_AT) >= FUTURES_AND_LOANS
    assert {stream for stream, _ in stored} == {
        "tax_spot_records", "mix_bills", "tax_future_records", "tax_margin_records",
        "tax_p2p_records", "unified_financial_records", "unified_funding_records",
    }  # fmt: skip
    for entity in ("deposits", "withdrawals"):
        rows = reported.query(
            f"select record_id, status from marts.fct_{entity} where account_id = ?", account_id
        )
        assert len(rows) == len(dict(rows)), "duplicate rows"
        real = {row["record_id"]: row["status"] for row in truth[entity]}
        assert dict(rows).items() <= real.items()


def test_rows_dropped_by_a_cursor_break_the_balance_chain(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """700 futures rows of one millisecond, pages of 500: what is lost is found, to the last digit.

    Financial records fail here, as they would tell the moment whole.
    """
    options = {
        "bitget.unified_fills": 1_500, "bitget.unified_contract_share": 60,
        "bitget.unified_tax_cursor_defect": True,
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("dropped_by_cursor")
    with (
        pytest.MonkeyPatch.context() as patch,
        Sandbox(
            size=1_500, pace=None, now=NOW, years=0.2, exchanges=["bitget"], ties=(700,),
            options=options,
        ) as box,
    ):  # fmt: skip
        patch.setenv("LOOKBACK_HOME", str(folder / "home"))
        patch.setenv("HOME", str(folder))
        patch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)
        lab = Lab(box, home(), patch)
        lab.declare(UNIFIED)
        financial = SPEC.stream("unified_financial_records").path
        box.fault("500", exchange="bitget", path=financial, times=None)
        lab.sync()
        truth = box.truth(UNIFIED)
        lab.build(NOW)
    stored = {
        record_id
        for (record_id,) in lab.query(
            "select record_id from marts.fct_ledger_entries where stream = 'unified_tax_records'"
        )
    }
    lost = [
        move
        for move in truth["movements"]
        if move["wallet"] == "unified" and move["tax_record_id"] not in stored
    ]
    (asset,), (at,) = {move["asset"] for move in lost}, {move["at"] for move in lost}
    found = lab.query(
        "select asset, sum(net_residual), bool_or(severity = 'critical') "
        "from marts.fct_balance_checks "
        "where wallet = 'unified' and kind = 'balance_chain' and not is_ok group by asset"
    )
    assert found == [(asset, sum(Decimal(move["amount"]) for move in lost), True)]
    doubts = lab.query(
        "select scope, verdict, state, span_start from marts.fct_gaps "
        "where stream = 'unified_tax_records'"
    )
    assert doubts == [("USDT-FUTURES", "unresolved", "open", datetime.fromisoformat(at))]
