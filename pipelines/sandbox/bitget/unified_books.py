"""What Bitget's unified routes (v3) say of one synthetic account, from the moment it is unified.

The life is the one that the classic books tell. Here are the two ledgers, and what goes in and out;
executions, orders and positions are beside it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from pipelines.sandbox.bitget.books import Books, Table, quoted, snowflake
from pipelines.sandbox.bitget.unified_orders import (
    fill_table,
    order_table,
    p2p_table,
    position_tables,
)
from pipelines.sandbox.bitget.unified_words import (
    FUNDING,
    SPELLED,
    UNIFIED,
    is_dust,
    is_no_move,
    line_of,
    margin_type_of,
    symbol_of,
    type_of,
    wallet_of,
)
from pipelines.sandbox.engine.account import (
    ContractFill,
    Conversion,
    Deposit,
    Event,
    Loan,
    Movement,
    Transfer,
    Withdrawal,
    exact,
)

LEDGER_ID, TAX_ID, FUNDING_ID = (tag << 18 | 1 << 17 for tag in (1, 2, 3))
"""The highest bit of an id's number is set, so that no id is an id of the classic books."""


class Ledger:
    """One wallet's rows since a moment, with running balances that begin long before it."""

    def __init__(self, books: Books, wallet: str, since: int) -> None:
        self.moves: list[Movement] = []
        self.balances: list[int] = []
        self.steps: dict[str, list[tuple[int, int]]] = {}
        at, ids = array("q"), array("q")
        last_at, number = -1, 0
        for move in books.life.movements():
            if wallet_of(move.wallet) != wallet or is_no_move(books.events[move.event]):
                continue
            steps = self.steps.setdefault(move.asset, [(0, 0)])
            steps.append((move.at, steps[-1][1] + move.amount))
            if move.at < since:
                continue
            number = number + 1 if move.at == last_at else 0
            last_at = move.at
            at.append(move.at)
            ids.append(snowflake(move.at, "tax", number) & ~(0xF << 18))
            self.moves.append(move)
            self.balances.append(steps[-1][1])
        self.at, self.ids = at, ids

    def balances_at(self, now: int) -> dict[str, int]:
        """Per coin ever held, the balance at `now`."""
        return {
            coin: steps[bisect_right(steps, now, key=lambda step: step[0]) - 1][1]
            for coin, steps in sorted(self.steps.items())
        }


