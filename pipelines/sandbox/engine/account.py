"""One simulated account: the events of its history, which each simulator writes as records.

Amounts are integers in the asset's smallest unit (`Asset.scale` decimal places), times are Unix
milliseconds UTC, prices are integers in ticks of `price_scale` decimal places. Nothing is a float.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

import msgspec

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

Side = Literal["buy", "sell"]
OrderType = Literal["limit", "market"]
Channel = Literal["card", "p2p"]
Status = Literal["pending", "completed", "canceled", "failed"]
Kind = Literal[
    "deposit", "withdrawal", "trade", "fee", "transfer", "funding", "realised_pnl", "rebate",
    "interest", "reward", "conversion", "settlement", "borrow", "repay",
]  # fmt: skip
"""The type of a movement, as in `fct_ledger_entries.entry_type`."""

INTEREST = frozenset({"interest", "savings"})
"""Flavours of a reward that are interest."""

SIZES = {"empty": 0, "tiny": 100, "small": 1_000, "medium": 10_000, "million": 1_000_000}
"""Fills an account has at the end of its history."""


@dataclass(frozen=True)
class Asset:
    """A coin of a venue. `code` is the usual ticker; `usd` is only for valuations."""

    code: str
    scale: int
    usd: Decimal
    networks: tuple[str, ...] = ()
    withdraw_fee: Decimal = Decimal(0)


@dataclass(frozen=True)
class Market:
    """A spot pair. One tick of price is 10**-price_scale, one step of quantity 10**-quantity_scale.

    `brief`: bought and sold to zero early in the history, and delisted afterwards.
    """

    symbol: str
    base: str
    quote: str
    price_scale: int
    quantity_scale: int
    start_price: int
    brief: bool = False


@dataclass(frozen=True, kw_only=True)
class Contract:
    """A perpetual, or a future where `expires` (counted from the end of the history) is set.

    `size`: the size of one contract, in the quote coin if inverse, in the base coin if linear. Fees
    are in millionths of the value; a negative fee is paid to the maker.
    """

    symbol: str
    base: str
    quote: str
    settle: str
    inverse: bool
    size: Decimal
    price_scale: int
    start_price: int
    lot: int
    taker_ppm: int
    maker_ppm: int
    expires_before_end: int | None = None
    """Milliseconds between its settlement and the end of the history; None for perpetuals."""
    wallet: str = ""
    """The wallet in which it settles, if a venue's contracts settle in several."""


@dataclass(frozen=True, kw_only=True)
class Venue:
    """The assets, markets and wallets of an exchange."""

    name: str
    assets: tuple[Asset, ...]
    cash: str
    """The coin of most deposits; a code of `assets`."""
    home: str = "spot"
    """The wallet of deposits, trades and rewards."""
    markets: tuple[Market, ...] = ()
    contracts: tuple[Contract, ...] = ()
    other_wallets: tuple[str, ...] = ()
    contract_wallet: str = ""
    """The wallet in which contracts settle, filled by transfers from `home`; '' = `home` itself."""
    fees_in_quote: bool = False
    """Whether spot fees are charged in the quote coin on buys too."""
    fee_coin: str = ""
    """A coin that pays trading fees if the account has some of it."""
    rewards: tuple[str, ...] = ("airdrop", "rebate", "interest")
    conversions: bool = True
    pledged_loans: bool = False
    """Whether coins of the home wallet can be pledged for a loan."""
    dust: tuple[str, ...] = ()
    """Coins whose small balances are swapped for `fee_coin`, several in one operation."""
    purchases: tuple[tuple[Channel, str], ...] = ()
    """Ways to buy and sell coins for money outside the account, and the wallet of each."""
    money: str = ""
    """The money for which coins are bought; an asset of that code moves by bank."""

    def asset(self, code: str) -> Asset:
        """The asset of that code. Raises KeyError."""
        for asset in self.assets:
            if asset.code == code:
                return asset
        raise KeyError(f"{self.name} has no asset {code!r}")


