"""BigONE's records of one simulated account, and its ground truth.

Two histories make one account: spot, and a contract wallet that is fed by deposits of its own and
gives back by transfers that no route lists. Every fourth deposit goes to the fund wallet and is
moved to spot at once, by such a transfer as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from pipelines.sandbox.bigone.market import CONTRACTS, SPOT, stable_uuid
from pipelines.sandbox.engine.account import (
    DAY,
    HOUR,
    SECOND,
    ContractFill,
    Conversion,
    Deposit,
    Funding,
    History,
    Market,
    Movement,
    Reward,
    SpotFill,
    Transfer,
    Withdrawal,
    exact,
)
from pipelines.sandbox.engine.clock import from_ms
from pipelines.sandbox.engine.ledger import Entry, Ledger, iso
from pipelines.sandbox.engine.table import Table

SELF_EVERY = 25
"""One of that many purchases is followed by a trade of the account with itself."""
STATES = {"completed": "COMPLETED", "canceled": "CANCELLED", "failed": "CANCELLED"}
OUT_STATES = {"completed": "COMPLETED", "canceled": "CANCELLED", "failed": "FAILED"}
IN_SECONDS = frozenset({"trade", "fee", "deposit", "reward"})
"""Movements whose old records have a precision of one second."""


@dataclass(frozen=True)
class SelfTrade:
    """A trade between two orders of the account: only the two fees change balances."""

    at: int
    market: Market
    price: int
    step: int
    """Amount, in steps of the pair's quantity scale."""
    taker_sells: bool

    def fees(self) -> tuple[str, str]:
        """The fees of the taker and the maker, each in the received coin."""
        amount = Decimal(self.step).scaleb(-self.market.quantity_scale)
        worth = amount * Decimal(self.price).scaleb(-self.market.price_scale)
        rates = (Decimal("0.001"), Decimal("0.0008"))
        gets = (worth, amount) if self.taker_sells else (amount, worth)
        taker, maker = (
            (part * rate).quantize(Decimal("1e-8")) for part, rate in zip(gets, rates, strict=True)
        )
        return f"{taker:f}", f"{maker:f}"


@dataclass(frozen=True)
class SpotOrder:
    """An order and its fills; without fills it is canceled after a day."""

    number: int
    at: int
    market: Market
    side: str
    order_type: str
    fills: tuple[SpotFill, ...]
    price: int
    quantity: int
    ends_at: int

    def filled(self, now: int) -> int:
        """The quantity filled by `now`."""
        return sum(fill.quantity for fill in self.fills if fill.at <= now)

    def state(self, now: int) -> str:
        """FILLED, PENDING or CANCELLED."""
        if self.filled(now) == self.quantity:
            return "FILLED"
        return "PENDING" if now < self.ends_at else "CANCELLED"

    def last_change(self, now: int) -> int:
        """The latest time at which it was placed, partly filled, or ended."""
        if now >= self.ends_at:
            return self.ends_at
        return max([self.at, *(fill.at for fill in self.fills if fill.at <= now)])


