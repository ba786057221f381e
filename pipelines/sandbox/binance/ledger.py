"""Binance's coins and pairs, and the records that its lists make of an account's events."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby
from typing import Any

import msgspec

from pipelines.sandbox.engine.account import (
    DAY,
    MINUTE,
    SECOND,
    Asset,
    Conversion,
    Deposit,
    History,
    Market,
    Purchase,
    Reward,
    SpotFill,
    Transfer,
    Venue,
    Withdrawal,
    exact,
)
from pipelines.sandbox.engine.clock import from_ms
from pipelines.sandbox.engine.ledger import Ledger, iso
from pipelines.sandbox.engine.table import Table

WALLETS = {"spot": "MAIN", "funding": "FUNDING", "usdm_futures": "UMFUTURE"}
REWARDS = {
    "launchpool": "Launchpool", "vault": "BNB Vault", "staking": "ETH 2.0 Staking Rewards",
    "locked": "Simple Earn Locked Rewards",
}  # fmt: skip
MONEY = "EUR"
VENUE = Venue(
    name="binance", cash="USDT", fee_coin="BNB", rewards=tuple(REWARDS),
    other_wallets=("funding", "usdm_futures"), dust=("BTC", "ETH", "ADA"), money=MONEY,
    purchases=(("card", "spot"), ("p2p", "funding")),
    assets=(
        Asset("USDT", 8, Decimal(1), ("TRX", "ETH"), Decimal(1)),
        Asset("BTC", 8, Decimal(60_000), ("BTC",), Decimal("0.0002")),
        Asset("ETH", 8, Decimal(3_000), ("ETH",), Decimal("0.001")),
        Asset("BNB", 8, Decimal(600), ("BSC",), Decimal("0.0005")),
        Asset("ADA", 8, Decimal("0.5"), ("ADA",), Decimal("0.8")),
        Asset("MOON", 8, Decimal(2), ("ETH",), Decimal(3)),
        Asset(MONEY, 8, Decimal("1.1"), ("SEPA",), Decimal("0.8")),
    ),
    markets=(
        Market("BTCUSDT", "BTC", "USDT", 2, 5, 6_000_000),
        Market("ETHUSDT", "ETH", "USDT", 2, 4, 300_000),
        Market("ETHBTC", "ETH", "BTC", 5, 3, 5_000),
        Market("BNBUSDT", "BNB", "USDT", 1, 3, 6_000),
        Market("ADAUSDT", "ADA", "USDT", 4, 1, 5_000),
        Market("MOONUSDT", "MOON", "USDT", 3, 2, 2_000, brief=True),
    ),
)  # fmt: skip
SETTLES = 10 * MINUTE
"""How long a credited deposit cannot be withdrawn."""
DEPOSIT_STATUS = {"completed": 1, "failed": 2, "canceled": 2}
WITHDRAWAL_STATUS = {"completed": 6, "failed": 5, "canceled": 1}
ORDER_STATUS = {"completed": "Successful", "failed": "Failed", "canceled": "Refunded"}
PAYMENT_STATUS = {"completed": "Completed", "failed": "Failed", "canceled": "Failed"}
P2P_STATUS = {"completed": "COMPLETED", "failed": "CANCELLED_BY_SYSTEM", "canceled": "CANCELLED"}


def second(ms: int) -> int:
    """A moment without its milliseconds."""
    return ms // SECOND * SECOND


def local(ms: int) -> str:
    """A time as withdrawals write it: UTC, to the second, without a zone."""
    return from_ms(ms).strftime("%Y-%m-%d %H:%M:%S")


class BinanceLedger(Ledger):
    """One account. Ids of fills count by symbol; withdrawals have times to the second."""

    records = ("trades", "deposits", "withdrawals", "transfers", "dividends", "conversions",
               "fiat_orders", "fiat_payments", "p2p_orders")  # fmt: skip
    wallets = ("spot", "funding")

    def __init__(self, history: History, uid: str) -> None:
        super().__init__(history, uid)
        plan = history.plan
        self.old = plan.opened_at + (plan.end - plan.opened_at) // 4
        """Withdrawals before it have no network."""
        coins = [e for e in self.of(Deposit, Withdrawal) if e.asset != MONEY]
        money = [e for e in self.of(Deposit, Withdrawal) if e.asset == MONEY]
        moves = self.of(Transfer)
        # A transfer that failed moves nothing, and is listed.
        moves += [
            msgspec.structs.replace(e, seq=-e.seq, at=e.at - MINUTE) for e in moves if not e.seq % 5
        ]
        swaps, bought = self.of(Conversion), self.of(Purchase)
        dust = [e for e in swaps if e.batch]
        batches = [list(own) for _, own in groupby(dust, key=lambda e: e.batch)]
        self.fills: dict[str, Table] = {}
        for market in VENUE.markets:
            own = [e for e in self.of(SpotFill) if e.market == market]
            ids = [100 + 3 * n for n in range(len(own))]
            self.fills[market.symbol] = Table(own, ids, self._trade)
        every = [
            (e, n) for t in self.fills.values() for e, n in zip(t.events, t.ids, strict=True)
        ]
        self.tables = {
            "trades": Table([e for e, _ in every], [n for _, n in every], self._trade),
            "deposits": self._table([e for e in coins if isinstance(e, Deposit)], self._deposit,
                                    7_000_000_000),
            "withdrawals": self._table([e for e in coins if isinstance(e, Withdrawal)],
                                       self._withdrawal),
            "transfers": Table(moves, [90_000_000 + 2 * n for n in range(len(moves))],
                               self._transfer, group=self.type_of),
            "dividends": self._table(self.of(Reward), self._dividend, 160_000_000),
            "conversions": self._table([e for e in swaps if not e.batch], self._swap, 940_000_000),
            "dust": Table(batches, [45_178_000_000 + own[0].batch for own in batches], self._dust,
                          at=lambda own: own[0].at),
            "fiat_orders": self._table(money, self._fiat_order),
            "fiat_payments": self._table([e for e in bought if e.channel == "card"], self._payment),
            "p2p_orders": self._table([e for e in bought if e.channel == "p2p"], self._p2p,
                                      2_000_000_000),
        }  # fmt: skip

    def _table(self, events: list[Any], render: Any, first: int = 0) -> Table:
        """Rows whose ids are numbers from `first` on, or hashes."""
        ids = [str(first + 7 * e.seq) if first else self._hash("id", e) for e in events]
        return Table(events, ids, render)

    def _hash(self, word: str, event: Any) -> str:
        return hashlib.sha256(f"{self.uid}:{word}:{event.seq}".encode()).hexdigest()[:32]

    def text(self, amount: int, asset: str, pad: int = 0) -> str:
        """An amount as text."""
        return exact(amount, self.scales[asset], pad)

    # -- records

    def _trade(self, e: SpotFill, number: int, now: int) -> dict[str, Any]:
        return {
            "symbol": e.market.symbol, "id": number, "orderId": 1_000 + e.order, "orderListId": -1,
            "price": exact(e.price, e.market.price_scale, 8),
            "qty": self.text(e.quantity, e.market.base, 8),
            "quoteQty": self.text(e.quote_amount, e.market.quote, 8),
            "commission": self.text(e.fee, e.fee_asset, 8), "commissionAsset": e.fee_asset,
            "time": e.at, "isBuyer": e.side == "buy", "isMaker": e.is_maker, "isBestMatch": True,
        }  # fmt: skip

    def _deposit(self, e: Deposit, number: str, now: int) -> dict[str, Any]:
        is_final, is_free = e.done_at <= now, e.done_at + SETTLES <= now
        status = DEPOSIT_STATUS[e.status] if is_final else 0
        status = 6 if status == 1 and not is_free else status
        confirmed = 12 if is_free else 6 if is_final else 1
        done = {"completeTime": e.done_at} if status in (1, 6) else {}
        return {
            "id": number, "amount": self.text(e.amount, e.asset), "coin": e.asset,
            "network": e.network, "status": status, "address": e.address, "addressTag": "",
            "txId": f"Internal transfer {number}" if e.internal else e.tx, "insertTime": e.at,
            **done, "transferType": int(e.internal), "confirmTimes": f"{confirmed}/12",
            "unlockConfirm": 12, "walletType": 0, "travelRuleStatus": 0,
        }  # fmt: skip

    def _withdrawal(self, e: Withdrawal, number: str, now: int) -> dict[str, Any]:
        is_final = e.done_at <= now
        is_done = is_final and e.status == "completed"
        return {
            "id": number, "amount": self.text(e.amount - e.fee, e.asset),
            "transactionFee": self.text(e.fee, e.asset), "coin": e.asset,
            "status": WITHDRAWAL_STATUS[e.status] if is_final else 4, "address": e.address,
            "txId": e.tx if is_done else "", "applyTime": local(e.at),
            **({} if e.at < self.old else {"network": e.network}), "transferType": 0,
            **({"withdrawOrderId": f"own-{e.seq}"} if e.seq % 3 == 0 else {}),
            "info": "", "confirmNo": 12 if is_done else 0, "walletType": 0, "txKey": "",
            **({"completeTime": local(e.done_at)} if is_done else {}),
        }  # fmt: skip

    def _transfer(self, e: Transfer, number: int, now: int) -> dict[str, Any]:
        return {
            "asset": e.asset, "amount": self.text(e.amount, e.asset), "type": self.type_of(e),
            "status": "FAILED" if e.seq < 0 else "CONFIRMED", "tranId": number, "timestamp": e.at,
        }  # fmt: skip

    @staticmethod
    def type_of(e: Transfer) -> str:
        """The transfer's type, which names both wallets."""
        return f"{WALLETS[e.from_wallet]}_{WALLETS[e.to_wallet]}"

    def _dividend(self, e: Reward, number: str, now: int) -> dict[str, Any]:
        return {
            "id": int(number), "amount": self.text(e.amount, e.asset), "asset": e.asset,
            "divTime": e.at, "enInfo": REWARDS[e.flavour], "tranId": 2_968_885_920 + e.seq,
            "direction": 1,
        }  # fmt: skip

    def _swap(self, e: Conversion, number: str, now: int) -> dict[str, Any]:
        given, got = self.text(e.from_amount, e.from_asset), self.text(e.to_amount, e.to_asset)
        ratio = Decimal(got) / Decimal(given)
        return {
            "quoteId": self._hash("quote", e), "orderId": int(number), "orderStatus": "SUCCESS",
            "fromAsset": e.from_asset, "fromAmount": given, "toAsset": e.to_asset, "toAmount": got,
            "ratio": f"{ratio:.8f}", "inverseRatio": f"{1 / ratio:.8f}", "createTime": e.at,
        }  # fmt: skip

    def _dust(self, own: list[Conversion], number: int, now: int) -> dict[str, Any]:
        target = own[0].to_asset
        return {
            "operateTime": own[0].at,
            "totalTransferedAmount": self.text(sum(e.to_amount for e in own), target),
            "totalServiceChargeAmount": self.text(sum(e.fee for e in own), target),
            "transId": number,
            "userAssetDribbletDetails": [
                {
                    "transId": number, "fromAsset": e.from_asset,
                    "amount": self.text(e.from_amount, e.from_asset),
                    "transferedAmount": self.text(e.to_amount, target),
                    "serviceChargeAmount": self.text(e.fee, target), "operateTime": e.at,
                    "targetAsset": target,
                }
                for e in own
            ],
        }  # fmt: skip

    def _fiat_order(self, e: Deposit | Withdrawal, number: str, now: int) -> dict[str, Any]:
        is_final, fee = e.done_at <= now, getattr(e, "fee", 0)
        shown = second if isinstance(e, Withdrawal) else int
        return {
            "orderNo": number, "fiatCurrency": e.asset,
            "indicatedAmount": self.text(e.amount, e.asset),
            "amount": self.text(e.amount - fee, e.asset), "totalFee": self.text(fee, e.asset),
            "method": "BankAccount",
            "status": ORDER_STATUS[e.status] if is_final else "Processing",
            "createTime": shown(e.at), "updateTime": shown(e.done_at if is_final else e.at),
        }  # fmt: skip

    def _payment(self, e: Purchase, number: str, now: int) -> dict[str, Any]:
        coins = self.text(e.amount, e.asset)
        return {
            "orderNo": number, "sourceAmount": exact(e.cost, 2, 2), "fiatCurrency": MONEY,
            "obtainAmount": coins, "cryptoCurrency": e.asset, "totalFee": exact(e.fee, 2, 2),
            "price": f"{Decimal(e.cost - e.fee) / 100 / Decimal(coins):.8f}",
            "status": PAYMENT_STATUS[e.status],
            **({"paymentMethod": "Credit Card"} if e.side == "buy" else {}),
            "createTime": e.at, "updateTime": e.at,
        }  # fmt: skip

    def _p2p(self, e: Purchase, number: str, now: int) -> dict[str, Any]:
        coins, total = self.text(e.amount, e.asset), exact(e.cost, 2, 2)
        return {
            "orderNumber": number, "advNo": f"11{e.seq:010d}", "tradeType": e.side.upper(),
            "asset": e.asset, "fiat": MONEY, "fiatSymbol": "€", "amount": coins,
            "totalPrice": total, "unitPrice": f"{Decimal(total) / Decimal(coins):.8f}",
            "orderStatus": P2P_STATUS[e.status], "createTime": e.at, "commission": "0",
            "takerCommission": "0", "takerAmount": coins, "advertisementRole": "TAKER",
        }  # fmt: skip

    # -- ground truth

    def record_id(self, event: Any, number: Any) -> str:
        """Ids of fills count by symbol."""
        return f"{event.market.symbol}|{number}" if isinstance(event, SpotFill) else str(number)

    def record_ids(self, *tables: str) -> dict[int, str]:
        """One dust record shows several swaps."""
        dust = self.tables["dust"]
        ids = super().record_ids(*tables)
        pairs = zip(dust.events, dust.ids, strict=True)
        return ids | {id(e): str(number) for own, number in pairs for e in own}

    def shown_at(self, at: int, kind: str) -> int:
        """Withdrawals of coins have times to the second."""
        return second(at) if kind == "withdrawal" else at

    def deposits(self, now: int) -> list[dict[str, Any]]:
        """Coins and money."""
        return [
            self._money(e, record, now)
            for name in ("deposits", "fiat_orders")
            for e, record in self.shown(name, Deposit, now)
        ]

    def withdrawals(self, now: int) -> list[dict[str, Any]]:
        """Coins and money."""
        return [
            self._money(e, record, now)
            for name in ("withdrawals", "fiat_orders")
            for e, record in self.shown(name, Withdrawal, now)
        ]

    def _money(self, e: Deposit | Withdrawal, record: str, now: int) -> dict[str, Any]:
        """As far as the lists show it."""
        row, is_money = self.money(e, record, now), e.asset == MONEY
        if is_money:
            row |= {"network": None, "address": None}
        if is_money or getattr(e, "internal", False):
            row["tx_hash"] = None
        if row["status"] != "completed" and not is_money:
            row["completed_at"] = None
        if isinstance(e, Withdrawal):
            row["requested_at"] = iso(second(e.at))
            row["completed_at"] = row["completed_at"] and iso(second(e.done_at))
            if e.at < self.old:
                row["network"] = None
        return row

    def transfers(self, now: int) -> list[dict[str, Any]]:
        """Those that did not fail."""
        shown = self.shown("transfers", Transfer, now)
        return [self.transfer(e, record) for e, record in shown if e.seq >= 0]

    def held(self, now: int) -> dict[str, int]:
        """Per coin, what pending withdrawals hold."""
        totals: dict[str, int] = {}
        for e in self.of(Withdrawal):
            if e.at <= now < e.done_at:
                totals[e.asset] = totals.get(e.asset, 0) + e.amount
        return totals

    # -- balances

    def coins(self, wallet: str, now: int) -> Iterator[tuple[str, int, int]]:
        """Coin, what can be spent of it, and what pending withdrawals hold."""
        held = self.held(now) if wallet == "spot" else {}
        for asset, amount in sorted(self.balances(now)[wallet].items()):
            yield asset, amount - held.get(asset, 0), held.get(asset, 0)

    def days(self, now: int) -> list[int]:
        """The last milliseconds of the last thirty days of the account."""
        midnight = now // DAY * DAY
        return [
            at
            for n in range(30, 0, -1)
            if (at := midnight - (n - 1) * DAY - 1) >= self.opened_at
        ]
