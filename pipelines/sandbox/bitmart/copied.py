"""Copy trades of an account of BitMart, which have a wallet of their own.

A few trades, and for the main account one busy quarter of an hour: more of them than one page
holds, three in each second, and the page does not say that rows are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipelines.sandbox.engine.account import DAY, SECOND

ACCOUNT = "copy_trading"
SYMBOL, BASE, QUOTE, SIZE = "BTCUSDT", "BTC", "USDT", Decimal("0.001")
PRICE = "60100.1"
CONTRACTS = 2
BUSY = 460
FEE_SCALE = 4


@dataclass(frozen=True)
class CopiedFill:
    """One copied trade. `profit` and `fee` are in units of 10**-FEE_SCALE USDT."""

    at: int
    number: int
    side: int
    profit: int
    fee: int

    @property
    def trade_id(self) -> str:
        """An id that differs from all ids of the account."""
        return f"98120044{self.number:04d}"

    @property
    def order_id(self) -> str:
        """An order each."""
        return f"300023616001{self.number:04d}"

    def row(self, profit: str, fee: str) -> dict[str, Any]:
        """The row of BitMart's route, with its amounts written out."""
        return {
            "order_id": self.order_id,
            "trade_id": self.trade_id,
            "symbol": SYMBOL,
            "side": self.side,
            "price": PRICE,
            "vol": str(CONTRACTS),
            "exec_type": "Taker",
            "profit": self.profit > 0,
            "realised_profit": profit,
            "paid_fees": fee,
            "account": ACCOUNT,
            "create_time": self.at,
        }


def copied_fills(end: int, *, is_busy: bool) -> Iterator[CopiedFill]:
    """The copied trades of an account up to `end`, oldest first."""
    yield CopiedFill(end - 20 * DAY, 20, 1, 0, 721)
    yield CopiedFill(end - 19 * DAY, 19, 3, 41_184, 722)
    if is_busy:
        start = (end - 18 * DAY) // SECOND * SECOND
        for n in range(BUSY):
            at = start + n // 3 * SECOND + n % 3
            yield CopiedFill(at, 1_000 + n, 3 if n % 2 else 1, 5 if n % 2 else 0, 1)
