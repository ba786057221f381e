"""What really happened to an account of BitMart's stand-in, in canonical words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pipelines.sandbox.bitmart.books import KINDS, Books, Row
from pipelines.sandbox.bitmart.copied import (
    BASE,
    CONTRACTS,
    FEE_SCALE,
    PRICE,
    QUOTE,
    SIZE,
    SYMBOL,
    CopiedFill,
)
from pipelines.sandbox.engine.account import (
    ContractFill,
    Deposit,
    Movement,
    SpotFill,
    Withdrawal,
    exact,
)
from pipelines.sandbox.engine.clock import from_ms

COPY_WALLET = "futures_copy_trading"


def tell_truth(
    books: Books, account_id: str, uid: str, now: int, parts: frozenset[str]
) -> dict[str, Any]:
    """Everything up to `now`, in canonical words; amounts are plain decimal strings."""
    told: dict[str, Any] = {
        "account_id": account_id,
        "exchange": "bitmart",
        "uid": uid,
        "opened_at": iso(books.life.opened_at),
        "as_of": iso(now),
    }
    if "movements" in parts:
        told["movements"] = [*_spot_movements(books, now), *_futures_movements(books, now)]
    if "balances" in parts:
        told["balances"] = _balances(books, now)
    if "deposits" in parts:
        told["deposits"] = [_deposit(books, row, now) for row in books.deposits.until(now)]
    if "withdrawals" in parts:
        told["withdrawals"] = [_withdrawal(books, row, now) for row in books.withdrawals.until(now)]
    if "trades" in parts:
        told["trades"] = _trades(books, now)
    if "transfers" in parts:
        told["transfers"] = [*_transfers(books, now), *_sub_transfers(books, now)]
    if "counts" in parts:
        told["counts"] = _counts(books, now)
    return told


def _counts(books: Books, now: int) -> dict[str, int]:
    """Records by the stream that tells them, up to `now`."""
    shelves = {
        "spot_fills": books.fills, "spot_orders": books.orders,
        "futures_fills": books.contract_fills, "futures_orders": books.contract_orders,
        "futures_ledger": books.ledger, "deposits": books.deposits,
        "withdrawals": books.withdrawals,
    }  # fmt: skip
    counts = {name: sum(1 for _ in shelf.until(now)) for name, shelf in shelves.items()}
    return counts | {
        "deposit_withdraw_history": counts["deposits"] + counts["withdrawals"],
        "margin_borrows": len(books.borrows(now)),
        "margin_repayments": len(books.repayments(now)),
        "sub_transfers": len(books.subs("spot", now)),
        "futures_sub_transfers": len(books.subs("futures", now)),
    }


def _movement(books: Books, move: Movement, record_id: str | None) -> dict[str, Any]:
    return {
        "at": iso(move.at),
        "wallet": move.wallet,
        "asset": move.asset,
        "amount": exact(move.amount, books.scale[move.asset]),
        "fee_amount": exact(move.fee, books.scale[move.asset]),
        "kind": move.kind,
        "event_id": str(move.event),
        "record_id": record_id,
    }


def _spot_movements(books: Books, now: int) -> list[dict[str, Any]]:
    """Movements of the spot wallet with the record that tells of them; rewards have none."""
    shelves = (books.fills, books.deposits, books.withdrawals)
    ids = {row.event.seq: row.id for shelf in shelves for row in shelf.rows}
    transfers = {
        entry.event: record_id
        for entry, record_id in zip(books.entries, books.entry_ids, strict=True)
        if entry.type == "Transfer"
    } | {move.event: move.record_id for move in books.sub_moves}
    return [
        _movement(books, move, ids.get(move.event) or transfers.get(move.event))
        for move in books.movements(now)
        if move.wallet == "spot"
    ]


def _futures_movements(books: Books, now: int) -> list[dict[str, Any]]:
    """The futures ledger's rows: a fill's profit and its fee are two movements."""
    return [
        {
            "at": iso(entry.at),
            "wallet": "futures" if entry.account == "futures" else COPY_WALLET,
            "asset": "USDT",
            "amount": exact(entry.amount, books.scale["USDT"]),
            "fee_amount": exact(
                -entry.amount if entry.flow_type in (3, 4) else 0, books.scale["USDT"]
            ),
            "kind": KINDS[entry.flow_type],
            "event_id": str(entry.event),
            "record_id": record_id,
        }
        for entry, record_id in zip(books.entries, books.entry_ids, strict=True)
        if entry.at <= now
    ]


def _balances(books: Books, now: int) -> dict[str, dict[str, str]]:
    told = {
        wallet: {
            coin: exact(amount, books.scale[coin])
            for coin, amount in sorted(books.balances(wallet, now).items())
        }
        for wallet in ("spot", "futures")
    }
    copied = [e.amount for e in books.entries if e.account == "copy_trading" and e.at <= now]
    if copied:
        told[COPY_WALLET] = {"USDT": exact(sum(copied), books.scale["USDT"])}
    return told


def _money(books: Books, row: Row, now: int) -> dict[str, Any]:
    event: Deposit | Withdrawal = row.event
    is_final = event.done_at <= now
    return {
        "record_id": row.id,
        "event_id": str(event.seq),
        "asset": event.asset,
        "amount": exact(event.amount, books.scale[event.asset]),
        "network": event.network,
        "address": event.address,
        "status": event.status if is_final else "pending",
        "requested_at": iso(event.at),
        "completed_at": None,  # no route of BitMart tells
        "move": event.move,
    }


def _deposit(books: Books, row: Row, now: int) -> dict[str, Any]:
    tx = row.event.tx or None if row.event.done_at <= now else None
    return {**_money(books, row, now), "fee_amount": "0", "tx_hash": tx}


def _withdrawal(books: Books, row: Row, now: int) -> dict[str, Any]:
    event = row.event
    is_sent = event.done_at <= now and event.status == "completed"
    return {
        **_money(books, row, now),
        "fee_amount": exact(event.fee, books.scale[event.asset]),
        "tx_hash": event.tx if is_sent else None,
    }


def _trades(books: Books, now: int) -> list[dict[str, Any]]:
    spot = [_spot_trade(books, row, row.event) for row in books.fills.until(now)]
    return spot + [
        _contract_trade(books, row, row.event)
        if isinstance(row.event, ContractFill)
        else _copied_trade(row.event)
        for row in books.contract_fills.until(now)
    ]


def _spot_trade(books: Books, row: Row, fill: SpotFill) -> dict[str, Any]:
    return {
        "record_id": row.id,
        "event_id": str(fill.seq),
        "product_type": "spot",
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


def _contract_trade(books: Books, row: Row, fill: ContractFill) -> dict[str, Any]:
    contract = fill.contract
    price = exact(fill.price, contract.price_scale)
    quantity = contract.size * fill.quantity
    return {
        "record_id": row.id,
        "event_id": str(fill.seq),
        "product_type": "linear",
        "market": contract.symbol,
        "side": fill.side,
        "base_asset": contract.base,
        "quote_asset": contract.quote,
        "base_quantity": format(quantity.normalize(), "f"),
        "quote_quantity": format((quantity * Decimal(price)).normalize(), "f"),
        "price": price,
        "fee_amount": exact(fill.fee, books.scale[contract.settle]),
        "fee_asset": contract.settle,
        "is_maker": fill.is_maker,
        "traded_at": iso(fill.at),
    }


def _copied_trade(fill: CopiedFill) -> dict[str, Any]:
    quantity = SIZE * CONTRACTS
    return {
        "record_id": fill.trade_id,
        "event_id": "-1",
        "product_type": "linear",
        "market": SYMBOL,
        "side": "buy" if fill.side < 3 else "sell",
        "base_asset": BASE,
        "quote_asset": QUOTE,
        "base_quantity": format(quantity.normalize(), "f"),
        "quote_quantity": format((quantity * Decimal(PRICE)).normalize(), "f"),
        "price": PRICE,
        "fee_amount": exact(fill.fee, FEE_SCALE),
        "fee_asset": QUOTE,
        "is_maker": False,
        "traded_at": iso(fill.at),
    }


def _transfers(books: Books, now: int) -> list[dict[str, Any]]:
    """Moves between spot and futures, told by the futures ledger."""
    return [
        {
            "record_id": record_id,
            "event_id": str(entry.event),
            "asset": "USDT",
            "amount": exact(abs(entry.amount), books.scale["USDT"]),
            "from_wallet": "spot" if entry.amount > 0 else "futures",
            "to_wallet": "futures" if entry.amount > 0 else "spot",
            "at": iso(entry.at),
        }
        for entry, record_id in zip(books.entries, books.entry_ids, strict=True)
        if entry.type == "Transfer" and entry.event >= 0 and entry.at <= now
    ]


def _sub_transfers(books: Books, now: int) -> list[dict[str, Any]]:
    """Moves from and to the sub-account."""
    return [
        {
            "record_id": move.record_id,
            "event_id": str(move.event),
            "asset": "USDT",
            "amount": exact(abs(move.amount), move.scale),
            "from_wallet": move.wallet if move.amount < 0 else None,
            "to_wallet": move.wallet if move.amount > 0 else None,
            "at": iso(move.at),
        }
        for move in books.sub_moves
        if move.at <= now
    ]


def iso(ms: int) -> str:
    """Unix milliseconds as ISO 8601 UTC with milliseconds."""
    return from_ms(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
