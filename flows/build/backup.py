"""Back up and restore the warehouse. The published file is a valid backup."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from flows.build import dbt
from flows.build.publish import copy_to_disk, require_richer, settle
from pipelines.errors import LookbackError
from pipelines.home import Home


def back_up(home: Home, to: Path | None = None) -> Path:
    """Copy the warehouse to `to`, by default into `data/backups`, and return the path."""
    if not home.warehouse.exists():
        raise LookbackError("there is no warehouse yet", remedy="run `lookback sync` first")
    target = to or home.data / "backups" / f"lookback-{_now()}.duckdb"
    if target.exists():
        raise LookbackError(f"{target} exists already", remedy="use another file name")
    target.parent.mkdir(parents=True, exist_ok=True)
    settle(home.warehouse)
    _copy(home.warehouse, target)
    return target


def restore(home: Home, source: Path | None = None) -> Path | None:
    """Replace the warehouse by `source`, by default the published file.

    The old warehouse is kept under another name, which is returned. Raises LookbackError if
    `source` is not a warehouse, or has fewer receipts than the published file.
    """
    source = source or home.published
    if not source.is_file():
        raise LookbackError(f"no such file: {source}", remedy="use a file of `lookback backup`")
    require_warehouse(source)
    if source != home.published:
        require_richer(source, home.published)
    kept = _set_aside(home.warehouse)
    _copy(source, home.warehouse)
    dbt.forget_build(home)  # older models may have built the marts in the file
    return kept


def restore_if_lost(home: Home) -> bool:
    """Restore a missing or empty warehouse from the published file, which also has the records."""
    file = home.warehouse
    if (file.exists() and file.stat().st_size > 0) or not home.published.exists():
        return False
    restore(home)
    return True


def require_warehouse(file: Path) -> None:
    """Raises LookbackError if the file was not written by a sync."""
    import duckdb

    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            found = connection.execute(
                "select 1 from duckdb_tables() where starts_with(schema_name, 'raw_') limit 1"
            ).fetchone()
    except duckdb.Error as error:
        reason = str(error).partition("\n")[0]
        raise LookbackError(
            f"{file} cannot be opened: {reason}", remedy="use another file of `lookback backup`"
        ) from error
    if found is None:
        raise LookbackError(f"{file} holds no records", remedy="use a file of `lookback backup`")


def _set_aside(warehouse: Path) -> Path | None:
    """Rename the warehouse and its write-ahead log, if there are any."""
    kept = warehouse.with_name(f"{warehouse.stem}-{_now()}{warehouse.suffix}")
    log = warehouse.with_name(f"{warehouse.name}.wal")
    if log.exists():
        log.rename(kept.with_name(f"{kept.name}.wal"))
    if not warehouse.exists():
        return None
    return warehouse.rename(kept)


def _copy(source: Path, target: Path) -> None:
    part = target.with_name(f".{target.name}.part")
    try:
        copy_to_disk(source, part)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise LookbackError(
            f"cannot write {target}: {error.strerror or error}",
            remedy=f"free as much disk space as {source.name} takes",
        ) from error


def _now() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
