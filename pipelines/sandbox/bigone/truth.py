"""What really happened to an account of BigONE's stand-in, in canonical words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipelines.sandbox.bigone.books import Books, SelfTrade, order_id, self_order_ids
from pipelines.sandbox.engine.account import Deposit, Funding, exact
from pipelines.sandbox.engine.clock import from_ms

TOLD_IN_SECONDS = frozenset({"trade", "fee", "deposit", "reward"})
"""Movements whose old rows are told to the second: nothing tells them any better."""


def tell_truth(
    books: Books, account_id: str, uid: str, now: int, parts: frozenset[str]
) -> dict[str, Any]:
    """Everything up to `now`; amounts are plain decimal strings."""
    told: dict[str, Any] = {
        "account_id": account_id,
        "exchange": "bigone",
        "uid": uid,
        "opened_at": iso(books.opened_at),
        "as_of": iso(now),
    }
    lists: dict[str, Callable[[Books, int], list[dict[str, Any]]]] = {
        "movements": _movements,
        "deposits": _deposits,
        "withdrawals": _withdrawals,
        "trades": _trades,
        "transfers": _transfers,
    }
    for name, tell in lists.items():
        if name in parts:
            told[name] = tell(books, now)
    if "balances" in parts:
        told["balances"] = {
            wallet: {
                canonical(asset): exact(amount, books.scale(wallet, asset))
                for asset, amount in sorted(amounts.items())
            }
            for wallet, amounts in books.balances(now).items()
        }
    if "counts" in parts:
        listings = {
            "spot_trades": books.trades, "spot_orders": books.orders, "deposits": books.deposits,
            "withdrawals": books.withdrawals, "convert_trades": books.conversions,
            "contract_trades": books.contract_trades, "contract_orders": books.contract_orders,
        }  # fmt: skip
        told["counts"] = {name: listing.visible(now) for name, listing in listings.items()}
    return told


def canonical(asset: str) -> str:
    """Our code of a coin: ONE is BigONE's own token here, and Harmony's elsewhere."""
    return "BIGONE" if asset == "ONE" else asset


def iso(ms: int) -> str:
    """Unix milliseconds as ISO 8601 UTC with milliseconds."""
    return from_ms(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _movements(books: Books, now: int) -> list[dict[str, Any]]:
    return [
        {
            "at": iso(books.told_at(move.at) if move.kind in TOLD_IN_SECONDS else move.at),
            "wallet": move.wallet,
            "asset": canonical(move.asset),
            "amount": exact(move.amount, books.scale(move.wallet, move.asset)),
            "fee_amount": exact(move.fee, books.scale(move.wallet, move.asset)),
            "kind": move.kind,
            "event_id": event,
            "record_id": None if record is None else str(record),
        }
        for move, event, record in books.movements
        if move.at <= now
    ]


def _deposits(books: Books, now: int) -> list[dict[str, Any]]:
    """Money from outside; rewards are told by the movements alone."""
    return [
        {
            "record_id": str(number),
            "wallet": books.target_of(event),
            "asset": canonical(event.asset),
            "amount": exact(event.amount, books.scale_of(event)),
            "fee_amount": "0",
            "network": None,  # no row of BigONE tells one
            "address": None,
            "tx_hash": None if event.internal else event.tx or None,
            "move": event.move,
            # BigONE has one word for what comes to nothing.
            "status": "pending" if event.done_at > now
            else "completed" if event.status == "completed" else "canceled",
            "requested_at": iso(books.told_at(event.at)),
            "completed_at": iso(books.told_at(event.done_at)) if event.done_at <= now else None,
        }
        for event, number in books.deposits.told(now)
        if isinstance(event, Deposit)
    ]  # fmt: skip


def _withdrawals(books: Books, now: int) -> list[dict[str, Any]]:
    return [
        {
            "record_id": str(number),
            "wallet": event.wallet,
            "asset": canonical(event.asset),
            "amount": exact(event.amount, books.spot_scale[event.asset]),
            "fee_amount": exact(event.fee, books.spot_scale[event.asset]),
            "network": None,
            "address": event.address,
            "tx_hash": event.tx
            if event.status == "completed" and event.done_at <= now
            and not books.is_internal(event)
            else None,
            "move": event.move,
            "status": event.status if event.done_at <= now else "pending",
            "requested_at": iso(event.at),
            "completed_at": iso(event.done_at) if event.done_at <= now else None,
        }
        for event, number in books.withdrawals.told(now)
    ]  # fmt: skip


def _trades(books: Books, now: int) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for trade, number in books.trades.told(now):
        market = trade.market
        common = {
            "record_id": str(number),
            "wallet": "spot",
            "market": market.symbol,
            "product_type": "spot",
            "base_asset": canonical(market.base),
            "quote_asset": canonical(market.quote),
            "price": exact(trade.price, market.price_scale),
            "traded_at": iso(books.told_at(trade.at)),
        }
        if isinstance(trade, SelfTrade):
            told += _both_sides(trade, number, common)
            continue
        told.append(
            common
            | {
                "order_id": str(order_id(trade.order)),
                "side": trade.side,
                "base_quantity": exact(trade.quantity, books.spot_scale[market.base]),
                "quote_quantity": exact(trade.quote_amount, books.spot_scale[market.quote]),
                "fee_amount": exact(trade.fee, books.spot_scale[trade.fee_asset]),
                "fee_asset": canonical(trade.fee_asset),
                "is_maker": trade.is_maker,
            }
        )
    return told + _contract_fills(books, now)


def _both_sides(
    trade: SelfTrade, number: int, common: dict[str, Any]
) -> list[dict[str, Any]]:
    """A trade with oneself is a purchase and a sale."""
    market = trade.market
    worth = exact(trade.step * trade.price, market.quantity_scale + market.price_scale)
    taker_fee, maker_fee = trade.fees()
    sides = ("sell", "buy") if trade.taker_sells else ("buy", "sell")
    maker_order, taker_order = self_order_ids(number)
    return [
        common
        | {
            "side": side,
            "base_quantity": exact(trade.step, market.quantity_scale),
            "quote_quantity": worth,
            "fee_amount": fee,
            "fee_asset": canonical(market.base if side == "buy" else market.quote),
            "is_maker": is_maker,
            "order_id": str(maker_order if is_maker else taker_order),
        }
        for side, fee, is_maker in zip(sides, (taker_fee, maker_fee), (False, True), strict=True)
    ]


def _contract_fills(books: Books, now: int) -> list[dict[str, Any]]:
    told = []
    for fill, number in books.contract_trades.told(now):
        if isinstance(fill, Funding):
            continue
        contract = fill.contract
        scale = books.contract_scale[contract.settle]
        value = exact(fill.value, scale)
        units = f"{fill.quantity * contract.size:f}"
        told.append(
            {
                "record_id": number,
                "wallet": "contract",
                "market": contract.symbol,
                "product_type": "inverse" if contract.inverse else "linear",
                "side": fill.side,
                "base_asset": contract.base,
                "quote_asset": contract.quote,
                "order_id": books.contract_order_id(fill),
                "base_quantity": value if contract.inverse else units,
                "quote_quantity": units if contract.inverse else value,
                "contract_quantity": str(fill.quantity),
                "value_amount": value,
                "price": exact(fill.price, contract.price_scale),
                "fee_amount": exact(fill.fee, scale),
                "fee_asset": contract.settle,
                "realised_pnl": exact(fill.realised_pnl, scale),
                "traded_at": iso(fill.at),
            }
        )
    return told


def _transfers(books: Books, now: int) -> list[dict[str, Any]]:
    """None of them is told by any route."""
    return [
        {
            "record_id": None,
            "asset": canonical(asset),
            "amount": exact(amount, books.spot_scale[asset]),
            "from_wallet": source,
            "to_wallet": target,
            "at": iso(at),
        }
        for asset, source, target, amount, at in books.transfers(now)
    ]
