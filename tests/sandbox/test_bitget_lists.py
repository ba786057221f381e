"""Bitget's simulator beyond trading: conversions, sub-accounts, earn, loans, bots, copies, P2P.

Each list has its documented refusals and its part of the account's history.
"""

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
CONVERT = "/api/v2/convert/convert-record"
BGB = "/api/v2/convert/bgb-convert-records"
SUB_MOVES = "/api/v2/spot/account/sub-main-trans-record"
SUB_DEPOSITS = "/api/v2/spot/wallet/subaccount-deposit-records"
SUB_ASSETS = "/api/v2/spot/account/subaccount-assets"
SAVINGS = "/api/v2/earn/savings/records"
SHARKFIN = "/api/v2/earn/sharkfin/records"
LOANS = "/api/v2/earn/loan/"
COPIED = "/api/v2/copy/mix-follower/query-history-orders"
COPIED_SPOT = "/api/v2/copy/spot-follower/query-history-orders"
LED = "/api/v2/copy/mix-trader/order-history-track"
P2P = "/api/v2/p2p/orderList"
BOTS = "/api/v2/account/bot-assets"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    options = {"bitget.tax_floor_days": 3_000}
    with Sandbox(size=700, seed=5, now=NOW, exchanges=["bitget"], options=options) as running:
        yield running


@pytest.fixture(scope="module")
def main(box: Sandbox) -> Caller:
    return Caller(box)


def code(caller: Caller, path: str, **params: Any) -> str:
    return str(caller.get(path, **params).json()["code"])


def quarter(caller: Caller) -> dict[str, int]:
    """The widest window there is, up to now."""
    return {"startTime": caller.now - 90 * DAY, "endTime": caller.now}


def ever(caller: Caller, path: str, key: str, id_field: str, **params: Any) -> list[Any]:
    """Every row since the account was opened, newest first, in windows of ninety days."""
    opened = int(caller.data("/api/v2/spot/account/info")["regisTime"])
    rows: list[Any] = []
    end = caller.now
    while end >= opened:
        cursor: dict[str, Any] = {}
        while True:
            span = {"startTime": max(opened, end - 90 * DAY + 1), "endTime": end}
            page = caller.data(path, **span, **params, **cursor)
            found = page[key] if key else page
            if not found:
                break
            rows += found
            cursor = {"idLessThan": found[-1][id_field]}
        end -= 90 * DAY
    return rows


def moves(box: Sandbox, kind: str, label: str = "bitget-main") -> list[dict[str, Any]]:
    return [move for move in box.truth(label)["movements"] if move["kind"] == kind]


@pytest.mark.parametrize(
    ("path", "params", "wants_times"),
    [
        (CONVERT, {}, True),
        (BGB, {}, False),
        (SUB_MOVES, {}, False),
        (SUB_DEPOSITS, {"subUid": "7000000009"}, False),
        (SAVINGS, {"periodType": "flexible"}, False),
        (SHARKFIN, {"type": "interest"}, False),
        (COPIED, {"productType": "USDT-FUTURES"}, False),
        (P2P, {}, False),
    ],
)
def test_windows_are_ninety_days_and_pages_have_a_largest(
    main: Caller, path: str, params: dict[str, str], wants_times: bool
) -> None:
    assert code(main, path, **params) == ("40019" if wants_times else "00000")
    span = quarter(main)
    assert code(main, path, **params, **span) == "00000"
    wider = span | {"startTime": span["startTime"] - 1}
    assert code(main, path, **params, **wider) == "00001"
    turned = {"startTime": span["endTime"], "endTime": span["startTime"]}
    assert code(main, path, **params, **turned) == "40707"
    assert code(main, path, **params, **span, limit=101) == "40020"


