"""What really happened to a unified account of Bitget's stand-in, in canonical words.

Before the moment it was unified, the classic books tell; from then on, wallets and ids are v3's.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timedelta
from typing import Any

from pipelines.sandbox.bitget.books import Books
from pipelines.sandbox.bitget.futures_truth import kind_of
from pipelines.sandbox.bitget.truth import UNCLASSIFIABLE, iso, tell_truth
from pipelines.sandbox.bitget.unified_books import UnifiedBooks
from pipelines.sandbox.bitget.unified_orders import FILL_LAG
from pipelines.sandbox.bitget.unified_words import FUNDING, UNIFIED, futures_books, wallet_of
from pipelines.sandbox.engine.account import Movement, Reward, Transfer, exact

Rows = list[dict[str, Any]]


def tell_unified_truth(books: UnifiedBooks, now: int, parts: frozenset[str]) -> dict[str, Any]:
    """As `tell_truth`; movements have a `tax_record_id` too, and `unified_since` is told.

    Balances are those of the wallets there are now.
    """
    told = tell_truth(books.books, now, parts)
    told["unified_since"] = iso(books.since)
    since = told["unified_since"]
    if "movements" in parts:
        older = [row for row in told["movements"] if row["at"] < since]
        told["movements"] = older + _movements(books, now)
    if "trades" in parts:
        told["trades"] = [
            row if row["traded_at"] < since else _earlier(row, "traded_at")
            for row in told["trades"]
        ]
    if "transfers" in parts:
        older = [row for row in told["transfers"] if row["at"] < since]
        told["transfers"] = older + _transfers(books, now)
    if "balances" in parts:
        told["balances"] = {
            UNIFIED: _amounts(books, books.unified.balances_at(now)),
            FUNDING: _amounts(books, books.funding.balances_at(now)),
        }
    if "counts" in parts:
        told["counts"] |= _counts(books, now)
    return told


def _amounts(books: UnifiedBooks, balances: dict[str, int]) -> dict[str, str]:
    return {coin: exact(amount, books.scale[coin]) for coin, amount in balances.items()}


def _earlier(row: dict[str, Any], name: str) -> dict[str, Any]:
    """A fill's own time, which lies a little before its ledger rows."""
    moment = datetime.fromisoformat(row[name]) - timedelta(milliseconds=FILL_LAG)
    text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return row | {name: text, "booked_at": row[name]}


def _movements(books: UnifiedBooks, now: int) -> Rows:
    told = []
    for ledger, wallet, table in (
        (books.unified, UNIFIED, books.financial),
        (books.funding, FUNDING, books.funding_rows),
    ):
        for n in range(bisect_right(ledger.at, now)):
            move = ledger.moves[n]
            told.append(
                {
                    "at": iso(move.at),
                    "wallet": wallet,
                    "asset": move.asset,
                    "amount": exact(move.amount, books.scale[move.asset]),
                    "fee_amount": exact(move.fee, books.scale[move.asset]),
                    "kind": _kind(books, move),
                    "event_id": str(move.event),
                    "record_id": str(table.ids[n]),
                    "tax_record_id": str(books.tax.ids[n]) if wallet == UNIFIED else None,
                }
            )
    return sorted(told, key=lambda row: str(row["at"]))


def _kind(books: UnifiedBooks, move: Movement) -> str:
    event = books.events[move.event]
    if isinstance(event, Reward) and event.flavour in UNCLASSIFIABLE:
        return "unclassified"
    futures = futures_books(books.books, event)
    return move.kind if futures is None else kind_of(futures, event)


def _transfers(books: UnifiedBooks, now: int) -> Rows:
    """Moves with a record of their own; those to and from bots are in the ledger alone."""
    numbers = {event.seq: number for event, number in Books.until(books.transfers, now)}
    legs = {
        move.event: str(books.financial.ids[n])
        for n, move in enumerate(books.unified.moves)
        if isinstance(books.events[move.event], Transfer)
    }
    told = []
    for event in books.events:
        if not isinstance(event, Transfer) or not books.since <= event.at <= now:
            continue
        if event.seq in numbers or event.seq in legs:
            told.append(
                {
                    "record_id": str(numbers[event.seq]) if event.seq in numbers else None,
                    "event_id": str(event.seq),
                    "asset": event.asset,
                    "amount": exact(event.amount, books.scale[event.asset]),
                    "from_wallet": wallet_of(event.from_wallet),
                    "to_wallet": wallet_of(event.to_wallet),
                    "at": iso(event.at),
                }
            )
    return told


def _counts(books: UnifiedBooks, now: int) -> dict[str, int]:
    tables = {
        "unified_financial_records": books.financial,
        "unified_tax_records": books.tax,
        "unified_funding_records": books.funding_rows,
        "unified_fills": books.fills,
        "unified_orders": books.orders,
        "unified_deposit_records": books.deposits,
        "unified_withdrawal_records": books.withdrawals,
        "unified_convert_records": books.converts,
        "unified_small_conversions": books.dust,
        "unified_p2p_orders": books.p2p_orders,
        "unified_transfer_records": books.transfers,
    }
    counts = {name: bisect_right(table.at, now) for name, table in tables.items()}
    counts["unified_positions"] = sum(
        bisect_right(table.at, now) for table in books.positions.values()
    )
    return counts
