"""The answer in one line per account: is its history complete, since when, and what is next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from flows.cli.show import note
from flows.cli.terminal import console, table
from flows.reports.account_words import balances, history, next_steps, notes_on, since
from flows.reports.answers import Row
from flows.reports.words import day


def overview(
    rows: Sequence[Row], out: Console | None = None, new_rows: Mapping[str, int] | None = None
) -> None:
    """Print one line per account and, below, what to type next.

    `new_rows` are the rows that a sync has added, by label; they get a column.
    """
    out = out or console()
    counts = ("new rows",) if new_rows is not None else ()
    whole = ("complete since", "sync before")
    listing = table(
        "account", *counts, "history", "complete since", "balances", "sync before",
        right=counts, whole=whole,
    )  # fmt: skip
    for row in rows:
        words, look = history(row)
        number = (f"{(new_rows or {}).get(row['label'], 0):,}",) if counts else ()
        listing.add_row(
            row["label"], *number, Text(words, style=look), since(row),
            balances(row), day(row["sync_before"]),
        )  # fmt: skip
    out.print(listing)
    out.print()
    for sentence in (*notes_on(rows), *next_steps(rows)):
        note(out, "-", sentence)
