"""Orders of a P2P merchant in Bitget's stand-in.

Ordinary users have none, and so has everybody here, unless the sandbox is told that they are
merchants (`bitget.merchant`): then orders came to nothing, as nothing was bought or sold.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from pipelines.sandbox.bitget.books import Books
from pipelines.sandbox.bitget.lists import Shelf, Told, chosen, wanted, wrapped
from pipelines.sandbox.bitget.request import Request
from pipelines.sandbox.engine.account import MINUTE, Transfer, exact

RATE = Decimal("1.01")
PATIENCE = 15 * MINUTE


def orders(books: Books, now: int) -> Shelf:
    """An offer for every coin that was moved to the P2P wallet: nobody took it in time."""

    def row(event: Transfer) -> Told:
        at = event.at + MINUTE
        is_over = at + PATIENCE <= now
        count = exact(event.amount, books.scale[event.asset])
        return at, {
            "orderNo": f"2026{event.seq:08d}",
            "advNo": "9001",
            "price": str(RATE),
            "count": count,
            "side": "sell",
            "fiat": "USD",
            "coin": event.asset,
            "withdrawTime": str(at + PATIENCE) if is_over else "",
            "representTime": "",
            "paymentTime": "",
            "releaseTime": "",
            "amount": format((Decimal(count) * RATE).normalize(), "f"),
            "buyerRealName": "A. Buyer",
            "sellerRealName": "A. Seller",
            "status": "cancelled" if is_over else "pending_pay",
            "paymentInfo": {"paymethodName": "bank", "paymethodId": "1", "paymethodInfo": []},
            "ctime": str(at),
            "utime": str(at + PATIENCE if is_over else at),
        }

    offered = [e for e in books.events if isinstance(e, Transfer) and e.to_wallet == "p2p"]
    return Shelf((row(event) for event in offered), "orderId")


class P2PDesk:
    """The route over any account's books."""

    def __init__(self, are_merchants: bool) -> None:
        self.are_merchants = are_merchants

    def routes(self) -> dict[str, Callable[[Request], bytes]]:
        """Path → answer."""
        return {"/api/v2/p2p/orderList": self._orders}

    def _orders(self, request: Request) -> bytes:
        found = orders(request.books, request.now) if self.are_merchants else Shelf(())
        filters = wanted(found, request, status="status", side="side", coin="coin", fiat="fiat")
        return wrapped(
            request, found, chosen(request, found, 100, filters), "orderList", "minOrderId"
        )
