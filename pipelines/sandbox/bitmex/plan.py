"""The plan of one BitMEX account: orders, fills, deposits and withdrawals, by time.

A plan knows nothing of balances or prices; `bitmex_ledger` makes executions and wallet rows of it.
Trading comes in campaigns, each of which ends flat, so that positions live for days, not forever.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from pipelines.sandbox.bitmex.market import (
    AAVE_LINEAR,
    AAVE_QUANTO,
    CLOSED_AT,
    ETHUSD,
    FUTURES,
    FUTURES_BY_SYMBOL,
    SPOT_ETH,
    SPOT_XBT,
    XBTUSD,
    XBTUSDT,
    Market,
)
from pipelines.sandbox.engine.account import DAY, HOUR, MINUTE, SECOND
from pipelines.sandbox.engine.clock import to_ms


def moment(text: str) -> int:
    """Unix ms of an ISO date or time in UTC."""
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))


MIGRATED_AT = moment("2024-04-09T12:00")
"""From daily profit rows to one row per event, and from random to sequential ids."""


LANDMARKS = (
    (XBTUSD, "2020-02-03T09:00", 1.4),
    (AAVE_QUANTO, "2021-05-10T13:40", 2.0),
    (AAVE_LINEAR, "2022-08-09T07:15", 1.0),
    (SPOT_XBT, "2022-09-01T10:00", 0.5),
    (ETHUSD, "2023-06-12T15:30", 3.0),
    (XBTUSD, "2024-04-08T20:00", 3.0),
    (XBTUSDT, "2024-06-03T06:20", 2.0),
    (XBTUSD, "2024-09-10T11:10", 2.0),
    (FUTURES_BY_SYMBOL["XBTH25"], "2025-03-25T12:00", 3.0),
)
"""Market, start and days: one campaign in every accounting regime, one across the migration, one
in either period of a reused symbol, one held into its settlement."""


class Step(IntEnum):
    """Kinds of events; in one millisecond, the smaller comes first."""

    BATCH = 0
    REBALANCE = 1
    DEPOSIT = 2
    WITHDRAWAL_ASKED = 3
    WITHDRAWAL_DONE = 4
    TRANSFER = 5
    PAYOUT = 6
    CONVERSION = 7
    FILL = 8
    FUNDING = 9
    EXPIRY = 10
    CLOSURE = 11


Happening = tuple[int, int, Step, Any]
"""Unix ms, a tie breaker, the kind, and its details."""


@dataclass(slots=True)
class Order:
    """An order and its fills. `quantity` > 0; `sign` +1 buys, -1 sells."""

    id: str
    market: Market
    sign: int
    quantity: int
    submitted_at: int
    is_limit: bool
    text: str
    changes: list[tuple[int, int, int]] = field(default_factory=list)
    """After each fill: when, quantity so far, and the sum of quantity x price."""
    price: int = 0
    ended_at: int = 0
    status: str = "Filled"
    nameless: bool = False
    """A forced order: its executions carry no order id, and the order list leaves it out."""


@dataclass(slots=True)
class Fill:
    """A planned execution; the last one completes its order."""

    order: Order
    quantity: int
    is_maker: bool


@dataclass(slots=True)
class Withdrawal:
    """A withdrawal from its request to its end. Amounts in minor units; gross of `fee`."""

    currency: str
    network: str
    fee: int
    address: str
    asked_at: int
    confirmed_at: int
    done_at: int
    completes: bool
    share_ppm: int
    amount: int = 0
    id: str = ""
    tx: str = ""


@dataclass(frozen=True, slots=True)
class Deposit:
    """Coins that come in: `amount`, or what lacks to `floor` when that is set."""

    currency: str
    network: str
    amount: int
    floor: int = 0


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer to (negative) or from another account, a bonus, a reward, or a rare row type."""

    currency: str
    amount: int
    address: str
    text: str
    tx: str
    type: str = "Transfer"


