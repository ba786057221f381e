"""Margin and P2P in Bitget's stand-in: their tax records, and what the margin wallets hold."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from pipelines.sandbox.bitget.books import Books, Table, snowflake
from pipelines.sandbox.bitget.request import Filter, Refusal, Request
from pipelines.sandbox.engine.account import Event, Loan, Movement, Transfer, exact
from pipelines.sandbox.engine.clock import from_ms

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
COIN_IN = {"interest-history": "loanCoin"}
"""The field of a list that `coin` looks at, where it is not called so."""
TAGS = {"crossed_margin": "margin_tax", "isolated_margin": "margin", "p2p": "p2p"}
WALLETS = frozenset(TAGS)


@dataclass(frozen=True)
class Row:
    """One movement of such a wallet, with the balance of its coin after it.

    Every pair of isolated margin counts for itself.
    """

    move: Movement
    event: Any
    label: str
    symbol: str
    balance: int


def symbol_of(event: Any, wallet: str) -> str:
    """The pair of an isolated wallet a movement belongs to, '' elsewhere."""
    symbol: str = event.symbol if wallet == "isolated_margin" else ""
    return symbol


def label_of(event: Event, move: Movement) -> str:
    """`marginTaxType`, and `p2pTaxType` as the table of the docs spells it."""
    if isinstance(event, Transfer):
        return "transfer_in" if move.amount > 0 else "transfer_out"
    if isinstance(event, Loan) and event.is_repaid:
        return "interest_repay" if move.leg else "repay"
    return "borrow"


class WalletBooks:
    """The ledger of one wallet beside spot and futures."""

    def __init__(self, books: Books, wallet: str) -> None:
        self.wallet, self.scale = wallet, books.scale
        running: dict[tuple[str, str], int] = {}
        self.rows: list[Row] = []
        at, ids = array("q"), array("q")
        number = 0
        for move in books.life.movements():
            if move.wallet != wallet:
                continue
            event = books.events[move.event]
            key = (symbol_of(event, wallet), move.asset)
            running[key] = running.get(key, 0) + move.amount
            self.rows.append(Row(move, event, label_of(event, move), key[0], running[key]))
            number = number + 1 if at and at[-1] == move.at else 0
            at.append(move.at)
            ids.append(snowflake(move.at, TAGS[wallet], number))
        render = self._p2p_row if wallet == "p2p" else self._margin_row
        self.tax = Table(at, ids, render)
        self.lists = {path: self._list(path) for path in LISTS} if wallet != "p2p" else {}

    def _margin_row(self, n: int, now: int) -> str:
        row = self.rows[n]
        scale = self.scale[row.move.asset]
        return (
            f'{{"id":"{self.tax.ids[n]}","coin":"{row.move.asset}",'
            f'"marginTaxType":"{row.label}","amount":"{exact(row.move.amount, scale)}","fee":"0",'
            f'"total":"{exact(row.balance, scale)}","symbol":"{row.symbol}","ts":"{row.move.at}"}}'
        )

    def _p2p_row(self, n: int, now: int) -> str:
        """`balance` is the quantity that moved; the sample writes transfer-in with a dash."""
        row = self.rows[n]
        label = row.label.replace("_", "-") if row.event.seq % 2 else row.label
        amount = exact(abs(row.move.amount), self.scale[row.move.asset])
        return (
            f'{{"id":"{self.tax.ids[n]}","coin":"{row.move.asset}","p2pTaxType":"{label}",'
            f'"balance":"{amount}","ts":"{row.move.at}"}}'
        )

    def _list(self, path: str) -> Table:
        chosen = [row for row in self.rows if row.label in LISTS[path]]
        at, ids = array("q"), array("q")
        number = 0
        for row in chosen:
            number = number + 1 if at and at[-1] == row.move.at else 0
            at.append(row.move.at)
            ids.append(snowflake(row.move.at, "biz", number))

        def render(n: int, now: int) -> str:
            return self._list_row(path, chosen[n], ids[n])

        return Table(at, ids, render, events=[row.event for row in chosen])

    def _list_row(self, path: str, row: Row, number: int) -> str:
        move, event, scale = row.move, row.event, self.scale[row.move.asset]
        coin, amount = move.asset, exact(abs(move.amount), scale)
        if path == "financial-records":
            told = (
                f'"marginId":"{number}","coin":"{coin}","amount":"{exact(move.amount, scale)}",'
                f'"balance":"{exact(row.balance, scale)}","fee":"0","marginType":"{row.label}"'
            )
        elif path == "borrow-history":
            told = (
                f'"loanId":"{number}","coin":"{coin}","borrowAmount":"{amount}",'
                f'"borrowType":"manual_loan"'
            )
        elif path == "repay-history":
            whole = exact(event.amount + event.interest, scale)
            told = (
                f'"repayId":"{number}","coin":"{coin}","repayAmount":"{whole}",'
                f'"repayType":"manual_repay","repayInterest":"{exact(event.interest, scale)}",'
                f'"repayPrincipal":"{exact(event.amount, scale)}"'
            )
        else:
            told = (
                f'"interestId":"{number}","interestCoin":"{coin}","dailyInterestRate":"0.00041095",'
                f'"loanCoin":"{coin}","interestAmount":"{amount}","interstType":"first"'
            )
        pair = f'"symbol":"{row.symbol}",' if self.wallet == "isolated_margin" else ""
        return f'{{{told},{pair}"cTime":"{move.at}","uTime":"{move.at}"}}'

    def held(self, now: int) -> dict[tuple[str, str], int]:
        """Per pair ('' outside isolated margin) and coin, the balance."""
        known: dict[tuple[str, str], int] = {}
        for row in self.rows[: bisect_right(self.tax.at, now)]:
            known[row.symbol, row.move.asset] = row.balance
        return known

    def owed(self, now: int) -> dict[tuple[str, str], int]:
        """Per pair and coin, what is borrowed and not given back."""
        known: dict[tuple[str, str], int] = {}
        for row in self.rows[: bisect_right(self.tax.at, now)]:
            if row.label in ("borrow", "repay"):
                key = (row.symbol, row.move.asset)
                known[key] = known.get(key, 0) + row.move.amount
        return known


def wallets_of(books: Books) -> dict[str, WalletBooks]:
    """An account's books of these wallets, made when first asked for."""
    if "margin" not in books.shelves:
        books.shelves["margin"] = {wallet: WalletBooks(books, wallet) for wallet in TAGS}
    found: dict[str, WalletBooks] = books.shelves["margin"]
    return found


