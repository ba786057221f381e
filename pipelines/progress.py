"""What the warehouse already knows of an account: earlier receipts, scopes seen, who it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from pipelines.spec import ExchangeSpec
from pipelines.windows import Asked, Span


@dataclass(frozen=True)
class Progress:
    """`asked` by (stream, scope), oldest asking first; `scopes` by the scope's parameter."""

    asked: dict[tuple[str, str], list[Asked]] = field(default_factory=dict)
    scopes: dict[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class KnownAccount:
    """The account a label stood for when it was last checked."""

    account_id: str
    key_fingerprint: str
    origin: str


def read_progress(warehouse: Path, spec: ExchangeSpec, account_id: str) -> Progress:
    """Receipts whose load is complete, and every scope value this account ever met."""
    if not warehouse.exists():
        return Progress()
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        if not _has_receipts(connection, spec):
            return Progress()
        return Progress(
            asked=_asked(connection, spec, account_id),
            scopes={
                stream.scope: _scopes(connection, spec, stream.scope, account_id)
                for stream in spec.streams
                if stream.scope
            },
        )


def known_account(warehouse: Path, spec: ExchangeSpec, label: str) -> KnownAccount | None:
    """The account this label last stood for, None where it is new."""
    if not warehouse.exists():
        return None
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        if not _has_receipts(connection, spec):
            return None
        row = connection.execute(
            f"""
            select account_id, coalesce(key_fingerprint, ''), origin
            from raw_{spec.name}.accounts
            where lower(label) = lower(?)
            order by checked_at desc
            limit 1
            """,
            [label],
        ).fetchone()
    return KnownAccount(*row) if row else None


def _has_receipts(connection: duckdb.DuckDBPyConnection, spec: ExchangeSpec) -> bool:
    found = connection.execute(
        "select count(*) from information_schema.tables where table_schema = ? and table_name in "
        "('receipts', 'accounts', '_dlt_loads')",
        [f"raw_{spec.name}"],
    ).fetchone()
    return found == (3,)


def _asked(
    connection: duckdb.DuckDBPyConnection, spec: ExchangeSpec, account_id: str
) -> dict[tuple[str, str], list[Asked]]:
    rows: list[Any] = connection.execute(
        f"""
        select stream, scope, asked_from, asked_to, held_from
        from raw_{spec.name}.receipts as receipts
        inner join raw_{spec.name}._dlt_loads as loads
            on receipts._dlt_load_id = loads.load_id and loads.status = 0
        where receipts.account_id = ?
            and receipts.origin = 'api'
            and receipts.outcome in ('exhausted', 'unresolved', 'row_cap')
        order by asked_at
        """,
        [account_id],
    ).fetchall()
    asked: dict[tuple[str, str], list[Asked]] = {}
    for stream, scope, start, end, held_from in rows:
        if start < end:
            asked.setdefault((stream, scope), []).append(Asked(Span(start, end), held_from))
    return asked


def _scopes(
    connection: duckdb.DuckDBPyConnection, spec: ExchangeSpec, scope: str, account_id: str
) -> frozenset[str]:
    """The exchange's own list, and what ledgers, balances and earlier askings named."""
    schema = f"raw_{spec.name}"
    sources = [
        f"select distinct record ->> '{scope}' as value from {schema}.{stream.name} "
        f"where account_id in (?, '{spec.name}')"
        for stream in spec.streams
        if scope in stream.fields
    ]
    sources.append(f"select distinct scope from {schema}.receipts where account_id = ?")
    rows = connection.execute(
        " union ".join(sources), [account_id] * len(sources)
    ).fetchall()
    return frozenset(value for (value,) in rows if value)
