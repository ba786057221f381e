"""Collect the data of one account from the published warehouse for a document.

The result depends only on that file, not on the clock: the same file gives the same dossier.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from flows.reports.answers import ENTITIES, Row, plain, select
from pipelines.errors import LookbackError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

COVERED = ("covered_api", "covered_file")

OWNED = {"transfers": "? in (from_account_id, to_account_id)"}

MOMENTS = {
    "deposits": "coalesce(completed_at, requested_at)",
    "withdrawals": "coalesce(completed_at, requested_at)",
    "trades": "traded_at",
    "transfers": "coalesce(sent_at, received_at)",
    "ledger_entries": "occurred_at",
}


@dataclass(frozen=True)
class Dossier:
    """One account. Rows are plain dictionaries; times are UTC, amounts Decimal."""

    account: Row
    exchange: Row
    as_of: datetime | None
    """Time of the last request to the exchange, or of the last file import."""
    entities: list[Row]
    spans: list[Row]
    records: list[Row]
    facts: list[Row]
    checks: list[Row]
    balances: list[Row]
    gaps: list[Row]
    files: list[Row]
    limits: list[Row]
    findings: list[Row] = field(default_factory=list)
    """Findings in every state: open, explained, fixed or dismissed."""


def gather(warehouse: Connection, label: str) -> Dossier:
    """The dossier of the account with that label. Raises LookbackError if there is none."""
    account = find_account(warehouse, label)
    account_id, exchange = account["account_id"], account["exchange"]
    (end,) = select(
        warehouse,
        "select max(finished_at) as as_of from intermediate.int_receipts_unioned "
        "where account_id = ?",
        [account_id],
    )
    spans = stream_spans(warehouse, account_id)
    return Dossier(
        account=account,
        exchange=select(warehouse, "from marts.dim_exchanges where exchange = ?", [exchange])[0],
        as_of=end["as_of"],
        entities=select(
            warehouse,
            """
            select entity, wallet, span_start, span_end, verdict, covered_by
            from marts.fct_entity_coverage where account_id = ?
            order by entity, wallet, span_start
            """,
            [account_id],
        ),
        spans=spans,
        records=stored_records(warehouse, account_id, exchange, {row["stream"] for row in spans}),
        facts=fact_counts(warehouse, account_id),
        checks=select(
            warehouse,
            """
            select
                check_id, kind, wallet, asset, detail, is_ok, severity, since_at, checked_at,
                row_count, expected, computed, residual, net_residual, likely_cause
            from marts.fct_balance_checks where account_id = ?
            order by is_ok, wallet, asset, kind, detail, checked_at, check_id
            """,
            [account_id],
        ),
        balances=newest_balances(warehouse, account_id),
        gaps=select(
            warehouse,
            """
            select
                gap_id, stream, scope, scope_names, span_start, span_end, verdict, severity,
                is_proven_incomplete, lacking_right, cause_code, cause, remedy_code, remedy,
                other_source, affects, finding_id, finding_state
            from marts.fct_gaps
            left join (
                select gap_id, finding_id, fct_findings.state as finding_state
                from intermediate.int_gap_findings
                inner join marts.fct_findings using (finding_id)
            ) as findings using (gap_id)
            where account_id = ? and fct_gaps.state = 'open'
            order by
                case severity when 'critical' then 1 when 'warning' then 2 else 3 end,
                stream, scope, span_start, gap_id
            """,
            [account_id],
        ),
        files=select(
            warehouse,
            """
            select file_name, file_sha256 as sha256, sum(row_count) as row_count
            from intermediate.int_receipts_unioned
            where account_id = ? and origin = 'file'
            group by all order by file_name, sha256
            """,
            [account_id],
        ),
        limits=select(
            warehouse,
            """
            select stream, path, retention_kind, retention_seconds, docs_url, checked_on
            from marts.dim_streams where exchange = ? and kind = 'history' order by stream
            """,
            [exchange],
        ),
        findings=select(
            warehouse,
            """
            select
                finding_id, kind, state, severity, stream, wallet, asset, span_start, span_end,
                size, what, remedy, evidence_id, evidence_kind, explained_by, explanation_code,
                explanation, fixed_by, dismissal_reason, dismissed_by, dismissed_on
            from marts.fct_findings where account_id = ?
            order by
                list_position(['open', 'dismissed', 'explained', 'fixed'], state),
                list_position(['critical', 'warning', 'info'], severity),
                kind, stream nulls last, wallet, asset, span_start, finding_id
            """,
            [account_id],
        ),
    )


def find_account(warehouse: Connection, label: str) -> Row:
    """The account of a label or id. Raises LookbackError that lists the known labels."""
    rows = select(warehouse, "from marts.dim_accounts order by label")
    wanted = label.lower()
    for row in rows:
        labels = (row["labels"] or row["label"] or "").lower().split(", ")
        if wanted in labels or wanted == row["account_id"].lower():
            return row
    known = ", ".join(row["label"] or row["account_id"] for row in rows) or "none yet"
    raise LookbackError(
        f"no account has the label {label}", remedy=f"the published accounts are: {known}"
    )


def stream_spans(warehouse: Connection, account_id: str) -> list[Row]:
    """Coverage by stream; scopes with the same span and verdict are one row with their count."""
    return select(
        warehouse,
        """
        select
            stream, span_start, span_end, verdict, count(*) as scope_count,
            case when count(*) = 1 then min(scope) else '*' end as scope,
            min(evidence_id) as evidence_id
        from marts.fct_coverage where account_id = ?
        group by stream, span_start, span_end, verdict
        order by stream, span_start, span_end, verdict
        """,
        [account_id],
    )


def stored_records(
    warehouse: Connection, account_id: str, exchange: str, covered: set[str]
) -> list[Row]:
    """The raw records of each stream: count, first and last time, and a digest of all.

    A stream without records that is not in `covered` is left out.

    The digest covers the records' hashes in the order of id and hash, one per line. It changes
    with any byte of any record, but not with the order in which they were read.
    """
    streams = select(
        warehouse,
        "select stream from marts.dim_streams where exchange = ? and kind = 'history'",
        [exchange],
    )
    parts = [
        f"""
        select
            '{row["stream"]}' as stream,
            count(distinct record_id) as record_count,
            count(*) as version_count,
            count(*) filter (where origin = 'file') as from_files,
            min(occurred_at) as first_at,
            max(occurred_at) as last_at,
            sha256(coalesce(
                string_agg(record_hash, chr(10) order by record_id, record_hash), ''
            )) as sha256
        from raw_{exchange}."{row["stream"]}" where account_id = ?
        """
        for row in streams
    ]
    rows = select(
        warehouse, f"{' union all '.join(parts)} order by stream", [account_id] * len(parts)
    )
    return [row for row in rows if row["version_count"] or row["stream"] in covered]


def fact_counts(warehouse: Connection, account_id: str) -> list[Row]:
    """Rows of each entity, with the first and the last time."""
    parts = [
        f"""
        select '{entity}' as entity, count(*) as row_count, min({MOMENTS[entity]}) as first_at,
            max({MOMENTS[entity]}) as last_at
        from marts.fct_{entity}
        where {OWNED.get(entity, "account_id = ?")}
        """
        for entity in ENTITIES
    ]
    return select(warehouse, " union all ".join(parts), [account_id] * len(parts))


def newest_balances(warehouse: Connection, account_id: str) -> list[Row]:
    """The balances of every wallet in the latest snapshot and in the one before."""
    return select(
        warehouse,
        """
        with reported as (
            from intermediate.int_balances_unioned where account_id = ?
        ),
        assets as (
            select distinct stream, wallet, asset, exchange_asset from reported
        ),
        -- A snapshot that does not list an asset has none of it.
        snapshots as (
            select stream, receipt_id, asked_at, dense_rank() over (
                partition by stream order by asked_at desc
            ) as age
            from intermediate.int_receipts_unioned
            where
                account_id = ? and outcome = 'exhausted'
                and stream in (select stream from reported)
        )
        select
            wallet, asset, exchange_asset,
            max(asked_at) filter (where age = 1) as taken_at,
            sum(coalesce(amount, 0)) filter (where age = 1) as amount,
            max(asked_at) filter (where age = 2) as taken_before,
            sum(coalesce(amount, 0)) filter (where age = 2) as amount_before
        from snapshots
        inner join assets using (stream)
        left join reported using (stream, receipt_id, wallet, asset, exchange_asset)
        where age <= 2
        group by wallet, asset, exchange_asset
        having sum(abs(amount)) > 0
        order by wallet, asset, exchange_asset
        """,
        [account_id, account_id],
    )


def grave(rows: Sequence[Row]) -> list[Row]:
    """The gaps or checks that need attention: severity warning or critical."""
    return [row for row in rows if row["severity"] in ("critical", "warning")]


def canonical(document: object) -> str:
    """Canonical JSON: sorted keys, times in UTC with Z, amounts as text."""
    return json.dumps(document, default=plain, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def digest(document: object) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(document).encode()).hexdigest()
