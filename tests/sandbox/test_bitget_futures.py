"""Futures routes of Bitget's simulator: refusals, and pages that add up to the ground truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests

from pipelines.sandbox.engine.server import Sandbox
from tests.sandbox.bitget_caller import DAY, Caller

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
PRODUCTS = {
    "USDT-FUTURES": "usdt_futures",
    "USDC-FUTURES": "usdc_futures",
    "COIN-FUTURES": "coin_futures",
}
TAX = "/api/v2/tax/future-record"
BILLS = "/api/v2/mix/account/bill"
FILLS = "/api/v2/mix/order/fills"
ORDERS = "/api/v2/mix/order/orders-history"
CLOSED = "/api/v2/mix/position/history-position"
INTEREST = "/api/v2/mix/account/interest-history"
ACCOUNTS = "/api/v2/mix/account/accounts"
POSITIONS = "/api/v2/mix/position/all-position"
CONTRACTS = "/api/v2/mix/market/contracts"
LISTS = {BILLS: "bills", FILLS: "fillList", ORDERS: "entrustedList", CLOSED: "list"}


@pytest.fixture(scope="module")
def whole() -> Iterator[Caller]:
    options = {"bitget.tax_floor_days": 3_000}
    with Sandbox(size=700, seed=7, now=NOW, exchanges=["bitget"], options=options) as running:
        yield Caller(running)


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def opened(caller: Caller) -> int:
    return int(caller.data("/api/v2/spot/account/info")["regisTime"])


def pages(caller: Caller, path: str, product: str, start: int, **params: Any) -> list[Any]:
    """Every row since `start`, page by page along `endId`, window by window; newest first."""
    rows: list[Any] = []
    end, width = caller.now, 30 * DAY
    while end >= start:
        cursor: dict[str, Any] = {}
        while True:
            data = caller.data(
                path, productType=product, startTime=max(start, end - width + 1), endTime=end,
                limit=100, **params, **cursor,
            )  # fmt: skip
            if not data[LISTS[path]]:
                assert data["endId"] == ""
                break
            rows += data[LISTS[path]]
            cursor = {"idLessThan": data["endId"]}
        end -= width
    return rows


def moves(caller: Caller, wallet: str) -> list[dict[str, Any]]:
    return [m for m in caller.box.truth("bitget-main")["movements"] if m["wallet"] == wallet]


@pytest.mark.parametrize("path", [TAX, *LISTS, INTEREST, ACCOUNTS, POSITIONS, CONTRACTS])
def test_the_product_must_be_named(whole: Caller, path: str) -> None:
    """But for tax records, whose page names a default, and closed positions, where it may miss."""
    span = {"startTime": whole.now - DAY, "endTime": whole.now}
    if path in (TAX, CLOSED):
        named = whole.data(path, productType="USDT-FUTURES", **span)
        assert whole.data(path, **span) == named
    else:
        assert code(whole.get(path, **span)) == (400, "40019")
    assert code(whole.get(path, productType="SPOT", **span)) == (400, "40020")
    assert whole.get(path, productType="usdt-futures", **span).status_code == 200


@pytest.mark.parametrize(("path", "days"), [(TAX, 30), (BILLS, 30), (FILLS, 90), (CLOSED, 90)])
def test_windows_wider_than_documented_are_refused(whole: Caller, path: str, days: int) -> None:
    params = {"productType": "USDT-FUTURES", "endTime": whole.now}
    assert whole.get(path, startTime=whole.now - days * DAY, **params).status_code == 200
    answer = whole.get(path, startTime=whole.now - days * DAY - 1, **params)
    assert code(answer) == (400, "00001")


@pytest.mark.parametrize(("path", "expected"), [
    (BILLS, "40704"), (FILLS, "43111"), (ORDERS, "40704"), (CLOSED, "40704"),
])  # fmt: skip
def test_futures_end_ninety_days_ago(whole: Caller, path: str, expected: str) -> None:
    floor = whole.now - 90 * DAY
    params = {"productType": "USDT-FUTURES", "endTime": floor + DAY}
    assert whole.get(path, startTime=floor, **params).status_code == 200
    assert code(whole.get(path, startTime=floor - 1, **params)) == (400, expected)


def test_page_sizes(whole: Caller) -> None:
    span = {"productType": "USDT-FUTURES", "startTime": whole.now - DAY, "endTime": whole.now}
    assert code(whole.get(BILLS, limit=101, **span)) == (400, "40020")
    assert code(whole.get(TAX, limit=501, **span)) == (400, "40020")
    assert code(whole.get(TAX, productType="USDT-FUTURES")) == (400, "40019")
    assert len(whole.data(INTEREST, productType="USDT-FUTURES")["interestList"]) == 20


@pytest.mark.parametrize(
    ("label", "path", "status"),
    [("bitget-tax", TAX, 200), ("bitget-tax", BILLS, 400), ("bitget-narrow", BILLS, 400),
     ("bitget-narrow", TAX, 200), ("bitget-unified", TAX, 400)],
)  # fmt: skip
def test_rights(whole: Caller, label: str, path: str, status: int) -> None:
    span = {"productType": "USDT-FUTURES", "startTime": whole.now - DAY, "endTime": whole.now}
    assert Caller(whole.box, label).get(path, **span).status_code == status


@pytest.mark.parametrize(("product", "wallet"), PRODUCTS.items())
def test_tax_records_are_exactly_the_movements(whole: Caller, product: str, wallet: str) -> None:
    rows = whole.walk_windows(
        TAX, "id", opened(whole), whole.now, 30 * DAY, productType=product
    )[::-1]  # fmt: skip
    truth = moves(whole, wallet)
    assert truth and [row["id"] for row in rows] == [move["tax_id"] for move in truth]
    for row, move in zip(rows, truth, strict=True):
        assert row["marginCoin"] == move["asset"]
        assert Decimal(row["amount"]) + Decimal(row["fee"]) == Decimal(move["amount"])
        assert "balance" not in row


@pytest.mark.parametrize(("product", "wallet"), PRODUCTS.items())
def test_bills_carry_the_running_balance(whole: Caller, product: str, wallet: str) -> None:
    start = whole.now - 90 * DAY
    rows = pages(whole, BILLS, product, start)[::-1]
    truth = moves(whole, wallet)
    since = [m for m in truth if datetime.fromisoformat(m["at"]).timestamp() * 1000 >= start]
    assert [row["billId"] for row in rows] == [move["record_id"] for move in since]
    running: defaultdict[str, Decimal] = defaultdict(Decimal)
    for move in truth[: len(truth) - len(since)]:
        running[move["asset"]] += Decimal(move["amount"])
    for row in rows:
        running[row["coin"]] += Decimal(row["amount"]) + Decimal(row["fee"])
        assert running[row["coin"]] == Decimal(row["balance"])


def test_labels_come_in_both_cases_and_funding_under_many_names(whole: Caller) -> None:
    rows = [
        row
        for product in PRODUCTS
        for row in whole.walk_windows(
            TAX, "id", opened(whole), whole.now, 30 * DAY, productType=product
        )
    ]
    labels = {row["futureTaxType"] for row in rows}
    assert {"open_long", "OPEN_LONG", "contract_main_settle_fee", "TRANSFER_IN"} <= labels
    assert "CONTRACT_MAIN_SETTLE_FEE_USER_OUT" in labels
    lower = {label.lower() for label in labels}
    assert {"buy_deal", "sell_deal", "close_long"} <= lower


@pytest.mark.parametrize("product", PRODUCTS)
def test_fills_are_exactly_the_trades_of_ninety_days(whole: Caller, product: str) -> None:
    start = whole.now - 90 * DAY
    rows = pages(whole, FILLS, product, start)[::-1]
    wanted = {"USDT-FUTURES": "USDT", "USDC-FUTURES": "USDC", "COIN-FUTURES": "BTC"}[product]
    truth = [
        trade
        for trade in whole.box.truth("bitget-main")["trades"]
        if trade["product_type"] != "spot" and trade["fee_asset"] == wanted
        if datetime.fromisoformat(trade["traded_at"]).timestamp() * 1000 >= start
    ]
    assert [row["tradeId"] for row in rows] == [trade["record_id"] for trade in truth]
    for row, trade in zip(rows, truth, strict=True):
        assert Decimal(row["baseVolume"]) == Decimal(trade["base_quantity"])
        assert Decimal(row["quoteVolume"]) == Decimal(trade["quote_quantity"])
        assert Decimal(row["feeDetail"][0]["totalFee"]) == -Decimal(trade["fee_amount"])
        turned = row["posMode"] == "hedge_mode" and row["tradeSide"] != "open"
        assert (row["side"] == trade["side"]) is not turned


def test_orders_and_positions_sum_up_their_fills(whole: Caller) -> None:
    start = whole.now - 90 * DAY
    for product in PRODUCTS:
        fills: defaultdict[str, list[Any]] = defaultdict(list)
        for fill in pages(whole, FILLS, product, start):
            fills[fill["orderId"]].append(fill)
        for order in pages(whole, ORDERS, product, start):
            own = fills.get(order["orderId"])
            if own and order["uTime"] == max(fill["cTime"] for fill in own):
                filled = sum(Decimal(fill["baseVolume"]) for fill in own)
                assert filled == Decimal(order["baseVolume"])
        for position in pages(whole, CLOSED, product, start):
            assert position["openTotalPos"] and int(position["ctime"]) <= int(position["utime"])
            net = sum(
                Decimal(position[name]) for name in ("pnl", "totalFunding", "openFee", "closeFee")
            )
            assert net == Decimal(position["netProfit"])


def test_no_order_changes_after_the_clock_is_set_back(whole: Caller) -> None:
    product, order = next(
        (product, row)
        for product in PRODUCTS
        for row in pages(whole, ORDERS, product, whole.now - 89 * DAY)
        if int(row["uTime"]) > int(row["cTime"]) + 1
    )
    clock, now, placed = whole.box.shell.clock, whole.now, int(order["cTime"])
    try:
        clock.freeze(placed + 1)
        listed = whole.data(ORDERS, productType=product, startTime=placed - DAY)
    finally:
        clock.freeze(now)
    rows = listed["entrustedList"]
    assert all(int(row["uTime"]) <= placed + 1 for row in rows)


def test_equity_less_open_profit_is_the_balance(whole: Caller) -> None:
    truth = whole.box.truth("bitget-main")["balances"]
    for product, wallet in PRODUCTS.items():
        reported = {
            row["marginCoin"]: Decimal(row["accountEquity"]) - Decimal(row["unrealizedPL"] or 0)
            for row in whole.data(ACCOUNTS, productType=product)
        }
        assert reported == {coin: Decimal(amount) for coin, amount in truth[wallet].items()}


def test_interest_has_more_rows_than_a_page(whole: Caller) -> None:
    rows: list[Any] = []
    cursor: dict[str, Any] = {}
    while True:
        data = whole.data(INTEREST, productType="USDT-FUTURES", limit=100, **cursor)
        if not data["interestList"]:
            break
        rows += data["interestList"]
        cursor = {"idLessThan": data["endId"]}
    assert len({row["cTime"] for row in rows}) == len(rows) > 100
    assert whole.data(INTEREST, productType="COIN-FUTURES")["interestList"] == []


def test_a_delivered_contract_has_left_the_list(whole: Caller) -> None:
    listed = {row["symbol"]: row for row in whole.data(CONTRACTS, productType="COIN-FUTURES")}
    assert set(listed) == {"BTCUSD"} and listed["BTCUSD"]["symbolType"] == "perpetual"
    markets = {trade["market"] for trade in whole.box.truth("bitget-main")["trades"]}
    assert "BTCUSDU26" in markets


def test_an_account_without_futures_is_empty(whole: Caller) -> None:
    caller = Caller(whole.box, "bitget-empty")
    for product in PRODUCTS:
        span = {"productType": product, "startTime": caller.now - DAY, "endTime": caller.now}
        assert caller.data(TAX, **span) == [] and caller.data(ACCOUNTS, productType=product) == []
        for path, name in LISTS.items():
            assert caller.data(path, **span) == {name: [], "endId": ""}


def test_spot_orders_sum_up_their_fills(whole: Caller) -> None:
    start = whole.now - 90 * DAY
    fills: defaultdict[str, Decimal] = defaultdict(Decimal)
    for fill in whole.paginate("/api/v2/spot/trade/fills", "tradeId", start, whole.now):
        fills[fill["orderId"]] += Decimal(fill["size"])
    orders = whole.paginate("/api/v2/spot/trade/history-orders", "orderId", start, whole.now)
    filled = [order for order in orders if order["status"] == "filled"]
    assert {order["orderId"] for order in filled} == set(fills)
    for order in filled:
        assert Decimal(order["baseVolume"]) == fills[order["orderId"]]
        assert isinstance(order["feeDetail"], str) and order["feeDetail"].startswith("{")
    assert {order["status"] for order in orders} == {"filled", "cancelled"}
    answer = whole.get("/api/v2/spot/trade/history-orders", startTime=start - 1)
    assert code(answer)[0] == 400
