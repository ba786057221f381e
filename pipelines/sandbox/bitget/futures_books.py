"""What Bitget's futures routes say of one synthetic account, product by product.

A product has a wallet of its own. Its ledger is told twice: as bills, with the balance after each
row, and as tax records, without. Both write a trade's profit and its fee apart.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pipelines.sandbox.bitget.books import Books, Table, snowflake
from pipelines.sandbox.engine.account import (
    Contract,
    ContractFill,
    Event,
    Funding,
    Settlement,
    Transfer,
    exact,
)

PRODUCTS = {
    "USDT-FUTURES": "usdt_futures",
    "USDC-FUTURES": "usdc_futures",
    "COIN-FUTURES": "coin_futures",
}
"""productType → wallet."""
ONE_WAY = frozenset({"COIN-FUTURES"})
"""Products this account holds in one-way mode: buys and sells instead of opens and closes."""
DELAY = 77
"""Milliseconds from a transfer to its row in a futures ledger."""


def volume(contract: Contract, quantity: int, value: int, scale: int) -> str:
    """`baseVolume`: of an inverse contract its worth in the base coin."""
    if contract.inverse:
        return exact(value, scale)
    return plain(contract.size * quantity)


def quote_volume(contract: Contract, quantity: int, value: int, scale: int) -> str:
    """`quoteVolume`: of an inverse contract the dollars it stands for."""
    return plain(contract.size * quantity) if contract.inverse else exact(value, scale)


def plain(number: Decimal) -> str:
    """A decimal without exponent and without zeros behind it."""
    return format(number.normalize(), "f")


def is_opening(fill: ContractFill) -> bool:
    """Whether a fill made the position larger."""
    change = fill.quantity if fill.side == "buy" else -fill.quantity
    return abs(fill.position) > abs(fill.position - change)


def is_burst(fill: ContractFill) -> bool:
    """Whether the exchange closed the position: every seventh market order that only closes."""
    return not is_opening(fill) and fill.order_type == "market" and fill.order % 7 == 0


@dataclass
class Held:
    """A position between opening and closing, as `history-position` sums it up."""

    opened_at: int
    side: str
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
        """What the position came to, with its fees and funding."""
        return self.pnl + self.funding - self.open_fee - self.close_fee

    def prices(self) -> tuple[str, str]:
        """Average price of what opened it and of what closed it."""
        cents = Decimal("0.00000001")
        return (
            plain((self.opened_worth / self.opened).quantize(cents)),
            plain((self.closed_worth / self.closed).quantize(cents)),
        )


@dataclass(frozen=True)
class Closed:
    """A position that came to its end."""

    contract: Contract
    at: int
    held: Held


@dataclass
class Order:
    """A contract order with its fills."""

    fills: list[ContractFill] = field(default_factory=list)


class ProductBooks:
    """The tables of one product."""

    def __init__(self, books: Books, product: str) -> None:
        self.product, self.wallet = product, PRODUCTS[product]
        self.scale = books.scale
        self._place = list(PRODUCTS).index(product)  # no id is met in two products
        self._words = "one_way" if product in ONE_WAY else "hedge"
        own = [event for event in books.events if self._is_own(event)]
        self._read_ledger(own)
        self.chosen = [event for event in own if isinstance(event, ContractFill)]
        self.fills = self._table(
            [(fill.at, fill) for fill in self.chosen], "future_fill", self._fill_row
        )
        self.orders = self._order_table()
        self.closed = list(self._close_positions(own))
        self.positions = self._table(
            [(position.at, position) for position in self.closed], "position", self._position_row
        )

    def _is_own(self, event: Event) -> bool:
        if isinstance(event, Transfer):
            return self.wallet in (event.from_wallet, event.to_wallet)
        own = isinstance(event, ContractFill | Funding | Settlement)
        return own and event.wallet == self.wallet  # type: ignore[attr-defined]

    def _table(self, items: list[tuple[int, Any]], tag: str, render: Any) -> Table:
        at, ids = array("q"), array("q")
        last_at, number = -1, 0
        for moment, _ in items:
            number = number + 1 if moment == last_at else 0
            last_at = moment
            at.append(moment)
            ids.append(snowflake(moment, tag, number << 2 | self._place))

        def row(n: int, now: int) -> str:
            return str(render(items[n][1], ids[n]))

        return Table(at, ids, row, events=[item for _, item in items])

    # -- the ledger's two tellings

    def _read_ledger(self, own: list[Event]) -> None:
        rows = [(e.at + DELAY if isinstance(e, Transfer) else e.at, e.seq, e) for e in own]
        rows.sort(key=lambda row: row[:2])
        running: dict[str, int] = {}
        self.balances: list[int] = []
        for _, _, event in rows:
            coin = self.coin_of(event)
            running[coin] = running.get(coin, 0) + self.net(event)
            self.balances.append(running[coin])
        self.ledger: list[tuple[int, Event]] = [(at, event) for at, _, event in rows]
        numbered = [(at, n) for n, (at, _) in enumerate(self.ledger)]
        self.bills = self._table(numbered, "future_bill", self._bill_row)
        self.tax = self._table(numbered, "future_tax", self._tax_row)

    @staticmethod
    def coin_of(event: Any) -> str:
        """The coin a ledger row is in."""
        coin: str = event.asset if isinstance(event, Transfer) else event.contract.settle
        return coin

    @staticmethod
    def symbol_of(event: Any) -> str:
        """The contract of a ledger row, '' for a transfer."""
        symbol: str = "" if isinstance(event, Transfer) else event.contract.symbol
        return symbol

    def gross(self, event: Any) -> int:
        """`amount` of a ledger row: what moved, before the fee of a trade."""
        if isinstance(event, Transfer):
            return event.amount if event.to_wallet == self.wallet else -event.amount
        if isinstance(event, Funding):
            return event.amount
        pnl: int = event.realised_pnl
        return pnl

    @staticmethod
    def fee(event: Event) -> int:
        """The fee a ledger row carries beside its amount; positive = paid."""
        return event.fee if isinstance(event, ContractFill) else 0

    def net(self, event: Event) -> int:
        """What the wallet's balance moved by."""
        return self.gross(event) - self.fee(event)

    def business(self, event: Any) -> str:
        """`businessType` of the bill."""
        if isinstance(event, Transfer):
            return "trans_from_exchange" if event.to_wallet == self.wallet else "trans_to_exchange"
        if isinstance(event, Funding):
            return "contract_settle_fee"
        closes = "long" if event.side == "sell" else "short"
        if isinstance(event, Settlement):
            return f"delivery_{closes}"
        if self._words == "one_way":
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
            one_way = self._words == "one_way"
            word = f"burst_{event.side}_ssm" if one_way else f"burst_close_{closes}"
        elif word in ("buy", "sell"):
            word = f"{word}_deal"
        return word if event.seq % 2 else word.upper()

    def _bill_row(self, n: int, number: int) -> str:
        at, event = self.ledger[n]
        coin = self.coin_of(event)
        scale = self.scale[coin]
        symbol = self.symbol_of(event)
        return (
            f'{{"billId":"{number}","symbol":"{symbol}",'
            f'"amount":"{exact(self.gross(event), scale)}",'
            f'"fee":"{exact(-self.fee(event), scale)}",'
            f'"feeByCoupon":"","businessType":"{self.business(event)}","coin":"{coin}",'
            f'"balance":"{exact(self.balances[n], scale)}","cTime":"{at}"}}'
        )

    def _tax_row(self, n: int, number: int) -> str:
        at, event = self.ledger[n]
        coin = self.coin_of(event)
        scale = self.scale[coin]
        symbol = self.symbol_of(event)
        return (
            f'{{"id":"{number}","symbol":"{symbol}","marginCoin":"{coin}",'
            f'"futureTaxType":"{self.tax_label(event)}",'
            f'"amount":"{exact(self.gross(event), scale, 8)}",'
            f'"fee":"{exact(-self.fee(event), scale)}","ts":"{at}"}}'
        )

    # -- trades, orders, positions

    def trade_side(self, fill: ContractFill) -> str:
        """`tradeSide`: the direction, and whether the exchange forced it."""
        if self._words == "one_way":
            return f"burst_{fill.side}_single" if is_burst(fill) else f"{fill.side}_single"
        if is_burst(fill):
            return "burst_close_long" if fill.side == "sell" else "burst_close_short"
        return "open" if is_opening(fill) else "close"

    def told_side(self, fill: ContractFill) -> str:
        """`side`: in hedge mode that of the position, so a close of a long is a buy as well."""
        if self._words == "one_way" or is_opening(fill):
            return fill.side
        return "buy" if fill.side == "sell" else "sell"

    @property
    def pos_mode(self) -> str:
        return "one_way_mode" if self._words == "one_way" else "hedge_mode"

    def _fill_row(self, fill: ContractFill, number: int) -> str:
        contract, scale = fill.contract, self.scale[fill.contract.settle]
        return (
            f'{{"tradeId":"{number}","symbol":"{contract.symbol}",'
            f'"marginCoin":"{contract.settle}",'
            f'"orderId":"{order_id(fill)}","price":"{exact(fill.price, contract.price_scale)}",'
            f'"baseVolume":"{volume(contract, fill.quantity, fill.value, scale)}",'
            f'"feeDetail":[{{"deduction":"no","feeCoin":"{contract.settle}",'
            f'"totalDeductionFee":null,"totalFee":"{exact(-fill.fee, scale)}"}}],'
            f'"side":"{self.told_side(fill)}",'
            f'"quoteVolume":"{quote_volume(contract, fill.quantity, fill.value, scale)}",'
            f'"profit":"{exact(fill.realised_pnl, scale)}","enterPointSource":"web",'
            f'"tradeSide":"{self.trade_side(fill)}","posMode":"{self.pos_mode}",'
            f'"tradeScope":"{"maker" if fill.is_maker else "taker"}","cTime":"{fill.at}"}}'
        )

    def _order_table(self) -> Table:
        grouped: dict[int, Order] = {}
        for fill in self.chosen:
            grouped.setdefault(fill.order, Order()).fills.append(fill)
        orders = sorted(grouped.values(), key=lambda order: order_id(order.fills[0]))
        at = array("q", (order.fills[0].order_at for order in orders))
        ids = array("q", (order_id(order.fills[0]) for order in orders))

        def row(n: int, now: int) -> str:
            return self._order_row([fill for fill in orders[n].fills if fill.at <= now], ids[n])

        return Table(at, ids, row, lambda n: orders[n].fills[-1].at, orders)  # type: ignore[arg-type]

    def _order_row(self, fills: list[ContractFill], number: int) -> str:
        first, contract = fills[0], fills[0].contract
        scale = self.scale[contract.settle]
        quantity, value = sum(f.quantity for f in fills), sum(f.value for f in fills)
        price = exact(first.price, contract.price_scale)
        held = "long" if (first.side == "buy") == is_opening(first) else "short"
        is_limit = first.order_type == "limit"
        return (
            f'{{"symbol":"{contract.symbol.lower() if first.order % 2 else contract.symbol}",'
            f'"size":"{volume(contract, quantity, value, scale)}","orderId":"{number}",'
            f'"clientOid":"c{first.order}",'
            f'"baseVolume":"{volume(contract, quantity, value, scale)}",'
            f'"fee":"{exact(-sum(f.fee for f in fills), scale)}",'
            f'"price":"{price if is_limit else ""}","priceAvg":"{price}","status":"filled",'
            f'"side":"{self.told_side(first)}","force":"gtc",'
            f'"totalProfits":"{exact(sum(f.realised_pnl for f in fills), scale)}",'
            f'"posSide":"{"net" if self._words == "one_way" else held}",'
            f'"marginCoin":"{contract.settle}",'
            f'"quoteVolume":"{quote_volume(contract, quantity, value, scale)}","leverage":"10",'
            f'"marginMode":"crossed","reduceOnly":"NO","enterPointSource":"WEB",'
            f'"tradeSide":"{self.trade_side(first)}","posMode":"{self.pos_mode}",'
            f'"orderType":"{first.order_type}",'
            f'"orderSource":"{"liquidation" if is_burst(first) else "normal"}","liqPrice":"",'
            f'"posAvg":"","cTime":"{first.order_at}","uTime":"{fills[-1].at}",'
            f'"presetStopSurplusPrice":"","presetStopLossPrice":""}}'
        )

    def _close_positions(self, own: Iterable[Event]) -> Iterator[Closed]:
        held: dict[str, Held] = {}
        for event in own:
            if isinstance(event, Funding) and event.contract.symbol in held:
                held[event.contract.symbol].funding += event.amount
            if isinstance(event, ContractFill):
                side = "long" if (event.side == "buy") == is_opening(event) else "short"
                position = held.setdefault(event.contract.symbol, Held(event.at, side))
                self._book(position, event, is_opening(event), event.fee)
                if event.position == 0:
                    yield Closed(event.contract, event.at, held.pop(event.contract.symbol))
            if isinstance(event, Settlement) and event.contract.symbol in held:
                self._book(held[event.contract.symbol], event, False, 0)
                yield Closed(event.contract, event.at, held.pop(event.contract.symbol))

    def _book(self, held: Held, event: Any, opens: bool, fee: int) -> None:
        contract, scale = event.contract, self.scale[event.contract.settle]
        base = Decimal(volume(contract, event.quantity, event.value, scale))
        worth = base * Decimal(event.price).scaleb(-contract.price_scale)
        held.pnl += event.realised_pnl
        if opens:
            held.opened, held.opened_worth = held.opened + base, held.opened_worth + worth
            held.open_fee += fee
        else:
            held.closed, held.closed_worth = held.closed + base, held.closed_worth + worth
            held.close_fee += fee

    def _position_row(self, closed: Closed, number: int) -> str:
        held, contract = closed.held, closed.contract
        scale = self.scale[contract.settle]
        opened, left = held.prices()
        return (
            f'{{"positionId":"{number}","marginCoin":"{contract.settle}",'
            f'"symbol":"{contract.symbol}","holdSide":"{held.side}","openAvgPrice":"{opened}",'
            f'"closeAvgPrice":"{left}","marginMode":"crossed",'
            f'"openTotalPos":"{plain(held.opened)}",'
            f'"closeTotalPos":"{plain(held.closed)}","pnl":"{exact(held.pnl, scale)}",'
            f'"netProfit":"{exact(held.net, scale)}","totalFunding":"{exact(held.funding, scale)}",'
            f'"openFee":"{exact(-held.open_fee, scale)}",'
            f'"closeFee":"{exact(-held.close_fee, scale)}","posMode":"{self.pos_mode}",'
            f'"ctime":"{held.opened_at}","utime":"{closed.at}"}}'
        )

    # -- what there is now

    def held_balances(self, now: int) -> dict[str, int]:
        """Per coin the wallet's balance, without open profit."""
        known: dict[str, int] = {}
        for n, (at, event) in enumerate(self.ledger):
            if at > now:
                break
            known[self.coin_of(event)] = self.balances[n]
        return known

    def open_positions(self, now: int) -> dict[str, ContractFill]:
        """Per contract the last fill of what is still open."""
        last: dict[str, ContractFill] = {}
        for fill in self.chosen:
            if fill.at <= now:
                last[fill.contract.symbol] = fill
        done = {
            event.contract.symbol
            for at, event in self.ledger
            if isinstance(event, Settlement) and at <= now
        }
        return {s: fill for s, fill in last.items() if fill.position and s not in done}


def order_id(fill: ContractFill) -> int:
    """The id of the order a fill belongs to."""
    return snowflake(fill.order_at, "order", fill.order)


def futures_of(books: Books) -> dict[str, ProductBooks]:
    """An account's futures books by product, made when first asked for."""
    if "futures" not in books.shelves:
        books.shelves["futures"] = {product: ProductBooks(books, product) for product in PRODUCTS}
    found: dict[str, ProductBooks] = books.shelves["futures"]
    return found
