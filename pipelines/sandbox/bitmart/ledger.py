"""BitMart's records of one simulated account, and its ground truth.

The spot side has no ledger: fills, deposits and withdrawals are all there is of it. The futures
side has one, whose rows carry no id of their own: `tran_id` is the order's on profits and fees, so
the two rows of a fill share it, and the time on funding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

from pipelines.sandbox.bitmart import copied
from pipelines.sandbox.bitmart.copied import FEE_SCALE, CopiedFill, copied_fills
from pipelines.sandbox.bitmart.keys import MAIN
from pipelines.sandbox.bitmart.market import currency
from pipelines.sandbox.bitmart.subs import moves_of
from pipelines.sandbox.engine.account import (
    DAY,
    HOUR,
    ContractFill,
    Deposit,
    Funding,
    History,
    Movement,
    SpotFill,
    Transfer,
    Withdrawal,
    exact,
)
from pipelines.sandbox.engine.ledger import Entry, Ledger, iso
from pipelines.sandbox.engine.table import Table

EPOCH = 1_609_459_200_000
TAGS = {"fill": 1, "order": 2, "contract": 3, "contract_order": 4, "transfer": 5}
FLOW_TYPES = {
    "Transfer": 1, "Realized PNL": 2, "Funding Fee": 3, "Commission Fee": 4,
    "Liquidation Clearance": 5,
}  # fmt: skip
KINDS: dict[int, Any] = {
    1: "transfer", 2: "realised_pnl", 3: "funding", 4: "fee", 5: "realised_pnl",
}  # fmt: skip
STATUS = {"pending": 1, "completed": 3, "canceled": 4, "failed": 5}
WAITING, WORKING = 1, 2
COPY_WALLET = "futures_copy_trading"
PAIR = "ETH_USDT"
"""The pair with isolated margin."""


def big_id(at: int, tag: str, number: int) -> str:
    """An 18-digit id, beyond what a double holds, that grows with time."""
    return str((at - EPOCH) << 21 | TAGS[tag] << 18 | number & 0x3FFFF)


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


class BitMartLedger(Ledger):
    """The tables of one account. `name`: what transfers with a sub-account call it, if any."""

    records = ("spot_fills", "deposits", "withdrawals")
    wallets = ("spot", "futures")

    def __init__(self, history: History, uid: str, name: str = "") -> None:
        super().__init__(history, uid)
        end, usdt = history.plan.end, self.scales["USDT"]
        self.is_used = bool(history.events)
        self.sub_moves = list(moves_of(name, end, usdt)) if name else []
        self.copied = list(copied_fills(end, is_busy=uid == MAIN)) if self.is_used else []
        self.numbers = self._numbers_within_a_millisecond()
        spot, contract = self.of(SpotFill), self.of(ContractFill)
        orders = by_order(spot)
        contract_orders = by_order(contract)
        deposits, withdrawals = self.of(Deposit), self.of(Withdrawal)
        fills = [*contract, *self.copied]
        rows = sorted([*self._rows(), *self._copied_rows()], key=lambda row: row.at)
        moves = [row for row in rows if row.type == "Transfer" and row.event >= 0]
        self.tables = {
            "spot_fills": Table(
                spot, [big_id(f.at, "fill", self.numbers[f.seq]) for f in spot], self._fill,
                group=lambda fill: fill.market.symbol,
            ),
            "spot_orders": Table(
                orders, [big_id(own[0].order_at, "order", own[0].order) for own in orders],
                self._order, at=placed_at, shown_from=finished_at,
                group=lambda own: own[0].market.symbol,
            ),
            "deposits": Table(
                deposits, [f"{40_100_000 + e.seq}|" for e in deposits], self._deposit
            ),
            "withdrawals": Table(
                withdrawals, [f"|{22_800_000 + e.seq}" for e in withdrawals], self._withdrawal
            ),
            "futures_fills": Table(fills, [self._fill_id(fill) for fill in fills], self._contract),
            "futures_orders": Table(
                contract_orders, [contract_order_id(own[0]) for own in contract_orders],
                self._contract_order, at=placed_at, shown_from=finished_at,
            ),
            "futures_ledger": Table(rows, self._row_ids(rows), self._row),
            "transfers": Table(moves, [row.tran_id for row in moves], self._transfer),
            **{
                name: Table(own, [move.record_id for move in own], lambda move, *_: move.row)
                for name, own in (
                    ("sub_transfers", [m for m in self.sub_moves if m.wallet == "spot"]),
                    ("futures_sub_transfers", [m for m in self.sub_moves if m.wallet != "spot"]),
                )
            },
        }  # fmt: skip

    def _numbers_within_a_millisecond(self) -> dict[int, int]:
        numbers, last_at, number = {}, -1, 0
        for event in self.history.events:
            number = number + 1 if event.at == last_at else 0
            last_at = event.at
            numbers[event.seq] = number
        return numbers

    def text(self, code: str, amount: int, pad: int = 8) -> str:
        """An amount of that coin, padded as BitMart pads."""
        return exact(amount, self.scales[code], pad)

    # -- spot

    def _fill(self, fill: SpotFill, number: str, now: int) -> dict[str, Any]:
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

    def _order(self, fills: list[SpotFill], number: str, now: int) -> dict[str, Any]:
        first, is_open, market = fills[0], now < finished_at(fills), fills[0].market
        done = [fill for fill in fills if fill.at <= now]
        worth = sum(fill.quote_amount for fill in fills)
        is_market = first.order_type == "market"
        # A market buy whose money was used up ends as if it had been cut short.
        is_cut = is_market and first.side == "buy"
        zero, price = (
            exact(each, market.price_scale, market.price_scale) for each in (0, first.price)
        )
        final = "partially_canceled" if is_cut else "filled"
        size = sum(fill.quantity for fill in fills)
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
            "price": zero if is_market else price,
            "priceAvg": price if done else zero,
            "size": "0.00" if is_cut else self.text(market.base, size, 2),
            "filledSize": self.text(market.base, sum(fill.quantity for fill in done), 2),
            "notional": self.text(market.quote, 0 if is_market and not is_cut else worth),
            "filledNotional": self.text(market.quote, sum(fill.quote_amount for fill in done)),
            "createTime": first.order_at,
            "updateTime": finished_at(fills),
        }

    def _deposit(self, event: Deposit, number: str, now: int) -> dict[str, Any]:
        return self._money(event, number, now, event.amount, "0",
                           event.tx if event.done_at <= now else "")  # fmt: skip

    def _withdrawal(self, event: Withdrawal, number: str, now: int) -> dict[str, Any]:
        is_sent = event.done_at <= now and event.status == "completed"
        return self._money(event, number, now, event.amount - event.fee,
                           self.text(event.asset, event.fee, 12),
                           event.tx if is_sent else "")  # fmt: skip

    def _money(
        self, event: Deposit | Withdrawal, number: str, now: int, net: int, fee: str, tx: str
    ) -> dict[str, Any]:
        deposit_id, _, withdraw_id = number.partition("|")
        working = WORKING if now > event.at + HOUR else WAITING
        return {
            "withdraw_id": withdraw_id,
            "deposit_id": deposit_id,
            "operation_type": "deposit" if deposit_id else "withdraw",
            "currency": currency(event.asset, event.network),
            "apply_time": event.at,
            "arrival_amount": self.text(event.asset, net, 12),
            "fee": fee,
            "status": STATUS[event.status] if event.done_at <= now else working,
            "address": event.address,
            "address_memo": "" if event.seq % 5 else "104273",
            "tx_id": tx,
        }

    # -- futures

    def _fill_id(self, fill: ContractFill | CopiedFill) -> str:
        if isinstance(fill, CopiedFill):
            return fill.trade_id
        return big_id(fill.at, "contract", self.numbers[fill.seq])

    def _contract(
        self, fill: ContractFill | CopiedFill, number: str, now: int
    ) -> dict[str, Any]:
        if isinstance(fill, CopiedFill):
            return fill.row(exact(fill.profit, FEE_SCALE), exact(fill.fee, FEE_SCALE))
        return {
            "order_id": contract_order_id(fill),
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

    def _contract_order(self, fills: list[ContractFill], number: str, now: int) -> dict[str, Any]:
        first, last_at = fills[0], finished_at(fills)
        is_market = first.order_type == "market"
        price = exact(first.price, first.contract.price_scale)
        return {
            "order_id": number,
            "client_order_id": "",
            "price": "0" if is_market else price,
            "trigger_price": "0",
            "execution_price": "market" if is_market else price,
            "size": str(first.order_quantity),
            "symbol": first.contract.symbol,
            "state": 2 if now < last_at else 4,
            "side": _futures_side(first),
            "type": "liquidate" if is_liquidation(first) else first.order_type,
            "account": "futures",
            "position_mode": "hedge_mode",
            "leverage": "5",
            "open_type": "cross",
            "deal_avg_price": price if first.at <= now else "0",
            "deal_size": str(sum(fill.quantity for fill in fills if fill.at <= now)),
            "create_time": first.order_at,
            "update_time": last_at,
            "activation_price_type": 0,
            "activation_price": "",
            "callback_rate": "",
            "preset_take_profit_price_type": 0,
            "preset_stop_loss_price_type": 0,
            "preset_take_profit_price": "",
            "preset_stop_loss_price": "",
        }

    def _rows(self) -> Iterator[FuturesEntry]:
        for event in self.of(Transfer, Funding, ContractFill):
            at, seq = event.at, event.seq
            if isinstance(event, Transfer):
                amount = event.amount if event.to_wallet == "futures" else -event.amount
                number = big_id(at, "transfer", self.numbers[seq])
                yield FuturesEntry(at, "futures", "Transfer", "", amount, number, seq)
                continue
            symbol = event.contract.symbol
            if isinstance(event, Funding):
                yield FuturesEntry(
                    at, "futures", "Funding Fee", symbol, event.amount, str(at), seq
                )
                continue
            profit = "Liquidation Clearance" if is_liquidation(event) else "Realized PNL"
            order = contract_order_id(event)
            for name, amount in ((profit, event.realised_pnl), ("Commission Fee", -event.fee)):
                if amount:
                    yield FuturesEntry(at, "futures", name, symbol, amount, order, seq)
        for move in self.sub_moves:
            if move.wallet == "futures":
                number = big_id(move.at, "transfer", 9)
                yield FuturesEntry(
                    move.at, "futures", "Transfer", "", move.amount, number, move.event
                )

    def _copied_rows(self) -> Iterator[FuturesEntry]:
        """Profits and fees of copy trading, in its own account."""
        unit = 10 ** (self.scales["USDT"] - FEE_SCALE)
        for fill in self.copied:
            for name, amount in (("Realized PNL", fill.profit), ("Commission Fee", -fill.fee)):
                if amount or name == "Commission Fee":
                    yield FuturesEntry(
                        fill.at, copied.ACCOUNT, name, copied.SYMBOL, amount * unit,
                        fill.order_id, -1,
                    )  # fmt: skip

    def _row_ids(self, rows: list[FuturesEntry]) -> list[str]:
        """The identity of a row: all its fields, and a count of duplicates."""
        seen: Counter[str] = Counter()
        ids = []
        for row in rows:
            parts = (
                row.account, row.type, row.symbol, "USDT", str(row.at), row.tran_id,
                self.text("USDT", row.amount),
            )  # fmt: skip
            whole = "|".join(parts)
            seen[whole] += 1
            ids.append(whole if seen[whole] == 1 else f"{whole}|{seen[whole]}")
        return ids

    def _row(self, row: FuturesEntry, number: str, now: int) -> dict[str, Any]:
        return {
            "time": str(row.at),
            "type": row.type,
            "amount": self.text("USDT", row.amount),
            "asset": "USDT",
            "symbol": row.symbol,
            "tran_id": row.tran_id,
            "flow_type": row.flow_type,
            "account": row.account,
        }

    def _transfer(self, row: FuturesEntry, number: str, now: int) -> dict[str, Any]:
        return {
            "transfer_id": number,
            "currency": "USDT",
            "amount": exact(abs(row.amount), self.scales["USDT"]),
            "type": "spot_to_contract" if row.amount > 0 else "contract_to_spot",
            "state": "FINISHED",
            "timestamp": row.at,
        }

    def positions(self, now: int) -> list[dict[str, Any]]:
        """Contracts held at `now`, flat ones left out."""
        newest: dict[str, ContractFill] = {}
        for fill, _ in self.shown("futures_fills", ContractFill, now):
            newest[fill.contract.symbol] = fill
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
        """Repayments: principal and interest."""
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
            end = self.history.plan.end // 1_000 * 1_000
            yield from (end - 200 * DAY + 123, end - 30 * DAY)

    # -- ground truth

    def entries(self) -> Iterator[Entry]:
        """Spot movements with the record of each; the futures ledger's rows for the others."""
        rows = self.tables["futures_ledger"]
        ids = self.record_ids()
        moved = {
            row.event: record
            for row, record in zip(rows.events, rows.ids, strict=True)
            if row.type == "Transfer"
        }
        for move in self.history.movements():
            if move.wallet == "spot":
                record = ids.get(id(self.history.events[move.event])) or moved.get(move.event)
                yield Entry(move, str(move.event), record)
        for sub in self.sub_moves:
            if sub.wallet == "spot":
                yield Entry(sub.movement, str(sub.event), sub.record_id)
        for row, record in zip(rows.events, rows.ids, strict=True):
            wallet = "futures" if row.account == "futures" else COPY_WALLET
            fee = -row.amount if row.flow_type in (3, 4) else 0
            move = Movement(
                row.at, wallet, "USDT", row.amount, KINDS[row.flow_type], row.event, 0, fee
            )
            yield Entry(move, str(row.event), record)

    def deposits(self, now: int) -> list[dict[str, Any]]:
        """BitMart does not state the time of arrival."""
        return [
            self.money(event, record, now, completed_at=None)
            | ({} if event.done_at <= now else {"tx_hash": None})
            for event, record in self.shown("deposits", Deposit, now)
        ]

    def withdrawals(self, now: int) -> list[dict[str, Any]]:
        return [row | {"completed_at": None} for row in super().withdrawals(now)]

    def trades(self, now: int) -> list[dict[str, Any]]:
        spot = self.shown("spot_fills", SpotFill, now)
        return [self.spot_fill(fill, record) for fill, record in spot] + [
            self._copied_fill(fill) if isinstance(fill, CopiedFill)
            else self.contract_fill(fill, number, **quantities(
                fill.contract.size * fill.quantity,
                exact(fill.price, fill.contract.price_scale),
            ))
            for fill, number in self.tables["futures_fills"].until(now)
        ]  # fmt: skip

    def _copied_fill(self, fill: CopiedFill) -> dict[str, Any]:
        return {
            "record_id": fill.trade_id,
            "event_id": "-1",
            "product_type": "linear",
            "market": copied.SYMBOL,
            "side": "buy" if fill.side < 3 else "sell",
            "base_asset": copied.BASE,
            "quote_asset": copied.QUOTE,
            "price": copied.PRICE,
            "fee_amount": exact(fill.fee, FEE_SCALE),
            "fee_asset": copied.QUOTE,
            "is_maker": False,
            "traded_at": iso(fill.at),
        } | quantities(copied.SIZE * copied.CONTRACTS, copied.PRICE)

    def transfers(self, now: int) -> list[dict[str, Any]]:
        """Transfers between spot and futures, and with the sub-account."""
        rows = self.tables["futures_ledger"]
        own = [
            _moved(str(row.event), record, row.amount, self.scales["USDT"], row.at)
            | {"from_wallet": "spot" if row.amount > 0 else "futures",
               "to_wallet": "futures" if row.amount > 0 else "spot"}
            for row, record in rows.until(now)
            if row.type == "Transfer" and row.event >= 0
        ]  # fmt: skip
        return own + [
            _moved(str(sub.event), sub.record_id, sub.amount, sub.scale, sub.at)
            | {"from_wallet": sub.wallet if sub.amount < 0 else None,
               "to_wallet": sub.wallet if sub.amount > 0 else None}
            for sub in self.sub_moves
            if sub.at <= now
        ]  # fmt: skip

    def counts(self, now: int) -> dict[str, int]:
        counts = super().counts(now)
        return counts | {
            "deposit_withdraw_history": counts["deposits"] + counts["withdrawals"],
            "margin_borrows": len(self.borrows(now)),
            "margin_repayments": len(self.repayments(now)),
        }


def by_order(fills: list[Any]) -> list[list[Any]]:
    """The fills of each order."""
    return [list(own) for _, own in groupby(fills, key=lambda fill: fill.order)]


def placed_at(fills: list[Any]) -> int:
    """When an order was placed."""
    return int(fills[0].order_at)


def finished_at(fills: list[Any]) -> int:
    """When an order was filled; lists of finished orders show it from then on."""
    return int(fills[-1].at)


def contract_order_id(fill: ContractFill) -> str:
    """The id of a futures order."""
    return big_id(fill.order_at, "contract_order", fill.order)


def quantities(quantity: Decimal, price: str) -> dict[str, str]:
    """Base and quote quantity of a futures fill."""
    return {
        "base_quantity": format(quantity.normalize(), "f"),
        "quote_quantity": format((quantity * Decimal(price)).normalize(), "f"),
    }


def _moved(event: str, record: str, amount: int, scale: int, at: int) -> dict[str, Any]:
    return {
        "record_id": record, "event_id": event, "asset": "USDT",
        "amount": exact(abs(amount), scale), "at": iso(at),
    }  # fmt: skip


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
