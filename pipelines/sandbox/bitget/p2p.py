"""P2P orders of a simulated merchant of Bitget: none was accepted, so that nothing was traded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pipelines.sandbox.bitget.rows import numbered
from pipelines.sandbox.engine.account import MINUTE, Transfer, exact
from pipelines.sandbox.engine.ledger import Ledger
from pipelines.sandbox.engine.table import Table

RATE = Decimal("1.01")
PATIENCE = 15 * MINUTE


def orders(ledger: Ledger) -> Table:
    """An offer for every coin that was moved to the P2P wallet."""

    def row(event: Transfer, number: int, now: int) -> dict[str, Any]:
        ends = event.at + MINUTE + PATIENCE
        is_over, count = ends <= now, exact(event.amount, ledger.scales[event.asset])
        return {
            "orderId": str(number), "orderNo": f"2026{event.seq:08d}", "advNo": "9001",
            "price": str(RATE), "count": count, "side": "sell", "fiat": "USD",
            "coin": event.asset, "withdrawTime": str(ends) if is_over else "",
            "representTime": "", "paymentTime": "", "releaseTime": "",
            "amount": format((Decimal(count) * RATE).normalize(), "f"),
            "buyerRealName": "A. Buyer", "sellerRealName": "A. Seller",
            "status": "cancelled" if is_over else "pending_pay",
            "paymentInfo": {"paymethodName": "bank", "paymethodId": "1", "paymethodInfo": []},
            "ctime": str(event.at + MINUTE), "utime": str(ends if is_over else event.at + MINUTE),
        }  # fmt: skip

    offered = [event for event in ledger.of(Transfer) if event.to_wallet == "p2p"]
    ids = numbered((event.at + MINUTE for event in offered), "list")
    return Table(offered, ids, row, at=lambda event: int(event.at) + MINUTE)
