"""BitMEX's simulator against its documentation, by requests with an independent signature."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests

from pipelines import registry
from pipelines.files.recognition import recognise
from pipelines.home import PROJECT
from pipelines.sandbox.bitmex.keys import check, signature
from pipelines.sandbox.engine.adapter import Call, Card
from pipelines.sandbox.engine.server import Sandbox
from pipelines.sandbox.engine.wire import Key, Refusal

SCALES = {"BTC": 8, "USDT": 6, "ETH": 9, "SOL": 9, "BMEX": 6}
CODES = {"XBt": "BTC", "USDt": "USDT", "Gwei": "ETH", "LAMp": "SOL", "BMEx": "BMEX"}
CLOSED = datetime(2026, 9, 23, 4, tzinfo=UTC)


class Client:
    """One account's signed requests, and nothing else of a client."""

    def __init__(self, box: Sandbox, label: str = "bitmex-main") -> None:
        self.box = box
        self.card = box.account(label)
        self.session = requests.Session()

    def ask(
        self, route: str, *, verb: str = "GET", headers: dict[str, str] | None = None,
        body: str = "", **params: Any,
    ) -> requests.Response:  # fmt: skip
        target = f"/api/v1{route}" + (f"?{urlencode(params, quote_via=quote)}" if params else "")
        if headers is None:
            headers = self.sign(target, verb, body)
        return self.session.request(
            verb, self.card["base_url"] + target, headers=headers, data=body or None, timeout=30
        )

    def sign(self, target: str, verb: str = "GET", body: str = "", late: int = 0) -> dict[str, str]:
        expires = str(int(self.box.now.timestamp()) + 60 - late)
        message = f"{verb}{target}{expires}{body}".encode()
        digest = hmac.new(self.card["secret"].encode(), message, hashlib.sha256).hexdigest()
        return {"api-key": self.card["key"], "api-expires": expires, "api-signature": digest}

    def get(self, route: str, **params: Any) -> Any:
        answer = self.ask(route, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def paginate(self, route: str, count: int, **params: Any) -> list[dict[str, Any]]:
        """Every page, by offset, until one is short."""
        rows: list[dict[str, Any]] = []
        while True:
            page = self.get(route, count=count, start=len(rows), **params)
            rows += page
            if len(page) < count:
                return rows


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """After the exchange's end, by the real clock."""
    with Sandbox(size="small", exchanges=["bitmex"]) as running:
        yield running


@pytest.fixture(scope="module")
def main(box: Sandbox) -> Client:
    return Client(box)


@pytest.fixture
def living() -> Iterator[Sandbox]:
    """Some days before the end, with positions open."""
    now = datetime(2026, 9, 20, 12, tzinfo=UTC)
    with Sandbox(size="tiny", exchanges=["bitmex"], now=now) as running:
        yield running


def error(answer: requests.Response) -> tuple[int, str, str]:
    reported = answer.json()["error"]
    return answer.status_code, reported["message"], reported["name"]


# -- signatures and refusals


SECRET = "chNOOS4KvNXR_Xq4k4c9qsfoKWvnDecLATCRlcBwyKDYnWgO"
ORDER = (
    '{"symbol":"XBTM15","price":219.0,"clOrdID":"mm_bitmex_1a/oemUeQ4CAJZgP3fjHsA","orderQty":98}'
)
VECTORS = [
    ("GET", "/api/v1/instrument", "1518064236", "",
     "c7682d435d0cfe87c16098df34ef2eb5a549d4c5a3c2b1f0f77b8af73423bf00"),
    ("GET", "/api/v1/instrument?filter=%7B%22symbol%22%3A+%22XBTM15%22%7D", "1518064237", "",
     "e2f422547eecb5b3cb29ade2127e21b858b235b386bfa45e1c1756eb3383919f"),
    ("POST", "/api/v1/order", "1518064238", ORDER,
     "1749cd2ccae4aa49048ae09f0b95110cee706e0944e6a14ad0b3a8cb45bd336b"),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "target", "expires", "body", "digest"), VECTORS)
def test_the_published_signatures_are_accepted(
    verb: str, target: str, expires: str, body: str, digest: str
) -> None:
    key = Key("doc", "doc", "1")
    card = Card(exchange="bitmex", label="doc", key="LAqUlngMIQkIUjXMUreyu3qn", secret=SECRET,
                uid="1", profile="doc", account_id="bitmex:1")  # fmt: skip
    headers = {"api-key": card.key, "api-expires": expires, "api-signature": digest}
    path, _, query = target.partition("?")
    call = Call(verb, path, path, query, headers, "127.0.0.1", body.encode())
    assert signature(SECRET, verb, target, expires, body.encode()) == digest
    now = int(expires) * 1_000
    check(call, key, card, now)
    with pytest.raises(Refusal, match="expires"):
        check(call, key, card, now + 1)


@pytest.mark.parametrize(
    "query",
    ["filter=%7B%22symbol%22%3A+%22XBTUSD%22%7D", "filter=%7b%22symbol%22:%20%22XBTUSD%22%7d"],
)
def test_the_signature_is_over_the_target_as_sent(box: Sandbox, main: Client, query: str) -> None:
    """By `http.client`: requests would tidy the escapes after they were signed."""
    target = f"/api/v1/execution/tradeHistory?count=3&{query}"
    connection = HTTPConnection(box.url.removeprefix("http://"))
    connection.request("GET", f"/bitmex{target}", headers=main.sign(target))
    rows = json.loads(connection.getresponse().read())
    connection.close()
    assert [row["symbol"] for row in rows] == ["XBTUSD"] * 3


