"""One product of Bitget's futures in a simulated account: its tables and its part of the truth.

A product has a wallet of its own. Its movements have two tables: bills, with the balance after each
row, and tax records, without. Both write a trade's profit and its fee apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from pipelines.sandbox.bitget.market import PRODUCTS
from pipelines.sandbox.bitget.rows import numbered, order_number
from pipelines.sandbox.engine.account import (
    DAY,
    HOUR,
    Contract,
    ContractFill,
    Event,
    Funding,
    History,
    Kind,
    Movement,
    Settlement,
    Transfer,
    exact,
)
from pipelines.sandbox.engine.ledger import Entry
from pipelines.sandbox.engine.table import Render, Table

ONE_WAY = frozenset({"COIN-FUTURES"})
"""Products that accounts hold in one-way mode: buys and sells instead of opens and closes."""
DELAY = 77
"""Milliseconds from a transfer to its row in a futures ledger."""
INTEREST_HOURS = 130
"""Hours of interest an account with futures shows: more than a page."""


def plain(number: Decimal) -> str:
    """A decimal without exponent and without trailing zeros."""
    return format(number.normalize(), "f")


def is_opening(fill: ContractFill) -> bool:
    """Whether a fill made the position larger."""
    change = fill.quantity if fill.side == "buy" else -fill.quantity
    return abs(fill.position) > abs(fill.position - change)


def is_burst(fill: ContractFill) -> bool:
    """Whether the exchange closed the position: every seventh market order that only closes."""
    return not is_opening(fill) and fill.order_type == "market" and fill.order % 7 == 0


class Line(NamedTuple):
    """One row of the futures ledger; `fee` is apart from `amount`, positive = paid."""

    at: int
    event: Any
    coin: str
    symbol: str
    amount: int
    fee: int
    balance: int


@dataclass
class Held:
    """A position from its opening on, as `history-position` sums it up."""

    contract: Contract
    opened_at: int
    side: str
    at: int = 0
    """When it was closed."""
    opened: Decimal = Decimal(0)
    opened_worth: Decimal = Decimal(0)
    closed: Decimal = Decimal(0)
    closed_worth: Decimal = Decimal(0)
    pnl: int = 0
    funding: int = 0
    open_fee: int = 0
    close_fee: int = 0

    @property
    def net(self) -> int:
        """The profit, with fees and funding."""
        return self.pnl + self.funding - self.open_fee - self.close_fee

    def prices(self) -> tuple[str, str]:
        """Average price of the opening and of the closing fills."""
        unit = Decimal("0.00000001")
        return (
            plain((self.opened_worth / self.opened).quantize(unit)),
            plain((self.closed_worth / self.closed).quantize(unit)),
        )


class ProductLedger:
    """The tables of one product."""

    def __init__(self, history: History, scales: dict[str, int], product: str) -> None:
        self.product, self.wallet, self.scales = product, PRODUCTS[product], scales
        self.is_one_way = product in ONE_WAY
        self.pos_mode = "one_way_mode" if self.is_one_way else "hedge_mode"
        own = [event for event in history.events if self._is_own(event)]
        self.lines = list(self._lines(own))
        self.bills = self._table(self.lines, "future_bill", self._bill)
        self.tax = self._table(self.lines, "future_tax", self._tax_record)
        self.chosen = [event for event in own if isinstance(event, ContractFill)]
        self.fills = self._table(self.chosen, "future_fill", self._fill)
        self.positions = self._table(list(self._closed(own)), "position", self._position)
        orders: dict[int, list[ContractFill]] = {}
        for fill in self.chosen:
            orders.setdefault(order_number(fill), []).append(fill)
        ids = sorted(orders)
        self.orders = Table(
            [orders[number] for number in ids], ids, self._order,
            at=lambda fills: int(fills[0].order_at), shown_from=lambda fills: int(fills[0].at),
        )  # fmt: skip

    def _is_own(self, event: Event) -> bool:
        if isinstance(event, Transfer):
            return self.wallet in (event.from_wallet, event.to_wallet)
        own = isinstance(event, ContractFill | Funding | Settlement)
        return own and event.wallet == self.wallet  # type: ignore[attr-defined]

    def _table(self, events: list[Any], tag: str, render: Render) -> Table:
        place = list(PRODUCTS).index(self.product)  # no two products share an id
        times = (event.at for event in events)
        return Table(events, numbered(times, tag, step=4, mark=place), render)

    # -- the ledger

    def _lines(self, own: list[Event]) -> Iterator[Line]:
        running: dict[str, int] = {}
        dated = [(e.at + DELAY if isinstance(e, Transfer) else e.at, e.seq, e) for e in own]
        for at, _, event in sorted(dated, key=lambda row: row[:2]):
            coin, symbol, amount, fee = self._sums(event)
            running[coin] = running.get(coin, 0) + amount - fee
            yield Line(at, event, coin, symbol, amount, fee, running[coin])

    def _sums(self, event: Any) -> tuple[str, str, int, int]:
        """Coin, contract, amount without the fee, and the fee."""
        if isinstance(event, Transfer):
            sign = 1 if event.to_wallet == self.wallet else -1
            return event.asset, "", sign * event.amount, 0
        coin, symbol = event.contract.settle, event.contract.symbol
        if isinstance(event, Funding):
            return coin, symbol, event.amount, 0
        return coin, symbol, event.realised_pnl, getattr(event, "fee", 0)

    def business(self, event: Any) -> str:
        """`businessType` of the bill."""
        if isinstance(event, Transfer):
            return "trans_from_exchange" if event.to_wallet == self.wallet else "trans_to_exchange"
        if isinstance(event, Funding):
            return "contract_settle_fee"
        closes = "long" if event.side == "sell" else "short"
        if isinstance(event, Settlement):
            return f"delivery_{closes}"
        if self.is_one_way:
            return f"burst_{event.side}" if is_burst(event) else str(event.side)
        if is_opening(event):
            return "open_long" if event.side == "buy" else "open_short"
        return f"burst_{closes}_loss_query" if is_burst(event) else f"close_{closes}"

    def tax_label(self, event: Any) -> str:
        """`futureTaxType`: other words than the bill's, in upper and in lower case."""
        word = self.business(event)
        if isinstance(event, Transfer):
            inward = event.to_wallet == self.wallet
            return word if event.seq % 2 else ("TRANSFER_IN" if inward else "TRANSFER_OUT")
        if isinstance(event, Funding):
            way = "IN" if event.amount > 0 else "OUT"
            return (
                "contract_main_settle_fee", f"CONTRACT_MAIN_SETTLE_FEE_USER_{way}",
                "contract_margin_settle_fee",
            )[event.seq % 3]  # fmt: skip
        if isinstance(event, ContractFill) and is_burst(event):
            closes = "long" if event.side == "sell" else "short"
            word = f"burst_{event.side}_ssm" if self.is_one_way else f"burst_close_{closes}"
        elif word in ("buy", "sell"):
            word = f"{word}_deal"
        return word if event.seq % 2 else word.upper()

    def _bill(self, line: Line, number: int, now: int) -> dict[str, Any]:
        scale = self.scales[line.coin]
        return {
            "billId": str(number), "symbol": line.symbol, "amount": exact(line.amount, scale),
            "fee": exact(-line.fee, scale), "feeByCoupon": "",
            "businessType": self.business(line.event), "coin": line.coin,
            "balance": exact(line.balance, scale), "cTime": str(line.at),
        }  # fmt: skip

    def _tax_record(self, line: Line, number: int, now: int) -> dict[str, Any]:
        scale = self.scales[line.coin]
        return {
            "id": str(number), "symbol": line.symbol, "marginCoin": line.coin,
            "futureTaxType": self.tax_label(line.event), "amount": exact(line.amount, scale, 8),
            "fee": exact(-line.fee, scale), "ts": str(line.at),
        }  # fmt: skip

    # -- trades, orders, positions

    def volumes(self, contract: Contract, quantity: int, value: int) -> tuple[str, str]:
        """Quantities in the base and in the quote coin."""
        worth, units = exact(value, self.scales[contract.settle]), plain(contract.size * quantity)
        return (worth, units) if contract.inverse else (units, worth)

    def trade_side(self, fill: ContractFill) -> str:
        """`tradeSide`: the direction, and whether the exchange forced it."""
        if self.is_one_way:
            return f"burst_{fill.side}_single" if is_burst(fill) else f"{fill.side}_single"
        if is_burst(fill):
            return "burst_close_long" if fill.side == "sell" else "burst_close_short"
        return "open" if is_opening(fill) else "close"

    def side(self, fill: ContractFill) -> str:
        """`side`: in hedge mode that of the position, so a close of a long is a buy as well."""
        if self.is_one_way or is_opening(fill):
            return fill.side
        return "buy" if fill.side == "sell" else "sell"

    def _fill(self, fill: ContractFill, number: int, now: int) -> dict[str, Any]:
        contract, scale = fill.contract, self.scales[fill.contract.settle]
        base, quote = self.volumes(contract, fill.quantity, fill.value)
        fee = {
            "deduction": "no", "feeCoin": contract.settle, "totalDeductionFee": None,
            "totalFee": exact(-fill.fee, scale),
        }  # fmt: skip
        return {
            "tradeId": str(number), "symbol": contract.symbol, "marginCoin": contract.settle,
            "orderId": str(order_number(fill)), "price": exact(fill.price, contract.price_scale),
            "baseVolume": base, "feeDetail": [fee], "side": self.side(fill), "quoteVolume": quote,
            "profit": exact(fill.realised_pnl, scale), "enterPointSource": "web",
            "tradeSide": self.trade_side(fill), "posMode": self.pos_mode,
            "tradeScope": "maker" if fill.is_maker else "taker", "cTime": str(fill.at),
        }  # fmt: skip

    def _order(self, every: list[ContractFill], number: int, now: int) -> dict[str, Any]:
        fills = [fill for fill in every if fill.at <= now]
        first, contract = fills[0], fills[0].contract
        scale = self.scales[contract.settle]
        base, quote = self.volumes(
            contract, sum(fill.quantity for fill in fills), sum(fill.value for fill in fills)
        )
        price = exact(first.price, contract.price_scale)
        held = "long" if (first.side == "buy") == is_opening(first) else "short"
        return {
            "symbol": contract.symbol.lower() if first.order % 2 else contract.symbol,
            "size": base, "orderId": str(number), "clientOid": f"c{first.order}",
            "baseVolume": base, "fee": exact(-sum(fill.fee for fill in fills), scale),
            "price": price if first.order_type == "limit" else "", "priceAvg": price,
            "status": "filled", "side": self.side(first), "force": "gtc",
            "totalProfits": exact(sum(fill.realised_pnl for fill in fills), scale),
            "posSide": "net" if self.is_one_way else held, "marginCoin": contract.settle,
            "quoteVolume": quote, "leverage": "10", "marginMode": "crossed", "reduceOnly": "NO",
            "enterPointSource": "WEB", "tradeSide": self.trade_side(first),
            "posMode": self.pos_mode, "orderType": first.order_type,
            "orderSource": "liquidation" if is_burst(first) else "normal", "liqPrice": "",
            "posAvg": "", "cTime": str(first.order_at), "uTime": str(fills[-1].at),
            "presetStopSurplusPrice": "", "presetStopLossPrice": "",
        }  # fmt: skip

    def _closed(self, own: list[Event]) -> Iterator[Held]:
        held: dict[str, Held] = {}
        for event in own:
            if isinstance(event, Transfer):
                continue
            assert isinstance(event, ContractFill | Funding | Settlement)
            symbol = event.contract.symbol
            if isinstance(event, Funding):
                if symbol in held:
                    held[symbol].funding += event.amount
                continue
            opens = isinstance(event, ContractFill) and is_opening(event)
            if isinstance(event, ContractFill) and symbol not in held:
                side = "long" if (event.side == "buy") == opens else "short"
                held[symbol] = Held(event.contract, event.at, side)
            if symbol in held:
                self._book(held[symbol], event, opens)
                if isinstance(event, Settlement) or event.position == 0:
                    held[symbol].at = event.at
                    yield held.pop(symbol)

    def _book(self, held: Held, event: Any, opens: bool) -> None:
        base = Decimal(self.volumes(event.contract, event.quantity, event.value)[0])
        worth = base * Decimal(event.price).scaleb(-event.contract.price_scale)
        fee = getattr(event, "fee", 0)
        held.pnl += event.realised_pnl
        if opens:
            held.opened, held.opened_worth = held.opened + base, held.opened_worth + worth
            held.open_fee += fee
        else:
            held.closed, held.closed_worth = held.closed + base, held.closed_worth + worth
            held.close_fee += fee

    def _position(self, held: Held, number: int, now: int) -> dict[str, Any]:
        contract, scale = held.contract, self.scales[held.contract.settle]
        opened, left = held.prices()
        return {
            "positionId": str(number), "marginCoin": contract.settle, "symbol": contract.symbol,
            "holdSide": held.side, "openAvgPrice": opened, "closeAvgPrice": left,
            "marginMode": "crossed", "openTotalPos": plain(held.opened),
            "closeTotalPos": plain(held.closed), "pnl": exact(held.pnl, scale),
            "netProfit": exact(held.net, scale), "totalFunding": exact(held.funding, scale),
            "openFee": exact(-held.open_fee, scale), "closeFee": exact(-held.close_fee, scale),
            "posMode": self.pos_mode, "ctime": str(held.opened_at), "utime": str(held.at),
        }  # fmt: skip

    # -- what there is now

    def open_positions(self, now: int) -> list[ContractFill]:
        """The last fill of each contract with a position."""
        last: dict[str, ContractFill] = {}
        for fill in self.chosen:
            if fill.at <= now:
                last[fill.contract.symbol] = fill
        done = {
            line.symbol for line in self.lines
            if isinstance(line.event, Settlement) and line.at <= now
        }  # fmt: skip
        return [fill for symbol, fill in last.items() if fill.position and symbol not in done]

    def accounts(self, balances: dict[str, int], now: int) -> list[dict[str, Any]]:
        """Balances by coin; the open profit is a thousandth of each open position's last fill."""
        profits: dict[str, int] = {}
        for fill in self.open_positions(now):
            coin = fill.contract.settle
            profits[coin] = profits.get(coin, 0) + fill.value // 1_000
        rows = []
        for coin, balance in balances.items():
            scale, profit = self.scales[coin], profits.get(coin)
            equity, free = exact(balance + (profit or 0), scale), exact(balance, scale)
            rows.append({
                "marginCoin": coin, "locked": "0", "available": free, "crossedMaxAvailable": free,
                "isolatedMaxAvailable": free, "maxTransferOut": free, "accountEquity": equity,
                "usdtEquity": equity, "btcEquity": "0", "crossedRiskRate": "0",
                "unrealizedPL": "" if profit is None else exact(profit, scale), "coupon": "0",
                "unionTotalMagin": "", "unionAvailable": "", "unionMm": "", "isolatedMargin": "0",
                "crossedMargin": "0", "crossedUnrealizedPL": exact(profit or 0, scale),
                "isolatedUnrealizedPL": "0", "assetMode": "single",
            })  # fmt: skip
        return rows

    def position_rows(self, now: int) -> list[dict[str, Any]]:
        """Every open position."""
        rows = []
        for fill in self.open_positions(now):
            contract, held = fill.contract, abs(fill.position)
            total, _ = self.volumes(contract, held, fill.value * held // fill.quantity)
            price = exact(fill.price, contract.price_scale)
            profit = exact(fill.value // 1_000, self.scales[contract.settle])
            rows.append({
                "marginCoin": contract.settle, "symbol": contract.symbol,
                "holdSide": "long" if fill.position > 0 else "short", "openDelegateSize": "0",
                "marginSize": "0", "available": total, "locked": "0", "total": total,
                "leverage": "10", "achievedProfits": "0", "openPriceAvg": price,
                "marginMode": "crossed", "posMode": self.pos_mode, "unrealizedPL": profit,
                "liquidationPrice": "0", "keepMarginRate": "0.004", "markPrice": price,
                "marginRatio": "0.01", "breakEvenPrice": price, "totalFee": "",
                "deductedFee": "0", "assetMode": "single", "autoMargin": "off",
                "cTime": str(fill.order_at), "uTime": str(fill.at),
            })  # fmt: skip
        return rows

    def interest(self, end: int) -> Table:
        """Hourly rows of a debt small enough to be free of interest."""
        first = (end - 20 * DAY) // HOUR
        used = self.chosen and self.product == "USDT-FUTURES"
        hours = range(first, first + INTEREST_HOURS) if used else ()
        return Table(
            hours, hours, lambda hour, number, now: {
                "coin": "USDT", "liability": "12.5", "interestFreeLimit": "100",
                "interestLimit": "0", "hourInterestRate": "0.000005", "interest": "0",
                "cTime": str(hour * HOUR),
            }, at=lambda hour: int(hour * HOUR),
        )  # fmt: skip

    # -- ground truth

    def entries(self) -> Iterator[Entry]:
        """The wallet's movements; a row has the ids of the bill and of the tax record."""
        rows = zip(self.lines, self.bills.ids, self.tax.ids, strict=True)
        for line, bill, tax in rows:
            cost = -line.amount if isinstance(line.event, Funding) else line.fee
            move = Movement(
                line.at, self.wallet, line.coin, line.amount - line.fee,
                self.kind_of(line.event), line.event.seq, 0, cost,
            )  # fmt: skip
            yield Entry(move, str(line.event.seq), str(bill), {"tax_id": str(tax)})

    def kind_of(self, event: Any) -> Kind:
        """The type of a row of the futures ledger."""
        if isinstance(event, Transfer):
            return "transfer"
        if isinstance(event, Funding):
            return "funding"
        if isinstance(event, Settlement):
            return "settlement"
        # A row that opens is nothing but its fee; in one-way mode no row shows that it opens.
        return "fee" if is_opening(event) and not self.is_one_way else "realised_pnl"
