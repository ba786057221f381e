"""Imported rows in the warehouse: keep the newest state, withdraw an import."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from pipelines import registry
from pipelines.errors import LookbackError
from pipelines.files.site_rows import reconcile
from pipelines.home import Home
from pipelines.load.pipeline import finish_pending
from pipelines.spec import ExchangeSpec, StreamSpec

SHORTEST_PREFIX = 4
"""Shortest accepted prefix of a hash, in characters."""


@dataclass
class Withdrawal:
    """The result of the withdrawal of one file."""

    sha256: str
    files: list[str] = field(default_factory=list)
    rows: int = 0
    kept: int = 0
    """Records that are kept because the API read their span after the import: the API may have
    returned them as well, and an identical record is stored only once."""


@dataclass(frozen=True)
class _Import:
    receipt_id: str
    account_id: str
    stream: str
    file_name: str
    file_format: str | None


def holder_of(spec: ExchangeSpec, stream: StreamSpec, account_id: str) -> str:
    """The account id of a stream's rows: public data belongs to the exchange."""
    return account_id if stream.private else spec.name


def restate(
    connection: duckdb.DuckDBPyConnection, spec: ExchangeSpec, stream: StreamSpec, holder: str
) -> None:
    """Store the newest state of each record from the API or a file.

    The newest state has the latest `taken_at`, so the order of imports does not matter. Of states
    that are equally new, the records of one file win together.
    """
    schema = f"raw_{spec.name}"
    connection.execute(
        f"""
        create or replace temp table newest_states as
        select
            states.account_id, states.record_id, states.record_hash, states.occurred_at,
            states.record, states.receipt_id, 'file' as origin, states._dlt_load_id
        from {schema}.file_states as states
        inner join {schema}.receipts as receipts using (receipt_id)
        left join {schema}.{stream.name} as stored
            on stored.origin = 'api'
            and stored.account_id = states.account_id and stored.record_id = states.record_id
        left join {schema}.receipts as earlier on stored.receipt_id = earlier.receipt_id
        where
            states.stream = ? and states.account_id = ?
            and (stored.record_id is null or receipts.taken_at > earlier.asked_at)
        qualify row_number() over (
            partition by states.record_id
            order by receipts.taken_at desc nulls last, receipts.asked_at desc, states.receipt_id
        ) = 1
        """,
        [stream.name, holder],
    )
    connection.execute(
        f"""
        delete from {schema}.{stream.name}
        where
            account_id = ?
            and (
                record_id in (select record_id from newest_states)
                or receipt_id in (select receipt_id from {schema}.file_states)
            )
        """,
        [holder],
    )
    connection.execute(f"insert into {schema}.{stream.name} by name select * from newest_states")
    connection.execute("drop table newest_states")


def withdraw(prefix: str, home: Home) -> Withdrawal:
    """Withdraw every import of the file whose SHA-256 has this prefix. The caller holds the lock.

    Raises LookbackError if no file, or more than one, has the prefix.
    """
    wanted = prefix.strip().lower()
    done: Withdrawal | None = None
    found = _hashes(wanted, home) if len(wanted) >= SHORTEST_PREFIX else {}
    if len(found) != 1:
        many = f": {', '.join(sorted(found))}" if found else ""
        raise LookbackError(
            f"{len(found) or 'no'} imported {'files have' if found else 'file has'} a SHA-256 that "
            f"begins with {prefix!r}{many}",
            remedy=f"`lookback files` lists them; give at least {SHORTEST_PREFIX} characters",
        )
    ((sha256, exchanges),) = found.items()
    done = Withdrawal(sha256)
    for name in exchanges:
        spec = registry.exchange(name).spec
        finish_pending(home, spec)
        with duckdb.connect(str(home.warehouse)) as connection:
            connection.begin()
            for imported in _imports(connection, spec, sha256):
                done.files.append(imported.file_name)
                _withdraw_import(connection, spec, imported, done)
            reconcile(connection, registry.exchange(name))
            connection.commit()
    return done


