"""From a BitMEX account's plan to its ledger: executions first, wallet rows derived from them.

How profit reaches the wallet changed over the years, and a wallet row is written in the way of its
own day (see `Regime`). Whatever the way, per currency the sum of completed amounts is the balance,
and minus the executions' cost and commission from opening to closing a position is its profit.
"""

from __future__ import annotations

import gc
import hashlib
import random
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import groupby
from typing import Any

from pipelines.sandbox.bitmex.keys import iso
from pipelines.sandbox.bitmex.lists import Row, table_of
from pipelines.sandbox.bitmex.market import (
    AAVE_QUANTO,
    CLOSED_AT,
    MINOR,
    PERPETUALS,
    Market,
    decimal_text,
    funding_ppm,
    nearest,
)
from pipelines.sandbox.bitmex.plan import (
    MIGRATED_AT,
    Deposit,
    Fill,
    LedgerPlan,
    Order,
    Step,
    Transfer,
    Withdrawal,
    draw,
    guid,
    moment,
)
from pipelines.sandbox.engine.history import NEVER
from pipelines.sandbox.engine.table import Table

MARKED_AT = moment("2023-04-11T12:00")
"""From here open positions are marked to the market, and the change is realised."""
FEES_SHOWN_AT = moment("2024-09-03")
ORDERS_SHOWN_AT = moment("2024-09-04")
FUNDING_SHOWN_AT = moment("2024-10-01T12:00")
CHAIN_SHOWN_AT = moment("2024-10-01")
"""From here deposits and withdrawals carry network, address and the hash of the transaction."""
EMPTY_IDS_AT = moment("2021-01-01")
MISSING_IDS_AT = moment("2024-01-01")
"""A forced order had an all-zero id, then an empty one, then none."""
MAKERS_PAY_AT = moment("2022-01-01")
ZERO_GUID = "00000000-0000-0000-0000-000000000000"


class Regime(IntEnum):
    """How profit is written into the wallet."""

    DAILY = 0
    """One row per currency, symbol and day, net of fees and funding."""
    EVENTS = 1
    """One row per fill, funding or rebalance, without a fee."""
    FEES = 2
    """The same with its fee; funding is still called RealisedPNL."""
    FUNDING = 3
    """Funding has its own type."""

    @classmethod
    def at(cls, when: int) -> Regime:
        """The regime in force at a moment, Unix ms."""
        if when < MIGRATED_AT:
            return cls.DAILY
        if when < FEES_SHOWN_AT:
            return cls.EVENTS
        return cls.FEES if when < FUNDING_SHOWN_AT else cls.FUNDING


@dataclass(slots=True)
class Position:
    """One symbol's position: signed contracts and their signed cost."""

    market: Market
    quantity: int = 0
    cost: int = 0
    times: array[int] = field(default_factory=lambda: array("q"))
    quantities: array[int] = field(default_factory=lambda: array("q"))
    costs: array[int] = field(default_factory=lambda: array("q"))
    markets: list[Market] = field(default_factory=list)

    def note(self, at: int) -> None:
        """Remember the state after a change, for questions about the past."""
        self.times.append(at)
        self.quantities.append(self.quantity)
        self.costs.append(self.cost)
        self.markets.append(self.market)

    def at(self, now: int) -> tuple[Market, int, int] | None:
        """Market, quantity and cost at a moment; None before the first trade."""
        place = bisect_right(self.times, now) - 1
        if place < 0:
            return None
        return self.markets[place], self.quantities[place], self.costs[place]

    def take(self, quantity: int, cost: int) -> int:
        """Add a signed execution; the profit it realises, before commission."""
        if self.quantity == 0 or (self.quantity > 0) == (quantity > 0):
            self.quantity += quantity
            self.cost += cost
            return 0
        closing = min(abs(quantity), abs(self.quantity))
        leaving = nearest(self.cost * closing, abs(self.quantity))
        coming = nearest(cost * closing, abs(quantity))
        self.quantity += quantity
        self.cost += cost - coming - leaving if closing < abs(quantity) else -leaving
        if self.quantity == 0:
            leaving, self.cost = leaving + self.cost, 0
        return -(leaving + coming)


