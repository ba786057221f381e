"""Binance's simulator: spot and wallet, with what goes by convert, card, bank and P2P.

Switches (`options` of the sandbox): binance.delisted_answers (False), binance.trades_days (None:
fills are kept for ever), binance.short_pages (True: pages that go by id may lack a row).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from pipelines.sandbox.binance.ledger import MONEY, VENUE, BinanceLedger
from pipelines.sandbox.engine.account import DAY, MINUTE, SECOND, Market, exact
from pipelines.sandbox.engine.adapter import Answer, Call, Card, World
from pipelines.sandbox.engine.history import generate
from pipelines.sandbox.engine.simulator import Simulator
from pipelines.sandbox.engine.table import Table
from pipelines.sandbox.engine.wire import (
    Budget,
    Error,
    FromId,
    Headers,
    Key,
    List,
    Newest,
    Numbered,
    Offset,
    Page,
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

API, SAPI = "/api/v3", "/sapi/v1"
BY_IP = Budget(6_000, header="X-MBX-USED-WEIGHT-1M")
SAPI_IP = Budget(12_000, each_route=True, header="X-SAPI-USED-IP-WEIGHT-1M")
SAPI_UID = Budget(180_000, per="uid", each_route=True, header="X-SAPI-USED-UID-WEIGHT-1M")
LONGEST_RECV_WINDOW, EARLY = 60_000, 1_000
MICROSECONDS = 10**14
"""Timestamps from here on are in microseconds."""
SIGNED = ("timestamp", "recvWindow", "signature")
INVALID_SYMBOL = Error(400, -1121, "Invalid symbol.")
REFUSED = Error(401, -2015, "Invalid API-key, IP, or permissions for action.")
BAD_COMBINATION = Error(400, -1128, "Combination of optional parameters invalid.")
BROKEN = Market("OLDUSDT", "OLD", "USDT", 4, 1, 5_000)
"""Listed with status BREAK, and refused."""
WALLETS = ("MAIN", "UMFUTURE", "CMFUTURE", "MARGIN", "FUNDING", "OPTION", "PORTFOLIO_MARGIN")
PAIRS = (
    *(("MAIN", other) for other in WALLETS[1:]),
    *(("UMFUTURE", other) for other in ("MARGIN", "FUNDING", "OPTION")),
    *(("CMFUTURE", other) for other in ("MARGIN", "FUNDING")),
    *(("MARGIN", other) for other in ("FUNDING", "OPTION", "ISOLATEDMARGIN")),
    ("FUNDING", "OPTION"),
    *(("MAIN", other) for other in ("C2C", "MINING", "PAY")),
)  # fmt: skip
TYPES = (*(f"{a}_{b}" for x, y in PAIRS for a, b in ((x, y), (y, x))),
         "ISOLATEDMARGIN_ISOLATEDMARGIN")  # fmt: skip
MAIN, SMALL, EMPTY, SUB = "350011001", "350011002", "350011003", "350011004"
KEYS = (
    Key("binance-main", "read-only", MAIN),
    Key("binance-trading", "trading", SMALL, frozenset({"trade"}), ips=("127.0.0.1", "::1")),
    Key("binance-withdrawing", "withdrawing", SMALL, frozenset({"withdraw", "move"})),
    Key("binance-disabled", "disabled", MAIN, state="disabled"),
    Key("binance-ip-bound", "ip-bound", MAIN, ips=("203.0.113.7",)),
    Key("binance-empty", "empty", EMPTY),
    Key("binance-sub", "sub-account", SUB),
)


# -- keys and signatures


def sign(secret: str, payload: str) -> str:
    """HMAC-SHA256 of the query and the body, nothing between them, in hex."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def shown_key(call: Call) -> str:
    """The key in its header."""
    return call.headers.get("x-mbx-apikey", "")


def authenticate(request: Request, card: Card | None) -> None:
    """Key well-formed, known, in force, and shown from an address it is bound to."""
    if not re.fullmatch("[A-Za-z0-9]{64}", shown_key(request.call)):
        raise Refusal(401, -2014, "API-key format invalid.")
    key = request.key
    if key is None:
        raise Refusal(401, -2008, "Invalid Api-Key ID.")
    if key.state == "disabled" or (key.ips and request.call.ip not in key.ips):
        raise Refusal(*REFUSED)


def read_body(call: Call) -> dict[str, str]:
    """Parameters of a form."""
    return dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True))


