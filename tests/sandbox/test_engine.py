"""The engine enforces a wire contract: a small profile of a made-up exchange, over HTTP."""

from __future__ import annotations

import ast
import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from pipelines.home import PROJECT
from pipelines.sandbox.engine import server
from pipelines.sandbox.engine.account import (
    DAY,
    Asset,
    Conversion,
    Deposit,
    Market,
    SpotFill,
    Transfer,
    Venue,
    exact,
)
from pipelines.sandbox.engine.adapter import World
from pipelines.sandbox.engine.history import generate
from pipelines.sandbox.engine.ledger import Ledger
from pipelines.sandbox.engine.server import Sandbox, adapter_names
from pipelines.sandbox.engine.simulator import Simulator
from pipelines.sandbox.engine.table import Table
from pipelines.sandbox.engine.wire import (
    Budget,
    Error,
    FromId,
    Key,
    List,
    Numbered,
    Offset,
    Profile,
    Refusal,
    Route,
    Text,
    Whole,
    Window,
)

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
BY_IP = Budget(100, header="X-Used-Weight")
BY_ROUTE = Budget(50, per="uid", each_route=True, header="X-Used-Route-Weight")
VENUE = Venue(
    name="acme", cash="USDT", rewards=(), other_wallets=("funding",),
    assets=(
        Asset("USDT", 8, Decimal(1), ("TRX",), Decimal(1)),
        Asset("BTC", 8, Decimal(60_000), ("BTC",), Decimal("0.0005")),
    ),
    markets=(Market("BTCUSDT", "BTC", "USDT", 2, 5, 6_000_000),),
)  # fmt: skip


class AcmeLedger(Ledger):
    records = ("trades", "deposits", "transfers", "conversions")

    def __init__(self, history: Any, uid: str) -> None:
        super().__init__(history, uid)
        render = {
            "trades": (SpotFill, lambda e, n, now: {"id": n, "time": e.at, "symbol": "BTCUSDT"}),
            "deposits": (Deposit, lambda e, n, now: {
                "id": n, "time": e.at, "coin": e.asset,
                "amount": exact(e.amount, self.scales[e.asset]),
            }),
            "transfers": (Transfer, lambda e, n, now: {"tranId": n, "timestamp": e.at}),
            "conversions": (Conversion, lambda e, n, now: {"orderId": n, "createTime": e.at}),
        }  # fmt: skip
        for name, (kind, row) in render.items():
            events = self.of(kind)
            self.tables |= {name: Table(events, range(1, len(events) + 1), row)}  # type: ignore

    def record_id(self, event: Any, number: Any) -> str:
        return f"BTCUSDT|{number}" if isinstance(event, SpotFill) else str(number)


def authenticate(request: Any, card: Any) -> None:
    if card is None:
        raise Refusal(401, -2015, "Invalid API-key.")
    signed, _, given = request.call.query.rpartition("&signature=")
    expected = hmac.new(card.secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, given):
        raise Refusal(400, -1022, "Signature for this request is not valid.")


def exclusive(request: Any) -> None:
    if request.number("fromId") is not None and request.number("startTime") is not None:
        raise Refusal(400, -1128, "Combination of optional parameters invalid.")


ROUTES = (
    Route("/time", lambda request: {"serverTime": request.now}, is_public=True),
    Route("/rights", lambda request: {"canTrade": "trade" in request.key.rights},
          costs=((BY_ROUTE, 1),)),
    Route("/order/{id}", lambda request: {"id": request.text("id")}, rights=("trade",)),
    Route("/trades", List(
        table="trades", order="oldest", keeps="oldest if start", paging=FromId("fromId"),
        size=Whole("limit", 5, 1, 1_000, clips=True), check=exclusive,
        window=Window(most=DAY, too_wide=Error(400, -1127, "More than 24 hours between them.")),
    ), (Text("symbol", required=True),), costs=((BY_IP, 20),)),
    Route("/deposits", List(
        table="deposits", paging=Offset(), size=Whole("limit", 1_000, 1, 1_000),
        window=Window(default=90 * DAY, most=90 * DAY), filters={"coin": "coin"},
    )),
    Route("/transfers", List(
        table="transfers", paging=Numbered("current"), size=Whole("size", 10, 1, 100),
        window=Window(default=7 * DAY, retention=180 * DAY),
        shape=lambda page: {"rows": page.rows, "total": page.total},
    ), (Text("type", required=True, choices=("MAIN_FUNDING", "FUNDING_MAIN")),)),
    Route("/conversions", List(
        table="conversions", size=2, window=Window(required=True, most=30 * DAY),
        shape=lambda page: {"list": page.rows, "moreData": page.has_more},
    ), costs=((BY_ROUTE, 20),)),
)  # fmt: skip


