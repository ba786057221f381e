"""What BigONE's routes say of one synthetic account: lists of rows, oldest first, ids ascending.

Two lives make one account: spot, and a contract wallet that is fed by deposits of its own and
gives back by moves nobody can list. Every fourth deposit goes to the fund wallet and is moved to
spot at once, by such a move as well.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from pipelines.sandbox.bigone.market import CONTRACTS, SPOT, stable_uuid
from pipelines.sandbox.engine.account import (
    DAY,
    HOUR,
    SECOND,
    ContractFill,
    Conversion,
    Deposit,
    Event,
    Funding,
    Life,
    Market,
    Movement,
    Reward,
    SpotFill,
    Transfer,
    Withdrawal,
    exact,
)
from pipelines.sandbox.engine.clock import from_ms

SELF_EVERY = 25
"""Of so many purchases one is followed by a trade of the account with itself."""
STATES = {"completed": "COMPLETED", "canceled": "CANCELLED", "failed": "CANCELLED"}
OUT_STATES = {"completed": "COMPLETED", "canceled": "CANCELLED", "failed": "FAILED"}


@dataclass(frozen=True)
class SelfTrade:
    """A trade whose both orders are the account's own: nothing changes but the two fees."""

    at: int
    market: Market
    price: int
    step: int
    """Amount, in steps of the pair's quantity scale."""
    taker_sells: bool

    def fees(self) -> tuple[str, str]:
        """What the taker and the maker paid, each in the coin it received."""
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
    """An order and its fills; without any it was given up after a day."""

    number: int
    at: int
    market: Market
    side: str
    order_type: str
    fills: tuple[SpotFill, ...]
    price: int
    quantity: int
    ends_at: int


class Listing:
    """Rows of one route by time, oldest first; `pair_of` splits them into one list a pair."""

    def __init__(
        self,
        things: Sequence[Any],
        at: Sequence[int],
        ids: Sequence[Any],
        render: Callable[[Any, Any, int], str],
        pair_of: Callable[[Any], str] | None = None,
    ) -> None:
        self.things, self.at, self.ids = things, at, ids
        self._render = render
        self.place = {each: n for n, each in enumerate(ids)}
        self._pairs: dict[str, list[int]] = defaultdict(list)
        if pair_of is not None:
            for n, thing in enumerate(things):
                self._pairs[pair_of(thing)].append(n)

    def row(self, n: int, now: int) -> str:
        """Row `n` as it reads at `now`."""
        return self._render(self.things[n], self.ids[n], now)

    def visible(self, now: int) -> int:
        """How many rows there are by `now`."""
        return bisect_right(self.at, now)

    def newest_first(self, now: int, pair: str = "") -> list[int]:
        """Row numbers of a pair, or all, newest first."""
        count = self.visible(now)
        if not pair:
            return list(range(count - 1, -1, -1))
        rows = self._pairs.get(pair, [])
        return rows[: bisect_left(rows, count)][::-1]

    def told(self, now: int) -> Iterator[tuple[Any, Any]]:
        """Everything there is by `now`, with its id."""
        count = self.visible(now)
        return zip(self.things[:count], self.ids[:count], strict=True)


