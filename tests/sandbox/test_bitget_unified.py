"""Bitget's simulator, v3: it refuses classic accounts, and its pages match the ground truth."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipelines.sandbox.engine.clock import to_ms
from pipelines.sandbox.engine.server import Sandbox
from tests.sandbox.bitget_caller import DAY, Caller
from tests.sandbox.test_bitget import code

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
UPGRADED_AT = NOW + timedelta(days=1)
V2_INFO, TAX_V2 = "/api/v2/spot/account/info", "/api/v2/tax/spot-record"
INFO, SETTINGS = "/api/v3/account/info", "/api/v3/account/settings"
FINANCIAL = "/api/v3/account/financial-records"
FUNDING = "/api/v3/account/funding-financial-records"
TAX = "/api/v3/tax/records"
FILLS = "/api/v3/trade/fills"
DEPOSITS = "/api/v3/account/deposit-records"
CONVERTS = "/api/v3/account/convert-records"
TRANSFERS = "/api/v3/account/sub-transfer-record"
ASSETS = "/api/v3/account/assets"
LINES = ("SPOT", "MARGIN", "USDT-FUTURES", "COIN-FUTURES", "USDC-FUTURES", "OTHER")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    options = {"bitget.upgraded_at": to_ms(UPGRADED_AT), "bitget.unified_fills": 400}
    with Sandbox(
        now=NOW, exchanges=["bitget"], seed=7, size=400, ties=(130,), years=1.4, options=options
    ) as running:
        yield running


@pytest.fixture
def call(box: Sandbox) -> Iterator[Caller]:
    box.set_now(NOW)
    yield Caller(box, "bitget-unified")
    box.set_now(NOW)


def pages(caller: Caller, path: str, start: int, end: int, **params: Any) -> list[list[Any]]:
    """The lists of all pages, along the answers' own cursor, the empty last one left out."""
    found, cursor = [], {}
    while True:
        data = caller.data(path, startTime=start, endTime=end, **params, **cursor)
        if not data["list"]:
            assert data["cursor"] == ""
            return found
        found.append(data["list"])
        cursor = {"cursor": data["cursor"]}


def rows(caller: Caller, path: str, days: int, width: int, **params: Any) -> list[Any]:
    """Every row of the last `days`, window by window."""
    end, found = caller.now, []
    oldest = end - days * DAY + 1_000
    while end > oldest:
        start = max(oldest, end - width * DAY + 1)
        found += [row for page in pages(caller, path, start, end, **params) for row in page]
        end = start - 1
    return found


# --- which kind of account it is


def test_classic_routes_refuse_a_unified_account(call: Caller) -> None:
    for path in (V2_INFO, TAX_V2):
        assert code(call.get(path)) == (400, "40085")


@pytest.mark.parametrize(
    ("path", "expected"), [(SETTINGS, "40084"), (FINANCIAL, "40084"), (TAX, "25245")]
)
def test_v3_routes_refuse_a_classic_account(box: Sandbox, path: str, expected: str) -> None:
    assert code(Caller(box, "bitget-main").get(path)) == (400, expected)


def test_rights_come_before_the_kind_of_account(box: Sandbox) -> None:
    tax_key = Caller(box, "bitget-unified-tax")
    assert code(tax_key.get(V2_INFO)) == (400, "40014")
    assert code(tax_key.get(SETTINGS)) == (400, "40014")
    assert code(tax_key.get(TAX)) == (400, "40019")
    assert code(Caller(box, "bitget-tax").get(TAX)) == (400, "25245")


def test_who_a_unified_account_is(call: Caller, box: Sandbox) -> None:
    assert call.data(SETTINGS)["accountMode"] == "unified"
    info = call.data(INFO)
    assert (info["userId"], info["permType"]) == ("7000000006", "read-only")
    strong = Caller(box, "bitget-unified-trading").data(INFO)
    assert strong["permType"] == "read-and-write" and "withdraw" in strong["permissions"]


def test_an_account_is_upgraded_when_its_moment_comes(call: Caller, box: Sandbox) -> None:
    caller = Caller(box, "bitget-upgraded")
    before = caller.data(TAX_V2, startTime=caller.now - DAY * 30, endTime=caller.now, limit=500)
    assert code(caller.get(SETTINGS)) == (400, "40084")
    box.set_now(UPGRADED_AT + timedelta(seconds=30))
    assert caller.data(SETTINGS)["accountMode"] == "switching"
    assert code(caller.get(V2_INFO)) == (400, "40085")
    box.set_now(UPGRADED_AT + timedelta(days=5))
    assert caller.data(SETTINGS)["accountMode"] == "unified"
    reported = [
        row
        for line in LINES
        for row in rows(caller, FINANCIAL, 60, 30, category=line)
    ]
    assert reported and all(int(row["ts"]) >= to_ms(UPGRADED_AT) for row in reported)
    assert not {row["id"] for row in before} & {row["id"] for row in reported}


def test_unknown_routes_are_not_there(call: Caller) -> None:
    assert code(call.get("/api/v3/account/nothing")) == (404, "40404")


# --- parameters, windows, floors