class UnifiedBooks:
    """The v3 routes' tables of one life from `since` (Unix ms) on.

    `fees_outside`: `amount` of a financial record leaves the row's fee out.
    """

    def __init__(self, books: Books, since: int, *, fees_outside: bool = False) -> None:
        self.books, self.since = books, since
        self.life, self.uid, self.events, self.scale = (
            books.life, books.uid, books.events, books.scale,
        )  # fmt: skip
        self._fees_outside = fees_outside
        self.unified = Ledger(books, UNIFIED, since)
        self.funding = Ledger(books, FUNDING, since)
        self.financial = self._ledger_table(self.unified, LEDGER_ID, self._financial_row)
        self.tax = self._ledger_table(self.unified, TAX_ID, self._tax_row)
        self.funding_rows = self._ledger_table(self.funding, FUNDING_ID, self._funding_row)
        self.fills = fill_table(books, since)
        self.orders = order_table(books, since)
        self.positions = position_tables(books, since)
        self.p2p_orders = p2p_table(books, since)
        self.deposits = self._told(Deposit, "deposit", self._deposit_row, settling=True)
        self.withdrawals = self._told(Withdrawal, "withdrawal", self._withdrawal_row, settling=True)
        self.converts = self._told(
            Conversion, "biz", self._convert_row, keep=lambda event: not is_dust(event)
        )
        self.dust = self._told(Conversion, "biz", self._dust_row, keep=is_dust)
        self.transfers = self._told(Transfer, "order", self._transfer_row)

    # -- building

    def _ledger_table(
        self, ledger: Ledger, tag: int, row: Callable[[Ledger, int, int], str]
    ) -> Table:
        ids = array("q", (number | tag for number in ledger.ids))
        return Table(ledger.at, ids, lambda n, now: row(ledger, n, ids[n]))

    def _is_told(self, event: Event) -> bool:
        """Whether v3 tells of it: what began before the upgrade only if it was still pending."""
        if isinstance(event, Deposit | Withdrawal):
            return max(event.at, event.done_at) >= self.since
        if isinstance(event, Transfer):
            ends = {wallet_of(event.from_wallet), wallet_of(event.to_wallet)}
            return event.at >= self.since and ends == {UNIFIED, FUNDING}
        return event.at >= self.since

    def _told(
        self,
        kind: type[Event],
        tag: str,
        render: Callable[[Any, int, int], str],
        *,
        keep: Callable[[Event], bool] = lambda event: True,
        settling: bool = False,
    ) -> Table:
        """A table of the events of a kind; ids count all of them, so that classic ids stay."""
        chosen: list[Event] = []
        at, ids = array("q"), array("q")
        last_at, number = -1, 0
        for event in self.events:
            if not isinstance(event, kind):
                continue
            number = number + 1 if event.at == last_at else 0
            last_at = event.at
            if self._is_told(event) and keep(event):
                chosen.append(event)
                at.append(event.at)
                ids.append(snowflake(event.at, tag, number))

        def row(n: int, now: int) -> str:
            return render(chosen[n], ids[n], now)

        def settles(n: int) -> int:
            return chosen[n].done_at  # type: ignore[attr-defined,no-any-return]

        return Table(at, ids, row, settles if settling else None, chosen)

    def line_at(self, n: int) -> str:
        """The business line of row `n` of the unified ledger."""
        return line_of(self.events[self.unified.moves[n].event])

    def margin_type_at(self, n: int) -> str:
        """Whether row `n` of the unified ledger belongs to crossed or isolated margin."""
        return margin_type_of(self.events[self.unified.moves[n].event])

    def coin_at(self, n: int) -> str:
        """The coin of row `n` of the unified ledger."""
        return self.unified.moves[n].asset

    # -- the ledger's tellings

    def _financial_row(self, ledger: Ledger, n: int, number: int) -> str:
        move = ledger.moves[n]
        event, scale = self.events[move.event], self.scale[move.asset]
        amount, fee = self._amount_and_fee(move, self._fees_outside)
        line = line_of(event)
        return (
            f'{{"category":"{"Margin" if line == "MARGIN" else line}","id":"{number}",'
            f'"symbol":"{symbol_of(event)}","coin":"{move.asset}",'
            f'"type":"{type_of(self.books, event, move.leg, in_tax=False)}",'
            f'"positionType":"","positionAmount":"","positionBalance":"",'
            f'"amount":"{exact(amount, scale)}","fee":"{exact(-fee, scale)}",'
            f'"balance":"{exact(ledger.balances[n], scale)}","ts":"{move.at}"}}'
        )

    def _tax_row(self, ledger: Ledger, n: int, number: int) -> str:
        move = ledger.moves[n]
        event, scale = self.events[move.event], self.scale[move.asset]
        amount, fee = self._amount_and_fee(move, False)
        return (
            f'{{"id":"{number}","coin":"{move.asset}",'
            f'"type":"{type_of(self.books, event, move.leg, in_tax=True)}",'
            f'"amount":"{exact(amount, scale)}","fee":"{exact(-fee, scale)}",'
            f'"balance":"{exact(ledger.balances[n], scale)}","ts":"{move.at}"}}'
        )

    def _amount_and_fee(self, move: Movement, fees_outside: bool) -> tuple[int, int]:
        """A futures row tells profit and fee apart, as in the classic ledger; others as asked."""
        fee = 0 if move.kind in ("fee", "funding") else move.fee
        is_apart = fees_outside or isinstance(self.events[move.event], ContractFill)
        return move.amount + (fee if is_apart else 0), fee

    def _funding_row(self, ledger: Ledger, n: int, number: int) -> str:
        move = ledger.moves[n]
        word = "transfer_out" if move.amount < 0 else "transfer_in"
        scale = self.scale[move.asset]
        return (
            f'{{"id":"{number}","coin":"{move.asset}","groupType":"transfer","type":"{word}",'
            f'"amount":"{exact(move.amount, scale, 8)}",'
            f'"balance":"{exact(ledger.balances[n], scale, 8)}","ts":"{move.at}"}}'
        )

    # -- the other routes

    def _deposit_row(self, event: Deposit, number: int, now: int) -> str:
        status = self._status(event, now)
        dest = "internal_transfer" if event.internal else "on_chain"
        return (
            f'{{"orderId":"{number}","recordId":"{number if event.internal else event.tx}",'
            f'"coin":"{event.asset}","type":"deposit","dest":"{dest}",'
            f'"size":"{exact(event.amount, self.scale[event.asset], 8)}","status":"{status}",'
            f'"fromAddress":{quoted("7000000099" if event.internal else None)},'
            f'"toAddress":"{event.address}","chain":"{event.network}",'
            f'"createdTime":"{event.at}","updatedTime":"{self._changed(event, now)}",'
            f'"clientOid":null}}'
        )

    def _withdrawal_row(self, event: Withdrawal, number: int, now: int) -> str:
        status, scale = self._status(event, now), self.scale[event.asset]
        done = status == "success"
        return (
            f'{{"orderId":"{number}","recordId":"{event.tx if done else ""}",'
            f'"coin":"{event.asset}","type":"withdraw",'
            f'"size":"{exact(event.amount, scale)}","status":"{status}",'
            f'"toAddress":"{event.address}","dest":"on_chain","chain":"{event.network}",'
            f'"createdTime":"{event.at}","updatedTime":"{self._changed(event, now)}",'
            f'"fromAddress":null,"fee":"{exact(-event.fee, scale)}",'
            f'"confirm":"{20 if done else 0}","tag":null,"clientOid":null}}'
        )

    @staticmethod
    def _status(event: Deposit | Withdrawal, now: int) -> str:
        if event.done_at > now:
            return "pending"
        return "success" if event.status == "completed" else "fail"

    @staticmethod
    def _changed(event: Deposit | Withdrawal, now: int) -> int:
        return event.done_at if event.done_at <= now else event.at

    def _convert_row(self, event: Conversion, number: int, now: int) -> str:
        paid = exact(event.from_amount, self.scale[event.from_asset])
        got = exact(event.to_amount, self.scale[event.to_asset])
        return (
            f'{{"fromCoin":"{event.from_asset}","fromCoinSize":"{paid}",'
            f'"toCoin":"{event.to_asset}","toCoinSize":"{got}","price":"1","ts":"{event.at}"}}'
        )

    def _dust_row(self, event: Conversion, number: int, now: int) -> str:
        """A conversion of a small balance; what it cost is in the rate."""
        paid = exact(event.from_amount, self.scale[event.from_asset])
        got = exact(event.to_amount, self.scale[event.to_asset])
        return (
            f'{{"orderId":"{number}","fromCoin":"{event.from_asset}","fromAmount":"{paid}",'
            f'"fromCoinPrice":"1","toCoin":"{event.to_asset}","toAmount":"{got}",'
            f'"toCoinPrice":"1","feeDetail":{{"feeCoin":"{event.to_asset}","fee":"0"}},'
            f'"status":"success","createdTime":"{event.at}"}}'
        )

    def _transfer_row(self, event: Transfer, number: int, now: int) -> str:
        ends = [SPELLED[wallet_of(w)] for w in (event.from_wallet, event.to_wallet)]
        return (
            f'{{"transferId":"{number}","fromType":"{ends[0]}","toType":"{ends[1]}",'
            f'"amount":"{exact(event.amount, self.scale[event.asset], 8)}",'
            f'"coin":"{event.asset}","fromUserId":"{self.uid}","toUserId":"{self.uid}",'
            f'"status":"Successful","clientOid":"{number}","createdTime":"{event.at}",'
            f'"updatedTime":"{event.at}","oldTransferId":"{190_000_000 + event.seq}"}}'
        )

    def held(self, now: int) -> dict[str, int]:
        """Per coin, what pending withdrawals hold of the unified balance."""
        return self.books.held(now)

    def debts(self, now: int) -> dict[str, int]:
        """Per coin, what is borrowed and not given back."""
        owed: dict[str, int] = {}
        for event in self.events:
            if isinstance(event, Loan) and event.at <= now:
                change = -event.amount if event.is_repaid else event.amount
                owed[event.asset] = owed.get(event.asset, 0) + change
        return owed
