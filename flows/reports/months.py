"""Amounts by month: holdings, deposits and withdrawals, fees and funding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.reports.answers import Row, select

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection


def holdings(warehouse: Connection) -> list[Row]:
    """The amount of each asset over all wallets, at the end of each month in which it moved.

    It is counted back from the newest balance, so it does not depend on rows that are missing at
    the start. `amount_before` is the amount before the month.
    """
    return select(
        warehouse,
        """
        with newest as (
            select
                account_id, asset,
                sum(coalesce(balance, rows_amount) + moved_since_amount) as amount
            from marts.fct_balances
            group by account_id, asset
        ),
        moved as (
            select
                account_id, asset, cast(date_trunc('month', occurred_on) as date) as month,
                sum(amount) as amount, count(*) as row_count
            from marts.fct_ledger_entries
            where status = 'completed'
            group by account_id, asset, month
        )
        select
            account_id, asset, month, row_count,
            coalesce(newest.amount, 0) - coalesce(sum(moved.amount) over later, 0) as amount,
            coalesce(newest.amount, 0) - coalesce(sum(moved.amount) over later, 0)
                - moved.amount as amount_before
        from moved
        left join newest using (account_id, asset)
        window later as (
            partition by account_id, asset order by month desc
            rows between unbounded preceding and 1 preceding
        )
        order by account_id, asset, month
        """,
    )


def flows(warehouse: Connection) -> list[Row]:
    """Completed deposits and withdrawals of each asset by month."""
    return select(
        warehouse,
        """
        with moved as (
            select account_id, asset, requested_on, amount as deposited, 0 as withdrawn
            from marts.fct_deposits where status = 'completed'
            union all
            select account_id, asset, requested_on, 0, amount
            from marts.fct_withdrawals where status = 'completed'
        )
        select
            account_id, asset, cast(date_trunc('month', requested_on) as date) as month,
            count(*) as row_count, sum(deposited) as deposited, sum(withdrawn) as withdrawn
        from moved
        group by account_id, asset, month
        order by account_id, asset, month
        """,
    )


def costs(warehouse: Connection) -> list[Row]:
    """Fees paid and funding received in each asset by month; no value where there was none."""
    return select(
        warehouse,
        """
        with charged as (
            select account_id, asset, charged_on as day, fee_amount as fees, null as funding
            from marts.fct_fees
            union all
            select account_id, asset, realised_on, null, pnl_amount
            from marts.fct_realised_pnl where pnl_kind = 'funding'
        )
        select
            account_id, asset, cast(date_trunc('month', day) as date) as month,
            count(*) as row_count, sum(fees) as fees, sum(funding) as funding
        from charged
        group by account_id, asset, month
        order by account_id, asset, month
        """,
    )
