"""What BitMart's routes say of one synthetic account: rows by time, written when asked for.

The spot side has no ledger: fills, deposits and withdrawals are all there is of it. The futures
side has one, whose rows carry no id of their own: `tran_id` is the order's on profits and fees, so
the two rows of a fill share it, and the time on funding.
"""

from __future__ import annotations

import heapq
import json
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from pipelines.sandbox.bitmart.copied import ACCOUNT, FEE_SCALE, SYMBOL, CopiedFill, copied_fills
from pipelines.sandbox.bitmart.keys import MAIN
from pipelines.sandbox.bitmart.market import currency
from pipelines.sandbox.bitmart.subs import SubMove, moves_of
from pipelines.sandbox.engine.account import (
    DAY,
    HOUR,
    ContractFill,
    Deposit,
    Event,
    Funding,
    Life,
    Movement,
    SpotFill,
    Transfer,
    Withdrawal,
    exact,
)

EPOCH = 1_609_459_200_000
TAGS = {"fill": 1, "order": 2, "contract": 3, "contract_order": 4, "transfer": 5}
FLOW_TYPES = {
    "Transfer": 1, "Realized PNL": 2, "Funding Fee": 3, "Commission Fee": 4,
    "Liquidation Clearance": 5,
}  # fmt: skip
KINDS = {1: "transfer", 2: "realised_pnl", 3: "funding", 4: "fee", 5: "realised_pnl"}
STATUS = {"pending": 1, "completed": 3, "canceled": 4, "failed": 5}
WAITING, WORKING = 1, 2
PAIR = "ETH_USDT"
"""The pair that isolated margin was used on."""


def big_id(at: int, tag: str, number: int) -> str:
    """An 18-digit id, beyond what a double holds, that grows with time."""
    return str((at - EPOCH) << 21 | TAGS[tag] << 18 | number & 0x3FFFF)


@dataclass(frozen=True)
class Row:
    """One row of a route. `until` is when it is final; before, `tell(now)` may change."""

    at: int
    id: str
    tell: Callable[[int], dict[str, Any]]
    seen_from: int
    """From when the route shows it."""
    event: Any = None


@dataclass(frozen=True)
class FuturesEntry:
    """One row of the futures ledger."""

    at: int
    account: str
    type: str
    symbol: str
    amount: int
    tran_id: str
    event: int

    @property
    def flow_type(self) -> int:
        """The number of its type."""
        return FLOW_TYPES[self.type]


