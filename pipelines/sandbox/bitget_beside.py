"""Bitget's classic spot routes beside the histories that are read: orders, conversions, holdings.

General clients ask them; they tell of the same books as the rest. Nobody here has a sub-account.
"""

from __future__ import annotations

import json
from array import array
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

from pipelines.sandbox.account import DAY, HOUR, Conversion, SpotFill, exact
from pipelines.sandbox.bitget_books import Books, Table, snowflake
from pipelines.sandbox.bitget_market import KNOWN_SYMBOLS, VENUE
from pipelines.sandbox.bitget_request import Refusal, Request

ORDERS = "/api/v2/spot/trade/history-orders"
RATES = {
    ORDERS: 20, "/api/v2/spot/account/sub-main-trans-record": 20,
    "/api/v2/spot/wallet/subaccount-deposit-records": 10,
    "/api/v2/spot/account/subaccount-assets": 10, "/api/v2/account/funding-assets": 10,
    "/api/v2/account/bot-assets": 10, "/api/v2/convert/convert-record": 10,
    "/api/v2/convert/bgb-convert-records": 10,
}  # fmt: skip
"""Requests a second."""
SOURCES = ("WEB", "APP", "API", "IOS", "ANDROID")
GIVEN_UP = 1 << 17
"""In the number of an order that nothing was filled of, and was given up."""


class Beside:
    """Those routes over books that the caller has."""

    def __init__(self) -> None:
        self._tables: dict[tuple[str, str], Table] = {}

    def routes(self) -> dict[str, Callable[[Request], bytes]]:
        """Every one of them by its path."""
        return {
            ORDERS: self._orders,
            "/api/v2/convert/convert-record": self._conversions,
            "/api/v2/account/funding-assets": funding_assets,
            "/api/v2/account/bot-assets": bot_assets,
            "/api/v2/spot/account/sub-main-trans-record": no_rows,
            "/api/v2/spot/account/subaccount-assets": no_rows,
            "/api/v2/spot/wallet/subaccount-deposit-records": no_sub_deposits,
            "/api/v2/convert/bgb-convert-records": no_rows,
        }

    def _table(self, request: Request, name: str, make: Callable[[Books], Table]) -> Table:
        key = (request.books.uid, name)
        if key not in self._tables:
            self._tables[key] = make(request.books)
        return self._tables[key]

    def _orders(self, request: Request) -> bytes:
        """Orders that came to their end, by when they were placed; none before 90 days ago."""
        start, end = span(request, None)
        if end < request.now - 90 * DAY or (
            start < request.now - 90 * DAY and request.params.get("startTime")
        ):
            raise Refusal("43111", "param error time range illegal")
        limit = page_size(request, 100)
        table = self._table(request, "orders", orders_of)
        symbol, number = request.params.get("symbol", "").upper(), request.params.get("orderId")
        if symbol and symbol not in KNOWN_SYMBOLS:
            raise Refusal("40034", "Parameter symbol does not exist")
        start = max(start, request.now - 90 * DAY)
        low, high = table.bounds(start, min(end, request.now), request.cursor(), False)
        rows = [table.row(n, request.now) for n in range(high - 1, low - 1, -1)
                if number in (None, "", str(table.ids[n]))]  # fmt: skip
        kept = [
            row for row, told in ((row, json.loads(row)) for row in rows)
            if int(told["uTime"]) <= request.now and symbol in ("", told["symbol"])
        ]  # fmt: skip
        return b"[" + b",".join(kept[:limit]) + b"]"

    def _conversions(self, request: Request) -> bytes:
        """Conversions of one coin into another."""
        start, end = span(request, 90, required=True)
        limit = page_size(request, 20)
        table = self._table(request, "conversions", conversions_of)
        low, high = table.bounds(start, min(end, request.now), request.cursor(), False)
        numbers = list(table.newest(low, high, limit))
        last = f'"{table.ids[numbers[-1]]}"' if numbers else '""'
        rows = b",".join(table.row(n, request.now) for n in numbers)
        return b'{"dataList":[%b],"endId":%b}' % (rows, last.encode())


def span(request: Request, most: int | None, *, required: bool = False) -> tuple[int, int]:
    """First and last millisecond asked for, at most so many days apart."""
    end = request.number("endTime", None if required else request.now)
    start = request.number("startTime", None if required else end - 90 * DAY)
    if start > end:
        raise Refusal("40707", "Start time is greater than end time")
    if most is not None and end - start > most * DAY:
        raise Refusal(
            "00001", f"startTime and endTime interval cannot be greater than {most} days"
        )
    return start, end


def page_size(request: Request, default: int) -> int:
    """How many rows are wanted, a hundred at most."""
    wanted = request.number("limit", default)
    if not 1 <= wanted <= 100:
        raise Refusal("40020", "Parameter limit error")
    return wanted


# -- tables


def orders_of(books: Books) -> Table:
    """An account's spot orders by the moment they were placed; some came to nothing."""
    fills: dict[int, list[SpotFill]] = defaultdict(list)
    for event in books.events:
        if isinstance(event, SpotFill):
            fills[event.order].append(event)
    told: list[tuple[int, int, str]] = []
    for number, own in fills.items():
        told.append(order_row(books, own, number, given_up=False))
        if number % 7 == 3:
            told.append(order_row(books, own, number | GIVEN_UP, given_up=True))
    told.sort()
    at = array("q", (when for when, _, _ in told))
    ids = array("q", (each for _, each, _ in told))
    return Table(at, ids, lambda n, now: told[n][2])