def verify(request: Request, card: Card | None) -> None:
    """No parameter unread on the spot API; then the time; then the signature, which is last."""
    route, raw = request.route, request.raw
    own = route.answer.params() if isinstance(route.answer, List) else ()
    read = {*SIGNED, *(param.name for param in (*route.params, *own))}
    if request.call.path.startswith(API) and (unread := raw.keys() - read):
        text = f"Not all sent parameters were read; read '{len(raw) - len(unread)}' parameter(s) "
        raise Refusal(400, -1104, f"{text}but was sent '{len(raw)}'.")
    for name in ("timestamp", "signature"):
        if not raw.get(name):
            raise Refusal(*bad_param(request, name, "missing"))
    at = Whole("timestamp").read(raw["timestamp"]) or 0
    at = at // 1_000 if at >= MICROSECONDS else at
    patience = Whole("recvWindow", 5_000).read(raw.get("recvWindow")) or 0
    if patience > LONGEST_RECV_WINDOW:
        raise Refusal(400, -1131, "recvWindow must be less than 60000.")
    if at >= request.now + EARLY:
        ahead = "Timestamp for this request was 1000ms ahead of the server's time."
        raise Refusal(400, -1021, ahead)
    if request.now - at > patience:
        raise Refusal(400, -1021, "Timestamp for this request is outside of the recvWindow.")
    parts = (request.call.query, request.call.body.decode(errors="replace"))
    payload = "".join(re.sub(r"&?\bsignature=[^&]*$", "", part) for part in parts)
    given = str(raw["signature"]).lower()
    if card is None or not hmac.compare_digest(sign(card.secret, payload), given):
        raise Refusal(400, -1022, "Signature for this request is not valid.")


def bad_param(request: Request, name: str, problem: Problem) -> Error:
    """The error for a parameter that does not pass."""
    if problem in ("missing", "malformed"):
        text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
        return Error(400, -1102, text)
    return Error(400, -1130, f"Data sent for parameter '{name}' is not valid.")


# -- lists


def window(days: int, *, by_default: int | None = None, **more: Any) -> Window:
    """Bounds at most so many days apart."""
    too_wide = Error(400, -1127, f"More than {days * 24} hours between startTime and endTime.")
    default = None if by_default is None else by_default * DAY
    return Window(most=days * DAY, too_wide=too_wide, default=default, **more)


BELOW_90 = replace(
    window(90, compares_defaults=True), most=90 * DAY - 1, default=90 * DAY - 1
)


class ByOrderId(Window):
    """Seven days at most, if withdrawals of one order id are wanted."""

    def bounds(self, request: Request) -> tuple[int | None, int]:
        if request.text("withdrawOrderId"):
            week = window(7, by_default=7)
            return week.bounds(request)
        return super().bounds(request)


class ShortPages(FromId):
    """Pages by id that now and then lack a row although more follow."""

    def cut(
        self, table: Table, rows: Sequence[int], size: int, request: Request, is_newest: bool
    ) -> tuple[Sequence[int], str]:
        shown, token = super().cut(table, rows, size, request, is_newest)
        is_short = request.params[self.param] is not None and len(shown) > 1
        return shown[:-1] if is_short and table.ids[shown[0]] % 4 == 0 else shown, token


def fills(world: World) -> Route:
    """Fills of one pair. Those of a pair that is gone cannot be reached."""
    answers_delisted = world.option("binance.delisted_answers", False)
    kept, is_short = world.option("binance.trades_days", None), world.option("binance.short_pages",
                                                                             True)  # fmt: skip

    def check(request: Request) -> None:
        given = {n for n in ("orderId", "fromId", "startTime", "endTime") if request.text(n)}
        if len(given) > 1 and given not in ({"startTime", "endTime"}, {"orderId", "fromId"}):
            raise Refusal(*BAD_COMBINATION)

    def table(request: Request) -> Table:
        symbol = request.text("symbol")
        listed = [market.symbol for market in listed_markets(world, request.now)]
        found: Table | None = request.account.fills.get(symbol)
        if found is None or not (answers_delisted or symbol in listed):
            raise Refusal(*INVALID_SYMBOL)
        return found

    retention = None if kept is None else int(kept) * DAY
    rows = List(
        table=table, order="oldest", keeps="oldest if start", size=Whole("limit", 500, 1, 1_000),
        paging=ShortPages("fromId") if is_short else FromId("fromId"), check=check,
        window=window(1, retention=retention), filters={"orderId": "orderId"},
    )  # fmt: skip
    return Route(f"{API}/myTrades", rows, (Text("symbol", required=True),), costs=((BY_IP, 20),))