class Shelf:
    """The rows of one route, by time."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = sorted(rows, key=lambda row: row.at)
        self._at = [row.at for row in self.rows]

    def newest(
        self, start: int, end: int, now: int, limit: int, keep: Callable[[Row], bool]
    ) -> list[dict[str, Any]]:
        """The newest rows of [start, end], both inside, cut at `limit` without a word."""
        found: list[dict[str, Any]] = []
        low = bisect_left(self._at, start)
        for place in range(bisect_right(self._at, min(end, now)) - 1, low - 1, -1):
            row = self.rows[place]
            if row.seen_from <= now and keep(row):
                found.append(row.tell(now))
                if len(found) == limit:
                    break
        return found

    def until(self, now: int) -> Iterator[Row]:
        """Every row shown by then, oldest first."""
        return (row for row in self.rows[: bisect_right(self._at, now)] if row.seen_from <= now)


class Books:
    """The routes' rows of one life, and the truth about it."""

    def __init__(self, life: Life, uid: str, name: str = "") -> None:
        """`name`: what the account is called in moves from and to its sub-account, if any."""
        self.life, self.uid = life, uid
        self.events = life.events
        self.is_used = bool(life.events)
        self.scale = {asset.code: asset.scale for asset in life.plan.venue.assets}
        scale = self.scale["USDT"]
        self.sub_moves = list(moves_of(name, life.plan.end, scale)) if name else []
        copied = copied_fills(life.plan.end, is_busy=uid == MAIN)
        self.copied = list(copied) if self.is_used else []
        self._steps = self._running_balances()
        spot = [event for event in self.events if isinstance(event, SpotFill)]
        contract = [event for event in self.events if isinstance(event, ContractFill)]
        self.numbers = self._numbers_within_a_millisecond()
        self.fills = Shelf([self._fill_row(event) for event in spot])
        self.orders = Shelf(list(self._spot_orders(spot)))
        self.deposits = Shelf([self._deposit_row(e) for e in self._of(Deposit)])
        self.withdrawals = Shelf([self._withdrawal_row(e) for e in self._of(Withdrawal)])
        self.contract_fills = Shelf(
            [
                *(self._contract_row(event) for event in contract),
                *(self._copied_row(fill) for fill in self.copied),
            ]
        )
        self.contract_orders = Shelf(list(self._contract_orders(contract)))
        self.entries = sorted([*self._entries(), *self._copied_entries()], key=lambda e: e.at)
        self.entry_ids = self._entry_ids()
        self.ledger = Shelf([self._ledger_row(entry) for entry in self.entries])
        self.transfers = [
            event
            for event in self.events
            if isinstance(event, Transfer) and "futures" in (event.from_wallet, event.to_wallet)
        ]

    # -- what the numbers come from

    def _of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def _numbers_within_a_millisecond(self) -> dict[int, int]:
        numbers, last_at, number = {}, -1, 0
        for event in self.events:
            number = number + 1 if event.at == last_at else 0
            last_at = event.at
            numbers[event.seq] = number
        return numbers

    def _running_balances(self) -> dict[tuple[str, str], list[tuple[int, int]]]:
        steps: dict[tuple[str, str], list[tuple[int, int]]] = {}
        for move in self._all_movements():
            known = steps.setdefault((move.wallet, move.asset), [(0, 0)])
            known.append((move.at, known[-1][1] + move.amount))
        return steps

    def _all_movements(self) -> Iterator[Movement]:
        """Of the life, and of moves from and to the sub-account, by time."""
        between = [move.movement for move in self.sub_moves]
        return heapq.merge(self.life.movements(), between, key=lambda move: move.at)

    def subs(self, wallet: str, now: int) -> list[SubMove]:
        """Moves of that wallet from and to the sub-account, newest first."""
        return [m for m in self.sub_moves if m.wallet == wallet and m.at <= now][::-1]

    def balances(self, wallet: str, now: int) -> dict[str, int]:
        """Per coin ever held in that wallet, the balance at `now`."""
        found = {}
        for (place, asset), steps in self._steps.items():
            known = steps[bisect_right(steps, now, key=lambda step: step[0]) - 1]
            if place == wallet and known[0]:
                found[asset] = known[1]
        return found

    def text(self, code: str, amount: int, pad: int = 8) -> str:
        """An amount of that coin, padded as BitMart pads."""
        return exact(amount, self.scale[code], pad)

    # -- spot

    def _fill_row(self, fill: SpotFill) -> Row:
        number = big_id(fill.at, "fill", self.numbers[fill.seq])

        def tell(now: int) -> dict[str, Any]:
            order = big_id(fill.order_at, "order", fill.order)
            return {
                "tradeId": number,
                "orderId": order,
                "clientOrderId": "" if fill.order % 4 else order,
                "symbol": fill.market.symbol,
                "side": fill.side,
                "orderMode": "spot",
                "type": fill.order_type,
                "stpMode": "none",
                "price": exact(fill.price, fill.market.price_scale),
                "size": self.text(fill.market.base, fill.quantity, fill.market.quantity_scale),
                "notional": self.text(fill.market.quote, fill.quote_amount),
                "fee": self.text(fill.fee_asset, fill.fee),
                "feeCoinName": fill.fee_asset,
                "tradeRole": "maker" if fill.is_maker else "taker",
                "createTime": fill.at,
                "updateTime": fill.at,
            }

        return Row(fill.at, number, tell, fill.at, fill)

    def _spot_orders(self, fills: list[SpotFill]) -> Iterator[Row]:
        for _, grouped in groupby(fills, key=lambda fill: fill.order):
            yield self._spot_order(list(grouped))

    def _spot_order(self, fills: list[SpotFill]) -> Row:
        first, last = fills[0], fills[-1]
        market, number = first.market, big_id(first.order_at, "order", first.order)
        whole = sum(fill.quantity for fill in fills)
        worth = sum(fill.quote_amount for fill in fills)
        is_market = first.order_type == "market"
        # A market buy whose money was used up ends as if it had been cut short.
        is_cut = is_market and first.side == "buy"
        price = exact(first.price, market.price_scale, market.price_scale)

        def tell(now: int) -> dict[str, Any]:
            is_open = now < last.at
            done = [fill for fill in fills if fill.at <= now]
            size = sum(fill.quantity for fill in done)
            notional = sum(fill.quote_amount for fill in done)
            final = "partially_canceled" if is_cut else "filled"
            return {
                "orderId": number,
                "clientOrderId": number,
                "symbol": market.symbol,
                "side": first.side,
                "orderMode": "spot",
                "type": first.order_type,
                "state": ("partially_filled" if done else "new") if is_open else final,
                "cancelSource": "system" if is_cut and not is_open else "",
                "stpMode": "none",
                "price": exact(0, market.price_scale, market.price_scale) if is_market else price,
                "priceAvg": price if done else exact(0, market.price_scale, market.price_scale),
                "size": "0.00" if is_cut else self.text(market.base, whole, 2),
                "filledSize": self.text(market.base, size, 2),
                "notional": self.text(market.quote, 0 if is_market and not is_cut else worth),
                "filledNotional": self.text(market.quote, notional),
                "createTime": first.order_at,
                "updateTime": last.at,
            }

        return Row(first.order_at, number, tell, last.at, fills)

    def _deposit_row(self, event: Deposit) -> Row:
        number = str(40_100_000 + event.seq)

        def tell(now: int) -> dict[str, Any]:
            return self._money_row(
                event, now, deposit_id=number, net=event.amount, fee="0",
                tx=event.tx if event.done_at <= now else "",
            )  # fmt: skip

        return Row(event.at, f"{number}|", tell, event.at, event)

    def _withdrawal_row(self, event: Withdrawal) -> Row:
        number = str(22_800_000 + event.seq)

        def tell(now: int) -> dict[str, Any]:
            done = event.done_at <= now
            return self._money_row(
                event, now, withdraw_id=number, net=event.amount - event.fee,
                fee=self.text(event.asset, event.fee, 12),
                tx=event.tx if done and event.status == "completed" else "",
            )  # fmt: skip

        return Row(event.at, f"|{number}", tell, event.at, event)

    def _money_row(
        self, event: Deposit | Withdrawal, now: int, *, net: int, fee: str, tx: str,
        deposit_id: str = "", withdraw_id: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        working = WORKING if now > event.at + HOUR else WAITING
        status = STATUS[event.status] if event.done_at <= now else working
        return {
            "withdraw_id": withdraw_id,
            "deposit_id": deposit_id,
            "operation_type": "deposit" if deposit_id else "withdraw",
            "currency": currency(event.asset, event.network),
            "apply_time": event.at,
            "arrival_amount": self.text(event.asset, net, 12),
            "fee": fee,
            "status": status,
            "address": event.address,
            "address_memo": "" if event.seq % 5 else "104273",
            "tx_id": tx,
        }

    # -- futures

    def _contract_row(self, fill: ContractFill) -> Row:
        number = big_id(fill.at, "contract", self.numbers[fill.seq])

        def tell(now: int) -> dict[str, Any]:
            return {
                "order_id": self._contract_order_id(fill),
                "trade_id": number,
                "symbol": fill.contract.symbol,
                "side": _futures_side(fill),
                "price": exact(fill.price, fill.contract.price_scale),
                "vol": str(fill.quantity),
                "exec_type": "Maker" if fill.is_maker else "Taker",
                "profit": fill.realised_pnl > 0,
                "realised_profit": self.text(fill.contract.settle, fill.realised_pnl, 1),
                "paid_fees": self.text(fill.contract.settle, fill.fee, 1),
                "account": "futures",
                "create_time": fill.at,
            }

        return Row(fill.at, number, tell, fill.at, fill)

    @staticmethod
    def _contract_order_id(fill: ContractFill) -> str:
        return big_id(fill.order_at, "contract_order", fill.order)

    def _contract_orders(self, fills: list[ContractFill]) -> Iterator[Row]:
        for _, grouped in groupby(fills, key=lambda fill: fill.order):
            yield self._contract_order(list(grouped))

    def _contract_order(self, fills: list[ContractFill]) -> Row:
        first, last = fills[0], fills[-1]
        number = self._contract_order_id(first)
        is_market = first.order_type == "market"
        price = exact(first.price, first.contract.price_scale)

        def tell(now: int) -> dict[str, Any]:
            return {
                "order_id": number,
                "client_order_id": "",
                "price": "0" if is_market else price,
                "trigger_price": "0",
                "execution_price": "market" if is_market else price,
                "size": str(first.order_quantity),
                "symbol": first.contract.symbol,
                "state": 2 if now < last.at else 4,
                "side": _futures_side(first),
                "type": "liquidate" if is_liquidation(first) else first.order_type,
                "account": "futures",
                "position_mode": "hedge_mode",
                "leverage": "5",
                "open_type": "cross",
                "deal_avg_price": price if first.at <= now else "0",
                "deal_size": str(sum(fill.quantity for fill in fills if fill.at <= now)),
                "create_time": first.order_at,
                "update_time": last.at,
                "activation_price_type": 0,
                "activation_price": "",
                "callback_rate": "",
                "preset_take_profit_price_type": 0,
                "preset_stop_loss_price_type": 0,
                "preset_take_profit_price": "",
                "preset_stop_loss_price": "",
            }

        return Row(first.order_at, number, tell, last.at, fills)

    def _entries(self) -> Iterator[FuturesEntry]:
        for event in self.events:
            at, seq = event.at, event.seq
            if isinstance(event, Transfer):
                sign = 1 if event.to_wallet == "futures" else -1
                number = big_id(at, "transfer", self.numbers[seq])
                yield FuturesEntry(at, "futures", "Transfer", "", sign * event.amount, number, seq)
            elif isinstance(event, Funding):
                symbol = event.contract.symbol
                yield FuturesEntry(
                    at, "futures", "Funding Fee", symbol, event.amount, str(at), seq
                )
            elif isinstance(event, ContractFill):
                symbol, order = event.contract.symbol, self._contract_order_id(event)
                if event.realised_pnl:
                    name = "Liquidation Clearance" if is_liquidation(event) else "Realized PNL"
                    yield FuturesEntry(at, "futures", name, symbol, event.realised_pnl, order, seq)
                if event.fee:
                    yield FuturesEntry(
                        at, "futures", "Commission Fee", symbol, -event.fee, order, seq
                    )

        for move in self.sub_moves:
            if move.wallet == "futures":
                number = big_id(move.at, "transfer", 9)
                yield FuturesEntry(
                    move.at, "futures", "Transfer", "", move.amount, number, move.event
                )

    def _entry_ids(self) -> list[str]:
        """What a reader can tell the rows apart by: everything they say, and a count of twins."""
        seen: Counter[str] = Counter()
        ids = []
        for entry in self.entries:
            parts = (
                entry.account, entry.type, entry.symbol, "USDT", str(entry.at), entry.tran_id,
                self.text("USDT", entry.amount),
            )  # fmt: skip
            whole = "|".join(parts)
            seen[whole] += 1
            ids.append(whole if seen[whole] == 1 else f"{whole}|{seen[whole]}")
        return ids

    def _ledger_row(self, entry: FuturesEntry) -> Row:
        def tell(now: int) -> dict[str, Any]:
            return {
                "time": str(entry.at),
                "type": entry.type,
                "amount": self.text("USDT", entry.amount),
                "asset": "USDT",
                "symbol": entry.symbol,
                "tran_id": entry.tran_id,
                "flow_type": entry.flow_type,
                "account": entry.account,
            }

        return Row(entry.at, "", tell, entry.at, entry)

    def _copied_entries(self) -> Iterator[FuturesEntry]:
        """What copying another trader left in its own account: profits and fees."""
        unit = 10 ** (self.scale["USDT"] - FEE_SCALE)
        for fill in self.copied:
            order = fill.order_id
            if fill.profit:
                yield FuturesEntry(
                    fill.at, ACCOUNT, "Realized PNL", SYMBOL, fill.profit * unit, order, -1
                )
            yield FuturesEntry(
                fill.at, ACCOUNT, "Commission Fee", SYMBOL, -fill.fee * unit, order, -1
            )

    def _copied_row(self, fill: CopiedFill) -> Row:
        told = fill.told(exact(fill.profit, FEE_SCALE), exact(fill.fee, FEE_SCALE))
        return Row(fill.at, fill.trade_id, lambda now: told, fill.at, fill)

    def positions(self, now: int) -> list[dict[str, Any]]:
        """Contracts held at `now`, flat ones left out."""
        newest: dict[str, ContractFill] = {}
        for row in self.contract_fills.until(now):
            if isinstance(row.event, ContractFill):
                newest[row.event.contract.symbol] = row.event
        return [_position(fill, now) for fill in newest.values() if fill.position]

    # -- isolated margin: a loan, paid back in part, and a newer one

    def borrows(self, now: int) -> list[dict[str, Any]]:
        """Loans on the pair; their times are in seconds or milliseconds, as seen live."""
        rows = []
        for n, at in enumerate(self._loans()):
            if at <= now:
                days = min(now, at + 6 * DAY) - at
                rows.append(
                    {
                        "borrow_id": f"{at}aBcDeFgHiJkLm{n}",
                        "symbol": PAIR,
                        "currency": "USDT",
                        "borrow_amount": "100.00000000",
                        "daily_interest": "0.00055000",
                        "hourly_interest": "0.00002291",
                        "interest_amount": exact(55 * (1 + days // DAY), 3, 8),
                        "create_time": at // 1_000 if n else at,
                    }
                )
        return rows[::-1]

    def repayments(self, now: int) -> list[dict[str, Any]]:
        """What was paid back: principal and interest."""
        at = next(self._loans(), None)
        if at is None or at + 6 * DAY > now:
            return []
        return [
            {
                "repay_id": f"{at:032x}",
                "repay_time": at + 6 * DAY,
                "symbol": PAIR,
                "currency": "USDT",
                "repaid_amount": "50.38500000",
                "repaid_principal": "50.00000000",
                "repaid_interest": "0.38500000",
            }
        ]

    def _loans(self) -> Iterator[int]:
        if self.is_used:
            end = self.life.plan.end // 1_000 * 1_000
            yield from (end - 200 * DAY + 123, end - 30 * DAY)

    # -- truth

    def held(self, now: int) -> dict[str, int]:
        """Per coin, what pending withdrawals hold of the spot balance."""
        totals: dict[str, int] = defaultdict(int)
        for row in self.withdrawals.until(now):
            if row.event.done_at > now:
                totals[row.event.asset] += row.event.amount
        return totals

    def movements(self, now: int) -> Iterator[Movement]:
        """Every movement of the life up to `now`."""
        for move in self._all_movements():
            if move.at > now:
                return
            yield move


def is_liquidation(fill: ContractFill) -> bool:
    """Whether this closing loss was forced: some are."""
    return fill.realised_pnl < 0 and fill.order % 7 == 3


def _futures_side(fill: ContractFill) -> int:
    """Hedge mode: 1 open long, 2 close short, 3 close long, 4 open short."""
    closes = fill.realised_pnl != 0 or fill.position == 0
    if fill.side == "buy":
        return 2 if closes else 1
    return 3 if closes else 4


def _position(fill: ContractFill, now: int) -> dict[str, Any]:
    price = exact(fill.price, fill.contract.price_scale)
    value = fill.contract.size * abs(fill.position) * fill.price
    worth = exact(int(value), fill.contract.price_scale)
    return {
        "symbol": fill.contract.symbol,
        "leverage": "5",
        "timestamp": now,
        "current_fee": "0.1468",
        "open_timestamp": fill.at,
        "current_value": worth,
        "mark_value": worth,
        "mark_price": price,
        "position_value": worth,
        "position_cross": "73.04048",
        "maintenance_margin": "1.836",
        "margin_type": "Cross",
        "position_mode": "hedge_mode",
        "close_vol": "0",
        "close_avg_price": "0",
        "open_avg_price": price,
        "entry_price": price,
        "current_amount": str(abs(fill.position)),
        "unrealized_value": "1.88",
        "realized_value": "0",
        "position_type": 1 if fill.position > 0 else 2,
        "account": "futures",
    }


def as_rows(rows: list[dict[str, Any]]) -> bytes:
    """Rows as compact JSON."""
    return json.dumps(rows, separators=(",", ":")).encode()
