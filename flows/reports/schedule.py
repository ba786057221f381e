"""How often each account must be synced, from its deadlines."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from flows.reports.answers import Row, select
from flows.reports.words import counted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

SAFETY = 4
"""Syncs within the time in which a new row expires: three may fail, and none is lost."""
LONGEST = timedelta(days=1)
SHORTEST = timedelta(hours=1)


def plan(warehouse: Connection) -> list[Row]:
    """The interval of each account that is not retired or closed, and the stream it follows from.

    `window` is the time from the newest stored moment of that stream until it is lost. An account
    without a deadline is synced daily.
    """
    rows = select(
        warehouse,
        """
        select
            coalesce(accounts.label, accounts.account_id) as label, accounts.exchange,
            arg_min(
                deadlines.stream, deadlines.next_loss_at - deadlines.next_loss_from
            ) as stream,
            min(deadlines.next_loss_at - deadlines.next_loss_from) as window,
            min(deadlines.sync_before) as sync_before
        from marts.dim_accounts as accounts
        left join marts.dim_exchanges using (exchange)
        left join marts.fct_deadlines as deadlines
            on
                accounts.account_id = deadlines.account_id
                and deadlines.next_loss_at > deadlines.next_loss_from
        where
            accounts.retired_at is null and accounts.origin = 'api' and lifecycle != 'closed'
        group by all
        order by label
        """,
    )
    return [row | {"every": every(row["window"]), "reason": reason(row)} for row in rows]


def every(window: timedelta | None) -> timedelta:
    """The interval for the time in which a row expires, in whole hours."""
    wanted = LONGEST if window is None else window / SAFETY
    hours = max(SHORTEST, min(LONGEST, wanted)) // SHORTEST
    return hours * SHORTEST


def reason(row: Row) -> str:
    """Why an account has its interval."""
    if row["window"] is None:
        return "no stream states when its rows expire"
    return f"new rows of {row['stream']} are lost after {lasting(row['window'])}"


def lasting(span: timedelta) -> str:
    """A span in days, or in hours if it is shorter than two days."""
    if span < timedelta(days=2):
        return counted(span // timedelta(hours=1), "hour")
    return counted(span.days, "day")


def shortest(rows: list[Row]) -> tuple[timedelta, str]:
    """The interval at which all accounts are in time, and the reason."""
    if not rows:
        return LONGEST, "no account is synced yet"
    first = min(rows, key=lambda row: (row["every"], row["window"] or LONGEST * 9_999))
    return first["every"], f"{first['label']}: {first['reason']}"
