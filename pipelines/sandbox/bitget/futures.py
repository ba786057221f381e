"""The futures routes of Bitget's stand-in: what they refuse, and how their pages are wrapped."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

from pipelines.sandbox.bitget.books import Table
from pipelines.sandbox.bitget.futures_books import (
    PRODUCTS,
    ProductBooks,
    futures_of,
    plain,
    volume,
)
from pipelines.sandbox.bitget.market import VENUE
from pipelines.sandbox.bitget.request import Filter, Refusal, Request
from pipelines.sandbox.engine.account import DAY, HOUR, Contract, exact

OLD = ("40704", "Can only check the data of the last three months")
DEMO_PRODUCTS = frozenset({"SUSDT-FUTURES", "SCOIN-FUTURES", "SUSDC-FUTURES"})
"""Trading with play money: general clients ask for its contracts too. Here it has none."""
DEFAULT_PRODUCT = "USDT-FUTURES"
"""Where a route may be asked without one."""
INTEREST_HOURS = 130
"""Hours of interest an account with futures shows: more than a page."""


def product_of(params: dict[str, str], default: str = "") -> str:
    """The product asked for, whatever its case. Refuses an unknown one, and none at all."""
    word = params.get("productType", default).upper()
    if not word:
        raise Refusal("40019", "Parameter productType cannot be empty")
    if word not in PRODUCTS:
        raise Refusal("40020", "Parameter productType error")
    return word


class FuturesDesk:
    """The futures routes over any account's books."""

    def __init__(self, tax_floor: int, tax_max_limit: int, cursor_defect: bool, end: int) -> None:
        self._tax_floor, self._tax_max_limit = tax_floor, tax_max_limit
        self._cursor_defect = cursor_defect
        self._end = end

    def routes(self) -> dict[str, Callable[[Request], bytes]]:
        """Path → answer."""
        return {
            "/api/v2/tax/future-record": self._tax,
            "/api/v2/mix/account/bill": self._bills,
            "/api/v2/mix/order/fills": self._fills,
            "/api/v2/mix/order/orders-history": self._orders,
            "/api/v2/mix/position/history-position": self._closed_positions,
            "/api/v2/mix/account/interest-history": self._interest,
            "/api/v2/mix/account/accounts": self._accounts,
            "/api/v2/mix/position/all-position": self._positions,
        }

    @staticmethod
    def _books(request: Request) -> ProductBooks:
        return futures_of(request.books)[product_of(request.params)]

    def _tax(self, request: Request) -> bytes:
        books = futures_of(request.books)[product_of(request.params, DEFAULT_PRODUCT)]
        start, end = request.span()
        limit = request.limit(500, self._tax_max_limit)
        start = max(start, request.now - self._tax_floor)
        low, high = books.tax.bounds(start, end, request.cursor(), self._cursor_defect)
        coin = request.params.get("marginCoin", "").upper()
        wanted: list[Filter] = []
        if coin:
            wanted.append(("coin", coin, lambda n: books.coin_of(books.ledger[n][1])))
        return request.page(books.tax, low, high, limit, wanted)

    def _bills(self, request: Request) -> bytes:
        books = self._books(request)
        wanted: list[Filter] = []
        business = request.params.get("businessType", "").lower()
        if business:
            wanted.append(("business", business, lambda n: books.business(books.ledger[n][1])))
        coin = request.params.get("coin", "").upper()
        if coin and business not in ("trans_from_exchange", "trans_to_exchange"):
            raise Refusal("40020", "Parameter coin error")
        if coin:
            wanted.append(("coin", coin, lambda n: books.coin_of(books.ledger[n][1])))
        return self._wrapped(request, books.bills, "bills", wanted, 20, OLD)

    def _fills(self, request: Request) -> bytes:
        books = self._books(request)
        wanted = self._by_symbol(request, [fill.contract.symbol for fill in books.chosen])
        wanted += request.filters(books.fills, orderId="orderId")
        return self._wrapped(
            request, books.fills, "fillList", wanted, 100,
            ("43111", "param error time range illegal"),
        )  # fmt: skip

    def _orders(self, request: Request) -> bytes:
        table = self._books(request).orders
        # Placed before now, and filled later: not listed yet (the sandbox's clock can be set back).
        wanted: list[Filter] = [
            ("all", "", lambda n: ""),
            ("is_filled", "True", lambda n: str(table.events[n].fills[0].at <= request.now)),  # type: ignore[attr-defined]
        ]
        wanted += request.filters(table, symbol="symbol", orderId="orderId", clientOid="clientOid")
        return self._wrapped(request, table, "entrustedList", wanted, 100, OLD)

    def _closed_positions(self, request: Request) -> bytes:
        """A symbol tells its product; without either, positions in USDT are told."""
        books = futures_of(request.books)
        symbol = request.params.get("symbol", "").upper()
        by_symbol = {
            contract.symbol: product for contract in VENUE.contracts
            for product, wallet in PRODUCTS.items() if wallet == contract.wallet
        }  # fmt: skip
        if symbol and symbol not in by_symbol:
            raise Refusal("40034", "Parameter symbol does not exist")
        product = by_symbol.get(symbol) or product_of(request.params, DEFAULT_PRODUCT)
        table = books[product].positions
        wanted = request.filters(table, symbol="symbol")
        return self._wrapped(request, table, "list", wanted, 20, OLD)

    @staticmethod
    def _by_symbol(request: Request, symbols: list[str]) -> list[Filter]:
        symbol = request.params.get("symbol", "").upper()
        return [("symbol", symbol, lambda n: symbols[n])] if symbol else []

    @staticmethod
    def _wrapped(
        request: Request, table: Table, name: str, wanted: list[Filter], default: int,
        old: tuple[str, str],
    ) -> bytes:  # fmt: skip
        """A page within the retention, in an object beside the id of its last row."""
        start, end = request.span()
        start = request.within_retention(start, end, *old)
        limit = request.limit(default)
        low, high = table.bounds(start, end, request.cursor(), False)
        chosen = list(request.rows(table, low, high, limit, wanted))
        last = table.ids[chosen[-1]] if chosen else ""
        rows = b",".join(table.row(n, request.now) for n in chosen)
        return b'{"%b":[%b],"endId":"%b"}' % (name.encode(), rows, str(last).encode())

    def _interest(self, request: Request) -> bytes:
        """Hourly rows of a debt small enough to be free of interest, newest first."""
        books = self._books(request)
        limit = request.limit(20)
        rows = []
        if books.chosen and books.product == "USDT-FUTURES":
            first = (self._end - 20 * DAY) // HOUR
            hours = [first + n for n in range(INTEREST_HOURS) if (first + n) * HOUR <= request.now]
            below = request.cursor()
            hours = [hour for hour in hours if below is None or hour < below]
            rows = hours[::-1][:limit]
        told = ",".join(
            f'{{"coin":"USDT","liability":"12.5","interestFreeLimit":"100","interestLimit":"0",'
            f'"hourInterestRate":"0.000005","interest":"0","cTime":"{hour * HOUR}"}}'
            for hour in rows
        )
        last = rows[-1] if rows else ""
        settled = (request.now // HOUR + 1) * HOUR
        return (
            f'{{"nextSettleTime":"{settled}","borrowAmount":"0","borrowLimit":"600000",'
            f'"interestList":[{told}],"endId":"{last}"}}'
        ).encode()

    def _accounts(self, request: Request) -> bytes:
        books = self._books(request)
        profits = self._open_profits(books, request.now)
        rows = []
        for coin, balance in books.held_balances(request.now).items():
            scale = books.scale[coin]
            profit = profits.get(coin)
            equity = exact(balance + (profit or 0), scale)
            told = exact(balance, scale)
            rows.append(
                f'{{"marginCoin":"{coin}","locked":"0","available":"{told}",'
                f'"crossedMaxAvailable":"{told}","isolatedMaxAvailable":"{told}",'
                f'"maxTransferOut":"{told}","accountEquity":"{equity}","usdtEquity":"{equity}",'
                f'"btcEquity":"0","crossedRiskRate":"0",'
                f'"unrealizedPL":"{"" if profit is None else exact(profit, scale)}","coupon":"0",'
                f'"unionTotalMagin":"","unionAvailable":"","unionMm":"","isolatedMargin":"0",'
                f'"crossedMargin":"0","crossedUnrealizedPL":"{exact(profit or 0, scale)}",'
                f'"isolatedUnrealizedPL":"0","assetMode":"single"}}'
            )
        return f"[{','.join(rows)}]".encode()

    @staticmethod
    def _open_profits(books: ProductBooks, now: int) -> dict[str, int]:
        """Per coin the open profit: a thousandth of what each open position's last fill was."""
        profits: dict[str, int] = {}
        for fill in books.open_positions(now).values():
            coin = fill.contract.settle
            profits[coin] = profits.get(coin, 0) + fill.value // 1_000
        return profits

    def _positions(self, request: Request) -> bytes:
        books = self._books(request)
        rows = []
        for symbol, fill in books.open_positions(request.now).items():
            contract, scale = fill.contract, books.scale[fill.contract.settle]
            total = plain(contract.size * abs(fill.position))
            if contract.inverse:
                worth = fill.value * abs(fill.position) // fill.quantity
                total = volume(contract, abs(fill.position), worth, scale)
            price = exact(fill.price, contract.price_scale)
            rows.append(
                f'{{"marginCoin":"{contract.settle}","symbol":"{symbol}",'
                f'"holdSide":"{"long" if fill.position > 0 else "short"}","openDelegateSize":"0",'
                f'"marginSize":"0","available":"{total}","locked":"0","total":"{total}",'
                f'"leverage":"10","achievedProfits":"0","openPriceAvg":"{price}",'
                f'"marginMode":"crossed","posMode":"{books.pos_mode}",'
                f'"unrealizedPL":"{exact(fill.value // 1_000, scale)}","liquidationPrice":"0",'
                f'"keepMarginRate":"0.004","markPrice":"{price}","marginRatio":"0.01",'
                f'"breakEvenPrice":"{price}","totalFee":"","deductedFee":"0",'
                f'"assetMode":"single","autoMargin":"off","cTime":"{fill.order_at}",'
                f'"uTime":"{fill.at}"}}'
            )
        return f"[{','.join(rows)}]".encode()


def list_contracts(params: dict[str, str], now: int, end: int) -> bytes:
    """The public list of one product's contracts; those that were delivered have left it."""
    if params.get("productType", "").upper() in DEMO_PRODUCTS:
        return b"[]"
    product = product_of(params)
    rows = [
        contract_row(contract, end)
        for contract in VENUE.contracts
        if contract.wallet == PRODUCTS[product]
        if contract.expires_before_end is None or now < end - contract.expires_before_end
    ]
    return json.dumps(rows, separators=(",", ":")).encode()


def contract_row(contract: Contract, end: int) -> dict[str, object]:
    """A contract as the public list has it."""
    expires = contract.expires_before_end
    fee = Decimal(contract.taker_ppm).scaleb(-6), Decimal(contract.maker_ppm).scaleb(-6)
    return {
        "symbol": contract.symbol,
        "baseCoin": contract.base,
        "quoteCoin": contract.quote,
        "buyLimitPriceRatio": "0.05",
        "sellLimitPriceRatio": "0.05",
        "feeRateUpRatio": "0.005",
        "makerFeeRate": plain(fee[1]),
        "takerFeeRate": plain(fee[0]),
        "openCostUpRatio": "0.01",
        "supportMarginCoins": [contract.settle],
        "minTradeNum": "0.001",
        "priceEndStep": "1",
        "volumePlace": "3",
        "pricePlace": str(contract.price_scale),
        "sizeMultiplier": "0.001",
        "symbolType": "perpetual" if expires is None else "delivery",
        "minTradeUSDT": "5",
        "symbolStatus": "normal",
        "offTime": "-1",
        "limitOpenTime": "-1",
        "deliveryTime": "" if expires is None else str(end - expires),
        "deliveryStartTime": "",
        "deliveryPeriod": "" if expires is None else "this_quarter",
        "launchTime": "",
        "fundInterval": "8" if expires is None else "",
        "minLever": "1",
        "maxLever": "125",
    }
