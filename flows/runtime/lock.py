"""Allow one writer at a time. The operating system releases the lock when the process ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from filelock import FileLock, Timeout

from pipelines.errors import LookbackError
from pipelines.home import Home


@contextmanager
def run_lock(home: Home, doing: str, *, may_be_damaged: bool = False) -> Iterator[None]:
    """Hold `data/.lock` while a run writes. Raises LookbackError if another run holds it.

    Also raises if the warehouse cannot be opened, unless `may_be_damaged`.
    """
    home.data.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.data / ".lock", blocking=False, mode=0o600)
    note = home.data / ".lock_holder"
    try:
        lock.acquire()
    except Timeout:
        holder = note.read_text(encoding="utf-8") if note.exists() else ""
        raise LookbackError(
            f"another run is writing the warehouse ({holder or 'just started'})",
            remedy=f"wait until it ends; {home.published} can be read meanwhile",
        ) from None
    try:
        since = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        note.write_text(f"{doing}, process {os.getpid()}, since {since}", encoding="utf-8")
        require_closed(home, may_be_damaged=may_be_damaged)
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def require_closed(home: Home, *, may_be_damaged: bool = False) -> None:
    """Raises LookbackError if another program has the warehouse open, or it cannot be opened."""
    if not home.warehouse.exists():
        return
    import duckdb

    try:
        duckdb.connect(str(home.warehouse)).close()
    except duckdb.Error as error:
        if "lock" not in str(error).lower():
            if may_be_damaged:
                return
            reason = str(error).partition("\n")[0]
            raise LookbackError(
                f"{home.warehouse} cannot be opened: {reason}",
                remedy=_repair_remedy(home),
            ) from error
        raise LookbackError(
            f"{home.warehouse} is open in another program",
            remedy=f"close it there and run again; to query data, open {home.published}",
        ) from error


def _repair_remedy(home: Home) -> str:
    """How to repair a damaged warehouse."""
    if home.published.exists():
        return (
            "if the file is damaged, run `lookback restore`: it copies the published file, which "
            "also has the records, and keeps the damaged file"
        )
    return (
        "if the file is damaged, run `lookback restore FILE` with a file of `lookback backup`; "
        "without a backup, move the file away and sync again"
    )
