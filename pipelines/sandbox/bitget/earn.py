"""Savings and Shark Fin in Bitget's stand-in: what went into the earn wallet, by product.

Money that is subscribed goes to one of three products; what is redeemed comes out of Shark Fin
first, then out of fixed savings, then out of flexible ones. Interest is paid into the spot wallet.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pipelines.sandbox.bitget.books import Books
from pipelines.sandbox.bitget.lists import (
    Shelf,
    Told,
    chosen,
    needed,
    wanted,
    wrapped,
    written,
)
from pipelines.sandbox.bitget.request import Request
from pipelines.sandbox.engine.account import INTEREST, Reward, Transfer, exact

PERIODS = ("flexible", "fixed")
PRODUCTS = ("sharkfin", "fixed", "flexible")
"""In the order in which they are redeemed."""
CHOICE = ("sharkfin", "fixed", "flexible", "flexible")
TYPES = ("subscription", "redemption", "interest")
FIXED_DAYS, SHARKFIN_DAYS = "30", "7"


class EarnBooks:
    """What went into each product and came out of it, and the interest of savings."""

    def __init__(self, books: Books) -> None:
        self.scale = books.scale
        self.moves: list[tuple[int, str, str, int]] = []  # at, product, coin, signed amount
        interest: list[tuple[int, str, str, int]] = []
        for event in books.events:
            if isinstance(event, Transfer) and event.to_wallet == "earn":
                product = CHOICE[event.seq % len(CHOICE)]
                self.moves.append((event.at, product, event.asset, event.amount))
            elif isinstance(event, Transfer) and event.from_wallet == "earn":
                self._redeem(event)
            elif isinstance(event, Reward) and event.flavour in INTEREST:
                product = "flexible" if event.flavour == "interest" else "fixed"
                interest.append((event.at, product, event.asset, event.amount))
        self.savings = {
            period: Shelf(
                [
                    *(self._savings_row(move) for move in self.moves if move[1] == period),
                    *(self._savings_row(paid, "pay_interest") for paid in interest
                      if paid[1] == period),
                ],
                "orderId",
            )
            for period in PERIODS
        }  # fmt: skip
        fixed = [row["orderId"] for row in self.savings["fixed"].rows
                 if row["orderType"] == "subscribe"]  # fmt: skip
        self.first_order = fixed[0] if fixed else ""
        shark = [move for move in self.moves if move[1] == "sharkfin"]
        self.sharkfin = {
            kind: Shelf(
                (self._shark_row(move) for move in shark if type_of(move) == kind), "orderId"
            )
            for kind in TYPES
        }

    def _redeem(self, event: Transfer) -> None:
        left = event.amount
        for product in PRODUCTS:
            held = self.held(event.at).get((product, event.asset), 0)
            taken = min(held, left)
            if taken:
                self.moves.append((event.at, product, event.asset, -taken))
                left -= taken

    def held(self, now: int) -> dict[tuple[str, str], int]:
        """Per product and coin, what lies in it."""
        known: dict[tuple[str, str], int] = {}
        for at, product, coin, amount in self.moves:
            if at <= now:
                known[product, coin] = known.get((product, coin), 0) + amount
        return known

    def _savings_row(self, move: tuple[int, str, str, int], what: str = "") -> Told:
        at, product, coin, amount = move
        return at, {
            "coinName": coin,
            "settleCoinName": coin,
            "productType": product,
            "period": "" if product == "flexible" else FIXED_DAYS,
            "productLevel": "normal",
            "amount": exact(abs(amount), self.scale[coin], 8),
            "ts": str(at),
            "orderType": what or ("subscribe" if amount > 0 else "redeem"),
        }

    def _shark_row(self, move: tuple[int, str, str, int]) -> Told:
        at, _, coin, amount = move
        return at, {
            "product": f"{coin}/BTC",
            "period": SHARKFIN_DAYS,
            "amount": exact(abs(amount), self.scale[coin], 8),
            "ts": str(at),
            "type": type_of(move),
        }


def type_of(move: tuple[int, str, str, int]) -> str:
    """How Shark Fin calls a move; its interest is none, in this world."""
    return "subscription" if move[3] > 0 else "redemption"


def earn_of(books: Books) -> EarnBooks:
    """An account's books of earn, made when first asked for."""
    if "earn" not in books.shelves:
        books.shelves["earn"] = EarnBooks(books)
    found: EarnBooks = books.shelves["earn"]
    return found


def _savings(request: Request) -> bytes:
    found = earn_of(request.books).savings[needed(request, "periodType", PERIODS)]
    filters = wanted(found, request, coin="coinName", orderType="orderType")
    rows = chosen(request, found, 20, filters, old=True)
    return wrapped(request, found, rows, "resultList", "endId")


def _sharkfin(request: Request) -> bytes:
    found = earn_of(request.books).sharkfin[needed(request, "type", TYPES)]
    return wrapped(request, found, chosen(request, found, 20, [], old=True), "resultList", "endId")


def _savings_assets(request: Request) -> bytes:
    """What lies in savings; only fixed ones have an order."""
    period = needed(request, "periodType", PERIODS)
    books = earn_of(request.books)
    request.limit(20)
    rows: list[dict[str, Any]] = []
    for (product, coin), amount in books.held(request.now).items():
        if product == period and amount and not request.cursor():
            rows.append(
                {
                    "productId": str(9_001 + PRODUCTS.index(product)),
                    "orderId": books.first_order if period == "fixed" else "",
                    "productCoin": coin,
                    "interestCoin": coin,
                    "periodType": period,
                    "period": "" if period == "flexible" else FIXED_DAYS,
                    "holdAmount": exact(amount, books.scale[coin], 8),
                    "lastProfit": "0.00000000",
                    "totalProfit": "0.00000000",
                    "holdDays": "12",
                    "status": "in_holding",
                    "productLevel": "normal",
                    "apy": [{"rateLevel": "1", "minApy": "0", "maxApy": "5", "currentApy": "3"}],
                }
            )
    last = rows[-1]["productId"] if rows else ""
    return json.dumps({"resultList": rows, "endId": last}, separators=(",", ":")).encode()


def _assets(request: Request) -> bytes:
    totals: dict[str, int] = {}
    for (_, coin), amount in earn_of(request.books).held(request.now).items():
        totals[coin] = totals.get(coin, 0) + amount
    coin = request.params.get("coin", "").upper()
    scale = request.books.scale
    return written(
        [
            {"coin": code, "amount": exact(amount, scale[code], 8)}
            for code, amount in totals.items()
            if amount and coin in ("", code)
        ]
    ).encode()


ROUTES: dict[str, Callable[[Request], bytes]] = {
    "/api/v2/earn/savings/records": _savings,
    "/api/v2/earn/savings/assets": _savings_assets,
    "/api/v2/earn/sharkfin/records": _sharkfin,
    "/api/v2/earn/account/assets": _assets,
}


def counts(books: Books, now: int) -> dict[str, int]:
    """How many rows each route has by then, over all that it can be asked by."""
    earn = earn_of(books)
    return {
        "savings_records": sum(found.until(now) for found in earn.savings.values()),
        "sharkfin_records": sum(found.until(now) for found in earn.sharkfin.values()),
    }
