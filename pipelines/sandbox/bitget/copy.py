"""Copy trading in a simulated account of Bitget: some closed positions and spot sales were copies.

A follower's routes list what the account copied; a trader's, what others copied of it.
"""

from __future__ import annotations

from typing import Any

from pipelines.sandbox.bitget.futures import ProductLedger
from pipelines.sandbox.bitget.rows import dated
from pipelines.sandbox.engine.account import SpotFill, exact
from pipelines.sandbox.engine.ledger import Ledger
from pipelines.sandbox.engine.table import Table

EVERY = 4
"""The closed positions and spot sales of copy trading."""
TRADER = "7100000009"


def positions(product: ProductLedger, as_trader: bool, now: int) -> Table:
    """Positions that were copies, or were copied, and are closed by then.

    They stand under the time they were opened.
    """
    closed = list(product.positions.until(now))[1 if as_trader else 0 :: EVERY]
    rows = []
    for held, number in closed:
        row = product.positions.render(held, number, now)
        more: dict[str, Any] = {
            "traderId": TRADER, "profitRate": "", "netProfit": row["netProfit"],
        }  # fmt: skip
        if as_trader:
            more = {"stopType": "", "cTime": row["ctime"]}
        rows.append((held.opened_at, {
            "openOrderId": str(number - 2), "closeOrderId": str(number - 1),
            "productType": product.product.lower(), "symbol": row["symbol"],
            "posSide": row["holdSide"], "openLeverage": "10", "openPriceAvg": row["openAvgPrice"],
            "openTime": row["ctime"], "openSize": row["openTotalPos"],
            "closePriceAvg": row["closeAvgPrice"], "closeTime": row["utime"],
            "closeSize": row["closeTotalPos"], "openFee": row["openFee"],
            "closeFee": row["closeFee"], "achievedPL": row["pnl"], **more,
        }))  # fmt: skip
    return dated(rows, "trackingNo")


def spot_orders(ledger: Ledger, as_trader: bool, now: int) -> Table:
    """Purchases that were sold by then, some of them by copy trading."""
    bought: dict[str, SpotFill] = {}
    pairs: list[tuple[SpotFill, SpotFill]] = []
    for fill in ledger.of(SpotFill):
        if fill.side == "buy":
            bought[fill.market.symbol] = fill
        elif fill.market.symbol in bought:
            pairs.append((bought.pop(fill.market.symbol), fill))
    rows = []
    for opened, closed in pairs[1 if as_trader else 0 :: EVERY]:
        if closed.at > now:
            continue
        market, scales = opened.market, ledger.scales
        base, quote = scales[market.base], scales[market.quote]
        size = min(opened.quantity, closed.quantity)
        gain = size * (closed.price - opened.price)  # in units of base times units of price
        profit = exact(gain * 10**quote // 10 ** (base + market.price_scale), quote)
        more = {"netProfit": profit, "followCount": "1"} if as_trader else {"traderId": TRADER}
        rows.append((opened.at, {
            "fillSize": exact(size, base), "buyPrice": exact(opened.price, market.price_scale),
            "sellPrice": exact(closed.price, market.price_scale),
            "buyFee": exact(-opened.fee, scales[opened.fee_asset]),
            "sellFee": exact(-closed.fee, scales[closed.fee_asset]), "achievedPL": profit,
            "achievedPLR": "", "symbol": market.symbol, "buyTime": str(opened.at),
            "sellTime": str(closed.at), **more,
        }))  # fmt: skip
    return dated(rows, "trackingNo")
