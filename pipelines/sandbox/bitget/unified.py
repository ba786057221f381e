"""One simulated account of Bitget from the moment it is a unified one (v3): tables, ground truth.

Spot, margin and futures wallets of the classic system are one wallet here, so a move between two of
them is none; the P2P wallet is the funding wallet. What an account did before it was unified is on
no list. Ids of executions, orders and positions are the classic ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from msgspec.structs import replace

from pipelines.sandbox.bitget.futures import Held, ProductLedger, is_burst, is_opening, plain
from pipelines.sandbox.bitget.ledger import UNCLASSIFIABLE, BitgetLedger
from pipelines.sandbox.bitget.market import PRODUCTS
from pipelines.sandbox.bitget.rows import Row, numbered, order_number, rows_of, snowflake
from pipelines.sandbox.bitget.words import REWARDS
from pipelines.sandbox.engine.account import (
    MINUTE,
    ContractFill,
    Conversion,
    Deposit,
    Event,
    Funding,
    History,
    Loan,
    Movement,
    Reward,
    Settlement,
    SpotFill,
    Transfer,
    Withdrawal,
    exact,
)
from pipelines.sandbox.engine.clock import to_ms
from pipelines.sandbox.engine.ledger import Entry, Ledger, iso
from pipelines.sandbox.engine.table import Render, Table

LINES = ("SPOT", "MARGIN", *PRODUCTS, "OTHER")
UNIFIED, FUNDING = "unified", "funding"
WALLETS = {"p2p": FUNDING, "bots": "bots", "earn": "earn"}
"""A classic wallet's name → what it is now; any other is a part of the unified one."""
SPELLED = {UNIFIED: "uta", FUNDING: "spot"}
"""How transfer records call the two wallets."""
FUTURES = (ContractFill, Funding, Settlement)
FILL_TYPES = ("ORDER_DEALT_FROZEN_OUT", "ORDER_DEALT_IN", "ORDER_PLF_FEE_OUT")
CONVERSION_TYPES = ("EXCHANGE_SOURCE_TOKEN_USER_OUT", "EXCHANGE_TARGET_TOKEN_USER_IN")
DUST_TYPES = ("SMALL_ASSET_SOURCE_TOKEN_USER_OUT", "SMALL_ASSET_TARGET_TOKEN_USER_IN")
FILL_LAG = 5
"""Milliseconds from an execution to its rows in the ledger."""
NEW_IDS = 1 << 17
"""The highest bit of an id's number is set, so that no id is an id of the classic ledgers."""
P2P_PATIENCE = 30 * MINUTE


def wallet_of(classic: str) -> str:
    """The wallet of a unified account that a classic one's wallet is a part of."""
    return WALLETS.get(classic, UNIFIED)


def is_no_move(event: Event) -> bool:
    """Whether it is a transfer between two parts of what is one wallet now."""
    return isinstance(event, Transfer) and wallet_of(event.from_wallet) == wallet_of(
        event.to_wallet
    )


def is_dust(event: Event) -> bool:
    """Whether a conversion is one of small balances, which have a list of their own."""
    return isinstance(event, Conversion) and event.seq % 3 == 0


def product_of(event: Event) -> str:
    """The futures product of an event, '' for any other."""
    if not isinstance(event, FUTURES):
        return ""
    return next(product for product, wallet in PRODUCTS.items() if wallet == event.wallet)


def line_of(event: Event) -> str:
    """The business line of an event."""
    if isinstance(event, SpotFill):
        return "SPOT"
    if isinstance(event, Loan) or (isinstance(event, Reward) and event.flavour == "interest"):
        return "MARGIN"
    return product_of(event) or "OTHER"


def margin_type_of(event: Event) -> str:
    """`marginType` of a row of the margin line."""
    is_isolated = isinstance(event, Loan) and event.wallet == "isolated_margin"
    return "isolated" if is_isolated else "crossed"


def symbol_of(event: Any) -> str:
    """The pair or contract of a row, '' where it has none."""
    if isinstance(event, SpotFill):
        return event.market.symbol
    if isinstance(event, FUTURES):
        return event.contract.symbol
    return event.symbol if isinstance(event, Loan) else ""


