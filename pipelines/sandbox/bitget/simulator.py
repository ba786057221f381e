"""Bitget's simulator: the routes of classic (v2) and unified (v3) accounts, and their limits.

Switches (`options` of the sandbox): bitget.tax_floor_days (730), bitget.deposit_floor_days (none),
bitget.tax_max_limit (500), bitget.tax_cursor_defect (False), bitget.trader (False),
bitget.merchant (False), bitget.unified_fills (60 at most), bitget.unified_contract_share (30
percent; above 50 the crowded moments are futures'), bitget.upgraded_at (Unix ms; from when the
`upgraded` account is a unified one, never if absent), bitget.unified_tax_max_limit (500),
bitget.unified_tax_cursor_defect (False), bitget.unified_fees_outside (False: of rows that are no
futures).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pipelines.sandbox.bitget import copy, earn, keys, p2p, sub_accounts, unified
from pipelines.sandbox.bitget.futures import ProductLedger
from pipelines.sandbox.bitget.keys import EMPTY, KEYS, MAIN, SECOND_ACCOUNT, SUB, UNIFIED, UPGRADED
from pipelines.sandbox.bitget.ledger import BitgetLedger
from pipelines.sandbox.bitget.margin import KINDS, LISTS
from pipelines.sandbox.bitget.market import (
    KNOWN_SYMBOLS,
    PLAY_MONEY,
    PRODUCTS,
    VENUE,
    list_coins,
    list_contracts,
    list_instruments,
    list_symbols,
)
from pipelines.sandbox.bitget.site_files import site_files
from pipelines.sandbox.bitget.unified import (
    LINES,
    Account,
    UnifiedLedger,
    line_of,
    margin_type_of,
)
from pipelines.sandbox.engine.account import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Arrival,
    History,
    Withdrawal,
    exact,
)
from pipelines.sandbox.engine.adapter import Answer, Call, Card, World
from pipelines.sandbox.engine.history import generate
from pipelines.sandbox.engine.simulator import Simulator
from pipelines.sandbox.engine.table import Table
from pipelines.sandbox.engine.wire import (
    Budget,
    Error,
    FromId,
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

CONTRACT_SHARE = 30
"""Percent of an account's fills that are futures."""
PENALTY = 5 * MINUTE
BY_ADDRESS = 6_000
"""Requests a minute from one address; one more, and there is no answer for `PENALTY`."""
TOO_MANY = Error(429, "429", "Too Many Requests")
FAULTS = {
    "429": TOO_MANY,
    "40015": Error(400, "40015", "System is abnormal, please try again later"),
    "40200": Error(400, "40200", "Server upgrade, please try again later"),
    "40725": Error(400, "40725", "service return an error"),
    "40808": Error(400, "40808", "Parameter verification exception"),
    "45001": Error(400, "45001", "Unknown error"),
    "40014": Error(400, "40014", "Incorrect permissions, need spot order read permissions"),
}
OLD = Error(400, "40704", "Can only check the data of the last three months")
OLD_FILLS = Error(400, "43111", "param error time range illegal")
OLD_UNIFIED = Error(400, "40705", "The start and end time cannot exceed 90 days")
CLASSIC_ONLY = Error(
    400, "40085",
    "You are in Unified Account mode, and the Classic Account API is not supported at this time",
)  # fmt: skip
# Two refusals that mean the same: one seen in answers of the account routes, one documented.
UNIFIED_ONLY = Error(
    400, "40084",
    "You are in Classic Account mode, and the Unified Account API is not supported at this time",
)  # fmt: skip
NOT_UNIFIED = Error(400, "25245", "The account is not the unified account mode")
NO_TRADER = Error(400, "40025", "user has no permission for this product line")
SWITCHING = MINUTE
"""How long an upgrade takes."""
MASK = 0x2A5F_31C7_08B9_64D3
"""Makes an opaque cursor of a row's id."""
KIND_OF_WALLET = {
    "spot": "spot", "usdt_futures": "futures", "usdc_futures": "futures",
    "coin_futures": "futures", "p2p": "funding", "earn": "earn", "bots": "bots",
    "crossed_margin": "margin", "isolated_margin": "margin",
}  # fmt: skip
"""Wallet → accountType of the valuation."""
ASSETS = "/api/v2/spot/account/assets"


# -- windows, pages, parameters


