"""One writer at a time. The lock ends with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from pipelines.errors import LookbackError
from pipelines.home import Home


@contextmanager
def run_lock(home: Home, doing: str, *, may_be_damaged: bool = False) -> Iterator[None]:
    """Hold `data/.lock` while a run writes. Raises LookbackError where another run holds it.

    It does so, too, where the warehouse cannot be opened, unless it may be damaged.
    """
    home.data.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home.data / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
            raise LookbackError(
                f"another run is writing the warehouse ({holder or 'just started'})",
                remedy=f"wait for it to end; {home.published} can be read meanwhile",
            ) from None
        note = f"{doing}, process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, note.encode(), 0)
        require_closed(home, may_be_damaged=may_be_damaged)
        yield
    finally:
        os.close(descriptor)


def require_closed(home: Home, *, may_be_damaged: bool = False) -> None:
    """Raises LookbackError where some other program has the warehouse itself open."""
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
                remedy=_way_back(home),
            ) from error
        raise LookbackError(
            f"{home.warehouse} is open in another program",
            remedy=f"close it there and run again; to look at data, open {home.published}",
        ) from error


def _way_back(home: Home) -> str:
    """What to do about a damaged warehouse."""
    if home.published.exists():
        return (
            "if the file is damaged, run `lookback restore`: it starts from the published file, "
            "which holds the records, too, and keeps the damaged one"
        )
    return (
        "if the file is damaged, run `lookback restore FILE` with a file of `lookback backup`; "
        "without one, move it away and sync again"
    )