def test_every_refusal_has_its_status_and_words(box: Sandbox, main: Client) -> None:
    target = "/api/v1/user/wallet"
    good = main.sign(target)
    said = {
        "none": main.ask("/user/wallet", headers={}),
        "unknown": main.ask("/user/wallet", headers=good | {"api-key": "x" * 24}),
        "wrong": main.ask("/user/wallet", headers=good | {"api-signature": "0" * 64}),
        "float": main.ask("/user/wallet", headers=good | {"api-expires": "1995246487.5"}),
        "other path": main.ask("/user/margin", headers=good),
        "disabled": Client(box, "bitmex-disabled").ask("/user/wallet"),
        "address": Client(box, "bitmex-ip-bound").ask("/user/wallet"),
        "order": main.ask("/order", verb="POST", body='{"symbol":"XBTUSD"}'),
        "missing": main.ask("/nothing"),
        "public": main.ask("/wallet/assets", headers=good),
    }
    assert {name: error(answer)[:2] for name, answer in said.items()} == {
        "none": (401, "Authorization Required"),
        "unknown": (401, "Invalid API Key."),
        "wrong": (401, "Signature not valid."),
        "float": (401, "Signature not valid."),
        "other path": (401, "Signature not valid."),
        "disabled": (403, "This key is disabled."),
        "address": (403, "This IP address is not allowed to use this key."),
        "order": (403, "Access Denied"),
        "missing": (404, "Not Found"),
        "public": (401, "Signature not valid."),
    }
    assert {error(answer)[2] for answer in said.values()} == {"HTTPError"}


def test_an_expired_request_is_a_400_with_the_time(main: Client) -> None:
    answer = main.ask("/user", headers=main.sign("/api/v1/user", late=70))
    status, message, _ = error(answer)
    assert status == 400
    assert message.startswith("This request has expired - `expires` is in the past. Current time: ")
    assert abs(int(message.rsplit(" ", 1)[1]) - main.box.now.timestamp()) < 5


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"count": 501},
            "Maximum result count is 500. Please use the start & count params to paginate.",
        ),
        ({"count": -1}, "Count must be a positive integer."),
        ({"count": "many"}, "'count' must be a number."),
        ({"start": "x"}, "start is invalid"),
        ({"startTime": "yesterday"}, "startTime is invalid"),
        ({"endTime": "2020-13-01"}, "endTime is invalid"),
        ({"columns": '["nope"]'}, "columns are not valid"),
        ({"filter": '{"nope":1}'}, "filter columns are not valid"),
        ({"filter": "{nope"}, "filter values are not valid"),
    ],
)
def test_nonsense_in_a_table_request_is_a_400(
    main: Client, params: dict[str, Any], message: str
) -> None:
    assert error(main.ask("/execution/tradeHistory", **params))[:2] == (400, message)


def test_only_the_ledger_takes_more_than_500_rows_a_page(main: Client) -> None:
    assert main.ask("/user/walletHistory", count=10_000).status_code == 200
    assert error(main.ask("/user/walletHistory", count=10_001))[1].startswith(
        "Maximum result count is 10000."
    )
    assert error(main.ask("/order", filter='{"open":false}'))[0] == 400
    assert main.get("/execution/tradeHistory", symbol="NOPE") == []


def test_key_rights_are_in_its_entry_or_the_list(box: Sandbox, main: Client) -> None:
    mine = main.get("/apiKey/self")
    assert mine["permissions"] == [] and mine["enabled"] and "secret" not in mine
    permissions = {
        label: Client(box, f"bitmex-{label}").get("/apiKey/self")["permissions"]
        for label in ("trading", "canceling", "withdrawing")
    }
    assert permissions == {
        "trading": ["order"], "canceling": ["orderCancel"], "withdrawing": ["withdraw"]
    }  # fmt: skip
    older = Client(box, "bitmex-older")
    assert older.ask("/apiKey/self").status_code == 404
    assert [key["id"] for key in older.get("/apiKey")] == [older.card["key"]]


# -- pages


@pytest.mark.parametrize("reverse", ["true", "false"])
def test_walking_the_ledger_gives_the_truth(box: Sandbox, main: Client, reverse: str) -> None:
    rows = main.paginate("/user/walletHistory", 97, currency="all", reverse=reverse)
    truth = box.truth("bitmex-main")
    done = [row for row in rows if row["transactStatus"] == "Completed"]
    reported = {move["record_id"]: move for move in truth["movements"]}
    assert len(rows) == truth["counts"]["wallet_history"]
    assert {row["transactID"] for row in done} == set(reported)
    for row in done:
        move = reported[row["transactID"]]
        asset = CODES[row["currency"]]
        assert (move["asset"], move["at"]) == (asset, row["timestamp"])
        assert Decimal(move["amount"]).scaleb(SCALES[asset]) == row["amount"]
    times = [row["timestamp"] for row in rows]
    assert times == sorted(times, reverse=reverse == "true")


def test_newest_first_and_oldest_first_are_mirror_images(main: Client) -> None:
    for route, params in (("/user/walletHistory", {"currency": "all"}), ("/order", {})):
        forth = main.paginate(route, 300, reverse="false", **params)
        assert main.paginate(route, 300, reverse="true", **params) == forth[::-1]


def test_the_ledger_defaults_to_newest_first(main: Client) -> None:
    ledger = [row["timestamp"] for row in main.get("/user/walletHistory", count=50)]
    fills = [row["timestamp"] for row in main.get("/execution/tradeHistory")]
    assert ledger == sorted(ledger, reverse=True)
    assert fills == sorted(fills) and len(fills) == 100  # the default page