@dataclass(frozen=True, kw_only=True)
class LedgerPlan:
    """All that an account's history depends on. Times Unix ms; `end` is where `fills` are reached.

    `horizon`: where the history stops; from `end` to it trading goes on at the same rate.
    """

    account: int
    seed: int
    opened_at: int
    end: int
    horizon: int
    fills: int
    tie_group: int = 0
    transfers: tuple[tuple[int, Transfer], ...] = ()
    stays_open: bool = True
    """Whether positions and a withdrawal are open at `end`."""


def guid(rng: random.Random) -> str:
    """A random id in the exchange's shape."""
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Planner:
    """Draws one account's happenings from its seed."""

    def __init__(self, plan: LedgerPlan) -> None:
        self.plan = plan
        self.rng = random.Random(f"bitmex {plan.seed} {plan.account}")
        self.happenings: list[Happening] = []
        self.orders: list[Order] = []
        self.planned = 0

    def draw(self) -> tuple[list[Happening], list[Order]]:
        """Everything that will happen, by time, and the orders behind it."""
        if self.plan.fills:
            self._money()
            self._landmarks()
            self._campaigns()
            self._sweep()
            self._liquidations()
            self._unfilled_orders()
            if self.plan.stays_open:
                self._open_end()
            self._ticks()
        for at, transfer in self.plan.transfers:
            self.add(at, Step.TRANSFER, transfer)
        self.happenings = [h for h in self.happenings if h[0] <= self.plan.horizon]
        self.happenings.sort(key=lambda h: (h[0], h[2], h[1]))
        return self.happenings, self.orders

    def add(self, at: int, step: Step, what: Any = None) -> None:
        """Put something on the list."""
        self.happenings.append((at, len(self.happenings), step, what))

    # -- trading -----------------------------------------------------------------------------

    def _campaigns(self) -> None:
        """Campaigns from the opening to the horizon; more of them in the later years."""
        plan, rng = self.plan, self.rng
        share = (plan.horizon - plan.opened_at) / max(1, plan.end - plan.opened_at)
        left = int((plan.fills - plan.tie_group) * share) - self.planned
        first, last = plan.opened_at + 6 * DAY, plan.horizon - 8 * DAY
        if last <= first:
            return
        while left > 1:
            start = first + int((last - first) * rng.random() ** 0.5)
            markets = [m for m in self._menu(start) if m.ends_at > start + 3 * DAY]
            market = rng.choice(markets)
            length = int(rng.uniform(0.2, 3.0) * DAY)
            if market.expires and rng.random() < 0.4:
                length = market.ends_at - start  # held into its settlement
            fills = min(left, rng.randint(2, 24))
            left -= self._campaign(market, start, min(length, market.ends_at - start), fills)

    def _landmarks(self) -> None:
        """A campaign for each oddity of the years, however small the account."""
        plan = self.plan
        for market, day, days in LANDMARKS:
            start = moment(day)
            length = int(days * DAY)
            if plan.opened_at + 6 * DAY < start and start + length < plan.end:
                self.planned += self._campaign(market, start, length, 4)

    def _menu(self, at: int) -> list[Market]:
        """Markets open at a moment, the popular ones several times."""
        menu = [XBTUSD] * 5 + [ETHUSD] * 2 + [XBTUSDT] * 4 + [AAVE_QUANTO] * 2 + [AAVE_LINEAR]
        menu += [SPOT_XBT] * 2 + [SPOT_ETH]
        menu += [f for f in FUTURES if f.root == "XBT" and f.ends_at - at < 120 * DAY]
        return [m for m in menu if m.trades_at(at)]

    def _campaign(self, market: Market, start: int, length: int, fills: int) -> int:
        """Build a position in some orders and take it down again; returns the fills planned."""
        rng = self.rng
        sign = 1 if market.shape == "spot" or rng.random() < 0.55 else -1
        ins = max(1, fills // 2)
        lots = [self._lots(market) for _ in range(ins)]
        total = sum(lots)
        into_settlement = market.expires and start + length >= market.ends_at
        planned = self._orders(market, sign, lots, start, int(length * 0.6))
        if into_settlement:
            return planned
        outs = max(1, min(fills - ins, total))
        parts = self._split(total, outs)
        return planned + self._orders(market, -sign, parts, start + int(length * 0.62),
                                      int(length * 0.36))  # fmt: skip

    def _lots(self, market: Market) -> int:
        """A modest quantity for one fill, in lots: some hundred dollars' worth."""
        most = {"XBTUSD": 12, "ETHUSD": 200, "XBTUSDT": 12, "AAVEUSDT": 60, "XBT_USDT": 600}
        return self.rng.randint(1, most.get(market.symbol, 10 if market.root == "XBT" else 100))

    def _split(self, total: int, parts: int) -> list[int]:
        """`total` as `parts` positive integers."""
        cuts = sorted(self.rng.sample(range(1, total), parts - 1)) if parts > 1 else []
        return [b - a for a, b in zip([0, *cuts], [*cuts, total], strict=True)]

    def _orders(self, market: Market, sign: int, lots: list[int], start: int, length: int) -> int:
        """Orders over a stretch of time whose fills have these lots."""
        rng = self.rng
        at, place = start, 0
        while place < len(lots):
            size = min(len(lots) - place, 1 if rng.random() < 0.5 else rng.randint(2, 9))
            quantities = [n * market.lot for n in lots[place : place + size]]
            place += size
            self._order(market, sign, quantities, at)
            at = start + int(length * place / len(lots))
        return len(lots)

    def _order(
        self, market: Market, sign: int, quantities: list[int], at: int, *,
        together: bool = False, text: str = "Submission from www.bitmex.com",
    ) -> Order:  # fmt: skip
        rng = self.rng
        is_limit = not together and rng.random() < 0.65
        if not together and rng.random() < 0.04:
            text = f"Triggered: Order stop price reached\n{text}"
            is_limit = False
        order = Order(guid(rng), market, sign, sum(quantities), at + rng.randrange(MINUTE),
                      is_limit, text)  # fmt: skip
        self.orders.append(order)
        filled_at = order.submitted_at
        wait = rng.randint(SECOND, 20 * MINUTE) if is_limit else rng.randint(5, 900)
        filled_at += wait
        for quantity in quantities:
            self.add(filled_at, Step.FILL, Fill(order, quantity, is_limit and rng.random() < 0.8))
            if not together:
                filled_at += rng.choice((0, 1, 7, 130, 900, 4 * SECOND)) if not is_limit else (
                    rng.choice((0, 40, 5 * SECOND, MINUTE))
                )  # fmt: skip
        return order

    def _sweep(self) -> None:
        """One market order that takes many resting ones in one millisecond, and its undoing."""
        size = self.plan.tie_group
        if not size:
            return
        at = self.plan.opened_at + int((self.plan.end - self.plan.opened_at) * 0.93)
        self._order(XBTUSD, 1, [100] * (size - 1), at, together=True)
        self._order(XBTUSD, -1, [100 * (size - 1)], at + 2 * HOUR, together=True,
                    text="Position Close from www.bitmex.com")  # fmt: skip

    def _liquidations(self) -> None:
        """Positions that the exchange took over on two days: fills without an order."""
        for day in ("2020-03-12T10:00", "2025-10-10T20:30"):
            at = moment(day)
            if self.plan.opened_at < at - 6 * DAY and at + DAY < self.plan.horizon:
                self._order(XBTUSD, 1, [300, 200, 400], at)
                forced = self._order(XBTUSD, -1, [900], at + 3 * HOUR, together=True,
                                     text="Liquidation")  # fmt: skip
                forced.nameless = True

    def _unfilled_orders(self) -> None:
        """Orders that came to nothing: canceled after hours, or rejected at once."""
        rng, plan = self.rng, self.plan
        for number in range(max(3, plan.fills // 12)):
            at = rng.randrange(plan.opened_at + 6 * DAY, plan.horizon - DAY)
            order = Order(guid(rng), XBTUSD, rng.choice((1, -1)), 100 * rng.randint(1, 50), at,
                          True, "Submission from www.bitmex.com", status="Canceled")  # fmt: skip
            order.ended_at = at + rng.randint(SECOND, 20 * HOUR)
            if number % 15 == 2:
                order.status, order.quantity, order.ended_at = "Rejected", 0, at
                order.text = "Position Close from www.bitmex.com"
            elif number % 7 == 0:
                order.text = "Canceled: Canceled via API.\nSubmission via API."
            self.orders.append(order)

    def _open_end(self) -> None:
        """Two positions across `end`, and a resting order that is open there."""
        closing = self.plan.end >= CLOSED_AT - 9 * DAY
        end = CLOSED_AT if closing else self.plan.end
        for market, lots in ((XBTUSD, [21, 30]), (XBTUSDT, [40])):
            if not market.trades_at(end - 1):
                continue
            sign = 1 if market is XBTUSD else -1
            self._orders(market, sign, lots, end - 6 * DAY, DAY)
            if not closing:
                self._orders(market, -sign, [sum(lots)], end + 7 * DAY, HOUR)
        end = min(self.plan.end, CLOSED_AT)
        order = Order(guid(self.rng), XBTUSD, 1, 500, end - 5 * HOUR, True,
                      "Submission from www.bitmex.com", status="Canceled")  # fmt: skip
        order.ended_at = min(end + 9 * HOUR, CLOSED_AT)
        self.orders.append(order)

    def _ticks(self) -> None:
        """Funding every eight hours, daily batches (later: rebalances), settlements, the end."""
        plan, rng = self.plan, self.rng
        at = plan.opened_at - plan.opened_at % DAY + 4 * HOUR
        while at <= plan.horizon:
            if at > plan.opened_at:
                # BitMEX ledger funding up to a third of a second after the hour.
                self.add(at + rng.randint(2, 300), Step.FUNDING, at)
            at += 8 * HOUR
        at = plan.opened_at - plan.opened_at % DAY + 12 * HOUR
        while at <= plan.horizon:
            if at > plan.opened_at:
                step = Step.BATCH if at <= MIGRATED_AT else Step.REBALANCE
                self.add(at if step is Step.BATCH else at + 5 * MINUTE, step, at)
            at += DAY
        for future in FUTURES:
            if plan.opened_at < future.ends_at <= plan.horizon:
                self.add(future.ends_at + 10 * SECOND, Step.EXPIRY, future)
        if plan.horizon >= CLOSED_AT:
            self.add(CLOSED_AT, Step.CLOSURE)

    # -- money -------------------------------------------------------------------------------

    def _money(self) -> None:
        """Deposits, withdrawals in every state, conversions, bonuses and payouts."""
        plan, rng = self.plan, self.rng
        opened = plan.opened_at
        reserve = 1 + plan.fills // 100_000
        first = Deposit("XBt", "btc", 500_000_000 * reserve)
        self.add(opened + DAY + 3_725_118, Step.DEPOSIT, first)
        tether = moment("2021-11-04")
        if opened < tether < plan.horizon:
            self.add(tether, Step.CONVERSION, ("USDt", 100_000_000, tether))
        start = max(opened + 2 * DAY, tether + 2 * DAY)
        floor = (20_000 + plan.fills // 5) * 1_000_000
        if start < plan.horizon:
            self.add(start, Step.DEPOSIT, Deposit("USDt", "eth", floor))
        self._regular_money(floor, 300_000_000 * reserve)
        if plan.stays_open:
            self._last_withdrawal()
        for text, back in (("2022-03-05T00:01", False), ("2022-04-21T09:30:05.118", True)):
            if opened < moment("2022-03-05") and plan.end > moment("2022-04-22"):
                amount, tx = (-50_000 if back else 50_000), guid(rng)
                label = "Signup bonus" + (" expired" if back else "")
                self.add(moment(text), Step.TRANSFER, Transfer("XBt", amount, "0", label, tx))

    def _regular_money(self, tether_floor: int, bitcoin_floor: int) -> None:
        """Every few weeks something comes in, goes out, or is converted."""
        plan, rng = self.plan, self.rng
        modern = moment("2022-06-01")
        at = plan.opened_at + rng.randint(20, 40) * DAY
        number = 0
        while at < plan.horizon - 2 * DAY:
            at += rng.randrange(DAY)
            if number % 4 == 0:
                self._withdrawal("XBt", "btc", 20_000, at, rng.randint(5_000, 40_000),
                                 completes=number % 12 != 8)  # fmt: skip
            elif number % 4 == 1:
                amount = rng.randint(1_000_000, 90_000_000)
                self.add(at, Step.DEPOSIT, Deposit("XBt", "btc", amount, bitcoin_floor))
            elif at > modern:
                self._modern_money(number // 4, at, tether_floor)
            if number % 9 == 5:
                self.add(at + 3 * HOUR, Step.PAYOUT, rng.randint(1_000, 90_000))
            at += rng.randint(12, 30) * DAY
            number += 1

    def _modern_money(self, number: int, at: int, tether_floor: int) -> None:
        """Coins other than bitcoin came in 2021 and 2022."""
        rng = self.rng
        turn = number % 5
        if turn == 0:
            amount = rng.randint(50, 900) * 1_000_000
            self.add(at, Step.DEPOSIT, Deposit("USDt", "tron", amount, tether_floor))
        elif turn == 1:
            self.add(at, Step.CONVERSION, ("USDt", rng.randint(100_000, 9_000_000), at))
        elif turn == 2:
            self.add(at, Step.DEPOSIT, Deposit("Gwei", "eth", rng.randint(10**8, 3 * 10**9)))
            self._withdrawal("Gwei", "eth", 2_000_000, at + 5 * DAY, 400_000)
        elif turn == 3:
            coins = rng.randint(5, 90) * 1_000_000
            bonus = Transfer("BMEx", coins, "0", "BMEX reward", guid(rng))
            self.add(at, Step.TRANSFER, bonus)
            self._withdrawal("USDt", "eth", 5_000_000, at + DAY, 50_000)
        else:
            self.add(at, Step.CONVERSION, ("XBt", rng.randint(2, 40) * 1_000_000, at))
            self.add(at + DAY, Step.DEPOSIT, Deposit("LAMp", "sol", rng.randint(10**9, 10**10)))

    def _withdrawal(
        self, currency: str, network: str, fee: int, at: int, share_ppm: int, *,
        completes: bool = True,
    ) -> Withdrawal:  # fmt: skip
        """Requested at `at`; in the early years processed once a day, around 13:00 UTC."""
        rng = self.rng
        requested = at + rng.randrange(HOUR)
        if at < moment("2021-09-01"):
            noon = requested - requested % DAY + 13 * HOUR
            done = (noon if requested < noon - HOUR else noon + DAY) + rng.randrange(20 * MINUTE)
        else:
            done = requested + rng.randint(20 * MINUTE, 9 * HOUR)
        address = {"btc": "bc1q", "eth": "0x"}.get(network, "T") + f"{rng.getrandbits(152):038x}"
        withdrawal = Withdrawal(
            currency=currency, network=network, fee=fee, address=address, asked_at=requested,
            confirmed_at=requested + 3 * MINUTE, done_at=done, completes=completes,
            share_ppm=share_ppm, id=guid(rng),
        )  # fmt: skip
        self.add(requested, Step.WITHDRAWAL_ASKED, withdrawal)
        self.add(done, Step.WITHDRAWAL_DONE, withdrawal)
        return withdrawal

    def _last_withdrawal(self) -> None:
        """One that is pending at `end`; if trading is over by then, it stays pending."""
        end = min(self.plan.end, CLOSED_AT)
        withdrawal = self._withdrawal("XBt", "btc", 20_000, end - 20 * HOUR, 30_000)
        withdrawal.confirmed_at = end + HOUR
        self.happenings.pop()
        if self.plan.end < CLOSED_AT - DAY:
            withdrawal.done_at = end + 10 * HOUR
            self.add(withdrawal.done_at, Step.WITHDRAWAL_DONE, withdrawal)
        else:
            withdrawal.confirmed_at = withdrawal.done_at = CLOSED_AT * 2


def draw(plan: LedgerPlan) -> tuple[list[Happening], list[Order]]:
    """The happenings of a plan by time, and its orders. The same plan draws the same."""
    return Planner(plan).draw()
