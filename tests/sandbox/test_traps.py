"""Traps of the exchanges' APIs, which a naive client would miss.

No time given, one bound given, inclusive ends, different units, delisted pairs. Each simulator has
its own tests; here are the traps that several share.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
import requests

from pipelines.sandbox.bigone import keys as bigone_keys
from pipelines.sandbox.bitmart import keys as bitmart_keys
from pipelines.sandbox.bitmex.keys import iso
from pipelines.sandbox.engine.clock import to_ms
from pipelines.sandbox.engine.server import Sandbox
from tests.sandbox.bitget_caller import Caller as BitgetCaller
from tests.sandbox.test_bigone import Caller as BigoneCaller
from tests.sandbox.test_bitmart import Caller as BitmartCaller
from tests.sandbox.test_bitmex import Client as BitmexCaller

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)
NOW_MS = to_ms(NOW)
DAY = 86_400_000
FILLS, V3 = "/api/v2/spot/trade/fills", "/api/v3"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    options = {"bitget.unified_fills": 300}
    with Sandbox(size=600, now=NOW, years=1.2, options=options) as running:
        yield running


# -- no time given: never everything


def test_bitmart_spot_fills_and_orders_are_of_seven_days(box: Sandbox) -> None:
    main = BitmartCaller(box)
    for path in ("/spot/v4/query/trades", "/spot/v4/query/history-orders"):
        few = main.post(path, {}).json()["data"]
        span = {"startTime": NOW_MS - 7 * DAY, "endTime": NOW_MS}
        assert few == main.post(path, span).json()["data"] and few
        more = main.post(path, {"startTime": NOW_MS - 60 * DAY, "endTime": NOW_MS}).json()["data"]
        assert len(more) > len(few)


@pytest.mark.parametrize(
    ("path", "more", "days", "time"),
    [(f"{V3}/account/financial-records", {"category": "SPOT"}, 30, "ts"),
     (f"{V3}/trade/fills", {}, 30, "createdTime")],
)  # fmt: skip
def test_bitget_unified_lists_are_of_thirty_days(
    box: Sandbox, path: str, more: dict[str, str], days: int, time: str
) -> None:
    main = BitgetCaller(box, "bitget-unified")
    reported: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while page := main.data(path, limit=100, **more, **cursor):
        if not page["list"]:
            break
        reported += page["list"]
        cursor = {"cursor": page["cursor"]}
    assert reported and min(int(row[time]) for row in reported) >= NOW_MS - days * DAY
    span = {"startTime": NOW_MS - 2 * days * DAY, "endTime": NOW_MS - days * DAY - 1}
    assert main.data(path, limit=100, **more, **span)["list"]


def test_bitget_fills_have_ninety_days_and_a_hundred_rows(box: Sandbox) -> None:
    main = BitgetCaller(box)
    assert len(main.data(FILLS)) <= 100
    whole = [t for t in box.truth("bitget-main")["trades"]
             if to_ms(datetime.fromisoformat(t["traded_at"])) >= NOW_MS - 90 * DAY]  # fmt: skip
    assert len(whole) > 100
    # Moves between wallets have such a default, too, and rows older than it.
    path = "/api/v2/spot/account/transferRecords"
    recent = {row["transferId"] for row in main.data(path, coin="USDT")}
    old = {"startTime": NOW_MS - 300 * DAY, "endTime": NOW_MS - 211 * DAY}
    assert {row["transferId"] for row in main.data(path, coin="USDT", **old)} - recent


def test_bigone_lists_begin_with_twenty_and_pending_ones(box: Sandbox) -> None:
    main = BigoneCaller(box)
    assert len(main.data("/api/v3/viewer/trades", asset_pair_name="BTC-USDT")) in (19, 20)
    states = {r["state"] for r in main.data("/api/v3/viewer/orders", asset_pair_name="BTC-USDT")}
    assert states == {"PENDING"}


def test_bitmex_answers_with_a_hundred_of_its_oldest(box: Sandbox) -> None:
    main = BitmexCaller(box)
    page = main.get("/execution/tradeHistory")
    assert len(page) == 100
    assert page == main.get("/execution/tradeHistory", count=500)[:100]


# -- one bound given


def times(rows: list[dict[str, Any]], name: str) -> list[int]:
    return [int(row[name]) for row in rows]


def test_bitmart_a_start_alone_means_from_there_on(box: Sandbox) -> None:
    main = BitmartCaller(box)
    start = NOW_MS - 20 * DAY
    alone = main.post("/spot/v4/query/trades", {"startTime": start}).json()["data"]
    span = {"startTime": start, "endTime": NOW_MS}
    assert alone == main.post("/spot/v4/query/trades", span).json()["data"] and alone
    ledger = "/contract/private/transaction-history"
    alone = main.get(ledger, start_time=start, page_size=1000).json()["data"]
    both = main.get(ledger, start_time=start, end_time=NOW_MS, page_size=1000).json()["data"]
    assert alone == both and min(times(alone, "time")) < NOW_MS - 7 * DAY


def test_bitmart_an_end_alone_means_seven_days_before_it(box: Sandbox) -> None:
    main = BitmartCaller(box)
    end = NOW_MS - 20 * DAY
    rows = main.post("/spot/v4/query/trades", {"endTime": end}).json()["data"]
    reported = times(rows, "createTime")
    assert reported and end - 7 * DAY <= min(reported) and max(reported) <= end
    rows = main.get("/contract/private/trades", end_time=end // 1_000).json()["data"]
    reported = times(rows, "create_time")
    assert reported and end - 7 * DAY <= min(reported) and max(reported) <= end


@pytest.mark.parametrize("name", ["startTime", "endTime"])
def test_bitmex_one_bound_leaves_the_other_side_open(box: Sandbox, name: str) -> None:
    main = BitmexCaller(box)
    every = main.paginate("/execution/tradeHistory", 500)
    middle = every[len(every) // 2]["timestamp"]
    rows = main.paginate("/execution/tradeHistory", 500, **{name: middle})
    after = name == "startTime"
    kept = [row for row in every
            if (row["timestamp"] >= middle if after else row["timestamp"] <= middle)]  # fmt: skip
    assert rows == kept and 0 < len(rows) < len(every)


def test_bitget_a_start_alone_means_from_there_on(box: Sandbox) -> None:
    start = NOW_MS - 20 * DAY
    for label, path, more in (("bitget-main", FILLS, {}),
                              ("bitget-unified", f"{V3}/trade/fills", {})):  # fmt: skip
        main = BitgetCaller(box, label)
        alone = main.data(path, startTime=start, **more)
        both = main.data(path, startTime=start, endTime=NOW_MS, **more)
        assert alone == both and (alone["list"] if isinstance(alone, dict) else alone)


# -- ends count as inside, in the unit of the route


def test_bitmart_both_ends_are_inside_and_in_the_routes_unit(box: Sandbox) -> None:
    main = BitmartCaller(box)
    rows = main.post("/spot/v4/query/trades", {"startTime": NOW_MS - 60 * DAY}).json()["data"]
    row = rows[len(rows) // 2]
    span = {"startTime": row["createTime"] - 1, "endTime": row["createTime"]}
    assert row in main.post("/spot/v4/query/trades", span).json()["data"]
    span = {"startTime": row["createTime"], "endTime": row["createTime"] + 1}
    assert row in main.post("/spot/v4/query/trades", span).json()["data"]
    fills = main.get("/contract/private/trades", start_time=NOW_MS // 1_000 - 86_400 * 60)
    at = fills.json()["data"][0]["create_time"]
    second = {"start_time": at // 1_000, "end_time": at // 1_000 + 1}
    assert at in times(main.get("/contract/private/trades", **second).json()["data"],
                       "create_time")  # fmt: skip
    # The same moment in milliseconds lies far in the future of a route that takes seconds.
    wrong = {"start_time": at - 1, "end_time": at + 1}
    assert main.get("/contract/private/trades", **wrong).json()["data"] == []


def test_bitmart_can_have_an_exclusive_end() -> None:
    options = {"bitmart.exclusive_end": True}
    with Sandbox(size=300, now=NOW, exchanges=["bitmart"], options=options) as box:
        main = BitmartCaller(box)
        row = main.post("/spot/v4/query/trades", {"startTime": NOW_MS - 60 * DAY}).json()["data"][0]
        span = {"startTime": row["createTime"] - 1, "endTime": row["createTime"]}
        assert row not in main.post("/spot/v4/query/trades", span).json()["data"]


def test_bitget_unified_both_ends_are_inside(box: Sandbox) -> None:
    main = BitgetCaller(box, "bitget-unified")
    rows = main.data(f"{V3}/trade/fills")["list"]
    at = int(rows[len(rows) // 2]["createdTime"])
    for span in ({"startTime": at, "endTime": at}, {"startTime": at, "endTime": at + 1}):
        found = main.data(f"{V3}/trade/fills", **span)["list"]
        assert str(at) in {row["createdTime"] for row in found}


def test_a_quiet_span_is_empty_at_every_exchange(box: Sandbox) -> None:
    """And rows lie on both sides of it."""
    spot = [t for t in box.truth("bitmart-main")["trades"] if t["product_type"] == "spot"]
    reported = box.truth("bitmex-main")["trades"], spot
    for trades, ask in zip(reported, (bitmex_fills, bitmart_fills), strict=True):
        moments = sorted(to_ms(datetime.fromisoformat(t["traded_at"])) for t in trades)
        recent = [at for at in moments if at >= NOW_MS - 80 * DAY]
        width, before, after = max((b - a, a, b) for a, b in pairwise(recent))
        assert width > DAY
        assert ask(box, before + 1_000, after - 1_000) == 0
        assert ask(box, before - 1, before + 1) and ask(box, after - 1, after + 1)


def bitmex_fills(box: Sandbox, start: int, end: int) -> int:
    span = {"startTime": iso(start), "endTime": iso(end), "filter": '{"execType":"Trade"}'}
    return len(BitmexCaller(box).get("/execution/tradeHistory", **span))


def bitmart_fills(box: Sandbox, start: int, end: int) -> int:
    span = {"startTime": start, "endTime": end}
    return len(BitmartCaller(box).post("/spot/v4/query/trades", span).json()["data"])


# -- what is listed no more


def test_bitmart_delisted_pairs_and_their_coins_are_not_listed(box: Sandbox) -> None:
    base = box.account("bitmart-main")["base_url"]
    for path, name, gone in (
        ("/spot/v1/symbols/details", "symbols", "OLDX_USDT"),
        ("/spot/v1/currencies", "currencies", "OLDX"),
        ("/account/v1/currencies", "currencies", "OLDX"),
    ):
        assert gone not in requests.get(base + path, timeout=9).text
        assert requests.get(base + path, timeout=9).json()["data"][name]
    assert any(t["market"] == "OLDX_USDT" for t in box.truth("bitmart-main")["trades"])


def test_bitmex_expired_contracts_are_not_among_the_active_ones(box: Sandbox) -> None:
    main = BitmexCaller(box)
    active = {row["symbol"] for row in main.get("/instrument/active")}
    every = {row["symbol"] for row in main.paginate("/instrument", 500)}
    traded = {row["symbol"] for row in main.paginate("/execution/tradeHistory", 500)}
    assert traded - active and traded <= every
    assert main.get("/execution/tradeHistory", symbol="NOSUCH") == []


# -- signatures: the documented vectors, computed by the simulators' own code


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"orderMode":"spot","startTime":1753401600000,"endTime":1755993600000,"limit":200}',
            "193ff0880ca65afd148f65ddd0ed631125cbb840b296b96eeeb97e4fc27586a3",
        ),
        (b"{}", "1a4308317be93dc3d8a4654c0808222890df25ac29fbad47991febf558077a80"),
        (b"", "8cd963cf7bf5e5239281856a418947dad1795b9cf95908b74532702596d0d7b5"),
    ],
)
def test_bitmart_checks_the_references_vectors(body: bytes, expected: str) -> None:
    secret = "0123456789abcdef" * 4
    assert bitmart_keys.sign(secret, "1756000000000", "tax-memo", body) == expected


@pytest.mark.parametrize(
    ("more", "signature"),
    [
        ({}, "0BdWBj4t4QBUFCr1XLZWlkmlGVTx7dKFLSFldqLOIEg"),
        ({"recv_window": "30"}, "VCgwemtVWL7lEThp3qkYo5MuOKe43NZodiZYeTnBOBI"),
    ],
)
def test_bigone_reads_the_references_tokens(more: dict[str, str], signature: str) -> None:
    claims = {
        "type": "OpenAPIV2", "sub": "11111111-2222-3333-4444-555555555555",
        "nonce": "1735689600000000000", **more,
    }  # fmt: skip
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    text = ".".join(
        base64.urlsafe_b64encode(json.dumps(part, separators=(",", ":")).encode())
        .decode().rstrip("=")
        for part in parts
    )  # fmt: skip
    token = f"{text}.{signature}"
    assert bigone_keys.read_token(token, "bigone-demo-secret") == claims
    assert bigone_keys.read_token(token, "another-secret") is None
    assert bigone_keys.read_token(f"{token[:-1]}J", "bigone-demo-secret") is None
