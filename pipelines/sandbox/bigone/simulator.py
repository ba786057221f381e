"""BigONE's simulator: spot and wallet, convert, and the contract service, each in its own style.

Switches (`options` of the sandbox): bigone.delisted_answers (True), bigone.withdrawal_amount
("net", or "gross"), bigone.old_fees (True: old withdrawals show theirs), bigone.balance
("total", or "available").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pipelines.sandbox.bigone.keys import EMPTY, KEYS, MAIN, authenticate, make_card, shown_key
from pipelines.sandbox.bigone.ledger import BigOneLedger, json_number
from pipelines.sandbox.bigone.market import (
    CONTRACTS,
    SPOT,
    list_assets,
    list_contracts,
    list_fees,
    list_instruments,
    list_pairs,
    stable_uuid,
)
from pipelines.sandbox.engine.account import SECOND, Transfer, exact
from pipelines.sandbox.engine.adapter import World
from pipelines.sandbox.engine.history import generate
from pipelines.sandbox.engine.simulator import Simulator
from pipelines.sandbox.engine.table import Table
from pipelines.sandbox.engine.wire import (
    Budget,
    Error,
    FromId,
    Headers,
    List,
    Page,
    Problem,
    Profile,
    Refusal,
    Request,
    Route,
    Text,
    Token,
    Usage,
    Whole,
    Window,
)

API, CONVERT, CONTRACT = "/api/v3", "/sapi/v1/convert", "/api/contract/v2"
UNKNOWN = Error(404, 10013, "Resource not found")
ANOMALY = Error(400, 0, "anomaly.request/invalid-params")
"""The response of the contract service to invalid parameters."""
FORBIDDEN = Error(403, 10403, "Permission denied")
TOO_MANY = Error(429, 10429, "Too many requests")
BY_IP, BY_CONVERT = Budget(500, 10 * SECOND), Budget(50, SECOND)
STATES = {
    "PENDING": ("PENDING",), "OPENING": ("PENDING",), "CLOSED": ("FILLED", "CANCELLED"),
    "NONE_FILLED": ("CANCELLED",), "ALL": ("PENDING", "FILLED", "CANCELLED"),
}  # fmt: skip
GAIN = json_number(6_200_177_148, 14)
"""An unrealised profit as the service writes it: with an exponent."""
LIMIT = Whole("limit", 20, 1, 200)
PAIR = Text("asset_pair_name", required=True)


# -- envelopes and errors


def one(request: Request, data: Any) -> dict[str, Any]:
    """One object."""
    return {"code": 0, "data": data}


def wrapped(request: Request, data: Any) -> dict[str, Any]:
    """A list without pages."""
    return {"code": 0, "message": "", "data": data}


def paged(page: Page) -> dict[str, Any]:
    """A page with the next one's token."""
    return {"code": 0, "data": page.rows, "page_token": page.token}


def bare(request: Request, data: Any) -> Any:
    """The contract service has no envelope."""
    return data


def bad_param(request: Request, name: str, problem: Problem) -> Error:
    """The error for an invalid parameter."""
    if name == PAIR.name:
        return Error(400, 10007, f"{name} is required")
    is_named = problem == "range" or name == "guid"
    return Error(400, 10007, f"Parameter error: {name}" if is_named else "Parameter error")


def error_body(error: Error) -> dict[str, Any]:
    """Code and message; the contract service has a word of its own."""
    if error == ANOMALY:
        return {"anomaly": error.text}
    return {"code": error.code, "message": error.text}


