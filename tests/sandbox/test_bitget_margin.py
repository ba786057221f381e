"""Margin and P2P of Bitget's simulator: tax records and balances match the ground truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from pipelines.sandbox.engine.server import Sandbox
from tests.sandbox.bitget_caller import DAY, Caller

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
MARGIN, P2P = "/api/v2/tax/margin-record", "/api/v2/tax/p2p-record"
KINDS = {"crossed": "crossed_margin", "isolated": "isolated_margin"}


@pytest.fixture(scope="module")
def whole() -> Iterator[Caller]:
    options = {"bitget.tax_floor_days": 3_000}
    with Sandbox(size=700, seed=7, now=NOW, exchanges=["bitget"], options=options) as running:
        yield Caller(running)


def rows_of(caller: Caller, path: str, **params: Any) -> list[Any]:
    opened = int(caller.data("/api/v2/spot/account/info")["regisTime"])
    return caller.walk_windows(path, "id", opened, caller.now, 30 * DAY, **params)[::-1]


def moves(caller: Caller, wallet: str) -> list[dict[str, Any]]:
    return [m for m in caller.box.truth("bitget-main")["movements"] if m["wallet"] == wallet]


@pytest.mark.parametrize("path", [MARGIN, P2P])
def test_times_are_required_and_windows_are_thirty_days(whole: Caller, path: str) -> None:
    def code(**params: Any) -> str:
        return str(whole.get(path, **params).json()["code"])

    assert code() == "40019" and code(startTime=whole.now - DAY) == "40019"
    end = whole.now
    assert code(startTime=end - 30 * DAY, endTime=end) == "00000"
    assert code(startTime=end - 30 * DAY - 1, endTime=end) == "00001"
    assert code(startTime=end - DAY, endTime=end, limit=501) == "40020"


@pytest.mark.parametrize(("kind", "wallet"), KINDS.items())
def test_margin_records_are_exactly_the_movements(whole: Caller, kind: str, wallet: str) -> None:
    rows = rows_of(whole, MARGIN, marginType=kind)
    truth = moves(whole, wallet)
    assert truth and [row["id"] for row in rows] == [move["record_id"] for move in truth]
    running: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row, move in zip(rows, truth, strict=True):
        assert Decimal(row["amount"]) == Decimal(move["amount"])
        running[row["symbol"], row["coin"]] += Decimal(row["amount"])
        assert running[row["symbol"], row["coin"]] == Decimal(row["total"])
    labels = {row["marginTaxType"] for row in rows}
    assert {"transfer_in", "borrow", "repay", "interest_repay"} <= labels
    assert all(bool(row["symbol"]) is (kind == "isolated") for row in rows)


def test_crossed_is_what_is_meant_where_nothing_is_said(whole: Caller) -> None:
    assert rows_of(whole, MARGIN) == rows_of(whole, MARGIN, marginType="crossed")
    span = {"startTime": whole.now - DAY, "endTime": whole.now}
    assert whole.get(MARGIN, marginType="both", **span).json()["code"] == "40020"


def test_p2p_records_have_the_quantity_in_the_balance_field(whole: Caller) -> None:
    rows = rows_of(whole, P2P)
    truth = moves(whole, "p2p")
    assert truth and [row["id"] for row in rows] == [move["record_id"] for move in truth]
    for row, move in zip(rows, truth, strict=True):
        assert Decimal(row["balance"]) == abs(Decimal(move["amount"]))
        way = "out" if Decimal(move["amount"]) < 0 else "in"
        assert row["p2pTaxType"].replace("-", "_") == f"transfer_{way}"


@pytest.mark.parametrize(("kind", "wallet"), KINDS.items())
def test_assets_are_the_sum_of_movements(whole: Caller, kind: str, wallet: str) -> None:
    reported: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in whole.data(f"/api/v2/margin/{kind}/account/assets"):
        reported[row["coin"]] += Decimal(row["totalAmount"])
        assert Decimal(row["net"]) == Decimal(row["totalAmount"]) - Decimal(row["borrow"])
    truth = whole.box.truth("bitget-main")["balances"][wallet]
    assert dict(reported) == {coin: Decimal(amount) for coin, amount in truth.items()}


def test_rights(whole: Caller) -> None:
    tax, narrow = Caller(whole.box, "bitget-tax"), Caller(whole.box, "bitget-narrow")
    span = {"startTime": whole.now - DAY, "endTime": whole.now}
    assert tax.get(MARGIN, **span).status_code == tax.get(P2P, **span).status_code == 200
    for caller in (tax, narrow):
        assert caller.get("/api/v2/margin/crossed/account/assets").json()["code"] == "40014"


LISTS = {
    "financial-records": "amount",
    "borrow-history": "borrowAmount",
    "repay-history": "repayAmount",
    "interest-history": "interestAmount",
    "liquidation-history": "totalDebt",
}


def listed(caller: Caller, path: str, **params: Any) -> list[Any]:
    """Every row of a list, window by window and page by page along `minId`."""
    rows: list[Any] = []
    end = caller.now
    while end > caller.now - 1_200 * DAY:
        cursor: dict[str, Any] = {}
        span = {"startTime": end - 90 * DAY + 1, "endTime": end}
        while page := caller.data(path, **span, **params, **cursor)["resultList"]:
            rows += page
            cursor = {"idLessThan": caller.data(path, **span, **params, **cursor)["minId"]}
        end -= 90 * DAY
    return rows


@pytest.mark.parametrize("kind", KINDS)
def test_lists_of_loans_agree_with_the_ledger(whole: Caller, kind: str) -> None:
    pairs = {row["symbol"] for row in rows_of(whole, MARGIN, marginType=kind)}
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for path, field in LISTS.items():
        for symbol in sorted(pairs):
            params = {"symbol": symbol} if kind == "isolated" else {}
            for row in listed(whole, f"/api/v2/margin/{kind}/{path}", limit=3, **params):
                sums[path] += Decimal(row[field])
                assert row.get("symbol", "") == symbol
    reported: defaultdict[str, Decimal] = defaultdict(Decimal)
    for move in moves(whole, KINDS[kind]):
        reported[move["kind"]] += Decimal(move["amount"])
    assert sums["borrow-history"] == reported["borrow"] > 0
    assert sums["repay-history"] == -reported["repay"] - reported["interest"]
    assert sums["interest-history"] == -reported["interest"] > 0
    assert sums["financial-records"] == sum(reported.values())
    assert sums["liquidation-history"] == 0


def test_lists_name_their_start_and_isolated_ones_their_pair(whole: Caller) -> None:
    def code(kind: str, **params: Any) -> str:
        path = f"/api/v2/margin/{kind}/borrow-history"
        return str(whole.get(path, **params).json()["code"])

    end = whole.now
    assert code("crossed") == code("isolated", startTime=end - DAY) == "40019"
    assert code("crossed", startTime=end - 90 * DAY, endTime=end) == "00000"
    assert code("crossed", startTime=end - 90 * DAY - 1, endTime=end) == "00001"
    empty = whole.data("/api/v2/margin/crossed/liquidation-history", startTime=end - DAY)
    assert empty == {"resultList": [], "maxId": "0", "minId": "0"}