@dataclass(frozen=True, kw_only=True)
class Span(Window):
    """Bitget's bounds: a missing start is the widest window back from the end.

    A request without an end may be a minute wider, as its now is a little before ours. What lies
    before the retention is refused only for a bound that was given.
    """

    def bounds(self, request: Request) -> tuple[int | None, int]:
        """First and last millisecond, both inclusive. Raises Refusal."""
        start, end = request.number(self.start), request.number(self.end)
        last = request.now if end is None else end
        first = start if start is not None else 0 if self.most is None else last - self.most
        if first > last:
            raise Refusal(400, "40707", "Start time is greater than end time")
        is_open = end is None and self.retention == self.most
        width = (self.most or last) + (0 if end is not None else MINUTE)
        if last - first > width and not is_open:
            days = width // DAY
            raise Refusal(
                400, "00001", f"startTime and endTime interval cannot be greater than {days} days"
            )
        if self.retention is None:
            return first, last
        floor = request.now - self.retention
        is_old = last < floor or (start is not None and start < floor)
        if self.too_old is not None and is_old:
            raise Refusal(*self.too_old)
        return max(first, floor), last


def span(days: int, kept: int | None = None, old: Error | None = None, **more: Any) -> Span:
    """The window of a list: how wide in days, how many days are kept, and the error before them."""
    return Span(
        most=days * DAY, retention=None if kept is None else kept * DAY, too_old=old, **more
    )


QUARTER, RECENT = span(90), span(90, 90, OLD)
REQUIRED = span(90, required=True)
BELOW = FromId("idLessThan", is_inclusive=False)


@dataclass(frozen=True)
class SkipsTies(FromId):
    """The defect: a cursor also leaves out every row on the millisecond of the row it names."""

    def cut(
        self, table: Table, rows: Sequence[int], size: int, request: Request, is_newest: bool
    ) -> tuple[Sequence[int], str]:
        below = request.params[self.param]
        if below is not None:
            place = bisect_left(table.ids, below)
            if place < len(table.ids):
                place = bisect_left(table.at, table.at[place])
            rows = [n for n in rows if n < place]
        return rows[:size], ""


@dataclass(frozen=True)
class Masked(FromId):
    """A cursor that no client can read."""

    def cut(
        self, table: Table, rows: Sequence[int], size: int, request: Request, is_newest: bool
    ) -> tuple[Sequence[int], str]:
        cursor = request.params[self.param]
        if cursor is not None:
            request.params[self.param] = cursor ^ MASK
        return super().cut(table, rows, size, request, is_newest)


def size(default: int = 100, most: int = 100) -> Whole:
    """The page's length."""
    return Whole("limit", min(default, most), 1, most)


def same(*names: str) -> dict[str, str]:
    """Filters that are called like the fields they are compared with."""
    return {name: name for name in names}


def under(name: str, last: str = "endId") -> Callable[[Page], Any]:
    """Rows in an object, next to the id of the last one."""
    return lambda page: {name: page.rows, last: page.last}


def opaque(page: Page) -> Any:
    """A page with rows has a cursor, the last one too."""
    return {"list": page.rows, "cursor": str(page.ids[-1] ^ MASK) if page.ids else ""}


def by_ids(page: Page) -> Any:
    """Rows in an object, next to the greatest and the smallest id."""
    most, least = (page.ids[0], page.ids[-1]) if page.ids else (0, 0)
    return {"resultList": page.rows, "maxId": str(most), "minId": str(least)}


def bad_param(request: Request, name: str, problem: Problem) -> Error:
    """The error for an invalid parameter."""
    if problem == "missing":
        return Error(400, "40019", f"Parameter {name} cannot be empty")
    if problem == "malformed" or str(request.raw[name]).startswith("-"):
        return Error(400, "40017", f"Parameter verification failed {name}")
    if problem == "choice" and name == "symbol":
        return Error(400, "40034", "Parameter symbol does not exist")
    return Error(400, "40020", f"Parameter {name} error")


def choice(name: str, choices: Sequence[str], default: str | None = None) -> Text:
    """One of some words in any case, required if there is no default."""
    case: Any = "lower" if next(iter(choices)).islower() else "upper"
    return Text(name, default, required=default is None, choices=choices, case=case)


# -- answers


def info(trader: bool) -> Callable[[Request], Any]:
    """Who a classic account is; the addresses of one key are one text."""

    def answer(request: Request) -> Any:
        key = request.key
        assert key is not None
        ips = list(key.ips) or None
        return {
            "userId": key.uid, "inviterId": "6000000009",
            "ips": ",".join(key.ips) if key.profile == "trading" else ips,
            "authorities": [c for c in (*keys.CODES, *keys.WRITES) if c in key.rights],
            "parentId": int(MAIN if key.uid == SUB else key.uid),
            "traderType": "trader" if trader else "not_trader", "channelCode": "abcd",
            "channel": "1", "regisTime": str(request.account.opened_at),
        }  # fmt: skip

    return answer