@dataclass(slots=True)
class Totals:
    """Running sums of one group of wallet rows."""

    times: array[int] = field(default_factory=lambda: array("q"))
    amounts: list[int] = field(default_factory=lambda: [0])
    fees: list[int] = field(default_factory=lambda: [0])

    def add(self, at: int, amount: int, fee: int) -> None:
        """Count a row; they come by time."""
        self.times.append(at)
        self.amounts.append(self.amounts[-1] + amount)
        self.fees.append(self.fees[-1] + fee)

    def between(self, since: int | None, until: int) -> tuple[int, int, int]:
        """Number of rows, amount and fee with since <= time <= until."""
        low = 0 if since is None else bisect_left(self.times, since)
        high = bisect_right(self.times, until)
        return (
            max(0, high - low),
            self.amounts[high] - self.amounts[low],
            self.fees[high] - self.fees[low],
        )


@dataclass(slots=True)
class Entry:
    """A wallet row before it is text. `symbol` only for profit; `done` when it moved money."""

    at: int
    address: str
    number: int
    currency: str
    type: str
    symbol: str
    amount: int
    fee: int
    done: bool
    row: bytes


@dataclass(frozen=True, kw_only=True)
class Account:
    """Everything about one account; rows are times, JSON and until when another replaces them."""

    plan: LedgerPlan
    executions: Table
    wallet: dict[str, Table]
    """Wallet rows per currency, and under 'all', each state of a withdrawal included."""
    orders: Table
    """Every state of every order."""
    placed: list[Order]
    """Orders by the moment of their last change."""
    withdrawals: list[Withdrawal]
    positions: dict[str, Position]
    totals: dict[tuple[str, str, str], Totals]
    """Completed rows by currency, type and (for profit) symbol."""
    balances: dict[str, Totals]
    incoming: dict[str, Totals]
    outgoing: dict[str, Totals]

    def balance(self, currency: str, now: int) -> int:
        """The wallet balance of a currency at a moment."""
        totals = self.balances.get(currency)
        return totals.between(None, now)[1] if totals else 0

    def currencies(self, now: int) -> list[str]:
        """Currencies that have had a row by now, in the order of their first."""
        return [c for c, t in self.balances.items() if t.times and t.times[0] <= now]

    def open_positions(self, now: int) -> Iterator[tuple[Market, int, int, int]]:
        """Market, quantity, cost and unrealised profit of every open position."""
        for symbol in sorted(self.positions):
            state = self.positions[symbol].at(now)
            if state and state[1]:
                market, quantity, cost = state
                value = market.cost(quantity, market.price_at(now))
                yield market, quantity, cost, value - cost

    def pending_debit(self, currency: str, now: int) -> int:
        """The amount of pending withdrawals."""
        return sum(
            w.amount for w in self.withdrawals
            if w.currency == currency and w.asked_at <= now < w.done_at
        )  # fmt: skip


# -- rows as text ------------------------------------------------------------------------------


def _wallet_row(account: int, entry_id: str, fields: str) -> bytes:
    return f'{{"transactID":"{entry_id}","account":{account},{fields}}}'.encode()


def withdrawal_row(
    plan: LedgerPlan, withdrawal: Withdrawal, status: str, at: int, balance: int
) -> bytes:
    """A withdrawal in one of its states; `timestamp` is the start of that state."""
    tx = f'"tx":"{withdrawal.tx}",' if withdrawal.tx and status == "Completed" else ""
    return _wallet_row(plan.account, withdrawal.id, (
        f'"currency":"{withdrawal.currency}","network":"{withdrawal.network}",'
        f'"transactType":"Withdrawal","amount":{-withdrawal.amount},"fee":{withdrawal.fee},'
        f'"transactStatus":"{status}","address":"{withdrawal.address}",{tx}'
        f'"transactTime":"{iso(withdrawal.asked_at)}","walletBalance":{balance},'
        f'"timestamp":"{iso(at)}"'
    ))  # fmt: skip