def counted(page: Page) -> dict[str, Any]:
    """Rows and how many there are."""
    return {"total": page.total, "rows": page.rows}


def wrapped(page: Page) -> dict[str, Any]:
    """The envelope of P2P and fiat lists."""
    return {"code": "000000", "message": "success", "data": page.rows, "total": page.total,
            "success": True}  # fmt: skip


def without_data(page: Page) -> dict[str, Any]:
    """The same, but `data` is missing where there is none."""
    body = wrapped(page)
    return body if page.total else {name: body[name] for name in body if name != "data"}


def newest_hundred(request: Request, batch: Any) -> bool:
    """Whether a dust operation is one of the last hundred."""
    table: Table = request.account.tables["dust"]
    kept = table.select(request.now)[-100:]
    return bool(batch[0].at >= table.at[kept[0]])


def isolated(request: Request) -> None:
    """Moves from and to isolated margin name their pairs."""
    source, _, target = request.text("type").partition("_")
    for wallet, name in ((source, "fromSymbol"), (target, "toSymbol")):
        if wallet == "ISOLATEDMARGIN" and not request.text(name):
            raise Refusal(*bad_param(request, name, "missing"))


def few_ids(request: Request) -> None:
    """At most 45 ids."""
    if request.text("idList").count(",") >= 45:
        raise Refusal(*bad_param(request, "idList", "range"))


def is_side(buy: str, name: str) -> Callable[[Request, Any], bool]:
    """Compares what an event does, in or out, with a parameter, if it is given."""

    def keep(request: Request, event: Any) -> bool:
        is_in = event.side == "buy" if hasattr(event, "side") else not hasattr(event, "fee")
        return not request.text(name) or is_in == (request.text(name) == buy)

    return keep


def nothing(request: Request) -> Table:
    """A list in which no account has rows."""
    return Table([], [], lambda event, number, now: None)


# -- single answers


def listed_markets(world: World, now: int) -> list[Market]:
    """Pairs that are listed at that moment."""
    return [market for market in VENUE.markets if not (market.brief and world.is_late(now))]


def exchange_info(world: World) -> Callable[[Request], Any]:
    """The weight limit and every pair that is listed."""

    def symbol(market: Market) -> dict[str, Any]:
        step, tick = exact(1, market.quantity_scale, 8), exact(1, market.price_scale, 8)
        return {
            "symbol": market.symbol, "status": "BREAK" if market is BROKEN else "TRADING",
            "baseAsset": market.base, "baseAssetPrecision": 8, "quoteAsset": market.quote,
            "quotePrecision": 8, "quoteAssetPrecision": 8, "baseCommissionPrecision": 8,
            "quoteCommissionPrecision": 8, "orderTypes": ["LIMIT", "MARKET"],
            "icebergAllowed": True, "ocoAllowed": True, "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False, "permissions": [], "permissionSets": [["SPOT"]],
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000",
                 "tickSize": tick},
                {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "9000.00000000",
                 "stepSize": step},
            ],
        }  # fmt: skip

    limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
             "limit": BY_IP.allowed}  # fmt: skip
    return lambda request: {
        "timezone": "UTC", "serverTime": request.now, "rateLimits": [limit], "exchangeFilters": [],
        "symbols": [symbol(m) for m in (*listed_markets(world, request.now), BROKEN)],
    }  # fmt: skip


def restrictions(request: Request) -> dict[str, Any]:
    """What the key may do."""
    key = request.key
    assert key is not None
    can_move = "move" in key.rights
    return {
        "ipRestrict": bool(key.ips), "createTime": request.account.opened_at + DAY,
        "enableReading": True, "enableWithdrawals": "withdraw" in key.rights,
        "enableInternalTransfer": can_move, "permitsUniversalTransfer": can_move,
        "enableSpotAndMarginTrading": "trade" in key.rights, "enableMargin": False,
        "enableFutures": False, "enableVanillaOptions": False,
        "enablePortfolioMarginTrading": False, "enableFixApiTrade": False,
        "enableFixReadOnly": False,
    }  # fmt: skip