@dataclass(frozen=True, kw_only=True)
class AccountPlan:
    """All parameters of a history: the same plan makes the same history."""

    venue: Venue
    seed: int
    fills: int
    """Executions up to `end` (spot and contract fills together)."""
    opened_at: int
    end: int
    future: int = 0
    """How long the history continues after `end`; the first one or two days have no events."""
    tie_groups: tuple[int, ...] | None = None
    """Sizes of groups of fills on one millisecond; None: chosen by the number of fills."""
    contract_share: int = 50
    """Percent of the fills that are contract fills, where the venue has contracts."""
    arrivals: tuple[Arrival, ...] = field(default=())
    """Deposits from outside, such as withdrawals of another simulated account."""
    departures: tuple[Departure, ...] = field(default=())
    """Withdrawals to another simulated account."""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A deposit with given values. `amount` is in units of the coin."""

    at: int
    asset: str
    amount: Decimal
    network: str
    tx: str
    """Hash of the transaction; '' if this exchange has none."""
    address: str = ""
    """Address that is credited; '' draws one."""
    move: str = ""
    """The name of the transfer in the ground truth."""


@dataclass(frozen=True, kw_only=True)
class Departure:
    """A withdrawal with given values. `amount` (including the fee) is in units of the coin."""

    at: int
    done_at: int
    asset: str
    amount: Decimal
    fee: Decimal
    network: str
    address: str
    tx: str
    move: str


class Movement(msgspec.Struct, frozen=True, gc=False):
    """One signed change of one wallet's balance; `amount` includes the fee."""

    at: int
    wallet: str
    asset: str
    amount: int
    kind: Kind
    event: int
    """`Event.seq` of its event."""
    leg: int
    """Its position among the movements of that event."""
    fee: int = 0
    """The cost part of `amount`, in the same asset; positive = paid, negative = rebate."""


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One event of a history. `seq` counts from 0 in time order and is unique in a history."""

    seq: int
    at: int

    def movements(self) -> tuple[Movement, ...]:
        """Its changes of balances, oldest first; empty if it has none."""
        raise NotImplementedError


class Deposit(Event, frozen=True, gc=False, kw_only=True):
    """First seen at `at`, final at `done_at`; only a completed one is credited, at `done_at`."""

    wallet: str
    asset: str
    amount: int
    status: Status
    done_at: int
    network: str
    address: str
    tx: str
    internal: bool = False
    move: str = ""
    """The move between two simulated accounts that it is one side of."""

    def movements(self) -> tuple[Movement, ...]:
        """One credit when it completed."""
        if self.status != "completed":
            return ()
        return (
            Movement(self.done_at, self.wallet, self.asset, self.amount, "deposit", self.seq, 0),
        )


class Withdrawal(Event, frozen=True, gc=False, kw_only=True):
    """Requested at `at`, final at `done_at`; until then `amount` (including `fee`) is held.

    Only a completed one moves `-amount`, at `done_at`; the recipient gets `amount - fee`.
    """

    wallet: str
    asset: str
    amount: int
    fee: int
    status: Status
    done_at: int
    network: str
    address: str
    tx: str
    move: str = ""
    """The move between two simulated accounts that it is one side of."""

    def movements(self) -> tuple[Movement, ...]:
        """One debit when it completed."""
        if self.status != "completed":
            return ()
        return (
            Movement(
                self.done_at, self.wallet, self.asset, -self.amount, "withdrawal", self.seq, 0,
                self.fee,
            ),
        )  # fmt: skip


class SpotFill(Event, frozen=True, gc=False, kw_only=True):
    """One execution of a spot order. `quantity` of base for `quote_amount` of quote, both gross.

    `fee` is charged out of the coin received, unless `fee_asset` is another coin (a deduction).
    """

    wallet: str
    market: Market
    side: Side
    price: int
    quantity: int
    quote_amount: int
    fee_asset: str
    fee: int
    order: int
    """Number of its order; fills of one order share it."""
    order_at: int
    order_type: OrderType
    is_maker: bool

    @property
    def deducted(self) -> bool:
        """Whether the fee came out of a third coin."""
        return self.fee_asset not in (self.market.base, self.market.quote)

    def movements(self) -> tuple[Movement, ...]:
        """Paid leg, received leg (net of a fee in that coin), and the deducted fee if any."""
        market, at, wallet, seq = self.market, self.at, self.wallet, self.seq
        if self.side == "buy":
            got, gained, paid, spent = market.base, self.quantity, market.quote, self.quote_amount
        else:
            got, gained, paid, spent = market.quote, self.quote_amount, market.base, self.quantity
        if self.fee_asset == got:
            return (
                Movement(at, wallet, paid, -spent, "trade", seq, 0),
                Movement(at, wallet, got, gained - self.fee, "trade", seq, 1, self.fee),
            )
        return (
            Movement(at, wallet, paid, -spent, "trade", seq, 0),
            Movement(at, wallet, got, gained, "trade", seq, 1),
            Movement(at, wallet, self.fee_asset, -self.fee, "fee", seq, 2, self.fee),
        )


class Transfer(Event, frozen=True, gc=False, kw_only=True):
    """A transfer between two wallets of this account; `symbol` is the isolated pair, if any."""

    asset: str
    amount: int
    from_wallet: str
    to_wallet: str
    symbol: str = ""

    def movements(self) -> tuple[Movement, ...]:
        """Out of one wallet, into the other."""
        return (
            Movement(self.at, self.from_wallet, self.asset, -self.amount, "transfer", self.seq, 0),
            Movement(self.at, self.to_wallet, self.asset, self.amount, "transfer", self.seq, 1),
        )


class Reward(Event, frozen=True, gc=False, kw_only=True):
    """Coins from the exchange: `flavour` is one of `Venue.rewards`."""

    wallet: str
    asset: str
    amount: int
    flavour: str

    def movements(self) -> tuple[Movement, ...]:
        """One credit."""
        kind: Kind = (
            "interest" if self.flavour in INTEREST
            else "rebate" if self.flavour == "rebate"
            else "reward"
        )  # fmt: skip
        return (Movement(self.at, self.wallet, self.asset, self.amount, kind, self.seq, 0),)


class Loan(Event, frozen=True, gc=False, kw_only=True):
    """Coins borrowed on margin, or repaid; `interest` is paid in addition."""

    wallet: str
    asset: str
    amount: int
    symbol: str = ""
    interest: int = 0
    is_repaid: bool = False

    def movements(self) -> tuple[Movement, ...]:
        """One credit; or the debit of the loan, and that of its interest."""
        at, wallet, asset, seq = self.at, self.wallet, self.asset, self.seq
        if not self.is_repaid:
            return (Movement(at, wallet, asset, self.amount, "borrow", seq, 0),)
        return (
            Movement(at, wallet, asset, -self.amount, "repay", seq, 0),
            Movement(at, wallet, asset, -self.interest, "interest", seq, 1),
        )


class PledgedLoan(Event, frozen=True, gc=False, kw_only=True):
    """A loan on pledged coins: taken, its pledge raised, or repaid with interest.

    `order` is the number of the loan; every step has the loan and the change of the pledge.
    """

    wallet: str
    order: int
    step: Literal["taken", "raised", "repaid"]
    pledge_asset: str
    pledge: int
    loan_asset: str
    loan: int
    interest: int = 0

    def movements(self) -> tuple[Movement, ...]:
        """The changes of the pledge, of the loan, and its interest separately."""
        at, wallet, seq = self.at, self.wallet, self.seq
        sign = 1 if self.step == "repaid" else -1
        pledge = Movement(at, wallet, self.pledge_asset, sign * self.pledge, "transfer", seq, 0)
        if self.step == "raised":
            return (pledge,)
        if self.step == "taken":
            return (pledge, Movement(at, wallet, self.loan_asset, self.loan, "borrow", seq, 1))
        return (
            pledge,
            Movement(at, wallet, self.loan_asset, -self.loan, "repay", seq, 1),
            Movement(at, wallet, self.loan_asset, -self.interest, "interest", seq, 2),
        )


class Conversion(Event, frozen=True, gc=False, kw_only=True):
    """A conversion of one coin into another outside the order book; the rate includes the cost.

    `batch` is the number of an operation that converts several small balances at once, 0 for none;
    its `fee` is in the received coin, and `to_amount` is net of it.
    """

    wallet: str
    from_asset: str
    from_amount: int
    to_asset: str
    to_amount: int
    batch: int = 0
    fee: int = 0

    def movements(self) -> tuple[Movement, ...]:
        """The paid coin, then the received coin, at the same millisecond."""
        at, wallet, seq = self.at, self.wallet, self.seq
        return (
            Movement(at, wallet, self.from_asset, -self.from_amount, "conversion", seq, 0),
            Movement(at, wallet, self.to_asset, self.to_amount, "conversion", seq, 1, self.fee),
        )


class Purchase(Event, frozen=True, gc=False, kw_only=True):
    """Coins bought or sold for `cost` hundredths of money outside the account."""

    wallet: str
    channel: Channel
    side: Side
    asset: str
    amount: int
    cost: int
    fee: int
    """In hundredths of the money, included in the cost."""
    status: Status

    def movements(self) -> tuple[Movement, ...]:
        """One change of the coin when it completed."""
        if self.status != "completed":
            return ()
        amount = self.amount if self.side == "buy" else -self.amount
        return (Movement(self.at, self.wallet, self.asset, amount, "trade", self.seq, 0),)


class ContractFill(Event, frozen=True, gc=False, kw_only=True):
    """One execution of a contract order; money is in the settlement coin's smallest unit.

    `value` > 0 is the notional; `realised_pnl` is gross of `fee` (positive = paid) and zero for an
    opening fill; `position` is signed and after the fill; fills never cross zero.
    """

    wallet: str
    contract: Contract
    side: Side
    price: int
    quantity: int
    value: int
    fee: int
    realised_pnl: int
    position: int
    order: int
    order_at: int
    order_quantity: int
    order_type: OrderType
    is_maker: bool

    def movements(self) -> tuple[Movement, ...]:
        """One change: profit less fee."""
        amount = self.realised_pnl - self.fee
        return (
            Movement(
                self.at, self.wallet, self.contract.settle, amount, "realised_pnl", self.seq, 0,
                self.fee,
            ),
        )  # fmt: skip


class Funding(Event, frozen=True, gc=False, kw_only=True):
    """A funding payment on a perpetual: `amount` is the signed change of the wallet.

    `rate_ppm` is in millionths; positive rates are paid by long positions.
    """

    wallet: str
    contract: Contract
    position: int
    price: int
    value: int
    rate_ppm: int
    amount: int

    def movements(self) -> tuple[Movement, ...]:
        """One change; the whole amount is the cost (or its negative)."""
        return (
            Movement(
                self.at, self.wallet, self.contract.settle, self.amount, "funding", self.seq, 0,
                -self.amount,
            ),
        )  # fmt: skip


class Settlement(Event, frozen=True, gc=False, kw_only=True):
    """A future that expires: the open position is closed at the settlement price, without fee."""

    wallet: str
    contract: Contract
    side: Side
    quantity: int
    price: int
    value: int
    realised_pnl: int

    def movements(self) -> tuple[Movement, ...]:
        """One change: the profit."""
        return (
            Movement(
                self.at, self.wallet, self.contract.settle, self.realised_pnl, "settlement",
                self.seq, 0,
            ),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class History:
    """The history of one account: `events` by (`at`, `seq`); `seq` is their index."""

    plan: AccountPlan
    events: list[Event]

    @property
    def opened_at(self) -> int:
        """When the account was registered."""
        return self.plan.opened_at

    def movements(self) -> Iterator[Movement]:
        """Every movement by time; those of one millisecond in the order of booking.

        A deposit or a withdrawal is booked when it completes, so this is not the order of events.
        """
        late = [e for e in self.events if isinstance(e, Deposit | Withdrawal)]
        late.sort(key=lambda e: (e.done_at, e.seq))
        waiting = iter(late)
        head = next(waiting, None)
        for event in self.events:
            if isinstance(event, Deposit | Withdrawal):
                continue
            while head is not None and head.done_at <= event.at:
                yield from head.movements()
                head = next(waiting, None)
            yield from event.movements()
        while head is not None:
            yield from head.movements()
            head = next(waiting, None)

    def balances(self, at: int) -> dict[str, dict[str, int]]:
        """Per wallet and asset, the sum of movements up to and including `at`; zeros are kept."""
        totals: dict[str, dict[str, int]] = {}
        for move in self.movements():
            if move.at > at:
                break
            wallet = totals.setdefault(move.wallet, {})
            wallet[move.asset] = wallet.get(move.asset, 0) + move.amount
        return totals

    def held(self, at: int) -> dict[tuple[str, str], int]:
        """Per (wallet, asset), the amount held by pending withdrawals (included in balances)."""
        totals: dict[tuple[str, str], int] = {}
        for event in self.events:
            if event.at > at:
                break
            if isinstance(event, Withdrawal) and event.done_at > at:
                key = (event.wallet, event.asset)
                totals[key] = totals.get(key, 0) + event.amount
        return totals


def exact(amount: int, scale: int, pad: int = 0) -> str:
    """`amount` of 10**-scale as decimal text without exponent, at least `pad` decimal places."""
    sign = "-" if amount < 0 else ""
    digits = str(abs(amount)).rjust(scale + 1, "0")
    whole, part = (digits[:-scale], digits[-scale:]) if scale else (digits, "")
    part = part.rstrip("0").ljust(pad, "0")
    return f"{sign}{whole}.{part}" if part else f"{sign}{whole}"
