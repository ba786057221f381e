"""What really happened to an account of Bitget's stand-in, in canonical words."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from pipelines.sandbox.bitget import convert, copy, earn, loans, margin, sub_accounts
from pipelines.sandbox.bitget import futures_truth as futures
from pipelines.sandbox.bitget.books import Books, snowflake
from pipelines.sandbox.engine.account import (
    Event,
    Movement,
    PledgedLoan,
    Reward,
    Transfer,
    Withdrawal,
    exact,
)
from pipelines.sandbox.engine.clock import from_ms

UNCLASSIFIABLE = frozenset({"financial", "unlabelled", "unknown"})
"""Flavours whose labels tell no reader what the money was for."""
OTHER_ACCOUNTS = frozenset({sub_accounts.HERE, sub_accounts.THERE})
"""Names of wallets that are spot wallets of another account."""


def tell_truth(books: Books, now: int, parts: frozenset[str]) -> dict[str, Any]:
    """Everything up to `now`, in canonical words; amounts are plain decimal strings."""
    told: dict[str, Any] = {
        "account_id": f"bitget:{books.uid}",
        "exchange": "bitget",
        "uid": books.uid,
        "opened_at": iso(books.life.opened_at),
        "as_of": iso(now),
    }
    lists: dict[str, Callable[[Books, int], list[dict[str, Any]]]] = {
        "movements": _true_movements,
        "deposits": _true_deposits,
        "withdrawals": _true_withdrawals,
        "trades": _true_trades,
        "transfers": _true_transfers,
    }
    for name, tell in lists.items():
        if name in parts:
            told[name] = tell(books, now)
    if "balances" in parts:
        told["balances"] = _true_balances(books, now)
    if "counts" in parts:
        told["counts"] = {
            "tax_spot_records": bisect_right(books.tax.at, now),
            "spot_bills": bisect_right(books.bills.at, now),
            "spot_fills": bisect_right(books.fills.at, now),
            "deposit_records": bisect_right(books.deposits.at, now),
            "withdrawal_records": bisect_right(books.withdrawals.at, now),
            "transfer_records": bisect_right(books.transfers.at, now),
        }
        told["counts"] |= futures.counts(books, now) | margin.counts(books, now)
        for desk in (convert, sub_accounts, earn, loans, copy):
            told["counts"] |= desk.counts(books, now)
    return told


def _true_balances(books: Books, now: int) -> dict[str, dict[str, str]]:
    wallets: dict[str, dict[str, str]] = {"spot": {}}
    for coin, (amount, _) in sorted(books.spot_balances(now).items()):
        wallets["spot"][coin] = exact(amount, books.scale[coin])
    for (wallet, coin), amount in sorted(books.other_balances(now).items()):
        if wallet not in futures.WALLETS | OTHER_ACCOUNTS:
            wallets.setdefault(wallet, {})[coin] = exact(amount, books.scale[coin])
    return wallets | futures.balances(books, now)


def _true_movements(books: Books, now: int) -> list[dict[str, Any]]:
    told, n = [], 0
    for move in books.life.movements():
        if move.at > now:
            break
        if move.wallet in futures.WALLETS | margin.WALLETS | OTHER_ACCOUNTS:
            continue
        record_id = None
        if move.wallet == "spot":
            record_id, n = str(books.tax.ids[n]), n + 1
        event = books.events[move.event]
        told.append(
            {
                "at": iso(move.at),
                "wallet": move.wallet,
                "asset": move.asset,
                "amount": exact(move.amount, books.scale[move.asset]),
                "fee_amount": exact(move.fee, books.scale[move.asset]),
                "kind": _told_kind(event, move),
                "event_id": str(move.event),
                "record_id": record_id,
            }
        )
    told += [*futures.movements(books, now), *margin.movements(books, now)]
    return sorted(told, key=lambda move: str(move["at"]))


def _told_kind(event: Event, move: Movement) -> str:
    if isinstance(event, Reward) and event.flavour in UNCLASSIFIABLE:
        return "unclassified"
    if isinstance(event, Transfer) and "bots" in (event.from_wallet, event.to_wallet):
        return "bot_transfer"
    if isinstance(event, PledgedLoan) and move.kind != "interest":
        # Labels of the spot ledger do not tell a loan: the lists of loans do.
        return "unclassified" if move.kind == "borrow" else "adjustment"
    return move.kind


def _true_deposits(books: Books, now: int) -> list[dict[str, Any]]:
    return [
        {
            "record_id": str(number),
            "event_id": str(event.seq),
            "asset": event.asset,
            "amount": exact(event.amount, books.scale[event.asset]),
            "fee_amount": "0",
            "network": event.network,
            "address": event.address,
            "tx_hash": None if event.internal else event.tx or None,
            "move": event.move,
            "status": event.status if event.done_at <= now else "pending",
            "requested_at": iso(event.at),
            "completed_at": iso(event.done_at) if event.done_at <= now else None,
        }
        for event, number in books.until(books.deposits, now)
    ]


def _true_withdrawals(books: Books, now: int) -> list[dict[str, Any]]:
    return [
        {
            "record_id": str(number),
            "event_id": str(event.seq),
            "asset": event.asset,
            "amount": exact(event.amount, books.scale[event.asset]),
            "fee_amount": exact(event.fee, books.scale[event.asset]),
            "network": event.network,
            "address": event.address,
            "tx_hash": _told_hash(event, now),
            "move": event.move,
            # Bitget says `fail` for both ways a withdrawal can come to nothing.
            "status": _told_status(event, now),
            "requested_at": iso(event.at),
            "completed_at": iso(event.done_at) if event.done_at <= now else None,
        }
        for event, number in books.until(books.withdrawals, now)
    ]


def _told_status(event: Withdrawal, now: int) -> str:
    if event.done_at > now:
        return "pending"
    return "completed" if event.status == "completed" else "failed"


def _told_hash(event: Withdrawal, now: int) -> str | None:
    return event.tx if event.status == "completed" and event.done_at <= now else None


def _true_trades(books: Books, now: int) -> list[dict[str, Any]]:
    spot = [
        {
            "record_id": str(number),
            "event_id": str(fill.seq),
            "product_type": "spot",
            "order_id": str(snowflake(fill.order_at, "order", fill.order)),
            "market": fill.market.symbol,
            "side": fill.side,
            "base_asset": fill.market.base,
            "quote_asset": fill.market.quote,
            "base_quantity": exact(fill.quantity, books.scale[fill.market.base]),
            "quote_quantity": exact(fill.quote_amount, books.scale[fill.market.quote]),
            "price": exact(fill.price, fill.market.price_scale),
            "fee_amount": exact(fill.fee, books.scale[fill.fee_asset]),
            "fee_asset": fill.fee_asset,
            "is_maker": fill.is_maker,
            "traded_at": iso(fill.at),
        }
        for fill, number in books.until(books.fills, now)
    ]
    return spot + futures.trades(books, now)


def _true_transfers(books: Books, now: int) -> list[dict[str, Any]]:
    numbers = {event.seq: number for event, number in books.until(books.transfers, now)}
    moves = sub_accounts.moves_of(books)
    numbers |= zip(
        (event.seq for event in moves), sub_accounts.records_of(books).table.ids, strict=True
    )
    return [
        {
            "record_id": str(numbers[event.seq]) if event.seq in numbers else None,
            "event_id": str(event.seq),
            "asset": event.asset,
            "amount": exact(event.amount, books.scale[event.asset]),
            "from_wallet": "spot" if event.from_wallet in OTHER_ACCOUNTS else event.from_wallet,
            "to_wallet": "spot" if event.to_wallet in OTHER_ACCOUNTS else event.to_wallet,
            # Out of this account, into it, or neither.
            "crosses": _crosses(event),
            "at": iso(event.at),
        }
        for event in books.events
        if isinstance(event, Transfer) and event.at <= now
    ]


def _crosses(event: Transfer) -> str | None:
    if event.to_wallet in OTHER_ACCOUNTS:
        return "out"
    return "in" if event.from_wallet in OTHER_ACCOUNTS else None


def iso(ms: int) -> str:
    """Unix milliseconds as ISO 8601 UTC with milliseconds."""
    return from_ms(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
