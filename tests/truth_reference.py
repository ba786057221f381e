"""The expected fact tables, from the ground truth of a simulated account, and all differences.

Rows are dicts of the compared columns: amounts as Decimal, times as Unix milliseconds. The floors
decide which rows are available: `Reach.ledger_from` for Bitget's tax records, `Reach.fills_from`
for its fills, `Reach.bills_from` and `Reach.futures_from` for the bills and fills of its futures.
BitMEX returns everything, BigONE all but transfers between own wallets. Bitget's transfers are
requested per coin, so a coin must be known. A transfer between two accounts is one row, at the
sending account, so the ground truth of all accounts is needed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
Query = Callable[..., list[tuple[Any, ...]]]
AMOUNTS = frozenset(
    {
        "amount", "fee_amount", "base_quantity", "quote_quantity", "contract_quantity",
        "value_amount", "price", "received_amount", "amount_sent", "amount_received",
    }
)  # fmt: skip
LEDGER = (
    "record_id", "wallet", "asset", "entry_type", "amount", "fee_amount", "status", "occurred_at",
)  # fmt: skip
MOVED = (
    "record_id", "asset", "amount", "fee_amount", "fee_asset", "network", "address", "tx_hash",
    "status", "requested_at", "completed_at",
)  # fmt: skip
TRADE = (
    "record_id", "order_id", "market", "product_type", "side", "base_asset", "quote_asset",
    "base_quantity", "quote_quantity", "contract_quantity", "value_amount", "price",
    "price_reason", "fee_amount", "fee_asset", "is_maker", "traded_at",
)  # fmt: skip
TRANSFER = (
    "record_id", "asset", "from_wallet", "to_wallet", "amount_sent", "amount_received", "sent_at",
    "received_at", "method", "status",
)  # fmt: skip
MARGIN = ("crossed_margin", "isolated_margin")
FACTS: dict[str, tuple[str, ...]] = {
    "fct_ledger_entries": LEDGER,
    "fct_deposits": MOVED,
    "fct_withdrawals": MOVED,
    "fct_trades": TRADE,
    "fct_transfers": TRANSFER,
}


@dataclass(frozen=True)
class Reach:
    """The oldest moments that the rolling and the silent floor left, where there are any."""

    ledger_from: datetime | None = None
    fills_from: datetime | None = None
    listed: frozenset[str] = frozenset()
    """Coins that the exchange itself lists today."""
    lapses: tuple[tuple[datetime, datetime], ...] = ()
    """Half-open spans of fills and bills that no sync read in time."""
    bills_from: datetime | None = None
    futures_from: datetime | None = None

    def has_entry(self, at: int) -> bool:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
        return self.ledger_from is None or moment >= self.ledger_from

    def has_lapsed(self, at: int) -> bool:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
        return any(start <= moment < end for start, end in self.lapses)

    def has_fill(self, at: int) -> bool:
        return is_since(self.fills_from, at) and not self.has_lapsed(at)


def millis(moment: datetime | str) -> int:
    """Unix milliseconds of an aware datetime or of ISO text. Raises if it is not a whole one."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    whole, rest = divmod(moment - datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1))
    if rest:
        raise ValueError(f"{moment} is no whole millisecond")
    return whole


def expected_rows(
    truth: Mapping[str, Any], reach: Reach, everybody: Iterable[Mapping[str, Any]] = ()
) -> dict[str, list[Row]]:
    """The expected rows of each fact table of that account; `everybody` has the synced accounts."""
    exchange, everybody = truth["exchange"], list(everybody)
    trades = {"bigone": _bigone_trades, "bitget": _bitget_trades, "bitmex": _bitmex_trades}
    return {
        "fct_ledger_entries": _ledger(truth, reach),
        "fct_deposits": [_moved(row, "credit") for row in truth["deposits"]],
        "fct_withdrawals": [_moved(row, "debit") for row in truth["withdrawals"]],
        "fct_trades": trades[exchange](truth, reach),
        "fct_transfers": _transfers(truth, reach, everybody) + _moves_away(truth, everybody),
    }