def test_rows_of_one_moment_come_by_address_when_newest_first(main: Client) -> None:
    rows = main.paginate("/user/walletHistory", 10_000, currency="all")
    groups: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        groups[row["timestamp"]].append(row.get("address", ""))
    tied = [addresses for addresses in groups.values() if len(set(addresses)) > 1]
    assert tied and all(addresses == sorted(addresses) for addresses in tied)


def test_a_tie_larger_than_a_page_is_paginated_by_offset(box: Sandbox, main: Client) -> None:
    rows = main.paginate("/execution/tradeHistory", 50)
    moment, size = Counter(row["timestamp"] for row in rows).most_common(1)[0]
    assert size > 150
    tied = main.paginate("/execution/tradeHistory", 50, startTime=moment, endTime=moment)
    assert len({row["execID"] for row in tied}) == size == len(tied)
    truth = box.truth("bitmex-main")
    assert len(rows) == truth["counts"]["trade_history"]
    trades = [row["execID"] for row in rows if row["execType"] == "Trade"]
    assert trades == [trade["record_id"] for trade in truth["trades"]]


def test_both_ends_of_a_window_are_inside(main: Client) -> None:
    rows = main.paginate("/execution/tradeHistory", 500)
    first, last = rows[100]["timestamp"], rows[300]["timestamp"]
    window = main.paginate("/execution/tradeHistory", 500, startTime=first, endTime=last)
    assert window == [row for row in rows if first <= row["timestamp"] <= last]
    assert main.get("/execution/tradeHistory", startTime=first, count=1) == [
        next(row for row in rows if row["timestamp"] == first)
    ]


def test_filters_and_columns(main: Client) -> None:
    rows = main.paginate("/execution/tradeHistory", 500)
    requested = {"execType": ["Funding", "Settlement"], "symbol": "XBTUSD"}
    found = main.paginate("/execution/tradeHistory", 7, filter=json.dumps(requested))
    assert found == [
        row for row in rows
        if row["symbol"] == "XBTUSD" and row["execType"] in ("Funding", "Settlement")
    ]  # fmt: skip
    last = main.get("/execution/tradeHistory", reverse="true", count=2,
                    filter='{"execType":"Funding"}', columns='["execComm","symbol"]')  # fmt: skip
    assert [set(row) for row in last] == [{"execID", "execComm", "symbol"}] * 2
    spot = main.paginate("/execution/tradeHistory", 500, symbol="XBT_USDT")
    assert {row["symbol"] for row in spot} == {"XBT_USDT"}


@pytest.mark.parametrize("route", ["/user/walletHistory", "/execution/tradeHistory", "/order"])
def test_csv_has_every_column_and_the_same_rows(main: Client, route: str) -> None:
    reported = main.ask(route, count=120).text
    rows = json.loads(reported, parse_int=str, parse_float=str)
    answer = main.ask(route, count=120, _format="csv")
    assert answer.headers["content-type"].startswith("text/csv")
    table = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(table) == len(rows) and "timestamp" in table[0]
    for line, row in zip(table, rows, strict=True):
        filled = {column: cell for column, cell in line.items() if cell}
        assert filled == {
            column: str(value).lower() if isinstance(value, bool) else value
            for column, value in row.items() if value not in ("", None)
        }  # fmt: skip


# -- the ledger


def test_completed_rows_sum_to_the_balance_in_every_currency(box: Sandbox, main: Client) -> None:
    sums: Counter[str] = Counter()
    for row in main.paginate("/user/walletHistory", 10_000, currency="all"):
        if row["transactStatus"] == "Completed":
            sums[row["currency"]] += row["amount"]
    wallets = {row["currency"]: row for row in main.get("/user/wallet", currency="all")}
    assert len(wallets) == 15 and set(sums) <= set(wallets)
    for currency, wallet in wallets.items():
        assert wallet["amount"] == sums[currency]
    for code, balance in box.truth("bitmex-main")["balances"]["main"].items():
        currency = next(c for c, ours in CODES.items() if ours == code)
        assert Decimal(balance).scaleb(SCALES[code]) == sums[currency]
    one = main.get("/user/wallet")
    assert one == wallets["XBt"]
    assert one["transferIn"] - one["transferOut"] == sum(
        row["amount"] for row in main.get("/user/walletHistory")
        if row["transactType"] == "Transfer"
    )  # fmt: skip


def test_the_summary_is_the_grouped_history(main: Client) -> None:
    groups: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in main.paginate("/user/walletHistory", 10_000, currency="all"):
        if row["transactStatus"] == "Completed":
            kind = row["transactType"]
            symbol = row["address"] if kind == "RealisedPNL" else ""
            for key in ((row["currency"], kind, symbol), (row["currency"], "Total", "")):
                groups[key][0] += row["amount"]
                groups[key][1] += row.get("fee", 0)
    summary = main.get("/user/walletSummary", currency="all")
    assert {
        (row["currency"], row["transactType"], row.get("symbol", "")): [row["amount"], row["fee"]]
        for row in summary
    } == groups


def test_a_summary_can_be_requested_for_a_span(main: Client) -> None:
    since, until = "2025-01-01T00:00:00.000Z", "2025-07-01T00:00:00.000Z"
    rows = main.get("/user/walletSummary", startTime=since, endTime=until)
    total = next(row for row in rows if row["transactType"] == "Total")
    history = main.paginate("/user/walletHistory", 10_000)
    assert total["amount"] == sum(
        row["amount"] for row in history
        if row["transactStatus"] == "Completed" and since <= row["timestamp"] <= until
    )  # fmt: skip


