"""Load the findings that the user dismissed from `data/findings.yml` into the warehouse.

The file is a list; each item has `id` and `reason`, and may have `by` and `on` (a day):

    - id: 3f2a9c0d1e4b
      reason: the account was only opened to try it out
      by: Ada
      on: 2026-11-21

A dismissed finding keeps its row; only its state changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flows.build.user_list import UserList
from pipelines.home import Home

LIST = UserList(
    needed=("id", "reason"),
    optional=("by", "on"),
    example="write each as `- id: <finding_id>`, and below it `reason: <why>`, `by:`, `on: <day>`",
)


@dataclass(frozen=True)
class Dismissal:
    """One dismissed finding, and its line in the file."""

    finding_id: str
    reason: str
    by: str | None
    on: date | None
    line: int


def file_of(home: Home) -> Path:
    """The user's file."""
    return home.data / "findings.yml"


def read(home: Home) -> list[Dismissal]:
    """The entries of the file; none if there is no file.

    Raises LookbackError with the line and the correct format.
    """
    found: dict[str, Dismissal] = {}
    for item in LIST.read(file_of(home)):
        dismissal = Dismissal(item["id"], item["reason"], item.get("by"), item.day("on"), item.line)
        if (earlier := found.get(dismissal.finding_id)) is not None:
            raise item.bad(f"{dismissal.finding_id} is already dismissed on line {earlier.line}")
        found[dismissal.finding_id] = dismissal
    return list(found.values())


def load(home: Home) -> None:
    """Replace the rows of `raw_user.dismissals` by the entries of the file."""
    import duckdb

    entries = read(home)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema if not exists raw_user")
        connection.execute(
            """
            create or replace table raw_user.dismissals (
                finding_id varchar not null, reason varchar not null,
                dismissed_by varchar, dismissed_on date, line bigint
            )
            """
        )
        if entries:
            connection.executemany(
                "insert into raw_user.dismissals values (?, ?, ?, ?, ?)",
                [[each.finding_id, each.reason, each.by, each.on, each.line] for each in entries],
            )
