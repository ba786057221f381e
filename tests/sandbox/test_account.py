"""A simulated history has consistent balances, and the traps of real histories."""

from __future__ import annotations

import hashlib
from collections import Counter
from decimal import Decimal

import pytest

from pipelines.sandbox.engine.account import (
    DAY,
    AccountPlan,
    Arrival,
    Asset,
    Contract,
    ContractFill,
    Deposit,
    Funding,
    History,
    Market,
    Settlement,
    SpotFill,
    Venue,
    Withdrawal,
    exact,
)
from pipelines.sandbox.engine.history import generate
from pipelines.sandbox.engine.schedule import quiet_stretches

END = 1_795_219_200_000
OPENED = END - 1_095 * DAY
COINS = (
    Asset(code="USDT", scale=12, usd=Decimal(1), networks=("TRC20",), withdraw_fee=Decimal("1.5")),
    Asset(code="BTC", scale=12, usd=Decimal(64_000), networks=("BTC",)),
    Asset(code="BGB", scale=12, usd=Decimal(5)),
    Asset(code="MOONX", scale=12, usd=Decimal(2)),
    Asset(code="FINE", scale=18, usd=Decimal("0.1")),
)
SPOT = Venue(
    name="spot-venue",
    cash="USDT",
    assets=COINS,
    fee_coin="BGB",
    markets=(
        Market(
            symbol="BTCUSDT",
            base="BTC",
            quote="USDT",
            price_scale=2,
            quantity_scale=6,
            start_price=6_400_000,
        ),
        Market(
            symbol="MOONXUSDT",
            base="MOONX",
            quote="USDT",
            price_scale=4,
            quantity_scale=2,
            start_price=20_000,
            brief=True,
        ),
    ),
    other_wallets=("usdt_futures", "isolated_margin"),
)


def contract(symbol: str, settle: str, inverse: bool, expires: int | None = None) -> Contract:
    return Contract(
        symbol=symbol,
        base="BTC",
        quote="USD",
        settle=settle,
        inverse=inverse,
        size=Decimal(1) if inverse else Decimal("0.000001"),
        price_scale=1,
        start_price=640_000,
        lot=100 if inverse else 1_000,
        taker_ppm=500,
        maker_ppm=-100,
        expires_before_end=expires,
    )


FUTURES = Venue(
    name="contract-venue",
    cash="BTC",
    home="main",
    assets=(
        Asset(code="BTC", scale=8, usd=Decimal(64_000), networks=("btc",)),
        Asset(code="USDT", scale=6, usd=Decimal(1), networks=("eth",)),
    ),
    contracts=(
        contract("XBTUSD", "BTC", inverse=True),
        contract("XBTUSDT", "USDT", inverse=False),
        contract("XBTU26", "BTC", inverse=True, expires=60 * DAY),
    ),
)


def plan(venue: Venue = SPOT, fills: int = 100, **changes: object) -> AccountPlan:
    given = {"seed": 1, "opened_at": OPENED, "end": END, "future": 60 * DAY} | changes
    return AccountPlan(venue=venue, fills=fills, **given)


def fills_until(simulated: History, moment: int) -> list[SpotFill | ContractFill]:
    fills = (event for event in simulated.events if isinstance(event, SpotFill | ContractFill))
    return [fill for fill in fills if fill.at <= moment]


def digest(simulated: History) -> str:
    return hashlib.sha256(repr(simulated.events).encode()).hexdigest()


def test_the_seed_determines_the_history() -> None:
    assert digest(generate(plan())) == digest(generate(plan()))
    assert digest(generate(plan())) != digest(generate(plan(seed=2)))


@pytest.mark.parametrize("venue", [SPOT, FUTURES], ids=lambda venue: venue.name)
@pytest.mark.parametrize("fills", [1, 5, 13, 45, 100, 1_000, 6_000])
def test_a_history_has_exactly_the_requested_fills(venue: Venue, fills: int) -> None:
    simulated = generate(plan(venue, fills))
    assert len(fills_until(simulated, END)) == fills
    assert len(fills_until(simulated, END + 60 * DAY)) > fills


@pytest.mark.parametrize("venue", [SPOT, FUTURES], ids=lambda venue: venue.name)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_events_are_in_order_and_no_balance_is_ever_negative(venue: Venue, seed: int) -> None:
    simulated = generate(plan(venue, 1_500, seed=seed))
    assert [event.seq for event in simulated.events] == list(range(len(simulated.events)))
    assert all(a.at <= b.at for a, b in zip(simulated.events, simulated.events[1:], strict=False))
    balances: Counter[tuple[str, str]] = Counter()
    before = 0
    for move in simulated.movements():
        assert move.at >= before
        before = move.at
        balances[move.wallet, move.asset] += move.amount
        assert balances[move.wallet, move.asset] >= 0
    held = simulated.held(END)
    at_end = simulated.balances(END)
    assert all(at_end[wallet][asset] >= amount for (wallet, asset), amount in held.items())


def test_an_account_without_fills_has_no_history() -> None:
    simulated = generate(plan(fills=0))
    assert simulated.events == []
    assert simulated.balances(END) == {}


def test_legitimate_duplicates_differ_only_in_their_number() -> None:
    fills = fills_until(generate(plan(fills=1_000)), END)
    same = Counter((f.at, f.market.symbol, f.side, f.price, f.quantity) for f in fills)
    assert sum(count > 1 for count in same.values()) > 20
    deposits = [e for e in generate(plan()).events if isinstance(e, Deposit)]
    assert max(Counter((d.at, d.asset, d.amount) for d in deposits).values()) == 2