def account(request: Request) -> dict[str, Any]:
    """Identity and spot balances; `can...` are those of the account, not of the key."""
    rows, text = request.account.coins("spot", request.now), request.account.text
    amounts = {asset: (free, held) for asset, free, held in rows if free + held}
    if request.text("omitZeroBalances") != "true":
        amounts = {asset.code: (0, 0) for asset in VENUE.assets} | amounts
    return {
        "makerCommission": 10, "takerCommission": 10, "buyerCommission": 0, "sellerCommission": 0,
        "commissionRates": {"maker": "0.00100000", "taker": "0.00100000", "buyer": "0.00000000",
                            "seller": "0.00000000"},
        "canTrade": True, "canWithdraw": True, "canDeposit": True, "brokered": False,
        "requireSelfTradePrevention": False, "preventSor": False, "updateTime": request.now,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": text(free, asset, 8), "locked": text(held, asset, 8)}
            for asset, (free, held) in amounts.items()
        ],
        "permissions": ["SPOT"], "uid": int(request.account.uid),
    }  # fmt: skip


def owned(wallet: str) -> Callable[[Request], Any]:
    """The coins of one wallet that are not zero, or the one that is named."""

    def answer(request: Request) -> list[dict[str, Any]]:
        text = request.account.text
        return [
            {
                "asset": asset, "free": text(free, asset), "locked": "0", "freeze": "0",
                "withdrawing": text(held, asset), "ipoable": "0", "btcValuation": "0",
            }
            for asset, free, held in request.account.coins(wallet, request.now)
            if free + held and request.text("asset") in ("", asset)
        ]  # fmt: skip

    return answer


def coins(request: Request) -> list[dict[str, Any]]:
    """Every coin, its networks, and what there is of it in spot."""
    amounts = {asset: (free, held) for asset, free, held in
               request.account.coins("spot", request.now)}  # fmt: skip
    text, found = request.account.text, []
    for asset in VENUE.assets:
        free, held = amounts.get(asset.code, (0, 0))
        fee = f"{asset.withdraw_fee:f}"
        networks = [
            {
                "network": network, "coin": asset.code, "name": network, "isDefault": n == 0,
                "depositEnable": True, "withdrawEnable": True, "withdrawFee": fee,
                "withdrawMin": fee, "withdrawMax": "1000000", "minConfirm": 12,
                "withdrawIntegerMultiple": "0.00000001", "unLockConfirm": 12, "busy": False,
            }
            for n, network in enumerate(asset.networks)
        ]  # fmt: skip
        found.append({
            "coin": asset.code, "depositAllEnable": True, "withdrawAllEnable": True,
            "name": asset.code, "free": text(free, asset.code), "locked": "0", "freeze": "0",
            "withdrawing": text(held, asset.code), "ipoing": "0", "ipoable": "0", "storage": "0",
            "isLegalMoney": asset.code == MONEY, "trading": asset.code != MONEY,
            "networkList": [] if asset.code == MONEY else networks,
        })  # fmt: skip
    return found


def snapshot(request: Request) -> Table:
    """Balances at the end of days; only spot has any."""
    ledger = request.account

    def day(at: int, number: int, now: int) -> dict[str, Any]:
        balances = [
            {"asset": asset, "free": ledger.text(free, asset), "locked": ledger.text(held, asset)}
            for asset, free, held in ledger.coins("spot", at)
        ]
        data = {"balances": balances, "totalAssetOfBtc": "0"}
        return {"data": data, "type": "spot", "updateTime": at}

    days = ledger.days(request.now) if request.text("type") == "SPOT" else []
    return Table(days, days, day, at=lambda at: at)


def sub_accounts(request: Request) -> dict[str, Any]:
    """Only a master may list them."""
    if request.account.uid == SUB:
        raise Refusal(400, -9000, "This account is not a master account.")
    emails = [f"{SUB}_virtual@example.com"] if request.account.uid == MAIN else []
    return {"subAccounts": [
        {"subUserId": int(SUB), "email": email, "isFreeze": False, "remark": "",
         "createTime": request.account.opened_at, "isManagedSubAccount": False,
         "isAssetManagementSubAccount": False}
        for email in emails
    ]}  # fmt: skip


# -- the profile


def ip(weight: int) -> tuple[tuple[Budget, int], ...]:
    """Weight by address."""
    return ((SAPI_IP, weight),)