@pytest.mark.parametrize(
    ("path", "params"),
    [(SAVINGS, {"periodType": "fixed"}), (SHARKFIN, {"type": "subscription"})],
)
def test_earn_has_three_months(main: Caller, path: str, params: dict[str, str]) -> None:
    old = {"startTime": main.now - 91 * DAY, "endTime": main.now - 2 * DAY}
    assert code(main, path, **params, **old) == "40704"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (SAVINGS, "periodType"), (SHARKFIN, "type"), (COPIED, "productType"),
        (BOTS, "accountType"), (SUB_DEPOSITS, "subUid"),
    ],
)  # fmt: skip
def test_a_list_requires_its_parameter(main: Caller, path: str, name: str) -> None:
    assert code(main, path, **quarter(main)) == "40019"
    assert code(main, path, **{name: "nonsense"}, **quarter(main)) == "40020"


def test_conversions_are_those_of_the_ledger(main: Caller, box: Sandbox) -> None:
    reported = ever(main, CONVERT, "dataList", "id", limit=2)
    rests = ever(main, BGB, "", "orderId", limit=2)
    assert reported and rests
    found = [(row["fromCoin"], -Decimal(str(row["fromCoinSize"]))) for row in reported]
    found += [(row["toCoin"], Decimal(row["toCoinSize"])) for row in reported]
    found += [(row["fromCoin"], -Decimal(row["fromAmount"])) for row in rests]
    found += [(row["toCoin"], Decimal(row["toAmount"])) for row in rests]
    true = [(move["asset"], Decimal(move["amount"])) for move in moves(box, "conversion")]
    assert sorted(found) == sorted(true)
    assert {row["toCoin"] for row in rests} == {"BGB"}
    assert "BGB" not in {row["toCoin"] for row in reported}
    for row in rests:  # positive, and no part of what was paid out
        assert row["feeDetail"][0]["feeCoin"] == "BGB" and Decimal(row["feeDetail"][0]["fee"]) > 0


def test_transfers_between_accounts_are_listed_by_role(main: Caller, box: Sandbox) -> None:
    sent = ever(main, SUB_MOVES, "", "transferId")
    received = ever(main, SUB_MOVES, "", "transferId", role="receiver")
    assert sent and received
    assert {row["fromUserId"] for row in sent} == {"7000000001"} == {
        row["toUserId"] for row in received
    }
    true = [t for t in box.truth("bitget-main")["transfers"] if t["from_wallet"] == t["to_wallet"]]
    assert sorted(row["transferId"] for row in sent + received) == sorted(
        move["record_id"] for move in true
    )
    assert code(main, SUB_MOVES, role="both", **quarter(main)) == "40020"


def test_a_sub_account_sees_its_side_alone(main: Caller, box: Sandbox) -> None:
    sub = Caller(box, "bitget-sub")
    assert sub.data("/api/v2/spot/account/info")["parentId"] == 7000000001
    for path in (SUB_MOVES, SUB_DEPOSITS, SUB_ASSETS):
        assert code(sub, path, subUid="7000000009", **quarter(sub)) == "40068"
    inside = {
        (move["at"], -Decimal(move["amount"])) for move in moves(box, "transfer", "bitget-sub")
    }
    outside = {
        (move["at"], Decimal(move["amount"]))
        for move in moves(box, "transfer")
        if move["wallet"] == "spot"
    }
    assert inside and inside <= outside


def test_a_main_account_reads_sub_account_balances_and_deposits(main: Caller, box: Sandbox) -> None:
    (held,) = main.data(SUB_ASSETS)
    assert (type(held["id"]), held["userId"]) == (int, 7000000009)
    balances = {row["coin"]: Decimal(row["available"]) for row in held["assetsList"]}
    truth = box.truth("bitget-sub")["balances"]["spot"]
    assert balances == {coin: Decimal(amount) for coin, amount in truth.items()}
    assert main.data(SUB_ASSETS, idLessThan=held["id"]) == []
    (deposit,) = ever(main, SUB_DEPOSITS, "", "orderId", subUid="7000000009")
    assert "type" not in deposit and deposit["status"] == "success"
    assert code(main, SUB_DEPOSITS, subUid="7000000001") == "40020"