def test_groups_on_one_millisecond_have_the_requested_size() -> None:
    simulated = generate(plan(fills=1_000, tie_groups=(250, 120)))
    sizes = Counter(fill.at for fill in fills_until(simulated, END))
    assert [count for _, count in sizes.most_common(2)] == [250, 120]
    large = Counter(fill.at for fill in fills_until(generate(plan(fills=10_000)), END))
    assert max(large.values()) >= 600


def test_nothing_happens_in_the_quiet_stretches() -> None:
    given = plan(fills=2_000)
    simulated = generate(given)
    for start, end in quiet_stretches(given):
        assert end - start >= 60 * DAY
        late = [move for move in simulated.movements() if start + DAY <= move.at < end]
        assert late == []


def test_rows_lie_exactly_on_and_just_before_window_edges() -> None:
    times = {event.at for event in generate(plan()).events}
    edges = {OPENED, OPENED + 30 * DAY, END - 30 * DAY, END - 60 * DAY, END - 90 * DAY, END}
    assert edges <= times
    assert {END - 30 * DAY - 1, END - 90 * DAY - 1, OPENED + 30 * DAY - 1} <= times


def test_an_old_coin_is_bought_moved_and_sold() -> None:
    simulated = generate(plan())
    moves = [move for move in simulated.movements() if move.asset == "MOONX"]
    assert len(moves) > 4
    assert max(move.at for move in moves) < OPENED + 400 * DAY
    assert sum(move.amount for move in moves) == 0
    assert "isolated_margin" in {move.wallet for move in moves}


def test_fees_are_in_the_received_coin_or_the_fee_coin() -> None:
    fills = fills_until(generate(plan(fills=300)), END)
    assert {fill.deducted for fill in fills} == {True, False}
    for fill in fills:
        legs = fill.movements()
        assert len(legs) == (3 if fill.deducted else 2)
        assert legs[0].amount < 0 < legs[1].amount


def test_every_status_of_deposits_and_withdrawals_occurs() -> None:
    events = generate(plan()).events
    withdrawals = [event for event in events if isinstance(event, Withdrawal)]
    assert {w.status for w in withdrawals} == {"completed", "canceled", "failed"}
    pending = [w for w in withdrawals if w.at <= END < w.done_at]
    assert {w.status for w in pending} == {"completed", "canceled"}
    deposits = [event for event in events if isinstance(event, Deposit)]
    assert {d.status for d in deposits} == {"completed", "failed"}
    assert any(d.at <= END < d.done_at for d in deposits)


def test_the_future_starts_after_two_calm_days() -> None:
    simulated = generate(plan(fills=1_000))
    later = [event.at for event in simulated.events if event.at > END]
    assert min(later) >= END + 2 * DAY
    assert max(later) < END + 61 * DAY


def test_contract_histories_open_reduce_and_settle_positions() -> None:
    events = generate(plan(FUTURES, 1_000)).events
    fills = [event for event in events if isinstance(event, ContractFill)]
    assert {fill.contract.symbol for fill in fills} == {"XBTUSD", "XBTUSDT", "XBTU26"}
    assert any(fill.realised_pnl == 0 and fill.fee < 0 for fill in fills)
    assert any(fill.realised_pnl > 0 for fill in fills)
    assert any(fill.realised_pnl < 0 for fill in fills)
    positions: Counter[str] = Counter()
    for event in events:
        if isinstance(event, ContractFill):
            sign = 1 if event.side == "buy" else -1
            positions[event.contract.symbol] += sign * event.quantity
            assert positions[event.contract.symbol] == event.position
        elif isinstance(event, Settlement):
            positions[event.contract.symbol] = 0
        elif isinstance(event, Funding):
            assert event.position == positions[event.contract.symbol] != 0
            assert event.at % DAY in {hour * 3_600_000 for hour in (4, 12, 20)}
    assert positions["XBTU26"] == 0


def test_the_value_of_a_fill_follows_its_contract() -> None:
    fills = fills_until(generate(plan(FUTURES, 500)), END)
    for fill in fills:
        price = Decimal(fill.price) / 10
        if fill.contract.inverse:
            value = fill.quantity * 10**8 / price
        else:
            value = fill.quantity * price * 10**6 / 10**6
        assert abs(value - fill.value) <= Decimal("0.5")


def test_deposits_can_come_from_another_account() -> None:
    arrival = Arrival(
        at=END - 5 * DAY, asset="USDT", amount=Decimal("98.5"), network="TRC20", tx="ab" * 32
    )
    events = generate(plan(arrivals=(arrival,))).events
    found = [event for event in events if isinstance(event, Deposit) and event.tx == "ab" * 32]
    assert [(d.at, d.asset, d.amount) for d in found] == [(END - 5 * DAY, "USDT", 985 * 10**11)]


@pytest.mark.parametrize(
    ("amount", "scale", "pad", "text"),
    [
        (0, 8, 0, "0"),
        (0, 8, 8, "0.00000000"),
        (-1, 8, 0, "-0.00000001"),
        (150_000_000, 8, 0, "1.5"),
        (150_000_000, 8, 8, "1.50000000"),
        (12, 0, 0, "12"),
        (10**30 + 1, 18, 2, "1000000000000.000000000000000001"),
    ],
)
def test_exact_writes_every_digit(amount: int, scale: int, pad: int, text: str) -> None:
    assert exact(amount, scale, pad) == text