def uid(weight: int) -> tuple[tuple[Budget, int], ...]:
    """Weight by user."""
    return ((SAPI_UID, weight),)


def routes(world: World) -> tuple[Route, ...]:
    """Every route; what is public comes first."""
    many = Whole("limit", 1_000, 1, 1_000)
    paged: dict[str, Any] = {"paging": Numbered("current"), "size": Whole("size", 10, 1, 100),
                             "shape": counted}  # fmt: skip
    fiat: dict[str, Any] = {
        "size": Whole("rows", 100, 1, 500), "keep": is_side("0", "transactionType"),
        "paging": Numbered("page"),
        "window": window(90, by_default=30, start="beginTime", compares_defaults=True),
    }  # fmt: skip
    way = (Text("transactionType", required=True, choices=("0", "1")),)
    convert = List(
        table="conversions", size=Whole("limit", 100, 1, 1_000), window=window(30, required=True),
        shape=lambda page: {"list": page.rows, "moreData": page.has_more},
    )  # fmt: skip
    return (
        Route(f"{API}/ping", lambda request: {}, is_public=True, costs=((BY_IP, 1),)),
        Route(f"{API}/time", lambda request: {"serverTime": request.now}, is_public=True,
              costs=((BY_IP, 1),)),
        Route(f"{API}/exchangeInfo", exchange_info(world), is_public=True, costs=((BY_IP, 20),)),
        Route(f"{API}/account", account, (Text("omitZeroBalances"),), costs=((BY_IP, 20),)),
        fills(world),
        Route(f"{SAPI}/account/apiRestrictions", restrictions, costs=ip(1)),
        Route(f"{SAPI}/account/info", lambda request: {
            "vipLevel": 0, "isMarginEnabled": False, "isFutureEnabled": False,
            "isOptionsEnabled": False, "isPortfolioMarginRetailEnabled": False}, costs=ip(1)),
        *(Route(f"{SAPI}/margin/{path}", lambda request: [], costs=ip(1))
          for path in ("allPairs", "isolated/allPairs")),
        Route(f"{SAPI}/account/status", lambda request: {"data": "Normal"}, costs=ip(1)),
        Route(f"{SAPI}/sub-account/list", sub_accounts, costs=ip(1)),
        Route(f"{SAPI}/capital/config/getall", coins, costs=ip(10)),
        Route("/sapi/v3/asset/getUserAsset", owned("spot"), (Text("asset"),), "POST", costs=ip(5)),
        Route(f"{SAPI}/asset/get-funding-asset", owned("funding"), (Text("asset"),), "POST",
              costs=ip(1)),
        Route(f"{SAPI}/accountSnapshot", List(
            table=snapshot, order="oldest", size=Whole("limit", 7, 7, 30), keeps="oldest if start",
            window=replace(window(30), most=30 * DAY - 1),
            shape=lambda page: {"code": 200, "msg": "", "snapshotVos": page.rows},
        ), (Text("type", required=True, choices=("SPOT", "MARGIN", "FUTURES")),), costs=ip(2_400)),
        Route(f"{SAPI}/capital/deposit/hisrec", List(
            table="deposits", size=many, paging=Offset(), window=BELOW_90,
            filters={"coin": "coin", "status": "status", "txId": "txId"},
        ), costs=ip(1)),
        Route(f"{SAPI}/capital/withdraw/history", List(
            table="withdrawals", size=many, paging=Offset(), check=few_ids, many=",",
            window=ByOrderId(**vars(BELOW_90)),
            filters={"coin": "coin", "status": "status", "withdrawOrderId": "withdrawOrderId",
                     "idList": "id"},
        ), costs=uid(18_000)),
        Route(f"{SAPI}/asset/transfer", List(
            table="transfers", group="type", check=isolated,
            window=Window(default=7 * DAY, retention=180 * DAY), **paged,
        ), (Text("type", required=True, choices=TYPES), Text("fromSymbol"), Text("toSymbol")),
            costs=ip(1)),
        Route(f"{SAPI}/asset/assetDividend", List(
            table="dividends", size=Whole("limit", 20, 1, 500), window=window(180),
            paging=Newest(), shape=counted, filters={"asset": "asset"},
        ), costs=ip(10)),
        Route(f"{SAPI}/asset/dribblet", List(
            table=lambda request: nothing(request) if request.text("accountType") == "MARGIN"
            else request.account.tables["dust"],
            window=Window(), keep=newest_hundred,
            shape=lambda page: {"total": page.total, "userAssetDribblets": page.rows},
        ), (Text("accountType", "SPOT", choices=("SPOT", "MARGIN")),), costs=ip(1)),
        Route(f"{SAPI}/asset/ledger-transfer/cloud-mining/queryByPage",
              List(table=nothing, window=Window(required=True, excludes_end=True), **paged),
              costs=uid(600)),
        Route(f"{SAPI}/asset/convert-transfer/queryByPage",
              List(table=nothing, window=Window(required=True), **paged), costs=uid(5)),
        Route(f"{SAPI}/convert/tradeFlow", convert, costs=uid(3_000),
              envelope=lambda request, data: {
                  **data, "startTime": request.number("startTime"),
                  "endTime": request.number("endTime"), "limit": request.number("limit")}),
        Route(f"{SAPI}/fiat/orders", List(table="fiat_orders", shape=wrapped, **fiat), way,
              costs=uid(45_000)),
        Route(f"{SAPI}/fiat/payments", List(table="fiat_payments", shape=without_data, **fiat),
              way, costs=ip(1)),
        Route(f"{SAPI}/c2c/orderMatch/listUserOrderHistory", List(
            table="p2p_orders", size=Whole("rows", 100, 1, 100), paging=Numbered("page"),
            keep=is_side("BUY", "tradeType"), shape=wrapped,
            window=window(30, by_default=30, start="startTimestamp", end="endTimestamp",
                          compares_defaults=True, retention=180 * DAY),
        ), (Text("tradeType", choices=("BUY", "SELL")),), costs=ip(1)),
    )  # fmt: skip


