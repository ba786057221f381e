"""The ground truth of a simulated account, independent of its routes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from pipelines.sandbox.engine.account import (
    ContractFill,
    Deposit,
    History,
    Movement,
    SpotFill,
    Transfer,
    Withdrawal,
    exact,
)
from pipelines.sandbox.engine.adapter import Card
from pipelines.sandbox.engine.clock import from_ms
from pipelines.sandbox.engine.table import Table


class Entry(NamedTuple):
    """One movement, the name of its event, and the id of the record that shows it, if any."""

    move: Movement
    event: str
    record: str | None
    more: Mapping[str, Any] = MappingProxyType({})
    """Further members of its row in the ground truth."""


def iso(ms: int) -> str:
    """Unix milliseconds as ISO 8601 UTC with milliseconds."""
    return from_ms(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Ledger:
    """The account of one history. A profile derives from it, adds tables and overrides oddities.

    `records` are the tables whose rows each show one event: they give the record ids.
    """

    tables: Mapping[str, Table]
    """Every stream's table, by the name that `counts` uses."""
    records: tuple[str, ...] = ()
    wallets: tuple[str, ...] = ()
    """Wallets that are in the ground truth even if they are empty."""

    def __init__(self, history: History, uid: str) -> None:
        self.history, self.uid = history, uid
        self.opened_at = history.opened_at
        self.scales = {asset.code: asset.scale for asset in history.plan.venue.assets}
        self.tables = {}

    def of(self, *kinds: type[Any]) -> list[Any]:
        """The events of those kinds, oldest first."""
        return [event for event in self.history.events if isinstance(event, kinds)]

    # -- oddities to override

    def as_of(self, now: int) -> Ledger:
        """The ledger that is in force at a moment, where an account changes its kind."""
        return self

    def scale(self, wallet: str, asset: str) -> int:
        """The decimals of a coin in a wallet."""
        return self.scales[asset]

    def asset(self, code: str) -> str:
        """The canonical code of a coin of this exchange."""
        return code

    def shown_at(self, at: int, kind: str) -> int:
        """A moment with the precision of the records of that kind."""
        return at

    def record_id(self, event: Any, number: Any) -> str:
        """The id of the record of an event; e.g. symbol and id, if ids are unique per symbol."""
        return str(number)

    def entries(self) -> Iterator[Entry]:
        """Every movement, in any order."""
        ids = self.record_ids()
        for move in self.history.movements():
            event = self.history.events[move.event]
            yield Entry(move, str(move.event), ids.get(id(event)))

    def deposits(self, now: int) -> list[dict[str, Any]]:
        """Deposits from outside, canonical."""
        return [
            self.money(event, record, now) for event, record in self.shown("deposits", Deposit, now)
        ]

    def withdrawals(self, now: int) -> list[dict[str, Any]]:
        """Withdrawals to outside, canonical."""
        return [
            self.money(event, record, now)
            for event, record in self.shown("withdrawals", Withdrawal, now)
        ]

    def trades(self, now: int) -> list[dict[str, Any]]:
        """Fills, canonical."""
        rows = self.shown("trades", SpotFill, now)
        return [self.spot_fill(fill, record) for fill, record in rows]

    def transfers(self, now: int) -> list[dict[str, Any]]:
        """Transfers between the account's own wallets, canonical."""
        return [
            self.transfer(event, record)
            for event, record in self.shown("transfers", Transfer, now)
        ]

    # -- canonical records

    def shown(self, table: str, kind: type[Any], now: int) -> Iterator[tuple[Any, str]]:
        """Events of that kind in that table up to `now`, with their record ids."""
        if table not in self.tables:
            return iter(())
        rows = self.tables[table].until(now)
        return (
            (event, self.record_id(event, number))
            for event, number in rows
            if isinstance(event, kind)
        )

    def money(self, event: Any, record: str, now: int, **changes: Any) -> dict[str, Any]:
        """A deposit or a withdrawal."""
        scale = self.scale(event.wallet, event.asset)
        is_final = event.done_at <= now
        is_done = is_final and event.status == "completed"
        return {
            "record_id": record,
            "event_id": str(event.seq),
            "wallet": event.wallet,
            "asset": self.asset(event.asset),
            "amount": exact(event.amount, scale),
            "fee_amount": exact(getattr(event, "fee", 0), scale),
            "network": event.network,
            "address": event.address,
            "tx_hash": event.tx or None if is_done or isinstance(event, Deposit) else None,
            "move": event.move,
            "status": event.status if is_final else "pending",
            "requested_at": iso(event.at),
            "completed_at": iso(event.done_at) if is_final else None,
        } | changes

    def spot_fill(self, fill: SpotFill, record: str, **changes: Any) -> dict[str, Any]:
        """A fill on a spot market."""
        market, wallet = fill.market, fill.wallet
        return {
            "record_id": record,
            "event_id": str(fill.seq),
            "wallet": fill.wallet,
            "product_type": "spot",
            "market": market.symbol,
            "side": fill.side,
            "base_asset": self.asset(market.base),
            "quote_asset": self.asset(market.quote),
            "base_quantity": exact(fill.quantity, self.scale(wallet, market.base)),
            "quote_quantity": exact(fill.quote_amount, self.scale(wallet, market.quote)),
            "price": exact(fill.price, market.price_scale),
            "fee_amount": exact(fill.fee, self.scale(wallet, fill.fee_asset)),
            "fee_asset": self.asset(fill.fee_asset),
            "is_maker": fill.is_maker,
            "traded_at": iso(self.shown_at(fill.at, "trade")),
        } | changes

    def contract_fill(self, fill: ContractFill, record: str, **changes: Any) -> dict[str, Any]:
        """A fill of a contract; quantities of an inverse one are turned round."""
        contract, scale = fill.contract, self.scale(fill.wallet, fill.contract.settle)
        value, units = exact(fill.value, scale), f"{fill.quantity * contract.size:f}"
        return {
            "record_id": record,
            "event_id": str(fill.seq),
            "wallet": fill.wallet,
            "product_type": "inverse" if contract.inverse else "linear",
            "market": contract.symbol,
            "side": fill.side,
            "base_asset": contract.base,
            "quote_asset": contract.quote,
            "base_quantity": value if contract.inverse else units,
            "quote_quantity": units if contract.inverse else value,
            "contract_quantity": str(fill.quantity),
            "value_amount": value,
            "price": exact(fill.price, contract.price_scale),
            "fee_amount": exact(fill.fee, scale),
            "fee_asset": contract.settle,
            "realised_pnl": exact(fill.realised_pnl, scale),
            "is_maker": fill.is_maker,
            "traded_at": iso(fill.at),
        } | changes

    def transfer(self, event: Transfer, record: str | None, **changes: Any) -> dict[str, Any]:
        """A move between two wallets."""
        return {
            "record_id": record,
            "event_id": str(event.seq),
            "asset": self.asset(event.asset),
            "amount": exact(event.amount, self.scale(event.from_wallet, event.asset)),
            "from_wallet": event.from_wallet,
            "to_wallet": event.to_wallet,
            "at": iso(event.at),
        } | changes

    # -- sums

    def record_ids(self, *tables: str) -> dict[int, str]:
        """Record ids by the identity of the event they show."""
        return {
            id(event): self.record_id(event, number)
            for name in tables or self.records
            for event, number in zip(
                self.tables[name].events, self.tables[name].ids, strict=True
            )
        }

    @cached_property
    def movements(self) -> list[Entry]:
        """Every movement by time."""
        return sorted(self.entries(), key=lambda entry: entry.move.at)

    @cached_property
    def steps(self) -> dict[tuple[str, str], tuple[list[int], list[int]]]:
        """Per wallet and coin, the times at which its balance changed, and the balances."""
        steps: dict[tuple[str, str], tuple[list[int], list[int]]] = {}
        for move, *_ in self.movements:
            times, sums = steps.setdefault((move.wallet, move.asset), ([], []))
            times.append(move.at)
            sums.append((sums[-1] if sums else 0) + move.amount)
        return steps

    def balances(self, now: int) -> dict[str, dict[str, int]]:
        """Per wallet and coin ever held there, the balance at `now`."""
        totals: dict[str, dict[str, int]] = {wallet: {} for wallet in self.wallets}
        for (wallet, asset), (times, sums) in self.steps.items():
            if place := bisect_right(times, now):
                totals.setdefault(wallet, {})[asset] = sums[place - 1]
        return totals

    def held(self, now: int) -> dict[str, int]:
        """Per coin, the amount held by pending withdrawals."""
        totals: dict[str, int] = {}
        for event, _ in self.shown("withdrawals", Withdrawal, now):
            if event.done_at > now:
                totals[event.asset] = totals.get(event.asset, 0) + event.amount
        return totals

    def counts(self, now: int) -> dict[str, int]:
        """Records by the stream that shows them."""
        return {name: table.count(now) for name, table in self.tables.items()}


