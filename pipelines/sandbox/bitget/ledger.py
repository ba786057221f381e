"""One simulated account of Bitget, classic side: the tables of its routes and its ground truth."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from functools import cached_property
from typing import Any

from msgspec.structs import replace

from pipelines.sandbox.bitget import convert, copy
from pipelines.sandbox.bitget.earn import Earn
from pipelines.sandbox.bitget.futures import ProductLedger, is_burst
from pipelines.sandbox.bitget.loans import Loans
from pipelines.sandbox.bitget.margin import KINDS, TAGS, WalletLedger
from pipelines.sandbox.bitget.market import PRODUCTS, VENUE
from pipelines.sandbox.bitget.rows import Row, numbered, order_number, rows_of, snowflake
from pipelines.sandbox.bitget.sub_accounts import OTHER_ACCOUNTS, moves_between
from pipelines.sandbox.bitget.words import words_of
from pipelines.sandbox.engine.account import (
    HOUR,
    Deposit,
    Event,
    History,
    Movement,
    PledgedLoan,
    Reward,
    SpotFill,
    Transfer,
    Withdrawal,
    exact,
)
from pipelines.sandbox.engine.ledger import Entry, Ledger
from pipelines.sandbox.engine.table import Table

UPPER_SINCE = 1_735_689_600_000
"""Bills said `transfer_out` in 2023 and `TRANSFER_OUT` in 2026; here 2025 is the turn."""
UNCLASSIFIABLE = frozenset({"financial", "unlabelled", "unknown"})
"""Flavours of a reward whose labels do not name the purpose."""
UNLISTED = frozenset({"bots", "earn", *OTHER_ACCOUNTS})
"""Ends of transfers that transferRecords does not list."""
SOURCES = ("WEB", "APP", "API", "IOS", "ANDROID")
GIVEN_UP = 1 << 17
"""In the number of an order without fills, which was canceled within the hour."""
STREAMS = {
    "deposits": "deposit_records", "withdrawals": "withdrawal_records", "trades": "spot_fills",
    "transfers": "transfer_records",
}  # fmt: skip


class BitgetLedger(Ledger):
    """The classic routes' tables of one history."""

    wallets = ("spot",)

    def __init__(self, history: History, uid: str) -> None:
        super().__init__(history, uid)
        spot = rows_of(history, lambda move, event: move.wallet == "spot")
        times = [row.at for row in spot]
        moved = [e for e in self.of(Transfer) if UNLISTED.isdisjoint((e.from_wallet, e.to_wallet))]
        self.tables = {
            "tax_spot_records": Table(spot, numbered(times, "tax"), self._tax_record),
            "spot_bills": Table(spot, numbered(times, "bill"), self._bill),
            "spot_fills": self._table(SpotFill, "fill", self._fill),
            "deposit_records": self._table(Deposit, "deposit", self._deposit),
            "withdrawal_records": self._table(Withdrawal, "withdrawal", self._withdrawal),
            "transfer_records": Table(
                moved, range(30_000_000, 30_000_000 + 7 * len(moved), 7), self._transfer
            ),
            "sub_account_transfers": moves_between(self),
            **convert.tables(self),
        }

    def _table(self, kind: type[Event], tag: str, render: Any) -> Table:
        events = self.of(kind)
        return Table(events, numbered((event.at for event in events), tag), render)

    @cached_property
    def products(self) -> dict[str, ProductLedger]:
        """Futures by product."""
        return {name: ProductLedger(self.history, self.scales, name) for name in PRODUCTS}

    @cached_property
    def margin(self) -> dict[str, WalletLedger]:
        """The wallets of margin and P2P."""
        return {wallet: WalletLedger(self.history, self.scales, wallet) for wallet in TAGS}

    @cached_property
    def earn(self) -> Earn:
        """Savings and Shark Fin."""
        return Earn(self)

    @cached_property
    def loans(self) -> Loans:
        """Loans on pledged coins."""
        return Loans(self)

    @cached_property
    def orders(self) -> Table:
        """Spot orders by the moment they were placed; listed once they are final."""
        fills: dict[int, list[SpotFill]] = defaultdict(list)
        for fill in self.of(SpotFill):
            fills[fill.order].append(fill)
        numbers = [*fills, *(number | GIVEN_UP for number in fills if number % 7 == 3)]
        orders = sorted(
            (own[0].order_at, snowflake(own[0].order_at, "order", number), number, own)
            for number in numbers
            for own in (fills[number & ~GIVEN_UP],)
        )
        return Table(
            orders, [number for _, number, *_ in orders], self._order,
            at=lambda order: int(order[0]), shown_from=self._ended_at,
        )  # fmt: skip

    # -- records

    @staticmethod
    def _biz_id(event: Any) -> str:
        if isinstance(event, SpotFill):
            return str(order_number(event))
        return str(snowflake(event.at, "biz", event.seq))

    def _tax_record(self, row: Row, number: int, now: int) -> dict[str, Any]:
        move, scale = row.move, self.scales[row.move.asset]
        fee = 0 if move.kind == "fee" else move.fee
        return {
            "id": str(number), "coin": move.asset,
            "spotTaxType": words_of(row.event, move.leg).label,
            "amount": exact(move.amount, scale, 8), "fee": exact(-fee, scale, 8) if fee else "0",
            "balance": exact(row.balance, scale, 8), "bizOrderId": self._biz_id(row.event),
            "ts": str(row.at),
        }  # fmt: skip

    def _bill(self, row: Row, number: int, now: int) -> dict[str, Any]:
        move, words = row.move, words_of(row.event, row.move.leg)
        scale = self.scales[move.asset]
        cut = row.balance // 10 ** max(0, scale - 8)  # `size` is whole, `balance` is cut
        return {
            "cTime": str(row.at), "coin": move.asset, "groupType": words.group,
            "businessType": words.business if row.at >= UPPER_SINCE else words.business.lower(),
            "size": exact(move.amount, scale, 8), "balance": exact(cut, min(scale, 8), 8),
            "fees": exact(0 if move.kind == "fee" else -move.fee, scale, 8),
            "billId": str(number), "bizOrderId": self._biz_id(row.event),
        }  # fmt: skip

    def _fill(self, fill: SpotFill, number: int, now: int) -> dict[str, Any]:
        market, fee = fill.market, exact(-fill.fee, self.scales[fill.fee_asset])
        # The total of a deduction that did not happen is "", "0" or null.
        deduction = fee if fill.deducted else ("", "0", None)[fill.order // 3 % 3]
        return {
            "userId": self.uid, "symbol": market.symbol, "orderId": str(order_number(fill)),
            "tradeId": str(number), "orderType": fill.order_type, "side": fill.side,
            "priceAvg": exact(fill.price, market.price_scale),
            "size": exact(fill.quantity, self.scales[market.base], market.quantity_scale),
            "amount": exact(fill.quote_amount, self.scales[market.quote], 4),
            "feeDetail": {
                "deduction": "yes" if fill.deducted else "no", "feeCoin": fill.fee_asset,
                "totalDeductionFee": deduction, "totalFee": fee,
            },
            "tradeScope": "maker" if fill.is_maker else "taker", "cTime": str(fill.at),
            "uTime": str(fill.at + fill.seq % 97),
        }  # fmt: skip

    def status(self, event: Deposit | Withdrawal, now: int) -> str:
        """Bitget's word for how far a deposit or withdrawal is."""
        if event.done_at > now:
            return "pending"
        return "success" if event.status == "completed" else "fail"

    def _deposit(self, event: Deposit, number: int, now: int) -> dict[str, Any]:
        final = event.done_at <= now
        return {
            "orderId": str(number),
            "tradeId": self._biz_id(event) if event.internal else event.tx, "coin": event.asset,
            "clientOid": None if event.seq % 3 else "", "type": "deposit",
            "size": exact(event.amount, self.scales[event.asset], 8),
            "status": self.status(event, now), "toAddress": event.address,
            "dest": "internal_transfer" if event.internal else "on_chain", "chain": event.network,
            "fromAddress": "7000000099" if event.internal else None,
            "confirm": "1" if final else "0", "tag": "" if event.seq % 2 else None,
            "cTime": str(event.at), "uTime": str(event.done_at if final else event.at),
        }  # fmt: skip

    def _withdrawal(self, event: Withdrawal, number: int, now: int) -> dict[str, Any]:
        status, scale = self.status(event, now), self.scales[event.asset]
        done = status == "success"
        return {
            "orderId": str(number), "tradeId": event.tx if done else "", "coin": event.asset,
            "dest": "on_chain", "clientOid": self._biz_id(event), "type": "withdraw",
            "tag": "" if event.seq % 2 else None, "size": exact(event.amount, scale, 8),
            "fee": exact(-event.fee, scale, 8), "status": status, "toAddress": event.address,
            "fromAddress": None, "confirm": "20" if done else "0", "chain": event.network,
            "cTime": str(event.at),
            "uTime": str(event.done_at if event.done_at <= now else event.at),
        }  # fmt: skip

    def _transfer(self, event: Transfer, number: int, now: int) -> dict[str, Any]:
        source, target = (
            event.symbol if wallet == "isolated_margin" else ""
            for wallet in (event.from_wallet, event.to_wallet)
        )
        return {
            "coin": event.asset, "status": "Successful", "toType": event.to_wallet,
            "toSymbol": target, "fromType": event.from_wallet, "fromSymbol": source,
            "size": exact(event.amount, self.scales[event.asset], 8), "ts": str(event.at),
            "clientOid": self._biz_id(event), "transferId": str(number),
        }  # fmt: skip

    @staticmethod
    def _ended_at(order: Any) -> int:
        at, _, number, fills = order
        return int(at + HOUR if number & GIVEN_UP else fills[-1].at)

    def _order(self, order: Any, order_id: int, now: int) -> dict[str, Any]:
        placed, _, number, fills = order
        given_up = bool(number & GIVEN_UP)
        first, market, done = fills[0], fills[0].market, [] if given_up else fills
        base, quote = self.scales[market.base], self.scales[market.quote]
        volume = exact(sum(fill.quantity for fill in done), base, 16)
        value = exact(sum(fill.quote_amount for fill in done), quote, 16)
        is_market = first.order_type == "market" and not given_up
        price = exact(first.price, market.price_scale, 16)
        size = exact(sum(fill.quantity for fill in fills), base, 16)
        return {
            "userId": self.uid, "symbol": market.symbol, "orderId": str(order_id),
            "clientOid": f"c{number}", "price": "0" if is_market else price,
            # What a market order buys for is given in the quote coin.
            "size": value if is_market and first.side == "buy" else size,
            "orderType": "market" if is_market else "limit", "side": first.side,
            "status": "cancelled" if given_up else "filled", "priceAvg": price if done else "0",
            "baseVolume": volume, "quoteVolume": value,
            "enterPointSource": SOURCES[number % len(SOURCES)],
            "feeDetail": self._fee_detail(done), "orderSource": "normal", "cTime": str(placed),
            "uTime": str(self._ended_at(order)), "tpslType": "normal",
            "cancelReason": "normal_cancel" if given_up else "", "triggerPrice": None,
        }  # fmt: skip

    def _fee_detail(self, fills: list[SpotFill]) -> str:
        """The fees of the fills, as JSON in a string; empty without fills.

        Its amounts are numbers, written with all their digits, which no double holds.
        """
        if not fills:
            return ""
        fees: dict[str, int] = defaultdict(int)
        for fill in fills:
            fees[fill.fee_asset] += fill.fee
        is_deducted = any(fill.deducted for fill in fills)
        word, total, coins = json.dumps(is_deducted), "0", []
        for coin, fee in fees.items():
            total = exact(-fee, self.scales[coin])
            coins.append(
                f'"{coin}":{{"deduction":{word},"feeCoinCode":"{coin}",'
                f'"totalDeductionFee":{total if is_deducted else 0},"totalFee":{total}}}'
            )
        by_bgb, received = (total, "0") if is_deducted else ("0", total)
        new_fees = (
            f'"newFees":{{"c":0,"d":{by_bgb},"deduction":{word},"r":{received},"t":{total},'
            f'"totalDeductionFee":{by_bgb}}}'
        )
        return "{" + ",".join([new_fees, *coins]) + "}"

    # -- balances

    def held_coins(self, wallet: str, now: int) -> list[tuple[str, int]]:
        """The non-zero balances of a wallet."""
        coins = self.balances(now).get(wallet, {})
        return [(coin, amount) for coin, amount in coins.items() if amount]

    def text(self, coin: str, amount: int, pad: int = 0) -> str:
        """An amount of a coin."""
        return exact(amount, self.scales[coin], pad)

    def worth(self, coin: str, amount: int) -> Decimal:
        """An amount in USDT."""
        return Decimal(amount).scaleb(-self.scales[coin]) * VENUE.asset(coin).usd

    def changed_at(self, wallet: str, coin: str, now: int) -> int:
        """When a balance changed last; for one that never did, when the account was opened."""
        times, _ = self.steps.get((wallet, coin), ([], []))
        place = bisect_right(times, now)
        return times[place - 1] if place else self.opened_at

    # -- ground truth

    def shown(self, table: str, kind: type[Any], now: int) -> Iterator[tuple[Any, str]]:
        """As the engine's; tables are named after streams here."""
        return super().shown(STREAMS.get(table, table), kind, now)

    def entries(self) -> Iterator[Entry]:
        """Movements of the spot wallet and of wallets without a ledger, then all the others."""
        ids = iter(self.tables["tax_spot_records"].ids)
        elsewhere = {*PRODUCTS.values(), *TAGS, *OTHER_ACCOUNTS}
        for move in self.history.movements():
            if move.wallet not in elsewhere:
                record = str(next(ids)) if move.wallet == "spot" else None
                kind = self._kind(self.history.events[move.event], move)
                yield Entry(replace(move, kind=kind), str(move.event), record)
        for product in self.products.values():
            yield from product.entries()
        for wallet in self.margin.values():
            yield from wallet.entries()

    @staticmethod
    def _kind(event: Event, move: Movement) -> str:
        if isinstance(event, Reward) and event.flavour in UNCLASSIFIABLE:
            return "unclassified"
        if isinstance(event, Transfer) and "bots" in (event.from_wallet, event.to_wallet):
            return "bot_transfer"
        if isinstance(event, PledgedLoan) and move.kind != "interest":
            # Labels of the spot ledger do not name a loan: the lists of loans do.
            return "unclassified" if move.kind == "borrow" else "adjustment"
        return move.kind

    def money(self, event: Any, record: str, now: int, **changes: Any) -> dict[str, Any]:
        """Internal deposits have no hash; `fail` stands for both ways a withdrawal can end."""
        if isinstance(event, Deposit) and event.internal:
            changes["tx_hash"] = None
        if isinstance(event, Withdrawal) and self.status(event, now) == "fail":
            changes["status"] = "failed"
        return super().money(event, record, now, **changes)

    def spot_fill(self, fill: SpotFill, record: str, **changes: Any) -> dict[str, Any]:
        """With the order's id."""
        return super().spot_fill(fill, record, order_id=str(order_number(fill)), **changes)

    def trades(self, now: int) -> list[dict[str, Any]]:
        """Fills of spot, then of every futures product."""
        rows = super().trades(now)
        for product in self.products.values():
            for fill, number in product.fills.until(now):
                base, _ = product.volumes(fill.contract, fill.quantity, fill.value)
                rows.append(self.contract_fill(
                    fill, str(number), order_id=str(order_number(fill)), contract_quantity=base,
                    is_forced=is_burst(fill),
                ))  # fmt: skip
        return rows

    def transfers(self, now: int) -> list[dict[str, Any]]:
        """Moves between wallets and accounts, listed or not; `crosses`: out of this one, or in."""
        ids = self.record_ids("transfer_records", "sub_account_transfers")
        return [
            self.transfer(
                event, ids.get(id(event)),
                from_wallet="spot" if event.from_wallet in OTHER_ACCOUNTS else event.from_wallet,
                to_wallet="spot" if event.to_wallet in OTHER_ACCOUNTS else event.to_wallet,
                crosses="out" if event.to_wallet in OTHER_ACCOUNTS
                else "in" if event.from_wallet in OTHER_ACCOUNTS else None,
            )
            for event in self.of(Transfer)
            if event.at <= now
        ]  # fmt: skip

    def counts(self, now: int) -> dict[str, int]:
        """Records by stream, over everything that it can be requested by."""
        products, earn = list(self.products.values()), self.earn
        sums = {
            "tax_future_records": [product.tax for product in products],
            "mix_bills": [product.bills for product in products],
            "mix_fills": [product.fills for product in products],
            "mix_orders": [product.orders for product in products],
            "mix_closed_positions": [product.positions for product in products],
            "tax_margin_records": [self.margin[wallet].tax for wallet in KINDS.values()],
            "tax_p2p_records": [self.margin["p2p"].tax],
            "savings_records": earn.savings.values(),
            "sharkfin_records": earn.sharkfin.values(),
            "loan_borrows": [self.loans.closed(now)],
            "loan_repayments": [self.loans.repayments],
            "loan_revisions": [self.loans.revisions],
            "copied_positions": [copy.positions(product, False, now) for product in products],
            "copied_spot_orders": [copy.spot_orders(self, False, now)],
        }
        counted = {name: sum(table.count(now) for table in tables) for name, tables in sums.items()}
        return super().counts(now) | counted
