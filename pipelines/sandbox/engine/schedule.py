"""The schedule of a simulated account, from which `history.py` makes events.

It contains traps for readers of histories: many fills on one millisecond, spans without events,
rows exactly on the edges of 30- and 90-day windows, a coin that was sold to zero before its pair
was delisted, and rows that are still pending at the end.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.sandbox.engine.account import DAY, HOUR, MINUTE, AccountPlan, Status

CALM_AFTER_END = 2 * DAY


@dataclass(frozen=True)
class Step:
    """One entry of the schedule: a time, an action and its arguments."""

    at: int
    do: str
    args: tuple[object, ...] = ()


def quiet_stretches(plan: AccountPlan) -> list[tuple[int, int]]:
    """Spans without a single event; the first is longer than a 90-day window, if there is room."""
    span = plan.end - plan.opened_at
    first, second = min(190 * DAY, span * 15 // 100), min(70 * DAY, span * 6 // 100)
    start_1 = plan.opened_at + span * 30 // 100
    start_2 = plan.opened_at + span * 60 // 100
    return [(start_1, start_1 + first), (start_2, start_2 + second)]


class Calendar:
    """Draws moments outside the quiet stretches."""

    def __init__(self, plan: AccountPlan, rng: random.Random) -> None:
        self._rng = rng
        self._quiet = quiet_stretches(plan)
        self._opened, self._end = plan.opened_at, plan.end

    def between(self, start: int, end: int) -> int:
        """A moment in [start, end) in which something may happen."""
        quiet = [(max(a, start), min(b, end)) for a, b in self._quiet if b > start and a < end]
        width = end - start - sum(b - a for a, b in quiet)
        moment = start + self._rng.getrandbits(48) % max(1, width)
        for a, b in quiet:
            if moment >= a:
                moment += b - a
        return moment

    def anywhere(self) -> int:
        """A moment of the history, leaving its first two days to the opening."""
        return self.between(self._opened + 2 * DAY, self._end - 2 * HOUR)

    def mostly_recent(self) -> int:
        """A moment of the history, every third one within its last 85 days."""
        recent = self._end - 85 * DAY
        if recent > self._opened + 100 * DAY and self._rng.getrandbits(8) % 3 == 0:
            return self.between(recent, self._end - 2 * HOUR)
        return self.anywhere()

    def allows(self, moment: int) -> bool:
        """Whether that moment lies in no quiet stretch."""
        return not any(a <= moment < b for a, b in self._quiet)


def default_ties(fills: int) -> tuple[int, ...]:
    """Group sizes of fills on one millisecond; from 10,000 fills on larger than any page."""
    if fills < 60:
        return (3,) if fills >= 12 else ()
    if fills < 1_000:
        return (5, 12)
    if fills < 5_000:
        return (5, 40, 130)
    return (5, 40, 130, 600)


def order_sizes(fills: int, rng: random.Random) -> list[int]:
    """How many fills each order gets; they add up to `fills`."""
    sizes: list[int] = []
    left = fills
    while left:
        size = min(left, (1, 1, 1, 2, 2, 3, 4, 6)[rng.getrandbits(16) % 8])
        sizes.append(size)
        left -= size
    return sizes


def draw_schedule(plan: AccountPlan, rng: random.Random) -> list[Step]:
    """The schedule, by time."""
    calendar = Calendar(plan, rng)
    steps = [
        *draw_opening(plan),
        *draw_fills(plan, rng, calendar),
        *draw_money(plan, rng, calendar),
        *draw_edges(plan, calendar),
        *draw_pending(plan),
        *draw_future(plan, rng),
        *draw_loans(plan, calendar),
        *draw_pledged_loans(plan, calendar),
        *draw_dust_and_purchases(plan, calendar),
    ]
    steps.sort(key=lambda step: step.at)
    return steps


def draw_opening(plan: AccountPlan) -> Iterator[Step]:
    """The first day: a reward at the millisecond of registration, then the first deposits."""
    first_flavour = plan.venue.rewards[0] if plan.venue.rewards else ""
    if first_flavour:
        yield Step(plan.opened_at, "reward", (first_flavour,))
    yield Step(plan.opened_at + 3 * HOUR, "deposit", ("completed", 10 * MINUTE, 40))
    yield Step(plan.opened_at + 5 * HOUR, "deposit", ("completed", 10 * MINUTE, 40, "settle"))
    if plan.venue.fee_coin:
        yield Step(plan.opened_at + 6 * HOUR, "deposit", ("completed", MINUTE, 4, "fee_coin"))


def draw_fills(plan: AccountPlan, rng: random.Random, calendar: Calendar) -> Iterator[Step]:
    """Orders that together have exactly `plan.fills` fills."""
    venue, left = plan.venue, plan.fills
    if any(market.brief for market in venue.markets) and left >= 40:
        yield from draw_brief(plan)
        left -= 6
    exact_edges = [plan.end - days * DAY for days in (0, 7, 30, 60, 89)]
    edges = [at for at in exact_edges if at > plan.opened_at + 2 * DAY] if left > 20 else []
    left -= len(edges)
    ties = default_ties(plan.fills) if plan.tie_groups is None else plan.tie_groups
    ties = tuple(size for size in ties if size <= left)
    while sum(ties) + len(ties) > left:
        ties = ties[:-1]
    left -= sum(ties)
    if venue.markets and plan.contract_share <= 50:
        yield from (Step(at, "order", (1,)) for at in edges)
        yield from (Step(calendar.mostly_recent(), "order", (size, True)) for size in ties)
    else:
        left -= len(ties)
        yield from draw_contract_edges(plan, calendar, edges, ties)
    on_contracts = left * plan.contract_share // 100 if venue.contracts else 0
    on_contracts = on_contracts if venue.markets else left
    for size in order_sizes(left - on_contracts, rng):
        yield Step(calendar.mostly_recent(), "order", (size,))
    yield from draw_campaigns(plan, rng, calendar, on_contracts)


def draw_contract_edges(
    plan: AccountPlan, calendar: Calendar, edges: list[int], ties: tuple[int, ...]
) -> Iterator[Step]:
    """Single fills on the edges, and groups on one millisecond with a fill that closes them."""
    contract = plan.venue.contracts[0]
    for place, at in enumerate(sorted(edges)):
        yield Step(at, "contract_order", (1, False, contract, "close" if place % 2 else "open"))
    for size in ties:
        at = calendar.mostly_recent()
        yield Step(at, "contract_order", (size, True, contract, "open"))
        at = min(at + 2 * DAY, plan.end - HOUR)
        yield Step(at, "contract_order", (1, False, contract, "close"))


def draw_campaigns(
    plan: AccountPlan, rng: random.Random, calendar: Calendar, fills: int
) -> Iterator[Step]:
    """Contract orders, in runs of a few days that open, add, reduce and close one position."""
    sizes = order_sizes(fills, rng)
    contracts = plan.venue.contracts
    for first in range(0, len(sizes), 5):
        run = sizes[first : first + 5]
        contract = contracts[rng.getrandbits(16) % len(contracts)]
        start = calendar.mostly_recent()
        if contract.expires_before_end is not None:
            start = min(start, plan.end - contract.expires_before_end - 5 * DAY)
        width = min(3 * DAY, max(1, plan.end - start))
        times = sorted(start + rng.getrandbits(40) % width for _ in run)
        times = [at if calendar.allows(at) else start for at in times]
        ends_open = contract.expires_before_end is not None and rng.getrandbits(8) % 2 == 0
        for place, (at, size) in enumerate(zip(times, run, strict=True)):
            last = place == len(run) - 1 and not ends_open
            intent = "close" if last else "reduce" if place == 3 else "open"
            yield Step(at, "contract_order", (size, False, contract, intent))


def draw_brief(plan: AccountPlan) -> Iterator[Step]:
    """A coin bought twice, moved out and back, and sold to the last unit, all long ago."""
    market = next(market for market in plan.venue.markets if market.brief)
    start = plan.opened_at + (plan.end - plan.opened_at) * 8 // 100
    yield Step(start, "order", (2, False, market, "buy"))
    yield Step(start + 5 * HOUR, "order", (2, False, market, "buy"))
    if "isolated_margin" in plan.venue.other_wallets:
        yield Step(start + 30 * HOUR, "brief_transfer", (market, False))
        yield Step(start + 50 * HOUR, "brief_transfer", (market, True))
    yield Step(start + 70 * HOUR, "order", (2, False, market, "sell_all"))


def draw_money(plan: AccountPlan, rng: random.Random, calendar: Calendar) -> Iterator[Step]:
    """Deposits, withdrawals, transfers, rewards, interest and conversions in between."""
    fills, venue = plan.fills, plan.venue
    for n in range(min(1_500, 5 + fills // 50)):
        outcome: Status = "failed" if n == 2 else "completed"
        wait = (1 + rng.getrandbits(16) % 40) * MINUTE
        yield Step(calendar.anywhere(), "deposit", (outcome, wait, 10))
    moment = calendar.anywhere()
    yield from (Step(moment, "deposit", ("completed", 7 * MINUTE, 0)) for _ in range(2))
    for n in range(min(1_000, 5 + fills // 80)):
        status: Status = "canceled" if n == 1 else "failed" if n == 3 else "completed"
        wait = (5 + rng.getrandbits(16) % 600) * MINUTE
        yield Step(calendar.mostly_recent(), "withdrawal", (status, wait))
    if venue.other_wallets:
        for _ in range(min(1_500, 8 + fills // 60)):
            yield Step(calendar.mostly_recent(), "transfer")
        moment = calendar.mostly_recent()
        yield from (Step(moment, "transfer", ("duplicate",)) for _ in range(2))
    if venue.rewards:
        for _ in range(min(4_000, 6 + fills // 25)):
            flavour = venue.rewards[rng.getrandbits(16) % len(venue.rewards)]
            yield Step(calendar.mostly_recent(), "reward", (flavour,))
    if "interest" in venue.rewards and fills >= 5_000 and plan.end - plan.opened_at > 100 * DAY:
        # Savings pay by the hour: more than a page of 500 in one 30-day window.
        start = calendar.between(plan.end - 80 * DAY, plan.end - 40 * DAY) // HOUR * HOUR
        yield from (Step(start + n * HOUR, "reward", ("interest",)) for n in range(25 * 24))
    if venue.conversions:
        for _ in range(min(800, 3 + fills // 100)):
            yield Step(calendar.mostly_recent(), "conversion")
    yield from (Step(arrival.at, "arrival", (arrival,)) for arrival in plan.arrivals)
    yield from (Step(leaving.at, "departure", (leaving,)) for leaving in plan.departures)


def draw_edges(plan: AccountPlan, calendar: Calendar) -> Iterator[Step]:
    """Small credits exactly on, and one millisecond before, the edges that windows have."""
    if not plan.venue.rewards:
        return
    edges = [plan.opened_at + days * DAY for days in (30, 60, 90)]
    edges += [plan.end - days * DAY for days in (0, 30, 60, 90)]
    midnight = (plan.opened_at // DAY + 21) * DAY
    for edge in [*edges, midnight]:
        for at in (edge - 1, edge):
            if plan.opened_at < at <= plan.end and calendar.allows(at):
                yield Step(at, "reward", (plan.venue.rewards[0],))


def draw_loans(plan: AccountPlan, calendar: Calendar) -> Iterator[Step]:
    """Loans on margin, given back within the day, where there is such a wallet."""
    wallets = [name for name in plan.venue.other_wallets if name.endswith("_margin")]
    for n in range(min(200, 2 * len(wallets) + plan.fills // 300 * len(wallets))):
        wallet, at = wallets[n % len(wallets)], calendar.mostly_recent()
        back = at + 9 * HOUR
        yield Step(at, "borrow", (wallet,))
        yield Step(back if calendar.allows(back) else at + MINUTE, "repay", (wallet,))


def draw_pledged_loans(plan: AccountPlan, calendar: Calendar) -> Iterator[Step]:
    """Loans on pledged coins: most are given back, every third one is still open at the end."""
    if not plan.venue.pledged_loans:
        return
    for order in range(min(30, 3 + plan.fills // 400)):
        at = calendar.mostly_recent()
        more, back = at + 2 * DAY, at + 5 * DAY
        yield Step(at, "pledge", (order,))
        if order % 2 == 0 and calendar.allows(more) and more < plan.end:
            yield Step(more, "raise_pledge", (order,))
        if order % 3 and calendar.allows(back) and back < plan.end:
            yield Step(back, "redeem_pledge", (order,))


def draw_dust_and_purchases(plan: AccountPlan, calendar: Calendar) -> Iterator[Step]:
    """Small balances swapped at once; money by bank; coins bought and sold for other money."""
    if plan.venue.dust:
        for batch in range(min(300, 3 + plan.fills // 60)):
            yield Step(calendar.mostly_recent(), "dust", (batch + 1,))
    for n in range(min(60, 5 + plan.fills // 400) if plan.venue.money else 0):
        outcome: Status = "failed" if n == 1 else "completed"
        yield Step(calendar.anywhere(), "deposit", (outcome, 7 * MINUTE, 3, "money"))
        yield Step(calendar.mostly_recent(), "withdrawal", (outcome, DAY, plan.venue.money))
    for channel, wallet in plan.venue.purchases:
        for n in range(min(300, 6 + plan.fills // 200)):
            outcome = "canceled" if n == 1 else "failed" if n == 4 else "completed"
            side = "sell" if n % 3 == 2 else "buy"
            yield Step(calendar.mostly_recent(), "purchase", (channel, wallet, side, outcome))


def draw_pending(plan: AccountPlan) -> Iterator[Step]:
    """Rows that are pending at the end of the history, and become final later."""
    yield Step(plan.end - 2 * HOUR, "withdrawal", ("canceled", 4 * DAY + 2 * HOUR))
    yield Step(plan.end - HOUR, "withdrawal", ("completed", 3 * DAY + HOUR))
    yield Step(plan.end - 30 * MINUTE, "deposit", ("completed", 3 * DAY + 30 * MINUTE, 1))


def draw_future(plan: AccountPlan, rng: random.Random) -> Iterator[Step]:
    """Events after the end of the history, for tests that advance the clock."""
    start, end = plan.end + CALM_AFTER_END, plan.end + plan.future
    if end <= start:
        return
    span = max(DAY, plan.end - plan.opened_at)
    fills = max(4, min(1_000, plan.fills * plan.future // span))
    calendar = Calendar(plan, rng)
    do = "order" if plan.venue.markets else "contract_order"
    for size in order_sizes(fills, rng):
        yield Step(calendar.between(start, end), do, (size,))
    for outcome in ("completed", "canceled", "completed"):
        yield Step(calendar.between(start, end), "withdrawal", (outcome, 5 * HOUR))
        yield Step(calendar.between(start, end), "deposit", ("completed", HOUR, 5))
        if plan.venue.other_wallets:
            yield Step(calendar.between(start, end), "transfer")