def ground_truth(ledger: Ledger, card: Card, now: int, parts: frozenset[str]) -> dict[str, Any]:
    """Everything up to `now`; amounts are plain decimal strings."""
    found: dict[str, Any] = {
        "account_id": card.account_id,
        "exchange": card.exchange,
        "uid": card.uid,
        "opened_at": iso(ledger.opened_at),
        "as_of": iso(now),
    }
    lists = {
        "deposits": ledger.deposits,
        "withdrawals": ledger.withdrawals,
        "trades": ledger.trades,
        "transfers": ledger.transfers,
    }
    if "movements" in parts:
        found["movements"] = [
            _movement(ledger, entry) for entry in ledger.movements if entry.move.at <= now
        ]
    if "balances" in parts:
        found["balances"] = {
            wallet: {
                ledger.asset(asset): exact(amount, ledger.scale(wallet, asset))
                for asset, amount in sorted(amounts.items())
            }
            for wallet, amounts in ledger.balances(now).items()
        }
    for name, rows in lists.items():
        if name in parts:
            found[name] = rows(now)
    if "counts" in parts:
        found["counts"] = ledger.counts(now)
    return found


def _movement(ledger: Ledger, entry: Entry) -> dict[str, Any]:
    move, event, record, more = entry
    scale = ledger.scale(move.wallet, move.asset)
    return {
        "at": iso(ledger.shown_at(move.at, move.kind)),
        "wallet": move.wallet,
        "asset": ledger.asset(move.asset),
        "amount": exact(move.amount, scale),
        "fee_amount": exact(move.fee, scale),
        "kind": move.kind,
        "event_id": event,
        "record_id": record,
        **more,
    }
