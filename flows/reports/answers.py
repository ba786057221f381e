"""Queries of the published warehouse. They read only that file, so they never wait for a lock."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import LookbackError
from pipelines.home import Home

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

Row = dict[str, Any]

NAMED = """
    left join (select account_id, label from marts.dim_accounts) as named using (account_id)
"""
LABEL = "coalesce(named.label, account_id) as label"
STATUS_LABEL = "coalesce(status.label, named.label, account_id) as label"

WORST = "(list_position(['red', 'yellow', 'green'], light), stream != 'identity', stream)"

STREAMS = f"select {STATUS_LABEL}, stream from marts.fct_sync_status as status {NAMED}"

UNREAD = f"""
    (
        select
            {STATUS_LABEL}, sync_status_id, account_id, status.exchange, stream, state,
            reason
        from marts.fct_sync_status as status {NAMED}
        where state in ('not_connected', 'never_connected')
    )
"""
"""Declared accounts that could not be read at all, for the queries about streams."""


@contextmanager
def published(home: Home) -> Iterator[Connection]:
    """Open the published file. Raises LookbackError if there is none yet."""
    if not home.published.exists():
        raise LookbackError(
            "nothing is published yet",
            remedy="run `lookback sync` first (or try `lookback demo`)",
        )
    with opened(home.published) as warehouse:
        yield warehouse


@contextmanager
def opened(path: Path) -> Iterator[Connection]:
    """Open a built warehouse for reading. Opening takes longer than most queries: do it once."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        yield warehouse


