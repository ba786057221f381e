"""Spot orders of Bitget's stand-in: those that were filled, and some that came to nothing."""

from __future__ import annotations

import json
from array import array
from collections import defaultdict
from collections.abc import Sequence

from pipelines.sandbox.bitget.books import Table, snowflake
from pipelines.sandbox.bitget.request import Filter, Request
from pipelines.sandbox.engine.account import HOUR, Event, SpotFill, exact

SOURCES = ("WEB", "APP", "API", "IOS", "ANDROID")
GIVEN_UP = 1 << 17
"""In the number of an order that nothing was filled of, and was given up within the hour."""


class Orders:
    """One account's spot orders by the moment they were placed."""

    def __init__(self, uid: str, events: Sequence[Event], scale: dict[str, int]) -> None:
        self._uid, self._scale = uid, scale
        fills: dict[int, list[SpotFill]] = defaultdict(list)
        for event in events:
            if isinstance(event, SpotFill):
                fills[event.order].append(event)
        told = []
        for number, own in fills.items():
            told.append((own[0].order_at, number, own))
            if number % 7 == 3:
                told.append((own[0].order_at, number | GIVEN_UP, own))
        self._told = sorted(
            ((at, snowflake(at, "order", number), number, own) for at, number, own in told),
            key=lambda order: order[:2],
        )
        self.table = Table(
            array("q", (at for at, *_ in self._told)),
            array("q", (order_id for _, order_id, *_ in self._told)),
            lambda n, now: self._row(n),
        )

    def page(self, request: Request, start: int, end: int) -> bytes:
        """Those that have come to their end, newest first."""
        low, high = self.table.bounds(start, end, request.cursor(), False)
        symbol, order_id = request.params.get("symbol", "").upper(), request.params.get("orderId")
        wanted: list[Filter] = [
            ("symbol", symbol, self.symbol_of) if symbol else ("all", "", lambda n: ""),
            ("is_over", "True", lambda n: str(self._ended_at(n) <= request.now)),
        ]
        if order_id:
            wanted.append(("orderId", order_id, lambda n: str(self.table.ids[n])))
        return request.page(self.table, low, high, request.limit(), wanted)

    def symbol_of(self, n: int) -> str:
        """The pair of order `n`."""
        return self._told[n][3][0].market.symbol

    def _is_given_up(self, n: int) -> bool:
        return bool(self._told[n][2] & GIVEN_UP)

    def _ended_at(self, n: int) -> int:
        placed, _, _, fills = self._told[n]
        return placed + HOUR if self._is_given_up(n) else fills[-1].at

    def _row(self, n: int) -> str:
        placed, order_id, number, fills = self._told[n]
        given_up = self._is_given_up(n)
        first, market, done = fills[0], fills[0].market, [] if given_up else fills
        base = exact(sum(fill.quantity for fill in done), self._scale[market.base], 16)
        quote = exact(sum(fill.quote_amount for fill in done), self._scale[market.quote], 16)
        is_market = first.order_type == "market" and not given_up
        price = exact(first.price, market.price_scale, 16)
        size = exact(sum(fill.quantity for fill in fills), self._scale[market.base], 16)
        return json.dumps(
            {
                "userId": self._uid,
                "symbol": market.symbol,
                "orderId": str(order_id),
                "clientOid": f"c{number}",
                "price": "0" if is_market else price,
                # What a market order buys for is given in the quote coin.
                "size": quote if is_market and first.side == "buy" else size,
                "orderType": "market" if is_market else "limit",
                "side": first.side,
                "status": "cancelled" if given_up else "filled",
                "priceAvg": price if done else "0",
                "baseVolume": base,
                "quoteVolume": quote,
                "enterPointSource": SOURCES[number % len(SOURCES)],
                "feeDetail": self._fee_detail(done),
                "orderSource": "normal",
                "cTime": str(placed),
                "uTime": str(self._ended_at(n)),
                "tpslType": "normal",
                "cancelReason": "normal_cancel" if given_up else "",
                "triggerPrice": None,
            },
            separators=(",", ":"),
        )

    def _fee_detail(self, fills: list[SpotFill]) -> str:
        """What the fills cost, as JSON in a string; empty where nothing was filled.

        Its amounts are numbers, written with all their digits, which no double holds.
        """
        if not fills:
            return ""
        fees: dict[str, int] = defaultdict(int)
        for fill in fills:
            fees[fill.fee_asset] += fill.fee
        is_deducted = any(fill.deducted for fill in fills)
        word, total, coins = json.dumps(is_deducted), "0", []
        for coin, fee in fees.items():
            total = exact(-fee, self._scale[coin])
            coins.append(
                f'"{coin}":{{"deduction":{word},"feeCoinCode":"{coin}",'
                f'"totalDeductionFee":{total if is_deducted else 0},"totalFee":{total}}}'
            )
        by_bgb, received = (total, "0") if is_deducted else ("0", total)
        new_fees = (
            f'"newFees":{{"c":0,"d":{by_bgb},"deduction":{word},"r":{received},"t":{total},'
            f'"totalDeductionFee":{by_bgb}}}'
        )
        return "{" + ",".join([new_fees, *coins]) + "}"
