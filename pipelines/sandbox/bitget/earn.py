"""Savings and Shark Fin in a simulated account of Bitget: the transfers to the earn wallet.

Money that is subscribed goes to one of three products; what is redeemed comes out of Shark Fin
first, then out of fixed savings, then out of flexible ones. Interest is paid into the spot wallet.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pipelines.sandbox.bitget.rows import Dated, dated
from pipelines.sandbox.engine.account import INTEREST, Reward, Transfer, exact
from pipelines.sandbox.engine.ledger import Ledger

PERIODS = ("flexible", "fixed")
PRODUCTS = ("sharkfin", "fixed", "flexible")
"""In the order in which they are redeemed."""
CHOICE = ("sharkfin", "fixed", "flexible", "flexible")
TYPES = ("subscription", "redemption", "interest")
FIXED_DAYS, SHARKFIN_DAYS = "30", "7"


class Move(NamedTuple):
    """A change of one product; `amount` is signed, and interest is no change."""

    at: int
    product: str
    coin: str
    amount: int
    is_interest: bool = False


class Earn:
    """The transfers to and from each product, and the interest of savings."""

    def __init__(self, ledger: Ledger) -> None:
        self.scales = ledger.scales
        self.moves: list[Move] = []
        interest: list[Move] = []
        for event in ledger.of(Transfer, Reward):
            if isinstance(event, Reward):
                if event.flavour in INTEREST:
                    product = "flexible" if event.flavour == "interest" else "fixed"
                    interest.append(Move(event.at, product, event.asset, event.amount, True))
            elif event.to_wallet == "earn":
                product = CHOICE[event.seq % len(CHOICE)]
                self.moves.append(Move(event.at, product, event.asset, event.amount))
            elif event.from_wallet == "earn":
                self._redeem(event)
        self.savings = {
            period: dated(
                (self._savings_row(move) for move in (*self.moves, *interest)
                 if move.product == period), "orderId")
            for period in PERIODS
        }  # fmt: skip
        shark = [move for move in self.moves if move.product == "sharkfin"]
        self.sharkfin = {
            kind: dated((self._shark_row(m) for m in shark if type_of(m) == kind), "orderId")
            for kind in TYPES
        }

    def _redeem(self, event: Transfer) -> None:
        left = event.amount
        for product in PRODUCTS:
            taken = min(self.held(event.at).get((product, event.asset), 0), left)
            if taken:
                self.moves.append(Move(event.at, product, event.asset, -taken))
                left -= taken

    def held(self, now: int) -> dict[tuple[str, str], int]:
        """Per product and coin, its balance."""
        known: dict[tuple[str, str], int] = {}
        for move in self.moves:
            if move.at <= now:
                key = (move.product, move.coin)
                known[key] = known.get(key, 0) + move.amount
        return known

    def _savings_row(self, move: Move) -> Dated:
        what = "pay_interest" if move.is_interest else (
            "subscribe" if move.amount > 0 else "redeem"
        )  # fmt: skip
        return move.at, {
            "coinName": move.coin, "settleCoinName": move.coin, "productType": move.product,
            "period": "" if move.product == "flexible" else FIXED_DAYS, "productLevel": "normal",
            "amount": exact(abs(move.amount), self.scales[move.coin], 8), "ts": str(move.at),
            "orderType": what,
        }  # fmt: skip

    def _shark_row(self, move: Move) -> Dated:
        return move.at, {
            "product": f"{move.coin}/BTC", "period": SHARKFIN_DAYS,
            "amount": exact(abs(move.amount), self.scales[move.coin], 8), "ts": str(move.at),
            "type": type_of(move),
        }  # fmt: skip

    def savings_assets(self, period: str, now: int) -> list[dict[str, Any]]:
        """The balances of savings; only fixed ones have an order."""
        table, order = self.savings["fixed"], ""
        if period == "fixed":
            orders = (table.row(n, now) for n in range(len(table.ids)))
            order = next((o["orderId"] for o in orders if o["orderType"] == "subscribe"), "")
        return [
            {
                "productId": str(9_001 + PRODUCTS.index(product)), "orderId": order,
                "productCoin": coin, "interestCoin": coin, "periodType": period,
                "period": "" if period == "flexible" else FIXED_DAYS,
                "holdAmount": exact(amount, self.scales[coin], 8), "lastProfit": "0.00000000",
                "totalProfit": "0.00000000", "holdDays": "12", "status": "in_holding",
                "productLevel": "normal",
                "apy": [{"rateLevel": "1", "minApy": "0", "maxApy": "5", "currentApy": "3"}],
            }
            for (product, coin), amount in self.held(now).items()
            if product == period and amount
        ]  # fmt: skip

    def assets(self, now: int) -> dict[str, int]:
        """Per coin, the balance of all products."""
        totals: dict[str, int] = {}
        for (_, coin), amount in self.held(now).items():
            totals[coin] = totals.get(coin, 0) + amount
        return totals


def type_of(move: Move) -> str:
    """The name of a transfer in Shark Fin, which pays no interest here."""
    return "subscription" if move.amount > 0 else "redemption"
