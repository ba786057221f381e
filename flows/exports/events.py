"""Events of an account, made from its ledger: what an export writes as one row or transaction.

The events of a span hold each completed ledger entry exactly once, so their sums are the sums of
the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from flows.reports.answers import Row, select

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

KINDS = {
    "trade": "Trade or conversion",
    "deposit": "Deposit",
    "withdrawal": "Withdrawal",
    "move_in": "Transfer from outside this account's ledger",
    "move_out": "Transfer to outside this account's ledger",
    "internal": "Transfer between wallets of this account",
    "one_sided_in": "Trade of which only the received side is known",
    "one_sided_out": "Trade of which only the given side is known",
    "interest": "Interest received",
    "loan_interest": "Interest paid on a loan",
    "reward": "Reward or bonus",
    "reward_expired": "Reward or bonus taken back",
    "rebate": "Rebate of fees",
    "realised_profit": "Realised profit of derivatives",
    "realised_loss": "Realised loss of derivatives",
    "funding_received": "Funding received",
    "funding_paid": "Funding paid",
    "derivative_fee": "Fee of derivatives",
    "fee": "Fee",
    "borrow": "Loan received",
    "repay": "Loan repaid",
    "unknown_in": "Receipt whose type is unknown",
    "unknown_out": "Payment whose type is unknown",
}
"""Each kind of event, and what it is."""

BY_SIGN = {
    "deposit": ("deposit", "withdrawal"),
    "withdrawal": ("deposit", "withdrawal"),
    "transfer": ("move_in", "move_out"),
    "bot_transfer": ("move_in", "move_out"),
    "trade": ("one_sided_in", "one_sided_out"),
    "conversion": ("one_sided_in", "one_sided_out"),
    "fee": ("rebate", "fee"),
    "rebate": ("rebate", "fee"),
    "interest": ("interest", "loan_interest"),
    "reward": ("reward", "reward_expired"),
    "funding": ("funding_received", "funding_paid"),
    "realised_pnl": ("realised_profit", "realised_loss"),
    "settlement": ("realised_profit", "realised_loss"),
    "borrow": ("borrow", "repay"),
    "repay": ("borrow", "repay"),
    "adjustment": ("unknown_in", "unknown_out"),
    "unclassified": ("unknown_in", "unknown_out"),
}
"""The kind of an entry that is an event of its own: if it adds, and if it takes."""

TRANSFER_TIME = timedelta(seconds=5)
"""Most time between the two legs of a transfer between wallets of one account."""

WITH_FEE = ("trade", "deposit", "withdrawal")
"""Kinds whose row may hold a fee. The fee of any other entry is an event of its own."""


@dataclass(frozen=True)
class Leg:
    """What an event changes in one wallet: the signed sum of its ledger entries there."""

    wallet: str
    asset: str
    amount: Decimal


@dataclass(frozen=True)
class Amount:
    """A positive quantity of an asset."""

    asset: str
    quantity: Decimal


@dataclass(frozen=True)
class Event:
    """One event. `received`, `sent` and `fee` are positive; the first two are before the fee.

    Per asset, `received - sent - fee` is the sum of the legs. `legs` are empty for an event that
    has been split off another one, which has the legs of both.
    """

    id: str
    at: datetime
    kind: str
    received: Amount | None = None
    sent: Amount | None = None
    fee: Amount | None = None
    legs: tuple[Leg, ...] = ()
    market: str = ""
    label: str = ""
    tx_hash: str = ""
    times: int = 1

    def movements(self) -> dict[str, Decimal]:
        """The signed change of each asset."""
        found: dict[str, Decimal] = defaultdict(Decimal)
        for amount, sign in ((self.received, 1), (self.sent, -1), (self.fee, -1)):
            if amount is not None:
                found[amount.asset] += sign * amount.quantity
        return dict(found)


@dataclass
class _Group:
    """The ledger entries of one event."""

    rows: list[Row] = field(default_factory=list)

    def sums(self, column: str, rows: Sequence[Row] | None = None) -> dict[str, Decimal]:
        """The sum of a column by asset, without zeros."""
        found: dict[str, Decimal] = defaultdict(Decimal)
        for row in self.rows if rows is None else rows:
            found[row["asset"]] += row[column] or 0
        return {asset: amount for asset, amount in found.items() if amount}


def events_of(
    warehouse: Connection, account_id: str, since: datetime | None, until: datetime | None
) -> list[Event]:
    """The events of an account from `since` to `until` (exclusive), in the order of time."""
    found: list[Event] = []
    rows = entries_of(warehouse, account_id, since, until)
    groups: dict[str, _Group] = defaultdict(_Group)
    for row in rows:
        groups[row["group_key"]].rows.append(row)
    for group in groups.values():
        found.extend(_events(group))
    return sorted(_with_internal(found), key=lambda event: event.at)


def entries_of(
    warehouse: Connection, account_id: str, since: datetime | None, until: datetime | None
) -> list[Row]:
    """The completed ledger entries of a span, each with the key of its event.

    Legs of one trade have the same event id and time, or the same record; without an event id the
    same time. The legs of a conversion are those of `fct_conversions`.
    """
    return select(
        warehouse,
        """
        with conversion_records as (
            select distinct
                conversion_id, stream, unnest([record_id, paid_record_id]) as record_id
            from marts.fct_conversions where account_id = ?
        ),
        -- One record may hold several conversions: then the ids of the entries start alike.
        conversion_legs as (
            select ledger_entry_id, max_by(
                conversion_id, starts_with(ledger_entry_id, conversion_id || '/')
            ) as conversion_id
            from marts.fct_ledger_entries
            inner join conversion_records using (stream, record_id)
            where account_id = ?
            group by ledger_entry_id
        ),
        hashes as (
            select record_id, stream, min(tx_hash) as tx_hash
            from (
                select record_id, stream, tx_hash, account_id from marts.fct_deposits
                union all
                select record_id, stream, tx_hash, account_id from marts.fct_withdrawals
            )
            where account_id = ?
            group by record_id, stream
        ),
        derivative as (
            select ledger_entry_id from marts.fct_realised_pnl
            where account_id = ? and pnl_kind = 'fee'
        )
        select
            ledger_entry_id, occurred_at, entry_type, exchange_entry_type, wallet, asset, amount,
            fee_amount, market, hashes.tx_hash,
            derivative.ledger_entry_id is not null as is_of_derivative,
            case
                when entry_type not in ('trade', 'conversion', 'fee') then ledger_entry_id
                else coalesce(
                    conversion_legs.conversion_id,
                    concat_ws(
                        '|', stream, coalesce(event_id, record_id_of_several.record_id, ''),
                        occurred_at
                    )
                )
            end as group_key
        from marts.fct_ledger_entries as entries
        left join conversion_legs using (ledger_entry_id)
        left join hashes using (stream, record_id)
        left join derivative using (ledger_entry_id)
        left join (
            select stream, record_id from marts.fct_ledger_entries
            where account_id = ? group by stream, record_id having count(distinct asset) > 1
        ) as record_id_of_several using (stream, record_id)
        where
            account_id = ? and status = 'completed'
            and occurred_at >= cast(? as timestamptz) and occurred_at < cast(? as timestamptz)
        order by occurred_at, ledger_entry_id
        """,
        [
            *[account_id] * 6,
            since.isoformat() if since else "-infinity",
            until.isoformat() if until else "infinity",
        ],
    )


def _events(group: _Group) -> Iterator[Event]:
    """The events of the entries of one key."""
    swap = [row for row in group.rows if row["entry_type"] != "fee"]
    before_fees = [{**row, "amount": row["amount"] + (row["fee_amount"] or 0)} for row in swap]
    gross = group.sums("amount", before_fees)
    gained = [asset for asset, amount in gross.items() if amount > 0]
    given = [asset for asset, amount in gross.items() if amount < 0]
    if len(gained) == len(given) == 1 and swap[0]["entry_type"] in ("trade", "conversion"):
        event = _event(
            group,
            "trade",
            received=Amount(gained[0], gross[gained[0]]),
            sent=Amount(given[0], -gross[given[0]]),
        )
        yield from _with_fees(event, _fees(group))
        return
    for row in group.rows:
        yield from _of_entry(row)


def _fees(group: _Group) -> dict[str, Decimal]:
    """All fees of a trade by asset; negative for a rebate."""
    inside = group.sums("fee_amount", [row for row in group.rows if row["entry_type"] != "fee"])
    alone = group.sums("amount", [row for row in group.rows if row["entry_type"] == "fee"])
    return {
        asset: fee
        for asset in {**inside, **alone}
        if (fee := inside.get(asset, Decimal(0)) - alone.get(asset, Decimal(0)))
    }


def _with_fees(event: Event, fees: Mapping[str, Decimal]) -> Iterator[Event]:
    """The event with its first fee; each further fee, and each rebate, is an event of its own."""
    paid = [Amount(asset, fee) for asset, fee in fees.items() if fee > 0]
    yield replace(event, fee=paid[0]) if paid else event
    more: list[tuple[str, Amount]] = [("fee", amount) for amount in paid[1:]]
    more += [("rebate", Amount(asset, -fee)) for asset, fee in fees.items() if fee < 0]
    for number, (kind, amount) in enumerate(more, start=1):
        yield _split(event, kind, amount, f"{event.id}.{kind}{number}")


def _of_entry(row: Row) -> Iterator[Event]:
    """The event of one entry, and its fee as a second one where its kind cannot hold a fee."""
    group, entry_type = _Group([row]), row["entry_type"]
    # The whole of a funding payment or of a fee is its own fee: see `fct_ledger_entries`.
    fee = Decimal(0) if entry_type in ("funding", "fee") else (row["fee_amount"] or Decimal(0))
    gross = row["amount"] + fee
    kind = BY_SIGN[entry_type][gross < 0]
    if row["is_of_derivative"] and kind == "fee":
        kind = "derivative_fee"
    if not gross and not fee:
        return
    event = _event(
        group,
        kind,
        received=Amount(row["asset"], gross) if gross > 0 else None,
        sent=Amount(row["asset"], -gross) if gross < 0 else None,
    )
    if fee > 0 and gross and kind in WITH_FEE:
        yield replace(event, fee=Amount(row["asset"], fee))
        return
    if gross:
        yield event
    if fee:
        is_derivative = entry_type in ("realised_pnl", "settlement")
        charged = "derivative_fee" if is_derivative else "fee"
        alone = _split(
            event,
            charged if fee > 0 else "rebate",
            Amount(row["asset"], abs(fee)),
            f"{event.id}.fee",
        )
        yield alone if gross else replace(alone, legs=event.legs)


def _with_internal(events: Sequence[Event]) -> list[Event]:
    """The events, with both legs of a transfer between wallets of the account as one.

    The legs have one asset and amount, and times at most TRANSFER_TIME apart.
    """
    kept: dict[str, Event] = {event.id: event for event in events}
    waiting: dict[tuple[str, Decimal], list[Event]] = defaultdict(list)
    moves = [event for event in events if event.kind in ("move_in", "move_out")]
    for event in sorted(moves, key=lambda event: event.at):
        leg = event.legs[0]
        others = waiting[leg.asset, abs(leg.amount)]
        other = next(
            (
                each
                for each in others
                if each.kind != event.kind
                and each.legs[0].wallet != leg.wallet
                and event.at - each.at <= TRANSFER_TIME
            ),
            None,
        )
        if other is None:
            others.append(event)
            continue
        others.remove(other)
        del kept[event.id]
        kept[other.id] = replace(
            other, kind="internal", received=None, sent=None, legs=(*other.legs, *event.legs)
        )
    return list(kept.values())


def _split(event: Event, kind: str, amount: Amount, event_id: str) -> Event:
    """An event that moves one amount, with the time and labels of another one."""
    is_received = kind == "rebate"
    return replace(
        event,
        id=event_id,
        kind=kind,
        received=amount if is_received else None,
        sent=None if is_received else amount,
        fee=None,
        legs=(),
    )


def _event(
    group: _Group, kind: str, *, received: Amount | None = None, sent: Amount | None = None
) -> Event:
    legs: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in group.rows:
        legs[row["wallet"], row["asset"]] += row["amount"]
    first = group.rows[0]
    return Event(
        id=first["ledger_entry_id"],
        at=min(row["occurred_at"] for row in group.rows),
        kind=kind,
        received=received,
        sent=sent,
        legs=tuple(
            Leg(wallet, asset, amount) for (wallet, asset), amount in legs.items() if amount
        ),
        market=next((row["market"] for row in group.rows if row["market"]), ""),
        label=next(
            (row["exchange_entry_type"] for row in group.rows if row["exchange_entry_type"]), ""
        ),
        tx_hash=next((row["tx_hash"] for row in group.rows if row["tx_hash"]), ""),
    )
