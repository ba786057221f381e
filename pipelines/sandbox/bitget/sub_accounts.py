"""Transfers between a main account of Bitget and its sub-account."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from pipelines.sandbox.bitget.keys import MAIN, SUB
from pipelines.sandbox.bitget.rows import numbered
from pipelines.sandbox.engine.account import DAY, MINUTE, Deposit, Event, History, Transfer, exact
from pipelines.sandbox.engine.ledger import Ledger
from pipelines.sandbox.engine.table import Table

HERE, THERE = "main_account", "sub_account"
"""The name of the other wallet in each of the two histories."""
OTHER_ACCOUNTS = frozenset({HERE, THERE})


def history_of_sub(main: History) -> History:
    """What the main account moved, seen from the other end; and a deposit of its own."""
    at = main.opened_at + 9 * DAY
    own = Deposit(
        seq=0, at=at, wallet="spot", asset="USDT", amount=25 * 10**12, status="completed",
        done_at=at + MINUTE, network="TRC20", address="in-of-the-sub-account", tx="5ab0" * 16,
    )  # fmt: skip
    ends = {THERE: "spot", "spot": HERE}
    moves = [
        msgspec.structs.replace(
            event, from_wallet=ends[event.from_wallet], to_wallet=ends[event.to_wallet]
        )
        for event in main.events
        if isinstance(event, Transfer) and THERE in (event.from_wallet, event.to_wallet)
    ]
    ordered: list[Event] = sorted([own, *moves], key=lambda event: event.at)
    events = [msgspec.structs.replace(event, seq=seq) for seq, event in enumerate(ordered)]
    venue = replace(main.plan.venue, other_wallets=(HERE,))
    return History(plan=replace(main.plan, venue=venue, fills=0), events=events)


def moves_between(ledger: Ledger) -> Table:
    """The transfers between a main account and its sub-account, in both directions."""

    def row(event: Transfer, number: int, now: int) -> dict[str, Any]:
        users = {"spot": MAIN, THERE: SUB}
        return {
            "coin": event.asset, "status": "Successful", "toType": "spot", "fromType": "spot",
            "size": exact(event.amount, ledger.scales[event.asset], 8), "ts": str(event.at),
            "clientOid": f"c-{event.seq}", "fromUserId": users[event.from_wallet],
            "toUserId": users[event.to_wallet], "transferId": str(number),
            "newTransferId": str(number),
        }  # fmt: skip

    events = [e for e in ledger.of(Transfer) if THERE in (e.from_wallet, e.to_wallet)]
    return Table(events, numbered((event.at for event in events), "list"), row)


def deposits(ledger: Ledger) -> Table:
    """A sub-account's deposits, as its main account sees them."""

    def row(event: Deposit, number: int, now: int) -> dict[str, Any]:
        final = event.done_at <= now
        return {
            "orderId": str(number), "tradeId": event.tx, "coin": event.asset,
            "size": exact(event.amount, ledger.scales[event.asset], 8),
            "status": "success" if final else "pending", "toAddress": event.address,
            "dest": "on_chain", "chain": event.network, "fromAddress": None,
            "cTime": str(event.at), "uTime": str(event.done_at if final else event.at),
        }  # fmt: skip

    events = ledger.of(Deposit)
    return Table(events, numbered((event.at for event in events), "list"), row)
