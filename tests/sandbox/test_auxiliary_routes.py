"""Auxiliary routes of general clients agree with the histories, and have the same refusals.

They are single records, open orders, fees, positions and public lists.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import requests

from pipelines.exchanges.bitget.spec import SPEC as BITGET
from pipelines.sandbox.engine.clock import from_ms, to_ms
from pipelines.sandbox.engine.server import Sandbox
from tests.sandbox.bitget_caller import Caller as BitgetCaller
from tests.sandbox.test_bigone import Caller as BigoneCaller
from tests.sandbox.test_bitmart import Caller as BitmartCaller
from tests.sandbox.test_bitmex import Client as BitmexCaller

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)
NOW_MS = to_ms(NOW)
DAY = 86_400_000
SPOT = "/api/v2/spot"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(size=900, now=NOW, years=1.2) as running:
        yield running


@pytest.fixture(autouse=True)
def put_back(box: Sandbox) -> Iterator[None]:
    yield
    box.set_now(NOW)


def said(answer: requests.Response) -> tuple[int, object]:
    body = answer.json()
    return answer.status_code, body.get("code", body.get("anomaly"))


# -- BitMart


def test_bitmart_returns_one_transfer_by_its_id(box: Sandbox) -> None:
    main = BitmartCaller(box)
    requested = {"N": 1000, "startTime": NOW_MS - 80 * DAY, "endTime": NOW_MS}
    for kind, name in (("deposit", "deposit_id"), ("withdraw", "withdraw_id")):
        answer = main.get("/account/v2/deposit-withdraw/history", operation_type=kind, **requested)
        rows = answer.json()["data"]["records"]
        assert rows
        for row in rows:
            one = main.get("/account/v1/deposit-withdraw/detail", id=row[name])
            assert one.json()["data"]["record"] == row
    assert said(main.get("/account/v1/deposit-withdraw/detail", id="1")) == (400, 60010)
    assert said(main.get("/account/v1/deposit-withdraw/detail")) == (400, 60000)
    sub = BitmartCaller(box, "bitmart-sub")
    assert said(sub.get("/account/v1/deposit-withdraw/detail", id="1")) == (403, 60026)


def test_bitmart_accepts_coins_with_and_without_network(box: Sandbox) -> None:
    main = BitmartCaller(box)
    requested = {
        "operation_type": "deposit", "N": 1000, "startTime": NOW_MS - 80 * DAY, "endTime": NOW_MS,
    }  # fmt: skip
    path = "/account/v2/deposit-withdraw/history"
    every = main.get(path, **requested).json()["data"]["records"]
    coins = {row["currency"] for row in every}
    suffixed = next(coin for coin in coins if coin.startswith("USDT-"))
    for coin in (suffixed, "USDT"):
        rows = main.get(path, currency=coin, **requested).json()["data"]["records"]
        assert rows == [r for r in every if coin in (r["currency"], r["currency"].split("-")[0])]
        assert rows


def test_bitmart_orders_are_open_until_their_last_fill(box: Sandbox) -> None:
    main = BitmartCaller(box)
    span = {"startTime": NOW_MS - 89 * DAY, "endTime": NOW_MS}
    orders = main.post("/spot/v4/query/history-orders", span).json()["data"]
    order = max(orders, key=lambda o: o["updateTime"] - o["createTime"])
    one = main.post("/spot/v4/query/order", {"orderId": order["orderId"]})
    assert one.json()["data"] == order
    by_client = main.post(
        "/spot/v4/query/client-order", {"clientOrderId": order["clientOrderId"]}
    )
    assert by_client.json()["data"] == order
    still = main.post("/spot/v4/query/order", {"orderId": order["orderId"], "queryState": "open"})
    assert said(still) == (400, 50005)
    box.set_now(from_ms(order["updateTime"] - 1))
    (found,) = main.post("/spot/v4/query/open-orders", {}).json()["data"]
    assert found["orderId"] == order["orderId"]
    assert found["state"] in ("new", "partially_filled")
    assert Decimal(found["filledSize"]) < Decimal(order["filledSize"])
    earlier = {"startTime": NOW_MS - 89 * DAY, "endTime": order["createTime"]}
    before = main.post("/spot/v4/query/history-orders", earlier).json()["data"]
    assert order["orderId"] not in {row["orderId"] for row in before}


def test_bitmart_returns_fees_of_traded_pairs(box: Sandbox) -> None:
    main = BitmartCaller(box)
    fees = main.get("/spot/v1/trade_fee", symbol="BTC_USDT").json()["data"]
    assert {"buy_taker_fee_rate", "sell_taker_fee_rate", "buy_maker_fee_rate",
            "sell_maker_fee_rate"} <= set(fees)  # fmt: skip
    assert said(main.get("/spot/v1/trade_fee", symbol="BTCUSDT")) == (400, 50001)
    fees = main.get("/contract/private/trade-fee-rate", symbol="BTCUSDT").json()["data"]
    assert {"taker_fee_rate", "maker_fee_rate"} <= set(fees)


@pytest.mark.parametrize(
    "path",
    ["/spot/v1/trades", "/spot/v2/trades", "/spot/v3/orders", "/spot/v2/order_detail",
     "/account/v1/deposit-withdraw/history"],
)  # fmt: skip
def test_bitmart_says_of_withdrawn_routes_that_they_are(box: Sandbox, path: str) -> None:
    assert said(BitmartCaller(box).get(path)) == (200, 30031)


def test_bitmart_positions_are_the_same_by_all_three_routes(box: Sandbox) -> None:
    main = BitmartCaller(box)
    for days in range(0, 60, 4):
        box.set_now(NOW - timedelta(days=days))
        old = main.get("/contract/private/position").json()["data"]
        new = main.get("/contract/private/position-v2").json()["data"]
        risk = main.get("/contract/private/position-risk").json()["data"]
        sizes = [(p["symbol"], p["current_amount"]) for p in old]
        assert sizes == [(p["symbol"], p["position_amount"]) for p in new]
        assert sizes == [(p["symbol"], p["position_amt"]) for p in risk]
        sides = {1: "long", 2: "short"}
        assert [sides[p["position_type"]] for p in old] == [p["position_side"] for p in new]
        # A named contract has a row a side, whether anything is held or not.
        both = main.get("/contract/private/position-v2", symbol="BTCUSDT").json()["data"]
        assert {p["position_side"] for p in both} == {"long", "short"}


def test_bitmart_lists_sub_accounts_only_to_their_main_account(box: Sandbox) -> None:
    owner, sub, main = (
        BitmartCaller(box, f"bitmart-{n}") for n in ("organisation", "sub", "trading")
    )
    path, futures = "/account/sub-account/main/v1", "/account/contract/sub-account/main/v1"
    held = owner.get(f"{path}/wallet", subAccount="sub1@example.com").json()["data"]["wallet"]
    own = sub.get("/account/v1/wallet").json()["data"]["wallet"]
    assert [row["currency"] for row in held] == [row["currency"] for row in own]
    moves = owner.get(
        f"{path}/transfer-list", moveType="spot to spot", N=100, accountName="sub1@example.com"
    ).json()["data"]
    mine = sub.get(
        "/account/sub-account/v1/transfer-history", moveType="spot to spot", N=100
    ).json()["data"]
    assert moves == mine and moves["total"] == 3
    rows = owner.get(f"{futures}/transfer-list", subAccount="sub1@example.com", limit=100)
    assert len(rows.json()["data"]) == 1
    assert said(owner.get(f"{path}/wallet", subAccount="nobody@example.com")) == (400, 61003)
    assert said(sub.get(f"{path}/wallet", subAccount="sub1@example.com")) == (403, 60026)
    assert said(main.get(f"{path}/wallet", subAccount="sub1@example.com")) == (403, 61006)


def test_bitmart_refusals_have_limit_headers() -> None:
    with Sandbox(now=NOW, pace=1.0, exchanges=["bitmart"]) as box:
        main = BitmartCaller(box)
        answers = [main.get("/spot/v1/user_fee") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        for answer, used in zip(answers, ("1", "2", "3"), strict=True):
            assert answer.headers["X-BM-RateLimit-Remaining"] == used
            assert answer.headers["X-BM-RateLimit-Limit"] == "2"
            assert answer.headers["X-BM-RateLimit-Reset"] == "2"


def test_bitmart_moves_to_futures_keep_to_their_span(box: Sandbox) -> None:
    caller = BitmartCaller(box, "bitmart-trading")
    path, whole = "/account/v1/transfer-contract-list", {"page": 1, "limit": 100}
    every = caller.post(path, whole).json()["data"]["records"]
    times = [row["timestamp"] for row in every]
    assert len(every) > 3 and times == sorted(times, reverse=True)
    start, end = times[-2], times[1]
    part = caller.post(path, {**whole, "time_start": start, "time_end": end})
    assert part.json()["data"]["records"] == every[1:-1]
    after = caller.post(path, {**whole, "time_start": times[0]}).json()["data"]["records"]
    assert after == every[:1]
    assert caller.post(path, {**whole, "currency": "BTC"}).json()["data"]["records"] == []
    assert said(caller.post(path, {**whole, "time_start": end, "time_end": start})) == (400, 60000)


def test_bitmart_returns_futures_by_order(box: Sandbox) -> None:
    main = BitmartCaller(box)
    span = {"start_time": (NOW_MS - 80 * DAY) // 1_000, "end_time": NOW_MS // 1_000}
    fills = main.get("/contract/private/trades", **span).json()["data"]
    order = fills[len(fills) // 2]["order_id"]
    reported = main.get("/contract/private/trades", order_id=order, **span).json()["data"]
    assert reported == [fill for fill in fills if fill["order_id"] == order]
    assert len(reported) < len(fills)
    path, requested = "/contract/private/order-history", {"symbol": fills[0]["symbol"], **span}
    orders = main.get(path, **requested).json()["data"]
    assert main.get(path, order_id=orders[0]["order_id"], **requested).json()["data"] == orders[:1]
    for name in ("order_id", "client_order_id"):
        assert main.get(path, **{name: "1"}, **requested).json()["data"] is None


def test_bitmart_public_lists_need_no_key(box: Sandbox) -> None:
    base = box.account("bitmart-main")["base_url"]
    coins = requests.get(f"{base}/spot/v1/currencies", timeout=9).json()["data"]["currencies"]
    assert {"id", "name", "withdraw_enabled", "deposit_enabled"} == set(coins[0])
    (row,) = requests.get(f"{base}/system/service", timeout=9).json()["data"]["service"]
    assert row["status"] == "2" and row["end_time"] > row["start_time"]
    one = requests.get(f"{base}/contract/public/details?symbol=ETHUSDT", timeout=9).json()
    assert [c["symbol"] for c in one["data"]["symbols"]] == ["ETHUSDT"]


# -- BigONE


def test_bigone_returns_single_items_like_its_lists(box: Sandbox) -> None:
    main = BigoneCaller(box)
    api, convert, contract = "/api/v3/viewer", "/sapi/v1/convert/viewer", "/api/contract/v2"
    for path in ("accounts", "fund/accounts"):
        for row in main.data(f"{api}/{path}"):
            assert main.data(f"{api}/{path}/{row['asset_symbol']}") == row
        assert said(main.get(f"{api}/{path}/NOSUCH")) == (404, 10013)
    order = main.data(f"{api}/orders", asset_pair_name="BTC-USDT", state="ALL", limit=200)[-1]
    assert main.data(f"{api}/orders/{order['id']}") == order
    assert main.data(f"{api}/order", order_id=order["id"]) == order
    gone = main.data(f"{api}/withdrawals")[0]
    assert main.data(f"{api}/withdrawals/{gone['id']}") == gone
    swap = main.data(f"{convert}/trades")[0]
    assert main.data(f"{convert}/trade", id=swap["id"]) == swap
    assert main.data(f"{convert}/trade", quote_id=swap["quote_id"]) == swap
    deal = main.data(f"{contract}/orders")[0]
    one = main.get(f"{contract}/orders/{deal['id']}").json(parse_float=Decimal)
    assert one == deal
    for path in (f"{api}/orders/1", f"{api}/withdrawals/1", f"{convert}/trade?id=1"):
        assert said(main.get(path)) == (404, 10013)
    assert said(main.get(f"{api}/transfer", guid="0")) == (404, 10013)
    assert said(main.get(f"{contract}/orders/none")) == (400, "anomaly.request/invalid-params")


def test_bigone_addresses_have_a_chain_and_scopes_apply(box: Sandbox) -> None:
    rows = BigoneCaller(box).data("/api/v3/viewer/assets/USDT/address")
    assert rows and all({"id", "chain", "value", "memo"} == set(row) for row in rows)
    narrow = BigoneCaller(box, "bigone-narrow")
    for path in ("/api/v3/viewer/withdrawals/1", "/api/contract/v2/orders/opening"):
        assert said(narrow.get(path)) == (403, 10403)


def test_bigone_contract_lists_keep_to_their_filters(box: Sandbox) -> None:
    main, base = BigoneCaller(box), "/api/contract/v2"
    every = main.data(f"{base}/trades")
    (last,) = main.data(f"{base}/trades", limit=1)
    assert last == every[0]
    for name in ("symbol", "side"):
        field = {"symbol": "BTCUSD", "side": "FUNDING"}[name]
        rows = main.data(f"{base}/trades", **{name: field})
        assert rows and {row[name] for row in rows} == {field}
        assert main.get(f"{base}/trades/count", **{name: field}).json()["count"] >= len(rows)
    middle = every[len(every) // 2]["ts"]
    spans = {"start-time": middle, "end-time": main.now}
    orders = main.data(f"{base}/orders")
    assert main.data(f"{base}/orders", **spans) == [o for o in orders if o["ts"] >= middle]
    cursor = {"id": orders[3]["id"], "end-time": 1}
    assert main.data(f"{base}/orders", **cursor)[0] == orders[4]  # the cursor outdoes the time
    opening = main.data(f"{base}/orders/opening")
    assert main.get(f"{base}/orders/opening/count").json() == {"count": len(opening)}
    assert {row["status"] for row in opening} <= {"NEW", "PARTIALLY_FILLED"}


def test_bigone_takes_a_doubled_slash_for_one(box: Sandbox) -> None:
    base = box.account("bigone-main")["base_url"]
    paths = ("/api/v3/assets", "/api//v3/assets")
    plain, doubled = (requests.get(base + path, timeout=9) for path in paths)
    assert plain.status_code == 200 and doubled.json() == plain.json()
    main = BigoneCaller(box)
    assert main.get("/api//v3/viewer/deposits").status_code == 200


def test_bigone_convert_has_three_limit_headers(box: Sandbox) -> None:
    answer = BigoneCaller(box).get("/sapi/v1/convert/viewer/trades")
    assert answer.headers["X-RateLimit-Limit"] == "50"
    assert int(answer.headers["X-RateLimit-Remaining"]) < 50
    assert int(answer.headers["X-RateLimit-Reset"]) >= NOW_MS // 1_000


def test_bigone_reading_a_waiting_order_does_not_change_it(box: Sandbox) -> None:
    main = BigoneCaller(box)
    before = main.data("/api/v3/viewer/orders", asset_pair_name="BTC-USDT")
    box.advance(timedelta(minutes=5))
    assert before and main.data("/api/v3/viewer/orders", asset_pair_name="BTC-USDT") == before


def test_bigone_undocumented_states_are_refused(box: Sandbox) -> None:
    main = BigoneCaller(box)
    requested = {"asset_pair_name": "BTC-USDT", "state": "FILLED"}
    assert said(main.get("/api/v3/viewer/orders", **requested)) == (400, 10007)
    assert requests.get(
        box.account("bigone-main")["base_url"] + "/api/contract/v2/instruments", timeout=9
    ).json()[0]["symbol"]


# -- BitMEX


def test_bitmex_reports_on_orders_are_the_executions_and_the_rest(box: Sandbox) -> None:
    main = BitmexCaller(box)
    moved = main.paginate("/execution/tradeHistory", 500)
    every = main.paginate("/execution", 500)
    assert len({row["execID"] for row in every}) == len(every)
    assert [row for row in every if row["execType"] in ("Trade", "Funding", "Settlement")] == moved
    orders = main.paginate("/order", 500)
    by_type = {kind: {r["orderID"] for r in every if r["execType"] == kind}
               for kind in ("New", "Canceled", "Rejected")}  # fmt: skip
    for status in ("Canceled", "Rejected"):
        assert by_type[status] == {o["orderID"] for o in orders if o["ordStatus"] == status}
    assert {o["orderID"] for o in orders if o["ordStatus"] != "Rejected"} <= by_type["New"]
    times = [row["timestamp"] for row in every]
    assert times == sorted(times)
    only = main.get("/execution", count=500, filter=json.dumps({"execType": "Rejected"}))
    assert {row["orderID"] for row in only} == by_type["Rejected"]


def test_bitmex_events_are_an_object_with_counts(box: Sandbox) -> None:
    main = BitmexCaller(box)
    reported = main.get("/userEvent", count=500)["userEvents"]
    rows = main.get("/user/walletHistory", currency="all", count=10_000)
    deposits = [r for r in rows if r["transactType"] == "Deposit"]
    assert sum(event["type"] == "depositConfirmed" for event in reported) == len(deposits) > 0
    assert [event["id"] for event in reported] == list(range(1, len(reported) + 1))
    assert main.get("/userEvent", count=2, startId=3)["userEvents"] == reported[2:4]


def test_bitmex_smaller_reads_have_their_documented_shapes(box: Sandbox) -> None:
    main = BitmexCaller(box)
    fees = main.get("/user/commission")
    assert {"maxFee", "makerFee", "takerFee", "settlementFee"} == set(fees["XBTUSD"])
    (volume,) = main.get("/user/tradingVolume")
    assert volume["advUsd"] == pytest.approx(volume["advUsdSpot"] + volume["advUsdContract"])
    requested = {"currency": "XBt", "network": "btc"}
    address = main.get("/user/depositAddress", **requested)
    assert isinstance(address, str)
    reported = main.get("/user/depositAddressInformation", **requested)
    assert reported == {"address": address, "memo": None}
    assert main.ask("/user/depositAddress", currency="XBt").status_code == 400
    for route in ("/user/csa", "/user/unstakingRequests", "/user/getWalletTransferAccounts"):
        assert main.get(route) == []
    for route in ("/execution", "/userEvent", "/user/commission"):
        assert main.ask(route, headers={}).status_code == 401


# -- Bitget


def test_bitget_orders_include_orders_without_fills(box: Sandbox) -> None:
    main = BitgetCaller(box)
    fills = main.data(f"{SPOT}/trade/fills", limit=100)
    orders: list[dict[str, str]] = []
    below: dict[str, str] = {}
    while page := main.data(f"{SPOT}/trade/history-orders", limit=50, **below):
        orders += page
        below = {"idLessThan": page[-1]["orderId"]}
    assert len({order["orderId"] for order in orders}) == len(orders)
    filled = {o["orderId"]: o for o in orders if o["status"] == "filled"}
    newest = fills[0]
    whole = [fill for fill in fills if fill["orderId"] == newest["orderId"]]
    order = filled[newest["orderId"]]
    assert Decimal(order["baseVolume"]) == sum(Decimal(fill["size"]) for fill in whole)
    detail = json.loads(order["feeDetail"], parse_float=Decimal)
    coin = newest["feeDetail"]["feeCoin"]
    paid = sum(Decimal(fill["feeDetail"]["totalFee"]) for fill in whole)
    assert Decimal(detail[coin]["totalFee"]) == detail["newFees"]["t"] == paid
    nothing = [o for o in orders if o["status"] == "cancelled"]
    assert nothing and all(o["feeDetail"] == "" == o["baseVolume"].strip("0.") for o in nothing)
    assert int(orders[-1]["cTime"]) >= NOW_MS - 90 * DAY


def test_bitget_refuses_a_start_before_the_retention(box: Sandbox) -> None:
    main = BitgetCaller(box)
    old = NOW_MS - 200 * DAY
    for path, code in ((f"{SPOT}/trade/fills", "43111"), (f"{SPOT}/account/bills", "40704"),
                       (f"{SPOT}/trade/history-orders", "43111")):  # fmt: skip
        assert said(main.get(path, startTime=old)) == (400, code)
        assert said(main.get(path, startTime=old, endTime=old + DAY)) == (400, code)
    # Both bounds given and too far apart is the width's own refusal.
    wide = {"startTime": NOW_MS - 91 * DAY, "endTime": NOW_MS}
    assert said(main.get(f"{SPOT}/trade/fills", **wide)) == (400, "00001")


V3, MIX, MARGIN = "/api/v3", "/api/v2/mix", "/api/v2/margin"
USDT_FUTURES = {"productType": "USDT-FUTURES"}
FILTERS = [  # account, path, what must be said besides, parameter → field of the row
    ("bitget-main", f"{SPOT}/wallet/deposit-records", {}, {"coin": "coin", "orderId": "orderId"}),
    ("bitget-main", f"{SPOT}/wallet/withdrawal-records", {}, {"clientOid": "clientOid"}),
    ("bitget-main", f"{SPOT}/account/transferRecords", {"coin": "USDT"},
     {"fromType": "fromType", "clientOid": "clientOid"}),
    ("bitget-main", f"{MIX}/order/fills", USDT_FUTURES, {"symbol": "symbol", "orderId": "orderId"}),
    ("bitget-main", f"{MIX}/order/orders-history", USDT_FUTURES,
     {"symbol": "symbol", "orderId": "orderId", "clientOid": "clientOid"}),
    ("bitget-main", f"{MIX}/position/history-position", {}, {"symbol": "symbol"}),
    *(("bitget-main", f"{MARGIN}/crossed/{name}", {}, {"coin": field}) for name, field in (
        ("financial-records", "coin"), ("borrow-history", "coin"), ("repay-history", "coin"),
        ("interest-history", "loanCoin"))),
    ("bitget-unified", f"{V3}/tax/records", {"bizType": "SPOT"}, {"coin": "coin"}),
    ("bitget-unified", f"{V3}/account/financial-records", {"category": "SPOT"},
     {"coin": "coin", "type": "type"}),
    ("bitget-unified", f"{V3}/trade/fills", {}, {"symbol": "symbol", "orderId": "orderId"}),
    ("bitget-unified", f"{V3}/trade/history-orders", {"category": "SPOT"}, {"symbol": "symbol"}),
    ("bitget-unified", f"{V3}/account/deposit-records", {}, {"coin": "coin", "orderId": "orderId"}),
    ("bitget-unified", f"{V3}/account/withdrawal-records", {}, {"coin": "coin"}),
    ("bitget-unified", f"{V3}/account/convert-records", {},
     {"fromCoin": "fromCoin", "toCoin": "toCoin"}),
    ("bitget-unified", f"{V3}/account/sub-transfer-record", {}, {"coin": "coin"}),
]  # fmt: skip


@pytest.mark.parametrize(("label", "path", "besides", "fields"), FILTERS)
def test_bitget_lists_keep_to_their_filters(
    label: str, path: str, besides: dict[str, str], fields: dict[str, str], box: Sandbox
) -> None:
    """A further parameter filters the rows, without regard to case."""
    caller = BitgetCaller(box, label)
    stream = next(stream for stream in BITGET.streams if stream.path == path)
    width = int((stream.max_window or timedelta(days=90)).total_seconds()) * 1_000 - 1
    reach = int((stream.retention or timedelta(days=400)).total_seconds()) * 1_000

    def rows(start: int, end: int, **more: str) -> list[dict[str, str]]:
        data = caller.data(path, startTime=start, endTime=end, limit=100, **besides, **more)
        lists = data.values() if isinstance(data, dict) else [data]
        found: list[dict[str, str]] = next(part for part in lists if isinstance(part, list))
        return found

    seen = dict.fromkeys(fields, 0)
    for days_ago in range(0, 400, 60):
        box.set_now(NOW - timedelta(days=days_ago))
        now = caller.now
        for end in range(now, now - reach, -width):
            span = max(end - width, now - reach), end
            whole = rows(*span)
            if len(whole) == 100:
                continue  # there may be more of them than a page has
            for name, field in fields.items():
                for value in {row[field].upper() for row in whole if row[field]}:
                    narrow = [row for row in whole if row[field].upper() == value]
                    assert rows(*span, **{name: value}) == narrow, (name, value)
                    assert rows(*span, **{name: value.lower()}) == narrow, (name, value)
                    seen[name] += 1
            for name in fields.keys() - {"symbol"}:
                assert rows(*span, **{name: "987654321"}) == []
        if all(seen.values()):
            return
    raise AssertionError(f"some filters were never tried: {seen}")


def test_bitget_closed_positions_default_to_usdt(box: Sandbox) -> None:
    main = BitgetCaller(box)
    path = f"{MIX}/position/history-position"
    requested = {"startTime": NOW_MS - 89 * DAY, "endTime": NOW_MS, "limit": 100}
    of_usdt = main.data(path, **USDT_FUTURES, **requested)["list"]
    assert main.data(path, **requested)["list"] == of_usdt and of_usdt
    symbol = of_usdt[0]["symbol"]
    of_symbol = main.data(path, productType="COIN-FUTURES", symbol=symbol, **requested)["list"]
    assert of_symbol == [row for row in of_usdt if row["symbol"] == symbol]


def test_bitget_accepts_a_span_of_ninety_days(box: Sandbox) -> None:
    """Ninety days before the request, which is slightly earlier than the response."""
    main = BitgetCaller(box)
    path = f"{MARGIN}/crossed/interest-history"
    start = NOW_MS - 90 * DAY - 20
    assert said(main.get(path, startTime=start)) == (200, "00000")
    assert said(main.get(path, startTime=start, endTime=NOW_MS)) == (400, "00001")
    assert said(main.get(path, startTime=start - DAY)) == (400, "00001")


def test_bitget_has_no_contracts_for_play_money(box: Sandbox) -> None:
    base = box.account("bitget-main")["base_url"]
    for product in ("SUSDT-FUTURES", "SCOIN-FUTURES", "SUSDC-FUTURES"):
        answer = requests.get(
            f"{base}/api/v2/mix/market/contracts", {"productType": product}, timeout=9
        )
        assert said(answer) == (200, "00000") and answer.json()["data"] == []


def test_bitget_accepts_listed_and_delisted_pairs(box: Sandbox) -> None:
    main = BitgetCaller(box)
    base = main.account["base_url"]
    pairs = requests.get(f"{base}{SPOT}/public/symbols", timeout=9).json()["data"]
    for pair in [*(row["symbol"] for row in pairs), "MOONXUSDT"]:
        assert main.get(f"{SPOT}/trade/fills", symbol=pair).status_code == 200
    assert said(main.get(f"{SPOT}/trade/fills", symbol="NOSUCH")) == (400, "40034")


def test_bitget_lists_a_unified_accounts_instruments_to_anybody(box: Sandbox) -> None:
    base = box.account("bitget-unified")["base_url"] + "/api/v3/market/instruments"
    spot = requests.get(base, params={"category": "spot"}, timeout=9).json()["data"]
    assert {row["category"] for row in spot} == {"SPOT"}
    assert {"BTCUSDT", "ETHBTC"} <= {row["symbol"] for row in spot}
    futures = requests.get(base, params={"category": "USDT-FUTURES"}, timeout=9).json()
    assert futures["code"] == "00000" and futures["data"] == []
    assert said(requests.get(base, timeout=9)) == (400, "40019")
    # An unknown route returns the same error with any key.
    unknown = base.replace("instruments", "nothing-of-that-name")
    assert said(requests.get(unknown, timeout=9)) == (404, "40404")


def test_bitget_v3_answers_spell_msg_and_the_classic_assets_message(box: Sandbox) -> None:
    unified = BitgetCaller(box, "bitget-unified").get("/api/v3/account/assets").json()
    assert unified["msg"] == "success" and "message" not in unified
    classic = BitgetCaller(box).get(f"{SPOT}/account/assets").json()
    assert classic["message"] == "success" and "msg" not in classic


def test_bitget_conversions_and_wallets_match_the_history(box: Sandbox) -> None:
    main = BitgetCaller(box)
    got: list[str] = []
    for days in range(0, 440, 80):
        span = {"startTime": NOW_MS - (days + 80) * DAY, "endTime": NOW_MS - days * DAY - 1}
        for row in main.data("/api/v2/convert/convert-record", limit=100, **span)["dataList"]:
            got.append(row["toCoinSize"])
        for row in main.data("/api/v2/convert/bgb-convert-records", limit=100, **span):
            got.append(row["toAmount"])
    truth = box.truth("bitget-main")
    legs = [move for move in truth["movements"] if move["kind"] == "conversion"]
    received = [Decimal(move["amount"]) for move in legs if Decimal(move["amount"]) > 0]
    assert legs and sorted(map(Decimal, got)) == sorted(received)
    wide = {"startTime": NOW_MS - 91 * DAY, "endTime": NOW_MS}
    assert said(main.get("/api/v2/convert/convert-record", **wide)) == (400, "00001")
    assert said(main.get("/api/v2/convert/convert-record")) == (400, "40019")
    in_bots = main.data("/api/v2/account/bot-assets", accountType="spot")
    for rows, wallet, field in (
        (main.data("/api/v2/account/funding-assets"), "p2p", "available"),
        (in_bots, "bots", "equity"),
    ):
        held = {row["coin"]: Decimal(row[field]) for row in rows}
        known = truth["balances"].get(wallet, {})
        assert held == {c: Decimal(a) for c, a in known.items() if Decimal(a)}
    assert main.data("/api/v2/account/bot-assets", accountType="futures") == []
    alone = BitgetCaller(box, "bitget-second")
    assert alone.data(f"{SPOT}/account/sub-main-trans-record") == []
    path = f"{SPOT}/wallet/subaccount-deposit-records"
    assert said(main.get(path)) == (400, "40019")
    assert said(BitgetCaller(box, "bitget-narrow").get(f"{SPOT}/trade/history-orders")) == (
        400, "40014",
    )  # fmt: skip
