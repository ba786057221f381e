"""Bitget's simulator, v3: futures and loans of a unified account match the ground truth."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from pipelines.sandbox.engine.server import Sandbox
from tests.sandbox.bitget_caller import Caller
from tests.sandbox.test_bitget import code
from tests.sandbox.test_bitget_unified import (
    CONVERTS,
    FILLS,
    FINANCIAL,
    LINES,
    NOW,
    TAX,
    rows,
)

FUTURES = tuple(line for line in LINES if "FUTURES" in line)
ORDERS, POSITIONS = "/api/v3/trade/history-orders", "/api/v3/position/history-position"
DUST, P2P = "/api/v3/convert/small-assets-history", "/api/v3/p2p/all-orders"
ASSETS = "/api/v3/account/assets"


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    """An account of 80 days, so that every route returns all of it."""
    options = {"bitget.unified_fills": 600}
    with Sandbox(
        now=NOW, exchanges=["bitget"], seed=7, size=600, years=80 / 365, options=options
    ) as box:
        yield Caller(box, "bitget-unified")


@pytest.fixture(scope="module")
def truth(call: Caller) -> dict[str, Any]:
    reported: dict[str, Any] = call.box.truth("bitget-unified")
    return reported


def tax_rows(call: Caller, line: str, **params: str) -> list[Any]:
    """Every tax record of a line, window by window."""
    found, end = [], call.now
    for _ in range(12):
        start = end - 7 * 86_400_000 + 1
        found += call.data(TAX, bizType=line, startTime=start, endTime=end, limit=500, **params)
        end = start - 1
    return found


def sum_of(found: list[Any], *fields: str) -> Decimal:
    return sum((Decimal(row[name]) for row in found for name in fields), Decimal(0))


def test_futures_have_separate_profit_and_fee_rows(
    call: Caller, truth: dict[str, Any]
) -> None:
    real = {move["record_id"]: move for move in truth["movements"]}
    types = set()
    for line in FUTURES:
        reported = rows(call, FINANCIAL, 80, 30, category=line)
        assert reported, line
        for row in reported:
            move = real[row["id"]]
            assert Decimal(row["amount"]) + Decimal(row["fee"]) == Decimal(move["amount"])
            assert row["symbol"] and row["coin"] == move["asset"]
        types |= {row["type"] for row in reported}
        extra = tax_rows(call, line)
        assert sorted(row["amount"] for row in extra) == sorted(row["amount"] for row in reported)
    assert types >= {
        "OPEN_LONG", "CLOSE_LONG", "BUY_DEAL", "SELL_DEAL", "CONTRACT_MAIN_SETTLE_FEE_USER_IN",
        "CONTRACT_MAIN_SETTLE_FEE_USER_OUT",
    }  # fmt: skip


def test_the_margin_line_has_two_views_and_two_types(
    call: Caller, truth: dict[str, Any]
) -> None:
    reported = rows(call, FINANCIAL, 80, 30, category="MARGIN")
    crossed, isolated = (tax_rows(call, "MARGIN", marginType=t) for t in ("crossed", "isolated"))
    assert crossed and isolated
    assert {row["id"] for row in crossed}.isdisjoint(row["id"] for row in isolated)
    assert tax_rows(call, "MARGIN") == crossed
    assert sum_of(reported, "amount") == sum_of(crossed + isolated, "amount")
    assert len(reported) == len(crossed + isolated)
    kinds = {"borrow", "repay"}
    assert {row["type"] for row in reported} >= {"BORROW", "REPAYMENT", "INTEREST_REPAYMENT"}
    assert {row["type"] for row in isolated} <= {"BORROW", "REPAYMENT", "INTEREST_SETTLEMENT_OUT"}
    assert {move["kind"] for move in truth["movements"]} >= kinds


def test_one_wallet_has_one_running_balance_over_all_lines(call: Caller) -> None:
    """Row by row, in the order of time and id, and the balance now is the last of them."""
    reported = [row for line in LINES for row in rows(call, FINANCIAL, 80, 30, category=line)]
    reported.sort(key=lambda row: (int(row["ts"]), int(row["id"])))
    now = {row["coin"]: row["balance"] for row in call.data(ASSETS)["assets"]}
    for coin in {row["coin"] for row in reported}:
        chain = [row for row in reported if row["coin"] == coin]
        for before, row in pairwise(chain):
            change = Decimal(row["amount"])
            if row["category"] in FUTURES:
                change += Decimal(row["fee"])
            assert Decimal(before["balance"]) + change == Decimal(row["balance"]), row
        assert Decimal(now.get(coin, "0")) == Decimal(chain[-1]["balance"])


def test_executions_have_the_trades_own_side(call: Caller, truth: dict[str, Any]) -> None:
    real = {trade["record_id"]: trade for trade in truth["trades"]}
    reported = rows(call, FILLS, 80, 30)
    assert {row["execId"] for row in reported} == real.keys()
    sides = set()
    for row in reported:
        trade = real[row["execId"]]
        assert row["side"] == trade["side"]
        assert Decimal(row["execQty"]) == Decimal(trade["base_quantity"])
        assert Decimal(row["execValue"]) == Decimal(trade["quote_quantity"])
        assert Decimal(row["feeDetail"][0]["fee"]) == Decimal(trade["fee_amount"])
        sides.add((row["category"], row["side"], row["posSide"], row["tradeSide"]))
    assert ("USDT-FUTURES", "sell", "long", "close") in sides
    assert ("USDT-FUTURES", "buy", "long", "open") in sides
    for line in ("SPOT", *FUTURES):
        by_line = rows(call, FILLS, 80, 30, category=line)
        assert by_line and {row["category"] for row in by_line} == {line}


def test_orders_sum_up_their_executions(call: Caller) -> None:
    fills: dict[str, list[Any]] = {}
    for fill in rows(call, FILLS, 80, 30):
        fills.setdefault(fill["orderId"], []).append(fill)
    reported = [row for line in LINES[:-1] for row in rows(call, ORDERS, 80, 30, category=line)]
    assert {row["orderId"] for row in reported} == fills.keys()
    for order in reported:
        own = fills[order["orderId"]]
        assert Decimal(order["cumExecQty"]) == sum_of(own, "execQty")
        assert Decimal(order["cumExecValue"]) == sum_of(own, "execValue")
        assert {order["category"]} == {fill["category"] for fill in own}
    assert code(call.get(ORDERS)) == (400, "40019")
    assert code(call.get(ORDERS, category="OTHER")) == (400, "40020")


def test_a_closed_position_comes_to_its_ledger_rows(call: Caller) -> None:
    for line in FUTURES:
        reported = rows(call, POSITIONS, 80, 30, category=line)
        assert reported, line
        for row in reported:
            parts = ("cumRealisedPnl", "totalFunding", "openFeeTotal", "closeFeeTotal")
            assert Decimal(row["netProfit"]) == sum_of([row], *parts)
            assert row["category"] == line and Decimal(row["openFeeTotal"]) <= 0
        for symbol in {row["symbol"].upper() for row in reported}:
            of_symbol = [row for row in reported if row["symbol"].upper() == symbol]
            assert rows(call, POSITIONS, 80, 30, category=line, symbol=symbol) == of_symbol


def test_what_is_owed_is_no_part_of_the_equity(call: Caller, truth: dict[str, Any]) -> None:
    owed: dict[str, Decimal] = {}
    for move in truth["movements"]:
        if move["kind"] in ("borrow", "repay"):
            owed[move["asset"]] = owed.get(move["asset"], Decimal(0)) + Decimal(move["amount"])
    for row in call.data(ASSETS)["assets"]:
        assert Decimal(row["debt"]) == owed.get(row["coin"], 0)
        assert Decimal(row["equity"]) == Decimal(row["balance"]) - Decimal(row["debt"])


def test_small_balances_and_other_conversions_are_two_lists(
    call: Caller, truth: dict[str, Any]
) -> None:
    dust, others = rows(call, DUST, 80, 30), rows(call, CONVERTS, 80, 30)
    paid = [
        (move["asset"], -Decimal(move["amount"]))
        for move in truth["movements"]
        if move["kind"] == "conversion" and move["amount"].startswith("-")
    ]
    reported = [(row["fromCoin"], Decimal(row["fromAmount"])) for row in dust]
    reported += [(row["fromCoin"], Decimal(row["fromCoinSize"])) for row in others]
    assert dust and others and sorted(reported) == sorted(paid)


def test_canceled_p2p_orders_are_listed_with_their_own_cursor(
    call: Caller, truth: dict[str, Any]
) -> None:
    end = call.now
    answer = call.data(P2P, startTime=end - 80 * 86_400_000, endTime=end, limit=1)
    assert answer["items"] and answer["nextId"] not in ("", answer["items"][0]["orderId"])
    moves = [
        move for move in truth["transfers"] if move["to_wallet"] == "funding" and move["record_id"]
    ]
    found, cursor = [], {}
    while True:
        page = call.data(P2P, startTime=end - 80 * 86_400_000, endTime=end, limit=1, **cursor)
        if not page["items"]:
            break
        found += page["items"]
        cursor = {"cursor": page["nextId"]}
    assert len(found) == len(moves) and {row["status"] for row in found} == {"cancelled"}
    assert all(int(row["createdTime"]) < int(row["updatedTime"]) for row in found)
