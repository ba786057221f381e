"""Bitget's simulator: refusals as documented, and pages that add up to the ground truth."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from pipelines.sandbox.bitget.keys import sign
from pipelines.sandbox.engine.adapter import Call
from pipelines.sandbox.engine.server import Sandbox
from tests.sandbox.bitget_caller import DAY, Caller, signature

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
INFO = "/api/v2/spot/account/info"
TAX = "/api/v2/tax/spot-record"
FILLS = "/api/v2/spot/trade/fills"
BILLS = "/api/v2/spot/account/bills"
TRANSFERS = "/api/v2/spot/account/transferRecords"
DEPOSITS = "/api/v2/spot/wallet/deposit-records"
WITHDRAWALS = "/api/v2/spot/wallet/withdrawal-records"
ASSETS = "/api/v2/spot/account/assets"
VECTOR_SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0"


def sandbox(**changes: Any) -> Sandbox:
    return Sandbox(**{"now": NOW, "exchanges": ["bitget"], "seed": 7} | changes)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with sandbox(size=400, ties=(130, 20)) as running:
        yield running


@pytest.fixture
def fresh() -> Iterator[Sandbox]:
    with sandbox() as running:
        yield running


@pytest.fixture
def call(box: Sandbox) -> Caller:
    return Caller(box)


def code(answer: requests.Response) -> tuple[int, str]:
    body = answer.json()
    assert body["data"] is None and isinstance(body["requestTime"], int)
    return answer.status_code, body["code"]


def opened(caller: Caller) -> int:
    return int(caller.data(INFO)["regisTime"])


# --- signatures and refusals ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "expected"),
    [
        ("GET", INFO, "", "", "m8FqFiX7PlQC7ZYbM6ZgkvIlM9kueYxzfohtmW33yek="),
        (
            "GET",
            TAX,
            "endTime=1735689600000&limit=500&startTime=1733097600000",
            "",
            "2BudEG21Mupn/ug0twN2I755Ul9z+adGgIWCyn1/OIM=",
        ),
        (
            "POST",
            "/api/v2/mix/order/place-order",
            "",
            '{"symbol":"BTCUSDT"}',
            "yyTmrC6JoYsBwvHsHN7ynSfiQkY98JaYM4cFQfmvD68=",
        ),
    ],
)
def test_signature_vectors(method: str, path: str, query: str, body: str, expected: str) -> None:
    assert sign(VECTOR_SECRET, "1735689600000", method, path, query, body) == expected
    text = f"1735689600000{method}{path}{'?' if query else ''}{query}{body}"
    assert signature(VECTOR_SECRET, text) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"access_key": None}, "40001"),
        ({"access_sign": None}, "40002"),
        ({"access_timestamp": None}, "40005"),
        ({"access_timestamp": "soon"}, "40005"),
        ({"access_key": "bg_unknown"}, "40006"),
        ({"access_passphrase": None}, "40011"),
        ({"access_passphrase": "wrong1234"}, "40012"),
        ({"stamp": "1600000000000"}, "40008"),
        ({"secret": "0" * 64}, "40009"),
    ],
)
def test_refusals_of_a_wrong_header(call: Caller, changes: dict[str, Any], expected: str) -> None:
    assert code(call.get(INFO, _headers=changes)) == (400, expected)


def test_checks_come_in_bitgets_order(call: Caller) -> None:
    def refused(**changes: str | None) -> str:
        return code(call.get(INFO, _headers=changes))[1]

    stale = {"stamp": "1600000000000", "secret": "0" * 64}
    assert refused(access_passphrase="wrong1234", **stale) == "40012"
    assert refused(**stale) == "40008"
    assert refused(access_key=None, access_sign=None) == "40001"
    assert refused(access_key="bg_unknown", access_passphrase=None) == "40006"


@pytest.mark.parametrize(("offset", "expected"), [(29_900, 200), (-29_900, 200), (31_000, 400)])
def test_a_timestamp_may_be_thirty_seconds_off(call: Caller, offset: int, expected: int) -> None:
    answer = call.get(INFO, _headers={"stamp": str(call.now + offset)})
    assert answer.status_code == expected


@pytest.mark.parametrize(
    ("label", "path", "expected"),
    [
        ("bitget-disabled", INFO, "40037"),
        ("bitget-ip-bound", INFO, "40018"),
        ("bitget-tax", INFO, "40014"),
        ("bitget-tax", ASSETS, "40014"),
        ("bitget-narrow", FILLS, "40014"),
        ("bitget-unified", INFO, "40085"),
        ("bitget-main", "/api/v3/account/settings", "40084"),
    ],
)
def test_refusals_by_key(box: Sandbox, label: str, path: str, expected: str) -> None:
    assert code(Caller(box, label).get(path)) == (400, expected)


def test_a_tax_key_without_passphrase_reads_the_ledger(box: Sandbox) -> None:
    tax, main = Caller(box, "bitget-tax"), Caller(box)
    span = {"startTime": main.now - 30 * DAY, "endTime": main.now}
    plain = tax.get(TAX, _headers={"access_passphrase": None}, **span)
    assert plain.status_code == 200
    assert plain.json()["data"] == main.data(TAX, **span)


def test_keys_that_can_write_say_so(box: Sandbox) -> None:
    assert "stow" in Caller(box, "bitget-trading").data(INFO)["authorities"]
    assert "wwow" in Caller(box, "bitget-withdrawing").data(INFO)["authorities"]
    main = Caller(box).data(INFO)
    assert all(right.endswith("r") for right in main["authorities"])
    assert main["ips"] is None and isinstance(main["parentId"], int)


def test_unknown_routes_and_writes_are_not_there(call: Caller) -> None:
    assert code(call.get("/api/v2/spot/nothing")) == (404, "40404")
    url = call.account["base_url"] + "/api/v2/spot/trade/place-order"
    assert code(requests.post(url, json={}, timeout=5)) == (404, "40404")


def test_the_signed_query_is_the_decoded_one(call: Caller) -> None:
    path, query = FILLS, "symbol=%24ALTUSDT"
    url = call.account["base_url"] + path + "?" + query
    as_sent = requests.get(url, headers=call.headers(path, query), timeout=5)
    decoded = requests.get(url, headers=call.headers(path, "symbol=$ALTUSDT"), timeout=5)
    assert code(as_sent) == (400, "40009")
    assert decoded.status_code == 200
    assert {row["symbol"] for row in decoded.json()["data"]} <= {"$ALTUSDT"}


# --- parameters -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [TAX, DEPOSITS, WITHDRAWALS])
def test_bounds_are_required_where_the_docs_say_so(call: Caller, path: str) -> None:
    assert code(call.get(path)) == (400, "40019")
    assert code(call.get(path, startTime=call.now - DAY)) == (400, "40019")


@pytest.mark.parametrize(
    ("path", "days", "more"),
    [(TAX, 30, {}), (FILLS, 90, {}), (BILLS, 90, {}), (DEPOSITS, 90, {}), (WITHDRAWALS, 90, {}),
     (TRANSFERS, 90, {"coin": "USDT"})],
)  # fmt: skip
def test_windows_wider_than_documented_are_refused(
    call: Caller, path: str, days: int, more: dict[str, str]
) -> None:
    end = call.now
    assert call.get(path, startTime=end - days * DAY, endTime=end, **more).status_code == 200
    answer = call.get(path, startTime=end - days * DAY - 1, endTime=end, **more)
    assert code(answer) == (400, "00001")
    assert f"{days} days" in answer.json()["msg"]


@pytest.mark.parametrize(
    ("path", "params", "expected"),
    [
        (TAX, {"startTime": "x", "endTime": "1"}, "40017"),
        (FILLS, {"startTime": 5, "endTime": 4}, "40707"),
        (FILLS, {"limit": 101}, "40020"),
        (FILLS, {"limit": 0}, "40020"),
        (BILLS, {"limit": 501}, "40020"),
        (FILLS, {"symbol": "NOSUCHUSDT"}, "40034"),
        (TRANSFERS, {}, "40019"),
        (TRANSFERS, {"coin": "USDT", "pageNum": 0}, "40020"),
        (TRANSFERS, {"coin": "USDT", "pageNum": 1001}, "40020"),
    ],
)
def test_bad_parameters_are_refused(
    call: Caller, path: str, params: dict[str, Any], expected: str
) -> None:
    assert code(call.get(path, **params)) == (400, expected)


@pytest.mark.parametrize(("path", "size"), [(FILLS, 100), (BILLS, 100)])
def test_default_page_sizes(call: Caller, path: str, size: int) -> None:
    assert len(call.data(path)) == size


def test_deposits_come_in_twenties_by_default(fresh: Sandbox) -> None:
    with sandbox(size=9_000) as large:
        caller = Caller(large)
        spans = [(caller.now - (n + 90) * DAY, caller.now - n * DAY) for n in range(0, 900, 90)]
        pages = [caller.data(DEPOSITS, startTime=a, endTime=b) for a, b in spans]
        assert max(len(page) for page in pages) == 20


# --- lookback ---------------------------------------------------------------------------------


def test_fills_and_bills_end_ninety_days_ago(call: Caller) -> None:
    floor = call.now - 90 * DAY
    assert call.get(FILLS, startTime=floor, endTime=floor + DAY).status_code == 200
    old = {"startTime": floor - 1, "endTime": floor + DAY}
    answer = call.get(FILLS, **old)
    assert code(answer) == (400, "43111")
    assert answer.json()["msg"] == "param error time range illegal"
    assert code(call.get(BILLS, **old)) == (400, "40704")


def test_an_end_alone_reaches_back_to_the_floor(call: Caller) -> None:
    rows = call.data(FILLS, endTime=call.now - 10 * DAY)
    assert rows and int(rows[0]["cTime"]) <= call.now - 10 * DAY
    assert code(call.get(FILLS, endTime=call.now - 91 * DAY)) == (400, "43111")


def test_the_floor_moves_with_the_clock(fresh: Sandbox) -> None:
    caller = Caller(fresh)
    start = caller.now - 90 * DAY
    assert caller.get(FILLS, startTime=start, endTime=caller.now).status_code == 200
    fresh.advance(timedelta(days=1))
    assert code(caller.get(FILLS, startTime=start, endTime=start + DAY)) == (400, "43111")


def test_tax_records_end_at_a_silent_floor() -> None:
    with sandbox(options={"bitget.tax_floor_days": 365}) as box:
        caller = Caller(box)
        rows = caller.walk_windows(TAX, "id", opened(caller), caller.now, 30 * DAY)
        floor = caller.now - 365 * DAY
        moves = [m for m in box.truth("bitget-main")["movements"] if m["wallet"] == "spot"]
        truth = [m for m in moves if m["at"] >= NOW.replace(year=2025).isoformat()[:19]]
        assert 0 < len(rows) < len(moves)
        assert len(rows) == len(truth)
        assert min(int(row["ts"]) for row in rows) >= floor


def test_the_default_tax_floor_is_two_years(call: Caller) -> None:
    rows = call.walk_windows(TAX, "id", opened(call), call.now, 30 * DAY)
    assert min(int(row["ts"]) for row in rows) >= call.now - 730 * DAY
    deposits = call.walk_windows(DEPOSITS, "orderId", opened(call), call.now, 90 * DAY)
    assert len(deposits) == len(call.box.truth("bitget-main")["deposits"])


def test_deposits_can_be_given_a_floor() -> None:
    with sandbox(options={"bitget.deposit_floor_days": 365}) as box:
        caller = Caller(box)
        rows = caller.walk_windows(DEPOSITS, "orderId", opened(caller), caller.now, 90 * DAY)
        assert 0 < len(rows) < len(box.truth("bitget-main")["deposits"])
        assert min(int(row["cTime"]) for row in rows) >= caller.now - 365 * DAY


# --- pages add up to the ground truth ---------------------------------------------------------

WHOLE: dict[str, Any] = {
    "options": {"bitget.tax_floor_days": 3_000}, "size": 500, "ties": (300, 130),
}  # fmt: skip


@pytest.fixture(scope="module")
def whole() -> Iterator[Caller]:
    with sandbox(**WHOLE) as running:
        yield Caller(running)


@pytest.mark.parametrize("limit", [500, 100, 7])
def test_the_ledger_is_exactly_the_spot_movements(whole: Caller, limit: int) -> None:
    width = 30 * DAY
    rows = whole.walk_windows(TAX, "id", opened(whole), whole.now, width, limit=limit)[::-1]
    truth = [m for m in whole.box.truth("bitget-main")["movements"] if m["wallet"] == "spot"]
    assert [row["id"] for row in rows] == [move["record_id"] for move in truth]
    for row, move in zip(rows, truth, strict=True):
        assert row["coin"] == move["asset"]
        assert Decimal(row["amount"]) == Decimal(move["amount"])


def test_every_row_carries_the_running_balance(whole: Caller) -> None:
    rows = whole.walk_windows(TAX, "id", opened(whole), whole.now, 30 * DAY)[::-1]
    running: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        running[row["coin"]] += Decimal(row["amount"])
        assert running[row["coin"]] == Decimal(row["balance"])
    truth = whole.box.truth("bitget-main")["balances"]["spot"]
    assert {coin: Decimal(amount) for coin, amount in truth.items()} == dict(running)


def test_assets_are_the_sum_of_movements(whole: Caller) -> None:
    rows = whole.data(ASSETS)
    parts = ("available", "frozen", "locked")
    reported = {r["coin"]: sum(Decimal(r[k]) for k in parts) for r in rows}
    truth = whole.box.truth("bitget-main")["balances"]["spot"]
    assert reported == {coin: Decimal(a) for coin, a in truth.items() if Decimal(a)}
    assert any(Decimal(row["frozen"]) > 0 for row in rows)
    every = whole.data(ASSETS, assetType="all")
    assert {"MOONX"} == {row["coin"] for row in every} - set(reported) - {"USDC", "$ALT", "WEIX"}


def test_fills_are_exactly_the_trades_of_ninety_days(whole: Caller) -> None:
    rows = whole.paginate(FILLS, "tradeId", whole.now - 90 * DAY, whole.now)[::-1]
    since = (NOW - timedelta(days=90)).isoformat()[:19]
    trades = whole.box.truth("bitget-main")["trades"]
    truth = [t for t in trades if t["traded_at"] >= since and t["product_type"] == "spot"]
    assert [row["tradeId"] for row in rows] == [trade["record_id"] for trade in truth]
    for row, trade in zip(rows, truth, strict=True):
        assert Decimal(row["size"]) == Decimal(trade["base_quantity"])
        assert Decimal(row["amount"]) == Decimal(trade["quote_quantity"])
        assert Decimal(row["feeDetail"]["totalFee"]) == -Decimal(trade["fee_amount"])
        assert row["feeDetail"]["feeCoin"] == trade["fee_asset"]
        assert int(row["cTime"]) > 10**12


def test_bills_have_the_same_movements_with_other_ids(whole: Caller) -> None:
    start, end = whole.now - 30 * DAY, whole.now
    bills = whole.paginate(BILLS, "billId", start, end)
    taxes = whole.paginate(TAX, "id", start, end)
    assert len(bills) == len(taxes) > 0
    assert not {b["billId"] for b in bills} & {t["id"] for t in taxes}
    for bill, tax in zip(bills, taxes, strict=True):
        assert (bill["coin"], bill["bizOrderId"]) == (tax["coin"], tax["bizOrderId"])
        assert Decimal(bill["size"]) == Decimal(tax["amount"])
        assert len(bill["size"].partition(".")[2]) >= 8
        assert len(bill["balance"].partition(".")[2]) == 8


def test_a_trade_is_two_rows_of_one_order(whole: Caller) -> None:
    fills = whole.paginate(FILLS, "tradeId", whole.now - 30 * DAY, whole.now)
    rows: defaultdict[str, list[Any]] = defaultdict(list)
    for row in whole.paginate(TAX, "id", whole.now - 30 * DAY, whole.now):
        rows[row["bizOrderId"]].append(row)
    fills_of = Counter(fill["orderId"] for fill in fills)
    for fill in fills:
        legs = rows[fill["orderId"]]
        labels = Counter(leg["spotTaxType"] for leg in legs)
        assert labels["Buy"] == labels["Sell"] == fills_of[fill["orderId"]]
        if fill["feeDetail"]["deduction"] == "yes":
            assert labels["Transaction fee deduct"] == fills_of[fill["orderId"]]
        assert fill["cTime"] in {leg["ts"] for leg in legs}
        assert all(Decimal(leg["fee"]) <= 0 for leg in legs)


def test_transfers_are_requested_per_coin_and_page(whole: Caller) -> None:
    truth = [t for t in whole.box.truth("bitget-main")["transfers"] if t["record_id"]]
    # Moves to and from the sub-account's spot wallet are on a list of their own.
    truth = [t for t in truth if t["from_wallet"] != t["to_wallet"]]
    found = []
    for coin in ("USDT", "USDC", "MOONX", "BTC"):
        end = whole.now
        while end >= opened(whole):
            span = {"coin": coin, "startTime": max(0, end - 90 * DAY + 1), "endTime": end}
            number = 1
            while page := whole.data(TRANSFERS, **span, limit=2, pageNum=number):
                found += page
                number += 1
            end -= 90 * DAY
    assert {row["transferId"] for row in found} == {t["record_id"] for t in truth}
    assert len(found) == len(truth)
    moonx = [row for row in found if row["coin"] == "MOONX"]
    assert {row["toSymbol"] + row["fromSymbol"] for row in moonx} == {"MOONXUSDT"}
    assert whole.data(TRANSFERS, coin="NOSUCH") == []


def test_bots_move_money_in_the_ledger_only(whole: Caller) -> None:
    truth = whole.box.truth("bitget-main")["transfers"]
    bots = [t for t in truth if "bots" in (t["from_wallet"], t["to_wallet"])]
    assert bots and all(t["record_id"] is None for t in bots)


def test_both_ends_of_a_window_are_inside(whole: Caller) -> None:
    newest = whole.data(TAX, startTime=whole.now - 30 * DAY, endTime=whole.now)[0]["ts"]
    exact = whole.data(TAX, startTime=newest, endTime=newest)
    assert exact and {row["ts"] for row in exact} == {newest}
    assert all(row["ts"] < newest for row in whole.data(
        TAX, startTime=int(newest) - 30 * DAY, endTime=int(newest) - 1))  # fmt: skip


def test_a_window_inside_a_history_can_be_empty(whole: Caller) -> None:
    first, last = opened(whole), whole.now
    sizes = [
        len(whole.data(TAX, startTime=start, endTime=start + 30 * DAY - 1))
        for start in range(first, last, 30 * DAY)
    ]
    assert 0 in sizes[1:-1] and sizes[0] and sizes[-1]


def test_filters(whole: Caller) -> None:
    span = {"startTime": whole.now - 30 * DAY, "endTime": whole.now}
    assert {r["coin"] for r in whole.data(TAX, coin="usdt", **span)} == {"USDT"}
    assert {r["groupType"] for r in whole.data(BILLS, groupType="transaction")} == {"transaction"}
    assert {r["businessType"] for r in whole.data(BILLS, businessType="BUY")} == {"BUY"}
    fill = whole.data(FILLS)[0]
    same = whole.data(FILLS, orderId=fill["orderId"], symbol=fill["symbol"])
    assert fill in same and {row["orderId"] for row in same} == {fill["orderId"]}


def test_groups_larger_than_a_page_survive_the_cursor(whole: Caller) -> None:
    truth = whole.box.truth("bitget-main")["trades"]
    at, count = Counter(t["traded_at"] for t in truth).most_common(1)[0]
    assert count == 300
    ms = int(datetime.fromisoformat(at).timestamp() * 1000)
    rows = whole.paginate(TAX, "id", ms, ms)
    assert len(rows) >= 600 and len({row["id"] for row in rows}) == len(rows)


def test_with_the_cursor_defect_such_a_group_loses_rows() -> None:
    options = WHOLE["options"] | {"bitget.tax_cursor_defect": True}
    with sandbox(**WHOLE | {"options": options}) as box:
        caller = Caller(box)
        trades = box.truth("bitget-main")["trades"]
        at, _ = Counter(t["traded_at"] for t in trades).most_common(1)[0]
        ms = int(datetime.fromisoformat(at).timestamp() * 1000)
        assert len(caller.paginate(TAX, "id", ms, ms)) == 500
        assert len(caller.paginate(TAX, "id", ms, ms, limit=250)) == 250


def test_the_tax_page_can_be_limited_to_a_hundred() -> None:
    with sandbox(options={"bitget.tax_max_limit": 100}) as box:
        caller = Caller(box)
        span = {"startTime": caller.now - 30 * DAY, "endTime": caller.now}
        assert caller.get(TAX, limit=500, **span).status_code == 400
        assert caller.get(TAX, limit=100, **span).status_code == 200


# --- time, shapes, reference ------------------------------------------------------------------


def test_pending_rows_become_final_as_the_clock_passes(fresh: Sandbox) -> None:
    caller = Caller(fresh)
    span = {"startTime": caller.now - DAY, "endTime": caller.now}
    before = {row["orderId"]: row for row in caller.data(WITHDRAWALS, **span)}
    assert {row["status"] for row in before.values()} == {"pending"}
    assert [row["status"] for row in caller.data(DEPOSITS, **span)] == ["pending"]
    held = {row["coin"]: Decimal(row["frozen"]) for row in caller.data(ASSETS)}
    assert any(held.values())
    fresh.advance(timedelta(days=5))
    after = {row["orderId"]: row for row in caller.data(WITHDRAWALS, **span)}
    assert {row["status"] for row in after.values()} == {"success", "fail"}
    assert all(row["uTime"] > before[key]["uTime"] for key, row in after.items())
    assert [row["status"] for row in caller.data(DEPOSITS, **span)] == ["success"]
    fresh.set_now(NOW)
    assert {r["status"] for r in caller.data(WITHDRAWALS, **span)} == {"pending"}


def test_rows_later_than_the_clock_are_not_there_yet(fresh: Sandbox) -> None:
    caller = Caller(fresh)
    later = {"startTime": caller.now, "endTime": caller.now + 29 * DAY}
    known = len(caller.data(TAX, **later))
    fresh.advance(timedelta(days=29))
    assert len(caller.data(TAX, **later)) > known


def test_withdrawals_are_gross_and_their_fee_is_negative(whole: Caller) -> None:
    rows = whole.walk_windows(WITHDRAWALS, "orderId", opened(whole), whole.now, 90 * DAY)
    truth = {w["record_id"]: w for w in whole.box.truth("bitget-main")["withdrawals"]}
    assert {row["orderId"] for row in rows} == set(truth)
    words = {"success": "completed", "fail": "failed", "pending": "pending"}
    for row in rows:
        true = truth[row["orderId"]]
        assert Decimal(row["size"]) == Decimal(true["amount"])
        assert Decimal(row["fee"]) == -Decimal(true["fee_amount"])
        assert words[row["status"]] == true["status"]


def test_everything_numeric_is_a_string_but_request_time(whole: Caller) -> None:
    def numbers(value: Any) -> Iterator[Any]:
        if isinstance(value, dict):
            for inner in value.values():
                yield from numbers(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from numbers(inner)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield value

    span = {"startTime": whole.now - 30 * DAY, "endTime": whole.now}
    for path in (TAX, FILLS, BILLS, DEPOSITS, WITHDRAWALS, ASSETS):
        body = json.loads(whole.get(path, **({} if path == ASSETS else span)).text)
        assert list(numbers(body)) == [body["requestTime"]]


def test_odd_shapes_occur(whole: Caller) -> None:
    fills = whole.paginate(FILLS, "tradeId", whole.now - 90 * DAY, whole.now)
    assert {"", "0", None} <= {fill["feeDetail"]["totalDeductionFee"] for fill in fills}
    assert {fill["feeDetail"]["deduction"] for fill in fills} == {"yes", "no"}
    rows = whole.walk_windows(TAX, "id", opened(whole), whole.now, 30 * DAY)
    labels = {row["spotTaxType"] for row in rows}
    assert {"", "Financial", "batch_interest_user_in", "quest_season_user_in"} <= labels
    assert max(len(row["amount"].partition(".")[2]) for row in rows) == 18
    deposits = whole.walk_windows(DEPOSITS, "orderId", opened(whole), whole.now, 90 * DAY)
    assert {None, ""} <= {row["clientOid"] for row in deposits}
    assert "message" in whole.get(ASSETS).json()


def test_delisted_pairs_stay_in_the_ledger(whole: Caller) -> None:
    symbols = {row["symbol"]: row["status"] for row in whole.data("/api/v2/spot/public/symbols")}
    coins = {row["coin"] for row in whole.data("/api/v2/spot/public/coins")}
    assert "MOONXUSDT" not in symbols and "MOONX" not in coins
    assert symbols["OLDXUSDT"] == "offline" and symbols["BTCUSDT"] == "online"
    rows = whole.walk_windows(TAX, "id", opened(whole), whole.now, 30 * DAY, coin="MOONX")
    assert sum(Decimal(row["amount"]) for row in rows) == 0 and len(rows) > 4
    answer = whole.get("/api/v2/spot/public/coins", coin="MOONX")
    assert code(answer) == (400, "40034")


def test_money_sent_from_one_account_arrives_in_the_other(fresh: Sandbox) -> None:
    sent = {w["tx_hash"]: w for w in fresh.truth("bitget-main")["withdrawals"] if w["tx_hash"]}
    arrived = [d for d in fresh.truth("bitget-second")["deposits"] if d["tx_hash"] in sent]
    assert arrived
    for deposit in arrived:
        withdrawal = sent[deposit["tx_hash"]]
        net = Decimal(withdrawal["amount"]) - Decimal(withdrawal["fee_amount"])
        assert Decimal(deposit["amount"]) == net


def test_an_empty_account_is_empty_everywhere(fresh: Sandbox) -> None:
    caller = Caller(fresh, "bitget-empty")
    span = {"startTime": caller.now - 30 * DAY, "endTime": caller.now}
    for path in (TAX, FILLS, BILLS, DEPOSITS, WITHDRAWALS):
        assert caller.data(path, **span) == []
    assert caller.data(ASSETS) == [] and caller.data(TRANSFERS, coin="USDT") == []
    assert fresh.truth("bitget-empty")["movements"] == []


# --- limits -----------------------------------------------------------------------------------


def test_rate_limits_count_each_route_and_account_by_the_second() -> None:
    with sandbox(pace=1.0) as box:
        caller, other = Caller(box), Caller(box, "bitget-second")
        first = caller.get(INFO)
        assert (first.status_code, first.headers["x-mbx-used-remain-limit"]) == (200, "0")
        over = caller.get(INFO)
        assert code(over) == (429, "429")
        assert over.json()["msg"] == "Too Many Requests"
        assert other.get(INFO).status_code == 200
        assert caller.get(ASSETS).headers["x-mbx-used-remain-limit"] == "9"
        assert [caller.get(ASSETS).status_code for _ in range(10)] == [200] * 9 + [429]
        box.advance(timedelta(seconds=1))
        assert caller.get(INFO).status_code == 200


def test_two_keys_of_one_account_share_its_counters() -> None:
    with sandbox(pace=1.0) as box:
        span = {"startTime": Caller(box).now - DAY, "endTime": Caller(box).now}
        assert Caller(box).get(TAX, **span).status_code == 200
        assert Caller(box, "bitget-tax").get(TAX, **span).status_code == 429


def test_a_pace_of_twenty_is_twenty_times_as_fast() -> None:
    with sandbox(pace=20.0) as box:
        caller = Caller(box)
        assert [caller.get(INFO).status_code for _ in range(2)] == [200, 429]
        box.advance(timedelta(milliseconds=50))
        assert caller.get(INFO).status_code == 200


def test_six_thousand_requests_a_minute_close_the_door_for_five() -> None:
    with sandbox(pace=1.0) as box:
        call = Call("GET", "/x", "/x", "", {}, "127.0.0.1")
        answers = Counter(box.shell.adapters["bitget"].handle(call).status for _ in range(6_001))
        assert answers == {404: 6_000, 429: 1}
        caller = Caller(box)
        assert caller.get(INFO).status_code == 429
        box.advance(timedelta(minutes=4))
        assert caller.get(INFO).status_code == 429
        box.advance(timedelta(minutes=2))
        assert caller.get(INFO).status_code == 200


def test_refused_parameters_do_not_use_up_the_limit() -> None:
    with sandbox(pace=1.0) as box:
        caller = Caller(box)
        assert code(caller.get(TAX)) == (400, "40019")
        span = {"startTime": caller.now - DAY, "endTime": caller.now}
        assert caller.get(TAX, **span).status_code == 200


@pytest.mark.parametrize("name", ["40015", "45001", "429"])
def test_bitgets_own_errors_can_be_provoked(fresh: Sandbox, name: str) -> None:
    fresh.fault(name, path=INFO, times=1)
    caller = Caller(fresh)
    assert code(caller.get(INFO))[1] == name
    assert caller.get(INFO).status_code == 200
