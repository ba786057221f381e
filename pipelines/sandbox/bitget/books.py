"""What Bitget's classic routes say of one synthetic account: sorted tables of rows as JSON bytes.

A table is ordered by time and, within a millisecond, by id, oldest first; ids grow with time.
Rows are written when they are first asked for, so a large account starts as fast as a small one.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.sandbox.engine.account import (
    Conversion,
    Deposit,
    Event,
    Life,
    Movement,
    PledgedLoan,
    Reward,
    SpotFill,
    Transfer,
    Withdrawal,
    exact,
)

EPOCH = 1_325_376_000_000
TAGS = {
    "tax": 1, "bill": 2, "fill": 3, "order": 4, "deposit": 5, "withdrawal": 6, "biz": 7,
    "future_tax": 8, "future_bill": 9, "future_fill": 10, "position": 11, "margin_tax": 12,
    "margin": 13, "p2p": 14, "list": 15,
}  # fmt: skip
CACHED_ROWS = 300_000
UPPER_SINCE = 1_735_689_600_000
"""Bills said `transfer_out` in 2023 and `TRANSFER_OUT` in 2026; we let 2025 be the turn."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A kind of spot movement, with the words Bitget's two ledgers have for it."""

    label: str
    """spotTaxType of the tax record."""
    group: str
    """groupType of the bill."""
    business: str
    """businessType of the bill, upper case."""


REWARDS = {
    "airdrop": Leg("Airdrop Reward-A", "other", "AIRDROP_REWARDS"),
    "rebate": Leg("Trading fee rebate", "other", "REBATE_REWARDS"),
    "interest": Leg("batch_interest_user_in", "financial", "BATCH_INTEREST_USER_IN"),
    "savings": Leg(
        "FINANCIAL_BATCH_FUND_INVESTMENT_USER_IN", "financial", "FINANCIAL_BATCH_FUND_INVESTMENT"
    ),
    "coupon": Leg("rebate_coupon_activity_user_in", "other", "REBATE_COUPON_ACTIVITY_USER_IN"),
    "gift": Leg("Reward", "other", "USDT_CONTRACT_REWARDS"),
    "financial": Leg("Financial", "financial", "FINANCIAL_USER_IN"),
    "unlabelled": Leg("", "other", ""),
    "unknown": Leg("quest_season_user_in", "other", "QUEST_SEASON_USER_IN"),
}
"""What a reward's flavour is called. The last four words are not in the docs."""
DEPOSIT = Leg("Deposit", "deposit", "DEPOSIT")
WITHDRAWALS = (
    Leg("Withdrawal", "withdraw", "WITHDRAW"),
    Leg("Ordinary Withdrawal", "withdraw", "WITHDRAW"),
)
TRANSFER = (
    Leg("Transfer out", "transfer", "TRANSFER_OUT"),
    Leg("Transfer in", "transfer", "TRANSFER_IN"),
)
BOTS = (
    (
        Leg("Automatic withdrawal", "strategy", "STRATEGY_TRANSFER_OUT"),
        Leg("Automatic deposit", "strategy", "STRATEGY_TRANSFER_IN"),
    ),
    (
        Leg("Withdraw to strategy account", "strategy", "STRATEGY_TRANSFER_OUT"),
        Leg("Deposit from strategy account", "strategy", "STRATEGY_TRANSFER_IN"),
    ),
)
"""Money to and from a bot has two pairs of names, and the bot's trades are never told."""
EARN = (
    (
        Leg("Subscribe", "financial", "FINANCIAL_SUBS_OUT"),
        Leg("Redemption", "financial", "FINANCIAL_REDE_IN"),
    ),
    (
        Leg("financial_subs_out", "financial", "FINANCIAL_SUBS_OUT"),
        Leg("financial_rede_in", "financial", "FINANCIAL_REDE_IN"),
    ),
)
LOAN = {
    "taken": (
        Leg("User lock-up", "loan", "USER_LOCK"),
        Leg("pledge_loan_user_in", "loan", "PLEDGE_LOAN_USER_IN"),
    ),
    "raised": (Leg("User lock-up", "loan", "USER_LOCK"),),
    "repaid": (
        Leg("Release", "loan", "USER_UNLOCK"),
        Leg("Repayment", "loan", "PLEDGE_REPAY_USER_OUT"),
        Leg("Interest", "loan", "PLEDGE_INTEREST_USER_OUT"),
    ),
}
"""The ledger's documented labels have no word for a loan that is paid out: that one is made up."""
UNLISTED = frozenset({"bots", "earn", "sub_account", "main_account"})
"""Ends of moves that transferRecords does not list."""
FILL = (
    Leg("Sell", "transaction", "SELL"),
    Leg("Buy", "transaction", "BUY"),
    Leg("Transaction fee deduct", "transaction", "DEDUCTION_HANDLING_FEE"),
)
"""The words tell the coin's direction, not the order's side: paid is Sell, received is Buy."""
CONVERSION = (
    Leg("Exchange spending", "convert", "EXCHANGE_SOURCE_TOKEN_USER_OUT"),
    Leg("Exchange income", "convert", "EXCHANGE_TARGET_TOKEN_USER_IN"),
)