def test_earn_holds_what_was_moved_there(main: Caller, box: Sandbox) -> None:
    truth = box.truth("bitget-main")["balances"]["earn"]
    rows = main.data("/api/v2/earn/account/assets")
    reported = {row["coin"]: Decimal(row["amount"]) for row in rows}
    assert reported == {coin: Decimal(amount) for coin, amount in truth.items()}
    savings: defaultdict[str, Decimal] = defaultdict(Decimal)
    for period in ("flexible", "fixed"):
        page = main.data("/api/v2/earn/savings/assets", periodType=period)
        for row in page["resultList"]:
            savings[row["productCoin"]] += Decimal(row["holdAmount"])
            assert bool(row["orderId"]) is (period == "fixed")
    assert all(amount <= reported[coin] for coin, amount in savings.items())


def test_earn_records_are_the_moves_of_the_ledger(main: Caller, box: Sandbox) -> None:
    """Within three months: interest is one to one, a redemption may be in several products."""
    span = quarter(main)
    rows = [
        row
        for period in ("flexible", "fixed")
        for row in main.data(SAVINGS, periodType=period, limit=100, **span)["resultList"]
    ]
    since = datetime.fromtimestamp(span["startTime"] / 1000, UTC)
    recent = [
        move
        for move in box.truth("bitget-main")["movements"]
        if datetime.fromisoformat(move["at"]) >= since
    ]
    paid = [Decimal(row["amount"]) for row in rows if row["orderType"] == "pay_interest"]
    interest = [Decimal(m["amount"]) for m in recent if m["kind"] == "interest"]
    spot = [
        amount for amount, m in zip(interest, [m for m in recent if m["kind"] == "interest"],
                                    strict=True)
        if m["wallet"] == "spot" and amount > 0
    ]  # fmt: skip
    assert paid and sorted(paid) == sorted(spot)
    sharks = [
        row
        for kind in ("subscription", "redemption")
        for row in main.data(SHARKFIN, type=kind, limit=100, **span)["resultList"]
    ]
    words = {"subscribe": 1, "redeem": -1, "subscription": 1, "redemption": -1}
    net = sum(
        words[row.get("orderType") or row["type"]] * Decimal(row["amount"])
        for row in [*rows, *sharks]
        if row.get("orderType") != "pay_interest"
    )
    assert net == sum(Decimal(m["amount"]) for m in recent if m["wallet"] == "earn")


def test_loans_are_closed_or_open(main: Caller) -> None:
    def loans(name: str, **params: Any) -> list[dict[str, str]]:
        rows: list[dict[str, str]] = main.data(LOANS + name, pageSize=100, **params)
        return rows

    span = quarter(main)
    closed, repaid = loans("borrow-history", **span), loans("repay-history", **span)
    ongoing = loans("ongoing-orders")
    assert ongoing and repaid
    assert {row["status"] for row in closed} <= {"REPAY"}
    assert {row["orderId"] for row in closed} <= {row["orderId"] for row in repaid}
    assert not {row["orderId"] for row in closed} & {row["orderId"] for row in ongoing}
    for row in repaid:
        whole = Decimal(row["repayLoanAmount"]) + Decimal(row["payInterest"])
        assert Decimal(row["repayAmount"]) == whole
    assert loans("reduces", **span) == []
    assert [*loans("ongoing-orders", pageNo=2)] == []


def test_lists_of_loans_go_by_page_number_and_three_months(main: Caller) -> None:
    path = f"{LOANS}repay-history"
    span = quarter(main)
    assert code(main, path) == "40019" and code(main, path, startTime=1) == "40019"
    assert code(main, path, **span | {"startTime": span["startTime"] - DAY}) == "40704"
    assert code(main, path, **span, pageSize=101) == "40020"
    assert code(main, path, **span, pageNo=0) == "40020"
    pages = [main.data(path, **span, pageSize=1, pageNo=n + 1) for n in range(3)]
    whole = main.data(path, **span, pageSize=100)
    assert [row for page in pages for row in page] == whole[:3]