def spot_assets(request: Request) -> Any:
    """The spot wallet; coins without a balance on request."""
    ledger, now = request.account, request.now
    every, wanted = request.text("assetType") == "all", request.text("coin")
    held, balances = ledger.held(now), ledger.balances(now)["spot"]
    coins = {**(dict.fromkeys((a.code for a in VENUE.assets), 0) if every else {}), **balances}
    return [
        {
            "coin": coin, "available": ledger.text(coin, balance - held.get(coin, 0)),
            "frozen": ledger.text(coin, held.get(coin, 0)), "locked": "0", "limitAvailable": "0",
            "uTime": str(ledger.changed_at("spot", coin, now)),
        }
        for coin, balance in coins.items()
        if wanted in ("", coin) and (balance or every)
    ]  # fmt: skip


def valuation(request: Request) -> Any:
    """The value of each kind of wallet, in USDT."""
    ledger = request.account
    kinds = dict.fromkeys(("spot", "futures", "funding", "earn", "bots", "margin"), Decimal(0))
    for wallet, coins in ledger.balances(request.now).items():
        for coin, amount in coins.items():
            if wallet in KIND_OF_WALLET:
                kinds[KIND_OF_WALLET[wallet]] += ledger.worth(coin, amount)
    return [{"accountType": kind, "usdtBalance": in_usdt(worth)} for kind, worth in kinds.items()]


def in_usdt(worth: Decimal) -> str:
    """An amount of USDT with at most eight digits after the point."""
    return exact(int(worth * 10**8), 8)


def other_assets(wallet: str) -> Callable[[Request], Any]:
    """The wallet of P2P, or of bots: those of theirs trade on spot, and hold a part in orders."""

    def answer(request: Request) -> Any:
        ledger, rows = request.account, []
        for coin, amount in ledger.held_coins(wallet, request.now):
            if request.text("coin") not in ("", coin):
                continue
            worth = in_usdt(ledger.worth(coin, amount))
            held, equity = amount // 3, ledger.text(coin, amount)
            rows.append(
                {"coin": coin, "available": equity, "frozen": "", "usdtValue": worth}
                if wallet == "p2p" else
                {"coin": coin, "available": ledger.text(coin, amount - held), "equity": equity,
                 "bonus": "0", "frozen": ledger.text(coin, held), "usdtValue": worth}
            )  # fmt: skip
        return rows if request.params.get("accountType") != "futures" else []

    return answer


def earn_assets(request: Request) -> Any:
    """The balances of all products of earn."""
    ledger = request.account
    return [
        {"coin": coin, "amount": ledger.text(coin, amount, 8)}
        for coin, amount in ledger.earn.assets(request.now).items()
        if amount and request.text("coin") in ("", coin)
    ]


def savings_assets(request: Request) -> Any:
    """The balances of savings, on one page."""
    rows = request.account.earn.savings_assets(request.text("periodType"), request.now)
    rows = [] if request.number("idLessThan") else rows
    return {"resultList": rows, "endId": rows[-1]["productId"] if rows else ""}


def settings(request: Request) -> Any:
    """The mode of a unified account, which takes a while to be set."""
    is_fresh = request.now < request.account.since + SWITCHING
    return {
        "uid": request.account.uid, "accountMode": "switching" if is_fresh else "unified",
        "assetMode": "multi_assets", "holdMode": "hedge_mode", "stpMode": "none",
        "symbolConfigList": [], "coinConfigList": [{"coin": "USDT", "leverage": "6"}],
    }  # fmt: skip


def unified_info(request: Request) -> Any:
    """Who a unified account is."""
    key = request.key
    assert key is not None
    writes = not key.rights.isdisjoint(keys.WRITES)
    return {
        "userId": key.uid, "inviterId": "", "parentId": "", "channelCode": "abcd", "channel": "",
        "ips": ",".join(key.ips), "permType": "read-and-write" if writes else "read-only",
        "permissions": ["uta_mgt", "uta_trade", *(["withdraw"] if writes else [])],
        "regisTime": str(request.account.opened_at),
    }  # fmt: skip


def unified_assets(request: Request) -> Any:
    """The one wallet of a unified account."""
    ledger, now = request.account, request.now
    held, owed, classic = ledger.classic.held(now), ledger.debts(now), ledger.classic
    totals = (
        "accountEquity", "usdtEquity", "btcEquity", "unrealisedPnl", "usdtUnrealisedPnl",
        "btcUnrealizedPnl", "effEquity", "mmr", "imr", "mgnRatio", "positionMgnRatio",
    )  # fmt: skip
    assets = [
        {
            "coin": coin, "equity": classic.text(coin, balance - owed.get(coin, 0)),
            "usdValue": "0", "balance": classic.text(coin, balance),
            "available": classic.text(coin, balance - held.get(coin, 0)),
            "debt": classic.text(coin, owed.get(coin, 0)),
            "locked": classic.text(coin, held.get(coin, 0)),
        }
        for coin, balance in ledger.coins(unified.UNIFIED, now)
    ]  # fmt: skip
    return {**dict.fromkeys(totals, "0"), "assets": assets}