def test_executions_explain_the_profit_and_the_position(living: Sandbox) -> None:
    client = Client(living)
    held: Counter[str] = Counter()
    for row in client.paginate("/execution/tradeHistory", 500):
        if row["execType"] != "Funding" and "settlCurrency" in row:
            held[row["symbol"]] += row["lastQty"] * (1 if row["side"] == "Buy" else -1)
    positions = {row["symbol"]: row["currentQty"] for row in client.get("/position")}
    assert positions == dict(held) and sum(map(bool, positions.values())) == 2
    living.set_now(CLOSED + timedelta(days=1))
    profit: Counter[str] = Counter()
    for row in client.paginate("/execution/tradeHistory", 500):
        if "settlCurrency" in row:
            cost = 0 if row["execType"] == "Funding" else row["execCost"]
            profit[row["settlCurrency"]] -= cost + row["execComm"]
    booked: Counter[str] = Counter()
    for row in client.paginate("/user/walletHistory", 10_000, currency="all"):
        if row["transactType"] in ("RealisedPNL", "Funding"):
            booked[row["currency"]] += row["amount"]
    assert profit == booked
    assert not any(row["currentQty"] for row in client.get("/position"))
    assert client.get("/execution/tradeHistory", reverse="true")[0]["execType"] == "Settlement"


def test_costs_follow_the_contract(main: Client) -> None:
    """Inverse: a buy is negative. Linear and quanto: a buy is positive."""
    signs = set()
    for row in main.paginate("/execution/tradeHistory", 500):
        if row["execType"] == "Trade":
            signs.add((row["symbol"][:7], row["side"], row["execCost"] > 0))
            assert abs(row["execComm"] - abs(row["execCost"]) * row["commission"]) <= 1
        if row["symbol"] == "XBTUSD":
            expected = Decimal(100_000_000) * row["lastQty"] / Decimal(str(row["lastPx"]))
            assert abs(abs(row["execCost"]) - expected) < 1
    assert {("XBTUSD", "Buy", False), ("XBTUSD", "Sell", True), ("XBTUSDT", "Buy", True),
            ("ETHUSD", "Buy", True), ("XBTUSDT", "Sell", False)} <= signs  # fmt: skip


def test_funding_comes_thrice_a_day_and_shares_its_match(main: Client) -> None:
    rows = main.paginate("/execution/tradeHistory", 500, filter='{"execType":"Funding"}')
    hours: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        assert row["transactTime"][11:] in ("04:00:00.000Z", "12:00:00.000Z", "20:00:00.000Z")
        assert row["timestamp"] > row["transactTime"]
        hours[row["transactTime"]].add(row["trdMatchID"])
    assert all(len(matches) == 1 for matches in hours.values())
    rates = {
        row["timestamp"]: row["fundingRate"]
        for row in main.paginate("/funding", 500, symbol="XBTUSD", startTime="2026-01-01")
    }
    ours = [row for row in rows if row["symbol"] == "XBTUSD" and row["timestamp"] > "2026"]
    assert ours and all(abs(row["commission"]) == abs(rates[row["transactTime"]]) for row in ours)


def regime(row: dict[str, Any]) -> str:
    at = row["timestamp"]
    if row["transactTime"] <= "2024-04-09T12:00:00.000Z":
        return "R0"
    if at < "2024-09-03":
        return "R1"
    return "R2" if at < "2024-10-01T12:00" else "R3"