def test_wallets_of_p2p_and_bots_hold_what_was_moved_there(main: Caller, box: Sandbox) -> None:
    truth = box.truth("bitget-main")["balances"]
    funding = main.data("/api/v2/account/funding-assets")
    assert {row["coin"]: Decimal(row["available"]) for row in funding} == {
        coin: Decimal(amount) for coin, amount in truth["p2p"].items() if Decimal(amount)
    }
    assert {row["frozen"] for row in funding} <= {""}
    bots = main.data(BOTS, accountType="spot")
    assert {row["coin"]: Decimal(row["equity"]) for row in bots} == {
        coin: Decimal(amount) for coin, amount in truth["bots"].items() if Decimal(amount)
    }
    assert main.data(BOTS, accountType="futures") == []


def test_copy_trading_lists_depend_on_the_role(main: Caller, box: Sandbox) -> None:
    assert code(main, LED, productType="USDT-FUTURES", **quarter(main)) == "40025"
    copied = [
        row
        for product in ("USDT-FUTURES", "USDC-FUTURES", "COIN-FUTURES")
        for row in ever(main, COPIED, "trackingList", "trackingNo", productType=product)
    ]
    spot = ever(main, COPIED_SPOT, "trackingList", "trackingNo")
    counts = box.truth("bitget-main")["counts"]
    assert len(copied) == counts["copied_positions"] > 0
    assert len(spot) == counts["copied_spot_orders"] > 0
    assert code(main, COPIED_SPOT, limit=51) == "40020"


def test_a_trader_and_a_merchant_have_lists_of_their_own() -> None:
    options = {"bitget.trader": True, "bitget.merchant": True}
    with Sandbox(size=700, seed=5, now=NOW, exchanges=["bitget"], options=options) as running:
        caller = Caller(running)
        assert caller.data("/api/v2/spot/account/info")["traderType"] == "trader"
        led = ever(caller, LED, "trackingList", "trackingNo", productType="USDT-FUTURES")
        copied = ever(caller, COPIED, "trackingList", "trackingNo", productType="USDT-FUTURES")
        assert led
        assert not {r["trackingNo"] for r in led} & {r["trackingNo"] for r in copied} or not copied
        orders = ever(caller, P2P, "orderList", "orderId")
        assert orders and {row["status"] for row in orders} <= {"cancelled", "pending_pay"}


def test_whoever_is_no_merchant_has_no_p2p_orders(main: Caller) -> None:
    assert main.data(P2P, **quarter(main))["orderList"] == []


@pytest.mark.parametrize(
    ("path", "right"),
    [
        (SUB_MOVES, "sub-account read"), (f"{LOANS}ongoing-orders", "pledge loan read"),
        (COPIED, "copy trading read"), (P2P, "P2P read"),
    ],
)  # fmt: skip
def test_rights(box: Sandbox, path: str, right: str) -> None:
    for label in ("bitget-narrow", "bitget-tax"):
        answer = Caller(box, label).get(path).json()
        assert answer["code"] == "40014" and right in answer["msg"]
    assert code(Caller(box, "bitget-narrow"), "/api/v2/earn/account/assets") == "00000"
    assert code(Caller(box, "bitget-tax"), "/api/v2/earn/account/assets") == "40014"


def test_isolated_margin_fills_are_requested_per_pair(main: Caller) -> None:
    path = "/api/v2/margin/isolated/fills"
    assert code(main, path, **quarter(main)) == "40019"
    assert code(main, path, symbol="BTCUSDT") == "40019"
    reported = main.data(path, symbol="BTCUSDT", **quarter(main))
    assert reported == {"fills": [], "maxId": "0", "minId": "0"}