def stored_rows(query: Query, table: str, account_id: str) -> list[Row]:
    """The compared columns of that table's rows of one account."""
    columns = FACTS[table]
    found = query(
        f"select {', '.join(columns)} from marts.{table} where account_id = ?", account_id
    )
    return [
        {
            name: millis(value) if isinstance(value, datetime) else value
            for name, value in zip(columns, row, strict=True)
        }
        for row in found
    ]


def differences(table: str, expected: Iterable[Row], found: Iterable[Row]) -> list[str]:
    """One line for each row that is missing, invented, duplicated, or has another value."""
    wanted, there = _by_record(expected), _by_record(found)
    reported = []
    for record_id in sorted(wanted.keys() | there.keys()):
        ours, theirs = wanted.get(record_id, []), there.get(record_id, [])
        if len(ours) != len(theirs):
            reported.append(f"{table} {record_id}: {len(ours)} in truth, {len(theirs)} stored")
        for mine, other in zip(ours, theirs, strict=False):
            reported += [
                f"{table} {record_id} {name}: {mine[name]!r} in truth, {other[name]!r} stored"
                for name in mine
                if mine[name] != other[name]
            ]
    return reported


def all_differences(
    query: Query,
    truth: Mapping[str, Any],
    reach: Reach,
    everybody: Iterable[Mapping[str, Any]] = (),
) -> list[str]:
    """The differences of all five fact tables of one account."""
    reported = []
    for table, expected in expected_rows(truth, reach, everybody).items():
        reported += differences(table, expected, stored_rows(query, table, truth["account_id"]))
    return reported


def balance_differences(query: Query, truth: Mapping[str, Any], wallet: str) -> list[str]:
    """Where the sum of completed entries is not the balance. For ledgers known from the start.

    Without a `wallet`, over all of them: BigONE does not list transfers between its wallets.
    """
    sums = dict(
        query(
            "select asset, sum(amount) from marts.fct_ledger_entries "
            "where account_id = ? and wallet like ? and status = 'completed' group by asset",
            truth["account_id"],
            wallet or "%",
        )
    )
    real: dict[str, Decimal] = defaultdict(Decimal)
    for name, held in truth["balances"].items():
        if wallet in ("", name):
            for asset, amount in held.items():
                real[asset] += Decimal(amount)
    return [
        f"{asset}: {real.get(asset, 0)} in truth, {sums.get(asset, 0)} by the ledger"
        for asset in sorted(sums.keys() | real.keys())
        if sums.get(asset, 0) != real.get(asset, 0)
    ]


