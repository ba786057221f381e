"""The ground truth of a BitMEX account, in the canonical terms of the marts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec

from pipelines.sandbox.bitmex.keys import iso
from pipelines.sandbox.bitmex.ledger import Account
from pipelines.sandbox.bitmex.market import OUR_CODES, SCALES, TRADED, Market
from pipelines.sandbox.engine.account import exact
from pipelines.sandbox.engine.history import NEVER

KINDS = {
    "Deposit": "deposit", "Withdrawal": "withdrawal", "RealisedPNL": "realised_pnl",
    "Funding": "funding", "Transfer": "transfer", "Conversion": "conversion",
    "SpotTrade": "trade", "AffiliatePayout": "rebate",
}  # fmt: skip
"""Our word for a wallet row's type; any other is `unclassified`."""


class WalletRow(msgspec.Struct, frozen=True):
    """The parts of a wallet row that the ground truth needs."""

    transactID: str
    currency: str
    transactType: str
    transactStatus: str
    amount: int
    transactTime: str
    timestamp: str
    fee: int = 0
    address: str | None = None
    network: str | None = None
    tx: str | None = None
    text: str | None = None
    orderID: str | None = None


class Execution(msgspec.Struct, frozen=True):
    """The parts of an execution that the ground truth needs; prices stay text."""

    execID: str
    symbol: str
    currency: str
    execType: str
    lastQty: int
    lastPx: msgspec.Raw
    execCost: int
    execComm: int
    timestamp: str
    side: str = ""
    settlCurrency: str = ""
    orderID: str = ""
    lastLiquidityInd: str = ""


WALLET = msgspec.json.Decoder(WalletRow)
EXECUTION = msgspec.json.Decoder(Execution)


def ground_truth(ledger: Account, account: int, now: int, parts: frozenset[str]) -> dict[str, Any]:
    """The truth up to `now` (Unix ms). Amounts are decimal text in major units, assets ours."""
    found: dict[str, Any] = {
        "account_id": f"bitmex:{account}",
        "exchange": "bitmex",
        "uid": str(account),
        "opened_at": iso(ledger.plan.opened_at),
        "as_of": iso(now),
    }
    lists: dict[str, Callable[[Account, int], Any]] = {
        "movements": _movements, "deposits": _deposits, "withdrawals": _withdrawals,
        "trades": _trades, "transfers": _transfers, "balances": _balances, "counts": _counts,
    }  # fmt: skip
    return found | {name: list_of(ledger, now) for name, list_of in lists.items() if name in parts}


def amount_text(amount: int, currency: str) -> str:
    """Minor units as decimal text in the major unit."""
    return exact(amount, SCALES[currency])


def _rows(ledger: Account, now: int) -> Iterator[WalletRow]:
    """Wallet rows that are final."""
    for (_, row, until), _ in ledger.wallet["all"].until(now):
        if until == NEVER:
            yield WALLET.decode(row)


def _kind(row: WalletRow) -> str:
    # A bonus is marked in its text and has no sender ("0").
    if row.transactType == "Transfer" and row.address == "0":
        return "reward"
    return KINDS.get(row.transactType, "unclassified")


def _movements(ledger: Account, now: int) -> list[dict[str, Any]]:
    return [
        {
            "at": row.timestamp, "wallet": "main", "asset": OUR_CODES[row.currency],
            "exchange_asset": row.currency, "amount": amount_text(row.amount, row.currency),
            "fee_amount": amount_text(row.fee, row.currency), "kind": _kind(row),
            "exchange_type": row.transactType, "event_id": row.transactID,
            "record_id": row.transactID,
        }
        for row in _rows(ledger, now)
        if row.transactStatus == "Completed"
    ]  # fmt: skip


def _balances(ledger: Account, now: int) -> dict[str, dict[str, str]]:
    return {
        "main": {
            OUR_CODES[currency]: amount_text(ledger.balance(currency, now), currency)
            for currency in ledger.currencies(now)
        }
    }