@pytest.mark.parametrize(
    ("path", "params", "days"),
    [
        (FINANCIAL, {"category": "SPOT"}, 30),
        (TAX, {"bizType": "spot"}, 7),
        (FILLS, {}, 30),
        (DEPOSITS, {}, 30),
        (CONVERTS, {}, 30),
        (TRANSFERS, {}, 90),
    ],
)
def test_windows_wider_than_documented_are_refused(
    call: Caller, path: str, params: dict[str, str], days: int
) -> None:
    start = call.now - days * DAY
    assert call.get(path, startTime=start, endTime=call.now, **params).status_code == 200
    answer = call.get(path, startTime=start - 1, endTime=call.now, **params)
    assert code(answer) == (400, "00001") and f"{days} days" in answer.json()["msg"]


@pytest.mark.parametrize("path", [FINANCIAL, FUNDING, FILLS, CONVERTS])
def test_ninety_days_are_the_floor(call: Caller, path: str) -> None:
    params = {"category": "SPOT"} if path == FINANCIAL else {}
    floor = call.now - 90 * DAY
    assert call.get(path, startTime=floor, endTime=floor + DAY, **params).status_code == 200
    answer = call.get(path, startTime=floor - 1, endTime=floor + DAY, **params)
    assert code(answer) == (400, "40705")


def test_tax_records_end_silently_after_366_days(call: Caller) -> None:
    def count(days: int) -> int:
        end = call.now - days * DAY
        return sum(
            len(call.data(TAX, bizType=line, startTime=end - 7 * DAY, endTime=end))
            for line in LINES
        )

    assert sum(count(days) for days in range(0, 359, 7)) > 0
    assert sum(count(days) for days in range(367, 480, 7)) == 0


@pytest.mark.parametrize(
    ("path", "params", "expected"),
    [
        (FINANCIAL, {}, "40019"),
        (FINANCIAL, {"category": "STOCKS"}, "40020"),
        (TAX, {"bizType": "SPOT"}, "40019"),
        (TAX, {"bizType": "MARGIN", "marginType": "both"}, "40020"),
        (FILLS, {"limit": 101}, "40020"),
        (FILLS, {"cursor": "next"}, "40017"),
        ("/api/v3/position/history-position", {"category": "SPOT"}, "40020"),
    ],
)
def test_bad_parameters_are_refused(
    call: Caller, path: str, params: dict[str, Any], expected: str
) -> None:
    assert code(call.get(path, **params)) == (400, expected)


# --- what the pages hold


def test_the_ledger_adds_up_over_its_business_lines(call: Caller) -> None:
    truth = call.box.truth("bitget-unified")
    reported: dict[str, Any] = {}
    for line in LINES:
        found = rows(call, FINANCIAL, 90, 30, category=line)
        assert all(row["category"].upper() == line for row in found)
        reported |= {row["id"]: row for row in found}
    floor = call.now - 90 * DAY + 1_000
    real = {
        move["record_id"]: move
        for move in truth["movements"]
        if move["wallet"] == "unified" and to_ms(datetime.fromisoformat(move["at"])) >= floor
    }
    assert reported.keys() == real.keys()
    assert {row["category"] for row in reported.values()} >= {"SPOT", "OTHER"}


def test_a_cursor_is_opaque_and_leads_through_a_crowded_moment(call: Caller) -> None:
    end = call.now
    found = pages(call, FILLS, end - 30 * DAY, end, limit=7)
    ids = [row["execId"] for page in found for row in page]
    assert len(found) > 3 and len(ids) == len(set(ids))
    whole = pages(call, FILLS, end - 30 * DAY, end)
    assert ids == [row["execId"] for page in whole for row in page]
    data = call.data(FILLS, startTime=end - 30 * DAY, endTime=end, limit=7)
    assert data["cursor"] not in {data["list"][-1]["execId"], data["list"][0]["execId"]}


def test_executions_lie_before_their_ledger_rows_and_charge_positive_fees(call: Caller) -> None:
    fills = rows(call, FILLS, 30, 30)
    ledger = {
        (line, row["ts"])
        for line in LINES
        for row in rows(call, FINANCIAL, 30, 30, category=line)
    }
    assert {fill["category"] for fill in fills} >= {"SPOT", "USDT-FUTURES"}
    for fill in fills:
        assert (fill["category"], str(int(fill["createdTime"]) + 5)) in ledger
        assert not fill["feeDetail"][0]["fee"].startswith("-")


def test_assets_equal_the_sum_of_movements(call: Caller) -> None:
    truth = call.box.truth("bitget-unified")["balances"]["unified"]
    reported = {row["coin"]: row["balance"] for row in call.data(ASSETS)["assets"]}
    assert reported == {coin: amount for coin, amount in truth.items() if amount != "0"}


def test_conversions_have_no_id(call: Caller) -> None:
    found = rows(call, CONVERTS, 90, 30)
    assert found and all("id" not in row for row in found)


def test_the_page_of_tax_records_can_be_limited(box: Sandbox) -> None:
    with Sandbox(
        now=NOW, exchanges=["bitget"], options={"bitget.unified_tax_max_limit": 100}
    ) as other:
        caller = Caller(other, "bitget-unified")
        end = caller.now
        answer = caller.get(TAX, bizType="SPOT", startTime=end - DAY, endTime=end, limit=500)
        assert code(answer) == (400, "40020")
