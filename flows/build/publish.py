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
    the old file or the new one. Raises LookbackError where the disk is full or refuses.
    """
    remove_leftovers(home)
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
