"""BigONE's simulator: refusals as documented, and pages that add up to the ground truth."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from pipelines.sandbox.bigone.keys import read_token
from pipelines.sandbox.engine.server import Sandbox

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
API, CONVERT, CONTRACT = "/api/v3", "/sapi/v1/convert", "/api/contract/v2"
TRADES, ORDERS = f"{API}/viewer/trades", f"{API}/viewer/orders"
DEPOSITS, WITHDRAWALS = f"{API}/viewer/deposits", f"{API}/viewer/withdrawals"
ACCOUNTS, FUNDS = f"{API}/viewer/accounts", f"{API}/viewer/fund/accounts"
CONVERSIONS = f"{CONVERT}/viewer/trades"
PAIRS = ["BTC-USDT", "ETH-USDT", "XIN-USDT", "ETH-BTC", "MOONX-USDT"]
# Published in the exchange's older documentation; it verifies with this secret.
PUBLISHED = (
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJ0eXBlIjoiT3BlbkFQSVYyIiwic3ViIjoiY2VlODhhYjBiYzY5NDM1"
    "Nzg0YjdkYjA1NDVlODU2NDciLCJub25jZSI6MTUyNzY2NTI2MjE2ODM5MTAwMH0.cJ_uPmDeIxEPbKb_Xi0YuCflt_kg"
    "ok5lryPwDG-jrsM"
)


def sandbox(**changes: Any) -> Sandbox:
    return Sandbox(**{"now": NOW, "exchanges": ["bigone"], "seed": 7} | changes)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with sandbox(size=900) as running:
        yield running


def jwt(secret: str, claims: dict[str, Any], alg: str = "HS256") -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    text = f"{part({'typ': 'JWT', 'alg': alg})}.{part(claims)}"
    mac = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


class Caller:
    """A plain client with its own implementation of the token."""

    def __init__(self, box: Sandbox, label: str = "bigone-main") -> None:
        self.box, self.account = box, box.account(label)
        self.session = requests.Session()

    @property
    def now(self) -> int:
        return self.box.shell.clock.now_ms()

    def token(self, **changes: Any) -> str:
        secret = changes.pop("secret", self.account["secret"])
        claims = {
            "type": "OpenAPIV2",
            "sub": self.account["key"],
            "nonce": str(self.now * 1_000_000),
        } | changes
        return jwt(secret, claims)

    def get(self, path: str, _token: str | None = "", **params: Any) -> requests.Response:
        token = self.token() if _token == "" else _token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = self.account["base_url"] + path
        return self.session.get(url, params=params, headers=headers, timeout=10)

    def data(self, path: str, **params: Any) -> Any:
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        body = json.loads(answer.text, parse_float=Decimal)
        return body["data"] if isinstance(body, dict) else body

    def paginate(self, path: str, **params: Any) -> list[Any]:
        """Every row along `page_token`."""
        rows: list[Any] = []
        token: dict[str, str] = {}
        while True:
            body = self.get(path, **params, **token).json()
            rows += body["data"]
            if not body["page_token"]:
                return rows
            token = {"page_token": body["page_token"]}

    def walk_by_id(self, path: str) -> list[Any]:
        rows: list[Any] = []
        while page := self.data(path, **({"id": rows[-1]["id"]} if rows else {})):
            rows += page
        return rows


@pytest.fixture
def call(box: Sandbox) -> Caller:
    return Caller(box)


def code(answer: requests.Response) -> tuple[int, int]:
    body = answer.json()
    assert body.keys() == {"code", "message"}
    return answer.status_code, body["code"]


# --- tokens and refusals ----------------------------------------------------------------------


def test_the_published_token_verifies_and_no_other() -> None:
    claims = read_token(PUBLISHED, "testsecret")
    assert claims is not None and claims["nonce"] == 1527665262168391000
    assert read_token(PUBLISHED, "another") is None
    assert read_token(PUBLISHED[:-2] + "AA", "testsecret") is None
    assert read_token("a.b.c", "testsecret") is None


def test_refusals_of_a_token(call: Caller) -> None:
    late = str((call.now + 31_000) * 1_000_000)
    for token, expected in (
        (None, (400, 40107)),
        ("nonsense", (400, 40107)),
        ("a.b.c", (401, 40004)),
        (call.token(secret="wrong"), (401, 40004)),
        (call.token(sub="nobody"), (401, 40004)),
        (call.token(type="OpenAPI"), (401, 40106)),
        (call.token(nonce="soon"), (401, 40106)),
        (call.token(nonce=late), (401, 40004)),
        (jwt(call.account["secret"], {"sub": call.account["key"]}, alg="none"), (401, 40004)),
    ):
        assert code(call.get(ACCOUNTS, _token=token)) == expected


def test_a_nonce_can_be_a_number_with_a_window(call: Caller) -> None:
    stamp = (call.now - 29_000) * 1_000_000
    assert call.get(ACCOUNTS, _token=call.token(nonce=stamp)).status_code == 200
    wide = call.token(nonce=str((call.now - 50_000) * 1_000_000), recv_window="60")
    assert call.get(ACCOUNTS, _token=wide).status_code == 200
    narrow = call.token(nonce=str(stamp), recv_window="10")
    assert code(call.get(ACCOUNTS, _token=narrow)) == (401, 40004)


@pytest.mark.parametrize(
    ("label", "path", "expected"),
    [
        ("bigone-disabled", ACCOUNTS, (401, 40004)),
        ("bigone-ip-bound", ACCOUNTS, (403, 10403)),
        ("bigone-narrow", WITHDRAWALS, (403, 10403)),
        ("bigone-narrow", f"{CONTRACT}/accounts", (403, 10403)),
        ("bigone-main", f"{API}/viewer/nothing", (404, 10013)),
        ("bigone-main", TRADES, (400, 10007)),
        ("bigone-main", ORDERS, (400, 10007)),
    ],
)
def test_refusals_by_key_and_route(
    box: Sandbox, label: str, path: str, expected: tuple[int, int]
) -> None:
    assert code(Caller(box, label).get(path)) == expected


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"asset_pair_name": "NO-SUCH"}, (404, 10013)),
        ({"limit": 201}, (400, 10007)),
        ({"limit": 0}, (400, 10007)),
        ({"page_token": "%%%"}, (400, 10007)),
        ({"page_token": "bm90aGluZw=="}, (400, 10007)),
    ],
)
def test_bad_parameters_are_refused(
    call: Caller, params: dict[str, Any], expected: tuple[int, int]
) -> None:
    assert code(call.get(TRADES, **{"asset_pair_name": "BTC-USDT"} | params)) == expected


def test_writes_are_not_there(call: Caller) -> None:
    url = call.account["base_url"] + f"{API}/viewer/orders"
    assert code(requests.post(url, json={}, timeout=5)) == (404, 10013)


def test_the_clock_is_public_and_in_nanoseconds(call: Caller) -> None:
    body = call.get(f"{API}/ping", _token=None).json()
    assert body == {"code": 0, "data": {"Timestamp": call.now * 1_000_000}}


def test_rate_limits_of_requests_and_conversions() -> None:
    with sandbox(pace=1.0) as box:
        caller = Caller(box)
        first = caller.get(CONVERSIONS)
        assert first.headers["X-RateLimit-Remaining"] == "49"
        statuses = Counter(caller.get(CONVERSIONS).status_code for _ in range(50))
        assert statuses == {200: 49, 429: 1}
        box.advance(timedelta(seconds=1))
        assert caller.get(CONVERSIONS).status_code == 200
        statuses = Counter(caller.get(f"{API}/ping").status_code for _ in range(500))
        assert statuses[429] > 0
        assert code(caller.get(f"{API}/ping")) == (429, 10429)


# --- pages add up to the ground truth ---------------------------------------------------------


def test_pages_are_short_by_default_and_tokens_lead_on(call: Caller) -> None:
    rows = call.data(TRADES, asset_pair_name="BTC-USDT")
    assert len(rows) in (19, 20)
    assert len(call.data(DEPOSITS)) == 50
    assert len(call.data(f"{CONTRACT}/trades")) == 100
    body = call.get(TRADES, asset_pair_name="BTC-USDT").json()
    assert base64.b64decode(body["page_token"]).decode() == str(rows[-1]["id"])
    token = json.loads(base64.b64decode(call.get(DEPOSITS).json()["page_token"]))
    assert token == {"offset": 50, "kind": "DEPOSIT"}


def test_a_page_one_row_short_may_lead_on(call: Caller) -> None:
    sizes, token = [], ""
    while True:
        requested = {"page_token": token} if token else {}
        body = call.get(TRADES, asset_pair_name="BTC-USDT", limit=20, **requested).json()
        sizes.append(len(body["data"]))
        token = body["page_token"]
        if not token:
            break
    assert {19, 20} <= set(sizes[:-1]) <= {19, 20}
    conversions = call.get(CONVERSIONS, limit=1).json()
    assert base64.b64decode(conversions["page_token"]).decode() == "2"


@pytest.mark.parametrize("limit", [200, 20, 3])
def test_every_pair_together_is_every_trade(call: Caller, limit: int) -> None:
    rows = [
        row for pair in PAIRS for row in call.paginate(TRADES, asset_pair_name=pair, limit=limit)
    ]
    truth = call.box.truth("bigone-main")["trades"]
    reported = {trade["record_id"] for trade in truth if trade["product_type"] == "spot"}
    assert sorted(map(str, (row["id"] for row in rows))) == sorted(reported)
    for pair in PAIRS:
        ids = [row["id"] for row in call.paginate(TRADES, asset_pair_name=pair)]
        assert ids == sorted(ids, reverse=True)


def test_a_delisted_pair_is_not_listed(call: Caller) -> None:
    assert "MOONX-USDT" not in {pair["name"] for pair in call.data(f"{API}/asset_pairs")}
    assert call.paginate(TRADES, asset_pair_name="MOONX-USDT")
    with sandbox(options={"bigone.delisted_answers": False}) as box:
        answer = Caller(box).get(TRADES, asset_pair_name="MOONX-USDT")
        assert code(answer) == (404, 10013)


def test_orders_default_to_pending_ones(call: Caller) -> None:
    few = call.paginate(ORDERS, asset_pair_name="BTC-USDT")
    every = call.paginate(ORDERS, asset_pair_name="BTC-USDT", state="ALL")
    assert {row["state"] for row in few} == {"PENDING"}
    assert {row["state"] for row in every} == {"PENDING", "FILLED", "CANCELLED"}
    assert len(every) > 5 * len(few)
    assert code(call.get(ORDERS, asset_pair_name="BTC-USDT", state="SOME")) == (400, 10007)


def test_a_fee_is_named_by_its_side_alone(call: Caller) -> None:
    for row in call.paginate(TRADES, asset_pair_name="BTC-USDT"):
        ids = (row["maker_order_id"], row["taker_order_id"])
        fees = (row["maker_fee"], row["taker_fee"])
        assert [each is None for each in ids] == [each is None for each in fees]
        if row["side"] == "SELF_TRADING":
            assert None not in ids
        elif ids[1] is not None:
            assert row["side"] == row["taker_side"]
        else:
            assert row["side"] != row["taker_side"]


def test_trades_with_oneself_occur_and_leave_the_fees(call: Caller) -> None:
    truth = call.box.truth("bigone-main")
    own = defaultdict(list)
    for trade in truth["trades"]:
        own[trade["record_id"]].append(trade)
    pairs = [both for both in own.values() if len(both) == 2]
    assert pairs
    for both in pairs:
        assert {trade["side"] for trade in both} == {"buy", "sell"}
        assert {trade["is_maker"] for trade in both} == {True, False}
        moves = [m for m in truth["movements"] if m["record_id"] == both[0]["record_id"]]
        assert sorted(Decimal(move["amount"]) for move in moves) == sorted(
            -Decimal(trade["fee_amount"]) for trade in both
        )


def test_all_lists_add_up_to_the_balances_of_all_wallets(call: Caller) -> None:
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in call.paginate(DEPOSITS):
        totals[row["asset_symbol"]] += Decimal(row["amount"]) * (row["state"] == "COMPLETED")
    for row in call.paginate(WITHDRAWALS):
        if row["state"] in ("COMPLETED", "CONFIRMED"):
            totals[row["asset_symbol"]] -= Decimal(row["amount"]) + Decimal(row["fee"])
    for row in call.paginate(CONVERSIONS):
        totals[row["from_asset"]] -= Decimal(row["from_sz"])
        totals[row["to_asset"]] += Decimal(row["to_sz"])
    for pair in PAIRS:
        base, quote = pair.split("-")
        for row in call.paginate(TRADES, asset_pair_name=pair):
            worth = Decimal(row["price"]) * Decimal(row["amount"])
            sign = {"BID": 1, "ASK": -1, "SELF_TRADING": 0}[row["side"]]
            totals[base] += sign * Decimal(row["amount"])
            totals[quote] -= sign * worth
            taker_gets, maker_gets = (base, quote) if row["taker_side"] == "BID" else (quote, base)
            totals[taker_gets] -= Decimal(row["taker_fee"] or 0)
            totals[maker_gets] -= Decimal(row["maker_fee"] or 0)
    for row in call.walk_by_id(f"{CONTRACT}/trades"):
        totals[row["currency"]] += Decimal(row["pnl"]) - Decimal(row["fee"])
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    for path in (ACCOUNTS, FUNDS):
        for row in call.data(path):
            held[row["asset_symbol"]] += Decimal(row["balance"])
    for row in call.data(f"{CONTRACT}/accounts"):
        held[row["cash"]["currency"]] += Decimal(row["cash"]["balances"])
    assert {k: v for k, v in totals.items() if v} == {k: v for k, v in held.items() if v}


def test_the_truth_adds_up_wallet_by_wallet(call: Caller) -> None:
    truth = call.box.truth("bigone-main")
    totals: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for move in truth["movements"]:
        totals[move["wallet"], move["asset"]] += Decimal(move["amount"])
    reported = {
        (wallet, asset): Decimal(amount)
        for wallet, amounts in truth["balances"].items()
        for asset, amount in amounts.items()
    }
    assert dict(totals) == reported
    assert {wallet for wallet, _ in reported} == {"spot", "fund", "contract"}
    assert all(amount >= 0 for amount in reported.values())


def test_contract_rows_are_bare_json_numbers(call: Caller) -> None:
    text = call.get(f"{CONTRACT}/trades").text
    assert text.startswith("[{") and '"fee":"' not in text
    rows = call.walk_by_id(f"{CONTRACT}/trades")
    assert {row["side"] for row in rows} == {"BUY", "SELL", "FUNDING"}
    count = json.loads(call.get(f"{CONTRACT}/trades/count").text)["count"]
    assert len(rows) == count == call.box.truth("bigone-main")["counts"]["contract_trades"]
    whole = "".join(call.get(f"{CONTRACT}/trades", id=row["id"]).text for row in rows[::100])
    assert re.search(r'"fee":-?\d(\.\d+)?e-\d\d', whole)
    assert len(call.walk_by_id(f"{CONTRACT}/orders")) > 10


def test_old_and_new_rows_differ_as_they_do_live(call: Caller) -> None:
    trades = call.paginate(TRADES, asset_pair_name="BTC-USDT")
    assert re.fullmatch(r"[\dT:-]{19}\.\d{3}Z", trades[0]["inserted_at"])
    assert re.fullmatch(r"[\dT:-]{19}Z", trades[-1]["inserted_at"])
    assert "created_at" in trades[0] and "created_at" not in trades[-1]
    conversions = call.paginate(CONVERSIONS)
    assert {row["state"] for row in conversions} == {"SUCCEEDED", "FULLFILLED"}
    assert "acct_typ" in conversions[0] and "acct_type" in conversions[-1]
    withdrawals = call.paginate(WITHDRAWALS)
    assert {"COMPLETED", "CONFIRMED", "PENDING"} <= {row["state"] for row in withdrawals}
    assert {"on_chain", "internal", "default"} == {row["kind"] for row in withdrawals}
    uid = call.account["uid"]
    assert {row["customer_id"] for row in withdrawals} == {int(uid), uid}
    assert withdrawals[0]["customer_id"] == int(uid) and withdrawals[-1]["customer_id"] == uid
    assert "note" in withdrawals[-1] and "note" not in withdrawals[0]
    deposits = call.paginate(DEPOSITS)
    assert {"SPOT", "FUND", "CONTRACT"} == {row["target_account"] for row in deposits}
    assert {"on_chain", "internal", "default", "air_drop"} <= {row["kind"] for row in deposits}
    assert {None, ""} <= {row["txid"] for row in deposits}


def test_what_goes_over_no_chain_has_no_hash(call: Caller) -> None:
    rows = [row for row in call.paginate(WITHDRAWALS) if row["is_internal"]]
    assert rows and {row["txid"] for row in rows} == {""}
    others = [row for row in call.paginate(WITHDRAWALS) if not row["is_internal"]]
    assert all((row["txid"] == "") is (row["completed_at"] is None) for row in others)
    rows = [row for row in call.paginate(DEPOSITS) if row["is_internal"]]
    assert {row["txid"] for row in rows} == {None, ""}


def test_money_lists_are_filtered_by_coin_kind_and_hash(call: Caller) -> None:
    every = call.paginate(DEPOSITS)
    txid = next(row["txid"] for row in every if row["txid"])
    for name, value in (("asset_symbol", "BTC"), ("kind", "air_drop"), ("txid", txid)):
        reported = call.paginate(DEPOSITS, **{name: value})
        assert reported == [row for row in every if row[name] == value] and reported
    assert call.paginate(DEPOSITS, kind="no_such_kind") == []


def test_the_contract_service_has_its_own_parameter_error(call: Caller) -> None:
    for params in ({"id": "nobody"}, {"limit": 101}, {"limit": 0}):
        answer = call.get(f"{CONTRACT}/trades", **params)
        assert answer.status_code == 400
        assert answer.json() == {"anomaly": "anomaly.request/invalid-params"}


def test_the_oldest_withdrawals_can_lack_a_fee() -> None:
    with sandbox(size=900, options={"bigone.old_fees": False}) as box:
        rows = Caller(box).paginate(WITHDRAWALS)
    assert "fee" in rows[0] and "fee" not in rows[-1]
    assert ["note" in row for row in rows] == ["fee" not in row for row in rows]


def test_checks_come_in_the_order_of_a_careful_server(box: Sandbox) -> None:
    """Token, then address and scope, then parameters, then whether there is such a thing."""
    bound, main = Caller(box, "bigone-ip-bound"), Caller(box)
    assert code(bound.get(TRADES, _token=bound.token(secret="wrong"))) == (401, 40004)
    assert code(bound.get(TRADES)) == (403, 10403)
    assert code(main.get(TRADES, limit=0)) == (400, 10007)
    assert code(main.get(TRADES, asset_pair_name="NO-SUCH", limit=0)) == (400, 10007)
    assert code(main.get(TRADES, asset_pair_name="NO-SUCH")) == (404, 10013)


def test_rows_change_their_state_as_time_goes_on() -> None:
    with sandbox() as box:
        caller = Caller(box)
        before = {row["id"]: row["state"] for row in caller.paginate(WITHDRAWALS)}
        box.advance(timedelta(days=5))
        after = {row["id"]: row["state"] for row in caller.paginate(WITHDRAWALS)}
        changed = {state for number, state in before.items() if after[number] != state}
        assert changed == {"PENDING"}


def test_what_a_withdrawal_and_a_balance_mean_can_be_switched() -> None:
    options = {"bigone.withdrawal_amount": "gross", "bigone.balance": "available"}
    with sandbox() as plain, sandbox(options=options) as other:
        net, gross = (Caller(box).paginate(WITHDRAWALS)[-1] for box in (plain, other))
        assert Decimal(net["amount"]) + Decimal(net["fee"]) == Decimal(gross["amount"])
        whole, available = (
            {row["asset_symbol"]: row for row in Caller(box).data(ACCOUNTS)}
            for box in (plain, other)
        )
        for asset, row in available.items():
            locked = Decimal(row["locked_balance"])
            assert Decimal(whole[asset]["balance"]) == Decimal(row["balance"]) + locked


def test_an_empty_account_is_empty_everywhere(box: Sandbox) -> None:
    caller = Caller(box, "bigone-empty")
    for path in (DEPOSITS, WITHDRAWALS, CONVERSIONS):
        assert caller.paginate(path) == []
    for path in (ACCOUNTS, FUNDS, f"{CONTRACT}/accounts", f"{CONTRACT}/trades"):
        assert caller.data(path) == []
    assert caller.paginate(TRADES, asset_pair_name="BTC-USDT") == []
    assert box.truth("bigone-empty")["movements"] == []


@pytest.mark.parametrize(("name", "status"), [("10005", 500), ("10403", 403), ("429", 429)])
def test_bigones_own_errors_can_be_provoked(name: str, status: int) -> None:
    with sandbox() as box:
        box.fault(name, path=ACCOUNTS, times=1)
        assert Caller(box).get(ACCOUNTS).status_code == status
        assert Caller(box).get(ACCOUNTS).status_code == 200
