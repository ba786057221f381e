"""BitMart's simulator: documented refusals and omissions, and rows that match the ground truth."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from pipelines.sandbox.bitmart.keys import sign
from pipelines.sandbox.engine.clock import to_ms
from pipelines.sandbox.engine.server import Sandbox

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)
NOW_MS = to_ms(NOW)
DAY = 86_400_000
FILLS = "/spot/v4/query/trades"
LEDGER = "/contract/private/transaction-history"
MONEY = "/account/v2/deposit-withdraw/history"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(
        size=2_500, now=NOW, years=1.2, exchanges=["bitmart"], ties=(250,)
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def put_back(box: Sandbox) -> Iterator[None]:
    yield
    box.set_now(NOW)
    box.clear_faults()


class Caller:
    """One key of the simulator."""

    def __init__(self, box: Sandbox, label: str = "bitmart-main") -> None:
        self.box, self.card = box, box.account(label)

    def get(self, path: str, **params: Any) -> requests.Response:
        headers = {"X-BM-KEY": self.card["key"], "X-BM-SIGN": "of no interest here"}
        return requests.get(self.card["base_url"] + path, params=params, headers=headers, timeout=9)

    def post(
        self, path: str, body: Any, *, at: int | None = None, **changed: str
    ) -> requests.Response:
        card = self.card | changed
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        stamp = str(to_ms(self.box.now) if at is None else at)
        headers = {
            "X-BM-KEY": card["key"],
            "X-BM-TIMESTAMP": stamp,
            "X-BM-SIGN": sign(card["secret"], stamp, card["memo"], text),
        }
        return requests.post(card["base_url"] + path, data=text, headers=headers, timeout=9)


@pytest.fixture
def main(box: Sandbox) -> Caller:
    return Caller(box)


def said(response: requests.Response) -> tuple[int, int]:
    return response.status_code, response.json()["code"]


def test_the_memo_goes_by_both_names(main: Caller) -> None:
    assert main.card["memo"] == main.card["passphrase"] != ""


def test_a_keyed_route_checks_the_key_alone(main: Caller) -> None:
    assert said(main.get("/spot/v1/wallet")) == (200, 1000)
    url = main.card["base_url"] + "/spot/v1/wallet"
    assert said(requests.get(url, timeout=9)) == (401, 30001)
    assert said(requests.get(url, headers={"X-BM-KEY": "x"}, timeout=9)) == (401, 30002)


def test_a_signed_route_checks_in_order(main: Caller) -> None:
    url = main.card["base_url"] + FILLS
    key = {"X-BM-KEY": main.card["key"]}
    assert said(requests.post(url, data=b"{}", timeout=9)) == (401, 30001)
    assert said(requests.post(url, data=b"{}", headers=key, timeout=9)) == (401, 30004)
    signed = key | {"X-BM-SIGN": "x"}
    assert said(requests.post(url, data=b"{}", headers=signed, timeout=9)) == (401, 30006)
    odd = signed | {"X-BM-TIMESTAMP": "soon"}
    assert said(requests.post(url, data=b"{}", headers=odd, timeout=9)) == (401, 30008)
    assert said(main.post(FILLS, {}, secret="wrong")) == (401, 30005)
    assert said(main.post(FILLS, {}, memo="wrong")) == (401, 30005)
    assert said(main.post(FILLS, b"no json")) == (503, 30018)
    assert said(main.post(FILLS, {})) == (200, 1000)


@pytest.mark.parametrize(
    ("late", "window", "code"),
    [(4_900, None, 1000), (5_100, None, 30007), (30_000, 40_000, 1000), (-900, None, 1000),
     (-1_100, None, 30007), (0, 60_001, 30007)],
)  # fmt: skip
def test_a_signature_ages(main: Caller, late: int, window: int | None, code: int) -> None:
    body = {} if window is None else {"recvWindow": window}
    assert said(main.post(FILLS, body, at=NOW_MS - late))[1] == code


@pytest.mark.parametrize(
    ("label", "path", "answer"),
    [
        ("bitmart-disabled", "/spot/v1/wallet", (401, 30003)),
        ("bitmart-expired", "/spot/v1/wallet", (403, 30011)),
        ("bitmart-ip-bound", "/spot/v1/wallet", (403, 30010)),
        ("bitmart-sub", MONEY, (403, 60026)),
        ("bitmart-main", "/account/v1/withdraw/charge", (403, 30012)),
        ("bitmart-withdrawing", "/account/v1/withdraw/charge", (200, 1000)),
        ("bitmart-main", "/account/sub-account/main/v1/subaccount-list", (403, 30012)),
        ("bitmart-sub", "/account/sub-account/main/v1/subaccount-list", (403, 60026)),
        ("bitmart-trading", "/account/sub-account/main/v1/subaccount-list", (403, 61006)),
        ("bitmart-organisation", "/account/sub-account/main/v1/subaccount-list", (200, 1000)),
        ("bitmart-main", "/account/v1/transfer-contract-list", (405, 60030)),
        ("bitmart-main", "/spot/v1/user_fee", (200, 1000)),
        ("bitmart-main", "/spot/v1/nowhere", (404, 30000)),
        ("bitmart-main", FILLS, (405, 57001)),
        ("bitmart-empty", LEDGER, (403, 40046)),
        ("bitmart-empty", "/spot/v1/margin/isolated/account", (400, 51001)),
    ],
)
def test_routes_are_refused_by_kind_of_account(
    box: Sandbox, label: str, path: str, answer: tuple[int, int]
) -> None:
    assert said(Caller(box, label).get(path)) == answer


def test_the_list_of_transfers_wants_a_key_that_can_trade(box: Sandbox) -> None:
    path, body = "/account/v1/transfer-contract-list", {"page": 1, "limit": 100}
    assert said(Caller(box).post(path, body)) == (403, 30012)
    rows = Caller(box, "bitmart-trading").post(path, body).json()["data"]["records"]
    assert {row["type"] for row in rows} <= {"spot_to_contract", "contract_to_spot"}


def test_moves_between_accounts_are_the_newest_and_in_seconds(box: Sandbox) -> None:
    owner, sub = Caller(box, "bitmart-organisation"), Caller(box, "bitmart-sub")
    path, futures = (
        "/account/sub-account/v1/transfer-history",
        "/account/contract/sub-account/v1/transfer-history",
    )
    assert said(owner.get(path)) == (400, 60000)
    ask = {"moveType": "spot to spot", "N": 100}
    answer = owner.get(path, **ask).json()["data"]
    rows = answer["historyList"]
    assert answer["total"] == len(rows) == 3 and rows[0] == rows[1] != rows[2]  # twins
    assert rows == sub.get(path, **ask).json()["data"]["historyList"]
    assert all(row["submissionTime"] < 10**11 for row in rows)
    assert len(owner.get(path, **ask | {"N": 1}).json()["data"]["historyList"]) == 1
    bare = owner.get(futures, limit=100).json()["data"]
    assert [row["toWalletType"] for row in bare] == ["future"]
    names = owner.get("/account/sub-account/main/v1/subaccount-list").json()["data"]
    assert {row["accountName"] for row in names["subAccountList"]} == {bare[0]["fromAccount"]}


@pytest.mark.parametrize("path", ["/contract/private/trades", LEDGER])
def test_futures_without_times_are_the_last_seven_days(main: Caller, path: str) -> None:
    reported = main.get(path, startTime=0, endTime=NOW_MS).json()["data"]
    times = [int(row.get("create_time") or row["time"]) for row in reported]
    assert times and min(times) >= NOW_MS - 7 * DAY


def test_money_without_times_is_the_last_ninety_days(main: Caller) -> None:
    rows = main.get(MONEY, operation_type="deposit", N=1000).json()["data"]["records"]
    assert rows and min(row["apply_time"] for row in rows) >= NOW_MS - 90 * DAY
    assert len(rows) < len(main.box.truth("bitmart-main")["deposits"])


def test_a_busy_time_has_more_futures_fills_than_a_page(main: Caller) -> None:
    start = (NOW_MS - 18 * DAY) // 1000
    span = {"account": "copy_trading", "start_time": start - 60, "end_time": start + 600}
    rows = main.get("/contract/private/trades", **span).json()["data"]
    assert len(rows) == 200  # and nothing says that there are more
    assert len({row["trade_id"] for row in rows}) == 200
    seconds = [row["create_time"] // 1000 for row in rows]
    assert seconds == sorted(seconds, reverse=True) and len(set(seconds)) < 200
    older = main.get("/contract/private/trades", **span | {"end_time": seconds[-1]}).json()["data"]
    assert {row["trade_id"] for row in older} - {row["trade_id"] for row in rows}


def test_many_fills_share_a_millisecond_across_a_pages_edge(main: Caller) -> None:
    at = [row["traded_at"] for row in main.box.truth("bitmart-main")["trades"]]
    crowded = max(set(at), key=at.count)
    moment = to_ms(datetime.fromisoformat(crowded))
    assert at.count(crowded) > 200
    body = {"startTime": moment, "endTime": moment + 1}
    if moment > NOW_MS - 89 * DAY:
        assert {row["createTime"] for row in main.post(FILLS, body).json()["data"]} == {moment}


def test_orders_end_as_they_do_at_bitmart(main: Caller) -> None:
    span = {"startTime": NOW_MS - 89 * DAY, "endTime": NOW_MS}
    rows = main.post("/spot/v4/query/history-orders", span).json()["data"]
    cut = [row for row in rows if row["state"] == "partially_canceled"]
    assert cut and {(row["type"], row["side"], row["size"]) for row in cut} == {
        ("market", "buy", "0.00")
    }
    assert all(Decimal(row["filledSize"]) > 0 for row in cut)
    sold = [row for row in rows if (row["type"], row["side"]) == ("market", "sell")]
    assert sold and all(Decimal(row["notional"]) == 0 for row in sold)


def test_loans_have_seconds_or_milliseconds_and_require_a_pair(main: Caller) -> None:
    path = "/spot/v1/margin/isolated/borrow_record"
    assert said(main.get(path)) == (400, 50021)
    rows = main.get(path, symbol="ETH_USDT", start_time=0, end_time=NOW_MS).json()["data"]
    assert sorted(row["create_time"] < 10**11 for row in rows["records"]) == [False, True]


def test_coins_can_have_a_network_and_payments_can_fail(main: Caller) -> None:
    truth = main.box.truth("bitmart-main")
    assert {row["status"] for row in truth["withdrawals"]} >= {"completed", "canceled", "failed"}
    ask = {"operation_type": "withdraw", "N": 1000}
    found = []
    for back in range(5):
        span = {"startTime": NOW_MS - (back + 1) * 89 * DAY, "endTime": NOW_MS - back * 89 * DAY}
        found += main.get(MONEY, **ask, **span).json()["data"]["records"]
    assert {row["status"] for row in found} >= {3, 4, 5}
    suffixed = {row["currency"] for row in found if "-" in row["currency"]}
    assert "USDT-BSC_BNB" in suffixed or "USDT-TRC20" in suffixed


@pytest.mark.parametrize("name", ["Python-urllib/3.11", "Go-http-client/1.1"])
def test_the_firewall_refuses_the_names_of_libraries(main: Caller, name: str) -> None:
    url = main.card["base_url"] + "/system/time"
    reply = requests.get(url, headers={"User-Agent": name}, timeout=9)
    assert (reply.status_code, reply.headers["Content-Type"]) == (403, "text/html")
    assert "1010" in reply.text


def test_a_misspelt_parameter_is_ignored_and_seven_days_come(main: Caller) -> None:
    long_ago = NOW_MS - 60 * DAY
    rows = main.post(FILLS, {"start_time": long_ago}).json()["data"]
    assert rows == main.post(FILLS, {}).json()["data"]
    assert all(row["createTime"] >= NOW_MS - 7 * DAY for row in rows)


def test_a_page_of_fills_is_silently_cut_at_200(main: Caller) -> None:
    body = {"startTime": NOW_MS - 89 * DAY, "endTime": NOW_MS}
    answer = main.post(FILLS, body).json()
    assert len(answer["data"]) == 200 and set(answer) == {"code", "message", "trace", "data"}
    times = [row["createTime"] for row in answer["data"]]
    assert times == sorted(times, reverse=True)
    assert len(main.post(FILLS, body | {"limit": 7}).json()["data"]) == 7
    assert said(main.post(FILLS, body | {"limit": 201})) == (400, 50021)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"startTime": NOW_MS - 91 * DAY}, 50041),
        ({"startTime": NOW_MS, "endTime": NOW_MS}, 52004),
        ({"orderMode": "cash"}, 52000),
    ],
)
def test_spans_that_are_refused(main: Caller, body: dict[str, Any], code: int) -> None:
    assert said(main.post(FILLS, body)) == (400, code)


def test_what_is_too_old_may_be_an_empty_list_instead() -> None:
    options = {"bitmart.too_old": "empty"}
    with Sandbox(now=NOW, exchanges=["bitmart"], options=options) as box:
        body = {"startTime": NOW_MS - 200 * DAY, "endTime": NOW_MS - 100 * DAY}
        assert Caller(box).post(FILLS, body).json()["data"] == []


def test_deposits_and_withdrawals_are_requested_separately(main: Caller) -> None:
    span = {"startTime": NOW_MS - 89 * DAY, "endTime": NOW_MS}
    assert said(main.get(MONEY, N=1000, **span)) == (400, 60000)
    assert said(main.get(MONEY, operation_type="deposit", **span)) == (400, 60000)
    ask = {"operation_type": "withdraw", "N": 1000}
    wide = {"startTime": NOW_MS - 90 * DAY, "endTime": NOW_MS}
    assert said(main.get(MONEY, **ask, **wide)) == (400, 60067)
    assert said(main.get(MONEY, **ask, startTime=NOW_MS - 100 * DAY)) == (400, 60066)
    rows = main.get(MONEY, **ask, **span).json()["data"]["records"]
    assert rows and {row["operation_type"] for row in rows} == {"withdraw"}
    assert all(row["deposit_id"] == "" for row in rows)
    assert len(main.get(MONEY, **ask | {"N": 1}, **span).json()["data"]["records"]) == 1


def test_a_withdrawal_moves_on_and_gains_its_hash(box: Sandbox, main: Caller) -> None:
    ask = {"operation_type": "withdraw", "N": 1000, "startTime": NOW_MS - DAY}

    def states() -> dict[str, tuple[int, bool]]:
        rows = main.get(MONEY, **ask).json()["data"]["records"]
        return {row["withdraw_id"]: (row["status"], bool(row["tx_id"])) for row in rows}

    before = states()
    waiting = [number for number, state in before.items() if state in ((1, False), (2, False))]
    assert len(waiting) >= 2
    box.advance(timedelta(days=5))
    after = states()
    assert {after[number] for number in waiting} == {(3, True), (4, False)}


def test_futures_bounds_are_seconds_and_rows_milliseconds(main: Caller) -> None:
    path = "/contract/private/trades"
    span = {"start_time": (NOW_MS - 89 * DAY) // 1000, "end_time": NOW_MS // 1000}
    rows = main.get(path, **span).json()["data"]
    assert rows and all(row["create_time"] > 10**12 for row in rows)
    in_millis = {name: value * 1000 for name, value in span.items()}
    assert said(main.get(path, **in_millis)) == (400, 40011)  # taken for a span of centuries
    wide = span | {"start_time": (NOW_MS - 91 * DAY) // 1000}
    assert said(main.get(path, **wide)) == (400, 40011)
    copied = main.get(path, account="copy_trading", **span).json()["data"]
    assert {row["account"] for row in copied} == {"copy_trading"}
    assert not {row["trade_id"] for row in copied} & {row["trade_id"] for row in rows}


def test_futures_orders_want_a_symbol_and_may_be_null(main: Caller) -> None:
    path = "/contract/private/order-history"
    assert said(main.get(path)) == (400, 40011)
    long_ago = {"start_time": (NOW_MS - 80 * DAY) // 1000, "end_time": (NOW_MS - 80 * DAY) // 1000}
    assert main.get(path, symbol="NONEUSDT", **long_ago).json()["data"] is None


def test_rows_of_one_event_share_their_tran_id(main: Caller) -> None:
    span = {"start_time": NOW_MS - 60 * DAY, "end_time": NOW_MS, "page_size": 1000}
    rows = main.get(LEDGER, **span).json()["data"]
    by_id = defaultdict(set)
    for row in rows:
        by_id[row["tran_id"]].add(row["type"])
    assert any(len(types) > 1 for types in by_id.values())
    funding = [row for row in rows if row["type"] == "Funding Fee"]
    assert all(row["tran_id"] == row["time"] for row in funding)
    fees = main.get(LEDGER, flow_type=4, **span).json()["data"]
    assert {row["flow_type"] for row in fees} == {4}
    assert len(main.get(LEDGER, **span | {"page_size": 3}).json()["data"]) == 3


def test_the_used_requests_are_called_remaining() -> None:
    with Sandbox(now=NOW, pace=1.0, exchanges=["bitmart"]) as box:
        caller = Caller(box)
        answers = [caller.get("/contract/private/assets-detail") for _ in range(13)]
        used = [int(reply.headers["X-BM-RateLimit-Remaining"]) for reply in answers[:12]]
        assert used == list(range(1, 13))
        assert answers[0].headers["X-BM-RateLimit-Reset"] == "2"
        assert said(answers[12]) == (429, 30013)
        box.advance(timedelta(seconds=2))
        assert said(caller.get("/contract/private/assets-detail")) == (200, 1000)


@pytest.mark.parametrize(("fault", "answer"), [("429", (429, 30013)), ("418", (418, 30017)),
                                               ("30016", (200, 30016))])  # fmt: skip
def test_faults_in_its_own_words(
    box: Sandbox, main: Caller, fault: str, answer: tuple[int, int]
) -> None:
    box.fault(fault, exchange="bitmart")
    assert said(main.get("/spot/v1/wallet")) == answer


def test_trading_ends_and_then_everything() -> None:
    with Sandbox(now=datetime(2026, 11, 20, tzinfo=UTC), exchanges=["bitmart"]) as box:
        caller = Caller(box)
        assert said(caller.post(FILLS, {})) == (200, 1000)
        box.set_now(datetime(2026, 12, 1, tzinfo=UTC))
        body = {"startTime": to_ms(box.now) - 89 * DAY}
        assert caller.post(FILLS, body).json()["data"] == []
        assert caller.get("/account/v1/wallet").json()["data"]["wallet"]
        ask = {"N": 1000, "startTime": to_ms(box.now) - 89 * DAY}
        money = {
            kind: caller.get(MONEY, operation_type=kind, **ask).json()["data"]["records"]
            for kind in ("deposit", "withdraw")
        }
        # Nothing comes in any more, and what is there can still be taken out.
        assert money["deposit"] == [] and len(money["withdraw"]) == 1
        box.set_now(datetime(2027, 2, 1, tzinfo=UTC))
        assert said(caller.get("/account/v1/wallet")) == (503, 30014)


# -- the ground truth


def totals(truth: dict[str, Any]) -> dict[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for move in truth["movements"]:
        found[move["wallet"], move["asset"]] += Decimal(move["amount"])
    return found


def test_movements_add_up_to_balances_and_the_routes_say_them(box: Sandbox, main: Caller) -> None:
    truth = box.truth("bitmart-main")
    balances = {
        (wallet, asset): Decimal(amount)
        for wallet, assets in truth["balances"].items()
        for asset, amount in assets.items()
    }
    assert totals(truth) == balances
    wallet = main.get("/account/v1/wallet").json()["data"]["wallet"]
    for row in wallet:
        held = Decimal(row["available"]) + Decimal(row["unAvailable"])
        assert held == balances["spot", row["currency"]]
    row = main.get("/contract/private/assets-detail").json()["data"][0]
    parts = ("available_balance", "frozen_balance", "position_deposit")
    held = sum(Decimal(row[name]) for name in parts)
    assert held == balances["futures", "USDT"] == Decimal(row["equity"]) - Decimal(
        row["unrealized"]
    )


def test_no_wallet_is_ever_overdrawn(box: Sandbox) -> None:
    running: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    moves = [m for m in box.truth("bitmart-main")["movements"] if "copy" not in m["wallet"]]
    at: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for move in moves:
        at[move["at"], move["wallet"], move["asset"]] += Decimal(move["amount"])
    for (_, wallet, asset), amount in sorted(at.items()):
        running[wallet, asset] += amount
        assert running[wallet, asset] >= 0, (wallet, asset)


def test_a_fee_is_in_the_quote_or_a_third_coin(box: Sandbox) -> None:
    trades = [t for t in box.truth("bitmart-main")["trades"] if t["product_type"] == "spot"]
    assert {t["fee_asset"] for t in trades} == {"USDT", "BMX"}
    assert any(t["side"] == "buy" and t["fee_asset"] == t["quote_asset"] for t in trades)


def test_every_row_has_an_id_of_its_own(box: Sandbox) -> None:
    truth = box.truth("bitmart-main")
    for part in ("trades", "deposits", "withdrawals", "transfers"):
        ids = [row["record_id"] for row in truth[part]]
        assert ids and len(ids) == len(set(ids))
    ids = [m["record_id"] for m in truth["movements"] if m["wallet"] == "futures"]
    assert len(ids) == len(set(ids))
    assert any(record_id.endswith("|2") for record_id in ids), "no twins in the futures ledger"
