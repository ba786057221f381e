"""Load the user's renames of coins from `data/renames.yml` into the warehouse.

The file is a list, in addition to the known renames (`seeds/asset_renames.csv`):

    - from: OLD
      to: NEW
      ratio: 1000        # new coins per old coin; default: 1
      on: 2024-05-01     # first possible day of the change
      until: 2024-05-31  # last possible day; default: 31 days later
      exchange: acmex    # default: every exchange
      reason: the announcement of 2024-04-20

A balance difference that equals such a change is marked as explained, and stays visible.
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
    """One change of a coin, and its line in the file."""

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
        """The kind of change."""
        if self.old == self.new:
            return "redenominated"
        return "renamed" if self.ratio == 1 else "swapped"


def file_of(home: Home) -> Path:
    """The user's file."""
    return home.data / "renames.yml"


def read(home: Home) -> list[Rename]:
    """The entries of the file; none if there is no file.

    Raises LookbackError with the line and the correct format.
    """
    return [_rename(item) for item in LIST.read(file_of(home))]


def _rename(item: Item) -> Rename:
    first, last = item.day("on"), item.day("until")
    assert first is not None  # `on` is required
    last = last or first + timedelta(days=31)
    if last < first:
        raise item.bad(f"until ({last}) is before on ({first})")
    ratio = _ratio(item)
    old, new = item["from"].upper(), item["to"].upper()
    if old == new and ratio == 1:
        raise item.bad(f"from and to are both {old} and the ratio is 1: change one of them")
    return Rename(item.get("exchange"), old, new, ratio, first, last, item.get("reason"), item.line)


def _ratio(item: Item) -> Decimal:
    text = item.get("ratio", "1")
    try:
        ratio = Decimal(text)
    except InvalidOperation as error:
        raise item.bad(f"ratio {text!r} is not a number") from error
    if not ratio.is_finite() or ratio <= 0 or ratio != round(ratio, 18) or ratio >= 10**18:
        raise item.bad(f"ratio {text!r} must be positive, with at most 18 digits after the point")
    return ratio


def load(home: Home) -> None:
    """Replace the rows of `raw_user.asset_renames` by the entries of the file."""
    import duckdb

    entries = read(home)
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
        if entries:
            connection.executemany(
                "insert into raw_user.asset_renames values "
                "(?, ?, ?, ?, ?::timestamptz, ?::timestamptz, ?, ?, ?)",
                [
                    [
                        each.exchange, each.old, each.new, f"{each.ratio:f}",
                        f"{each.first}T00:00:00Z", f"{each.last + timedelta(days=1)}T00:00:00Z",
                        each.kind, each.reason or "data/renames.yml", each.line,
                    ]
                    for each in entries
                ],
            )  # fmt: skip
