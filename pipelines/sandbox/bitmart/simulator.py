"""BitMart's simulator: spot, funding and futures reads of the global exchange.

Spot and futures paths live on two hosts there and on one port here. Answers are as large as the
route allows and say nothing of what they leave out; an unknown parameter is ignored.

Switches (`options` of the sandbox): bitmart.too_old ("50041"; "empty" answers with nothing),
bitmart.ledger_floor_days (180; None keeps all), bitmart.exclusive_end (False), bitmart.wind_down
(True: after trading ended on 2026-08-26 money only goes out, and from the end of January all is
silent).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from pipelines.sandbox.bitmart import answers
from pipelines.sandbox.bitmart.answers import CONTRACT_SYMBOLS, NO_CONTRACT, check_used, used
from pipelines.sandbox.bitmart.keys import (
    EMPTY,
    INTER,
    KEYS,
    MAIN,
    NO_SUB,
    OWNER,
    SUB_NAMES,
    TRADES,
    WITHDRAW,
    YOUNG,
    authenticate,
    make_card,
    shown_key,
)
from pipelines.sandbox.bitmart.ledger import BitMartLedger
from pipelines.sandbox.bitmart.market import (
    PLATFORM_ENDS,
    TRADING_ENDS,
    VENUE,
    coins,
    contracts,
    currencies,
    currency,
    maintenance,
    symbols,
)
from pipelines.sandbox.engine.account import DAY, HOUR, SECOND, History, Withdrawal
from pipelines.sandbox.engine.adapter import Answer, Call, World
from pipelines.sandbox.engine.history import generate
from pipelines.sandbox.engine.simulator import Simulator
from pipelines.sandbox.engine.table import Table
from pipelines.sandbox.engine.wire import (
    Budget,
    Error,
    Headers,
    List,
    Numbered,
    Page,
    Param,
    Problem,
    Profile,
    Refusal,
    Request,
    Route,
    Text,
    Usage,
    Whole,
    Window,
)

MEMORY = 90 * DAY
TOO_MANY = Error(429, 30013, "Request too many requests")
UNAVAILABLE = Error(503, 30014, "Service unavailable")
DEPRECATED = Error(200, 30031, "This endpoint is deprecated")
NO_SENSE = Error(400, 60000, "Invalid request (maybe body is empty, or parameter)")
NOT_RIGHTS = {
    NO_SUB: Error(403, 60026, "Sub-account does not have permission"),
    OWNER: Error(403, 61006, "Only institutional users may do this"),
}
FAULTS = {
    "429": TOO_MANY,
    "418": Error(418, 30017, "Your account request is temporarily rejected due to violation"),
    "30014": UNAVAILABLE,
    "30016": Error(200, 30016, "Service maintenance, the system is being upgraded"),
    "30031": DEPRECATED,
    "40012": Error(500, 40012, "System error"),
    "30007": Error(401, 30007, "Header X-BM-TIMESTAMP range. Within a minute"),
}
GONE = frozenset(
    {
        "/spot/v1/trades", "/spot/v2/trades", "/spot/v3/orders", "/spot/v2/order_detail",
        "/account/v1/deposit-withdraw/history",
    }
)  # fmt: skip
"""Removed routes: they respond that they are deprecated."""
REFUSED_NAMES = ("Python-urllib", "Go-http-client")
FIREWALL = b"<!DOCTYPE html><html><title>Access denied</title>error code: 1010</html>"
TRACE = "7f02c6d1b8e34a10a6d4c9e15b7320fd.63.17840214700012345"
WAIT: Headers = (("X-BM-RateLimit-Reset", "2"),)


# -- envelopes, errors and limits


def bad_param(request: Request, name: str, problem: Problem) -> Error:
    """The error for an invalid parameter."""
    if name == "orderMode" and problem == "choice":
        return Error(400, 52000, "Unsupported order mode")
    if problem in ("missing", "choice") and request.route.path.startswith("/account/"):
        return NO_SENSE
    if request.route.path.startswith("/contract/") and problem in ("missing", "choice"):
        is_list = isinstance(request.route.answer, List)
        return Error(400, 40011, "Invalid parameter") if is_list else NO_CONTRACT
    return Error(400, 50021, f"Invalid parameter, {name}")


def bad_page(request: Request, name: str, problem: Problem) -> Error:
    """The list of transfers has one error for most of its parameters."""
    is_large = name == "limit" and problem == "range" and int(request.raw[name]) > 100
    return bad_param(request, name, problem) if problem == "malformed" or is_large else NO_SENSE


def error_body(error: Error) -> dict[str, Any]:
    """An error and no data."""
    return {"message": error.text, "code": error.code, "trace": "N/A", "data": {}}


def envelope(word: str, request: Request, data: Any) -> dict[str, Any]:
    """The envelope of the data; its names differ between services."""
    return {"code": 1000, "message": word, "trace": TRACE, "data": data}


def rate_headers(usages: tuple[Usage, ...]) -> Headers:
    """The headers of a limit; `Remaining` has the used requests, despite its name."""
    return tuple(
        header
        for usage in usages
        for header in (
            ("X-BM-RateLimit-Remaining", str(usage.used)),
            ("X-BM-RateLimit-Limit", str(usage.budget.allowed)),
            *WAIT,
        )
    )


def read_body(call: Call) -> Mapping[str, Any]:
    """The parameters of a POST."""
    try:
        body = json.loads(call.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(503, 30018, "Request Body requires JSON format")
    return body


# -- lists


class MoneyWindow(Window):
    """Under 90 days where both bounds are given; else up to 90 days, each bound by itself."""

    def bounds(self, request: Request) -> tuple[int | None, int]:
        start, end = request.number(self.start), request.number(self.end)
        if start is not None and end is not None:
            if end - start >= 90 * DAY:
                raise Refusal(400, 60067, "The query time range must be less than 90 days")
        else:
            start = request.now - 90 * DAY if start is None else start
            end = request.now if end is None else end
            if not 0 <= end - start <= 90 * DAY:
                raise Refusal(400, 60066, "Time range must be within 0 and 90 days")
        return start, end - 1 if self.excludes_end else end


def records(page: Page) -> Any:
    """Rows under a name."""
    return {"records": page.rows}


def history(page: Page) -> Any:
    """Rows and how many there are."""
    return {"total": page.total, "historyList": page.rows}


def of_kind(request: Request) -> Table:
    """Deposits or withdrawals."""
    is_deposit = request.text("operation_type") == "deposit"
    table: Table = request.account.tables["deposits" if is_deposit else "withdrawals"]
    return table


def open_orders(name: str) -> Callable[[Request], Table]:
    """Open orders."""

    def table(request: Request) -> Table:
        own = request.account.tables[name]
        rows = own.unfinished(request.now)
        return Table([own.events[n] for n in rows], [own.ids[n] for n in rows], own.render,
                     at=own.time_of, group=own.group_of)  # fmt: skip

    return table


def is_recent(request: Request, move: Any) -> bool:
    """Transfers between spot wallets are listed for three months."""
    return bool(move.wallet != "spot" or move.at >= request.now - MEMORY)


def with_sub(request: Request, move: Any) -> bool:
    """Whether a recent transfer is with the sub-account that the request names, if any."""
    name = request.text("accountName") or request.text("subAccount")
    return is_recent(request, move) and (not name or name in (move.sender, move.receiver))


def check_sub(request: Request) -> None:
    """The sub-account of a request must exist."""
    if name := request.text("accountName") or request.text("subAccount"):
        answers.sub_named(name)


# -- accounts


def open_account(world: World, uid: str) -> BitMartLedger:
    """An account; trading ends in August 2026 unless that is switched off."""
    winds_down, end, future = winding_down(world), world.end, world.future
    if winds_down and end + future > TRADING_ENDS:
        future, end = max(0, TRADING_ENDS - end), min(end, TRADING_ENDS)
    plan = world.plan("bitmart", VENUE, uid, main=uid in (MAIN,), empty=uid == EMPTY)
    opened_at = {EMPTY: end - 40 * DAY, YOUNG: end - 50 * DAY}.get(
        uid, end - (world.end - world.opened_at)
    )
    history = generate(
        replace(plan, end=end, opened_at=opened_at, future=future if plan.fills else 0)
    )
    if winds_down and uid == MAIN:
        history.events.append(way_out(history))
    return BitMartLedger(history, uid, SUB_NAMES.get(uid, ""))


def winding_down(world: World) -> bool:
    """Whether the exchange closes as announced."""
    return bool(world.option("bitmart.wind_down", True))


def way_out(history: History) -> Withdrawal:
    """Withdrawals after the end of trading, until the end of the platform."""
    at = TRADING_ENDS + 20 * DAY
    held = history.held(at).get(("spot", "USDT"), 0)
    free = max(0, history.balances(at)["spot"].get("USDT", 0) - held)
    return Withdrawal(
        seq=len(history.events), at=at, wallet="spot", asset="USDT", amount=free // 10,
        fee=free // 1_000, status="completed", done_at=at + HOUR, network="TRC20",
        address="TQexampleexampleexampleexampleexa9", tx=f"{at:064x}",
    )  # fmt: skip


# -- the profile


def routes(world: World, account: Callable[[str], BitMartLedger]) -> tuple[Route, ...]:
    """Every route; the number is what a key (or an address) may request in two seconds."""
    ends = bool(world.option("bitmart.exclusive_end", False))
    is_refused = world.option("bitmart.too_old", "50041") == "50041"
    floor = world.option("bitmart.ledger_floor_days", 180)

    v4 = Window(
        default=7 * DAY, reversed=Error(400, 52004, "End time must be later than start time"),
        refuses_empty=True,
    )  # fmt: skip
    recent = replace(
        v4, retention=MEMORY, excludes_end=ends,
        too_old=Error(400, 50041, "Out of query time range") if is_refused else None,
    )  # fmt: skip
    futures = Window(
        start="start_time", end="end_time", default=7 * DAY, compares_defaults=True,
        reversed=Error(400, 40039, "Invalid timestamp"), excludes_end=ends,
    )  # fmt: skip
    quarter = replace(
        futures, unit=SECOND, most=90 * DAY, too_wide=Error(400, 40011, "Invalid parameter"),
        retention=MEMORY,
    )  # fmt: skip
    own, mode = Text("account", "futures"), Text("orderMode", choices=("spot", "iso_margin"))
    fills = List(
        table="spot_fills", size=Whole("limit", 200, 1, 200), window=recent, group="symbol",
        keep=lambda request, event: request.text("orderMode") != "iso_margin",
    )  # fmt: skip
    contract_fills = List(
        table="futures_fills", size=200, window=quarter, check=check_used,
        filters={"account": "account", "symbol": "symbol", "order_id": "order_id"},
    )  # fmt: skip
    contract_orders = replace(
        contract_fills, table="futures_orders", shape=lambda page: page.rows or None,
        filters={**contract_fills.filters, "client_order_id": "client_order_id"},
    )  # fmt: skip
    ledger = List(
        table="futures_ledger", size=Whole("page_size", 100, 1, 1_000), check=check_used,
        window=replace(futures, retention=None if floor is None else int(floor) * DAY),
        filters={"account": "account", "symbol": "symbol"},
        keep=lambda request, row: request.number("flow_type") in (None, 0, row.flow_type),
    )  # fmt: skip
    money = List(
        table=of_kind, size=Whole("N", None, 1, 1_000, required=True), shape=records,
        window=MoneyWindow(excludes_end=ends),
        keep=lambda request, event: request.text("currency")
        in ("", event.asset, currency(event.asset, event.network)),
    )  # fmt: skip
    transfers = List(
        table="transfers", size=Whole("limit", None, 10, 100, required=True), shape=records,
        paging=Numbered("page", cap=1_000, required=True), filters={"currency": "currency"},
        window=Window(start="time_start", end="time_end", reversed=NO_SENSE, refuses_empty=True,
                      excludes_end=ends),
    )  # fmt: skip
    subs = List(
        table="sub_transfers", size=Whole("N", None, 1, 100, required=True), shape=history,
        keep=is_recent,
    )  # fmt: skip
    futures_subs = List(
        table="futures_sub_transfers", size=Whole("limit", None, 1, 100, required=True),
    )  # fmt: skip
    subs_of_one = replace(subs, keep=with_sub, check=check_sub)
    futures_subs_of_one = replace(futures_subs, keep=with_sub, check=check_sub)
    kind = Text("operation_type", required=True, choices=("deposit", "withdraw"))
    move_type = Text("moveType", required=True, choices=("spot to spot",))
    sub_account = Text("subAccount", required=True)
    symbol = Text("symbol", required=True)
    contract_symbol = Text("symbol", required=True, choices=tuple(CONTRACT_SYMBOLS))
    loan_params = (symbol, Whole("start_time"), Whole("end_time"), Whole("N", 50, 1, 100))
    state = Text("queryState", choices=("open", "history"))

    def limit(allowed: int, per: Any = "key") -> tuple[tuple[Budget, int], ...]:
        return ((Budget(allowed, 2 * SECOND, per, each_route=True), 1),)

    def public(path: str, allowed: int, answer: Callable[[Request], Any]) -> Route:
        return Route(path, answer, method="", is_public=True, costs=limit(allowed, "ip"))

    def get(path: str, allowed: int, answer: Any, *params: Param, **more: Any) -> Route:
        return Route(path, answer, params, costs=limit(allowed), **more)

    def post(path: str, allowed: int, answer: Any, *params: Param) -> Route:
        return get(f"/spot/v4/query/{path}", allowed, answer, *params, method="POST",
                   envelope=partial(envelope, "success"))  # fmt: skip

    def contract(path: str, allowed: int, answer: Any, *params: Param) -> Route:
        return get(f"/contract/private/{path}", allowed, answer, *params,
                   envelope=partial(envelope, "Ok"))  # fmt: skip

    own_sub, main_of_sub = (INTER, OWNER), (INTER, NO_SUB, OWNER)
    sub, futures_sub = "/account/sub-account", "/account/contract/sub-account"
    margin = "/spot/v1/margin/isolated"
    return (
        public("/system/time", 20, lambda r: {"server_time": r.now}),
        public("/system/service", 20, lambda r: {"service": maintenance()}),
        public("/account/v1/currencies", 2, lambda r: {"currencies": currencies(
            world.is_late(r.now), frozenset(r.text("currencies").split(",")) - {""})}),
        public("/spot/v1/currencies", 8, lambda r: {"currencies": coins(world.is_late(r.now))}),
        public("/spot/v1/symbols/details", 12,
               lambda r: {"symbols": symbols(world.is_late(r.now))}),
        public("/contract/public/details", 12,
               lambda r: {"symbols": contracts(r.now, r.text("symbol"))}),
        get("/spot/v1/user_fee", 2, answers.user_fee),
        get("/spot/v1/trade_fee", 2, answers.trade_fee, symbol),
        get("/account/v1/withdraw/charge", 8, answers.charge, rights=(WITHDRAW,)),
        get("/account/v1/wallet", 12, answers.account_wallet),
        get("/spot/v1/wallet", 12, answers.spot_wallet),
        get(f"{margin}/account", 12, answers.margin_account),
        get(f"{margin}/borrow_record", 150, answers.loans("borrows", "create_time"),
            *loan_params),
        get(f"{margin}/repay_record", 150, answers.loans("repayments", "repay_time"),
            *loan_params),
        get("/account/v2/deposit-withdraw/history", 8, money, kind, rights=(NO_SUB,)),
        get("/account/v1/deposit-withdraw/detail", 8, answers.money_detail,
            Text("id", required=True), rights=(NO_SUB,)),
        get("/account/v1/transfer-contract-list", 1, transfers, method="POST", rights=(TRADES,),
            bad_param=bad_page),
        post("trades", 12, fills, mode),
        post("history-orders", 12, replace(fills, table="spot_orders"), mode),
        post("open-orders", 12, replace(fills, table=open_orders("spot_orders"), window=v4), mode),
        post("order-trades", 12, answers.order_fills),
        post("order", 50, answers.one_order("orderId"), Text("orderId", required=True), state),
        post("client-order", 50, answers.one_order("clientOrderId"),
             Text("clientOrderId", required=True), state),
        contract("trades", 6, contract_fills, own),
        contract("transaction-history", 6, ledger, own, Whole("flow_type")),
        contract("order-history", 6, contract_orders, own, symbol),
        contract("assets-detail", 12, used(answers.assets)),
        contract("position", 6, used(lambda r: r.account.positions(r.now))),
        contract("position-v2", 6, used(answers.positions_v2)),
        contract("position-risk", 24, used(answers.positions_at_risk)),
        contract("trade-fee-rate", 2, answers.contract_fee, contract_symbol),
        contract("order", 50, used(answers.one_contract_order), contract_symbol),
        contract("get-open-orders", 50, List(
            table=open_orders("futures_orders"), filters={"symbol": "symbol"}, check=check_used)),
        contract("current-plan-order", 50, used(lambda r: [])),
        get(f"{sub}/main/v1/subaccount-list", 8, answers.sub_accounts, rights=main_of_sub),
        get(f"{sub}/main/v1/wallet", 12, answers.sub_wallet("spot", account), sub_account,
            rights=main_of_sub),
        get(f"{futures_sub}/main/v1/wallet", 12, answers.sub_wallet("futures", account),
            sub_account, rights=main_of_sub),
        get(f"{sub}/v1/transfer-history", 8, subs, move_type, rights=own_sub),
        get(f"{sub}/main/v1/transfer-list", 8, subs_of_one, move_type,
            rights=main_of_sub),
        get(f"{futures_sub}/v1/transfer-history", 8, futures_subs, rights=own_sub),
        get(f"{futures_sub}/main/v1/transfer-list", 8, futures_subs_of_one, sub_account,
            rights=main_of_sub),
    )  # fmt: skip


def build(world: World) -> Simulator:
    """BitMart's simulator in that world."""
    winds_down = winding_down(world)

    def before(call: Call, now: int) -> Answer | None:
        if call.headers.get("user-agent", "").startswith(REFUSED_NAMES):
            return Answer(403, FIREWALL, content_type="text/html")
        if winds_down and now >= PLATFORM_ENDS:
            raise Refusal(*UNAVAILABLE)
        if call.path in GONE:
            raise Refusal(*DEPRECATED)
        return None

    def account(uid: str) -> BitMartLedger:
        found: BitMartLedger = simulator.account(uid)
        return found

    simulator = Simulator(
        Profile(
            name="bitmart", keys=KEYS, make_card=make_card, shown_key=shown_key,
            authenticate=authenticate, routes=routes(world, account), open_account=open_account,
            before=before, read_body=read_body, bad_param=bad_param,
            not_found=Error(404, 30000, "Not found"),
            wrong_method=lambda call: Error(
                405, 60030 if call.path.startswith("/account/") else 57001, "Method Not Allowed"
            ),
            no_right=lambda right: NOT_RIGHTS.get(
                right, Error(403, 30012, "Header X-BM-KEY is forbidden to request it")
            ),
            too_many=TOO_MANY, rate_headers=rate_headers,
            refusal_headers=lambda usages: rate_headers(usages) or WAIT,
            envelope=partial(envelope, "OK"), error_body=error_body,
            error_type="text/plain;charset=UTF-8", faults=FAULTS,
        ),
        world,
    )  # fmt: skip
    return simulator
