"""The file analysts open changes in one step, or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pipelines.errors import LookbackError
from pipelines.home import Home


def publish(home: Home) -> Path:
    """Copy the warehouse over `data/lookback.duckdb` by an atomic rename; gives that path.

    Who has the old file open keeps reading it undisturbed. A crash at any moment leaves either
    the old file or the new one. Raises LookbackError where the disk is full or refuses, or where
    the published file holds answers that the warehouse lacks.
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
            remedy=f"make room in {home.data} (as much as {home.warehouse.name} takes), sync again",
        ) from error
    return home.published


def require_richer(warehouse: Path, published: Path) -> None:
    """Raises LookbackError where exchanges gave something to `published` that `warehouse` lacks.

    Receipts of an API are never deleted, so one that is missing says that the warehouse is not
    the one that was published from. Imported files may have been withdrawn.
    """
    import duckdb

    if not published.exists():
        return
    with duckdb.connect() as connection:
        try:
            connection.execute(f"attach '{_quoted(published)}' as published (read_only)")
        except duckdb.Error as error:
            if "lock" not in str(error).lower():
                return  # it cannot be read, so nothing is lost by writing over it
            raise LookbackError(
                f"{published} is open for writing in another program",
                remedy="close it there and run again",
            ) from error
        connection.execute(f"attach '{_quoted(warehouse)}' as warehouse (read_only)")
        found: dict[str, set[str]] = {"published": set(), "warehouse": set()}
        for name, schema in connection.execute(
            "select database_name, schema_name from duckdb_tables() "
            "where starts_with(schema_name, 'raw_') and table_name = 'receipts'"
        ).fetchall():
            found[name].add(schema)
        lacking = 0
        for schema in sorted(found["published"]):
            told = f"select receipt_id from published.{schema}.receipts where origin = 'api'"
            if schema in found["warehouse"]:
                told += f" except select receipt_id from warehouse.{schema}.receipts"
            lacking += len(connection.execute(told).fetchall())
    if lacking:
        raise LookbackError(
            f"{warehouse} lacks {lacking:,} of the receipts that {published.name} has: what it "
            "holds is poorer, so it is not put in its place",
            remedy="run `lookback restore`, which starts from the published file, then sync "
            f"again; to begin anew on purpose, move {published} away",
        )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def remove_leftovers(home: Home) -> None:
    """Delete what a run that was killed while copying has left."""
    for leftover in home.data.glob(f".{home.published.name}.*.tmp"):
        leftover.unlink(missing_ok=True)


def settle(warehouse: Path) -> None:
    """Fold DuckDB's write-ahead log into the file, so that the file alone is everything."""
    import duckdb

    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("checkpoint")


def copy_to_disk(source: Path, target: Path) -> None:
    """Copy and wait until the bytes are on the disk. Private, as the source is."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with source.open("rb") as reader, os.fdopen(descriptor, "wb") as writer:
        shutil.copyfileobj(reader, writer, 8 * 1024 * 1024)
        writer.flush()
        os.fsync(writer.fileno())


def sync_folder(folder: Path) -> None:
    """Make a rename inside the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