def fee_coin(fill: Any) -> str:
    """The coin that a fill's fee is in."""
    return str(fill.fee_asset if isinstance(fill, SpotFill) else fill.contract.settle)


class UnifiedLedger(Ledger):
    """The v3 routes' tables of one history from `since` (Unix ms) on.

    `fees_outside`: `amount` of a financial record leaves the row's fee out.
    """

    def __init__(self, classic: BitgetLedger, since: int, *, fees_outside: bool) -> None:
        super().__init__(classic.history, classic.uid)
        self.classic, self.since, self._fees_outside = classic, since, fees_outside
        self.rows = {wallet: self._rows(wallet) for wallet in (UNIFIED, FUNDING)}
        self.tables = {
            "unified_financial_records": self._ledger(UNIFIED, "tax", self._financial_record),
            "unified_tax_records": self._ledger(UNIFIED, "bill", self._tax_record),
            "unified_funding_records": self._ledger(FUNDING, "fill", self._funding_record),
            "unified_fills": self._fills(),
            "unified_orders": self._orders(),
            "unified_deposit_records": self._table(Deposit, "deposit", self._deposit),
            "unified_withdrawal_records": self._table(Withdrawal, "withdrawal", self._withdrawal),
            "unified_convert_records": self._table(
                Conversion, "biz", self._conversion, lambda event: not is_dust(event)),
            "unified_small_conversions": self._table(Conversion, "biz", self._dust, is_dust),
            "unified_p2p_orders": self._p2p_orders(),
            "unified_transfer_records": self._table(Transfer, "order", self._transfer),
        }  # fmt: skip
        self.positions = {
            name: self._positions(product) for name, product in classic.products.items()
        }

    # -- building

    def _rows(self, wallet: str) -> list[Row]:
        return rows_of(
            self.history,
            lambda move, event: wallet_of(move.wallet) == wallet and not is_no_move(event),
        )

    def _ledger(self, wallet: str, tag: str, render: Render) -> Table:
        rows = [row for row in self.rows[wallet] if row.at >= self.since]
        return Table(rows, numbered((row.at for row in rows), tag, mark=NEW_IDS), render)

    def _is_listed(self, event: Any) -> bool:
        """Whether v3 lists it: what began before the upgrade only if it was still pending."""
        if isinstance(event, Deposit | Withdrawal):
            return max(event.at, event.done_at) >= self.since
        if isinstance(event, Transfer):
            ends = {wallet_of(event.from_wallet), wallet_of(event.to_wallet)}
            return event.at >= self.since and ends == {UNIFIED, FUNDING}
        return bool(event.at >= self.since)

    def _table(
        self, kind: type[Event], tag: str, render: Render,
        keep: Callable[[Event], bool] = lambda event: True,
    ) -> Table:  # fmt: skip
        """The events of a kind; ids count all of them, so that classic ids stay."""
        events = self.of(kind)
        ids = numbered((event.at for event in events), tag)
        kept = [n for n, event in enumerate(events) if self._is_listed(event) and keep(event)]
        return Table([events[n] for n in kept], [ids[n] for n in kept], render)

    def _positions(self, product: ProductLedger) -> Table:
        closed = [pair for pair in product.positions.until(1 << 60) if pair[0].at >= self.since]
        return Table(
            [held for held, _ in closed], [number for _, number in closed],
            lambda held, number, now: self._position(product, held, number),
        )  # fmt: skip

    def _fills(self) -> Table:
        tables = [self.classic.tables["spot_fills"]]
        tables += [product.fills for product in self.classic.products.values()]
        pairs = sorted(
            (fill.at, number, fill) for table in tables
            for fill, number in zip(table.events, table.ids, strict=True) if fill.at >= self.since
        )  # fmt: skip
        return Table(
            [fill for *_, fill in pairs], [number for _, number, _ in pairs], self._fill,
            at=lambda fill: int(fill.at) - FILL_LAG,
        )  # fmt: skip

    def _orders(self) -> Table:
        orders: dict[int, list[Any]] = {}
        for event in self.history.events:
            if isinstance(event, SpotFill | ContractFill) and event.at >= self.since:
                orders.setdefault(order_number(event), []).append(event)
        ids = sorted(number for number in orders if orders[number][0].order_at >= self.since)
        return Table(
            [orders[number] for number in ids], ids, self._order,
            at=lambda fills: int(fills[0].order_at), shown_from=lambda fills: int(fills[-1].at),
        )  # fmt: skip

    def _p2p_orders(self) -> Table:
        """Orders that came to nothing: what is moved to the funding wallet is offered for sale."""
        events = [
            event for event in self.of(Transfer)
            if event.at >= self.since and wallet_of(event.to_wallet) == FUNDING
        ]  # fmt: skip
        ids = [snowflake(event.at + MINUTE, "p2p", event.seq) for event in events]
        return Table(events, ids, self._p2p_order, at=lambda event: int(event.at) + MINUTE)

    def _product(self, event: Event) -> ProductLedger | None:
        product = product_of(event)
        return self.classic.products[product] if product else None

    # -- records of the ledgers

    def _type(self, event: Any, leg: int, *, in_tax: bool) -> str:
        """The `type` of a ledger row, in the words of the unified enum or of live answers.

        Of a future that is delivered no page says the word: it is that of the classic ledger.
        """
        if isinstance(event, Loan):
            if not event.is_repaid:
                return "BORROW"
            interest = "INTEREST_SETTLEMENT_OUT" if in_tax else "INTEREST_REPAYMENT"
            return interest if leg else "REPAYMENT"
        if isinstance(event, Funding):
            return f"CONTRACT_MAIN_SETTLE_FEE_USER_{'IN' if event.amount > 0 else 'OUT'}"
        product = self._product(event)
        if product is not None:
            return product.tax_label(event).upper()
        if isinstance(event, Reward):
            return REWARDS[event.flavour].business
        legs: dict[type[Event], tuple[str, ...]] = {
            SpotFill: FILL_TYPES,
            Conversion: DUST_TYPES if is_dust(event) else CONVERSION_TYPES,
            Transfer: ("TRANSFER_OUT", "TRANSFER_IN"),
            Deposit: ("DEPOSIT",),
            Withdrawal: ("WITHDRAW",),
        }
        return legs[type(event)][leg]

    def _sums(self, row: Row, fees_outside: bool) -> dict[str, str]:
        """A futures row has profit and fee apart, as in the classic ledger; others as requested."""
        move, scale = row.move, self.scales[row.move.asset]
        fee = 0 if move.kind in ("fee", "funding") else move.fee
        apart = fee if fees_outside or isinstance(row.event, ContractFill) else 0
        return {
            "coin": move.asset, "amount": exact(move.amount + apart, scale),
            "fee": exact(-fee, scale), "balance": exact(row.balance, scale), "ts": str(row.at),
        }  # fmt: skip

    def _financial_record(self, row: Row, number: int, now: int) -> dict[str, Any]:
        line = line_of(row.event)
        return {
            "category": "Margin" if line == "MARGIN" else line, "id": str(number),
            "symbol": symbol_of(row.event),
            "type": self._type(row.event, row.move.leg, in_tax=False), "positionType": "",
            "positionAmount": "", "positionBalance": "", **self._sums(row, self._fees_outside),
        }  # fmt: skip

    def _tax_record(self, row: Row, number: int, now: int) -> dict[str, Any]:
        kind = self._type(row.event, row.move.leg, in_tax=True)
        return {"id": str(number), "type": kind, **self._sums(row, False)}

    def _funding_record(self, row: Row, number: int, now: int) -> dict[str, Any]:
        move, scale = row.move, self.scales[row.move.asset]
        return {
            "id": str(number), "coin": move.asset, "groupType": "transfer",
            "type": "transfer_out" if move.amount < 0 else "transfer_in",
            "amount": exact(move.amount, scale, 8), "balance": exact(row.balance, scale, 8),
            "ts": str(row.at),
        }  # fmt: skip

    # -- other records

    def _sizes(self, fills: list[Any]) -> tuple[str, str, str]:
        """Price, quantity in the base coin and value in the quote coin of fills of one order."""
        first, quantity = fills[0], sum(fill.quantity for fill in fills)
        if isinstance(first, SpotFill):
            market = first.market
            return (
                exact(first.price, market.price_scale),
                exact(quantity, self.scales[market.base]),
                exact(sum(fill.quote_amount for fill in fills), self.scales[market.quote]),
            )
        product, worth = self._product(first), sum(fill.value for fill in fills)
        assert product is not None
        price = exact(first.price, first.contract.price_scale)
        return price, *product.volumes(first.contract, quantity, worth)

    def _pos_side(self, fill: Any) -> str:
        """The position a fill belongs to in hedge mode; its `side` is the trade's own."""
        product = self._product(fill)
        if product is None or product.is_one_way:
            return ""
        return "long" if (fill.side == "buy") == is_opening(fill) else "short"

    def _fill(self, fill: Any, number: int, now: int) -> dict[str, Any]:
        order, product, coin = order_number(fill), self._product(fill), fee_coin(fill)
        price, quantity, value = self._sizes([fill])
        pnl = exact(fill.realised_pnl, self.scales[coin]) if product else "0"
        return {
            "execId": str(number), "execLinkId": str(number - 1), "orderId": str(order),
            "clientOid": str(order + 1), "category": line_of(fill), "symbol": symbol_of(fill),
            "orderType": fill.order_type, "side": fill.side, "posSide": self._pos_side(fill),
            "execPrice": price, "execQty": quantity, "execValue": value,
            "tradeScope": "maker" if fill.is_maker else "taker",
            "tradeSide": product.trade_side(fill) if product else "",
            "feeDetail": [{"feeCoin": coin, "fee": exact(fill.fee, self.scales[coin])}],
            "createdTime": str(fill.at - FILL_LAG), "updatedTime": str(fill.at + 3),
            "execPnl": pnl, "isRPI": "no",
        }  # fmt: skip

    def _order(self, fills: list[Any], number: int, now: int) -> dict[str, Any]:
        first, product, coin = fills[0], self._product(fills[0]), fee_coin(fills[0])
        price, quantity, value = self._sizes(fills)
        is_limit = first.order_type == "limit"
        is_market_buy = product is None and first.side == "buy" and not is_limit
        forced = isinstance(first, ContractFill) and is_burst(first)
        fee = exact(sum(fill.fee for fill in fills), self.scales[coin])
        empty = ("takeProfit", "stopLoss", "tpTriggerBy", "slTriggerBy", "tpOrderType",
                 "slOrderType", "tpLimitPrice", "slLimitPrice", "cancelReason")  # fmt: skip
        return {
            "orderId": str(number), "clientOid": str(number + 1), "category": line_of(first),
            "symbol": symbol_of(first), "orderType": first.order_type, "side": first.side,
            "price": price if is_limit else "", "qty": "0" if is_market_buy else quantity,
            "amount": value if is_market_buy else "0", "cumExecQty": quantity,
            "cumExecValue": value, "avgPrice": price, "timeInForce": "gtc",
            "orderStatus": "filled", "posSide": self._pos_side(first),
            "holdMode": product.pos_mode if product else "",
            "delegateType": "liquidation" if forced else "normal" if is_limit else "market",
            "reduceOnly": "NO", "marginMode": "crossed" if product else "", "stpMode": "none",
            "feeDetail": [{"feeCoin": coin, "fee": fee}],
            "execType": "liquidation" if forced else "normal", **dict.fromkeys(empty, ""),
            "createdTime": str(first.order_at), "updatedTime": str(fills[-1].at),
        }  # fmt: skip

    def _position(self, product: ProductLedger, held: Held, number: int) -> dict[str, Any]:
        """A closed position; fees are negative here."""
        contract, scale = held.contract, self.scales[held.contract.settle]
        opened, left = held.prices()
        return {
            "positionId": str(number), "category": product.product, "symbol": contract.symbol,
            "marginCoin": contract.settle, "holdMode": product.pos_mode, "posSide": held.side,
            "marginMode": "crossed", "openPriceAvg": opened, "closePriceAvg": left,
            "openTotalPos": plain(held.opened), "closeTotalPos": plain(held.closed),
            "cumRealisedPnl": exact(held.pnl, scale), "netProfit": exact(held.net, scale),
            "totalFunding": exact(held.funding, scale),
            "openFeeTotal": exact(-held.open_fee, scale),
            "closeFeeTotal": exact(-held.close_fee, scale),
            "createdTime": str(held.opened_at), "updatedTime": str(held.at),
        }  # fmt: skip

    def _p2p_order(self, event: Transfer, number: int, now: int) -> dict[str, Any]:
        quantity = Decimal(event.amount).scaleb(-self.scales[event.asset])
        price, made_at = Decimal("0.92"), event.at + MINUTE
        ended_at = made_at + P2P_PATIENCE
        has_ended = ended_at <= now
        return {
            "orderId": str(number), "side": "sell", "token": event.asset, "fiat": "EUR",
            "price": str(price), "amount": plain(price * quantity), "quantity": plain(quantity),
            "fee": "0", "counterparty": "somebody",
            "status": "cancelled" if has_ended else "pending_payment",
            "createdTime": str(made_at), "updatedTime": str(ended_at if has_ended else made_at),
        }  # fmt: skip

    def _money(self, event: Deposit | Withdrawal, number: int, now: int) -> dict[str, Any]:
        """The common fields of a deposit and a withdrawal."""
        changed = event.done_at if event.done_at <= now else event.at
        return {
            "orderId": str(number), "coin": event.asset, "toAddress": event.address,
            "status": self.classic.status(event, now), "chain": event.network,
            "createdTime": str(event.at), "updatedTime": str(changed), "clientOid": None,
        }  # fmt: skip

    def _deposit(self, event: Deposit, number: int, now: int) -> dict[str, Any]:
        return self._money(event, number, now) | {
            "recordId": str(number) if event.internal else event.tx, "type": "deposit",
            "dest": "internal_transfer" if event.internal else "on_chain",
            "size": exact(event.amount, self.scales[event.asset], 8),
            "fromAddress": "7000000099" if event.internal else None,
        }  # fmt: skip

    def _withdrawal(self, event: Withdrawal, number: int, now: int) -> dict[str, Any]:
        row, scale = self._money(event, number, now), self.scales[event.asset]
        done = row["status"] == "success"
        return row | {
            "recordId": event.tx if done else "", "type": "withdraw", "dest": "on_chain",
            "size": exact(event.amount, scale), "fromAddress": None,
            "fee": exact(-event.fee, scale), "confirm": "20" if done else "0", "tag": None,
        }  # fmt: skip

    def _conversion(self, event: Conversion, number: int, now: int) -> dict[str, Any]:
        return {
            "fromCoin": event.from_asset, "toCoin": event.to_asset, "price": "1",
            "fromCoinSize": exact(event.from_amount, self.scales[event.from_asset]),
            "toCoinSize": exact(event.to_amount, self.scales[event.to_asset]),
            "ts": str(event.at),
        }  # fmt: skip

    def _dust(self, event: Conversion, number: int, now: int) -> dict[str, Any]:
        """A conversion of a small balance; the rate includes the cost."""
        return {
            "orderId": str(number), "fromCoin": event.from_asset, "fromCoinPrice": "1",
            "fromAmount": exact(event.from_amount, self.scales[event.from_asset]),
            "toCoin": event.to_asset, "toCoinPrice": "1",
            "toAmount": exact(event.to_amount, self.scales[event.to_asset]),
            "feeDetail": {"feeCoin": event.to_asset, "fee": "0"}, "status": "success",
            "createdTime": str(event.at),
        }  # fmt: skip

    def _transfer(self, event: Transfer, number: int, now: int) -> dict[str, Any]:
        source, target = (SPELLED[wallet_of(w)] for w in (event.from_wallet, event.to_wallet))
        return {
            "transferId": str(number), "fromType": source, "toType": target,
            "amount": exact(event.amount, self.scales[event.asset], 8), "coin": event.asset,
            "fromUserId": self.uid, "toUserId": self.uid, "status": "Successful",
            "clientOid": str(number), "createdTime": str(event.at), "updatedTime": str(event.at),
            "oldTransferId": str(190_000_000 + event.seq),
        }  # fmt: skip

    # -- balances

    def balances(self, now: int) -> dict[str, dict[str, int]]:
        """Of the two wallets there are; their balances begin long before the upgrade."""
        return {
            wallet: {row.move.asset: row.balance for row in rows if row.at <= now}
            for wallet, rows in self.rows.items()
        }

    def coins(self, wallet: str, now: int) -> list[tuple[str, int]]:
        """The non-zero balances of a wallet, by coin; no other coin is listed."""
        return [(coin, amount) for coin, amount in sorted(self.balances(now)[wallet].items())
                if amount]  # fmt: skip

    def debts(self, now: int) -> dict[str, int]:
        """Per coin, the debt."""
        owed: dict[str, int] = {}
        for loan in self.of(Loan):
            if loan.at <= now:
                change = -loan.amount if loan.is_repaid else loan.amount
                owed[loan.asset] = owed.get(loan.asset, 0) + change
        return owed

    # -- ground truth: the classic one up to the upgrade

    def entries(self) -> Iterator[Entry]:
        """Movements with the ids of both ledgers."""
        yield from (entry for entry in self.classic.entries() if entry.move.at < self.since)
        tables = self.tables
        tax = iter(tables["unified_tax_records"].ids)
        for wallet, name in ((UNIFIED, "financial"), (FUNDING, "funding")):
            table = tables[f"unified_{name}_records"]
            for row, number in zip(table.events, table.ids, strict=True):
                kind, record = self._kind(row.event, row.move), None
                if wallet == UNIFIED:
                    record = str(next(tax))
                move = replace(row.move, wallet=wallet, kind=kind)
                yield Entry(move, str(move.event), str(number), {"tax_record_id": record})

    def _kind(self, event: Event, move: Movement) -> str:
        if isinstance(event, Reward) and event.flavour in UNCLASSIFIABLE:
            return "unclassified"
        product = self._product(event)
        return move.kind if product is None else product.kind_of(event)

    def deposits(self, now: int) -> list[dict[str, Any]]:
        """As the classic routes have them."""
        return self.classic.deposits(now)

    def withdrawals(self, now: int) -> list[dict[str, Any]]:
        """As the classic routes have them."""
        return self.classic.withdrawals(now)

    def trades(self, now: int) -> list[dict[str, Any]]:
        """A fill's own time lies a little before its ledger rows."""
        since, lag = iso(self.since), timedelta(milliseconds=FILL_LAG)
        rows = self.classic.trades(now)
        for row in rows:
            if row["traded_at"] >= since:
                moment = datetime.fromisoformat(row["traded_at"]) - lag
                row["booked_at"], row["traded_at"] = row["traded_at"], iso(to_ms(moment))
        return rows

    def transfers(self, now: int) -> list[dict[str, Any]]:
        """Moves with a record of their own; those to and from bots are in the ledger alone."""
        since = iso(self.since)
        ids = self.record_ids("unified_transfer_records")
        moved = {row.move.event for row in self.rows[UNIFIED] if row.at >= self.since}
        return [row for row in self.classic.transfers(now) if row["at"] < since] + [
            self.transfer(
                event, ids.get(id(event)), from_wallet=wallet_of(event.from_wallet),
                to_wallet=wallet_of(event.to_wallet),
            )
            for event in self.of(Transfer)
            if self.since <= event.at <= now and (id(event) in ids or event.seq in moved)
        ]  # fmt: skip

    def counts(self, now: int) -> dict[str, int]:
        """Records of both kinds of routes."""
        positions = sum(table.count(now) for table in self.positions.values())
        counted = self.classic.counts(now) | super().counts(now)
        return counted | {"unified_positions": positions}


class Account(BitgetLedger):
    """An account that is a unified one from `since` on, if ever."""

    def __init__(
        self, history: History, uid: str, since: int | None, *, fees_outside: bool
    ) -> None:
        super().__init__(history, uid)
        self._since, self._fees_outside = since, fees_outside

    @cached_property
    def _unified(self) -> UnifiedLedger:
        assert self._since is not None
        return UnifiedLedger(self, self._since, fees_outside=self._fees_outside)

    def as_of(self, now: int) -> Ledger:
        """From the upgrade on, the ledger of a unified account."""
        return self._unified if self._since is not None and self._since <= now else self