def rate_headers(usages: tuple[Usage, ...]) -> Headers:
    """Only convert has headers with the remaining requests."""
    return tuple(
        header
        for usage in usages
        if usage.budget is BY_CONVERT
        for header in (
            ("X-RateLimit-Limit", "50"),
            ("X-RateLimit-Remaining", str(usage.budget.allowed - usage.used)),
            ("X-RateLimit-Reset", str(-(-usage.ends_at // 1_000))),
        )
    )


# -- lists


def one_row_short(table: Table, rows: Sequence[int], size: int) -> int:
    """Some pages lack a row although more follow."""
    return int(size > 1 and table.ids[rows[0]] % 4 == 1)


def money(name: str, kind: str) -> List:
    """Deposits or withdrawals: new rows shift the rows behind an offset."""
    filters = {field: field for field in ("asset_symbol", "kind", "txid")}
    return List(
        table=name, size=Whole("limit", 50, 1, 200), filters=filters, shape=paged,
        paging=Token("page_token", "offset", extra=(("kind", kind),)),
    )  # fmt: skip


def contract_list(name: str) -> List:
    """A list of the contract service: rows older than an id, which replaces the end time."""
    return List(
        table=name, size=Whole("limit", 100, 1, 100), many=",",
        window=Window(start="start-time", end="end-time"),
        paging=FromId("id", is_inclusive=False, numeric=False, replaces_end=True),
        filters={"symbol": "symbol", "side": "side", "type": "type", "status": "status",
                 "order-id": "orderId"},
    )  # fmt: skip


# -- single records


def by_id(name: str, param: str = "id") -> Callable[[Request], Any]:
    """The record of the request."""

    def answer(request: Request) -> Any:
        rows, wanted = request.account.tables[name], request.text(param)
        for each in (wanted, int(wanted) if wanted.isascii() and wanted.isdigit() else wanted):
            if (n := rows.find(each, request.now)) is not None:
                return rows.row(n, request.now)
        raise Refusal(*(ANOMALY if request.call.path.startswith(CONTRACT) else UNKNOWN))

    return answer


def order_by_parameter(request: Request) -> Any:
    """An order by its id; no order here has a client's id."""
    wanted = request.text("order_id") or request.text("id")
    if not wanted and not request.text("client_order_id"):
        raise Refusal(400, 10007, "Parameter error")
    request.raw["id"] = wanted
    return by_id("spot_orders")(request)


def conversion(request: Request) -> Any:
    """A conversion by its id or its quote's."""
    rows, quote = request.account.tables["convert_trades"], request.text("quote_id")
    if not quote:
        if not request.text("id"):
            raise Refusal(400, 10007, "Parameter error")
        return by_id("convert_trades")(request)
    for n in rows.select(request.now):
        if (row := rows.row(n, request.now))["quote_id"] == quote:
            return row
    raise Refusal(*UNKNOWN)


def transfer(request: Request) -> Any:
    """A transfer between own wallets by its guid; no route lists these."""
    ledger = request.account
    for n, event in enumerate(ledger.of(Transfer)):
        if event.at <= request.now and stable_uuid(ledger.uid, "transfer", n) == request.text(
            "guid"
        ):
            when = ledger.time_of(event.at)
            return {
                "guid": request.text("guid"), "symbol": event.asset, "state": "SUCCEED",
                "amount": exact(event.amount, ledger.scales[event.asset]),
                "created_at": when, "updated_at": when,
            }  # fmt: skip
    raise Refusal(*UNKNOWN)


def address(request: Request) -> Any:
    """Where a coin can be deposited: one address a network."""
    for n, asset in enumerate(SPOT.assets):
        if asset.code == request.text("asset").upper():
            return [
                {
                    "id": 6_374_000 + 10 * n + k,
                    "chain": network,
                    "value": stable_uuid(request.account.uid, "address", asset.code, network),
                    "memo": "",
                }
                for k, network in enumerate(asset.networks)
            ]
    raise Refusal(*UNKNOWN)


# -- balances


def balance(ledger: BigOneLedger, wallet: str, asset: str, now: int, is_total: bool) -> Any:
    """One coin's balance in that wallet."""
    scale = ledger.scales[asset]
    amount = ledger.balances(now)[wallet].get(asset, 0)
    locked = ledger.held(now).get(asset, 0) if wallet == "spot" else 0
    return {
        "asset_symbol": asset,
        "balance": exact(amount if is_total else amount - locked, scale),
        "locked_balance": exact(locked, scale),
    }


def balances(wallet: str, *, is_total: bool = True) -> Callable[[Request], Any]:
    """Every coin ever held in that wallet."""
    return lambda request: [
        balance(request.account, wallet, asset, request.now, is_total)
        for asset in sorted(request.account.balances(request.now)[wallet])
    ]


def one_balance(wallet: str) -> Callable[[Request], Any]:
    """One coin's balance; a listed coin that was never held has none."""

    def answer(request: Request) -> Any:
        asset = request.text("asset").upper()
        if asset not in request.account.scales:
            raise Refusal(*UNKNOWN)
        return balance(request.account, wallet, asset, request.now, is_total=True)

    return answer


def contract_accounts(request: Request) -> Any:
    """The cash of each currency and the positions it backs."""
    ledger = request.account
    held, found = ledger.positions(request.now), []
    for asset, amount in sorted(ledger.balances(request.now)["contract"].items()):
        number = json_number(amount, ledger.contract_scales[asset])
        positions = [
            {
                "id": stable_uuid(ledger.uid, "position", c.symbol), "userId": ledger.user_id,
                "symbol": c.symbol, "currency": asset, "size": held[c.symbol],
                "entryPrice": json_number(c.start_price, c.price_scale), "markPrice": 60000.5,
                "liquidatePrice": 0, "leverage": 10, "isCross": True, "margin": 0,
                "orderMargin": 0, "notional": 0, "value": 0, "realisedPnl": 0,
                "unrealizedPnl": GAIN, "totalPnl": 0, "riskLimit": 100,
                "feeRateMaker": 0.0002, "feeRateTaker": 0.0006, "buyingSize": 0, "sellingSize": 0,
            }
            for c in CONTRACTS.contracts
            if c.settle == asset and c.symbol in held
        ]  # fmt: skip
        cash = {
            "readableId": int(ledger.uid) + 5_000, "positionValue": 0, "unrealizedPnl": 0,
            "positionMargin": 0, "balances": number, "userId": ledger.user_id, "margin": 0,
            "available": number, "orderMargin": 0, "marginRate": 0, "marginBalances": number,
            "leverage": 0, "id": stable_uuid(ledger.uid, "cash", asset), "currency": asset,
        }  # fmt: skip
        found.append({"cash": cash, "positions": positions})
    return found


# -- the profile


def open_account(world: World, uid: str) -> BigOneLedger:
    """Three quarters of the fills are spot, the others contract fills."""
    is_main = uid == MAIN
    plan = world.plan("bigone", SPOT, uid, main=is_main, empty=uid == EMPTY)
    part = plan.fills // 4
    contract = replace(
        plan, venue=CONTRACTS, fills=part, future=plan.future if part else 0, tie_groups=None,
        arrivals=(), departures=(),
    )  # fmt: skip
    return BigOneLedger(
        generate(replace(plan, fills=plan.fills - part)), generate(contract), uid,
        gross=world.option("bigone.withdrawal_amount", "net") == "gross",
        old_fees=bool(world.option("bigone.old_fees", True)),
    )  # fmt: skip


def routes(world: World) -> tuple[Route, ...]:
    """All routes, public ones first."""
    forgets = not world.option("bigone.delisted_answers", True)
    is_total = world.option("bigone.balance", "total") == "total"

    def known_pair(request: Request) -> None:
        """The pair must exist; a delisted one can be removed."""
        wanted = request.text(PAIR.name)
        market = next((market for market in SPOT.markets if market.symbol == wanted), None)
        if market is None or (market.brief and forgets and world.is_late(request.now)):
            raise Refusal(*UNKNOWN)

    trades = List(
        table="spot_trades", size=LIMIT, group=PAIR.name, check=known_pair, shape=paged,
        paging=Token("page_token", "last id", shorten=one_row_short),
    )  # fmt: skip
    orders = replace(
        trades, table="spot_orders",
        keep=lambda request, order: order.state(request.now) in STATES[request.text("state")],
    )  # fmt: skip
    conversions = List(
        table="convert_trades", size=LIMIT, paging=Token("page_token", "page"), shape=paged
    )
    state = Text("state", "PENDING", choices=tuple(STATES))
    opening = (Text("status", "NEW,PARTIALLY_FILLED"),)

    def public(path: str, answer: Callable[[Request], Any], envelope: Any = wrapped) -> Route:
        return Route(path, answer, is_public=True, envelope=envelope)

    def spot(path: str, right: str, answer: Any, *params: Any, envelope: Any = one) -> Route:
        envelope = bare if isinstance(answer, List) else envelope
        return Route(f"{API}/viewer/{path}", answer, params, rights=(right,), envelope=envelope)

    def convert(path: str, answer: Any, envelope: Any) -> Route:
        return Route(f"{CONVERT}/viewer/{path}", answer, rights=("trades",),
                     costs=((BY_CONVERT, 1),), envelope=envelope)  # fmt: skip

    def contract(path: str, answer: Any, *params: Any) -> Route:
        return Route(f"{CONTRACT}/{path}", answer, params, rights=("contract",), envelope=bare,
                     bad_param=lambda request, name, problem: ANOMALY)  # fmt: skip

    def listed(path: str, name: str, *params: Any) -> tuple[Route, Route]:
        rows = contract_list(name)
        every = replace(rows, size=10**9)
        return contract(path, rows, *params), contract(
            f"{path}/count",
            lambda request: {"count": len(every.cut(request)[1])}, *params, *every.params(),
        )  # fmt: skip

    return (
        public(f"{API}/ping", lambda r: {"Timestamp": r.now * 1_000_000}, one),
        public(f"{API}/asset_pairs", lambda r: list_pairs(world.is_late(r.now))),
        public(f"{API}/assets", lambda r: list_assets(world.is_late(r.now))),
        public(f"{CONTRACT}/symbols", lambda r: list_contracts(), bare),
        public(f"{CONTRACT}/instruments", lambda r: list_instruments(r.now), bare),
        spot("accounts", "balance", balances("spot", is_total=is_total), envelope=wrapped),
        spot("fund/accounts", "balance", balances("fund"), envelope=wrapped),
        spot("accounts/{asset}", "balance", one_balance("spot")),
        spot("fund/accounts/{asset}", "balance", one_balance("fund")),
        spot("trading_fees", "orders", lambda r: list_fees(world.is_late(r.now)),
             envelope=wrapped),
        spot("trades", "trades", trades, LIMIT, PAIR),
        spot("orders", "orders", orders, LIMIT, state, PAIR),
        spot("orders/{id}", "orders", by_id("spot_orders")),
        spot("order", "orders", order_by_parameter),
        spot("deposits", "deposits", money("deposits", "DEPOSIT")),
        spot("withdrawals", "withdrawals", money("withdrawals", "WITHDRAWAL")),
        spot("withdrawals/{id}", "withdrawals", by_id("withdrawals")),
        spot("transfer", "balance", transfer, Text("guid", required=True)),
        spot("assets/{asset}/address", "addresses", address, envelope=wrapped),
        convert("trades", conversions, bare),
        convert("trade", conversion, one),
        contract("accounts", contract_accounts),
        *listed("trades", "contract_trades"),
        *listed("orders", "contract_orders"),
        *listed("orders/opening", "contract_orders", *opening),
        contract("orders/{id}", by_id("contract_orders")),
    )  # fmt: skip


def build(world: World) -> Simulator:
    """BigONE's simulator in that world."""
    return Simulator(
        Profile(
            name="bigone", keys=KEYS, make_card=make_card, shown_key=shown_key,
            authenticate=authenticate, routes=routes(world), open_account=open_account,
            order=("key", "rights", "params", "answer", "rate"), costs=((BY_IP, 1),),
            bad_param=bad_param, not_found=UNKNOWN, no_right=lambda right: FORBIDDEN,
            too_many=TOO_MANY, rate_headers=rate_headers, error_body=error_body,
            faults={"429": TOO_MANY, "10005": Error(500, 10005, "Internal error"),
                    "10403": FORBIDDEN, "anomaly": ANOMALY},
        ),
        world,
    )  # fmt: skip