def order_row(account: int, order: Order, now: int) -> Row:
    """An order as it stands at `now`, and when it last changed."""
    at, done, paid = order.submitted_at, 0, 0
    for change in order.changes:
        if change[0] > now:
            break
        at, done, paid = change
    ended = bool(order.ended_at) and now >= order.ended_at
    if ended:
        status, at = order.status, order.ended_at
    else:
        status = "PartiallyFilled" if done else "New"
    market, text = order.market, order.text.replace("\n", "\\n")
    rejected = status == "Rejected"
    left = 0 if ended else order.quantity - done
    average = f'"avgPx":{_average(paid, done, market.digits)},' if done else ""
    price = f'"price":{decimal_text(order.price, market.digits)},' if order.price else ""
    what = "" if rejected else (
        f'"side":"{"Buy" if order.sign > 0 else "Sell"}","orderQty":{order.quantity},'
    )  # fmt: skip
    reason = "Order would not reduce the position" if rejected else ""
    row = (
        f'{{"orderID":"{order.id}","clOrdID":"","clOrdLinkID":"","account":{account},'
        f'"symbol":"{market.symbol}",{what}{price}"pegPriceType":"","currency":"{market.quote}",'
        f'{_settled(market)}"ordType":"{"Limit" if order.is_limit else "Market"}",'
        f'"timeInForce":"GoodTillCancel","execInst":"{"Close" if rejected else ""}",'
        f'"contingencyType":"","ordStatus":"{status}","triggered":"",'
        f'"workingIndicator":{"false" if ended else "true"},"ordRejReason":"{reason}",'
        f'"leavesQty":{left},"cumQty":{done},{average}"text":"{text}","strategy":"OneWay",'
        f'"transactTime":"{iso(order.submitted_at)}","timestamp":"{iso(at)}"}}'
    )
    return at, row.encode()


def script(value: float) -> str:
    """A float as the exchange's JavaScript writes it: noise and all, but no fraction of zero."""
    return str(int(value)) if value == int(value) else repr(value)


def _settled(market: Market) -> str:
    return f'"settlCurrency":"{market.settle}",' if market.settle else ""


def _average(paid: int, done: int, digits: int) -> str:
    """The average price, to four more digits than the price has."""
    return decimal_text(nearest(paid * 10_000, done), digits + 4)


# -- bookkeeping -------------------------------------------------------------------------------