def build(world: World) -> Simulator:
    profile = Profile(
        name="acme",
        keys=(Key("acme-main", "read-only", "901"), Key("acme-trading", "trading", "902",
                                                        frozenset({"trade"}))),
        make_card=lambda key, rng: {"key": f"{rng.getrandbits(64):x}", "secret": "s" * 8,
                                    "uid": key.uid},
        shown_key=lambda call: call.headers.get("x-api-key", ""),
        authenticate=authenticate,
        routes=ROUTES,
        open_account=lambda world, uid: AcmeLedger(
            generate(world.plan("acme", VENUE, uid, main=uid == "901")), uid
        ),
        bad_param=lambda request, name, problem: Error(400, -1102, f"{name}: {problem}"),
        not_found=Error(404, -1, "No such route."),
        no_right=lambda right: Error(403, -2015, f"No right: {right}"),
        too_many=Error(429, -1003, "Too many requests."),
        error_body=lambda error: {"code": error.code, "msg": error.text},
        rate_headers=lambda usages: tuple((u.budget.header, str(u.used)) for u in usages),
    )  # fmt: skip
    return Simulator(profile, world)


class Caller:
    def __init__(self, box: Sandbox, label: str = "acme-main") -> None:
        self.account = box.account(label)
        self.now = box.shell.clock.now_ms()

    def get(self, path: str, **params: Any) -> requests.Response:
        query = "&".join(f"{name}={value}" for name, value in (params | {"timestamp": 1}).items())
        mac = hmac.new(self.account["secret"].encode(), query.encode(), hashlib.sha256)
        url = f"{self.account['base_url']}{path}?{query}&signature={mac.hexdigest()}"
        return requests.get(url, headers={"X-API-KEY": self.account["key"]}, timeout=10)

    def data(self, path: str, **params: Any) -> Any:
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def code(self, path: str, **params: Any) -> int:
        return int(self.get(path, **params).json()["code"])


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "_module", lambda name: SimpleNamespace(build=build))
        with Sandbox(now=NOW, exchanges=["acme"], size=400, pace=1.0) as running:
            yield running


@pytest.fixture
def call(box: Sandbox) -> Caller:
    box.shell.adapters["acme"]._counts.clear()  # type: ignore[attr-defined]
    return Caller(box)


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row.get("id") or row.get("tranId") or row["orderId"] for row in rows]


def test_every_folder_but_the_engine_is_a_simulator() -> None:
    folders = {path.parent.name for path in (PROJECT / "pipelines/sandbox").glob("*/__init__.py")}
    assert set(adapter_names()) == folders - {"engine"}


def test_engine_imports_no_exchange_and_no_circle() -> None:
    folder = PROJECT / "pipelines/sandbox/engine"
    imports = {path.stem: set(_imports(path)) for path in folder.glob("*.py")}
    for name, found in imports.items():
        own = {each for each in found if each.startswith("pipelines.sandbox.engine.")}
        assert found - own <= {"pipelines"}, name
    after: dict[str, set[str]] = {
        name: {each.rpartition(".")[2] for each in found} & imports.keys()
        for name, found in imports.items()
    }
    while leaves := {name for name, needs in after.items() if not needs & after.keys()}:
        after = {name: needs for name, needs in after.items() if name not in leaves}
    assert not after, "an import circle"


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pipelines"):
            yield node.module or ""


def test_a_signature_is_checked_before_rights_and_parameters(call: Caller, box: Sandbox) -> None:
    url = call.account["base_url"]
    assert requests.get(f"{url}/order/7", timeout=5).json()["code"] == -2015
    headers = {"X-API-KEY": call.account["key"]}
    answer = requests.get(f"{url}/trades?x=1&signature=0", headers=headers, timeout=5)
    assert answer.json()["code"] == -1022
    assert call.get("/order/7").status_code == 403
    assert Caller(box, "acme-trading").data("/order/7") == {"id": "7"}
    assert Caller(box, "acme-trading").data("/rights") == {"canTrade": True}
    assert call.get("/nothing").status_code == 404