class MarginDesk:
    """The routes over any account's books."""

    def __init__(self, tax_floor: int, tax_max_limit: int, cursor_defect: bool) -> None:
        self._tax_floor, self._tax_max_limit = tax_floor, tax_max_limit
        self._cursor_defect = cursor_defect

    def routes(self) -> dict[str, Callable[[Request], bytes]]:
        """Path → answer."""
        return {
            "/api/v2/tax/margin-record": self._margin_tax,
            "/api/v2/tax/p2p-record": lambda request: self._tax(request, "p2p"),
            "/api/v2/margin/crossed/account/assets": lambda r: self._assets(r, "crossed_margin"),
            "/api/v2/margin/isolated/account/assets": lambda r: self._assets(r, "isolated_margin"),
        } | {
            f"/api/v2/margin/{kind}/{path}": partial(self._listed, KINDS[kind], path)
            for kind in KINDS
            for path in LISTS
        } | {"/api/v2/margin/isolated/fills": self._fills}

    @staticmethod
    def _fills(request: Request) -> bytes:
        """Nothing is traded on margin in this world: pairs are asked for in vain."""
        if not request.params.get("symbol"):
            raise Refusal("40019", "Parameter symbol cannot be empty")
        request.number("startTime")
        request.span()
        request.limit()
        return b'{"fills":[],"maxId":"0","minId":"0"}'

    @staticmethod
    def _listed(wallet: str, path: str, request: Request) -> bytes:
        """One list, in an object beside its greatest and smallest id; "0" where it is empty."""
        table = wallets_of(request.books)[wallet].lists[path]
        symbol = request.params.get("symbol", "").upper()
        if wallet == "isolated_margin" and not symbol:
            raise Refusal("40019", "Parameter symbol cannot be empty")
        request.number("startTime")
        start, end = request.span()
        limit = request.limit()
        low, high = table.bounds(start, end, request.cursor(), False)
        wanted: list[Filter] = []
        if wallet == "isolated_margin":
            wanted.append(("symbol", symbol, lambda n: table.events[n].symbol))  # type: ignore[attr-defined]
        wanted += request.filters(table, coin=COIN_IN.get(path, "coin"))
        chosen = list(request.rows(table, low, high, limit, wanted))
        rows = b",".join(table.row(n, request.now) for n in chosen)
        most, least = (table.ids[chosen[0]], table.ids[chosen[-1]]) if chosen else (0, 0)
        return b'{"resultList":[%b],"maxId":"%d","minId":"%d"}' % (rows, most, least)

    def _margin_tax(self, request: Request) -> bytes:
        kind = request.params.get("marginType", "crossed").lower()
        if kind not in KINDS:
            raise Refusal("40020", "Parameter marginType error")
        return self._tax(request, KINDS[kind])

    def _tax(self, request: Request, wallet: str) -> bytes:
        books = wallets_of(request.books)[wallet]
        start, end = request.span()
        limit = request.limit(500, self._tax_max_limit)
        start = max(start, request.now - self._tax_floor)
        low, high = books.tax.bounds(start, end, request.cursor(), self._cursor_defect)
        coin = request.params.get("coin", "").upper()
        wanted: list[Filter] = []
        if coin:
            wanted.append(("coin", coin, lambda n: books.rows[n].move.asset))
        return request.page(books.tax, low, high, limit, wanted)

    @staticmethod
    def _assets(request: Request, wallet: str) -> bytes:
        books = wallets_of(request.books)[wallet]
        owed, rows = books.owed(request.now), []
        for (symbol, coin), amount in books.held(request.now).items():
            scale, debt = books.scale[coin], owed.get((symbol, coin), 0)
            pair = f'"symbol":"{symbol}",' if wallet == "isolated_margin" else ""
            rows.append(
                f'{{{pair}"coin":"{coin}","totalAmount":"{exact(amount, scale)}",'
                f'"available":"{exact(amount, scale)}","frozen":"0",'
                f'"borrow":"{exact(debt, scale)}","interest":"0",'
                f'"net":"{exact(amount - debt, scale)}","coupon":"0",'
                f'"cTime":"{request.books.life.opened_at}","uTime":"{request.now}"}}'
            )
        return f"[{','.join(rows)}]".encode()


def movements(books: Books, now: int) -> list[dict[str, Any]]:
    """What really moved in these wallets, with the record that tells it."""
    return [
        {
            "at": from_ms(row.move.at).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "wallet": wallet.wallet,
            "asset": row.move.asset,
            "amount": exact(row.move.amount, books.scale[row.move.asset]),
            "fee_amount": "0",
            "kind": row.move.kind,
            "event_id": str(row.move.event),
            "record_id": str(wallet.tax.ids[n]),
        }
        for wallet in wallets_of(books).values()
        for n, row in enumerate(wallet.rows)
        if row.move.at <= now
    ]


def counts(books: Books, now: int) -> dict[str, int]:
    """How many rows each route has by then."""
    wallets = wallets_of(books)
    return {
        "tax_margin_records": sum(
            bisect_right(wallets[wallet].tax.at, now) for wallet in KINDS.values()
        ),
        "tax_p2p_records": bisect_right(wallets["p2p"].tax.at, now),
    }
