"""Make the events of a simulated account from its schedule, and keep balances.

No balance becomes negative. Every sixth fill of an order is a legitimate duplicate of the one
before: it has the same millisecond, price and quantity, and another id.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from heapq import heappop, heappush

import msgspec

from pipelines.sandbox.engine.account import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    AccountPlan,
    Arrival,
    Channel,
    Contract,
    ContractFill,
    Conversion,
    Departure,
    Deposit,
    Event,
    Funding,
    History,
    Loan,
    Market,
    OrderType,
    PledgedLoan,
    Purchase,
    Reward,
    Settlement,
    Side,
    SpotFill,
    Status,
    Transfer,
    Withdrawal,
)
from pipelines.sandbox.engine.schedule import Step, draw_schedule

FUNDING_HOURS = (4, 12, 20)
FEE_PLACES = 8
TAKER_PPM, MAKER_PPM, DEDUCTED_PPM = 1_000, 800, 600
NEVER = 1 << 60


def generate(plan: AccountPlan) -> History:
    """The history of that plan. Same plan, same history; a million fills take under a minute."""
    rng = random.Random(f"{plan.venue.name}:{plan.seed}:{plan.fills}")
    schedule = draw_schedule(plan, rng) if plan.fills else []
    return History(plan=plan, events=Generator(plan, rng).run(schedule))


def ten(power: int) -> int:
    """Ten to that power; 1 where it is negative."""
    return int(10 ** max(0, power))


class Position:
    """The position in one contract: signed contracts, and their opening cost."""

    __slots__ = ("cost", "quantity")

    def __init__(self) -> None:
        self.quantity = 0
        self.cost = 0


class Generator:
    """Turns a schedule into events while keeping balances."""

    def __init__(self, plan: AccountPlan, rng: random.Random) -> None:
        self.plan, self.venue, self.home = plan, plan.venue, plan.venue.home
        self.events: list[Event] = []
        self.scale = {asset.code: asset.scale for asset in self.venue.assets}
        self.micro_usd = {a.code: max(1, int(a.usd * 1_000_000)) for a in self.venue.assets}
        self.free: dict[tuple[str, str], int] = defaultdict(int)
        self.positions = {contract.symbol: Position() for contract in self.venue.contracts}
        self.prices = {market.symbol: market.start_price for market in self.venue.markets}
        self.prices |= {contract.symbol: contract.start_price for contract in self.venue.contracts}
        self.markets = [market for market in self.venue.markets if not market.brief]
        self.cash_markets = [m for m in self.markets if m.quote == self.venue.cash]
        self.settled: set[str] = set()
        self.loans: dict[str, int] = {}  # debt by margin wallet
        self.pledged: dict[int, PledgedLoan] = {}  # open loans, with the whole pledge
        self._bits = rng.getrandbits
        self._orders = 0
        self._returns: list[tuple[int, int, str, str, int]] = []  # pending money
        self._edge = 0  # the latest time for an event of the current step
        self._funding = self._next_funding(plan.opened_at)

    def run(self, schedule: list[Step]) -> list[Event]:
        """The events of that schedule."""
        act: dict[str, Callable[..., None]] = {
            name.removeprefix("do_"): getattr(self, name)
            for name in dir(self)
            if name.startswith("do_")
        }
        for place, step in enumerate(schedule):
            following = schedule[place + 1].at if place + 1 < len(schedule) else step.at + HOUR
            self._pass_time(step.at)
            self._edge = min(following, self._funding, self._next_expiry())
            act[step.do](step.at, *step.args)
        return self.events

    # -- small helpers

    def _pick(self, n: int) -> int:
        return self._bits(48) % n

    def _between(self, low: int, high: int) -> int:
        return low + self._bits(48) % (high - low + 1)

    def _add(self, event: Event) -> None:
        self.events.append(event)

    def _units(self, code: str, thousandths_usd: int) -> int:
        """That many thousandths of a dollar in smallest units of a coin, by its rough value."""
        return thousandths_usd * 1_000 * ten(self.scale[code]) // self.micro_usd[code]

    def _text(self, length: int) -> str:
        return f"{self._bits(4 * length):0{length}x}"

    def _walk(self, symbol: str, start: int) -> int:
        """The next price: a small step, kept between a third and three times the first one."""
        price = self.prices[symbol]
        price += price * (self._pick(161) - 80) // 10_000
        price = max(start // 3 + 1, min(start * 3, price))
        self.prices[symbol] = price
        return price

    def _pass_time(self, now: int) -> None:
        """Credit what has arrived, pay funding and settle futures up to `now`."""
        while self._returns and self._returns[0][0] <= now:
            _, _, wallet, asset, amount = heappop(self._returns)
            self.free[wallet, asset] += amount
        if not self.positions:
            return
        while self._funding < now:
            self._settle_futures(self._funding)
            if all(p.quantity == 0 for p in self.positions.values()):
                self._funding = self._next_funding(now - 1)
                break
            self._pay_funding(self._funding)
            self._funding = self._next_funding(self._funding)
        self._settle_futures(now)

    def _return_later(self, at: int, wallet: str, asset: str, amount: int) -> None:
        heappush(self._returns, (at, len(self.events), wallet, asset, amount))

    def _next_funding(self, after: int) -> int:
        """The next 04, 12 or 20 o'clock UTC after that moment; never, without contracts."""
        if not self.venue.contracts:
            return NEVER
        day = after // DAY * DAY
        slots = (day + hour * HOUR for hour in (*FUNDING_HOURS, FUNDING_HOURS[0] + 24))
        return next(slot for slot in slots if slot > after)

    # -- money in and out

    def do_deposit(
        self, at: int, status: Status, wait: int, size: int, which: str = "", count: int = 1
    ) -> None:
        """A deposit of about `size` hundred dollars; 0 is a fixed small one."""
        venue = self.venue
        code = venue.cash
        if which == "fee_coin":
            code = venue.fee_coin
        elif which == "money":
            code = venue.money
        elif which == "settle" and venue.contracts:
            code = venue.contracts[-1].settle
        elif not which and self._pick(4) == 0 and size:
            code = venue.assets[self._pick(len(venue.assets))].code
            if any(market.brief and market.base == code for market in venue.markets):
                code = venue.cash
        amount = self._units(code, 25_000 if size == 0 else size * self._between(50_000, 250_000))
        unit = ten(self.scale[code] - (18 if self.scale[code] > 12 else 6))
        amount = max(unit, amount // unit * unit + (self._pick(1_000) * unit if size else 0))
        self._deposit(at, at + wait, status, code, amount)

    def _deposit(self, at: int, done_at: int, status: Status, code: str, amount: int) -> None:
        networks = self.venue.asset(code).networks or (code,)
        internal = status == "completed" and self._pick(8) == 0
        self._add(
            Deposit(
                seq=len(self.events), at=at, wallet=self.home, asset=code, amount=amount,
                status=status, done_at=done_at, network=networks[self._pick(len(networks))],
                address="in" + self._text(32), tx=self._text(64), internal=internal,
            )
        )  # fmt: skip
        if status == "completed":
            self._return_later(done_at, self.home, code, amount)

    def do_arrival(self, at: int, arrival: Arrival) -> None:
        """A deposit whose amount, network and hash come from outside."""
        amount = int(arrival.amount.scaleb(self.scale[arrival.asset]))
        self._add(
            Deposit(
                seq=len(self.events), at=at, wallet=self.home, asset=arrival.asset,
                amount=amount, status="completed", done_at=at + 3 * MINUTE,
                network=arrival.network, address=arrival.address or "in" + self._text(32),
                tx=arrival.tx, move=arrival.move,
            )
        )  # fmt: skip
        self._return_later(at + 3 * MINUTE, self.home, arrival.asset, amount)

    def do_departure(self, at: int, departure: Departure) -> None:
        """A withdrawal whose amount, network, address and hash come from outside."""
        code, scale = departure.asset, self.scale[departure.asset]
        amount = int(departure.amount.scaleb(scale))
        self._ensure_cash(at, code, amount)
        self.free[self.home, code] -= amount
        self._add(
            Withdrawal(
                seq=len(self.events), at=at, wallet=self.home, asset=code, amount=amount,
                fee=int(departure.fee.scaleb(scale)), status="completed",
                done_at=departure.done_at, network=departure.network,
                address=departure.address, tx=departure.tx, move=departure.move,
            )
        )  # fmt: skip

    def _ensure_cash(self, at: int, code: str, needed: int) -> None:
        """Add a deposit if the wallet has less than `needed`."""
        if self.free[self.home, code] >= needed:
            return
        unit = ten(self.scale[code] - 2)
        amount = (max(needed, self._units(code, 8_000_000)) * 2 // unit + 1) * unit
        self._deposit(at, at, "completed", code, amount)
        self._pass_time(at)

    def _pit(self, contract: Contract) -> str:
        """The wallet that contract settles in."""
        return contract.wallet or self.venue.contract_wallet or self.home

    def _ensure_margin(self, at: int, contract: Contract, needed: int) -> None:
        """The same for the settlement wallet of a contract, from the home wallet."""
        pit, code = self._pit(contract), contract.settle
        if pit == self.home:
            self._ensure_cash(at, code, needed)
        elif self.free[pit, code] < needed:
            unit = ten(self.scale[code] - 2)
            amount = (max(needed, self._units(code, 300_000)) * 2 // unit + 1) * unit
            self._ensure_cash(at, code, amount)
            self._move(at, code, amount, self.home, pit)

    def do_withdrawal(self, at: int, status: Status, wait: int, code: str = "") -> None:
        """A withdrawal of a part of what is free; held until it is final."""
        codes = [asset.code for asset in self.venue.assets if asset.networks]
        if not code:
            code = codes[self._pick(len(codes))] if self._pick(2) else self.venue.cash
        asset = self.venue.asset(code)
        unit = ten(asset.scale - 6)
        fee = int(asset.withdraw_fee.scaleb(asset.scale))
        wanted = min(self.free[self.home, code] // 3, self._units(code, 900_000))
        amount = wanted * self._between(20, 100) // 100 // unit * unit
        if amount <= 2 * fee:
            code, asset = self.venue.cash, self.venue.asset(self.venue.cash)
            fee = int(asset.withdraw_fee.scaleb(asset.scale))
            amount = self._units(code, 60_000) // ten(asset.scale) * ten(asset.scale) + fee
            self._ensure_cash(at, code, amount)
        networks = asset.networks or (code,)
        self.free[self.home, code] -= amount
        self._add(
            Withdrawal(
                seq=len(self.events), at=at, wallet=self.home, asset=code, amount=amount, fee=fee,
                status=status, done_at=at + wait, network=networks[self._pick(len(networks))],
                address="to" + self._text(32), tx=self._text(64),
            )
        )  # fmt: skip
        if status != "completed":
            self._return_later(at + wait, self.home, code, amount)

    # -- transfers, rewards, conversions

    def do_transfer(self, at: int, duplicate: str = "") -> None:
        """A transfer between the home wallet and another, limited by the balance."""
        wallets, code = self.venue.other_wallets, self.venue.cash
        wallet = wallets[0] if duplicate else wallets[self._pick(len(wallets))]
        unit = ten(self.scale[code] - 2)
        away = self.free[wallet, code]
        if away > self._units(code, 1_000) and self._pick(2) and not duplicate:
            amount = away if self._pick(5) == 0 else away * self._between(10, 90) // 100
            amount = max(1, amount // unit * unit)
            self._move(at, code, amount, wallet, self.home)
            return
        amount = self._units(code, 50_000 if duplicate else self._between(5_000, 300_000))
        amount = amount // unit * unit
        self._ensure_cash(at, code, amount)
        self._move(at, code, amount, self.home, wallet)

    def do_brief_transfer(self, at: int, market: Market, back: bool) -> None:
        """Half of a coin into its isolated margin wallet, or all of it back."""
        away = "isolated_margin"
        if back:
            amount = self.free[away, market.base]
            self._move(at, market.base, amount, away, self.home, market.symbol)
        else:
            amount = self.free[self.home, market.base] // 2
            self._move(at, market.base, amount, self.home, away, market.symbol)

    def _move(
        self, at: int, code: str, amount: int, source: str, target: str, symbol: str = ""
    ) -> None:
        self.free[source, code] -= amount
        self.free[target, code] += amount
        if "isolated_margin" in (source, target) and not symbol:
            symbol = self.cash_markets[0].symbol
        self._add(
            Transfer(
                seq=len(self.events), at=at, asset=code, amount=amount, from_wallet=source,
                to_wallet=target, symbol=symbol,
            )
        )  # fmt: skip

    def do_borrow(self, at: int, wallet: str) -> None:
        """Borrow half of what a margin wallet holds, after a deposit into it."""
        code, unit = self.venue.cash, ten(self.scale[self.venue.cash] - 2)
        amount = self._units(code, self._between(50_000, 200_000)) // unit * unit
        self._ensure_cash(at, code, amount)
        self._move(at, code, amount, self.home, wallet)
        loan = amount // 2 // unit * unit
        self.loans[wallet] = self.loans.get(wallet, 0) + loan
        self._lend(at, wallet, loan, interest=0, is_repaid=False)

    def do_repay(self, at: int, wallet: str) -> None:
        """Repay the whole debt with interest; a missing amount comes from the home wallet."""
        code, loan = self.venue.cash, self.loans.pop(wallet, 0)
        if loan == 0:
            return
        interest = loan * self._between(5, 90) // 100_000 + 1
        short = loan + interest - self.free[wallet, code]
        if short > 0:
            self._ensure_cash(at, code, short)
            self._move(at, code, short, self.home, wallet)
        self._lend(at, wallet, loan, interest=interest, is_repaid=True)

    def _lend(self, at: int, wallet: str, amount: int, *, interest: int, is_repaid: bool) -> None:
        code = self.venue.cash
        self.free[wallet, code] += -amount - interest if is_repaid else amount
        symbol = self.cash_markets[0].symbol if wallet == "isolated_margin" else ""
        self._add(
            Loan(
                seq=len(self.events), at=at, wallet=wallet, asset=code, amount=amount,
                symbol=symbol, interest=interest, is_repaid=is_repaid,
            )
        )  # fmt: skip

    def do_pledge(self, at: int, order: int) -> None:
        """A loan of cash for about half of what the pledged coin is worth."""
        coin = next(a.code for a in self.venue.assets if a.code != self.venue.cash)
        worth = self._between(200_000, 900_000)
        pledge = self._units(coin, worth) // ten(self.scale[coin] - 6) * ten(self.scale[coin] - 6)
        loan = self._units(self.venue.cash, worth // 2)
        loan = loan // ten(self.scale[self.venue.cash] - 2) * ten(self.scale[self.venue.cash] - 2)
        self._ensure_cash(at, coin, pledge)
        self.free[self.home, coin] -= pledge
        self.free[self.home, self.venue.cash] += loan
        self._tell_loan(
            PledgedLoan(
                seq=len(self.events), at=at, wallet=self.home, order=order, step="taken",
                pledge_asset=coin, pledge=pledge, loan_asset=self.venue.cash, loan=loan,
            )
        )  # fmt: skip

    def do_raise_pledge(self, at: int, order: int) -> None:
        """A tenth more of what is pledged."""
        open_loan = self.pledged[order]
        coin, more = open_loan.pledge_asset, open_loan.pledge // 10
        self._ensure_cash(at, coin, more)
        self.free[self.home, coin] -= more
        raised = msgspec.structs.replace(
            open_loan, seq=len(self.events), at=at, step="raised", pledge=more
        )
        self._tell_loan(raised)

    def do_redeem_pledge(self, at: int, order: int) -> None:
        """Repay the loan with interest, and release the whole pledge."""
        open_loan = self.pledged.pop(order)
        interest = open_loan.loan * self._between(20, 300) // 100_000 + 1
        self._ensure_cash(at, open_loan.loan_asset, open_loan.loan + interest)
        self.free[self.home, open_loan.loan_asset] -= open_loan.loan + interest
        self.free[self.home, open_loan.pledge_asset] += open_loan.pledge
        self._add(
            msgspec.structs.replace(
                open_loan, seq=len(self.events), at=at, step="repaid", interest=interest
            )
        )

    def _tell_loan(self, event: PledgedLoan) -> None:
        known = self.pledged.get(event.order)
        pledge = event.pledge + (known.pledge if known else 0)
        self.pledged[event.order] = msgspec.structs.replace(event, pledge=pledge)
        self._add(event)

    def do_reward(self, at: int, flavour: str) -> None:
        """A small credit; interest uses all decimals of its coin."""
        assets = [a for a in self.venue.assets if not self._is_brief(a.code)]
        asset = assets[self._pick(len(assets))]
        if flavour == "interest":
            asset = max(assets, key=lambda a: (a.scale == 12, a.code == self.venue.cash))
        amount = max(1, self._units(asset.code, self._between(1, 5_000)))
        if asset.scale <= 12 and flavour != "interest":
            unit = ten(asset.scale - 8)
            amount = max(unit, amount // unit * unit)
        else:
            amount += self._pick(10**3)
        self.free[self.home, asset.code] += amount
        self._add(
            Reward(
                seq=len(self.events), at=at, wallet=self.home, asset=asset.code, amount=amount,
                flavour=flavour,
            )
        )  # fmt: skip

    def _is_brief(self, code: str) -> bool:
        return any(market.brief and market.base == code for market in self.venue.markets)

    def do_conversion(self, at: int) -> None:
        """Some cash into another coin, half a percent dearer than it is worth."""
        targets = [
            a.code
            for a in self.venue.assets
            if a.code != self.venue.cash and not self._is_brief(a.code) and a.scale <= 12
        ]
        target = targets[self._pick(len(targets))]
        worth = self._between(3_000, 120_000)
        unit_from = ten(self.scale[self.venue.cash] - 4)
        unit_to = ten(self.scale[target] - 8)
        amount = max(unit_from, self._units(self.venue.cash, worth) // unit_from * unit_from)
        gained = max(unit_to, self._units(target, worth * 995 // 1_000) // unit_to * unit_to)
        self._ensure_cash(at, self.venue.cash, amount)
        self.free[self.home, self.venue.cash] -= amount
        self.free[self.home, target] += gained
        self._add(
            Conversion(
                seq=len(self.events), at=at, wallet=self.home, from_asset=self.venue.cash,
                from_amount=amount, to_asset=target, to_amount=gained,
            )
        )  # fmt: skip

    def do_dust(self, at: int, batch: int) -> None:
        """Convert a little of each coin into the fee coin, with a fee of two percent."""
        target = self.venue.fee_coin
        unit_to = ten(self.scale[target] - 8)
        for code in self.venue.dust:
            unit, worth = ten(self.scale[code] - 8), self._between(500, 9_000)
            amount = self._units(code, worth) // unit * unit
            if not 0 < amount <= self.free[self.home, code]:
                continue
            fee = max(unit_to, self._units(target, worth * 2 // 100) // unit_to * unit_to)
            gained = max(unit_to, self._units(target, worth) // unit_to * unit_to - fee)
            self.free[self.home, code] -= amount
            self.free[self.home, target] += gained
            self._add(
                Conversion(
                    seq=len(self.events), at=at, wallet=self.home, from_asset=code,
                    from_amount=amount, to_asset=target, to_amount=gained, batch=batch, fee=fee,
                )
            )  # fmt: skip

    def do_purchase(
        self, at: int, channel: Channel, wallet: str, side: Side, status: Status
    ) -> None:
        """Cash bought or sold for money outside the account; no more is sold than there is."""
        code = self.venue.cash
        cost = self._between(2_000, 60_000)
        unit = ten(self.scale[code] - 2)
        amount = self._units(code, cost * 9) // unit * unit
        if side == "sell" and self.free[wallet, code] < amount:
            side = "buy"
        if status == "completed":
            self.free[wallet, code] += amount if side == "buy" else -amount
        self._add(
            Purchase(
                seq=len(self.events), at=at, wallet=wallet, channel=channel, side=side,
                asset=code, amount=amount, cost=cost, fee=cost // 50, status=status,
            )
        )  # fmt: skip

    # -- spot

    def do_order(
        self, at: int, count: int, tie: bool = False, market: Market | None = None, wish: str = ""
    ) -> None:
        """A spot order with `count` fills, all on one millisecond when `tie`.

        `wish` is buy, sell, or sell_all (the whole balance); by default, balances decide.
        """
        market = market or self._choose_market()
        worth = self._between(8_000, 400_000) * (1 + count // 20)
        needed = {code: 3 * self._units(code, worth) for code in (market.base, market.quote)}
        side: Side = "buy" if wish == "buy" or (not wish and self._pick(2)) else "sell"
        if side == "sell" and not wish and self.free[self.home, market.base] < needed[market.base]:
            side = "buy"
        if side == "buy" and self.free[self.home, market.quote] < needed[market.quote]:
            market = market if market.quote == self.venue.cash else self.cash_markets[0]
            self._ensure_cash(at, market.quote, 3 * self._units(market.quote, worth))
        self._orders += 1
        self._fill_order(at, count, tie, market, side, worth, wish == "sell_all")

    def _choose_market(self) -> Market:
        return self.markets[min(self._pick(len(self.markets)), self._pick(len(self.markets)))]

    def _fill_order(
        self, order_at: int, count: int, tie: bool, market: Market, side: Side, worth: int,
        sell_all: bool,
    ) -> None:  # fmt: skip
        step = ten(self.scale[market.base] - market.quantity_scale)
        price = self._walk(market.symbol, market.start_price)
        wanted = max(1, self._base_units(market, worth, price) // step // count)
        order_type: OrderType = "market" if self._pick(3) == 0 else "limit"
        is_maker = order_type == "limit" and self._pick(2) == 0
        order, quantity, at = self._orders, wanted, order_at
        whole = self.free[self.home, market.base]
        for n in range(count):
            if n and not tie and self._pick(6):  # the others are duplicates of the one before
                at = min(self._edge, at + self._pick(180))
                quantity = max(1, wanted * self._between(60, 130) // 100)
                price += self._pick(3) - 1
            units = quantity * step
            if sell_all:
                units = whole // count if n + 1 < count else self.free[self.home, market.base]
            self._fill(market, side, at, price, units, order, order_at, order_type, is_maker)

    def _base_units(self, market: Market, worth: int, price: int) -> int:
        """The quantity of the base coin for `worth` thousandths of a dollar at that price."""
        quote = self._units(market.quote, worth)
        scale = self.scale[market.base] - self.scale[market.quote] + market.price_scale
        return quote * ten(scale) // (price * ten(-scale))

    def _fill(
        self, market: Market, side: Side, at: int, price: int, units: int, order: int,
        order_at: int, order_type: OrderType, is_maker: bool,
    ) -> None:  # fmt: skip
        base, quote, home, free = market.base, market.quote, self.home, self.free
        shift = self.scale[base] + market.price_scale - self.scale[quote]
        worth = units * price
        quote_amount = worth * ten(-shift) // ten(shift)
        place = ten(self.scale[quote] - FEE_PLACES)
        quote_amount = max(place, quote_amount // place * place)
        got, gained = (base, units) if side == "buy" else (quote, quote_amount)
        fee_asset, fee = self._fee(market, got, gained, quote_amount, is_maker)
        sign = 1 if side == "buy" else -1
        free[home, base] += sign * units
        free[home, quote] -= sign * quote_amount
        free[home, fee_asset] -= fee
        self.events.append(
            SpotFill(
                seq=len(self.events), at=at, wallet=home, market=market, side=side, price=price,
                quantity=units, quote_amount=quote_amount, fee_asset=fee_asset, fee=fee,
                order=order, order_at=order_at, order_type=order_type, is_maker=is_maker,
            )
        )  # fmt: skip

    def _fee(
        self, market: Market, got: str, gained: int, quote_amount: int, is_maker: bool
    ) -> tuple[str, int]:
        """Which coin pays the fee, and how much of it, rounded up to eight places."""
        coin = self.venue.fee_coin
        may_deduct = coin and self._orders % 3 == 0 and coin not in (market.base, market.quote)
        if may_deduct and market.quote == self.venue.cash:
            scale = self.scale[coin] - self.scale[market.quote]
            fee = quote_amount * DEDUCTED_PPM // self.micro_usd[coin]
            fee = fee * ten(scale) // ten(-scale)
            fee = self._round_up(coin, fee)
            if self.free[self.home, coin] >= fee and not market.brief:
                return coin, fee
        ppm = MAKER_PPM if is_maker else TAKER_PPM
        if self.venue.fees_in_quote:
            got, gained = market.quote, quote_amount
        return got, self._round_up(got, gained * ppm // 1_000_000)

    def _round_up(self, code: str, amount: int) -> int:
        unit = ten(self.scale[code] - FEE_PLACES)
        return -(-amount // unit) * unit

    # -- contracts

    def do_contract_order(
        self, at: int, count: int, tie: bool = False, contract: Contract | None = None,
        intent: str = "open",
    ) -> None:  # fmt: skip
        """A contract order with `count` fills; its intent is its effect on the position."""
        contract = contract or self.venue.contracts[0]
        expires = self._expiry(contract)
        if expires is not None and at >= expires - HOUR:
            contract = self.venue.contracts[0]
        position = self.positions[contract.symbol]
        held = abs(position.quantity)
        long = position.quantity >= 0 if held else bool(self._pick(2))
        lot = contract.lot
        side: Side
        if intent != "open" and held >= count * lot:
            side = "sell" if long else "buy"
            total = held if intent == "close" else max(count, held // 2 // lot) * lot
        else:
            side = "buy" if long else "sell"
            total = self._contracts_for(contract, self._between(50_000, 600_000), count)
        price = self._walk(contract.symbol, contract.start_price)
        self._ensure_margin(at, contract, self._value(contract, total, price) // 5)
        self._orders += 1
        self._fill_contract(at, count, tie, contract, side, total, price)

    def _contracts_for(self, contract: Contract, worth: int, count: int) -> int:
        """Whole lots, as many for each fill, worth some thousandths of a dollar.

        At least 16, so that half of them can still be closed by an order of several fills.
        """
        one = self._value(contract, contract.lot, contract.start_price)
        lots = max(16, self._units(contract.settle, worth) // max(1, one))
        return -(-lots // count) * count * contract.lot

    def _value(self, contract: Contract, quantity: int, price: int) -> int:
        """The notional in the settlement coin's smallest units, rounded to nearest."""
        numerator, denominator = contract.size.as_integer_ratio()
        scale = ten(self.scale[contract.settle])
        ticks = ten(contract.price_scale)
        if contract.inverse:
            top, bottom = quantity * numerator * scale * ticks, denominator * price
        else:
            top, bottom = quantity * numerator * scale * price, denominator * ticks
        return (2 * top + bottom) // (2 * bottom)

    def _fill_contract(
        self, order_at: int, count: int, tie: bool, contract: Contract, side: Side, total: int,
        price: int,
    ) -> None:  # fmt: skip
        lot, at, left = contract.lot, order_at, total
        order_type: OrderType = "market" if self._pick(3) == 0 else "limit"
        is_maker = order_type == "limit" and self._pick(2) == 0
        for n in range(count):
            if n and not tie and self._pick(6):
                at = min(self._edge, at + self._pick(180))
                price += self._pick(3) - 1
            quantity = left if n + 1 == count else max(1, total // count // lot) * lot
            left -= quantity
            self._contract_fill(
                contract, side, at, price, quantity, order_at, total, order_type, is_maker
            )

    def _contract_fill(
        self, contract: Contract, side: Side, at: int, price: int, quantity: int, order_at: int,
        order_quantity: int, order_type: OrderType, is_maker: bool,
    ) -> None:  # fmt: skip
        value = self._value(contract, quantity, price)
        fee = value * (contract.maker_ppm if is_maker else contract.taker_ppm) // 1_000_000
        pnl = self._change_position(contract, side, quantity, value)
        key = (self._pit(contract), contract.settle)
        if self.free[key] + pnl - fee < 0:
            self._ensure_margin(at, contract, fee - pnl)
        self.free[key] += pnl - fee
        self.events.append(
            ContractFill(
                seq=len(self.events), at=at, wallet=self._pit(contract), contract=contract,
                side=side, price=price, quantity=quantity, value=value, fee=fee, realised_pnl=pnl,
                position=self.positions[contract.symbol].quantity, order=self._orders,
                order_at=order_at, order_quantity=order_quantity, order_type=order_type,
                is_maker=is_maker,
            )
        )  # fmt: skip

    def _change_position(self, contract: Contract, side: Side, quantity: int, value: int) -> int:
        """Book a fill on the position, and return the realised profit before fees."""
        position = self.positions[contract.symbol]
        signed = quantity if side == "buy" else -quantity
        held = abs(position.quantity)
        if held == 0 or (position.quantity > 0) == (signed > 0):
            position.quantity += signed
            position.cost += value
            return 0
        part = position.cost * quantity // held
        was_long = position.quantity > 0
        position.quantity += signed
        position.cost -= part
        gained = value - part if was_long else part - value
        return -gained if contract.inverse else gained

    def _pay_funding(self, at: int) -> None:
        for contract in self.venue.contracts:
            position = self.positions[contract.symbol]
            if position.quantity == 0 or contract.expires_before_end is not None:
                continue
            price = self.prices[contract.symbol]
            value = self._value(contract, abs(position.quantity), price)
            rate = self._between(-300, 400)
            cost = value * rate // 1_000_000 * (1 if position.quantity > 0 else -1)
            key = (self._pit(contract), contract.settle)
            if cost == 0 or self.free[key] < cost:
                continue
            self.free[key] -= cost
            self._add(
                Funding(
                    seq=len(self.events), at=at, wallet=self._pit(contract), contract=contract,
                    position=position.quantity, price=price, value=value, rate_ppm=rate,
                    amount=-cost,
                )
            )  # fmt: skip

    def _expiry(self, contract: Contract) -> int | None:
        if contract.expires_before_end is None:
            return None
        noon = (self.plan.end - contract.expires_before_end) // DAY * DAY + 12 * HOUR
        return noon + 10 * SECOND

    def _next_expiry(self) -> int:
        """When the next future ends; never, if none is left."""
        ends = (self._expiry(c) for c in self.venue.contracts if c.symbol not in self.settled)
        return min((end for end in ends if end is not None), default=NEVER)

    def _settle_futures(self, now: int) -> None:
        for contract in self.venue.contracts:
            expires = self._expiry(contract)
            if expires is None or expires > now or contract.symbol in self.settled:
                continue
            self.settled.add(contract.symbol)
            self._settle(contract, expires)

    def _settle(self, contract: Contract, at: int) -> None:
        position = self.positions[contract.symbol]
        if position.quantity == 0:
            return
        price = self._walk(contract.symbol, contract.start_price)
        quantity = abs(position.quantity)
        side: Side = "sell" if position.quantity > 0 else "buy"
        value = self._value(contract, quantity, price)
        pnl = self._change_position(contract, side, quantity, value)
        key = (self._pit(contract), contract.settle)
        if self.free[key] + pnl < 0:
            self._ensure_margin(at, contract, -pnl)
        self.free[key] += pnl
        self._add(
            Settlement(
                seq=len(self.events), at=at, wallet=self._pit(contract), contract=contract,
                side=side, quantity=quantity, price=price, value=value, realised_pnl=pnl,
            )
        )  # fmt: skip
