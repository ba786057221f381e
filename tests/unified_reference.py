"""The expected fact tables of a unified Bitget account, from the simulator's ground truth.

Rows are as in `truth_reference`. Two floors decide: `fills_from` (financial records, executions,
the funding wallet: 90 days) and `ledger_from` (tax records: 366 days).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from tests.truth_reference import (
    LEDGER,
    MOVED,
    TRADE,
    TRANSFER,
    Query,
    Reach,
    Row,
    differences,
    millis,
    stored_rows,
)

Truth = Mapping[str, Any]
AMOUNTS = frozenset(
    {
        "amount", "fee_amount", "base_quantity", "quote_quantity", "contract_quantity",
        "value_amount", "price", "amount_sent", "amount_received",
    }
)  # fmt: skip


def expected_rows(truth: Truth, reach: Reach) -> dict[str, list[Row]]:
    """The expected rows of each fact table from v3 streams."""
    return {
        "fct_ledger_entries": _ledger(truth, reach),
        "fct_deposits": [_moved(row) for row in truth["deposits"]],
        "fct_withdrawals": [_moved(row) for row in truth["withdrawals"]],
        "fct_trades": _trades(truth, reach),
        "fct_transfers": _transfers(truth, reach),
    }


def all_differences(query: Query, truth: Truth, reach: Reach) -> list[str]:
    """The differences of all five fact tables of one account."""
    reported = []
    for table, expected in expected_rows(truth, reach).items():
        reported += differences(table, expected, stored_rows(query, table, truth["account_id"]))
    return reported


def _row(columns: Iterable[str], **values: Any) -> Row:
    return {
        name: Decimal(values[name])
        if name in AMOUNTS and values[name] is not None
        else values[name]
        for name in columns
    }


def _moves(truth: Truth) -> list[Mapping[str, Any]]:
    """Movements in v3 streams; those before the upgrade have no such id."""
    return [move for move in truth["movements"] if "tax_record_id" in move]


def _record_id(move: Mapping[str, Any], reach: Reach) -> str | None:
    """The record of the movement: the richer one if it is available."""
    at = millis(move["at"])
    if reach.has_fill(at):
        return str(move["record_id"])
    return move["tax_record_id"] if reach.has_entry(at) else None


def _ledger(truth: Truth, reach: Reach) -> list[Row]:
    return [
        _row(
            LEDGER, record_id=_record_id(move, reach), wallet=move["wallet"], asset=move["asset"],
            entry_type=move["kind"], amount=move["amount"], fee_amount=move["fee_amount"],
            status="completed", occurred_at=millis(move["at"]),
        )
        for move in _moves(truth)
        if _record_id(move, reach) is not None
    ]  # fmt: skip


def _moved(row: Mapping[str, Any]) -> Row:
    moments = {
        name: None if row[name] is None else millis(row[name])
        for name in ("requested_at", "completed_at")
    }
    return _row(MOVED, **{**row, "fee_asset": row["asset"], **moments})


def _trades(truth: Truth, reach: Reach) -> list[Row]:
    """An available execution as it was; an older spot execution as its ledger rows."""
    moved = {move["event_id"] for move in _moves(truth)}
    received = {
        move["event_id"]: move["tax_record_id"]
        for move in _moves(truth)
        if move["kind"] == "trade" and not move["amount"].startswith("-")
    }
    rows = []
    for fill in truth["trades"]:
        if fill["event_id"] not in moved:
            continue
        at = millis(fill["traded_at"])
        reported = {name: fill[name] for name in TRADE if name in fill} | {
            "price_reason": None, "traded_at": at,
        }  # fmt: skip
        if fill["product_type"] == "spot":
            reported |= {"contract_quantity": None, "value_amount": fill["quote_quantity"]}
        if not reach.has_fill(at):
            if fill["product_type"] != "spot" or not reach.has_entry(millis(fill["booked_at"])):
                continue
            reported |= {
                "record_id": received[fill["event_id"]], "order_id": None, "price": None,
                "is_maker": None, "price_reason": "ledger_only",
                "traded_at": millis(fill["booked_at"]),
            }  # fmt: skip
        rows.append(_row(TRADE, **reported))
    return rows


def _transfers(truth: Truth, reach: Reach) -> list[Row]:
    legs = {
        move["event_id"]: move
        for move in _moves(truth)
        if move["kind"] == "transfer" and move["wallet"] == "unified"
    }
    rows = []
    for move in truth["transfers"]:
        at = millis(move["at"])
        leg = legs.get(move["event_id"])
        if leg is None:
            continue
        if move["record_id"] is not None:
            rows.append(
                _row(
                    TRANSFER, record_id=move["record_id"], asset=move["asset"],
                    from_wallet=move["from_wallet"], to_wallet=move["to_wallet"],
                    amount_sent=move["amount"], amount_received=move["amount"], sent_at=at,
                    received_at=at, method="exchange_id", status="completed",
                )
            )  # fmt: skip
        elif reach.has_entry(at):
            out = leg["amount"].startswith("-")
            rows.append(
                _row(
                    TRANSFER, record_id=leg["tax_record_id"], asset=move["asset"],
                    from_wallet="unified" if out else None, to_wallet=None if out else "unified",
                    amount_sent=move["amount"] if out else None,
                    amount_received=None if out else move["amount"],
                    sent_at=at if out else None, received_at=None if out else at,
                    method="one_sided", status="completed",
                )
            )  # fmt: skip
    return rows