def snowflake(at: int, tag: str, number: int) -> int:
    """A 19-digit id that grows with time; `number` tells those of one millisecond apart."""
    return (at - EPOCH) << 22 | TAGS[tag] << 18 | number & 0x3FFFF


def quoted(value: str | None) -> str:
    """A JSON string or null."""
    return "null" if value is None else json.dumps(value, ensure_ascii=False)


class Table:
    """Rows of one route: parallel arrays of times and ids, and how row `n` reads.

    `settles` gives the moment from which a row does not change any more, where rows can change.
    """

    def __init__(
        self,
        at: array[int],
        ids: array[int],
        render: Callable[[int, int], str],
        settles: Callable[[int], int] | None = None,
        events: Sequence[Event] = (),
    ) -> None:
        self.at, self.ids, self.events = at, ids, events
        self._render, self._settles = render, settles
        self._cache: dict[int, bytes] = {}
        self._keep = len(at) <= CACHED_ROWS
        self._indices: dict[str, dict[str, array[int]]] = {}

    def row(self, n: int, now: int) -> bytes:
        """Row `n` as it reads at `now` (Unix ms)."""
        known = self._cache.get(n)
        if known is not None and (self._settles is None or self._settles(n) <= now):
            return known
        text = self._render(n, now).encode()
        if self._keep and (self._settles is None or self._settles(n) <= now):
            self._cache[n] = text
        return text

    def preload(self, now: int) -> None:
        """Write every row that is final by now, and keep it: for speed measurements."""
        self._keep = True
        for n in range(len(self.at)):
            self.row(n, now)

    def bounds(self, start: int, end: int, below: int | None, skip_ties: bool) -> tuple[int, int]:
        """The half-open range of rows in [start, end], both inside, with an id below `below`.

        `skip_ties` leaves out every row on the millisecond of the row `below` names.
        """
        low, high = bisect_left(self.at, start), bisect_right(self.at, end)
        if below is not None:
            cut = bisect_left(self.ids, below)
            if skip_ties and cut < len(self.at):
                cut = bisect_left(self.at, self.at[cut])
            high = min(high, cut)
        return low, max(low, high)

    def newest(self, low: int, high: int, limit: int, skip: int = 0) -> Iterator[int]:
        """Up to `limit` row numbers of that range, newest first, after `skip` of them."""
        top = high - skip
        return iter(range(top - 1, max(low, top - limit) - 1, -1))

    def matching(
        self, column: str, value: str, key: Callable[[int], str], low: int, high: int
    ) -> array[int]:
        """The row numbers of that range whose `key` is `value`; `column` names the index."""
        if column not in self._indices:
            index: dict[str, array[int]] = {}
            for n in range(len(self.at)):
                index.setdefault(key(n), array("q")).append(n)
            self._indices[column] = index
        rows = self._indices[column].get(value, array("q"))
        return rows[bisect_left(rows, low) : bisect_left(rows, high)]


