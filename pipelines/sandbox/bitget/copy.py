"""Copy trading in Bitget's stand-in: some closed positions, and some spot sales, were copies.

Who copied is asked as a follower; who is copied, as a trader. This account is no trader, unless
the sandbox is told so (`bitget.trader`).
"""

from __future__ import annotations

import json
from collections.abc import Callable

from pipelines.sandbox.bitget.books import Books
from pipelines.sandbox.bitget.futures import product_of
from pipelines.sandbox.bitget.futures_books import futures_of
from pipelines.sandbox.bitget.lists import Shelf, Told, chosen, wanted, wrapped
from pipelines.sandbox.bitget.request import Refusal, Request
from pipelines.sandbox.engine.account import SpotFill, exact

EVERY = 4
"""Which of the closed positions, and of the spot sales, belong to copy trading."""
TRADER = "7100000009"


def positions(books: Books, product: str, as_trader: bool, now: int) -> Shelf:
    """Positions of one product that were copies, or were copied, and are closed by then.

    They stand under the time they were opened.
    """
    found = futures_of(books)[product].positions

    def row(n: int) -> Told:
        told = json.loads(found.row(n, found.at[n]))
        row = {
            "openOrderId": str(found.ids[n] - 2),
            "closeOrderId": str(found.ids[n] - 1),
            "productType": product.lower(),
            "symbol": told["symbol"],
            "posSide": told["holdSide"],
            "openLeverage": "10",
            "openPriceAvg": told["openAvgPrice"],
            "openTime": told["ctime"],
            "openSize": told["openTotalPos"],
            "closePriceAvg": told["closeAvgPrice"],
            "closeTime": told["utime"],
            "closeSize": told["closeTotalPos"],
            "openFee": told["openFee"],
            "closeFee": told["closeFee"],
            "achievedPL": told["pnl"],
        }
        if as_trader:
            return int(told["ctime"]), {**row, "stopType": "", "cTime": told["ctime"]}
        more = {"traderId": TRADER, "profitRate": "", "netProfit": told["netProfit"]}
        return int(told["ctime"]), {**row, **more}

    kept = range(1 if as_trader else 0, len(found.at), EVERY)
    return Shelf((row(n) for n in kept if found.at[n] <= now), "trackingNo")


def spot_orders(books: Books, as_trader: bool, now: int) -> Shelf:
    """Purchases that were sold again by then, some of which were copies, or were copied."""
    bought: dict[str, SpotFill] = {}
    pairs: list[tuple[SpotFill, SpotFill]] = []
    for event in books.events:
        if isinstance(event, SpotFill) and event.side == "buy":
            bought[event.market.symbol] = event
        elif isinstance(event, SpotFill) and event.market.symbol in bought:
            pairs.append((bought.pop(event.market.symbol), event))

    def row(opened: SpotFill, closed: SpotFill) -> Told:
        market = opened.market
        base, quote = books.scale[market.base], books.scale[market.quote]
        size = min(opened.quantity, closed.quantity)
        gain = size * (closed.price - opened.price)  # in units of base times units of price
        profit = exact(gain * 10**quote // 10 ** (base + market.price_scale), quote)
        row = {
            "fillSize": exact(size, base),
            "buyPrice": exact(opened.price, market.price_scale),
            "sellPrice": exact(closed.price, market.price_scale),
            "buyFee": exact(-opened.fee, books.scale[opened.fee_asset]),
            "sellFee": exact(-closed.fee, books.scale[closed.fee_asset]),
            "achievedPL": profit,
            "achievedPLR": "",
            "symbol": market.symbol,
            "buyTime": str(opened.at),
            "sellTime": str(closed.at),
        }
        if as_trader:
            return opened.at, {**row, "netProfit": profit, "followCount": "1"}
        return opened.at, {**row, "traderId": TRADER}

    kept = pairs[1 if as_trader else 0 :: EVERY]
    return Shelf((row(*pair) for pair in kept if pair[1].at <= now), "trackingNo")


class CopyDesk:
    """The routes over any account's books."""

    def __init__(self, is_trader: bool) -> None:
        self.is_trader = is_trader

    def routes(self) -> dict[str, Callable[[Request], bytes]]:
        """Path → answer."""
        return {
            "/api/v2/copy/mix-follower/query-history-orders": lambda r: self._positions(r, False),
            "/api/v2/copy/spot-follower/query-history-orders": lambda r: self._spot(r, False),
            "/api/v2/copy/mix-trader/order-history-track": lambda r: self._positions(r, True),
            "/api/v2/copy/spot-trader/order-history-track": lambda r: self._spot(r, True),
        }

    def _check(self, as_trader: bool) -> None:
        if as_trader and not self.is_trader:
            raise Refusal("40025", "user has no permission for this product line")

    def _positions(self, request: Request, as_trader: bool) -> bytes:
        self._check(as_trader)
        if not request.params.get("productType"):
            raise Refusal("40019", "Parameter productType cannot be empty")
        found = positions(request.books, product_of(request.params), as_trader, request.now)
        return self._page(request, found)

    def _spot(self, request: Request, as_trader: bool) -> bytes:
        self._check(as_trader)
        return self._page(request, spot_orders(request.books, as_trader, request.now))

    @staticmethod
    def _page(request: Request, found: Shelf) -> bytes:
        filters = wanted(found, request, symbol="symbol")
        if found.rows and "traderId" in found.rows[0]:
            filters += wanted(found, request, traderId="traderId")
        rows = chosen(request, found, 20, filters)
        return wrapped(request, found, rows, "trackingList", "endId")


def counts(books: Books, now: int) -> dict[str, int]:
    """How many rows a follower's lists have by then."""
    return {
        "copied_positions": sum(
            positions(books, product, False, now).until(now) for product in futures_of(books)
        ),
        "copied_spot_orders": spot_orders(books, False, now).until(now),
    }