def order_row(
    books: Books, fills: list[SpotFill], number: int, *, given_up: bool
) -> tuple[int, int, str]:
    """An order's time, id and row."""
    first = fills[0]
    market, scale = first.market, books.scale
    done = [] if given_up else fills
    base, quote = sum(f.quantity for f in done), sum(f.quote_amount for f in done)
    whole = sum(fill.quantity for fill in fills)
    is_market = first.order_type == "market" and not given_up
    price = exact(first.price, market.price_scale, 16)
    size = exact(whole, scale[market.base], 16)
    if is_market and first.side == "buy":
        size = exact(quote, scale[market.quote], 16)  # a market buy is given in the quote coin
    placed = first.order_at
    ended = placed + HOUR if given_up else fills[-1].at
    order = snowflake(placed, "order", number)
    row = {
        "userId": books.uid, "symbol": market.symbol, "orderId": str(order),
        "clientOid": f"c-{number}", "price": "0" if is_market else price, "size": size,
        "orderType": "market" if is_market else "limit", "side": first.side,
        "status": "cancelled" if given_up else "filled",
        "priceAvg": price if done else "0",
        "baseVolume": exact(base, scale[market.base], 16),
        "quoteVolume": exact(quote, scale[market.quote], 16),
        "enterPointSource": SOURCES[number % len(SOURCES)],
        "feeDetail": fee_detail(books, done), "orderSource": "normal", "cTime": str(placed),
        "uTime": str(ended), "tpslType": "normal",
        "cancelReason": "normal_cancel" if given_up else "", "triggerPrice": None,
    }  # fmt: skip
    return placed, order, json.dumps(row, separators=(",", ":"))


def fee_detail(books: Books, fills: list[SpotFill]) -> str:
    """What the fills cost, as a JSON text; nothing where nothing was filled.

    Its numbers are the text's own: no double holds all their digits.
    """
    if not fills:
        return ""
    fees: dict[str, int] = defaultdict(int)
    for fill in fills:
        fees[fill.fee_asset] += fill.fee
    deducted = any(fill.deducted for fill in fills)
    coins = []
    total = "0"
    for coin, fee in fees.items():
        total = exact(-fee, books.scale[coin])
        coins.append(
            f'"{coin}":{{"deduction":{json.dumps(deducted)},"feeCoinCode":"{coin}",'
            f'"totalDeductionFee":{total if deducted else 0},"totalFee":{total}}}'
        )
    part = total if deducted else "0"
    rest = "0" if deducted else total
    news = (
        f'"newFees":{{"c":0,"d":{part},"deduction":{json.dumps(deducted)},"r":{rest},"t":{total},'
        f'"totalDeductionFee":{part}}}'
    )
    return "{" + ",".join([news, *coins]) + "}"


def conversions_of(books: Books) -> Table:
    """An account's conversions by time."""
    events = [event for event in books.events if isinstance(event, Conversion)]
    at = array("q", (event.at for event in events))
    ids = array("q", (snowflake(event.at, "biz", event.seq) for event in events))

    def row(n: int, now: int) -> str:
        event = events[n]
        given = exact(event.from_amount, books.scale[event.from_asset])
        got = exact(event.to_amount, books.scale[event.to_asset])
        price = (Decimal(got) / Decimal(given)).quantize(Decimal("1e-12")).normalize()
        told = {
            "id": str(ids[n]), "ts": str(event.at), "cnvtPrice": f"{price:f}", "fee": "0",
            "fromCoinSize": given, "fromCoin": event.from_asset, "toCoinSize": got,
            "toCoin": event.to_asset,
        }  # fmt: skip
        return json.dumps(told, separators=(",", ":"))

    return Table(at, ids, row)


# -- holdings


def held_in(request: Request, wallet: str) -> list[tuple[str, str, str]]:
    """Coin, amount and its worth in USDT of what that wallet holds."""
    wanted, rows = request.params.get("coin", "").upper(), []
    for (place, coin), amount in sorted(request.books.other_balances(request.now).items()):
        if place == wallet and amount and wanted in ("", coin):
            asset = VENUE.asset(coin)
            worth = int(Decimal(amount).scaleb(8 - asset.scale) * asset.usd)
            rows.append((coin, exact(amount, asset.scale), exact(worth, 8)))
    return rows


def funding_assets(request: Request) -> bytes:
    """What the funding (P2P) wallet holds; `frozen` may be empty."""
    rows = [
        {"coin": coin, "available": held, "frozen": "", "usdtValue": worth}
        for coin, held, worth in held_in(request, "p2p")
    ]
    return json.dumps(rows, separators=(",", ":")).encode()


def bot_assets(request: Request) -> bytes:
    """What was given to bots and has not come back; all of it is with spot bots."""
    if request.params.get("accountType", "spot") not in ("spot", "futures"):
        raise Refusal("40020", "Parameter accountType error")
    rows = [
        {"coin": coin, "available": held, "equity": held, "bonus": "0", "frozen": "0",
         "usdtValue": worth}
        for coin, held, worth in held_in(request, "bots")
    ]  # fmt: skip
    if request.params.get("accountType") == "futures":
        rows = []
    return json.dumps(rows, separators=(",", ":")).encode()


def no_rows(request: Request) -> bytes:
    """A list that has none."""
    return b"[]"


def no_sub_deposits(request: Request) -> bytes:
    """Deposits of a sub-account, which must be named."""
    request.number("subUid")
    return b"[]"