def _by_record(rows: Iterable[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["record_id"]].append(row)
    for group in grouped.values():  # the legs of one record, in any order
        group.sort(key=lambda row: [(value is None, value) for value in row.values()])
    return grouped


def _row(columns: tuple[str, ...], **values: Any) -> Row:
    assert values.keys() == set(columns), values.keys() ^ set(columns)
    return {
        name: Decimal(values[name])
        if name in AMOUNTS and values[name] is not None
        else values[name]
        for name in columns
    }


def _at(text: str | None) -> int | None:
    return None if text is None else millis(text)


def _ledger(truth: Mapping[str, Any], reach: Reach) -> list[Row]:
    return [
        _row(
            LEDGER, record_id=move["record_id"], wallet=move["wallet"], asset=move["asset"],
            entry_type=move["kind"], amount=move["amount"], fee_amount=move["fee_amount"],
            status="completed", occurred_at=millis(move["at"]),
        )
        for move in (_in_best_view(reported, reach) for reported in truth["movements"])
        if move["record_id"] is not None and reach.has_entry(millis(move["at"]))
    ]  # fmt: skip


def _in_best_view(move: Mapping[str, Any], reach: Reach) -> Mapping[str, Any]:
    """A futures movement under the id of its bill, or of its tax record before bills reach back."""
    at = millis(move["at"])
    if "tax_id" not in move or (is_since(reach.bills_from, at) and not reach.has_lapsed(at)):
        return move
    return {**move, "record_id": move["tax_id"]}


def is_since(start: datetime | None, at: int) -> bool:
    """Whether that moment (Unix ms) is not before `start`."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    return start is None or moment >= start


def _moved(row: Mapping[str, Any], direction: str) -> Row:
    same = ("record_id", "asset", "amount", "fee_amount", "network", "address", "tx_hash", "status")
    return _row(
        MOVED, **{name: row[name] for name in same}, fee_asset=row["asset"],
        requested_at=_at(row["requested_at"]), completed_at=_at(row["completed_at"]),
    )  # fmt: skip


def _bigone_trades(truth: Mapping[str, Any], reach: Reach) -> list[Row]:
    """Both sides of a trade with oneself; of contracts nothing says who was the maker."""
    rows = []
    for fill in truth["trades"]:
        is_spot = fill["product_type"] == "spot"
        same = {name: fill[name] for name in TRADE if name in fill}
        extra = {
            "contract_quantity": None if is_spot else fill["contract_quantity"],
            "value_amount": fill["quote_quantity"] if is_spot else fill["value_amount"],
            "price_reason": None,
            "is_maker": fill["is_maker"] if is_spot else None,
            "traded_at": millis(fill["traded_at"]),
        }
        rows.append(_row(TRADE, **same | extra))
    return rows


def _bitmex_trades(truth: Mapping[str, Any], reach: Reach) -> list[Row]:
    same = (
        "record_id", "order_id", "market", "product_type", "side", "base_asset", "quote_asset",
        "base_quantity", "quote_quantity", "value_amount", "price", "fee_amount", "fee_asset",
        "is_maker",
    )  # fmt: skip
    return [
        _row(
            TRADE, **{name: row[name] for name in same}, price_reason=None,
            contract_quantity=None if row["product_type"] == "spot" else row["contracts"],
            traded_at=millis(row["traded_at"]),
        )
        for row in truth["trades"]
    ]  # fmt: skip


def _bitget_trades(truth: Mapping[str, Any], reach: Reach) -> list[Row]:
    """An available fill as it was; an older one as its two ledger rows."""
    received = {
        move["event_id"]: move["record_id"]
        for move in truth["movements"]
        if move["kind"] == "trade" and not move["amount"].startswith("-")
    }
    rows = []
    for fill in truth["trades"]:
        at = millis(fill["traded_at"])
        if fill["product_type"] != "spot":
            if is_since(reach.futures_from, at) and not reach.has_lapsed(at):
                reported = {name: fill[name] for name in TRADE if name in fill}
                rows.append(_row(TRADE, **reported | {"price_reason": None, "traded_at": at}))
            continue
        same = {name: fill[name] for name in TRADE if name in fill} | {
            "product_type": "spot",
            "contract_quantity": None,
            "value_amount": fill["quote_quantity"],
            "price_reason": None,
            "traded_at": at,
        }
        if reach.has_fill(at):
            rows.append(_row(TRADE, **same))
        elif reach.has_entry(at):
            same |= {"record_id": received[fill["event_id"]], "price": None, "is_maker": None}
            rows.append(_row(TRADE, **same | {"price_reason": "ledger_only"}))
    return rows


def _transfers(
    truth: Mapping[str, Any], reach: Reach, everybody: list[Mapping[str, Any]]
) -> list[Row]:
    """The transfers that the exchange lists; BigONE lists none."""
    if truth["exchange"] == "bigone":
        return []
    if truth["exchange"] == "bitget":
        return _bitget_transfers(truth, reach)
    return _bitmex_transfers(truth, everybody)


def _bitget_transfers(truth: Mapping[str, Any], reach: Reach) -> list[Row]:
    """Moves with a record of their own, and those to and from bots and earn, which only the ledger
    has; moves to and from the sub-account from this side."""
    legs = {
        move["event_id"]: move
        for move in truth["movements"]
        if move["kind"] in ("transfer", "bot_transfer") and move["wallet"] == "spot"
    }
    named = nameable_coins(truth, reach)
    rows = []
    for move in truth["transfers"]:
        at = millis(move["at"])
        same = {name: move[name] for name in ("asset", "from_wallet", "to_wallet")}
        if move["crosses"] is not None:  # a sub-account that has no key here
            amount = Decimal(move["amount"]) * (-1 if move["crosses"] == "out" else 1)
            same |= {"to_wallet": None} if amount < 0 else {"from_wallet": None}
            rows.append(_one_sided(same, move["record_id"], amount, at))
        elif move["record_id"] is not None:
            if move["asset"] not in named:
                continue
            rows.append(
                _row(
                    TRANSFER, **same, record_id=move["record_id"], amount_sent=move["amount"],
                    amount_received=move["amount"], sent_at=at, received_at=at,
                    method="exchange_id", status="completed",
                )
            )  # fmt: skip
        elif reach.has_entry(at):
            leg = legs[move["event_id"]]
            row = _one_sided(same, leg["record_id"], Decimal(leg["amount"]), at)
            # The label of the leg names the other wallet.
            rows.append(row | {"method": "exchange_id"})
    return rows


def nameable_coins(truth: Mapping[str, Any], reach: Reach) -> frozenset[str]:
    """Coins in available rows: transfers of other coins cannot be requested.

    A delisted coin is left out if all its ledger rows have expired.
    """
    rows = [*truth["deposits"], *truth["withdrawals"], *_ledger(truth, reach)]
    # Balances of margin go on listing a coin that has left.
    held = {coin for name in MARGIN for coin in truth["balances"].get(name, {})}
    return reach.listed | held | {row["asset"] for row in rows}


def _bitmex_transfers(
    truth: Mapping[str, Any], everybody: list[Mapping[str, Any]]
) -> list[Row]:
    """Every row from or to another party: a bonus has none and is a reward.

    Where the other account is synced as well, the row of the side that sent stands for both.
    """
    others = {
        move["event_id"]: move
        for other in everybody
        if other["exchange"] == "bitmex" and other["account_id"] != truth["account_id"]
        for move in other["transfers"]
    }
    rows = []
    for move in truth["transfers"]:
        amount, other = Decimal(move["amount"]), others.get(move["event_id"])
        if move["counterparty"] == "0" or (other is not None and amount > 0):
            continue
        wallets = {
            "asset": move["asset"],
            "from_wallet": "main" if amount < 0 else None,
            "to_wallet": "main" if amount > 0 else None,
        }
        row = _one_sided(wallets, move["record_id"], amount, millis(move["at"]))
        if other is not None:
            row |= {
                "to_wallet": "main", "amount_received": -amount, "method": "exchange_id",
                "received_at": millis(other["at"]),
            }  # fmt: skip
        rows.append(row)
    return rows


def moves_between(truths: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Completed withdrawals that are another account's deposits: name, from, row, to, row."""
    truths = list(truths)
    arrived = {
        row.get("move") or row["tx_hash"]: (truth, row)
        for truth in truths
        for row in truth["deposits"]
        if row["status"] == "completed" and (row.get("move") or row["tx_hash"])
    }
    return [
        (name, sender, row, *arrived[name])
        for sender in truths
        for row in sender["withdrawals"]
        if row["status"] == "completed" and (name := row.get("move") or row["tx_hash"]) in arrived
    ]


def _moves_away(truth: Mapping[str, Any], everybody: list[Mapping[str, Any]]) -> list[Row]:
    """Withdrawals of that account that are a deposit of another; all show their hash."""
    wallets = {"bigone": "spot", "bitget": "spot", "bitmart": "spot", "bitmex": "main"}
    return [
        _row(
            TRANSFER, record_id=gone["record_id"], asset=gone["asset"],
            from_wallet=wallets[sender["exchange"]], to_wallet=wallets[receiver["exchange"]],
            amount_sent=gone["amount"], amount_received=came["amount"],
            sent_at=millis(gone["requested_at"]), received_at=_at(came["completed_at"]),
            method="tx_hash", status="completed",
        )
        for _, sender, gone, receiver, came in moves_between(everybody)
        if sender["account_id"] == truth["account_id"]
    ]  # fmt: skip


def _one_sided(wallets: Row, record_id: str, amount: Decimal, at: int) -> Row:
    out = amount < 0
    return _row(
        TRANSFER, **wallets, record_id=record_id, amount_sent=-amount if out else None,
        amount_received=None if out else amount, sent_at=at if out else None,
        received_at=None if out else at, method="one_sided", status="completed",
    )  # fmt: skip
