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
def run_lock(home: Home, doing: str) -> Iterator[None]:
    """Hold `data/.lock` while a run writes. Raises LookbackError where another run holds it."""
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
        require_closed(home)
        yield
    finally:
        os.close(descriptor)


def require_closed(home: Home) -> None:
    """Raises LookbackError where some other program has the warehouse itself open."""
    if not home.warehouse.exists():
        return
    import duckdb

    try:
        duckdb.connect(str(home.warehouse)).close()
    except duckdb.IOException as error:
        if "lock" not in str(error).lower():
            raise LookbackError(
                f"{home.warehouse} cannot be opened: {str(error).splitlines()[0]}",
                remedy="if the file is damaged, move it away and sync again",
            ) from error
        raise LookbackError(
            f"{home.warehouse} is open in another program",
            remedy=f"close it there and run again; to look at data, open {home.published}",
        ) from error
