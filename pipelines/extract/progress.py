"""Read the earlier receipts, the known scopes and the identity of an account."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines.extract.windows import Requested, Span
from pipelines.spec import ExchangeSpec, ScopeList, StreamSpec

# A schema without these tables was never loaded completely.
NEEDED = frozenset({"receipts", "accounts", "_dlt_loads"})

# The `error_kind` of a receipt without a request: no value of the scope is known.
NOTHING_TO_ASK = "nothing_to_ask"


@dataclass(frozen=True)
class Progress:
    """`requested` by (stream, scope), oldest request first; `scopes` by the stream they select.

    `guesses`, by the scope's parameter, are derived from coins: the exchange may not know
    them. `unrequested` are the streams whose last receipt has no span, because no value of their
    scope was known.
    """

    requested: dict[tuple[str, str], list[Requested]] = field(default_factory=dict)
    scopes: dict[str, frozenset[str]] = field(default_factory=dict)
    guesses: dict[str, frozenset[str]] = field(default_factory=dict)
    unrequested: frozenset[str] = frozenset()


@dataclass(frozen=True)
class KnownAccount:
    """The account that a label had at the last check."""

    account_id: str
    opened_at: datetime | None
    key_fingerprint: str = ""
    kind: str = ""
    rights: frozenset[str] = frozenset()
    """The permissions of the key, and `trade` and `withdraw` if it could."""


def read_progress(warehouse: Path, spec: ExchangeSpec, account_id: str) -> Progress:
    """Receipts whose load is complete, and every known scope value of this account."""
    if not warehouse.exists():
        return Progress()
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = _tables(connection, spec)
        if not tables >= NEEDED:
            return Progress()
        return Progress(
            requested=_requested(connection, spec, account_id),
            scopes={
                stream.name: _scopes(connection, spec, stream, account_id, tables)
                for stream in spec.streams
                if stream.scope and not stream.scope_is_closed
            },
            guesses=_guesses(connection, spec, account_id, tables),
            unrequested=_unrequested(connection, spec, account_id),
        )


def known_account(warehouse: Path, spec: ExchangeSpec, label: str) -> KnownAccount | None:
    """The account of this label at the last check; None if the label is new."""
    if not warehouse.exists():
        return None
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        if not _tables(connection, spec) >= NEEDED:
            return None
        row = connection.execute(
            f"""
            select
                account_id, opened_at, key_fingerprint, account_kind,
                permissions, can_trade, can_withdraw
            from raw_{spec.name}.accounts
            where lower(label) = lower(?)
            -- An imported file has only the account's id.
            order by origin is distinct from 'file' desc, checked_at desc
            limit 1
            """,
            [label],
        ).fetchone()
    if row is None:
        return None
    account_id, opened_at, fingerprint, kind, permissions, can_trade, can_withdraw = row
    powers = (("trade", can_trade), ("withdraw", can_withdraw))
    return KnownAccount(
        account_id,
        opened_at and opened_at.astimezone(UTC),
        fingerprint or "",
        kind or "",
        frozenset([*json.loads(permissions or "[]"), *(name for name, can in powers if can)]),
    )


def labels_of_accounts(
    warehouse: Path, spec: ExchangeSpec, *, with_files: bool = False
) -> dict[str, str]:
    """The label of each account of the exchange at its last check.

    `with_files`: an account that no sync has read has the label of its imported files.
    """
    if not warehouse.exists():
        return {}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        if not _tables(connection, spec) >= NEEDED:
            return {}
        rows = connection.execute(
            "select account_id, arg_max(label, (origin is distinct from 'file', checked_at)) "
            f"from raw_{spec.name}.accounts "
            "where $1 or origin is distinct from 'file' group by account_id",
            [with_files],
        ).fetchall()
    return {account_id: label for account_id, label in rows if label}


def stored_rows(warehouse: Path, spec: ExchangeSpec, account_id: str) -> int:
    """The number of stored history rows of an account; each version of a record counts."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = _tables(connection, spec)
        counts = [
            f"select count(*) as rows from raw_{spec.name}.{stream.name} where account_id = $1"
            for stream in spec.streams
            if stream.kind == "history" and stream.name in tables
        ]
        if not counts:
            return 0
        return int(
            connection.execute(
                f"select sum(rows) from ({' union all '.join(counts)})", [account_id]
            ).fetchall()[0][0]
        )