class Bookkeeper:
    """Goes through an account's happenings once, by time, and writes its ledger."""

    def __init__(self, plan: LedgerPlan) -> None:
        self.plan = plan
        self.rng = random.Random(f"bitmex books {plan.seed} {plan.account}")
        self.entries: list[Entry] = []
        self.execution_times = array("q")
        self.executions: list[bytes] = []
        self.balance: dict[str, int] = defaultdict(int)
        self.positions: dict[str, Position] = {}
        self.day: dict[tuple[str, str], int] = defaultdict(int)
        self.withdrawals: list[Withdrawal] = []
        self.exec_number = 0x41AA0000
        self.transact_number = 0x10A00000

    def keep(self) -> Account:
        """The finished ledger."""
        happenings, orders = draw(self.plan)
        steps: dict[Step, Callable[[int, Any], None]] = {
            Step.BATCH: self._batch, Step.REBALANCE: self._rebalance, Step.DEPOSIT: self._deposit,
            Step.WITHDRAWAL_ASKED: self._asked, Step.WITHDRAWAL_DONE: self._done,
            Step.TRANSFER: self._transfer, Step.PAYOUT: self._payout,
            Step.CONVERSION: self._convert, Step.FILL: self._fill, Step.FUNDING: self._fund,
            Step.EXPIRY: self._expire, Step.CLOSURE: self._close,
        }  # fmt: skip
        for at, _, step, what in happenings:
            steps[step](at, what)
        return self._finish(orders)

    # -- ids

    def _exec_id(self, at: int) -> str:
        if at < MIGRATED_AT:
            return guid(self.rng)
        self.exec_number += 1 + int(self.rng.random() * 900)
        return f"00000000-006d-1000-0000-{self.exec_number:012x}"

    def _transact_id(self, at: int) -> str:
        if at < MIGRATED_AT:
            return guid(self.rng)
        self.transact_number += 1 + int(self.rng.random() * 900)
        return f"00000000-0077-1000-0000-{self.transact_number:012x}"

    # -- wallet

    def _enter(
        self, at: int, currency: str, kind: str, amount: int, *, fee: int | None = None,
        address: str = "", symbol: str = "", tx: str = "", text: str = "", order: str = "",
        network: str = "", effective: int | None = None, balance: int | None = None,
    ) -> None:  # fmt: skip
        """One completed wallet row. `effective` is its transactTime where that differs."""
        self.balance[currency] += amount
        shown = self.balance[currency] if balance is None else balance
        extra = f',"fee":{fee}' if fee is not None else ""
        extra += f',"address":"{address}"' if address else ""
        extra += f',"tx":"{tx}"' if tx else ""
        extra += f',"text":"{text}"' if text else ""
        extra += f',"orderID":"{order}"' if order else ""
        chain = f'"network":"{network}",' if network else ""
        time = iso(at)
        since = time if effective is None else iso(effective)
        # The last daily batch is booked just after the migration, for a day before it.
        entry_id = self._transact_id(at if effective is None else effective - 1)
        row = _wallet_row(self.plan.account, entry_id, (
            f'"currency":"{currency}",{chain}"transactType":"{kind}","amount":{amount},'
            f'"walletBalance":{shown},"transactStatus":"Completed"{extra},'
            f'"transactTime":"{since}","timestamp":"{time}"'
        ))  # fmt: skip
        self._keep(Entry(at, address, 0, currency, kind, symbol, amount, fee or 0, True, row))

    def _keep(self, entry: Entry) -> None:
        entry.number = len(self.entries)
        self.entries.append(entry)

    def _realise(
        self, at: int, market: Market, amount: int, fee: int, *, order: str = "",
        funding: bool = False,
    ) -> None:  # fmt: skip
        """Profit (net of `fee`) of one event, written as that day wrote it."""
        regime = Regime.at(at)
        if regime is Regime.DAILY:
            self.day[market.settle, market.symbol] += amount
            return
        own_type = funding and regime is Regime.FUNDING
        self._enter(
            at, market.settle, "Funding" if own_type else "RealisedPNL", amount,
            fee=fee if regime >= Regime.FEES else None, address=market.symbol,
            symbol="" if own_type else market.symbol,
            order=order if at >= ORDERS_SHOWN_AT else "",
        )  # fmt: skip

    def _batch(self, at: int, _: object) -> None:
        """The daily settlement at noon: a row for each currency and symbol that had activity."""
        if at >= MARKED_AT:
            self._mark(at - 1)  # still within the day that the batch is for
        if not self.day:
            return
        tx, booked = guid(self.rng), at + self.rng.randint(50, 500)
        after = dict(self.balance)
        for (currency, _symbol), amount in self.day.items():
            after[currency] = after.get(currency, 0) + amount
        for (currency, symbol), amount in sorted(self.day.items()):
            self._enter(booked, currency, "RealisedPNL", amount, fee=0, address=symbol,
                        symbol=symbol, tx=tx, effective=at, balance=after[currency])  # fmt: skip
        self.day.clear()

    def _mark(self, at: int) -> None:
        for position in self.positions.values():
            self._mark_one(at, position)

    def _mark_one(self, at: int, position: Position) -> None:
        """Move a position's profit so far into the wallet; its cost becomes its value."""
        if not position.quantity:
            return
        market = position.market
        value = market.cost(position.quantity, market.price_at(at))
        profit, position.cost = value - position.cost, value
        position.note(at)
        self._realise(at, market, profit, 0)

    def _rebalance(self, at: int, _: object) -> None:
        """Between migration and the day fees were shown, rebalances had rows of their own."""
        if Regime.at(at) is Regime.EVENTS:
            self._mark(at)

    # -- money

    def _deposit(self, at: int, deposit: Deposit) -> None:
        amount = deposit.amount
        if deposit.floor:
            amount += max(0, deposit.floor - self.balance[deposit.currency])
        if at < CHAIN_SHOWN_AT:
            self._enter(at, deposit.currency, "Deposit", amount)
            return
        tx = ("" if deposit.network != "eth" else "0x") + f"{self.rng.getrandbits(256):064x}"
        self._enter(at, deposit.currency, "Deposit", amount, network=deposit.network, tx=tx)

    def _asked(self, at: int, withdrawal: Withdrawal) -> None:
        held = max(0, self.balance[withdrawal.currency])
        withdrawal.amount = held * withdrawal.share_ppm // 1_000_000 + withdrawal.fee
        if at >= MIGRATED_AT:
            withdrawal.id = self._transact_id(at)
        if at >= CHAIN_SHOWN_AT:
            prefix = "0x" if withdrawal.network == "eth" else ""
            withdrawal.tx = prefix + f"{self.rng.getrandbits(256):064x}"
        elif at < EMPTY_IDS_AT and self.rng.random() < 0.5:
            withdrawal.tx = f"3BMEX{self.rng.getrandbits(140):035x}"[:34]
        self.withdrawals.append(withdrawal)

    def _done(self, at: int, withdrawal: Withdrawal) -> None:
        """A withdrawal's end; a canceled one stays in the list with its would-be amount."""
        currency, done = withdrawal.currency, withdrawal.completes
        if done:
            self.balance[currency] -= withdrawal.amount
        status = "Completed" if done else "Canceled"
        row = withdrawal_row(self.plan, withdrawal, status, at, self.balance[currency])
        self._keep(Entry(at, withdrawal.address, 0, currency, "Withdrawal", "",
                         -withdrawal.amount, withdrawal.fee, done, row))  # fmt: skip

    def _transfer(self, at: int, transfer: Transfer) -> None:
        fee = 0 if transfer.address == "0" and at > moment("2020-01-01") else None
        self._enter(at, transfer.currency, transfer.type, transfer.amount, fee=fee,
                    address=transfer.address, tx=transfer.tx, text=transfer.text)  # fmt: skip

    def _payout(self, at: int, amount: int) -> None:
        self._enter(at, "XBt", "AffiliatePayout", amount, fee=0, tx=guid(self.rng))

    def _convert(self, at: int, what: tuple[str, int, int]) -> None:
        """Two rows some milliseconds apart; the cost hides in the rate."""
        given, amount, _ = what
        price = PERPETUALS[0].price_at(at)  # US dollars, one decimal place
        if given == "XBt":
            taken, got = amount, amount * price * 997 // (10 * 100 * 1000)
        else:
            taken, got = amount, amount * 10 * 100 * 997 // (price * 1000)
        taker = "USDt" if given == "XBt" else "XBt"
        if self.balance[given] < taken:
            given, taker, taken, got = taker, given, got, taken
        if self.balance[given] < taken:
            return
        later = at + self.rng.randint(2, 40)
        self._enter(at, given, "Conversion", -taken, address="XBTUSDT")
        self._enter(later, taker, "Conversion", got, address="XBTUSDT")

    # -- trading

    def _fill(self, at: int, fill: Fill) -> None:
        order, market = fill.order, fill.order.market
        price = self._fill_price(at, order)
        signed = order.sign * fill.quantity
        cost = market.cost(signed, price)
        done, paid = self._progress(at, order, fill.quantity, price)
        rate = market.maker_ppm if fill.is_maker else market.taker_ppm
        if at < MAKERS_PAY_AT and market is not AAVE_QUANTO:
            rate = -250 if fill.is_maker else 750  # makers were paid in those years
        fee = nearest(abs(cost) * rate, 1_000_000)
        exec_id = self._exec_id(at)
        profit = None
        if market.shape == "spot":
            self._swap(at, market, order, fill.quantity, cost)
        else:
            profit = self._positioned(at, market, signed, cost)
        self._write_fill(at, exec_id, fill, price, done, paid, cost, rate, fee, profit)
        if profit is not None:
            order_id = "" if order.nameless else order.id
            self._realise(at, market, profit - fee, fee, order=order_id)

    def _fill_price(self, at: int, order: Order) -> int:
        if not order.is_limit:
            return max(1, order.market.price_at(at) + int(self.rng.random() * 19) - 9)
        if not order.price:
            order.price = order.market.price_at(order.submitted_at)
        return order.price

    def _progress(self, at: int, order: Order, quantity: int, price: int) -> tuple[int, int]:
        """Filled so far, and the sum of quantity x price, after this fill."""
        done, paid = order.changes[-1][1:] if order.changes else (0, 0)
        done, paid = done + quantity, paid + quantity * price
        order.changes.append((at, done, paid))
        if done == order.quantity:
            order.ended_at = at
        return done, paid

    def _positioned(self, at: int, market: Market, quantity: int, cost: int) -> int:
        position = self.positions.get(market.symbol)
        if position is None:
            position = self.positions[market.symbol] = Position(market)
        position.market = market
        profit = position.take(quantity, cost)
        position.note(at)
        return profit

    def _swap(self, at: int, market: Market, order: Order, quantity: int, cost: int) -> None:
        """The two wallet rows of a spot fill."""
        base, quote = MINOR[market.root], MINOR[market.quote]
        shown = order.id if at >= ORDERS_SHOWN_AT else ""
        legs = [(base, order.sign * quantity), (quote, -cost)]
        for currency, amount in legs if order.sign < 0 else legs[::-1]:
            self._enter(at, currency, "SpotTrade", amount, fee=0, address=market.symbol,
                        order=shown)  # fmt: skip

    def _write_fill(
        self, at: int, exec_id: str, fill: Fill, price: int, done: int, paid: int, cost: int,
        rate: int, fee: int, profit: int | None,
    ) -> None:  # fmt: skip
        order, market = fill.order, fill.order.market
        digits, time = market.digits, iso(at)
        home, foreign = market.notionals(order.sign * fill.quantity, price, cost)
        px = decimal_text(price, digits)
        limit = decimal_text(order.price or price, digits)
        left = order.quantity - done
        order_id = self._order_id(at, "" if order.nameless else order.id)
        kind = ""
        if at >= MIGRATED_AT:
            kind = f'"feeType":"{"Maker" if fill.is_maker else "Taker"}",'
            if profit and at >= FEES_SHOWN_AT:
                kind += f'"realisedPnl":{profit},'
            kind += '"strategy":"OneWay",'
        text = order.text.replace("\n", "\\n")
        self._write(at, (
            f'{{"execID":"{exec_id}",{order_id}"clOrdID":"","clOrdLinkID":"",'
            f'"account":{self.plan.account},"symbol":"{market.symbol}",'
            f'"side":"{"Buy" if order.sign > 0 else "Sell"}","lastQty":{fill.quantity},'
            f'"lastPx":{px},"lastLiquidityInd":'
            f'"{"AddedLiquidity" if fill.is_maker else "RemovedLiquidity"}",'
            f'"orderQty":{order.quantity},"price":{limit},"pegPriceType":"",'
            f'"currency":"{market.quote}",{_settled(market)}"execType":"Trade",'
            f'"ordType":"{"Limit" if order.is_limit else "Market"}",'
            f'"timeInForce":"GoodTillCancel","execInst":"","contingencyType":"",'
            f'"ordStatus":"{"PartiallyFilled" if left else "Filled"}","triggered":"",'
            f'"workingIndicator":{"true" if left else "false"},"ordRejReason":"",'
            f'"leavesQty":{left},"cumQty":{done},"avgPx":{_average(paid, done, digits)},'
            f'"commission":{decimal_text(rate, 6)},"tradePublishIndicator":"PublishTrade",'
            f'"text":"{text}","trdMatchID":"{self._exec_id(at)}","execCost":{cost},'
            f'"execComm":{fee},"homeNotional":{script(home)},'
            f'"foreignNotional":{script(foreign)},{kind}'
            f'"transactTime":"{time}","timestamp":"{time}"}}'
        ))  # fmt: skip

    def _write(self, at: int, row: str) -> None:
        self.execution_times.append(at)
        self.executions.append(row.encode())

    def _order_id(self, at: int, order: str) -> str:
        """The field; for forced orders: all zeros to 2020, empty to 2023, then left out."""
        if order:
            return f'"orderID":"{order}",'
        if at < EMPTY_IDS_AT:
            return f'"orderID":"{ZERO_GUID}",'
        return '"orderID":"",' if at < MISSING_IDS_AT else ""

    def _fund(self, at: int, hour: int) -> None:
        """Funding of every perpetual held; the match id is one for all of them."""
        match = hashlib.blake2b(f"funding {hour}".encode(), digest_size=16).hexdigest()
        match = f"{match[:8]}-{match[8:12]}-{match[12:16]}-{match[16:20]}-{match[20:]}"
        if hour >= CLOSED_AT:
            return
        for symbol in sorted(self.positions):
            position = self.positions[symbol]
            market = position.market
            if not position.quantity or market.expires:
                continue
            price = market.price_at(hour)
            cost = market.cost(position.quantity, price)
            rate = funding_ppm(symbol, hour) * (1 if position.quantity > 0 else -1)
            fee = nearest(abs(cost) * rate, 1_000_000)
            self._write_system(at, hour, market, position.quantity, price, cost, match,
                               "Funding", rate, fee)  # fmt: skip
            self._realise(at, market, -fee, fee, funding=True)

    def _write_system(
        self, at: int, effective: int, market: Market, quantity: int, price: int, cost: int,
        match: str, kind: str, rate: int, fee: int,
    ) -> None:  # fmt: skip
        """A funding or settlement execution; `quantity` is signed."""
        home, foreign = market.notionals(quantity, price, cost)
        px = decimal_text(price, market.digits)
        if kind == "Funding":
            side = "" if at >= MISSING_IDS_AT else '"side":"",'
        else:
            side = f'"side":"{"Buy" if quantity > 0 else "Sell"}",'
        size = abs(quantity)
        self._write(at, (
            f'{{"execID":"{self._exec_id(at)}",{self._order_id(at, "")}"clOrdID":"",'
            f'"clOrdLinkID":"","account":{self.plan.account},"symbol":"{market.symbol}",{side}'
            f'"lastQty":{size},"lastPx":{px},"orderQty":{size},"price":{px},"pegPriceType":"",'
            f'"currency":"{market.quote}",{_settled(market)}"execType":"{kind}",'
            f'"ordType":"Limit","timeInForce":"AtTheClose","execInst":"","contingencyType":"",'
            f'"ordStatus":"Filled","triggered":"","workingIndicator":false,"ordRejReason":"",'
            f'"leavesQty":0,"cumQty":{size},"avgPx":{px},"commission":{decimal_text(rate, 6)},'
            f'"tradePublishIndicator":"","text":"{kind}","trdMatchID":"{match}",'
            f'"execCost":{cost},"execComm":{fee},"homeNotional":{script(home)},'
            f'"foreignNotional":{script(foreign)},"transactTime":"{iso(effective)}",'
            f'"timestamp":"{iso(at)}"}}'
        ))  # fmt: skip

    def _settle(self, at: int, effective: int, position: Position) -> None:
        """Close a position at the mark, without commission."""
        market, quantity = position.market, -position.quantity
        price = market.price_at(effective)
        cost = market.cost(quantity, price)
        profit = self._positioned(at, market, quantity, cost)
        self._write_system(at, effective, market, quantity, price, cost, self._exec_id(at),
                           "Settlement", 0, 0)  # fmt: skip
        self._realise(at, market, profit, 0)

    def _expire(self, at: int, market: Market) -> None:
        position = self.positions.get(market.symbol)
        if position and position.quantity:
            self._settle(at, market.ends_at - 1, position)

    def _close(self, at: int, _: object) -> None:
        """The exchange's end: open positions are closed by a settlement."""
        for symbol in sorted(self.positions):
            if self.positions[symbol].quantity:
                self._settle(at, at, self.positions[symbol])

    # -- the end

    def _pending(
        self, withdrawal: Withdrawal, balances: dict[str, Totals]
    ) -> Iterator[tuple[int, bytes, int, str]]:
        """The rows of a withdrawal before its last one."""
        for status, at, until in (
            ("Pending", withdrawal.asked_at, min(withdrawal.confirmed_at, withdrawal.done_at)),
            ("Confirmed", withdrawal.confirmed_at, withdrawal.done_at),
        ):
            if at < until:
                balance = balances[withdrawal.currency].between(None, at)[1]
                row = withdrawal_row(self.plan, withdrawal, status, at, balance)
                yield at, row, until, withdrawal.currency

    def _order_states(self, order: Order) -> Iterator[tuple[int, bytes, int, str]]:
        """The rows of an order, each with the moment from which another replaces it."""
        times = {order.submitted_at, *(at for at, _, _ in order.changes), order.ended_at} - {0}
        if order.status == "Rejected":
            times = {order.ended_at}
        known = sorted(times)
        for at, until in zip(known, [*known[1:], NEVER], strict=True):
            yield at, order_row(self.plan.account, order, at)[1], until, order.id

    def _finish(self, orders: list[Order]) -> Account:
        entries = list(_settle_ties(self.entries))
        by_currency: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_currency[entry.currency].append(entry)
        by_currency["all"] = entries
        listed = [order for order in orders if not order.nameless]
        states = [state for order in listed for state in self._order_states(order)]
        states.sort(key=lambda state: (state[0], state[2] != NEVER, state[3]))
        totals: dict[tuple[str, str, str], Totals] = defaultdict(Totals)
        balances: dict[str, Totals] = defaultdict(Totals)
        incoming: dict[str, Totals] = defaultdict(Totals)
        outgoing: dict[str, Totals] = defaultdict(Totals)
        for e in entries:
            if not e.done:
                continue
            totals[e.currency, e.type, e.symbol].add(e.at, e.amount, e.fee)
            balances[e.currency].add(e.at, e.amount, e.fee)
            if e.type == "Transfer":
                side = incoming if e.amount > 0 else outgoing
                side[e.currency].add(e.at, abs(e.amount), 0)
        pending = [row for w in self.withdrawals for row in self._pending(w, balances)]
        by_currency |= {w.currency: by_currency[w.currency] for w in self.withdrawals}
        return Account(
            plan=self.plan,
            executions=table_of(zip(self.execution_times, self.executions, strict=True)),
            wallet={
                currency: table_of(
                    [(e.at, e.row, NEVER) for e in kept]
                    + [row[:3] for row in pending if currency in ("all", row[3])], replaced_at,
                )
                for currency, kept in by_currency.items()
            },
            orders=table_of((state[:3] for state in states), replaced_at),
            placed=sorted(listed, key=lambda order: order.ended_at or NEVER),
            withdrawals=self.withdrawals, positions=self.positions, totals=dict(totals),
            balances=dict(balances), incoming=dict(incoming), outgoing=dict(outgoing),
        )  # fmt: skip


def replaced_at(row: Any) -> int:
    """When another row replaces a row of a wallet or an order."""
    return int(row[2])


def _settle_ties(entries: list[Entry]) -> Iterator[Entry]:
    """By time; of one moment by address descending, so that newest-first reads it ascending."""
    for _, group in groupby(sorted(entries, key=lambda e: (e.at, e.number)), lambda e: e.at):
        tied = list(group)
        if len(tied) > 1:
            tied.sort(key=lambda e: e.address, reverse=True)
        yield from tied


def keep_ledger(plan: LedgerPlan) -> Account:
    """The ledger of a plan; the same plan gives the same ledger."""
    collecting = gc.isenabled()
    gc.disable()  # a million small objects that all stay: looking for cycles doubles the time
    try:
        return Bookkeeper(plan).keep()
    finally:
        if collecting:
            gc.enable()
