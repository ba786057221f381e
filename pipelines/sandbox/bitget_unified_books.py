"""What Bitget's unified routes (v3) say of one synthetic account, from the moment it is unified.

The life is the one that the classic books tell. Spot, margin and futures wallets are one wallet
now, so a move between two of them is none any more; the P2P wallet is the funding wallet.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from pipelines.sandbox.account import (
    Conversion,
    Deposit,
    Event,
    Movement,
    Reward,
    SpotFill,
    Transfer,
    Withdrawal,
    exact,
)
from pipelines.sandbox.bitget_books import REWARDS, Books, Table, quoted, snowflake

UNIFIED, FUNDING = "unified", "funding"
WALLETS = {"p2p": FUNDING, "bots": "bots"}
"""A classic wallet's name → what it is now; any other is a part of the unified one."""
SPELLED = {UNIFIED: "uta", FUNDING: "spot"}
"""How transfer records call the two wallets."""
FILL_LAG = 5
"""Milliseconds from an execution to its rows in the ledger."""
LEDGER_ID, TAX_ID, FUNDING_ID = 8 << 18, 9 << 18, 10 << 18
"""Beside the classic ledger's tag, so that no id is an id of the other books."""
FILL_TYPES = ("ORDER_DEALT_FROZEN_OUT", "ORDER_DEALT_IN", "ORDER_PLF_FEE_OUT")
CONVERSION_TYPES = ("EXCHANGE_SOURCE_TOKEN_USER_OUT", "EXCHANGE_TARGET_TOKEN_USER_IN")


def wallet_of(classic: str) -> str:
    """The wallet of a unified account that a classic one's wallet is a part of."""
    return WALLETS.get(classic, UNIFIED)


def is_no_move(event: Event) -> bool:
    """Whether it is a transfer between two parts of what is one wallet now."""
    return isinstance(event, Transfer) and wallet_of(event.from_wallet) == wallet_of(
        event.to_wallet
    )


def line_of(event: Event) -> str:
    """The business line that tells the event."""
    if isinstance(event, SpotFill):
        return "SPOT"
    if isinstance(event, Reward) and event.flavour == "interest":
        return "MARGIN"
    return "OTHER"


def type_of(event: Event, leg: int) -> str:
    """The `type` of a ledger row, in the words of the unified enum or of live answers."""
    if isinstance(event, SpotFill):
        return FILL_TYPES[leg]
    if isinstance(event, Conversion):
        return CONVERSION_TYPES[leg]
    if isinstance(event, Transfer):
        return ("TRANSFER_OUT", "TRANSFER_IN")[leg]
    if isinstance(event, Reward):
        return REWARDS[event.flavour].business
    if isinstance(event, Deposit):
        return "DEPOSIT"
    if isinstance(event, Withdrawal):
        return "WITHDRAW"
    raise TypeError(f"the unified books do not tell of {type(event).__name__}")


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
        self.fills = self._told(SpotFill, "fill", self._fill_row, lag=FILL_LAG)
        self.deposits = self._told(Deposit, "deposit", self._deposit_row, settling=True)
        self.withdrawals = self._told(Withdrawal, "withdrawal", self._withdrawal_row, settling=True)
        self.converts = self._told(Conversion, "biz", self._convert_row)
        self.transfers = self._told(Transfer, "order", self._transfer_row)
        self.positions = Table(array("q"), array("q"), lambda n, now: "{}")

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
        lag: int = 0,
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
            if self._is_told(event):
                chosen.append(event)
                at.append(event.at - lag)
                ids.append(snowflake(event.at, tag, number))

        def row(n: int, now: int) -> str:
            return render(chosen[n], ids[n], now)

        def settles(n: int) -> int:
            return chosen[n].done_at  # type: ignore[attr-defined,no-any-return]

        return Table(at, ids, row, settles if settling else None, chosen)

    def line_at(self, n: int) -> str:
        """The business line of row `n` of the unified ledger."""
        return line_of(self.events[self.unified.moves[n].event])

    def coin_at(self, n: int) -> str:
        """The coin of row `n` of the unified ledger."""
        return self.unified.moves[n].asset

    # -- the ledger's tellings

    def _financial_row(self, ledger: Ledger, n: int, number: int) -> str:
        move = ledger.moves[n]
        event, scale = self.events[move.event], self.scale[move.asset]
        inside = move.fee if move.kind != "fee" else 0
        amount = move.amount + (inside if self._fees_outside else 0)
        line = line_of(event)
        symbol = event.market.symbol if isinstance(event, SpotFill) else ""
        return (
            f'{{"category":"{"Margin" if line == "MARGIN" else line}","id":"{number}",'
            f'"symbol":"{symbol}","coin":"{move.asset}","type":"{type_of(event, move.leg)}",'
            f'"positionType":"","positionAmount":"","positionBalance":"",'
            f'"amount":"{exact(amount, scale)}","fee":"{exact(-inside, scale)}",'
            f'"balance":"{exact(ledger.balances[n], scale)}","ts":"{move.at}"}}'
        )

    def _tax_row(self, ledger: Ledger, n: int, number: int) -> str:
        move = ledger.moves[n]
        event, scale = self.events[move.event], self.scale[move.asset]
        inside = move.fee if move.kind != "fee" else 0
        return (
            f'{{"id":"{number}","coin":"{move.asset}","type":"{type_of(event, move.leg)}",'
            f'"amount":"{exact(move.amount, scale)}","fee":"{exact(-inside, scale)}",'
            f'"balance":"{exact(ledger.balances[n], scale)}","ts":"{move.at}"}}'
        )

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

    def _fill_row(self, fill: SpotFill, number: int, now: int) -> str:
        market = fill.market
        order = snowflake(fill.order_at, "order", fill.order)
        fee = exact(fill.fee, self.scale[fill.fee_asset])
        return (
            f'{{"execId":"{number}","execLinkId":"{number - 1}","orderId":"{order}",'
            f'"clientOid":"{order + 1}","category":"SPOT","symbol":"{market.symbol}",'
            f'"orderType":"{fill.order_type}","side":"{fill.side}","posSide":"",'
            f'"execPrice":"{exact(fill.price, market.price_scale)}",'
            f'"execQty":"{exact(fill.quantity, self.scale[market.base])}",'
            f'"execValue":"{exact(fill.quote_amount, self.scale[market.quote])}",'
            f'"tradeScope":"{"maker" if fill.is_maker else "taker"}","tradeSide":"",'
            f'"feeDetail":[{{"feeCoin":"{fill.fee_asset}","fee":"{fee}"}}],'
            f'"createdTime":"{fill.at - FILL_LAG}","updatedTime":"{fill.at + 3}",'
            f'"execPnl":"0","isRPI":"no"}}'
        )

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