def _tables(connection: duckdb.DuckDBPyConnection, spec: ExchangeSpec) -> set[str]:
    rows = connection.execute(
        "select table_name from information_schema.tables where table_schema = ?",
        [f"raw_{spec.name}"],
    ).fetchall()
    return {name for (name,) in rows}


def _requested(
    connection: duckdb.DuckDBPyConnection, spec: ExchangeSpec, account_id: str
) -> dict[tuple[str, str], list[Requested]]:
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
    requested: dict[tuple[str, str], list[Requested]] = {}
    for stream, scope, *times in rows:
        start, end, held_from = (time and time.astimezone(UTC) for time in times)
        if start < end:
            requested.setdefault((stream, scope), []).append(Requested(Span(start, end), held_from))
    return requested


def _unrequested(
    connection: duckdb.DuckDBPyConnection, spec: ExchangeSpec, account_id: str
) -> frozenset[str]:
    rows = connection.execute(
        f"""
        select stream
        from raw_{spec.name}.receipts as receipts
        inner join raw_{spec.name}._dlt_loads as loads
            on receipts._dlt_load_id = loads.load_id and loads.status = 0
        where receipts.account_id = ? and receipts.origin = 'api'
        group by stream
        having arg_max(scope = '' and asked_from = asked_to and outcome = 'exhausted', asked_at)
        """,
        [account_id],
    ).fetchall()
    return frozenset(stream for (stream,) in rows)


def _scopes(
    connection: duckdb.DuckDBPyConnection,
    spec: ExchangeSpec,
    requested: StreamSpec,
    account_id: str,
    tables: set[str],
) -> frozenset[str]:
    """Values from the exchange's list, ledgers, balances and earlier receipts."""
    schema, scope = f"raw_{spec.name}", requested.scope
    sources = [
        f"select distinct record ->> '{scope}' as value from {schema}.{stream.name} "
        f"where account_id in (?, '{spec.name}')"
        for stream in spec.streams
        if scope in stream.fields and stream.name in tables
        if not requested.scope_from or stream.name in requested.scope_from
    ]
    alike = ", ".join(
        f"'{stream.name}'"
        for stream in spec.streams
        if stream.scope == scope and stream.scope_from == requested.scope_from
    )
    sources.append(
        f"select distinct scope from {schema}.receipts "
        f"where account_id = ? and stream in ({alike})"
    )
    for listed in spec.scope_lists:
        if listed.scope == scope and not listed.are_guesses:
            sources += _places(spec, listed.places, tables)
    return _values(connection, sources, account_id)


def _guesses(
    connection: duckdb.DuckDBPyConnection, spec: ExchangeSpec, account_id: str, tables: set[str]
) -> dict[str, frozenset[str]]:
    """Values that the exchange may not know, by the scope's parameter."""

    def values(places: tuple[tuple[str, str], ...]) -> frozenset[str]:
        return _values(connection, _places(spec, places, tables), account_id)

    def paired(listed: ScopeList) -> frozenset[str]:
        firsts = values(listed.places) - values(listed.unless)
        if not listed.seconds:
            return firsts
        return frozenset(
            f"{first}{listed.joined_by}{second}"
            for second in values(listed.seconds)
            for first in firsts - {second}
        )

    guesses: dict[str, frozenset[str]] = {}
    for listed in spec.scope_lists:
        if listed.are_guesses:
            known = guesses.get(listed.scope, frozenset())
            guesses[listed.scope] = known | paired(listed)
    return guesses


def _places(
    spec: ExchangeSpec, places: tuple[tuple[str, str], ...], tables: set[str]
) -> list[str]:
    return [
        f"select distinct {_value(path)} as value from raw_{spec.name}.{stream} "
        f"where account_id in (?, '{spec.name}')"
        for stream, path in places
        if stream in tables
    ]


def _value(path: str) -> str:
    """The text at a JSON path; for a path through a list, the text of each item."""
    value = f"record ->> '{path}'"
    return f"unnest({value})" if "[*]" in path else value


def _values(
    connection: duckdb.DuckDBPyConnection, sources: list[str], account_id: str
) -> frozenset[str]:
    if not sources:
        return frozenset()
    rows = connection.execute(" union ".join(sources), [account_id] * len(sources)).fetchall()
    return frozenset(value for (value,) in rows if value)
