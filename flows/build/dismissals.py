"""Findings that the user has set aside: read from `data/findings.yml`, put where the models look.

The file is a list; each item has `id` and `reason`, and may have `by` and `on` (a day):

    - id: 3f2a9c0d1e4b
      reason: the account was only opened to try it out
      by: Ada
      on: 2026-11-21

A finding set aside keeps its row and changes its state, nothing else.
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
    """One finding set aside, and the line of the file that says so."""

    finding_id: str
    reason: str
    by: str | None
    on: date | None
    line: int


def file_of(home: Home) -> Path:
    """Where the user writes them."""
    return home.data / "findings.yml"


def read(home: Home) -> list[Dismissal]:
    """What the file says; nothing where there is none.

    Raises LookbackError that names the line and what to write there.
    """
    found: dict[str, Dismissal] = {}
    for item in LIST.read(file_of(home)):
        dismissal = Dismissal(item["id"], item["reason"], item.get("by"), item.day("on"), item.line)
        if (earlier := found.get(dismissal.finding_id)) is not None:
            raise item.bad(f"{dismissal.finding_id} is set aside on line {earlier.line} already")
        found[dismissal.finding_id] = dismissal
    return list(found.values())


def load(home: Home) -> None:
    """Put what the file says into `raw_user.dismissals`, in place of what it said before."""
    import duckdb

    said = read(home)
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
        if said:
            connection.executemany(
                "insert into raw_user.dismissals values (?, ?, ?, ?, ?)",
                [[each.finding_id, each.reason, each.by, each.on, each.line] for each in said],
            )