class Books:
    """The lists of one account."""

    def __init__(
        self, spot: Life, contract: Life, uid: str, *, gross: bool = False, old_fees: bool = True
    ) -> None:
        self.spot, self.contract, self.uid = spot, contract, uid
        self.opened_at = spot.opened_at
        self._gross, self._old_fees = gross, old_fees
        self._modern = spot.opened_at + (spot.plan.end - spot.opened_at) * 2 // 5
        self.spot_scale = {asset.code: asset.scale for asset in SPOT.assets}
        self.contract_scale = {asset.code: asset.scale for asset in CONTRACTS.assets}
        self.trades = self._trades()
        self.orders = self._orders()
        self.deposits = self._deposits()
        self.withdrawals = self._of(spot, Withdrawal, 1_077_000, 7, self._withdrawal_row)
        self.conversions = self._of(spot, Conversion, 12_000, 1, self._conversion_row)
        self.contract_trades = self._contract_trades()
        self.contract_orders = self._contract_orders()

    # -- building

    def _of(
        self, life: Life, kind: type[Event], first: int, step: int,
        render: Callable[[Any, Any, int], str],
    ) -> Listing:  # fmt: skip
        things = [event for event in life.events if isinstance(event, kind)]
        ids = [first + step * n for n in range(len(things))]
        return Listing(things, [event.at for event in things], ids, render)

    def _trades(self) -> Listing:
        things: list[SpotFill | SelfTrade] = []
        bought = 0
        for event in self.spot.events:
            if not isinstance(event, SpotFill):
                continue
            things.append(event)
            bought += event.side == "buy" and not event.market.brief
            if event.side == "buy" and not event.market.brief and bought % SELF_EVERY == 3:
                steps = 10**event.market.quantity_scale // 100
                sells = bought % (2 * SELF_EVERY) == 3
                things.append(SelfTrade(event.at, event.market, event.price, steps, sells))
        ids = [4_100_000_000 + 3 * n for n in range(len(things))]
        return Listing(
            things, [t.at for t in things], ids, self._trade_row, lambda t: t.market.symbol
        )

    def _orders(self) -> Listing:
        fills: dict[int, list[SpotFill]] = defaultdict(list)
        for event in self.spot.events:
            if isinstance(event, SpotFill):
                fills[event.order].append(event)
        things = [
            SpotOrder(
                number, own[0].order_at, own[0].market, own[0].side, own[0].order_type,
                tuple(own), own[0].price, sum(fill.quantity for fill in own), own[-1].at,
            )
            for number, own in fills.items()
        ]  # fmt: skip
        things += [
            SpotOrder(order.number, order.at, order.market, "buy", "limit", (), order.price // 2,
                      order.quantity, order.at + DAY)
            for order in things
            if order.number % 7 == 3
        ]  # fmt: skip
        if things:
            last, end = things[0], self.spot.plan.end
            things.append(
                SpotOrder(0, end - 2 * HOUR, SPOT.markets[0], "buy", "limit", (), last.price // 2,
                          10**10, end + DAY)
            )  # fmt: skip
        things.sort(key=lambda order: (order.at, order.number, not order.fills))
        ids = [order_id(order.number) if order.fills else 800_000_000 + n
               for n, order in enumerate(things)]  # fmt: skip
        return Listing(
            things, [o.at for o in things], ids, self._order_row, lambda o: o.market.symbol
        )

    def _deposits(self) -> Listing:
        things = [
            *(event for event in self.spot.events if isinstance(event, Deposit | Reward)),
            *(event for event in self.contract.events if isinstance(event, Deposit)),
        ]
        things.sort(key=lambda event: event.at)
        ids = [7 + 2 * n for n in range(len(things))]
        return Listing(things, [event.at for event in things], ids, self._deposit_row)

    def _contract_trades(self) -> Listing:
        things = [e for e in self.contract.events if isinstance(e, ContractFill | Funding)]
        ids = [stable_uuid(self.uid, "contract", event.seq) for event in things]
        return Listing(things, [event.at for event in things], ids, self._contract_trade_row)

    def _contract_orders(self) -> Listing:
        fills: dict[int, list[ContractFill]] = defaultdict(list)
        for event in self.contract.events:
            if isinstance(event, ContractFill):
                fills[event.order].append(event)
        things = sorted(fills.values(), key=lambda own: (own[0].order_at, own[0].order))
        return Listing(
            things,
            [own[0].order_at for own in things],
            [self.contract_order_id(own[0]) for own in things],
            self._contract_order_row,
        )

    def contract_order_id(self, fill: ContractFill) -> str:
        return stable_uuid(self.uid, "contract-order", fill.order)

    # -- spot rows

    def is_internal(self, event: Withdrawal) -> bool:
        """Whether a withdrawal goes to another user of the exchange, over no chain."""
        return event.seq % 5 == 2 and not event.move

    def target_of(self, event: Deposit | Reward) -> str:
        """The wallet a deposit goes to."""
        if isinstance(event, Deposit) and event.wallet == "spot" and event.seq % 4 == 1:
            return "fund"
        return event.wallet

    def scale_of(self, event: Any) -> int:
        """The decimals of an event's coin."""
        scales = self.contract_scale if event.wallet == "contract" else self.spot_scale
        return scales[event.asset]

    def told_at(self, at: int) -> int:
        """A moment as exactly as trades and deposits tell it: old ones to the second."""
        return at // SECOND * SECOND if at < self._modern else at

    def time_of(self, at: int) -> str:
        """Old rows are told to the second, newer ones to the millisecond."""
        moment = from_ms(at)
        if at < self._modern:
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _trade_row(self, trade: SpotFill | SelfTrade, number: int, now: int) -> str:
        market = trade.market
        price = exact(trade.price, market.price_scale)
        if isinstance(trade, SelfTrade):
            amount = exact(trade.step, market.quantity_scale)
            taker_fee, maker_fee = trade.fees()
            side, taker_side = "SELF_TRADING", "ASK" if trade.taker_sells else "BID"
            maker, taker = map(str, self_order_ids(number))
            fees = f'"maker_fee":"{maker_fee}","taker_fee":"{taker_fee}"'
        else:
            amount = exact(trade.quantity, self.spot_scale[market.base], 4)
            fee = exact(trade.fee, self.spot_scale[trade.fee_asset])
            side = "BID" if trade.side == "buy" else "ASK"
            own = str(order_id(trade.order))
            if trade.is_maker:
                maker, taker, fees = own, "null", f'"maker_fee":"{fee}","taker_fee":null'
                taker_side = "ASK" if side == "BID" else "BID"
            else:
                maker, taker, fees = "null", own, f'"maker_fee":null,"taker_fee":"{fee}"'
                taker_side = side
        at = self.time_of(trade.at)
        alias = f',"created_at":"{at}"' if trade.at >= self._modern else ""
        return (
            f'{{"id":{number},"asset_pair_name":"{market.symbol}","price":"{price}",'
            f'"amount":"{amount}","taker_side":"{taker_side}","maker_order_id":{maker},'
            f'"taker_order_id":{taker},{fees},"side":"{side}","inserted_at":"{at}"{alias}}}'
        )

    def _order_row(self, order: SpotOrder, number: int, now: int) -> str:
        scale = self.spot_scale[order.market.base]
        filled = [fill for fill in order.fills if fill.at <= now]
        quantity = sum(fill.quantity for fill in filled)
        worth = sum((Decimal(fill.price) * fill.quantity for fill in filled), Decimal(0))
        average = worth / quantity if quantity else Decimal(0)
        done = quantity == order.quantity
        state = "FILLED" if done else "PENDING" if now < order.ends_at else "CANCELLED"
        told = average.scaleb(-order.market.price_scale).quantize(Decimal("1e-8")).normalize()
        row = {
            "id": number,
            "asset_pair_name": order.market.symbol,
            "price": exact(order.price, order.market.price_scale),
            "amount": exact(order.quantity, scale),
            "filled_amount": exact(quantity, scale),
            "avg_deal_price": f"{told:f}",
            "side": "BID" if order.side == "buy" else "ASK",
            "state": state,
            "created_at": self.time_of(order.at),
            "updated_at": self.time_of(self._last_change(order, now)),
        }
        if order.at >= self._modern:
            row |= {
                "type": order.order_type.upper(), "stop_price": "0", "operator": "GTE",
                "immediate_or_cancel": False, "post_only": False, "client_order_id": "",
            }  # fmt: skip
        return json.dumps(row, separators=(",", ":"))

    @staticmethod
    def _last_change(order: SpotOrder, now: int) -> int:
        """When an order was placed, filled in part, or came to its end: the last of these."""
        if now >= order.ends_at:
            return order.ends_at
        return max([order.at, *(fill.at for fill in order.fills if fill.at <= now)])

    def _deposit_row(self, event: Deposit | Reward, number: int, now: int) -> str:
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
        row = {
            "id": number,
            "amount": exact(event.amount, self.scale_of(event), 1),
            "confirms": confirms,
            "txid": txid,
            "is_internal": internal,
            "inserted_at": self.time_of(event.at),
            "updated_at": self.time_of(done_at if done_at <= now else event.at),
            "kind": kind,
            "memo": None if event.seq % 2 else "",
            "state": state,
            "asset_symbol": event.asset,
            "target_account": self.target_of(event).upper(),
        }
        return json.dumps(row, separators=(",", ":"))

    def _withdrawal_row(self, event: Withdrawal, number: int, now: int) -> str:
        scale = self.spot_scale[event.asset]
        final = event.done_at <= now
        state = OUT_STATES[event.status] if final else "PENDING"
        if state == "COMPLETED" and event.at < self._modern:
            state = "CONFIRMED"
        shown = event.amount if self._gross else event.amount - event.fee
        completed = final and event.status == "completed"
        modern, internal = event.at >= self._modern, self.is_internal(event)
        row = {
            "id": number,
            "customer_id": int(self.uid) if modern else self.uid,
            "asset_symbol": event.asset,
            "amount": exact(shown, scale, 16),
            "txid": event.tx if completed and not internal else "",
            "is_internal": internal,
            "kind": ("internal" if internal else "on_chain") if modern else "default",
            "state": state,
            "inserted_at": offset_time(event.at),
            "updated_at": offset_time(event.done_at if final else event.at),
            "completed_at": offset_time(event.done_at) if completed else None,
            "memo": "",
            "target_address": event.address,
            "fee": exact(event.fee, scale, 16),
        }
        if not modern:
            row["note"] = ""
            if not self._old_fees:
                del row["fee"]
        return json.dumps(row, separators=(",", ":"))

    def _conversion_row(self, event: Conversion, number: int, now: int) -> str:
        given = exact(event.from_amount, self.spot_scale[event.from_asset])
        got = exact(event.to_amount, self.spot_scale[event.to_asset])
        price = (Decimal(got) / Decimal(given)).quantize(Decimal("1e-12")).normalize()
        modern = event.at >= self._modern
        row = {
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
        return json.dumps(row, separators=(",", ":"))

    # -- contract rows: bare JSON numbers

    def _contract_trade_row(self, event: ContractFill | Funding, number: str, now: int) -> str:
        contract = event.contract
        scale = self.contract_scale[contract.settle]
        price = json_number(event.price, contract.price_scale)
        if isinstance(event, Funding):
            order, side, size = "null", "FUNDING", abs(event.position)
            fee, rate = json_number(-event.amount, scale), json_number(event.rate_ppm, 6)
            own, pnl = "null", "0"
        else:
            ppm = contract.maker_ppm if event.is_maker else contract.taker_ppm
            order = f'"{self.contract_order_id(event)}"'
            side, size = event.side.upper(), event.quantity
            fee, rate = json_number(event.fee, scale), json_number(ppm, 6)
            pnl = json_number(event.realised_pnl, scale)
            own = (
                f'{{"id":{order},"type":"{event.order_type.upper()}",'
                f'"size":{event.order_quantity},"price":{price}}}'
            )
        return (
            f'{{"fee":{fee},"symbol":"{contract.symbol}","feeRate":{rate},"size":{size},'
            f'"ts":{event.at},"notional":{json_number(event.value, scale)},"orderId":{order},'
            f'"id":"{number}","side":"{side}","order":{own},"price":{price},'
            f'"currency":"{contract.settle}","pnl":{pnl}}}'
        )

    def _contract_order_row(self, fills: list[ContractFill], number: str, now: int) -> str:
        first = fills[0]
        done = [fill for fill in fills if fill.at <= now]
        scale = self.contract_scale[first.contract.settle]
        price = json_number(first.price, first.contract.price_scale)
        filled = sum(fill.quantity for fill in done)
        worth = json_number(sum(fill.value for fill in done), scale)
        whole = json_number(sum(fill.value for fill in fills), scale)
        status = "FILLED" if len(done) == len(fills) else "PARTIALLY_FILLED" if done else "NEW"
        return (
            f'{{"liquidateUserId":null,"id":"{number}","ts":{first.order_at},'
            f'"side":"{first.side.upper()}","userId":"{self.user_id}","filledNotional":{worth},'
            f'"notional":{whole},"status":"{status}","isLiquidate":false,"reduceOnly":false,'
            f'"type":"{first.order_type.upper()}","symbol":"{first.contract.symbol}",'
            f'"seqNo":null,"filled":{filled},"conditional":null,"size":{first.order_quantity},'
            f'"avgPrice":{price},"price":{price},"meta":null}}'
        )

    @property
    def user_id(self) -> str:
        """The contract service's id of the user."""
        return stable_uuid("user", self.uid)

    # -- movements and balances

    @cached_property
    def movements(self) -> list[tuple[Movement, str, int | str | None]]:
        """Every change of a wallet by time, with its event and the record that tells it, if any.

        Event and record are named by strings; what no route tells has no record.
        """
        told: list[tuple[Movement, str, int | str | None]] = []
        told += self._spot_movements()
        told += self._contract_movements()
        told.sort(key=lambda entry: entry[0].at)
        return told

    def _spot_movements(self) -> Iterator[tuple[Movement, str, int | str | None]]:
        ids = {
            id(thing): number
            for listing in (self.trades, self.deposits, self.withdrawals, self.conversions)
            for thing, number in zip(listing.things, listing.ids, strict=True)
        }
        for move in self.spot.movements():
            event = self.spot.events[move.event]
            record = ids.get(id(event))
            name = f"spot:{move.event}"
            if isinstance(event, Deposit) and self.target_of(event) == "fund":
                yield moved(move, "fund", move.amount, "deposit"), name, record
                yield moved(move, "fund", -move.amount, "transfer"), name, None
                yield moved(move, "spot", move.amount, "transfer"), name, None
            else:
                yield move, name, record
        for trade, number in zip(self.trades.things, self.trades.ids, strict=True):
            if isinstance(trade, SelfTrade):
                yield from self._self_movements(trade, number)

    def _self_movements(
        self, trade: SelfTrade, number: int
    ) -> Iterator[tuple[Movement, str, int | str | None]]:
        base, quote = trade.market.base, trade.market.quote
        assets = (quote, base) if trade.taker_sells else (base, quote)
        for leg, (asset, fee) in enumerate(zip(assets, trade.fees(), strict=True)):
            units = int(Decimal(fee).scaleb(self.spot_scale[asset]))
            move = Movement(trade.at, "spot", asset, -units, "fee", 0, leg, units)
            yield move, f"self:{number}", number

    def _contract_movements(self) -> Iterator[tuple[Movement, str, int | str | None]]:
        ids = {
            id(thing): number
            for listing in (self.contract_trades, self.deposits)
            for thing, number in zip(listing.things, listing.ids, strict=True)
        }
        for move in self.contract.movements():
            event = self.contract.events[move.event]
            name = f"contract:{move.event}"
            if isinstance(event, Withdrawal):  # a move back to spot, which no route tells
                scaled = -move.amount * 10 ** (
                    self.spot_scale[move.asset] - self.contract_scale[move.asset]
                )
                yield moved(move, "contract", move.amount, "transfer"), name, None
                yield moved(move, "spot", scaled, "transfer"), name, None
            else:
                yield move, name, ids.get(id(event))

    def scale(self, wallet: str, asset: str) -> int:
        """The decimals a wallet counts a coin in."""
        return (self.contract_scale if wallet == "contract" else self.spot_scale)[asset]

    def balances(self, now: int) -> dict[str, dict[str, int]]:
        """Per wallet and coin ever held there, the balance at `now`."""
        totals: dict[str, dict[str, int]] = {"spot": {}, "fund": {}, "contract": {}}
        for move, _, _ in self.movements:
            if move.at > now:
                break
            wallet = totals[move.wallet]
            wallet[move.asset] = wallet.get(move.asset, 0) + move.amount
        return totals

    def held(self, now: int) -> dict[str, int]:
        """Per coin, what pending withdrawals hold of its spot balance."""
        totals: dict[str, int] = defaultdict(int)
        for event, _ in self.withdrawals.told(now):
            if event.done_at > now:
                totals[event.asset] += event.amount
        return totals

    def positions(self, now: int) -> dict[str, int]:
        """Contracts held by symbol, signed."""
        held: dict[str, int] = {}
        for event, _ in self.contract_trades.told(now):
            if isinstance(event, ContractFill):
                held[event.contract.symbol] = event.position
        return held

    def transfers(self, now: int) -> Iterator[tuple[str, str, str, int, int]]:
        """(asset, from wallet, to wallet, amount in spot's unit, when), none of them listed."""
        for event in self.spot.events:
            if event.at > now:
                break
            if isinstance(event, Transfer):
                yield event.asset, event.from_wallet, event.to_wallet, event.amount, event.at


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


def json_number(amount: int, scale: int) -> str:
    """`amount` of 10**-scale as a JSON number; small ones with an exponent, as floats print."""
    value = Decimal(amount).scaleb(-scale).normalize()
    if not value:
        return "0"
    if value.adjusted() >= -4:
        return exact(amount, scale)
    digits = "".join(str(digit) for digit in value.as_tuple().digits)
    mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
    return f"{'-' if value < 0 else ''}{mantissa}e-{-value.adjusted():02d}"
