"""Wallets of margin and P2P in a simulated account of Bitget: their tax records and lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.sandbox.bitget.rows import Row, numbered, rows_of
from pipelines.sandbox.engine.account import Event, History, Loan, Movement, Transfer, exact
from pipelines.sandbox.engine.ledger import Entry
from pipelines.sandbox.engine.table import Table

KINDS = {"crossed": "crossed_margin", "isolated": "isolated_margin"}
"""marginType → wallet."""
LISTS: dict[str, tuple[str, ...]] = {
    "financial-records": ("transfer_in", "transfer_out", "borrow", "repay", "interest_repay"),
    "borrow-history": ("borrow",),
    "repay-history": ("repay",),
    "interest-history": ("interest_repay",),
    "liquidation-history": (),
}
"""Path of a list → the movements that make a row of it."""
TAGS = {"crossed_margin": "margin_tax", "isolated_margin": "margin", "p2p": "p2p"}


def label_of(event: Event, move: Movement) -> str:
    """`marginTaxType`, and `p2pTaxType` as the table of the docs spells it."""
    if isinstance(event, Transfer):
        return "transfer_in" if move.amount > 0 else "transfer_out"
    if isinstance(event, Loan) and event.is_repaid:
        return "interest_repay" if move.leg else "repay"
    return "borrow"


class WalletLedger:
    """The tables of one of these wallets; every pair of isolated margin has its own balance."""

    def __init__(self, history: History, scales: dict[str, int], wallet: str) -> None:
        self.wallet, self.scales, self.is_isolated = wallet, scales, wallet == "isolated_margin"
        self.rows = rows_of(
            history, lambda move, event: move.wallet == wallet,
            key=lambda move, event: (self._symbol(event), move.asset),
        )  # fmt: skip
        render = self._p2p_record if wallet == "p2p" else self._margin_record
        self.tax = Table(self.rows, numbered((row.at for row in self.rows), TAGS[wallet]), render)
        self.lists = {path: self._list(path) for path in LISTS}

    def _symbol(self, event: Any) -> str:
        return str(event.symbol) if self.is_isolated else ""

    def _list(self, path: str) -> Table:
        rows = [row for row in self.rows if label_of(row.event, row.move) in LISTS[path]]
        ids = numbered((row.at for row in rows), "biz")
        return Table(rows, ids, lambda row, number, now: self._list_row(path, row, number))

    def _margin_record(self, row: Row, number: int, now: int) -> dict[str, Any]:
        scale = self.scales[row.move.asset]
        return {
            "id": str(number), "coin": row.move.asset,
            "marginTaxType": label_of(row.event, row.move),
            "amount": exact(row.move.amount, scale), "fee": "0",
            "total": exact(row.balance, scale), "symbol": self._symbol(row.event),
            "ts": str(row.at),
        }  # fmt: skip

    def _p2p_record(self, row: Row, number: int, now: int) -> dict[str, Any]:
        """`balance` is the quantity that moved; the sample writes transfer-in with a dash."""
        label = label_of(row.event, row.move)
        return {
            "id": str(number), "coin": row.move.asset,
            "p2pTaxType": label.replace("_", "-") if row.event.seq % 2 else label,
            "balance": exact(abs(row.move.amount), self.scales[row.move.asset]),
            "ts": str(row.at),
        }  # fmt: skip

    def _list_row(self, path: str, row: Row, number: int) -> dict[str, Any]:
        move, event, scale = row.move, row.event, self.scales[row.move.asset]
        coin, amount = move.asset, exact(abs(move.amount), scale)
        members = {
            "financial-records": lambda: {
                "marginId": str(number), "coin": coin, "amount": exact(move.amount, scale),
                "balance": exact(row.balance, scale), "fee": "0",
                "marginType": label_of(event, move),
            },
            "borrow-history": lambda: {
                "loanId": str(number), "coin": coin, "borrowAmount": amount,
                "borrowType": "manual_loan",
            },
            "repay-history": lambda: {
                "repayId": str(number), "coin": coin, "repayType": "manual_repay",
                "repayAmount": exact(event.amount + event.interest, scale),
                "repayInterest": exact(event.interest, scale),
                "repayPrincipal": exact(event.amount, scale),
            },
            "interest-history": lambda: {
                "interestId": str(number), "interestCoin": coin, "loanCoin": coin,
                "dailyInterestRate": "0.00041095", "interestAmount": amount,
                "interstType": "first",
            },
        }[path]()  # fmt: skip
        pair = {"symbol": self._symbol(event)} if self.is_isolated else {}
        return {**members, **pair, "cTime": str(row.at), "uTime": str(row.at)}

    def assets(self, now: int, opened_at: int) -> list[dict[str, Any]]:
        """The balance and the debt of each pair and coin of the wallet."""
        held: dict[tuple[str, str], int] = {}
        owed: dict[tuple[str, str], int] = {}
        for row, _ in self.tax.until(now):
            key = (self._symbol(row.event), row.move.asset)
            held[key] = row.balance
            if label_of(row.event, row.move) in ("borrow", "repay"):
                owed[key] = owed.get(key, 0) + row.move.amount
        rows = []
        for (symbol, coin), amount in held.items():
            scale, debt = self.scales[coin], owed.get((symbol, coin), 0)
            rows.append({
                **({"symbol": symbol} if self.is_isolated else {}), "coin": coin,
                "totalAmount": exact(amount, scale), "available": exact(amount, scale),
                "frozen": "0", "borrow": exact(debt, scale), "interest": "0",
                "net": exact(amount - debt, scale), "coupon": "0", "cTime": str(opened_at),
                "uTime": str(now),
            })  # fmt: skip
        return rows

    def entries(self) -> Iterator[Entry]:
        """The wallet's movements, with their tax records."""
        for row, number in zip(self.rows, self.tax.ids, strict=True):
            yield Entry(row.move, str(row.move.event), str(number))