def _moved(row: WalletRow, status: str) -> dict[str, Any]:
    done = status in ("completed", "canceled")
    return {
        "record_id": row.transactID, "event_id": row.transactID,
        "asset": OUR_CODES[row.currency], "exchange_asset": row.currency,
        "amount": amount_text(abs(row.amount), row.currency),
        "fee_amount": amount_text(row.fee, row.currency), "network": row.network,
        "address": row.address, "tx_hash": row.tx if _is_hash(row.tx) else None,
        "status": status, "requested_at": row.transactTime,
        "completed_at": row.timestamp if done else None,
    }  # fmt: skip


def _is_hash(tx: str | None) -> bool:
    return tx is not None and len(tx.removeprefix("0x")) == 64


def _deposits(ledger: Account, now: int) -> list[dict[str, Any]]:
    rows = _rows(ledger, now)
    return [_moved(row, "completed") for row in rows if row.transactType == "Deposit"]


def _withdrawals(ledger: Account, now: int) -> list[dict[str, Any]]:
    rows = (row for row in _rows(ledger, now) if row.transactType == "Withdrawal")
    found = [_moved(row, row.transactStatus.lower()) for row in rows]
    pending = (row for (_, row, until), _ in ledger.wallet["all"].until(now) if until != NEVER)
    return found + [_moved(WALLET.decode(row), "pending") for row in pending]


def _transfers(ledger: Account, now: int) -> list[dict[str, Any]]:
    return [
        {
            "record_id": row.transactID, "event_id": row.tx, "at": row.timestamp,
            "asset": OUR_CODES[row.currency], "amount": amount_text(row.amount, row.currency),
            "counterparty": row.address, "text": row.text,
        }
        for row in _rows(ledger, now)
        if row.transactType == "Transfer"
    ]  # fmt: skip


MARKETS = {(market.symbol, market.settle): market for market in TRADED}


def _trades(ledger: Account, now: int) -> list[dict[str, Any]]:
    found = []
    for (_, row), _ in ledger.executions.until(now):
        execution = EXECUTION.decode(row)
        if execution.execType == "Trade":
            found.append(_trade(execution, MARKETS[execution.symbol, execution.settlCurrency]))
    return found


def _trade(execution: Execution, market: Market) -> dict[str, Any]:
    base, quote = quantities(execution, market)
    settle = market.settle or "USDt"
    return {
        "record_id": execution.execID, "event_id": execution.execID,
        # A liquidation has no order: its id is all zeros.
        "order_id": execution.orderID if execution.orderID.strip("0-") else None,
        "market": execution.symbol,
        "product_type": "spot" if market.shape == "spot" else market.shape,
        "side": execution.side.lower(),
        "base_asset": "BTC" if market.root == "XBT" else market.root,
        "quote_asset": market.quote, "base_quantity": base, "quote_quantity": quote,
        "contracts": execution.lastQty, "price": bytes(execution.lastPx).decode(),
        "value_amount": amount_text(abs(execution.execCost), settle),
        "fee_amount": amount_text(execution.execComm, settle),
        "fee_asset": OUR_CODES[settle],
        "is_maker": execution.lastLiquidityInd == "AddedLiquidity",
        "traded_at": execution.timestamp,
    }  # fmt: skip


def quantities(execution: Execution, market: Market) -> tuple[str | None, str | None]:
    """Base and quote quantity, exact; None where a contract stands for neither (quanto)."""
    value = abs(execution.execCost)
    if market.shape == "inverse":
        return amount_text(value, "XBt"), str(execution.lastQty)
    if market.shape == "quanto":
        return None, None
    if market.shape == "spot":
        return exact(execution.lastQty, market.base_scale), amount_text(value, "USDt")
    base = execution.lastQty * Decimal(str(market.home_per_contract))
    return exact(int(base.scaleb(8)), 8), amount_text(value, "USDt")


def _counts(ledger: Account, now: int) -> dict[str, int]:
    return {
        "wallet_history": ledger.wallet["all"].count(now),
        "trade_history": ledger.executions.count(now),
        "orders": ledger.orders.count(now),
        "wallet_pseudo_rows": len(list(ledger.open_positions(now))),
    }
