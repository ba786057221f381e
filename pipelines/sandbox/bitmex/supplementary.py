"""BitMEX's smaller private reads: every report on an order, events, fees, deposit addresses.

General clients request them next to the histories; each is derived from the same ledger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from pipelines.sandbox.bitmex.keys import iso, refusal
from pipelines.sandbox.bitmex.ledger import Account, order_row
from pipelines.sandbox.bitmex.lists import table_of
from pipelines.sandbox.bitmex.market import NETWORKS, SCALES, instruments
from pipelines.sandbox.bitmex.plan import Order
from pipelines.sandbox.engine.account import DAY
from pipelines.sandbox.engine.table import Table
from pipelines.sandbox.engine.wire import Request

EVENTS = {
    ("Deposit", "Completed"): "depositConfirmed",
    ("Withdrawal", "Completed"): "withdrawalCompleted",
    ("Withdrawal", "Canceled"): "withdrawalCanceled",
}
"""Wallet rows by type and status, with their names in the list of events."""
VOLUME_DAYS = 30


def life_cycle(ledger: Account) -> Table:
    """Every report on every order: placed, filled, canceled, refused; funding and settlement too.

    Reports that move no money come before the fills of their millisecond.
    """
    reports = list(_reports(ledger.plan.account, ledger.placed))
    reports += [(at, 1, number, row) for number, (at, row) in enumerate(ledger.executions.events)]
    reports.sort(key=lambda report: report[:3])
    return table_of((at, row) for at, _, _, row in reports)


def _reports(account: int, orders: list[Order]) -> Iterator[tuple[int, int, int, bytes]]:
    for number, order in enumerate(orders):
        if order.status != "Rejected":
            placed = replace(order, ended_at=0, changes=[])
            yield (order.submitted_at, 0, number, _report(account, placed, "New"))
        if order.ended_at and order.status in ("Canceled", "Rejected"):
            yield (order.ended_at, 2, number, _report(account, order, order.status))


def _report(account: int, order: Order, kind: str) -> bytes:
    """An order as a report on it has it."""
    _, row = order_row(account, order, order.ended_at or order.submitted_at)
    digest = hashlib.blake2b(f"{order.id} {kind}".encode(), digest_size=16).hexdigest()
    report_id = "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))
    return f'{{"execID":"{report_id}","execType":"{kind}",'.encode() + row[1:]


def commissions(now: int) -> dict[str, Any]:
    """/user/commission: the fee rates of each open market."""
    return {
        row["symbol"]: {
            "maxFee": row["takerFee"], "makerFee": row["makerFee"], "takerFee": row["takerFee"],
            "settlementFee": row.get("settlementFee", 0),
        }
        for row in instruments(now)
        if row["state"] == "Open" and "takerFee" in row
    }  # fmt: skip


def trading_volume(ledger: Account, now: int) -> list[dict[str, Any]]:
    """/user/tradingVolume: the daily average of the last month, in dollars."""
    spot = contracts = 0.0
    for at, text in reversed(ledger.executions.events):
        if at < now - VOLUME_DAYS * DAY:
            break
        row = msgspec.json.decode(text)
        if at > now or row["execType"] != "Trade" or row["currency"] not in ("USD", "USDT"):
            continue
        worth = abs(row["foreignNotional"]) / VOLUME_DAYS
        if "_" in row["symbol"]:
            spot += worth
        else:
            contracts += worth
    return [{"advUsd": spot + contracts, "advUsdSpot": spot, "advUsdContract": contracts}]


def user_events(request: Request, user_id: int, created: int) -> dict[str, Any]:
    """/userEvent: the key's making and how deposits and withdrawals ended, in an object."""
    found: list[tuple[int, str]] = [(created, "apiKeyCreated")]
    for at, text, _ in request.account.wallet["all"].events:
        row = msgspec.json.decode(text)
        kind = EVENTS.get((row["transactType"], row["transactStatus"]))
        if kind:
            found.append((at, kind))
    found.sort()
    first, count = request.number("startId") or 0, request.number("count")
    events = [
        {
            "id": number, "type": kind, "status": "success", "userId": user_id,
            "createdById": user_id, "ip": "203.0.113.9", "geoipCountry": "NL",
            "eventMeta": {}, "created": iso(at),
        }
        for number, (at, kind) in enumerate(found, start=1)
        if at <= request.now and number >= first
    ]  # fmt: skip
    return {"userEvents": events[:count]}


def deposit_address(request: Request) -> str:
    """Where a currency can be deposited on a network; both must be named."""
    currency, network = request.text("currency"), request.text("network")
    if currency not in SCALES:
        raise refusal(400, "Invalid currency", "ValidationError")
    if network not in {str(row["network"]) for row in NETWORKS}:
        raise refusal(400, "Invalid network", "ValidationError")
    account = request.account.plan.account
    digest = hashlib.blake2b(f"{account} {currency} {network}".encode(), digest_size=16)
    return f"bc1q{digest.hexdigest()}" if network == "btc" else f"0x{digest.hexdigest()}"