def test_from_id_pages_every_trade_once(call: Caller, box: Sandbox) -> None:
    found: list[int] = []
    while page := call.data("/trades", symbol="BTCUSDT", fromId=len(found) + 1, limit=5_000):
        found += ids(page)
        box.shell.adapters["acme"]._counts.clear()  # type: ignore[attr-defined]
    truth = box.truth("acme-main")
    records = [f"BTCUSDT|{each}" for each in found]
    assert records == [trade["record_id"] for trade in truth["trades"]]
    moved = {move["record_id"] for move in truth["movements"] if move["kind"] == "trade"}
    assert moved == set(records)


def test_a_start_serves_the_oldest_rows_and_none_the_newest(call: Caller) -> None:
    newest = ids(call.data("/trades", symbol="BTCUSDT"))
    first = ids(call.data("/trades", symbol="BTCUSDT", startTime=0))
    assert first == [1, 2, 3, 4, 5]
    assert newest == sorted(newest) and newest[-1] > 100


def test_parameters_that_do_not_pass_are_refused(call: Caller) -> None:
    assert call.code("/trades") == -1102
    assert call.code("/trades", symbol="BTCUSDT", limit=0) == -1102
    assert call.code("/trades", symbol="BTCUSDT", limit="ten") == -1102
    assert call.code("/trades", symbol="BTCUSDT", fromId=1, startTime=1) == -1128
    assert call.code("/transfers", type="MAIN_MOON") == -1102


def test_a_wide_window_is_refused_or_clipped(call: Caller) -> None:
    start = call.now - 400 * DAY
    assert call.code("/trades", symbol="B", startTime=start, endTime=call.now) == -1127
    wide = call.data("/deposits", startTime=start, endTime=call.now)
    assert wide and wide == call.data("/deposits")
    assert all(row["time"] >= call.now - 90 * DAY for row in wide)


def test_an_offset_skips_rows_and_a_filter_selects(call: Caller) -> None:
    rows = call.data("/deposits")
    assert call.data("/deposits", offset=1, limit=2) == rows[1:3]
    assert ids(rows) == sorted(ids(rows), reverse=True)
    assert call.data("/deposits", coin="BTC") == [row for row in rows if row["coin"] == "BTC"]


def test_numbered_pages_end_at_the_retention(call: Caller) -> None:
    start, found, page = call.now - 900 * DAY, [], 1
    given: dict[str, Any] = {"type": "MAIN_FUNDING", "startTime": start, "size": 2}
    while rows := call.data("/transfers", **given, current=page)["rows"]:
        found, page = found + rows, page + 1
    assert len(found) == call.data("/transfers", **given)["total"] > 2
    assert min(row["timestamp"] for row in found) >= call.now - 180 * DAY


def test_required_bounds_and_more_data(call: Caller) -> None:
    assert call.code("/conversions", startTime=1) == -1102
    every = call.data("/conversions", startTime=call.now - 29 * DAY, endTime=call.now)
    assert set(every) == {"list", "moreData"} and len(every["list"]) <= 2


def test_weights_are_counted_by_address_and_by_route(call: Caller) -> None:
    used = [call.get("/trades", symbol="B").headers["X-Used-Weight"] for _ in range(5)]
    assert used == ["20", "40", "60", "80", "100"]
    assert call.get("/trades", symbol="B").status_code == 429
    bounds = {"startTime": call.now - DAY, "endTime": call.now}
    answer = call.get("/conversions", **bounds)
    assert answer.headers["X-Used-Route-Weight"] == "20"
    assert call.get("/rights").headers["X-Used-Route-Weight"] == "1"
    assert [call.get("/conversions", **bounds).status_code for _ in range(2)] == [200, 429]


def test_balances_are_the_sums_of_movements(box: Sandbox) -> None:
    truth = box.truth("acme-main")
    totals: dict[tuple[str, str], Decimal] = {}
    for move in truth["movements"]:
        key = (move["wallet"], move["asset"])
        totals[key] = totals.get(key, Decimal(0)) + Decimal(move["amount"])
    assert totals == {
        (wallet, asset): Decimal(amount)
        for wallet, amounts in truth["balances"].items()
        for asset, amount in amounts.items()
    }
