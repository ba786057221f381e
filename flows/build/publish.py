"""Publish the warehouse atomically to the file that analysts open."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pipelines.errors import LookbackError
from pipelines.home import Home


def publish(home: Home) -> Path:
    """Copy the warehouse to `data/lookback.duckdb` with an atomic rename, and return the path.

    Programs that have the old file open can continue to read it. A crash leaves either the old or
    the new file. Raises LookbackError if the copy cannot be written, or if the published file has
    receipts that the warehouse lacks.
    """
    remove_leftovers(home)
    require_richer(home.warehouse, home.published)
    settle(home.warehouse)
    copy = home.data / f".{home.published.name}.{os.getpid()}.tmp"
    try:
        copy_to_disk(home.warehouse, copy)
        copy.replace(home.published)
        sync_folder(home.data)
    except OSError as error:
        copy.unlink(missing_ok=True)
        raise LookbackError(
            f"nothing was published: {error.strerror or error}",
            remedy=f"free disk space in {home.data} (the size of {home.warehouse.name}), then sync "
            "again",
        ) from error
    return home.published


def require_richer(warehouse: Path, published: Path) -> None:
    """Raises LookbackError if `published` has API receipts that `warehouse` lacks.

    API receipts are never deleted, so a missing one shows that the published file was made from
    another warehouse. Receipts of imported files may have been withdrawn.
    """
    import duckdb

    if not published.exists():
        return
    with duckdb.connect() as connection:
        try:
            connection.execute(f"attach '{_quoted(published)}' as published (read_only)")
        except duckdb.Error as error:
            if "lock" not in str(error).lower():
                return  # an unreadable file can be overwritten without loss
            raise LookbackError(
                f"{published} is open for writing in another program",
                remedy="close it there and run again",
            ) from error
        connection.execute(f"attach '{_quoted(warehouse)}' as warehouse (read_only)")
        found: dict[str, set[str]] = {"published": set(), "warehouse": set()}
        for name, schema in connection.execute(
            "select database_name, schema_name from duckdb_tables() "
            "where starts_with(schema_name, 'raw_') and table_name = 'receipts' "
            # dlt replaces the rows of its staging schemas in each load.
            "and not ends_with(schema_name, '_staging')"
        ).fetchall():
            found[name].add(schema)
        lacking = 0
        for schema in sorted(found["published"]):
            receipts = f"select receipt_id from published.{schema}.receipts where origin = 'api'"
            if schema in found["warehouse"]:
                receipts += f" except select receipt_id from warehouse.{schema}.receipts"
            lacking += len(connection.execute(receipts).fetchall())
    if lacking:
        raise LookbackError(
            f"{warehouse} lacks {lacking:,} of the receipts that {published.name} has, so "
            "it cannot replace that file",
            remedy="run `lookback restore`, which copies the published file, then sync "
            f"again; to start a new history on purpose, move {published} away",
        )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def remove_leftovers(home: Home) -> None:
    """Delete the temporary files of runs that were killed while copying."""
    for leftover in home.data.glob(f".{home.published.name}.*.tmp"):
        leftover.unlink(missing_ok=True)


def settle(warehouse: Path) -> None:
    """Write DuckDB's write-ahead log into the file, so that the file is complete."""
    import duckdb

    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("checkpoint")


def copy_to_disk(source: Path, target: Path) -> None:
    """Copy and wait until the bytes are on the disk. Only the owner can read the copy."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with source.open("rb") as reader, os.fdopen(descriptor, "wb") as writer:
        shutil.copyfileobj(reader, writer, 8 * 1024 * 1024)
        writer.flush()
        os.fsync(writer.fileno())


def sync_folder(folder: Path) -> None:
    """Flush the folder, so that a rename in it survives a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
