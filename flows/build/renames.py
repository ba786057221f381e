"""Coins that an exchange changed into others: the user's own, from `data/renames.yml`.

The file is a list, beside the renames this project knows (`seeds/asset_renames.csv`):

    - from: OLD
      to: NEW
      ratio: 1000        # how many new ones for an old one; 1 where it is missing
      on: 2024-05-01     # the first day on which it can have been changed
      until: 2024-05-31  # the last one; 31 days later where it is missing
      exchange: acmex    # every exchange where it is missing
      reason: the announcement of 2024-04-20

A difference in balances that is exactly such a change is explained by it, and stays visible.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

from flows.build.user_list import Item, UserList
from pipelines.home import Home

LIST = UserList(
    needed=("from", "to", "on"),
    optional=("ratio", "until", "exchange", "reason"),
    example="write each as `- from: OLD`, and below it `to: NEW`, `on: <day>` and `ratio: 1`",
)


@dataclass(frozen=True)
class Rename:
    """One change of a coin, and the line of the file that says so."""

    exchange: str | None
    old: str
    new: str
    ratio: Decimal
    first: date
    last: date
    reason: str | None
    line: int

    @property
    def kind(self) -> str:
        """What kind of change it is."""
        if self.old == self.new:
            return "redenominated"
        return "renamed" if self.ratio == 1 else "swapped"


def file_of(home: Home) -> Path:
    """Where the user writes them."""
    return home.data / "renames.yml"


def read(home: Home) -> list[Rename]:
    """What the file says; nothing where there is none.

    Raises LookbackError that names the line and what to write there.
    """
    return [_rename(item) for item in LIST.read(file_of(home))]


def _rename(item: Item) -> Rename:
    first, last = item.day("on"), item.day("until")
    assert first is not None  # `on` is needed
    last = last or first + timedelta(days=31)
    if last < first:
        raise item.bad(f"until ({last}) is before on ({first})")
    ratio = _ratio(item)
    old, new = item["from"].upper(), item["to"].upper()
    if old == new and ratio == 1:
        raise item.bad(f"{old} stays what it is: another coin or another ratio is missing")
    return Rename(item.get("exchange"), old, new, ratio, first, last, item.get("reason"), item.line)


def _ratio(item: Item) -> Decimal:
    text = item.get("ratio", "1")
    try:
        ratio = Decimal(text)
    except InvalidOperation as error:
        raise item.bad(f"ratio {text!r} is no number") from error
    if not ratio.is_finite() or ratio <= 0 or ratio != round(ratio, 18) or ratio >= 10**18:
        raise item.bad(f"ratio {text!r} must be positive, with at most 18 digits after the point")
    return ratio


def load(home: Home) -> None:
    """Put what the file says into `raw_user.asset_renames`, in place of what it said before."""
    import duckdb

    said = read(home)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema if not exists raw_user")
        connection.execute(
            """
            create or replace table raw_user.asset_renames (
                exchange varchar, from_asset varchar not null, to_asset varchar not null,
                ratio varchar not null, changed_from timestamptz not null,
                changed_until timestamptz not null, kind varchar not null, source varchar,
                line bigint
            )
            """
        )
        if said:
            connection.executemany(
                "insert into raw_user.asset_renames values "
                "(?, ?, ?, ?, ?::timestamptz, ?::timestamptz, ?, ?, ?)",
                [
                    [
                        each.exchange, each.old, each.new, f"{each.ratio:f}",
                        f"{each.first}T00:00:00Z", f"{each.last + timedelta(days=1)}T00:00:00Z",
                        each.kind, each.reason or "data/renames.yml", each.line,
                    ]
                    for each in said
                ],
            )  # fmt: skip