def _hashes(prefix: str, home: Home) -> dict[str, list[str]]:
    """The hashes with this prefix, each with the exchanges of its imports."""
    found: dict[str, list[str]] = {}
    if not home.warehouse.exists():
        return found
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        for name in registry.names():
            try:
                rows = connection.execute(
                    f"select distinct file_sha256 from raw_{name}.receipts "
                    "where origin = 'file' and starts_with(file_sha256, ?)",
                    [prefix],
                ).fetchall()
            except duckdb.CatalogException:
                continue
            for (sha256,) in rows:
                found.setdefault(sha256, []).append(name)
    return found


def _imports(
    connection: duckdb.DuckDBPyConnection, spec: ExchangeSpec, sha256: str
) -> list[_Import]:
    rows = connection.execute(
        "select receipt_id, account_id, stream, file_name, file_format "
        f"from raw_{spec.name}.receipts "
        "where origin = 'file' and file_sha256 = ?",
        [sha256],
    ).fetchall()
    return [_Import(*row) for row in rows]


def _withdraw_import(
    connection: duckdb.DuckDBPyConnection, spec: ExchangeSpec, imported: _Import, done: Withdrawal
) -> None:
    schema, stream = f"raw_{spec.name}", spec.stream(imported.stream)
    table = f"{schema}.{stream.name}"
    if stream.kind == "history" and imported.file_format is None:
        done.kept += _hand_over(connection, spec, stream, imported)
    done.rows += _delete(connection, table, imported.receipt_id)
    for other in ("file_rows", "file_states", "site_rows", "site_overlaps", "balances"):
        _delete(connection, f"{schema}.{other}", imported.receipt_id)
    _delete(connection, f"{schema}.receipts", imported.receipt_id)
    connection.execute(
        f"""
        delete from {schema}.accounts as named
        where origin = 'file' and account_id = ? and not exists (
            select 1 from {schema}.receipts as receipts
            where receipts.account_id = named.account_id and receipts.asked_at = named.checked_at
        )
        """,
        [imported.account_id],
    )
    if stream.kind != "history":
        restate(connection, spec, stream, holder_of(spec, stream, imported.account_id))


def _delete(connection: duckdb.DuckDBPyConnection, table: str, receipt_id: str) -> int:
    deleted = connection.execute(
        f"delete from {table} where receipt_id = ?", [receipt_id]
    ).fetchone()
    return int(deleted[0]) if deleted else 0


def _hand_over(
    connection: duckdb.DuckDBPyConnection,
    spec: ExchangeSpec,
    stream: StreamSpec,
    imported: _Import,
) -> int:
    """Assign records to another file that has them, or to the API if it may have returned them.

    Returns the number of records assigned to the API.
    """
    schema = f"raw_{spec.name}"
    table = f"{schema}.{stream.name}"
    connection.execute(
        f"""
        update {table} as stored
        set receipt_id = others.receipt_id
        from (
            select record_id, record_hash, account_id, min(receipt_id) as receipt_id
            from {schema}.file_rows
            where stream = ? and receipt_id != ?
            group by record_id, record_hash, account_id
        ) as others
        where
            stored.receipt_id = ? and stored.account_id = others.account_id
            and stored.record_id = others.record_id and stored.record_hash = others.record_hash
        """,
        [stream.name, imported.receipt_id, imported.receipt_id],
    )
    left = connection.execute(
        f"""
        update {table} as stored
        set receipt_id = readings.receipt_id, origin = 'api'
        from (
            select api.receipt_id, api.account_id, api.asked_from, api.asked_to
            from {schema}.receipts as api
            inner join {schema}.receipts as files on files.receipt_id = ?
            where
                api.origin = 'api' and api.stream = ? and api.account_id = files.account_id
                and api.outcome = 'exhausted' and api.asked_at > files.asked_at
        ) as readings
        where
            stored.receipt_id = ? and stored.account_id = readings.account_id
            and stored.occurred_at >= readings.asked_from
            and stored.occurred_at < readings.asked_to
        """,
        [imported.receipt_id, stream.name, imported.receipt_id],
    ).fetchone()
    return int(left[0]) if left else 0