class BigOneLedger(Ledger):
    """The tables of one account."""

    records = ("spot_trades", "deposits", "withdrawals", "convert_trades", "contract_trades")
    wallets = ("spot", "fund", "contract")

    def __init__(
        self, spot: History, contract: History, uid: str, *, gross: bool = False,
        old_fees: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(spot, uid)
        self.contract = contract
        self.user_id = stable_uuid("user", uid)
        self.contract_scales = {asset.code: asset.scale for asset in CONTRACTS.assets}
        self._gross, self._old_fees = gross, old_fees
        self._modern = spot.opened_at + (spot.plan.end - spot.opened_at) * 2 // 5
        trades, orders = list(self._trades()), self._orders()
        money = [*self.of(Deposit, Reward), *(e for e in contract.events if type(e) is Deposit)]
        money.sort(key=lambda event: event.at)
        out, swaps = self.of(Withdrawal), self.of(Conversion)
        fills = [e for e in contract.events if isinstance(e, ContractFill | Funding)]
        contract_orders = self._contract_orders()
        self.tables = {
            "spot_trades": Table(
                trades, range(4_100_000_000, 4_100_000_000 + 3 * len(trades), 3),
                self._trade, group=lambda t: t.market.symbol,
            ),
            "spot_orders": Table(
                orders,
                [order_id(o.number) if o.fills else 800_000_000 + n for n, o in enumerate(orders)],
                self._order, group=lambda o: o.market.symbol,
            ),
            "deposits": Table(money, range(7, 7 + 2 * len(money), 2), self._deposit),
            "withdrawals": Table(
                out, range(1_077_000, 1_077_000 + 7 * len(out), 7), self._withdrawal
            ),
            "convert_trades": Table(swaps, range(12_000, 12_000 + len(swaps)), self._conversion),
            "contract_trades": Table(
                fills, [stable_uuid(uid, "contract", e.seq) for e in fills], self._contract_trade
            ),
            "contract_orders": Table(
                contract_orders, [self._contract_order_id(own[0]) for own in contract_orders],
                self._contract_order, at=lambda own: int(own[0].order_at),
            ),
        }  # fmt: skip

    def _trades(self) -> Iterator[SpotFill | SelfTrade]:
        bought = 0
        for fill in self.of(SpotFill):
            yield fill
            if fill.side == "buy" and not fill.market.brief:
                bought += 1
                if bought % SELF_EVERY == 3:
                    steps = 10**fill.market.quantity_scale // 100
                    sells = bought % (2 * SELF_EVERY) == 3
                    yield SelfTrade(fill.at, fill.market, fill.price, steps, sells)

    def _orders(self) -> list[SpotOrder]:
        fills: dict[int, list[SpotFill]] = defaultdict(list)
        for fill in self.of(SpotFill):
            fills[fill.order].append(fill)
        orders = [
            SpotOrder(
                number, own[0].order_at, own[0].market, own[0].side, own[0].order_type,
                tuple(own), own[0].price, sum(fill.quantity for fill in own), own[-1].at,
            )
            for number, own in fills.items()
        ]  # fmt: skip
        orders += [
            SpotOrder(order.number, order.at, order.market, "buy", "limit", (), order.price // 2,
                      order.quantity, order.at + DAY)
            for order in orders
            if order.number % 7 == 3
        ]  # fmt: skip
        if orders:
            last, end = orders[0], self.history.plan.end
            orders.append(
                SpotOrder(0, end - 2 * HOUR, SPOT.markets[0], "buy", "limit", (), last.price // 2,
                          10**10, end + DAY)
            )  # fmt: skip
        return sorted(orders, key=lambda order: (order.at, order.number, not order.fills))

    def _contract_orders(self) -> list[list[ContractFill]]:
        fills: dict[int, list[ContractFill]] = defaultdict(list)
        for event in self.contract.events:
            if isinstance(event, ContractFill):
                fills[event.order].append(event)
        return sorted(fills.values(), key=lambda own: (own[0].order_at, own[0].order))

    def _contract_order_id(self, fill: ContractFill) -> str:
        return stable_uuid(self.uid, "contract-order", fill.order)

    # -- spot records

    def _trade(self, trade: SpotFill | SelfTrade, number: int, now: int) -> dict[str, Any]:
        market = trade.market
        at = self.time_of(trade.at)
        ids: dict[str, int | None] = {"maker": None, "taker": None}
        fees: dict[str, str | None] = {"maker": None, "taker": None}
        if isinstance(trade, SelfTrade):
            amount = exact(trade.step, market.quantity_scale)
            side, taker_side = "SELF_TRADING", "ASK" if trade.taker_sells else "BID"
            ids["maker"], ids["taker"] = self_order_ids(number)
            fees["taker"], fees["maker"] = trade.fees()
        else:
            amount = exact(trade.quantity, self.scales[market.base], 4)
            side, other = ("BID", "ASK") if trade.side == "buy" else ("ASK", "BID")
            taker_side = other if trade.is_maker else side
            role = "maker" if trade.is_maker else "taker"
            ids[role] = order_id(trade.order)
            fees[role] = exact(trade.fee, self.scales[trade.fee_asset])
        return {
            "id": number,
            "asset_pair_name": market.symbol,
            "price": exact(trade.price, market.price_scale),
            "amount": amount,
            "taker_side": taker_side,
            "maker_order_id": ids["maker"],
            "taker_order_id": ids["taker"],
            "maker_fee": fees["maker"],
            "taker_fee": fees["taker"],
            "side": side,
            "inserted_at": at,
        } | ({"created_at": at} if trade.at >= self._modern else {})

    def _order(self, order: SpotOrder, number: int, now: int) -> dict[str, Any]:
        scale, quantity = self.scales[order.market.base], order.filled(now)
        worth = sum(Decimal(fill.price) * fill.quantity for fill in order.fills if fill.at <= now)
        average = Decimal(worth) / quantity if quantity else Decimal(0)
        average = average.scaleb(-order.market.price_scale).quantize(Decimal("1e-8")).normalize()
        row = {
            "id": number,
            "asset_pair_name": order.market.symbol,
            "price": exact(order.price, order.market.price_scale),
            "amount": exact(order.quantity, scale),
            "filled_amount": exact(quantity, scale),
            "avg_deal_price": f"{average:f}",
            "side": "BID" if order.side == "buy" else "ASK",
            "state": order.state(now),
            "created_at": self.time_of(order.at),
            "updated_at": self.time_of(order.last_change(now)),
        }
        if order.at >= self._modern:
            row |= {
                "type": order.order_type.upper(), "stop_price": "0", "operator": "GTE",
                "immediate_or_cancel": False, "post_only": False, "client_order_id": "",
            }  # fmt: skip
        return row

    def _deposit(self, event: Deposit | Reward, number: int, now: int) -> dict[str, Any]:
        if isinstance(event, Reward):
            kind, state, txid, confirms, done_at = event.flavour, "COMPLETED", None, 0, event.at
            internal = True
        else:
            internal, done_at = event.internal, event.done_at
            modern = "internal" if internal else "on_chain"
            kind = modern if event.at >= self._modern or internal else "default"
            txid = (None if event.seq % 2 else "") if internal else event.tx
            waiting = "WITHHOLD" if event.seq % 3 == 0 else "PENDING"
            state = STATES[event.status] if done_at <= now else waiting
            confirms = 6 if state == "COMPLETED" and not internal else 0
        return {
            "id": number,
            "amount": exact(event.amount, self.scale(event.wallet, event.asset), 1),
            "confirms": confirms,
            "txid": txid,
            "is_internal": internal,
            "inserted_at": self.time_of(event.at),
            "updated_at": self.time_of(done_at if done_at <= now else event.at),
            "kind": kind,
            "memo": None if event.seq % 2 else "",
            "state": state,
            "asset_symbol": event.asset,
            "target_account": target_of(event).upper(),
        }

    def _withdrawal(self, event: Withdrawal, number: int, now: int) -> dict[str, Any]:
        scale, is_final = self.scales[event.asset], event.done_at <= now
        modern, internal = event.at >= self._modern, is_internal(event)
        is_done = is_final and event.status == "completed"
        state = OUT_STATES[event.status] if is_final else "PENDING"
        row = {
            "id": number,
            "customer_id": int(self.uid) if modern else self.uid,
            "asset_symbol": event.asset,
            "amount": exact(event.amount - (0 if self._gross else event.fee), scale, 16),
            "txid": event.tx if is_done and not internal else "",
            "is_internal": internal,
            "kind": ("internal" if internal else "on_chain") if modern else "default",
            "state": "CONFIRMED" if is_done and not modern else state,
            "inserted_at": offset_time(event.at),
            "updated_at": offset_time(event.done_at if is_final else event.at),
            "completed_at": offset_time(event.done_at) if is_done else None,
            "memo": "",
            "target_address": event.address,
        }
        if modern or self._old_fees:
            row["fee"] = exact(event.fee, scale, 16)
        return row if modern else row | {"note": ""}

    def _conversion(self, event: Conversion, number: int, now: int) -> dict[str, Any]:
        given = exact(event.from_amount, self.scales[event.from_asset])
        got = exact(event.to_amount, self.scales[event.to_asset])
        price = (Decimal(got) / Decimal(given)).quantize(Decimal("1e-12")).normalize()
        modern = event.at >= self._modern
        return {
            "id": number,
            "quote_id": stable_uuid(self.uid, "quote", event.seq),
            "from_asset": event.from_asset,
            "to_asset": event.to_asset,
            "from_sz": given,
            "to_sz": got,
            "px": f"{price:f}",
            "ts": event.at,
            "state": "SUCCEEDED" if modern else "FULLFILLED",
            "acct_typ" if modern else "acct_type": "SPOT",
        }

    # -- contract records: amounts are JSON numbers

    def _contract_trade(
        self, event: ContractFill | Funding, number: str, now: int
    ) -> dict[str, Any]:
        contract, price = event.contract, json_number(event.price, event.contract.price_scale)
        scale = self.contract_scales[contract.settle]
        row = {
            "fee": None, "symbol": contract.symbol, "feeRate": None, "size": 0, "ts": event.at,
            "notional": json_number(event.value, scale), "orderId": None, "id": number,
            "side": "FUNDING", "order": None, "price": price, "currency": contract.settle,
            "pnl": 0,
        }  # fmt: skip
        if isinstance(event, Funding):
            return row | {
                "fee": json_number(-event.amount, scale),
                "feeRate": json_number(event.rate_ppm, 6),
                "size": abs(event.position),
            }
        ppm = contract.maker_ppm if event.is_maker else contract.taker_ppm
        order = self._contract_order_id(event)
        return row | {
            "fee": json_number(event.fee, scale),
            "feeRate": json_number(ppm, 6),
            "size": event.quantity,
            "orderId": order,
            "side": event.side.upper(),
            "order": {
                "id": order, "type": event.order_type.upper(), "size": event.order_quantity,
                "price": price,
            },
            "pnl": json_number(event.realised_pnl, scale),
        }  # fmt: skip

    def _contract_order(self, fills: list[ContractFill], number: str, now: int) -> dict[str, Any]:
        first, done = fills[0], [fill for fill in fills if fill.at <= now]
        scale = self.contract_scales[first.contract.settle]
        price = json_number(first.price, first.contract.price_scale)
        status = "FILLED" if len(done) == len(fills) else "PARTIALLY_FILLED" if done else "NEW"
        return {
            "liquidateUserId": None, "id": number, "ts": first.order_at,
            "side": first.side.upper(), "userId": self.user_id,
            "filledNotional": json_number(sum(fill.value for fill in done), scale),
            "notional": json_number(sum(fill.value for fill in fills), scale),
            "status": status, "isLiquidate": False, "reduceOnly": False,
            "type": first.order_type.upper(), "symbol": first.contract.symbol, "seqNo": None,
            "filled": sum(fill.quantity for fill in done), "conditional": None,
            "size": first.order_quantity, "avgPrice": price, "price": price, "meta": None,
        }  # fmt: skip

    def positions(self, now: int) -> dict[str, int]:
        """Contracts held by symbol, signed."""
        fills = self.tables["contract_trades"].until(now)
        return {e.contract.symbol: e.position for e, _ in fills if isinstance(e, ContractFill)}

    # -- ground truth

    def time_of(self, at: int) -> str:
        """Old records show whole seconds, newer ones milliseconds."""
        if at < self._modern:
            return from_ms(at).strftime("%Y-%m-%dT%H:%M:%SZ")
        return iso(at)

    def shown_at(self, at: int, kind: str) -> int:
        return at // SECOND * SECOND if at < self._modern and kind in IN_SECONDS else at

    def asset(self, code: str) -> str:
        """ONE is BigONE's own token here, and Harmony's elsewhere."""
        return "BIGONE" if code == "ONE" else code

    def scale(self, wallet: str, asset: str) -> int:
        return (self.contract_scales if wallet == "contract" else self.scales)[asset]

    def entries(self) -> Iterator[Entry]:
        ids = self.record_ids()
        for move in self.history.movements():
            event, name = self.history.events[move.event], f"spot:{move.event}"
            record = ids.get(id(event))
            if isinstance(event, Deposit) and target_of(event) == "fund":
                yield Entry(moved(move, "fund", move.amount, "deposit"), name, record)
                yield Entry(moved(move, "fund", -move.amount, "transfer"), name, None)
                yield Entry(moved(move, "spot", move.amount, "transfer"), name, None)
            else:
                yield Entry(move, name, record)
        for trade, number in self._self_trades():
            yield from self._self_entries(trade, number)
        for move in self.contract.movements():
            event, name = self.contract.events[move.event], f"contract:{move.event}"
            if isinstance(event, Withdrawal):  # a transfer back to spot, which no route lists
                more = self.scales[move.asset] - self.contract_scales[move.asset]
                yield Entry(moved(move, "contract", move.amount, "transfer"), name, None)
                yield Entry(moved(move, "spot", -move.amount * 10**more, "transfer"), name, None)
            else:
                yield Entry(move, name, ids.get(id(event)))

    def _self_trades(self) -> Iterator[tuple[SelfTrade, int]]:
        table = self.tables["spot_trades"]
        rows = zip(table.events, table.ids, strict=True)
        return ((trade, number) for trade, number in rows if isinstance(trade, SelfTrade))

    def _self_entries(self, trade: SelfTrade, number: int) -> Iterator[Entry]:
        base, quote = trade.market.base, trade.market.quote
        assets = (quote, base) if trade.taker_sells else (base, quote)
        for leg, (asset, fee) in enumerate(zip(assets, trade.fees(), strict=True)):
            units = int(Decimal(fee).scaleb(self.scales[asset]))
            move = Movement(trade.at, "spot", asset, -units, "fee", 0, leg, units)
            yield Entry(move, f"self:{number}", str(number))

    def deposits(self, now: int) -> list[dict[str, Any]]:
        """Deposits from outside; rewards are only movements."""
        return [
            self.money(event, record, now, wallet=target_of(event), network=None, address=None,
                       tx_hash=None if event.internal else event.tx or None,
                       # BigONE has one word for what comes to nothing.
                       status="pending" if event.done_at > now
                       else "completed" if event.status == "completed" else "canceled",
                       **self._times(event, now))
            for event, record in self.shown("deposits", Deposit, now)
        ]  # fmt: skip

    def _times(self, event: Deposit, now: int) -> dict[str, Any]:
        done_at = iso(self.shown_at(event.done_at, "deposit")) if event.done_at <= now else None
        return {
            "requested_at": iso(self.shown_at(event.at, "deposit")),
            "completed_at": done_at,
        }

    def withdrawals(self, now: int) -> list[dict[str, Any]]:
        return [
            self.money(event, record, now, network=None)
            | ({"tx_hash": None} if is_internal(event) else {})
            for event, record in self.shown("withdrawals", Withdrawal, now)
        ]

    def trades(self, now: int) -> list[dict[str, Any]]:
        spot = [
            row
            for trade, number in self.tables["spot_trades"].until(now)
            for row in (
                self._both_sides(trade, number) if isinstance(trade, SelfTrade)
                else [self.spot_fill(trade, str(number), order_id=str(order_id(trade.order)))]
            )
        ]  # fmt: skip
        return spot + [
            self.contract_fill(fill, record, order_id=self._contract_order_id(fill))
            for fill, record in self.shown("contract_trades", ContractFill, now)
        ]

    def _both_sides(self, trade: SelfTrade, number: int) -> list[dict[str, Any]]:
        """A trade with oneself is a purchase and a sale."""
        market = trade.market
        sides = ("sell", "buy") if trade.taker_sells else ("buy", "sell")
        orders = dict(zip((True, False), self_order_ids(number), strict=True))
        return [
            {
                "record_id": str(number),
                "wallet": "spot",
                "market": market.symbol,
                "product_type": "spot",
                "base_asset": self.asset(market.base),
                "quote_asset": self.asset(market.quote),
                "price": exact(trade.price, market.price_scale),
                "traded_at": iso(self.shown_at(trade.at, "trade")),
                "side": side,
                "base_quantity": exact(trade.step, market.quantity_scale),
                "quote_quantity": exact(
                    trade.step * trade.price, market.quantity_scale + market.price_scale
                ),
                "fee_amount": fee,
                "fee_asset": self.asset(market.base if side == "buy" else market.quote),
                "is_maker": is_maker,
                "order_id": str(orders[is_maker]),
            }
            for side, fee, is_maker in zip(sides, trade.fees(), (False, True), strict=True)
        ]

    def transfers(self, now: int) -> list[dict[str, Any]]:
        """Transfers, which no route lists."""
        return [self.transfer(event, None) for event in self.of(Transfer) if event.at <= now]


def is_internal(event: Withdrawal) -> bool:
    """Whether a withdrawal goes to another user of the exchange, over no chain."""
    return event.seq % 5 == 2 and not event.move


def target_of(event: Deposit | Reward) -> str:
    """The wallet a deposit goes to."""
    if isinstance(event, Deposit) and event.wallet == "spot" and event.seq % 4 == 1:
        return "fund"
    return event.wallet


def order_id(number: int) -> int:
    """The id of a spot order."""
    return 900_000_000 + number


def self_order_ids(number: int) -> tuple[int, int]:
    """The maker's and the taker's order of a trade with oneself."""
    return number - 1_000, number - 999


def moved(move: Movement, wallet: str, amount: int, kind: Any) -> Movement:
    """The same movement elsewhere, of another kind."""
    return Movement(move.at, wallet, move.asset, amount, kind, move.event, move.leg)


def offset_time(at: int) -> str:
    """As withdrawals write time: microseconds, `+00:00`."""
    return from_ms(at).isoformat(timespec="microseconds")


def json_number(amount: int, scale: int) -> msgspec.Raw:
    """`amount` of 10**-scale as a JSON number; small ones with an exponent, as floats print."""
    value = Decimal(amount).scaleb(-scale).normalize()
    if not value:
        return msgspec.Raw(b"0")
    if value.adjusted() >= -4:
        return msgspec.Raw(exact(amount, scale).encode())
    digits = "".join(str(digit) for digit in value.as_tuple().digits)
    mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
    return msgspec.Raw(f"{'-' if value < 0 else ''}{mantissa}e-{-value.adjusted():02d}".encode())
