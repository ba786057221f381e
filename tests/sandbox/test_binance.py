"""Binance's simulator: what its documentation says, over HTTP."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from pipelines.sandbox.binance import simulator
from pipelines.sandbox.engine.account import DAY, MINUTE
from pipelines.sandbox.engine.adapter import Call, Card
from pipelines.sandbox.engine.clock import to_ms
from pipelines.sandbox.engine.server import Sandbox
from pipelines.sandbox.engine.wire import Refusal, Request, Route

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
API, SAPI = "/api/v3", "/sapi/v1"
FILLS, DEPOSITS = f"{API}/myTrades", f"{SAPI}/capital/deposit/hisrec"
WITHDRAWALS, TRANSFERS = f"{SAPI}/capital/withdraw/history", f"{SAPI}/asset/transfer"
CONVERT, DUST = f"{SAPI}/convert/tradeFlow", f"{SAPI}/asset/dribblet"
DIVIDENDS, SNAPSHOT = f"{SAPI}/asset/assetDividend", f"{SAPI}/accountSnapshot"
FIAT, PAYMENTS = f"{SAPI}/fiat/orders", f"{SAPI}/fiat/payments"
P2P = f"{SAPI}/c2c/orderMatch/listUserOrderHistory"
PUBLISHED_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
PUBLISHED_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
ORDER = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
VECTORS = (
    ("LTCBTC", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
    ("%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96",
     "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
)  # fmt: skip


class Caller:
    def __init__(self, box: Sandbox, label: str = "binance-main") -> None:
        self.account, self.now = box.account(label), box.shell.clock.now_ms()
        self.opened = to_ms(
            datetime.fromisoformat(box.truth(label, parts=frozenset())["opened_at"])
        )
        box.shell.adapters["binance"]._counts.clear()  # type: ignore[attr-defined]

    def get(self, path: str, method: str = "GET", **params: Any) -> requests.Response:
        given = {"timestamp": self.now} | params
        query = "&".join(f"{name}={value}" for name, value in given.items() if value is not None)
        mac = hmac.new(self.account["secret"].encode(), query.encode(), hashlib.sha256)
        url = f"{self.account['base_url']}{path}?{query}&signature={mac.hexdigest()}"
        return requests.request(
            method, url, headers={"X-MBX-APIKEY": self.account["key"]}, timeout=10
        )

    def data(self, path: str, **params: Any) -> Any:
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def code(self, path: str, **params: Any) -> int:
        return int(self.get(path, **params).json()["code"])

    def windows(self, days: int) -> Iterator[dict[str, int]]:
        for start in range(self.opened, self.now + 1, days * DAY):
            yield {"startTime": start, "endTime": min(self.now, start + days * DAY - 1)}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(now=NOW, exchanges=["binance"], size=6_600, years=2.0) as running:
        yield running


@pytest.fixture
def call(box: Sandbox) -> Caller:
    return Caller(box)


# -- keys and signatures


def published_request(symbol: str, signature: str, late: int = 0) -> Request:
    query = f"symbol={symbol}&{ORDER}&timestamp=1499827319559&signature={signature}"
    call = Call("POST", "/sapi/v1/order", "", query, {"x-mbx-apikey": PUBLISHED_KEY}, "")
    route = Route("/sapi/v1/order", lambda request: None)
    return Request(call, route, 1499827319559 + late, call.params())


CARD = Card(exchange="binance", label="", key=PUBLISHED_KEY, secret=PUBLISHED_SECRET, uid="",
            profile="", account_id="")  # fmt: skip


@pytest.mark.parametrize(("symbol", "signature"), VECTORS)
def test_published_signatures_are_accepted(symbol: str, signature: str) -> None:
    simulator.verify(published_request(symbol, signature), CARD)
    simulator.verify(published_request(symbol, signature.upper()), CARD)
    with pytest.raises(Refusal, match="not valid"):
        simulator.verify(published_request(symbol, signature[::-1]), CARD)


def test_signature_covers_query_then_body(call: Caller) -> None:
    query, body = f"timestamp={call.now}", "asset=USDT"
    mac = simulator.sign(call.account["secret"], query + body)
    url = f"{call.account['base_url']}{SAPI}/asset/get-funding-asset?{query}"
    headers = {"X-MBX-APIKEY": call.account["key"]}
    for tail, status in ((mac, 200), (mac[::-1], 400)):
        answer = requests.post(url, f"{body}&signature={tail}", headers=headers, timeout=10)
        assert answer.status_code == status, answer.text
    in_query = f"{url}&signature={mac}"
    assert requests.post(in_query, body, headers=headers, timeout=10).status_code == 200


@pytest.mark.parametrize(("shift", "window", "code"), [
    (0, None, 200), (999, None, 200), (1_000, None, -1021), (-5_000, None, 200),
    (-5_001, None, -1021), (-60_000, 60_000, 200), (0, 60_001, -1131),
])  # fmt: skip
def test_timestamp_must_be_within_window(
    call: Caller, shift: int, window: int | None, code: int
) -> None:
    answer = call.get(f"{API}/account", timestamp=call.now + shift, recvWindow=window)
    assert answer.status_code == 200 if code == 200 else answer.json()["code"] == code


def test_microseconds_are_accepted(call: Caller) -> None:
    call.data(f"{API}/account", timestamp=call.now * 1_000)


def test_checks_come_in_documented_order(call: Caller, box: Sandbox) -> None:
    url, old = call.account["base_url"] + FILLS, "timestamp=1"
    for key, query, status, code in (
        ("", old, 401, -2014), ("short", old, 401, -2014), ("a" * 64, old, 401, -2008),
        (box.account("binance-disabled")["key"], old, 401, -2015),
        (box.account("binance-ip-bound")["key"], old, 401, -2015),
        (call.account["key"], f"{old}&signature=0", 400, -1102),
        (call.account["key"], f"symbol=BTCUSDT&{old}&coin=B&signature=0", 400, -1104),
        (call.account["key"], f"symbol=BTCUSDT&{old}", 400, -1102),
        (call.account["key"], f"symbol=BTCUSDT&{old}&signature=0", 400, -1021),
        (call.account["key"], f"symbol=BTCUSDT&timestamp={call.now}&signature=0", 400, -1022),
    ):  # fmt: skip
        answer = requests.get(f"{url}?{query}", headers={"X-MBX-APIKEY": key}, timeout=10)
        assert (answer.status_code, answer.json()["code"]) == (status, code), query
    wide = {"startTime": call.now - 3 * DAY, "endTime": call.now}
    assert call.code(FILLS, symbol="NONE", **wide) == -1127
    assert call.code(FILLS, symbol="NONE") == -1121
    assert call.get("/api/v3/nothing").status_code == 404


@pytest.mark.parametrize(("label", "rights"), [
    ("binance-main", set()), ("binance-trading", {"ipRestrict", "enableSpotAndMarginTrading"}),
    ("binance-withdrawing", {"enableWithdrawals", "enableInternalTransfer",
                             "permitsUniversalTransfer"}),
])  # fmt: skip
def test_rights_of_key_are_told(box: Sandbox, label: str, rights: set[str]) -> None:
    reported = Caller(box, label).data(f"{SAPI}/account/apiRestrictions")
    assert {name for name, is_on in reported.items() if is_on is True} == rights | {"enableReading"}


def test_sub_account_lists_no_sub_accounts(box: Sandbox, call: Caller) -> None:
    assert call.data(f"{SAPI}/sub-account/list")["subAccounts"]
    assert Caller(box, "binance-sub").code(f"{SAPI}/sub-account/list") == -9000


# -- limits


def spend(box: Sandbox, weight: int) -> None:
    """Let so much weight of the spot API be used."""
    counts = box.shell.adapters["binance"]._counts  # type: ignore[attr-defined]
    counts.update({k: (n, weight) for k, (n, _) in counts.items() if k[0] is simulator.BY_IP})


def test_weights_are_counted_and_refused() -> None:
    with Sandbox(now=NOW, exchanges=["binance"], size=60, pace=1.0) as box:
        call = Caller(box)
        answer = call.get(WITHDRAWALS)
        assert answer.headers["X-SAPI-USED-UID-WEIGHT-1M"] == "18000"
        assert [call.get(WITHDRAWALS).status_code for _ in range(10)] == [200] * 9 + [429]
        refused = call.get(WITHDRAWALS)
        assert refused.json()["code"] == -1003 and refused.headers["Retry-After"] == "60"
        assert call.get(DEPOSITS).headers["X-SAPI-USED-IP-WEIGHT-1M"] == "1"
        used = [call.get(f"{API}/account").headers["X-MBX-USED-WEIGHT-1M"] for _ in range(2)]
        assert used == ["20", "40"]
        spend(box, 5_960)
        assert [call.get(f"{API}/account").status_code for _ in range(3)] == [200, 200, 429]
        spend(box, 11_990)
        assert call.get(f"{API}/account").status_code == 429
        banned = call.get(f"{API}/account")
        assert banned.status_code == 418 and int(banned.headers["Retry-After"]) > 120
        box.advance(timedelta(minutes=2))
        assert Caller(box).get(f"{API}/account").status_code == 418
        assert Caller(box).get(DEPOSITS).status_code == 200
        box.advance(timedelta(minutes=2))
        assert Caller(box).get(f"{API}/account").status_code == 200


# -- fills


def test_fills_by_id_are_whole_but_for_delisted_pair(call: Caller, box: Sandbox) -> None:
    listed = {m["symbol"] for m in call.data(f"{API}/exchangeInfo", timestamp=None)["symbols"]}
    assert "MOONUSDT" not in listed and call.code(FILLS, symbol="MOONUSDT") == -1121
    assert "OLDUSDT" in listed and call.code(FILLS, symbol="OLDUSDT") == -1121
    found: list[str] = []
    lengths = []
    for symbol in listed - {"OLDUSDT"}:
        start = 0
        while page := call.data(FILLS, symbol=symbol, fromId=start, limit=200):
            assert page[0]["id"] >= start
            found += [f"{symbol}|{row['id']}" for row in page]
            start, lengths = page[-1]["id"] + 1, [*lengths, len(page)]
    assert 199 in lengths, "a short page that is not the last"
    records = {row["record_id"] for row in box.truth("binance-main")["trades"]}
    assert len(found) == len(set(found))
    assert set(found) == {each for each in records if not each.startswith("MOON")}


def test_fills_start_serves_oldest_and_none_newest(call: Caller) -> None:
    oldest = call.data(FILLS, symbol="BTCUSDT", startTime=call.opened, limit=3)
    newest = call.data(FILLS, symbol="BTCUSDT", limit=3)
    before = call.data(FILLS, symbol="BTCUSDT", endTime=newest[0]["time"], limit=3)
    assert [row["id"] for row in oldest] == [100, 103, 106]
    assert before[-1]["id"] >= newest[0]["id"] > oldest[-1]["id"]
    assert len(call.data(FILLS, symbol="BTCUSDT")) == 500
    day = {"startTime": newest[0]["time"], "endTime": newest[0]["time"]}
    assert newest[0] in call.data(FILLS, symbol="BTCUSDT", **day)


@pytest.mark.parametrize(("given", "code"), [
    ({"fromId": 1, "startTime": 1}, -1128), ({"orderId": 1, "endTime": 1}, -1128),
    ({"limit": 1_001}, -1130), ({"limit": "x"}, -1102), ({"startTime": 0, "endTime": DAY}, 200),
    ({"startTime": 0, "endTime": DAY + 1}, -1127), ({"orderId": 1, "fromId": 1}, 200),
])  # fmt: skip
def test_fills_take_documented_combinations(call: Caller, given: Any, code: int) -> None:
    answer = call.get(FILLS, symbol="BTCUSDT", **given)
    assert answer.status_code == 200 if code == 200 else answer.json()["code"] == code


# -- windows


@pytest.mark.parametrize(("path", "given", "widest"), [
    (DEPOSITS, {}, 90 * DAY - 1), (WITHDRAWALS, {}, 90 * DAY - 1),
    (WITHDRAWALS, {"withdrawOrderId": "x"}, 7 * DAY), (DIVIDENDS, {}, 180 * DAY),
    (CONVERT, {}, 30 * DAY), (SNAPSHOT, {"type": "SPOT"}, 30 * DAY - 1),
    (FIAT, {"transactionType": 0}, 90 * DAY), (P2P, {}, 30 * DAY),
])  # fmt: skip
def test_wider_window_is_refused(call: Caller, path: str, given: Any, widest: int) -> None:
    start, end = {FIAT: ("beginTime", "endTime"), P2P: ("startTimestamp", "endTimestamp")}.get(
        path, ("startTime", "endTime")
    )
    call.data(path, **given, **{start: call.now - widest, end: call.now})
    assert call.code(path, **given, **{start: call.now - widest - 1, end: call.now}) == -1127


@pytest.mark.parametrize(("path", "given", "row", "at", "days"), [
    (DEPOSITS, {}, None, "insertTime", 90), (P2P, {}, "data", "createTime", 30),
    (TRANSFERS, {"type": "MAIN_FUNDING", "size": 100}, "rows", "timestamp", 7),
    (FIAT, {"transactionType": 1}, "data", "createTime", 30),
])  # fmt: skip
def test_default_window_is_recent(
    call: Caller, path: str, given: Any, row: str | None, at: str, days: int
) -> None:
    answer = call.data(path, **given)
    rows = answer[row] if row else answer
    assert rows == sorted(rows, key=lambda each: -each[at])
    assert all(each[at] >= call.now - days * DAY for each in rows)


@pytest.mark.parametrize(("path", "given", "code"), [
    (TRANSFERS, {}, -1102), (TRANSFERS, {"type": "MAIN_MOON"}, -1130),
    (TRANSFERS, {"type": "MAIN_FUNDING", "size": 101}, -1130),
    (TRANSFERS, {"type": "ISOLATEDMARGIN_MARGIN"}, -1102),
    (TRANSFERS, {"type": "MARGIN_ISOLATEDMARGIN", "fromSymbol": "BTCUSDT"}, -1102),
    (CONVERT, {"startTime": 1}, -1102), (DIVIDENDS, {"limit": 501}, -1130),
    (FIAT, {}, -1102), (FIAT, {"transactionType": 2}, -1130), (PAYMENTS, {}, -1102),
    (P2P, {"rows": 101}, -1130), (SNAPSHOT, {}, -1102), (WITHDRAWALS, {"idList": "a," * 45}, -1130),
])  # fmt: skip
def test_parameters_are_refused(call: Caller, path: str, given: Any, code: int) -> None:
    assert call.code(path, **given) == code


# -- lists


def test_deposits_and_withdrawals_add_up_to_truth(call: Caller, box: Sandbox) -> None:
    truth = box.truth("binance-main")
    for path, name in ((DEPOSITS, "deposits"), (WITHDRAWALS, "withdrawals")):
        rows = [row for span in call.windows(90) for row in call.data(path, **span)]
        money = [
            order
            for start in range(call.opened, call.now, 60 * DAY)
            for order in call.data(FIAT, transactionType=int(name == "withdrawals"), rows=500,
                                   beginTime=start, endTime=start + 60 * DAY - 1)["data"]
        ]  # fmt: skip
        known = {row["id"]: row["amount"] for row in rows}
        known |= {row["orderNo"]: row["amount"] for row in money}
        assert known.keys() == {row["record_id"] for row in truth[name]}
        for row in truth[name]:
            net = Decimal(row["amount"]) - Decimal(row["fee_amount"])
            assert Decimal(known[row["record_id"]]) == net
    assert {row["status"] for row in rows} >= {1, 4, 5, 6}
    is_named = {"network" in row for row in rows}
    assert is_named == {True, False} and all(len(row["applyTime"]) == 19 for row in rows)


def test_offset_pages_and_filters_select(call: Caller) -> None:
    rows = call.data(DEPOSITS)
    assert call.data(DEPOSITS, offset=1, limit=2) == rows[1:3]
    assert call.data(DEPOSITS, coin="USDT") == [row for row in rows if row["coin"] == "USDT"]
    ids = [row["id"] for row in call.data(WITHDRAWALS)][:2]
    assert [row["id"] for row in call.data(WITHDRAWALS, idList=",".join(ids))] == ids


def test_credited_deposit_is_locked_at_first() -> None:
    with Sandbox(now=NOW, exchanges=["binance"], size=60) as box:
        seen = []
        for _ in range(3):
            (row,) = [row for row in Caller(box).data(DEPOSITS) if row["status"] != 1][:1] or [{}]
            seen.append((row.get("status"), row.get("insertTime")))
            box.advance(timedelta(days=3, minutes=1) if len(seen) == 1 else timedelta(minutes=10))
        assert [status for status, _ in seen] == [0, 6, None] and seen[0][1] == seen[1][1]


def test_transfers_reach_six_months_and_show_failed_ones(call: Caller, box: Sandbox) -> None:
    rows: list[Any] = []
    for kind in ("MAIN_FUNDING", "FUNDING_MAIN", "MAIN_UMFUTURE", "UMFUTURE_MAIN"):
        given, page = {"type": kind, "startTime": call.opened, "endTime": call.now}, 1
        while found := call.data(TRANSFERS, **given, current=page)["rows"]:
            rows, page = rows + found, page + 1
        assert call.data(TRANSFERS, **given, current=page)["total"] <= 10 * (page - 1)
    assert min(row["timestamp"] for row in rows) >= call.now - 180 * DAY
    assert {row["status"] for row in rows} == {"CONFIRMED", "FAILED"}
    moved = {str(row["tranId"]) for row in rows if row["status"] == "CONFIRMED"}
    assert moved == {
        row["record_id"]
        for row in box.truth("binance-main")["transfers"]
        if to_ms(datetime.fromisoformat(row["at"])) >= call.now - 180 * DAY
    }


def test_only_last_hundred_dust_operations_are_listed(call: Caller, box: Sandbox) -> None:
    reported = call.data(DUST)
    assert reported["total"] == len(reported["userAssetDribblets"]) == 100
    oldest = reported["userAssetDribblets"][-1]
    assert call.data(DUST, endTime=oldest["operateTime"] - 1)["total"] == 0
    assert call.data(DUST, accountType="MARGIN")["total"] == 0
    parts = [Decimal(row["transferedAmount"]) for row in oldest["userAssetDribbletDetails"]]
    assert sum(parts) == Decimal(oldest["totalTransferedAmount"])
    gained = [
        Decimal(move["amount"])
        for move in box.truth("binance-main")["movements"]
        if move["record_id"] == str(oldest["transId"]) and move["asset"] == "BNB"
    ]
    assert sorted(gained) == sorted(parts)


def test_convert_says_that_more_follows(call: Caller) -> None:
    full = next(
        reported
        for span in call.windows(30)
        if len((reported := call.data(CONVERT, **span))["list"]) > 2
    )
    span = {name: full[name] for name in ("startTime", "endTime")}
    first = call.data(CONVERT, **span, limit=2)
    assert first["moreData"] and not full["moreData"] and first["list"] == full["list"][:2]
    rest = call.data(CONVERT, **span | {"endTime": first["list"][-1]["createTime"]})
    assert rest["list"] == full["list"][1:]


def test_dividends_cut_a_full_page_silently(call: Caller) -> None:
    every = call.data(DIVIDENDS, limit=500)
    assert len(call.data(DIVIDENDS)["rows"]) == 20 and every["total"] == len(every["rows"])
    assert every["rows"] == sorted(every["rows"], key=lambda row: -row["divTime"])
    of_coin = call.data(DIVIDENDS, asset="ADA", limit=500)["rows"]
    assert of_coin == [row for row in every["rows"] if row["asset"] == "ADA"]


def test_p2p_reaches_six_months(call: Caller) -> None:
    spans = [(at, at + 30 * DAY - 1) for at in range(call.opened, call.now, 30 * DAY)]
    found = [
        row
        for start, end in spans
        for row in call.data(P2P, startTimestamp=start, endTimestamp=end)["data"]
    ]
    assert found and min(row["createTime"] for row in found) >= call.now - 180 * DAY
    assert {row["tradeType"] for row in found} == {"BUY", "SELL"}
    bought = call.data(P2P, tradeType="BUY")
    assert {row["tradeType"] for row in bought["data"]} <= {"BUY"} and bought["success"]


def test_payments_without_rows_have_no_data(call: Caller) -> None:
    reported = call.data(PAYMENTS, transactionType=0, beginTime=1, endTime=2)
    assert reported["total"] == 0 and "data" not in reported
    found = call.data(PAYMENTS, transactionType=0, beginTime=call.now - 90 * DAY, rows=500)
    assert all("paymentMethod" in row for row in found["data"])


# -- balances


def test_balances_are_those_of_truth(call: Caller, box: Sandbox) -> None:
    truth = box.truth("binance-main")["balances"]
    reported = call.data(f"{API}/account", omitZeroBalances="true")
    rows = reported["balances"]
    spot = {row["asset"]: Decimal(row["free"]) + Decimal(row["locked"]) for row in rows}
    assert spot == {a: Decimal(n) for a, n in truth["spot"].items() if Decimal(n)}
    assert reported["uid"] == int(call.account["uid"]) and reported["permissions"] == ["SPOT"]
    for path, wallet in (("/sapi/v3/asset/getUserAsset", "spot"),
                         (f"{SAPI}/asset/get-funding-asset", "funding")):  # fmt: skip
        assert call.get(path).status_code == 404
        rows = call.data(path, method="POST")
        held = {row["asset"]: Decimal(row["free"]) + Decimal(row["withdrawing"]) for row in rows}
        assert held == {a: Decimal(n) for a, n in truth[wallet].items() if Decimal(n)}
    assert all(Decimal(n) >= 0 for amounts in truth.values() for n in amounts.values())


def test_snapshots_are_ends_of_last_days(call: Caller, box: Sandbox) -> None:
    days = call.data(SNAPSHOT, type="SPOT", limit=30)["snapshotVos"]
    assert len(call.data(SNAPSHOT, type="SPOT")["snapshotVos"]) == 7 and len(days) == 30
    last = days[-1]
    assert (last["updateTime"] + 1) % DAY == 0 and call.now - last["updateTime"] < DAY + MINUTE
    at = datetime.fromtimestamp(last["updateTime"] / 1_000, UTC)
    truth = box.truth("binance-main", at=at)["balances"]["spot"]
    for row in last["data"]["balances"]:
        assert Decimal(row["free"]) + Decimal(row["locked"]) == Decimal(truth[row["asset"]])
    assert call.data(SNAPSHOT, type="MARGIN")["snapshotVos"] == []


def test_account_without_history_answers_everywhere(box: Sandbox) -> None:
    empty = Caller(box, "binance-empty")
    assert empty.data(DEPOSITS) == empty.data(FILLS, symbol="BTCUSDT") == []
    assert empty.data(DUST) == {"total": 0, "userAssetDribblets": []}
    assert empty.data(f"{API}/account")["uid"] == int(empty.account["uid"])