def select(warehouse: Connection, sql: str, parameters: Sequence[str | bool] = ()) -> list[Row]:
    """The rows of one query, times in UTC, amounts as Decimal.

    Parameters are passed to a prepared statement. If Python bound them, DuckDB would import
    pandas, which takes longer than all queries of a command.
    """
    import duckdb

    try:
        if parameters:
            warehouse.execute(f"prepare query as {sql}")
            sql = f"execute query({', '.join(map(literal, parameters))})"
        cursor = warehouse.execute(sql)
    except duckdb.BinderException as error:
        raise LookbackError(
            "the published file was written by another version of lookback",
            remedy="run `lookback sync` once to rebuild it",
        ) from error
    columns = [column[0] for column in cursor.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def literal(value: str | bool) -> str:
    """A value as an SQL literal."""
    return str(value) if isinstance(value, bool) else "'" + value.replace("'", "''") + "'"


@dataclass(frozen=True)
class Choice:
    """The rows that a command shows: those of these labels, of one stream, or the critical ones."""

    labels: Sequence[str] = ()
    stream: str = ""
    is_critical: bool = False

    def of(self, warehouse: Connection, rows: Sequence[Row]) -> list[Row]:
        """The chosen rows. Raises LookbackError if a label or the stream does not exist."""
        if self.labels:
            require(warehouse, "label", "account", self.labels)
        if self.stream:
            require(warehouse, "stream", "stream", [self.stream])
        labels = {label.lower() for label in self.labels}
        return [
            row
            for row in rows
            if not labels or str(row["label"]).lower() in labels
            if not self.stream or row.get("stream") == self.stream
            if not self.is_critical or is_critical(row)
        ]


def is_critical(row: Row) -> bool:
    """Whether a gap, check, finding, deadline or status needs attention now."""
    return bool(
        row.get("severity") == "critical" or row.get("light") == "red" or row.get("at_risk")
    )


def require(warehouse: Connection, column: str, noun: str, names: Sequence[str]) -> None:
    """Raises LookbackError, with the known names, if the published file lacks one of the names."""
    found = select(warehouse, f"select distinct {column} as name from ({STREAMS}) order by name")
    known = [row["name"] for row in found if row["name"]]
    for name in names:
        if name.lower() not in {each.lower() for each in known}:
            raise LookbackError(
                f"no {noun} {name} in the published file",
                remedy=f"known: {', '.join(known)}" if known else "run `lookback sync` first",
            )


def status(warehouse: Connection) -> list[Row]:
    """Sync status per account and stream."""
    return select(
        warehouse,
        f"""
        select {STATUS_LABEL}, * exclude (label)
        from marts.fct_sync_status as status {NAMED}
        order by 1, exchange, stream
        """,
    )


def overview(warehouse: Connection) -> list[Row]:
    """One row per account: is its history complete, since when, and what does it need next.

    `grade` is one of `not_connected`, `incomplete`, `complete`, `agrees` (nothing is known to be
    missing and the balances agree, but the exchange does not state how far back it reaches) and
    `unverified`. Differences that follow from a gap count as `explained_checks`.
    """
    return select(
        warehouse,
        f"""
        with of_streams as (
            select
                {STATUS_LABEL}, status.exchange, account_id,
                bool_or(state in ('not_connected', 'never_connected')) as is_unread,
                arg_min(reason, {WORST}) as reason,
                min(sync_before) as sync_before,
                max(last_asked_at) as last_asked_at
            from marts.fct_sync_status as status {NAMED}
            group by all
        ),
        of_gaps as (
            select
                account_id,
                count(*) as gaps,
                max(span_end) as gaps_end_at
            from marts.fct_gaps
            where state = 'open' and severity in ('critical', 'warning')
            group by account_id
        ),
        of_checks as (
            select account_id, count(*) as checks, count(*) filter (is_ok) as agreeing_checks
            from marts.fct_balance_checks
            group by account_id
        ),
        of_findings as (
            select
                account_id,
                count(*) filter (evidence_kind = 'check') as differing_checks,
                count(*) filter (
                    severity = 'critical' and evidence_kind != 'check' and kind != 'gap'
                ) as other_faults
            from marts.fct_findings
            where state = 'open' and severity in ('critical', 'warning')
            group by account_id
        ),
        of_spans as (
            select account_id, bool_and(is_complete) as is_complete, min(span_start) as starts_at
            from marts.fct_entity_coverage
            group by account_id
        )
        select
            label, exchange, account_id,
            case
                when is_unread and checks is null then 'not_connected'
                when coalesce(gaps, 0) + coalesce(differing_checks, 0) + coalesce(other_faults, 0)
                    > 0 then 'incomplete'
                when is_complete then 'complete'
                when agreeing_checks > 0 then 'agrees'
                else 'unverified'
            end as grade,
            is_unread,
            reason,
            coalesce(gaps_end_at, starts_at) as complete_since,
            coalesce(gaps, 0) as gaps,
            coalesce(checks, 0) as checks,
            coalesce(agreeing_checks, 0) as agreeing_checks,
            coalesce(differing_checks, 0) as differing_checks,
            coalesce(checks - agreeing_checks, 0) - coalesce(differing_checks, 0)
                as explained_checks,
            coalesce(other_faults, 0) as other_faults,
            sync_before,
            last_asked_at
        from of_streams
        left join of_gaps using (account_id)
        left join of_checks using (account_id)
        left join of_findings using (account_id)
        left join of_spans using (account_id)
        order by label, account_id
        """,
    )


def accounts(warehouse: Connection) -> list[Row]:
    """Every account that is declared or has history: status, identity, key, next loss.

    `permissions` and `ip_allow_list` are lists.
    """
    rows = select(
        warehouse,
        f"""
        with of_streams as (
            select
                {STATUS_LABEL}, status.exchange, account_id,
                arg_min(light, {WORST}) as light,
                arg_min(reason, {WORST}) as reason,
                max(last_asked_at) as last_asked_at
            from marts.fct_sync_status as status {NAMED}
            group by all
        ),
        of_deadlines as (
            select account_id, min(next_loss_at) as next_loss_at, min(sync_before) as sync_before
            from marts.fct_deadlines
            group by account_id
        )
        select
            of_streams.*,
            uid, parent_uid, account_kind as kind, opened_at, permissions, can_trade, can_withdraw,
            key_fingerprint, key_created_at, key_expires_at, ip_allow_list, checked_at, retired_at,
            next_loss_at, sync_before
        from of_streams
        left join marts.dim_accounts as accounts using (account_id)
        left join of_deadlines using (account_id)
        order by of_streams.label, account_id
        """,
    )
    for row in rows:
        for name in ("permissions", "ip_allow_list"):
            row[name] = json.loads(row[name] or "[]")
    return rows


def gaps(warehouse: Connection, *, closed: bool = False) -> list[Row]:
    """Gaps with cause and remedy; with `closed`, filled gaps too."""
    return select(
        warehouse,
        f"""
        from (
        select {LABEL}, * exclude (label)
        from marts.fct_gaps {NAMED}
        where ? or state = 'open'
        union all by name
        select
            label, sync_status_id as gap_id, account_id, exchange, stream,
            'never_asked' as verdict, 'critical' as severity, 'open' as state,
            reason as cause, '' as remedy
        from {UNREAD}
        where state = 'never_connected'
        )
        order by
            case severity when 'critical' then 1 when 'warning' then 2 else 3 end,
            label, exchange, stream, scope, span_start
        """,
        [closed],
    )


def files(warehouse: Connection) -> list[Row]:
    """Every imported file: hash, name, account and how it was determined, span."""
    return select(
        warehouse,
        f"""
        select
            {LABEL}, account_id, exchange, stream, file_name, file_sha256, account_evidence,
            row_count, skipped_count,
            case when asked_from < asked_to then asked_from end as span_start,
            case when asked_from < asked_to then asked_to end as span_end,
            taken_at, is_contradicted, asked_at as imported_at
        from intermediate.int_receipts_unioned {NAMED}
        where origin = 'file'
        order by imported_at, label, stream, file_name
        """,
    )


def deadlines(warehouse: Connection) -> list[Row]:
    """The date before which a sync must run, per stream, most urgent first."""
    return select(
        warehouse,
        f"""
        from (
        select {LABEL}, * exclude (label)
        from marts.fct_deadlines {NAMED}
        where account_id not in (
            select account_id from marts.dim_accounts where retired_at is not null
        )
        union all by name
        select
            label, account_id, exchange, stream, state as reason, reason as explanation,
            true as at_risk
        from {UNREAD}
        )
        order by sync_before nulls last, label, stream
        """,
    )


def checks(warehouse: Connection) -> list[Row]:
    """Every comparison of computed with reported balances, differences first.

    `finding_id` and `finding_state` identify the finding of a difference.
    """
    return select(
        warehouse,
        f"""
        select {LABEL}, * exclude (label), finding_id, finding_state
        from marts.fct_balance_checks {NAMED}
        left join (
            select evidence_id as check_id, finding_id, state as finding_state
            from marts.fct_findings where evidence_kind = 'check'
        ) as findings using (check_id)
        order by is_ok, label, wallet, asset, checked_at desc, kind
        """,
    )


def findings(warehouse: Connection, *, everything: bool = False) -> list[Row]:
    """Findings, most severe first; with `everything`, settled findings too."""
    return select(
        warehouse,
        f"""
        select {LABEL}, * exclude (label)
        from marts.fct_findings {NAMED}
        where ? or state = 'open'
        order by
            list_position(['open', 'dismissed', 'explained', 'fixed'], state),
            list_position(['critical', 'warning', 'info'], severity),
            label, kind, stream nulls last, wallet, asset, span_start, finding_id
        """,
        [everything],
    )


def settled(warehouse: Connection) -> dict[str, int]:
    """The number of findings in each state except `open`."""
    rows = select(
        warehouse,
        "select state, count(*) as number from marts.fct_findings where state != 'open' group by 1",
    )
    return {row["state"]: row["number"] for row in rows}


def stray_dismissals(warehouse: Connection) -> list[Row]:
    """Entries of `findings.yml` whose id no finding has."""
    return select(
        warehouse,
        """
        select finding_id, line
        from raw_user.dismissals
        anti join marts.fct_findings using (finding_id)
        order by line
        """,
    )


def oddities(warehouse: Connection) -> list[Row]:
    """Data-quality problems, most severe first; none if the file has older models."""
    models = "select 1 from information_schema.tables where table_name = 'fct_data_quality'"
    if not select(warehouse, models):
        return []
    return select(
        warehouse,
        f"""
        select {LABEL}, * exclude (label)
        from marts.fct_data_quality {NAMED}
        order by severity desc, label, stream, problem, field
        """,
    )


ENTITIES = ("deposits", "withdrawals", "trades", "transfers", "ledger_entries")


def counts(warehouse: Connection) -> list[Row]:
    """Rows of every entity for each exchange. A transfer counts for the sending side."""
    return select(
        warehouse,
        " union all ".join(
            f"""
            select exchange, '{entity}' as entity, count(*) as rows
            from marts.fct_{entity} group by exchange
            """
            for entity in ENTITIES
        ),
    )


def moves(warehouse: Connection) -> list[Row]:
    """Transfers between own accounts per matching method, most reliable first."""
    return select(
        warehouse,
        """
        select method, count(*) as rows
        from marts.fct_transfers
        where from_account_id <> to_account_id
        group by method
        order by list_position(['exchange_id', 'tx_hash', 'amount_and_time'], method)
        """,
    )


def to_json(rows: Sequence[Row] | Row) -> str:
    """Rows, or one row, as JSON: times in ISO 8601 with Z, amounts as exact text."""
    return json.dumps(rows, default=plain, indent=2, ensure_ascii=False)


def plain(value: object) -> str | float:
    """A value without a JSON type: a duration in seconds, everything else as text."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return plain_amount(value) if isinstance(value, Decimal) else str(value)


def plain_amount(amount: Decimal) -> str:
    """An amount without exponent and without trailing zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