class Books:
    """The routes' tables of one life, and the truth about it."""

    def __init__(self, life: Life, uid: str) -> None:
        self.life, self.uid = life, uid
        self.scale = {asset.code: asset.scale for asset in life.plan.venue.assets}
        self.events = life.events
        self._read_ledger()
        self.fills = self._table_of(SpotFill, "fill", self._fill_row)
        self.deposits = self._table_of(Deposit, "deposit", self._deposit_row, settling=True)
        self.withdrawals = self._table_of(
            Withdrawal, "withdrawal", self._withdrawal_row, settling=True
        )
        self.transfers = self._transfer_table()
        self.shelves: dict[str, Any] = {}  # books of other wallets, made when first asked for

    # -- building

    def _read_ledger(self) -> None:
        """The spot wallet's movements with their running balances, and what other wallets hold."""
        at, ids, owner, leg = array("q"), array("q"), array("q"), array("b")
        balances: list[int] = []
        running: dict[str, int] = {}
        self.other: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self.coin_rows: dict[str, array[int]] = {}
        last_at, number = -1, 0
        for move in self.life.movements():
            if move.wallet != "spot":
                steps = self.other.setdefault((move.wallet, move.asset), [(0, 0)])
                steps.append((move.at, steps[-1][1] + move.amount))
                continue
            number = number + 1 if move.at == last_at else 0
            last_at = move.at
            balance = running.get(move.asset, 0) + move.amount
            running[move.asset] = balance
            self.coin_rows.setdefault(move.asset, array("q")).append(len(at))
            at.append(move.at)
            ids.append(snowflake(move.at, "tax", number))
            owner.append(move.event)
            leg.append(move.leg)
            balances.append(balance)
        self._owner, self._leg, self._balance = owner, leg, balances
        to_bill = (TAGS["bill"] - TAGS["tax"]) << 18
        self.tax = Table(at, ids, self._tax_row)
        self.bills = Table(at, array("q", (n + to_bill for n in ids)), self._bill_row)

    def _table_of(
        self,
        kind: type[Event],
        tag: str,
        render: Callable[[Any, int, int], str],
        settling: bool = False,
    ) -> Table:
        chosen = [event for event in self.events if isinstance(event, kind)]
        at, ids = array("q"), array("q")
        last_at, number = -1, 0
        for event in chosen:
            number = number + 1 if event.at == last_at else 0
            last_at = event.at
            at.append(event.at)
            ids.append(snowflake(event.at, tag, number))

        def row(n: int, now: int) -> str:
            return render(chosen[n], ids[n], now)

        def settles(n: int) -> int:
            return chosen[n].done_at  # type: ignore[attr-defined,no-any-return]

        return Table(at, ids, row, settles if settling else None, chosen)

    def _transfer_table(self) -> Table:
        chosen = [
            event
            for event in self.events
            if isinstance(event, Transfer) and not UNLISTED & {event.from_wallet, event.to_wallet}
        ]
        at = array("q", (event.at for event in chosen))
        ids = array("q", (30_000_000 + 7 * n for n in range(len(chosen))))

        def row(n: int, now: int) -> str:
            return self._transfer_row(chosen[n], ids[n])

        return Table(at, ids, row, events=chosen)

    # -- the ledger's two tellings

    def movement(self, n: int) -> Movement:
        """The movement behind row `n` of the spot ledger."""
        return self.events[self._owner[n]].movements()[self._leg[n]]

    def coin_of(self, n: int) -> str:
        """The coin of row `n` of the spot ledger."""
        return self.movement(n).asset

    def order_id_of(self, n: int) -> str:
        """The order id of fill `n`."""
        return str(self._biz_id(self.fills.events[n]))

    def business_of(self, n: int) -> str:
        """The bill's business type of row `n`, upper case."""
        return self._words(self.events[self._owner[n]], self._leg[n]).business.upper()

    def group_of(self, n: int) -> str:
        """The bill's group type of row `n`."""
        return self._words(self.events[self._owner[n]], self._leg[n]).group

    @staticmethod
    def _words(event: Event, leg: int) -> Leg:
        if isinstance(event, SpotFill):
            return FILL[leg]
        if isinstance(event, Transfer):
            ends = (event.from_wallet, event.to_wallet)
            words = BOTS if "bots" in ends else EARN if "earn" in ends else (TRANSFER, TRANSFER)
            return words[event.seq % 2][leg]
        if isinstance(event, PledgedLoan):
            return LOAN[event.step][leg]
        if isinstance(event, Reward):
            return REWARDS[event.flavour]
        if isinstance(event, Conversion):
            return CONVERSION[leg]
        return DEPOSIT if isinstance(event, Deposit) else WITHDRAWALS[event.seq % 2]

    def _biz_id(self, event: Event) -> int:
        if isinstance(event, SpotFill):
            return snowflake(event.order_at, "order", event.order)
        return snowflake(event.at, "biz", event.seq)

    def _tax_row(self, n: int, now: int) -> str:
        event = self.events[self._owner[n]]
        move = event.movements()[self._leg[n]]
        scale = self.scale[move.asset]
        inside = move.fee if move.kind != "fee" else 0
        fee = exact(-inside, scale, 8) if inside else "0"
        label = self._words(event, move.leg).label
        return (
            f'{{"id":"{self.tax.ids[n]}","coin":"{move.asset}","spotTaxType":"{label}",'
            f'"amount":"{exact(move.amount, scale, 8)}","fee":"{fee}",'
            f'"balance":"{exact(self._balance[n], scale, 8)}",'
            f'"bizOrderId":"{self._biz_id(event)}","ts":"{move.at}"}}'
        )

    def _bill_row(self, n: int, now: int) -> str:
        event = self.events[self._owner[n]]
        move = event.movements()[self._leg[n]]
        words = self._words(event, move.leg)
        scale = self.scale[move.asset]
        business = words.business if move.at >= UPPER_SINCE else words.business.lower()
        inside = move.fee if move.kind != "fee" else 0
        cut = self._balance[n] // 10 ** max(0, scale - 8)  # `size` is whole, `balance` is cut
        return (
            f'{{"cTime":"{move.at}","coin":"{move.asset}","groupType":"{words.group}",'
            f'"businessType":"{business}","size":"{exact(move.amount, scale, 8)}",'
            f'"balance":"{exact(cut, min(scale, 8), 8)}","fees":"{exact(-inside, scale, 8)}",'
            f'"billId":"{self.bills.ids[n]}","bizOrderId":"{self._biz_id(event)}"}}'
        )

    # -- the other routes

    def _fill_row(self, fill: SpotFill, number: int, now: int) -> str:
        market = fill.market
        price = exact(fill.price, market.price_scale)
        size = exact(fill.quantity, self.scale[market.base], market.quantity_scale)
        amount = exact(fill.quote_amount, self.scale[market.quote], 4)
        fee = exact(-fill.fee, self.scale[fill.fee_asset])
        if fill.deducted:
            detail = f'"deduction":"yes","feeCoin":"{fill.fee_asset}","totalDeductionFee":"{fee}"'
        else:
            # The total of a deduction that did not happen is "", "0" or missing its value.
            nothing = ('""', '"0"', "null")[fill.order // 3 % 3]
            detail = f'"deduction":"no","feeCoin":"{fill.fee_asset}","totalDeductionFee":{nothing}'
        scope = "maker" if fill.is_maker else "taker"
        return (
            f'{{"userId":"{self.uid}","symbol":"{market.symbol}",'
            f'"orderId":"{snowflake(fill.order_at, "order", fill.order)}","tradeId":"{number}",'
            f'"orderType":"{fill.order_type}","side":"{fill.side}","priceAvg":"{price}",'
            f'"size":"{size}","amount":"{amount}","feeDetail":{{{detail},"totalFee":"{fee}"}},'
            f'"tradeScope":"{scope}","cTime":"{fill.at}","uTime":"{fill.at + fill.seq % 97}"}}'
        )

    def _deposit_row(self, event: Deposit, number: int, now: int) -> str:
        final = event.done_at <= now
        status = {"completed": "success"}.get(event.status, "fail") if final else "pending"
        dest = "internal_transfer" if event.internal else "on_chain"
        trade_id = str(snowflake(event.at, "biz", event.seq)) if event.internal else event.tx
        source = "7000000099" if event.internal else None
        oid = None if event.seq % 3 else ""
        return (
            f'{{"orderId":"{number}","tradeId":"{trade_id}","coin":"{event.asset}",'
            f'"clientOid":{quoted(oid)},"type":"deposit",'
            f'"size":"{exact(event.amount, self.scale[event.asset], 8)}","status":"{status}",'
            f'"toAddress":"{event.address}","dest":"{dest}","chain":"{event.network}",'
            f'"fromAddress":{quoted(source)},"confirm":"{1 if final else 0}",'
            f'"tag":{quoted("" if event.seq % 2 else None)},"cTime":"{event.at}",'
            f'"uTime":"{event.done_at if final else event.at}"}}'
        )

    def _withdrawal_row(self, event: Withdrawal, number: int, now: int) -> str:
        final = event.done_at <= now
        status = {"completed": "success"}.get(event.status, "fail") if final else "pending"
        scale = self.scale[event.asset]
        return (
            f'{{"orderId":"{number}","tradeId":"{event.tx if status == "success" else ""}",'
            f'"coin":"{event.asset}","dest":"on_chain",'
            f'"clientOid":"{snowflake(event.at, "biz", event.seq)}","type":"withdraw",'
            f'"tag":{quoted("" if event.seq % 2 else None)},'
            f'"size":"{exact(event.amount, scale, 8)}","fee":"{exact(-event.fee, scale, 8)}",'
            f'"status":"{status}","toAddress":"{event.address}","fromAddress":null,'
            f'"confirm":"{20 if status == "success" else 0}","chain":"{event.network}",'
            f'"cTime":"{event.at}","uTime":"{event.done_at if final else event.at}"}}'
        )

    def _transfer_row(self, event: Transfer, number: int) -> str:
        sides = [
            (wallet, event.symbol if wallet == "isolated_margin" else "")
            for wallet in (event.from_wallet, event.to_wallet)
        ]
        (source, source_symbol), (target, target_symbol) = sides
        return (
            f'{{"coin":"{event.asset}","status":"Successful","toType":"{target}",'
            f'"toSymbol":"{target_symbol}","fromType":"{source}","fromSymbol":"{source_symbol}",'
            f'"size":"{exact(event.amount, self.scale[event.asset], 8)}","ts":"{event.at}",'
            f'"clientOid":"{snowflake(event.at, "biz", event.seq)}","transferId":"{number}"}}'
        )

    # -- balances

    def spot_balances(self, now: int) -> dict[str, tuple[int, int]]:
        """Per coin ever held: balance at `now` and when it last changed."""
        known: dict[str, tuple[int, int]] = {}
        high = bisect_right(self.tax.at, now)
        for coin, rows in self.coin_rows.items():
            place = bisect_left(rows, high)
            if place:
                known[coin] = (self._balance[rows[place - 1]], self.tax.at[rows[place - 1]])
        return known

    def other_balances(self, now: int) -> dict[tuple[str, str], int]:
        """Per wallet beside spot and coin, what was moved there and not back."""
        return {
            key: steps[bisect_right(steps, now, key=lambda step: step[0]) - 1][1]
            for key, steps in self.other.items()
        }

    def held(self, now: int) -> dict[str, int]:
        """Per coin, what pending withdrawals hold of its spot balance."""
        totals: dict[str, int] = {}
        for event, _ in self.until(self.withdrawals, now):
            if event.done_at > now:
                totals[event.asset] = totals.get(event.asset, 0) + event.amount
        return totals

    def preload(self, now: int) -> None:
        """Write all rows now instead of when they are asked for."""
        tables = (self.tax, self.bills, self.fills, self.deposits, self.withdrawals)
        for table in (*tables, self.transfers):
            table.preload(now)

    @staticmethod
    def until(table: Table, now: int) -> Iterator[tuple[Any, int]]:
        end = bisect_right(table.at, now)
        return zip(table.events[:end], table.ids[:end], strict=True)
