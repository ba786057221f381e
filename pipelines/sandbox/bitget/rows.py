"""Rows of Bitget's tables: ids that grow with time, and balances that run along."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple

from pipelines.sandbox.engine.account import Event, History, Movement
from pipelines.sandbox.engine.table import Table

EPOCH = 1_325_376_000_000
TAGS = {
    "tax": 1, "bill": 2, "fill": 3, "order": 4, "deposit": 5, "withdrawal": 6, "biz": 7,
    "future_tax": 8, "future_bill": 9, "future_fill": 10, "position": 11, "margin_tax": 12,
    "margin": 13, "p2p": 14, "list": 15,
}  # fmt: skip


def snowflake(at: int, tag: str, number: int) -> int:
    """A 19-digit id that grows with time; `number` differs within one millisecond."""
    return (at - EPOCH) << 22 | TAGS[tag] << 18 | number & 0x3FFFF


def order_number(fill: Any) -> int:
    """The id of the order that a fill belongs to."""
    return snowflake(fill.order_at, "order", fill.order)


def numbered(times: Iterable[int], tag: str, *, step: int = 1, mark: int = 0) -> list[int]:
    """Ids for rows of those ascending times; `step` and `mark` keep ids of two lists apart."""
    ids: list[int] = []
    last, number = -1, 0
    for at in times:
        number = number + 1 if at == last else 0
        last = at
        ids.append(snowflake(at, tag, number * step + mark))
    return ids


class Row(NamedTuple):
    """One movement of a wallet, and the balance of its coin after it."""

    at: int
    move: Movement
    event: Any
    balance: int


def rows_of(
    history: History,
    keeps: Callable[[Movement, Event], bool],
    key: Callable[[Movement, Any], Hashable] = lambda move, event: move.asset,
) -> list[Row]:
    """The movements that count, oldest first; balances run by `key`."""
    rows: list[Row] = []
    running: dict[Hashable, int] = {}
    for move in history.movements():
        event = history.events[move.event]
        if keeps(move, event):
            balance = running[key(move, event)] = running.get(key(move, event), 0) + move.amount
            rows.append(Row(move.at, move, event, balance))
    return rows


Dated = tuple[int, dict[str, Any]]
"""A time, and the row as it reads from then on."""


def dated(rows: Iterable[Dated], *id_fields: str) -> Table:
    """A table of rows that never change; `id_fields` are those that show a row's id."""
    ordered = sorted(rows, key=lambda row: row[0])
    return Table(
        ordered, numbered((at for at, _ in ordered), "list"),
        lambda row, number, now: {**dict.fromkeys(id_fields, str(number)), **row[1]},
        at=lambda row: row[0],
    )  # fmt: skip