def funding_assets(request: Request) -> Any:
    """The funding wallet of a unified account."""
    ledger = request.account
    return [
        {"coin": coin, "available": text, "frozen": "0", "balance": text}
        for coin, amount in ledger.coins(unified.FUNDING, request.now)
        for text in (ledger.classic.text(coin, amount),)
    ]


# -- tables


def product(request: Request) -> ProductLedger:
    """The product of a request."""
    found: ProductLedger = request.account.products[request.text("productType")]
    return found


def product_of_symbol(request: Request) -> ProductLedger:
    """A symbol names its product, whatever `productType` is."""
    symbol = request.text("symbol")
    for contract in VENUE.contracts:
        if contract.symbol == symbol:
            request.params["productType"] = next(
                name for name, wallet in PRODUCTS.items() if wallet == contract.wallet
            )
    return product(request)


def check_coin(request: Request) -> None:
    """Only bills of transfers can be selected by coin."""
    moves = ("TRANS_FROM_EXCHANGE", "TRANS_TO_EXCHANGE")
    if request.text("coin") and request.text("businessType").upper() not in moves:
        raise Refusal(400, "40020", "Parameter coin error")


def is_sender(request: Request, event: Any) -> bool:
    """Whether the account has the role in a move that was requested: who sends, initiates."""
    sends = (event.from_wallet == "spot") == (request.account.uid == MAIN)
    return bool(sends == (request.text("role") == "initiator"))


# -- the profile