@pytest.fixture(scope="module")
def profits(main: Client) -> dict[str, list[dict[str, Any]]]:
    """Profit and funding rows of the wallet by regime."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in main.paginate("/user/walletHistory", 10_000, currency="all", reverse="false"):
        if row["transactType"] in ("RealisedPNL", "Funding"):
            rows[regime(row)].append(row)
    return rows


def test_the_daily_regime(profits: dict[str, list[dict[str, Any]]]) -> None:
    batches: dict[str, list[dict[str, Any]]] = defaultdict(list)
    seen = set()
    for row in profits["R0"]:
        assert row["transactType"] == "RealisedPNL" and row["fee"] == 0
        assert row["transactTime"].endswith("T12:00:00.000Z")
        assert not row["transactID"].startswith("00000000")
        key = (row["transactTime"], row["currency"], row["address"])
        assert key not in seen
        seen.add(key)
        batches[row["transactTime"]].append(row)
    for batch in batches.values():
        assert len({(row["tx"], row["timestamp"]) for row in batch}) == 1
        balances: dict[str, set[int]] = defaultdict(set)
        for row in batch:
            balances[row["currency"]].add(row["walletBalance"])
        assert all(len(reported) == 1 for reported in balances.values())
    assert any(len(batch) > 1 for batch in batches.values())


def test_the_regimes_of_single_events(profits: dict[str, list[dict[str, Any]]]) -> None:
    assert set(profits) == {"R0", "R1", "R2", "R3"}
    for name in ("R1", "R2", "R3"):
        assert all(
            row["transactID"].startswith("00000000-0077-1000-0000-") for row in profits[name]
        )
    assert all("fee" not in row and "orderID" not in row for row in profits["R1"])
    assert {row["transactType"] for row in profits["R2"]} == {"RealisedPNL"}
    assert all("fee" in row for row in profits["R2"] + profits["R3"])
    funding = [row for row in profits["R3"] if row["transactType"] == "Funding"]
    assert funding and all(row["amount"] == -row["fee"] for row in funding)
    opening = [row for row in profits["R3"] if row["amount"] == -row["fee"] != 0]
    assert len(opening) > len(funding)
    nameless = [
        row for row in profits["R3"]
        if row["transactType"] == "RealisedPNL" and "orderID" not in row
    ]  # fmt: skip
    # Settlements, and the forced sale of 2025-10-10.
    assert all(row["fee"] == 0 or row["timestamp"] < "2025-10-12" for row in nameless)


def test_daily_profit_is_its_executions(box: Sandbox) -> None:
    """Before positions were marked to the market, a day's row is its window's fills and funding."""
    client = Client(box, "bitmex-older")
    days = [row for row in client.paginate("/user/walletHistory", 10_000, reverse="false")
            if row["transactType"] == "RealisedPNL" and row["address"] == "XBTUSD"]  # fmt: skip
    fees = total = 0
    for day in days:
        rows = client.get("/user/executionHistory", symbol="XBTUSD", timestamp=day["transactTime"])
        assert rows, day
        fees -= sum(row["execComm"] for row in rows)
        total += fees + sum(-row["execCost"] for row in rows if row["execType"] != "Funding")
        fees = 0
    assert total == sum(day["amount"] for day in days)
    assert (
        client.get("/user/executionHistory", symbol="XBTUSD", timestamp="2021-01-01T11:00:00.000Z")
        == []
    )


def test_the_order_id_of_forced_fills_depends_on_the_year(box: Sandbox) -> None:
    shapes = defaultdict(set)
    for label in ("bitmex-older", "bitmex-main"):
        for row in Client(box, label).paginate("/execution/tradeHistory", 500):
            if row["execType"] != "Trade":
                shapes[row["timestamp"][:4]].add(row.get("orderID", "missing"))
    zero = "00000000-0000-0000-0000-000000000000"
    assert shapes["2018"] == shapes["2020"] == {zero}
    assert shapes["2021"] == shapes["2023"] == {""}
    assert shapes["2025"] == {"missing"}


def test_a_symbol_can_return_in_another_currency(main: Client) -> None:
    rows = main.paginate("/execution/tradeHistory", 500, symbol="AAVEUSDT")
    lives = {(row["timestamp"] < "2021-11-03", row["settlCurrency"]) for row in rows}
    assert lives == {(True, "XBt"), (False, "USDt")}


def test_conversions_and_spot_fills_are_pairs(main: Client) -> None:
    rows = main.paginate("/user/walletHistory", 10_000, currency="all", reverse="false")
    conversions = [row for row in rows if row["transactType"] == "Conversion"]
    assert conversions and len(conversions) % 2 == 0
    for given, got in zip(conversions[::2], conversions[1::2], strict=True):
        first, second = (datetime.fromisoformat(row["timestamp"]) for row in (given, got))
        apart = second - first
        assert timedelta(milliseconds=2) <= apart <= timedelta(milliseconds=40)
        assert given["amount"] < 0 < got["amount"] and "fee" not in got
        assert given["address"] == got["address"] == "XBTUSDT"
    spot: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in rows:
        if row["transactType"] == "SpotTrade":
            spot[row["timestamp"], row["address"]].append(row["amount"])
            assert "_" in row["address"] and row["fee"] == 0
    for amounts in spot.values():
        assert sum(a < 0 for a in amounts) == sum(a > 0 for a in amounts)


def test_nulls_are_left_out_and_money_is_whole(main: Client) -> None:
    text = main.ask("/user/walletHistory", currency="all").text
    assert "null" not in text
    for row in json.loads(text, parse_float=lambda _: pytest.fail("a fraction of a minor unit")):
        assert isinstance(row["amount"], int) and isinstance(row["walletBalance"], int)


# -- the smaller reads


def test_only_sub_account_keys_state_their_account(
    box: Sandbox, main: Client
) -> None:
    sub = Client(box, "bitmex-sub")
    assert "targetAccountId" not in main.get("/apiKey/self")
    assert str(sub.get("/apiKey/self")["targetAccountId"]) == sub.card["uid"]
    assert str(sub.get("/user/wallet")["account"]) == sub.card["uid"]


def test_a_parent_reads_its_subaccount_by_ledger_and_executions_only(
    box: Sandbox, main: Client
) -> None:
    sub = Client(box, "bitmex-sub")
    number = sub.card["uid"]
    ledger = main.get("/user/walletHistory", targetAccountId=number, currency="all")
    assert ledger == sub.get("/user/walletHistory", currency="all")
    rows = main.get("/execution/tradeHistory", targetAccountId=number)
    assert {str(row["account"]) for row in rows} == {number}
    everything = main.paginate("/execution/tradeHistory", 500, targetAccountIds="*")
    assert {str(row["account"]) for row in everything} == {number, main.card["uid"]}
    wallet = main.get("/user/wallet", targetAccountId=number)  # no such parameter: its own
    assert str(wallet["account"]) == main.card["uid"]
    stranger = Client(box, "bitmex-older").card["uid"]
    assert error(main.ask("/user/walletHistory", targetAccountId=stranger))[0] == 403


def test_margin_agrees_with_the_wallet(living: Sandbox) -> None:
    client = Client(living)
    wallets = {row["currency"]: row for row in client.get("/user/wallet", currency="all")}
    margins = {row["currency"]: row for row in client.get("/user/margin", currency="all")}
    assert set(margins) == {code for code, row in wallets.items() if row["amount"]}
    positions = client.get("/position")
    for code, row in margins.items():
        assert row["walletBalance"] == wallets[code]["amount"]
        profit = sum(p["unrealisedPnl"] for p in positions if p["currency"] == code)
        assert row["unrealisedPnl"] == profit
        assert row["marginBalance"] == row["walletBalance"] + profit
        assert ("riskLimit" in row) is (code in ("XBt", "USDt"))  # others are no margin
    assert client.get("/user/margin") == margins["XBt"]


def test_a_closed_position_stays_listed_with_every_field(living: Sandbox) -> None:
    rows = Client(living).get("/position", count=500)
    states = {row["isOpen"] for row in rows}
    assert states == {True, False}
    for row in rows:
        assert row["unrealisedPnl"] == row["markValue"] - row["unrealisedCost"]
        assert row["isOpen"] == (row["currentQty"] != 0) == ("avgEntryPrice" in row)
        assert {"posMargin", "openOrderBuyCost", "riskLimit", "maintMarginReq"} <= set(row)


ANSWERS = {
    "Execution": "/execution/tradeHistory", "Funding": "/funding", "Instrument": "/instrument",
    "Order": "/order", "Position": "/position", "Settlement": "/settlement",
    "Wallet": "/user/wallet", "Transaction": "/user/walletHistory",
    "Affiliate": "/user/affiliateStatus", "User": "/user", "Margin": "/user/margin",
}  # fmt: skip
FIELDS = PROJECT.parent / "shared" / "cases" / "23-bitmex-whole-field-sets" / "fields.json"


def names_in(client: Client, route: str) -> set[str]:
    reported = client.get(route, count=500)
    rows = reported if isinstance(reported, list) else [reported]
    return {name for row in rows for name in row}


@pytest.mark.parametrize(
    ("route", "fields"),
    [
        ("/instrument", {"volume24h", "fairMethod", "instrumentID", "hasLiquidity"}),
        ("/position", {"liquidationPrice", "breakEvenPrice", "posState"}),
        ("/settlement", {"bankrupt", "optionStrikePrice", "taxRate"}),
        ("/execution/tradeHistory", {"displayQty", "stopPx", "pegOffsetValue"}),
        ("/user/margin", {"grossExecCost", "prevRealisedPnl", "state"}),
    ],
)
def test_answers_have_fields_that_no_model_reads(
    living: Sandbox, route: str, fields: set[str]
) -> None:
    names = names_in(Client(living), route)
    assert fields <= names
    found = recognise(registry.exchange("bitmex").spec, sorted(names))
    assert found is not None and found.path.endswith(route)


@pytest.mark.skipif(not FIELDS.exists(), reason="the collected cases are not here")
def test_answers_have_the_whole_field_sets(living: Sandbox) -> None:
    client, sets = Client(living), json.loads(FIELDS.read_text(encoding="utf-8"))
    recorded = sets.pop(next(name for name in sets if "header" in name))
    for fields in (sets["2024-05-28"], recorded):
        for name, wanted in fields.items():
            assert set(wanted) <= names_in(client, ANSWERS[name]), name


def test_affiliate_payouts_are_those_of_the_ledger(main: Client) -> None:
    paid = [
        row["amount"] for row in main.paginate("/user/walletHistory", 10_000, reverse="false")
        if row["transactType"] == "AffiliatePayout"
    ]  # fmt: skip
    reported = main.get("/user/affiliateStatus")
    assert paid and (reported["affiliatePayout"], reported["prevPayout"]) == (sum(paid), paid[-1])
    other = main.get("/user/affiliateStatus", currency="USDt")
    assert (other["currency"], other["prevPayout"]) == ("USDt", 0) and "prevTimestamp" not in other
    assert error(main.ask("/user/affiliateStatus", currency="all"))[0] == 400  # not documented


def test_stakes_and_saved_addresses(box: Sandbox, main: Client) -> None:
    (stake,) = main.get("/user/staking")
    assert set(stake) == {"account", "amount", "currency"} and stake["currency"] == "BMEx"
    assert main.get("/user/staking", currency="XBt") == []
    saved = {(row["address"], row["network"]): row for row in main.get("/address")}
    sent = {
        (row["address"], row["network"])
        for row in main.paginate("/user/walletHistory", 10_000, currency="all")
        if row["transactType"] == "Withdrawal"
    }
    assert set(saved) == sent and all("account" not in row for row in saved.values())
    empty = Client(box, "bitmex-empty")
    assert empty.get("/user/staking") == empty.get("/address") == []


def test_public_rates_of_one_symbol(main: Client) -> None:
    rates = main.paginate("/funding", 500, symbol="XBTUSD", startTime="2026-09-20T04:00:00.000Z")
    assert [row["timestamp"][5:16] for row in rates[:3]] == [
        "09-20T04:00", "09-20T12:00", "09-20T20:00"
    ]  # fmt: skip
    assert {row["symbol"] for row in rates} == {"XBTUSD"}
    assert main.get("/funding", symbol="XBTH25") == []
    (settled,) = main.get("/settlement", symbol="XBTH25")
    assert settled["settlementType"] == "Settlement" and settled["settledPrice"] > 0


# -- the clock


def test_a_pseudo_row_per_open_position_comes_first_and_counts(living: Sandbox) -> None:
    client = Client(living)
    page = client.get("/user/walletHistory", currency="all", count=5)
    assert [row["transactType"] for row in page[:2]] == ["UnrealisedPNL"] * 2
    assert len(page) == 5 and all(row["transactType"] != "UnrealisedPNL" for row in page[2:])
    for row in page[:2]:
        assert row["transactStatus"] == "Pending" and "transactID" not in row
        assert row["marginBalance"] == row["walletBalance"] + row["amount"]
        assert row["timestamp"] == "2026-09-20T12:00:00.000Z"
    rows = client.paginate("/user/walletHistory", 7, currency="all", reverse="false")
    assert [row["transactType"] for row in rows[-2:]] == ["UnrealisedPNL"] * 2
    assert rows[::-1][2:] == client.paginate("/user/walletHistory", 7, currency="all")[2:]
    assert len(client.get("/user/walletHistory", count=1)) == 1
    unrealised = {row["symbol"]: row["unrealisedPnl"] for row in client.get("/position")}
    assert {row["address"]: row["amount"] for row in page[:2]} == {
        symbol: profit for symbol, profit in unrealised.items() if profit
    }
    summary = client.get("/user/walletSummary", currency="all")
    for row in summary:
        if row.get("symbol"):
            assert row["marginBalance"] == row["amount"] + unrealised[row["symbol"]]


def test_old_pseudo_rows_have_a_zero_id_and_no_times(living: Sandbox) -> None:
    client = Client(living)
    fills = client.paginate("/execution/tradeHistory", 500)
    held: Counter[str] = Counter()
    for row in fills:
        if row["execType"] == "Trade" and row["symbol"] == "XBTUSD" and row["timestamp"] < "2024":
            held["XBTUSD"] += row["lastQty"] * (1 if row["side"] == "Buy" else -1)
            if held["XBTUSD"]:
                living.set_now(datetime.fromisoformat(row["timestamp"]) + timedelta(milliseconds=1))
                break
    row = client.get("/user/walletHistory", count=1)[0]
    assert row["transactID"] == "00000000-0000-0000-0000-000000000000"
    assert row["timestamp"] is None and row["transactTime"] is None


def test_rows_beyond_the_clock_are_not_there_yet(living: Sandbox) -> None:
    client = Client(living)
    moments = [datetime(2021, 6, 1, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC), living.now]
    sizes = []
    for moment in moments:
        living.set_now(moment)
        rows = client.paginate("/execution/tradeHistory", 500)
        assert all(datetime.fromisoformat(row["timestamp"]) <= moment for row in rows)
        done = [r for r in client.get("/user/walletHistory") if r["transactStatus"] == "Completed"]
        assert sum(row["amount"] for row in done) == client.get("/user/wallet")["amount"]
        answer = client.ask("/user")
        assert moment.strftime("%a, %d %b %Y %H:%M:%S GMT") == answer.headers["date"]
        sizes.append(len(rows))
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1]


def test_a_withdrawal_goes_from_pending_to_its_end(living: Sandbox) -> None:
    client = Client(living)
    states = []
    for hours in (-2, 3, 12):
        living.set_now(datetime(2026, 9, 20, 12, tzinfo=UTC) + timedelta(hours=hours))
        rows = client.get("/user/walletHistory")
        row = next(row for row in rows if row["transactType"] == "Withdrawal")
        wallet = client.get("/user/wallet")
        states.append((row["transactStatus"], wallet["pendingDebit"] == -row["amount"]))
        truth = living.truth("bitmex-main")["withdrawals"][-1]
        assert truth["status"] == ("completed" if states[-1][0] == "Completed" else "pending")
        assert row["transactTime"] <= row["timestamp"]
    assert states == [("Pending", True), ("Confirmed", True), ("Completed", False)]


def test_canceled_withdrawals_stay_and_move_nothing(box: Sandbox, main: Client) -> None:
    rows = main.paginate("/user/walletHistory", 10_000)
    canceled = [row for row in rows if row["transactStatus"] == "Canceled"]
    assert canceled and all(row["amount"] < 0 < row["fee"] for row in canceled)
    pending = [row for row in rows if row["transactStatus"] == "Pending"]
    assert [row["transactType"] for row in pending] == ["Withdrawal"]  # nobody answered it
    statuses = Counter(w["status"] for w in box.truth("bitmex-main")["withdrawals"])
    assert statuses["canceled"] == len(canceled) and statuses["pending"] == 1


def test_orders_change_until_they_end(living: Sandbox) -> None:
    client = Client(living)
    open_now = client.get("/order", filter='{"open":true}')
    assert [row["ordStatus"] for row in open_now] == ["New"] and open_now[0]["workingIndicator"]
    living.set_now(CLOSED + timedelta(hours=1))
    assert client.get("/order", filter='{"open":true}') == []
    later = {row["orderID"]: row for row in client.paginate("/order", 500)}
    changed = later[open_now[0]["orderID"]]
    assert changed["ordStatus"] == "Canceled" and changed["timestamp"] > open_now[0]["timestamp"]
    fills = client.paginate("/execution/tradeHistory", 500)
    partly = next(row for row in fills if row["ordStatus"] == "PartiallyFilled")
    living.set_now(datetime.fromisoformat(partly["timestamp"]))
    row = client.get("/order", filter=json.dumps({"orderID": partly["orderID"]}))[0]
    if row["ordStatus"] == "PartiallyFilled":  # unless further fills came in the same millisecond
        assert row["cumQty"] == partly["cumQty"] and row["workingIndicator"]
    rejected = [row for row in later.values() if row["ordStatus"] == "Rejected"]
    assert rejected and all("side" not in row and "orderQty" not in row for row in rejected)


# -- accounts other than the main one


def test_a_parents_key_reads_its_subaccount_and_no_other(box: Sandbox, main: Client) -> None:
    sub = Client(box, "bitmex-sub")
    own = sub.paginate("/user/walletHistory", 10_000, currency="all")
    number = sub.card["uid"]
    theirs = main.paginate("/user/walletHistory", 10_000, currency="all", targetAccountId=number)
    assert theirs == own and {row["account"] for row in own} == {int(number)}
    both = main.paginate("/execution/tradeHistory", 500, targetAccountIds="*")
    assert len({row["account"] for row in both}) == 2
    stranger = box.account("bitmex-older")["uid"]
    assert error(main.ask("/user/walletHistory", targetAccountId=stranger))[0] == 403
    sent = {r["tx"]: -r["amount"] for r in main.paginate("/user/walletHistory", 10_000)
            if r["transactType"] == "Transfer" and r.get("address") == number}  # fmt: skip
    got = {r["tx"]: r["amount"] for r in own if r.get("address") == main.card["uid"]}
    assert sent == got and len(sent) == 3


def test_an_empty_account_answers_empty(box: Sandbox) -> None:
    client = Client(box, "bitmex-empty")
    assert client.get("/user/walletHistory", currency="all") == []
    assert client.get("/execution/tradeHistory") == [] == client.get("/order")
    assert client.get("/user/wallet")["amount"] == 0
    assert [row["transactType"] for row in client.get("/user/walletSummary")] == ["Total"]


def test_more_than_one_page_of_the_ledger_at_medium_size() -> None:
    with Sandbox(size="medium", exchanges=["bitmex"]) as box:
        client = Client(box)
        first = client.get("/user/walletHistory", currency="all")
        second = client.get("/user/walletHistory", currency="all", start=10_000)
        assert len(first) == 10_000 and second
        ids = {row["transactID"] for row in first + second}
        assert (
            len(ids)
            == box.truth("bitmex-main", parts=frozenset({"counts"}))["counts"]["wallet_history"]
        )


# -- public routes and limits


def test_public_terms(main: Client) -> None:
    assets = {row["currency"]: row for row in main.ask("/wallet/assets", headers={}).json()}
    assert (assets["XBt"]["scale"], assets["Gwei"]["scale"], assets["LAMp"]["scale"]) == (8, 9, 9)
    terms = {row["symbol"]: row for row in main.paginate("/instrument", 500)}
    assert len(terms) > 500
    assert terms["XBTUSD"]["multiplier"] == -100_000_000 and terms["XBTUSD"]["isInverse"]
    assert terms["ETHUSD"]["isQuanto"] and terms["XBTM21"]["state"] == "Settled"
    assert "settlCurrency" not in terms["XBT_USDT"]
    assert main.ask("/wallet/networks", headers={}).json()[0]["network"] == "btc"


@pytest.fixture
def paced() -> Iterator[Sandbox]:
    now = datetime(2026, 1, 10, tzinfo=UTC)
    with Sandbox(size="tiny", exchanges=["bitmex"], now=now, pace=1.0) as running:
        yield running


def test_the_bucket_allows_a_burst_and_refills(paced: Sandbox) -> None:
    client = Client(paced)
    answers = [client.ask("/user/wallet") for _ in range(121)]
    assert [a.status_code for a in answers] == [200] * 120 + [429]
    left = [int(a.headers["x-ratelimit-remaining"]) for a in answers]
    assert left == [*range(119, -1, -1), 0]
    assert answers[0].headers["x-ratelimit-limit"] == "120"
    assert int(answers[0].headers["x-ratelimit-reset"]) == paced.now.timestamp() + 1
    refused = answers[-1]
    assert refused.headers["Retry-After"] == "1"
    assert error(refused)[1:] == ("Rate limit exceeded, retry in 1 seconds.", "RateLimitError")
    paced.set_now(paced.now + timedelta(seconds=5))
    assert [client.ask("/user/wallet").status_code for _ in range(11)] == [200] * 10 + [429]
    assert Client(paced, "bitmex-older").ask("/user/wallet").status_code == 200  # its own bucket


def test_unsigned_requests_share_a_smaller_bucket(paced: Sandbox) -> None:
    client = Client(paced)
    answers = [client.ask("/wallet/assets", headers={}) for _ in range(31)]
    assert [a.status_code for a in answers] == [200] * 30 + [429]
    assert answers[-1].headers["Retry-After"] == "2"
    assert client.ask("/wallet/assets").status_code == 200  # signed: the account's bucket


def test_too_many_errors_block_the_address(paced: Sandbox) -> None:
    client = Client(paced)
    for _ in range(300):
        answer = client.ask("/user/wallet", headers={"api-key": "x"})
    assert answer.status_code == 401
    banned = client.ask("/user/wallet")
    assert banned.status_code == 403 and b"<html>" in banned.content
    assert banned.headers["server"] == "awselb/2.0"
    paced.set_now(paced.now + timedelta(hours=1, seconds=1))
    assert client.ask("/user/wallet").status_code == 200


def test_faults_speak_the_exchanges_language(living: Sandbox) -> None:
    client = Client(living)
    living.fault("503")
    assert error(client.ask("/user"))[:2] == (
        503, "The system is currently overloaded. Please try again later."
    )  # fmt: skip
    living.fault("429")
    answer = client.ask("/user")
    assert error(answer)[2] == "RateLimitError" and answer.headers["Retry-After"] == "1"
    living.fault("ban")
    assert client.ask("/user").headers["content-type"].startswith("text/html")
    assert client.ask("/user").status_code == 200