def build(world: World) -> Simulator:
    """Binance over the accounts of a world."""
    bans: dict[str, int] = {}

    def wait(until: int) -> Headers:
        return (("Retry-After", str(-(-(until - world.clock.now_ms()) // SECOND))),)

    def too_many(call: Call, usage: Usage) -> Error:
        if usage.budget is BY_IP and usage.used > 2 * BY_IP.allowed:
            bans[call.ip] = usage.ends_at + 2 * MINUTE
        return Error(429, -1003, f"Too much request weight used; limit is {usage.budget.allowed}.")

    def before(call: Call, now: int) -> Answer | None:
        until = bans.get(call.ip, 0)
        if not call.path.startswith(API) or until <= now:
            return None
        text = f"Way too much request weight used; IP banned until {until}."
        return Answer(418, msgspec.json.encode({"code": -1003, "msg": text}), wait(until))

    def rate_headers(usages: tuple[Usage, ...]) -> Headers:
        return tuple((usage.budget.header, str(usage.used)) for usage in usages)

    def refusal_headers(usages: tuple[Usage, ...]) -> Headers:
        over = [usage.ends_at for usage in usages if usage.used > usage.budget.allowed]
        return rate_headers(usages) + (wait(max(over)) if over else ())

    def open_account(world: World, uid: str) -> BinanceLedger:
        plan = world.plan("binance", VENUE, uid, main=uid == MAIN, empty=uid == EMPTY)
        return BinanceLedger(generate(plan), uid)

    profile = Profile(
        name="binance", keys=KEYS, shown_key=shown_key,
        authenticate=authenticate, verify=verify, read_body=read_body, routes=routes(world),
        order=("rate", "key", "rights", "params", "signature", "answer"),
        open_account=open_account, bad_param=bad_param, before=before, too_many=too_many,
        not_found=Error(404, 404, "Not Found"), no_right=lambda right: REFUSED,
        rate_headers=rate_headers, refusal_headers=refusal_headers,
        error_body=lambda error: {"code": error.code, "msg": error.text},
        faults={
            "429": Error(429, -1003, "Too much request weight used."),
            "418": Error(418, -1003, "Way too much request weight used; IP banned."),
            "500": Error(500, -1000, "An unknown error occurred while processing the request."),
            "503": Error(503, -1008, "Server is currently overloaded with other requests."),
            "451": Error(451, 0, "Service unavailable from a restricted location."),
            "-1021": Error(400, -1021, "Timestamp for this request is outside of the recvWindow."),
            "-1007": Error(408, -1007, "Timeout waiting for response from backend server."),
            "-2015": REFUSED,
        },
    )  # fmt: skip
    return Simulator(profile, world)