def routes(world: World, account: Callable[[str], BitgetLedger]) -> tuple[Route, ...]:
    """Every route; `rate` is what an account (or an address) may request in a second."""
    tax_floor = int(world.option("bitget.tax_floor_days", 730))
    deposits_kept = world.option("bitget.deposit_floor_days", None)
    tax_span = span(30, tax_floor, required=True)
    money = List(
        table="deposit_records", size=size(20), paging=BELOW, any_case=True,
        window=replace(REQUIRED, retention=deposits_kept and int(deposits_kept) * DAY),
        filters=same("coin", "orderId", "clientOid"),
    )  # fmt: skip
    is_trader = bool(world.option("bitget.trader", False))
    is_merchant = bool(world.option("bitget.merchant", False))
    required = Text("symbol", required=True)
    pair = Text("symbol", case="upper", choices=KNOWN_SYMBOLS)
    futures = choice("productType", tuple(PRODUCTS))
    upper_coin, upper_symbol = Text("coin", case="upper"), Text("symbol", case="upper")
    old = Span(required=True, retention=90 * DAY, too_old=OLD)

    def rows(table: Any, size: Whole, window: Window | None, *filters: str, **more: Any) -> List:
        most: dict[str, Any] = {"paging": BELOW, "filters": same(*filters)} | more
        return List(table=table, size=size, window=window, any_case=True, **most)

    def get(path: str, rate: int, right: Any, answer: Any, *params: Param, **more: Any) -> Route:
        rights = right if isinstance(right, tuple) else (right,) if right else ()
        costs = ((Budget(rate, SECOND, "uid", each_route=True), 1),)
        return Route(f"/api/{path}", answer, params, rights=rights, costs=costs, **more)

    def public(path: str, rate: int, answer: Any, *params: Param) -> Route:
        costs = ((Budget(rate, SECOND, each_route=True), 1),)
        return Route(f"/api/{path}", answer, params, is_public=True, costs=costs)

    def tax(path: str, right: str, table: Any, coin: str, *params: Param) -> Route:
        is_defect = world.option("bitget.tax_cursor_defect", False)
        paging = SkipsTies("idLessThan") if is_defect else BELOW
        most = int(world.option("bitget.tax_max_limit", 500))
        records = rows(table, size(500, most), tax_span, coin, paging=paging)
        return get(f"v2/tax/{path}", 1, right, records, *params)

    def by_wallet(kind: str, path: str) -> Route:
        coin = {"interest-history": "loanCoin"}.get(path, "coin")
        filters = {"coin": coin, **(same("symbol") if kind == "isolated" else {})}
        return get(
            f"v2/margin/{kind}/{path}", 10, keys.MARGIN, rows(
                lambda r: r.account.margin[KINDS[kind]].lists[path], size(100, 500), QUARTER,
                filters=filters, shape=by_ids),
            *((required,) if kind == "isolated" else ()), Whole("startTime", required=True),
        )  # fmt: skip

    def loan(path: str, table: Callable[[Request], Table], window: Window | None = old) -> Route:
        return get(f"v2/earn/loan/{path}", 10, keys.LOANS, rows(
            table, Whole("pageSize", 10, 1, 100), window, "orderId", "loanCoin", "pledgeCoin",
            paging=Numbered("pageNo")))  # fmt: skip

    def copied(path: str, most: int, window: Window | None, table: Any, *params: Param) -> Route:
        as_trader = "-trader/" in path

        def check(request: Request) -> None:
            if as_trader and not is_trader:
                raise Refusal(*NO_TRADER)

        filters = ("symbol",) if as_trader else ("symbol", "traderId")
        return get(f"v2/copy/{path}", 5, keys.COPY, rows(
            lambda r: table(r, as_trader), size(20, most), window, *filters,
            shape=under("trackingList"), check=check), *params)  # fmt: skip

    def copied_positions(request: Request, as_trader: bool) -> Table:
        return copy.positions(product(request), as_trader, request.now)

    def copied_spot(request: Request, as_trader: bool) -> Table:
        return copy.spot_orders(request.account, as_trader, request.now)

    def sub(request: Request) -> BitgetLedger | None:
        return account(SUB) if request.account.uid == MAIN else None

    def sub_deposits(request: Request) -> Table:
        found = sub(request)
        if found is None or request.text("subUid") != found.uid:
            raise Refusal(400, "40020", "Parameter subUid error")
        return sub_accounts.deposits(found)

    def sub_assets(request: Request) -> Any:
        """Ids are numbers here."""
        found, below = sub(request), request.number("idLessThan")
        number = int(SUB[-6:])
        if found is None or (below is not None and number >= below):
            return []
        coins = [
            {
                "coin": coin, "available": found.text(coin, balance), "limitAvailable": "0",
                "frozen": "0", "locked": "0",
                "uTime": str(found.changed_at("spot", coin, request.now)),
            }
            for coin, balance in found.held_coins("spot", request.now)
        ]  # fmt: skip
        return [{"id": number, "userId": int(SUB), "assetsList": coins}] if coins else []

    def interest(request: Request, data: Any) -> Any:
        settled = (request.now // HOUR + 1) * HOUR
        data |= {"nextSettleTime": str(settled), "borrowAmount": "0", "borrowLimit": "600000"}
        return envelope(request, data)

    def none(request: Request) -> Table:
        return Table([], [], lambda *_: None)

    def v3(
        path: str, rate: int, table: Any, *filters: str, wide: int = 30, kept: int | None = 90,
        limit: Whole = size(), params: tuple[Param, ...] = (), **more: Any,  # noqa: B008
    ) -> Route:  # fmt: skip
        more = {"paging": Masked("cursor", is_inclusive=False), "shape": opaque} | more
        found = rows(table, limit, span(wide, kept, OLD_UNIFIED), *filters, **more)
        return get(f"v3/{path}", rate, keys.NOT_TAX_ONLY, found, *params)

    def is_line(of: Callable[[Any], Any] = lambda event: event) -> Any:
        return lambda request, event: request.text("category") in ("", line_of(of(event)))

    def is_taxed(request: Request, row: Any) -> bool:
        line, kind = line_of(row.event), margin_type_of(row.event)
        is_kind = line != "MARGIN" or kind == request.text("marginType")
        return line == request.text("bizType") and is_kind

    category = choice("category", LINES)
    last_id = FromId("cursor", is_inclusive=False)
    times = (Whole("startTime", required=True), Whole("endTime", required=True))

    def v3_money(path: str, table: str) -> Route:
        return v3(path, 10, table, "coin", "orderId", "clientOid", kept=None, limit=size(20),
                  params=times, paging=last_id, shape=lambda page: page.rows)  # fmt: skip

    v3_tax = rows(
        "unified_tax_records", size(500, int(world.option("bitget.unified_tax_max_limit", 500))),
        span(7, 366, required=True), "coin", keep=is_taxed,
        paging=SkipsTies("cursor") if world.option("bitget.unified_tax_cursor_defect", False)
        else last_id,
    )  # fmt: skip

    def late(answer: Callable[[Request, bool], Any]) -> Callable[[Request], Any]:
        return lambda request: answer(request, world.is_late(request.now))

    return (
        public("v2/public/time", 20, lambda r: {"serverTime": str(r.now)}),
        public("v2/spot/public/coins", 3, late(list_coins), upper_coin),
        public("v2/spot/public/symbols", 20, late(list_symbols), upper_symbol),
        public("v3/market/instruments", 20, late(list_instruments),
               choice("category", LINES[:-1]), upper_symbol),
        public("v2/mix/market/contracts", 20, lambda r: list_contracts(r, world.end),
               choice("productType", (*PRODUCTS, *PLAY_MONEY))),
        # General clients read this list before anything else; here it is empty.
        public("v2/margin/currencies", 20, lambda r: []),
        # Spot.
        get("v2/spot/account/info", 1, keys.NOT_TAX_ONLY, info(is_trader)),
        tax("spot-record", keys.TAX_SPOT, "tax_spot_records", "coin"),
        get("v2/spot/trade/fills", 10, keys.SPOT, rows(
            "spot_fills", size(), span(90, 90, OLD_FILLS), "symbol", "orderId"), pair),
        get("v2/spot/trade/history-orders", 20, keys.SPOT, rows(
            lambda r: r.account.orders, size(), span(90, 90, OLD_FILLS), "symbol", "orderId"),
            pair),
        get("v2/spot/account/bills", 10, keys.LEDGER, rows(
            "spot_bills", size(100, 500), RECENT, "coin", "groupType", "businessType")),
        get("v2/spot/account/transferRecords", 20, keys.WALLET, rows(
            "transfer_records", size(100, 500), QUARTER, "coin", "fromType", "clientOid",
            paging=Numbered("pageNum", cap=1_000)), Text("coin", required=True)),
        get("v2/spot/account/assets", 10, keys.LEDGER, spot_assets, upper_coin),
        get("v2/spot/wallet/deposit-records", 10, keys.WALLET, money),
        get("v2/spot/wallet/withdrawal-records", 10, keys.WALLET,
            replace(money, table="withdrawal_records")),
        get("v2/account/all-account-balance", 1, keys.BALANCES, valuation),
        get("v2/account/funding-assets", 10, keys.BALANCES, other_assets("p2p"), upper_coin),
        get("v2/account/bot-assets", 10, keys.BALANCES, other_assets("bots"),
            choice("accountType", ("spot", "futures")), upper_coin),
        get("v2/convert/convert-record", 10, keys.LEDGER, rows(
            "convert_records", size(20), REQUIRED, shape=under("dataList"))),
        get("v2/convert/bgb-convert-records", 10, keys.LEDGER, rows(
            "bgb_convert_records", size(20), QUARTER, "orderId")),
        # Futures.
        tax("future-record", keys.TAX_FUTURES, lambda r: product(r).tax, "marginCoin",
            choice("productType", tuple(PRODUCTS), "USDT-FUTURES")),
        get("v2/mix/account/bill", 10, keys.BILLS, rows(
            lambda r: product(r).bills, size(20), span(30, 90, OLD), "businessType", "coin",
            shape=under("bills"), check=check_coin), futures),
        get("v2/mix/order/fills", 10, keys.ORDERS, rows(
            lambda r: product(r).fills, size(), span(90, 90, OLD_FILLS), "symbol", "orderId",
            shape=under("fillList")), futures),
        get("v2/mix/order/orders-history", 10, keys.ORDERS, rows(
            lambda r: product(r).orders, size(), RECENT, "symbol", "orderId", "clientOid",
            shape=under("entrustedList")), futures),
        get("v2/mix/position/history-position", 20, keys.POSITIONS, rows(
            lambda r: product_of_symbol(r).positions, size(20), RECENT, "symbol",
            shape=under("list")),
            Text("symbol", case="upper", choices=tuple(c.symbol for c in VENUE.contracts)),
            choice("productType", tuple(PRODUCTS), "USDT-FUTURES")),
        get("v2/mix/account/interest-history", 5, keys.POSITIONS, rows(
            lambda r: product(r).interest(world.end), size(20), None,
            shape=under("interestList")), futures, envelope=interest),
        get("v2/mix/account/accounts", 10, keys.POSITIONS, lambda r: product(r).accounts(
            r.account.balances(r.now).get(product(r).wallet, {}), r.now), futures),
        get("v2/mix/position/all-position", 5, keys.POSITIONS,
            lambda r: product(r).position_rows(r.now), futures),
        # Margin and P2P.
        tax("margin-record", keys.TAX_MARGIN,
            lambda r: r.account.margin[KINDS[r.text("marginType")]].tax, "coin",
            choice("marginType", tuple(KINDS), "crossed")),
        tax("p2p-record", keys.TAX_P2P, lambda r: r.account.margin["p2p"].tax, "coin"),
        *(get(f"v2/margin/{kind}/account/assets", 10, keys.MARGIN, lambda r, wallet=wallet:
              r.account.margin[wallet].assets(r.now, r.account.opened_at))
          for kind, wallet in KINDS.items()),
        *(by_wallet(kind, path) for kind in KINDS for path in LISTS),
        # No trades on margin in this simulator.
        get("v2/margin/isolated/fills", 10, keys.MARGIN, rows(
            none, size(100, 500), QUARTER,
            shape=lambda page: {"fills": [], "maxId": "0", "minId": "0"}),
            required, Whole("startTime", required=True)),
        get("v2/p2p/orderList", 10, keys.P2P, rows(
            lambda r: p2p.orders(r.account) if is_merchant else none(r), size(), QUARTER,
            "status", "side", "coin", "fiat", shape=under("orderList", "minOrderId"))),
        # Sub-accounts; only a main account may request them.
        get("v2/spot/account/sub-main-trans-record", 20, (keys.SUBS, keys.MAIN_ACCOUNT), rows(
            "sub_account_transfers", size(), QUARTER, "coin", "clientOid", keep=is_sender),
            choice("role", ("initiator", "receiver"), "initiator")),
        get("v2/spot/wallet/subaccount-deposit-records", 10, (keys.SUBS, keys.MAIN_ACCOUNT), rows(
            sub_deposits, size(20), QUARTER, "coin"), Text("subUid", required=True)),
        get("v2/spot/account/subaccount-assets", 10, (keys.SUBS, keys.MAIN_ACCOUNT), sub_assets,
            size(10, 50), Whole("idLessThan", least=0)),
        # Earn, loans, copy trading.
        get("v2/earn/savings/records", 10, keys.BALANCES, rows(
            lambda r: r.account.earn.savings[r.text("periodType")], size(20), RECENT,
            filters={"coin": "coinName", "orderType": "orderType"}, shape=under("resultList")),
            choice("periodType", earn.PERIODS)),
        get("v2/earn/sharkfin/records", 10, keys.BALANCES, rows(
            lambda r: r.account.earn.sharkfin[r.text("type")], size(20), RECENT,
            shape=under("resultList")), choice("type", earn.TYPES)),
        get("v2/earn/savings/assets", 10, keys.BALANCES, savings_assets,
            choice("periodType", earn.PERIODS), size(20), Whole("idLessThan", least=0)),
        get("v2/earn/account/assets", 10, keys.BALANCES, earn_assets, upper_coin),
        loan("borrow-history", lambda r: r.account.loans.closed(r.now)),
        loan("repay-history", lambda r: r.account.loans.repayments),
        loan("revise-history", lambda r: r.account.loans.revisions),
        loan("reduces", none),  # no pledge was sold: prices stay in bounds
        loan("ongoing-orders", lambda r: r.account.loans.ongoing(r.now), None),
        copied("mix-follower/query-history-orders", 100, QUARTER, copied_positions, futures),
        copied("spot-follower/query-history-orders", 50, Span(), copied_spot),
        copied("mix-trader/order-history-track", 100, QUARTER, copied_positions, futures),
        copied("spot-trader/order-history-track", 100, Span(), copied_spot),
        # Unified accounts.
        get("v3/account/info", 1, keys.NOT_TAX_ONLY, unified_info),
        get("v3/account/settings", 1, keys.NOT_TAX_ONLY, settings),
        get("v3/tax/records", 1, None, v3_tax, choice("bizType", LINES),
            choice("marginType", tuple(KINDS), "crossed")),
        v3("account/financial-records", 20, "unified_financial_records", "coin", "type",
           params=(category,), keep=is_line(lambda row: row.event)),
        v3("account/funding-financial-records", 10, "unified_funding_records", "coin", "type"),
        v3("trade/fills", 20, "unified_fills", "symbol", "orderId", keep=is_line(),
           params=(Text("category", case="upper", choices=LINES),)),
        v3("trade/history-orders", 20, "unified_orders", "symbol",
           params=(choice("category", LINES[:-1]),),
           keep=is_line(lambda fills: fills[0])),
        v3("position/history-position", 20, lambda r: r.account.positions[r.text("category")],
           "symbol", params=(choice("category", tuple(PRODUCTS)),)),
        v3_money("account/deposit-records", "unified_deposit_records"),
        v3_money("account/withdrawal-records", "unified_withdrawal_records"),
        v3("account/convert-records", 20, "unified_convert_records", "fromCoin", "toCoin"),
        v3("convert/small-assets-history", 10, "unified_small_conversions"),
        v3("p2p/all-orders", 10, "unified_p2p_orders", wide=90, limit=size(20, 20),
           shape=lambda page: {"items": page.rows, "nextId": opaque(page)["cursor"]}),
        v3("account/sub-transfer-record", 5, "unified_transfer_records", "coin", "clientOid",
           wide=90, kept=None),
        get("v3/account/assets", 20, keys.NOT_TAX_ONLY, unified_assets),
        get("v3/account/funding-assets", 20, keys.NOT_TAX_ONLY, funding_assets),
    )  # fmt: skip


def envelope(request: Request, data: Any) -> Any:
    """The envelope of the data; one route has `message` instead."""
    word = "message" if request.call.path == ASSETS else "msg"
    return {"code": "00000", word: "success", "requestTime": request.now, "data": data}


def check_mode(request: Request, card: Card | None) -> None:
    """Each kind of account has its own routes."""
    ledger = request.account.as_of(request.now)
    is_unified, path = isinstance(ledger, UnifiedLedger), request.call.path
    if path.startswith("/api/v3/"):
        if not is_unified:
            raise Refusal(*(UNIFIED_ONLY if path.startswith("/api/v3/account/") else NOT_UNIFIED))
        request.account = ledger
    elif is_unified:
        raise Refusal(*CLASSIC_ONLY)


def build(world: World) -> Simulator:
    """Bitget over the accounts of a world."""
    histories: dict[str, History] = {}
    counts: dict[str, tuple[int, int]] = {}
    penalties: dict[str, int] = {}
    upgraded_at = world.option("bitget.upgraded_at", None)
    since = {UNIFIED: world.opened_at, UPGRADED: upgraded_at}

    def before(call: Call, now: int) -> Answer | None:
        """Count requests by address, refused ones too."""
        if world.pace is None:
            return None
        minute = int(now * world.pace) // MINUTE
        known, used = counts.get(call.ip, (minute, 0))
        counts[call.ip] = (minute, used + 1 if known == minute else 1)
        if now < penalties.get(call.ip, 0):
            raise Refusal(*TOO_MANY)
        if counts[call.ip][1] > BY_ADDRESS:
            penalties[call.ip] = now + int(PENALTY / world.pace)
            raise Refusal(*TOO_MANY)
        return None

    def history(uid: str) -> History:
        if uid not in histories:
            histories[uid] = make_history(uid)
        return histories[uid]

    def make_history(uid: str) -> History:
        if uid == SUB:
            return sub_accounts.history_of_sub(history(MAIN))
        plan = world.plan("bitget", VENUE, uid, main=uid == MAIN, empty=uid == EMPTY)
        venue, share, fills = VENUE, CONTRACT_SHARE, plan.fills
        if uid == MAIN:
            venue = replace(VENUE, other_wallets=(*VENUE.other_wallets, sub_accounts.THERE))
        if uid in since:
            # No unified route lists loans on pledged coins, so that these accounts have none.
            venue = replace(VENUE, pledged_loans=False)
            fills = int(world.option("bitget.unified_fills", fills))
        if uid == UNIFIED:
            share = int(world.option("bitget.unified_contract_share", share))
        return generate(replace(
            plan, venue=venue, contract_share=share, fills=fills,
            future=world.future if fills else 0,
            tie_groups=world.tie_groups if uid in (MAIN, UNIFIED) else None,
            arrivals=tuple(arrivals()) if uid == SECOND_ACCOUNT and fills else plan.arrivals,
        ))  # fmt: skip

    def arrivals() -> Iterator[Arrival]:
        """Two withdrawals of the main account reach the second one."""
        scale = VENUE.asset("USDT").scale
        sent = [
            event
            for event in history(MAIN).events
            if isinstance(event, Withdrawal) and event.asset == "USDT"
            if event.status == "completed" and event.done_at < world.end - DAY
        ]
        for event in sent[-2:]:
            yield Arrival(
                at=event.done_at + 90 * SECOND, asset="USDT", network=event.network, tx=event.tx,
                amount=Decimal(event.amount - event.fee).scaleb(-scale),
            )  # fmt: skip

    def open_account(world: World, uid: str) -> BitgetLedger:
        fees_outside = bool(world.option("bitget.unified_fees_outside", False))
        return Account(history(uid), uid, since.get(uid), fees_outside=fees_outside)

    def rate_headers(usages: tuple[Usage, ...]) -> Headers:
        return tuple(
            ("x-mbx-used-remain-limit", str(usage.budget.allowed - usage.used)) for usage in usages
        )

    def error_body(error: Error) -> Any:
        now = world.clock.now_ms()
        return {"code": error.code, "msg": error.text, "requestTime": now, "data": None}

    def account(uid: str) -> BitgetLedger:
        found: BitgetLedger = simulator.account(uid)
        return found

    simulator = Simulator(
        Profile(
            name="bitget", keys=KEYS, make_card=keys.make_card, shown_key=keys.shown_key,
            authenticate=keys.authenticate, verify=check_mode, no_right=keys.no_right,
            order=("key", "rights", "signature", "params", "answer", "rate"),
            routes=routes(world, account), open_account=open_account, before=before,
            site_files=lambda ledger, now: (
                site_files(ledger, now) if isinstance(ledger, BitgetLedger) else {}
            ),
            bad_param=bad_param, not_found=Error(404, "40404", "Request URL NOT FOUND"),
            too_many=TOO_MANY, rate_headers=rate_headers, envelope=envelope,
            error_body=error_body, faults=FAULTS,
        ),
        world,
    )  # fmt: skip
    return simulator
